"""Whether a step repeats the one before it: simple rules beside the signal `repeats`, scored against labels."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tests.bench.labelled import Run, Step

REPETITION = "Repetition"
RULES = (
    "same action, exactly",
    "ratio of the actions >= .9",
    "ratio of the actions >= .8",
    "same action, or >= .8 and same result",
    "same but for empty fields, key order",
    "that, or the same leaf values",
    "repeats",
)
"""The definitions that are scored; the last one is the detector's signal."""
REPEATS = len(RULES) - 1
F1_AIM, PRECISION_AIM = 0.76, 0.90
DRAWS, SEED, FOLDS, SPLITS = 2000, 1, 5, 20
COMPARED = 1500
"""Characters of an action that difflib compares: it is slow, and long actions are told apart by their beginning."""

Counts = npt.NDArray[np.int64]
"""Of shape (runs, rules, 3): pairs that a rule and the label call a repetition, only the rule does, only the label."""


def simple_rules(before: Step, now: Step) -> list[bool]:
    """What the rules of RULES but the last say of two adjacent steps."""
    a, b = _action(before), _action(now)
    exact = a == b
    equal = _without_empty(a) == _without_empty(b)
    leaves = _name(before) == _name(now) and sorted(_leaves(a)) == sorted(_leaves(b))
    texts = _text(a), _text(b)
    # Published figures of the first two are without difflib's shortcut for characters that are frequent in long
    # texts, those of the third with it.
    near = [alike(*texts, x, shortcut=False) for x in (0.9, 0.8)]
    same_result = exact or (before.result == now.result and alike(*texts, 0.8, shortcut=True))
    return [exact, *near, same_result, equal, equal or leaves]


def alike(a: str, b: str, at_least: float, *, shortcut: bool) -> bool:
    """Whether difflib's ratio of two texts reaches a bound; its quick upper bounds are asked first."""
    matcher = SequenceMatcher(None, a, b, autojunk=shortcut)
    return all(f() >= at_least for f in (matcher.real_quick_ratio, matcher.quick_ratio, matcher.ratio))


def _action(step: Step) -> Any:
    """Name and arguments of the tool call; without one the text of the answer."""
    tool = step.tool
    return {"name": tool.name, "arguments": tool.arguments} if tool else step.thought or ""


def _text(action: Any) -> str:
    return json.dumps(action, sort_keys=True)[:COMPARED]


def _name(step: Step) -> str | None:
    return step.tool.name if step.tool else None


def _without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        inner = {key: _without_empty(v) for key, v in value.items()}
        return {key: v for key, v in inner.items() if v not in ("", None, [], {})}
    return [_without_empty(v) for v in value] if isinstance(value, list) else value


