"""The packages that talk to brokers: loaded when the first manager needs them."""

from __future__ import annotations

import socket
from importlib import import_module
from typing import Any

GREEN_MODES = ("eventlet", "gevent", "gevent_uwsgi")


def load_package(module: str, manager: object, package: str, extra: str) -> Any:
    """Return a module; ``RuntimeError`` if it is missing, with the command that installs it."""
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
