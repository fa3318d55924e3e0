from __future__ import annotations

from dataclasses import fields
from inspect import iscoroutinefunction, signature
from typing import TYPE_CHECKING, Any

import pytest

from engineio._core.layer import ClientLayer, Layer
from engineio._core.session import Session

if TYPE_CHECKING:
    from engineio._core.layer import Pending


def test_a_layer_is_the_functions_it_was_given() -> None:
    calls: list[tuple[Any, ...]] = []

    def received(session: Session, data: str | bytes) -> Pending:
        calls.append((session, data))
        return None

    def closed(session: Session, reason: str) -> Pending:
        calls.append((session, reason))
        return None

    session = Session("sid", "polling")
    layer = Layer(lambda *args: calls.append(args), received, closed)

    layer.opened(session, {"PATH_INFO": "/"})
    assert layer.received(session, "2[]") is None
    assert layer.closed(session, "client disconnect") is None
    layer.upgraded(session)  # need not be given

    assert calls == [
        (session, {"PATH_INFO": "/"}),
        (session, "2[]"),
        (session, "client disconnect"),
    ]


def test_a_layer_has_no_other_attributes() -> None:
    layer: Any = Layer(lambda *_: None, lambda *_: None, lambda *_: None)

    names = [field.name for field in fields(Layer)]
    assert names == ["opened", "received", "closed", "upgraded", "handlers"]
    assert layer.handlers == {}
    with pytest.raises(AttributeError):
        layer.recieved = None


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("opened", ["self"]), ("received", ["self", "data"]), ("closed", ["self", "reason"])],
)
def test_the_layer_of_a_client_has_no_colour(name: str, parameters: list[str]) -> None:
    method = getattr(ClientLayer, name)

    assert list(signature(method).parameters) == parameters
    assert not iscoroutinefunction(method)
