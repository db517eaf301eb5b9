"""`loop`, recomputed slowly from the words of docs/detection.md: lists and sums, nothing bounded, nothing shared."""

from collections import defaultdict
from typing import Any

from tests.support.judged import Event

SEVERITIES = ("info", "warning", "critical")


class Step:
    """A call as the words see it."""

    def __init__(self, event: Event) -> None:
        self.t, self.turn, self.cost = event["time"], event.get("turn"), event["cost_usd"]
        self.tokens = event["usage"]["input_tokens"] + event["usage"]["output_tokens"]
        self.kind, self.same, self.action, self.failed, self.new = "", None, None, False, False
        self.outcome: Any = None
        if "tools" in event:
            (tool,) = event["tools"]
            self.action = (tool["name"], str(tool["arguments"]))
            self.failed = "error" in tool
            self.kind = "result" if "result" in tool or "error" in tool else "action"
            self.outcome = (tool.get("result"), tool.get("error")) if self.kind == "result" else None
            self.same: Any = (self.kind, self.action, self.outcome)
        elif "output" in event:
            self.kind, self.same = "output", event["output"]["text"]

    def repeats(self, other: "Step") -> bool:
        return self.same is not None and self.same == other.same and self.turn == other.turn


class Task:
    """When a task moved, and what is open of it."""

    strong = medium = 0.0


class Slow:
    """Takes events in the order of time; `done` has the episodes, as dictionaries."""

    def __init__(self) -> None:
        self._lanes: dict[Any, list[Step]] = defaultdict(list)
        self._tasks: dict[Any, Task] = defaultdict(Task)
        self._open: dict[Any, dict[str, Any]] = {}
        self.done: list[dict[str, Any]] = []

    def take(self, event: Event) -> None:
        self._end_quiet(event["time"])
        subject = (event["tenant"], event["task"] or ("run", event["run"]))
        if event.get("type") == "status":
            self._moved(subject, event)
            return
        lane = (event["tenant"], event["task"], event["run"], event["agent"])
        steps, step = self._lanes[lane], Step(event)
        known = [s.action for s in steps if s.new or s.kind == "action"]
        fresh = step.kind == "result" and step.same not in [s.same for s in steps]
        step.new = step.kind in ("result", "action") and not step.failed
        step.new = step.new and (fresh or step.action not in known)
        steps.append(step)
        self._judge(lane, subject, steps, bool(event.get("interactive")))

    def finish(self) -> None:
        self._end_quiet(float("inf"))

    def _end_quiet(self, t: float) -> None:
        for lane, e in list(self._open.items()):
            end = e["last"] + max(900.0, 3 * e["gap"])
            if t > end:
                self.done.append(self._open.pop(lane) | {"resolved": end, "by": "quiet"})

    def _moved(self, subject: Any, event: Event) -> None:
        if event["strength"] == "medium":
            self._tasks[subject].medium = event["time"]
        if event["strength"] != "strong":
            return
        self._tasks[subject].strong = event["time"]
        for lane, e in list(self._open.items()):
            if e["subject"] == subject:
                self.done.append(self._open.pop(lane) | {"resolved": event["time"], "by": "the task moved"})

    def _judge(self, lane: Any, subject: Any, steps: list[Step], interactive: bool) -> None:
        task, step, last = self._tasks[subject], steps[-1], len(steps) - 1
        begin = next((n for n, s in enumerate(steps) if s.t > task.strong), last + 1)  # a strong status starts anew
        period, rounds, first = count(steps, begin)
        needed, paging = thresholds(step, period)
        e = self._open.get(lane)
        of_its_kind = e is None or e["class"] == "repeat"
        class_, most = "repeat", "critical"
        if not step.kind:
            return
        if rounds < needed and not (e is not None and of_its_kind and step.same in e["same"]):
            rounds, first = in_vain(steps, begin)
            class_, most, of_its_kind = "no_progress", "warning", False
            if rounds < 8:
                return
        first = max(first, last - 47)
        here = rounds
        if e is None:
            gap = (step.t - steps[first].t) / max(1, last - first)
            e = {"lane": lane, "subject": subject, "opened": step.t, "begin": steps[first].t, "severity": "info"}
            e |= {"steps": steps[first:], "rounds": rounds, "same": [step.same], "gap": gap, "class": class_}
            self._open[lane] = e
        else:
            goes_on = first <= e["at"] + 1
            e["steps"] = e["steps"] + steps[e["at"] + 1 if goes_on else first :]
            e["rounds"] = max(e["rounds"], rounds) if goes_on else e["rounds"] + rounds
            e["gap"] = max(e["gap"], step.t - e["last"])
            e["class"] = max(e["class"], class_)  # "repeat" says more, and comes later in the alphabet
            e["same"] = [*e["same"], *([] if step.same in e["same"] else [step.same])][-12:]
        e["last"], e["at"] = step.t, last
        e["cost"], e["tokens"] = sum(s.cost for s in e["steps"]), sum(s.tokens for s in e["steps"])
        calls = e["calls"] = len(e["steps"])
        e["rate"] = e["cost"] * (calls - 1) / calls / max(step.t - e["begin"], 1.0) * 3600
        floor = (e["cost"] >= 1 - 1e-9 and e["rate"] >= 10) or e["cost"] >= 20 - 1e-9
        calm = task.strong <= e["begin"] and step.t - task.medium >= 3600
        counted = e["rounds"] if of_its_kind else here
        pages = floor and calm and counted >= paging and not interactive and most == "critical"
        severity = "critical" if pages else "warning" if floor or e["cost"] >= 0.1 - 1e-9 else "info"
        e["severity"] = max(e["severity"], severity, key=SEVERITIES.index)


