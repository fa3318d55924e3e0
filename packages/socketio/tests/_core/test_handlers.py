from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import pytest

from socketio._core.handlers import RESERVED, Shape, describe, fit, resolve, wants_less

NAMESPACES = ("/chat", "*")
EVENTS = ("news", "*", "connect", "disconnect")


def handler_of(namespace: str, event: str) -> Any:
    def handler() -> None: ...

    handler.__name__ = f"{event} in {namespace}"
    return handler


HANDLERS = {
    namespace: {event: handler_of(namespace, event) for event in EVENTS} for namespace in NAMESPACES
}


def only(*keys: tuple[str, str]) -> dict[str, dict[str, Any]]:
    """Return the handlers of these namespaces and events."""
    chosen: dict[str, dict[str, Any]] = {}
    for namespace, event in keys:
        chosen.setdefault(namespace, {})[event] = HANDLERS[namespace][event]
    return chosen


# resolve


@pytest.mark.parametrize(
    ("registered", "event", "names"),
    [
        (("/chat", "news"), "news", ()),
        (("/chat", "*"), "news", ("news",)),
        (("*", "news"), "news", ("/chat",)),
        (("*", "*"), "news", ("news", "/chat")),
        (("/chat", "connect"), "connect", ()),
        (("/chat", "disconnect"), "disconnect", ()),
        (("*", "connect"), "connect", ("/chat",)),
        (("*", "disconnect"), "disconnect", ("/chat",)),
    ],
)
def test_a_handler_is_called_with_what_its_registration_left_open(
    registered: tuple[str, str], event: str, names: tuple[str, ...]
) -> None:
    namespace, key = registered

    assert resolve(only(registered), "/chat", event) == (HANDLERS[namespace][key], names)


@pytest.mark.parametrize("count", range(4))
def test_the_more_exact_registration_wins(count: int) -> None:
    order = [("/chat", "news"), ("/chat", "*"), ("*", "news"), ("*", "*")]
    namespace, event = order[count]

    found = resolve(only(*reversed(order[count:])), "/chat", "news")

    assert found is not None
    assert found[0] is HANDLERS[namespace][event]


@pytest.mark.parametrize(
    ("registered", "names"), [(("/chat", "*"), ("*",)), (("*", "*"), ("*", "/chat"))]
)
def test_an_event_that_a_peer_names_like_the_catch_all_is_one_of_many(
    registered: tuple[str, str], names: tuple[str, ...]
) -> None:
    found = resolve(only(registered), "/chat", "*")

    assert found == (HANDLERS[registered[0]]["*"], names)


@pytest.mark.parametrize("event", RESERVED)
@pytest.mark.parametrize("namespace", NAMESPACES)
def test_no_catch_all_sees_a_reserved_event(namespace: str, event: str) -> None:
    assert resolve(only((namespace, "*")), "/chat", event) is None


def test_a_client_has_reserved_events_of_its_own() -> None:
    assert resolve(only(("/chat", "*")), "/chat", "connect", reserved=()) is not None
    assert resolve(only(("/chat", "*")), "/chat", "news", reserved=("news",)) is None
    assert resolve(only(("*", "*")), "/chat", "news", reserved=("news",)) is None


@pytest.mark.parametrize(
    "handlers", [{}, {"/chat": {}}, {"*": {}}, {"/other": {"news": print}}, only(("/chat", "news"))]
)
def test_what_nobody_handles_has_no_handler(handlers: dict[str, dict[str, Any]]) -> None:
    assert resolve(handlers, "/chat", "unknown") is None


def test_handlers_that_are_replaced_or_deleted_are_not_remembered() -> None:
    handlers = only(("/chat", "news"))
    resolve(handlers, "/chat", "news")

    handlers["/chat"]["news"] = print
    assert resolve(handlers, "/chat", "news") == (print, ())
    del handlers["/chat"]["news"]

    assert resolve(handlers, "/chat", "news") is None


# describe


def none() -> None: ...
def one(sid: str) -> None: ...
def two(sid: str, environ: Any) -> None: ...
def optional(sid: str, data: Any, extra: Any = None) -> None: ...
def many(*args: Any) -> None: ...
def at_least_one(sid: str, *args: Any) -> None: ...
def positional(sid: str, data: Any, /) -> None: ...
def keyword(sid: str, *, reason: str = "") -> None: ...
def named(**kwargs: Any) -> None: ...
async def coroutine(sid: str, data: Any) -> None: ...


class Handler:
    def method(self, sid: str) -> None: ...

    async def coroutine_method(self, sid: str, data: Any) -> None: ...

    @classmethod
    def of_class(cls, sid: str) -> None: ...

    @staticmethod
    def of_nobody(sid: str) -> None: ...

    def __call__(self, sid: str, reason: str) -> None: ...


class CoroutineHandler:
    def __init__(self, sid: str = "") -> None: ...

    async def __call__(self, sid: str, data: Any) -> None: ...


