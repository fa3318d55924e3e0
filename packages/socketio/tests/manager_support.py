"""Clients of a real server, without sockets and without its protocol: what a manager needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_support import RecordingChannel

if TYPE_CHECKING:
    import socketio


class Member:
    """One connection, in no namespace yet."""

    def __init__(self, sio: socketio.AsyncServer) -> None:
        engine = sio.eio.engine
        self._sio = sio
        self.session = engine.create(sio.eio.generate_id(), "websocket")
        self.eio_sid = self.session.sid
        sio.eio._layer.opened(self.session, {})
        self._channel = RecordingChannel()
        engine.attach(self.session, self._channel)
        engine.accept(self.session, sio.eio.clock())
        self.received()

    async def join(self, namespace: str = "/") -> str:
        sid = await self._sio.manager.connect(self.eio_sid, namespace)
        assert sid is not None
        return sid

    def received(self) -> list[bytes]:
        """What it got since the last look."""
        self._sio.eio.engine.flush(self._sio.eio.clock())
        written, self._channel.written[:] = self._channel.written[:], []
        return written

    def held(self, namespace: str = "/") -> list[bytes]:
        """What it will get once its connect handler has accepted it."""
        held = self.session.app.held.get(namespace, [])
        return [message.payload for messages, _ in held for message in messages]
