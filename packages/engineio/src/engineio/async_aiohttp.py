"""The older name of the module ``async_drivers.aiohttp``."""

from __future__ import annotations

import sys

from .async_drivers import aiohttp

sys.modules[__name__] = aiohttp