@dataclass
class UnhashableHandler:
    name: str = "x"

    def __call__(self, sid: str) -> None: ...


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (none, Shape(False, 0, 0)),
        (one, Shape(False, 1, 1)),
        (two, Shape(False, 2, 2)),
        (optional, Shape(False, 2, 3)),
        (many, Shape(False, 0, None)),
        (at_least_one, Shape(False, 1, None)),
        (positional, Shape(False, 2, 2)),
        (keyword, Shape(False, 1, 1)),
        (named, Shape(False, 0, 0)),
        (coroutine, Shape(True, 2, 2)),
        (lambda sid, data=None: None, Shape(False, 1, 2)),
        (Handler().method, Shape(False, 1, 1)),
        (Handler().coroutine_method, Shape(True, 2, 2)),
        (Handler.of_class, Shape(False, 1, 1)),
        (Handler.of_nobody, Shape(False, 1, 1)),
        (Handler(), Shape(False, 2, 2)),
        (CoroutineHandler(), Shape(True, 2, 2)),
        (CoroutineHandler, Shape(False, 0, 1)),
        (UnhashableHandler(), Shape(False, 1, 1)),
        (functools.partial(two, "sid"), Shape(False, 1, 1)),
        (functools.partial(coroutine, "sid"), Shape(True, 1, 1)),
    ],
)
def test_the_signature_says_how_a_handler_is_called(function: Any, shape: Shape) -> None:
    assert describe(function) == shape


def test_a_handler_without_a_readable_signature_takes_anything() -> None:
    assert describe(min) == Shape(False, 0, None)


def test_a_signature_is_read_once() -> None:
    assert describe(one) is describe(one)
    assert describe(Handler.of_class) is describe(Handler.of_class)


@pytest.mark.parametrize(
    ("shape", "counts"),
    [
        (Shape(False, 0, 0), [0]),
        (Shape(False, 1, 3), [1, 2, 3]),
        (Shape(False, 2, None), [2, 3, 4]),
    ],
)
def test_a_shape_knows_the_numbers_of_arguments(shape: Shape, counts: list[int]) -> None:
    assert [count for count in range(5) if shape.takes(count)] == counts


def passing_on(function: Any) -> Any:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def checking_auth(function: Any) -> Any:
    @functools.wraps(function)
    def wrapper(sid: str, environ: Any, auth: Any) -> Any:
        return function(sid)

    return wrapper


class Decorated:
    @passing_on
    def method(self, sid: str, environ: Any) -> None: ...


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (passing_on(one), 1),
        (passing_on(passing_on(two)), 2),
        (checking_auth(one), 3),
        (passing_on(checking_auth(one)), 3),
        (checking_auth(passing_on(one)), 3),
        (Decorated().method, 2),
        (functools.update_wrapper(functools.partial(two, "sid"), two), 1),
    ],
)
def test_a_wrapper_means_the_parameters_that_it_names(function: Any, arguments: int) -> None:
    assert describe(function) == Shape(False, arguments, arguments)


def taking_the_sid(function: Any) -> Any:
    @functools.wraps(function)
    def wrapper(sid: str, *args: Any) -> Any:
        return function(*args)

    return wrapper


def passing_the_sid(function: Any) -> Any:
    @functools.wraps(function)
    def wrapper(sid: str, *args: Any) -> Any:
        return function(sid, *args)

    return wrapper


def with_sid(sid: str, reason: str) -> str:
    return reason


def without_sid(reason: str) -> str:
    return reason


def older() -> str:
    return "older"


def failing(*args: Any) -> None:
    raise TypeError("on purpose")


def test_a_wrapper_may_name_what_it_passes_on() -> None:
    assert describe(passing_the_sid(with_sid)) == Shape(False, 2, 2)
    assert describe(passing_the_sid(one)) == Shape(False, 1, 1)


def test_nobody_knows_what_a_wrapper_passes_on_that_names_something_else() -> None:
    assert describe(taking_the_sid(without_sid)) == Shape(False, 1, None)
    assert describe(taking_the_sid(older)) == Shape(False, 1, None)


# wants_less


def error_of(function: Any) -> TypeError:
    with pytest.raises(TypeError) as raised:
        function("sid", "reason")
    return raised.value


def test_a_wrapped_handler_wants_less_if_it_was_not_even_called() -> None:
    handler = taking_the_sid(older)

    assert wants_less(handler, "disconnect", error_of(handler))
    assert not wants_less(handler, "news", error_of(handler))


def test_a_wrapped_handler_that_fails_by_itself_is_not_called_again() -> None:
    handler = taking_the_sid(failing)

    assert not wants_less(handler, "disconnect", error_of(handler))


def test_only_a_wrapper_that_takes_anything_is_called_again() -> None:
    assert not wants_less(many, "disconnect", TypeError())
    assert not wants_less(passing_on(two), "disconnect", TypeError())


# fit


@pytest.mark.parametrize(
    ("function", "event", "args", "fitting"),
    [
        (lambda sid, environ, auth: None, "connect", (1, 2, 3), (1, 2, 3)),
        (lambda sid, environ, auth=None: None, "connect", (1, 2, 3), (1, 2, 3)),
        (two, "connect", (1, 2, 3), (1, 2)),
        (many, "connect", (1, 2, 3), (1, 2, 3)),
        (two, "disconnect", (1, 2), (1, 2)),
        (one, "disconnect", (1, 2), (1,)),
        (none, "disconnect", (1,), ()),
        (one, "disconnect", (), ()),
        (min, "disconnect", (1, 2), (1, 2)),
        (one, "news", (1, 2), (1, 2)),
        (none, "news", (1,), (1,)),
    ],
)
def test_older_handlers_are_spared_the_last_argument(
    function: Any, event: str, args: tuple[Any, ...], fitting: tuple[Any, ...]
) -> None:
    assert fit(function, event, args) == fitting
