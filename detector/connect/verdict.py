"""What arrived, in plain words: what is missing and what that costs, or why nothing may have come."""

from collections.abc import Iterable

from detector.connect.arrivals import Arrivals, Tally
from detector.connect.client import Client
from detector.connect.fields import FIELDS, OF_TOOLS
from detector.terminal import line, many


def wanted(arrivals: Arrivals, client: Client | None) -> dict[str, Tally]:
    """Of what arrived, what the client tells; all of it where none is named, or it can tell under any name."""
    if client is None or not client.sources:
        return dict(arrivals.by_source)
    return {name: tally for name, tally in arrivals.by_source.items() if name in client.sources}


def told(arrivals: Arrivals, client: Client | None) -> list[str]:
    """Lines for each source, then the dead letters, then what else came."""
    ours = wanted(arrivals, client)
    lines: list[str] = []
    for name, tally in sorted(ours.items()):
        lines += [*_of_source(name, tally, arrivals.tasked_runs(tally)), ""]
    others = sorted(arrivals.by_source.keys() - ours.keys())
    if others:
        lines.append(f"also told of, not asked for: {', '.join(map(line, others))}")
    if arrivals.refused:
        lines.append("Dead letters, which are in no sum:")
        for (topic, reason, field), count in arrivals.refused.most_common():
            lines.append(f"  {topic}: {count:,} × {reason}{f' of {line(field)}' if field else ''}")
        lines.append("  detector explain-event says of a captured body what is wrong with it")
    return lines


def _of_source(name: str, tally: Tally, tasked: int) -> list[str]:
    failed = f" ({tally.failed:,} failed)" if tally.failed else ""
    runs = f"{many(len(tally.runs), 'run')}, {tasked:,} with a task"
    usd = f"${sum(tally.usd.values()):,.2f}"
    lines = [f"{line(name)}: {many(tally.calls, 'call')}{failed}, {many(tally.tools, 'tool')}, {usd}, {runs}"]
    whole = [field for field in FIELDS if _of(field, tally) and not tally.lacking(field)]
    if whole:
        lines.append(f"  always told: {', '.join(whole)}")
    for field, what in FIELDS.items():
        missing, of = tally.lacking(field), _of(field, tally)
        if missing:
            lines.append(f"  no {field} in {missing:,} of {of:,} {'tools' if field in OF_TOOLS else 'calls'}")
            lines += [f"      {what.cost}", f"      → {what.fix}"]
    return lines


def _of(field: str, tally: Tally) -> int:
    return tally.tools if field in OF_TOOLS else tally.calls


def causes(arrivals: Arrivals, client: Client | None, missing: Iterable[str], listens: bool | None) -> list[str]:
    """Why no call came, likeliest first. missing: topics that are not there; listens: whether something does there."""
    found = [f"topic {topic} is not there: detector topics makes it" for topic in sorted(missing)]
    came = sum(arrivals.records.values())
    if listens is False:
        found.append("nothing listens at the endpoint: start detector worker, or a collector, or name it by --endpoint")
    if arrivals.refused:
        found.append("what came cannot be used, see above")
    elif came and not arrivals.calls:
        found.append(
            f"{many(came, 'record')} came, and no call is in them: do they tell calls (logs of agents, spans of "
            "libraries, no metrics), and is the format of the topic in [[sources]] the right one?"
        )
    if arrivals.calls:
        found.append("only others told of calls, see above")
    name = client.name if client is not None else "CLIENT"
    found += [
        "no call was made meanwhile: have the client do something, and give it time by --for; most send every 5 s",
        f"the client was not told, or was started before it was: detector connect {name}",
    ]
    if client is None or not client.sources:
        found.append("a topic that others write is not named in [[sources]]")
    return found
