"""What arrives of alerts that lack figures, and of many at once: no empty line, no wrong plural, and whose they are."""

import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from tests.e2e.pager import until
from tests.e2e.paging import Paging, recent
from tests.support.paged import errors, parts

SPARSE: list[tuple[dict[str, Any], str, list[str], list[str]]] = [
    (
        {"rule": "no_task", "level": "team", "agent": None, "run": None, "calls": 0, "cost_usd": 38.67},
        "[TICKET] no_task, $38.67 burnt, $40.00 an hour: team search, tenant acme",
        ["Burnt: $38.67; another hour costs $40.00"],
        ["0 calls", "Moved last"],
    ),
    (
        {"class_": "degenerate", "calls": 1, "burn_usd_per_hour": 0.0, "group": "one answer", "spend_only": True},
        "[TICKET] loop, $12.50 burnt: agent indexer, team search, tenant acme, run run-7",
        ["Burnt: $12.50 in 1 call\n", "Moved last: not known: no task claims it\n"],
        ["1 calls", "$0.00"],
    ),
    (
        {
            "rule": "run_inflation",
            "level": "task",
            "task": "T-1",
            "run": None,
            "burn_usd_per_hour": 0.004,
            "spend_only": True,
        },
        "[TICKET] run_inflation, $12.50 burnt, $0.004 an hour: agent indexer, team search, tenant acme, task T-1",
        ["another hour costs $0.004\n", "Moved last: not known: nothing tells what becomes of the work\n"],
        [],
    ),
]
"""Alerts that lack something: fields, the title, and what their text says and does not say."""


async def test_what_an_alert_does_not_know_has_no_line_and_no_empty_figure(paging: Paging) -> None:
    alerts = [recent(id=f"s{n}", severity="warning", **fields) for n, (fields, *_) in enumerate(SPARSE)]
    await paging.tell(*alerts)
    await until(lambda: len(paging.desk.mails) == len(SPARSE))
    mails = {str(mail["Subject"]): parts(mail)["text/plain"].replace("\r\n", "\n") for mail in paging.desk.mails}
    assert set(mails) == {title for _, title, _, _ in SPARSE}
    for _, title, says, says_not in SPARSE:
        assert [fact for fact in says if fact not in mails[title]] == []
        assert [fact for fact in says_not if fact in mails[title]] == []
    over = {"version": 2, "state": "resolved", "resolved_at": time.time()}
    await paging.tell(recent(id="s1", severity="warning", **SPARSE[1][0], **over, evidence={"resolved_by": "quiet"}))
    await until(lambda: len(paging.desk.mails) == len(SPARSE) + 1)
    told = parts(paging.desk.mails[-1])
    assert " UTC: quiet" in told["text/plain"]
    assert " UTC: quiet</td>" in told["text/html"]
    assert errors(paging.log) == []


async def test_a_page_of_many_names_their_tenant_and_leads_to_a_silence_of_them_all(paging: Paging) -> None:
    runs = [recent(id=f"e{n}", run=f"run-{n}", tenant=tenant) for tenant in ("acme", "globex") for n in range(3)]
    await paging.tell(*[msgspec.structs.replace(run, id=f"{run.tenant}-{run.id}") for run in runs])
    await until(lambda: _firing(paging) == ["3", "3"])
    silences = {}
    for page in _newest(paging):
        links = {link["text"]: link["href"] for link in page["links"]}
        asked = parse_qs(urlsplit(links["Silence"]).fragment.partition("?")[2])
        (silences[page["payload"]["summary"]],) = asked["filter"]
    assert silences == {
        f"[PAGE x3] loop: agent indexer, team search, tenant {tenant}": (
            f'{{alertname="loop",tenant="{tenant}",team="search",group="acme/search/indexer"}}'
        )
        for tenant in ("acme", "globex")
    }
    await until(lambda: "|Silence all of them>" in paging.desk.slack[-1][1]["attachments"][0]["text"])
    over = {"version": 2, "state": "resolved", "resolved_at": time.time()}
    await paging.tell(*[recent(id=f"acme-e{n}", run=f"run-{n}", **over) for n in range(2)])
    await until(lambda: _firing(paging) == ["1", "3"])
    left = next(page for page in _newest(paging) if page["payload"]["custom_details"]["num_firing"] == "1")
    assert left["payload"]["summary"].startswith("[PAGE] loop: ")  # of three one is left, to which it leads
    assert left["client_url"] == "https://pages.example/incidents/acme-e2"
    assert errors(paging.log) == []


def _newest(paging: Paging) -> list[dict[str, Any]]:
    """Of each incident of PagerDuty what was told last."""
    return list({page["dedup_key"]: page for _, page in paging.desk.pages}.values())


def _firing(paging: Paging) -> list[str]:
    return sorted(page["payload"]["custom_details"]["num_firing"] for page in _newest(paging))
