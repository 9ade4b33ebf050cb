"""Actions, and quality checks: what they take, and what they may ask."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from curator.api.data import (
    Comparison,
    FittedHead,
    FittedMetric,
    Flaw,
    HeldOut,
    Item,
    Known,
    Logits,
    MappedPicture,
    Modality,
    Model,
    Neighbours,
    Place,
    Predictions,
    Side,
    Signature,
    StoredVectors,
    TargetRef,
    Unseen,
)
from curator.api.exporters import Dataset, ExporterSpec, Folder
from curator.api.params import (
    CheckName,
    EncoderRef,
    ExporterName,
    GroupName,
    HeadName,
    ItemSet,
    LabelName,
    MetricName,
    Query,
)
from curator.api.readers import SourceTable, TableRow
from curator.api.tables import Output, Table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float32]


class Context(Protocol):
    """What an action may ask. It reads; whatever should change, the action yields."""

    def items(self, among: ItemSet = ..., modalities: Sequence[Modality] | None = None) -> Sequence[Item]:
        """The items of a selection, by id; read from the catalogue as they are looked at, as there may be a million."""
        ...

    def of_ids(self, ids: Iterable[int]) -> Sequence[Item]:
        """The items of these ids, each once, in this order; read as they are looked at, as those of `items` are."""
        ...

    def model(self, ref: EncoderRef | None, modality: Modality, maps: bool = False) -> Model:
        """The model that `ref` names, or the workspace's default for the modality.

        `maps`: one that `feature_maps` is to be asked of. Raises `BadInput` for an encoder that is known to have none,
        before its weights are asked for or anything is embedded.
        """
        ...

    def models(self) -> list[Model]:
        """The models that the workspace has recorded and whose encoders are installed, oldest first."""
        ...

    def embed(self, query: Query, model: Model) -> Floats:
        """The vector of a query, (dim,), of unit length."""
        ...

    def embed_texts(self, texts: Sequence[str], model: Model) -> Floats:
        """The vectors of texts that need not be items, (n, dim), unit rows in the same order. They are not kept."""
        ...

    def next_tokens(self, text: str, model: Model, k: int) -> list[tuple[str, float]]:
        """The `k` most probable next pieces of a text, with their probabilities; an empty one means that it ends.

        Raises `BadInput` where the model is no `LanguageModel`.
        """
        ...

    def carry_on(
        self, text: str, model: Model, length: int, temperature: float = 0.0, seed: int = 0
    ) -> list[tuple[str, float]]:
        """Up to `length` pieces with which a text goes on, each with its probability; fewer where it ends before."""
        ...

    def metric(self, name: MetricName, model: Model) -> FittedMetric:
        """The similarity that people marked pairs for: the one fitted before while nothing changed, else a new one.

        Raises `NotFound` with the nearest name, `NotReady` where there are fewer than two pairs of each kind.
        """
        ...

    def nearest(
        self, vector: Floats, model: Model, items: Sequence[Item], k: int, metric: FittedMetric | None = None
    ) -> list[tuple[Item, float]]:
        """The `k` items of highest cosine (-1..1) with `vector`, best first; ties by id.

        Exact among up to 20,000 items and with a metric; among more, one in a thousand may be missed.
        With `metric`, of highest learned similarity (-1..1); `vector` is one of the model's space all the same.
        Embeds what is missing if that is quick; items that cannot be embedded are left out.
        """
        ...

    def cosines(self, vectors: Floats, model: Model, items: Sequence[Item]) -> tuple[Sequence[Item], Floats]:
        """The cosine (-1..1) of each item with each of m unit rows: the items in order, and (n, m) numbers. Exact.

        Embeds what is missing as `nearest` does; items that cannot be embedded are left out.
        """
        ...

    def vectors(self, model: Model, items: Sequence[Item]) -> tuple[list[Item], Floats]:
        """The items that have a vector, in order, and their vectors, (n, dim) unit rows, all of them in memory.

        Embeds what is missing as `nearest` does. Raises `NotReady` where a stored vector is not finite.
        """
        ...

    def sample(self, model: Model, count: int) -> Floats:
        """`count` vectors of the model's space by chance, (n, dim), unit rows; fewer where it holds fewer.

        The same ones each time, as long as these are there: a measure of the space, as of how far two lie apart.
        """
        ...

    def stored(self, model: Model, items: Sequence[Item]) -> StoredVectors:
        """The same of any number of items, read some at a time."""
        ...

    def target(self, label: LabelName | None, group: GroupName | None) -> TargetRef:
        """The one label or group that was named; raises `NotFound` with the nearest name.

        Raises `BadInput` for a name that several labels go by, with what to write instead.
        """
        ...

    def label_in(self, group: GroupName, name: str) -> TargetRef:
        """The label of that name within a group, whatever characters they hold; raises `NotFound`."""
        ...

    def targets(self) -> list[TargetRef]:
        """What `head` can be asked for: every group, and every label in no group, with two examples of two classes."""
        ...

    def head(
        self,
        target: TargetRef,
        model: Model | None = None,
        head: HeadName | None = None,
        without: frozenset[int] = frozenset(),
    ) -> FittedHead:
        """The head for a label or group: the saved one while labels and vectors are the same, else a new one.

        `without`: as it is where nothing is said of these items, for what their labels are to prove.
        """
        ...

    def predict(self, head: FittedHead, items: Sequence[Item]) -> Predictions:
        """What a head says of items; those that cannot be embedded are left out.

        A class of a group that somebody said an item is not has a probability of 0, and what is of none is left out.
        """
        ...

    def held_out(self, head: FittedHead) -> HeldOut:
        """What was said of the items that the head is fitted on while they were held out; none, where none could be."""
        ...

    def originals(self, items: Sequence[Item], model: Model) -> NDArray[np.int64]:
        """Numbers, (n,), the same for items that are versions of one photo or text, as heads hold them out together."""
        ...

    def copies(self, items: Sequence[Item]) -> NDArray[np.int64]:
        """Numbers, (n,), the same for what `dedupe` calls copies: pictures saved again, texts typed otherwise."""
        ...

    def logits(self, head: FittedHead, vectors: Floats) -> Logits:
        """What a head makes of (n, dim) unit rows; raises `BadInput` for one that is neither linear nor differentiable.

        Nothing of it is kept.
        """
        ...

    def layers(self, model: Model) -> list[str]:
        """The layers of a model of pictures by name, in the order in which they run; empty where none are named."""
        ...

    def feature_maps(
        self, pictures: Sequence[Item | Query], model: Model, layer: str | None = None
    ) -> Iterator[tuple[Item | Query, MappedPicture | str]]:
        """Each picture with its feature map, or why it cannot be read; the encoder is loaded once for all of them.

        `layer`: of one of its `layers`, where the network is cut. Raises `BadInput` for a model whose encoder is no
        `FeatureMap`.
        """
        ...

    def unlabelled(self, target: TargetRef, items: Sequence[Item]) -> Sequence[Item]:
        """Those of `items` of which nothing is said as to the label or group, nor that they are none of the group."""
        ...

    def without(self, items: Sequence[Item], others: Sequence[Item]) -> Sequence[Item]:
        """Those of `items` that are not among `others`; none of them is made for that."""
        ...

    def said(self, target: TargetRef, items: Sequence[Item]) -> list[str | None]:
        """The class of the target (`X` or `not X` of a label) that each item is said to be, None where nothing is said.

        An empty text stands where things are said that exclude each other.
        """
        ...

    def denied(self, target: TargetRef, items: Sequence[Item]) -> list[frozenset[str]]:
        """The labels of a group, by their names there, that each item is said not to be; of a label none."""
        ...

    def asked(self) -> frozenset[int]:
        """The items that a person was asked about since the command began, and answered or skipped; ask no more."""
        ...

    def places(self, items: Sequence[Item]) -> list[tuple[Place, ...]]:
        """Where each item is now, by path: files that are there and unchanged since they were added, rows of such."""
        ...

    def unseen(self, items: Sequence[Item]) -> list[Unseen]:
        """What `places` leaves out, by path: files that are gone, or not as they were when they were added."""
        ...

    def signatures(self, signature: Signature, items: Sequence[Item]) -> Iterator[tuple[Item, bytes]]:
        """The signature of each item of its modality, in order; computed where it is not kept yet.

        What cannot be read or computed is left out, and recorded with the reason.
        """
        ...

    def signature_values(self, signature: Signature, items: Sequence[Item]) -> Iterator[tuple[int, bytes]]:
        """The same by the id of each item: of very many, of which few are looked at closer, none is made for it."""
        ...

    def comparisons(self, comparison: Comparison, pairs: Sequence[tuple[Item, Item]]) -> Iterator[bytes | None]:
        """The comparison of each pair, in order; computed where it is not kept yet, None where it cannot be."""
        ...

    def neighbours(self, model: Model, items: Sequence[Item], k: int) -> Neighbours:
        """For each item the `k` others of highest cosine; of n items n x k numbers are in memory, never n x n.

        Ties go by content, so that it is the same whatever the order in which things were added.
        Exact among up to 20,000 items. Among more some are missed that are far off: in spaces of photos and of texts
        none of those with a cosine above 0.9, and one in two hundred of those above 0.8. Embeds what is missing as
        `nearest` does; items that cannot be embedded are left out.
        """
        ...

    def labels(self, items: Sequence[Item]) -> list[tuple[str, ...]]:
        """The labels that each item is said to be, sorted."""
        ...

    def sides(self, items: Sequence[Item]) -> list[Side | None]:
        """The side of the split that each item is on."""
        ...

    def linked(self, items: Sequence[Item]) -> list[tuple[Item, ...]]:
        """The captions that each image has, and the images that each text is a caption of, by id."""
        ...

    def known(self, items: Sequence[Item]) -> list[Known]:
        """What is on record of each item beside its content: what is said of it, captions, and marked pairs."""
        ...

    def earlier(self) -> list[Mapping[str, Any]]:
        """What this action was given by each of its runs that changed something and was not undone, the latest first.

        By the names of its parameters, without those that were left out, as JSON: names are texts, several a list.
        """
        ...

    def checks(self) -> list[CheckSpec]:
        """The quality checks that plugins offer, by name."""
        ...

    def flaws(self, check: CheckName, items: Sequence[Item], least: float = 0.0) -> list[Flaw]:
        """What a quality check has against items, worst first; raises `NotFound` with the nearest name.

        `least`: of that score or more. Of very many items, most have a low one.
        """
        ...

    def table(self, path: Path) -> SourceTable:
        """A table that was added; raises `BadInput` where it is not as it was then."""
        ...

    def table_rows(self, path: Path) -> Iterator[TableRow]:
        """Its rows, read again in their order, with their items."""
        ...

    def exporters(self) -> list[ExporterSpec]:
        """The formats that plugins offer, by name."""
        ...

    def export(self, name: ExporterName, dataset: Dataset, folder: Folder | None = None) -> None:
        """Let an exporter fill a folder, without one only check; raises `NotFound` with the nearest name."""
        ...

    def unreadable(self, items: Sequence[Item]) -> list[tuple[Item, str]]:
        """Those of `items` whose content is known to be damaged, by id, and what is wrong with it."""
        ...

    def note(self, message: str) -> None:
        """Tell the person something beside the findings, in one line."""
        ...


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """Something to do with the catalogue; becomes the command `name` and the call `ws.run(name, ...)`.

    `plan(context, params)` yields outputs and does nothing else: no writing, printing or asking. `moves_files`: it
    may yield `SetAside`, and its command has `--apply`, without which it shows and moves nothing. `asks`: it may
    yield `Ask`, and its command asks at a terminal, up to `--count` questions; with `--json` they are rows. `embeds`:
    it may need embeddings, and its command has `--encode` and what says how pictures are decoded. `labels`: it may
    yield `SetLabel`; one that says that it does not is held to it. `splits`: it may yield `SetSide`.
    """

    name: str
    summary: str
    params: type
    plan: Callable[[Context, Any], Iterator[Output]]
    tables: tuple[Table, ...] = ()
    example: str = ""
    moves_files: bool = False
    asks: bool = False
    embeds: bool = True
    labels: bool = True
    splits: bool = False


@dataclass(frozen=True, slots=True)
class CheckSpec:
    """One kind of flaw to look for; `curator audit` runs all of them, `curator audit --check NAME` this one.

    `look(context, items)` gets the items of its `modalities`, by id, and yields a `Flaw` for each that has a score
    above 0; more than one of an item is an error. Each item may be judged by itself or among the others. It reads, as
    an action does, and says with `context.note` what it could not look at. What is measured of a content belongs in a
    `Signature`, so that it is measured once. `summary` completes "finds ...". `name` is also the label that
    `curator audit --mark` gives: `quality:NAME`.
    """

    name: str
    summary: str
    modalities: tuple[Modality, ...]
    look: Callable[[Context, Sequence[Item]], Iterator[Flaw]]