def count(steps: list[Step], begin: int) -> tuple[int, int, int]:
    """Period (0: none), rounds, and the step where they began, of what came from step `begin` on."""
    last = len(steps) - 1
    period, rounds, first = 0, 1, last
    for p in range(1, 13):
        n = last
        while n - p >= begin and steps[n].repeats(steps[n - p]):
            n -= 1
        if last - n >= p:
            period, rounds, first = p, (last - n + p) // p, n - p + 1
            break
    if steps[last].kind == "output":
        alike, since = row_of_answers(steps, begin)
        return (1, alike, since) if alike > rounds else (period, rounds, first)
    if not steps[last].kind:
        return period, rounds, first
    found = recurrence(steps, begin)
    near = [n for n in found if last - n < 12]
    if period <= 2 and len(near) > rounds:
        rounds, first = len(near), near[-1]
    if len(found) > rounds:
        gap = int((last - found[-1]) / (len(found) - 1) + 0.5)
        if period > 2 or steps[last].kind == "action":
            rounds, first = len(found), found[-1]
        elif period == 0 and 2 < gap <= 12:
            period, rounds, first = gap, len(found), found[-1]
    return period, rounds, first


def row_of_answers(steps: list[Step], begin: int) -> tuple[int, int]:
    """How many of the last answers in a row, each as one of the twelve steps before it, are as the last; the first."""
    length, before = 0, 0
    for n in range(begin, len(steps)):
        if steps[n].kind == "output":
            known = any(steps[n].repeats(steps[m]) for m in range(max(begin, n - 12), n))
            before, length = length, (length + 1 if length and known else 1)
        elif steps[n].kind:
            length = 0
    last = len(steps) - 1
    same = [n for n in range(max(begin, last - min(12, before)), last + 1) if steps[n].repeats(steps[last])]
    return len(same), same[0]


def recurrence(steps: list[Step], begin: int) -> list[int]:
    """Where the last step came with nothing new that succeeded between, the newest first."""
    last = len(steps) - 1
    found = [last]
    for n in range(last - 1, max(begin - 1, last - 48), -1):
        if steps[n].turn != steps[last].turn:
            break
        if steps[n].same == steps[last].same:
            found.append(n)
        if steps[n].new:
            break
    return found


def in_vain(steps: list[Step], begin: int) -> tuple[int, int]:
    """How often the last step's action failed in the same way though new things succeeded between, and where first."""
    last, found, moved = len(steps) - 1, [len(steps) - 1], False
    if not steps[last].failed:
        return 0, last
    for n in range(last - 1, max(begin - 1, last - 48), -1):
        if steps[n].turn != steps[last].turn:
            break
        if steps[n].action == steps[last].action:
            if steps[n].outcome != steps[last].outcome:
                break
            found.append(n)
        elif steps[n].new:
            moved = True
    return (len(found) if moved else 0), found[-1]


def thresholds(step: Step, period: int) -> tuple[int, int]:
    """Rounds from which it is a loop, and from which it pages."""
    if step.kind == "output":
        return 6, 8
    if step.kind == "action":
        return 8, 12
    return (5, 5) if 3 <= period <= 7 else (4, 4)
