"""All boards, and their texts."""

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana import fleet, health, incidents, team

DETECTOR_URL = "http://127.0.0.1:9464"
"""Where a detector serves its pages that was told nothing else."""


def boards(detector_url: str = DETECTOR_URL) -> list[Dashboard]:
    """In the order in which they link to each other."""
    return [made.board(detector_url.rstrip("/")) for made in (fleet, team, incidents, health)]


def texts(detector_url: str = DETECTOR_URL) -> dict[str, str]:
    """The JSON of each board by its file's name."""
    encoder = JSONEncoder(sort_keys=True, indent=1, ensure_ascii=False)
    return {f"{board.uid}.json": encoder.encode(board) + "\n" for board in boards(detector_url)}
