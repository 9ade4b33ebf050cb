"""What pretraining and fine-tuning share: gradients by two threads, the optimizer, its schedule, and precision.

The rows of a batch are cut into two halves whose gradients are computed by two threads: always two, whatever the
machine has, so that the sums are the same. Each works on one core alone, since threads that share one small product
wait for each other at every step: on a machine whose other core was busy that took ten times as long as the product.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
from torch import Tensor

from curator.kit.devices import has_bfloat16

from . import network
from .corpus import Corpus
from .network import Carried, Masks, Weights

Found = TypeVar("Found")

HALVES = 2
CLIP = 1.0  # norm of all gradients together
RISE = 0.2  # of the schedule
BETAS = (0.9, 0.99)
FEWEST = 8  # rows that are worth a second thread


def workers() -> ThreadPoolExecutor:
    """The two threads."""
    return ThreadPoolExecutor(HALVES)


@contextlib.contextmanager
def one_core_each() -> Iterator[None]:
    """A block in which torch's products take one thread each, that which asks for them."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def uses_bf16(precision: str) -> bool:
    """Whether products are to be in bfloat16: `auto` where the processor has instructions for them."""
    return has_bfloat16() if precision == "auto" else precision == "bf16"


def halves(rows: int) -> list[slice]:
    """The rows of each thread."""
    middle = rows // 2 if rows >= FEWEST else 0
    return [slice(0, middle), slice(middle, rows)] if middle else [slice(0, rows)]


def both(pool: ThreadPoolExecutor, work: Callable[[slice], Found], rows: int) -> list[Found]:
    """`work` on both halves."""
    return list(pool.map(work, halves(rows)))


def gradients(
    pool: ThreadPoolExecutor,
    weights: Weights,
    rows: int,
    work: Callable[[Weights, slice], tuple[Tensor, Found]],
) -> tuple[float, list[Found]]:
    """Set `grad` of all weights for a batch of `rows` rows.

    `work` gives of some rows the part of the loss, and whatever else; returned are the loss and the latter.
    """

    def half(chosen: slice) -> tuple[float, Found, tuple[Tensor, ...]]:
        mine = {name: value.detach().requires_grad_() for name, value in weights.items()}
        lost, beside = work(mine, chosen)
        return lost.item(), beside, torch.autograd.grad(lost, list(mine.values()), materialize_grads=True)

    found = both(pool, half, rows)
    for index, value in enumerate(weights.values()):
        value.grad = total([grads[index] for _, _, grads in found])
    return sum(lost for lost, _, _ in found), [beside for _, beside, _ in found]


def predict(
    pool: ThreadPoolExecutor,
    weights: Weights,
    window: tuple[Tensor, Tensor],
    carried: Carried | None,
    masks: Masks,
    dtype: torch.dtype,
) -> tuple[float, Carried]:
    """Set the gradients for the next pieces: the mean loss of one window in nats, and the state to carry on."""
    pieces, targets = window
    count = int((targets != network.PAD).sum())

    def work(mine: Weights, rows: slice) -> tuple[Tensor, Carried]:
        before = [(hidden[rows], cell[rows]) for hidden, cell in carried] if carried else None
        lost, after = network.loss(mine, pieces[:, rows], targets[:, rows], before, masks.rows(rows), dtype)
        return lost / count, after

    lost, states = gradients(pool, weights, pieces.shape[1], work)
    layers = zip(*states, strict=True)
    return lost, [(torch.cat([h for h, _ in layer]), torch.cat([c for _, c in layer])) for layer in layers]


def total(tensors: Sequence[Tensor]) -> Tensor:
    """Their sum."""
    first, *others = tensors
    for other in others:
        first = first + other
    return first


def measure(pool: ThreadPoolExecutor, weights: Weights, corpus: Corpus, window: int) -> float:
    """The cross-entropy of a corpus in nats, summed over all its pieces and ends."""

    def total_loss(chosen: Sequence[int]) -> float:
        # Whether gradients are kept is a setting of each thread.
        with torch.no_grad():
            carried: Carried | None = None
            found = 0.0
            for pieces, targets in corpus.batch(chosen).windows(window):
                if carried:
                    carried = [(hidden[: pieces.shape[1]], cell[: pieces.shape[1]]) for hidden, cell in carried]
                nats, carried = network.loss(weights, pieces, targets, carried)
                found += nats.item()
            return found

    return math.fsum(pool.map(total_loss, corpus.in_order(2 * 32)))


def optimizer(groups: Sequence[Sequence[Tensor]], decay: float) -> torch.optim.AdamW:
    """AdamW for groups of weights, each with a learning rate of its own; what is a mere vector does not decay."""
    found = []
    for group in groups:
        found.append({"params": [value for value in group if value.dim() > 1], "weight_decay": decay})
        found.append({"params": [value for value in group if value.dim() < 2], "weight_decay": 0.0})
    return torch.optim.AdamW(found, lr=0.0, betas=BETAS, fused=True)


def step(found: torch.optim.AdamW, rates: Sequence[float]) -> None:
    """Clip the gradients and take a step; `rates` are those of the groups."""
    for index, group in enumerate(found.param_groups):
        group["lr"] = rates[index // 2]
    torch.nn.utils.clip_grad_norm_([value for group in found.param_groups for value in group["params"]], CLIP)
    found.step()


def one_cycle(share: float) -> float:
    """The learning rate after this share of all steps, of the highest: from a tenth up, then a half cosine to 0.02."""
    if share < RISE:
        return 0.1 + 0.9 * share / RISE
    return 0.02 + 0.98 * (1 + math.cos(math.pi * min(1.0, (share - RISE) / (1 - RISE)))) / 2
