"""What the callback sends of events: their JSON without text."""

from collections.abc import Sequence

import msgspec

from detector.enrich.textless import without_text
from detector.errors import BadInput
from detector.model.events import Call, Event, Tool


def values(events: Sequence[Event]) -> list[bytes]:
    """Of each event. Tools with arguments that cannot be read count by their names: they shall not cost the call.

    Raises BadInput where nothing helps.
    """
    told = zip(events, without_text(events), strict=True)
    return [msgspec.json.encode(_by_name(event) if isinstance(fields, BadInput) else fields) for event, fields in told]


def _by_name(event: Event) -> object:
    if isinstance(event, Call):
        event.tools = [Tool(name=tool.name, call_id=tool.call_id) for tool in event.tools or ()]
    (fields,) = without_text([event])
    if isinstance(fields, BadInput):
        raise fields
    return fields
