"""What the walk tells the rules: a row for each judged step, for many calls, and for each status."""

import numpy as np

STEP, CALLS, MOVED, FINAL, BLOAT, CLAIMED = 0, 1, 2, 3, 4, 5
"""A step was judged; a task has many calls; a medium or strong status came; an output was the last;
a context is far larger than usual, or grows with nothing new; a client says of itself that it loops."""

LARGE, GROWN = 6, 7
"""How a context is bloated."""
EXACT, NEAR, STALLED, DEGENERATE, THRASH, UNTOLD = 0, 1, 2, 3, 4, 5
"""How a step repeats: as others did; nearly as failing ones did; what was done between changed nothing; within its own
text; or it is no step, and only the context was shortened once more."""

FOUND = np.dtype(
    [
        ("kind", "u1"),
        ("how", "u1"),
        ("row", "i8"),  # index of the waiting row that it came with
        ("lane", "i4"),
        ("subject", "i4"),
        ("t", "f8"),
        ("step", "i8"),  # of a step: its number in the lane
        ("signature", "u8"),
        ("flags", "u4"),  # of the row; of a status: its strength
        ("mode", "u1"),  # what is known of a step; of a status: the category
        ("repeats", "u1"),
        ("novel", "u1"),
        ("similarity", "f4"),
        ("period", "i4"),
        ("rounds", "i4"),  # of many calls: from how many on it is more than a line on a board
        ("first_step", "i8"),  # where the rounds began
        ("first_t", "f8"),
        ("cost", "f8"),  # USD of the rounds, or of the subject since its last strong status
        ("cost_after", "f8"),  # USD of the lane, or of the subject in all, after it
        ("step_cost", "f8"),  # of a status: billed USD of the subject in the minute under way, before it
        ("tokens", "i8"),
        ("tokens_after", "i8"),
        ("calls", "i8"),
        ("calls_after", "i8"),  # of the lane, or of the subject in all
        ("compactions", "i4"),  # of the lane's context, since something was done last
        ("form", "f4"),  # of like outputs: how far what differs lies always in the same places, 0 to 1
        ("input", "i8"),  # of a bloated context: its tokens, what is usual or where it began, and what was cached of it
        ("input_before", "i8"),
        ("cached", "i8"),
        ("turns", "i8"),  # of persons, since the subject's last strong status
        ("strong_t", "f8"),  # of the subject's last strong status at that moment, 0: none
        ("medium_t", "f8"),
        ("began_t", "f8"),  # of the subject's first call
    ]
)

SCREEN = np.dtype(
    [
        ("rounds", "i8"),  # from so many rounds on a step is told
        ("near", "i8"),  # the same of near copies
        ("stalled", "i8"),  # of one failing action with others between that changed nothing
        ("compactions", "i8"),
        ("bloat_times", "f8"),  # input over the usual from which it is large
        ("bloat_calls", "i8"),  # so many in a row
        ("growth_calls", "i8"),
        ("growth_times", "f8"),
        ("bloat_usd", "f8"),
        ("update_factor", "f8"),
        ("result_wait_s", "f8"),
        ("all_steps", "u1"),  # each step is told, for signals
        ("all_calls", "u1"),  # and how many calls there are, to be explained
    ]
)
