"""The ways to deploy that the user documents of both packages give, each as a user types it.

A program is put together from a server, what wraps it, and what runs that; user_documents.md says
which blocks of which document it stands for.
"""

from __future__ import annotations

import signal
import textwrap
from typing import TYPE_CHECKING

import pytest
from docs.user_documents.parts import ASYNC, SERVER, SYNC, WAYS, program, stop, visit
from docs.user_documents.visits import fetch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from docs.programs import Program

WRAPPERS = ["engineio.Middleware", "engineio.WSGIApp", "socketio.WSGIApp"]
SYNC_DEPLOYMENTS = [f"{way}-{wrapper}" for way in WAYS for wrapper in WRAPPERS]

FLASK = """
    from flask import Flask

    app = Flask(__name__)
    app.wsgi_app = {wrapper}({server}, app.wsgi_app)

    @app.route("/")
    def index():
        return "This is Flask"

    if __name__ == "__main__":
        app.run(port=8000{threaded})
    """


# threads and greenlets


@pytest.mark.parametrize("deployment", SYNC_DEPLOYMENTS)
async def test_sync_deployment(deployment: str, serve: Callable[..., tuple[Program, str]]) -> None:
    name, _, wrapper = deployment.rpartition("-")
    package, way = wrapper.partition(".")[0], WAYS[name]
    text = program(
        SYNC[package],
        f"app = {wrapper}({SERVER[package]})",
        way.run,
        options=f"async_mode={way.mode!r}",
    )

    running, url = serve(text, way.command)

    await visit(package, url)
    stop(running, way.stop)


@pytest.mark.parametrize("wrapper", WRAPPERS)
async def test_flask(wrapper: str, serve: Callable[..., tuple[Program, str]]) -> None:
    package = wrapper.partition(".")[0]
    threaded = ", threaded=True" if wrapper == "engineio.Middleware" else ""
    flask = FLASK.format(wrapper=wrapper, server=SERVER[package], threaded=threaded)

    running, url = serve(program(SYNC[package], flask, options='async_mode="threading"'))

    await visit(package, url)
    assert (await fetch(url))[1] == "This is Flask"
    stop(running)


DETECTED = [
    ("eventlet", "eventlet", []),
    ("uwsgi", "gevent_uwsgi", ["eventlet"]),
    ("pywsgi", "gevent", ["eventlet"]),
    ("gunicorn-threads", "threading", ["eventlet", "gevent"]),
]


@pytest.mark.parametrize("package", SERVER)
@pytest.mark.parametrize(("name", "mode", "missing"), DETECTED, ids=[each[1] for each in DETECTED])
async def test_a_mode_that_is_detected(
    package: str,
    name: str,
    mode: str,
    missing: list[str],
    serve: Callable[..., tuple[Program, str]],
) -> None:
    server, way = SERVER[package], WAYS[name]
    hidden = f"import sys; sys.modules.update(dict.fromkeys({missing}))\n" if missing else ""
    text = program(SYNC[package], f"app = {package}.WSGIApp({server})", way.run)
    said = f'print("mode:", {server}.async_mode, flush=True)\napp ='

    running, url = serve(hidden + text.replace("app =", said, 1), way.command)

    await visit(package, url)
    stop(running, way.stop)
    assert f"mode: {mode}\n" in "".join(running.log)


WEB_FRAMEWORKS = {
    "flask": """
        from flask import Flask

        app = Flask(__name__)

        @app.route("/")
        def index():
            return "This is another application"
        """,
    "django": """
        from django.conf import settings
        from django.core.wsgi import get_wsgi_application
        from django.http import HttpResponse
        from django.urls import path

        urlpatterns = [path("", lambda request: HttpResponse("This is another application"))]
        settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"])
        app = get_wsgi_application()
        """,
}


@pytest.mark.parametrize("package", SERVER)
@pytest.mark.parametrize("framework", WEB_FRAMEWORKS)
async def test_in_front_of_a_wsgi_application(
    package: str, framework: str, serve: Callable[..., tuple[Program, str]], tmp_path: Path
) -> None:
    (tmp_path / "wsgi.py").write_text(textwrap.dedent(WEB_FRAMEWORKS[framework]))
    wrapped = f"from wsgi import app\napp = {package}.WSGIApp({SERVER[package]}, app)"

    running, url = serve(
        program(SYNC[package], wrapped, options='async_mode="threading"'),
        WAYS["gunicorn-threads"].command,
    )

    await visit(package, url)
    assert (await fetch(url))[1] == "This is another application"
    stop(running)


