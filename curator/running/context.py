"""Running actions: the context that a plan reads through, and what becomes of what it yields."""

from __future__ import annotations

import errno
import math
from collections.abc import Iterator, Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from curator.api import (
    ActionSpec,
    Artifact,
    Ask,
    EncoderRef,
    Finding,
    FittedHead,
    FittedMetric,
    GroupName,
    HeadName,
    HeldOut,
    Item,
    ItemSet,
    LabelName,
    Logits,
    MappedPicture,
    MetricName,
    Modality,
    Model,
    Neighbours,
    NewFile,
    Option,
    Output,
    Place,
    Predictions,
    Query,
    SetAside,
    SetLabel,
    Signature,
    Table,
    TargetRef,
)
from curator.catalog.items import Items, encoded, text_query
from curator.catalog.labels import Labels, Source
from curator.catalog.places import typed
from curator.catalog.source_tables import Tables
from curator.embedding.embedder import Encoding
from curator.embedding.search import cosines, nearest, neighbours
from curator.embedding.signatures import Signatures
from curator.errors import BadInput, CuratorError, NotReady
from curator.history.journal import Journal
from curator.learning.attribution import Explaining
from curator.learning.similarity import LearnedMetrics, told
from curator.learning.training import Training
from curator.media.files import reason
from curator.registry.parameters import Parameter, bind, parameters
from curator.registry.validation import Breach, held
from curator.reporter import Reporter
from curator.running.artifacts import Targets

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from curator.registry.loader import Registry


OUTPUTS = (SetLabel, SetAside, Artifact, Ask)

NUMBERS = frozenset(["integer", "score", "percent"])
"""Styles of columns that hold numbers, or None."""


