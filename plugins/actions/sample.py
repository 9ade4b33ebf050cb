"""`curator sample`: a few items out of many, by chance, spread out, typical, or of each label the same number.

*Diverse* takes next what is farthest, by its vector, from all that was taken (greedy k-centre: Gonzalez 1985; Sener &
Savarese 2018, "Active learning for convolutional neural networks: a core-set approach"); *typical* takes the item in
the densest place of each of the largest clusters (Hacohen et al. 2022, "Active learning on a budget"). By chance means
by a hash of the content and the seed: what is added later takes the place of some items, and the others stay.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Annotated, TypeAlias

from curator.api import (
    ActionSpec,
    Argument,
    Column,
    Context,
    EncoderRef,
    Finding,
    GroupName,
    Item,
    ItemSet,
    LabelName,
    NewFile,
    Option,
    Output,
    SetLabel,
    Table,
    hookimpl,
)
from curator.errors import BadInput, NotReady
from curator.kit import sheets
from curator.kit.listing import ITEM, of_item

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float32]

MOST = 20_000
"""Vectors that are looked at: of more items so many are drawn by chance first."""
NEAREST = 20
"""Neighbours whose mean distance says how dense it is around an item."""
AT_ONCE = 2_000
"""Items of a cluster that are compared with each other at most."""


@dataclass(frozen=True)
class SampleParams:
    """How many, of what, and by which way."""

    number: Annotated[int, Argument(metavar="N", help="How many items.")]
    diverse: Annotated[
        float | None,
        Option(min=0, help="The weight of items that are far from each other: 1, or a part beside others."),
    ] = None
    typical: Annotated[float | None, Option(min=0, help="The weight of items that stand for many others.")] = None
    random: Annotated[
        float | None, Option(min=0, help="The weight of items drawn by chance; they all are where no weight is given.")
    ] = None
    balanced: Annotated[
        GroupName | None, Option(help="Take the same number of each label of this group, as far as there are so many.")
    ] = None
    mark: Annotated[
        LabelName | None, Option(help="Label the sample, on the word of a rule; `curator undo` takes it back.")
    ] = None
    seed: Annotated[int, Option(min=0, help="What the draw depends on; the same seed gives the same sample.")] = 0
    encoder: Annotated[EncoderRef | None, Option("-e", help="The encoder to use (`curator encoders` lists them).")] = (
        None
    )
    items: Annotated[ItemSet, Option()] = ItemSet()
    sheet: Annotated[
        NewFile | None, Option(help="Write the sample to FILE (PNG, JPEG, WebP or PDF).", choices=sheets.ENDINGS)
    ] = None


SAMPLED = Table(
    "sampled",
    "The sample",
    (
        Column("why", "by which way it was taken: diverse, typical or random"),
        Column("label", "its label in the group that is balanced; null without one"),
        *ITEM,
    ),
    counted=True,
)


def plan(context: Context, params: SampleParams) -> Iterator[Output]:
    """The items of the sample, in the order in which they were taken; of each label in turn."""
    if params.number < 1:
        raise BadInput(f"N must be at least 1, not {params.number}")
    weights = _weights(params)
    items = context.items(params.items)
    if not items:
        raise NotReady("there is no item to take a sample of")
    taken: list[tuple[Item, str, str | None]] = []
    for name, some, number in _strata(context, params, items):
        found = _of_stratum(context, params, some, number, weights)
        taken += [(item, why, name) for item, why in found]
    if len(taken) < min(params.number, len(items)):
        context.note(f"{len(taken):,} items, not {params.number:,}: there are no more of what was asked for")
    for item, why, name in taken:
        yield Finding("sampled", {"why": why, "label": name, **of_item(item)})
        if params.mark is not None:
            yield SetLabel(item.id, params.mark, True)
    if params.sheet is not None and taken:
        tiles = tuple(sheets.Tile.of(item, name or "", why) for item, why, name in taken)
        yield sheets.artifact(context, params.sheet, sheets.Sheet(SAMPLED.title, (sheets.Section(tiles),)))


def _weights(params: SampleParams) -> dict[str, float]:
    given = {"diverse": params.diverse, "typical": params.typical, "random": params.random}
    weights = {name: weight for name, weight in given.items() if weight}
    if not weights and any(weight is not None for weight in given.values()):
        raise BadInput("one of --diverse, --typical and --random must be more than 0")
    return weights or {"random": 1.0}


def _strata(
    context: Context, params: SampleParams, items: Sequence[Item]
) -> Iterator[tuple[str | None, list[Item], int]]:
    """Each label of the group with its items and how many of them to take, as evenly as there are items; else all."""
    if params.balanced is None:
        yield None, list(items), params.number
        return
    by_label: dict[str, list[Item]] = {}
    for item, said in zip(items, context.said(context.target(None, params.balanced), items), strict=True):
        if said:
            by_label.setdefault(said, []).append(item)
    if not by_label:
        raise NotReady(f"none of these items has a label of the group {params.balanced!r}")
    left = params.number
    # The rarest first: what it lacks is shared by the others.
    numbers = {}
    for count, name in enumerate(sorted(by_label, key=lambda name: (len(by_label[name]), name))):
        numbers[name] = min(len(by_label[name]), left // (len(by_label) - count))
        left -= numbers[name]
    for name in sorted(by_label):
        yield name, by_label[name], numbers[name]


def _of_stratum(
    context: Context, params: SampleParams, items: Sequence[Item], number: int, weights: dict[str, float]
) -> Iterator[tuple[Item, str]]:
    """So many of them, each once, by each way in proportion to its weight; what one way leaves over is drawn."""
    drawn = sorted(items, key=lambda item: _draw(item, params.seed))
    number = min(number, len(items))
    taken: dict[int, str] = {}
    if weights.keys() - {"random"}:
        by_medium = {medium: [item for item in drawn if item.modality == medium] for medium in ("image", "text")}
        for medium, part in _shares(number, {name: len(some) for name, some in by_medium.items()}).items():
            taken |= _by_vectors(context, params, by_medium[medium], _shares(part, weights))
    by_chance = (item for item in drawn if item.id not in taken)
    taken |= {item.id: "random" for item in islice(by_chance, number - len(taken))}
    by_id = {item.id: item for item in items}
    yield from ((by_id[id_], why) for id_, why in taken.items())


def _draw(item: Item, seed: int) -> bytes:
    return hashlib.blake2b(f"{seed} {item.hash}".encode(), digest_size=16).digest()


def _shares(number: int, weights: Mapping[str, float]) -> dict[str, int]:
    """Whole numbers in proportion to weights, which add up to the number."""
    total, shares, before = sum(weights.values()), {}, 0.0
    for name, weight in weights.items():
        shares[name] = round((before + weight) / total * number) - round(before / total * number)
        before += weight
    return shares


def _by_vectors(
    context: Context, params: SampleParams, items: Sequence[Item], shares: Mapping[str, int]
) -> dict[int, str]:
    """Typical items first, then those far from all that was taken; by id, with the way."""
    wanted = {name: shares.get(name, 0) for name in ("typical", "diverse")}
    if not sum(wanted.values()):
        return {}
    if len(items) > MOST:
        context.note(
            f"of {len(items):,} {items[0].modality}s {MOST:,} were drawn by chance, and the rest not looked at"
        )
    model = context.model(params.encoder, items[0].modality)
    present, vectors = context.vectors(model, items[:MOST])
    typical = _typical(vectors, min(wanted["typical"], len(present)))
    diverse = _diverse(vectors, min(wanted["diverse"], len(present) - len(typical)), typical)
    return {present[row].id: "typical" for row in typical} | {present[row].id: "diverse" for row in diverse}


def _diverse(vectors: Floats, number: int, taken: Sequence[int]) -> list[int]:
    """Rows of which each is the farthest from all before it; the first is the nearest to the mean."""
    import numpy as np

    found: list[int] = []
    nearest = np.full(len(vectors), -np.inf, np.float32)
    for row in taken:
        nearest = np.maximum(nearest, vectors @ vectors[row])
    for _ in range(number):
        first = not found and not len(taken)
        row = int((vectors @ vectors.mean(axis=0)).argmax() if first else nearest.argmin())
        found.append(row)
        nearest = np.maximum(nearest, vectors @ vectors[row])
        nearest[row] = np.inf
    return found


def _typical(vectors: Floats, number: int) -> list[int]:
    """The row in the densest place of each of so many clusters, the largest of twice as many."""
    import numpy as np
    from sklearn.cluster import MiniBatchKMeans
    from threadpoolctl import threadpool_limits

    if not number:
        return []
    with threadpool_limits(limits=1):
        count = min(2 * number, len(vectors))
        clusters = MiniBatchKMeans(count, n_init=1, random_state=0, batch_size=4_096).fit_predict(vectors)
        sizes = np.bincount(clusters, minlength=count)
        found = []
        for cluster in np.argsort(-sizes, kind="stable")[:number]:
            rows = np.flatnonzero(clusters == cluster)[:AT_ONCE]
            cosines = np.sort(vectors[rows] @ vectors[rows].T, axis=1)[
                :, -NEAREST - 1 : -1
            ]  # the last is the item's own
            if len(rows):
                found.append(int(rows[cosines.mean(axis=1).argmax() if len(rows) > 1 else 0]))
    return found


@hookimpl
def register_actions() -> Iterable[ActionSpec]:
    """The command `sample`."""
    return [
        ActionSpec(
            "sample",
            "Take a few of many items: at random, diverse, or balanced.",
            SampleParams,
            plan,
            (SAMPLED,),
            example="curator sample 100\ncurator sample 50 --diverse 1 --mark first\ncurator sample 60 --balanced kind",
        )
    ]
