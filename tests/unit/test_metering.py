"""The dollars of a call: what it says, what a list of one's own says, and which of them counts."""

import json
from pathlib import Path
from typing import Any

import pytest

from detector.config import Config
from detector.errors import ConfigError
from detector.metrics import Metrics
from detector.model import packed as pk
from detector.model.packed import decode_packed
from detector.pipeline.ingest_metrics import IngestMetrics
from detector.pipeline.intake import Intake, SourceRecord
from tests.support.judged import Event, call

USAGE = {"usage": {"input_tokens": 100_000}}
LIST = """
[[price]]
model = "made-up"
tenant = "acme"
input_usd_per_mtok = 50
"""


@pytest.fixture
def taken(tmp_path: Path) -> Any:
    """Dollars and flags of a call of acme's as it is packed, under such a list."""
    (tmp_path / "own.toml").write_text(LIST)

    def money(event: Event, **prices: Any) -> tuple[float, bool]:
        config = Config.model_validate({"prices": {"list_file": tmp_path / "own.toml"} | prices})
        intake = Intake(config, 1)
        intake.take(0, "calls", [SourceRecord(0, json.dumps(event | {"tenant": "acme"}).encode(), None)])
        ((_, value),) = intake.flush({}).packed
        row = decode_packed(value).rows[0]
        return float(row["cost_usd"]), bool(row["flags"] & pk.UNPRICED)

    return money


def test_what_a_call_says_that_it_cost_counts_unless_the_list_is_to_win(taken) -> None:
    told = call(0.0, **USAGE, cost_usd=1.0)
    assert taken(told | {"cost_usd": None}) == (pytest.approx(5.0), False)
    assert taken(told) == (1.0, False)
    assert taken(told, own_list_wins_over_told=True) == (pytest.approx(5.0), False)


def test_only_the_list_wins_over_what_a_call_says_never_the_library(taken) -> None:
    for model in ("gpt-5-mini", "nobody-knows-this"):
        assert taken(call(0.0, **USAGE, model=model), own_list_wins_over_told=True) == (1.0, False)


def test_without_counts_what_a_call_says_is_all_there_is(taken) -> None:
    assert taken(call(0.0, usage={}, cost_usd=0.3), own_list_wins_over_told=True) == (0.3, False)
    assert taken(call(0.0, usage={}, cost_usd=None), own_list_wins_over_told=True) == (0.0, False)


def test_what_has_no_price_is_flagged_under_a_list_too(taken) -> None:
    for provider in (None, "anthropic", "our-gateway"):
        told = call(0.0, **USAGE, model="nobody-knows-this", provider=provider, cost_usd=None)
        assert taken(told, own_list_wins_over_told=True) == (0.0, True)


def test_a_list_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    config = Config.model_validate({"prices": {"list_file": tmp_path / "absent.toml"}})
    with pytest.raises(ConfigError, match=r"there is no such file; see prices\.list_file"):
        Intake(config, 1)


def test_calls_of_a_service_tier_without_a_price_are_counted() -> None:
    tiers = (None, "standard", "batch", "turbo", "auto")
    told = [call(0.0, model="gpt-5-mini", cost_usd=None, service_tier=tier) for tier in tiers]
    told += [call(0.0, model="nobody-knows-this", cost_usd=None, service_tier="turbo"), call(0.0, service_tier="turbo")]
    for event in told:
        event["time"] = "2026-11-20T09:00:00Z"  # the library has prices of service tiers from October 2026 on
    intake, metrics = Intake(Config(), 1), Metrics(Config().metrics)
    shown = IngestMetrics(metrics, {"llm.calls": "calls"})
    for _ in range(2):
        intake.take(0, "calls", [SourceRecord(0, json.dumps(told).encode(), None)])
        shown.flushed(intake, 1)
    assert intake.counts["unknown_service_tier"] == 4
    assert metrics.registry.get_sample_value("detector_unknown_service_tiers_total") == 4
