"""The older name of the module ``async_client``."""

from __future__ import annotations

import sys

from . import async_client
from .async_client import AsyncClient as AsyncClient

sys.modules[__name__] = async_client
