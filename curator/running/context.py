"""Running actions: the context that a plan reads through, and what becomes of what it yields."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curator.api import (
    CheckName,
    CheckSpec,
    Comparison,
    Dataset,
    EncoderRef,
    EncoderSpec,
    ExporterName,
    ExporterSpec,
    FittedHead,
    FittedMetric,
    Flaw,
    Folder,
    GroupName,
    HeadName,
    HeldOut,
    Item,
    ItemSet,
    Known,
    LabelName,
    Logits,
    MappedPicture,
    MetricName,
    Modality,
    Model,
    Neighbours,
    Place,
    Predictions,
    Query,
    Side,
    Signature,
    SourceTable,
    StoredVectors,
    TableRow,
    TargetRef,
    Unseen,
)
from curator.catalog.items import to_utf8
from curator.catalog.labels import Source
from curator.catalog.selection import having, ids_of, without
from curator.catalog.source_tables import Tables
from curator.catalog.taking_over import TakingOver
from curator.embedding.comparisons import Comparisons
from curator.embedding.search import cosines, nearest, neighbours
from curator.embedding.signatures import Signatures
from curator.errors import BadInput
from curator.history.journal import Writer
from curator.history.undo import undone
from curator.ingest.rereading import AT_ONCE, Rereading
from curator.parts import Parts
from curator.registry.validation import validate
from curator.reporter import Reporter
from curator.running import checking
from curator.store.catalogue.items import CaptionStore
from curator.store.catalogue.runs import RunStore
from curator.store.stored import read

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class ActionContext:
    """What `curator.api.Context` promises, on a workspace."""

    def __init__(
        self,
        parts: Parts,
        writer: Writer,
        may_encode: bool = False,
        reporter: Reporter | None = None,
        asked: frozenset[int] = frozenset(),
        action: str = "",
    ) -> None:
        self.head_used: FittedHead | None = None
        """The last head that the plan asked for."""
        self._parts = parts
        self._items = parts.items
        self._labels = parts.labels
        self._encoding = parts.encoding
        self._writer = writer
        self._reporter = reporter or parts.reporter
        self._may_encode = may_encode
        self._asked = asked
        self._action = action

    def items(self, among: ItemSet = ItemSet(), modalities: Sequence[Modality] | None = None) -> Sequence[Item]:
        """The items of a selection, by id."""
        return self._items.select(among, modalities)

    def of_ids(self, ids: Iterable[int]) -> Sequence[Item]:
        """The items of these ids, in this order."""
        return self._items.of_ids(ids)

    def model(self, ref: EncoderRef | None, modality: Modality, maps: bool = False) -> Model:
        """The model that `ref` names, or the default; recorded now if it never was."""
        models = self._encoding.models
        reference = models.default_reference(modality) if ref is None else ref
        if maps:
            from curator.learning.attribution import hold_maps

            hold_maps(self._parts.registry, reference)
        return models.known(reference, self._writer, self._reporter.say)

    def models(self) -> list[Model]:
        """Those on record, as far as their encoders are installed."""
        installed = self._parts.registry.names(EncoderSpec)
        return [model for model in self._encoding.models.all() if model.encoder in installed]

    def embed(self, query: Query, model: Model) -> NDArray[np.float32]:
        """The vector of a query, (dim,), of unit length."""
        return self._encoding.embed(model, query)

    def embed_texts(self, texts: Sequence[str], model: Model) -> NDArray[np.float32]:
        """The vectors of texts, unit rows."""
        for text in texts:
            to_utf8(text)
        return self._encoding.embed_texts(model, texts)

    def next_tokens(self, text: str, model: Model, k: int) -> list[tuple[str, float]]:
        """What comes next."""
        to_utf8(text)
        return self._encoding.written(model, lambda encoder: encoder.next_tokens(text, k))

    def carry_on(
        self, text: str, model: Model, length: int, temperature: float = 0.0, seed: int = 0
    ) -> list[tuple[str, float]]:
        """How it goes on."""
        to_utf8(text)
        return self._encoding.written(model, lambda encoder: encoder.carry_on(text, length, temperature, seed))

    def metric(self, name: MetricName, model: Model) -> FittedMetric:
        """The learned similarity of that name, and what is to be said of it."""
        fitted = self._parts.similarity.fitted_metric(name, model, self._may_encode)
        for line in self._parts.similarity.report_lines(fitted):
            self._reporter.say(line)
        return fitted

    def nearest(
        self,
        vector: NDArray[np.float32],
        model: Model,
        items: Sequence[Item],
        k: int,
        metric: FittedMetric | None = None,
    ) -> list[tuple[Item, float]]:
        """The `k` items of highest cosine, or learned similarity, with the vector."""
        self._encoding.ensure(model, items, self._may_encode)
        return nearest(self._encoding, vector, model, items, k, metric.transform if metric else None)

    def cosines(
        self, vectors: NDArray[np.float32], model: Model, items: Sequence[Item]
    ) -> tuple[Sequence[Item], NDArray[np.float32]]:
        """The cosine of each item with each of several vectors."""
        self._encoding.ensure(model, items, self._may_encode)
        return cosines(self._encoding, vectors, model, items)

    def vectors(self, model: Model, items: Sequence[Item]) -> tuple[list[Item], NDArray[np.float32]]:
        """The items that have a vector, and their vectors as unit rows."""
        self._encoding.ensure(model, items, self._may_encode)
        return self._encoding.matrix(model, items)

    def sample(self, model: Model, count: int) -> NDArray[np.float32]:
        """Some vectors of a space by chance."""
        return self._encoding.sample(model, count)

    def stored(self, model: Model, items: Sequence[Item]) -> StoredVectors:
        """The same of any number of items, read some at a time."""
        self._encoding.ensure(model, items, self._may_encode)
        return self._encoding.stored(model, items)

    def target(self, label: LabelName | None, group: GroupName | None) -> TargetRef:
        """The one label or group that was named."""
        if (label is None) == (group is None):
            names = self._labels.names()
            more = [f"and {len(names) - 8} more"] if len(names) > 8 else []
            known = ", ".join([*names[:8], *more]) or "none yet"
            raise BadInput(f"give either --label NAME or --group NAME (labels: {known})")
        return self._labels.target(label, group)

    def label_in(self, group: GroupName, name: str) -> TargetRef:
        """The label of that name within a group."""
        return self._labels.target(name, group)

    def targets(self) -> list[TargetRef]:
        """Every group, and every label in no group, that a head can be fitted for."""
        known = [(count.group, count.ref) for count in self._labels.counts()]
        named = [ref if group is None else self._labels.target(group=group) for group, ref in known]
        return [target for target in dict.fromkeys(named) if self._parts.training.able(target)]

    def head(
        self,
        target: TargetRef,
        model: Model | None = None,
        head: HeadName | None = None,
        without: frozenset[int] = frozenset(),
    ) -> FittedHead:
        """The saved head while it fits, else a new one."""
        training = self._parts.training
        fitted = training.head(self._writer, target, model, head, {}, self._may_encode, without=without)
        if fitted.reused:
            self._reporter.say(
                f"using the {fitted.head} head {fitted.target}@{fitted.version} on {fitted.model.name}: nothing changed"
            )
        for note in fitted.notes:
            self._reporter.say(f"note: {note}")
        self.head_used = fitted
        return fitted

    def predict(self, head: FittedHead, items: Sequence[Item]) -> Predictions:
        """What a head says of items.

        What was denied since the command began does not count: what a head said before is what answers prove.
        """
        self._encoding.ensure(head.model, items, self._may_encode)
        said = self._labels.denied(head.target)
        denied = {item: names for item, names in said.items() if item not in self._asked}
        return self._parts.training.predict(head, items, denied)

    def held_out(self, head: FittedHead) -> HeldOut:
        """What was said of the items that the head is fitted on while they were held out."""
        return self._parts.training.held_out(head)

    def originals(self, items: Sequence[Item], model: Model) -> NDArray[np.int64]:
        """Which items are of one original."""
        return self._parts.training.kin(model, items)

    def copies(self, items: Sequence[Item]) -> NDArray[np.int64]:
        """Which items are copies of each other."""
        return self._parts.training.kinship.copies(items)

    def logits(self, head: FittedHead, vectors: NDArray[np.float32]) -> Logits:
        """What a head makes of unit rows."""
        return self._parts.attribution.logits(head, vectors)

    def layers(self, model: Model) -> list[str]:
        """The layers of a model of pictures by name."""
        return list(self._parts.attribution.layers(model))

    def feature_maps(
        self, pictures: Sequence[Item | Query], model: Model, layer: str | None = None
    ) -> Iterator[tuple[Item | Query, MappedPicture | str]]:
        """Each picture with its feature map, or why it cannot be read."""
        return self._parts.attribution.feature_maps(model, pictures, layer)

    def unlabelled(self, target: TargetRef, items: Sequence[Item]) -> Sequence[Item]:
        """Those of `items` of which nothing is said as to the target."""
        examples = self._labels.examples(target, least=Source.HEAD)
        said = {*examples.items, *examples.conflicts}
        if examples.classes:  # what is none of them
            denied = self._labels.denied(target)
            said |= {item for item, names in denied.items() if names.issuperset(examples.classes)}
        return without(items, said)

    def without(self, items: Sequence[Item], others: Sequence[Item]) -> Sequence[Item]:
        """Those of `items` that are not among `others`."""
        return without(items, frozenset(ids_of(others)))

    def said(self, target: TargetRef, items: Sequence[Item]) -> list[str | None]:
        """The class that each item is said to be, empty for a conflict, None where nothing is said."""
        examples = self._labels.examples(target)
        known = {item: examples.classes[index] for item, index in zip(examples.items, examples.targets, strict=True)}
        known |= dict.fromkeys(examples.conflicts, "")
        return [known.get(number) for number in ids_of(items)]

    def denied(self, target: TargetRef, items: Sequence[Item]) -> list[frozenset[str]]:
        """The labels of a group that each item is said not to be."""
        found = self._labels.denied(target)
        return [found.get(number, frozenset()) for number in ids_of(items)]

    def asked(self) -> frozenset[int]:
        """The items that a person was asked about since the command began."""
        return self._asked

    def labels(self, items: Sequence[Item]) -> list[tuple[str, ...]]:
        """The labels that each item is said to be."""
        found = self._labels.of_items(ids_of(items))
        return [tuple(found.get(number, ())) for number in ids_of(items)]

    def sides(self, items: Sequence[Item]) -> list[Side | None]:
        """The side of the split that each item is on."""
        found = self._parts.sides.of_items(ids_of(items))
        return [found.get(number) for number in ids_of(items)]

    def linked(self, items: Sequence[Item]) -> list[tuple[Item, ...]]:
        """The captions of each image, and the images of each caption."""
        found: dict[int, set[int]] = defaultdict(set)
        for caption in CaptionStore(self._parts.database).of_items(ids_of(items)):
            found[caption.image_id].add(caption.text_id)
            found[caption.text_id].add(caption.image_id)
        others = {item.id: item for item in self._items.by_ids(sorted({*found} | set().union(*found.values())))}
        return [tuple(others[other] for other in sorted(found.get(number, ()))) for number in ids_of(items)]

    def known(self, items: Sequence[Item]) -> list[Known]:
        """What is on record of each item beside its content."""
        return TakingOver(self._parts.database).known(ids_of(items))

    def places(self, items: Sequence[Item]) -> list[tuple[Place, ...]]:
        """Where each item is now."""
        found = Tables(self._parts.database).live(ids_of(items))
        return [tuple(found.get(number, ())) for number in ids_of(items)]

    def unseen(self, items: Sequence[Item]) -> list[Unseen]:
        """What is not as it was."""
        return Tables(self._parts.database).unseen(ids_of(items))

    def signatures(self, signature: Signature, items: Sequence[Item]) -> Iterator[tuple[Item, bytes]]:
        """The signature of each item, computed where it is not kept."""
        return Signatures(self._encoding).of(validate(Signature, signature), items)

    def signature_values(self, signature: Signature, items: Sequence[Item]) -> Iterator[tuple[int, bytes]]:
        """The same by ids."""
        return Signatures(self._encoding).values(validate(Signature, signature), items)

    def comparisons(self, comparison: Comparison, pairs: Sequence[tuple[Item, Item]]) -> Iterator[bytes | None]:
        """The comparison of each pair, computed where it is not kept."""
        return Comparisons(self._encoding).of(validate(Comparison, comparison), pairs)

    def neighbours(self, model: Model, items: Sequence[Item], k: int) -> Neighbours:
        """For each item the `k` nearest others."""
        self._encoding.ensure(model, items, self._may_encode)
        return neighbours(self._encoding, model, items, k)

    def earlier(self) -> list[Mapping[str, Any]]:
        """What the action was given before, the latest first."""
        runs = RunStore(self._parts.database)
        gone = undone(runs)
        found = [run for run in runs.of_commands(self._action) if run.changes and run.id not in gone]
        return [read("run", "arguments", run.arguments) for run in reversed(found)]

    def checks(self) -> list[CheckSpec]:
        """The quality checks there are."""
        return self._parts.registry.all(CheckSpec)

    def flaws(self, check: CheckName, items: Sequence[Item], least: float = 0.0) -> list[Flaw]:
        """What a quality check has against items."""
        return checking.flaws(self._parts.registry, check, self, items, least)

    def table(self, path: Path) -> SourceTable:
        """A table that was added."""
        found = Rereading(self._parts.registry, self._parts.database, path)
        return SourceTable(Path(found.path), tuple(found.columns()), not found.given.no_header, found.encoding)

    def table_rows(self, path: Path) -> Iterator[TableRow]:
        """Its rows, read again."""
        rows = Rereading(self._parts.registry, self._parts.database, path).rows()
        while page := list(islice(rows, AT_ONCE)):
            ids = sorted({row.item for row in page if row.item is not None})
            items = {item.id: item for item in self._items.by_ids(ids)}
            yield from (TableRow(row.values, items.get(row.item or 0), row.aside) for row in page)

    def exporters(self) -> list[ExporterSpec]:
        """The formats there are."""
        return self._parts.registry.all(ExporterSpec)

    def export(self, name: ExporterName, dataset: Dataset, folder: Folder | None = None) -> None:
        """Let an exporter fill a folder, or only check."""
        spec = self._parts.registry.get(ExporterSpec, name)
        with self._parts.registry.guard(spec, "writing with"):
            if folder is not None:
                spec.write(dataset, folder)
            elif spec.check is not None:
                spec.check(dataset)

    def unreadable(self, items: Sequence[Item]) -> list[tuple[Item, str]]:
        """Those that are known to be damaged, and how."""
        derived = self._parts.derived
        why = derived.failures("", list(derived.all_failures()))  # few, so that of very many items no others are made
        return [(item, why[item.hash]) for item in having(items, why)]

    def note(self, message: str) -> None:
        """Pass a line on."""
        self._reporter.say(message)
