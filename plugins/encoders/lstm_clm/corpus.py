"""Texts as a language model learns from them: distinct, a part held out, in batches of about the same length."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from curator.errors import BadInput
from curator.kit.copies.text_copies import fold

from .network import PAD
from .vocabulary import Vocabulary

HELD_OUT = 20  # one text in so many
SPLIT = 2  # goes up when others are held out: what was begun before is begun anew
MOST_MEASURED = 2_000  # texts; more would not make the figure any better, and measuring takes its time
SEGMENT = 1_024  # pieces; a longer text is read in several rows, each from a state of zero
ENCODED = 1_000  # texts at once: as Python's numbers, pieces take ten times the room
POOL = 50  # batches whose texts are sorted together: near in length, yet others in each epoch


def distinct(texts: Sequence[str]) -> list[str]:
    """Every text that is not empty, once, in the order of the characters; the order given has no influence."""
    found = sorted({text.encode("utf-8", "replace").decode("utf-8") for text in texts} - {""})
    if not found:
        raise BadInput("there is no text to learn from")
    return found


def digest(texts: Sequence[str]) -> str:
    """SHA-256 over the texts in order, each with the number of its bytes in front."""
    found = hashlib.sha256()
    for text in texts:
        data = text.encode("utf-8")
        found.update(b"%d\n" % len(data))
        found.update(data)
    return found.hexdigest()


def split(texts: Sequence[str]) -> tuple[list[str], list[str]]:
    """What is learnt from, and what is measured on: about a twentieth is held out, and of that at most 2,000 measured.

    Whether a text is held out follows from the text alone, so that a model that goes on from another, with the same
    texts or some of them, is measured on what neither has learnt; and from its words alone, so that the same in other
    case, width or punctuation is not learnt. Of a single text, the last tenth is held out.
    """
    if len(texts) == 1:
        (text,) = texts
        cut = len(text) - len(text) // 10
        return [text[:cut]], [text[cut:] or text]
    order = sorted(texts, key=_chance)
    count = min(max(1, sum(_chance(text) < 1 / HELD_OUT for text in texts)), len(texts) - 1)
    return sorted(order[count:]), sorted(order[: min(count, MOST_MEASURED)])


def _chance(text: str) -> float:
    """A number from 0 to 1 as if drawn for these words, always the same."""
    return int.from_bytes(hashlib.blake2b(fold(text).encode("utf-8"), digest_size=7).digest(), "big") / 2**56


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of pieces, the longest first: (steps, rows) int64 each; where a row has ended, the target is `PAD`."""

    pieces: Tensor
    targets: Tensor
    lengths: tuple[int, ...]

    def windows(self, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Pieces and targets, `size` steps at a time, and of the rows those that still go on."""
        for start in range(0, len(self.pieces), size):
            rows = sum(length > start for length in self.lengths)
            stop = min(start + size, self.lengths[0])
            yield self.pieces[start:stop, :rows], self.targets[start:stop, :rows]


class Corpus:
    """All texts as one row of pieces, with the end in front of each and behind the last: one int32 a piece."""

    def __init__(self, texts: Sequence[str], vocabulary: Vocabulary) -> None:
        self.texts = len(texts)
        self.characters = sum(map(len, texts))
        parts = [
            torch.tensor([0, *ids], dtype=torch.int32)
            for start in range(0, len(texts), ENCODED)
            for ids in vocabulary.encode(texts[start : start + ENCODED])
        ]
        self.flat = torch.cat([*parts, torch.zeros(1, dtype=torch.int32)])
        starts: list[int] = torch.nonzero(self.flat == 0).flatten().tolist()
        self.rows: list[tuple[int, int]] = [
            (at, min(at + SEGMENT, stop))
            for start, stop in itertools.pairwise(starts)
            for at in range(start, stop, SEGMENT)
        ]

    def __len__(self) -> int:
        """How many pieces there are to predict, the ends among them."""
        return len(self.flat) - 1

    def counts(self, vocabulary: int) -> Tensor:
        """How often each piece is to be predicted, (vocabulary,) float32."""
        return torch.bincount(self.flat[1:], minlength=vocabulary).float()

    def shuffled_batches(self, rows: int, seed: int, epoch: int) -> list[list[int]]:
        """The batches of an epoch, each with the indices of its rows; settled by seed and epoch."""
        generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
        order = torch.randperm(len(self.rows), generator=generator).tolist()
        batches = []
        for start in range(0, len(order), rows * POOL):
            batches += self._batches_by_length(order[start : start + rows * POOL], rows)
        return [batches[index] for index in torch.randperm(len(batches), generator=generator).tolist()]

    def in_order(self, rows: int) -> list[list[int]]:
        """Batches of all rows by length."""
        return self._batches_by_length(list(range(len(self.rows))), rows)

    def _batches_by_length(self, chosen: list[int], rows: int) -> list[list[int]]:
        ordered = sorted(chosen, key=lambda index: self.rows[index][0] - self.rows[index][1])
        return [ordered[start : start + rows] for start in range(0, len(ordered), rows)]

    def batch(self, chosen: Sequence[int]) -> Batch:
        """The rows with these indices, which are sorted by length, the longest first."""
        spans = [self.rows[index] for index in chosen]
        lengths = tuple(stop - start for start, stop in spans)
        pieces = torch.zeros(lengths[0], len(spans), dtype=torch.int64)
        targets = torch.full((lengths[0], len(spans)), PAD, dtype=torch.int64)
        for column, (start, stop) in enumerate(spans):
            pieces[: stop - start, column] = self.flat[start:stop]
            targets[: stop - start, column] = self.flat[start + 1 : stop + 1]
        return Batch(pieces, targets, lengths)

    def steps(self, rows: int, window: int) -> int:
        """About how many windows the batches of an epoch have, and at least one."""
        longest = [self.rows[chosen[0]] for chosen in self.in_order(rows)]
        return max(1, sum(-(-(stop - start) // window) for start, stop in longest))
