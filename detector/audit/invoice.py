"""What was billed against what was metered, by provider and model: whether the other figures can be trusted.

A file of invoices is CSV with columns of FOCUS (the open specification of cost and usage data, 1.0 to 1.3), or with
`provider`, `model`, `day` and `usd`.
"""

import csv
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

from detector.audit.figures import Billed, Model
from detector.errors import DetectorError

_FOCUS = "billedcost"
_PROVIDER = ("serviceprovidername", "providername", "invoiceissuername", "publishername")
_MODEL = ("x_model", "x_modelname", "skumeter", "skuid", "resourcename", "servicename")
_BEGINS = "chargeperiodstart"
_PLAIN = ("provider", "model", "day", "usd")


class Charge(NamedTuple):
    """A line of an invoice; `t`: s UTC of the beginning of what it is for."""

    provider: str
    model: str
    t: float
    usd: float


def read(path: str) -> Iterator[Charge]:
    """The lines of a file. Raises DetectorError, which names the file, the line and the column."""
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            names = {str(name).strip().casefold(): str(name) for name in reader.fieldnames or ()}
            wanted = _columns(path, names)
            for number, row in enumerate(reader, 2):
                yield _charge(f"{path}:{number}", row, wanted)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DetectorError(f"{path}: cannot be read as CSV ({error})") from error


class _Columns(NamedTuple):
    provider: str
    model: str
    day: str
    usd: str
    currency: str | None


def _columns(path: str, names: Mapping[str, str]) -> _Columns:
    if all(name in names for name in _PLAIN):
        return _Columns(names["provider"], names["model"], names["day"], names["usd"], None)
    provider = next((names[name] for name in _PROVIDER if name in names), None)
    model = next((names[name] for name in _MODEL if name in names), None)
    if _FOCUS in names and _BEGINS in names and provider is not None and model is not None:
        return _Columns(provider, model, names[_BEGINS], names[_FOCUS], names.get("billingcurrency"))
    raise DetectorError(
        f"{path}: needs the columns provider, model, day and usd; or those of FOCUS: BilledCost, ChargePeriodStart, "
        "ProviderName, and one that names the model (x_Model, SkuMeter, SkuId, ResourceName or ServiceName)"
    )


def _charge(place: str, row: Mapping[str, str | None], columns: _Columns) -> Charge:
    currency = (row.get(columns.currency) or "USD").strip() if columns.currency is not None else "USD"
    if currency.upper() != "USD":
        raise DetectorError(f"{place}: {columns.currency} is {currency!r}; only USD is compared")
    provider, model = ((row.get(name) or "").strip() for name in (columns.provider, columns.model))
    return Charge(provider, model, _time(place, row, columns.day), _usd(place, row, columns.usd))


def _usd(place: str, row: Mapping[str, str | None], column: str) -> float:
    told = (row.get(column) or "").strip()
    try:
        usd = float(told)
    except ValueError:
        usd = math.nan
    if not math.isfinite(usd):
        raise DetectorError(f"{place}: {column} is {told!r}, which is no number of dollars")
    return usd


def _time(place: str, row: Mapping[str, str | None], column: str) -> float:
    told = (row.get(column) or "").strip()
    try:
        if len(told) == 10:
            day = date.fromisoformat(told)
            return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
        at = datetime.fromisoformat(told)
        return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise DetectorError(f"{place}: {column} is {told!r}, which is no day such as 2026-11-29") from error


def compare(charges: Iterable[Charge], models: Iterable[Model], began_t: float, ended_t: float) -> list[Billed]:
    """By provider and model, those that are least explained first.

    Of the charges those count that begin after `began_t` and up to `ended_t` (s UTC).
    """
    billed, metered = (defaultdict[tuple[str, str], float](float) for _ in range(2))
    for provider, model, t, usd in charges:
        if began_t < t <= ended_t:
            billed[_key(provider, model)] += usd
    for told in models:
        metered[_key(told.provider or "", told.model or "")] += told.spend_usd
    keys = sorted(billed.keys() | metered.keys(), key=lambda key: (-abs(billed[key] - metered[key]), key))
    return [Billed(*key, billed[key], metered[key], billed[key] - metered[key]) for key in keys]


def _key(provider: str, model: str) -> tuple[str, str]:
    """Names as both sides may write them: in any case, the model with or without its provider before it."""
    return provider.casefold(), model.casefold().rpartition("/")[2]
