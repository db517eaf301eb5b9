"""How loose the compiled walk has to be, so that a rule sees all that may concern it."""

from typing import Any

import numpy as np

from detector.config import Config
from detector.state.found import SCREEN


def screen_of(config: Config, all_steps: bool, all_calls: bool) -> Any:
    """The loosest thresholds of all overrides: what a rule could fire on is told."""
    every = [config.rules, *(config.rules_for(o.tenant or "", o.team, o.agent) for o in config.overrides)]
    loops = [r.loop for r in every]
    screen = np.zeros(1, SCREEN)[0]
    screen["rounds"] = min(
        min(
            r.rounds_short, r.rounds_middle, r.rounds_long, r.rounds_no_result_warning, r.outputs_warning, r.tokens_info
        )
        for r in loops
    )  # fmt: skip
    screen["near"], screen["stalled"] = min(r.near_rounds for r in loops), min(r.no_progress_rounds for r in loops)
    if all_calls:  # to be explained: from the first copy on
        screen["near"] = screen["stalled"] = 2
    screen["compactions"] = min(min(r.thrash_info, r.thrash) for r in loops)
    bloats = [r.context_bloat for r in every]
    screen["bloat_times"], screen["bloat_calls"] = min(b.times_usual for b in bloats), min(b.calls for b in bloats)
    screen["growth_calls"] = min(b.growth_calls for b in bloats)
    screen["growth_times"], screen["bloat_usd"] = min(b.growth_times for b in bloats), min(b.info_usd for b in bloats)
    screen["update_factor"] = config.episodes.update_factor
    screen["result_wait_s"] = config.time.result_wait_s
    screen["all_steps"], screen["all_calls"] = all_steps, all_calls
    return screen
