"""Made-up prose for tests: words from syllables, so that nobody's text is needed."""

import random

_SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "el", "or", "im", "ut")]


def words(n: int, seed: int = 0) -> list[str]:
    """`n` words of two or three syllables."""
    chance = random.Random(seed)
    return ["".join(chance.choices(_SYLLABLES, k=chance.choice((2, 2, 3)))) for _ in range(n)]


def varied(text: list[str], share: float, seed: int) -> list[str]:
    """The same words, but for a share of them that is changed."""
    chance = random.Random(seed)
    other = words(len(text), seed + 1_000_003)
    return [b if chance.random() < share else a for a, b in zip(text, other, strict=True)]
