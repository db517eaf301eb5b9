"""The row that boards of the fleet and of a team share about what was flagged, and what is not known."""

from deploy.grafana.asking import BLIND, LINKS_OF_ROW, TEAM_FIRST, WASTE, WINDOW, gauge, ratio, total
from deploy.grafana.frame import Row
from deploy.grafana.panels import (
    NEUTRAL,
    SHARE,
    USD,
    Made,
    Panel,
    Query,
    Steps,
    bars,
    figure,
    rows,
)


def flagged() -> Row:
    """What was flagged, and what nobody can say anything of."""
    tokens = gauge("tokens", WINDOW, 'kind=~"cached_input|uncached_input"')
    cached = gauge("tokens", WINDOW, 'kind="cached_input"')
    types = 'detector_portfolio_type_cost_usd{tenant=~"$tenant"'
    return (
        "What of it was flagged, and what is not known",
        [
            figure(
                Panel(
                    "Flagged",
                    "Dollars within episodes of loop, spend_spike and redundant_work. What is not flagged is"
                    " not therefore well spent.",
                    [Query(total("flagged_usd"))],
                    USD,
                    4,
                    decimals=2,
                )
            ),
            _share("Share flagged", "Of the dollars of the window.", ratio("flagged_usd", "spend_usd"), WASTE),
            _share(
                "Unpriced calls",
                "Calls with tokens but without a price: their dollars are in no figure. Give their models a price.",
                ratio("unpriced_calls", "calls"),
                BLIND,
            ),
            _share(
                "Cached input",
                "Of the tokens that calls sent, those that a cache held: a cached one costs a tenth.",
                f"sum({cached}) / (sum({tokens}) > 0)",
                ((None, NEUTRAL),),
            ),
            _share(
                "No task claims it",
                "Dollars of which nobody knows what they were for. It falls later, as links come.",
                ratio("no_task_usd", "spend_usd"),
                WASTE,
            ),
            figure(
                Panel(
                    "Taken back",
                    "What tasks had cost of which a deliverable was taken back. Where no source tells of"
                    " that it is 0, and not known.",
                    [Query(total("reverted_usd"))],
                    USD,
                    4,
                    decimals=2,
                )
            ),
            bars(
                Panel(
                    "Share flagged, by team",
                    "By name; a team that tries new things has more.",
                    [Query(ratio("flagged_usd", "spend_usd", "tenant", "team"))],
                    SHARE,
                    8,
                    8,
                    steps=WASTE,
                    links=LINKS_OF_ROW,
                ),
                TEAM_FIRST,
            ),
            bars(
                Panel(
                    "Saved by stopping, an estimate",
                    "What flagged tasks burnt an hour, for the hours that they stood"
                    " still then, 24 at most; of 24h and 7d. Nobody knows that they would have gone on.",
                    [Query(f"sum by (window) ({gauge('saved_usd_estimate')})")],
                    USD,
                    4,
                    8,
                    decimals=2,
                    none="none is known",
                ),
                ["window"],
            ),
            rows(
                Panel(
                    "A completed task by its type",
                    "Of the whole tenant, over 30 days: as used, and of the tasks that went mostly to the"
                    " cheapest model with which 5 were completed. The easy ones may have gone there.",
                    [
                        Query(f'max by (tenant, task_type) ({types}, of="used"}})'),
                        Query(f'max by (tenant, task_type, model) ({types}, of="cheapest"}})'),
                    ],
                    USD,
                    12,
                    8,
                ),
                ["tenant", "task_type", "model"],
                {"as used": USD, "with the cheapest model": USD},
            ),
        ],
    )


def _share(title: str, told: str, expr: str, steps: Steps) -> Made:
    return figure(Panel(title, told, [Query(expr)], SHARE, 4, steps=steps, decimals=1))
