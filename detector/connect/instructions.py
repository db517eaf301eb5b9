"""What to set in a client, as text for a terminal."""

import shlex
from collections.abc import Iterable, Iterator

from detector.connect.client import ENDPOINT, TOKEN, Client, File, Setting
from detector.connect.fields import FIELDS

WIDTH = 100


def instructions(client: Client, endpoint: str, token_file: str | None = None) -> str:
    """All that there is to set, with the endpoint filled in. A token is named by its file or variable, never told."""
    token = f"$(cat {shlex.quote(token_file)})" if token_file else "$GATEWAY_TOKEN"
    lines = [f"{client.title} ({client.seen})", ""]
    lines += _steps("Set", (*client.files, *client.variables))
    if client.guarded:
        lines += _steps("Where the gateway asks for a token", client.guarded)
    if client.task:
        lines += _steps("What it works on, for each session or job", client.task)
    if client.lacks:
        lines += ["Not told:", ""]
        for lack in client.lacks:
            lines += [f"  {lack.field}: {lack.when}", f"      so {FIELDS[lack.field].cost}"]
        lines.append("")
    lines += [f"- {note}" for note in client.notes]
    lines += ["", f"Then see what arrives: detector connect --check {client.name}"]
    return "\n".join(lines).replace(ENDPOINT, endpoint).replace(TOKEN, token)


def _steps(title: str, steps: Iterable[Setting | File]) -> Iterator[str]:
    previous: type | None = None
    yield f"{title}:"
    yield ""
    for step in steps:
        if isinstance(step, File):
            yield f"  in {step.path}"
            yield from (f"    {line}".rstrip() for line in step.lines.splitlines())
            yield ""
        else:
            why = f"    # {step.why}" if step.why else ""
            yield f"  export {step.name}={_quoted(step.value)}{why}"
        previous = type(step)
    if previous is Setting:
        yield ""


def _quoted(value: str) -> str:
    """For a shell, which is to expand the token."""
    return f'"{value}"' if TOKEN in value or " " in value else value
