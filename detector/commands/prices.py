"""`detector prices`: the rates in force for models, where they come from, and since when."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from detector.commands import Setup, columns

if TYPE_CHECKING:
    from detector.enrich.pricing import Prices
    from detector.enrich.rates import Price

HEADER = (
    "service tier", "input tokens", "input", "cached", "write", "1h write", "output", "reasoning", "call",
    "since", "source",
)  # fmt: skip


@click.command()
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option(
    "--at",
    metavar="DATE",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"]),
    help="A day or minute in UTC, as 2026-11-20 or 2026-11-20T14:30. Default: now.",
)
@click.option("--provider", help="As events name it; without it the library goes by the model's name.")
@click.option("--tenant", default="default", help="As events name it, where the list has prices by tenant.")
@click.pass_obj
def prices(setup: Setup, models: tuple[str, ...], at: datetime | None, provider: str | None, tenant: str) -> int:
    """Show what each MODEL costs: US dollars a million tokens by kind, and a call where it has a price itself.

    One line for each service tier and length of input, with the entry of your own list (prices.list_file) or of
    the price library that it comes from, and the day from which it holds. Fails if a model has no price.

    \b
    Examples:
      detector prices claude-sonnet-4-5 gpt-5-mini
      detector prices azure/gpt-5 --provider azure
      detector --config detector.toml prices our-llama --at 2026-12-01
    """
    from detector.enrich.pricing import Prices

    known = Prices.of(setup.load().prices)
    moment = at.replace(tzinfo=UTC) if at is not None else datetime.now(UTC)
    click.echo(f"USD a million tokens, and a call; {moment:%Y-%m-%d %H:%M} UTC")
    priced = [_show(known, model, provider, moment.timestamp(), tenant) for model in models]
    return 0 if all(priced) else 1


def _show(known: Prices, model: str, provider: str | None, t: float, tenant: str) -> bool:
    """Prints a model's rates; False where it has no price in the standard tier."""
    rows: list[tuple[str, ...]] = []
    for tier in known.tiers(model, provider, t, tenant):
        price = known.price(model, provider, t, tier, tenant)
        if price is not None and price.tier_known:
            rows += _rows(tier, price)
    standard = known.price(model, provider, t, None, tenant) is not None
    lacks = "" if standard else ": no standard price" if rows else ": no price; prices.list_file can give it one"
    click.echo(f"\n{model}{lacks}")
    if rows:
        click.echo(columns([HEADER, *rows]))
    return standard


def _rows(tier: str, price: Price) -> list[tuple[str, ...]]:
    """A line for each length of input from which on other rates hold."""
    shortest = f"to {price.rates[1].start:,}" if len(price.rates) > 1 else "any"
    rows = []
    for rates in price.rates:
        length = f"over {rates.start:,}" if rates.start else shortest
        usd = [f"{rate * 1e6:.6g}" for rate in rates[1:-1]]
        rows.append((tier, length, *usd, f"{rates.request:.6g}", price.since or "always", price.source))
    return rows
