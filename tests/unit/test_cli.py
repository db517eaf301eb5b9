"""The command line: exit codes, messages, and what is handed on to those who do the work."""

import json
import os
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from detector import __version__, logs
from detector.cli import cli, main
from detector.commands import columns
from detector.config import Config, load_config
from detector.errors import DeploymentError
from detector.kafka.admin import TopicReport

COMMANDS = (
    "worker", "topics", "connect", "doctor", "incidents", "incident", "link", "status", "hook", "explain-event",
    "replay", "report", "audit", "backtest", "prices", "policy", "who", "forget", "demo", "config", "broker",
)  # fmt: skip


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither this machine's variables nor the logging that a command sets up."""
    for name in [name for name in os.environ if name.startswith("DETECTOR_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(logs, "setup", lambda *_: None)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts a module with these names in the place of a real one."""

    def put(module: str, **names: Any) -> None:
        made = types.ModuleType(module)
        vars(made).update(names)
        monkeypatch.setitem(sys.modules, module, made)

    return put


class Ended(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    def ran(*arguments: str) -> Ended:
        with pytest.raises(SystemExit) as end:
            main(arguments)
        assert isinstance(end.value.code, int)
        return Ended(end.value.code, *capsys.readouterr())

    return ran


class TestUse:
    def test_version(self, run) -> None:
        assert run("--version") == (0, f"detector {__version__}\n", "")

    def test_every_command_is_there_and_explains_itself(self, run) -> None:
        assert sorted(cli.commands) == sorted(COMMANDS)
        overview = run("--help").out
        for command in COMMANDS:
            assert command in overview
            told = run(command, "--help")
            assert told.code == 0
            assert "Example" in told.out
            assert f"  detector {command}" in told.out

    @pytest.mark.parametrize(
        "arguments",
        [
            ("no-such",),
            ("--no-such",),
            ("worker", "--stage", "wach"),
            ("demo", "--seconds", "0"),
            ("replay", "/no"),
        ],
    )
    def test_wrong_usage_ends_with_2_and_a_message(self, arguments, run) -> None:
        code, out, err = run(*arguments)
        assert (code, out) == (2, "")
        assert "Error: " in err

    def test_a_wrong_configuration_ends_with_2_and_names_the_key(self, run, tmp_path) -> None:
        path = tmp_path / "detector.toml"
        path.write_text("[web]\nprt = 1\n")
        assert run("--config", str(path), "config") == (
            2,
            "",
            f"detector: {path}: web.prt: unknown key; did you mean web.port?\n",
        )

    def test_a_failure_is_a_line_on_standard_error(self, run, fake) -> None:
        async def ensure_topics(config: Config, *, create: bool) -> list[Any]:
            raise DeploymentError("no broker answers at x:1; start one")

        fake("detector.kafka.admin", ensure_topics=ensure_topics)
        assert run("topics") == (1, "", "detector: no broker answers at x:1; start one\n")

    def test_a_file_that_cannot_be_written_is_named(self, run, fake) -> None:
        fake("detector.replay.run", replay_files=lambda *_: Path("/no/such/alerts.jsonl").write_text(""))
        assert run("replay", "-") == (1, "", "detector: /no/such/alerts.jsonl: No such file or directory\n")

    def test_a_bug_keeps_its_traceback(self, run, fake) -> None:
        fake("detector.replay.run", replay_files=lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            main(["replay", "-"])

    def test_ctrl_c_is_no_traceback(self, run, fake) -> None:
        def run_demo(config: Config, seconds: float | None) -> int:
            raise KeyboardInterrupt

        fake("detector.demo.run", run_demo=run_demo)
        assert run("demo") == (1, "", "\ndetector: interrupted\n")


class TestConfigCommand:
    def test_it_prints_toml_that_loads_again(self, run, tmp_path, monkeypatch) -> None:
        monkeypatch.setenv("DETECTOR_WEB__PORT", "1234")
        code, out, err = run("config")
        assert (code, err) == (0, "")
        monkeypatch.delenv("DETECTOR_WEB__PORT")
        path = tmp_path / "printed.toml"
        path.write_text(out)
        assert load_config(path) == load_config(web={"port": 1234})

    def test_it_prints_json(self, run) -> None:
        assert json.loads(run("config", "--json").out) == Config().plain()

    @pytest.mark.parametrize("arguments", [("config",), ("config", "--json")])
    def test_it_shows_no_secret(self, arguments, run, monkeypatch) -> None:
        monkeypatch.setenv("DETECTOR_KAFKA__SASL_PASSWORD", "hunter2-hunter2")
        out = run(*arguments).out
        assert "hunter2" not in out
        assert '"**********"' in out


class TestDoctor:
    class Finding(NamedTuple):
        ok: bool | None
        what: str
        detail: str
        fix: str

    def test_it_says_what_is_wrong_and_what_to_do(self, run, fake) -> None:
        async def examine(config: Config, *, path: str | None) -> list[Any]:
            return [
                self.Finding(True, "brokers", "1 answers", ""),
                self.Finding(False, "topics", "llm.calls is missing", "run detector topics"),
                self.Finding(None, "clock", "not compared", ""),
            ]

        fake("detector.kafka.doctor", examine=examine)
        code, out, _ = run("doctor")
        assert code == 1
        assert out.splitlines() == [
            "ok     brokers: 1 answers",
            "WRONG  topics: llm.calls is missing",
            "       fix: run detector topics",
            "?      clock: not compared",
            "1 of 3 things are wrong",
        ]

    def test_nothing_is_wrong(self, run, fake) -> None:
        asked = []

        async def examine(config: Config, *, path: str | None) -> list[Any]:
            asked.append(path)
            return [self.Finding(True, "brokers", "1 answers", "")]

        fake("detector.kafka.doctor", examine=examine)
        assert run("doctor") == (0, "ok     brokers: 1 answers\nnothing is wrong\n", "")
        assert asked == [None]


class TestTopics:
    @pytest.mark.parametrize(("arguments", "create"), [((), True), (("--check",), False)])
    def test_it_prints_a_table_and_fails_where_a_fix_is_needed(self, arguments, create, run, fake) -> None:
        asked = []

        async def ensure_topics(config: Config, *, create: bool) -> list[TopicReport]:
            asked.append(create)
            return [
                TopicReport("llm.calls", 8, "ok", "3 copies", ""),
                TopicReport("detector.alerts", 0, "missing", "it is not there", "run: detector topics"),
            ]

        fake("detector.kafka.admin", ensure_topics=ensure_topics)
        code, out, err = run("topics", *arguments)
        assert (code, err, asked) == (1, "", [create])
        assert out.splitlines() == [
            "topic            partitions  state    detail",
            "llm.calls        8           ok       3 copies",
            "detector.alerts  0           missing  it is not there",
            "fix detector.alerts: run: detector topics",
        ]

    def test_it_is_fine_when_all_topics_are(self, run, fake) -> None:
        async def ensure_topics(config: Config, *, create: bool) -> list[TopicReport]:
            return [TopicReport("llm.calls", 8, "created", "1 copy", "")]

        fake("detector.kafka.admin", ensure_topics=ensure_topics)
        assert run("topics").code == 0


class TestReplay:
    @pytest.fixture
    def given(self, fake) -> list[Any]:
        told: list[Any] = []
        fake("detector.replay.run", replay_files=lambda config, *rest: told.extend(rest))
        return told

    def test_files_and_outputs_are_handed_on(self, run, given, tmp_path) -> None:
        (tmp_path / "a.jsonl").touch()
        file, signals = str(tmp_path / "a.jsonl"), str(tmp_path / "signals.jsonl")
        assert run("replay", file, "-", "--signals", signals).code == 0
        assert given[:3] == [[file, "-"], "-", signals]

    def test_without_a_file_it_reads_standard_input(self, run, given, monkeypatch) -> None:
        monkeypatch.setattr("sys.stdin", types.SimpleNamespace(isatty=lambda: False))
        assert run("replay").code == 0
        assert given[:3] == [["-"], "-", None]

    def test_on_a_terminal_alert_records_are_not_written_unless_they_are_asked_for(
        self, run, given, monkeypatch, tmp_path
    ) -> None:
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        assert run("replay", str(tmp_path)).code == 0
        assert given[:3] == [[str(tmp_path)], None, None]
        assert run("replay", str(tmp_path), "--alerts", "-").code == 0
        assert given[-5:-3] == [[str(tmp_path)], "-"]

    def test_without_a_file_on_a_terminal_it_is_wrong_usage(self, run, given, monkeypatch) -> None:
        monkeypatch.setattr("sys.stdin", types.SimpleNamespace(isatty=lambda: True))
        code, _, err = run("replay")
        assert code == 2
        assert "name a file" in err

    def test_alerts_and_signals_do_not_share_an_output(self, run, given) -> None:
        code, _, err = run("replay", "-", "--signals", "-")
        assert code == 2
        assert "--signals need two places" in err


class TestDemo:
    @pytest.mark.parametrize(
        ("arguments", "terminal", "seconds"),
        [
            ((), True, None),
            ((), False, 90.0),
            (("--seconds", "5"), True, 5.0),
            (("--seconds", "5"), False, 5.0),
        ],
    )
    def test_without_a_terminal_it_ends_by_itself(self, arguments, terminal, seconds, fake, run, monkeypatch) -> None:
        told = []

        def run_demo(config: Config, seconds: float | None) -> int:
            told.append(seconds)
            return 1

        fake("detector.demo.run", run_demo=run_demo)
        monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
        assert run("demo", *arguments).code == 1
        assert told == [seconds]


class TestWorker:
    @pytest.mark.parametrize(
        ("arguments", "stages"),
        [
            ((), ("gateway", "ingest", "watch", "portfolio", "notify", "pages")),
            (("--stage", "watch", "--stage", "ingest"), ("watch", "ingest")),
        ],
    )
    def test_it_runs_the_stages_asked_for_and_ends_with_their_code(self, arguments, stages, run, fake) -> None:
        made = []

        async def serve(worker: tuple[Config, tuple[str, ...]]) -> int:
            made.append(worker)
            return 1

        fake("detector.pipeline.worker", Worker=lambda config, stages: (config, stages), serve=serve)
        assert run("worker", *arguments).code == 1
        assert made == [(Config(), stages)]


def test_columns_are_aligned_without_trailing_spaces() -> None:
    assert columns([("topic", "n"), ("a", "10"), ("longer-name", "")]) == (
        "topic        n\na            10\nlonger-name"
    )
