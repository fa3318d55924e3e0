"""Messages that a broker may deliver a second time, because it has not got their acknowledgement.

For those that bear no running number; ``ClusterReader`` tells the others.
"""

from __future__ import annotations

from collections import Counter, deque


class Redeliveries:
    """What was received and may come again.  Equal messages are told apart by how many they were.

    :param limit: how many messages the broker sends ahead of their acknowledgement.
    """

    __slots__ = ("_expected", "_unsettled")

    def __init__(self, limit: int) -> None:
        self._unsettled: deque[int] = deque(maxlen=limit)
        self._expected: Counter[int] = Counter()

    @property
    def has_unsettled(self) -> bool:
        """Whether there is a message of which the broker may not know that it was received."""
        return bool(self._unsettled)

    def settle(self) -> None:
        """Note that the broker has got all acknowledgements."""
        self._unsettled.clear()

    def connect(self) -> None:
        """Note that there is a new connection: what was not settled may come now, and first."""
        self._expected = Counter(self._unsettled)

    def is_repeated(self, content: bytes, is_redelivered: bool) -> bool:
        """Take note of a message; return True if it was received before.

        :param is_redelivered: whether the broker says that it has sent it before; it may have got
            lost on the way.
        """
        key = hash(content)
        if not is_redelivered:
            self._expected.clear()
        elif self._expected[key]:
            self._expected[key] -= 1
            return True
        self._unsettled.append(key)
        return False
