"""What a model costs: by the operator's own list, else by the price library; resolved once, and kept."""

from datetime import UTC, datetime
from typing import Self

from detector.config.price_list import read_price_list
from detector.config.settings import Prices as Settings
from detector.enrich.own_prices import OwnPrices
from detector.enrich.price_library import Library
from detector.enrich.rates import STANDARD, Price, Rates, tier_of

DEFAULT_TENANT = "default"
_SLOT_S = 900.0
"""Some prices depend on the time of day; none changes within a quarter of an hour."""

_Key = tuple[str, str | None, str | None, int, str | None]
"""Model, provider and service tier as sent, the slot, and the tenant where the list has prices by tenant."""


class Prices:
    """Prices by model, provider, service tier and quarter of an hour, kept; an unknown model has none.

    `wins_over_told`: a price of the own list counts for more than the cost that a call tells.
    """

    def __init__(self, own: OwnPrices | None = None, wins_over_told: bool = False, limit: int = 100_000) -> None:
        self.own = own or OwnPrices()
        self.wins_over_told = wins_over_told
        self._by_tenant = self.own.by_tenant
        self._kept: dict[_Key, Price | None] = {}
        self._library = Library()
        self._limit = limit

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """As the configuration has them; raises ConfigError where the own list cannot be used."""
        file = settings.list_file
        own = OwnPrices(read_price_list(file), file) if file is not None else None
        return cls(own, settings.own_list_wins_over_told)

    def price(
        self, model: str, provider: str | None, t: float, service_tier: str | None = None, tenant: str = DEFAULT_TENANT
    ) -> Price | None:
        """For a call at `t` (s UTC); None where the model is not known.

        Where the service tier has no price of its own, it is that of the standard tier, and says so.
        """
        slot = int(t // _SLOT_S)
        key = (model, provider, service_tier, slot, tenant if self._by_tenant else None)
        try:
            return self._kept[key]
        except KeyError:
            if len(self._kept) >= self._limit:
                self._kept.clear()
                self._library = Library()
            at = datetime.fromtimestamp(slot * _SLOT_S, UTC)
            found = self._kept[key] = self._resolve(model, provider, at, tier_of(service_tier), tenant)
            return found

    def rates(self, model: str, provider: str | None, t: float) -> tuple[Rates, ...] | None:
        """Tiers in rising order of input tokens for a standard call at `t` (s UTC); None as above."""
        price = self.price(model, provider, t)
        return None if price is None else price.rates

    def tiers(self, model: str, provider: str | None, t: float, tenant: str = DEFAULT_TENANT) -> list[str]:
        """The standard tier, and those that have a price of their own at `t` (s UTC)."""
        at = datetime.fromtimestamp(t, UTC)
        named = self.own.tiers(model, provider, tenant, at.date()) | self._library.tiers(model, provider, at)
        return [STANDARD, *sorted({tier_of(tier) for tier in named} - {STANDARD})]

    def _resolve(self, model: str, provider: str | None, at: datetime, tier: str, tenant: str) -> Price | None:
        for asked in dict.fromkeys((tier, STANDARD)):
            price = self.own.price(model, provider, tenant, at.date(), asked) or self._library.price(
                model, provider, at, asked
            )
            if price is not None:
                return price._replace(tier_known=asked == tier)
        return None
