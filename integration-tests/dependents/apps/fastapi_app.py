"""Socket.IO below a path of an application that has CORS middleware, a lifespan and routes."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

import socketio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CORS = {
    "allow_origins": ["https://friend.example"],
    "allow_credentials": True,
    "allow_methods": ["*"],
    "allow_headers": ["*"],
}

# the middleware answers for CORS
sio = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins=[])
phases: list[str] = []


@sio.event
async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
    await sio.save_session(sid, {"root_path": environ["asgi.scope"].get("root_path")})


@sio.event
async def ask(sid: str, question: str) -> dict[str, Any]:
    return {"question": question, "phases": phases, **await sio.get_session(sid)}


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[None]:
    phases.append("startup")
    yield
    phases.append("shutdown")


app = FastAPI(lifespan=lifespan)
app.add_middleware(CORSMiddleware, **CORS)
app.mount("/ws", socketio.ASGIApp(sio))


@app.get("/announce/{text}")
async def announce(text: str) -> dict[str, str]:
    await sio.emit("announcement", text)
    return {"announced": text}


async def index(request: Any) -> PlainTextResponse:
    return PlainTextResponse("index")


starlette = Starlette(
    routes=[Route("/", index), Mount("/ws", socketio.ASGIApp(sio))],
    middleware=[Middleware(CORSMiddleware, **CORS)],
    lifespan=lifespan,
)

around = socketio.ASGIApp(sio, app, socketio_path="ws/socket.io")
