"""What the pages for operators name is there: keys, metrics, topics, rules, pages, and TOML that loads."""

import re
import tomllib
from pathlib import Path

import pytest

from detector.accounts import rows
from detector.alerts import held_back
from detector.config import Config, Rules, load_config
from detector.config.keys import leaves
from detector.config.policy_file import PolicyFile
from detector.config.price_list import PriceList
from detector.config.settings import Metrics as Limits
from detector.kafka import checkpoint
from detector.kafka.plan import topics
from detector.metrics import Metrics
from detector.model import baseline, packed, rollup
from detector.pipeline.stage import STAGES
from detector.reasons import Failed, Unready
from detector.state import layout
from tests.support.markdown import anchors

ROOT = Path(__file__).parents[2]
RUNBOOKS = ROOT / "docs" / "runbooks"
STOPPING = "stopping-by-hand"
LABELS = {"detector/reads", "detector/sends"}
"""Of namespaces, which look like files."""
TOLD = {*Rules.model_fields, held_back.RULE}
"""What alerts are named by."""
PAGES = [
    ROOT / "README.md",
    ROOT / "docs" / "architecture.md",
    ROOT / "docs" / "boards.md",
    ROOT / "docs" / "connect.md",
    ROOT / "docs" / "deploying.md",
    ROOT / "docs" / "detection.md",
    ROOT / "docs" / "inputs.md",
    ROOT / "docs" / "operations.md",
    ROOT / "docs" / "pages.md",
    ROOT / "docs" / "paging.md",
    ROOT / "docs" / "portfolio.md",
    ROOT / "docs" / "privacy.md",
    ROOT / "docs" / "stop.md",
    ROOT / "deploy" / "kafka" / "README.md",
    ROOT / "schemas" / "README.md",
    ROOT / "schemas" / "sketch.md",
    *sorted(RUNBOOKS.glob("*.md")),
]
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT).with_suffix("")))


def in_code(page: Path) -> set[str]:
    """Everything in backticks on one line."""
    return set(re.findall(r"`([^`\n]+)`", page.read_text(encoding="utf-8")))


@each_page
def test_keys_of_the_configuration_that_a_page_names_exist(page: Path) -> None:
    known = {".".join(path) for path in leaves()} | {f"rules.{rule}" for rule in Rules.model_fields}
    sections = "|".join(Config.model_fields)
    named = {match[1] for code in in_code(page) if (match := re.match(rf"((?:{sections})\.[a-z_.]+)(?: = .*)?$", code))}
    assert named <= known, named - known
    if page.stem == "operations":
        assert len(named) > 20


@each_page
def test_metrics_that_a_page_names_are_served(page: Path) -> None:
    served = {sample.name for family in Metrics(Limits()).registry.collect() for sample in (*family.samples, family)}
    served |= {f"{name}_total" for name in served}
    named = {code.partition("{")[0] for code in in_code(page) if code.startswith("detector_")}
    assert named <= served, named - served


@each_page
def test_topics_that_a_page_names_are_made(page: Path) -> None:
    made = {topic.name for topic in topics(Config())}
    named = {code for code in in_code(page) if re.fullmatch(r"(detector|llm|task)\.[a-z-]+", code)}
    assert named <= made | {"llm.calls.json", "task.status.json"}, named - made


@each_page
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), target


@each_page
def test_files_that_a_page_names_are_there(page: Path) -> None:
    for code in in_code(page):
        path = code.rstrip("/")
        if re.fullmatch(r"(detector|deploy|docs|schemas|tests)/[\w./-]+", path) and path not in LABELS:
            assert (ROOT / path).exists(), code


def test_the_map_of_the_code_names_every_package() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"[|,] `detector/(\w+)/`", page))
    assert {file.parent.name for file in (ROOT / "detector").glob("*/__init__.py")} <= named
    (of_deploy,) = re.findall(r"^\| `deploy/` .*$", page, re.MULTILINE)
    folders = {entry.name for entry in (ROOT / "deploy").iterdir() if entry.is_dir()} - {"__pycache__"}
    assert folders <= set(re.findall(r"`(\w+)/`", of_deploy))


