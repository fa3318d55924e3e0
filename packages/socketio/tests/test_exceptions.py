from __future__ import annotations

import builtins
from typing import Any

import pytest

from socketio import exceptions
from socketio.exceptions import (
    BadNamespaceError,
    ConnectionError,
    ConnectionRefusedError,
    DisconnectedError,
    SocketIOError,
    TimeoutError,
)


@pytest.mark.parametrize(
    ("args", "answer"),
    [
        ((), {"message": "Connection rejected by server"}),
        (("no",), {"message": "no"}),
        ((404,), {"message": "404"}),
        (("no", {"code": 1}), {"message": "no", "data": {"code": 1}}),
        (("no", None), {"message": "no", "data": None}),
        (("no", 1, "x"), {"message": "no", "data": (1, "x")}),
    ],
)
def test_a_refusal_carries_a_message_and_data(args: tuple[Any, ...], answer: Any) -> None:
    refusal = ConnectionRefusedError(*args)

    assert refusal.error_args == answer
    assert refusal.args == args


@pytest.mark.parametrize(
    ("error", "base"),
    [
        (ConnectionError, SocketIOError),
        (ConnectionRefusedError, ConnectionError),
        (TimeoutError, SocketIOError),
        (BadNamespaceError, SocketIOError),
        (DisconnectedError, SocketIOError),
    ],
)
def test_every_error_is_one_of_ours(error: type[Exception], base: type[Exception]) -> None:
    assert issubclass(error, base)


@pytest.mark.parametrize("name", ["ConnectionError", "ConnectionRefusedError", "TimeoutError"])
def test_they_have_only_the_names_of_builtins(name: str) -> None:
    assert not issubclass(getattr(exceptions, name), getattr(builtins, name))
