"""Filling a space: in which precision, with how much memory, and what becomes of a form that does not serve."""

from __future__ import annotations

import time
import tracemalloc
from importlib import metadata
from typing import ClassVar

import fakes
import numpy as np
import pytest
from fakes import picture

from curator.api import EncoderSpec, Preprocess, Resolved
from curator.embedding.embedder import WORTH
from curator.embedding.ways.agreement import SAMPLE, disagreement, distance, shared
from curator.registry.loader import Loaded, Origin, load_plugins
from curator.reporter import Silent
from curator.workspace import Workspace

BATCH = 32
MANY = WORTH
SIDE = 64


class Exact:
    """The mean colour of each quarter of a picture: (n, 12). It takes its time."""

    def __init__(self, form="none"):
        self.form = form
        self.closed = 0

    def encode(self, batch):
        time.sleep(0.02)
        return self.means(batch)

    def means(self, batch):
        half = SIDE // 2
        quarters = batch.pixels.reshape(-1, 3, 2, half, 2, half).mean(axis=(3, 5))
        return quarters.reshape(len(batch.pixels), 12).astype(np.float32)

    def close(self):
        self.closed += 1


class Short(Exact):
    """The same, rounded and quick; once it serves it may fail."""

    made: ClassVar[list[Exact]] = []

    def __init__(self, form):
        super().__init__(form)
        self.calls = 0
        self.made.append(self)

    def encode(self, batch):
        self.calls += 1
        serves = self.calls > SAMPLE // BATCH
        if self.form == "raising" or (self.form == "failing later" and serves):
            raise RuntimeError("no numbers as short as that")
        if self.form == "slow":
            time.sleep(0.1)
        vectors = self.means(batch)
        if self.form == "overflowing" and serves:
            return vectors * np.float32("inf")
        if self.form == "rough":
            return vectors + np.random.default_rng(0).normal(0, 0.0007, vectors.shape).astype(np.float32)
        return vectors[::-1].copy() if self.form == "wrong" else np.round(vectors, 4)


class Reducible(Exact):
    def reduced(self):
        if self.form == "unasked":
            raise RuntimeError("cannot be made shorter")
        return None if self.form == "no gain" else ("bfloat16", Short(self.form))


def load(resolved, device):
    return Exact() if resolved.variant == "none" else Reducible(resolved.variant)


def resolve(variant, weights):
    return Resolved(12, variant or "none", Preprocess(SIDE, SIDE, (0.0,) * 3, (1.0,) * 3))


SPEC = EncoderSpec("mean", ("image",), "s", resolve, load, batch_size=BATCH)


@pytest.fixture
def opened(tmp_path):
    """`opened(n)`: a workspace with n pictures."""
    ours = [entry for entry in metadata.entry_points(group="curator") if entry.name in fakes.OURS]
    registry = load_plugins(ours)
    registry.take(Loaded(Origin("mean", __name__, "mean-dist", "1.0"), (SPEC,)))
    Workspace.create(tmp_path / "workspace")
    Short.made.clear()
    with Workspace(tmp_path / "workspace", registry, Silent()) as workspace:

        def fill(count):
            for number in range(count):
                picture(tmp_path / "photos" / f"{number}.png", number, (SIDE, SIDE))
            workspace.add(tmp_path / "photos", encode=False)
            return workspace

        yield fill


def precisions(ws):
    sql = "SELECT precision, count(*) AS n FROM vector GROUP BY precision"
    return {row["precision"]: row["n"] for row in ws.derived.database.rows(sql)}


def notes(ws):
    return [line for line in ws.reporter.said if line.startswith("note: ")]


