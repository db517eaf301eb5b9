"""What the ledger remembers: a task's purse, and sums of who spent on it in an hour or a day."""

import numpy as np

CELL = np.dtype(
    [
        ("purse", "u4"),  # slots
        ("who", "u4"),
        ("hour", "u4"),  # since 1970; of a day that is over for long its first hour stands for all of it
        ("calls", "u4"),
        ("unpriced", "u4"),
        ("unmetered", "u4"),
        ("runs", "u4"),  # heard of for the first time
        ("input", "u4"),
        ("cached", "u4"),
        ("written", "u4"),
        ("out", "u4"),
        ("reasoning", "u4"),
        ("usd", "f8"),
        ("flagged_usd", "f8"),
    ]
)
"""64 B. What does not fit into a sum of 32 bits is in another row of the same purse, who and hour."""
COUNTS = ("calls", "unpriced", "unmetered", "runs", "input", "cached", "written", "out", "reasoning")

PURSE = np.dtype(
    [
        ("key", "u8"),  # hash of the task, or of a run without one
        ("tenant", "u4"),  # slot of its name
        ("has_task", "u1"),
        ("turns", "u4"),  # of persons, up to its newest strong status
        ("heard", "f8"),  # of its newest call or status, s UTC
        ("first_t", "f8"),  # of its first call, and of the first that told tokens; 0: none
        ("metered_t", "f8"),
        ("usd", "f8"),  # billed in all
    ]
)

RESUMED = np.dtype([("purse", "u4"), ("who", "u4"), ("hour", "u4"), ("before", "u4")])
"""A run that went on in an `hour` (since 1970), and had called before in that one last; of old days as for cells."""

MINUTE = np.dtype([("cell", "u4"), ("minute", "u4"), ("usd", "f8"), ("flagged_usd", "f8")])
"""What a cell was billed in a minute (since 1970) of the last hours, and what of it lies within a spike of spend."""

LINK = np.dtype([("run", "u8"), ("task", "u8"), ("t", "f8")])
"""A run that works on a task, by their keys."""

TAKEN = np.dtype([("deliverable", "u8"), ("t", "f8"), ("reverted", "u1"), ("churned", "f4")])
"""A deliverable of which it was told at `t` that it was taken back, or how much of it was rewritten."""

REDUNDANT_RUN = np.dtype([("purse", "u4"), ("who", "u4"), ("hour", "u4"), ("runs", "u4"), ("usd", "f8")])
"""What runs cost whose final answer of an `hour` (since 1970) an earlier run of their task had given."""

WHO = np.dtype([("used", "u1")])
"""Names have no figures."""
