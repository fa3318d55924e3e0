"""picows alone on uvloop, answering the benchmark's frames: ``bare_picows.py PORT``.

What it costs is the floor of the fast path.  Replies are cut out of the request bytes; no JSON is
read and no session or room is kept.
"""

from __future__ import annotations

import itertools
import sys

import uvloop
from picows import (
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    ws_create_server,
)

everybody: set[WSTransport] = set()
sids = (b"%020d" % number for number in itertools.count())
READ_BUFFER = 1024  # bytes; every frame of the benchmark fits, and idle connections stay small


class Echo(WSListener):
    def on_ws_connected(self, transport: WSTransport) -> None:
        everybody.add(transport)
        self.sid = next(sids)
        opening = b'0{"sid":"%s","upgrades":[],"pingTimeout":20000,"pingInterval":25000}'
        transport.send(WSMsgType.TEXT, opening % self.sid)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()
            return
        text = frame.get_payload_as_bytes()
        if text.startswith(b'42["ping_back"'):
            transport.send(WSMsgType.TEXT, b'42["pong_back"' + text[14:])
        elif text.startswith(b'42["fan"'):
            news = b'42["news"' + text[8:]
            for deliver in everybody:
                deliver.send(WSMsgType.TEXT, news)
        elif text == b"40":
            transport.send(WSMsgType.TEXT, b'40{"sid":"%s"}' % self.sid)
        elif text.startswith(b"42"):
            ack_id = text[2 : text.index(b"[") + 1]
            transport.send(WSMsgType.TEXT, b"43" + ack_id + text[text.index(b",") + 1 :])

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        everybody.discard(transport)


def new_listener(request: WSUpgradeRequest) -> WSListener:
    return Echo()


async def main() -> None:
    server = await ws_create_server(
        new_listener,
        "127.0.0.1",
        int(sys.argv[1]),
        use_aiofastnet=False,
        read_buffer_init_size=READ_BUFFER,
        backlog=2048,
    )
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
