"""A client's own word that it loops: a line on a board, whoever says it, and never a page."""

from detector.model.packed import Ident
from detector.rules.finding import Facts, Finding, Standing

CLASS = "claimed"


def finding(f: Facts, ident: Ident, id: str, kind: str, status_source: bool, before: Standing | None) -> Finding:
    """What its claim of that id comes to; `kind`: what it calls it, "" where it does not say."""
    times = (before.rounds if before is not None else 0) + 1
    begin_t = before.begin_t if before is not None else f.t
    source = ident.source or "the client"
    where = f" in run {ident.run}" if ident.run else ""
    said = ", ".join(part for part in (kind, f"count {f.rounds}" if f.rounds else "") if part)
    return Finding(
        level="run",
        severity="info",
        class_=CLASS,
        begin_t=begin_t,
        standing=Standing(begin_t, 0.0, 0, 0, 0, 0.0, 0, 0, times, CLASS),
        burn_usd_per_hour=0.0,
        usual_usd_per_hour=None,
        spend_only=not status_source,
        summary=f"{source} says itself that {ident.agent or 'its agent'} loops{where}"
        f"{f' ({said})' if said else ''}: its own word, not what was found here",
        group=(ident.agent or "", CLASS, kind),
        evidence={
            "what": kind or "loop",
            "known": "the client's own word",
            "claimed_by": source,
            "count": f.rounds,
            "rounds": times,
            "since": begin_t,
            "calls": [id],
        },
    )
