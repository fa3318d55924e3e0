from __future__ import annotations

from typing import TYPE_CHECKING

from request_support import ServerOptions

from engineio._core import options

if TYPE_CHECKING:

    def _the_options_of_the_tests_are_options(value: ServerOptions) -> options.Options:
        return value


def test_the_options_are_those_that_the_tests_have() -> None:
    names = set(options.Options.__annotations__) | {"compression_methods"}

    assert names == set(ServerOptions.__dataclass_fields__)
