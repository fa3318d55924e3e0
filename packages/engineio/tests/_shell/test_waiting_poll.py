from __future__ import annotations

from threading import Event

from shell_support import text

from engineio._shell.waiting_poll import WaitingPoll


def test_the_first_write_is_the_answer() -> None:
    poll = WaitingPoll(Event())
    first = [text("4a")]

    poll.write(first)
    poll.write([text("4b")])
    poll.abort()

    assert poll.wait() == first
    assert (poll.buffered, poll.unsent) == (0, 0)


def test_a_poll_that_ends_without_a_word_has_no_answer() -> None:
    poll = WaitingPoll(Event())

    poll.close(1000)
    poll.write([text("4a")])

    assert poll.wait() is None
