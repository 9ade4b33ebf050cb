"""Fits give the same numbers whatever the threads, and tell how far they are."""

from __future__ import annotations

import contextlib

import pytest
import scipy.linalg  # noqa: F401 - its library of linear algebra, which would else be loaded within a limit
from fakes import CentroidHead, open_fake, picture
from threadpoolctl import threadpool_info, threadpool_limits

COLORS = {"red": (220, 30, 30), "blue": (30, 30, 220)}


class Watching:
    """A reporter that keeps how far each block of work came."""

    def __init__(self):
        self.blocks = []

    def say(self, message):
        pass

    def confirm(self, question, default=True):
        return None

    @contextlib.contextmanager
    def progress(self, title, total):
        self.blocks.append([title, total, 0])
        block = self.blocks[-1]

        def advance(done):
            block[2] += done

        yield advance


@pytest.fixture
def watching():
    return Watching()


@pytest.fixture
def ws(tmp_path, watching):
    for place, (name, color) in enumerate(COLORS.items()):
        for n in range(8):
            picture(tmp_path / "photos" / name / f"{n}.png", 100 * place + n, color=color)
    with open_fake(tmp_path / "workspace", "histogram", "centroid", reporter=watching) as workspace:
        workspace.add(tmp_path / "photos", labels_from_folders=True, group="colour")
        yield workspace


def threads():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.mark.parametrize("doing", ["fit", "predict"])
def test_heads_of_any_plugin_work_on_one_thread(ws, monkeypatch, doing):
    seen, plain = [], getattr(CentroidHead, doing)

    def watched(self, *given):
        seen.append(threads())
        return plain(self, *given)

    monkeypatch.setattr(CentroidHead, doing, watched)
    with threadpool_limits(2, user_api="blas"):
        ws.train(group="colour", head="centroid")
        assert threads() == {2}, "and what was there comes back"
    assert seen and all(found == {1} for found in seen)


def test_a_head_is_the_same_to_the_last_digit_whatever_the_threads(ws, tmp_path):
    first = ws.train(group="colour", head="logistic")
    with open_fake(tmp_path / "other", "histogram", "centroid") as other:
        other.add(tmp_path / "photos", labels_from_folders=True, group="colour")
        with threadpool_limits(2, user_api="blas"):
            again = other.train(group="colour", head="logistic")
        heads = [ws.training.heads.row(first), other.training.heads.row(again)]
    assert heads[0].object == heads[1].object and heads[0].held_out == heads[1].held_out
    assert first.metrics == again.metrics


def test_measuring_tells_how_far_it_is(ws, watching):
    watching.blocks.clear()
    ws.train(group="colour", head="centroid")
    blocks = {title: (total, done) for title, total, done in watching.blocks}
    total, done = blocks["measuring a centroid head"]
    assert total == done == 25, "five folds, five times over for so few"
