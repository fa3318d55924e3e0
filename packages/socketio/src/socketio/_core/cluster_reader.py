"""What arrives on the channel of a cluster: read no further than it concerns this process.

Each process gets the messages of all, its own included, and most concern rooms in which it has
nobody, clients of others, and answers to others.  Those are looked at where both our and
python-socketio's messages say where they go and whence they come, and not parsed.

hot path: ``ClusterReader.read`` once per message of the channel (benchmark "cluster").
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .cluster import Acknowledge, parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from engineio._core.codec import Codec

    from .cluster import ClusterMessage, Fields

MAX_HOSTS = 4_096
"""Processes whose running numbers are remembered: less than 1 MB.  The oldest is forgotten."""

WINDOW = 256
"""Messages of a process back to which one that comes late is told from one that comes twice."""

_ALL = (1 << WINDOW) - 1

_ROOM = rb'"(?:[^"\\]|\\.)*"|-?[0-9][-+.0-9Ee]*'  # a name with escapes, or a number
_ORIGIN = rb'"host_id": ?"([^"\\]*)"(?:, ?"seq": ?([0-9]{1,18}))?\}'

# As they are anchored and no key can be written in two ways without a backslash, what matches is
# what a JSON parser would find, or no JSON at all.
_EMIT_END = re.compile(
    rb'"namespace": ?"([^"\\]*)", ?'
    rb'"room": ?(?:null|"([^"\\]*)"|(%b|\[[^]{}]*\])), ?'
    rb'"skip_sid": ?(?:null|"[^"\\]*"|\[[^]{}]*\]), ?'
    rb'"callback": ?(?:null|\[[^]{}]*\]), ?%b' % (_ROOM, _ORIGIN)
)
_ABOUT_CLIENT = re.compile(
    rb'\{"method": ?"(?:disconnect|(?:enter|leave)_room)", ?"sid": ?"([^"\\]*)", ?'
    rb'(?:"room": ?(?:%b), ?)?"namespace": ?"([^"\\]*)", ?%b' % (_ROOM, _ORIGIN)
)
_ANSWER_START = re.compile(rb'\{"method": ?"callback", ?"host_id": ?"([^"\\]*)"')


_NUMBER = re.compile(rb'"seq": ?[0-9]+\}')


def is_numbered(message: bytes) -> bool:
    """Return True if a message bears a running number, by which it is told when it comes twice."""
    return _NUMBER.fullmatch(message, max(message.rfind(b'"'), 4) - 4) is not None


class ClusterReader:
    """Reads and counts the messages that arrive at one process.  Single owner: the listener.

    :param host_id: of this process.
    :param codec: the JSON of the cluster.
    :param has_members: told a namespace and a room, ``None`` for everybody: False if certainly
        nobody in this process would receive what is sent there.
    :param is_here: told a sid and a namespace: False if the client is certainly not here.
    """

    def __init__(
        self,
        host_id: str,
        codec: Codec,
        has_members: Callable[[str, Any], bool],
        is_here: Callable[[str, str], bool],
    ) -> None:
        self.received = 0
        """Messages of other processes."""
        self.malformed = 0
        """Messages dropped: no JSON, no method or an unknown one, fields missing or unusable.

        Those that nobody here would get anyway are not looked at so closely.
        """
        self.duplicates = 0
        """Messages dropped because the broker has delivered them before."""
        self.missed = 0
        """Messages that other processes have numbered, and that have not come."""
        self.own_seq = 0
        """Running number of the last own message that has come back."""
        self._host_id = host_id
        self._host_id_bytes = host_id.encode()
        self._loads = codec.loads
        self._has_members = has_members
        self._is_here = is_here
        self._hosts: dict[bytes, Sequence] = {}

    def read(self, data: str | bytes | bytearray | Fields) -> ClusterMessage | None:
        """Return the message, or ``None`` if there is nothing to do; never raises."""
        try:
            if isinstance(data, dict):
                return self._read_fields(data)
            if type(data) is bytes:  # by far the most frequent
                raw = data
            else:
                raw = data.encode() if isinstance(data, str) else bytes(memoryview(data))
            end = _EMIT_END.fullmatch(raw, raw.rfind(b'"namespace"'))
            if end is not None:
                namespace, room, rooms, host, seq = end.groups()
                if not self._is_news(host, 0 if seq is None else int(seq)):
                    return None
                if rooms is not None:
                    concerns_us = self._has_members_in(namespace.decode(), rooms)
                else:
                    concerns_us = self._has_members(
                        namespace.decode(), None if room is None else room.decode()
                    )
                return parse(self._loads(raw.decode())) if concerns_us else None
            return self._read_other(raw)
        except (ValueError, TypeError, AttributeError, RecursionError):
            self.malformed += 1
            return None

    def _has_members_in(self, namespace: str, written: bytes) -> bool:
        """Return whether somebody here may be in a room, or in one of several, written as JSON."""
        rooms = self._loads(written.decode())
        return any(
            [
                self._has_members(namespace, room)
                for room in (rooms if isinstance(rooms, list) else [rooms])
            ]
        )

    def _read_other(self, raw: bytes) -> ClusterMessage | None:
        answer = _ANSWER_START.match(raw)
        if answer is not None and answer[1] != self._host_id_bytes:
            return None
        about = _ABOUT_CLIENT.fullmatch(raw)
        if about is not None:
            sid, namespace, host, seq = about.groups()
            if not self._is_news(host, 0 if seq is None else int(seq)):
                return None
            if not self._is_here(sid.decode(), namespace.decode()):
                return None
            return parse(self._loads(raw.decode()))
        return self._read_fields(self._loads(raw.decode()))

    def _read_fields(self, fields: Any) -> ClusterMessage | None:
        message = parse(fields)
        if isinstance(message, Acknowledge):
            if message.host_id != self._host_id:
                return None
            self.received += 1
            return message
        host = fields.get("host_id")
        seq = fields.get("seq")
        known = isinstance(host, str)
        if not self._is_news(
            host.encode() if known else b"", seq if known and type(seq) is int else 0
        ):
            return None
        return message

    def _is_news(self, host: bytes, seq: int) -> bool:
        """Take note of a running number, 0 for none; False for own and repeated messages."""
        if host == self._host_id_bytes:
            self.own_seq = max(seq, self.own_seq)
            return False
        if seq:
            sequence = self._hosts.get(host)
            if sequence is None:
                if len(self._hosts) >= MAX_HOSTS:
                    del self._hosts[next(iter(self._hosts))]
                self._hosts[host] = Sequence(seq)
            elif seq == sequence.last + 1:  # by far the most frequent
                sequence.advance()
            elif not self._find_place(sequence, seq):
                return False
        self.received += 1
        return True

    def _find_place(self, sequence: Sequence, seq: int) -> bool:
        before = sequence.missed
        is_news = sequence.take(seq)
        self.missed += sequence.missed - before
        self.duplicates += not is_news
        return is_news


class Sequence:
    """The running numbers of one process, which need not come in order.

    :param first: the first number that has come: what was before does not matter.
    """

    __slots__ = ("_first", "_seen", "last", "missed")

    def __init__(self, first: int) -> None:
        self._first = first
        self.last = first
        """The highest number that has come."""
        self._seen = 1
        """Bit n: the number n before the last one has come."""
        self.missed = 0
        """Numbers that have not come."""

    def advance(self) -> None:
        """Take note of the next number."""
        self.last += 1
        self._seen = self._seen << 1 & _ALL | 1

    def take(self, number: int) -> bool:
        """Take note of a number; False if it has come before."""
        ahead = number - self.last
        if ahead > 0:
            self.missed += ahead - 1
            self.last = number
            self._seen = (self._seen << ahead if ahead < WINDOW else 0) & _ALL | 1
            return True
        if ahead <= -WINDOW:
            # not late but a process that has begun anew
            self._first = self.last = number
            self._seen = 1
            return True
        bit = 1 << -ahead
        if self._seen & bit:
            return False
        self._seen |= bit
        if number >= self._first:
            self.missed -= 1
        return True
