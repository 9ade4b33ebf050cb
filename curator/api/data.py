"""What the catalogue holds, as a plugin sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float32]

Modality: TypeAlias = Literal["image", "text"]
"""What an item is."""

Side: TypeAlias = Literal["train", "val", "test"]
"""A side of the split: what is learnt from, what choices are made by, what the outcome is measured on."""
SIDES: tuple[Side, ...] = ("train", "val", "test")
"""All of them; what is of two of them belongs to the first."""

COPY_LEVELS = ("exact", "same picture", "copy", "edited", "similar")
"""How two items are one, the surest first: of the same bytes; of the same pixels as they are shown; saved again, scaled
or cut a little (texts: but for how spaces and marks are typed); much of it the same, but changed; alike."""

DISTURBED = ("blurred", "darkened", "noisy")
"""Corrupted copies of pictures, on which heads can be measured, too."""


@dataclass(frozen=True, slots=True)
class Item:
    """One content: an image or a text, wherever its files lie.

    `hash` is the SHA-256 (hex) of the whole file, for a text of its UTF-8. `path` is one place where
    the content is now, None when every known file of it is gone. `text` is the body of a text. `pixels` are
    the width and height of an image as stored, before its EXIF orientation. `row` is the id of the row at `path`, None
    where that is no table, or one without a column of ids.
    """

    id: int
    hash: str
    modality: Modality
    path: Path | None
    text: str | None = None
    pixels: tuple[int, int] | None = None
    row: str | None = None

    def __str__(self) -> str:
        return str(self.path) if self.path else f"id:{self.id}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an item is: a file, or one row of a table, whose key is `row`, and whose id `row_id`, where it has one.

    `size` (bytes) and `modified_ns` (nanoseconds since 1970) are those of the file.
    """

    path: Path
    size: int
    modified_ns: int
    row: str = ""
    row_id: str | None = None

    @property
    def whole(self) -> bool:
        """Whether the file at `path` is the item, and nothing else."""
        return not self.row


@dataclass(frozen=True, slots=True)
class Unseen:
    """A file, or a table, that is not as it was when it was added: it is another, or has another time or inode.

    `gone`: nothing is there; it is the highest folder that is gone, or the file itself, and None for what is there.
    """

    path: Path
    gone: Path | None = None


