"""The record of a dead letter: what could not be used, as it came, with the reason and where it came from."""

from detector.config import Config
from detector.kafka.group import Record
from detector.kafka.outbox import Out
from detector.kafka.unpacking import UnreadBatch, size_of
from detector.pipeline.intake import DeadLetter

NOTHING = b""
"""The value of a record that would have neither key nor value: clients refuse to send one."""


def dead_letter(config: Config, dead: DeadLetter, record: Record, again: bool = False) -> Out:
    """Key, value and headers of `record` untouched; none of them where it is too large or config says so.

    Nor where it comes `again`, for another of its events: a record of thousands of bad ones is written once.
    Of a batch that could not be read the value is the batch, as it came.
    """
    batch = isinstance(record, UnreadBatch)
    reference = [  # the names are public: schemas/detector.dead-letters.json
        ("reason", str(dead.reason)),
        ("field", dead.field),
        ("detail", dead.detail),
        ("topic", record.topic),
        ("partition", str(record.partition)),
        ("offset", str(record.first if batch else record.offset)),
    ]
    if batch:
        reference.append(("last_offset", str(record.offset)))
    ours = [(name, value.encode()) for name, value in reference]
    ingest, topic = config.ingest, config.topics.dead_letters
    if again or not ingest.dead_letter_bytes or size_of(record) > ingest.max_record_bytes:
        return Out(topic, NOTHING, headers=ours)
    value = NOTHING if record.key is None and record.value is None else record.value
    return Out(topic, value, record.key, headers=[*record.headers, *ours])
