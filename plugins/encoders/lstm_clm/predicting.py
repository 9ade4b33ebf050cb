"""What comes next: whole characters with the model's probabilities, and a text carried on.

A piece of byte-level BPE may end inside a character. Such a piece is carried on until its bytes are whole characters,
and ways to the same bytes are added up: what is offered for a text is what the model would write next, with the
probability that it does.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .learning import one_core_each
from .network import Carried, Weights, logits, states
from .vocabulary import Vocabulary

PATIENCE = 200  # half characters that are carried on for one question
NEGLIGIBLE = 0.01  # of the last piece that is offered: ways less probable than this no longer change its place
STEPS = 256  # of a long text at once


@dataclass(frozen=True, slots=True)
class Written:
    """A text carried on: what was added, and its pieces of whole characters, each with its probability.

    `ended`: the model ended the text there.
    """

    text: str
    pieces: tuple[tuple[str, float], ...]
    ended: bool


class Reader:
    """The model behind a text: probabilities of the next piece, and the state from which to go on."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.device = weights["embedding.weight"].device

    def read(self, pieces: Sequence[int], carried: Carried | None = None) -> tuple[Tensor, Carried]:
        """(vocabulary,) float64 probabilities on the CPU after these pieces, and the state."""
        assert pieces
        with torch.inference_mode(), one_core_each():
            for start in range(0, len(pieces), STEPS):
                part = torch.tensor(pieces[start : start + STEPS], device=self.device).unsqueeze(1)
                _, outputs, carried = states(self.weights, part, carried)
            found = logits(self.weights, outputs[-1][-1]).squeeze(0)
        assert carried is not None
        return torch.softmax(found.double().cpu(), 0), carried


def next_tokens(weights: Weights, vocabulary: Vocabulary, text: str, k: int) -> list[tuple[str, float]]:
    """The `k` most probable next pieces of whole characters; an empty one means that the text ends there.

    Best first: the most probable way so far is taken up again until nothing is left that could change the list.
    """
    reader = Reader(weights)
    (ids,) = vocabulary.encode([text])
    probabilities, carried = reader.read([0, *ids])
    order = itertools.count()  # of equal ways the one found first; states cannot be compared
    ways = [
        (-probability, next(order), number, b"", 0, carried)
        for number, probability in enumerate(probabilities.tolist())
        if vocabulary.follows(0, number) is not None
    ]
    heapq.heapify(ways)
    found: dict[bytes, float] = {}
    patience = PATIENCE
    while ways and patience:
        minus, _, number, before, missing, carried = heapq.heappop(ways)
        if len(found) >= k and -minus < NEGLIGIBLE * sorted(found.values())[-k]:
            break
        spelt, rest = before + vocabulary.pieces[number], vocabulary.follows(missing, number)
        if rest == 0:
            if _is_text(spelt):
                found[spelt] = found.get(spelt, 0.0) - minus
            continue
        assert rest is not None
        patience -= 1
        probabilities, carried = reader.read([number], carried)
        for following, probability in enumerate(probabilities.tolist()):
            if vocabulary.follows(rest, following) is not None:
                heapq.heappush(ways, (minus * probability, next(order), following, spelt, rest, carried))
    best = sorted(found.items(), key=lambda item: -item[1])[:k]
    return [(spelt.decode("utf-8"), probability) for spelt, probability in best]


def carry_on(
    weights: Weights, vocabulary: Vocabulary, text: str, length: int, temperature: float = 0.0, seed: int = 0
) -> Written:
    """`length` more pieces of whole characters, fewer where the model ends the text.

    At a `temperature` of 0 always the most probable piece; at 1 by chance as probable as the model says. The
    probabilities given are the model's in either case.
    """
    reader, generator = Reader(weights), torch.Generator().manual_seed(seed)
    (ids,) = vocabulary.encode([text])
    probabilities, carried = reader.read([0, *ids])
    written: list[tuple[str, float]] = []
    spelt, missing, together = b"", 0, 1.0
    allowed = [
        torch.tensor([vocabulary.follows(lack, n) is not None for n in range(vocabulary.size)]) for lack in range(4)
    ]
    while len(written) < length:
        open_ways = probabilities * allowed[missing]
        if not float(open_ways.sum()):
            break
        if temperature > 0:
            number = int(torch.multinomial((open_ways / open_ways.max()) ** (1 / temperature), 1, generator=generator))
        else:
            number = int(open_ways.argmax())
        if number == 0:
            return Written("".join(piece for piece, _ in written), tuple(written), ended=True)
        together *= float(probabilities[number])
        spelt, missing = spelt + vocabulary.pieces[number], vocabulary.follows(missing, number) or 0
        if not missing:
            if not _is_text(spelt):  # a sequence that only looks like UTF-8, as half of a surrogate pair
                break
            written.append((spelt.decode("utf-8"), together))
            spelt, together = b"", 1.0
        probabilities, carried = reader.read([number], carried)
    return Written("".join(piece for piece, _ in written), tuple(written), ended=False)


def _is_text(spelt: bytes) -> bool:
    try:
        spelt.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
