"""What to set in a client, as text for a terminal."""

import shlex
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from detector.connect.client import BROKERS, ENDPOINT, TOKEN, Client, File, Setting
from detector.connect.fields import FIELDS


class Where(NamedTuple):
    """What is filled in: the gateway's address, those of Kafka, and the file of a client's token, if it is in one."""

    endpoint: str
    brokers: str
    token_file: str | None = None

    def fill(self, text: str) -> str:
        """The text with all that; a token is named by its file or variable, never told."""
        token = f"$(cat {shlex.quote(self.token_file)})" if self.token_file else "$GATEWAY_TOKEN"
        return text.replace(ENDPOINT, self.endpoint).replace(BROKERS, self.brokers).replace(TOKEN, token)


def instructions(client: Client, where: Where) -> str:
    """All that there is to set, and what is not told even then."""
    lines = [f"{client.title} ({client.seen})", ""]
    lines += _steps("Set", (*client.files, *client.variables), where)
    if client.guarded:
        lines += _steps("Where the gateway asks for a token", client.guarded, where)
    if client.task:
        lines += _steps("What it works on, for each session or job", client.task, where)
    if client.lacks:
        lines += ["Not told:", ""]
        for lack in client.lacks:
            lines += [f"  {lack.field}: {lack.when}", f"      so {FIELDS[lack.field].cost}"]
        lines.append("")
    lines += [f"- {where.fill(note)}" for note in client.notes]
    lines += ["", f"Then see what arrives: detector connect --check {client.name}"]
    return "\n".join(lines)


def _steps(title: str, steps: Iterable[Setting | File], where: Where) -> Iterator[str]:
    yield from (f"{title}:", "")
    ended = True
    for step in steps:
        ended = isinstance(step, File)
        if isinstance(step, File):
            yield f"  in {step.path}"
            yield from (f"    {line}".rstrip() for line in where.fill(step.lines).splitlines())
            yield ""
        else:
            why = f"    # {step.why}" if step.why else ""
            yield f"  export {step.name}={_quoted(step.value, where)}{why}"
    if not ended:
        yield ""


def _quoted(value: str, where: Where) -> str:
    """For a shell, which is to expand the token."""
    filled = where.fill(value)
    return f'"{filled}"' if TOKEN in value else shlex.quote(filled)
