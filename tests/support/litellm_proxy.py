"""A real LiteLLM proxy, in an environment of its own: what it needs would not fit beside what the detector needs."""

import fcntl
import json
import os
import secrets
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.services import Service, free_port, unavailable

ROOT = Path(__file__).parents[2]
WANTED = "litellm[proxy]>=1.106,<1.107"
BESIDE = ("msgspec", "xxhash")  # of numpy litellm[proxy] has one
PLACE = ROOT / "build" / "litellm"
_READY = PLACE / "ready"
_INSTALL_S = 400.0


def python() -> str:
    """The interpreter of an environment with LiteLLM's proxy, which is made where CI asks for it; else unavailable."""
    interpreter = PLACE / "bin" / "python"
    wanted = " ".join((WANTED, *BESIDE))
    if _is_ready(wanted):
        return str(interpreter)
    if os.environ.get("REQUIRE_SERVICES") != "1":
        unavailable("there is no LiteLLM proxy in build/litellm; REQUIRE_SERVICES=1 installs one")
    PLACE.parent.mkdir(exist_ok=True)
    with (PLACE.parent / "litellm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run side by side
        if not _is_ready(wanted):
            _install()
            _READY.write_text(wanted, encoding="utf-8")
    return str(interpreter)


def _is_ready(wanted: str) -> bool:
    return _READY.exists() and _READY.read_text(encoding="utf-8") == wanted


def _install() -> None:
    uv = [sys.executable, "-m", "uv"]
    steps = [
        [*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(PLACE)],
        [*uv, "pip", "install", "--quiet", "--python", str(PLACE), WANTED, *BESIDE],
    ]
    for step in steps:
        try:
            done = subprocess.run(step, capture_output=True, text=True, timeout=_INSTALL_S, check=False)
        except subprocess.TimeoutExpired:
            unavailable(f"LiteLLM could not be installed within {_INSTALL_S:g} s")
        if done.returncode:
            unavailable(f"LiteLLM could not be installed: {done.stderr[-500:]}")


class Proxy:
    """A proxy before one upstream, which takes requests with `key`; `callbacks` as in its config."""

    def __init__(self, folder: Path, upstream: str, callbacks: Sequence[str], variables: Mapping[str, str]) -> None:
        self.log = folder / "proxy.log"
        config = folder / "config.yaml"
        config.write_text(json.dumps(_config(upstream, callbacks)), encoding="utf-8")  # JSON is YAML
        port, self.key = free_port(), f"sk-{secrets.token_hex(32)}"
        self.url = f"http://127.0.0.1:{port}"
        told = {
            "PYTHONPATH": str(ROOT),
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "DEFAULT_FLUSH_INTERVAL_SECONDS": "1",
            "LITELLM_MASTER_KEY": self.key,
            "NO_PROXY": "127.0.0.1",
            **variables,
        }
        interpreter = python()
        at = ["--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
        variables_told = [f"{name}={value}" for name, value in told.items()]
        self._service = Service(["env", *variables_told, interpreter, _script(interpreter), *at], self.log)

    def start(self) -> None:
        """Returns when it answers."""
        self._service.start(self._is_ready)

    def kill(self) -> None:
        """As by kill -9; idempotent."""
        self._service.kill()

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health/liveliness", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def _script(interpreter: str) -> str:
    return str(Path(interpreter).with_name("litellm"))


def _config(upstream: str, callbacks: Sequence[str]) -> dict[str, Any]:
    def model(name: str, provider: str, base: str) -> dict[str, Any]:
        told = {"model": f"{provider}/{name}", "api_base": base, "api_key": "none"}
        return {"model_name": name, "litellm_params": told}

    return {
        "model_list": [
            model("gpt-5-mini", "openai", f"{upstream}/v1"),
            model("claude-sonnet-4-5", "anthropic", upstream),
        ],
        "litellm_settings": {"callbacks": list(callbacks), "num_retries": 0, "telemetry": False},
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
    }
