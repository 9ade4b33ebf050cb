"""Heads: fitted on what is labelled, measured on what was held out, saved, and used again while nothing changed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from curator.api import FittedHead, Head, HeadSpec, HeldOut, Item, ItemSet, Model, Predictions, TargetRef
from curator.catalog.items import Items
from curator.catalog.labels import Examples, Labels
from curator.catalog.selection import ids_of
from curator.embedding.embedder import Embedder
from curator.errors import BadInput, NotReady
from curator.history.journal import Journal, Writer
from curator.kit.devices import one_thread
from curator.kit.splits import sample
from curator.learning import corruptions, elsewhere
from curator.learning.calibration import calibration_figures, fit_calibration
from curator.learning.cautions import cautions
from curator.learning.cross_validation import Measured, cross_validate, fits
from curator.learning.finetuning import HEAD, FineTuning, comparison_sentence
from curator.learning.head_store import Heads
from curator.learning.kinship import Kinship
from curator.learning.material.background import (
    AGAIN,
    Background,
    Backgrounds,
    among_classes,
    at_places,
    places,
    taken_off,
)
from curator.learning.material.denied import NOTHING, Denied, Said
from curator.learning.material.labelled import Data, among, originals, without_rare_classes
from curator.learning.material.recipe import SEED, Recipe
from curator.learning.min_examples import TWO, number, refuse_too_few, refuse_too_few_for
from curator.registry.parameters import bind
from curator.reporter import Reporter, count
from curator.store.catalogue.heads import HeadRow
from curator.store.derived import Derived
from curator.store.objects import Objects
from curator.store.sqlite import Database

if TYPE_CHECKING:
    from curator.learning.corruptions import Views
    from curator.registry.loader import Registry


class Training:
    """Fits heads, finds saved ones, and predicts."""

    def __init__(
        self,
        database: Database,
        derived: Derived,
        objects: Objects,
        registry: Registry,
        encoding: Embedder,
        reporter: Reporter,
    ) -> None:
        self.derived = derived
        self.registry = registry
        self.encoding = encoding
        self.reporter = reporter
        self.items = Items(database)
        self.labels = Labels(database)
        self.models = encoding.models
        self.kinship = Kinship(encoding)
        self.backgrounds = Backgrounds(self.items, encoding)
        self.heads = Heads(database, objects, registry, self.models)
        self.tuning = FineTuning(self.models, self.items, reporter)

    def head(
        self,
        writer: Writer,
        target: TargetRef,
        model: Model | None,
        kind: str | None,
        options: Mapping[str, Any],
        may_encode: bool = False,
        disturb: bool = False,
        anew: bool = False,
        without: frozenset[int] = frozenset(),
        apart: frozenset[int] = frozenset(),
    ) -> FittedHead:
        """The saved head for a target while labels, vectors, kind and options are the same; else a new one.

        One whose background was drawn before more was added is good until there is twice as much, but not with `anew`.
        `without`: as if nothing were said of these items.
        A saved head whose state was lost, or that was never measured on disturbed copies where `disturb` asks for it,
        is fitted again, and keeps its version. `apart`: items that it learns nothing from, not as a background either.
        Raises `NotReady`, with the command that helps, where there is too little to learn from.
        """
        spec = self._spec(kind)
        with self.registry.guard(spec, "taking the options of"):
            params = bind(spec.params, options)
        every = self.labels.examples(target).without(without)
        examples = every.without(apart)
        refuse_too_few_for(spec, examples, self.registry)
        model = model or self._model(examples, writer)
        data, notes = self._data(examples, model, may_encode, spec.least)
        background = self.backgrounds.draw(every, model, may_encode)
        of = Recipe(spec, params, model, data, background, self.registry.release(spec))
        if head := self._saved(of, anew, disturb):
            return head
        writer.ready()  # before the work: a read-only workspace says so now, and another may have fitted it meanwhile
        return self._saved(of, anew, disturb) or self._fit(writer, of, notes, disturb)

    def _saved(self, of: Recipe, anew: bool, disturb: bool) -> FittedHead | None:
        """The saved head of a recipe, if it is whole and measured as asked."""
        found = self.heads.find(of.data.examples.target, of.digest())
        if not (found and self.heads.whole(found)):
            found = None if anew else self._of_before(of.data.examples.target, of)
        if found is None or (disturb and not corruptions.has_figures(found.metrics)):
            return None
        return self.heads.from_row(found)

    def _of_before(self, target: TargetRef, of: Recipe) -> HeadRow | None:
        """A saved head that differs in nothing but the background, drawn when there was less that nobody labelled."""
        if of.background is None:
            return None
        for row in self.heads.of_target(target):
            known = self.heads.background(row) if self.heads.whole(row) else None
            if known and of.background.pool < AGAIN * known[1] and row.digest == of.digest(known[0]):
                self.reporter.say(
                    f"its background was drawn among {count(known[1], 'unlabelled item')}, and there are "
                    f"{of.background.pool:,} now: `curator train` draws it anew"
                )
                return row
        return None

    def train(
        self,
        journal: Journal,
        target: TargetRef,
        model: Model | None,
        kind: str | None,
        options: Mapping[str, Any],
        may_encode: bool = False,
        disturb: bool = False,
        fine_tune: bool | str = False,
        test: Path | ItemSet | None = None,
        among: ItemSet | None = None,
    ) -> FittedHead:
        """As `head`; with `fine_tune` on a further version of the model, which learnt the labels.

        Says how that compares with this one. `fine_tune`: True, or how much of it learns, by a name that its spec has.
        `test`: a folder, or a selection, that it learns nothing from, and on which it is measured, too. `among`: it
        learns from these.
        """
        every = self.labels.examples(target)
        apart, others = elsewhere.parted(self.items, every, test, among)
        fitted = self._trained(journal, every, apart | others, model, kind, options, may_encode, disturb, fine_tune)
        if not apart:
            return fitted
        every = every.without(others)
        labelled = [item for item in self.items.by_ids(every.items) if item.modality in fitted.model.modalities]
        numbers = self.kin(fitted.model, labelled)
        return elsewhere.measure(fitted, every, labelled, numbers, apart, self.predict)

    def _trained(
        self,
        journal: Journal,
        every: Examples,
        apart: frozenset[int],
        model: Model | None,
        kind: str | None,
        options: Mapping[str, Any],
        may_encode: bool,
        disturb: bool,
        fine_tune: bool | str,
    ) -> FittedHead:
        target = every.target
        if fine_tune is False:
            return self.head(journal, target, model, kind, options, may_encode, disturb, True, apart=apart)
        examples = every.without(apart)
        refuse_too_few(examples)
        frozen = model or self._model(examples, journal)
        depth = self.tuning.depth(frozen.name, fine_tune)
        if depth == HEAD:
            self.reporter.say(f"only the head learns, as without --fine-tune: {frozen.name} stays as it is")
            return self.head(journal, target, frozen, kind, options, may_encode, disturb, True, apart=apart)
        tuned = self.tuning.run(journal, frozen, examples, depth, lambda items: self.kin(frozen, items))
        if tuned.id == frozen.id:
            self.reporter.say(f"no attempt was better: {frozen.name} stays as it is")
        else:
            self._compare(examples, frozen, tuned, kind, options)
        return self.head(journal, target, tuned, kind, options, True, disturb, True, apart=apart)

    @one_thread()  # once: to find the libraries whose threads are held takes longer than to call a head
    def predict(self, head: FittedHead, items: Sequence[Item], denied: Denied = NOTHING) -> Predictions:
        """Probabilities for the items that have vectors, which are read some at a time."""
        row = self.heads.row(head)
        vectors = self.encoding.stored(head.model, items)
        said = Said(head, vectors.items, self.heads.columns(row), self.heads.calibration(row), denied)
        if len(vectors):
            predict = self.heads.predictor(row)
            with self.reporter.progress(f"predicting {head.target.full_name}", len(vectors)) as advance:
                for index, rows in vectors.blocks():
                    said.take(index, predict(rows))
                    advance(len(index))
        return said.predictions()

    def able(self, target: TargetRef) -> bool:
        """Whether there is enough to learn from."""
        return sum(count > 1 for count in self.labels.examples(target).counts) > 1

    def held_out(self, head: FittedHead) -> HeldOut:
        """What was said of items while they were held out, calibrated as the head is."""
        return self.heads.held_out(head)

    @one_thread()
    def probabilities(self, head: FittedHead, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """What a head says of unit rows, (n, classes), none of it kept; calibrated as it is."""
        row = self.heads.row(head)
        said, _ = taken_off(self.heads.predictor(row)(vectors), len(head.classes), row.target_kind == "label")
        return self.heads.calibration(row).apply(said)

    def kin(self, model: Model, items: Sequence[Item]) -> NDArray[np.int64]:
        """Numbers, (n,), the same for items of one original; what a model has no vector of is by itself."""
        self.encoding.ensure(model, items, True)
        present, vectors = self.encoding.matrix(model, items)
        found = {
            id_: int(number)
            for id_, number in zip(ids_of(present), self.kinship.of(present, vectors).groups, strict=True)
        }
        return np.asarray([found.get(id_, len(items) + row) for row, id_ in enumerate(ids_of(items))], np.int64)

    # --- what to learn from ---

    def _spec(self, kind: str | None) -> HeadSpec:
        if kind is not None:
            return self.registry.get(HeadSpec, kind)
        spec = self.registry.default(HeadSpec, lambda spec: True)
        if spec is None:
            raise NotReady("no head is installed: `curator plugins` shows what failed")
        return spec

    def _model(self, examples: Examples, writer: Writer) -> Model:
        """The default model for what most of the examples are; recorded now if it never was."""
        counts = Counter(item.modality for item in self.items.by_ids(examples.items))
        modality = counts.most_common(1)[0][0]
        return self.models.known(self.models.default_reference(modality), writer, self.reporter.say)

    def _data(self, examples: Examples, model: Model, may_encode: bool, least: int = TWO) -> tuple[Data, list[str]]:
        wanted = dict(zip(examples.items, examples.targets, strict=True))
        items = self.items.by_ids(examples.items)
        if not any(item.modality in model.modalities for item in items):
            raise BadInput(
                f"{model.name} embeds {' and '.join(f'{name}s' for name in model.modalities)}, and none is labelled"
            )
        self.encoding.ensure(model, items, may_encode)
        present, vectors = self.encoding.matrix(model, items)
        notes = []
        if len(present) < len(items):
            notes.append(
                f"{count(len(items) - len(present), 'labelled item')} without a vector in {model.name} left out"
            )
        if examples.conflicts:
            notes.append(
                f"{count(len(examples.conflicts), 'item')} with contradicting labels left out (`curator status`)"
            )
        targets = np.asarray([wanted[item.id] for item in present], dtype=np.int64)
        data, dropped = without_rare_classes(Data(examples, present, vectors, targets), least)
        if dropped:
            fewer = (
                "without an example that has a vector" if least == 1 else f"with fewer than {number(least)} examples"
            )
            notes.append(f"classes {fewer} left out: {', '.join(dropped)}")
        return data, notes

    # --- fitting ---

    @one_thread()
    def _fit(self, writer: Writer, of: Recipe, notes: list[str], disturb: bool) -> FittedHead:
        model, data = of.model, of.data
        classes = len(data.examples.classes)
        target = data.examples.target
        self.reporter.say(
            f"fitting a {of.spec.name} head for {target.kind} {target.full_name} on {model.name}: "
            f"{count(len(data.items), 'item')} of {classes} classes"
        )
        seen = self.models.seen(model)
        views = self._views(model, data, seen, notes) if disturb else {}
        kin = self.kinship.of(data.items, data.vectors)
        found = self._measure_head(of, seen, kin.groups, views)
        held_out = [data.items[row] for row in found.index]
        background = of.background if held_out else None
        calibration = fit_calibration(found.probabilities, data.targets[found.index])
        calibrated = calibration_figures(found.probabilities, data.targets[found.index])
        counts = np.bincount(data.targets, minlength=classes).tolist()
        single = originals(kin.groups, data.targets, classes).tolist()
        notes += [*kin.notes, *cautions(model, seen, data.examples.classes, counts, single, found, calibration)]
        notes += [background.note] if background else []
        head = self._fitted(of, background, data.vectors, data.targets)
        scores = self._scores(of, head, found) if background else None
        fitted = {
            "counts": json.dumps(counts),
            "metrics": json.dumps({**found.metrics, **calibrated, **corruptions.flat(found)}),
            "notes": json.dumps(notes, ensure_ascii=False),
            "held_out": self.heads.keep_held_out(
                held_out, data.targets[found.index], found.probabilities, scores, background
            ),
            "calibration": json.dumps([calibration.scale, calibration.shift]) if calibration else None,
        }
        row = self.heads.save(writer, of.spec, of.params, model, data.examples, of.digest(), head, fitted)
        return replace(self.heads.from_row(row), reused=False)

    def _fitted(
        self, of: Recipe, background: Background | None, vectors: NDArray[np.float32], targets: NDArray[np.int64]
    ) -> Head:
        """A head that has learnt, with a column more where there is a background."""
        classes = len(of.data.examples.classes)
        if background is None:
            return self.heads.fit(of.spec, of.params, vectors, targets, classes)
        return self.heads.fit(of.spec, of.params, *background.joined(vectors, targets, classes), classes + 1)

    def _scores(self, of: Recipe, head: Head, found: Measured) -> NDArray[np.float32]:
        """What a head that learnt all would have said of what was held out, as far as can be told from its places."""
        assert of.background is not None and found.further is not None
        others = of.taken_off(self.heads.predict(head, of.spec.name, of.background.others, of.columns))[1]
        return at_places(found.further[:, 0], np.sort(others))

    def _measure_head(
        self, of: Recipe, seen: frozenset[str], kin: NDArray[np.int64], views: Views | None = None
    ) -> Measured:
        """Of items while they were held out; where there is a background, with their places among the others."""
        data, background = of.data, of.background
        classes = len(data.examples.classes)

        def fit_predict(vectors: Any, targets: Any, unseen: Any) -> Any:
            head = self._fitted(of, background, vectors, targets)
            made = self.heads.predict(head, of.spec.name, unseen, of.columns)
            said, scores = of.taken_off(made)
            if background is None:
                return said
            others = of.taken_off(self.heads.predict(head, of.spec.name, background.others, of.columns))[1]
            # Measured is what it says of the classes alone: of the labelled items none is of the background.
            return np.column_stack([among_classes(made, classes), said, places(scores, np.sort(others))])

        known = np.asarray([item.hash in seen for item in data.items])
        single = originals(kin, data.targets, classes) == 1
        if (~single).sum() > 1:  # the others can be measured; what is one class's only example is fitted on each time
            known |= single[data.targets]
        besides = 0 if background is None else len(background.vectors)
        with self.reporter.progress(f"measuring a {of.spec.name} head", fits(int((~known).sum()))) as fitted:
            columns = classes if background is None else 2 * classes + 1
            found = cross_validate(
                fit_predict, data.vectors, data.targets, classes, SEED, known, views, kin, columns, besides, fitted
            )
        if background is None or found.further is None:
            return found
        return replace(found, probabilities=found.further[:, :classes], further=found.further[:, classes:])

    def _views(self, model: Model, data: Data, seen: frozenset[str], notes: list[str]) -> Views:
        """Other vectors of items that can be held out: of blurred, darkened and noisy copies."""
        able = [item.modality == "image" and item.hash not in seen for item in data.items]
        rows = np.flatnonzero(able)
        chosen = rows[sample(data.targets[rows], corruptions.MOST, SEED)]
        views = corruptions.views(self.encoding, model, [data.items[row] for row in chosen], chosen.tolist())
        read = min((len(of) for of, _ in views.values()), default=0)
        if not len(chosen):
            notes.append("only pictures can be blurred, darkened and noisy: not measured")
        elif read < len(rows):
            unread = f"; {len(chosen) - read:,} could not be read" if read < len(chosen) else ""
            notes.append(f"blurred, darkened and noisy: measured on {read:,} of {count(len(rows), 'picture')}{unread}")
        return views

    @one_thread()
    def _compare(
        self, examples: Examples, frozen: Model, tuned: Model, kind: str | None, options: Mapping[str, Any]
    ) -> None:
        """Say how a head does on a fine-tuned model and on the one that it comes from, on the same held-out items."""
        spec, seen = self._spec(kind), self.models.seen(tuned)
        params = bind(spec.params, options)
        # To embed them once takes less than what was just done, which was asked for.
        both = [self._data(examples, model, may_encode=True)[0] for model in (frozen, tuned)]
        # A file that is gone still has its vector of the frozen one.
        shared = {item.hash for item in both[0].items} & {item.hash for item in both[1].items}
        both = [among(data, shared) for data in both]
        kin = self.kinship.of(both[0].items, both[0].vectors).groups
        before, after = (self._measure_head(Recipe(spec, params, frozen, data), seen, kin).metrics for data in both)
        kept = [target for item, target in zip(both[1].items, both[1].targets, strict=True) if item.hash not in seen]
        self.reporter.say(comparison_sentence(before, after, kept, frozen.name, tuned.name))
