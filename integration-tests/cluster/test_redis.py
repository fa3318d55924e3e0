"""Redis and Valkey: every way to reach a server, and whatever may be on the channel."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING, Any

import pytest
import redis

import socketio

from .brokers.process import free_port
from .brokers.redis import Redis
from .clients import eventually
from .nodes import Node

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

CHANNEL = "a channel with ünusual \r\n characters"


class Password(Redis):
    """Redis that wants a user and a password."""

    def command(self) -> list[str]:
        settings = self.folder / "redis.conf"
        settings.write_text("user me on >p@ss:w/rd ~* &* +@all\nuser default off\n")
        program, *options = super().command()
        return [program, str(settings), *options]

    def is_ready(self) -> bool:
        return self.is_listening()

    @property
    def url(self) -> str:
        return f"redis://me:p%40ss%3Aw%2Frd@127.0.0.1:{self.port}/0"


class UnixSocket(Redis):
    """Redis on a socket in the file system."""

    @property
    def url(self) -> str:
        return f"unix://{self.folder}/socket?db=0"


class Encrypted(Redis):
    """Redis that speaks TLS only."""

    def command(self) -> list[str]:
        words = super().command()
        words[words.index("--port") + 1] = "0"
        keys = {"cert-file": "cert", "key-file": "key", "ca-cert-file": "cert"}
        files = [word for name, file in keys.items() for word in (f"--tls-{name}", file)]
        return [*words, "--tls-port", str(self.port), "--tls-auth-clients", "no", *files]

    def start(self) -> None:
        subprocess.run(
            "openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out cert -days 2"
            " -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1".split(),
            cwd=self.folder,
            check=True,
            capture_output=True,
        )
        super().start()

    def is_ready(self) -> bool:
        return self.is_listening()

    @property
    def url(self) -> str:
        return f"rediss://127.0.0.1:{self.port}?ssl_ca_certs={self.folder}/cert"


class Sentinel(Redis):
    """A sentinel and the Redis that it knows."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.sentinel_port = free_port()
        self.sentinel: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        super().start()
        settings = self.folder / "sentinel.conf"
        settings.write_text(
            f"port {self.sentinel_port}\nbind 127.0.0.1\n"
            f"sentinel monitor service 127.0.0.1 {self.port} 1\n"
        )
        with self.log.open("ab") as log:
            self.sentinel = subprocess.Popen(
                ["redis-server", str(settings), "--sentinel"], stdout=log, cwd=self.folder
            )

    def close(self) -> None:
        if self.sentinel is not None:
            self.sentinel.kill()
            self.sentinel.wait()
        super().close()

    @property
    def url(self) -> str:
        return f"redis+sentinel://127.0.0.1:{self.sentinel_port}/0/service"


class Valkey(Redis):
    """The same for the package of Valkey."""

    @property
    def url(self) -> str:
        return super().url.replace("redis", "valkey")


WAYS = [Redis, Password, UnixSocket, Encrypted, Sentinel, Valkey]


@pytest.fixture(params=WAYS, ids=lambda way: way.__name__.lower())
def url(request: pytest.FixtureRequest, start_broker: Callable[..., Redis]) -> str:
    return start_broker(request.param).url


@pytest.fixture
def redis_url(start_broker: Callable[..., Redis]) -> str:
    return start_broker(Redis).url


@pytest.fixture
async def listener() -> AsyncIterator[Callable[..., Any]]:
    """Make servers that count what arrives."""
    servers = []

    async def listen(url: str, **options: Any) -> socketio.AsyncServer:
        manager = socketio.AsyncRedisManager(url, **{"channel": CHANNEL, **options})
        sio = socketio.AsyncServer(async_mode="asgi", client_manager=manager)
        manager.initialize()
        servers.append(sio)
        return sio

    yield listen
    for sio in servers:
        await sio.shutdown()


async def is_heard(sio: socketio.AsyncServer, emit: Callable[[], Any]) -> None:
    before = sio.manager.health.received

    async def hears() -> bool:
        await emit()
        return sio.manager.health.received > before

    await eventually(hears)


