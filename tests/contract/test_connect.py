"""What `detector connect` prints, docs/connect.md says as well; and what it gives to copy can be read."""

import json
import re
import tomllib
from pathlib import Path

import msgspec
import pytest
import yaml

from detector.config import Source, load_config
from detector.connect.client import Client, File, Setting
from detector.connect.clients import CLIENTS
from detector.connect.fields import FIELDS
from detector.model.events import Call
from detector.sources import native
from detector.sources.reading import of_source
from tests.support import bodies

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "connect.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## ([^\n]+)\n\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))
each_client = pytest.mark.parametrize("client", CLIENTS.values(), ids=list(CLIENTS))


def lines_of(client: Client, place: str) -> str:
    files = [each for each in (*client.files, *client.guarded, *client.task) if isinstance(each, File)]
    return next(each.lines for each in files if place in each.path)


@each_client
def test_a_client_has_its_section(client: Client) -> None:
    assert SECTIONS[client.title].startswith(f"`detector connect {client.name}`.")


@each_client
def test_what_is_set_is_explained(client: Client) -> None:
    section = SECTIONS[client.title]
    settings = [each for each in (*client.variables, *client.guarded, *client.task) if isinstance(each, Setting)]
    for setting in settings:
        assert re.search(rf"`{setting.name}(=[^`]+)?`", section), setting.name
    for variable in re.findall(r"\b[A-Z]+_[A-Z_]{6,}\b", " ".join(client.notes) + str(client.lacks)):
        assert variable in section, variable


@each_client
def test_what_is_not_told_is_said(client: Client) -> None:
    for lack in client.lacks:
        assert f"`{lack.field}`" in SECTIONS[client.title], lack.field


def test_every_field_has_its_price() -> None:
    table = re.findall(r"^\| `(\w+)` \| (.+) \|$", SECTIONS["What is missing, and what it costs"], re.MULTILINE)
    assert [name for name, _ in table] == list(FIELDS)
    assert {lack.field for client in CLIENTS.values() for lack in client.lacks} <= set(FIELDS)


def test_sources_are_those_that_decoders_name() -> None:
    named = {source for client in CLIENTS.values() for source in client.sources}
    told = {
        event.source
        for format, each in bodies.BODIES.items()
        for body in each
        for event in of_source(Source.model_validate({"topic": "t", "format": format}))(body, ())
        if isinstance(event, Call)
    }
    assert named == told


def test_what_is_given_to_copy_can_be_read() -> None:
    assert tomllib.loads(lines_of(CLIENTS["codex"], "config.toml"))["otel"]["exporter"]["otlp-http"]
    assert json.loads(lines_of(CLIENTS["gemini-cli"], "settings.json"))["telemetry"]["enabled"] is True
    for name in ("litellm", "litellm-generic"):
        assert yaml.safe_load(lines_of(CLIENTS[name], "config.yaml"))["litellm_settings"]["callbacks"]
        assert json.loads(lines_of(CLIENTS[name], "the request"))["metadata"]["task"]
    (call,) = native.decode(lines_of(CLIENTS["kafka"], "llm.calls").encode(), "calls")
    assert isinstance(call, Call)


def test_the_collector_writes_to_the_topics_that_are_named() -> None:
    sources = load_config(**tomllib.loads(lines_of(CLIENTS["collector"], "configuration"))).sources
    exporter = yaml.safe_load((ROOT / "deploy/collector/collector.yaml").read_text())["exporters"]["kafka"]
    assert [exporter[signal]["topic"] for signal in ("logs", "traces")] == [source.topic for source in sources]
    assert msgspec.to_builtins([source.format for source in sources]) == ["otlp_logs", "otlp_spans"]


def test_the_collector_listens_on_loopback_and_its_secrets_come_from_the_environment() -> None:
    plain, secure = (yaml.safe_load((ROOT / f"deploy/collector/{n}.yaml").read_text()) for n in ("collector", "secure"))
    for protocol in plain["receivers"]["otlp"]["protocols"].values():
        assert ":-127.0.0.1:" in protocol["endpoint"]
    assert secure["exporters"]["kafka"]["auth"]["sasl"]["password"] == "${env:KAFKA_PASSWORD}"
