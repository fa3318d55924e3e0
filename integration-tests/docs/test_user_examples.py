"""The first examples of the user documents, the latency example, logs, and what to install.

user_documents.md says which blocks of which document each test stands for.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import textwrap
from importlib.metadata import metadata, version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from docs.programs import free_port
from docs.user_documents.parts import ASYNC, PORT, SERVER, SYNC, UWSGI, WAYS, program, stop, visit
from docs.user_documents.visits import SOON, TRANSPORTS, VISIT, fetch, visiting

import socketio

if TYPE_CHECKING:
    from collections.abc import Callable

    from docs.programs import Program

FIRST = {
    "engineio-eventlet": """
        import engineio
        import eventlet

        eio = engineio.Server()
        app = engineio.WSGIApp(eio, static_files={
            "/": {"content_type": "text/html", "filename": "index.html"},
            "/index.html": {"content_type": "text/html", "filename": "index.html"},
        })

        @eio.on("connect")
        def connect(sid, environ):
            print("connect ", sid)

        @eio.on("message")
        def message(sid, data):
            print("message ", data)
            eio.send(sid, "reply")

        @eio.on("disconnect")
        def disconnect(sid):
            print("disconnect ", sid)

        if __name__ == "__main__":
            eventlet.wsgi.server(eventlet.listen(("", 8000)), app)
        """,
    "engineio-uvicorn": """
        import engineio
        import uvicorn

        eio = engineio.AsyncServer()
        app = engineio.ASGIApp(eio, static_files={
            "/": {"content_type": "text/html", "filename": "index.html"},
            "/index.html": {"content_type": "text/html", "filename": "index.html"},
        })

        @eio.on("connect")
        def connect(sid, environ):
            print("connect ", sid)

        @eio.on("message")
        async def message(sid, data):
            print("message ", data)
            await eio.send(sid, "reply")

        @eio.on("disconnect")
        def disconnect(sid):
            print("disconnect ", sid)

        if __name__ == "__main__":
            uvicorn.run(app, host="127.0.0.1", port=8000)
        """,
    "socketio-eventlet": """
        import eventlet
        import socketio

        sio = socketio.Server()
        app = socketio.WSGIApp(sio, static_files={
            "/": {"content_type": "text/html", "filename": "index.html"},
        })

        @sio.event
        def connect(sid, environ):
            print("connect ", sid)

        @sio.event
        def my_message(sid, data):
            print("message ", data)

        @sio.event
        def disconnect(sid):
            print("disconnect ", sid)

        if __name__ == "__main__":
            eventlet.wsgi.server(eventlet.listen(("", 8000)), app)
        """,
    "socketio-aiohttp": """
        from aiohttp import web
        import socketio

        sio = socketio.AsyncServer()
        app = web.Application()
        sio.attach(app)

        async def index(request):
            with open("index.html") as f:
                return web.Response(text=f.read(), content_type="text/html")

        @sio.event
        def connect(sid, environ):
            print("connect ", sid)

        @sio.event
        async def my_message(sid, data):
            print("message ", data)

        @sio.event
        def disconnect(sid):
            print("disconnect ", sid)

        app.router.add_static("/static", "static")
        app.router.add_get("/", index)

        if __name__ == "__main__":
            web.run_app(app, port=8000)
        """,
}


@pytest.mark.parametrize("example", FIRST)
async def test_a_first_example(
    example: str, serve: Callable[..., tuple[Program, str]], tmp_path: Path
) -> None:
    (tmp_path / "index.html").write_text("<h1>Hello</h1>")
    (tmp_path / "static").mkdir()

    running, url = serve(textwrap.dedent(FIRST[example]), "python -W ignore module.py")

    headers, page = await fetch(url)
    assert (headers["content-type"].partition(";")[0], page) == ("text/html", "<h1>Hello</h1>")
    for transports in TRANSPORTS:
        if example.startswith("engineio"):
            async with visiting(url, transports=transports) as visitor:
                await visitor.send("hi")
                assert await visitor.receive() == "reply"
                sid = visitor.sid
        else:
            async with socketio.AsyncSimpleClient() as client:
                await client.connect(url, transports=transports)
                await client.call("my_message", "hi", timeout=SOON)
                sid = client.sid
        await asyncio.to_thread(running.wait_for_text, f"disconnect  {sid}\n")
        assert f"connect  {sid}\n" in "".join(running.log)
    assert "message  hi\n" in "".join(running.log)
    stop(running)


LATENCY = {
    "engineio": """
        import engineio

        eio = engineio.Server(async_mode="gevent_uwsgi")
        app = engineio.WSGIApp(eio, static_files={"/": "latency.html"})

        @eio.on("message")
        def ping_from_client(sid, data):
            eio.send(sid, data)
        """,
    "socketio": """
        import socketio

        sio = socketio.Server(async_mode="gevent_uwsgi")
        app = socketio.WSGIApp(sio, static_files={"/": "latency.html"})

        @sio.event
        def ping_from_client(sid):
            sio.emit("pong_from_client", room=sid)
        """,
}


@pytest.mark.parametrize("package", SERVER)
async def test_the_latency_example(
    package: str, start: Callable[..., Program], tmp_path: Path
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    (tmp_path / "latency.py").write_text(textwrap.dedent(LATENCY[package]))
    shutil.copy(Path(__file__).parent / "user_documents" / "latency.html", tmp_path)
    command = UWSGI.replace("module.py", "latency.py").replace(PORT, str(port))

    running = start(command, port)

    headers, page = await fetch(url)
    assert headers["content-type"] == "text/html"
    assert "ping_from_client" in page
    if package == "engineio":
        await VISIT[package](url, TRANSPORTS[-1])
    else:
        async with socketio.AsyncSimpleClient() as visitor:
            await visitor.connect(url)
            await visitor.emit("ping_from_client")
            assert await visitor.receive(timeout=SOON) == ["pong_from_client"]
            assert visitor.transport == "websocket"
    stop(running, signal.SIGINT)


# logs, and what is to be installed

LOGGED = {
    "engineio": (", logger=True", ["Sending packet MESSAGE"]),
    "socketio": (
        ", logger=True, engineio_logger=True",
        ["Sending packet MESSAGE", "received event", "emitting event"],
    ),
}


@pytest.mark.parametrize("package", SERVER)
@pytest.mark.parametrize("is_async", [False, True], ids=["threads", "asyncio"])
@pytest.mark.parametrize("wanted", [True, False], ids=["wanted", "not wanted"])
async def test_logs(
    package: str, is_async: bool, wanted: bool, serve: Callable[..., tuple[Program, str]]
) -> None:
    logger, texts = LOGGED[package]
    mode = 'async_mode="asgi"' if is_async else 'async_mode="threading"'
    wrapper = f"{package}.{'ASGIApp' if is_async else 'WSGIApp'}"
    text = program(
        (ASYNC if is_async else SYNC)[package],
        f"app = {wrapper}({SERVER[package]})",
        options=mode + (logger if wanted else ""),
    )
    command = WAYS["gunicorn-threads"].command
    if is_async:
        command = "uvicorn module:app --port 8000"

    running, url = serve(text, command)
    await visit(package, url)
    stop(running)

    log = "".join(running.log)
    assert [said in log for said in texts] == [wanted] * len(texts), log


@pytest.mark.parametrize("package", ["python-engineio", "python-socketio"])
def test_what_is_to_be_installed(package: str) -> None:
    """What the documents give to pip; that our wheels install is tested elsewhere."""
    extras = {extra.replace("-", "_") for extra in metadata(package).get_all("Provides-Extra", [])}

    assert {"client", "asyncio_client"} <= extras
    assert all(version(name) for name in ("redis", "kombu", "kafka-python", "aio-pika"))