@dataclass(frozen=True, slots=True)
class Flaw:
    """What a check has against an item.

    `score`, 0 to 1, says how bad it is, and does not depend on what else is checked; from 0.5 on the item is reported,
    unless people move that threshold. `why` says it in a few words, with the figure that it rests on. `text` is shown
    in place of the item's own, as where that must not be.
    """

    item: Item
    score: float
    why: str
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Signature:
    """Something small that is computed from a content once, and kept until what is derived is thrown away.

    `compute` gets a text, or a picture (a Pillow image, upright): in RGB and scaled down to a longest side of
    `longest` pixels, or, without `longest`, whole and in its own mode. `picture.info["frames"]` is how many
    frames it has, of which it is the first; `picture.info["plain"]` whether RGB shows all that it holds (nothing is
    transparent, nor of more than 8 bits), and `picture.info["deep"]` whether its file, `picture.info["path"]`, holds
    finer colours than the picture has; `picture.info["format"]` is what Pillow calls the format of the file. It runs in
    threads. `name` is unlike every other one's and changes when the bytes would: `"mine/2"`. `whole` says whether bytes
    may be what `compute` gave, as by their length: where those that were kept may not, as in a damaged cache, they are
    computed again.
    """

    name: str
    modality: Modality
    compute: Callable[[Any], bytes]
    longest: int | None = None
    whole: Callable[[bytes], bool] | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Something small that is computed from two contents once, and kept as a `Signature` is.

    `compute` gets two items, and runs in threads. Where it raises `curator.kit.reading.Unreadable`, nothing is kept.
    `name` and `whole` are as those of a `Signature`: the name changes when the bytes would for the same two contents,
    in this order. `files`: it opens their files, which then are there as they were when they were added. `prepare` is
    told which pairs are computed next, at most a thousand, in the thread that runs the plan.
    """

    name: str
    compute: Callable[[Item, Item], bytes]
    whole: Callable[[bytes], bool] | None = None
    files: bool = False
    prepare: Callable[[Sequence[tuple[Item, Item]]], None] | None = None


@dataclass(frozen=True, slots=True)
class Neighbours:
    """`items[index[i, j]]` is the item (j + 1)-th nearest to `items[i]`, which is not among them.

    `index` is (n, k) int32, `score` (n, k) float32: the cosines, descending. k is less where there are fewer items.
    """

    items: Sequence[Item]
    index: NDArray[np.int32]
    score: Floats


class StoredVectors(Protocol):
    """The vectors of any number of items, (n, dim) in all, of which only a few are in memory at once."""

    @property
    def items(self) -> Sequence[Item]:
        """Those that have a vector, in order."""
        ...

    def __len__(self) -> int:
        """How many these are."""
        ...

    def blocks(self) -> Iterator[tuple[NDArray[np.int64], Floats]]:
        """All of them once, some at a time, in whichever order is fastest: their indices, (m,), and (m, dim) unit rows.

        Raises `NotReady` where a stored vector is not finite, or was removed meanwhile.
        """
        ...

    def rows(self, index: NDArray[np.int64]) -> Floats:
        """Those of a few items: (m, dim) unit rows."""
        ...


@dataclass(frozen=True, slots=True)
class Model:
    """An encoder with its weights, as the workspace has recorded it.

    `name` is what `-e` takes (`resnet50:IMAGENET1K_V2@1`). `fingerprint` names the *space* of its
    vectors: vectors of two fingerprints must never be compared.
    """

    id: int
    name: str
    encoder: str
    variant: str
    version: int
    dim: int
    modalities: tuple[Modality, ...]
    fingerprint: str


@dataclass(frozen=True, slots=True)
class TargetRef:
    """A label or a group of labels, as the catalogue knows it: what a head is for, and what a question is about.

    `Context.target` gives it. `id` is what it is known by, None where it is gone. `name` is its own, `group` the name
    of the group that a label belongs to; None for one that stands alone, and for a group. As text it is `label:NAME`,
    `label:GROUP/NAME` or `group:NAME`, for people: names hold any character, so that nothing can be read back from it.
    """

    kind: Literal["label", "group"]
    id: int | None
    name: str
    group: str | None = None

    @property
    def full_name(self) -> str:
        """`GROUP/NAME` of a label in a group, else `NAME`."""
        return self.name if self.group is None else f"{self.group}/{self.name}"

    def __str__(self) -> str:
        return f"{self.kind}:{self.full_name}"


@dataclass(frozen=True, slots=True)
class Said:
    """What holds of an item as to a label: that it is (`True`), is not (`False`), or both (None), by which word.

    `score` is how sure that was, 0 to 1, where it was said: the probability of a head, the measure of a rule.
    """

    label: TargetRef
    value: bool | None
    source: Literal["head", "rule", "import", "human"]
    score: float | None = None

    def excludes(self, other: Said) -> bool:
        """Whether both cannot be said of one thing. What a head said stands in nobody's way."""
        if "head" in (self.source, other.source):
            return False
        if self.label.id == other.label.id:
            return self.value is None or other.value is None or self.value != other.value
        siblings = self.label.group is not None and self.label.group == other.label.group
        return siblings and self.value is True and other.value is True


@dataclass(frozen=True, slots=True)
class Known:
    """What is on record of an item beside its content: its labels, how many captions, and how many marked pairs.

    A text has as many captions as it is one of pictures.
    """

    said: tuple[Said, ...] = ()
    captions: int = 0
    pairs: int = 0

    def against(self, other: Known) -> list[tuple[Said, Said]]:
        """What is said of the one and excludes what is said of the other."""
        return [(mine, theirs) for mine in self.said for theirs in other.said if mine.excludes(theirs)]


