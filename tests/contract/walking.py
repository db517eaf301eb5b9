"""Walks struct types and JSON Schemas: down to one form in which they compare, and to values of either."""

import datetime as dt
import json
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from msgspec import inspect

SCHEMAS = Path(__file__).parents[2] / "schemas"
YEAR_2000_S, YEAR_2100_S = 946_684_800, 4_102_444_800
BOUNDS = {
    "minimum": "ge",
    "maximum": "le",
    "minLength": "min_length",
    "maxLength": "max_length",
    "pattern": "pattern",
}
ANY = frozenset({("any",)})

calmly = settings(
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

Schema = dict[str, Any]
Form = frozenset[Any]


@cache
def schema(name: str) -> Schema:
    """The schema of a topic."""
    loaded: Schema = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


def examples(topic: str) -> list[Any]:
    """The example records of a topic."""
    lines = (SCHEMAS / "examples" / f"{topic}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@cache
def validator(name: str, definition: str = "") -> Draft202012Validator:
    """Checks against the schema of a topic, or against one definition of it."""
    whole = schema(name)
    asked = {"$defs": whole["$defs"], "$ref": f"#/$defs/{definition}"} if definition else whole
    return Draft202012Validator(asked)


def resolve(part: Schema, whole: Schema) -> Schema:
    """`part` with its reference followed; what stands beside the reference wins."""
    if "$ref" not in part:
        return part
    found: Any = whole
    for step in part["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    beside = {key: value for key, value in part.items() if key != "$ref"}
    return resolve(found, whole) | beside


def form(part: Schema, whole: Schema, bounds: bool = True) -> Form:
    """What a schema allows, as a set of alternatives; prose and defaults left out."""
    part = resolve(part, whole)
    if "enum" in part or "const" in part:
        allowed = part.get("enum", [part.get("const")])
        return frozenset(("null",) if value is None else ("value", value) for value in allowed)
    types = part.get("type")
    if types is None:
        options = part.get("anyOf")
        return ANY if options is None else frozenset().union(*(form(o, whole, bounds) for o in options))
    return frozenset(_one(t, part, whole, bounds) for t in ([types] if isinstance(types, str) else types))


def _one(name: str, part: Schema, whole: Schema, bounds: bool) -> Any:
    if name == "object":
        return ("object", fields(part, whole, bounds), frozenset(part.get("required", ())))
    if name == "array":
        return ("array", form(part.get("items", {}), whole, bounds))
    if name == "null":
        return ("null",)
    if part.get("format") == "date-time":  # the pattern says the same, to validators that do not look at formats
        return ("string", frozenset({("format", "date-time")}))
    of_type = [key for key in BOUNDS if ("ength" in key or key == "pattern") == (name == "string")]
    return (name, frozenset((key, part[key]) for key in of_type if bounds and key in part))


def fields(part: Schema, whole: Schema, bounds: bool = True) -> Form:
    """The fields of an object, each with what it allows."""
    return frozenset((name, form(p, whole, bounds)) for name, p in part.get("properties", {}).items())


def type_form(t: inspect.Type, bounds: bool = True) -> Form:
    """What a type of msgspec takes, in the same form."""
    match t:
        case inspect.UnionType():
            return frozenset().union(*(type_form(option, bounds) for option in t.types))
        case inspect.LiteralType():
            return frozenset(("value", value) for value in t.values)
        case inspect.StructType():
            required = frozenset(f.encode_name for f in t.fields if f.required)
            return frozenset({("object", struct_fields(t, bounds), required)})
        case inspect.ListType():
            return frozenset({("array", type_form(t.item_type, bounds))})
        case inspect.DictType():
            return frozenset({("object", frozenset(), frozenset())})
        case inspect.RawType() | inspect.AnyType():
            return ANY
        case inspect.NoneType():
            return frozenset({("null",)})
        case inspect.DateTimeType():
            assert t.tz
            return frozenset({("string", frozenset({("format", "date-time")}))})
    name = {
        inspect.BoolType: "boolean",
        inspect.IntType: "integer",
        inspect.FloatType: "number",
        inspect.StrType: "string",
    }[type(t)]
    told = {key: getattr(t, attribute, None) for key, attribute in BOUNDS.items() if bounds}
    return frozenset({(name, frozenset((key, value) for key, value in told.items() if value is not None))})


def struct(of: type[msgspec.Struct]) -> inspect.StructType:
    """The type of a struct, to walk."""
    found = inspect.type_info(of)
    assert isinstance(found, inspect.StructType)
    return found


def struct_fields(t: inspect.StructType, bounds: bool = True) -> Form:
    """The fields of a struct, each with what it takes."""
    return frozenset((f.encode_name, type_form(f.type, bounds)) for f in t.fields)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def _times() -> st.SearchStrategy[str]:
    zones = st.sampled_from(
        [dt.UTC, dt.timezone(dt.timedelta(hours=5, minutes=30)), dt.timezone(-dt.timedelta(hours=8))]
    )
    moments = st.datetimes(dt.datetime(2000, 1, 2), dt.datetime(2099, 12, 30), timezones=zones)
    return st.builds(
        lambda t, z: t.isoformat().replace("+00:00", z),
        moments,
        st.sampled_from(["Z", "z", "+00:00", "-00:00"]),
    )


def _text(shortest: int, longest: int | None, pattern: str | None) -> st.SearchStrategy[str]:
    if pattern is not None:
        return st.from_regex(pattern, fullmatch=True).map(lambda text: text.rstrip("\n"))
    long = st.integers(shortest, longest).map("x".__mul__) if longest else st.nothing()
    return st.text(min_size=shortest, max_size=min(longest or 12, 12)) | long


def of_struct(t: inspect.Type) -> st.SearchStrategy[Any]:
    """JSON values that a struct type takes, by walking the type; times lie within 2000 to 2100."""
    match t:
        case inspect.UnionType():
            return st.one_of([of_struct(option) for option in t.types])
        case inspect.LiteralType():
            return st.sampled_from(t.values)
        case inspect.IntType():
            return st.integers(t.ge, t.le)
        case inspect.FloatType():
            low, high = (YEAR_2000_S, YEAR_2100_S - 1) if t.ge is None else (t.ge, t.le)
            return st.floats(low, high) | st.integers(int(low or 0), int(high or 0))
        case inspect.StrType():
            return _text(t.min_length or 0, t.max_length, t.pattern)
        case inspect.ListType():
            return st.lists(of_struct(t.item_type), max_size=3)
        case inspect.StructType():
            by_need: dict[bool, dict[str, Any]] = {True: {}, False: {}}
            for f in t.fields:
                by_need[f.required][f.encode_name] = of_struct(f.type)
            return st.fixed_dictionaries(by_need[True], optional=by_need[False])
        case inspect.BoolType():
            return st.booleans()
        case inspect.NoneType():
            return st.none()
        case inspect.DateTimeType():
            return _times()
        case inspect.RawType() | inspect.AnyType():
            return json_values
    raise NotImplementedError(type(t).__name__)


def of_schema(part: Schema, whole: Schema) -> st.SearchStrategy[Any]:
    """JSON values that a schema allows, by walking the schema; times lie within 2000 to 2100."""
    part = resolve(part, whole)
    if "enum" in part or "const" in part:
        return st.sampled_from(part.get("enum", [part.get("const")]))
    types = part.get("type")
    if types is None:
        options = part.get("anyOf")
        return json_values if options is None else st.one_of([of_schema(o, whole) for o in options])
    return st.one_of([_of_type(t, part, whole) for t in ([types] if isinstance(types, str) else types)])


def _of_type(name: str, part: Schema, whole: Schema) -> st.SearchStrategy[Any]:
    low, high = part.get("minimum"), part.get("maximum")
    match name:
        case "object":
            made = {n: of_schema(p, whole) for n, p in part.get("properties", {}).items()}
            must = {n: made.pop(n) for n in part.get("required", ())}
            return st.fixed_dictionaries(must, optional=made)
        case "array":
            return st.lists(of_schema(part.get("items", {}), whole), max_size=3)
        case "string" if part.get("format") == "date-time":
            return _times()
        case "string" if part.get("format") == "uri":
            return st.just("https://example.org/page")
        case "string":
            return _text(part.get("minLength", 0), part.get("maxLength"), part.get("pattern"))
        case "integer":
            return st.integers(low, 2**53 if high is None else high)
        case "number":
            return st.floats(YEAR_2000_S if low is None else low, YEAR_2100_S - 1 if high is None else high)
        case "boolean":
            return st.booleans()
    assert name == "null", name
    return st.none()
