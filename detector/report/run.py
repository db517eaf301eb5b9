"""Reads what a replay reads, and leaves the page, the figures and the summary."""

import sys
from collections.abc import Sequence
from pathlib import Path

from detector.config import Config
from detector.replay.feed import Feed, read_into
from detector.replay.run import Judge
from detector.report.facts import Facts, to_json
from detector.report.gather import Gatherer
from detector.report.page import page
from detector.report.terminal import console_of, show


def facts_of(config: Config, paths: Sequence[str], progress: bool) -> Facts:
    """The figures of what `paths` ("-": standard input) hold. Raises DetectorError where one cannot be read."""
    feed, judge, gatherer = Feed(config), Judge([config]), Gatherer(config)
    for flushed in read_into(feed, list(paths), "report" if progress else None):
        (outcome,) = judge.judge(flushed)
        gatherer.take(flushed, outcome)
    return gatherer.facts(feed)


def report_files(config: Config, paths: Sequence[str], out: str, figures: str | None, progress: bool) -> Facts:
    """Writes the page to `out` and the figures to `figures` ("-": standard output, None: nowhere), prints a summary.

    The summary goes to standard output, to standard error where one of the two goes there. Raises DetectorError.
    """
    facts = facts_of(config, paths, progress)
    html = page(facts).encode()
    _write(out, html)
    if figures is not None:
        _write(figures, to_json(facts))
    show(facts, console_of(stderr="-" in (out, figures)))
    if out != "-":
        print(f"page: {out}, {len(html) / 1000:.0f} kB", file=sys.stderr)
    return facts


def _write(to: str, what: bytes) -> None:
    if to == "-":
        sys.stdout.buffer.write(what)
        sys.stdout.buffer.flush()
    else:
        Path(to).write_bytes(what)
