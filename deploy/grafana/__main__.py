"""`python -m deploy.grafana`: writes the boards as JSON that Grafana imports; the same input gives the same bytes."""

import argparse
from pathlib import Path

from deploy.grafana.every import DETECTOR_URL, texts

BOARDS = Path(__file__).with_name("boards")


def main() -> None:
    """Writes each board to its file."""
    asked = argparse.ArgumentParser(prog="python -m deploy.grafana", description=main.__doc__)
    asked.add_argument(
        "--detector-url", default=DETECTOR_URL, help="where readers of boards reach the detector's pages"
    )
    asked.add_argument("--out", type=Path, default=BOARDS, help="the folder; default: deploy/grafana/boards")
    told = asked.parse_args()
    told.out.mkdir(parents=True, exist_ok=True)
    for name, text in texts(told.detector_url).items():
        (told.out / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
