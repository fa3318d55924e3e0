"""The older name of the module ``async_namespace``."""

from __future__ import annotations

import sys

from . import async_namespace
from .async_namespace import AsyncClientNamespace as AsyncClientNamespace
from .async_namespace import AsyncNamespace as AsyncNamespace

sys.modules[__name__] = async_namespace
