"""The image is pinned, small, not root's, and made of what is there."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from click.testing import CliRunner

from detector import __version__
from detector.cli import cli
from tests.support.containerfile import FILE, ROOT, stages, variables

BUILD, RUN = stages()
IGNORED = FILE.with_name("Containerfile.dockerignore").read_text(encoding="utf-8").splitlines()


def copied() -> list[str]:
    """What COPY takes from the repository."""
    return [source for step in BUILD if step.word == "COPY" for source in step.rest.split()[:-1]]


def last(word: str) -> str:
    return next(step.rest for step in reversed(RUN) if step.word == word)


def test_both_stages_have_the_base_of_one_version() -> None:
    assert {step.rest.split()[0] for stage in (BUILD, RUN) for step in stage if step.word == "FROM"} == {
        "docker.io/library/python:${PYTHON}"
    }
    pinned = re.search(r"^ARG PYTHON=(3\.\d+\.\d+-slim-\w+)$", FILE.read_text(encoding="utf-8"), re.MULTILINE)
    assert pinned is not None
    assert f'org.opencontainers.image.base.name="docker.io/library/python:{pinned[1]}"' in last("LABEL")


def test_what_is_copied_is_there_and_nothing_else_can_be_read() -> None:
    for source in copied():
        assert (ROOT / source).exists(), source
    assert {line[1:] for line in IGNORED if line.startswith("!")} == set(copied())
    assert "*" in IGNORED


def test_all_that_is_installed_is_locked_by_hash() -> None:
    installs = [line for step in BUILD if step.word == "RUN" for line in step.rest.split("&&") if "install " in line]
    assert len(installs) == 3
    assert all("--require-hashes" in line or "--no-deps wheels/*.whl" in line for line in installs)


def test_what_builds_the_package_is_found_in_the_locked_set(tmp_path: Path) -> None:
    command = next(step.rest.split(" > ")[0] for step in BUILD if step.rest.startswith("sed "))
    locked = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.fullmatch(r"setuptools==[\d.]+( \\\n +--hash=sha256:[0-9a-f]{64})+\n", locked)
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    assert [name.split(">")[0] for name in wanted] == ["setuptools"]


def test_loops_are_compiled_for_no_processor_in_particular_and_found_where_they_are_run() -> None:
    numba = [{name: value for name, value in variables(s).items() if name.startswith("NUMBA_")} for s in (BUILD, RUN)]
    assert numba[0] == numba[1]
    asked = "from numba.core.registry import cpu_target as t; print(t.target_context.codegen().magic_tuple()[1:])"
    told = subprocess.run([sys.executable, "-c", asked], env=numba[1], capture_output=True, text=True, check=True)
    assert told.stdout == "('generic', '')\n"


def test_it_runs_as_nobody_with_a_command_that_exists() -> None:
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", last("USER"))
    assert json.loads(last("ENTRYPOINT")) == ["detector"]
    assert CliRunner().invoke(cli, [*json.loads(last("CMD")), "--help"]).exit_code == 0


def test_it_says_which_version_it_is() -> None:
    assert f'org.opencontainers.image.version="{__version__}"' in last("LABEL")
    assert tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"] == __version__
