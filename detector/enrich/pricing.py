"""What a model costs: the price library's rates, resolved once a model, service tier and quarter of an hour."""

from datetime import UTC, datetime

from detector.enrich.price_library import Library
from detector.enrich.rates import STANDARD, Price, Rates, tier_of

_SLOT_S = 900.0
"""Some prices depend on the time of day; none changes within a quarter of an hour."""

_Key = tuple[str, str | None, str | None, int]
"""Model, provider and service tier as sent, and the slot."""


class Prices:
    """Prices by model, provider and service tier, kept; an unknown model has none."""

    def __init__(self, limit: int = 100_000) -> None:
        self._kept: dict[_Key, Price | None] = {}
        self._library = Library()
        self._limit = limit

    def price(self, model: str, provider: str | None, t: float, service_tier: str | None = None) -> Price | None:
        """For a call at `t` (s UTC); None where the model is not known.

        Where the service tier has no price of its own, it is that of the standard tier, and says so.
        """
        slot = int(t // _SLOT_S)
        key = (model, provider, service_tier, slot)
        try:
            return self._kept[key]
        except KeyError:
            if len(self._kept) >= self._limit:
                self._kept.clear()
                self._library = Library()
            found = self._kept[key] = self._resolve(model, provider, slot * _SLOT_S, tier_of(service_tier))
            return found

    def rates(self, model: str, provider: str | None, t: float) -> tuple[Rates, ...] | None:
        """Tiers in rising order of input tokens for a standard call at `t` (s UTC); None as above."""
        price = self.price(model, provider, t)
        return None if price is None else price.rates

    def _resolve(self, model: str, provider: str | None, t: float, tier: str) -> Price | None:
        at = datetime.fromtimestamp(t, UTC)
        for asked in dict.fromkeys((tier, STANDARD)):
            price = self._library.price(model, provider, at, asked)
            if price is not None:
                return price._replace(tier_known=asked == tier)
        return None
