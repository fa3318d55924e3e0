from __future__ import annotations

import pytest

from engineio._core.request import Reply


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (200, "200 OK"),
        (400, "400 BAD REQUEST"),
        (401, "401 UNAUTHORIZED"),
        (413, "413 REQUEST ENTITY TOO LARGE"),
    ],
)
def test_the_status_line_is_what_wsgi_wants(status: int, line: str) -> None:
    assert Reply(status).status_line.startswith(line.split()[0])
    if status != 413:  # renamed by newer versions of Python
        assert Reply(status).status_line == line


def test_replies_do_not_share_headers() -> None:
    Reply(200).headers.append(("A", "b"))

    assert Reply(200).headers == []
