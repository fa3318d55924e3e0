"""The older name of the module ``async_server``."""

from __future__ import annotations

import sys

from . import async_server
from .async_server import AsyncServer as AsyncServer

sys.modules[__name__] = async_server
