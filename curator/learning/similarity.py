"""Learned metrics: fitted on marked pairs, measured on held-out ones, and used again while nothing changed.

A fitted metric follows from the pairs, the vectors and the plugin: it lies in `derived.db`, not among the objects.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.metrics import roc_auc_score

from curator.api import FittedMetric, Item, Metric, MetricSpec, Model
from curator.catalog.pairs import Pairs, metric_name, possible_meanings
from curator.errors import BadInput, NotFound, NotReady, PluginError
from curator.kit.copies.vectors import MANY, comparable, join, near_copies
from curator.kit.devices import one_thread
from curator.kit.splits import folds
from curator.learning.material.recipe import SEED
from curator.registry.validation import Breach
from curator.reporter import count

if TYPE_CHECKING:
    from curator.embedding.embedder import Embedder
    from curator.learning.training import Training
    from curator.registry.loader import Registry

    Floats = NDArray[np.float32]

LEAST = 2
"""Pairs of each kind that it takes: one to fit on, one to hold out."""

FOLDS = 5
REPEATED, REPEATS = 60, 5
"""Up to so many pairs they are parted so often; more are parted once."""

SURE = 100
"""Pairs of each kind from which nothing is said of how far the figures can be off: ten points."""

MEASURING = 2
"""Goes up when metrics are measured in another way, so that they are fitted anew."""


@dataclass(frozen=True, slots=True)
class _Data:
    """Pairs as unit rows. `pairs`: the hashes of both items, and whether they are alike, sorted.

    `lacking`: how many pairs were left out, as an item of them has no vector. `ends`, (n, 2): which of the `items`,
    whose unit rows are `vectors`, a pair is of.
    """

    pairs: list[tuple[str, str, bool]]
    left: Floats
    right: Floats
    alike: NDArray[np.bool_]
    lacking: int
    items: list[Item]
    vectors: Floats
    ends: NDArray[np.int64]


class LearnedMetrics:
    """Fits metrics and finds those that were fitted."""

    def __init__(self, encoding: Embedder, training: Training) -> None:
        self.encoding = encoding
        self.registry = training.registry
        self.derived = training.derived
        self.kinship = training.kinship
        self.reporter = training.reporter
        self.items = training.items
        self.pairs = Pairs(training.items.database)

    def fitted_metric(self, reference: str, model: Model, may_encode: bool = False) -> FittedMetric:
        """The metric of `NAME[:KIND]` in the space of a model: the one kept while nothing changed, else fitted now."""
        name, kind = self._resolve_reference(reference)
        spec = self._spec(kind)
        data = self._data(name, model, may_encode)
        key, digest = f"{name}:{spec.name} {model.fingerprint}", self._digest(data, model, spec)
        kept = self.derived.metric(key, digest)
        if kept is not None:
            try:
                found = self._restore_metric(name, spec, model, data, kept, True)
                found.transform(data.left[:1])
                return found
            except (PluginError, SafetensorError, LookupError, TypeError, ValueError, OverflowError):
                # A plugin that is at fault fails below again, and is blamed there.
                self.reporter.say(f"what {self.derived.database.path.name} kept of the metric {name} is damaged")
        self.reporter.say(f"fitting the metric {name} on {count(len(data.alike), 'pair')}")
        kept = self._fitted_state(spec, data)
        if not self.derived.database.read_only:
            self.derived.put_metric(key, digest, kept)
        return self._restore_metric(name, spec, model, data, kept, False)

    @staticmethod
    def report_lines(metric: FittedMetric) -> Iterator[str]:
        """What a person should hear of a metric, line by line."""
        yield (
            f"metric {metric.name}: {metric.metric} on {metric.model.name}, {count(metric.alike, 'pair')} alike and "
            f"{metric.unlike:,} not, {'unchanged since it was fitted' if metric.reused else 'fitted now'}"
        )
        if metric.held_out is not None and metric.plain is not None:
            yield (
                f"held out ({count(metric.measured, 'pair')}): of an alike pair and one that is not, the alike one "
                f"comes first {100 * metric.held_out:.0f} times in 100; by the plain cosine {100 * metric.plain:.0f}"
            )
        for note in metric.notes:
            yield f"note: {note}"

    # --- what to learn from ---

    def _resolve_reference(self, reference: str) -> tuple[str, str]:
        """The metric and the kind, '' for the default; the name of a metric may hold colons, too."""
        names, kinds = [found.name for found in self.pairs.counts()], self.registry.names(MetricSpec)
        ways = possible_meanings(reference, names, kinds)
        if len(ways) == 1:
            return ways[0]
        if not ways:
            name, colon, kind = reference.rpartition(":")
            if colon and name.strip() and metric_name(name) in names:
                raise NotFound.named("kind of metric", kind, kinds, hint="none is installed")
            self.pairs.refuse_unknown(metric_name(reference))
        told = " or ".join(self._reference_hint(name, kind, names, kinds) for name, kind in ways)
        raise BadInput(f"metric {reference!r} may be two: write {told}")

    def _reference_hint(self, name: str, kind: str, names: Sequence[str], kinds: Sequence[str]) -> str:
        """What to type for a metric by a kind: blanks before the last colon do not count, but make it another name."""
        kind = kind or self._spec("").name
        spelled = (f"{name}{' ' * blanks}:{kind}" for blanks in itertools.count())
        way = next(way for way in spelled if possible_meanings(way, names, kinds) == [(name, kind)])
        return f"{shlex.quote(way)} (of the metric {name!r})"

    def _spec(self, kind: str) -> MetricSpec:
        if kind:
            return self.registry.get(MetricSpec, kind)
        spec = self.registry.default(MetricSpec, lambda spec: True)
        if spec is None:
            raise NotReady("no kind of metric is installed: `curator plugins` shows what failed")
        return spec

    def _data(self, name: str, model: Model, may_encode: bool) -> _Data:
        marked = self.pairs.of(name)
        both = self.items.by_ids(sorted({end for pair in marked for end in (pair.left, pair.right)}))
        items = {item.id: item for item in both if item.modality in model.modalities}
        of_model = [pair for pair in marked if pair.left in items]
        _refuse_too_few(name, model, [pair.alike for pair in of_model], len(marked))
        self.encoding.ensure(model, list(items.values()), may_encode)
        present, vectors = self.encoding.matrix(model, list(items.values()))
        rows = {item.id: row for row, item in enumerate(present)}
        usable = [pair for pair in of_model if pair.left in rows and pair.right in rows]
        _refuse_too_few(name, model, [pair.alike for pair in usable], len(marked))
        # By content, so that the order in which people marked and added things changes nothing.
        ends = [sorted((items[pair.left].hash, items[pair.right].hash)) for pair in usable]
        found = sorted((one, two, pair.alike) for (one, two), pair in zip(ends, usable, strict=True))
        at = {item.hash: row for row, item in enumerate(present)}
        left, right = [at[one] for one, _, _ in found], [at[other] for _, other, _ in found]
        alike = np.asarray([alike for *_, alike in found])
        lacking = len(of_model) - len(usable)
        return _Data(
            found, vectors[left], vectors[right], alike, lacking, present, vectors, np.column_stack([left, right])
        )

    def _digest(self, data: _Data, model: Model, spec: MetricSpec) -> str:
        """SHA-256 over everything that a metric follows from."""
        content = {
            "pairs": data.pairs,
            "space": model.fingerprint,
            "kind": [spec.name, self.registry.origin(spec).version],
            "seed": SEED,
            "measuring": MEASURING,
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    # --- fitting ---

    @one_thread()
    def _fitted_state(self, spec: MetricSpec, data: _Data) -> bytes:
        """The state of a metric with what was measured, as safetensors."""
        numbers = join(self.kinship.of(data.items, data.vectors).groups, near_copies(data.vectors))
        groups = _groups(numbers[data.ends])
        with self.reporter.progress(f"measuring a {spec.name} metric", _fits(len(data.alike))) as fitted:

            def fit(rows: NDArray[np.int64]) -> _Held:
                fitted(1)
                return self._fit(spec, data, rows)

            figures = np.asarray(_held_out_auc(fit, data, groups))
        every = self._fit(spec, data, np.arange(len(data.alike)))
        with self.registry.guard(spec, "saving"):
            state = {f"state.{name}": np.ascontiguousarray(array) for name, array in every.state().items()}
            saved: bytes = save({**state, "figures": figures})
        return saved

    def _fit(self, spec: MetricSpec, data: _Data, rows: NDArray[np.int64]) -> _Held:
        with self.registry.guard(spec, "fitting"):
            metric = spec.load()
            metric.fit(data.left[rows], data.right[rows], data.alike[rows], SEED)
        return _Held(self.registry, spec, metric)

    def _restore_metric(
        self, name: str, spec: MetricSpec, model: Model, data: _Data, kept: bytes, reused: bool
    ) -> FittedMetric:
        arrays = load(kept)
        with self.registry.guard(spec, "restoring"):
            metric = spec.load()
            state = {name: array for name, array in arrays.items() if name.startswith("state.")}
            metric.restore({name.removeprefix("state."): array for name, array in state.items()})
        learned, plain, pairs = arrays["figures"].tolist()
        known = None if np.isnan(learned) else learned, None if np.isnan(plain) else plain
        alike = int(data.alike.sum())
        unlike = len(data.alike) - alike
        many = not comparable(np.concatenate([data.left, data.right]))
        notes = tuple(_notes(alike, unlike, *known, data.lacking, many))
        transform = _Held(self.registry, spec, metric).transform
        return FittedMetric(name, spec.name, model, alike, unlike, *known, int(pairs), reused, notes, transform)


@dataclass(frozen=True, slots=True)
class _Held:
    """A fitted metric, held to its contract."""

    registry: Registry
    spec: MetricSpec
    metric: Metric

    def transform(self, vectors: Floats) -> Floats:
        """Unit rows for unit rows."""
        with self.registry.guard(self.spec, "transforming with"):
            made = np.asarray(self.metric.transform(vectors))
            if made.ndim != 2 or len(made) != len(vectors) or made.dtype != np.float32:
                raise Breach(f"gave {made.dtype} {made.shape} for {len(vectors)} rows, not float32 of two dimensions")
            lengths = np.linalg.norm(made, axis=1)
            if not (np.isclose(lengths, 1, atol=1e-3) | (lengths == 0)).all():
                raise Breach("gave rows that have not unit length")
        return made

    def state(self) -> Mapping[str, NDArray[Any]]:
        """That of the metric."""
        return self.metric.state()


def _held_out_auc(
    fit: Callable[[NDArray[np.int64]], _Held], data: _Data, groups: NDArray[np.int64]
) -> tuple[float, float, int]:
    """How well held-out pairs are told apart, learned and by the plain cosine, and how many pairs that rests on.

    The mean over folds of the area under the ROC curve: how often a pair marked as alike comes out above one marked
    as not. Pairs of one number in `groups`, (n,), are held out together. NaN where nothing could be held out.
    """
    kinds = data.alike.astype(np.int64)
    plain = np.einsum("ij,ij->i", data.left, data.right)
    figures, seen = [], np.zeros(len(kinds), bool)
    for repeat in range(_fits(len(kinds)) // FOLDS):
        for known, others in folds(groups, kinds, FOLDS, SEED + repeat):
            if len(np.unique(kinds[known])) == len(np.unique(kinds[others])) == 2:
                metric = fit(known)
                left, right = metric.transform(data.left[others]), metric.transform(data.right[others])
                scores = np.einsum("ij,ij->i", left, right)
                figures.append([roc_auc_score(kinds[others], said) for said in (scores, plain[others])])
                seen[others] = True
    learned, cosine = np.mean(figures, axis=0) if figures else (np.nan, np.nan)
    return float(learned), float(cosine), int(seen.sum())


def _fits(pairs: int) -> int:
    """How many fits it takes to hold out so many pairs."""
    return FOLDS * (REPEATS if pairs <= REPEATED else 1)


def _groups(ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """A number for each pair, (n,): the same for those that hang together by items, or by near-copies of these.

    `ends`, (n, 2), are numbers of the items of a pair, the same for near-copies.
    """
    graph = coo_array((np.ones(len(ends), bool), (ends[:, 0], ends[:, 1])), shape=(ends.max() + 1,) * 2)
    found: NDArray[np.int64] = connected_components(graph, directed=False)[1][ends[:, 0]].astype(np.int64)
    return found


# --- words ---


def _notes(
    alike: int, unlike: int, learned: float | None, plain: float | None, lacking: int, many: bool = False
) -> Iterator[str]:
    """What a reader of the figures should know."""
    if lacking:
        yield f"{count(lacking, 'pair')} left out: an item has no vector (`curator status --problems`)"
    if learned is None or plain is None:
        yield (
            "nothing could be held out, as the pairs are linked by items that they share or by near-copies: nobody "
            "knows whether this is better than the plain cosine; mark pairs of other items"
        )
        return
    if many:
        yield f"more than {MANY:,} different items: near-copies were not held out together, figures may flatter"
    if learned <= plain:
        yield "no better than the plain cosine: leave out --metric, or mark more pairs"
    fewer = min(alike, unlike)
    if fewer < SURE:
        # Twice the root of the most that the variance of an area A can be, A (1 - A) / min(m, n), at one half
        # (Birnbaum and Klose 1957).
        points = min(round(100 / fewer**0.5), 50)
        kind = "alike" if alike <= unlike else "not alike"
        yield f"only {count(fewer, 'pair')} marked as {kind}: these figures can be off by {points} points"


def _refuse_too_few(name: str, model: Model, alike: Sequence[bool], marked: int) -> None:
    """Raise `NotReady`, with the command that helps, where fewer than `LEAST` pairs of a kind can be used."""
    yes, no = sum(alike), len(alike) - sum(alike)
    if min(yes, no) >= LEAST:
        return
    lacking = marked - len(alike)
    others = f" ({count(lacking, 'more pair')} without vectors in {model.name})" if lacking else ""
    more = "" if yes < LEAST else " --not-alike"
    raise NotReady(
        f"metric {name!r} has {count(yes, 'pair')} marked as alike and {no} as not{others}; it takes two of each: "
        f"curator pair FILE FILE --metric {shlex.quote(name)}{more}"
    )
