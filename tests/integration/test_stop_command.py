"""The command of docs/paging.md blocks a key at a server that stands for LiteLLM, run by a shell as it is shown."""

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

from detector.alerts.alertmanager import annotations_of
from detector.alerts.onward import onward_of
from detector.config import load_config
from tests.support.listener import listening
from tests.support.services import program
from tests.unit.alert_records import alert

PAGE = Path(__file__).parents[2] / "docs" / "paging.md"


def test_the_command_of_the_page_blocks_the_key_of_the_alert() -> None:
    program("curl", package="curl")
    (block,) = re.findall(r"^```toml\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    onward = onward_of(load_config(**tomllib.loads(block)))
    shown = annotations_of(alert(key="88dc28d0'; id; '\"$(id)"), onward)["stop_command"]
    with listening() as litellm:
        there = {**os.environ, "LITELLM_URL": litellm.address, "LITELLM_MASTER_KEY": "sk-master"}
        subprocess.run(["sh", "-c", shown], env=there, check=True, capture_output=True, timeout=30)
    (posted,) = litellm.posted
    assert posted.path == "/key/block"
    assert json.loads(posted.body) == {"key": "88dc28d0'; id; '\"$(id)"}
    assert posted.headers["authorization"] == "Bearer sk-master"
    assert posted.headers["content-type"] == "application/json"
    assert "sk-master" not in shown
