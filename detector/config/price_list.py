"""An operator's own price list: a TOML file of [[price]] entries, each with its unit and what its absence means."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from detector.config import faults, keys
from detector.config.load import read_toml
from detector.config.settings import Count, Name, Section

Usd = Annotated[float, Field(ge=0, le=1_000_000)]
"""More than a dollar a token is a slip of the unit."""


class ListedRates(Section):
    """US dollars a million tokens, by kind."""

    input_usd_per_mtok: Usd | None = Field(None, description="USD a million tokens of uncached input; absent: 0")
    cached_input_usd_per_mtok: Usd | None = Field(
        None, description="USD a million tokens of input read from a cache; absent: as other input"
    )
    cache_write_usd_per_mtok: Usd | None = Field(
        None, description="USD a million tokens of input written to a cache; absent: as other input"
    )
    cache_write_1h_usd_per_mtok: Usd | None = Field(
        None, description="USD a million tokens of input written to a cache for an hour; absent: as other writes"
    )
    output_usd_per_mtok: Usd | None = Field(None, description="USD a million tokens of output; absent: 0")
    reasoning_usd_per_mtok: Usd | None = Field(
        None, description="USD a million tokens of output that is reasoning; absent: as other output"
    )
    request_usd: Usd | None = Field(None, description="USD of each call, beside its tokens; absent: 0")


class ListedTier(ListedRates):
    """Other rates for calls with a long input; what it leaves out is as in its entry."""

    above_input_tokens: Count = Field(description="holds for all tokens of a call with more input tokens than this")


class ListedPrice(ListedRates):
    """What a model costs from a day on."""

    model: Name = Field(description="name as in events, gateway's prefix or not; * stands for any text")
    provider: Name | None = Field(None, description="provider as in events; absent: any")
    tenant: Name | None = Field(None, description="tenant as in events; absent: any")
    service_tier: Name | None = Field(None, description="standard, batch, flex, …; absent: any")
    from_: date | None = Field(
        None, alias="from", strict=True, description="first day in UTC, as 2026-11-01 without quotes; absent: always"
    )
    tiers: list[ListedTier] = Field([], description="other rates from some length of input on")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.input_usd_per_mtok is None and self.output_usd_per_mtok is None and self.request_usd is None:
            raise ValueError("needs input_usd_per_mtok, output_usd_per_mtok or request_usd; 0 is a price too")
        return self

    @field_validator("tiers")
    @classmethod
    def _starts_differ(cls, tiers: list[ListedTier]) -> list[ListedTier]:
        if len({tier.above_input_tokens for tier in tiers}) < len(tiers):
            raise ValueError("two of them have the same above_input_tokens; leave one out")
        return sorted(tiers, key=lambda tier: tier.above_input_tokens)


class PriceList(Section):
    """A file of prices."""

    price: list[ListedPrice] = Field([], validate_default=True, description="what a model costs from a day on")

    @field_validator("price")
    @classmethod
    def _entries_differ(cls, entries: list[ListedPrice]) -> list[ListedPrice]:
        if not entries:
            raise ValueError("there is none; an entry begins with [[price]]")
        seen: dict[tuple[Any, ...], int] = {}
        for n, e in enumerate(entries):
            first = seen.setdefault((e.model.lower(), e.provider, e.tenant, e.service_tier, e.from_), n)
            if first != n:
                raise ValueError(
                    f"[{first}] and [{n}] are both for {e.model!r} from the same day; leave one out, or date it by from"
                )
        return entries


def read_price_list(file: Path) -> tuple[ListedPrice, ...]:
    """The entries in the order of the file; raises ConfigError with every fault: file, model, entry, key and fix."""
    values = read_toml(file, "prices.list_file")

    def where(at: keys.Path) -> str:
        model = _model(values, at)
        return f"{file}, {model}" if model else str(file)

    try:
        return tuple(PriceList.model_validate(values).price)
    except ValidationError as error:
        raise faults.told(faults.of_validation(error, where, PriceList), "price list") from None


def _model(values: Mapping[str, Any], at: keys.Path) -> str:
    """The model of the entry that a path leads into, "" where it is not told."""
    match at:
        case ("price", int(n), *_):
            entry = values["price"][n]
            told = entry.get("model") if isinstance(entry, Mapping) else None
            return told if isinstance(told, str) else ""
    return ""
