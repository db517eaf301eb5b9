"""`detector hook`: what clients of agents run at points of a session, to link it to its task."""

from __future__ import annotations

import click

from detector.commands import Setup

MAX_INPUT = 1_048_576
"""Bytes of what a client says to a hook."""
GRACE_S = 1
"""So much longer than its timeout a hook may take in all."""


@click.group()
def hook() -> None:
    """Link sessions of agents to their tasks, as a hook of their client.

    \b
    Example:
      detector hook claude-code
    """


@hook.command("claude-code")
@click.option("--task", help="The task. Default: the ticket that the git branch of the session's directory names.")
@click.option("--pattern", metavar="REGEX", help="What a ticket looks like. Default: webhooks.task_pattern.")
@click.option("--tenant", help="As on the calls. Default: default.")
@click.option("--gateway", metavar="URL", help="Send to this gateway instead of to Kafka. Default: push.gateway.")
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.IntRange(1, 60),
    default=5,
    help="Give up where the link is not taken by then. Default: 5.",
)
@click.option("--dry-run", is_flag=True, help="Print the event as JSON, on standard error, and send nothing.")
@click.pass_obj
def claude_code(
    setup: Setup,
    task: str | None,
    pattern: str | None,
    tenant: str | None,
    gateway: str | None,
    timeout: int,
    dry_run: bool,
) -> int:
    """Link a session of Claude Code to the ticket that its branch names.

    Reads what Claude Code tells its hooks on standard input: session_id is the run, cwd is where the branch is
    looked up. Where no ticket is named, nothing is sent. Never fails and never waits for long: it ends with 0
    whatever happens, says why on standard error, and prints nothing that would get into the conversation.

    \b
    Example, in .claude/settings.json; Stop too, for a branch that is made later:
      {"hooks": {
        "SessionStart": [{"hooks": [
          {"type": "command", "command": "detector hook claude-code", "timeout": 10}]}],
        "Stop": [{"hooks": [
          {"type": "command", "command": "detector hook claude-code", "timeout": 10}]}]}}
    To a gateway, by variables:
      export DETECTOR_PUSH__GATEWAY=https://detector.example DETECTOR_PUSH__TOKEN_FILE=/run/secrets/detector
    """
    import threading

    # Whatever hangs, be it who should write to standard input: the session goes on.
    late = threading.Timer(timeout + GRACE_S, _give_up)
    late.daemon = True
    late.start()
    try:
        _link(setup, task, pattern, tenant, gateway, timeout, dry_run)
    except Exception as fault:  # a hook that fails is seen by whoever works with the agent
        from detector.errors import DetectorError

        said = str(fault) if isinstance(fault, DetectorError) else type(fault).__name__
        click.echo(f"detector: the session is not linked: {said}", err=True)
    finally:
        late.cancel()
    return 0


def _link(
    setup: Setup,
    task: str | None,
    pattern: str | None,
    tenant: str | None,
    gateway: str | None,
    timeout_s: int,
    dry_run: bool,
) -> None:
    from detector.clock import system_clock
    from detector.commands.sending import pushed_to, send
    from detector.sources.linking import encode_link, link_key, make_link
    from detector.sources.sessions import session_of, ticket_of
    from detector.terminal import line

    session = session_of(click.get_binary_stream("stdin").read(MAX_INPUT))
    config = setup.load(**pushed_to(gateway))
    task = task or ticket_of(session.cwd, pattern or config.webhooks.task_pattern)
    if task is None:
        click.echo("detector: the session is not linked: its branch names no ticket", err=True)
        return
    link = make_link(
        config.ingest, system_clock(), run=session.session_id, task=task, tenant=tenant, source="claude_code"
    )
    value = encode_link(link)
    if dry_run:
        click.echo(value, err=True)
        return
    send(config, value, link_key(link), timeout_s)
    click.echo(f"detector: the session works on task {line(task)}", err=True)


def _give_up() -> None:
    import os

    os.write(2, b"detector: the session is not linked: it takes too long\n")
    os._exit(0)
