"""The older name of the module ``async_drivers.tornado``."""

from __future__ import annotations

import sys

from .async_drivers import tornado

sys.modules[__name__] = tornado
