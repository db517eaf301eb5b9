"""Alert records for the tests of what is done with them."""

from typing import Any

from detector.model.alert import Alert

OPENED_S = 1_760_000_000.0


def alert(**fields: Any) -> Alert:
    """A critical loop of one agent's run, open, with `fields` on top."""
    told: dict[str, Any] = {
        "id": "e1",
        "rule": "loop",
        "class_": "repeat",
        "level": "run",
        "severity": "critical",
        "state": "open",
        "tenant": "acme",
        "team": "search",
        "agent": "indexer",
        "run": "run-7",
        "opened_at": OPENED_S,
        "updated_at": OPENED_S,
        "summary": "The agent indexer repeats a failing call.",
        "group": "acme/search/indexer",
        "cost_usd": 12.5,
        "burn_usd_per_hour": 40.0,
        "calls": 12,
        "tokens": 90_000,
        "evidence": {"period": 1, "rounds": 12},
        "runbook_url": "https://example.org/runbooks/loop.md",
        "version": 1,
        "software": "0.1.0",
        "config_digest": "0badcafe",
    }
    return Alert(**{**told, **fields})
