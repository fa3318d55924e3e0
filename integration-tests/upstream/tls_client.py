"""Threaded clients that read and write over TLS at the same time, as hard as they can.

python tls_client.py URL CLIENTS AT_ONCE EVENTS BYTES PATIENCE

Runs with our packages and with the registry's. Each client sends EVENTS binary events while the
server sends it as many, and leaves; prints how many clients have not got everything through within
PATIENCE seconds, and why.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import socketio

url = sys.argv[1]
clients, at_once, events, size, patience = map(int, sys.argv[2:])
warnings.simplefilter("ignore")  # that the certificate is not verified
silent = logging.getLogger("silent")
silent.setLevel(logging.CRITICAL + 1)


class Visitor:
    """One client; ``failure`` is ``None`` when everything has arrived, on both sides."""

    def __init__(self):
        self.failure = "not finished"
        self._received = 0
        self._lost = False
        self._finished = threading.Event()
        self._sio = socketio.Client(
            reconnection=False, ssl_verify=False, logger=silent, engineio_logger=silent
        )
        self._sio.on("chunk", self._chunk)
        self._sio.on("disconnect", self._disconnect)

    def _chunk(self, data):
        if len(data) != size:
            self.failure = f"{len(data)} bytes have arrived"
            self._finished.set()
        self._received += 1
        if self._received == events:
            self._finished.set()

    def _disconnect(self, *reason):
        self._lost = True
        self._finished.set()

    def visit(self):
        try:
            self._sio.connect(url, transports=["websocket"], wait_timeout=patience)
            data = os.urandom(size)
            self._sio.emit("send me", (events, size))
            for _ in range(events):
                self._sio.emit("take", data)
            self._finished.wait(patience)
            taken = self._sio.call("taken", timeout=patience)
            self.failure = None
            if self._received != events or taken != events:
                self.failure = "events are missing"
            self._sio.disconnect()
        except Exception as error:
            self.failure = (
                "lost the connection" if self._lost else f"{type(error).__name__}: {error}"
            )
        return self.failure


with ThreadPoolExecutor(at_once) as pool:
    failures = list(pool.map(lambda _: Visitor().visit(), range(clients)))
failed = [failure for failure in failures if failure is not None]
print(json.dumps({"clients": clients, "failed": len(failed), "why": Counter(failed)}), flush=True)
os._exit(0)  # whatever still hangs
