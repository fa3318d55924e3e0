"""The older name of the module ``async_drivers.asgi``."""

from __future__ import annotations

import sys

from .async_drivers import asgi

sys.modules[__name__] = asgi
