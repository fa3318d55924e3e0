"""The older name of the module ``async_socket``."""

from __future__ import annotations

import sys

from . import async_socket
from .async_socket import AsyncSocket as AsyncSocket

sys.modules[__name__] = async_socket
