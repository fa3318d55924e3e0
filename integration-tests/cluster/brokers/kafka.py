"""Apache Kafka: one node that is broker and controller, from the jars of ``make setup``."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from .process import START_TIMEOUT, Broker, Unavailable, accepts, free_port

CACHE = Path(__file__).parents[3] / ".cache" / "kafka"
JARS = CACHE / "jars"
CLUSTER_ID = "dGVzdHMtb2Ytc29ja2V0aQ"

JAVA_OPTIONS = (
    "-Xms64m",
    "-Xmx256m",
    "-XX:+UseSerialGC",
    # the quick compiler only: it starts in half the time
    "-XX:TieredStopAtLevel=1",
    "-Djava.net.preferIPv4Stack=true",
)

SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{advertised_port}
log.dirs={folder}/data
auto.create.topics.enable=true
num.partitions={partitions}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
# after a crash the controller waits for the old session to end before it lets the broker in
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
"""

LOGGING = """\
Configuration:
  Appenders:
    Console:
      name: Console
      PatternLayout:
        pattern: "%d %p %m (%c)%n"
  Loggers:
    Root:
      level: WARN
      AppenderRef:
        - ref: Console
"""


class Kafka(Broker):
    """One Kafka node that creates the topics it is asked for.

    :param partitions: how many a new topic has.
    """

    def __init__(self, folder: Path, partitions: int = 1) -> None:
        if shutil.which("java") is None:
            raise Unavailable("java is missing (package openjdk-17-jre-headless)")
        if not (CACHE / "installed").exists():
            raise Unavailable(
                f"Kafka is not in {JARS}: `make setup` could not reach Maven's server"
            )
        super().__init__(folder)
        self._controller_port = free_port()
        self._partitions = partitions
        self._settings = folder / "server.properties"

    @property
    def url(self) -> str:
        return f"kafka://127.0.0.1:{self.client_ports[0]}"

    def command(self) -> list[str]:
        return self._java("kafka.Kafka", str(self._settings))

    def is_ready(self) -> bool:
        """Return True once it listens: it opens the port when it serves."""
        return accepts(self.port)

    def start(self) -> None:
        if not self._settings.exists():
            self._prepare()
        super().start()

    def _prepare(self) -> None:
        """Write the settings, and what Kafka wants to find in an empty folder."""
        self._settings.write_text(
            SETTINGS.format(
                port=self.port,
                controller_port=self._controller_port,
                # clients go where they are told that it is, however they have found it
                advertised_port=self.client_ports[0],
                partitions=self._partitions,
                folder=self.folder,
            )
        )
        (self.folder / "log4j2.yaml").write_text(LOGGING)
        format_storage = ("format", "-t", CLUSTER_ID, "-c", str(self._settings))
        with self.log.open("ab") as log:
            subprocess.run(
                self._java("kafka.tools.StorageTool", *format_storage),
                stdout=log,
                stderr=log,
                check=True,
                timeout=START_TIMEOUT,
            )

    def _java(self, main: str, *arguments: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={self.folder}/log4j2.yaml"
        return ["java", *JAVA_OPTIONS, logging, "-cp", f"{JARS}/*", main, *arguments]
