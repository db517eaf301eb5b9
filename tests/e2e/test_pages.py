"""The pages in a real browser: nothing fails or comes from elsewhere, they fit, can be read, and work by keyboard."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from detector.config import Config, Web
from detector.web.pages.routes import CONTENT_POLICY
from tests.support import axe
from tests.support.browser import chromium, watched
from tests.support.shown import (
    HOSTILE,
    HOSTILES,
    Shown,
    ShownTasks,
    bloat,
    cycle,
    hostile,
    near,
    served,
    shipped,
    spend,
    spike,
    task,
)

NAMES = ["payments", "search", "platform", None, "data", "growth", "support", "ops", "legal", "people", "lab"]
CONFIG = Config(web=Web(grafana_url="https://grafana.example", trace_url="https://traces.example/?run={run}"))
LOOKS = [("light", 1280), ("dark", 1280), ("light", 360), ("dark", 360)]
each_look = pytest.mark.parametrize(("scheme", "width"), LOOKS, ids=[f"{scheme}-{width}" for scheme, width in LOOKS])


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as started:
        yield started


def usual() -> Shown:
    stop = {"requested_at": 1_790_001_400.0, "status": "dry run", "attempts": 1}
    return Shown([spike(), cycle(), near(), bloat(), shipped()], spend(NAMES), stop)


def paths(source: Shown) -> dict[str, str]:
    """Of each page its name and its path; of equal rules the first."""
    rules = {f"{one.alert.rule}-{one.alert.class_ or ''}".strip("-"): one.alert.id for one in source.held}
    named = {"overview": "/", "incidents": "/incidents", "tasks": "/tasks"}
    return named | {rule: f"/incidents/{id}" for rule, id in rules.items()}


@each_look
async def test_pages_load_without_an_error_from_here_alone_and_fit(browser: Browser, scheme: str, width: int) -> None:
    source = usual()
    async with served(source, config=CONFIG) as base, watched(browser, base, scheme=scheme, width=width) as seen:
        for name, path in paths(source).items():
            await seen.open(path)
            assert await seen.too_wide() == 0, name
            await seen.screenshot(f"{name}-{scheme}-{width}")
        assert seen.wrong == []


async def test_on_a_phone_no_part_of_a_task_is_cut_off(browser: Browser) -> None:
    tasks = ShownTasks([task(), task(task="PAY-8", age_s=1498.0, moved_by="taken up again", usd=123_456.0)])
    async with served(usual(), config=CONFIG, tasks=tasks) as base, watched(browser, base, width=360) as seen:
        await seen.open("/tasks")
        beyond = "[...document.querySelectorAll('.tasks td')].filter(one => one.scrollWidth > one.clientWidth).length"
        assert await seen.page.evaluate(beyond) == 0
        assert await seen.page.evaluate("document.querySelector('.scroll').scrollWidth") <= 360


@each_look
async def test_hostile_names_do_nothing_and_break_no_layout(browser: Browser, scheme: str, width: int) -> None:
    source, names = hostile(*HOSTILES), [dict.fromkeys(("tenant", "team", "task", "agent"), text) for text in HOSTILES]
    tasks = ShownTasks([task(**fields) for fields in names])
    async with (
        served(source, config=CONFIG, tasks=tasks) as base,
        watched(browser, base, scheme=scheme, width=width) as seen,
    ):
        for n, path in enumerate(["/", "/incidents", "/tasks", *(f"/incidents/{one.alert.id}" for one in source.held)]):
            await seen.open(path)
            assert await seen.too_wide() == 0, path
            if n < 8:
                await seen.screenshot(f"hostile-{n}-{scheme}-{width}")
            await open_all(seen.page)
            assert await seen.too_wide() == 0, path
        assert seen.wrong == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_contrast_labels_and_structure_hold(browser: Browser, scheme: str) -> None:
    axe.script()
    for source in (usual(), Shown([], []), hostile(HOSTILE), hostile(" ")):
        async with (
            served(source, config=CONFIG) as base,
            watched(browser, base, scheme=scheme, width=360, bypass_csp=True) as seen,
        ):
            for name, path in paths(source).items():
                await seen.open(path)
                await open_all(seen.page)
                assert await axe.violations(seen.page) == [], name


async def open_all(page: Page) -> None:
    """Shows what is folded."""
    await page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")


_ALL = "a[href], button, select, summary, [tabindex='0']"
_NUMBER = f'[...document.querySelectorAll("{_ALL}")].indexOf(document.activeElement)'
_OUTLINE = "getComputedStyle(document.activeElement).outlineStyle"


@pytest.mark.parametrize("page", ["overview", "incidents", "tasks", "loop-cycle", "spend_spike"])
async def test_by_keyboard_everything_is_reached_in_order_and_seen(browser: Browser, page: str) -> None:
    source = usual()
    async with served(source, config=CONFIG) as base, watched(browser, base) as seen:
        await seen.open(paths(source)[page])
        await open_all(seen.page)
        count = await seen.page.locator(_ALL).count()
        reached = []
        for _ in range(count):
            await seen.page.keyboard.press("Tab")
            reached.append(await seen.page.evaluate(_NUMBER))
            assert await seen.page.evaluate(_OUTLINE) != "none"
        assert reached == list(range(count))


async def test_by_keyboard_one_gets_past_the_links_and_opens_what_is_folded(browser: Browser) -> None:
    source = usual()
    async with served(source, config=CONFIG) as base, watched(browser, base) as seen:
        await seen.open(paths(source)["loop-cycle"])
        await seen.page.keyboard.press("Tab")
        await seen.page.keyboard.press("Enter")
        assert await seen.page.evaluate("document.activeElement.id") == "main"
        await seen.page.locator("summary").first.focus()
        await seen.page.keyboard.press("Enter")
        assert await seen.page.locator("details").first.get_attribute("open") is not None


async def test_one_goes_from_the_overview_to_an_incident_its_record_and_back(browser: Browser, tmp_path: Path) -> None:
    source = usual()
    async with served(source, config=CONFIG) as base, watched(browser, base) as seen:
        await seen.open("/")
        await seen.page.get_by_role("link", name=cycle().summary).click()
        assert await seen.page.title() == "PAGE loop · detector"
        async with seen.page.expect_download() as coming:
            await seen.page.get_by_role("link", name="Download as JSON").click()
        kept = await coming.value
        assert kept.suggested_filename == f"incident-{cycle().id}.json"
        await kept.save_as(tmp_path / "kept.json")
        assert b'"rule": "loop"' in (tmp_path / "kept.json").read_bytes()
        await seen.page.get_by_role("link", name="Incidents").click()
        assert seen.page.url == f"{base}/incidents"
        assert seen.wrong == []


async def test_the_form_asks_for_what_is_chosen(browser: Browser) -> None:
    async with served(usual(), config=CONFIG) as base, watched(browser, base) as seen:
        await seen.open("/incidents")
        await seen.page.get_by_label("team").select_option("search")
        await seen.page.get_by_label("state").select_option("open only")
        await seen.page.get_by_role("button", name="Show").click()
        assert await seen.page.locator("h1").inner_text() == "2 open incidents"
        assert await seen.page.get_by_label("team").input_value() == "search"
        assert seen.wrong == []


async def test_one_goes_from_a_team_to_its_tasks_and_to_the_incident_of_one(browser: Browser) -> None:
    async with served(usual(), config=CONFIG) as base, watched(browser, base) as seen:
        await seen.open("/")
        await seen.page.get_by_role("link", name="payments", exact=True).click()
        assert (await seen.page.locator("h1").inner_text()).startswith("302 open tasks")
        await seen.page.get_by_role("row", name="PAY-9").get_by_role("link").click()
        assert await seen.page.title() == "PAGE spend_spike · detector"
        await seen.page.get_by_role("link", name="open tasks of the team").click()
        assert await seen.page.get_by_label("team", exact=True).input_value() == "payments"
        assert seen.wrong == []


_INJECT = """() => new Promise(resolve => {
    const found = [];
    document.addEventListener("securitypolicyviolation", event => found.push(event.effectiveDirective));
    const script = document.createElement("script");
    script.textContent = "window.ran = true";
    document.body.append(script);
    const box = document.createElement("div");
    box.innerHTML = "<p style='color: red' onclick='window.ran = true'>x</p><img src='https://elsewhere.example/x.png'>";
    document.body.append(box);
    box.firstChild.click();
    setTimeout(() => resolve([window.ran === true, [...new Set(found)].sort()]), 300);
})"""


async def test_were_markup_ever_to_get_in_it_could_run_style_and_load_nothing(browser: Browser) -> None:
    async with served(usual(), config=CONFIG) as base, watched(browser, base) as seen:
        answer = await seen.page.goto(base)
        assert answer is not None
        assert answer.headers["content-security-policy"] == CONTENT_POLICY
        ran, blocked = await evaluated(seen.page)
        assert not ran
        assert blocked == ["img-src", "script-src-attr", "script-src-elem", "style-src-attr"]


async def evaluated(page: Page) -> Any:
    """What became of markup that was put into the page."""
    return await page.evaluate(_INJECT)
