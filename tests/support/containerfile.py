"""deploy/Containerfile, read as a builder reads it, and an image that is made of it without one."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
FILE = ROOT / "deploy" / "Containerfile"
WARM_S = 600


class Step(NamedTuple):
    """An instruction, as COPY, and what follows it on the line."""

    word: str
    rest: str


def stages() -> list[list[Step]]:
    """The instructions of each stage; before the first FROM there are defaults alone."""
    lines = re.sub(r"^#.*\n", "", FILE.read_text(encoding="utf-8"), flags=re.MULTILINE).replace("\\\n", " ")
    steps = [Step(*line.split(maxsplit=1)) for line in lines.splitlines() if line.strip()]
    begins = [n for n, step in enumerate(steps) if step.word == "FROM"]
    return [steps[begin:end] for begin, end in zip(begins, [*begins[1:], len(steps)], strict=True)]


def variables(stage: list[Step]) -> dict[str, str]:
    """What ENV sets in a stage, with the defaults of its ARGs filled in."""
    defaults = dict(step.rest.split("=", 1) for step in stage if step.word == "ARG")
    told = [part.split("=", 1) for step in stage if step.word == "ENV" for part in shlex.split(step.rest)]
    return {name: re.sub(r"\$\{(\w+)\}", lambda found: defaults[found[1]], value) for name, value in told}


class Image:
    """The package and its machine code in a directory that nobody may write to, and how the image runs it."""

    def __init__(self, directory: Path) -> None:
        self.tree = directory / "image"
        self.code, self.package = self.tree / "machine-code", self.tree / "detector"
        build, self._run = stages()
        shutil.copytree(ROOT / "detector", self.package, ignore=shutil.ignore_patterns("__pycache__"))
        kept = ROOT / "build" / "image-code"  # by a digest of the sources, so that it is never too old
        made = self._environment(variables(build), kept)
        subprocess.run([sys.executable, "-m", "detector.warm"], cwd=self.tree, env=made, check=True, timeout=WARM_S)
        shutil.copytree(kept, self.code)

    def environment(self) -> dict[str, str]:
        """What a process of the image finds: no home, and nothing of ours."""
        return self._environment(variables(self._run), self.code)

    def _environment(self, told: dict[str, str], code: Path) -> dict[str, str]:
        own = {"NUMBA_CACHE_DIR": str(code), "PATH": os.environ["PATH"], "PYTHONPATH": str(self.tree)}
        return told | own | {"PYTHONDONTWRITEBYTECODE": "1"}

    def lock(self) -> None:
        """From here on nothing in it can be written, as in a container whose root is read-only."""
        for path in (self.tree, *self.tree.rglob("*")):
            path.chmod(path.stat().st_mode & 0o555)

    def unlock(self) -> None:
        """So that it can be removed."""
        for path in (self.tree, *self.tree.rglob("*")):
            path.chmod(path.stat().st_mode | 0o200)


def without_privileges() -> list[str]:
    """What to put before a command so that it has no capability, and root may write no more than modes allow."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--"]
