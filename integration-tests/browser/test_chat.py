"""The chat example in Chromium: what a person sees and does on its page, and over the wire."""

from __future__ import annotations

import asyncio
import struct
import subprocess
import sys
import zlib
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

import socketio

if TYPE_CHECKING:
    from collections.abc import Callable


def png(width: int, height: int) -> bytes:
    """Return a valid picture that does not compress: its pixels are noise."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    noise = Random(1).randbytes(width * height * 3)
    rows = b"".join(b"\0" + noise[y * width * 3 : (y + 1) * width * 3] for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows, 1)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_two_pages_chat(open_page: Callable[..., Any]):
    ada, grace = open_page("Ada"), open_page("Grace")

    ada.say("Is anybody there?")
    grace.sees("Is anybody there?")
    grace.call("type", "#text", "Yes")
    ada.wait_for("#typing:text-is('Grace is typing…')")
    grace.call("press", "#text", "Enter")
    ada.sees("Yes")

    ada.wait_for(".own .tick[data-state=delivered]")
    ada.wait_for("#typing:empty")
    ada.wait_for("#members li >> nth=1")
    assert ada.call("textContent", "#room-count") == "2 people"


@pytest.mark.parametrize(
    ("query", "transport"),
    [("", "websocket"), ("?transports=polling", "polling"), ("?transports=websocket", "websocket")],
    ids=["upgrade", "polling", "websocket"],
)
def test_every_transport_carries_text_and_pictures(
    open_page: Callable[..., Any], query: str, transport: str
):
    ada, grace = open_page("Ada", query=query), open_page("Grace", query=query)

    ada.wait_for(f"#transport:text-is('{transport}')")
    ada.say("Over the wire")
    grace.sees("Over the wire")
    grace.send_file("noise.png", png(80, 60), "image/png")
    ada.wait_for("img[alt='Picture from Grace']")

    assert ada.call("evaluate", "document.querySelector('.photo img').decode()") is None
    size = ada.call(
        "evaluate", "[...document.querySelectorAll('.photo img')].map(i => i.naturalWidth)"
    )
    assert size == [80]
    grace.wait_for(".own .tick[data-state=delivered]")


async def test_a_picture_reaches_other_clients_byte_for_byte(chat: Any, open_page: Any):
    pictures: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    listener = socketio.AsyncClient()
    listener.on("message", pictures.put)
    await listener.connect(chat.url, auth={"name": "Listener"})
    await listener.call("join", {"room": "lobby"})
    ada = await asyncio.to_thread(open_page, "Ada")

    await asyncio.to_thread(ada.send_file, "noise.png", png(120, 90), "image/png")
    received = await asyncio.wait_for(pictures.get(), 10)

    assert received["picture"] == png(120, 90)
    assert received["name"] == "Ada"
    await listener.disconnect()


async def test_a_large_picture_is_made_smaller_before_it_is_sent(chat: Any, open_page: Any):
    pictures: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    listener = socketio.AsyncClient()
    listener.on("message", pictures.put)
    await listener.connect(chat.url, auth={"name": "Listener"})
    await listener.call("join", {"room": "lobby"})
    ada = await asyncio.to_thread(open_page, "Ada")

    await asyncio.to_thread(ada.send_file, "noise.png", png(1200, 800), "image/png")
    received = await asyncio.wait_for(pictures.get(), 20)

    assert len(received["picture"]) <= 500_000
    assert received["picture"].startswith(b"\xff\xd8\xff")
    await listener.disconnect()


def test_a_reloaded_page_comes_back_with_its_name_rooms_and_the_last_texts(
    open_page: Callable[..., Any],
):
    ada, grace = open_page("Ada"), open_page("Grace")
    ada.say("Before the reload")
    grace.sees("Before the reload")
    grace.wait_for("#transport:text-is('websocket')")

    grace.call("reload")

    grace.wait_for("#room-title:text-is('lobby')")
    grace.sees("Before the reload")
    ada.wait_for(".event:has-text('Grace joined') >> nth=1")
    grace.say("Here again")
    ada.sees("Here again")


def test_rooms_are_apart_and_unread_messages_are_counted(open_page: Callable[..., Any]):
    ada, grace = open_page("Ada"), open_page("Grace", room="garden")

    ada.wait_for("#open-rooms .name:text-is('garden')")
    ada.call("click", "#open-rooms button")
    ada.wait_for("#room-title:text-is('garden')")
    ada.call("click", "#rooms .name:text-is('lobby')")
    grace.say("In the garden")

    ada.wait_for("#rooms button:has-text('garden') .badge:text-is('1')")
    ada.call("keyboardPress", "Alt+ArrowDown")
    ada.sees("In the garden")
    ada.call("click", "#leave")
    ada.wait_for("#room-title:text-is('lobby')")
    grace.wait_for("#room-count:text-is('Only you are here')")


def test_markup_in_names_and_texts_stays_text(open_page: Callable[..., Any]):
    mallory = open_page("<b>Mallory</b>")
    ada = open_page("Ada")

    mallory.say("<img src=x onerror='document.title=1'><script>alert(1)</script>")

    ada.sees("<script>alert(1)</script>")
    assert (
        ada.call("evaluate", "document.querySelectorAll('#log img, #log script, #log b').length")
        == 0
    )
    assert ada.call("textContent", ".author") == "<b>Mallory</b>"


def test_a_restarted_server_gets_its_people_and_their_waiting_messages_back(
    chat: Any, open_page: Callable[..., Any]
):
    ada, grace = open_page("Ada"), open_page("Grace")

    chat.stop()
    ada.wait_for("#notice:has-text('The connection is lost')")
    ada.wait_for("#transport:text-is('offline')")
    ada.say("Written while offline")
    ada.wait_for(".own .tick[data-state=waiting]")
    chat.start()

    ada.wait_for(".own .tick[data-state=sent], .own .tick[data-state=delivered]")
    grace.wait_for("#transport:text-is('websocket')")
    grace.sees("Written while offline")
    for page in (ada, grace):
        assert all("net::ERR_" in p or "WebSocket" in p for p in page.problems())


def test_a_refused_name_is_explained(chromium: Any, chat: Any):
    page = chromium.open("page", chat.url)
    page.call("evaluate", "document.querySelector('#enter-name').maxLength = 99")

    page.call("fill", "#enter-name", "a" * 30)
    page.call("press", "#enter-name", "Enter")

    page.wait_for("#enter-error:has-text('name must be a text of 1 to 24 characters')")
    # the client gives up the upgrade or the poll that it had begun, and Chromium says so: before
    # the answer of the server, or after it has found the session closed
    given_up = ("closed before the connection", "Unexpected response code: 400", "(Bad Request)")
    problems = [found for found in page.problems() if not any(text in found for text in given_up)]
    assert problems == []


def test_a_phone_has_everything_within_its_screen(open_page: Callable[..., Any]):
    phone, ada = open_page("Phone", phone=True), open_page("Ada")
    long_word = "long" * 60

    ada.say(long_word)
    phone.sees(long_word)
    phone.call("tap", "#panel-open")
    phone.wait_for("#members li:has-text('Ada')")
    phone.call("tap", "#panel-close")
    phone.wait_for("#members", "hidden")
    phone.say("From the phone")

    ada.sees("From the phone")
    assert phone.call("evaluate", "document.documentElement.scrollWidth") == 390
    small = "[...document.querySelectorAll('.talk button:not(.photo *), .talk label.icon')]" + (
        ".filter(e => e.checkVisibility() && e.getBoundingClientRect().height < 32).map(e => e.id)"
    )
    assert phone.call("evaluate", small) == []


def test_every_control_has_a_name_and_the_keyboard_is_enough(open_page: Callable[..., Any]):
    ada = open_page("Ada")

    unnamed = ada.call(
        "evaluate",
        "[...document.querySelectorAll('button, input, textarea')].filter(e => !e.ariaLabel"
        " && !e.textContent.trim() && !e.labels?.length).map(e => e.outerHTML)",
    )
    assert unnamed == []
    live = "['log', 'typing', 'notice'].map(id => document.getElementById(id).role"
    live += " ?? document.getElementById(id).ariaLive)"
    assert ada.call("evaluate", live) == ["log", "polite", "status"]

    ada.call("focus", "#join-room")
    ada.call("keyboardType", "garden")
    ada.call("keyboardPress", "Enter")
    ada.wait_for("#room-title:text-is('garden')")
    ada.call("keyboardType", "Written without a mouse")
    ada.call("keyboardPress", "Enter")
    ada.sees("Written without a mouse")
    ada.call("keyboardPress", "Alt+ArrowUp")
    ada.wait_for("#room-title:text-is('lobby')")


@pytest.mark.parametrize(
    ("event", "data", "error"),
    [
        ("join", None, "room must be a text of 1 to 24 characters"),
        ("join", {"room": "x" * 25}, "room must be a text of 1 to 24 characters"),
        ("join", {"room": "a\nb"}, "room must be a single line"),
        ("join", ["lobby"], "room must be a text of 1 to 24 characters"),
        ("leave", {"room": "elsewhere"}, "you are not in elsewhere"),
        ("message", {"room": "elsewhere", "text": "hi"}, "you are not in elsewhere"),
        ("message", {"room": "lobby", "text": " "}, "text must be a text of 1 to 2000 characters"),
        ("message", {"room": "lobby", "text": 7}, "text must be a text of 1 to 2000 characters"),
        (
            "message",
            {"room": "lobby", "picture": b"<svg/>"},
            "a picture must be the content of a PNG, JPEG, GIF or WebP file",
        ),
        (
            "message",
            {"room": "lobby", "picture": b"GIF8" + bytes(500_000)},
            "a picture may have 500 kB at most",
        ),
        ("typing", {"room": "elsewhere"}, "you are not in elsewhere"),
    ],
)
async def test_bad_input_is_answered_with_its_error(chat: Any, event: str, data: Any, error: str):
    client = socketio.AsyncClient()
    await client.connect(chat.url, auth={"name": "Mallory"}, transports=["websocket"])
    await client.call("join", {"room": "lobby"})

    assert await client.call(event, data, timeout=10) == {"ok": False, "error": error}

    await client.disconnect()


async def test_a_taken_name_gets_a_number(chat: Any):
    names: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    clients = [socketio.AsyncClient(), socketio.AsyncClient()]
    for client in clients:
        client.on("welcome", names.put)
        await client.connect(chat.url, auth={"name": "Ada"})

    assert [await names.get(), await names.get()] == [{"name": "Ada"}, {"name": "Ada 2"}]
    for client in clients:
        await client.disconnect()


def test_a_terminal_joins_the_chat(chat: Any, open_page: Callable[..., Any]):
    ada = open_page("Ada")
    command = [sys.executable, "-m", "socketio", chat.url, "--auth", '{"name": "Terminal"}']
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as terminal:
        print('/call join {"room": "lobby"}', file=terminal.stdin, flush=True)
        ada.wait_for("#members li:has-text('Terminal')")
        print("Typed in a terminal", file=terminal.stdin, flush=True)
        ada.sees("Typed in a terminal")
        ada.say("Seen in a browser")
        assert any("Seen in a browser" in line for line in iter(terminal.stdout.readline, ""))
        print("/quit", file=terminal.stdin, flush=True)
    assert terminal.returncode == 0
    ada.wait_for("#room-count:text-is('Only you are here')")


async def test_a_plain_text_goes_to_the_room_that_its_author_is_in(chat: Any):
    messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    clients = [socketio.AsyncClient(), socketio.AsyncClient()]
    for number, client in enumerate(clients):
        await client.connect(chat.url, auth={"name": f"Terminal {number}"})
        await client.call("join", {"room": "lobby"})
    clients[1].on("message", messages.put)

    await clients[0].emit("message", "typed")

    assert (await asyncio.wait_for(messages.get(), 10))["text"] == "typed"
    for client in clients:
        await client.disconnect()
