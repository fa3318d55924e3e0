from __future__ import annotations

import pytest

from engineio._shell.logs import one_line


@pytest.mark.parametrize("text", ["", "echo", "my event", "/chat", "h\u00e9 \u4f60", 'a"b', "a\\b"])
def test_printable_text_is_logged_as_it_is(text: str) -> None:
    assert one_line(text) == text


@pytest.mark.parametrize(
    ("text", "logged"),
    [
        ("a\nINFO: forged", "a\\nINFO: forged"),
        ("a\r\tb", "a\\r\\tb"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\u2028b\x85", "a\\u2028b\\x85"),
        ("\u202egnp", "\\u202egnp"),
        ("\ud800", "\\ud800"),
        ("é\n", "é\\n"),
    ],
)
def test_what_could_forge_a_line_is_escaped(text: str, logged: str) -> None:
    assert one_line(text) == logged
