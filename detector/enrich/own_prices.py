"""Prices of the operator's own list: which entry holds for a call, and its rates."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

from detector.config.price_list import ListedPrice, ListedRates
from detector.enrich.rates import Price, Rates, bare, tier_of

_MTOK = 1e-6


class _Entry(NamedTuple):
    """An entry, made ready: `rank` orders entries that hold for the same call, `model` is its name cut at each *."""

    rank: tuple[object, ...]
    model: tuple[str, ...]
    provider: str | None
    tenant: str | None
    tier: str | None
    since: date
    price: Price


class OwnPrices:
    """Finds the entry that holds for a call: the one that names it most narrowly, and of its history the newest.

    Narrower is, in this order: the tenant, the model by its whole name or else by more of it, the provider, the
    service tier.
    """

    def __init__(self, entries: Sequence[ListedPrice] = (), file: Path | None = None) -> None:
        made = [_entry(n, e, file) for n, e in enumerate(entries)]
        self._entries = sorted(made, key=lambda entry: entry.rank, reverse=True)
        self.by_tenant = any(entry.tenant is not None for entry in made)
        """Whether a price depends on the tenant."""

    def __len__(self) -> int:
        return len(self._entries)

    def price(self, model: str, provider: str | None, tenant: str, day: date, tier: str) -> Price | None:
        """None where no entry holds on that day (UTC). The service tier is one that tier_of gave."""
        who = (_names(model), (provider or "").lower(), tenant)
        return next((e.price for e in self._entries if e.tier in (None, tier) and _holds(e, *who, day)), None)

    def tiers(self, model: str, provider: str | None, tenant: str, day: date) -> set[str]:
        """The service tiers that entries name."""
        who = (_names(model), (provider or "").lower(), tenant)
        return {e.tier for e in self._entries if e.tier is not None and _holds(e, *who, day)}


def _names(model: str) -> tuple[str, ...]:
    name = model.lower()
    return tuple(dict.fromkeys((name, bare(name))))


def _holds(entry: _Entry, names: tuple[str, ...], provider: str, tenant: str, day: date) -> bool:
    return (
        entry.since <= day
        and entry.tenant in (None, tenant)
        and entry.provider in (None, provider)
        and any(_matches(entry.model, name) for name in names)
    )


def _matches(parts: tuple[str, ...], name: str) -> bool:
    """Whether a name has these parts in their order, with any text between them; linear, whatever the pattern."""
    if len(parts) == 1:
        return name == parts[0]
    first, *middle, last = parts
    if not (name.startswith(first) and name.endswith(last)):
        return False
    at, end = len(first), len(name) - len(last)
    for part in middle:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return at <= end


def _entry(number: int, e: ListedPrice, file: Path | None) -> _Entry:
    parts = tuple(e.model.lower().split("*"))
    since = e.from_ or date.min
    named = (e.tenant is not None, len(parts) == 1, sum(map(len, parts)), e.provider is not None)
    price = Price(
        rates=(_rates(0, e, e), *(_rates(tier.above_input_tokens, tier, e) for tier in e.tiers)),
        own=True,
        tier_known=True,
        source=f"price[{number}] of {file}",
        since=e.from_.isoformat() if e.from_ is not None else "",
    )
    return _Entry(
        rank=(*named, e.service_tier is not None, since, number),
        model=parts,
        provider=e.provider.lower() if e.provider is not None else None,
        tenant=e.tenant,
        tier=tier_of(e.service_tier) if e.service_tier is not None else None,
        since=since,
        price=price,
    )


def _rates(start: int, told: ListedRates, entry: ListedRates) -> Rates:
    """What a tier leaves out is as in its entry, and what that leaves out too as the kind that contains it."""

    def of(kind: str, otherwise: float) -> float:
        rates = (getattr(each, f"{kind}_usd_per_mtok") for each in (told, entry))
        return next((float(rate) * _MTOK for rate in rates if rate is not None), otherwise)

    request = told.request_usd if told.request_usd is not None else entry.request_usd
    return Rates(
        start,
        input=(i := of("input", 0.0)),
        cached=of("cached_input", i),
        written=(w := of("cache_write", i)),
        written_1h=of("cache_write_1h", w),
        output=(o := of("output", 0.0)),
        reasoning=of("reasoning", o),
        request=request or 0.0,
    )
