"""Calls that nothing can interrupt, whose callers can stop waiting for them all the same."""

from __future__ import annotations

import threading
import traceback
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
    :param cut: called when nobody waits any more, to make it end sooner.
    """

    def __init__(
        self,
        function: Callable[[], T],
        discard: Callable[[T], object] | None = None,
        cut: Callable[[], object] | None = None,
    ) -> None:
        self._function = function
        self._discard = discard
        self._cut = cut
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
        error, self._error = self._error, None
        if error is None:
            return self._results.pop()
        try:
            raise error
        finally:
            del error  # its traceback holds this frame, and connections

    def give_up(self, error: BaseException) -> None:
        """Let the one who waits raise ``error``, unless the function has ended."""
        if self._end(error=error) and self._cut is not None:
            self._cut()

    def _run(self) -> None:
        try:
            result = self._function()
        except BaseException as error:
            _release_frames(error)
            self._end(error=error)
        else:
            if not self._end(result) and self._discard is not None:
                self._discard(result)

    def _end(self, *results: T, error: BaseException | None = None) -> bool:
        """Have the outcome waited for; False if it has been before."""
        with self._lock:
            if self._over.is_set():
                return False
            self._results = list(results)
            self._error = error
            self._over.set()
            return True


def _release_frames(error: BaseException) -> None:
    """Let ended frames hold nothing: urllib3's hold their exceptions, and its connections."""
    link: BaseException | None = error
    while link is not None:
        traceback.clear_frames(link.__traceback__)
        link = link.__cause__ or link.__context__
