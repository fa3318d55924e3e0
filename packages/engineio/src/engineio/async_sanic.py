"""The older name of the module ``async_drivers.sanic``."""

from __future__ import annotations

import sys

from .async_drivers import sanic

sys.modules[__name__] = sanic
