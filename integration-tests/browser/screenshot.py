"""Draw the pictures that the READMEs and the guide show, into docs/images.

``chat.png``: two people chat, one on a desktop and one on a phone; a picture travels; both screens
are put side by side.  ``admin.png``: the Admin UI shows a cluster of two servers, both of which
have clients that talk.  Usage: ``python screenshot.py [chat] [admin]`` (default: both), with
``integration-tests`` in PYTHONPATH.
"""

from __future__ import annotations

import sys
import tempfile
import time
from base64 import b64encode
from contextlib import ExitStack
from pathlib import Path

from cluster.brokers.redis import Redis
from conftest import DESKTOP, PHONE, SERVER, AdminServer, ChatServer, Chromium, Page

import socketio

PICTURE = Path(__file__).with_name("picture.svg")
IMAGES = SERVER.parents[2] / "images"
LOCALE = {"locale": "en-GB", "reducedMotion": "reduce"}

SHEET = """
<style>
  body {{ margin: 0; width: 1580px; height: 890px; position: relative; background: #dfe5df; }}
  img {{ position: absolute; display: block; }}
  .desktop {{ left: 48px; top: 65px; width: 1120px; border-radius: 14px;
              box-shadow: 0 24px 60px rgb(30 50 40 / 0.22); }}
  .phone {{ right: 48px; top: 42px; width: 352px; border-radius: 40px; border: 9px solid #0c0e10;
            box-shadow: 0 28px 70px rgb(20 30 25 / 0.38); }}
</style>
<img class="desktop" src="data:image/png;base64,{desktop}">
<img class="phone" src="data:image/png;base64,{phone}">
"""


def greenhouse(chromium: Chromium) -> bytes:
    """Return the picture that travels, as a JPEG."""
    page = chromium.open("picture", "about:blank", {"viewport": {"width": 960, "height": 640}})
    style = "<style>body { margin: 0 } svg { display: block }</style>"
    page.call("setContent", style + PICTURE.read_text())
    return page.screenshot(kind="jpeg")


def converse(ada: Page, grace: Page, alan: Page, picture: bytes) -> None:
    for page in (alan, ada):
        page.call("fill", "#join-room", "garden")
        page.call("press", "#join-room", "Enter")
        page.wait_for("#room-title:text-is('garden')")
    ada.call("click", "#rooms .name:text-is('lobby')")
    alan.say("Seedlings are out")
    alan.call("click", "#rooms .name:text-is('lobby')")
    ada.say("Morning! Did the greenhouse survive the storm?")
    grace.sees("Did the greenhouse")
    grace.say("It did. Two panes cracked, nothing worse.")
    alan.sees("Two panes")
    alan.say("I can bring glass on Saturday")
    grace.sees("I can bring glass")
    grace.send_file("greenhouse.jpg", picture, "image/jpeg")
    ada.wait_for(".photo img")
    ada.say("What a light! Saturday it is.")
    ada.wait_for("#transport:text-is('websocket')")
    ada.wait_for(".own .tick[data-state=delivered] >> nth=1")
    grace.wait_for(".own .tick[data-state=delivered] >> nth=1")
    grace.call("type", "#text", "See you at ten, th")
    ada.wait_for("#typing:has-text('Grace is typing')")


def draw_chat() -> None:
    server, chromium = ChatServer(), Chromium()
    try:
        picture = greenhouse(chromium)
        ada = chromium.open("Ada", server.url, DESKTOP | LOCALE | {"deviceScaleFactor": 2})
        grace = chromium.open("Grace", server.url, PHONE | LOCALE | {"colorScheme": "dark"})
        alan = chromium.open("Alan", server.url, DESKTOP | LOCALE)
        for page in (ada, grace, alan):
            page.enter(page.name)
        converse(ada, grace, alan, picture)
        shots = {
            "desktop": b64encode(ada.screenshot()).decode(),
            "phone": b64encode(grace.screenshot()).decode(),
        }
        sheet = chromium.open("sheet", "about:blank", {"viewport": {"width": 1580, "height": 890}})
        sheet.call("setContent", SHEET.format(**shots))
        (IMAGES / "chat.png").write_bytes(sheet.screenshot())
    finally:
        chromium.close()
        server.stop()


ADMIN_SHEET = """
<style>
  body {{ margin: 0; width: 1580px; height: 1080px; position: relative; background: #dfe5df; }}
  img {{ position: absolute; display: block; border-radius: 14px;
         box-shadow: 0 24px 60px rgb(30 50 40 / 0.28); }}
</style>
<img style="left: 48px; top: 42px; width: 1240px" src="data:image/png;base64,{dashboard}">
<img style="right: 48px; bottom: 42px; width: 1080px" src="data:image/png;base64,{servers}">
"""
ADMIN_VIEW = {"viewport": {"width": 1380, "height": 960}, "deviceScaleFactor": 2} | LOCALE
TALK = 60.0
"""Seconds of talk that the page draws curves of; a point of them is ten seconds."""


def talk(clients: list[socketio.SimpleClient]) -> None:
    end = time.monotonic() + TALK
    while (rest := end - time.monotonic()) > 0:
        for client in clients[: 3 + int(rest) % 5]:
            client.emit("say", "Seedlings are out" if client is clients[0] else "Morning!")
        time.sleep(0.25)


def draw_admin() -> None:
    with ExitStack() as stack:
        redis = Redis(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        stack.callback(redis.stop)
        redis.start()
        urls = [
            stack.enter_context(AdminServer("--redis", redis.url, "--server-id", name, *more)).url
            for name, more in (("frankfurt-1", ()), ("frankfurt-2", ("--threads",)))
        ]
        chromium = Chromium()
        stack.callback(chromium.close)
        clients = []
        for number in range(8):
            clients.append(stack.enter_context(socketio.SimpleClient()))
            transport = "polling" if number == 5 else "websocket"
            clients[-1].connect(urls[number % 2], transports=[transport])
        page = chromium.open("admin", urls[0] + "/index.html", ADMIN_VIEW)
        for number, text in enumerate((urls[0], "admin")):
            page.call("fill", f".v-dialog input[type=text] >> nth={number}", text)
        page.call("fill", ".v-dialog input[type=password]", "changeit")
        page.call("click", ".v-dialog button[type=submit]")
        page.wait_for(".v-dialog", state="hidden")
        talk(clients)
        shots = {"dashboard": b64encode(page.screenshot()).decode()}
        page.call("setViewportSize", {"width": 1380, "height": 330})
        page.call("evaluate", "location.hash = '#/servers'")
        page.wait_for("tr:has-text('frankfurt-2'):has-text('HEALTHY')")
        shots["servers"] = b64encode(page.screenshot()).decode()
        sheet = chromium.open("sheet", "about:blank", {"viewport": {"width": 1580, "height": 1080}})
        sheet.call("setContent", ADMIN_SHEET.format(**shots))
        (IMAGES / "admin.png").write_bytes(sheet.screenshot())


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    wanted = sys.argv[1:] or ["chat", "admin"]
    if "chat" in wanted:
        draw_chat()
    if "admin" in wanted:
        draw_admin()