@each_page
def test_toml_of_a_page_loads(page: Path) -> None:
    for block in re.findall(r"^ *```toml\n(.*?)^ *```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        values = tomllib.loads(block)
        if "price" in values:
            PriceList.model_validate(values)
        elif "grant" in values:
            PolicyFile.model_validate(values)
        else:
            load_config(**values)


def test_the_page_of_the_portfolio_tells_the_defaults_of_its_rules() -> None:
    page = (ROOT / "docs" / "portfolio.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| (`rules\.[^|]+) \| ([^|]+) \|", page, re.MULTILINE)
    rules = Rules()
    for keys, defaults in told:
        names, values = (cell.split(", ") for cell in (keys.replace("`", ""), defaults.replace("$", "")))
        for name, value in zip(names, values, strict=True):
            _, rule, key = name.split(".")
            assert float(value) == getattr(getattr(rules, rule), key), name
    assert len(told) == 14


def test_each_rule_has_a_runbook_and_every_other_one_is_of_an_alert_on_the_detector_itself() -> None:
    pages = {page.stem for page in RUNBOOKS.glob("*.md")}
    operations = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    of_alerts = set(re.findall(r"\(runbooks/(\w+)\.md\)", operations))
    assert pages == TOLD | of_alerts | {STOPPING}


each_runbook = pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda page: page.stem)


@each_runbook
def test_a_runbook_says_how_to_look_what_to_do_whether_it_is_real_and_whom_to_tell(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# {page.stem}\n")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    if page.stem in TOLD:
        last = ["How to look", "Is it real?", "What to do", "Stopping it", "Whom to tell", "When it resolves"]
        assert headings == ["What the alert says", *last]
        assert f"]({STOPPING}.md)" in text
        assert "```toml" in text  # how to tune it
    elif page.stem != STOPPING:
        wired = ["How to wire it"] if page.stem == "watchdog" else []
        assert headings == [*wired, "How to look", "What to do", "Is it real?", "Whom to tell", "How to tune"]


def test_an_agent_is_stopped_by_its_key_by_a_budget_or_by_its_process() -> None:
    text = (RUNBOOKS / f"{STOPPING}.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings == ["By its key at the gateway", "By a budget", "By its process", "Afterwards"]


@each_page
def test_links_within_the_documentation_lead_to_a_heading(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#]*)#([^)]+)\)", page.read_text(encoding="utf-8")):
        if target.startswith("https://"):
            continue
        assert anchor in anchors(page.parent / target if target else page), f"{target}#{anchor}"


def test_every_reason_of_health_is_explained_and_no_other() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    for heading, reasons in (("What /readyz says", Unready), ("What /healthz says", Failed)):
        section = page.split(f"### {heading}\n")[1].split("\n#")[0]
        told = set(re.findall(r"^\| `([^`]+)` \| .+ \| .+ \|$", section, re.MULTILINE))
        assert told == {re.sub(r"\{[^}]+\}", "…", reason) for reason in reasons}


def test_operations_tell_of_every_stage_and_topic() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|.*\|.*\|.*\|", page, re.MULTILINE)[: len(STAGES)] == list(STAGES)
    for topic in topics(Config()):
        assert f"`{topic.name}`" in page


def test_operations_tell_the_numbers_of_all_formats() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    row = r"^\| `(detector\.\w+)`(?:: manifest, segments)? \| ([\d, ]+) \| `detector/"
    told = dict(re.findall(row, page, re.MULTILINE))
    assert told == {
        "detector.observations": f"{packed.FORMAT}",
        "detector.rollups": f"{rollup.FORMAT}",
        "detector.baselines": f"{baseline.FORMAT}",
        "detector.state": f"{checkpoint.FORMAT}, {layout.VERSION}",
        "detector.accounts": f"{checkpoint.FORMAT}, {rows.VERSION}",
    }
