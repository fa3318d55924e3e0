"""A topic of Apache Kafka: publishing to it and reading it, without a consumer group.

Everything here blocks.  ``KafkaManager`` uses it from its threads, ``AsyncKafkaManager`` from two
of its own: the package kafka-python has no asyncio interface.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

from .base_pubsub_manager import LISTEN_TIMEOUT, NotSent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._gathering import Gathering

CONNECT_TIMEOUT = 2.5
"""Seconds in which one of the given brokers has to answer."""

METADATA_TIMEOUT = 1.5
"""Seconds in which it has to say, or to decide, where the topic is."""

REQUEST_TIMEOUT = 4.0
"""Seconds in which a broker has to answer any other request."""

DELIVERY_TIMEOUT = 5.0
"""Seconds in which a message has to be accepted.  Within them kafka-python connects and sends
again; Kafka knows a message that it has already and does not take it twice."""

CHECK_INTERVAL = 5.0
"""Seconds without messages after which the broker is asked whether it is still there."""

RESUME_LIMIT = 300.0
"""Seconds after which a listener that was cut off does not go on where it was, but with what comes
next; RabbitMQ's queues live as long."""

RECONNECT_MAX = 2.0
"""Longest pause of kafka-python between two attempts to connect, seconds."""


def servers(url: str | Sequence[str]) -> list[str]:
    """Return ``host:port`` of each broker; ``kafka://`` alone is localhost:9092."""
    urls = [url] if isinstance(url, str) else url
    return [one.removeprefix("kafka://") or "localhost:9092" for one in urls]


def build(kind: Any, *args: Any, **options: Any) -> Any:
    """Return a ``KafkaProducer`` or ``KafkaConsumer``, or leave nothing behind.

    kafka-python 3.0 forgets the thread and the sockets of a consumer that finds no broker.
    """
    make_client = options.pop("kafka_client", kind.DEFAULT_CONFIG["kafka_client"])
    clients: list[Any] = []

    def remember_client(**configuration: Any) -> Any:
        clients.append(make_client(**configuration))
        return clients[-1]

    try:
        return kind(*args, kafka_client=remember_client, **options)
    except BaseException:
        for client in clients:
            client.close()
        raise


class TopicWriter:
    """Publishes to a topic; for one thread at a time.

    :param kafka: the package.
    :param url: one or several of ``kafka://host:port``.
    :param topic: its name; Kafka creates it, if it is configured to do so.
    :param key: what is published with the same key goes to the same partition and stays in order.
    :param options: further arguments of ``KafkaProducer``.
    :param gathering: of the process.  Only readers that have never been there have to be waited
        for; the others go on where they were cut off.
    """

    def __init__(
        self,
        kafka: Any,
        url: str | Sequence[str],
        topic: str,
        key: bytes,
        options: dict[str, Any],
        gathering: Gathering,
    ) -> None:
        self._kafka = kafka
        self._topic = topic
        self._key = key
        self._options = common_options(url) | options
        self._refusals: tuple[type[Exception], ...] = (
            kafka.errors.MessageSizeTooLargeError,
            kafka.errors.RecordListTooLargeError,
            kafka.errors.InvalidRecordError,
        )
        self._producer: Any = None
        self._gathering = gathering

    def send(self, payloads: Sequence[bytes]) -> list[Exception]:
        """Publish messages; return when the topic has them, and why it will never have others.

        ``NotSent`` if no broker could be reached; any other exception: some may be in the topic.
        """
        if self._producer is None:
            try:
                self._producer = build(
                    self._kafka.KafkaProducer,
                    max_block_ms=milliseconds(METADATA_TIMEOUT),
                    delivery_timeout_ms=milliseconds(DELIVERY_TIMEOUT),
                    **self._options,
                )
                self._producer.partitions_for(self._topic)
            except Exception as error:
                if not self._gathering.was_reached:
                    self._gathering.note_absence()
                raise NotSent from error
        self._gathering.wait()
        limit = monotonic() + DELIVERY_TIMEOUT + 0.5
        futures = [self._push(payload) for payload in payloads]
        refusals = [self._refusal(future, limit) for future in futures]
        return [refusal for refusal in refusals if refusal is not None]

    def _push(self, payload: bytes) -> Any:
        """Return the future of a message, or why it is refused."""
        try:
            return self._producer.send(self._topic, payload, self._key)
        except self._refusals as error:
            return error

    def _refusal(self, future: Any, limit: float) -> Exception | None:
        """Wait until Kafka has a message; return why it is refused if it is."""
        if isinstance(future, Exception):
            return future
        try:
            future.get(timeout=max(0.0, limit - monotonic()))
        except self._refusals as error:
            return error
        return None

    def close(self) -> None:
        """Close the connections, give up what has not been sent; ``send`` connects again."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.close(timeout=0)


class TopicReader:
    """Reads a topic, all partitions of it; for one thread at a time.

    Arguments as ``TopicWriter``; ``options`` are those of ``KafkaConsumer``.
    """

    def __init__(
        self, kafka: Any, url: str | Sequence[str], topic: str, options: dict[str, Any]
    ) -> None:
        self._kafka = kafka
        self._topic = topic
        self._options = common_options(url) | options
        self._consumer: Any = None
        self._offsets: dict[Any, int] = {}
        self._last_answer = monotonic()

    def open(self) -> None:
        """Connect, and stand where the next message will be, or where we were cut off."""
        self._consumer = consumer = build(
            self._kafka.KafkaConsumer,
            self._topic,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="latest",
            **self._options,
        )
        limit = monotonic() + METADATA_TIMEOUT
        while not consumer.assignment():
            if monotonic() > limit:
                raise ConnectionError(f"there is no topic {self._topic}")
            consumer.poll(timeout_ms=100)
        if monotonic() - self._last_answer > RESUME_LIMIT:
            self._offsets.clear()
        for partition in consumer.assignment():
            if partition in self._offsets:
                consumer.seek(partition, self._offsets[partition])
            else:
                timeout_ms = milliseconds(REQUEST_TIMEOUT)
                self._offsets[partition] = consumer.position(partition, timeout_ms=timeout_ms)
        self._last_answer = monotonic()

    def read(self) -> list[bytes]:
        """Return what has come, empty if nothing has within ``LISTEN_TIMEOUT``.

        Raises if the brokers do not answer any more.
        """
        found = self._consumer.poll(timeout_ms=milliseconds(LISTEN_TIMEOUT))
        if not found:
            if monotonic() - self._last_answer > CHECK_INTERVAL:
                partitions = self._consumer.assignment()
                self._consumer.end_offsets(partitions, timeout_ms=milliseconds(REQUEST_TIMEOUT))
                self._last_answer = monotonic()
            return []
        self._last_answer = monotonic()
        for partition, records in found.items():
            self._offsets[partition] = records[-1].offset + 1
        return [record.value for records in found.values() for record in records]

    def close(self) -> None:
        """Close the connections; ``open`` may follow."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.close(autocommit=False, timeout_ms=0)


def common_options(url: str | Sequence[str]) -> dict[str, Any]:
    """Return what producers and consumers are both given."""
    return {
        "bootstrap_servers": servers(url),
        "bootstrap_timeout_ms": milliseconds(CONNECT_TIMEOUT),
        "request_timeout_ms": milliseconds(REQUEST_TIMEOUT),
        "reconnect_backoff_max_ms": milliseconds(RECONNECT_MAX),
        "metrics_enabled": False,
    }


def milliseconds(seconds: float) -> int:
    """Return seconds as Kafka counts them."""
    return int(seconds * 1000)
