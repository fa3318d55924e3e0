"""The older name of the module ``async_drivers.threading``."""

from __future__ import annotations

import sys

from .async_drivers import threading

sys.modules[__name__] = threading