class ActionContext:
    """What `curator.api.Context` promises, on a workspace."""

    def __init__(
        self,
        items: Items,
        encoding: Encoding,
        training: Training,
        journal: Journal,
        reporter: Reporter,
        may_encode: bool = False,
        asked: frozenset[int] = frozenset(),
    ) -> None:
        self.head_used: FittedHead | None = None
        """The last head that the plan asked for."""
        self._items = items
        self._encoding = encoding
        self._training = training
        self._journal = journal
        self._reporter = reporter
        self._may_encode = may_encode
        self._asked = asked
        self._labels = Labels(items.database)

    def items(self, among: ItemSet = ItemSet(), modalities: Sequence[Modality] | None = None) -> list[Item]:
        """The items of a selection, by id."""
        return self._items.select(among, modalities)

    def model(self, ref: EncoderRef | None, modality: Modality) -> Model:
        """The model that `ref` names, or the default; recorded now if it never was."""
        models = self._encoding.models
        reference = models.default_reference(modality) if ref is None else ref
        found = models.find(reference)
        return found or models.obtain(reference, self._journal, say=self._reporter.say)

    def embed(self, query: Query, model: Model) -> NDArray[np.float32]:
        """The vector of a query, (dim,), of unit length."""
        return self._encoding.embed(model, query)

    def embed_texts(self, texts: Sequence[str], model: Model) -> NDArray[np.float32]:
        """The vectors of texts, unit rows."""
        for text in texts:
            encoded(text)
        return self._encoding.embed_texts(model, texts)

    def next_tokens(self, text: str, model: Model, k: int) -> list[tuple[str, float]]:
        """What comes next."""
        encoded(text)
        return self._encoding.written(model, lambda encoder: encoder.next_tokens(text, k))

    def carry_on(
        self, text: str, model: Model, length: int, temperature: float = 0.0, seed: int = 0
    ) -> list[tuple[str, float]]:
        """How it goes on."""
        encoded(text)
        return self._encoding.written(model, lambda encoder: encoder.carry_on(text, length, temperature, seed))

    def metric(self, name: MetricName, model: Model) -> FittedMetric:
        """The learned similarity of that name, and what is to be said of it."""
        fitted = LearnedMetrics(self._encoding, self._training).fitted(name, model, self._may_encode)
        for line in told(fitted):
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
    ) -> tuple[list[Item], NDArray[np.float32]]:
        """The cosine of each item with each of several vectors."""
        self._encoding.ensure(model, items, self._may_encode)
        return cosines(self._encoding, vectors, model, items)

    def vectors(self, model: Model, items: Sequence[Item]) -> tuple[list[Item], NDArray[np.float32]]:
        """The items that have a vector, and their vectors as unit rows."""
        self._encoding.ensure(model, items, self._may_encode)
        return self._encoding.matrix(model, items)

    def target(self, label: LabelName | None, group: GroupName | None) -> TargetRef:
        """The one label or group that was named."""
        if (label is None) == (group is None):
            known = ", ".join(self._labels.names()[:8]) or "none yet"
            raise BadInput(f"give either --label NAME or --group NAME (labels: {known})")
        return self._labels.target(label, group)

    def label_in(self, group: GroupName, name: str) -> TargetRef:
        """The label of that name within a group."""
        return self._labels.target(name, group)

    def targets(self) -> list[TargetRef]:
        """Every group, and every label in no group, that a head can be fitted for."""
        known = [(count.group, count.ref) for count in self._labels.counts()]
        named = [ref if group is None else self._labels.target(group=group) for group, ref in known]
        return [target for target in dict.fromkeys(named) if self._training.able(target)]

    def head(self, target: TargetRef, model: Model | None = None, head: HeadName | None = None) -> FittedHead:
        """The saved head while it fits, else a new one."""
        fitted = self._training.head(self._journal, target, model, head, {}, may_encode=self._may_encode)
        if fitted.reused:
            self._reporter.say(
                f"using the {fitted.head} head {fitted.target}@{fitted.version} on {fitted.model.name}: nothing changed"
            )
        for note in fitted.notes:
            self._reporter.say(f"note: {note}")
        self.head_used = fitted
        return fitted

    def predict(self, head: FittedHead, items: Sequence[Item]) -> Predictions:
        """What a head says of items."""
        self._encoding.ensure(head.model, items, self._may_encode)
        return self._training.predict(head, items)

    def held_out(self, head: FittedHead) -> HeldOut:
        """What was said of the items that the head is fitted on while they were held out."""
        return self._training.held_out(head)

    def logits(self, head: FittedHead, vectors: NDArray[np.float32]) -> Logits:
        """What a head makes of unit rows."""
        return Explaining(self._encoding, self._training).logits(head, vectors)

    def feature_maps(
        self, pictures: Sequence[Item | Query], model: Model
    ) -> Iterator[tuple[Item | Query, MappedPicture | str]]:
        """Each picture with its feature map, or why it cannot be read."""
        return Explaining(self._encoding, self._training).feature_maps(model, pictures)

    def unlabelled(self, target: TargetRef, items: Sequence[Item]) -> list[Item]:
        """Those of `items` of which nothing is said as to the target."""
        examples = self._labels.examples(target, least=Source.HEAD)
        said = {*examples.items, *examples.conflicts}
        return [item for item in items if item.id not in said]

    def said(self, target: TargetRef, items: Sequence[Item]) -> list[str | None]:
        """The class that each item is said to be, empty for a conflict, None where nothing is said."""
        examples = self._labels.examples(target)
        known = {item: examples.classes[index] for item, index in zip(examples.items, examples.targets, strict=True)}
        known |= dict.fromkeys(examples.conflicts, "")
        return [known.get(item.id) for item in items]

    def asked(self) -> frozenset[int]:
        """The items that a person was asked about since the command began."""
        return self._asked

    def labels(self, items: Sequence[Item]) -> list[tuple[str, ...]]:
        """The labels that each item is said to be."""
        found = self._labels.of_items([item.id for item in items])
        return [tuple(found.get(item.id, ())) for item in items]

    def places(self, items: Sequence[Item]) -> list[tuple[Place, ...]]:
        """Where each item is now."""
        found = Tables(self._items.database).live([item.id for item in items])
        return [tuple(found.get(item.id, ())) for item in items]

    def signatures(self, signature: Signature, items: Sequence[Item]) -> Iterator[tuple[Item, bytes]]:
        """The signature of each item, computed where it is not kept."""
        return Signatures(self._encoding).of(held(Signature, signature), items)

    def neighbours(self, model: Model, items: Sequence[Item], k: int) -> Neighbours:
        """For each item the `k` nearest others."""
        self._encoding.ensure(model, items, self._may_encode)
        return neighbours(self._encoding, model, items, k)

    def note(self, message: str) -> None:
        """Pass a line on."""
        self._reporter.say(message)


