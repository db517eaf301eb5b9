"""The keys that exist: walks the models, so that errors can name the nearest one and hide secrets."""

import difflib
from collections.abc import Iterator, Sequence
from typing import get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from detector.config.model import Config

Path = Sequence[str | int]
"""Keys from the outside in; numbers are places in a list."""


def table(info: FieldInfo) -> type[BaseModel] | None:
    """The model that a field holds, alone or in a list; None for a plain value."""
    found = info.annotation
    if get_origin(found) is list:
        (found,) = get_args(found)
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a table by the names that they have in a file."""
    return {info.alias or name: info for name, info in model.model_fields.items()}


def field_at(path: Path, root: type[BaseModel] = Config) -> FieldInfo | None:
    """The field that a path leads to, None where there is none."""
    model: type[BaseModel] | None = root
    info = None
    for key in (key for key in path if isinstance(key, str)):
        info = fields(model).get(key) if model is not None else None
        if info is None:
            return None
        model = table(info)
    return info


def is_list(info: FieldInfo) -> bool:
    """Whether a field holds several values."""
    return get_origin(info.annotation) is list


def is_secret(info: FieldInfo) -> bool:
    """Whether a field's value must not be shown."""
    return SecretStr in (info.annotation, *get_args(info.annotation))


def leaves(model: type[BaseModel] = Config, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every key that is no table."""
    for name, info in fields(model).items():
        inner = table(info)
        if inner is None or is_list(info):
            yield (*above, name)
        if inner is not None and not is_list(info):
            yield from leaves(inner, (*above, name))


def dotted(path: Path) -> str:
    """As people write it: overrides[0].rules.loop."""
    told = ""
    for key in path:
        told += f"[{key}]" if isinstance(key, int) else f".{key}" if told else key
    return told


def nearest(path: Path, root: type[BaseModel] = Config) -> str | None:
    """The known key that an unknown one most likely means: a neighbour, else the like anywhere."""
    *above, last = path
    info = field_at(above, root)
    model = root if not above else table(info) if info is not None else None
    neighbours = difflib.get_close_matches(str(last), fields(model) if model else (), n=1)
    if neighbours:
        return dotted([*above, neighbours[0]])
    everywhere = {".".join(leaf): leaf for leaf in leaves(root)}
    same_name = [name for name, leaf in everywhere.items() if leaf[-1] == last]
    if same_name:
        return same_name[0]
    found = difflib.get_close_matches(dotted(path), everywhere, n=1)
    return found[0] if found else None
