"""Draw the picture of the chat example that the READMEs show, from a real conversation.

Two people chat, one on a desktop and one on a phone; a picture travels; both screens are put
side by side.  Usage: ``python screenshot.py [FILE]`` (default: docs/images/chat.png).
"""

from __future__ import annotations

import sys
from base64 import b64encode
from pathlib import Path

from conftest import DESKTOP, PHONE, SERVER, ChatServer, Chromium, Page

PICTURE = Path(__file__).with_name("picture.svg")
OUTPUT = SERVER.parents[2] / "images" / "chat.png"
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


def main(output: Path) -> None:
    output.parent.mkdir(parents=True, exist_ok=True)
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
        output.write_bytes(sheet.screenshot())
    finally:
        chromium.close()
        server.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else OUTPUT)
