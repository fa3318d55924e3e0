"""The WebSocket load: raw non-blocking sockets, one epoll, frames made in advance.

Nothing here parses JSON or allocates per message beyond the received bytes, so one process drives
any of the servers to its limit; ``Sample.load_share`` shows how busy the load itself was.  Every
reply is compared byte for byte and accounted for: one that is unexpected, doubled or missing
raises LoadError.
"""

from __future__ import annotations

import contextlib
import select
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import frames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

CHUNK = 4096  # bytes read at once
STALL = 15.0  # seconds without any event while answers are due, then the workload fails
GRACE = 0.1  # seconds to wait for answers too many after the last one due

clock = time.perf_counter


class LoadError(Exception):
    """An answer was wrong, doubled, missing or late."""


@dataclass
class Sample:
    """What one measured stretch of load saw."""

    count: int = 0
    seconds: float = 0.0
    load_share: float = 0.0  # of one core, by the load generator itself
    latencies: list[float] = field(default_factory=list)  # seconds


class Link:
    """One WebSocket client."""

    __slots__ = ("recv", "send", "sock", "rest", "sent", "count")

    def __init__(self, port: int, request: bytes) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=STALL)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.setblocking(False)
        self.recv = self.sock.recv
        self.send = self.sock.send
        self.rest = b""
        self.sent: dict[bytes, float] = {}  # answer due -> when it was asked for
        self.count = 0  # broadcasts received
        self.send(request)

    def cut(self, chunk: bytes) -> list[bytes]:
        """Return the complete frames; keep the rest, answer pings.  Raises at the end."""
        if not chunk:
            raise LoadError("the server closed a connection")
        data, at, whole = self.rest + chunk, 0, []
        while (size := frames.size_at(data, at)) and at + size <= len(data):
            frame = data[at : at + size]
            at += size
            if frame == frames.PING:
                self.send(frames.PONG)
            elif frame[0] == 0x89:
                self.send(frames.masked(frames.payload(frame), opcode=10))
            elif frame[0] == 0x88:
                raise LoadError(f"the server closed a WebSocket: {frame!r}")
            else:
                whole.append(frame)
        self.rest = data[at:]
        return whole


class Poller:
    """An epoll over links; ``wait`` raises when nothing happens for too long."""

    def __init__(self, links: Iterable[Link] = ()) -> None:
        self.epoll = select.epoll()
        self.links: dict[int, Link] = {}
        for link in links:
            self.add(link)

    def add(self, link: Link) -> None:
        self.links[link.sock.fileno()] = link
        self.epoll.register(link.sock, select.EPOLLIN)

    def remove(self, link: Link) -> None:
        del self.links[link.sock.fileno()]
        self.epoll.unregister(link.sock)

    def wait(self) -> list[tuple[int, int]]:
        ready = self.epoll.poll(STALL, max(1, len(self.links)))
        if not ready:
            raise LoadError(f"no answer in {STALL} s")
        return ready

    def strays(self) -> list[bytes]:
        """Return the frames that arrive although none is due."""
        ready = self.epoll.poll(GRACE, max(1, len(self.links)))
        return [
            frame
            for descriptor, _ in ready
            for frame in self.links[descriptor].cut(self.links[descriptor].recv(CHUNK))
        ]

    def close(self) -> None:
        self.epoll.close()


def upgrade_request(port: int) -> bytes:
    """Return the opening handshake, with the headers that a browser sends."""
    return (
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{port}\r\n"
        "Connection: Upgrade\r\n"
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64) benchmark\r\n"
        "Upgrade: websocket\r\n"
        f"Origin: http://127.0.0.1:{port}\r\n"
        "Sec-WebSocket-Version: 13\r\n"
        "Accept-Language: en-GB,en;q=0.9\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).encode()


def connect(port: int, count: int, in_flight: int = 20) -> tuple[list[Link], Sample]:
    """Open WebSocket clients that have joined the default namespace."""
    request = upgrade_request(port)
    poller, sample = Poller(), Sample()
    links: list[Link] = []
    started: dict[Link, float] = {}
    busy, begin = time.process_time(), clock()
    while len(links) < count:
        while len(started) < in_flight and len(links) + len(started) < count:
            now = clock()
            link = Link(port, request)
            started[link] = now
            poller.add(link)
        for descriptor, _ in poller.wait():
            link = poller.links[descriptor]
            if _opening(link):
                poller.remove(link)
                sample.latencies.append(clock() - started.pop(link))
                links.append(link)
    sample.count, sample.seconds = count, clock() - begin
    sample.load_share = (time.process_time() - busy) / sample.seconds
    poller.close()
    return links, sample


def _opening(link: Link) -> bool:
    """Take a step of the handshake; True once the namespace is joined."""
    chunk = link.recv(CHUNK)
    if not link.count:  # used here as: the HTTP reply has been read
        head, end, chunk = (link.rest + chunk).partition(b"\r\n\r\n")
        if not end:
            link.rest = head
            return False
        if not head.startswith(b"HTTP/1.1 101"):
            raise LoadError(f"handshake refused: {head[:200]!r}")
        link.count, link.rest = 1, b""
        if not chunk:
            return False
    for frame in link.cut(chunk):
        packet = frames.payload(frame)
        if packet.startswith(b"0{"):
            link.send(frames.CONNECT)
        elif packet.startswith(b"40"):
            link.count = 0
            return True
        else:
            raise LoadError(f"unexpected packet in the handshake: {packet!r}")
    return False


