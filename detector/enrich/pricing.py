"""What a call cost: rates of the price library, resolved once a model and quarter of an hour."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

import genai_prices
from genai_prices.types import ModelPrice, TieredPrices

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
_MTOK = 1e-6
_MTOK_OF_KCOUNT = 1e3  # a price of a thousand requests, read as one of a million
_SLOT_S = 900.0
"""Some prices depend on the time of day; none changes within a quarter of an hour."""


class Rates(NamedTuple):
    """USD a token from `start` input tokens on: uncached input, cached input, cache writes, output, reasoning.

    `request`: USD of each call, whatever its tokens.
    """

    start: int
    input: float
    cached: float
    written: float
    output: float
    reasoning: float
    request: float


class Prices:
    """Rates by model and provider, kept; an unknown model has none."""

    def __init__(self, limit: int = 100_000) -> None:
        self._kept: dict[tuple[str, str | None, int], tuple[Rates, ...] | None] = {}
        self._limit = limit

    def rates(self, model: str, provider: str | None, t: float) -> tuple[Rates, ...] | None:
        """Tiers in rising order of input tokens for a call at `t` (s UTC); None where the model is not known."""
        slot = int(t // _SLOT_S)
        key = (model, provider, slot)
        try:
            return self._kept[key]
        except KeyError:
            if len(self._kept) >= self._limit:
                self._kept.clear()
            found = self._kept[key] = _resolve(model, provider, slot * _SLOT_S)
            return found


def cost_usd(tiers: Sequence[Rates], input: int, cached: int, written: int, output: int, reasoning: int = 0) -> float:
    """Dollars of a call. The tier holds for all its tokens.

    `input` includes what was cached and written, `output` what was reasoning.
    """
    rate = tiers[0]
    for tier in tiers[1:]:
        if input > tier.start:
            rate = tier
    plain = max(0, input - cached - written)
    said = max(0, output - reasoning)
    return (
        plain * rate.input
        + cached * rate.cached
        + written * rate.written
        + said * rate.output
        + min(reasoning, output) * rate.reasoning
        + rate.request
    )


def _resolve(model: str, provider: str | None, t: float) -> tuple[Rates, ...] | None:
    at = datetime.fromtimestamp(t, UTC)
    # The library knows by whom a gateway's name ("bedrock/us.anthropic…", "openrouter/…") is sold.
    of_gateway = (model, "litellm") if "/" in model else (model, provider)
    for name, by in ((model, provider), (_bare(model), provider), of_gateway, (_bare(model), None)):
        try:
            found = genai_prices.calc_price(
                genai_prices.Usage(input_tokens=1), name, provider_id=by, genai_request_timestamp=at
            )
        except LookupError:
            continue
        return _tiers(found.model_price)
    return None


def _bare(model: str) -> str:
    """The model's name without the prefixes that gateways put before it."""
    again = True
    while again:
        again = False
        for prefix in _PREFIXES:
            if model.startswith(prefix):
                model, again = model[len(prefix) :], True
    return model


def _tiers(price: ModelPrice) -> tuple[Rates, ...] | None:
    """None where the library knows the model, but no price of its tokens or requests."""
    plain, read, write, out, reasoning, request = (
        price.input_mtok,
        price.cache_read_mtok,
        price.cache_write_mtok,
        price.output_mtok,
        price.output_reasoning_mtok,
        price.requests_kcount,
    )
    if plain is None and out is None and request is None:
        return None
    starts = {0}
    for p in (plain, read, write, out, reasoning, request):
        if isinstance(p, TieredPrices):
            starts |= {tier.start for tier in p.tiers}
    return tuple(
        Rates(
            start,
            input=(i := _at(plain, start, 0.0)),
            cached=_at(read, start, i),
            written=_at(write, start, i),
            output=(o := _at(out, start, 0.0)),
            reasoning=_at(reasoning, start, o),
            request=_at(request, start, 0.0) * _MTOK_OF_KCOUNT,
        )
        for start in sorted(starts)
    )


def _at(price: Decimal | TieredPrices | None, start: int, otherwise: float) -> float:
    """USD a token where the input is just above `start` tokens; `otherwise` where there is no price of its own."""
    if price is None:
        return otherwise
    if not isinstance(price, TieredPrices):
        return float(price) * _MTOK
    held = price.base
    for tier in price.tiers:
        if start >= tier.start:
            held = tier.price
    return float(held) * _MTOK
