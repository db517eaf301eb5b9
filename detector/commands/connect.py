"""`detector connect`: what to set in a client, and whether what it sends arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from detector.commands import Setup, columns

if TYPE_CHECKING:
    from detector.config import Config
    from detector.connect.client import Client

LONGEST_S = 3600


@click.command()
@click.argument("client", required=False)
@click.option("--check", is_flag=True, help="Wait, and say what arrives: of CLIENT, or of all.")
@click.option(
    "--for",
    "for_s",
    metavar="SECONDS",
    type=click.IntRange(1, LONGEST_S),
    default=60,
    help="With --check, wait so long at most; less where calls have come and no more follow. Default: 60.",
)
@click.option(
    "--endpoint", metavar="URL", help="Where clients send to. Default: the gateway, as the configuration has it."
)
@click.option("--token-file", metavar="FILE", help="File of the client's machine that holds its token; it is not read.")
@click.pass_context
def connect(
    context: click.Context, client: str | None, check: bool, for_s: int, endpoint: str | None, token_file: str | None
) -> int:
    """Say what to set in CLIENT so that its calls arrive, and with --check what arrives.

    Without CLIENT the known ones are listed. Their pages, with what is seen of each and what is not: docs/connect.md.

    --check reads the topics of calls and statuses, and those of [[sources]], from now on, beside the workers and
    without disturbing them. It says of each source how many calls came, what they do not tell, what that costs in
    detection and how it comes in, and which events cannot be used. Ends with 0 where a call came, else with 1 and the
    likely causes.

    \b
    Examples:
      detector connect
      detector connect codex
      detector connect gemini-cli --endpoint https://detector.example:4318 --token-file ~/.config/detector-token
      detector connect --check --for 120 codex
    """
    from detector.connect.clients import CLIENTS
    from detector.connect.instructions import Where, instructions
    from detector.connect.reach import endpoint_of

    known = CLIENTS.get(client) if client is not None else None
    if client is not None and known is None:
        raise click.BadParameter(f"{client!r} is none of {', '.join(CLIENTS)}", context, param_hint="'CLIENT'")
    if known is None and not check:
        click.echo(columns([(each.name, each.title) for each in CLIENTS.values()]))
        click.echo("\nWhat to set in one of them: detector connect CLIENT")
        return 0
    setup: Setup = context.obj
    config = setup.load()
    endpoint = endpoint.rstrip("/") if endpoint else endpoint_of(config)
    if known is None or check:
        return _check(config, known, for_s, endpoint)
    click.echo(instructions(known, Where(endpoint, config.kafka.bootstrap, token_file)))
    return 0


def _check(config: Config, client: Client | None, for_s: int, endpoint: str) -> int:
    import asyncio
    from contextlib import suppress

    from detector.connect.arrivals import Arrivals
    from detector.connect.listening import listen
    from detector.connect.reach import listens
    from detector.connect.verdict import causes, told, wanted

    whom = client.title if client is not None else "clients"
    click.echo(f"waiting for {whom}, {for_s} s at most; Ctrl-C ends it", err=True)
    arrivals, missing = Arrivals(config), list[str]()
    with suppress(KeyboardInterrupt):
        missing = asyncio.run(listen(config, arrivals, for_s, client.sources if client is not None else ()))
    for line in told(arrivals, client):
        click.echo(line)
    if any(tally.calls for tally in wanted(arrivals, client).values()):
        return 0
    click.echo("Nothing useful arrived. Likely causes:")
    reached = asyncio.run(listens(endpoint))
    for cause in causes(arrivals, client, missing, reached):
        click.echo(f"- {cause}")
    return 1