def join(links: Sequence[Link]) -> None:
    """Let clients join the room that is written to in a cluster, and wait until they are in it."""
    poller = Poller(links)
    for link in links:
        link.send(frames.JOIN)
    while poller.links:
        for descriptor, _ in poller.wait():
            link = poller.links[descriptor]
            for frame in link.cut(link.recv(CHUNK)):
                if frame != frames.JOINED:
                    raise LoadError(f"unexpected answer: {frame!r}")
                poller.remove(link)
    poller.close()


def disconnect(links: Sequence[Link]) -> None:
    """Close every WebSocket at once, and wait until the server has answered each."""
    poller = Poller(links)
    for link in links:
        link.send(frames.CLOSE)
    while poller.links:
        for descriptor, _ in poller.wait():
            link = poller.links[descriptor]
            with contextlib.suppress(ConnectionResetError):
                chunk = link.recv(CHUNK)
                if chunk and b"\x88" not in chunk:
                    continue
            poller.remove(link)
            link.sock.close()
    poller.close()


class Load:
    """A closed loop over links: ``start``, then ``run`` as often as wanted, then ``drain``."""

    def __init__(self, links: Sequence[Link]) -> None:
        self.poller = Poller(links)

    def start(self) -> None:
        """Send the first events."""
        raise NotImplementedError

    def turn(self, sample: Sample, more: bool) -> None:
        """Take what has arrived; with ``more``, send the next events."""
        raise NotImplementedError

    def due(self) -> bool:
        """Return whether an answer is outstanding."""
        raise NotImplementedError

    def run(self, seconds: float) -> Sample:
        """Keep the loop going for a while."""
        sample = Sample()
        busy, begin = time.process_time(), clock()
        end = begin + seconds
        while clock() < end:
            self.turn(sample, more=True)
        sample.seconds = clock() - begin
        sample.load_share = (time.process_time() - busy) / sample.seconds
        return sample

    def drain(self) -> None:
        """Receive what is due, and make sure that it is no more and no less."""
        while self.due():
            self.turn(Sample(), more=False)
        if strays := self.poller.strays():
            raise LoadError(f"{len(strays)} answers too many, such as {strays[0]!r}")
        self.poller.close()


class Exchange(Load):
    """Each client has a fixed number of events in flight and replaces each that is answered."""

    def __init__(self, links: Sequence[Link], events: dict[bytes, bytes]) -> None:
        """``events`` maps each client's answers to the events that ask for them."""
        super().__init__(links)
        self.events = events

    def start(self) -> None:
        for link in self.poller.links.values():
            link.sent = dict.fromkeys(self.events, clock())
            link.send(b"".join(self.events.values()))

    def due(self) -> bool:
        return any(link.sent for link in self.poller.links.values())

    def turn(self, sample: Sample, more: bool) -> None:
        events, links = self.events, self.poller.links
        note: Callable[[float], None] = sample.latencies.append
        for descriptor, _ in self.poller.wait():
            link = links[descriptor]
            chunk = link.recv(CHUNK)
            answers = [chunk] if chunk in events and not link.rest else link.cut(chunk)
            now = clock()
            sent = link.sent
            try:
                for answer in answers:
                    note(now - sent.pop(answer))
            except KeyError:
                raise LoadError(f"wrong or doubled answer: {answer!r}") from None
            sample.count += len(answers)
            if more and answers:
                if len(answers) == 1:
                    link.send(events[answers[0]])
                else:
                    link.send(b"".join([events[answer] for answer in answers]))
                for answer in answers:
                    sent[answer] = now


class Fan(Load):
    """One client asks for broadcasts to all; a new one starts when the last receiver has one.

    ``Sample.count`` counts deliveries; a latency is from the request to the last delivery.
    """

    def __init__(self, links: Sequence[Link], in_flight: int) -> None:
        super().__init__(links)
        self.sender = links[0]
        self.in_flight = in_flight
        self.asked = 0  # broadcasts
        self.missing: dict[int, int] = {}  # broadcast -> receivers that do not have it yet
        self.started: dict[int, float] = {}

    def _ask(self) -> None:
        self.missing[self.asked] = len(self.poller.links)
        self.started[self.asked] = clock()
        self.asked += 1
        self.sender.send(frames.FAN)

    def start(self) -> None:
        for _ in range(self.in_flight):
            self._ask()

    def due(self) -> bool:
        return bool(self.missing)

    def turn(self, sample: Sample, more: bool) -> None:
        links, missing, news = self.poller.links, self.missing, frames.NEWS
        for descriptor, _ in self.poller.wait():
            link = links[descriptor]
            chunk = link.recv(CHUNK)
            if chunk == news and not link.rest:
                received = 1
            else:
                cut = link.cut(chunk)
                received = len(cut)
                if cut.count(news) != received:
                    raise LoadError(f"wrong delivery in {chunk!r}")
            for broadcast in range(link.count, link.count + received):
                left = missing.get(broadcast, 0) - 1
                if left < 0:
                    raise LoadError("a broadcast was delivered twice")
                missing[broadcast] = left
                if not left:
                    del missing[broadcast]
                    sample.latencies.append(clock() - self.started.pop(broadcast))
                    if more:
                        self._ask()
            link.count += received
            sample.count += received
