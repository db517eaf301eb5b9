"""The observations of a batch on their way out: their texts are read together, their rows packed by partition."""

import struct
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detector.enrich.degenerate import degenerate_many
from detector.enrich.short import WAIT_BYTES, flags_of
from detector.enrich.sketch import WORDS, sketch_many
from detector.enrich.volatile import fingerprint_many
from detector.enrich.volatile_says import FAILED, RATE_LIMITED
from detector.model import packed as pk
from detector.model.events import Answered

_MIX = np.uint64(0x9E3779B97F4A7C15)
LITTLE = 24
"""Characters of an output that says too little to wake anybody over it."""
_LITTLE_BYTES = 400
"""A result that says that something failed, and is no longer than this, says nothing else."""

_SAYS = {
    "failed": pk.SAYS_FAILED,
    "only_failed": pk.SAYS_ONLY_FAILED,
    "waiting": pk.SAYS_WAIT,
    "other": pk.SAYS_OTHER,
    "rate_limited": pk.RATE_LIMITED,
}

RESULT = np.dtype([("row", "<u4"), ("text", "<u4"), ("tool", "<u8"), ("failed", "u1")])
"""A result whose text waits to be read: its row, the text's number, the action it answers (0: known by watch)."""
pack_result = struct.Struct("<IIQB").pack


class Read(NamedTuple):
    """What was read of the texts of a batch.

    Of those to be sketched (n): words (n × 16), levels, whether it repeats itself. Of those to be fingerprinted (m):
    fingerprints without volatile parts and figures (loose), and with the figures (strict), flags of a row by what the
    text says.
    """

    words: npt.NDArray[np.uint64]
    levels: npt.NDArray[np.uint8]
    degenerate: npt.NDArray[np.uint8]
    loose: npt.NDArray[np.uint64]
    strict: npt.NDArray[np.uint64]
    flags: npt.NDArray[np.uint32]


class Texts:
    """Texts of a batch, read together; each is known by its number until then."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self._sketched: list[bytes] = []
        self._keep_digits: list[bool] = []
        self._given: dict[int, tuple[int, bytes]] = {}
        self._fingerprinted: list[bytes] = []
        self._known: dict[int, tuple[int, int, int]] = {}

    def sketch(self, text: bytes, keep_digits: bool) -> int:
        """The number that a text's sketch will have."""
        self._sketched.append(text)
        self._keep_digits.append(keep_digits)
        return len(self._sketched) - 1

    def give(self, level: int, bitmap: bytes) -> int:
        """The number of a sketch that the producer made."""
        number = self.sketch(b"", False)
        self._given[number] = (level, bitmap)
        return number

    def fingerprint(self, text: bytes) -> int:
        """The number that a text's fingerprints will have."""
        self._fingerprinted.append(text)
        return len(self._fingerprinted) - 1

    def answer(self, body: bytes | Answered) -> int:
        """The number of a result's fingerprints, of its text or as the producer made them."""
        if isinstance(body, bytes):
            return self.fingerprint(body)
        number = self.fingerprint(b"")
        flags = sum({_SAYS[word] for word in body.says or ("other",)})
        self._known[number] = (int(body.fingerprint, 16), int(body.figures, 16), flags)
        return number

    def read(self) -> Read:
        """Reads all texts so far; then starts anew."""
        n, m = len(self._sketched), len(self._fingerprinted)
        read = Read(
            np.zeros((n, WORDS), np.uint64), np.zeros(n, np.uint8), np.zeros(n, np.uint8),
            np.zeros(m, np.uint64), np.zeros(m, np.uint64), np.zeros(m, np.uint32),
        )  # fmt: skip
        if n:
            texts, ends = _joined(self._sketched)
            keep_digits = np.array(self._keep_digits)
            sketch_many(texts, ends, keep_digits, read.words, read.levels)
            degenerate_many(texts, ends, ~keep_digits, read.words, read.degenerate)
        for i, (level, bitmap) in self._given.items():
            read.words[i], read.levels[i] = np.frombuffer(bitmap, "<u8"), level
        if m:
            texts, ends = _joined(self._fingerprinted)
            says = np.zeros(m, np.uint8)
            fingerprint_many(texts, ends, read.loose, read.strict, says)
            read.flags[:] = pk.SAYS_OTHER
            sizes = np.diff(ends, prepend=0)
            for i in np.flatnonzero((says != 0) | (sizes <= WAIT_BYTES)).tolist():
                said = int(says[i])
                read.flags[i] = flags_of(self._fingerprinted[i], bool(said & FAILED), bool(said & RATE_LIMITED))
            only = (sizes <= _LITTLE_BYTES) & (read.flags & pk.SAYS_FAILED != 0)
            read.flags[only] |= np.uint32(pk.SAYS_ONLY_FAILED)
        for i, (loose, strict, said) in self._known.items():
            read.loose[i], read.strict[i], read.flags[i] = loose, strict, said
        self._start()
        return read


