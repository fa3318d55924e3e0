"""The ``logger`` option of servers and clients."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..typing import LoggerLike


LOGGED_DATA = 200
"""Characters of a packet that are logged."""


def make_logger(default: logging.Logger, logger: bool | LoggerLike) -> LoggerLike:
    """Return the logger that the ``logger`` option stands for.

    ``True`` or ``False`` is the package's own logger: unless the application has set its level,
    the level becomes INFO or ERROR and, where no handler would show it, a handler for stderr is
    added.
    """
    if not isinstance(logger, bool):
        return logger
    if default.level == logging.NOTSET:
        default.setLevel(logging.INFO if logger else logging.ERROR)
        if not default.hasHandlers():
            default.addHandler(logging.StreamHandler())
    return default


def one_line(text: str) -> str:
    """Return text of a client in a form in which it cannot forge lines of a log.

    What cannot be printed is escaped as in ``repr()``; printable text stays as it is, so that it
    can be searched for.
    """
    return text if text.isprintable() else repr(text)[1:-1]
