"""What is remembered of a lane (one agent in a run), of a subject (task, or run without one), and of a minute's spend.

Each is a row of fixed size in a numpy table, so that compiled loops can work on it and a checkpoint is a copy.
"""

import numpy as np

from detector.config import MAX_METERS
from detector.model.packed import MAX_WAITS

HISTORY = 48
"""Steps of which a lane keeps time, money and signature: four rounds of a cycle of twelve."""
RECENT = 13
"""Steps of which it keeps the sketch too: the newest and the twelve before it."""
LAGS = 12
"""The longest cycle that is recognised, in steps."""
SEEN = 128
"""Signatures, and actions that succeeded, that a lane remembers to know what is new."""
MINUTES = 60
"""Minutes of calls and dollars that a subject keeps: what was spent after a status that is told late."""

STEP = np.dtype(
    [
        ("signature", "u8"),  # action with result, or action alone, or output; 0: nothing to compare
        ("t", "f8"),  # s UTC
        ("cost_before", "f8"),  # USD of the lane before this step
        ("tokens_before", "i8"),
        ("action", "u8"),
        ("turn", "u4"),
        ("outcome", "u4"),  # what came back, whatever was asked, its figures included
        ("calls_before", "u4"),
        ("flags", "u4"),
        ("mode", "u1"),  # see MODE_…
        ("novel", "u1"),  # an action or a result not seen before, and it succeeded
    ]
)
"""Fingerprints that are only compared within a run have 32 bits: two of them are the same by chance once in 10⁹."""
MODE_NONE, MODE_TOKENS, MODE_OUTPUT, MODE_ACTION, MODE_RESULT = 0, 1, 2, 3, 4
"""What is known of a step: nothing, its token counts, its output, its action, its action and what came back."""

SKETCH = np.dtype([("words", "u8", (16,)), ("ones", "i4"), ("level", "u1")])

LANE = np.dtype(
    [
        ("key", "u8"),
        ("subject_key", "u8"),
        ("used", "u1"),
        ("open", "u1"),  # its newest step waits for results
        ("missing", "u1"),
        ("watched", "u1"),  # every step is told to the rules
        ("run_key", "u8"),  # of its run within its subject
        ("hour", "u4"),  # the newest hour (since 1970) with a call of it; 0: none yet
        ("segment", "i4"),
        ("alike", "f4"),  # outputs of this similarity are alike
        ("near", "f4"),  # actions of this similarity are near copies
        ("final_s", "f4"),  # idle for so long: its last output was the final one
        ("window", "i4"),  # steps in which the rounds of a short period lie
        ("info_calls", "i4"),  # calls of its task at which rules are told, as configured for this agent
        ("warning_calls", "i4"),  # the same, and as tasks of its type usually take; 0 before its first call is judged
        ("steps", "i8"),  # how many steps it has had
        ("streak", "i4"),  # outputs in a row, each alike to one before it
        ("heard", "f8"),  # s UTC: event time of its newest observation, or the watermark where that came late
        ("newest_t", "f8"),  # event time of its newest call that has come, s UTC
        ("late_s", "f8"),  # by how much the watermark had passed that when it came: so far back is this lane's clock
        ("cost", "f8"),  # USD in all
        ("tokens", "i8"),
        ("calls", "i8"),  # in all, those that are no steps too
        ("input", "i8"),  # input tokens of its newest step
        ("usual_input", "f4"),  # mean input tokens of a call of its agent, 0: not known
        ("large", "i4"),  # calls in a row of far more than that
        ("large_usd", "f8"),  # what they cost above it
        ("large_t", "f8"),  # of the first of them
        ("grown", "i4"),  # calls in a row whose input grew, little of it cached, with nothing new done
        ("grown_from", "i8"),  # input tokens where that began
        ("grown_usd", "f8"),
        ("grown_t", "f8"),
        ("bloat_told_usd", "f8"),
        ("said", "u8"),  # what its newest step's action says, in any order of words
        ("said_before", "u8"),  # the same of the step before it
        ("compactions", "i4"),  # since something was done last
        ("compacted_t", "f8"),  # time of the first of these, s UTC
        ("compacted_cost", "f8"),  # USD of the lane before it
        ("compacted_tokens", "i8"),
        ("compacted_calls", "i8"),
        ("compacted_step", "i8"),  # number of the step that came next
        ("step_cost", "f8"),  # USD of its newest step's own call
        ("apart_cost", "f8"),  # USD of the calls since its newest step whose tools are told apart
        ("apart_tokens", "i8"),
        ("apart_calls", "i8"),
        ("matches", "i4", (LAGS + 1,)),  # by lag: steps in a row that equal the one that many steps before
        ("seen_count", "i8"),
        ("wait_key", "u8", (MAX_WAITS,)),
        ("wait_tool", "u8", (MAX_WAITS,)),
        ("waiting", "i4"),
        ("pending", "u8"),  # sum of the results that the open step has so far, tied to their tools
        ("last_t", "f8"),  # event time of its newest call, s UTC
        ("final_t", "f8"),  # event time of its last output that is not filed as final yet, s UTC; 0: none
        ("final", SKETCH),
        ("seen", "u4", (SEEN,)),
        ("history", STEP, (HISTORY,)),
        ("sketches", SKETCH, (RECENT,)),
    ]
)
HEAD_BYTES = LANE.itemsize - sum(LANE[ring].itemsize for ring in ("seen", "history", "sketches"))
"""Of a lane's row all that is no ring; a checkpoint tells of the rings only what is new in them."""

