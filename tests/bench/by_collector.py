"""Bodies go to a real collector, which writes them to an embedded broker: what becomes of them."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from confluent_kafka import Consumer, TopicPartition

from detector.kafka.embedded import EmbeddedBroker
from detector.sources import otlp
from tests.support.collector import Collector

SIGNALS = {"otlp_logs": "logs", "otlp_spans": "traces"}
"""By format."""
RECORDS: dict[str, Callable[[bytes], list[otlp.Record]]] = {"otlp_logs": otlp.logs, "otlp_spans": otlp.spans}
PATIENCE_S = 60.0
POLL_S = 0.2

Body = tuple[str, bytes]


@contextmanager
def by_collector() -> Iterator[Callable[[list[Body]], list[Body]]]:
    """A function that sends bodies and gives what arrived, as many records; what is no OTLP it gives back."""
    with EmbeddedBroker() as broker, TemporaryDirectory(prefix="detector-otelcol-") as directory:
        for topic in SIGNALS:
            broker.create_topic(topic, 1)
        collector = Collector(Path(directory), broker.bootstrap, *SIGNALS, embedded=True)
        # Without auto.offset.reset a reader that the broker outruns fails; the embedded one forgets old records.
        settings = {"bootstrap.servers": broker.bootstrap, "group.id": "-", "auto.offset.reset": "error"}
        reader = Consumer({**settings, "enable.auto.commit": False, "fetch.message.max.bytes": 1 << 24})
        try:
            reader.assign([TopicPartition(topic, 0, 0) for topic in SIGNALS])
            yield lambda bodies: _sent(collector, reader, bodies)
        finally:
            reader.close()
            collector.kill()


def _sent(collector: Collector, reader: Consumer, bodies: list[Body]) -> list[Body]:
    out, left = [], 0
    for format, body in bodies:
        if format in SIGNALS:
            left += len(RECORDS[format](body))
            collector.send(SIGNALS[format], body)
        else:
            out.append((format, body))
    deadline = time.monotonic() + PATIENCE_S
    while left > 0:
        assert time.monotonic() < deadline, f"{left} records did not arrive"
        message = reader.poll(POLL_S)
        if message is not None:
            assert not message.error(), message.error()
            format, value = message.topic(), message.value()
            left -= len(RECORDS[format](value))
            out.append((format, value))
    return out
