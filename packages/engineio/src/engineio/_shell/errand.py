"""Calls that nothing can interrupt, whose callers can stop waiting for them all the same."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

from .workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_workers = Workers()


class Errand(Generic[T]):
    """A function that runs in a thread of its own from now on.

    :param function: what to run; it should end by itself before long.
    :param discard: called with the result if nobody waits for it any more.
    """

    def __init__(
        self, function: Callable[[], T], discard: Callable[[T], object] | None = None
    ) -> None:
        self._function = function
        self._discard = discard
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._results: list[T] = []
        self._error: BaseException | None = None
        _workers.start(self._run)

    def wait(self, timeout: float) -> T:
        """Return the result, or raise what the function raised.

        Raises ``TimeoutError`` after ``timeout`` seconds.
        """
        try:
            self._over.wait(timeout)
        finally:
            self.give_up(TimeoutError(f"no response in {timeout:.1f} seconds"))
        if self._error is not None:
            raise self._error
        return self._results[0]

    def give_up(self, error: BaseException) -> None:
        """Let the one who waits raise ``error``, unless the function has ended."""
        with self._lock:
            if not self._over.is_set():
                self._error = error
                self._over.set()

    def _run(self) -> None:
        results: list[T] = []
        error: BaseException | None = None
        try:
            results.append(self._function())
        except BaseException as caught:
            error = caught
        with self._lock:
            if not self._over.is_set():
                self._results, self._error = results, error
                self._over.set()
                return
        if results and self._discard is not None:
            self._discard(results[0])
