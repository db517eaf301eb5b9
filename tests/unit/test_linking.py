"""The link that `detector link` sends: its id, its time, and what is refused before it is sent."""

import json
from typing import Any

import msgspec
import pytest

from detector.config import Ingest
from detector.errors import BadInput, Reason
from detector.model.events import Link
from detector.sources.linking import link_key, make_link
from detector.sources.native import encode

NOW_S = 1_795_166_043.25  # 20 November 2026, 09:14:03.25 UTC
DAY_S = 86_400.0


def link(**told: str | None) -> Link:
    return make_link(Ingest(), NOW_S, **{"run": "r", "task": "T", **told})  # type: ignore[arg-type]


def test_it_says_what_was_told_and_when() -> None:
    assert json.loads(encode(link(id="l1"))) == {
        "type": "link", "id": "l1", "time": "2026-11-20T09:14:03.250000Z", "run": "r", "task": "T", "tenant": "default",
    }  # fmt: skip
    assert json.loads(encode(link(tenant="acme", source="git")))["source"] == "git"


def test_a_link_that_is_made_again_is_the_same_event() -> None:
    told = {"tenant": "acme", "source": "git", "time": "2026-11-20T09:14:03Z"}
    assert encode(link(**told)) == encode(make_link(Ingest(), NOW_S + 60.0, run="r", task="T", **told))


@pytest.mark.parametrize("same", ["2026-11-20T10:14:03+01:00", "2026-11-20 09:14:03Z", "2026-11-20T09:14:03.000z"])
def test_the_same_instant_in_another_form_is_the_same_event(same: str) -> None:
    assert encode(link(time=same)) == encode(link(time="2026-11-20T09:14:03Z"))


@pytest.mark.parametrize("tenant", ["", "default", None])
def test_without_a_tenant_it_is_the_default_one(tenant: str | None) -> None:
    made = link(tenant=tenant)
    assert (made.tenant, made.id, link_key(made)) == ("default", link().id, b'["default","r"]')


@pytest.mark.parametrize("other", ["run", "task", "tenant", "source"])
def test_a_link_that_says_something_else_has_another_id(other: str) -> None:
    assert link(**{other: "other"}).id != link().id


def test_names_do_not_run_into_each_other() -> None:
    assert link(run="a", task="bc").id != link(run="ab", task="c").id
    assert link_key(link(tenant="a", run="b/c")) != link_key(link(tenant="a/b", run="c"))


def test_a_run_may_go_to_another_task_and_back() -> None:
    there_and_back = [make_link(Ingest(), NOW_S + n, run="r", task=task) for n, task in enumerate("ABA")]
    assert len({each.id for each in there_and_back}) == 3
    assert len({link_key(each) for each in there_and_back}) == 1


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"run": ""}, Reason.OUT_OF_RANGE),
        ({"task": ""}, Reason.OUT_OF_RANGE),
        ({"id": ""}, Reason.OUT_OF_RANGE),
        ({"run": "x" * 513}, Reason.OUT_OF_RANGE),
        ({"tenant": "x" * 513}, Reason.OUT_OF_RANGE),
        ({"source": "x" * 513}, Reason.OUT_OF_RANGE),
        ({"task": "\udcff"}, Reason.NOT_UTF8),
        ({"time": ""}, Reason.OUT_OF_RANGE),
        ({"time": "2026-11-20"}, Reason.OUT_OF_RANGE),
        ({"time": "1795166043"}, Reason.OUT_OF_RANGE),
        ({"time": "2026-11-20T09:14:03"}, Reason.WRONG_TYPE),
        ({"time": "0001-01-01T00:00:00+23:59"}, Reason.TIME_OUT_OF_RANGE),
        ({"time": "9999-12-31T23:59:59-23:59"}, Reason.TIME_OUT_OF_RANGE),
        ({"time": "2026-11-21T09:14:04Z"}, Reason.TIME_OUT_OF_RANGE),
        ({"time": "2026-08-12T09:14:03Z"}, Reason.TIME_OUT_OF_RANGE),
    ],
)
def test_what_ingest_would_refuse_is_refused_with_the_field(told: dict[str, str], reason: Reason) -> None:
    with pytest.raises(BadInput) as refused:
        link(**told)
    assert (refused.value.reason, [refused.value.field]) == (reason, [*told])


def test_how_far_off_a_time_may_be_is_what_ingest_is_told() -> None:
    told: dict[str, Any] = {"run": "r", "task": "T", "time": "2026-11-19T09:14:03Z"}
    make_link(Ingest(refuse_past_s=DAY_S + 1.0), NOW_S, **told)
    with pytest.raises(BadInput, match=r"ingest\.refuse_past_s"):
        make_link(Ingest(refuse_past_s=DAY_S - 1.0), NOW_S, **told)


def test_all_of_unicode_may_be_sent() -> None:
    made = link(run="läuft\n\x00😀", task='"')
    assert msgspec.json.decode(encode(made), type=Link) == made