def bind_parameters(
    spec: ActionSpec, values: Mapping[str, Any], items: Items, text: str | None, targets: Targets
) -> Any:
    """An action's parameters, with paths, names and queries resolved. `text` stands in for a `Query`."""

    def resolve(parameter: Parameter, value: Any) -> Any:
        if parameter.type is Query:
            return value if isinstance(value, Query) else items.query(str(value))
        if parameter.type is ItemSet:
            return value if isinstance(value, ItemSet) else item_set(**value)
        if parameter.type is NewFile:
            return targets.checked(value, parameter.how.choices if isinstance(parameter.how, Option) else ())
        if not str(value).strip():
            raise BadInput(f"{parameter.name} needs a name, and {value!r} is none")
        return str(value)

    values = dict(values)
    if text is not None:
        query = next((p.name for p in parameters(spec.params) if p.type is Query), None)
        if query is None or values.get(query) is not None:
            raise BadInput(f"{spec.name} takes " + ("no text" if query is None else "a file or --text, not both"))
        values[query] = text_query(text)
    elif any(p.type is Query and p.required and values.get(p.name) is None for p in parameters(spec.params)):
        raise BadInput(f"{spec.name} takes a file, id:N or --text TEXT")
    return bind(spec.params, values, resolve)


def item_set(
    media: Modality | None = None, under: str | Path | None = None, label: str | None = None, unlabelled: bool = False
) -> ItemSet:
    """A selection from loose values."""
    return ItemSet(media, typed(under) if under is not None else None, label, unlabelled)


def outputs(registry: Registry, spec: ActionSpec, context: ActionContext, params: Any) -> Iterator[Output]:
    """What a plan yields, one by one; what the plugin raises names it, what it yields is checked."""
    with registry.guard(spec, "planning"):
        plan = iter(spec.plan(context, params))
    tables = {table.kind: table for table in spec.tables}
    while True:
        with registry.guard(spec, "planning"):
            try:
                output = next(plan)
            except StopIteration:
                return
            held(next((kind for kind in OUTPUTS if isinstance(output, kind)), Finding), output)
            if isinstance(output, Finding):
                _hold_finding(output, tables)
            if isinstance(output, SetAside) and not spec.moves_files:
                raise Breach("gave a SetAside; its spec does not say moves_files")
            if isinstance(output, Ask):
                _hold_question(output, spec)
        yield output


def _hold_finding(finding: Finding, tables: Mapping[str, Table]) -> None:
    """Raise `Breach` for a row that no table could show."""
    if finding.kind not in tables:
        raise Breach(f"gave a finding of kind {finding.kind!r}; it declares {list(tables)}")
    for column in tables[finding.kind].columns:
        value = finding.values.get(column.name)
        if column.style in NUMBERS and value is not None and not (isinstance(value, Real) and math.isfinite(value)):
            raise Breach(f"gave a finding of kind {finding.kind!r} whose {column.name} is {value!r:.60}, not a number")


def _hold_question(ask: Ask, spec: ActionSpec) -> None:
    """Raise `Breach` for a question that no answer could be kept of."""
    if not spec.asks:
        raise Breach("gave an Ask; its spec does not say asks")
    if bool(ask.choices) != (ask.target.kind == "group"):
        raise Breach(
            f"asks about {str(ask.target)!r:.60} with {len(ask.choices)} choices: a group has some, a label none"
        )
    if ask.probability is not None and not 0 <= ask.probability <= 1:
        raise Breach(f"asks with a probability of {ask.probability!r:.60}")


def apply(journal: Journal, labels: Labels, change: SetLabel, source: Source | None = None) -> None:
    """Carry out a change, on the word of `source` or else of what it says itself."""
    source = Source[change.source.upper()] if source is None else source
    if isinstance(change.label, TargetRef):
        label = labels.settled(change.label).id
        if label is None or change.label.kind == "group":
            raise Breach(f"gave a SetLabel of {str(change.label)!r:.60}, which is no label")
    elif change.value is None and labels.known(change.label, change.group) is None:
        return  # nobody said it, so there is nothing to take back
    else:
        label = labels.ensure(journal, change.label, change.group)
    value = {True: 1, False: -1, None: 0}[change.value]
    labels.say(journal, [change.item], label, value, source, change.score)


def make(registry: Registry, spec: ActionSpec, targets: Targets, artifact: Artifact) -> Path:
    """Make a file; returns where it is. What the disk refuses is not the plugin's fault."""

    def render(file: IO[bytes]) -> None:
        with registry.guard(spec, "drawing the file of"):
            try:
                artifact.render(file)
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                    raise
                raise CuratorError(f"cannot write {str(artifact.path)!r}: {reason(error)}") from error
            if file.closed:  # as an `io.TextIOWrapper` does to what it wraps, when it is gone
                raise Breach("closed the file, which is not its own")

    return targets.write(artifact.path, render)


def refuse_empty(items: Items, unless: bool = False) -> None:
    """Raise `NotReady` for a catalogue without any item."""
    if not unless and items.count() == 0:
        raise NotReady("the catalogue is empty: curator add FOLDER")
