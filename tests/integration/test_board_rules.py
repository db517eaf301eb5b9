"""The recording rules of boards, by promtool: they are well formed, each is tried out, and its cases hold."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.support.prometheus import promtool

pytestmark = pytest.mark.services

PROMETHEUS = Path(__file__).parents[2] / "deploy" / "prometheus"
RULES, CASES = PROMETHEUS / "rules" / "boards.yml", PROMETHEUS / "tests" / "boards.yml"


def run(*arguments: str | Path) -> str:
    """What promtool says; it has to be content."""
    done = subprocess.run([promtool(), *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_rules_are_well_formed() -> None:
    assert "SUCCESS" in run("check", "rules", "--lint-fatal", RULES)


def test_the_cases_hold() -> None:
    assert "SUCCESS" in run("test", "rules", CASES)


def test_each_rule_is_in_a_case() -> None:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    recorded = {rule["record"] for group in groups for rule in group["rules"]}
    cases = yaml.safe_load(CASES.read_text(encoding="utf-8"))["tests"]
    exprs = [asked["expr"] for case in cases for asked in case["promql_expr_test"]]
    tried = {name for expr in exprs for name in re.findall(r"\w+:\w+:\w+", expr)}
    assert recorded == tried
