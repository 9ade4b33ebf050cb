"""Fine-tuning: vectors that tell classes apart better, and a frozen model that is left as it is."""

from __future__ import annotations

import dataclasses
import json
import random

import numpy as np
import pytest
from curator_plugins.encoders import lstm_clm
from curator_plugins.encoders.lstm_clm import finetuning, learning
from curator_plugins.encoders.lstm_clm import folder as folders
from curator_plugins.encoders.lstm_clm.config import FILES, MODEL
from curator_plugins.encoders.lstm_clm.finetuning import Tuning, finetune, split
from sklearn.linear_model import LogisticRegression

from curator.api import TextBatch
from curator.errors import BadInput, NotFound

pytestmark = [pytest.mark.torch, pytest.mark.slow]

TUNING = Tuning(epochs=30, splits=1, rate=2e-2, rows=16, patience=30, enough=30, dropout=0.2, precision="fp32")


MIDDLE = ["下雨☔", "refund", "晴天", "战胜", "不敌", "send", "有雪", "fee", "巴萨", "北京", "please", "上海"]


def crossed(count, seed=0):
    """Texts whose class is whether first word and last go together in a made-up way, whatever the three between.

    No sum over words can tell it; nearly all texts are distinct.
    """
    chance = random.Random(seed)
    found = []
    for _ in range(count):
        day, club = chance.choice(["今天", "明天"]), chance.choice(["皇马", "Lakers"])
        middle = " ".join(chance.choices(MIDDLE, k=3))
        found.append((f"{day} {middle} {club}", int((day == "今天") == (club == "皇马"))))
    texts, targets = zip(*found, strict=True)
    return list(texts), list(targets)


def held(folder, seed=9):
    """Accuracy on other texts of a logistic regression on the vectors of 60."""
    encoder = lstm_clm.load(lstm_clm.resolve(None, folder), "cpu")
    (texts, targets), (others, wanted) = crossed(160), crossed(200, seed)
    rows, new = (
        found / np.linalg.norm(found, axis=1, keepdims=True)
        for found in map(encoder.encode, map(TextBatch, (texts, others)))
    )
    return LogisticRegression(C=10).fit(rows, targets).score(new, wanted)


