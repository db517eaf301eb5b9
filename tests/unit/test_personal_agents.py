"""An agent that its source may have named after a person is a pseudonym, unless the configuration knows a service."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from detector.callback.values import values
from detector.cli import cli
from detector.config import Config, load_config
from detector.config.settings import Metrics as Limits
from detector.config.sources import Attributes, Source
from detector.enrich.pseudonyms import Pseudonyms, is_pseudonym
from detector.gateway.taking import Taker
from detector.metrics import Metrics
from detector.model.events import Call
from detector.model.packed import decode_packed
from detector.patterns import Patterns
from detector.pipeline.intake import Intake, SourceRecord
from detector.sources.native import encode
from detector.sources.reading import of_source
from detector.totals import NO_USE
from tests.support import payloads
from tests.support.otlp import NOW

pytestmark = pytest.mark.usefixtures("bare_environment")
KEY = "a key of some length"


def body(alias: str = "mara-laptop", **metadata: Any) -> bytes:
    payload = payloads.payload(0)
    payload["metadata"] |= {"user_api_key_alias": alias} | metadata
    return json.dumps(payload).encode()


def decoded(value: bytes, **attributes: Any) -> Call:
    (call,) = of_source(Source(topic="x", format="litellm", attributes=Attributes(**attributes)))(value, ())
    assert isinstance(call, Call)
    return call


def config_of(*services: str) -> Config:
    return load_config(privacy={"pseudonym_key": KEY}, identity={"services": list(services)})


def observed(config: Config, *values: bytes) -> set[str | None]:
    """The agents that ingest packs."""
    intake = Intake(config, 1)
    intake.take(0, "calls", [SourceRecord(n, value, NOW) for n, value in enumerate(values)])
    flushed = intake.flush({})
    return {ident.agent for _, value in flushed.packed for ident in decode_packed(value).idents}


def test_the_alias_of_a_key_may_be_a_person_and_a_name_that_a_request_tells_is_none() -> None:
    by_alias, by_request = decoded(body()), decoded(body(requester_metadata={"agent": "fixer"}))
    assert (by_alias.agent, by_alias.agent_personal) == ("mara-laptop", True)
    assert (by_request.agent, by_request.agent_personal) == ("fixer", None)


@pytest.mark.parametrize("attribute", ["user.email", "enduser.id", "metadata.user_api_key_user_id", "host.name"])
def test_a_list_of_ones_own_that_names_agents_after_people_is_known_by_its_attribute(attribute: str) -> None:
    assert decoded(body(), agent=[attribute, "metadata.user_api_key_alias"]).agent_personal is True


def test_ingest_writes_the_pseudonym_and_a_service_by_its_name() -> None:
    bodies = [body(), body("checkout-prod"), body(requester_metadata={"agent": "fixer"})]
    events = [encode(decoded(value)) for value in bodies]
    of = Pseudonyms(KEY.encode()).of
    assert observed(config_of(), *events) == {of("default", "mara-laptop"), of("default", "checkout-prod"), "fixer"}
    assert observed(config_of("checkout-*"), *events) == {of("default", "mara-laptop"), "checkout-prod", "fixer"}
    assert observed(config_of("*"), *events) == {"mara-laptop", "checkout-prod", "fixer"}


def test_tools_that_are_told_apart_and_claims_are_of_the_same_agent_as_their_call() -> None:
    common = {"time": NOW, "run": "r", "agent": "mara-laptop", "agent_personal": True}
    told: list[dict[str, Any]] = [
        {"id": "1", "model": "m", "usage": {}, "tools_apart": True},
        {"type": "tool_call", "id": "2", "tool": {"name": "ls"}},
        {"type": "claim", "id": "3", "says": "loop"},
    ]
    value = json.dumps([each | common for each in told]).encode()
    assert observed(config_of(), value) == {Pseudonyms(KEY.encode()).of("default", "mara-laptop")}


def test_the_gateway_leaves_no_alias_in_kafka_and_ingest_takes_its_pseudonym_as_it_is() -> None:
    taken = Taker(config_of()).take("/v1/litellm", "application/json", body(), (), None, NOW)
    (record,) = taken.records
    assert record.value is not None
    assert b"mara-laptop" not in record.value
    (call,) = json.loads(record.value)
    assert call["agent"] == Pseudonyms(KEY.encode()).of("default", "mara-laptop")
    assert "agent_personal" not in call


def test_plain_users_are_plain_agents_too() -> None:
    assert Pseudonyms(b"key", plain=True).of_agent("acme", "ann") == "ann"
    assert Pseudonyms(b"key").of_agent("acme", None) is None


def test_an_answer_is_kept_by_tenant() -> None:
    names = Pseudonyms(b"key", services=["ci-*"])
    assert [names.of_agent(tenant, "ci-1") for tenant in ("a", "b", "a")] == ["ci-1"] * 3
    assert names.of_agent("a", "ann") == names.of_agent("a", "ann") != names.of_agent("b", "ann")


def test_metrics_have_one_series_for_all_people() -> None:
    metrics = Metrics(Limits())
    for agent in ("u-0123456789ab", "u-ba9876543210", "fixer"):
        metrics.add_usage({("acme", "red", agent, "m"): NO_USE._replace(calls=2)})
    text = metrics.text().decode()
    assert "u-" not in "".join(line for line in text.splitlines() if line.startswith("detector_calls_total"))
    assert 'detector_calls_total{agent="person",model="m",team="red",tenant="acme"} 4.0' in text
    assert 'detector_calls_total{agent="fixer",model="m",team="red",tenant="acme"} 2.0' in text


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


@given(names, names)
def test_a_star_stands_for_any_text_and_nothing_else_does(begin: str, rest: str) -> None:
    literal = begin.replace("*", "")
    assert Patterns([literal + "*"]).match(literal + rest)
    assert Patterns([literal]).match(rest) == (literal == rest)


def test_a_pattern_of_many_stars_takes_no_time_to_fail() -> None:
    assert not Patterns(["*a" * 60 + "b"]).match("a" * 512)


@given(names)
def test_what_is_made_has_the_form_of_a_pseudonym(name: str) -> None:
    assert is_pseudonym(Pseudonyms(b"key").of_agent("acme", name))
    assert not is_pseudonym("u-" + name) or len(name) == 12


def file_of(folder: Path, *agents: str) -> str:
    """Two calls of each agent, as a key's alias tells it."""
    path = folder / "calls.jsonl"
    told = [
        {"id": f"{n}-{k}", "time": NOW + 60.0 * n + k, "model": "m", "usage": {}, "cost_usd": 1.0, "run": f"r{n}",
         "agent": agent, "agent_personal": True}
        for n, agent in enumerate(agents) for k in range(2)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(event) + "\n" for event in told))
    return str(path)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(cli, list(arguments), standalone_mode=False)
    assert result.exception is None
    return result.stdout


