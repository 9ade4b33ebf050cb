"""What each layer of an encoder sees in a picture: which channels it excites, and what else excites them.

A channel of a layer answers to a pattern, wherever in the picture it is: edges and colours in early layers, textures
and parts in late ones (Zeiler & Fergus 2014, "Visualizing and understanding convolutional networks", whose figure 2
shows channels by the patches that excite them most). How much a picture excites a channel is its largest value in the
map. Some channels are large for any picture, so that the strongest are those farthest above what is usual, in standard
deviations over pictures of the catalogue.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from curator.api import Context, Finding, Item, ItemSet, MappedPicture, Model, Query
from curator.errors import NotReady
from curator.kit import sheets

from . import drawing
from .evidence import Cells
from .regions import Box, around

SAMPLE, FEWEST = 100, 10
"""So many pictures of the catalogue are looked at, and so many it takes to say what is usual."""

CHANNELS, PATCHES = 2, 5
"""How many channels of a layer are shown, and by how many patches."""

PATCH = 4
"""The side of a patch in cells: about what a cell answers to, most of which comes from near its middle."""

SIDE = 150
"""That of a tile of the sheet, in pixels."""


@dataclass(frozen=True)
class Seen:
    """A picture in which a channel of a layer is excited: where most, and its map."""

    picture: Item | Query
    map: Cells
    box: Box


@dataclass(frozen=True)
class Channel:
    """A channel that the picture excites: so many standard deviations above the mean, and others that excite it."""

    layer: str
    of: int
    number: int
    score: float
    here: Seen
    patches: tuple[Seen, ...]


def channels(context: Context, picture: Query, model: Model, among: ItemSet) -> Iterator[Channel]:
    """The strongest channels of each layer, the first layer first."""
    others = _others(context, picture, among)
    for layer in context.layers(model):
        (_, mapped), *found = context.feature_maps([picture, *others], model, layer)
        if isinstance(mapped, str):
            path = picture.item.path if picture.item else picture.path
            raise NotReady(f"{str(path)!r} cannot be explained: {mapped}")
        readable = [(item, map_) for item, map_ in found if not isinstance(map_, str)]
        _hold_enough(len(readable))
        yield from _strongest(layer, (picture, mapped), readable)


def _others(context: Context, picture: Query, among: ItemSet) -> list[Item]:
    """Pictures of the catalogue that the query is none of, evenly over it."""
    items = context.items(among, modalities=["image"])
    if picture.item is not None:
        items = context.without(items, [picture.item])
    _hold_enough(len(items))
    return [items[step] for step in np.unique(np.linspace(0, len(items) - 1, SAMPLE).round().astype(int))]


def _hold_enough(count: int) -> None:
    if count < FEWEST:
        raise NotReady(
            f"--layers compares a picture with others, of which there are {count}: add {FEWEST} or more, or select more"
        )


def _strongest(
    layer: str, own: tuple[Query, MappedPicture], others: Sequence[tuple[Item | Query, MappedPicture]]
) -> Iterator[Channel]:
    most = np.stack([map_.values.max(axis=(0, 1)) for _, map_ in others]).astype(np.float64)
    mean = np.stack([map_.values.mean(axis=(0, 1)) for _, map_ in others])
    excited = own[1].values.max(axis=(0, 1))
    usual, spread = most.mean(axis=0), most.std(axis=0)
    # What is the same for every picture, as a channel that never answers, is above nothing.
    scores = np.divide(excited - usual, spread, out=np.full(len(usual), -np.inf), where=spread > 1e-6)
    for number in np.argsort(-scores, kind="stable")[:CHANNELS]:
        if np.isfinite(scores[number]):
            # Where values are cut, as by ReLU6, many pictures reach the most: those that do in more places are first.
            first = np.lexsort((-mean[:, number], -most[:, number]))[:PATCHES]
            patches = tuple(_seen(others[index], number) for index in first)
            yield Channel(layer, len(usual), int(number), float(scores[number]), _seen(own, number), patches)


def _seen(mapped_picture: tuple[Item | Query, MappedPicture], number: int) -> Seen:
    picture, mapped = mapped_picture
    map_ = Cells(np.ascontiguousarray(mapped.values[:, :, number]), mapped.size, mapped.frame)
    row, column = np.unravel_index(int(map_.cells.argmax()), map_.cells.shape)
    return Seen(picture, map_, around(map_, int(row), int(column), PATCH))


def finding(channel: Channel, model: Model) -> Finding:
    """The row of a channel."""
    here = channel.here.picture
    item = here.item if isinstance(here, Query) else here
    patches = [
        {"id": seen.picture.id, "box": list(seen.box)} for seen in channel.patches if isinstance(seen.picture, Item)
    ]
    values = {
        "layer": channel.layer,
        "channel": channel.number,
        "score": channel.score,
        "box": list(channel.here.box),
        "like": [f"id:{patch['id']}" for patch in patches],
        "of": channel.of,
        "patches": patches,
        "id": item.id if item else None,
        "path": here.path,
        "model": model.name,
    }
    return Finding("channel", values)


def sheet(found: Sequence[Channel], model: Model) -> sheets.Sheet:
    """A row for each channel: where in the picture it is excited, and the patches that excite it most."""
    sections = []
    for channel in found:
        here = channel.here
        plain = sheets.Tile.of(here.picture)
        tiles = [sheets.Tile(None, None, plain.caption, True, functools.partial(drawing.laid_over, *_of(here)))]
        for seen in channel.patches:
            caption = sheets.Tile.of(seen.picture).caption
            tiles.append(sheets.Tile(None, None, caption, drawn=functools.partial(drawing.cut_out, *_of(seen))))
        heading = f"{channel.layer}, channel {channel.number} of {channel.of:,}"
        note = (
            f"{abs(channel.score):.1f} standard deviations {'above' if channel.score >= 0 else 'below'} what is usual"
        )
        sections.append(sheets.Section(tuple(tiles), heading, note))
    note = f"by {model.name}: where a channel is excited, and the patches of the catalogue that excite it most"
    return sheets.Sheet("What each layer sees", tuple(sections), note, SIDE)


def _of(seen: Seen) -> tuple[Item | Query, Cells, Box]:
    return seen.picture, seen.map, seen.box
