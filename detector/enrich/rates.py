"""Rates and what a call costs by them; the names of models and service tiers as prices are looked up by."""

from collections.abc import Sequence
from typing import NamedTuple

STANDARD = "standard"
"""The service tier of a call that names none."""
_STANDARD_TOO = ("", "default", "on_demand")
_PREFIXES = (
    "bedrock/",
    "azure/",
    "azure_ai/",
    "anthropic/",
    "openai/",
    "vertex_ai/",
    "gemini/",
    "google/",
    "litellm/",
    "openrouter/",
)


class Rates(NamedTuple):
    """USD a token from `start` input tokens on: uncached input, cached input, cache writes, output, reasoning.

    `written_1h`: of cache writes that are kept for an hour. `request`: USD of each call, whatever its tokens.
    """

    start: int
    input: float
    cached: float
    written: float
    written_1h: float
    output: float
    reasoning: float
    request: float


class Price(NamedTuple):
    """What a model costs in one service tier: rates in rising order of input tokens, and where they come from.

    `own`: from the operator's own list. `tier_known`: False where the standard price stands in for another tier's.
    `source` and `since` are for people: the entry, and the day or the hours from which it holds ("" for always).
    """

    rates: tuple[Rates, ...]
    own: bool
    tier_known: bool
    source: str
    since: str


def cost_usd(
    tiers: Sequence[Rates],
    input: int,
    cached: int,
    written: int,
    output: int,
    reasoning: int = 0,
    written_1h: int = 0,
) -> float:
    """Dollars of a call. The tier holds for all its tokens.

    `input` includes what was cached and written, `written` what was written for an hour, `output` what was reasoning.
    """
    rate = tiers[0]
    for tier in tiers[1:]:
        if input > tier.start:
            rate = tier
    if written_1h > written:
        written = written_1h
    plain = max(0, input - cached - written)
    said = max(0, output - reasoning)
    return (
        plain * rate.input
        + cached * rate.cached
        + (written - written_1h) * rate.written
        + written_1h * rate.written_1h
        + said * rate.output
        + min(reasoning, output) * rate.reasoning
        + rate.request
    )


def tier_of(service_tier: str | None) -> str:
    """A service tier's one name: lower case, and STANDARD for what providers call their usual tier."""
    told = (service_tier or "").lower()
    return STANDARD if told in _STANDARD_TOO else told


def bare(model: str) -> str:
    """The model's name without the prefixes that gateways put before it."""
    again = True
    while again:
        again = False
        for prefix in _PREFIXES:
            if model.startswith(prefix):
                model, again = model[len(prefix) :], True
    return model