def said_by(flags: int) -> list[str]:
    """What an `Answered` tells of a result with these flags."""
    return [word for word, flag in _SAYS.items() if flags & flag]


def _joined(texts: list[bytes]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """All texts one after the other, and where each ends."""
    return np.frombuffer(b"".join(texts), np.uint8), np.cumsum([len(t) for t in texts])


class Pack:
    """The observations of one partition that wait to be sent."""

    def __init__(self) -> None:
        self.rows: list[bytes] = []
        self.ids: list[str] = []
        self.names: list[str] = []
        self.idents: dict[pk.Ident, int] = {}
        self.sketches: list[int] = []
        self.waits: list[bytes] = []
        self._results: list[bytes] = []
        self._outputs: list[tuple[int, int, int]] = []

    def sketch(self, number: int) -> int:
        """This pack's index of a sketch of the batch."""
        self.sketches.append(number)
        return len(self.sketches) - 1

    def result(self, text: int, tool: int, failed: bool) -> None:
        """The row that comes next has a result: the number of its text, the action it answers, whether it failed."""
        self._results.append(pack_result(len(self.rows), text, tool, failed))

    def output(self, text: int, sketch: int) -> None:
        """The row that comes next has an output: the numbers of its text to be fingerprinted, and to be sketched."""
        self._outputs.append((len(self.rows), text, sketch))

    def encode(self, marks: dict[int, float], read: Read) -> bytes:
        """The packed record's bytes; `read` is of the texts of the whole batch."""
        mine = self.sketches
        rows = np.frombuffer(bytearray(b"".join(self.rows)), pk.ROW)
        if self._results:
            self._put_results(rows, read)
        for row, text, sketch in self._outputs:
            rows["output"][row] = read.loose[text]
            if read.degenerate[sketch]:
                rows["flags"][row] |= np.uint32(pk.DEGENERATE)
        return pk.encode_packed(
            pk.Packed(
                format=pk.FORMAT,
                marks=marks,
                idents=list(self.idents),
                ids=self.ids,
                names=self.names,
                rows=rows.tobytes(),
                words=read.words[mine].tobytes() if mine else b"",
                levels=read.levels[mine].tobytes() if mine else b"",
                waits=b"".join(self.waits),
            )
        )

    def _put_results(self, rows: npt.NDArray[Any], read: Read) -> None:
        results = np.frombuffer(b"".join(self._results), RESULT)
        row, text, tool = results["row"], results["text"], results["tool"]
        failure = results["failed"] * _MIX
        loose, strict = read.loose[text] ^ failure, read.strict[text] ^ failure
        flags = read.flags[text] | results["failed"] * np.uint32(pk.TOOL_ERROR)
        np.add.at(rows["result"], row, np.where(tool == 0, loose, tie(tool, loose)))
        np.bitwise_or.at(rows["flags"], row, flags)
        # Of a step that failed what came back is its failures: what else it did may differ.
        counts = (flags & pk.FAILURE != 0) | (rows["flags"][row] & pk.FAILURE == 0)
        np.add.at(rows["output"], row[counts], strict[counts])


def tie(tool: npt.NDArray[np.uint64], result: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Ties results to the tools that gave them; a step's results are the sum of these, in any order."""
    h = (tool ^ result) * _MIX
    return h ^ (h >> np.uint64(29))


def warm() -> None:
    """Compiles what reads texts, so that the first event does not wait for it."""
    texts = Texts()
    texts.sketch(b"warm " * 100, False)
    texts.fingerprint(b"up")
    texts.read()
