from __future__ import annotations

from engineio._core.reason import Reason


def test_the_strings_are_those_that_applications_compare_with() -> None:
    reasons = {name: value for name, value in vars(Reason).items() if name.isupper()}

    assert reasons == {
        "SERVER_DISCONNECT": "server disconnect",
        "CLIENT_DISCONNECT": "client disconnect",
        "PING_TIMEOUT": "ping timeout",
        "TRANSPORT_CLOSE": "transport close",
        "TRANSPORT_ERROR": "transport error",
    }
