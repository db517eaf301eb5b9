"""Whatever `detector link` makes, the schema allows and ingest takes; what it refuses would be a dead letter."""

import datetime as dt

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from detector.config import Config
from detector.errors import BadInput
from detector.pipeline.intake import DeadLetter, Intake, SourceRecord
from detector.sources.linking import make_link
from detector.sources.native import encode
from tests.contract import walking as w

NOW_S = 1_795_166_043.25  # 20 November 2026
DAY = dt.timedelta(days=1)
NOW = dt.datetime.fromtimestamp(NOW_S, dt.UTC)
texts = st.text(max_size=4) | st.sampled_from(["x" * 512, "x" * 513, "😀" * 512])
zones = st.integers(-1439, 1439).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))
times = st.builds(
    lambda days, zone: (NOW + days * DAY).astimezone(zone).isoformat(),
    st.floats(-101.0, 1.1) | st.sampled_from([0.0, 1.0, -100.0]),
    zones,
)
links = st.fixed_dictionaries(
    {"run": texts},
    optional={"task": texts, "parent_run": texts, "tenant": texts, "source": texts, "id": texts, "time": times | texts},
)


def refused(value: bytes) -> list[DeadLetter]:
    intake = Intake(Config(), partitions=1)
    intake.take(1 << 16, "status", [SourceRecord(0, value, NOW_S)])
    return intake.flush({}).dead_letters


def sent(told: dict[str, str]) -> bytes | None:
    try:
        return encode(make_link(Config().ingest, NOW_S, **told))  # type: ignore[arg-type]
    except BadInput:
        return None


@w.calmly
@given(links)
def test_what_is_sent_is_taken_and_what_would_not_be_is_not_sent(told: dict[str, str]) -> None:
    value = sent(told)
    if value is None:
        assert len(refused(msgspec.json.encode({"type": "link", "id": "l", "time": NOW_S, **told}))) == 1
    else:
        assert refused(value) == []
        w.validator("task.status").validate(msgspec.json.decode(value))
