"""The index of purses is as a dict, whatever comes and goes."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.ledger import places as module
from detector.ledger.places import Places

steps = st.lists(
    st.tuples(st.sampled_from(["set", "set", "set", "del"]), st.integers(0, 30), st.integers(0, 2**32 - 2)),
    max_size=120,
)


@given(steps)
@settings(max_examples=200)
def test_it_is_as_a_dict(steps: list[tuple[str, int, int]]) -> None:
    module._LEAST, least = 3, module._LEAST  # so that a few keys are many
    try:
        plain, index = dict[int, int](), Places()
        for what, key, slot in steps:
            key = key * (2**64 // 31)  # of all 64 bits
            if what == "set":
                plain[key] = index[key] = slot
            elif key in plain:
                del plain[key], index[key]
            assert (dict(index), len(index)) == (plain, len(plain))
        keys = [n * (2**64 // 31) for n in range(31)]
        assert index.find(np.array(keys, np.uint64)).tolist() == [plain.get(key, -1) for key in keys]
        assert [index.get(key) for key in keys] == [plain.get(key, -1) for key in keys]
        assert [key in index for key in keys] == [key in plain for key in keys]
        again = Places()
        again.fill(np.array(list(plain), np.uint64), np.array(list(plain.values()), np.int64))
        assert dict(again) == plain
    finally:
        module._LEAST = least
