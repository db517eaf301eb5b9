"""What a provider's decoder makes events with: statuses of tasks, and links."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeVar

import msgspec

from detector.config.settings import States
from detector.config.webhooks import Webhooks
from detector.errors import BadInput, Reason
from detector.model.events import MAX_NAME, Category, Link, Status
from detector.sources.making import made_id
from detector.sources.native import refusal
from detector.sources.pushing import category_of
from detector.sources.times import moment
from detector.webhooks.tasks import Finder

Told = Status | Link | BadInput
Actor = Literal["human", "agent", "system"]
T = TypeVar("T")


class Teller:
    """Makes the events of one provider's deliveries, for one tenant."""

    def __init__(self, source: str, tenant: str, settings: Webhooks, states: States) -> None:
        self.source, self.tenant, self.settings = source, tenant, settings
        self.find = Finder(settings.task_pattern, settings.issue_name)
        self._states = states
        self._agents = frozenset(name.casefold() for name in settings.agents)
        self._production = frozenset(name.casefold() for name in settings.production)

    def statuses(
        self,
        tasks: Iterable[str],
        t: float,
        strength: Literal["strong", "medium", "weak"],
        what: tuple[object, ...],
        to: str | None,
        *,
        before: str | None = None,
        category: Category | None = None,
        actor: Actor | None = None,
        deliverable: str | None = None,
        reverts: str | None = None,
    ) -> list[Told]:
        """A status of each task. `what` tells this change from every other, the same each time that it is told."""
        said = {
            "time": t, "strength": strength, "tenant": self.tenant, "from": _short(before), "to": _short(to),
            "category": category, "actor": actor, "source": self.source, "deliverable": _whole(deliverable),
            "reverts": _whole(reverts),
        }  # fmt: skip
        return [_made(Status, {**said, "task": task, "id": made_id(self.source, task, *what)}) for task in tasks]

    def links(self, runs: Iterable[str], tasks: list[str], t: float, what: tuple[object, ...]) -> list[Told]:
        """A link of each run to the first of the tasks: a run is of one."""
        return [
            _made(
                Link,
                {
                    "id": made_id("link", self.source, run, tasks[0], *what),
                    "time": t,
                    "run": run,
                    "task": tasks[0],
                    "tenant": self.tenant,
                    "source": self.source,
                },
            )
            for run in runs
            if tasks
        ]

    def category(self, *states: str | None) -> Category | None:
        """The category of the first of these states that [statuses.states] lists."""
        found = (category_of(state, self._states) for state in states if state)
        return next((one for one in found if one is not None), None)

    def actor(self, *names: str | None, human: bool) -> Actor:
        """Whose doing it was, by any of its names; `human`: what an account is that is no known agent's."""
        if any(name and name.casefold() in self._agents for name in names):
            return "agent"
        return "human" if human else "system"

    def produces(self, environment: str | None) -> bool:
        """Whether an environment is one that users see."""
        return (environment or "").casefold() in self._production

    def branch_runs(self, branch: str, repository: str) -> list[str]:
        """The run that is named after a branch, where runs are."""
        name = self.settings.branch_run
        return [name.replace("{repository}", repository).replace("{branch}", branch)] if name and branch else []


def _made(kind: type[Status] | type[Link], said: Mapping[str, Any]) -> Told:
    try:
        return msgspec.convert(said, kind)
    except msgspec.ValidationError as fault:
        return refusal(fault)


def _short(name: str | None) -> str | None:
    return None if name is None else name[:MAX_NAME]


def _whole(name: str | None) -> str | None:
    """An address, None where it is too long: half of one is none."""
    return name if name and len(name) <= MAX_NAME else None


def at(field: str, *told: str | float | None) -> float:
    """The first of these times that is told, as s UTC: RFC 3339, GitLab's `2026-11-20 09:14:03 UTC`, or s since 1970.

    Raises BadInput where there is none, or it cannot be read.
    """
    for value in told:
        if value is None or value == "":
            continue
        if isinstance(value, int | float):
            return float(value)
        time = moment(value.replace(" UTC", "+00:00"))
        if time is not None:
            return time
        raise BadInput(Reason.OUT_OF_RANGE, field, "cannot be read as a time")
    raise BadInput(Reason.MISSING_FIELD, field, "is required")


def there(part: T | None, name: str) -> T:
    """A part of a body that its kind must have; raises BadInput where it does not."""
    if part is None:
        raise BadInput(Reason.MISSING_FIELD, name, "is required")
    return part
