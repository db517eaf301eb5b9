"""Names that are made to do harm arrive as text, by each way that a real Alertmanager tells of them."""

from typing import Any

import pytest

from tests.e2e.pager import until
from tests.e2e.paging import Paging, recent
from tests.support.paged import errors, parts, plain

MOST_OF_A_LINE = 998 - len("Subject: ")
"""Octets that a mail server takes."""
MOST_IN_SLACK = 40_000
BIDI = "abc\u202edef"
NAMES = {
    "script": "<script>alert(1)</script>",
    "attribute": '"><img src=x onerror=alert(1)>',
    "mention": "<!channel> <https://evil.example|click>",
    "code": "`code` ```block``` *bold*",
    "template": '{{ template "detector.title" . }}',
    "lines": "a\nSubject: other\r\n.\r\nb",
    "direction": BIDI,
    "long": "x" * 10_000,
    "wide": "\U0001f525" * 200,
    "shell": "$(id); '\"; rm -rf /",
}


@pytest.mark.parametrize("severity", ["critical", "warning"])
async def test_hostile_names_arrive_as_text_and_nothing_else(paging: Paging, severity: str) -> None:
    told = [
        recent(
            id=f"e-{kind}", group=f"g-{kind}", severity=severity, agent=name, team=name, user=name, task=name, key=name,
            run=name, summary=f"{name} repeats {name}", evidence={name: name}, runbook_url=f"https://r.example/{name}",
        )
        for kind, name in NAMES.items()
    ]  # fmt: skip
    await paging.tell(*told)
    many, there = len(NAMES), paging.desk
    if severity == "critical":
        await until(lambda: len(there.pages) == many and len(there.slack) == many)
        assert all(len(page["payload"]["summary"]) <= 1024 for _, page in there.pages)
    else:
        await until(lambda: len(there.mails) == many and len(there.slack) == many and len(there.webhooks) == many)
        for mail in there.mails:
            _harmless_in_mail(parts(mail)["text/html"], str(mail["Subject"]))
    for _, slack in there.slack:
        _harmless_in_slack(slack["attachments"][0])
    everything = plain({"all": [there.pages, there.slack, there.webhooks, [parts(mail) for mail in there.mails]]})
    assert "\u202e" not in everything
    assert "x" * 2500 not in everything
    assert errors(paging.log) == []


@pytest.mark.parametrize("name", ["&" * 10_000, "\U0001f525" * 250])
async def test_many_with_long_names_stay_within_what_receivers_take(paging: Paging, name: str) -> None:
    who = dict.fromkeys(("agent", "team", "tenant", "task", "user", "key", "summary"), name)
    for severity in ("critical", "warning"):
        await paging.tell(*[recent(id=f"{severity}-{n}", severity=severity, run=f"{n}{name}", **who) for n in range(8)])
    there = paging.desk
    await until(
        lambda: (
            bool(there.pages and there.mails)
            and sum("These are 3 of 8." in slack["attachments"][0]["text"] for _, slack in there.slack) == 2
        )
    )
    assert all(len(page["payload"]["summary"]) <= 1024 for _, page in there.pages)
    assert all(len(str(mail["Subject"])) < MOST_OF_A_LINE for mail in there.mails)
    assert all(len(slack["attachments"][0]["text"]) < MOST_IN_SLACK for _, slack in there.slack)


def _harmless_in_mail(html: str, subject: str) -> None:
    assert "<script" not in html
    assert "<img" not in html
    assert html.count("<a href=") == html.count("</a>") == _links(html)
    assert "\n" not in subject.replace("\n ", "")
    assert len(subject) < MOST_OF_A_LINE


def _harmless_in_slack(attachment: dict[str, Any]) -> None:
    assert "<" not in attachment["title"]
    text = attachment["text"]
    assert "<!" not in text
    assert "<https://evil" not in text
    assert text.count("<") == text.count(">") == _links(text)
    assert text.count("```") in (0, 2)


def _links(text: str) -> int:
    """Incident, board, runbook and silence; a link that would be too long is left out."""
    return 3 if "xxx" in text or "\U0001f525" in text else 4
