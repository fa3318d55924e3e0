"""The types that the public API of this package is written in."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

JSON: TypeAlias = Any
"""Whatever the configured JSON codec can write: ``None``, numbers, strings, lists, dicts."""

Data: TypeAlias = "str | bytes | bytearray | list[Any] | dict[str, Any] | JSON"
"""What ``send()`` takes.  Text and JSON travel as text, bytes as binary."""

Environ: TypeAlias = dict[str, Any]
"""A WSGI environment (PEP 3333), or the same keys built from an asyncio framework's request."""


class JSONModule(Protocol):
    """The ``json=`` option: a module or object with the two functions of the standard ``json``."""

    def dumps(self, obj: Any, /, *, separators: tuple[str, str] = ...) -> str: ...

    def loads(self, text: str, /) -> Any: ...


class LoggerLike(Protocol):
    """The ``logger=`` option, where it is not a bool: what logs like ``logging.Logger``."""

    def debug(self, msg: str, /, *args: Any) -> None: ...

    def info(self, msg: str, /, *args: Any) -> None: ...

    def warning(self, msg: str, /, *args: Any) -> None: ...

    def error(self, msg: str, /, *args: Any, **kwargs: Any) -> None: ...

    def exception(self, msg: str, /, *args: Any) -> None: ...

    def isEnabledFor(self, level: int, /) -> bool: ...
