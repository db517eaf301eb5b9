"""The dollars of a call: as it tells them, else by its tokens and the rates of its model."""

from collections import Counter

from detector.enrich.pricing import Prices
from detector.enrich.rates import cost_usd
from detector.model import packed as pk
from detector.model.events import Call, Usage

Told = tuple[int | None, int | None, int | None, int | None, int | None, int | None]
"""Tokens as sent: input, cached input, cache writes, output, reasoning, cache writes for an hour."""
_NOTHING: Told = (None, None, None, None, None, None)


def tokens_of(u: Usage) -> Told:
    """The tokens of a call, in the order of `Told`."""
    return (
        u.input_tokens,
        u.cached_input_tokens,
        u.cache_write_tokens,
        u.output_tokens,
        u.reasoning_tokens,
        u.cache_write_1h_tokens,
    )


def metered(e: Call, t: float, tenant: str, tokens: Told, prices: Prices, counts: Counter[str]) -> tuple[int, float]:
    """Flags and dollars of a call at `t` (s UTC); adds to `counts` what was priced as another service tier."""
    flags = pk.UNMETERED if tokens == _NOTHING else pk.TOKENS_KNOWN
    told = e.cost_usd
    if told is not None and not prices.wins_over_told:
        return flags, told
    if flags == pk.UNMETERED:
        return flags, told or 0.0
    price = prices.price(e.model, e.provider, t, e.service_tier, tenant)
    if told is not None and (price is None or not price.own):
        return flags, told
    if price is None:
        return flags | pk.UNPRICED, 0.0
    if not price.tier_known:
        counts["unknown_service_tier"] += 1
    input, cached, written, output, reasoning, written_1h = tokens
    return flags, cost_usd(
        price.rates, input or 0, cached or 0, written or 0, output or 0, reasoning or 0, written_1h or 0
    )
