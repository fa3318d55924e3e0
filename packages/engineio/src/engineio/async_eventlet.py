"""The older name of the module ``async_drivers.eventlet``."""

from __future__ import annotations

import sys

from .async_drivers import eventlet

sys.modules[__name__] = eventlet
