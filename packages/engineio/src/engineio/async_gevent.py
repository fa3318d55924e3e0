"""The older name of the module ``async_drivers.gevent``."""

from __future__ import annotations

import sys

from .async_drivers import gevent

sys.modules[__name__] = gevent