def _leaves(value: Any) -> list[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [leaf for v in value for leaf in _leaves(v)]
    return [] if value in ("", None) else [str(value)]


def count(
    runs: Sequence[Run], repeats: Sequence[Sequence[bool]], progress: Callable[[int], None] = lambda n: None
) -> Counts:
    """Counts the pairs of runs. `repeats`: of each run, what the signal says of each step, the first one included.

    `progress` is told the number of runs done.
    """
    counts = np.zeros((len(runs), len(RULES), 3), np.int64)
    for n, (run, signal) in enumerate(zip(runs, repeats, strict=True)):
        for i, label in enumerate(run.labels or ()):
            said = np.array([*simple_rules(run.steps[i], run.steps[i + 1]), signal[i + 1]])
            is_one = label == REPETITION
            counts[n, :, 0] += said & is_one
            counts[n, :, 1] += said & (not is_one)
            counts[n, :, 2] += ~said & is_one
        progress(n + 1)
    return counts


def scores(counts: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Precision, recall and F1 (last axis) of counts (…, 3); not a number where nothing was said or is to be found."""
    hit, wrong, missed = np.moveaxis(np.asarray(counts, np.float64), -1, 0)
    with np.errstate(invalid="ignore"):
        return np.stack([hit / (hit + wrong), hit / (hit + missed), 2 * hit / (2 * hit + wrong + missed)], axis=-1)


def intervals(counts: Counts) -> npt.NDArray[np.float64]:
    """95 % intervals of the scores, shape (rules, 3, 2), by drawing runs anew; a draw without a score is left out."""
    n = len(counts)
    times = np.random.default_rng(SEED).multinomial(n, [1 / n] * n, DRAWS)
    drawn = scores((times @ counts.reshape(n, -1)).reshape(DRAWS, *counts.shape[1:]))
    bounds = np.full((*drawn.shape[1:], 2), np.nan)
    for at in np.ndindex(*drawn.shape[1:]):
        known = drawn[:, *at][~np.isnan(drawn[:, *at])]
        if len(known):
            bounds[at] = np.percentile(known, (2.5, 97.5))
    return bounds


class Held(NamedTuple):
    """Rules chosen on some runs and scored on the others."""

    f1: float  # of the chosen rules, over all runs that were held out
    chosen: Counter[str]
    repeats: list[float]  # F1 of `repeats` on each part that was held out, where it has one


def hold_out(counts: Counts, part: npt.NDArray[np.int64]) -> Held:
    """For each part of the runs (`part`: the number of each run's): the best rule by F1 of the others, scored on it.

    Of equally good rules the later one in RULES is taken.
    """
    total, chosen, repeats = np.zeros(3, np.int64), Counter[str](), []
    for p in np.unique(part):
        learnt = np.nan_to_num(scores(counts[part != p].sum(axis=0))[:, 2], nan=-1.0)
        best = len(RULES) - 1 - int(np.argmax(learnt[::-1]))
        held = counts[part == p].sum(axis=0)
        total += held[best]
        chosen[RULES[best]] += 1
        repeats.append(float(scores(held[REPEATS])[2]))
    return Held(float(scores(total)[2]), chosen, [x for x in repeats if not np.isnan(x)])


def split(agents: Sequence[str], seed: int) -> npt.NDArray[np.int64]:
    """Deals runs out to FOLDS parts by chance, those of each agent evenly."""
    chance = np.random.default_rng(seed)
    of = np.array(agents)
    order = [i for agent in sorted(set(agents)) for i in chance.permutation(np.flatnonzero(of == agent))]
    part = np.empty(len(agents), np.int64)
    part[order] = np.arange(len(agents)) % FOLDS
    return part


def figures(counts: Counts, runs: Sequence[Run]) -> dict[str, Any]:
    """All that is told of the pairs of labelled runs; an unknown figure is None."""
    agents = [run.agent for run in runs]
    of = np.array(agents)
    found: dict[str, Any] = {"all": _scored(counts, runs)}
    names = sorted(set(agents))
    found["agents"] = {
        agent: _scored(counts[of == agent], [run for run in runs if run.agent == agent]) for agent in names
    }
    if len(runs) >= FOLDS:
        found["cross_validation"] = _held([hold_out(counts, split(agents, seed)) for seed in range(SPLITS)])
    if len(names) > 1:
        held = hold_out(counts, np.array([names.index(agent) for agent in agents]))
        found["other_agents"] = {"f1": _known(held.f1), "chosen": dict(held.chosen)}
    return found


def _scored(counts: Counts, runs: Sequence[Run]) -> dict[str, Any]:
    total, bounds = counts.sum(axis=0), intervals(counts)
    rules = {
        rule: {
            name: [_known(score), *map(_known, bound)]
            for name, score, bound in zip(("precision", "recall", "f1"), scores(total[n]), bounds[n], strict=True)
        }
        for n, rule in enumerate(RULES)
    }
    labels = Counter(label for run in runs for label in run.labels or ())
    return {"runs": len(runs), "pairs": labels.total(), "repetitions": labels[REPETITION], "rules": rules}


def _held(splits: Sequence[Held]) -> dict[str, Any]:
    chosen, repeats = sum((held.chosen for held in splits), Counter[str]()), [x for h in splits for x in h.repeats]
    f1 = [held.f1 for held in splits]
    return {
        "f1": [_known(np.mean(f1)), _known(min(f1)), _known(max(f1))],
        "chosen": dict(chosen.most_common()),
        "repeats_f1": [_known(np.mean(repeats)), _known(np.std(repeats))] if repeats else [None, None],
    }


def _known(x: Any) -> float | None:
    return None if np.isnan(x) else round(float(x), 4)


def lines(pairs: Mapping[str, Any]) -> list[str]:
    """What `figures` found, as a table."""
    out = ["", "The signal `repeats`, pair by pair, against the label Repetition, beside simple rules"]
    out.append(f"(95 % interval: {DRAWS:,} draws of the runs, with return)")
    for who, found in {"all agents": pairs["all"], **pairs["agents"]}.items():
        about = f"{who}: {found['pairs']:,} pairs of {found['runs']:,} runs, {found['repetitions']:,} repetitions"
        out += ["", f"  {about:54}{'precision':22}{'recall':22}F1"]
        for rule, scores in found["rules"].items():
            cells = [f"{_part(x)} ({_part(low)} to {_part(high)})" for x, low, high in scores.values()]
            out.append(f"    {rule:52}{cells[0]:22}{cells[1]:22}{cells[2]}")
    repeats = pairs["all"]["rules"]["repeats"]
    for what, least in (("f1", F1_AIM), ("precision", PRECISION_AIM)):
        x = repeats[what][0]
        out.append(aim(f"{what} of `repeats` at least {_part(least)}", x is not None and x >= least, _part(x)))
    return out + _validated(pairs)


def _validated(pairs: Mapping[str, Any]) -> list[str]:
    out = ["", "  Cross-validation: the rule with the best F1 on the other runs, scored on those held out"]
    if found := pairs.get("cross_validation"):
        f1, low, high = map(_part, found["f1"])
        mean, sd = map(_part, found["repeats_f1"])
        out += [
            f"    {FOLDS} parts, dealt out {SPLITS} times: F1 {f1} ({low} to {high}); "
            f"chosen: {listed(found['chosen'])}",
            f"    F1 of `repeats` alone on a part that is held out: mean {mean}, standard deviation {sd}",
        ]
    if found := pairs.get("other_agents"):
        f1 = _part(found["f1"])
        out.append(f"    each agent held out in turn: F1 {f1}; chosen: {listed(found['chosen'])}")
    return out if len(out) > 2 else []


def _part(x: float | None) -> str:
    return "–" if x is None else f"{x:.2f}".removeprefix("0")


def listed(found: Mapping[str, int]) -> str:
    """Counts as words."""
    return ", ".join(f"{n:,} {what}" for what, n in found.items())


def aim(what: str, met: bool, found: str) -> str:
    """A line that says whether an aim is met."""
    return f"  aim: {what}: {'met' if met else 'not met'} ({found})"
