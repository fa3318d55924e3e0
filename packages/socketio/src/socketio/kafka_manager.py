"""The client manager of a cluster around Apache Kafka, for threads and greenlets."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar

from ._gathering import Gathering
from ._kafka import TopicReader, TopicWriter
from ._packages import check_patched, load_package
from .base_pubsub_manager import MAX_PENDING_BYTES, MAX_PENDING_PUBLISHES
from .pubsub_manager import PubSubManager

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engineio.typing import JSONModule, LoggerLike

logger: logging.Logger = logging.getLogger("socketio")
"""What a manager without a server and without a logger of its own logs to."""


class KafkaManager(PubSubManager):
    """Passes messages on through a topic of Apache Kafka.

    :param url: ``kafka://host:port``, or a list of several brokers of one Kafka cluster.
    :param channel: the name of the topic (default ``socketio``).
    :param write_only: only emit, for processes without a server.
    :param logger: a logger; default that of the server.
    :param json: object with ``dumps`` and ``loads`` for a manager without a server.
    :param kafka_options: further arguments of ``KafkaProducer`` and ``KafkaConsumer``, such as
        ``security_protocol``.
    :param max_pending_publishes: as of ``PubSubManager``.
    :param max_pending_bytes: as of ``PubSubManager``.

    What one process emits arrives in order, however many partitions the topic has.
    ``RuntimeError`` if the package ``kafka-python`` is missing.
    """

    name: ClassVar[str] = "kafka"
    max_batch: ClassVar[int] = 500

    def __init__(
        self,
        url: str | Sequence[str] = "kafka://localhost:9092",
        channel: str = "socketio",
        write_only: bool = False,
        logger: LoggerLike | None = None,
        json: JSONModule | None = None,
        *,
        kafka_options: dict[str, Any] | None = None,
        max_pending_publishes: int = MAX_PENDING_PUBLISHES,
        max_pending_bytes: int = MAX_PENDING_BYTES,
    ) -> None:
        self._kafka = load_package("kafka", self, "kafka-python", "kafka")
        super().__init__(
            channel=channel,
            write_only=write_only,
            logger=logger,
            json=json,
            max_pending_publishes=max_pending_publishes,
            max_pending_bytes=max_pending_bytes,
        )
        self.url = url
        self.kafka_options: dict[str, Any] = kafka_options or {}
        self._gathering = Gathering()
        self._writer: TopicWriter | None = None
        self._topic_reader = self._new_reader()
        self._inherited: list[Any] = []

    def initialize(self) -> None:
        """Start listening; ``RuntimeError`` under greenlets whose sockets are not patched."""
        check_patched(self.server, "kafka-python")
        super().initialize()

    def _new_writer(self) -> TopicWriter:
        key = self.host_id.encode()
        return TopicWriter(
            self._kafka, self.url, self.channel, key, self.kafka_options, self._gathering
        )

    def _new_reader(self) -> TopicReader:
        return TopicReader(self._kafka, self.url, self.channel, self.kafka_options)

    def _send(self, payloads: Sequence[bytes]) -> None:
        if self._writer is None:
            self._writer = self._new_writer()
        for error in self._writer.send(payloads):
            self._refused(error)

    def _close_sender(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def _listen(self) -> Iterator[str | bytes | dict[str, Any] | None]:
        topic = self._topic_reader
        try:
            topic.open()
            self._subscribed()
            while True:
                yield from topic.read() or (None,)
        finally:
            topic.close()

    def _forget_connections(self) -> None:
        # kept for ever: a finalizer would wait for a thread that only the parent process has
        self._inherited += [self._writer, self._topic_reader]
        self._writer = None
        self._topic_reader = self._new_reader()
