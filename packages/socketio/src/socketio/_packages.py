"""The packages that talk to brokers: loaded when the first manager needs them."""

from __future__ import annotations

import logging
import socket
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TALKATIVE = {"aio_pika": ("aiormq",), "kafka": ("kafka",)}
"""Loggers that write a line, or many, for each attempt to reach a broker that is away."""

GREEN_MODES = ("eventlet", "gevent", "gevent_uwsgi")


def load_package(module: str, manager: object, package: str, extra: str) -> Any:
    """Return a module; ``RuntimeError`` if it is missing, with the command that installs it.

    Of what happens to its connections the manager tells, once; the package itself is silenced
    unless the application has set the level of its logger.
    """
    for name in TALKATIVE.get(module, ()):
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.CRITICAL)
    try:
        return import_module(module)
    except ImportError as error:
        raise RuntimeError(
            f"{type(manager).__name__} needs the package {package}: "
            f'pip install "python-socketio[{extra}]"'
        ) from error


def check_patched(server: Any, package: str) -> None:
    """``RuntimeError`` if waiting for ``package`` would stop all greenlets of a server."""
    if getattr(server, "async_mode", None) in GREEN_MODES and socket.socket.__module__ == "socket":
        raise RuntimeError(
            f"{package} requires a monkey patched socket library to work with {server.async_mode}"
        )


def names_of_package(module: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a module that has names for what is in a package.

    :param names: name to module, or ``module:attribute``.

    The package is imported when it is asked for; without it the names are ``None``.
    """

    def look_up(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        where, _, attribute = names[name].partition(":")
        try:
            found = import_module(where)
        except ImportError:
            return None
        return getattr(found, attribute) if attribute else found

    return look_up
