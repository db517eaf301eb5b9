"""`detector connect`: what to set in a client, and what is said of what arrives."""

import time
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from detector.cli import cli
from detector.config import Config
from detector.connect import listening, reach
from detector.connect.arrivals import Arrivals
from detector.connect.clients import CLIENTS
from detector.connect.fields import FIELDS
from tests.support import told

pytestmark = pytest.mark.usefixtures("bare_environment")
each_client = pytest.mark.parametrize("name", CLIENTS)


def connect(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["connect", *arguments], standalone_mode=False)


@pytest.fixture
def arrives(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """arrives(*(topic, value)): what comes while it waits; then, with `interrupted`, Ctrl-C."""
    file = tmp_path / "detector.toml"
    file.write_text('[[sources]]\ntopic = "otlp_logs"\nformat = "otlp_logs"\n')
    monkeypatch.setenv("DETECTOR_CONFIG", str(file))

    def put(*sent: tuple[str, bytes], missing: Iterable[str] = (), reached: bool = True, interrupted: bool = False):
        async def listen(config: Config, arrivals: Arrivals, for_s: float, sources: Iterable[str] = ()) -> list[str]:
            for topic, value in sent:
                arrivals.take(topic, value, time.time())
            if interrupted:
                raise KeyboardInterrupt
            return [*missing]

        async def listens(endpoint: str) -> bool:
            return reached

        monkeypatch.setattr(listening, "listen", listen)
        monkeypatch.setattr(reach, "listens", listens)

    return put


CODEX = ("otlp_logs", told.codex("run-1", range(3), at=time.time() - 10).body)


class TestInstructions:
    def test_without_a_client_all_are_listed(self) -> None:
        result = connect()
        assert result.return_value == 0
        for name, client in CLIENTS.items():
            assert f"{name} " in result.stdout
            assert client.title in result.stdout

    @each_client
    def test_a_client_is_told_in_full_with_the_endpoint_filled_in(self, name: str) -> None:
        result = connect(name, "--endpoint", "https://detector.example:4318/")
        client = CLIENTS[name]
        assert result.return_value == 0
        for setting in client.variables:
            assert f"export {setting.name}=" in result.stdout
        assert "{brokers}" not in result.stdout
        for lack in client.lacks:
            assert FIELDS[lack.field].cost in result.stdout
        assert "{endpoint}" not in result.stdout
        assert "{token}" not in result.stdout
        assert "127.0.0.1:4318" not in result.stdout
        assert "4318//" not in result.stdout
        assert f"detector connect --check {name}" in result.stdout

    @each_client
    def test_a_token_is_named_and_not_read(self, name: str, tmp_path: Path) -> None:
        file = tmp_path / "a token"
        file.write_text("sesame-4711")
        result = connect(name, "--token-file", str(file))
        assert "sesame" not in result.output
        if any("{token}" in getattr(each, "value", "") for each in CLIENTS[name].guarded):
            assert f"$(cat '{file}')" in result.stdout
            assert "$GATEWAY_TOKEN" in connect(name).stdout

    def test_addresses_are_those_of_the_configuration(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DETECTOR_KAFKA__BOOTSTRAP", "broker-7:9092")
        assert "export KAFKA_BROKERS=broker-7:9092 " in connect("collector").stdout
        assert "export OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318\n" in connect("claude-code").stdout

    def test_what_is_to_be_copied_is_safe_in_a_shell(self) -> None:
        assert "ENDPOINT='http://h:1/a;b'\n" in connect("openai", "--endpoint", "http://h:1/a;b").stdout

    def test_an_unknown_client_is_wrong_usage_and_the_known_are_named(self) -> None:
        result = connect("cursor")
        assert "is none of claude-code, codex, " in str(result.exception)


class TestCheck:
    def test_what_came_is_told_with_what_it_lacks(self, arrives) -> None:
        arrives(CODEX)
        result = connect("--check", "codex")
        assert result.return_value == 0
        assert "codex: 3 calls, 3 tools, $0.01, 1 run, 1 with a task" in result.stdout
        assert "always told: usage, price, run, task, team, agent, answer, arguments, results" in result.stdout
        assert f"no turn in 3 of 3 calls\n      {FIELDS['turn'].cost}" in result.stdout

    def test_dead_letters_are_told_with_reason_and_field(self, arrives) -> None:
        arrives(CODEX, ("otlp_logs", b"hello"), ("llm.calls", b'{"id": "c", "time": 1, "model": "m"}'))
        result = connect("--check")
        assert result.return_value == 0
        assert "otlp_logs: 1 × not_protobuf\n" in result.stdout
        assert "llm.calls: 1 × missing_field of usage\n" in result.stdout

    def test_names_that_others_made_do_nothing_to_a_terminal(self, arrives) -> None:
        event = {"id": "c", "time": time.time(), "run": "r", "model": "m", "usage": {}, "source": "a\x1b[2Jb"}
        arrives(("llm.calls", msgspec.json.encode(event)))
        assert "\x1b" not in connect("--check").stdout

    def test_ctrl_c_tells_what_came_so_far(self, arrives) -> None:
        arrives(CODEX, interrupted=True)
        result = connect("--check")
        assert result.return_value == 0
        assert "codex: 3 calls" in result.stdout

    def test_nothing_is_a_failure_with_its_likely_causes(self, arrives) -> None:
        arrives(missing=["otlp_logs"], reached=False)
        result = connect("--check", "codex")
        assert result.return_value == 1
        for cause in (
            "topic otlp_logs is not there: detector topics makes it",
            "nothing listens at the endpoint",
            "no call was made meanwhile",
            "detector connect codex",
        ):
            assert cause in result.stdout

    def test_others_calls_are_no_success_of_the_client_that_was_asked_for(self, arrives) -> None:
        arrives(CODEX)
        result = connect("--check", "gemini-cli")
        assert result.return_value == 1
        assert "also told of, not asked for: codex" in result.stdout
        assert "only others told of calls" in result.stdout
        assert "nothing listens" not in result.stdout

    def test_records_without_a_call_are_a_cause(self, arrives) -> None:
        arrives(("task.status", msgspec.json.encode({"id": "s", "time": time.time(), "strength": "weak", "task": "t"})))
        result = connect("--check")
        assert result.return_value == 1
        assert "1 record came, and no call is in them" in result.stdout
