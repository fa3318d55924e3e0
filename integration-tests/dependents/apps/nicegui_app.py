"""A page whose button changes a label: ``python nicegui_app.py PORT``."""

from __future__ import annotations

import sys

from nicegui import ui


@ui.page("/")
def index() -> None:
    label = ui.label("not pressed")
    ui.button("Press", on_click=lambda: label.set_text("pressed"))


ui.run(host="127.0.0.1", port=int(sys.argv[1]), reload=False, show=False)
