"""The older name of the module ``async_redis_manager``."""

from __future__ import annotations

import sys

from . import async_redis_manager
from .async_redis_manager import AsyncRedisManager as AsyncRedisManager

sys.modules[__name__] = async_redis_manager
