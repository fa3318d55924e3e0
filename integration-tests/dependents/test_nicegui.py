"""NiceGUI, whose pages are drawn through Socket.IO, in Chromium."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from browser.conftest import Chromium

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def chromium() -> Iterator[Chromium]:
    browser = Chromium()
    yield browser
    browser.close()


def test_a_button_changes_a_label(start: Callable[..., Any], chromium: Chromium) -> None:
    page = chromium.open("page", start("nicegui_app.py", "{port}").url)
    page.wait_for("text=not pressed")

    page.call("click", "button:has-text('Press')")

    page.wait_for("text=/^pressed$/")
    assert page.problems() == []
