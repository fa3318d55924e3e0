"""Which framework serves a server: detected, asked for, or taken by what wraps it."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import aiohttp.web
import pytest
import sanic

import engineio

sanic.Sanic.test_mode = True


def run(code: str, *missing: str) -> str:
    """Run code in a Python of its own, where some packages are missing; return what it prints."""
    block = f"import sys; sys.modules.update(dict.fromkeys({missing!r}));"
    result = subprocess.run(
        [sys.executable, "-c", f"{block}import engineio;{code}"],
        capture_output=True,
        text=True,
        timeout=30,
    )
    return result.stdout.strip() or result.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("missing", "mode"),
    [
        ((), "aiohttp"),
        (("aiohttp",), "sanic"),
        (("aiohttp", "sanic"), "tornado"),
        (("aiohttp", "sanic", "tornado"), "asgi"),
    ],
    ids=str,
)
def test_the_first_framework_that_is_installed_is_detected(
    missing: tuple[str, ...], mode: str
) -> None:
    assert run("print(engineio.AsyncServer().async_mode)", *missing) == mode


@pytest.mark.parametrize(
    ("missing", "mode"),
    [
        ((), "eventlet"),
        (("eventlet",), "gevent_uwsgi"),
        (("eventlet", "uwsgi"), "gevent"),
        (("eventlet", "gevent"), "threading"),
        (("eventlet", "uwsgi", "gevent"), "threading"),
    ],
    ids=str,
)
def test_the_first_model_of_concurrency_that_is_there_is_detected(
    missing: tuple[str, ...], mode: str
) -> None:
    within_uwsgi = "import types; sys.modules.setdefault('uwsgi', types.ModuleType('uwsgi'));"

    assert run(within_uwsgi + "print(engineio.Server().async_mode)", *missing) == mode


@pytest.mark.parametrize(
    ("server", "package", "mode"),
    [("AsyncServer", "aiohttp", "sanic"), ("Server", "eventlet", "gevent")],
)
def test_a_package_that_is_broken_is_passed_over(server: str, package: str, mode: str) -> None:
    broken = f"import types; sys.modules[{package!r}] = types.ModuleType({package!r});"

    assert run(f"{broken}print(engineio.{server}().async_mode)") == mode


@pytest.mark.parametrize(
    ("server", "mode", "package"),
    [
        ("AsyncServer", "aiohttp", "aiohttp"),
        ("AsyncServer", "sanic", "sanic"),
        ("AsyncServer", "tornado", "tornado"),
        ("Server", "eventlet", "eventlet"),
        ("Server", "gevent", "gevent"),
        ("Server", "gevent_uwsgi", "gevent"),
    ],
)
def test_the_error_names_what_to_install(server: str, mode: str, package: str) -> None:
    error = run(f"engineio.{server}(async_mode={mode!r})", package)

    assert error.startswith("ValueError: Invalid async_mode specified")
    assert f"pip install {package}" in error


def test_uwsgi_can_only_be_asked_for_within_it() -> None:
    with pytest.raises(ValueError, match="gevent_uwsgi cannot be imported"):
        engineio.Server(async_mode="gevent_uwsgi")


def test_without_tornado_its_handler_cannot_be_made() -> None:
    error = run("engineio.get_tornado_handler(engineio.AsyncServer())", "tornado")

    assert error.startswith("ModuleNotFoundError")
    assert "pip install tornado" in error


@pytest.mark.parametrize("mode", ["aiohttp", "sanic", "tornado", "asgi"])
def test_a_mode_can_be_asked_for(mode: str) -> None:
    assert engineio.AsyncServer(async_mode=mode).async_mode == mode


@pytest.mark.parametrize("mode", ["eventlet", "gevent", "threading"])
def test_a_model_of_concurrency_can_be_asked_for(mode: str) -> None:
    assert run(f"print(engineio.Server(async_mode={mode!r}).async_mode)") == mode


@pytest.mark.parametrize("mode", ["nonsense", "aiohttp", "asgi", ""])
def test_there_is_no_other_model_of_concurrency(mode: str) -> None:
    with pytest.raises(ValueError, match="use one of eventlet, gevent_uwsgi, gevent, threading"):
        engineio.Server(async_mode=mode)


@pytest.mark.parametrize("mode", ["nonsense", "threading", ""])
def test_there_is_no_other_mode(mode: str) -> None:
    with pytest.raises(ValueError, match="use one of aiohttp, sanic, tornado, asgi"):
        engineio.AsyncServer(async_mode=mode)


def wrap(eio: engineio.AsyncServer) -> None:
    engineio.ASGIApp(eio)


def attach_to_aiohttp(eio: engineio.AsyncServer) -> None:
    eio.attach(aiohttp.web.Application())


def attach_to_sanic(eio: engineio.AsyncServer) -> None:
    class Application(sanic.Sanic[Any, Any]):
        """Of the user's own."""

    eio.attach(Application(f"application_{id(eio)}", configure_logging=False))


def make_handler(eio: engineio.AsyncServer) -> None:
    engineio.get_tornado_handler(eio)


USES = {
    "asgi": wrap,
    "aiohttp": attach_to_aiohttp,
    "sanic": attach_to_sanic,
    "tornado": make_handler,
}


@pytest.mark.parametrize("mode", USES)
def test_a_detected_mode_gives_way_to_what_the_server_is_used_with(mode: str) -> None:
    eio = engineio.AsyncServer()

    USES[mode](eio)

    assert eio.async_mode == mode


@pytest.mark.parametrize("mode", USES)
def test_a_mode_that_was_asked_for_does_not(mode: str) -> None:
    other = "tornado" if mode == "asgi" else "asgi"
    eio = engineio.AsyncServer(async_mode=other)

    with pytest.raises(ValueError, match=f"async_mode='{other}'.*async_mode='{mode}'"):
        USES[mode](eio)


def test_nor_does_one_that_is_in_use() -> None:
    eio = engineio.AsyncServer()
    attach_to_aiohttp(eio)

    with pytest.raises(ValueError, match="async_mode='aiohttp'"):
        wrap(eio)


@pytest.mark.parametrize("mode", ["asgi", "tornado"])
def test_an_application_of_another_framework_is_not_attached_to(mode: str) -> None:
    with pytest.raises(RuntimeError, match="attach"):
        engineio.AsyncServer(async_mode=mode).attach(object())


@pytest.mark.parametrize(
    ("path", "route"),
    [("engine.io", "/engine.io/"), ("/a/b/", "/a/b/"), ("", "/")],
)
def test_the_path_of_the_endpoint_ends_in_a_slash(path: str, route: str) -> None:
    app = aiohttp.web.Application()

    engineio.AsyncServer().attach(app, path)

    (resource,) = app.router.resources()
    assert resource.canonical == route
