"""Programs that read what is deployed and of which Debian has none: built by Go once, from the module proxy."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

from tests.support.services import program, unavailable

ROOT = Path(__file__).parents[2]
BUILD_S = 900
KUSTOMIZE = "sigs.k8s.io/kustomize/kustomize/v5@v5.5.0"  # as in kubectl 1.32
COMPOSE = "github.com/compose-spec/compose-go/v2/cmd@v2.9.0"  # the parser of `docker compose`


def kustomize() -> list[str]:
    """The command that renders a directory: kubectl's, or kustomize itself."""
    if kubectl := shutil.which("kubectl"):
        return [kubectl, "kustomize"]
    return [shutil.which("kustomize") or _built(KUSTOMIZE, "kustomize"), "build"]


def compose() -> str:
    """The path of a program that parses a compose file, or says what is wrong with it."""
    return _built(COMPOSE, "cmd")


def _built(module: str, name: str) -> str:
    go = program("go", package="golang")
    place = ROOT / "build" / module.replace("/", "-")
    place.mkdir(parents=True, exist_ok=True)
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of several test runs one builds
        if not (place / name).exists():
            environment = {**os.environ, "GOBIN": str(place)}
            # fmt: off
            ran = subprocess.run([go, "install", module], env=environment, capture_output=True, text=True,
                                 timeout=BUILD_S, check=False)
            # fmt: on
            if ran.returncode:
                unavailable(f"{module} cannot be built: {ran.stderr[-1000:]}")
    return str(place / name)
