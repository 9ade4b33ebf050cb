"""Learned metrics on a workspace: what they are fitted on, how they are measured, and what is said of it."""

from __future__ import annotations

import cli_kit
import numpy as np
import pytest

from curator.errors import BadInput, PluginError
from curator.learning.similarity import LearnedMetrics, _groups, _held_out_auc, _notes
from curator.registry.loader import load_plugins
from curator.workspace import Workspace


class Pairs:
    """As much of what is learnt from as measuring needs."""

    def __init__(self, left, right, alike):
        self.left, self.right, self.alike = left, right, alike


@pytest.fixture
def ws(tmp_path):
    cli_kit.texts(tmp_path / "notes", 10)
    Workspace.create(tmp_path / "workspace")
    with Workspace(tmp_path / "workspace", load_plugins()) as workspace:
        workspace.add(tmp_path / "notes")
        yield workspace


@pytest.fixture
def marked(ws):
    for number in (1, 3, 5, 7):
        ws.pair("taste", number, number + 1, alike=number < 4)
    return ws


def fitted(ws, reference="taste"):
    return LearnedMetrics(ws.encoding, ws.training).fitted_metric(reference, ws.models.find("ngram"))


def test_a_pair_without_a_vector_is_left_out_and_said(marked):
    marked.pair("taste", 9, 10)
    item = marked.items.by_id(9)
    model = marked.models.find("ngram")
    marked.derived.database.execute("DELETE FROM vector WHERE hash = ?", item.hash)
    marked.derived.put_failure(model.fingerprint, item.hash, "too odd")
    metric = fitted(marked)
    assert (metric.alike, metric.unlike) == (2, 2)
    assert metric.notes[0] == "1 pair left out: an item has no vector (`curator status --problems`)"


def test_what_is_kept_is_replaced_not_heaped_up(marked):
    kept = "SELECT count(*) FROM metric"
    assert not fitted(marked).reused and fitted(marked, "taste:projection").reused
    marked.pair("taste", 9, 10)
    assert not fitted(marked).reused
    assert marked.derived.database.value(kept) == 1


def test_the_order_of_marking_changes_nothing(tmp_path, marked):
    with Workspace(marked.folder, load_plugins()) as other:
        for number in (7, 5, 3, 1):
            other.pair("again", number + 1, number, alike=number < 4)
        rows = np.eye(3, other.models.find("ngram").dim, dtype=np.float32)
        assert np.array_equal(fitted(other, "again").transform(rows), fitted(other).transform(rows))


def test_each_pair_needs_two(ws):
    with pytest.raises(BadInput, match="a pair takes two items"):
        ws.pair("taste", 1)


@pytest.mark.parametrize(
    ("transform", "wrong"),
    [
        (lambda self, rows: rows.astype(np.float64), "float64"),
        (lambda self, rows: rows[:0], r"\(0, "),
        (lambda self, rows: 2 * rows, "not unit length"),
        (lambda self, rows: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_a_metric_that_breaks_its_contract_names_its_plugin(marked, monkeypatch, transform, wrong):
    from curator_plugins.metrics.projection import Projection

    monkeypatch.setattr(Projection, "transform", transform)
    with pytest.raises(PluginError, match=f"plugin 'projection' .*{wrong}"):
        fitted(marked).transform(np.eye(2, marked.models.find("ngram").dim, dtype=np.float32))


def test_pairs_that_hang_together_are_held_out_together():
    groups = _groups(np.array([[0, 1], [1, 2], [3, 4], [5, 3], [6, 7], [8, 9]]))
    assert groups[0] == groups[1] and groups[2] == groups[3] and len(set(groups.tolist())) == 4


def test_figures_are_of_pairs_that_were_not_learnt_from():
    """Marks by chance: who measures on what was learnt finds much."""
    from curator_plugins.metrics.projection import Projection

    rng = np.random.default_rng(0)
    rows = rng.standard_normal((160, 64)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    data = Pairs(rows[:80], rows[80:], rng.random(80) < 0.5)

    def fit(chosen):
        metric = Projection()
        metric.fit(data.left[chosen], data.right[chosen], data.alike[chosen], 0)
        return metric

    learned, plain, many = _held_out_auc(fit, data, np.arange(80))
    assert many == 80 and 0.25 < learned < 0.75 and 0.25 < plain < 0.75
    metric = fit(np.arange(80))
    likeness = np.einsum("ij,ij->i", metric.transform(data.left), metric.transform(data.right))
    assert (likeness[data.alike][:, None] > likeness[~data.alike]).mean() > 0.85


def test_what_is_said_of_figures():
    assert list(_notes(200, 300, 0.9, 0.8, 0)) == []
    assert list(_notes(200, 300, 0.9, 0.8, 0, many=True)) == [
        "more than 100,000 different items: near-copies were not held out together, figures may flatter"
    ]
    assert list(_notes(200, 300, 0.8, 0.8, 0)) == [
        "no better than the plain cosine: leave out --metric, or mark more pairs"
    ]
    assert list(_notes(25, 16, 0.9, 0.8, 0)) == [
        "only 16 pairs marked as not alike: these figures can be off by 25 points"
    ]
    assert len(list(_notes(25, 16, None, None, 2))) == 2
