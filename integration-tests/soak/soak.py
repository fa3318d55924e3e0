"""Load a server on the fast path for some minutes and fail unless its memory stays flat.

    python soak.py [--minutes 3] [--report FOLDER]

Clients come and go over long-polling, upgrade and WebSocket; they emit, ask, answer, send binary
and change rooms; some vanish, some stop reading, some send garbage.  Meanwhile the server's
memory, file descriptors and sessions are sampled.  The exit code is 0 if memory has not grown
after the warm-up and everything is back at zero when the clients have left.  The samples go to
``soak.csv`` and ``soak.svg`` in FOLDER (default: .cache).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import csv
import json
import os
import random
import re
import statistics
import sys
import time
import urllib.request
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import socketio

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

HERE = Path(__file__).parent
LISTENING = re.compile(r"http://127\.0\.0\.1:\d+")
PING = 5  # seconds; a client that vanished is noticed within two of them
WARM_UP = 1 / 3  # of the run: caches, pools and the allocator's arenas fill
FLAT = 0.03  # growth after the warm-up, as a part of the memory then, that is still noise
FLAT_KB = 1_536  # and at least this, kB
EMPTY_WITHIN = 30  # seconds after the last client has left
SPARE_TASKS = 64  # that the server parks for the next handlers; a leak would be thousands
MAX_LOG_LINES = 20  # of warnings and errors, whatever the clients do
RESIDENTS = 12
VISITORS = 6
ATTACHMENT_TO_COME = b'451-["x",{"_placeholder":true,"num":0}]'
GARBAGE = (b"9", b"4nonsense", b'42["connect"]', b"42[1]", b"\xff\xfe", ATTACHMENT_TO_COME)
ROOMS = [f"room {number}" for number in range(20)]
TRANSPORTS = (["polling"], ["polling", "websocket"], ["websocket"])

done: Counter[str] = Counter()
failures: list[str] = []


# the server


class Server:
    """``server.py`` as a subprocess, with what it logs beyond its start and its connections."""

    async def start(self) -> None:
        self.log: list[str] = []
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(HERE / "server.py"), "0", str(PING)),
            stderr=asyncio.subprocess.PIPE,
        )
        listening: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._reading = asyncio.create_task(self._read_log(listening))
        self.url = await asyncio.wait_for(listening, 30)

    async def _read_log(self, listening: asyncio.Future[str]) -> None:
        assert self._process.stderr
        async for line in self._process.stderr:
            text = line.decode()
            if not listening.done() and (found := LISTENING.search(text)):
                listening.set_result(found[0])
            if not text.startswith("INFO"):
                self.log.append(text)

    async def status(self) -> dict[str, Any]:
        return await asyncio.to_thread(self._status)

    def _status(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/debug", timeout=30) as response:
            return json.load(response)

    async def stop(self) -> None:
        self._process.terminate()
        await asyncio.wait_for(self._process.wait(), 10)
        await self._reading


# the clients


async def visit(url: str) -> None:
    """Connect, do a little of everything, leave."""
    transports = random.choice(TRANSPORTS)
    client = socketio.AsyncClient(reconnection=False)
    client.on("question", lambda data: data)
    await client.connect(url, transports=transports)
    try:
        for _ in range(random.randrange(1, 6)):
            room, data = random.choice(ROOMS), os.urandom(random.choice((10, 1_000, 60_000)))
            assert await client.call("join", room) == room
            assert await client.call("echo", {"binary": data, "text": "é" * 50}) == {
                "binary": data,
                "text": "é" * 50,
            }
            assert await client.call("ask_back", [1, data]) == [1, data]
            await client.emit("tell", (room, data))
            if random.random() < 0.5:
                assert await client.call("leave", room) == room
            done["events"] += 5
    finally:
        await client.disconnect()
    done[f"visits by {' and '.join(transports)}"] += 1


async def reside(url: str, stop: asyncio.Event, number: int) -> None:
    """Stay for the whole run, in some rooms, and talk all the time."""
    client = socketio.AsyncClient(reconnection=False)
    heard: Counter[str] = Counter()
    client.on("told", lambda data: heard.update(("told",)))
    await client.connect(url, transports=TRANSPORTS[number % 3])
    for room in random.sample(ROOMS, 4):
        await client.call("join", room)
    while not stop.is_set():
        assert await client.call("echo", [number, "x" * 200]) == [number, "x" * 200]
        await client.emit("tell", (random.choice(ROOMS), {"from": number}))
        done["events"] += 2
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(stop.wait(), 0.02)
    done["events"] += heard["told"]
    await client.disconnect()


def frame(text: bytes) -> bytes:
    """Return a client's WebSocket frame, with an empty mask."""
    return bytes((0x81, 0x80 | len(text))) + bytes(4) + text


