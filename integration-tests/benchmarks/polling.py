"""The long-polling load: each client has a GET parked and POSTs an event, over two connections.

A turn is one POST (answered "ok") and one GET (answered with the event's ack), as a browser does
it; both answers are checked, and the next turn starts when both are in.
"""

from __future__ import annotations

import json
import select
import socket
import time

import frames
from load import CHUNK, GRACE, STALL, LoadError, Sample, clock

EVENT = b'4210["echo",' + frames.DATA + b"]"
ACK = b"4310[" + frames.DATA + b"]"


class Wire:
    """One keep-alive HTTP connection with one request in flight."""

    def __init__(self, port: int, client: Client | None = None) -> None:
        self.client = client
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=STALL)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.send = self.sock.send
        self.data = b""

    def body(self) -> bytes | None:
        """Read what has arrived; return the reply's body once it is complete."""
        chunk = self.sock.recv(CHUNK)
        if not chunk:
            raise LoadError("the server closed a polling connection")
        self.data += chunk
        head, end, rest = self.data.partition(b"\r\n\r\n")
        if not end:
            return None
        if not head.startswith(b"HTTP/1.1 200"):
            raise LoadError(f"request refused: {self.data[:300]!r}")
        lower = head.lower()
        at = lower.find(b"content-length:")
        if at >= 0:
            length = int(lower[at + 15 :].split(b"\r\n", 1)[0])
            if len(rest) < length:
                return None
            body, self.data = rest[:length], rest[length:]
            return body
        if not rest.endswith(b"0\r\n\r\n"):  # chunked, in one chunk: the replies are short
            return None
        self.data = b""
        return rest.split(b"\r\n")[1]

    def ask(self, request: bytes) -> bytes:
        """Send a request and wait for its reply."""
        self.send(request)
        while (body := self.body()) is None:
            pass
        return body


class Client:
    """One polling client that has joined the default namespace."""

    def __init__(self, port: int) -> None:
        self.reader, self.writer = Wire(port, self), Wire(port, self)
        path = "/socket.io/?EIO=4&transport=polling"
        opening = self.reader.ask(_request("GET", path, port))
        path += "&sid=" + json.loads(opening[1:])["sid"]
        self.get = _request("GET", path, port)
        self.post = _request("POST", path, port, EVENT)
        self.writer.ask(_request("POST", path, port, b"40"))
        if not (joined := self.reader.ask(self.get)).startswith(b"40"):
            raise LoadError(f"namespace not joined: {joined!r}")
        self.started = 0.0
        self.due = 0  # replies outstanding

    def start(self) -> None:
        self.started, self.due = clock(), 2
        self.reader.send(self.get)
        self.writer.send(self.post)


def _request(method: str, path: str, port: int, body: bytes = b"") -> bytes:
    head = (
        f"{method} {path} HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{port}\r\n"
        "Connection: keep-alive\r\n"
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64) benchmark\r\n"
        "Accept: */*\r\n"
        f"Origin: http://127.0.0.1:{port}\r\n"
    )
    if method == "POST":
        head += f"Content-Type: text/plain;charset=UTF-8\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


class Polling:
    """The closed loop over polling clients; the same verbs as ``load.Load``."""

    def __init__(self, port: int, clients: int) -> None:
        self.clients = [Client(port) for _ in range(clients)]
        self.epoll = select.epoll()
        self.wires: dict[int, Wire] = {}
        for client in self.clients:
            for wire in (client.reader, client.writer):
                self.wires[wire.sock.fileno()] = wire
                self.epoll.register(wire.sock, select.EPOLLIN)

    def start(self) -> None:
        """Send the first requests."""
        for client in self.clients:
            client.start()

    def _turn(self, sample: Sample, more: bool) -> None:
        ready = self.epoll.poll(STALL, len(self.wires))
        if not ready:
            raise LoadError(f"no reply in {STALL} s")
        for descriptor, _ in ready:
            wire = self.wires[descriptor]
            body = wire.body()
            if body is None:
                continue
            client = wire.client
            assert client is not None
            if wire is client.reader:
                if body != ACK:
                    raise LoadError(f"wrong answer to a GET: {body!r}")
                sample.count += 1
                sample.latencies.append(clock() - client.started)
            elif body.lower() != b"ok":
                raise LoadError(f"wrong answer to a POST: {body!r}")
            client.due -= 1
            if client.due < 0:
                raise LoadError("a reply too many")
            if not client.due and more:
                client.start()

    def run(self, seconds: float) -> Sample:
        """Keep the loop going for a while."""
        sample = Sample()
        busy, begin = time.process_time(), clock()
        while clock() < begin + seconds:
            self._turn(sample, more=True)
        sample.seconds = clock() - begin
        sample.load_share = (time.process_time() - busy) / sample.seconds
        return sample

    def drain(self) -> None:
        """Receive what is due, no more and no less, and close the connections."""
        while any(client.due for client in self.clients):
            self._turn(Sample(), more=False)
        if self.epoll.poll(GRACE):
            raise LoadError("a reply too many")
        self.epoll.close()
        for wire in self.wires.values():
            wire.sock.close()
