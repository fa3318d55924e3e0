"""The older name of the module ``async_pubsub_manager``."""

from __future__ import annotations

import sys

from . import async_pubsub_manager
from .async_pubsub_manager import AsyncPubSubManager as AsyncPubSubManager

sys.modules[__name__] = async_pubsub_manager
