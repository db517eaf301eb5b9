"""Every error that the detector raises on purpose.

DetectorError
├── ConfigError        the configuration is wrong: names the file or variable, the key and the fix
├── BadInput           one event cannot be used: becomes a dead letter with reason and field
├── StateError         a checkpoint cannot be read: unknown version or damaged bytes
├── DeploymentError    brokers, topics or services are not as they must be
├── NotAllowed         the policy does not let whoever asks see it
├── Refused            a delivery of a webhook is not taken (detector.webhooks)
└── Unclear            what the address of a page asks for is not understood (detector.web.pages)
"""

from enum import StrEnum


class DetectorError(Exception):
    """Base of all errors raised on purpose."""


class ConfigError(DetectorError):
    """The configuration is wrong; the message names where, which key and what to do."""


class NotAllowed(DetectorError):  # noqa: N818, no fault of anything
    """The policy does not let whoever asks see it; the message names the grant."""


class StateError(DetectorError):
    """A stored state cannot be read by this version."""


class DeploymentError(DetectorError):
    """Something outside (brokers, topics, services) is not as it must be."""


class Reason(StrEnum):
    """Why an event became a dead letter; also the label of its metric."""

    NOT_JSON = "not_json"
    NOT_PROTOBUF = "not_protobuf"
    NOT_UTF8 = "not_utf8"
    TOO_DEEP = "too_deep"
    TOO_LARGE = "too_large"
    UNREADABLE_BATCH = "unreadable_batch"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    OUT_OF_RANGE = "out_of_range"
    UNKNOWN_TYPE = "unknown_type"
    TIME_OUT_OF_RANGE = "time_out_of_range"


class BadInput(DetectorError):  # noqa: N818, the field's word for it
    """One event cannot be used.

    Attributes: reason (the class of the fault), field (JSON path, "" where the whole event is meant),
    detail (a sentence without any content of the event).
    """

    def __init__(self, reason: Reason, field: str, detail: str) -> None:
        super().__init__(f"{reason}: {field or 'event'}: {detail}")
        self.reason, self.field, self.detail = reason, field, detail