@dataclass(frozen=True, slots=True)
class FittedHead:
    """A head that has been fitted and saved.

    `target` is the label or group; `classes` are its columns in order (for a label: `("not X", "X")`).
    `metrics` are means over held-out folds; `metrics["items"]` says on how many items they rest.
    `reused` is True when neither labels nor vectors changed since it was fitted; `notes` are
    sentences that a reader of the metrics should see. `calibrated`: its probabilities were set by held-out items.
    `tested`: the same metrics on a folder that it was kept from, where that was asked for.
    """

    id: int
    target: TargetRef
    version: int
    head: str
    model: Model
    classes: tuple[str, ...]
    counts: tuple[int, ...]
    metrics: Mapping[str, float]
    reused: bool
    notes: tuple[str, ...] = ()
    calibrated: bool = False
    tested: Mapping[str, float] = field(default_factory=dict)

    def figures(self) -> list[dict[str, Any]]:
        """A row for each metric: `metric`, `value`, `spread`, `items`, and its value on `DISTURBED` copies.

        None where it was not measured.
        """
        return [
            {
                "metric": name,
                "value": value,
                "spread": self.metrics.get(f"{name} spread"),
                **{kind: self.metrics.get(f"{name}, {kind}") for kind in DISTURBED},
                "items": int(self.metrics["items"]),
            }
            for name, value in self.metrics.items()
            if name != "items" and not name.endswith((" spread", *(f", {kind}" for kind in DISTURBED)))
        ]


@dataclass(frozen=True, slots=True)
class FittedMetric:
    """A similarity that was learnt, in the space of `model`, from pairs which people marked.

    `alike` and `unlike` are the pairs of each kind. `held_out` is how often (0..1) a pair marked as alike came out
    above one marked as not, while both were held out, `plain` the same by the cosine of the vectors as they are, and
    `measured` on how many pairs both rest; None and 0 where nothing could be held out. `reused`: nothing changed since
    it was fitted. `notes` are sentences that a reader of the figures should see.
    `transform` gives (n, m) float32 unit rows for (n, dim) unit rows of that space; their inner products are the
    learned similarities, -1 to 1.
    """

    name: str
    metric: str
    model: Model
    alike: int
    unlike: int
    held_out: float | None
    plain: float | None
    measured: int
    reused: bool
    notes: tuple[str, ...]
    transform: Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True)
class Predictions:
    """`probabilities[i, c]` is that of `classes[c]` for `items[i]`; (n, classes), rows sum to 1.

    Where somebody said that an item is not of a class, that one's is 0, and the row sums to less.

    `scores`, (n,): where the head knows a background of what nobody labelled, how far each item stands out from it as
    the label or as the most probable class, 0 to 1; those of `HeldOut` are on the same scale. None where it knows none.
    `as_given`, (n,): the same as if nothing were denied, by which thresholds are set; None where nothing is.
    """

    items: Sequence[Item]
    classes: tuple[str, ...]
    probabilities: Floats
    scores: Floats | None = None
    as_given: Floats | None = None


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What was said of labelled items while they were held out from the head.

    `targets`, (n,) int64, are the classes that the items are labelled as, and `probabilities`, (n, classes), what was
    said, calibrated as the head's predictions are; means where an item was held out several times. `scores`, (n,), are
    as those of `Predictions`; None where it knows no background.
    """

    items: list[Item]
    classes: tuple[str, ...]
    targets: NDArray[np.int64]
    probabilities: Floats
    scores: Floats | None = None


@dataclass(frozen=True, slots=True)
class Logits:
    """What a head makes of unit rows, before and after the softmax.

    `values` are the logits, (n, classes), `gradients` how each grows with the row, (n, classes, dim), where it is;
    of a linear head they are its weights in each row. `probabilities` (n, classes) are what `predict` says.
    """

    values: Floats
    gradients: Floats
    probabilities: Floats


@dataclass(frozen=True, slots=True)
class MappedPicture:
    """The feature map of a picture, and what of the picture it covers.

    `values` is (h, w, dim); their mean is the vector before it gets unit length. `size` is the width and height of
    the picture in pixels, upright. `frame` is the left, top, right and bottom of what the map covers, in those pixels,
    each cell an equal part of it; it lies within the picture where that is cut, and around it where it is padded.
    """

    values: Floats
    size: tuple[int, int]
    frame: tuple[float, float, float, float]
