"""From the states of a text to one vector.

`last` is the state after the last piece, which is how the method is taught (Dai & Le 2015, "Semi-supervised sequence
learning"); `mean` and `max` go over all states. `concat` puts both beside each other, as ULMFiT's pooling does (Howard
& Ruder 2018), and in place of its last state mean, maximum and minimum of the embedded pieces (power means, Rücklé et
al. 2018, "Concatenated power mean word embeddings as universal cross-lingual sentence representations").
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from .config import Shape
from .learning import one_core_each
from .network import Masks, Weights, states

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EMBEDDED = ("embedded mean", "embedded max", "embedded min")
PARTS = {
    "last": ("last",),
    "mean": ("mean",),
    "max": ("max",),
    "concat": ("mean", "max", *EMBEDDED),
}
"""Of which parts a pooling is made."""

DEFAULT = "concat"
MEAN, SCALE = "concat.mean", "concat.scale"
ROWS, STEPS = 64, 128  # at once; what they need, about 70 MB at a width of 512, does not grow with a text


def dim(shape: Shape, pooling: str) -> int:
    """How many numbers a vector has."""
    return sum(shape.embedding if part in EMBEDDED else shape.width for part in PARTS[pooling])


def vectors(weights: Weights, rows: Sequence[Sequence[int]], pooling: str) -> NDArray[np.float32]:
    """(n, dim) float32 for texts as numbers of pieces. Texts of about the same length are run together."""
    device = weights["embedding.weight"].device
    order = sorted(range(len(rows)), key=lambda index: -len(rows[index]))
    groups = [order[start : start + ROWS] for start in range(0, len(order), ROWS)]

    def run(group: Sequence[int]) -> Tensor:
        # Whether gradients are kept is a setting of each thread.
        with torch.inference_mode():
            return join_parts(weights, pooling_parts(weights, [rows[index] for index in group]), pooling).cpu()

    if device.type == "cpu":
        with one_core_each(), ThreadPoolExecutor(min(len(groups), os.cpu_count() or 1) or 1) as pool:
            found = list(pool.map(run, groups))
    else:
        found = [run(group) for group in groups]
    width = weights["lstm.0.recurrent"].shape[1]
    shape = Shape(1, 1, width, weights["embedding.weight"].shape[1])
    vectors = torch.empty(len(rows), dim(shape, pooling))
    for group, values in zip(groups, found, strict=True):
        vectors[group] = values
    return vectors.numpy()


def join_parts(weights: Weights, parts: dict[str, Tensor], pooling: str) -> Tensor:
    """The parts of a pooling beside each other, (rows, dim).

    Several parts are standardised, and each is brought to unit length, so that none drowns the others.
    """
    names = PARTS[pooling]
    if len(names) == 1:
        return parts[names[0]]
    found = (torch.cat([parts[name] for name in names], dim=1) - weights[MEAN]) / weights[SCALE]
    sizes = [parts[name].shape[1] for name in names]
    return torch.cat([functional.normalize(part, dim=1) for part in torch.split(found, sizes, dim=1)], dim=1)


def standard(weights: Weights, rows: Sequence[Sequence[int]]) -> Weights:
    """The weights with mean and spread of the numbers of `concat` over these texts, (dim,) float32 each.

    A tenth of its part's spread is added to that of a number, so that one which hardly varies is not blown up.
    """
    order = sorted(rows, key=len, reverse=True)
    means, scales = [], []
    with torch.inference_mode(), one_core_each():
        groups = [pooling_parts(weights, order[start : start + ROWS]) for start in range(0, len(order), ROWS)]
        for name in PARTS["concat"]:
            values = torch.cat([group[name] for group in groups])
            means.append(values.mean(0))
            scales.append(values.std(0, correction=0) + 0.1 * values.std(correction=0) + 1e-6)
    # A copy outside of inference mode can be learnt through.
    return {**weights, MEAN: torch.cat(means).clone(), SCALE: torch.cat(scales).clone()}


def pooling_parts(
    weights: Weights,
    rows: Sequence[Sequence[int]],
    masks: Masks | None = None,
    dtype: torch.dtype = torch.float32,
) -> dict[str, Tensor]:
    """What poolings are made of, by name, each (rows, width) float32: of the last layer's states and what is embedded.

    The rows are sorted, the longest first. They are run in parts of `STEPS` with the state carried on. What stands in
    front of a text, the end, counts only where nothing follows it.
    """
    device = weights["embedding.weight"].device
    lengths = torch.tensor([len(row) for row in rows], device=device)
    pieces = torch.zeros(int(lengths[0]) + 1, len(rows), dtype=torch.int64)
    for column, row in enumerate(rows):
        pieces[1 : len(row) + 1, column] = torch.tensor(row, dtype=torch.int64)
    pieces = pieces.to(device)
    found: dict[str, Tensor] = {}
    carried = None
    for start in range(0, len(pieces), STEPS):
        # Of a text of n pieces the rows 0 to n are run: those that still go on stand in front.
        alive = int((lengths >= start).sum())
        part = pieces[start : start + STEPS, :alive]
        if carried:
            carried = [(hidden[:alive], cell[:alive]) for hidden, cell in carried]
        embedded, outputs, carried = states(weights, part, carried, masks and masks.rows(slice(alive)), dtype)
        at = torch.arange(start, start + len(part), device=device).unsqueeze(1)
        ends = lengths[:alive]
        there = ((at >= 1) & (at <= ends)) | ((at == 0) & (ends == 0))
        _gather(found, embedded, outputs[-1].float(), there, at == ends)
    count = lengths.clamp(min=1).unsqueeze(1)
    return {name: value / count if name.endswith("mean") else value for name, value in found.items()}


def _gather(found: dict[str, Tensor], embedded: Tensor, hidden: Tensor, there: Tensor, last: Tensor) -> None:
    """Add one part of the steps to sums, extremes and last states of all rows."""
    alive, absent = hidden.shape[1], ~there.unsqueeze(2)
    here = {
        "mean": hidden.masked_fill(absent, 0).sum(0),
        "embedded mean": embedded.masked_fill(absent, 0).sum(0),
        "last": hidden.masked_fill(~last.unsqueeze(2), 0).sum(0),
        "max": hidden.masked_fill(absent, -torch.inf).amax(0),
        "embedded max": embedded.masked_fill(absent, -torch.inf).amax(0),
        "embedded min": embedded.masked_fill(absent, torch.inf).amin(0),
    }
    joins = {"max": torch.maximum, "min": torch.minimum}
    for name, value in here.items():
        before = found.get(name)
        if before is not None:
            join = joins.get(name[-3:], torch.add)
            value = torch.cat([join(before[:alive], value), before[alive:]])
        found[name] = value
