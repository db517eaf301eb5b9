"""`python -m tests.support.audit_picture FILE`: a picture of an audit's page, of a month of made-up work.

Needs chromium, which draws it.
"""

import random
import subprocess
import sys
import tempfile
from pathlib import Path

from detector.audit.page import page
from tests.support.judged import Event, in_order
from tests.support.plain_audit import audit_of
from tests.support.worked import DAY_S, month, spent

TEAMS = ("checkout", "checkout", "search", "platform")
SIZE = "1100,1560"


def events() -> list[Event]:
    """Four weeks of three teams, with two agents that go round in circles."""
    dice = random.Random(4)
    made = month(4, tasks=160, days=28, teams=TEAMS)
    for n in range(2):
        began = (9.0 + 11.0 * n) * DAY_S
        answer = {"text": f"I will try to run the tests again, attempt by agent {n}."}
        made += [
            spent(began + 45.0 * k, dice.uniform(0.2, 0.5), f"T-{n + 7}", run=f"loop-{n}", team="search", output=answer)
            for k in range(150)
        ]
    return in_order(made)


def main(file: str) -> None:
    """Draws the page."""
    with tempfile.TemporaryDirectory() as folder:
        html = Path(folder) / "audit.html"
        html.write_text(page(audit_of(events())), encoding="utf-8")
        options = ["--headless", "--no-sandbox", "--hide-scrollbars", f"--window-size={SIZE}"]
        command = ["chromium", *options, f"--user-data-dir={folder}/profile", f"--screenshot={file}", html.as_uri()]
        subprocess.run(command, check=True, capture_output=True)


if __name__ == "__main__":
    main(sys.argv[1])
