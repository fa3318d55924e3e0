"""``ASGIApp``, called as a server calls it."""

from __future__ import annotations

from typing import Any

from asgi_support import Server

import engineio


async def test_the_lifespan_of_the_other_application_is_around_the_hooks() -> None:
    order: list[str] = []

    async def other(scope: Any, receive: Any, send: Any) -> None:
        for phase in ("startup", "shutdown"):
            assert (await receive())["type"] == f"lifespan.{phase}"
            order.append(f"other {phase}")
            await send({"type": f"lifespan.{phase}.complete"})

    async def on_shutdown() -> None:
        order.append("shutdown")

    app = engineio.ASGIApp(
        engineio.AsyncServer(async_mode="asgi"),
        other,
        on_startup=lambda: order.append("startup"),
        on_shutdown=on_shutdown,
    )

    server = Server("lifespan.startup", "lifespan.shutdown")
    sent = await server.serve(app, {"type": "lifespan"})

    assert order == ["other startup", "startup", "shutdown", "other shutdown"]
    assert [event["type"] for event in sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


async def test_the_server_may_be_any_object_that_handles_requests() -> None:
    handled: list[str] = []

    class Between:
        async def handle_request(self, scope: Any, receive: Any, send: Any) -> None:
            handled.append(scope["path"])

    app = engineio.ASGIApp(Between())  # type: ignore[arg-type]

    await Server().serve(app, {"type": "http", "path": "/engine.io/"})

    assert handled == ["/engine.io/"]
