"""`detector policy` names every topic, and every metric that carries a name."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from detector.cli import cli
from detector.config import Config
from detector.config.policy_file import Grant, PolicyFile
from detector.config.settings import Metrics as Limits
from detector.config.settings import Topics
from detector.kafka.plan import topics
from detector.metrics import USAGE_LABELS, Metrics
from detector.policy.tracked import HOLDS, tell
from detector.totals import NO_USE

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "privacy.md").read_text(encoding="utf-8")
NAMES = {*USAGE_LABELS, "user", "key", "run", "task", "task_type"}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.delenv("DETECTOR_CONFIG", raising=False)
    found: dict[str, Any] = json.loads(CliRunner().invoke(cli, ["policy", "--json"], standalone_mode=False).stdout)
    return found


def test_every_topic_that_a_deployment_has_is_named_with_what_it_holds(told: dict[str, Any]) -> None:
    assert {topic["topic"] for topic in told["topics"]} == {topic.name for topic in topics(Config())}
    names = {name for name, value in Topics().model_dump().items() if isinstance(value, str)}
    assert set(HOLDS) == names | {"sources"}


def test_every_metric_that_carries_a_name_is_named_with_its_labels(told: dict[str, Any]) -> None:
    metrics = Metrics(Limits())
    metrics.add_usage({("acme", "red", "fixer", "m"): NO_USE._make(1 for _ in NO_USE)})
    served: dict[str, set[str]] = {}
    for family in metrics.registry.collect():
        for sample in family.samples:
            if set(sample.labels) & NAMES and not sample.name.endswith("_created"):
                served.setdefault(sample.name, set()).update(sample.labels)
    named = {each["metric"]: set(each["labels"]) for each in told["metrics"]}
    assert served.items() <= named.items()
    assert len(served) >= 6
    made = {name for name, labels in metrics.labelled.items() if set(labels) & NAMES}
    assert set(named) == made


def test_every_metric_tells_its_labels() -> None:
    metrics = Metrics(Limits())
    made = {family.name for family in metrics.registry.collect() if family.name.startswith("detector_")}
    told = {name.removesuffix("_total") for name in metrics.labelled}
    assert made - told == {"detector_build"}


def test_every_scope_and_key_of_a_grant_is_explained() -> None:
    for name in (*Grant.model_fields, *PolicyFile.model_fields):
        assert re.search(rf"\b{name}\b", PAGE), name
    for scope in ("self", "team", "tenant"):
        assert f"\n| `{scope}` | " in PAGE


def test_nothing_is_read_to_tell_it() -> None:
    config = Config.model_validate({"privacy": {"pseudonym_key_file": "/no/such/file"}})
    assert tell(config, PolicyFile()).pseudonym_key == "the file /no/such/file"


def test_whom_a_stop_is_asked_of_is_named_by_host_alone() -> None:
    on = {"mode": "on", "url": "https://stopper.example/as-good-as-a-password", "secret": "s"}
    where = [board.where for board in tell(Config.model_validate({"stop": on}), PolicyFile()).boards]
    assert "stop.url at stopper.example:443" in where
    assert not any("stop" in board.where for board in tell(Config(), PolicyFile()).boards)
