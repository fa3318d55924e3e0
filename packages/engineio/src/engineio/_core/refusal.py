"""What an application answers that refuses a connection."""

from __future__ import annotations

from typing import Any


class Refusal:
    """The application refuses a connection; ``value`` is the JSON body of the 401."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value: Any = value