def test_many_items_are_embedded_in_the_precision_that_found_the_same_in_a_sample(opened):
    ws = opened(MANY + 3)
    (report,) = ws.encode("mean:good").values()
    assert precisions(ws) == {"float32": SAMPLE, "bfloat16": MANY + 3 - SAMPLE}
    assert (report.encoded, report.precision, report.runtime, notes(ws)) == (MANY + 3, "bfloat16", "torch", [])
    (said,) = [line for line in ws.reporter.said if "goes on with" in line]
    assert said.startswith("embedding goes on with bfloat16, ") and "times as fast as float32" in said
    assert [encoder.closed for encoder in Short.made] == [1]
    full = opened(0).encode("mean")
    assert {report.precision for report in full.values()} == {"float32"}
    both = [ws.encoding.matrix(ws.models.find(name), ws.items.select())[1] for name in ("mean:good", "mean")]
    np.testing.assert_allclose(both[0], both[1], atol=1e-3)
    assert not np.array_equal(both[0], both[1])


def test_what_was_measured_is_remembered(opened):
    ws = opened(MANY)
    ws.encode("mean:good")
    ws.derived.database.execute("DELETE FROM vector")
    ws.encode("mean:good")
    assert precisions(ws) == {"bfloat16": MANY}
    assert sum("goes on with" in line for line in ws.reporter.said) == 1


def test_exact_means_float32_alone(opened):
    ws = opened(MANY)
    (report,) = ws.encode("mean:good", exact=True).values()
    assert (precisions(ws), report.precision) == ({"float32": MANY}, "float32")


def test_few_items_are_embedded_in_full(opened):
    ws = opened(MANY - 1)
    ws.encode("mean:good")
    assert precisions(ws) == {"float32": MANY - 1} and not Short.made


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("none", None),
        ("no gain", None),
        ("slow", None),
        ("wrong", "without bfloat16: it differs by"),
        ("rough", "without bfloat16: it finds 0."),
        ("raising", "no numbers as short as that"),
        ("unasked", "cannot be made shorter"),
    ],
)
def test_a_form_that_does_not_serve_costs_nothing(opened, form, words):
    ws = opened(MANY)
    (report,) = ws.encode(f"mean:{form}").values()
    assert precisions(ws) == {"float32": MANY} and not report.failed
    assert len(notes(ws)) == (words is not None)
    if words:
        assert "embedding goes on" in notes(ws)[0] and words in notes(ws)[0]


@pytest.mark.parametrize("form", ["failing later", "overflowing"])
def test_where_the_form_fails_later_the_encoder_has_the_last_word(opened, form):
    ws = opened(MANY)
    (report,) = ws.encode(f"mean:{form}").values()
    assert (precisions(ws), report.failed, report.encoded) == ({"float32": MANY}, [], MANY)


def test_shorter_numbers_have_to_find_the_same_neighbours():
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((SAMPLE, 64)).astype(np.float32)
    noise = rng.standard_normal(vectors.shape).astype(np.float32)
    assert (shared(vectors, vectors), disagreement(vectors, vectors)) == (1.0, "")
    assert disagreement(vectors + 1e-4 * noise, vectors) == ""
    assert distance(vectors + 0.05 * noise, vectors) < 0.06 and shared(vectors + 0.05 * noise, vectors) < 0.97
    assert "nearest" in disagreement(vectors + 0.05 * noise, vectors)
    assert "spread" in disagreement(vectors + 0.2 * noise, vectors)
    assert "spread" in disagreement(vectors * np.float32("nan"), vectors)


def test_what_all_vectors_share_does_not_hide_that_they_differ():
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((16, 8)).astype(np.float32) + 100
    noise = rng.standard_normal((16, 8)).astype(np.float32)
    assert np.linalg.norm(noise) / np.linalg.norm(vectors) < 0.02
    assert distance(vectors + noise, vectors) > 0.7
    assert distance(vectors, vectors) == 0
    assert distance(vectors * np.float32("nan"), vectors) != distance(vectors, vectors)


def test_memory_does_not_grow_with_the_number_of_items(opened):
    """What is counted: bytes of arrays and objects at the most, while pictures of 12 kB each are embedded."""
    ws = opened(128)

    def most():
        tracemalloc.start()
        ws.encode("mean")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    few = most()
    ws.derived.database.execute("DELETE FROM vector")
    ws = opened(628)
    many = most()
    pixels = 3 * SIDE * SIDE * 4
    assert many - few < 0.2 * 500 * pixels, (few, many)
