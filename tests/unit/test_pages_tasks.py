"""The page of open tasks: what it shows, to whom, and what it says where there is nothing to show."""

import hashlib
from pathlib import Path

from aiohttp import ClientSession

from detector.errors import DeploymentError
from detector.policy.grants import Policy
from tests.support.pages import EVIL, is_nested, seen
from tests.support.shown import Shown, ShownTasks, bloat, cycle, open_tasks, served, spike, task
from tests.unit.test_pages_asked import TOKEN, policy_of


async def get(
    path: str = "/tasks",
    tasks: ShownTasks | None = None,
    source: Shown | None = None,
    policy: Policy | None = None,
    **headers: str,
) -> tuple[int, str]:
    async with (
        served(source or Shown([spike(), cycle()]), policy, tasks=tasks) as base,
        ClientSession() as client,
        client.get(base + path, headers=headers) as answer,
    ):
        html = await answer.text()
        assert is_nested(html)
        return answer.status, html


def texts(html: str) -> str:
    return " ".join(" ".join(text.split()) for text in seen(html).texts if text.strip())


def rows(html: str) -> list[str]:
    return [texts(row) for row in html.partition("<tbody>")[2].partition("</tbody>")[0].split("<tr>")[1:]]


async def test_each_task_is_shown_with_its_cost_and_what_came_of_it() -> None:
    status, html = await get()
    assert status == 200
    assert rows(html)[0].startswith("PAY-7 payments · invoice-fixer $71.64 $42.06 1,331 1 day 1 hour")
    assert rows(html)[0].endswith("by deliverable ▲ PAGE loop")
    assert rows(html)[-1].startswith("X-1 no team named · no agent named $0.02")
    assert rows(html)[-1].endswith("no strong status none")


async def test_a_task_leads_to_its_open_incident_and_to_that_of_no_other() -> None:
    _, html = await get()
    assert f'<a href="incidents/{spike().id}">' in html.split("<tr>")[3]
    assert html.count('<a href="incidents/') == 2


async def test_how_many_there_are_and_what_they_cost_is_said_of_all() -> None:
    _, html = await get()
    assert "<h1>904 open tasks for $576.16</h1>" in html
    assert "and 900 more for $450.00" in texts(html)
    assert "As of 21 Sep 2026" in texts(html)


async def test_tenant_and_team_narrow_it_down() -> None:
    _, html = await get("/tasks?team=search")
    assert [row.split()[0] for row in rows(html)] == ["SEA-3"]
    assert '<option value="search" selected>' in html
    assert '<option value="payments">' in html
    assert "No open task fits what is asked for" in (await get("/tasks?tenant=elsewhere"))[1]
    assert len(rows((await get("/tasks?team=&tenant="))[1])) == 4, "a form sends what is empty"


async def test_where_nothing_is_open_it_says_so() -> None:
    _, html = await get(tasks=ShownTasks())
    assert "<h1>0 open tasks</h1>" in html
    assert "No open task is known" in html


async def test_who_may_see_no_team_gets_a_sentence_and_nothing_is_read(tmp_path: Path) -> None:
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    own = f'[[grant]]\ntoken_sha256 = "{digest}"\nscope = "self"\npseudonyms = ["u-0123456789ab"]\ntenant = "default"\n'
    policy, tasks = policy_of(tmp_path, f'default = "nothing"\n{own}'), open_tasks()
    for headers, says in (
        ({}, "There is no team whose tasks you may see."),
        ({"Authorization": f"Bearer {TOKEN}"}, "Tasks are of teams, and you see your own alone: none is shown."),
    ):
        status, html = await get(tasks=tasks, policy=policy, **headers)
        assert status == 200
        assert says in html
        assert "PAY-7" not in html
    assert tasks.asked == 0


async def test_where_they_cannot_be_read_the_page_says_why() -> None:
    status, html = await get(tasks=ShownTasks(error=DeploymentError("the brokers at <b> do not answer")))
    assert status == 503
    assert "The open tasks cannot be read now" in html
    assert "the brokers at &lt;b&gt; do not answer." in html


async def test_what_names_hold_is_text() -> None:
    evil = EVIL.replace("\ud800", "")
    _, html = await get(tasks=ShownTasks([task(tenant=evil, team=evil, task=evil, agent=evil), task(team="t")]))
    assert "<script" not in html
    assert "\u202e" not in html
    assert seen(html).tags.isdisjoint({"script", "img"})


async def test_the_overview_and_an_incident_lead_to_the_tasks_of_a_team() -> None:
    source = Shown([bloat(), cycle(team="a&b")])
    assert 'href="tasks?tenant=default&amp;team=payments"' in (await get("/", source=source))[1]
    assert 'href="../tasks?tenant=default&amp;team=search"' in (await get("/incidents/b10a7", source=source))[1]
    of_other = (await get(f"/incidents/{cycle(team='a&b').id}", source=source))[1]
    assert f'href="../tasks?tenant={cycle().tenant}&amp;team=a%26b"' in of_other


async def test_what_no_task_can_be_found_by_is_no_link() -> None:
    for team in (None, "x" * 513, "other"):
        assert "tasks?tenant" not in (await get("/incidents/b10a7", source=Shown([bloat(team=team)])))[1]
