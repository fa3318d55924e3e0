"""The older name of the module ``async_aiopika_manager``."""

from __future__ import annotations

import sys

from . import async_aiopika_manager
from .async_aiopika_manager import AsyncAioPikaManager as AsyncAioPikaManager

sys.modules[__name__] = async_aiopika_manager
