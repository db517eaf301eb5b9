"""Who sees which incident, and that nobody is named in it but oneself."""

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.enrich.pseudonyms import PERSON
from detector.model.alert import Alert, encode_alert
from detector.policy.incidents import restrict_incident, restrict_record
from detector.policy.scope import NOTHING, TEAMS, Kind, Scope
from tests.unit.alert_records import alert

PEOPLE = [f"u-{n:012x}" for n in range(1, 5)]
ME, ANOTHER = PEOPLE[:2]
SELF = Scope(Kind.SELF, "acme", people=frozenset([ME]))
SEARCH = Scope(Kind.TEAM, "acme", "search")
ACME = Scope(Kind.TENANT, "acme")
NAMED = re.compile(rb"u-[0-9a-f]{12}")

people = st.sampled_from(PEOPLE)
texts = st.lists(st.sampled_from(["u-", "a", "é\u202e ", '"', "\\", *PEOPLE, "0123456789ab"]), max_size=6).map("".join)
values: Any = st.recursive(
    texts | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)
alerts = st.builds(
    alert,
    tenant=st.sampled_from(["acme", "other"]),
    team=st.sampled_from(["search", "data", None]),
    user=people | st.none(),
    agent=people | st.sampled_from(["indexer", None]),
    run=texts,
    task=texts,
    key=texts,
    summary=texts,
    group=texts,
    runbook_url=texts,
    evidence=st.dictionaries(texts, values, max_size=5),
)
scopes = st.sampled_from([SELF, SEARCH, ACME, TEAMS, NOTHING])


@given(alerts, scopes)
def test_no_other_person_is_anywhere_in_what_is_shown(told: Alert, scope: Scope) -> None:
    shown = restrict_incident(told, scope)
    if shown is not None:
        assert set(NAMED.findall(encode_alert(shown))) <= {name.encode() for name in scope.people}
        assert set(NAMED.findall(json.dumps(msgspec.to_builtins(shown)).encode())) <= {ME.encode()}


@given(alerts, scopes)
def test_it_is_shown_to_whoever_may_see_its_team_or_is_the_only_person_in_it(told: Alert, scope: Scope) -> None:
    who = {name for name in (told.user, told.agent) if name in PEOPLE}
    expected = {
        Kind.NOTHING: False,
        Kind.SELF: told.tenant == "acme" and who == {ME},
        Kind.TEAM: (told.tenant, told.team) == ("acme", "search"),
        Kind.TENANT: scope.tenant in (None, told.tenant),
    }[scope.kind]
    assert (restrict_incident(told, scope) is not None) == expected


@given(alerts, scopes)
def test_figures_and_what_names_nobody_stay(told: Alert, scope: Scope) -> None:
    shown = restrict_incident(told, scope)
    if shown is not None:
        for name in ("id", "rule", "severity", "cost_usd", "calls", "tenant", "team", "version", "opened_at"):
            assert getattr(shown, name) == getattr(told, name)
    nobody = alert(summary="plain", evidence={"a": [1, {"b": None}]})
    assert restrict_incident(nobody, TEAMS) == nobody


def test_people_are_replaced_within_texts_keys_and_depths() -> None:
    evidence = {
        "culprits": {ANOTHER: {"usd": 3.0}, "agents": [f"{ANOTHER}, {ME}", 7]},
        "deep": [[{"who": f"by {ANOTHER}."}]],
    }
    told = alert(user=ANOTHER, agent=ME, summary=f"{ANOTHER} repeats", group=f"loop:{ME}", evidence=evidence)
    shown = restrict_incident(told, TEAMS)
    assert shown is not None
    assert (shown.user, shown.agent, shown.summary, shown.group) == (PERSON, PERSON, "person repeats", "loop:person")
    assert shown.evidence == {
        "culprits": {"person": {"usd": 3.0}, "agents": ["person, person", 7]},
        "deep": [[{"who": "by person."}]],
    }


def test_of_oneself_one_is_named_and_others_in_it_are_not() -> None:
    told = alert(user=ME, summary=f"{ME} and {ANOTHER}", evidence={ANOTHER: ME})
    shown = restrict_incident(told, SELF)
    assert shown is not None
    assert (shown.user, shown.summary, shown.evidence) == (ME, f"{ME} and person", {"person": ME})


@pytest.mark.parametrize("name", ["mara.lind@acme.example", "a", "(x", "indexer"])
def test_users_that_appear_as_they_are_sent_are_hidden_too(name: str) -> None:
    told = alert(user=name, agent="bot", summary=f"bot of {name} repeats a read", evidence={"who": [name], name: 1})
    shown = restrict_incident(told, ACME)
    assert shown is not None
    assert (shown.user, shown.evidence) == (PERSON, {"who": [PERSON], PERSON: 1})
    assert shown.summary.startswith(f"bot of {PERSON} repeats")
    assert restrict_incident(told, SELF) is None


@given(alerts, scopes)
def test_of_a_record_as_it_is_kept_the_same_is_shown(told: Alert, scope: Scope) -> None:
    assert restrict_record(encode_alert(told), scope) == restrict_incident(told, scope)


@pytest.mark.parametrize("scope", [TEAMS, SEARCH, SELF, NOTHING])
@pytest.mark.parametrize("user", ["ann.b", "person", "", None, ME, ANOTHER])
def test_of_a_record_as_it_is_kept_a_name_as_it_was_sent_is_masked_too(user: str | None, scope: Scope) -> None:
    told = alert(user=user, summary=f"{user} of {ANOTHER}", evidence={f"{user}": user})
    assert restrict_record(encode_alert(told), scope) == restrict_incident(told, scope)
