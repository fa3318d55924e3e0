"""A Socket.IO server is served by whatever its Engine.IO server is served by."""

from __future__ import annotations

import subprocess
import sys

import aiohttp.web
import pytest
import tornado.websocket

import socketio


def test_a_detected_mode_gives_way_to_asgi() -> None:
    sio = socketio.AsyncServer()
    assert sio.async_mode == "aiohttp"

    socketio.ASGIApp(sio)

    assert (sio.async_mode, sio.eio.async_mode) == ("asgi", "asgi")


def test_a_detected_mode_gives_way_to_an_application() -> None:
    sio = socketio.AsyncServer()
    app = aiohttp.web.Application()

    sio.attach(app)

    (resource,) = app.router.resources()
    assert (sio.async_mode, resource.canonical) == ("aiohttp", "/socket.io/")


def test_a_detected_mode_gives_way_to_a_handler() -> None:
    sio = socketio.AsyncServer()

    handler = socketio.get_tornado_handler(sio)

    assert sio.async_mode == "tornado"
    assert issubclass(handler, tornado.websocket.WebSocketHandler)


def test_a_mode_that_was_asked_for_does_not() -> None:
    sio = socketio.AsyncServer(async_mode="tornado")

    with pytest.raises(ValueError, match="async_mode='asgi'"):
        socketio.ASGIApp(sio)


def test_without_tornado_its_handler_cannot_be_made() -> None:
    code = (
        "import sys; sys.modules['tornado'] = None; import socketio;"
        "socketio.get_tornado_handler(socketio.AsyncServer(async_mode='asgi'))"
    )

    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30
    )

    assert "pip install tornado" in result.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("missing", "mode"),
    [
        ((), "eventlet"),
        (("eventlet",), "gevent_uwsgi"),
        (("eventlet", "uwsgi"), "gevent"),
        (("eventlet", "uwsgi", "gevent"), "threading"),
    ],
    ids=str,
)
def test_the_first_model_of_concurrency_that_is_there_is_detected(
    missing: tuple[str, ...], mode: str
) -> None:
    code = (
        f"import sys, types; sys.modules.update(dict.fromkeys({missing!r}));"
        "sys.modules.setdefault('uwsgi', types.ModuleType('uwsgi'));"
        "import socketio; print(socketio.Server().async_mode)"
    )

    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30
    )

    assert (result.stdout.strip(), result.returncode) == (mode, 0), result.stderr


@pytest.mark.parametrize("mode", ["eventlet", "gevent", "threading"])
def test_a_model_of_concurrency_can_be_asked_for(mode: str) -> None:
    code = f"import socketio; print(socketio.Server(async_mode={mode!r}).async_mode)"

    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30
    )

    assert (result.stdout.strip(), result.returncode) == (mode, 0), result.stderr


@pytest.mark.parametrize("mode", ["nonsense", "aiohttp", "gevent_uwsgi", ""])
def test_there_is_no_other_model_of_concurrency(mode: str) -> None:
    with pytest.raises(ValueError, match="Invalid async_mode specified"):
        socketio.Server(async_mode=mode)
