"""One way to refuse bytes that cannot be read: msgspec's own error, whatever is wrong with them."""

from typing import Annotated, Any, Protocol, TypeVar

import msgspec

Hash = Annotated[int, msgspec.Meta(ge=0)]
"""64 bits without a sign: what MessagePack has beyond is not read."""
LARGEST = 1e15
"""No time (s) and no sum (USD) is beyond this."""

T_co = TypeVar("T_co", covariant=True)


class Decoder(Protocol[T_co]):
    """A decoder of JSON or MessagePack."""

    def decode(self, buf: bytes, /) -> T_co:
        """The value."""


def decoded(decoder: Decoder[T_co], value: bytes) -> T_co:
    """The value of these bytes; raises msgspec.DecodeError (of another type of value: its ValidationError).

    msgspec by itself tells nesting that is too deep and bytes that are not UTF-8 as errors of Python.
    """
    try:
        return decoder.decode(value)
    except RecursionError:
        raise msgspec.DecodeError("nested too deeply") from None
    except UnicodeDecodeError:
        raise msgspec.DecodeError("holds text that is not UTF-8") from None


def require(what: Any, told: str) -> None:
    """Raises msgspec.DecodeError where a record that could be read contradicts itself."""
    if not what:
        raise msgspec.DecodeError(told)
