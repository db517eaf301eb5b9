"""What is wrong with a board or a rule: a rule of ours that it breaks, in words, with the panel that does."""

import re
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

Board = dict[str, Any]

SOURCE = "${datasource}"
WIDTH = 24
LEAST_TOLD = 12
"""Characters of a description."""
MOST_S = 3600.0
"""Counters of workers may be asked about dollars over this long: restarts and replays distort more."""
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0, "y": 31_536_000.0}
_RANKS = re.compile(r"\b(topk|bottomk|limitk|sort|sort_desc|sort_by_label|sort_by_label_desc)\b")
_PEOPLE = re.compile(r"\b(user|person|people|key)\b")
_OVER_TIME = re.compile(r"\b(rate|irate|increase|delta|idelta|deriv|changes|resets)\b")
_RANGE = re.compile(r"\[([^\]:]+)(?::[^\]]*)?\]")
_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"')
_OF_SERIES = re.compile(r"\$\{__(?:field\.labels|data\.fields)\.(\w+)")
_BY = re.compile(r"\bby \(([^)]*)\)")
_VARIABLE = re.compile(r"\$\{?([a-zA-Z_]\w*)")
_MATCHED = re.compile(r'(=~|!~|!=|=)"\$(\w+)"')
_OF_GRAFANA = {"__rate_interval"}
"""Variables that every query has."""


def faults(board: Board) -> list[str]:
    """All that is wrong with a board as Grafana reads it."""
    shown = [panel for panel in board.get("panels", []) if panel["type"] != "row"]
    found = [*_of_source(board), *_of_places(board), *_of_numbers(board)]
    for panel in shown:
        found += [f"{panel.get('title') or 'a panel'}: {fault}" for fault in _of_panel(panel, _variables(board))]
    for variable in board["templating"]["list"]:
        found += [f"variable {variable['name']}: {fault}" for fault in _of_variable(variable, _variables(board))]
    for mark in board.get("annotations", {}).get("list", []):
        asked = _of_query(mark["expr"], _variables(board))
        found += [f"annotation {mark['name']}: {fault}" for fault in (*_of_datasource(mark), *asked)]
    return found


def faults_of_query(expr: str) -> list[str]:
    """What is wrong with a query, or with the expression of a rule that boards read."""
    told = _STRINGS.sub('""', expr)
    found = []
    if _RANKS.search(told):
        found.append("it ranks: nothing is put into an order by what it spent or achieved")
    if people := _PEOPLE.search(told):
        found.append(f"it tells people apart, by {people[1]}")
    long = [asked for asked in _RANGE.findall(told) if _seconds(asked) > MOST_S]
    if "usd" in told and _OVER_TIME.search(told) and long:
        found.append(f"dollars of counters over {long[0]}: take the gauges of portfolio")
    return found


def _seconds(told: str) -> float:
    """A duration of PromQL; infinite where a variable stands for it."""
    parts = re.findall(r"(\d+)(ms|[smhdwy])", told)
    if "".join(n + unit for n, unit in parts) != told.strip():
        return float("inf")
    return sum(float(n) * _UNITS_S[unit] for n, unit in parts)


def _variables(board: Board) -> dict[str, bool]:
    """By name whether a variable may have several values."""
    return {v["name"]: bool(v.get("multi") or v.get("includeAll")) for v in board["templating"]["list"]}


def _of_source(board: Board) -> Iterator[str]:
    kinds = {variable["name"]: variable["type"] for variable in board["templating"]["list"]}
    if kinds.get("datasource") != "datasource":
        yield "no variable for the data source"


def _of_places(board: Board) -> Iterator[str]:
    places = [(panel.get("title"), panel["gridPos"]) for panel in board.get("panels", [])]
    for title, at in places:
        if at["x"] + at["w"] > WIDTH or at["w"] < 1 or at["h"] < 1:
            yield f"{title}: beyond the grid"
    for (one, a), (other, b) in combinations(places, 2):
        beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        if not beside and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"]:
            yield f"{one} and {other}: one over the other"


def _of_numbers(board: Board) -> Iterator[str]:
    numbers = [panel.get("id") for panel in board.get("panels", [])]
    if None in numbers or len(set(numbers)) < len(numbers):
        yield "panels without a number of their own"


def _of_panel(panel: dict[str, Any], known: Mapping[str, bool]) -> Iterator[str]:
    if not panel.get("title"):
        yield "no title"
    if len(panel.get("description") or "") < LEAST_TOLD:
        yield "no description"
    defaults = panel.get("fieldConfig", {}).get("defaults", {})
    if not defaults.get("unit"):
        yield "no unit"
    if not defaults.get("thresholds", {}).get("steps"):
        yield "no thresholds"
    if defaults.get("noValue") == "0":
        yield "it shows 0 where nothing is known"
    yield from _of_order(panel)
    if panel["type"] != "timeseries" and "by-name" in defaults.get("color", {}).get("mode", ""):
        yield "its colours need names: Grafana 11.6 fails where it has no data"
    yield from _of_datasource(panel)
    if not panel.get("targets"):
        yield "no query"
    for target in panel.get("targets", []):
        yield from _of_datasource(target)
        yield from _of_query(target["expr"], known)
    for link in defaults.get("links", []):
        if unknown := {name for name in _VARIABLE.findall(link["url"]) if not name.startswith("__")} - known.keys():
            yield f"a link asks for {', '.join(sorted(unknown))}, which is no variable"
        for label in _OF_SERIES.findall(link["url"]):
            if not all(label in _left(target["expr"]) for target in panel["targets"]):
                yield f"a link asks for {label}, which its series do not have"
        of_row, in_rows = "__data.fields" in link["url"], any(t.get("format") == "table" for t in panel["targets"])
        if of_row != in_rows and _OF_SERIES.search(link["url"]):
            yield "a link asks a row for labels, or a series for fields"


def _of_order(panel: dict[str, Any]) -> Iterator[str]:
    """Rows and bars come by the labels that their queries leave, and by nothing else."""
    sorts = [one["options"]["sort"] for one in panel.get("transformations", []) if one["id"] == "sortBy"]
    left = set().union(*(_left(target["expr"]) for target in panel.get("targets", [])))
    if panel.get("options", {}).get("sortBy") or {one["field"] for sort in sorts for one in sort} - left - {"of"}:
        yield "it ranks: rows come by name"
    if panel["type"] in ("bargauge", "table") and not sorts and left - {"le"}:
        yield "its rows come in any order: sort them by name"


def _left(expr: str) -> set[str]:
    """The labels that a query leaves."""
    return {label.strip() for found in _BY.findall(expr) for label in found.split(",")}


def _of_datasource(asks: dict[str, Any]) -> Iterator[str]:
    if asks.get("datasource", {}).get("uid") != SOURCE:
        yield f"its data source is not the variable {SOURCE}"


def _of_query(expr: str, known: Mapping[str, bool]) -> Iterator[str]:
    yield from faults_of_query(expr)
    if unknown := set(_VARIABLE.findall(expr)) - known.keys() - _OF_GRAFANA:
        yield f"it asks for {', '.join(sorted(unknown))}, which is no variable"
    for matched, name in _MATCHED.findall(expr):
        if (matched in ("=~", "!~")) != known.get(name, False):  # Grafana escapes for what a variable may have
            yield f"it asks for {name} by {matched}, which fits {'one value' if known.get(name) else 'several'}"


def _of_variable(variable: dict[str, Any], known: Mapping[str, bool]) -> Iterator[str]:
    if variable["type"] == "query":
        yield from _of_datasource(variable)
        yield from _of_query(variable["query"]["query"], known)
