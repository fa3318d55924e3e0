from __future__ import annotations

import sys
from typing import Any

import pytest
from request_support import FakeRequest

from engineio._shell.environ import NoBody, make_environ


def environ(**changed: Any) -> dict[str, Any]:
    details: dict[str, Any] = {
        "software": "framework",
        "uri": "/engine.io/%C3%A4?EIO=4",
        "version": "1.1",
        "body": NoBody(),
        "headers": [],
        "server": ("127.0.0.1", 5000),
        "client": ("10.0.0.1", 40000),
    }
    return make_environ(FakeRequest("EIO=4", scheme="https"), **{**details, **changed})


def test_it_is_what_wsgi_says_of_a_request() -> None:
    found = environ()

    assert found.pop("wsgi.errors") is sys.stderr
    assert isinstance(found.pop("wsgi.input"), NoBody)
    assert found == {
        "wsgi.version": (1, 0),
        "wsgi.async": True,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.url_scheme": "https",
        "SERVER_SOFTWARE": "framework",
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/engine.io/ä",
        "QUERY_STRING": "EIO=4",
        "RAW_URI": "/engine.io/%C3%A4?EIO=4",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "5000",
        "REMOTE_ADDR": "10.0.0.1",
        "REMOTE_PORT": "40000",
    }


def test_headers_have_the_names_of_wsgi_and_repeated_ones_are_joined() -> None:
    found = environ(
        headers=[
            ("x-One", "1"),
            ("Content-Type", "text/plain"),
            ("content-length", "3"),
            ("X-One", "2"),
        ]
    )

    assert found["HTTP_X_ONE"] == "1,2"
    assert (found["CONTENT_TYPE"], found["CONTENT_LENGTH"]) == ("text/plain", "3")
    assert not {"HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"} & found.keys()


@pytest.mark.parametrize("address", [None, "", "/run/app.sock"])
def test_a_socket_without_addresses_has_none(address: str | None) -> None:
    found = environ(server=address, client=address)

    assert (found["SERVER_NAME"], found["SERVER_PORT"]) == ("framework", "0")
    assert (found["REMOTE_ADDR"], found["REMOTE_PORT"]) == ("", "0")


def test_addresses_of_ipv6_have_more_parts() -> None:
    found = environ(client=("::1", 40000, 0, 0))

    assert (found["REMOTE_ADDR"], found["REMOTE_PORT"]) == ("::1", "40000")


async def test_there_is_no_body_to_read() -> None:
    assert await NoBody().read() == b""
    assert await NoBody().read(10) == b""
