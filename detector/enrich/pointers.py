"""Arrays without their bookkeeping, for loops that would otherwise count references some hundred times a text.

Within compiled functions only. A pointer does not keep its array alive: use the array once more after the pointer's
last use. No offset is checked, and negative ones are not counted from the end.
"""

from typing import Any

import numpy as np

from detector.enrich.compiled import INTERPRETED

if not INTERPRETED:
    from numba import types
    from numba.core import cgutils
    from numba.extending import intrinsic


def _pointer(_: Any, array: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return cgutils.create_struct_proxy(signature.args[0])(context, builder, value=args[0]).data

    return types.CPointer(array.dtype)(array), code


def _place(context: Any, builder: Any, bytes_: Any, offset: Any) -> Any:
    eight_bytes = context.get_value_type(types.uint64).as_pointer()
    return builder.bitcast(builder.gep(bytes_, [offset]), eight_bytes)


def _eight(_: Any, bytes_: Any, offset: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(_place(context, builder, *args), align=1)

    return types.uint64(bytes_, types.intp), code


def _put_eight(_: Any, bytes_: Any, offset: Any, value: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[2], _place(context, builder, *args[:2]), align=1)
        return context.get_dummy_value()

    return types.void(bytes_, types.intp, types.uint64), code


def _zeros_below(_: Any, value: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], cgutils.false_bit)

    return types.int64(types.uint64), code


def packed(text: bytes) -> np.uint64:
    """What `eight` reads where these bytes stand, with zeros for those that are missing."""
    return np.uint64(int.from_bytes(text, "little"))


def _plain_pointer(array: Any) -> Any:
    return memoryview(array.reshape(-1))  # what is read of it are Python's own numbers


def _plain_eight(bytes_: Any, offset: Any) -> Any:
    return np.uint64(int.from_bytes(bytes_[offset : offset + 8], "little"))


def _plain_put_eight(bytes_: Any, offset: Any, value: Any) -> None:
    bytes_[offset : offset + 8] = int(value).to_bytes(8, "little")


def _plain_zeros_below(value: Any) -> int:
    lowest = int(value) & -int(value)
    return lowest.bit_length() - 1 if lowest else 64


if INTERPRETED:
    pointer, eight, put_eight, zeros_below = _plain_pointer, _plain_eight, _plain_put_eight, _plain_zeros_below
else:
    pointer = intrinsic(_pointer)  # pointer(array): to its first element; elements are read and written by offset
    eight = intrinsic(_eight)  # eight(bytes, offset): the eight bytes there as a u64, the first one lowest
    put_eight = intrinsic(_put_eight)  # put_eight(bytes, offset, u64)
    zeros_below = intrinsic(_zeros_below)  # zeros_below(u64): how many zero bits lie below its lowest one; 64 for none