@pytest.fixture(scope="module")
def tuned(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tuned") / "model"
    tried = []
    texts, targets = crossed(160)
    return finetune(model, folder, texts, targets, 2, TUNING, report=tried.append), tried


def test_vectors_tell_the_classes_apart_better(model, tuned):
    assert held(tuned[0].folder) > 0.95 > 0.9 > held(model)


def test_it_never_leaves_what_is_worse_on_the_held_out(tuned):
    outcome, tried = tuned
    assert tried[0].epoch == 0 and outcome.before == (tried[0].loss, tried[0].accuracy)
    best = min(tried, key=lambda one: one.loss)
    assert outcome.epochs == best.epoch > 0 and outcome.after == (best.loss, best.accuracy) < outcome.before


def test_the_last_epoch_may_be_the_best_however_many_texts_there_are(model, tmp_path):
    """At a rate so low that each epoch is better than the one before."""
    tried = []
    tuning = dataclasses.replace(TUNING, epochs=None, rate=1e-5, head_rate=1e-5)
    outcome = finetune(model, tmp_path / "last", *crossed(1300), 2, tuning, report=tried.append)
    assert outcome.epochs == tried[-1].epoch == tuning.epochs_for(1300) < tuning.epochs_for(1000)


def test_the_new_folder_is_a_model_with_the_same_pieces(model, tuned):
    folder = tuned[0].folder
    assert sorted(path.name for path in folder.iterdir()) == sorted([*FILES, "curve.jsonl"])
    assert (folder / "tokenizer.json").read_bytes() == (model / "tokenizer.json").read_bytes()
    assert folders.read(folder)[0] == folders.read(model)[0]
    assert (folder / MODEL).read_bytes() != (model / MODEL).read_bytes()
    key = json.loads((folder / "config.json").read_text())["key"]
    assert key["from"] == folders.fingerprint(model) and key["tuning"] == dataclasses.asdict(TUNING)


def test_the_same_seed_gives_the_same(model, tuned, tmp_path):
    texts, targets = crossed(160)
    finetune(model, tmp_path / "again", texts, targets, 2, TUNING)
    finetune(model, tmp_path / "other", texts, targets, 2, TUNING, seed=1)
    contents = [(folder / MODEL).read_bytes() for folder in (tuned[0].folder, tmp_path / "again", tmp_path / "other")]
    assert contents[0] == contents[1] != contents[2]


def test_layers_thaw_one_an_epoch_from_the_top(texts, tmp_path):
    from curator_plugins.encoders.lstm_clm.pretraining import Options, pretrain

    options = Options(layers=2, width=16, embedding=8, epochs=1, vocabulary=300, precision="fp32")
    deep = pretrain(texts, tmp_path / "deep", options).folder
    _, before, _, _ = folders.read(deep)
    layers = [{f"lstm.{n}.{part}" for part in ("input", "recurrent", "bias")} for n in (1, 0)]
    # Of one text a class nothing can be held out: half of the epochs are learnt.
    for epochs, wanted in (
        (2, layers[0]),
        (4, layers[0] | layers[1]),
        (6, layers[0] | layers[1] | {"embedding.weight"}),
    ):
        tuning = dataclasses.replace(TUNING, epochs=epochs)
        tuned = finetune(deep, tmp_path / f"{epochs}", ["今天", "Please", "皇马"], [0, 1, 2], 3, tuning)
        _, after, _, _ = folders.read(tuned.folder)
        assert {name for name in before if not np.array_equal(before[name], after[name])} == wanted
        assert tuned.epochs == epochs // 2 and tuned.before is tuned.after is None


def test_an_interrupt_keeps_the_best(model, tmp_path):
    def report(tried):
        if tried.epoch == 20:
            raise KeyboardInterrupt

    texts, targets = crossed(160)
    with pytest.raises(KeyboardInterrupt):
        finetune(model, tmp_path / "best", texts, targets, 2, TUNING, report=report)
    config = json.loads((tmp_path / "best" / "config.json").read_text())
    assert 0 < config["facts"]["epochs"] <= 20
    assert held(tmp_path / "best") > held(model)


def test_an_interrupt_before_anything_was_better_leaves_nothing(model, tmp_path):
    def report(tried):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        finetune(model, tmp_path / "new", *crossed(40), 2, TUNING, report=report)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("given", "targets", "classes"),
    [
        (["今天", "send"], [0, 1], 2),
        (["", "send"], [0, 1], 2),
        (["a", "b", "c", "a"], [0, 1, 2, 0], 3),
        (["长" * 2000, "x " * 900, "y"], [0, 1, 1], 2),
    ],
)
def test_few_and_odd_labels_will_do(model, tmp_path, given, targets, classes):
    tuned = finetune(model, tmp_path, given, targets, classes, dataclasses.replace(TUNING, epochs=4))
    assert (tmp_path / MODEL).exists() == (tuned.epochs > 0), "where the frozen model is best, nothing is left"
    left = tuned.folder if tuned.epochs else model
    assert np.isfinite(lstm_clm.load(lstm_clm.resolve(None, left), "cpu").encode(TextBatch(given))).all()


@pytest.mark.parametrize(
    ("targets", "classes"), [([0, 0], 1), ([0, 0], 2), ([0, 2], 2), ([0, 1], 3), ([0, 1, 1], 2), ([], 0)]
)
def test_targets_that_cannot_be(model, tmp_path, targets, classes):
    with pytest.raises(BadInput, match="at least two classes"):
        finetune(model, tmp_path, ["a", "b"], targets, classes)


def test_there_must_be_a_model(tmp_path):
    with pytest.raises(NotFound, match="holds no model"):
        finetune(tmp_path, tmp_path / "new", ["a", "b"], [0, 1], 2)


