"""The evidence of an alert, whatever its rule: names, figures with units, lists and tables. Nothing is left out."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from detector.web.pages.figures import label, said
from detector.web.pages.parts import details, pair, table

_IN_A_LINE, _DEEP = 6, 4
"""Entries of a list that stand in one line; levels that are told apart."""


def told(evidence: Mapping[str, Any], but: frozenset[str] = frozenset()) -> str:
    """All of it but these fields, as HTML: what is one value first, then lists, tables and what is nested."""
    shown = {field: value for field, value in evidence.items() if field not in but}
    return _fields(shown, 0)


def _fields(shown: Mapping[str, Any], depth: int) -> str:
    single = "".join(pair(label(f), said(f, value)) for f, value in shown.items() if _is_single(value))
    pairs = f'<dl class="pairs">{single}</dl>' if single else ""
    return pairs + "".join(_several(shown, depth))


def _is_single(value: Any) -> bool:
    return not isinstance(value, Mapping | Sequence) or isinstance(value, str)


def _several(shown: Mapping[str, Any], depth: int) -> Iterator[str]:
    for field, value in shown.items():
        if _is_single(value):
            continue
        if not value:
            yield f'<dl class="pairs">{pair(label(field), "none")}</dl>'
        elif isinstance(value, Mapping):
            inner = _fields(value, depth + 1) if depth < _DEEP else said(field, str(dict(value)))
            yield f'<div class="nested"><p class="soft">{said("", label(field))}</p>{inner}</div>'
        else:
            yield _list(field, value)


def _list(field: str, values: Sequence[Any]) -> str:
    title = f"{label(field)} ({len(values):,})"
    if all(isinstance(value, Mapping) for value in values):
        return details(title, rows(title, values))
    if all(isinstance(value, Sequence) and not isinstance(value, str) for value in values):
        wide = max(len(value) for value in values)
        return details(title, rows(title, [dict(zip(_columns(field, wide), value, strict=False)) for value in values]))
    items = [said(field, value) if _is_single(value) else said(field, str(value)) for value in values]
    if len(items) <= _IN_A_LINE:
        return f'<dl class="pairs">{pair(label(field), ", ".join(items))}</dl>'
    return details(title, f'<ul class="ids">{"".join(f"<li>{item}</li>" for item in items)}</ul>')


def _columns(field: str, wide: int) -> list[str]:
    """What the entries of a row are: a time and dollars, or just numbered."""
    return ["t", "usd"] if field == "usd_by_minute" and wide == 2 else [f"no. {n + 1}" for n in range(wide)]


def rows(title: str, values: Sequence[Mapping[str, Any]]) -> str:
    """A table of records: a column for each field that any of them has."""
    fields = list(dict.fromkeys(field for value in values for field in value))
    cells = [[_cell(field, value[field]) if field in value else "" for field in fields] for value in values]
    return table(title, map(label, fields), cells)


def _cell(field: str, value: Any) -> str:
    return said(field, value) if _is_single(value) else said(field, str(value))
