"""Heads: fitted on what is labelled, measured on what was held out, saved, and used again while nothing changed."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from curator.api import FittedHead, Head, HeadSpec, Item, Model, Predictions
from curator.contract import Breach
from curator.core.changes import Journal
from curator.core.encoding import Encoding
from curator.core.finetuning import HEAD, FineTuning, compared
from curator.core.labels import Examples, Labels, refuse_too_few
from curator.core.metrics import caution, cross_validate
from curator.core.reporting import Reporter, count
from curator.core.selection import Items
from curator.errors import NotReady
from curator.parameters import bind
from curator.store.derived import Derived
from curator.store.objects import Objects
from curator.store.sqlite import Database

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from curator.plugins import Registry

SEED = 0


@dataclass(frozen=True, slots=True)
class _Data:
    """What a head is fitted on: unit rows with their targets."""

    examples: Examples
    items: list[Item]
    vectors: NDArray[np.float32]
    targets: NDArray[np.int64]


class Training:
    """Fits heads, finds saved ones, and predicts."""

    def __init__(
        self,
        database: Database,
        derived: Derived,
        objects: Objects,
        registry: Registry,
        encoding: Encoding,
        reporter: Reporter,
    ) -> None:
        self.database = database
        self.derived = derived
        self.objects = objects
        self.registry = registry
        self.encoding = encoding
        self.reporter = reporter
        self.items = Items(database)
        self.labels = Labels(database)
        self.models = encoding.models

    def head(
        self,
        journal: Journal,
        target: str,
        model: Model | None,
        kind: str | None,
        options: Mapping[str, Any],
        may_encode: bool = False,
    ) -> FittedHead:
        """The saved head for a target while labels, vectors, kind and options are the same; else a new one.

        A saved head whose state was lost is fitted again, and keeps its version.
        Raises `NotReady`, with the command that helps, where there is too little to learn from.
        """
        spec = self._spec(kind)
        with self.registry.guard(spec, "taking the options of"):
            params = bind(spec.params, options)
        examples = self.labels.examples(target)
        refuse_too_few(examples)
        model = model or self._model(examples)
        data, notes = self._data(examples, model, may_encode)
        digest = _digest(data, model, spec, params)
        saved = self.database.row("SELECT * FROM head WHERE target = ? AND digest = ? ORDER BY id DESC", target, digest)
        if saved is not None and self.objects.holds(saved["object"]):
            return self.saved(saved)
        return self._fit(journal, spec, params, model, data, notes, digest, saved)

    def trained(
        self,
        journal: Journal,
        target: str,
        model: Model | None,
        kind: str | None,
        options: Mapping[str, Any],
        may_encode: bool = False,
        fine_tune: bool | str = False,
    ) -> FittedHead:
        """As `head`; with `fine_tune` on a further version of the model, which learnt the labels.

        Says how that compares with this one. `fine_tune`: True, or how much of it learns, by a name that its spec has.
        """
        if not fine_tune:
            return self.head(journal, target, model, kind, options, may_encode)
        examples = self.labels.examples(target)
        refuse_too_few(examples)
        frozen = model or self._model(examples)
        tuning = FineTuning(self.models, self.items, self.reporter)
        depth = tuning.depth(frozen, "" if fine_tune is True else fine_tune)
        if depth == HEAD:
            self.reporter.say(f"only the head learns, as without --fine-tune: {frozen.name} stays as it is")
            return self.head(journal, target, frozen, kind, options, may_encode)
        tuned = tuning.run(journal, frozen, examples, depth)
        if tuned.id == frozen.id:
            self.reporter.say(f"nothing that it tried was better: {frozen.name} stays as it is")
        else:
            self._compare(target, frozen, tuned, kind, options, may_encode)
        return self.head(journal, target, tuned, kind, options, may_encode)

    def all(self) -> list[FittedHead]:
        """Every saved head, oldest first."""
        return [self.saved(row) for row in self.database.rows("SELECT * FROM head ORDER BY id")]

    def saved(self, row: Any) -> FittedHead:
        """A row of the catalogue as a head."""
        return FittedHead(
            row["id"],
            row["target"],
            row["version"],
            row["kind"],
            self.models.by_id(row["model_id"]),
            tuple(json.loads(row["classes"])),
            tuple(json.loads(row["counts"])),
            json.loads(row["metrics"]),
            True,
            tuple(json.loads(row["notes"])),
        )

    def predict(self, head: FittedHead, items: Sequence[Item]) -> Predictions:
        """Probabilities for the items that have vectors; what the head said before is taken from the cache."""
        import numpy as np

        row = self.database.row("SELECT * FROM head WHERE id = ?", head.id)
        assert row is not None
        cached = dict(self.derived.predictions(row["object"], [item.hash for item in items]))
        fresh, vectors = self.encoding.matrix(head.model, [item for item in items if item.hash not in cached])
        if fresh:
            probabilities = self._predict(self._restored(row), head.head, vectors, len(head.classes))
            made = {
                item.hash: values.astype("<f4").tobytes() for item, values in zip(fresh, probabilities, strict=True)
            }
            if not self.derived.database.read_only:
                self.derived.put_predictions(row["object"], made.items())
            cached |= made
        present = [item for item in items if item.hash in cached]
        values = np.frombuffer(b"".join(cached[item.hash] for item in present), dtype="<f4")
        return Predictions(present, head.classes, values.reshape(len(present), len(head.classes)))

    # --- what to learn from ---

    def _spec(self, kind: str | None) -> HeadSpec:
        if kind is not None:
            return self.registry.get(HeadSpec, kind)
        spec = self.registry.default(HeadSpec, lambda spec: True)
        if spec is None:
            raise NotReady("no head is installed: `curator plugins` shows what failed")
        return spec

    def _model(self, examples: Examples) -> Model:
        """The default model for what most of the examples are."""
        counts = Counter(item.modality for item in self.items.by_ids(examples.items))
        modality = counts.most_common(1)[0][0]
        reference = self.models.default_reference(modality)
        model = self.models.find(reference)
        if model is None:
            raise NotReady(f"nothing is embedded with {reference} yet: run `curator encode`")
        return model

    def _data(self, examples: Examples, model: Model, may_encode: bool) -> tuple[_Data, list[str]]:
        import numpy as np

        wanted = dict(zip(examples.items, examples.targets, strict=True))
        items = self.items.by_ids(examples.items)
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
        data, dropped = _without_rare_classes(_Data(examples, present, vectors, targets))
        if dropped:
            notes.append(f"classes with fewer than two examples left out: {', '.join(dropped)}")
        return data, notes

    # --- fitting ---

    def _fit(
        self,
        journal: Journal,
        spec: HeadSpec,
        params: Any,
        model: Model,
        data: _Data,
        notes: list[str],
        digest: str,
        lost: Any,
    ) -> FittedHead:
        import numpy as np

        journal.start()  # now, so that a read-only workspace says so before the work, not after
        classes = len(data.examples.classes)
        target = data.examples.target
        self.reporter.say(
            f"fitting a {spec.name} head for {target.replace(':', ' ', 1)} on {model.name}: "
            f"{count(len(data.items), 'item')} of {classes} classes"
        )

        seen = self.models.seen(model)
        metrics = self._measured(spec, params, data, seen)
        if seen:
            notes.append(f"{model.name} was fine-tuned on these labels: measured on items that were kept from it")
        counts = np.bincount(data.targets, minlength=classes).tolist()
        notes += [sentence for sentence in [caution(counts)] if sentence]
        if not metrics["items"]:
            alike = "one picture in several files cannot be held out from itself"
            notes.append(f"{'the encoder saw all of them' if seen else alike}: no figures")
        head = self._fitted(spec, params, data.vectors, data.targets, classes)
        row = self._save(journal, spec, params, model, data, digest, head, metrics, counts, notes, lost)
        return replace(self.saved(row), reused=False)

    def _measured(self, spec: HeadSpec, params: Any, data: _Data, seen: frozenset[str]) -> dict[str, float]:
        import numpy as np

        classes = len(data.examples.classes)

        def fit_predict(vectors: Any, targets: Any, unseen: Any) -> Any:
            return self._predict(self._fitted(spec, params, vectors, targets, classes), spec.name, unseen, classes)

        known = np.asarray([item.hash in seen for item in data.items])
        return cross_validate(fit_predict, data.vectors, data.targets, classes, SEED, known)

    def _compare(
        self, target: str, frozen: Model, tuned: Model, kind: str | None, options: Mapping[str, Any], may_encode: bool
    ) -> None:
        """Say how a head does on a fine-tuned model and on the one that it comes from, on the same held-out items."""
        spec, examples, seen = self._spec(kind), self.labels.examples(target), self.models.seen(tuned)
        params = bind(spec.params, options)
        both = [self._data(examples, model, may_encode)[0] for model in (frozen, tuned)]
        # A file that is gone still has its vector of the frozen one.
        shared = {item.hash for item in both[0].items} & {item.hash for item in both[1].items}
        both = [_among(data, shared) for data in both]
        before, after = (self._measured(spec, params, data, seen) for data in both)
        kept = [target for item, target in zip(both[1].items, both[1].targets, strict=True) if item.hash not in seen]
        self.reporter.say(compared(before, after, kept, frozen.name, tuned.name))

    def _save(
        self,
        journal: Journal,
        spec: HeadSpec,
        params: Any,
        model: Model,
        data: _Data,
        digest: str,
        head: Head,
        metrics: Mapping[str, float],
        counts: Sequence[int],
        notes: Sequence[str],
        lost: Any,
    ) -> Any:
        from safetensors.numpy import save

        with self.registry.guard(spec, "saving"):
            state = save(_contiguous(head.state()))
        fitted = {
            "metrics": json.dumps(dict(metrics)),
            "notes": json.dumps(list(notes), ensure_ascii=False),
            "object": self.objects.put(state),
        }
        if lost is not None:
            journal.update("head", lost["id"], **fitted)
            return self.database.row("SELECT * FROM head WHERE id = ?", lost["id"])
        target = data.examples.target
        last = self.database.value("SELECT max(version) FROM head WHERE target = ?", target)
        row_id = journal.insert(
            "head",
            target=target,
            version=(last or 0) + 1,
            kind=spec.name,
            options=json.dumps(asdict(params)),
            model_id=model.id,
            classes=json.dumps(list(data.examples.classes), ensure_ascii=False),
            counts=json.dumps(list(counts)),
            digest=digest,
            **fitted,
        )
        return self.database.row("SELECT * FROM head WHERE id = ?", row_id)

    def _fitted(self, spec: HeadSpec, params: Any, vectors: Any, targets: Any, classes: int) -> Head:
        with self.registry.guard(spec, "fitting"):
            head = spec.load(params)
            head.fit(vectors, targets, classes, SEED)
        return head

    def _restored(self, row: Any) -> Head:
        from safetensors.numpy import load

        spec = self.registry.get(HeadSpec, row["kind"])
        state = load(self.objects.get(row["object"]))
        with self.registry.guard(spec, "restoring"):
            head = spec.load(bind(spec.params, json.loads(row["options"])))
            head.restore(state)
        return head

    def _predict(self, head: Head, kind: str, vectors: Any, classes: int) -> Any:
        """Call the head, and hold it to its contract."""
        import numpy as np

        wanted = (len(vectors), classes)
        with self.registry.guard(self.registry.get(HeadSpec, kind), "predicting with"):
            made = np.asarray(head.predict(vectors))
            if made.shape != wanted or made.dtype != np.float32:
                raise Breach(f"gave {made.dtype} {made.shape}, not float32 {wanted}")
            if not ((made >= 0).all() and np.allclose(made.sum(axis=1), 1, atol=1e-3)):
                raise Breach("gave rows that are no probabilities")
        return made


def _without_rare_classes(data: _Data) -> tuple[_Data, list[str]]:
    """Classes that cannot be held out because they have one example at most."""
    import numpy as np

    classes = data.examples.classes
    counts = np.bincount(data.targets, minlength=len(classes))
    kept = [index for index in range(len(classes)) if counts[index] > 1]
    if len(kept) < 2:
        raise NotReady(
            "fewer than two classes have two items with a vector: `curator status --problems` says what failed"
        )
    if len(kept) == len(classes):
        return data, []
    chosen = np.isin(data.targets, kept)
    examples = replace(data.examples, classes=tuple(classes[index] for index in kept))
    items = [item for item, keep in zip(data.items, chosen, strict=True) if keep]
    targets = np.searchsorted(np.asarray(kept), data.targets[chosen])
    dropped = [name for index, name in enumerate(classes) if index not in kept]
    return _Data(examples, items, data.vectors[chosen], targets.astype(np.int64)), dropped


def _among(data: _Data, hashes: Container[str]) -> _Data:
    """What is known of these items."""
    import numpy as np

    chosen = np.asarray([item.hash in hashes for item in data.items], dtype=bool)
    items = [item for item in data.items if item.hash in hashes]
    return replace(data, items=items, vectors=data.vectors[chosen], targets=data.targets[chosen])


def _digest(data: _Data, model: Model, spec: HeadSpec, params: Any) -> str:
    """SHA-256 over everything that a head follows from."""
    content = {
        "examples": sorted((item.hash, int(target)) for item, target in zip(data.items, data.targets, strict=True)),
        "classes": data.examples.classes,
        "space": model.fingerprint,
        "kind": spec.name,
        "options": asdict(params),
        "seed": SEED,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _contiguous(state: Mapping[str, Any]) -> dict[str, Any]:
    import numpy as np

    return {name: np.ascontiguousarray(array) for name, array in state.items()}
