"""What of a call's payload is handed to the child: a few kB of what may be 400, with all that is new in it."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from detector.sources.litellm_payload import Metadata, Payload
from detector.sources.litellm_talk import MAX_AFTER, MODELS_OWN, OUTPUTS
from detector.sources.told import ways
from detector.sources.usual_attributes import SEPARATOR

_ANSWER = ("choices", "output", "content")
_METADATA = "metadata"


def _plain(value: Any) -> Any:
    """Objects of LiteLLM and of providers' SDKs as dicts; of any other kind only the name."""
    dump = getattr(value, "model_dump", None)
    return dump() if callable(dump) else type(value).__name__


_encode = msgspec.json.Encoder(enc_hook=_plain).encode


class Picker:
    """Picks what the decoder reads and what these lists of attributes ask for."""

    def __init__(self, attributes: Mapping[str, Sequence[str]]) -> None:
        names = [name.partition(SEPARATOR)[0].strip() for listed in attributes.values() for name in listed]
        self._fields = {*Payload.__struct_fields__, *(key for name in names for key in ways(name))} - {_METADATA}
        within = [name.removeprefix(f"{_METADATA}.") for name in names if name.startswith(f"{_METADATA}.")]
        self._metadata = {*Metadata.__struct_fields__, *(key for name in within for key in ways(name))}

    def pick(self, payload: Mapping[str, Any]) -> bytes:
        """JSON of it; raises where not even names and numbers can be written."""
        kept = {name: payload[name] for name in self._fields if name in payload}
        metadata = payload.get(_METADATA)
        if isinstance(metadata, Mapping):
            kept[_METADATA] = {name: metadata[name] for name in self._metadata if name in metadata}
        response = payload.get("response")
        said: dict[str, Any] = {"messages": new_results(payload.get("messages"))}
        if isinstance(response, Mapping):
            said["response"] = {name: response[name] for name in _ANSWER if name in response}
        try:
            return _encode(kept | said)
        except Exception:  # half a surrogate pair, say: the call counts without what was said
            return _encode(kept)


def new_results(messages: Any) -> list[Any]:
    """The messages after the model's last answer that hold results of tools; all before were told by earlier calls."""
    found: list[Any] = []
    for message in messages[: -MAX_AFTER - 1 : -1] if isinstance(messages, list) else ():
        if not isinstance(message, Mapping):
            continue
        role, kind, content = message.get("role"), message.get("type"), message.get("content")
        if role in ("assistant", "model") or kind in MODELS_OWN:
            break
        if role == "tool" or kind in OUTPUTS:
            found.append(message)
        elif isinstance(content, list):
            blocks = [b for b in content if isinstance(b, Mapping) and b.get("type") == "tool_result"]
            if blocks:
                found.append({"role": role, "content": blocks})
    found.reverse()
    return found
