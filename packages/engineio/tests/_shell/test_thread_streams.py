from __future__ import annotations

import logging
import socket
import ssl
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from engineio._shell.thread_streams import SharedStream, ThreadStream, Writables, open_stream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SOON = 10
"""Seconds in which everything must happen; only a failing test waits so long."""


@pytest.fixture
def plain() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    theirs.settimeout(SOON)
    yield ours, theirs
    ours.close()
    theirs.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj",
         "/CN=localhost", "-keyout", path, "-out", path.with_suffix(".crt")],
        check=True, capture_output=True,
    )  # fmt: skip
    path.write_bytes(path.read_bytes() + path.with_suffix(".crt").read_bytes())
    return path


@pytest.fixture
def tls(
    plain: tuple[socket.socket, socket.socket], certificate: Path
) -> Iterator[tuple[ssl.SSLSocket, ssl.SSLSocket]]:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    ours, theirs = plain
    wrapped: list[ssl.SSLSocket] = []
    thread = threading.Thread(
        target=lambda: wrapped.append(server.wrap_socket(ours, server_side=True))
    )
    thread.start()
    peer = client.wrap_socket(theirs)
    thread.join(SOON)
    yield wrapped[0], peer
    wrapped[0].close()
    peer.close()


def test_a_plain_socket_is_not_shared(plain: tuple[socket.socket, socket.socket]) -> None:
    stream = open_stream(plain[0], Writables())

    assert type(stream) is ThreadStream
    plain[1].sendall(b"hello")
    assert stream.receive() == b"hello"
    assert stream.send(b"hi") == 2
    assert plain[1].recv(10) == b"hi"


def test_abort_wakes_the_reader(plain: tuple[socket.socket, socket.socket]) -> None:
    stream = open_stream(plain[0], Writables())
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(stream.receive()))
    reader.start()

    stream.abort()
    reader.join(SOON)

    assert received == [b""]
    assert stream.send(b"x") == -1


def test_who_sends_does_not_wait(plain: tuple[socket.socket, socket.socket]) -> None:
    stream = open_stream(plain[0], Writables())

    sent = 0
    while count := stream.send(b"x" * 65_536):
        sent += count

    writable = threading.Event()
    stream.when_writable(writable.set)
    assert not writable.is_set()
    while sent:
        sent -= len(plain[1].recv(min(sent, 65_536)))
    assert writable.wait(SOON)


def test_the_thread_for_slow_clients_ends_with_them(
    plain: tuple[socket.socket, socket.socket],
) -> None:
    writables = Writables()
    stream = open_stream(plain[0], writables)

    for _ in range(3):
        writable = threading.Event()
        stream.when_writable(writable.set)
        assert writable.wait(SOON)
        while writables._wake is not None:
            pass


def test_a_vanished_client_is_writable(plain: tuple[socket.socket, socket.socket]) -> None:
    stream = open_stream(plain[0], Writables())
    while stream.send(b"x" * 65_536):
        pass
    writable = threading.Event()
    stream.when_writable(writable.set)

    plain[1].close()

    assert writable.wait(SOON)
    assert stream.send(b"x") == -1


def test_a_slow_client_that_is_cut_and_closed_leaves_no_thread(
    plain: tuple[socket.socket, socket.socket],
) -> None:
    writables = Writables()
    stream = open_stream(plain[0], writables)
    while stream.send(b"x" * 65_536):
        pass
    stream.when_writable(lambda: None)
    (thread,) = [each for each in threading.enumerate() if each.name == "engineio-slow-clients"]

    stream.abort()
    plain[0].close()  # at once: nothing is told of a number that is closed
    thread.join(SOON)

    assert not thread.is_alive()


def test_who_aborts_is_forgotten(plain: tuple[socket.socket, socket.socket]) -> None:
    writables = Writables()
    stream = open_stream(plain[0], writables)

    stream.abort()
    stream.when_writable(lambda: None)
    while writables._wake is not None:
        pass

    assert not writables._waiting


def test_the_thread_for_slow_clients_does_not_wait_for_itself(
    plain: tuple[socket.socket, socket.socket],
) -> None:
    writables = Writables()
    writable = threading.Event()

    def watch_again() -> None:
        for _ in range(2_000):  # more than a socket takes before somebody reads
            writables.watch(plain[0].fileno(), writable.set)

    writables.watch(plain[0].fileno(), watch_again)

    assert writable.wait(SOON)


def test_what_fails_for_one_slow_client_does_not_harm_the_others(
    plain: tuple[socket.socket, socket.socket], caplog: pytest.LogCaptureFixture
) -> None:
    writables = Writables()
    writable = threading.Event()

    def fail() -> None:
        writables.watch(plain[1].fileno(), writable.set)
        raise ZeroDivisionError

    with caplog.at_level(logging.ERROR, "engineio.workers"):
        writables.watch(plain[0].fileno(), fail)
        assert writable.wait(SOON)

    assert "ZeroDivisionError" in caplog.text


def test_without_a_thread_the_next_slow_client_tries_again(
    plain: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    writables = Writables()
    stream = open_stream(plain[0], writables)
    writable = threading.Event()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        with pytest.raises(RuntimeError):
            stream.when_writable(writable.set)

    stream.when_writable(writable.set)

    assert writable.wait(SOON)


def test_tls_is_read_and_written_by_two_threads(
    tls: tuple[ssl.SSLSocket, ssl.SSLSocket],
) -> None:
    stream = open_stream(tls[0], Writables())
    assert type(stream) is SharedStream
    tls[1].settimeout(SOON)
    size = 3_000_000
    received: list[bytes] = []

    def read() -> None:
        while sum(map(len, received)) < size:
            received.append(stream.receive())

    def send() -> None:
        left = size
        writable = threading.Event()
        while left:
            count = stream.send(b"s" * min(left, 40_000))
            left -= count
            if not count:
                writable.clear()
                stream.when_writable(writable.set)
                writable.wait(SOON)

    threads = [threading.Thread(target=function) for function in (read, send)]
    for thread in threads:
        thread.start()
    # the peer is one thread: what we test is our side
    sent = 0
    got = 0
    while sent < size or got < size:
        if sent < size:
            sent += tls[1].send(b"c" * min(10_000, size - sent))
        if got < size:
            got += len(tls[1].recv(10_000))
    for thread in threads:
        thread.join(SOON)

    assert sum(map(len, received)) == size
    assert set(b"".join(received)) == {ord("c")}
    stream.abort()
    assert stream.receive() == b""
    assert stream.send(b"x") == -1
