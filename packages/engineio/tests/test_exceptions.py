from __future__ import annotations

import builtins

import pytest

from engineio import exceptions
from engineio.exceptions import ConnectionError, EngineIOError, ProtocolError

NAMES = [
    "ConnectionError",
    "ContentTooLongError",
    "ProtocolError",
    "QueueEmpty",
    "SocketIsClosedError",
    "UnknownPacketError",
]


@pytest.mark.parametrize("name", NAMES)
def test_every_error_can_be_caught_by_its_base(name: str) -> None:
    with pytest.raises(EngineIOError):
        raise getattr(exceptions, name)("why")


def test_there_are_no_other_errors() -> None:
    errors = {
        name
        for name, value in vars(exceptions).items()
        if isinstance(value, type) and issubclass(value, Exception)
    }

    assert errors == {*NAMES, "EngineIOError"}


def test_a_connection_error_is_not_the_one_of_the_operating_system() -> None:
    assert not issubclass(ConnectionError, builtins.ConnectionError)


def test_a_connection_error_may_carry_the_body_of_the_refusal() -> None:
    error = ConnectionError("Unexpected status code 401 in server response", {"why": "no"})

    assert error.args == ("Unexpected status code 401 in server response", {"why": "no"})


def test_a_protocol_error_is_a_value_error_with_a_status() -> None:
    error = ProtocolError("message too large", 413)

    assert isinstance(error, ValueError)
    assert (str(error), error.args, error.status) == (
        "message too large",
        ("message too large",),
        413,
    )
    assert ProtocolError("bad").status == 400
