"""The observations of a batch on their way out: their texts are sketched together, their rows packed by partition."""

import numpy as np

from detector.enrich.sketch import WORDS, sketch_many
from detector.model import packed as pk


class Sketches:
    """Texts of a batch, sketched together; each is known by its number until then."""

    def __init__(self) -> None:
        self._texts: list[bytes] = []
        self._keep_digits: list[bool] = []
        self._given: dict[int, tuple[int, bytes]] = {}

    def add(self, text: bytes, keep_digits: bool) -> int:
        """The number that a text's sketch will have."""
        self._texts.append(text)
        self._keep_digits.append(keep_digits)
        return len(self._texts) - 1

    def give(self, level: int, bitmap: bytes) -> int:
        """The number of a sketch that the producer made."""
        self._texts.append(b"")
        self._keep_digits.append(False)
        self._given[len(self._texts) - 1] = (level, bitmap)
        return len(self._texts) - 1

    def make(self) -> tuple[np.ndarray, np.ndarray]:
        """Words (n × 16) and levels (n) of all texts so far; then starts anew."""
        n = len(self._texts)
        words, levels = np.zeros((n, WORDS), np.uint64), np.zeros(n, np.uint8)
        if n:
            ends = np.cumsum([len(t) for t in self._texts])
            sketch_many(
                np.frombuffer(b"".join(self._texts), np.uint8),
                ends,
                np.array(self._keep_digits),
                words,
                levels,
            )
        for i, (level, bitmap) in self._given.items():
            words[i], levels[i] = np.frombuffer(bitmap, "<u8"), level
        self._texts, self._keep_digits, self._given = [], [], {}
        return words, levels


class Pack:
    """The observations of one partition that wait to be sent."""

    def __init__(self) -> None:
        self.rows: list[bytes] = []
        self.ids: list[str] = []
        self.names: list[str] = []
        self.idents: dict[pk.Ident, int] = {}
        self.sketches: list[int] = []
        self.waits: list[bytes] = []

    def sketch(self, number: int) -> int:
        """This pack's index of a sketch of the batch."""
        self.sketches.append(number)
        return len(self.sketches) - 1

    def encode(self, marks: dict[int, float], words: np.ndarray, levels: np.ndarray) -> bytes:
        """The packed record's bytes; `words` and `levels` are those of the whole batch."""
        mine = self.sketches
        return pk.encode_packed(
            pk.Packed(
                format=pk.FORMAT,
                marks=marks,
                idents=list(self.idents),
                ids=self.ids,
                names=self.names,
                rows=b"".join(self.rows),
                words=words[mine].tobytes() if mine else b"",
                levels=levels[mine].tobytes() if mine else b"",
                waits=b"".join(self.waits),
            )
        )
