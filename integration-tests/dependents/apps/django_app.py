"""Socket.IO in front of a Django project, one for each interface; ``python django_app.py PORT
MODE`` serves the WSGI one."""

from __future__ import annotations

import sys
from typing import Any

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.urls import path, reverse

import socketio

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="only for the tests",
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
)
django.setup()

async_sio = socketio.AsyncServer(async_mode="asgi")
sio: socketio.Server


async def announce_async(request: Any, text: str) -> JsonResponse:
    await async_sio.emit("announcement", text)
    return JsonResponse({"announced": text})


def announce(request: Any, text: str) -> JsonResponse:
    sio.emit("announcement", text)
    return JsonResponse({"announced": text})


@async_sio.on("ask")
async def answer_async(sid: str, question: str) -> dict[str, str]:
    return {"question": question, "url": reverse("announce", args=["x"])}


def answer(sid: str, question: str) -> dict[str, str]:
    return {"question": question, "url": reverse("announce", args=["x"])}


urlpatterns = [
    path("announce/<text>", announce, name="announce"),
    path("async/announce/<text>", announce_async),
]
app = socketio.ASGIApp(async_sio, get_asgi_application())


def serve(port: int, mode: str) -> None:
    global sio
    sio = socketio.Server(async_mode=mode)
    sio.on("ask", answer)
    application = socketio.WSGIApp(sio, get_wsgi_application())
    if mode == "gevent":
        from gevent.pywsgi import WSGIServer

        WSGIServer(("127.0.0.1", port), application).serve_forever()
    else:
        from werkzeug.serving import run_simple

        run_simple("127.0.0.1", port, application, threaded=True)


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2])