def test_no_report_and_no_replay_ranks_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETECTOR_IDENTITY__SERVICES", "ci-*")
    path = file_of(tmp_path, "mara-laptop", "ann-laptop", "ci-nightly")
    out, figures = tmp_path / "report.html", tmp_path / "report.json"
    shown = run("report", path, "--out", str(out), "--json", str(figures)) + run("replay", path)
    told = json.loads(figures.read_text())
    assert [(row["name"], row["usd"]) for row in told["by_agent"]["rows"]] == [("person", 4.0), ("ci-nightly", 2.0)]
    for text in (shown, out.read_text(), figures.read_text()):
        assert not re.search("u-[0-9a-f]{12}|laptop", text)
    assert "ci-nightly" in shown


def test_what_the_callback_sends_says_that_its_agent_may_be_a_person() -> None:
    (sent,) = values([decoded(body())])
    assert json.loads(sent)["agent_personal"] is True
    assert observed(config_of(), sent) == {Pseudonyms(KEY.encode()).of("default", "mara-laptop")}


def test_after_the_key_was_replaced_a_person_is_another_and_what_a_gateway_had_made_stays() -> None:
    before, after = Pseudonyms(b"old"), Pseudonyms(b"new")
    old = before.of("acme", "mara")
    assert old != after.of("acme", "mara")
    assert after.of("acme", old) == after.of_agent("acme", old) == old
