"""Prices as the price library knows them: by model, provider, time, service tier and tokens of input."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

import genai_prices
from genai_prices.data_snapshot import DataSnapshot, get_snapshot
from genai_prices.types import (
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    PriceCalculation,
    PriceVariant,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
)

from detector.enrich.rates import STANDARD, Price, Rates, bare

NAME = f"genai-prices {genai_prices.__version__}"
_MTOK = 1e-6
_MTOK_OF_KCOUNT = 1e3  # a price of a thousand requests, read as one of a million
_TIER_KEYS = ("service_tier", "processing", "speed")
"""What the library calls that by which it tells tiers apart: `batch` is a processing, Anthropic's `fast` a speed."""

_Constraint = StartDateConstraint | TimeOfDateConstraint | None


class Library:
    """Looks prices up. It remembers each name that was asked for, without a bound; a new one has forgotten them."""

    def __init__(self) -> None:
        self._snapshot = DataSnapshot(get_snapshot().providers, from_auto_update=False)

    def price(self, model: str, provider: str | None, at: datetime, tier: str) -> Price | None:
        """None where it does not know the model, or no price of its tokens or requests in this tier at this time."""
        context = dict.fromkeys(_TIER_KEYS, tier)
        found = self._find(model, provider, at, context if tier != STANDARD else None)
        if found is None:
            return None
        variants = [v for v in _variants(found, at) if v.when.items() <= context.items()]
        if tier != STANDARD and not variants:
            return None
        rates = _rates(found.model_price)
        if rates is None:
            return None
        since = _since([_standard(found.model, at), *(v.constraint for v in variants)])
        return Price(rates, False, True, f"{NAME}: {found.model.id} of {found.provider.id}", since)

    def tiers(self, model: str, provider: str | None, at: datetime) -> set[str]:
        """The service tiers that have a price of their own."""
        found = self._find(model, provider, at, None)
        variants = _variants(found, at) if found is not None else []
        return {value for v in variants for key, value in v.when.items() if key in _TIER_KEYS}

    def _find(
        self, model: str, provider: str | None, at: datetime, context: Mapping[str, str] | None
    ) -> PriceCalculation | None:
        # The library knows by whom a gateway's name ("bedrock/us.anthropic…", "openrouter/…") is sold.
        of_gateway = (model, "litellm") if "/" in model else (model, provider)
        for name, by in ((model, provider), (bare(model), provider), of_gateway, (bare(model), None)):
            try:
                return self._snapshot.calc(genai_prices.Usage(input_tokens=1), name, by, None, at, context)
            except LookupError:
                continue
        return None


def _variants(found: PriceCalculation, at: datetime) -> list[PriceVariant]:
    """Prices for some requests only. Where one provider sells another's model they do not hold."""
    if not any(found.model is model for model in found.provider.models):
        return []
    return [v for v in found.model.price_variants or () if v.constraint is None or v.constraint.active(at)]


def _standard(model: ModelInfo, at: datetime) -> _Constraint:
    """What decided for the standard price at this time."""
    prices: list[ConditionalPrice] = model.prices if isinstance(model.prices, list) else []
    return next((p.constraint for p in reversed(prices) if p.constraint is None or p.constraint.active(at)), None)


def _since(constraints: list[_Constraint]) -> str:
    days = [c.start_date for c in constraints if isinstance(c, StartDateConstraint)]
    hours = [
        f"{c.start_time:%H:%M} to {c.end_time:%H:%M} UTC" for c in constraints if isinstance(c, TimeOfDateConstraint)
    ]
    return ", ".join([*([max(days).isoformat()] if days else []), *hours])


def _rates(price: ModelPrice) -> tuple[Rates, ...] | None:
    """None where the library knows the model, but no price of its tokens or requests."""
    plain, read, write, write_1h, out, reasoning, request = (
        price.input_mtok,
        price.cache_read_mtok,
        price.cache_write_mtok,
        price.cache_write_1h_mtok,
        price.output_mtok,
        price.output_reasoning_mtok,
        price.requests_kcount,
    )
    if plain is None and out is None and request is None:
        return None
    starts = {0}
    for p in (plain, read, write, write_1h, out, reasoning, request):
        if isinstance(p, TieredPrices):
            starts |= {tier.start for tier in p.tiers}
    return tuple(
        Rates(
            start,
            input=(i := _at(plain, start, 0.0)),
            cached=_at(read, start, i),
            written=(w := _at(write, start, i)),
            written_1h=_at(write_1h, start, w),
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
