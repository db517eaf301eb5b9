"""The status that `detector status push` sends, and which category a state is of."""

from typing import get_args

import msgspec

from detector.config.settings import States
from detector.model.events import Category, Status
from detector.sources.making import made_id

CATEGORIES: tuple[Category, ...] = get_args(Category)


def category_of(state: str, states: States) -> Category | None:
    """The category of a state in a tracker's words, whatever its letters and separators; None where none lists it."""
    said = _plain(state)
    for category in CATEGORIES:
        if said == _plain(category) or said in map(_plain, getattr(states, category)):
            return category
    return None


def _plain(state: str) -> str:
    return "".join(letter for letter in state.casefold() if letter.isalnum())


def status_id(status: Status) -> str:
    """An id that is made of all else that it says."""
    fields = msgspec.structs.asdict(status)
    return made_id("status", *(fields[name] for name in sorted(fields) if name != "id"))


def status_key(status: Status) -> bytes:
    """The key of its record: the statuses of a task stay in the order in which they are sent."""
    return msgspec.json.encode([status.tenant, status.task or status.run])