@pytest.mark.parametrize("options", [{}, {"decode_responses": True}, {"protocol": 2}])
async def test_every_way_to_reach_a_server(
    url: str, listener: Callable[..., Any], options: dict[str, Any]
) -> None:
    sio = await listener(url, redis_options=options)
    writer = socketio.AsyncRedisManager(url, CHANNEL, write_only=True, redis_options=options)

    await is_heard(sio, lambda: writer.emit("hi", b"bytes"))

    assert sio.manager.connected
    assert writer.connected
    await writer.stop()


@pytest.mark.parametrize("options", [{}, {"decode_responses": True}])
async def test_every_way_to_reach_a_server_without_asyncio(
    url: str, listener: Callable[..., Any], options: dict[str, Any]
) -> None:
    sio = await listener(url)
    writer = socketio.RedisManager(url, CHANNEL, write_only=True, redis_options=options)

    await is_heard(sio, lambda: asyncio.to_thread(writer.emit, "hi", b"bytes"))

    assert writer.connected
    writer.stop()


def test_a_listener_without_asyncio_uses_every_way(url: str) -> None:
    manager = socketio.RedisManager(url, CHANNEL)
    sio = socketio.Server(async_mode="threading", client_manager=manager)
    manager.initialize()
    writer = socketio.RedisManager(url, CHANNEL, write_only=True)

    async def emit() -> None:
        writer.emit("hi", 1)

    asyncio.run(is_heard(sio, emit))
    writer.stop()
    sio.shutdown()
    assert manager.health.state == "stopped"


@pytest.mark.parametrize("kind", ["AsyncRedisManager", "RedisManager"])
@pytest.mark.parametrize("url", ["amqp://localhost", "redis+cluster://h:1", "localhost"])
async def test_another_url_is_the_callers_error(kind: str, url: str) -> None:
    manager = getattr(socketio, kind)(url, write_only=True)

    with pytest.raises(ValueError, match="Unsupported"):
        await (manager.emit("hi", 1) or asyncio.sleep(0))


async def test_a_wrong_password_is_logged_and_what_is_emitted_is_kept(
    start_broker: Callable[..., Redis], caplog: pytest.LogCaptureFixture
) -> None:
    url = start_broker(Password).url.replace("rd@", "x@")
    manager = socketio.AsyncRedisManager(url, write_only=True)

    await manager.emit("hi", 1)

    assert "AuthenticationError" in caplog.text
    assert manager.health.pending == 1
    await manager.stop()


async def test_applications_use_the_client_of_the_manager(
    redis_url: str, listener: Callable[..., Any]
) -> None:
    sio = await listener(redis_url)
    assert sio.manager.redis_url == redis_url

    await sio.manager.redis.set("key", "value")

    assert await sio.manager.redis.get("key") == b"value"
    await sio.manager.redis.aclose()


async def test_options_that_are_about_the_connection_count(redis_url: str) -> None:
    options = {"client_name": "chat"}
    for kind in (socketio.AsyncRedisManager, socketio.RedisManager):
        manager: Any = kind(redis_url, write_only=True, redis_options=options)
        await (manager.emit("hi", 1) or asyncio.sleep(0))

        with redis.Redis.from_url(redis_url) as client:
            assert "chat" in [one["name"] for one in client.client_list()]
        await (manager.stop() or asyncio.sleep(0))


