"""What a call costs, held to the price library itself; what it cannot price is never taken as free."""

import json
from datetime import UTC, datetime

import genai_prices
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.config import Config
from detector.enrich.pricing import Prices
from detector.enrich.rates import cost_usd
from detector.model import packed as pk
from detector.model.packed import decode_packed
from detector.pipeline.intake import Intake, SourceRecord
from tests.support.judged import Event, call

T = 1_790_000_000.0  # 14:13 UTC
NOVEMBER = datetime(2026, 11, 20, 9, tzinfo=UTC).timestamp()
"""The library has prices of service tiers from October 2026 on."""
PRICES = Prices()
MODELS = [
    ("anthropic", "claude-sonnet-4-5"),  # dearer above 200,000 tokens, cache reads and writes
    ("anthropic", "claude-opus-4-5"),
    ("openai", "gpt-5-mini"),
    ("openai", "gpt-4o"),
    ("google", "gemini-2.5-pro"),
    ("deepseek", "deepseek-chat"),  # by the time of day
    ("x-ai", "grok-4-fast"),
    ("aws", "amazon.nova-pro-v1:0"),
    ("perplexity", "sonar-pro"),  # a price for each request too
    ("perplexity", "sonar-deep-research"),  # reasoning has a price of its own
    ("mistral", "mistral-large-latest"),
]
COUNTS = st.one_of(st.integers(0, 2_000_000), st.sampled_from([0, 1, 128_000, 199_999, 200_000, 200_001]))


TIERS: dict[str, dict[str, str]] = {
    "standard": {},
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
}
"""Service tiers by the library's own names."""


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(MODELS), COUNTS, st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), COUNTS, st.floats(0, 1),
    st.integers(0, 86_399), st.sampled_from([T, NOVEMBER]), st.sampled_from(list(TIERS)),
)  # fmt: skip
def test_any_call_costs_what_the_library_says(
    model: tuple[str, str], input: int, cached: float, written: float, long: float, output: int, reasoning: float,
    later_s: int, day: float, tier: str,
) -> None:  # fmt: skip
    provider, name = model
    read = int(input * cached)
    write = int((input - read) * written)
    hour = int(write * long)
    thought = int(output * reasoning)
    t = day + later_s
    expected = genai_prices.calc_price(
        genai_prices.Usage(
            input_tokens=input,
            cache_read_tokens=read,
            cache_write_tokens=write,
            cache_write_1h_tokens=hour,
            output_tokens=output,
            output_reasoning_tokens=thought,
        ),
        name,
        provider_id=provider,
        genai_request_timestamp=datetime.fromtimestamp(t, UTC),
        price_context=TIERS[tier],
    )
    price = PRICES.price(name, provider, t, tier)
    assert price is not None
    usd = cost_usd(price.rates, input, read, write, output, thought, hour)
    assert usd == pytest.approx(float(expected.total_price), abs=1e-12)


def batch_of_claude(t: float, tier: str | None = "batch") -> tuple[float, bool]:
    """USD of a million tokens of input, and whether the service tier has a price of its own."""
    price = PRICES.price("claude-opus-4-5", "anthropic", t, tier)
    assert price is not None
    return round(price.rates[0].input * 1e6, 6), price.tier_known


def test_a_service_tier_has_its_own_price_from_the_day_on_that_the_library_has_it() -> None:
    assert batch_of_claude(NOVEMBER) == (2.5, True)
    assert batch_of_claude(T) == (5.0, False)


@pytest.mark.parametrize("tier", [None, "", "standard", "default", "on_demand", "Default", "ON_DEMAND"])
def test_what_providers_call_their_usual_tier_is_standard(tier: str | None) -> None:
    assert batch_of_claude(NOVEMBER, tier) == (5.0, True)


@pytest.mark.parametrize("tier", ["turbo", "auto", "flex", "processing", "\0", "x" * 512])
def test_an_unknown_service_tier_is_priced_as_standard_and_says_so(tier: str) -> None:
    assert batch_of_claude(NOVEMBER, tier) == (5.0, False)


def test_a_tier_of_the_maker_does_not_hold_where_another_provider_sells_the_model() -> None:
    own, resold = (PRICES.price("gpt-5-mini", by, NOVEMBER, "flex") for by in ("openai", "azure"))
    assert own is not None
    assert resold is not None
    assert (own.tier_known, resold.tier_known) == (True, False)
    assert resold.rates[0].input == 2 * own.rates[0].input


def test_where_a_price_comes_from_and_since_when_it_holds_is_known() -> None:
    price = PRICES.price("o3", None, NOVEMBER, "batch")
    assert price is not None
    assert price.source == f"genai-prices {genai_prices.__version__}: o3 of openai"
    assert (price.own, price.since) == (False, "2026-10-14")
    at_night = PRICES.price("deepseek-v4-flash", "deepseek", datetime(2026, 11, 20, 2, tzinfo=UTC).timestamp())
    assert at_night is not None
    assert at_night.since == "01:00 to 04:00 UTC"