def test_versions_of_one_text_are_learnt_from_or_held_out_together(model, tmp_path, monkeypatch):
    parts = []

    def kept(targets, kin, *rest):
        parts.append((kin, *split(targets, kin, *rest)))
        return parts[-1][1:]

    monkeypatch.setattr(finetuning, "split", kept)
    texts, targets = crossed(40)
    versions = [f"{text}{mark}" for mark in ("", "!", "?") for text in texts]
    kin = [*range(40)] * 3
    tuning = dataclasses.replace(TUNING, splits=2, epochs=1)
    finetune(model, tmp_path, versions, targets * 3, 2, tuning, kin=kin)
    assert len(parts) == 2
    for numbers, learnt, held_out in parts:
        assert np.bincount(numbers).tolist() == [3] * 40 and len(held_out) > 20
        assert not set(numbers[learnt].tolist()) & set(numbers[held_out].tolist())


def test_the_order_of_the_texts_makes_no_difference(model, tmp_path):
    texts, targets = crossed(40)
    tuning = dataclasses.replace(TUNING, epochs=12)
    for name, step in (("forth", 1), ("back", -1)):
        finetune(model, tmp_path / name, texts[::step], targets[::step], 2, tuning)
    assert (tmp_path / "forth" / MODEL).read_bytes() == (tmp_path / "back" / MODEL).read_bytes()


def test_the_epochs_are_those_that_are_best_over_all_splits(model, tmp_path, monkeypatch):
    parts, tried, measured = [], [], []
    measure = finetuning._Tuner.measure

    def kept(*given):
        parts.append(split(*given))
        return parts[-1]

    def noted(*given):
        measured.append(measure(*given))
        return measured[-1]

    monkeypatch.setattr(finetuning, "split", kept)
    monkeypatch.setattr(finetuning._Tuner, "measure", noted)
    texts, targets = crossed(80)
    tuning = dataclasses.replace(TUNING, splits=3, epochs=12)
    outcome = finetune(model, tmp_path, texts, targets, 2, tuning, report=tried.append)
    assert len({tuple(held_out) for _, held_out in parts}) == 3
    assert [(one.epoch, one.epochs) for one in tried] == [(epoch, 12) for epoch in range(13)]
    means = np.asarray(measured).reshape(13, 3, 2).mean(axis=1)
    assert [(one.loss, one.accuracy) for one in tried] == [pytest.approx(mean) for mean in means]
    assert outcome.epochs == means[:, 0].argmin()
    assert outcome.before == pytest.approx(means[0]) and outcome.after == pytest.approx(means[outcome.epochs])
    assert [one.best for one in tried] == [
        mean < min(means[:number, 0], default=9) for number, mean in enumerate(means[:, 0])
    ]


def test_what_is_too_sure_is_not_worse(model):
    """The loss is taken at the best temperature: logits of twice the size have the same."""
    shape, weights, vocabulary, _ = folders.read(model)
    given, unseen = (
        finetuning.Labelled(vocabulary.encode(texts), np.asarray(targets), np.arange(len(texts)))
        for texts, targets in (crossed(60), crossed(200, 9))
    )
    tuner = finetuning._Tuner(shape, weights, TUNING, 2, 0, print, 0.0)
    head = tuner._head(given)
    with learning.workers() as pool:
        losses = [
            tuner.measure(pool, {**weights, **{name: value * scale for name, value in head.items()}}, unseen)[0]
            for scale in (0.5, 1, 2)
        ]
    assert losses == pytest.approx([losses[1]] * 3, rel=1e-3)


def test_fewer_texts_take_more_epochs_and_splits():
    assert [Tuning().epochs_for(count) for count in (2, 50, 1000, 10_000)] == [40, 40, 12, 8]
    assert [Tuning().splits_for(count) for count in (2, 200, 400, 10_000)] == [5, 5, 2, 1]
    assert finetuning.Tuning(epochs=3).epochs_for(10) == 3
