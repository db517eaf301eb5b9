"""What a call cost: rates of the price library, resolved once a model and hour."""

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
)
_MTOK = 1e-6


class Rates(NamedTuple):
    """USD a token from `start` input tokens on: uncached input, cached input, cache writes, output."""

    start: int
    input: float
    cached: float
    written: float
    output: float


class Prices:
    """Rates by model and provider, kept; an unknown model has none."""

    def __init__(self, limit: int = 100_000) -> None:
        self._kept: dict[tuple[str, str | None, int], tuple[Rates, ...] | None] = {}
        self._limit = limit

    def rates(self, model: str, provider: str | None, t: float) -> tuple[Rates, ...] | None:
        """Tiers in rising order of input tokens for a call at `t` (s UTC); None where the model is not known."""
        key = (model, provider, int(t // 3600))
        try:
            return self._kept[key]
        except KeyError:
            if len(self._kept) >= self._limit:
                self._kept.clear()
            found = self._kept[key] = _resolve(model, provider, t)
            return found


def cost_usd(tiers: Sequence[Rates], input: int, cached: int, written: int, output: int) -> float:
    """Dollars of a call; `input` includes what was cached and written. The tier holds for all its tokens."""
    rate = tiers[0]
    for tier in tiers[1:]:
        if input > tier.start:
            rate = tier
    plain = max(0, input - cached - written)
    return plain * rate.input + cached * rate.cached + written * rate.written + output * rate.output


def _resolve(model: str, provider: str | None, t: float) -> tuple[Rates, ...] | None:
    at = datetime.fromtimestamp(t, UTC)
    for name, by in ((model, provider), (_bare(model), provider), (_bare(model), None)):
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


def _tiers(price: ModelPrice) -> tuple[Rates, ...]:
    plain, read, write, out = (
        price.input_mtok,
        price.cache_read_mtok,
        price.cache_write_mtok,
        price.output_mtok,
    )
    starts = {0}
    for p in (plain, read, write, out):
        if isinstance(p, TieredPrices):
            starts |= {tier.start for tier in p.tiers}
    tiers = []
    for start in sorted(starts):
        i = _at(plain, start) or 0.0
        cached, written = _at(read, start), _at(write, start)
        tiers.append(
            Rates(
                start,
                i,
                i if cached is None else cached,
                i if written is None else written,
                _at(out, start) or 0.0,
            )
        )
    return tuple(tiers)


def _at(price: Decimal | TieredPrices | None, start: int) -> float | None:
    """USD a token where the input is just above `start` tokens."""
    if price is None:
        return None
    if not isinstance(price, TieredPrices):
        return float(price) * _MTOK
    held = price.base
    for tier in price.tiers:
        if start >= tier.start:
            held = tier.price
    return float(held) * _MTOK