def test_gevent_needs_a_patched_socket_module() -> None:
    program = (
        "import socketio\n"
        "sio = socketio.Server(async_mode='gevent', client_manager=socketio.RedisManager())\n"
        "try:\n"
        "    sio.manager.initialize()\n"
        "except RuntimeError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert "monkey patched" in done.stdout, done.stderr


GARBAGE: list[Any] = [
    b"",
    b"\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.",
    b"1",
    b"null",
    b"[]",
    b'"emit"',
    b"{}",
    b'{"method": "emit"}',
    b'{"method": "emit", "event": "connect", "data": []}',
    b'{"method": "enter_room"}',
    b"[" * 100_000,
    b'{"method": "emit", "event": "hi", "room": {"a": 1}}',
]


async def test_what_is_malformed_is_counted_and_nothing_else(
    redis_url: str, listener: Callable[..., Any]
) -> None:
    sio = await listener(redis_url, channel="garbage")
    writer = socketio.AsyncRedisManager(redis_url, "garbage", write_only=True)
    await is_heard(sio, lambda: writer.emit("hi", None))

    with redis.Redis.from_url(redis_url) as client:
        for message in GARBAGE:
            client.publish("garbage", message)
    await is_heard(sio, lambda: writer.emit("hi", None))

    assert sio.manager.health.malformed == len(GARBAGE)
    assert sio.manager.health.state == "connected"
    await writer.stop()


async def test_a_process_that_has_no_member_of_a_room_does_not_read_what_is_for_it(
    redis_url: str, listener: Callable[..., Any]
) -> None:
    sio = await listener(redis_url, channel="others")
    loads = sio.manager._reader._loads
    parsed: list[str] = []
    sio.manager._reader._loads = lambda text: parsed.append(text) or loads(text)
    ours = socketio.AsyncRedisManager(redis_url, "others", write_only=True)
    upstream = json.dumps(
        {
            "method": "emit",
            "event": "hi",
            "data": [1],
            "binary": False,
            "namespace": "/",
            "room": "r",
            "skip_sid": None,
            "callback": None,
            "host_id": uuid.uuid4().hex,
        }
    )

    await is_heard(sio, lambda: ours.emit("hi", {"x": 1}, room="r"))
    with redis.Redis.from_url(redis_url) as client:
        client.publish("others", upstream)
    await is_heard(sio, lambda: ours.emit("hi", {"x": 1}))

    assert parsed == []
    await ours.stop()


async def test_what_is_emitted_in_one_turn_leaves_together(
    redis_url: str, listener: Callable[..., Any]
) -> None:
    sio = await listener(redis_url, channel="turn")
    other = await listener(redis_url, channel="turn")
    await is_heard(other, lambda: sio.emit("hi"))

    for number in range(500):
        await sio.emit("n", number)

    async def has_all() -> bool:
        return other.manager.health.received >= 501

    await eventually(has_all)
    assert other.manager.health.missed == 0


@pytest.mark.parametrize("colour", ["asyncio", "sync"])
async def test_a_process_that_redis_cuts_off_because_it_does_not_read_comes_back(
    new_broker: Callable[..., Redis], connect: Callable[..., Any], colour: str
) -> None:
    broker = new_broker(Redis)
    broker.start()
    with redis.Redis.from_url(broker.url) as client:
        client.config_set("client-output-buffer-limit", "pubsub 1mb 1mb 1")
    manager = "AsyncRedisManager" if colour == "asyncio" else "RedisManager"
    node = Node("server", colour, manager, {"url": broker.url})
    writer = socketio.AsyncRedisManager(broker.url, write_only=True)
    try:
        client = await connect(node)

        async def hears() -> bool:
            await writer.emit("hello", None)
            return not client.events.empty()

        await eventually(hears)
        node.process.send_signal(signal.SIGSTOP)
        for number in range(300):
            await writer.emit("number", (number, "x" * 100_000))
        node.process.send_signal(signal.SIGCONT)
        received: list[list[Any]] = []

        async def hears_again() -> bool:
            await writer.emit("end", None)
            while not client.events.empty():
                received.append(client.events.get_nowait())
            return ["end"] in received

        await eventually(hears_again)
        numbers = [event[1] for event in received if event[0] == "number"]
        health = await node.do("health")
        assert numbers == list(range(len(numbers)))
        assert health["missed"] >= 300 - len(numbers) > 0
        assert health["state"] == "connected"
    finally:
        node.process.send_signal(signal.SIGCONT)
        node.stop()
        await writer.stop()
