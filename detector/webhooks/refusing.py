"""Why a delivery is refused."""

from detector.errors import DetectorError


class Refused(DetectorError):  # noqa: N818, the field's word for it
    """A delivery is not taken.

    Attributes: status (of HTTP), reason (a sentence without any content of the delivery).
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


def unsigned(header: str) -> Refused:
    """The delivery lacks what proves who sent it."""
    return Refused(401, f"is not signed: {header} is missing")


def wrong() -> Refused:
    """Its signature is that of no secret."""
    return Refused(401, "has the signature of none of the configured secrets")


def stale(detail: str) -> Refused:
    """It may have been captured and sent again."""
    # Not 409: Jira sends again what is answered with it.
    return Refused(401, f"is stale: {detail}")
