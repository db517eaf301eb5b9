"""What a call costs, held to the price library itself; what it cannot price is never taken as free."""

import json
from datetime import UTC, datetime

import genai_prices
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.config import Config
from detector.enrich.pricing import Prices, cost_usd
from detector.model import packed as pk
from detector.model.packed import decode_packed
from detector.pipeline.intake import Intake, SourceRecord
from tests.support.judged import Event, call

T = 1_790_000_000.0  # 14:13 UTC
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


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(MODELS), COUNTS, st.floats(0, 1), st.floats(0, 1), COUNTS, st.floats(0, 1), st.integers(0, 86_399)
)
def test_any_call_costs_what_the_library_says(
    model: tuple[str, str], input: int, cached: float, written: float, output: int, reasoning: float, later_s: int
) -> None:
    provider, name = model
    read = int(input * cached)
    write = int((input - read) * written)
    thought = int(output * reasoning)
    t = T + later_s
    expected = genai_prices.calc_price(
        genai_prices.Usage(
            input_tokens=input,
            cache_read_tokens=read,
            cache_write_tokens=write,
            output_tokens=output,
            output_reasoning_tokens=thought,
        ),
        name,
        provider_id=provider,
        genai_request_timestamp=datetime.fromtimestamp(t, UTC),
    )
    tiers = PRICES.rates(name, provider, t)
    assert tiers is not None
    assert cost_usd(tiers, input, read, write, output, thought) == pytest.approx(float(expected.total_price), abs=1e-12)


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


def test_more_cached_tokens_than_input_never_make_a_call_cheaper_than_nothing() -> None:
    usd, *_ = money(call(0.0, model="gpt-5-mini", usage={"cached_input_tokens": 1_000_000}, cost_usd=None))
    assert usd == pytest.approx(0.025)
