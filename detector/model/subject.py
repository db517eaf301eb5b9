"""What an event is about, which it has to say."""

from detector.errors import BadInput, Reason
from detector.model.events import Event, Link, Status


def require_subject(event: Event) -> None:
    """Raises BadInput where an event names neither run nor task, or is a link to nothing."""
    if isinstance(event, Link):
        if event.task is None and event.parent_run is None:
            raise BadInput(Reason.MISSING_FIELD, "task", "one of task and parent_run is required")
    elif event.run is None and event.task is None:
        field, other = ("task", "run") if isinstance(event, Status) else ("run", "task")
        raise BadInput(Reason.MISSING_FIELD, field, f"one of {field} and {other} is required")
