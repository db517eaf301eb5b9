"""What portfolio remembers of an agent, of a task (or run without one), and of an agent's last hour on a task.

Rows of fixed size, within one team: who works in two teams has an account in each.
"""

import numpy as np

MINUTES = 60
HOURS = 192
"""Clock hours of dollars: 8 days."""
DAYS = 8
HELPERS = 4
"""Agents of a task that share in its moves, the newest."""

AGENT = np.dtype(
    [
        ("key", "u8"),
        ("used", "u1"),
        ("segment", "i4"),
        ("team", "u8"),  # its key
        ("heard", "f8"),
        ("first", "f8"),  # event time of its first call
        ("hour", "i8"),  # the clock hour that is under way, since 1970
        ("hour_usd", "f8"),  # of that hour
        ("hours", "f4", (HOURS,)),  # USD by clock hour that is over
        ("day", "i8"),
        ("calls", "u4", (DAYS,)),  # by day
        ("inputs", "f4", (DAYS,)),  # input tokens
        ("moves", "u2", (DAYS,)),  # medium and strong statuses of its tasks
        ("looked", "i8"),  # the hour in which the next were made
        ("usual", "f4"),  # USD of an active hour, the last 7 days
        ("active", "i2"),  # hours of them
        ("habit", "f4"),  # USD at this time of the day
        ("dearest", "f4"),  # USD of the dearest hour
        ("week_usd", "f4"),
        ("bar", "f4"),  # factor on thresholds, of who was often wrongly paged; 0 is as 1
        ("bar_t", "f8"),
        ("paged_t", "f8"),  # of the last page, 0: none, or it is decided who was right
    ]
)

TASK = np.dtype(
    [
        ("key", "u8"),
        ("used", "u1"),
        ("segment", "i4"),
        ("team", "u8"),
        ("has_task", "u1"),
        ("ended", "u1"),
        ("interactive", "u1"),  # its newest calls had a person before them
        ("heard", "f8"),
        ("first", "f8"),
        ("strong", "f8"),  # event time of its last strong status, 0: none yet
        ("medium", "f8"),
        ("since_usd", "f8"),  # since the last strong status
        ("still_usd", "f8"),  # since the last medium or strong one
        ("usd", "f8"),  # in all
        ("calls", "i8"),
        ("tokens", "i8"),
        ("held", "i8"),  # the minute since which it is dear and still; 0: it is not
        ("looked", "i8"),  # the minute in which that was seen last
        ("helpers", "u8", (HELPERS,)),  # keys of agents
    ]
)

PAIR = np.dtype(
    [
        ("key", "u8"),
        ("used", "u1"),
        ("segment", "i4"),
        ("heard", "f8"),
        ("agent_key", "u8"),
        ("task_key", "u8"),
        ("agent", "i4"),  # slots
        ("task", "i4"),
        ("minute", "i8"),  # the newest, since 1970
        ("minutes", "f4", (MINUTES,)),  # USD by minute
        ("minute_calls", "u4", (MINUTES,)),
        ("minute_tokens", "f4", (MINUTES,)),
    ]
)

VERSION = 4
"""Of all of the above, and of the ledger's rows: a checkpoint of another version is refused."""