SUBJECT = np.dtype(
    [
        ("key", "u8"),
        ("used", "u1"),
        ("ended", "u1"),
        ("has_task", "u1"),
        ("segment", "i4"),
        ("heard", "f8"),  # as of lanes
        ("newest_t", "f8"),  # event time of its newest observation, s UTC
        ("first", "f8"),  # event time of its first call
        ("strong", "f8"),  # event time of its last strong status, 0: none yet
        ("medium", "f8"),
        ("calls", "i8"),  # since the last strong status
        ("tokens", "i8"),
        ("cost", "f8"),
        ("total_cost", "f8"),
        ("total_calls", "i8"),
        ("total_tokens", "i8"),
        ("turns", "i8"),  # of persons, since the last strong status
        ("longest", "i8"),  # the most calls that it had between two strong statuses
        ("told", "u1"),  # of many calls since the last strong status: 1 at info_calls, 2 at warning_calls
        ("look_at_usd", "f8"),  # then of dollars, each time they have grown by a factor; 0: never
        ("minute", "i8"),  # the newest minute in `minutes`, since 1970
        ("minutes", "f8", (MINUTES,)),  # USD by minute, the last hour
        ("minute_calls", "u2", (MINUTES,)),
        ("billed_minute", "i8"),  # in which its newest call was judged that somebody bills
        ("billed_usd", "f8"),  # of the calls that were judged in that minute
    ]
)

TELLING = np.dtype(
    [
        ("key", "u8"),
        ("used", "u1"),
        ("segment", "i4"),
        ("heard", "f8"),  # as of lanes
        ("first", "f8", (MAX_METERS,)),  # by source, in the order of `identity.meters`: time of its first call, s UTC
        ("counted_t", "f8", (MAX_METERS,)),  # of its newest call that was counted; 0: none
        ("counted", "i8", (MAX_METERS,)),  # how many were
        ("told_again", "i8", (MAX_METERS,)),  # of its calls those that a later source had counted before
        ("tools", "u1", (MAX_METERS,)),  # how well it tells of tools, see TOOLS_…
    ]
)
"""Which sources tell of a run of a subject. `first` is 0 of those that do not."""
TOOLS_NONE, TOOLS_NAMES, TOOLS_ACTIONS, TOOLS_RESULTS = 0, 1, 2, 3

CELL = np.dtype(
    [
        ("key", "u8"),
        ("used", "u1"),
        ("segment", "i4"),
        ("heard", "f8"),
        ("subject", "i4"),  # slot of the subject
        ("old", "u1"),  # of calls from before the hour that is looked at: see cells.OLD_S
        ("calls", "i8"),
        ("runs", "i8"),  # heard of for the first time
        ("failed", "i8"),
        ("unpriced", "i8"),
        ("unmetered", "i8"),
        ("interactive", "i8"),
        ("input", "i8"),
        ("cached", "i8"),
        ("written", "i8"),
        ("out", "i8"),
        ("reasoning", "i8"),
        ("usd", "f8"),
        ("notional_usd", "f8"),  # of it what nobody bills
        ("flagged_usd", "f8"),  # of its subject within episodes, up to now
        ("first_t", "f8"),  # of its first and last call, s UTC
        ("t", "f8"),
        ("metered_t", "f8"),  # of the first that tells tokens, 0: none
    ]
)
"""What one identity has spent in the minute that is under way; gone once the minute is told."""

VERSION = 8
"""Of all of the above: a checkpoint of another version is refused."""
