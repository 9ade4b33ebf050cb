"""A plugin whose every offer breaks the contract in one way; each is named after the check that must see it.

Several ways for one check have a number behind the name: `plan-only-reads-2`.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import socket
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from curator.api import (
    ActionSpec,
    Ask,
    CheckSpec,
    Column,
    EncoderSpec,
    ExporterSpec,
    Finding,
    Flaw,
    Found,
    HeadSpec,
    Look,
    MetricSpec,
    NoParams,
    Preprocess,
    ReaderSpec,
    SetLabel,
    Table,
    Tried,
    hookimpl,
)
from curator.errors import BadInput
from curator.kit.onnx import as_onnx
from curator.testing import specimen

PIXELS, LETTERS = specimen.register_encoders()
(NEAREST,) = specimen.register_heads()
(WHITENED,) = specimen.register_metrics()
(FOLDER,) = specimen.register_readers()

# --- encoders ---


def encoder(name: str, base: EncoderSpec = PIXELS, **methods: Any) -> EncoderSpec:
    """One whose methods are those of a good one but for some."""
    kind = type("Broken", (type(base.load(base.resolve(None, None), "cpu")),), methods)
    return dataclasses.replace(base, name=name, default=False, load=lambda resolved, device: kind())


def good(batch: Any) -> Any:
    return specimen.Pixels().encode(batch)


def in_another_order(self: Any, batch: Any) -> Any:
    vectors = good(batch)
    return vectors[np.argsort(vectors[:, 0])]


def learns_elsewhere(texts: Any, folder: Path, params: Any, start: Any, report: Any) -> None:
    report(Look(1.5, 3.0, True))


def tells(*told: Any) -> Any:
    """Pretraining that leaves what it should, and tells this."""

    def pretrain(texts: Any, folder: Path, params: Any, start: Any, report: Any) -> None:
        for look in told:
            report(look)

    return dataclasses.replace(LETTERS, name="pretraining-leaves-a-model", default=False, pretrain=pretrain)


def learns_in_silence(texts: Any, folder: Path, params: Any, start: Any, report: Any) -> None:
    """Tells nothing."""


def tunes(told: Any = (), leaves: bool = True) -> Any:
    """Fine-tuning that tells this, and leaves a file that nobody reads, or nothing."""

    def fine_tune(start: Any, folder: Path, labelled: Any, depth: str, device: str, report: Any) -> None:
        for tried in told:
            report(tried)
        if leaves:
            (folder / "model").touch()

    return fine_tune


FROZEN, BETTER = Tried(0.0, 0.5, True), Tried(1.0, 0.9, True)


def tuned(name: str, **fields: Any) -> EncoderSpec:
    return dataclasses.replace(PIXELS, name=name, default=False, **fields)


def layered(name: str, layers: dict[str, str]) -> EncoderSpec:
    """One that names layers, of which each variant is wrong in the way that it is called."""
    good = PIXELS.resolve(None, None)
    wrong = {
        "half": dataclasses.replace(good, variant="half"),
        "whole": good,
        "other": dataclasses.replace(good, variant="other", files=(Path(__file__),)),
        "wide": dataclasses.replace(good, variant="wide", dim=7),
        "blind": dataclasses.replace(good, variant="blind"),
        "unseen": dataclasses.replace(good, variant="unseen", preprocess=Preprocess(32, 32, (0.0,) * 3, (1.0,) * 3)),
    }

    def load(resolved: Any, device: str) -> Any:
        return specimen.Letters() if resolved.variant == "blind" else specimen.Pixels()

    return dataclasses.replace(
        PIXELS,
        name=name,
        default=False,
        resolve=lambda variant, weights: wrong.get(variant or "", good),
        load=load,
        layers=lambda variant: layers,
    )


def half(self: Any, text: str, k: int) -> Any:
    return [("\ufffd", 0.5)]


def rising(self: Any, text: str, k: int) -> Any:
    return [("a", 0.2), ("b", 0.5)]


def falling(self: Any, text: str, k: int) -> Any:
    return [("b", 0.5), ("a", 0.2)]


def by_chance(self: Any, text: str, length: int, temperature: float, seed: int) -> Any:
    return [(str(np.random.default_rng().random()), 0.5)]


class Shuffled(specimen.Pixels):
    """One whose vectors are those of other items."""

    def encode(self, batch: Any) -> Any:
        return good(batch)[::-1]


class Short(specimen.Pixels):
    """One that hands over the short numbers themselves."""

    def encode(self, batch: Any) -> Any:
        return good(batch).astype(np.float16)


def mostly_light_or_dark(self: Any, batch: Any) -> Any:
    vectors = good(batch)
    light = batch.pixels.mean(axis=(1, 2, 3)) > 0
    return (light[:, None] * np.eye(1, vectors.shape[1]) + 0.0005 * vectors + 0.1).astype(np.float32)


def drawn(self: Any) -> None:
    self.noise = np.random.default_rng().standard_normal(48).astype(np.float32)


def changing(self: Any, batch: Any) -> Any:
    vectors = good(batch)
    batch.pixels[:] = 0
    return vectors


def choosy(self: Any, batch: Any) -> Any:
    if (np.ptp(batch.pixels, axis=(1, 2, 3)) == 0).any():
        raise ValueError("there is nothing to see")
    return good(batch)


def mean_letter(self: Any, batch: Any) -> Any:
    lengths = np.asarray([[len(text)] for text in batch.texts], np.float32)
    with np.errstate(all="ignore"):
        return np.asarray(specimen.Letters().encode(batch) / lengths, np.float32)


def mapped(batch: Any) -> Any:
    """A map of 2 x 2 cells that differ, whose mean is the vector."""
    weights = np.asarray([[0.5, 1.0], [1.0, 1.5]], np.float32)
    return weights[None, :, :, None] * good(batch)[:, None, None, :]


def pooled_otherwise(self: Any, batch: Any) -> Any:
    return mapped(batch).max(axis=(1, 2))


def calling_home(resolved: Any, device: str) -> Any:
    socket.create_connection(("weights.example", 443))


def of_no_file(variant: str | None, weights: Path | None) -> Any:
    raise FileNotFoundError("weights.pt")


def brighter(self: Any) -> bytes:
    """What `specimen.Pixels` does, of a picture that is a little brighter."""
    import torch

    class Grid(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.shift = torch.nn.Parameter(torch.tensor(0.01))

        def forward(self, pixels: Any) -> Any:
            side = specimen.SIZE // specimen.CELLS
            return torch.nn.functional.avg_pool2d(pixels + self.shift, side).flatten(1)

    return as_onnx(Grid(), specimen.SIZE)


ENCODERS = (
    dataclasses.replace(PIXELS, name="works-without-network", default=False, load=calling_home),
    dataclasses.replace(PIXELS, name="works-without-network-2", default=False, resolve=of_no_file),
    encoder("vectors-are-finite-float32", encode=lambda self, batch: good(batch).astype(np.float64)),
    encoder("vectors-are-finite-float32-2", encode=lambda self, batch: good(batch)[:, :40]),
    encoder("vectors-are-finite-float32-3", encode=lambda self, batch: good(batch) * np.float32("nan")),
    encoder("rows-belong-to-items", encode=in_another_order),
    encoder("neighbours-do-not-matter", encode=lambda self, batch: good(batch) - good(batch).mean(axis=0)),
    encoder("loading-again-changes-nothing", __init__=drawn, encode=lambda self, batch: good(batch) + self.noise),
    encoder("another-process-agrees", encode=lambda self, batch: good(batch) * np.float32(os.getpid())),
    encoder("odd-images", encode=choosy),
    encoder("odd-texts", LETTERS, encode=mean_letter),
    encoder("different-items-are-not-all-near-copies", encode=mostly_light_or_dark),
    encoder("tells-items-apart", encode=lambda self, batch: np.ones_like(good(batch))),
    encoder("leaves-its-input-alone", encode=changing),
    encoder("compiled-form-agrees", onnx=lambda self: b"no model"),
    encoder("compiled-form-agrees-2", onnx=lambda self: "no bytes"),
    encoder("compiled-form-agrees-3", onnx=brighter),
    encoder("compiled-form-agrees-4", LETTERS, onnx_text=lambda self: None),
    tuned("form-agrees", form=lambda resolved: b"no model"),
    tuned("form-agrees-2", form=lambda resolved: "no bytes"),
    tuned("form-agrees-3", form=brighter),
    encoder("reduced-precision-agrees", reduced=lambda self: ("bfloat16", Shuffled())),
    encoder("reduced-precision-agrees-2", reduced=lambda self: ("bfloat16", Short())),
    encoder("says-which-texts-it-cuts", LETTERS, truncated=lambda self, batch: []),
    encoder("says-which-texts-it-cuts-2", LETTERS, truncated=lambda self, batch: [1, 3]),
    dataclasses.replace(LETTERS, name="pretraining-leaves-a-model", default=False, pretrain=learns_elsewhere),
    dataclasses.replace(LETTERS, name="pretraining-leaves-a-model-2", default=False, pretrain=learns_in_silence),
    dataclasses.replace(tells(Look(1.5, 3.0, True)), name="pretraining-leaves-a-model-3"),
    dataclasses.replace(tells(Look(0.5, 3.0, True), Look(0.4, 3.0, True)), name="pretraining-leaves-a-model-4"),
    dataclasses.replace(tells(Look(np.nan, 3.0, True)), name="pretraining-leaves-a-model-5"),
    dataclasses.replace(tells(Look(0.5, np.nan, True)), name="pretraining-leaves-a-model-6"),
    dataclasses.replace(tells(Look("half", 3.0, True)), name="pretraining-leaves-a-model-7"),
    dataclasses.replace(tells(0.5), name="pretraining-leaves-a-model-8"),
    dataclasses.replace(tells(Look(0.5, 3.0, True, "")), name="pretraining-leaves-a-model-9"),
    tuned("depths-have-names-of-their-own", fine_tune_depths=("top",)),
    tuned("depths-have-names-of-their-own-2", fine_tune=tunes(), fine_tune_depths=("top", "top")),
    tuned("depths-have-names-of-their-own-3", fine_tune=tunes(), fine_tune_depths=("top", "head")),
    tuned("fine-tuning-leaves-a-model", fine_tune=tunes([FROZEN, BETTER])),
    tuned("fine-tuning-leaves-a-model-2", fine_tune=tunes([FROZEN, BETTER], leaves=False)),
    tuned("fine-tuning-leaves-a-model-3", fine_tune=tunes([BETTER, FROZEN])),
    tuned("fine-tuning-leaves-a-model-4", fine_tune=tunes([Tried(0.5, 90.0, True)])),
    tuned("fine-tuning-leaves-a-model-5", fine_tune=tunes()),
    tuned("fine-tuning-leaves-a-model-6", fine_tune=tunes([FROZEN, Tried(1.01, 0.9, True)])),
    tuned("fine-tuning-leaves-a-model-7", fine_tune=tunes([FROZEN, Tried(0.5, np.nan, True)])),
    tuned("fine-tuning-leaves-a-model-8", fine_tune=tunes([FROZEN, 0.5])),
    encoder("offers-whole-characters", LETTERS, next_tokens=half, carry_on=lambda self, *given: []),
    encoder("offers-whole-characters-2", LETTERS, next_tokens=rising, carry_on=lambda self, *given: []),
    encoder("offers-whole-characters-3", LETTERS, next_tokens=falling, carry_on=by_chance),
    encoder("feature-map-means-to-the-vector", encode=pooled_otherwise, feature_map=lambda self, batch: mapped(batch)),
    encoder("feature-map-means-to-the-vector-2", feature_map=lambda self, batch: np.moveaxis(mapped(batch), 3, 1)),
    encoder("feature-map-means-to-the-vector-3", feature_map=lambda self, batch: mapped(batch)[::-1]),
    encoder("feature-map-means-to-the-vector-4", feature_map=lambda self, batch: mapped(batch).astype(np.float64)),
    encoder("feature-map-means-to-the-vector-5", feature_map=lambda self, batch: mapped(batch) * np.float32("nan")),
    layered("layers-are-variants-of-the-same-weights", {}),
    layered("layers-are-variants-of-the-same-weights-2", {"all": "", "fields": "half"}),
    layered("layers-are-variants-of-the-same-weights-3", {"fields": "whole", "all": ""}),
    layered("layers-are-variants-of-the-same-weights-4", {"fields": "other", "all": ""}),
    layered("layers-are-variants-of-the-same-weights-5", {"fields": "wide", "all": ""}),
    layered("layers-are-variants-of-the-same-weights-6", {"fields": "blind", "all": ""}),
    layered("layers-are-variants-of-the-same-weights-7", {"fields": "unseen", "all": ""}),
)

# --- heads ---


def head(name: str, **methods: Any) -> HeadSpec:
    return dataclasses.replace(NEAREST, name=name, default=False, load=type("Broken", (specimen.Nearest,), methods))


def scores(self: Any, vectors: Any) -> Any:
    return np.exp(vectors @ self.means.T).astype(np.float32)


def by_first_seen(self: Any, vectors: Any, targets: Any, classes: int, seed: int) -> None:
    order = list(dict.fromkeys(targets.tolist()))
    self.means = np.stack([vectors[targets == target].mean(axis=0) for target in order])


def counting(self: Any, vectors: Any, targets: Any, classes: int, seed: int) -> None:
    specimen.Nearest.fit(self, vectors, targets, classes, seed)
    self.prior = (np.bincount(targets) / len(targets)).astype(np.float32)


def with_prior(self: Any, vectors: Any) -> Any:
    weighed = specimen.Nearest.predict(self, vectors) * self.prior**4
    return weighed / weighed.sum(axis=1, keepdims=True)


def remembering(self: Any, vectors: Any, targets: Any, classes: int, seed: int) -> None:
    kept = [*getattr(self, "kept", []), (vectors, targets)]
    both = [np.concatenate(part) for part in zip(*kept, strict=True)]
    specimen.Nearest.fit(self, *both, classes, seed)
    self.kept = kept


def jittered(self: Any, vectors: Any, targets: Any, classes: int, seed: int) -> None:
    specimen.Nearest.fit(self, vectors, targets, classes, seed)
    self.means = self.means + np.random.default_rng().normal(0, 0.01, self.means.shape).astype(np.float32)


def tempered(self: Any, vectors: Any, targets: Any, classes: int, seed: int) -> None:
    specimen.Nearest.fit(self, vectors, targets, classes, seed)
    self.heat = 5.0


def with_heat(self: Any, vectors: Any) -> Any:
    raised = specimen.Nearest.predict(self, vectors) ** getattr(self, "heat", 1.0)
    return (raised / raised.sum(axis=1, keepdims=True)).astype(np.float32)


def contented(self: Any, vectors: Any, targets: Any, classes: int, seed: int) -> None:
    self.means = np.zeros((classes, vectors.shape[1]), np.float32)


def spread_within(self: Any, vectors: Any, targets: Any, classes: int, seed: int) -> None:
    specimen.Nearest.fit(self, vectors, targets, classes, seed)
    within = ((vectors - self.means[targets]) ** 2).sum()
    with np.errstate(all="ignore"):
        self.means = self.means / (within / np.float32(len(targets) - classes))


def wanting_more(self: Any, vectors: Any, targets: Any, classes: int, seed: int) -> None:
    specimen.Nearest.fit(self, vectors, targets, classes, seed)
    if len(targets) < 4 * classes:
        raise BadInput("four of each, please")


def doubling(self: Any, vectors: Any, targets: Any, classes: int, seed: int) -> None:
    vectors *= 2
    specimen.Nearest.fit(self, vectors, targets, classes, seed)


def without_its_last(self: Any, vectors: Any) -> Any:
    known = specimen.Nearest.predict(self, vectors)[:, :-1]
    rest = np.full((len(vectors), 1), 0.1, np.float32)
    return np.concatenate([0.9 * known / known.sum(axis=1, keepdims=True), rest], axis=1)


def mistaking(self: Any, vectors: Any) -> Any:
    said = specimen.Nearest.predict(self, vectors)
    return said[:, [1, 0, 2]] if said.shape[1] == 3 else said


def certain(self: Any, vectors: Any) -> Any:
    said = specimen.Nearest.predict(self, vectors)
    return np.eye(said.shape[1], dtype=np.float32)[said.argmax(axis=1)]


linear_of = specimen.Nearest.linear


def linear_in(self: Any, vectors: Any) -> Any:
    return vectors @ linear_of(self)[0].T


def gradients(self: Any, vectors: Any) -> Any:
    return linear_in(self, vectors), np.repeat(linear_of(self)[0][None], len(vectors), axis=0)


HEADS = (
    head("rows-are-probabilities", predict=scores),
    head("rows-are-probabilities-2", predict=lambda self, v: specimen.Nearest.predict(self, v).astype(np.float64)),
    head("classes-keep-their-order", fit=by_first_seen),
    head("learns-what-is-separable", predict=lambda self, v: np.full((len(v), len(self.means)), 1 / len(self.means))),
    head("classes-weigh-the-same", fit=counting, predict=with_prior),
    head("refit-forgets", fit=remembering),
    head("seed-decides", fit=jittered),
    head("state-is-arrays", state=lambda self: {"means": self.means.tolist()}),
    head("state-is-arrays-2", state=lambda self: {"means": np.asarray([self], object)}),
    head("state-goes-to-another-process", fit=tempered, predict=with_heat),
    head("one-class-is-an-error", fit=contented),
    dataclasses.replace(head("takes-as-few-as-it-says", fit=spread_within), least=1),
    head("takes-as-few-as-it-says-2", fit=wanting_more),
    head("background-stands-back", predict=without_its_last),
    head("background-stands-back-2", predict=mistaking),
    head("background-leaves-an-order", predict=certain),
    head("leaves-its-input-alone", fit=doubling),
    head("linear-form-gives-the-probabilities", linear=lambda self: (self.means, linear_of(self)[1])),
    head("linear-form-gives-the-probabilities-2", linear=lambda self: (linear_of(self)[0].T, linear_of(self)[1])),
    head(
        "linear-form-gives-the-probabilities-3",
        linear=lambda self: (linear_of(self)[0], np.arange(len(self.means)) / 9),
    ),
    head("gradients-are-those-of-the-logits", gradients=lambda self, v: (linear_in(self, v), -gradients(self, v)[1])),
    head("gradients-are-those-of-the-logits-2", gradients=lambda self, v: (v @ self.means.T, gradients(self, v)[1])),
    head("gradients-are-those-of-the-logits-3", gradients=lambda self, v: (linear_in(self, v), linear_of(self)[0])),
)

# --- metrics ---


def metric(name: str, **methods: Any) -> MetricSpec:
    return dataclasses.replace(WHITENED, name=name, default=False, load=type("Broken", (specimen.Whitened,), methods))


whitened, whiten = specimen.Whitened.transform, specimen.Whitened.fit


def centred(self: Any, vectors: Any) -> Any:
    rows = whitened(self, vectors) - (whitened(self, vectors).mean(axis=0) if len(vectors) else 0)
    return (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)).astype(np.float32)


def unlearning(self: Any, left: Any, right: Any, alike: Any, seed: int) -> None:
    whiten(self, left, right, alike, seed)
    self.matrix = np.eye(left.shape[1], dtype=np.float32)


def one_sided(self: Any, left: Any, right: Any, alike: Any, seed: int) -> None:
    whiten(self, left, left[::-1], alike, seed)


def hoarding(self: Any, left: Any, right: Any, alike: Any, seed: int) -> None:
    self.hoard = [*getattr(self, "hoard", []), (left, right, alike)]
    whiten(self, *(np.concatenate(part) for part in zip(*self.hoard, strict=True)), seed)


def wavering(self: Any, left: Any, right: Any, alike: Any, seed: int) -> None:
    whiten(self, left, right, alike, seed)
    self.matrix = self.matrix + np.random.default_rng().normal(0, 0.1, self.matrix.shape).astype(np.float32)


def shifting(self: Any, left: Any, right: Any, alike: Any, seed: int) -> None:
    whiten(self, left, right, alike, seed)
    self.middle = left.mean(axis=0) / 2


def shifted(self: Any, vectors: Any) -> Any:
    return whitened(self, np.where(vectors.any(axis=1, keepdims=True), vectors - getattr(self, "middle", 0), 0))


def indifferent(self: Any, left: Any, right: Any, alike: Any, seed: int) -> None:
    whiten(self, left, right, np.arange(len(left)) > 0, seed)


def demanding(self: Any, left: Any, right: Any, alike: Any, seed: int) -> None:
    whiten(self, left, right, alike, seed)
    if min(alike.sum(), (~alike).sum()) < 3:
        raise BadInput("three of each, please")


def scaling(self: Any, left: Any, right: Any, alike: Any, seed: int) -> None:
    left *= 2
    whiten(self, left, right, alike, seed)


METRICS = (
    metric("rows-have-unit-length", transform=lambda self, v: v @ self.matrix),
    metric("rows-have-unit-length-2", transform=lambda self, v: whitened(self, v).astype(np.float64)),
    metric("rows-stand-alone", transform=centred),
    metric("learns-what-was-marked", fit=unlearning),
    metric("sides-mean-nothing", fit=one_sided),
    metric("refit-forgets", fit=hoarding),
    metric("seed-decides", fit=wavering),
    metric("state-is-arrays", state=lambda self: {"matrix": self.matrix.tolist()}),
    metric("state-goes-to-another-process", fit=shifting, transform=shifted),
    metric("one-kind-is-an-error", fit=indifferent),
    metric("takes-one-pair-of-each", fit=demanding),
    metric("leaves-its-input-alone", fit=scaling),
)

# --- actions ---

ROWS = Table("row", "Rows", (Column("id", "the item", "integer"), Column("path", "where it is", "path")))


def row(item: Any, **more: Any) -> Finding:
    return Finding("row", {"id": item.id, "path": item.path, **more})


def unknown(context: Any, params: Any) -> Any:
    yield {"id": 1}


def undeclared(context: Any, params: Any) -> Any:
    yield Finding("surprise", {"id": 1})


def too_much(context: Any, params: Any) -> Any:
    yield from (row(item, colour="red") for item in context.items())


def no_json(context: Any, params: Any) -> Any:
    yield from (Finding("row", {"id": item.id, "path": {item.path}}) for item in context.items())


def listed(context: Any, params: Any) -> Any:
    yield from (Finding("row", {"id": item.id, "path": [item.path]}) for item in context.items())


def writing(context: Any, params: Any) -> Any:
    for item in context.items():
        (item.path.parent / "seen.log").touch()
        yield row(item)


def printing(context: Any, params: Any) -> Any:
    print("working")
    yield from map(row, context.items())


def leaving(context: Any, params: Any) -> Any:
    os.chdir("/")
    yield from map(row, context.items())


def touching(context: Any, params: Any) -> Any:
    for item in context.items():
        os.utime(item.path)
        yield SetLabel(item.id, "seen", True)


CALLS = itertools.count()


def counted(context: Any, params: Any) -> Any:
    yield from list(map(row, context.items()))[next(CALLS) % 2 :]


def shuffled(context: Any, params: Any) -> Any:
    yield from np.random.default_rng().permutation(np.asarray(list(map(row, context.items())), object)).tolist()


def about(items: Any, context: Any) -> Any:
    return (Ask(item, context.target("red", None), "is it red?", probability=0.5) for item in items)


def insisting(context: Any, params: Any) -> Any:
    yield from about(context.items()[:3], context)


def stammering(context: Any, params: Any) -> Any:
    left = [item for item in context.items() if item.id not in context.asked()]
    yield from about([*left[:2], *left[:1]], context)


def unannounced(context: Any, params: Any) -> Any:
    yield from about(context.items(), context)


def of_nothing(context: Any, params: Any) -> Any:
    yield from (Ask(item, "red", "is it red?") for item in context.items())


def without_choices(context: Any, params: Any) -> Any:
    yield from (Ask(item, context.target(None, "colour"), "which colour?") for item in context.items())


def overconfident(context: Any, params: Any) -> Any:
    yield from (Ask(item, context.target("red", None), "is it red?", probability=99.0) for item in context.items())


def action(name: str, plan: Any, asks: bool = False) -> ActionSpec:
    return ActionSpec(name, "broken", NoParams, plan, (ROWS,), asks=asks)


ACTIONS = (
    action("outputs-are-known", unknown),
    action("outputs-are-known-2", undeclared),
    action("rows-fit-their-table", too_much),
    action("rows-fit-their-table-2", no_json),
    action("rows-fit-their-table-3", listed),
    action("plan-only-reads", writing),
    action("plan-only-reads-2", printing),
    action("plan-repeats", counted),
    action("plan-repeats-2", shuffled),
    action("outputs-are-known-3", unannounced),
    action("outputs-are-known-4", of_nothing, asks=True),
    action("outputs-are-known-5", without_choices, asks=True),
    action("outputs-are-known-6", overconfident, asks=True),
    action("questions-move-on", insisting, asks=True),
    action("questions-move-on-2", stammering, asks=True),
    action("undo-restores-everything", touching),
)

# --- readers ---


def reader(name: str, read: Any, matches: Any = specimen.matches) -> ReaderSpec:
    return ReaderSpec(name, "broken", matches, read)


def paths_alone(source: Path, options: Any) -> Any:
    yield from source.rglob("*.png")


def as_listed(source: Path, options: Any) -> Any:
    for name in os.listdir(source):
        if (source / name).is_dir():
            yield from as_listed(source / name, options)
        else:
            yield Found(source / name, "image")


def breeding(source: Path, options: Any) -> Any:
    (source / f"{len(list(source.iterdir()))}.txt").write_text(f"text {len(list(source.iterdir()))}")
    return specimen.read(source, options)


def decoding(source: Path, options: Any) -> Any:
    from PIL import Image

    for found in specimen.read(source, options):
        if found.path.suffix == ".png":
            Image.open(found.path).verify()
        yield found


def following(source: Path, options: Any) -> Any:
    for folder, folders, names in os.walk(source, followlinks=True):
        folders.sort()
        yield from (Found(Path(folder, name), "image") for name in sorted(names) if name.endswith(".png"))


def climbing(source: Path, options: Any) -> Any:
    yield from specimen.read(source, options)
    yield Found(source / ".." / "up.png", "image")


def entering(source: Path, options: Any) -> Any:
    yield from (Found(path, "image") for path in sorted(source.rglob("*.png")))


def strict(source: Path) -> bool:
    return source.resolve(strict=True).is_dir()


def vague(source: Path) -> Any:
    return source.is_dir() and source.name


READERS = (
    reader("gives-known-entries", paths_alone),
    reader("gives-known-entries-2", lambda source, options: iter(())),
    reader("order-is-stable", as_listed),
    reader("adding-twice-adds-nothing", breeding),
    reader("bad-files-are-entries", decoding),
    reader("stays-below-its-source", following),
    reader("stays-below-its-source-2", climbing),
    reader("enters-nothing-left-out", entering),
    reader("matches-never-raises", specimen.read, strict),
    reader("matches-never-raises-2", specimen.read, vague),
)

# --- quality checks ---


def quality(name: str, look: Any) -> CheckSpec:
    return CheckSpec(name, "broken", ("image",), look)


def always(score: Any = 0.5, why: str = "bad", times: int = 1) -> Any:
    def look(context: Any, items: Any) -> Any:
        for item in items:
            yield from [Flaw(item, score, why)] * times

    return look


def of_others(context: Any, items: Any) -> Any:
    yield Flaw(context.items(modalities=("text",))[0], 0.5, "bad")


def plain_pairs(context: Any, items: Any) -> Any:
    yield from ((item, 0.5) for item in items)


CALLS = itertools.count()


def ever_worse(context: Any, items: Any) -> Any:
    call = next(CALLS)
    yield from (Flaw(item, 1 / (2 + call), "bad") for item in items)


def talkative(context: Any, items: Any) -> Any:
    print("looking")
    yield from ()


def tidying(context: Any, items: Any) -> Any:
    items[0].path.unlink(missing_ok=True)
    yield from ()


def compared(context: Any, items: Any) -> Any:
    sides = [item.pixels[0] for item in items]
    statistics.stdev(sides)
    yield from ()


def opening(context: Any, items: Any) -> Any:
    for item in items:
        (item.path or Path("gone")).read_bytes()
    yield from ()


CHECKS = (
    quality("gives-flaws-of-what-it-was-given", always(1.5)),
    quality("gives-flaws-of-what-it-was-given-2", always(float("nan"))),
    quality("gives-flaws-of-what-it-was-given-3", always(why=" ")),
    quality("gives-flaws-of-what-it-was-given-4", always(why="one\ntwo")),
    quality("gives-flaws-of-what-it-was-given-5", always(times=2)),
    quality("gives-flaws-of-what-it-was-given-6", of_others),
    quality("gives-flaws-of-what-it-was-given-7", plain_pairs),
    quality("flaws-repeat", ever_worse),
    quality("looking-only-reads", talkative),
    quality("looking-only-reads-2", tidying),
    quality("takes-few-items", compared),
    quality("takes-damaged-files", opening),
)

# --- exporters ---


def exporter(name: str, write: Any, **more: Any) -> ExporterSpec:
    return ExporterSpec(name, "broken", write, **more)


def nothing(dataset: Any, folder: Any) -> None:
    list(dataset)


def only_split(dataset: Any, folder: Any) -> None:
    for side in dataset.sides:
        with folder.open(f"{side}.txt") as file:
            file.write(b"split")


def dated(dataset: Any, folder: Any) -> None:
    with folder.open("made.txt") as file:
        file.write(f"call {next(CALLS)}".encode())


def beside(dataset: Any, folder: Any) -> None:
    Path("classes.txt").write_text(" ".join(dataset.classes))
    with folder.open("items.txt") as file:
        file.writelines(record.item.hash.encode() for record in dataset)


def shortened(dataset: Any, folder: Any) -> None:
    with folder.open("items.txt") as file:
        for record in dataset:
            file.write(record.item.hash.encode())
            if record.file:
                record.file.write_bytes(b"short")


def reading_files(dataset: Any, folder: Any) -> None:
    for record in dataset:
        if record.file:
            with folder.open(record.file.name) as file:
                file.write(record.file.read_bytes())


def trusting(dataset: Any, folder: Any) -> None:
    with folder.open("items.txt") as file:
        for record in dataset:
            file.write(dataset.content(record) + b"\n")


def shared_out(dataset: Any, folder: Any) -> None:
    items = list(dataset)
    with folder.open("train.txt") as file:
        file.write(f"{len(items)}, {statistics.stdev(item.item.id for item in items)}".encode())


def plain_ascii(dataset: Any, folder: Any) -> None:
    with folder.open("classes.txt") as file:
        file.writelines(label.encode("ascii") for label in dataset.classes)
        file.write(b"end")


def first_said(dataset: Any, folder: Any) -> None:
    with folder.open("items.txt") as file:
        file.writelines(record.said[0].label.name.encode() for record in dataset)


EXPORTERS = (
    exporter("makes-a-folder", nothing),
    exporter("makes-a-folder-2", only_split),
    exporter("repeats-to-the-same-bytes", dated),
    exporter("writes-nowhere-else", beside),
    exporter("writes-nowhere-else-2", shortened),
    exporter("reads-files-by-the-dataset", reading_files),
    exporter("goes-on-without-a-file", trusting),
    exporter("takes-few-items", shared_out),
    exporter("takes-odd-labels", plain_ascii),
    exporter("takes-items-without-labels", first_said),
)

SPECS = (*ENCODERS, *HEADS, *METRICS, *ACTIONS, *READERS, *CHECKS, *EXPORTERS)


@hookimpl
def register_encoders() -> Iterable[EncoderSpec]:
    return ENCODERS


@hookimpl
def register_heads() -> Iterable[HeadSpec]:
    return HEADS


@hookimpl
def register_metrics() -> Iterable[MetricSpec]:
    return METRICS


@hookimpl
def register_actions() -> Iterable[ActionSpec]:
    return ACTIONS


@hookimpl
def register_readers() -> Iterable[ReaderSpec]:
    return READERS


@hookimpl
def register_quality_checks() -> Iterable[CheckSpec]:
    return CHECKS


@hookimpl
def register_exporters() -> Iterable[ExporterSpec]:
    return EXPORTERS
