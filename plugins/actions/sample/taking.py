"""Which items are taken.

By chance means by a hash of the content and the seed: what is added later takes the place of some items, and the others
stay. There may be a million items: of each its id and its draw are held, and items are made of those that are taken.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from curator.api import Context, Item, Modality
from curator.errors import NotReady
from curator.kit.listing import contents_of, ids_of

if TYPE_CHECKING:
    from . import SampleParams

Ids: TypeAlias = NDArray[np.int64]
"""Of items, in the order in which they are drawn."""
ByVectors: TypeAlias = "Callable[[Context, SampleParams, Modality, Ids, Mapping[str, int]], dict[int, str]]"
"""From drawn items of one medium, and how many to take by each way, to those that are taken and the way."""

N = TypeVar("N", bound=str)

MEDIA: tuple[Modality, ...] = ("image", "text")


def taken(
    context: Context,
    params: SampleParams,
    items: Sequence[Item],
    weights: Mapping[str, float],
    by_vectors: ByVectors | None,
) -> list[tuple[Item, str, str | None]]:
    """Each item that is taken, by which way, and the label that it was taken of, if one group is balanced.

    `by_vectors` takes those of which vectors tell.
    """
    found: list[tuple[int, str, str | None]] = []
    for name, ids, number in _strata(context, params, items):
        found += [
            (id_, why, name) for id_, why in _of_stratum(context, params, ids, number, weights, by_vectors).items()
        ]
    made = context.of_ids([id_ for id_, _, _ in found])
    return [(item, why, name) for item, (_, why, name) in zip(made, found, strict=True)]


def _strata(context: Context, params: SampleParams, items: Sequence[Item]) -> Iterator[tuple[str | None, Ids, int]]:
    """Each label of the group with its items and how many of them to take, as evenly as there are items; else all."""
    drawn = _drawn(items, params.seed)
    if params.balanced is None:
        yield None, drawn, params.number
        return
    words = context.said(context.target(None, params.balanced), items)
    said = {id_: word for id_, word in zip(ids_of(items), words, strict=True) if word}
    by_label: dict[str, list[int]] = {}
    for id_ in map(int, drawn):
        if id_ in said:
            by_label.setdefault(said[id_], []).append(id_)
    if not by_label:
        raise NotReady(f"none of these items has a label of the group {params.balanced!r}")
    left = params.number
    # The rarest first: what it lacks is shared by the others.
    numbers = {}
    for count, name in enumerate(sorted(by_label, key=lambda name: (len(by_label[name]), name))):
        numbers[name] = min(len(by_label[name]), left // (len(by_label) - count))
        left -= numbers[name]
    for name in sorted(by_label):
        yield name, np.asarray(by_label[name], np.int64), numbers[name]


def _drawn(items: Sequence[Item], seed: int) -> Ids:
    """Their ids in the order of a hash of their content and the seed."""
    pairs = ((id_, _draw(hash_, seed)) for id_, hash_ in contents_of(items))
    found = np.fromiter(pairs, np.dtype([("id", np.int64), ("draw", np.uint64)]))
    drawn: Ids = found["id"][np.argsort(found["draw"], kind="stable")]
    return drawn


def _draw(hash_: str, seed: int) -> int:
    return int.from_bytes(hashlib.blake2b(f"{seed} {hash_}".encode(), digest_size=16).digest()[:8])


def _of_stratum(
    context: Context,
    params: SampleParams,
    drawn: Ids,
    number: int,
    weights: Mapping[str, float],
    by_vectors: ByVectors | None,
) -> dict[int, str]:
    """So many of them, each once, by each way in proportion to its weight; what one way leaves over is drawn."""
    number = min(number, len(drawn))
    found: dict[int, str] = {}
    if by_vectors is not None:
        by_medium = {medium: _of_medium(context, params, drawn, medium) for medium in MEDIA}
        for medium, part in _shares(number, {name: len(some) for name, some in by_medium.items()}).items():
            found |= by_vectors(context, params, medium, by_medium[medium], _shares(part, weights))
    for id_ in map(int, drawn):
        if len(found) == number:
            break
        found.setdefault(id_, "random")
    return found


def _of_medium(context: Context, params: SampleParams, drawn: Ids, medium: Modality) -> Ids:
    return drawn[np.isin(drawn, np.asarray(ids_of(context.items(params.items, [medium])), np.int64))]


def _shares(number: int, weights: Mapping[N, float]) -> dict[N, int]:
    """Whole numbers in proportion to weights, which add up to the number."""
    total, shares, before = sum(weights.values()), dict[N, int](), 0.0
    for name, weight in weights.items():
        shares[name] = round((before + weight) / total * number) - round(before / total * number)
        before += weight
    return shares
