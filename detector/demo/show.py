"""Two ways to show the demo: a live screen on a terminal, lines where there is none."""

import sys
from typing import Protocol

from rich.console import Console
from rich.live import Live

from detector.demo.board import Board
from detector.demo.screen import Moment, news, render, stamp, tally
from detector.model.alert import Alert

LINE_EVERY_S = 5.0


class Show(Protocol):
    """What the demo tells as it goes."""

    def begin(self, address: str, broker: str, seconds: float | None) -> None:
        """Before the first of the others; `address`: of pages and metrics, `broker`: of Kafka.

        `seconds`: how long it runs, None: on.
        """

    def news(self, alert: Alert) -> None:
        """An episode has become serious, more serious, or has ended."""

    def tick(self, elapsed_s: float, moment: Moment) -> None:
        """Several times a second; `elapsed_s` since the start of the demo."""

    def end(self) -> None:
        """May be called again."""


class Screen:
    """The whole terminal, drawn anew at each tick; it leaves as it was."""

    def __init__(self, console: Console, board: Board) -> None:
        self._board = board
        self._live = Live(console=console, screen=True, auto_refresh=False, redirect_stderr=False)

    def begin(self, address: str, broker: str, seconds: float | None) -> None:
        """Takes the terminal."""
        self._live.start()

    def news(self, alert: Alert) -> None:
        """Is drawn with the next tick."""

    def tick(self, elapsed_s: float, moment: Moment) -> None:
        """Draws."""
        self._live.update(render(self._board, moment), refresh=True)

    def end(self) -> None:
        """Gives the terminal back."""
        self._live.stop()


class Lines:
    """A line for each piece of news, and one every few seconds."""

    def __init__(self, console: Console, board: Board) -> None:
        self._console, self._board = console, board
        self._next_s = 0.0

    def begin(self, address: str, broker: str, seconds: float | None) -> None:
        """Says where to look besides, and until when."""
        ends = "Ctrl-C ends" if seconds is None else f"it ends after {seconds:g} s, or by Ctrl-C"
        self._print(f"open {address}/ to see which agents burn what (metrics: {address}/metrics); {ends}")
        self._print(f"the same in a terminal: DETECTOR_KAFKA__BOOTSTRAP={broker} {sys.argv[0]} incidents --open")

    def news(self, alert: Alert) -> None:
        """Its line."""
        self._print(news(alert))

    def tick(self, elapsed_s: float, moment: Moment) -> None:
        """A line, if it is time for one."""
        if elapsed_s < self._next_s:
            return
        self._next_s = elapsed_s + LINE_EVERY_S
        flow, verdict = self._board.flow, self._board.verdict(moment.now)
        hour = sum(team.usd_per_hour(moment.now) for team in flow.teams.values())
        self._print(
            f"{stamp(moment.now)} {moment.story}: {flow.calls:,} calls, ${flow.usd:,.0f}, "
            f"${hour:,.2f} in the last hour, {moment.events_per_s:,.0f} events/s; {tally(verdict)}"
        )

    def end(self) -> None:
        """Nothing to give back."""

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)
