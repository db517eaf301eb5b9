"""Random but repeatable input of spend: agents work for days, then some of them burn, alone or together."""

import random

from tests.support.judged import T0, Event

HOUR_S, DAY_S = 3600.0, 86_400.0
_TEAMS = ("red", "blue", None, "")


class Spenders:
    """Events in the order in which they are told, as good as that of their times; `seed` decides everything.

    late: some statuses and some calls are told up to an hour late.
    """

    def __init__(self, seed: int, *, late: bool = False, agents: int = 7) -> None:
        self._chance, self._count, self._told = random.Random(seed), 0, dict[str, float]()
        self.events: list[Event] = []
        self._late = late
        for n in range(agents):
            self._agent(n)
        self.events.sort(key=lambda e: self._told[e["id"]])

    def _tell(self, t: float, event: Event) -> None:
        """An event of `t` seconds after T0."""
        self._count += 1
        event = {"id": f"{event.get('type', 'call')}-{self._count}", "time": T0 + t, **event}
        tardy = self._late and self._chance.random() < (0.2 if event.get("type") == "status" else 0.01)
        self._told[event["id"]] = T0 + t + (self._chance.uniform(60, HOUR_S) if tardy else 0.0)
        self.events.append(event)

    def _agent(self, n: int) -> None:
        chance = self._chance
        who: Event = {"tenant": chance.choice(("acme", "acme", "beta")), "team": chance.choice(_TEAMS)}
        who |= {"agent": chance.choice((f"agent-{n}", f"agent-{n}", "agent-0", None, ""))}
        usd, hours = chance.choice((0.5, 2.0, 5.0)), chance.choice((10, 26, 26, 26))
        for k in range(hours):
            task = f"day-{n}-{k // 9}"
            for m in range(2):
                t = -4 * DAY_S + (k // 8) * DAY_S + (k % 8) * HOUR_S + m * 1200.0 + chance.uniform(0, 900)
                self._call(t, who | {"run": f"work-{n}-{k}", "task": task}, usd / 2 * chance.uniform(0.5, 1.5))
            if k % 3 == 2:
                self._status(t + 60.0, who, task)
        self._burn(n, who, usd)

    def _call(self, t: float, who: Event, usd: float) -> None:
        self._tell(t, {
            "model": self._chance.choice(("m1", "m2")), "cost_usd": round(usd, 4), **who,
            "usage": {"input_tokens": self._chance.randint(0, 900), "output_tokens": self._chance.randint(0, 90)},
            "output": {"text": f"{self._count}"},
        })  # fmt: skip

    def _status(self, t: float, who: Event, task: str) -> None:
        strength = self._chance.choice(("weak", "medium", "strong", "strong"))
        self._tell(t, {"type": "status", "tenant": who["tenant"], "task": task, "strength": strength})

    def _burn(self, n: int, who: Event, usd: float) -> None:
        """Two hours from T0 on: on one task, on several, on none, or on none until a link tells which."""
        chance, kind = self._chance, self._chance.choice(("one", "one", "many", "none", "linked", "shared"))
        tasks = [f"burn-{n}-{k}" for k in range(chance.choice((2, 3, 12)) if kind == "many" else 1)]
        tasks = ["shared"] if kind == "shared" else tasks
        factor, gap_s = chance.choice((1.0, 8.0, 15.0, 25.0)), chance.choice((45.0, 80.0, 170.0))
        begin, linked_t = chance.choice((0.0, 600.0, 3000.0)), chance.uniform(900, 4000)
        if chance.random() < 0.2:
            who = who | {"interactive": True}
        t = begin
        while t < begin + 2 * HOUR_S:
            task = chance.choice(tasks)
            more = {"run": f"burn-{n}-{chance.randint(0, 1)}"} | ({} if kind in ("none", "linked") else {"task": task})
            self._call(t, who | more, usd * factor * gap_s / HOUR_S * chance.choice((0.0, 0.5, 1.0, 1.5, 2.0)))
            t += gap_s * chance.uniform(0.5, 1.5)
            if chance.random() < 0.02:
                self._status(t - 1.0, who, task)
        if kind == "linked":
            for k in range(2):
                self._tell(
                    linked_t, {"type": "link", "tenant": who["tenant"], "run": f"burn-{n}-{k}", "task": tasks[0]}
                )
