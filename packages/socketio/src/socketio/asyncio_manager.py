"""The older name of the module ``async_manager``."""

from __future__ import annotations

import sys

from . import async_manager
from .async_manager import AsyncManager as AsyncManager

sys.modules[__name__] = async_manager
