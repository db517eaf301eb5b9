"""Recorded traffic of language-model services as native events. What the recordings lack is made up, and named here.

Azure (`.csv`: TIMESTAMP, ContextTokens, GeneratedTokens) has times and tokens. Made up: who calls (200 agents of 20
teams, each row one of them by chance, with a new run and task after 30 calls), the model, and so the price; the text.

Mooncake (`.jsonl`: timestamp in ms, input_length, output_length, hash_ids) has tokens, times since some beginning,
and the prompt's blocks, by whose equal leading ids a conversation is followed: each is a run, each of its calls a
turn of the person before it. Made up: the date, teams and agents (one of 20 services), the model and price; the text.
"""

import csv
import gzip
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

START_S = 1_780_000_000.0
MODEL, PROVIDER = "gpt-4o-mini", "openai"
AGENTS, TEAMS, SERVICES, CALLS = 200, 20, 20, 30
BYTES_A_TOKEN = 4
MAX_TEXT_BYTES = 16_384
"""Longer answers are cut to this: their text is made up anyway."""
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def opened(path: Path | str) -> IO[str]:
    """A text file, gzipped or not."""
    return gzip.open(path, "rt", encoding="utf-8") if str(path).endswith(".gz") else open(path, encoding="utf-8")


class _Words:
    """Random words, from a seed: no two texts are alike."""

    def __init__(self, chance: random.Random) -> None:
        words = ["".join(chance.choices(_LETTERS, k=chance.randint(2, 9))) for _ in range(5000)]
        self._text = " ".join(chance.choices(words, k=400_000))
        self._chance = chance

    def of(self, tokens: int) -> str:
        """Text of so many tokens."""
        size = min(max(1, tokens) * BYTES_A_TOKEN, MAX_TEXT_BYTES)
        start = self._chance.randrange(len(self._text) - size)
        return self._text[start : start + size]


def azure(path: Path | str) -> Iterator[dict[str, Any]]:
    """Call events of an Azure recording."""
    chance = random.Random(1)
    words, name = _Words(chance), Path(path).name.partition(".")[0]
    calls = [0] * AGENTS
    with opened(path) as f:
        for n, row in enumerate(csv.DictReader(f)):
            agent = chance.randrange(AGENTS)
            part = calls[agent] // CALLS
            calls[agent] += 1
            # Python reads six digits of a second, the recording has seven.
            at = datetime.fromisoformat(row["TIMESTAMP"][:26]).replace(tzinfo=UTC)
            yield _call(
                f"{name}-{n}", at.timestamp(), words, int(row["ContextTokens"]), int(row["GeneratedTokens"])
            ) | {
                "team": f"team-{agent % TEAMS}",
                "agent": f"agent-{agent}",
                "run": f"run-{agent}-{part}",
                "task": f"TASK-{agent}-{part}",
            }


@dataclass
class _Conversation:
    number: int
    blocks: int = 0
    turns: int = 0


@dataclass
class _Conversations:
    """Follows conversations by the blocks of their prompts: a prompt goes on where all but the last block was known."""

    owner: dict[int, _Conversation] = field(default_factory=dict)
    begun: int = 0

    def of(self, blocks: list[int]) -> _Conversation:
        known = next((n for n in range(len(blocks), 0, -1) if blocks[n - 1] in self.owner), 0)
        found = self.owner[blocks[known - 1]] if known else None
        # The last block of a prompt is not full, and another one once the answer follows it.
        if found is None or known < max(2, found.blocks - 1):
            found = _Conversation(self.begun)
            self.begun += 1
        found.blocks, found.turns = len(blocks), found.turns + 1
        for block in blocks[1:]:  # the first one is everybody's
            self.owner[block] = found
        return found


def mooncake(path: Path | str) -> Iterator[dict[str, Any]]:
    """Call events of a Mooncake recording."""
    words, conversations = _Words(random.Random(1)), _Conversations()
    with opened(path) as f:
        for n, row in enumerate(map(json.loads, f)):
            found = conversations.of(row["hash_ids"])
            service = found.number % SERVICES
            t = START_S + row["timestamp"] / 1000
            yield _call(f"mooncake-{n}", t, words, row["input_length"], row["output_length"]) | {
                "team": f"team-{service % TEAMS}",
                "agent": f"service-{service}",
                "run": f"conversation-{found.number}",
                "turn": str(found.turns),
                "interactive": True,
            }


def _call(id: str, t: float, words: _Words, input_tokens: int, output_tokens: int) -> dict[str, Any]:
    return {
        "id": id,
        "time": t,
        "model": MODEL,
        "provider": PROVIDER,
        "usage": {"input_tokens": input_tokens, "output_tokens": output_tokens},
        "output": {"text": words.of(output_tokens)},
    }
