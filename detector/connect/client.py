"""What is known of a client: what to set in it, and what it does not tell."""

from typing import NamedTuple

ENDPOINT, TOKEN, BROKERS = "{endpoint}", "{token}", "{brokers}"
"""In values and files: the address of the gateway, how a shell gets at the bearer token, the addresses of Kafka."""


class Setting(NamedTuple):
    """A variable of the client's environment."""

    name: str
    value: str
    why: str = ""


class File(NamedTuple):
    """Lines in a file of the client's own, or in a program."""

    path: str
    lines: str


class Lack(NamedTuple):
    """What it does not tell: a name of FIELDS, and when or how much."""

    field: str
    when: str


class Client(NamedTuple):
    """`sources`: as its calls name it, () where they can be any. `seen`: what was run, or that it was not."""

    name: str
    title: str
    seen: str
    sources: tuple[str, ...]
    files: tuple[File, ...] = ()
    variables: tuple[Setting, ...] = ()
    guarded: tuple[Setting | File, ...] = ()
    task: tuple[Setting | File, ...] = ()
    lacks: tuple[Lack, ...] = ()
    notes: tuple[str, ...] = ()


TASK = Setting("OTEL_RESOURCE_ATTRIBUTES", "task=PAY-1312,team=payments")
OTLP = (
    Setting("OTEL_EXPORTER_OTLP_ENDPOINT", ENDPOINT),
    Setting("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", "the gateway speaks no gRPC"),
)
BEARER = Setting("OTEL_EXPORTER_OTLP_HEADERS", f"Authorization=Bearer%20{TOKEN}")