@pytest.mark.parametrize("minute", [25, 29, 30, 35])
def test_a_price_that_changes_within_the_hour_does_not_depend_on_which_call_came_first(minute: int) -> None:
    half_past = datetime(2026, 9, 21, 16, minute, tzinfo=UTC).timestamp()
    first, other = Prices(), Prices()
    first.rates("deepseek-chat", None, half_past - 1200)
    other.rates("deepseek-chat", None, half_past + 1200)
    assert first.rates("deepseek-chat", None, half_past) == other.rates("deepseek-chat", None, half_past)


@pytest.mark.parametrize(
    "name",
    [
        "anthropic/claude-sonnet-4-5",
        "litellm/anthropic/claude-sonnet-4-5",
        "openrouter/anthropic/claude-sonnet-4-5",
        "vertex_ai/claude-sonnet-4-5",
        "CLAUDE-SONNET-4-5",
    ],
)
def test_what_a_gateway_puts_before_a_model_changes_nothing(name: str) -> None:
    assert PRICES.rates(name, None, T) == PRICES.rates("claude-sonnet-4-5", None, T) is not None


def test_a_model_that_a_gateway_sells_by_a_name_of_its_own_has_a_price() -> None:
    assert PRICES.rates("bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", None, T) is not None
    assert PRICES.rates("groq/llama-3.3-70b-versatile", None, T) is not None


@pytest.mark.parametrize("provider", [None, "", "nobody", "openai", "litellm"])
@pytest.mark.parametrize("name", ["", "/", "nobody-knows-this", "azure/" * 80, "\0", "(((", "é" * 512])
def test_an_unknown_model_has_no_price(name: str, provider: str | None) -> None:
    assert PRICES.rates(name, provider, T) is None


def test_an_unknown_provider_does_not_hide_a_known_model() -> None:
    assert PRICES.rates("gpt-5-mini", "our-gateway", T) == PRICES.rates("gpt-5-mini", "openai", T)


def test_a_model_whose_tokens_have_no_price_is_not_taken_as_free() -> None:
    assert PRICES.rates("whisper-large-v3", "groq", T) is None


def test_the_memory_of_prices_is_bounded() -> None:
    prices = Prices(limit=10)
    for n in range(35):
        prices.rates(f"unknown-{n}", None, T)
    assert len(prices._kept) <= 10


def money(event: Event) -> tuple[float, bool, bool]:
    """Dollars, unpriced and unmetered of a call as it is packed."""
    intake = Intake(Config(), 1)
    intake.take(0, "calls", [SourceRecord(0, json.dumps(event).encode(), None)])
    ((_, value),) = intake.flush({}).packed
    row = decode_packed(value).rows[0]
    return float(row["cost_usd"]), bool(row["flags"] & pk.UNPRICED), bool(row["flags"] & pk.UNMETERED)


def test_a_call_is_priced_unless_it_says_what_it_cost() -> None:
    usage = {"input_tokens": 1_000_000, "output_tokens": 0}
    assert money(call(0.0, model="gpt-5-mini", usage=usage, cost_usd=None)) == (pytest.approx(0.25), False, False)
    assert money(call(0.0, model="gpt-5-mini", usage=usage, cost_usd=7.5)) == (7.5, False, False)
    assert money(call(0.0, model="gpt-5-mini", usage=usage, cost_usd=0)) == (0.0, False, False)


def test_what_has_no_price_and_what_has_no_counts_is_flagged() -> None:
    assert money(call(0.0, model="nobody-knows-this", cost_usd=None)) == (0.0, True, False)
    assert money(call(0.0, model="gpt-5-mini", usage={}, cost_usd=None)) == (0.0, False, True)
    assert money(call(0.0, model="nobody-knows-this", cost_usd=0.5)) == (0.5, False, False)


def test_a_call_that_only_tells_of_writes_for_an_hour_has_a_price() -> None:
    usage = {"cache_write_1h_tokens": 1_000_000}
    assert money(call(0.0, model="claude-opus-4-5", usage=usage, cost_usd=None)) == (pytest.approx(10.0), False, False)


@pytest.mark.parametrize("provider", ["groq", "anthropic", "our-gateway"])
def test_a_provider_that_is_known_does_not_make_up_a_price(provider: str) -> None:
    assert money(call(0.0, model="whisper-large-v3", provider=provider, cost_usd=None)) == (0.0, True, False)


def test_more_cached_tokens_than_input_never_make_a_call_cheaper_than_nothing() -> None:
    usd, *_ = money(call(0.0, model="gpt-5-mini", usage={"cached_input_tokens": 1_000_000}, cost_usd=None))
    assert usd == pytest.approx(0.025)
