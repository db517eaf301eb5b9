"""The board of the fleet, for who pays: what the money bought first, then where it went and what was flagged."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana import flagged, money
from deploy.grafana.frame import board as framed

TOLD = """What the fleet of agents achieved, what that cost, and what of it was flagged. Sums over days agree with \
`detector audit`. Nobody is ranked here: neither people, who are in no figure, nor teams, which are shown by name."""


def board(detector_url: str) -> Dashboard:
    """Of all teams, unless the reader chooses."""
    rows = [money.bought(), money.spent(), flagged.flagged()]
    return framed("detector-fleet", TOLD, rows, detector_url)