async def raw_websocket(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a WebSocket by hand and join the default namespace."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    request = (
        f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {host}:{port}\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: c29hayBzb2FrIHNvYWsgIQ==\r\n\r\n"
    )
    writer.write(request.encode())
    await reader.readuntil(b"\r\n\r\n")
    writer.write(frame(b"40"))
    await reader.readuntil(b"40{")
    return reader, writer


async def vanish(url: str) -> None:
    """Be cut off without a word: the connection is reset, or a long-polling client is gone."""
    if random.random() < 0.5:
        _, writer = await raw_websocket(url)
        writer.transport.abort()
    else:
        address = f"{url}/socket.io/?EIO=4&transport=polling"
        await asyncio.to_thread(lambda: urllib.request.urlopen(address, timeout=30).close())
    done["clients that vanished"] += 1


async def misbehave(url: str) -> None:
    """Send what no client may send, and be closed for it; or announce what never comes."""
    reader, writer = await raw_websocket(url)
    garbage = random.choice(GARBAGE)
    writer.write(frame(garbage))
    if garbage != ATTACHMENT_TO_COME:
        await asyncio.wait_for(reader.readuntil(b"\x88"), 30)  # a close frame
    writer.transport.abort()
    done["clients that sent garbage"] += 1


async def stall(url: str) -> None:
    """Stop reading while more is sent than the server keeps for one client."""
    room = f"flood {random.randrange(1_000_000)}"
    reader, writer = await raw_websocket(url)
    writer.write(frame(b'420["join","%s"]' % room.encode()))
    await reader.readuntil(b"430[")
    flooder = socketio.AsyncClient(reconnection=False)
    await flooder.connect(url, transports=["websocket"])
    await flooder.call("broadcast", (room, 600, 65_536), timeout=60)
    await flooder.disconnect()
    with contextlib.suppress(ConnectionError):
        await asyncio.wait_for(reader.read(-1), 30)
    writer.close()
    done["clients that stopped reading"] += 1


async def guard(action: Coroutine[Any, Any, None]) -> None:
    """Run something that must not fail; if it does, the soak has failed and goes on."""
    try:
        await action
    except Exception as error:
        failures.append(f"{action.__qualname__}: {error!r}")


async def repeat(
    action: Callable[[str], Coroutine[Any, Any, None]], url: str, stop: asyncio.Event, pause: float
) -> None:
    """Do something again and again with a pause in between, until the end."""
    while not stop.is_set():
        await guard(action(url))
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)


# the run


async def load(server: Server, seconds: float) -> list[dict[str, Any]]:
    """Load the server and return its state at every second."""
    stop, samples, begin = asyncio.Event(), [], time.monotonic()
    url = server.url
    tasks = [asyncio.create_task(guard(reside(url, stop, number))) for number in range(RESIDENTS)]
    tasks += [asyncio.create_task(repeat(visit, url, stop, 0.05)) for _ in range(VISITORS)]
    tasks += [asyncio.create_task(repeat(action, url, stop, 0.5)) for action in (vanish, misbehave)]
    tasks += [asyncio.create_task(repeat(stall, url, stop, 8.0))]
    while (now := time.monotonic() - begin) < seconds:
        samples.append({"second": round(now, 1)} | await server.status())
        if int(now) % 10 == 0:
            show(samples[-1])
        await asyncio.sleep(1)
    stop.set()
    await asyncio.gather(*tasks)
    return samples


async def wait_empty(server: Server) -> dict[str, Any]:
    """Wait until the server has noticed that everybody has left; return its state then."""
    deadline = time.monotonic() + EMPTY_WITHIN
    while (state := await server.status())["sessions"]:  # noqa: ASYNC110 in another process
        if time.monotonic() > deadline:
            break
        await asyncio.sleep(0.2)
    return state


