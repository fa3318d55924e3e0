"""The client manager of a cluster around Apache Kafka, for asyncio.

The package kafka-python waits in threads.  So there are two here, one that publishes and one that
reads; the event loop waits for neither, and hands over up to 500 messages at a time.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ClassVar

from ._gathering import Gathering
from ._kafka import TopicReader, TopicWriter
from ._packages import load_package
from .async_pubsub_manager import AsyncPubSubManager
from .base_pubsub_manager import MAX_PENDING_BYTES, MAX_PENDING_PUBLISHES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from engineio.typing import JSONModule, LoggerLike


class AsyncKafkaManager(AsyncPubSubManager):
    """Passes messages on through a topic of Apache Kafka.

    :param url: ``kafka://host:port``, or a list of several brokers of one Kafka cluster.
    :param channel: the name of the topic (default ``socketio``).
    :param write_only: only emit, for processes without a server.
    :param logger: a logger; default that of the server.
    :param json: object with ``dumps`` and ``loads`` for a manager without a server.
    :param kafka_options: further arguments of ``KafkaProducer`` and ``KafkaConsumer``, such as
        ``security_protocol``.
    :param max_pending_publishes: as of ``AsyncPubSubManager``.
    :param max_pending_bytes: as of ``AsyncPubSubManager``.

    What one process emits arrives in order, however many partitions the topic has.
    ``RuntimeError`` if the package ``kafka-python`` is missing.
    """

    name: ClassVar[str] = "asynckafka"
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
        self._writing: ThreadPoolExecutor | None = None
        self._topic_reader = self._new_reader()
        self._inherited: list[Any] = []

    def _new_writer(self) -> TopicWriter:
        key = self.host_id.encode()
        return TopicWriter(
            self._kafka, self.url, self.channel, key, self.kafka_options, self._gathering
        )

    def _new_reader(self) -> TopicReader:
        return TopicReader(self._kafka, self.url, self.channel, self.kafka_options)

    async def _send(self, payloads: Sequence[bytes]) -> None:
        if self._writer is None or self._writing is None:
            self._writer = self._new_writer()
            self._writing = ThreadPoolExecutor(1, "publishes to Kafka")
        loop = asyncio.get_running_loop()
        for error in await loop.run_in_executor(self._writing, self._writer.send, payloads):
            self._refused(error)

    async def _close_sender(self) -> None:
        writer, self._writer = self._writer, None
        thread, self._writing = self._writing, None
        if writer is not None and thread is not None:
            # after what it may be doing still, which ends by itself
            thread.submit(writer.close)
            thread.shutdown(wait=False)

    async def _listen(self) -> AsyncIterator[str | bytes | dict[str, Any] | None]:
        run = asyncio.get_running_loop().run_in_executor
        topic = self._topic_reader
        thread = ThreadPoolExecutor(1, "reads from Kafka")
        try:
            await run(thread, topic.open)
            self._subscribed()
            while True:
                for message in await run(thread, topic.read) or (None,):
                    yield message
        finally:
            closed = run(thread, topic.close)
            thread.shutdown(wait=False)
            await closed

    def _forget_connections(self) -> None:
        # kept for ever: a finalizer would wait for a thread that only the parent process has
        self._inherited += [self._writer, self._writing, self._topic_reader]
        self._writer = self._writing = None
        self._topic_reader = self._new_reader()
