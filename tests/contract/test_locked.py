"""The locked versions: what pyproject.toml asks for, each with hashes, the same for those who run and who develop."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RUN, DEVELOP = "deploy/requirements.txt", "deploy/requirements-dev.txt"


def entries(file: str) -> list[str]:
    """What a file locks, an entry a line."""
    text = (ROOT / file).read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip() and not line.startswith(("#", "-r "))]


def locked(file: str) -> dict[str, list[str]]:
    """The versions of each package; several where they go by the Python."""
    found: dict[str, list[str]] = {}
    for entry in entries(file):
        name, version = re.match(r"([a-z0-9-]+)==([^ ;]+)", entry).groups()  # type: ignore[union-attr]
        found.setdefault(name, []).append(version)
    return found


@pytest.mark.parametrize(
    ("file", "asked"), [(RUN, PROJECT["dependencies"]), (DEVELOP, PROJECT["optional-dependencies"]["dev"])]
)
def test_all_that_is_asked_for_is_locked_within_its_range(file: str, asked: list[str]) -> None:
    versions = locked(file)
    for requirement in map(Requirement, asked):
        found = versions.get(requirement.name, [])
        assert found, f"{requirement.name} is not in {file}; run: make lock"
        assert all(version in requirement.specifier for version in found), f"{requirement}: {found}; run: make lock"


@pytest.mark.parametrize("file", [RUN, DEVELOP])
def test_every_version_has_its_hashes(file: str) -> None:
    assert [entry for entry in entries(file) if "--hash=sha256:" not in entry] == []


def test_who_develops_runs_what_is_run() -> None:
    assert (ROOT / DEVELOP).read_text().startswith("-r requirements.txt\n")
    assert not locked(RUN).keys() & locked(DEVELOP).keys()
