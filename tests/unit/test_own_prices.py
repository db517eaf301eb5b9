"""A price list of one's own: it wins over the library, a change is dated, and the narrower entry counts."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from detector.config.price_list import ListedPrice
from detector.enrich.own_prices import OwnPrices
from detector.enrich.pricing import Prices
from detector.enrich.rates import cost_usd


def at(told: str) -> float:
    return datetime.fromisoformat(told).replace(tzinfo=UTC).timestamp()


NOW = at("2026-11-20T09:00")
MTOK = 1_000_000


def listed(*entries: dict[str, Any], **options: Any) -> Prices:
    made = [ListedPrice.model_validate(entry) for entry in entries]
    return Prices(OwnPrices(made, Path("own.toml")), **options)


def entry(model: str, input: float = 1.0, **more: Any) -> dict[str, Any]:
    return {"model": model, "input_usd_per_mtok": input} | more


def usd(prices: Prices, model: str, provider: str | None = None, t: float = NOW, **asked: Any) -> float | None:
    """Dollars of a million tokens of input; None where there is no price."""
    price = prices.price(model, provider, t, **asked)
    return None if price is None else round(price.rates[0].input * MTOK, 6)


class TestWhatWins:
    def test_the_list_wins_over_the_library_and_leaves_the_rest_to_it(self) -> None:
        prices = listed(entry("gpt-5-mini", 9.0))
        assert usd(prices, "gpt-5-mini") == 9.0
        assert usd(prices, "gpt-5") == usd(Prices(), "gpt-5") == 1.25
        assert usd(prices, "nobody-knows-this") is None

    def test_it_prices_what_the_library_does_not_know(self) -> None:
        assert usd(listed(entry("our-llama")), "our-llama") == 1.0

    @pytest.mark.parametrize("order", [1, -1])
    @pytest.mark.parametrize(
        ("narrow", "wide"),
        [
            (entry("gpt-5*"), entry("gpt-*", 9)),
            (entry("gpt-5-mini"), entry("gpt-5-mini*", 9)),
            (entry("azure/gpt-5-mini"), entry("gpt-5-mini", 9)),
            (entry("gpt-5-mini", provider="azure"), entry("gpt-5-mini", 9)),
            (entry("gpt-5-mini", tenant="acme"), entry("gpt-5-mini", 9)),
            (entry("gpt-5-mini", service_tier="flex"), entry("gpt-5-mini", 9)),
            (entry("*", tenant="acme"), entry("gpt-5-mini", 9, provider="azure", service_tier="flex")),
            (entry("gpt-5-mini"), entry("gpt-*", 9, provider="azure", service_tier="flex")),
            (entry("gpt-5-mini", provider="azure"), entry("gpt-5-mini", 9, service_tier="flex")),
            (entry("gpt-5-mini"), entry("gpt-*", 9, **{"from": date(2026, 11, 19)})),
        ],
    )
    def test_the_narrower_entry_wins_wherever_it_stands(self, narrow, wide, order) -> None:
        prices = listed(*[narrow, wide][::order])
        assert usd(prices, "azure/gpt-5-mini", "azure", tenant="acme", service_tier="flex") == 1.0

    def test_of_patterns_of_one_length_the_later_one_wins(self) -> None:
        assert usd(listed(entry("gpt-5*", 2), entry("*-mini", 3), entry("gpt-*", 4)), "gpt-5-mini") == 3


class TestNames:
    @pytest.mark.parametrize(
        ("pattern", "name", "matches"),
        [
            ("gpt-5", "gpt-5", True),
            ("GPT-5", "gpt-5", True),
            ("gpt-5", "GPT-5", True),
            ("gpt-5", "openrouter/openai/gpt-5", True),
            ("openai/gpt-5", "gpt-5", False),
            ("azure/*", "azure/gpt-5", True),
            ("gpt-5", "gpt-5-mini", False),
            ("gpt-5*", "gpt-5", True),
            ("*", "", True),
            ("*", "anything", True),
            ("a*a", "a", False),
            ("a*a", "aa", True),
            ("*b*c*", "abbcc", True),
            ("*c*b*", "abbc", False),
            ("a*bc*bc", "abc", False),
            ("a**c", "abc", True),
            ("a.c", "abc", False),
            ("a?c", "abc", False),
            ("[ab]c", "ac", False),
        ],
    )
    def test_a_star_stands_for_any_text_and_nothing_else_is_special(self, pattern, name, matches) -> None:
        assert (usd(listed(entry(pattern, 777)), name) == 777) == matches

    def test_a_pattern_of_many_stars_takes_no_longer(self) -> None:
        assert usd(listed(entry("*a" * 200 + "b", 777)), "a" * 512) is None

    def test_provider_and_service_tier_are_told_in_any_case(self) -> None:
        prices = listed(entry("m", provider="Azure", service_tier="Batch"))
        assert usd(prices, "m", "AZURE", service_tier="BATCH") == 1.0
        assert usd(prices, "m", service_tier="batch") is None
        assert usd(prices, "m", "azure") is None

    def test_a_tenants_price_is_for_that_tenant(self) -> None:
        prices = listed(entry("m", 1, tenant="acme"), entry("m", 2))
        assert [usd(prices, "m", tenant=tenant) for tenant in ("acme", "other", "acme", "ACME")] == [1, 2, 1, 2]


class TestDates:
    HISTORY = (
        entry("m", 1),
        entry("m", 3, **{"from": date(2026, 12, 1)}),
        entry("m", 2, **{"from": date(2026, 11, 1)}),
    )

    @pytest.mark.parametrize(
        ("time", "expected"),
        [
            ("2000-01-01T00:00", 1),
            ("2026-10-31T23:59:59", 1),
            ("2026-11-01T00:00", 2),
            ("2026-11-30T23:59:59", 2),
            ("2026-12-01T00:00", 3),
            ("2099-12-31T23:59:59", 3),
        ],
    )
    def test_a_price_holds_from_its_day_on_until_the_next(self, time, expected) -> None:
        assert usd(listed(*self.HISTORY), "m", t=at(time)) == expected

    def test_a_change_does_not_depend_on_which_call_came_first(self) -> None:
        prices = listed(*self.HISTORY)
        for time in ("2026-12-01T00:00", "2026-10-31T23:59:59", "2026-11-01T00:00"):
            usd(prices, "m", t=at(time))
        assert [usd(prices, "m", t=at(t)) for t in ("2026-10-31T23:59:59", "2026-11-01T00:00")] == [1, 2]

    def test_before_its_first_day_the_library_holds(self) -> None:
        prices = listed(entry("gpt-5-mini", 9, **{"from": date(2026, 11, 1)}))
        assert [usd(prices, "gpt-5-mini", t=at(t)) for t in ("2026-10-31T23:59", "2026-11-01T00:00")] == [0.25, 9.0]


class TestRates:
    def cost(self, prices: Prices, *tokens: int) -> float:
        price = prices.price("m", None, NOW)
        assert price is not None
        return cost_usd(price.rates, *tokens)

    def test_what_an_entry_leaves_out_costs_as_the_kind_that_contains_it(self) -> None:
        only = listed(entry("m", 4, output_usd_per_mtok=10))
        assert self.cost(only, MTOK, MTOK // 4, MTOK // 4, MTOK, MTOK // 2, MTOK // 8) == pytest.approx(14)
        writes = listed(entry("m", 4, cache_write_usd_per_mtok=8))
        assert self.cost(writes, MTOK, 0, MTOK, 0, 0, MTOK) == pytest.approx(8)

    def test_every_kind_has_its_price(self) -> None:
        prices = listed(
            entry(
                "m", 1, cached_input_usd_per_mtok=2, cache_write_usd_per_mtok=4, cache_write_1h_usd_per_mtok=8,
                output_usd_per_mtok=16, reasoning_usd_per_mtok=32, request_usd=64,
            )
        )  # fmt: skip
        assert self.cost(prices, 4 * MTOK, MTOK, 2 * MTOK, 2 * MTOK, MTOK, MTOK) == pytest.approx(127)

    def test_nothing_of_the_library_is_mixed_in(self) -> None:
        price = listed(entry("gpt-5-mini", 9)).price("gpt-5-mini", None, NOW)
        assert price is not None
        assert cost_usd(price.rates, MTOK, MTOK, 0, MTOK) == pytest.approx(9)

    def test_a_tier_holds_for_all_tokens_of_a_longer_input_and_keeps_what_it_does_not_change(self) -> None:
        tiers = [
            {"above_input_tokens": 2000, "input_usd_per_mtok": 6},
            {"above_input_tokens": 1000, "input_usd_per_mtok": 3, "output_usd_per_mtok": 7, "request_usd": 1},
        ]
        prices = listed(entry("m", 1, cached_input_usd_per_mtok=0.5, output_usd_per_mtok=5, tiers=tiers))
        costs = [self.cost(prices, n, n - 100, 0, 100) * MTOK for n in (1000, 1001, 2000, 2001)]
        assert costs == pytest.approx([1050, 1_001_450.5, 1_001_950, 2050.5])


class TestServiceTiers:
    @pytest.mark.parametrize(
        ("tier", "expected"), [(None, 8), ("default", 8), ("batch", 1), ("flex", 2), ("priority", 8)]
    )
    def test_an_entry_without_a_tier_is_for_any(self, tier, expected) -> None:
        entries = (entry("m", 1, service_tier="batch"), entry("m", 2, service_tier="flex"), entry("m", 8))
        price = listed(*entries).price("m", None, NOW, tier)
        assert price is not None
        assert (price.rates[0].input * MTOK, price.tier_known) == (pytest.approx(expected), True)

    def test_the_librarys_tier_is_nearer_than_the_lists_standard(self) -> None:
        prices = listed(entry("gpt-5-mini", 9, service_tier="standard"))
        asked = [prices.price("gpt-5-mini", None, NOW, tier) for tier in (None, "batch", "turbo")]
        assert [(round(p.rates[0].input * MTOK, 6), p.own, p.tier_known) for p in asked if p] == [
            (9, True, True), (0.125, False, True), (9, True, False)
        ]  # fmt: skip

    def test_the_tiers_that_have_a_price_are_known(self) -> None:
        prices = listed(entry("gpt-5-mini", service_tier="ours"), entry("m", service_tier="x", tenant="acme"))
        assert prices.tiers("gpt-5-mini", None, NOW) == ["standard", "batch", "fast", "flex", "ours", "priority"]
        assert prices.tiers("m", None, NOW) == ["standard"]
        assert prices.tiers("m", None, NOW, "acme") == ["standard", "x"]


def test_where_a_price_comes_from_and_since_when_is_known() -> None:
    prices = listed(entry("x"), entry("m", **{"from": date(2026, 11, 1)}))
    price = prices.price("m", None, NOW)
    assert price is not None
    assert (price.own, price.source, price.since) == (True, "price[1] of own.toml", "2026-11-01")


@pytest.mark.parametrize("tenants", [False, True])
def test_the_memory_of_prices_is_bounded(tenants: bool) -> None:
    prices = listed(entry("m", **({"tenant": "acme"} if tenants else {})), limit=10)
    for n in range(35):
        prices.price("m", None, NOW, f"tier-{n}", f"tenant-{n}")
    assert len(prices._kept) <= 10


def test_tenants_are_told_apart_only_where_the_list_does() -> None:
    prices = listed(entry("m"))
    for n in range(35):
        prices.price("m", None, NOW, None, f"tenant-{n}")
    assert len(prices._kept) == 1
