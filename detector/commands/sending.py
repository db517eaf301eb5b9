"""What commands that send one event to the topic of statuses share: options, refusals, the sending itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from detector.terminal import line

if TYPE_CHECKING:
    from detector.config import Config
    from detector.errors import BadInput

ANY_TEXT, SOME_TEXT = "has to have at most 512 characters", "has to have 1 to 512 characters"
RIGHT = {
    "task": SOME_TEXT,
    "id": SOME_TEXT,
    "tenant": ANY_TEXT,
    "source": ANY_TEXT,
    "time": "has to be RFC 3339 with an offset, as 2026-11-20T09:14:03Z or 2026-11-20T10:14:03+01:00",
}
"""By option what ingest takes; the decoder says the same in its own words."""

_OPTIONS = (
    click.option("--tenant", help="As on the calls. Default: default."),
    click.option("--time", metavar="RFC3339", help="When it was so, with the offset. Default: now."),
    click.option("--id", help="Id of the event. Default: made of all that it says, its time included."),
    click.option(
        "--timeout",
        metavar="SECONDS",
        type=click.IntRange(1, 3600),
        default=15,
        help="Fail where it is not acknowledged by then. Default: 15.",
    ),
    click.option(
        "--gateway", metavar="URL", help="Send to this gateway over HTTP instead of to Kafka. Default: push.gateway."
    ),
    click.option("--dry-run", is_flag=True, help="Print the event as JSON and send nothing."),
)


def options(command: Callable[..., int]) -> Callable[..., int]:
    """Adds what every such command may be told: tenant, time, id, timeout, gateway, dry_run."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def refusal(context: click.Context, bad: BadInput, right: Mapping[str, str]) -> click.BadParameter:
    """What ingest would refuse, by its option; `right`: what each takes."""
    from detector.errors import Reason

    malformed = bad.reason in (Reason.OUT_OF_RANGE, Reason.WRONG_TYPE)
    told = right.get(bad.field, bad.detail) if malformed else bad.detail
    return click.BadParameter(told, context, param_hint=f"'--{bad.field.replace('_', '-')}'")


def pushed_to(gateway: str | None) -> dict[str, Any]:
    """The section of the configuration that `--gateway` replaces."""
    return {} if gateway is None else {"push": {"gateway": gateway}}


def deliver(config: Config, value: bytes, key: bytes, timeout_s: int, said: str, id: str) -> None:
    """Sends the event of that id, and says so. Raises DeploymentError where that fails."""
    where = send(config, value, key, timeout_s)
    click.echo(f"{said}: sent to {where} as {line(id)}")


def send(config: Config, value: bytes, key: bytes, timeout_s: int) -> str:
    """Sends an event to the gateway that is configured, else to the topic of statuses; returns which."""
    if config.push.gateway is not None:
        from detector.posting import post
        from detector.secret import reveal

        post(config.push.gateway, reveal(config.push.token, config.push.token_file, "push.token"), value, timeout_s)
        return config.push.gateway
    import asyncio

    from detector.kafka.outbox import Out
    from detector.kafka.sending import send as to_kafka

    asyncio.run(to_kafka(config, Out(config.topics.status, value, key), timeout_s))
    return config.topics.status