def show(sample: dict[str, Any]) -> None:
    keys = ("second", "rss_kb", "fds", "tasks", "sessions", "rooms")
    print("  ".join(f"{key} {sample[key]:>8}" for key in keys), flush=True)


def slope(points: list[tuple[float, float]]) -> float:
    """Return the Theil-Sen slope: the median over all pairs, which outliers do not move."""
    return statistics.median((b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(points, 2))


def judge(samples: list[dict[str, Any]], empty: dict[str, Any], end: dict[str, Any]) -> list[str]:
    """Return what is wrong with the run, one sentence each."""
    wrong = list(failures[:10])
    settled = samples[int(len(samples) * WARM_UP) :]
    points = [(sample["second"], float(sample["rss_kb"])) for sample in settled]
    growth = slope(points) * (points[-1][0] - points[0][0])
    usual = statistics.median(kb for _, kb in points)
    allowed = max(FLAT_KB, FLAT * usual)
    print(f"memory: {usual:,.0f} kB, then {growth:+,.0f} kB; up to {allowed:+,.0f} kB is noise")
    if growth > allowed:
        wrong.append(f"memory grew by {growth:,.0f} kB after the warm-up")
    left = ("sessions", "rooms", "environs")
    wrong += [f"{end[what]} {what} are left" for what in left if end[what]]
    for what, spare in (("fds", 0), ("tasks", SPARE_TASKS)):
        if end[what] > empty[what] + spare:
            wrong += [f"{empty[what]} {what} before, {end[what]} after"]
    if end["counters"]["slow_clients_closed"] < done["clients that stopped reading"]:
        wrong.append("a client that stopped reading was not counted")
    return wrong


def write_report(samples: list[dict[str, Any]], folder: Path) -> None:
    """Write the samples as a table and draw memory and sessions over time."""
    folder.mkdir(parents=True, exist_ok=True)
    keys = [key for key, value in samples[0].items() if not isinstance(value, dict)]
    with open(folder / "soak.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, keys, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(samples)
    curves = [curve(samples, "rss_kb", "#176b5b", 40), curve(samples, "sessions", "#c98a1b", 240)]
    (folder / "soak.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 980 340" font-family="sans-serif">\n'
        '<rect width="980" height="340" fill="#fff"/>\n' + "\n".join(curves) + "\n</svg>\n"
    )


def curve(samples: list[dict[str, Any]], key: str, colour: str, x: int) -> str:
    """Draw one key of the samples over time, from zero to its highest value."""
    top = max(sample[key] for sample in samples) or 1
    end = samples[-1]["second"] or 1
    points = " ".join(
        f"{40 + 900 * sample['second'] / end:.0f},{320 - 280 * sample[key] / top:.0f}"
        for sample in samples
    )
    return (
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>\n'
        f'<text x="{x}" y="24" fill="{colour}">{key}, at most {top:,}</text>'
    )


async def main(minutes: float, folder: Path) -> int:
    server = Server()
    await server.start()
    try:
        await visit(server.url)
        empty = await wait_empty(server)
        print(f"{minutes:g} minutes of load on {server.url}", flush=True)
        samples = await load(server, minutes * 60)
        end = await wait_empty(server)
    finally:
        await server.stop()
    show({"second": "end"} | end)
    print("  ".join(f"{count} {what}" for what, count in sorted(done.items())))
    print("closed with: " + ", ".join(f"{count} {why}" for why, count in end["reasons"].items()))
    write_report(samples, folder)
    wrong = judge(samples, empty, end)
    if len(server.log) > MAX_LOG_LINES:
        wrong.append(f"the log has {len(server.log)} lines")
    for sentence in wrong:
        print(f"WRONG: {sentence}")
    if wrong:
        print("".join(server.log[-20:]))
    print("soak failed" if wrong else f"soak passed; the samples are in {folder}")
    return 1 if wrong else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description="Load a server and check that its memory stays flat."
    )
    parser.add_argument("--minutes", type=float, default=3, help="of load (default: 3)")
    parser.add_argument("--report", type=Path, default=HERE.parents[1] / ".cache", metavar="FOLDER")
    options = parser.parse_args()
    sys.exit(asyncio.run(main(options.minutes, options.report)))
