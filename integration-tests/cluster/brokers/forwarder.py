"""The broker that ZeroMQ does not have: what one process pushes goes to all that subscribe.

python forwarder.py <port to push to> <port to subscribe to>
"""

from __future__ import annotations

import sys

import zmq

QUEUE = 10_000
"""Messages kept for each process that is slower than the others; then all wait for it."""

HEARTBEAT_MS = 5_000
"""After which a process that does not react is not waited for any more."""


def forward(push_port: int, subscribe_port: int) -> None:
    """Forward for ever."""
    context = zmq.Context()
    pushed = context.socket(zmq.PULL)
    pushed.bind(f"tcp://127.0.0.1:{push_port}")
    published = context.socket(zmq.PUB)
    published.set_hwm(QUEUE)
    published.xpub_nodrop = True
    published.heartbeat_ivl = published.heartbeat_timeout = HEARTBEAT_MS
    published.bind(f"tcp://127.0.0.1:{subscribe_port}")
    zmq.proxy(pushed, published)


if __name__ == "__main__":
    forward(int(sys.argv[1]), int(sys.argv[2]))