# asyncio

AIOHTTP = """
    from aiohttp import web

    async def index(request):
        return web.Response(text="This is aiohttp")

    app = web.Application()
    {server}.attach(app)
    app.router.add_get("/", index)

    if __name__ == "__main__":
        web.run_app(app, port=8000)
    """
TORNADO = """
    import tornado.ioloop
    import tornado.web

    class Index(tornado.web.RequestHandler):
        def get(self):
            self.write("This is tornado")

    port = 8000
    app = tornado.web.Application(
        [
            (r"/", Index),
            (r"/{path}/", {package}.get_tornado_handler({server})),
        ],
    )
    app.listen(port)
    tornado.ioloop.IOLoop.current().start()
    """
SANIC = """
    from sanic import Sanic
    from sanic.response import text

    app = Sanic("app")
    {server}.attach(app)

    @app.get("/")
    async def index(request):
        return text("This is sanic")

    if __name__ == "__main__":
        app.run(port=8000)
    """
FRAMEWORKS = {"aiohttp": AIOHTTP, "tornado": TORNADO, "sanic": SANIC}


def stop_sanic(running: Program) -> None:
    """Kill it: told to stop before it has noted that its workers run, it tries to for ever."""
    stop(running, signal.SIGKILL)


@pytest.mark.parametrize("package", SERVER)
@pytest.mark.parametrize("framework", FRAMEWORKS)
async def test_async_deployment(
    package: str, framework: str, serve: Callable[..., tuple[Program, str]]
) -> None:
    run = FRAMEWORKS[framework].format(
        package=package, server=SERVER[package], path=package.replace("io", ".io")
    )

    running, url = serve(program(ASYNC[package], run, options=f"async_mode={framework!r}"))

    await visit(package, url)
    assert (await fetch(url))[1] == f"This is {framework}"
    stop_sanic(running) if framework == "sanic" else stop(running)


SANIC_CORS = """
    app.config["CORS_SUPPORTS_CREDENTIALS"] = True

    @app.on_response
    async def allow(request, response):
        # what the extension for CORS does with that setting
        if request.app.config.CORS_SUPPORTS_CREDENTIALS and "origin" in request.headers:
            response.headers["Access-Control-Allow-Origin"] = request.headers["origin"]
            response.headers["Access-Control-Allow-Credentials"] = "true"
    """


@pytest.mark.parametrize("package", SERVER)
async def test_sanic_takes_care_of_cors(
    package: str, serve: Callable[..., tuple[Program, str]]
) -> None:
    run = SANIC.format(server=SERVER[package]).replace(
        "    @app.get", f"{SANIC_CORS.rstrip()}\n\n    @app.get"
    )
    options = 'async_mode="sanic", cors_allowed_origins=[]'
    origin = {"Origin": "https://elsewhere.example"}

    running, url = serve(program(ASYNC[package], run, options=options))

    path = package.replace("io", ".io")
    headers, body = await fetch(f"{url}/{path}/?EIO=4&transport=polling", origin)
    assert body.startswith("0{")
    assert headers["access-control-allow-origin"] == origin["Origin"]
    assert headers["access-control-allow-credentials"] == "true"
    await visit(package, url)
    stop_sanic(running)


@pytest.mark.parametrize("package", SERVER)
@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("uvicorn module:app --port 8000", ""),
        ("daphne module:app --port 8000", 'async_mode="asgi"'),
    ],
    ids=["uvicorn", "daphne"],
)
async def test_asgi(
    package: str, command: str, options: str, serve: Callable[..., tuple[Program, str]]
) -> None:
    text = program(ASYNC[package], f"app = {package}.ASGIApp({SERVER[package]})", options=options)

    running, url = serve(text, command)

    await visit(package, url)
    stop(running)


OTHER_APP = """
    async def other_app(scope, receive, send):
        assert scope["type"] == "http"
        body = b"This is another application"
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
    """


@pytest.mark.parametrize("package", SERVER)
async def test_in_front_of_an_asgi_application(
    package: str, serve: Callable[..., tuple[Program, str]]
) -> None:
    wrapped = f"app = {package}.ASGIApp({SERVER[package]}, other_app)"
    text = program(ASYNC[package], OTHER_APP, wrapped, options='async_mode="asgi"')

    running, url = serve(text, "uvicorn module:app --port 8000 --lifespan off")

    await visit(package, url)
    assert (await fetch(url))[1] == "This is another application"
    stop(running)
