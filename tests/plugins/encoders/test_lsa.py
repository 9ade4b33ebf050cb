"""Latent semantic analysis: what occurs together is near, also where no word is shared."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from curator_plugins.encoders import lsa
from curator_plugins.encoders.lsa import learning, pieces

from curator.api import TextBatch
from curator.errors import BadInput, NotFound, NotReady

(SPEC,) = lsa.register_encoders()

KINDS = {
    "weather": ["rain", "snow", "wind", "storm", "cloud", "frost", "下雨", "大雪", "刮风", "晴天"],
    "money": ["refund", "card", "bank", "fee", "transfer", "account", "股市", "基金", "银行", "转账"],
}


def corpus(count=300):
    """Texts of two kinds, three words of one each: any two words of a kind come together in some."""
    chance = random.Random(0)
    return [" ".join(chance.sample(words, 3)) for _ in range(count // 2) for words in KINDS.values()]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The folder of a model of two directions, and what was told of it."""
    folder, looks = tmp_path_factory.mktemp("lsa"), []
    SPEC.pretrain(corpus(), folder, lsa.Params(dimensions=2), None, looks.append)
    return folder, looks


def vectors(folder, texts):
    return SPEC.load(SPEC.resolve(None, folder), "cpu").encode(TextBatch(texts))


def cosine(folder, first, second):
    one, other = vectors(folder, [first, second])
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def test_words_that_occur_together_are_near_though_none_is_shared(model):
    folder, _ = model
    assert cosine(folder, "rain", "snow") > 0.9 > 0.3 > cosine(folder, "rain", "bank")
    assert cosine(folder, "下雨", "storm") > 0.9 > 0.3 > cosine(folder, "下雨", "股市")


def test_shapes_and_numbers(model):
    folder, _ = model
    rows = vectors(folder, ["rain", "RAIN", "ｒａｉｎ", "", "ъъъ"])
    assert rows.shape == (5, SPEC.resolve(None, folder).dim) == (5, 2) and rows.dtype == np.float32
    assert (rows[0] == rows[1]).all() and (rows[0] == rows[2]).all()
    assert not rows[3].any() and not rows[4].any()
    assert np.linalg.norm(rows, axis=1).max() <= 1.001


def test_all_directions_keep_the_cosines(tmp_path):
    """With as many directions as there are, nothing is lost but the rounding: cosines are those of TF-IDF."""
    texts = corpus(60)
    learnt, _ = learning.learn(texts, 4096)
    exact = learning.weighted(pieces.counts(texts[:20]), learnt.columns, learnt.rarity).toarray()
    found = learnt.vectors(texts[:20])
    # Three texts are held out, and so lie in the span of the others only nearly.
    np.testing.assert_allclose(found @ found.T, exact @ exact.T, atol=0.05)


def test_counts_are_by_the_logarithm_and_by_kind():
    (row,) = pieces.counts(["ab ab"]).toarray()
    characters, words = row[: pieces.FEATURES], row[pieces.FEATURES :]
    # a, b and ab twice, " " once, "b ", " a", "ab ", "b a", " ab" once; ab twice, "ab ab" once.
    assert sorted(characters[characters > 0].round(3)) == [1.0] * 6 + [1.693] * 3
    assert sorted(words[words > 0].round(3)) == [1.0, 1.693]


def test_what_is_told_is_the_weight_that_held_out_texts_lose(model):
    _, (look,) = model
    assert look.done == 1 and look.best and look.unit == lsa.MEASURE and 0 < look.held_out < 1
    whole = learning.learn(corpus(), 400)[1]
    assert whole < look.held_out


def test_the_same_texts_give_the_same_in_any_order(model, tmp_path):
    folder, _ = model
    SPEC.pretrain(corpus()[::-1] * 2, tmp_path, lsa.Params(dimensions=2), None, lambda look: None)
    assert (tmp_path / "model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()


def test_of_a_large_catalogue_some_are_learnt_from(monkeypatch):
    monkeypatch.setattr(learning, "MOST_TEXTS", 40)
    monkeypatch.setattr(learning, "MOST_PIECES", 50)
    counted = []
    monkeypatch.setattr(learning, "counts", lambda texts: counted.append(len(texts)) or pieces.counts(texts))
    learnt, _ = learning.learn(corpus(), 8)
    assert counted == [38, 2] and learnt.directions.shape == (50, 8)


def test_directions_that_are_only_rounding_are_left_out():
    learnt, _ = learning.learn(["rain snow", "snow rain", "rain snow rain"] * 2, 100)
    assert learnt.directions.shape[1] <= 3


def test_texts_without_anything_in_common_are_refused(tmp_path):
    with pytest.raises(NotReady, match="nothing"):
        SPEC.pretrain(["abc", "xyz"], tmp_path, lsa.Params(), None, lambda look: None)


def test_it_continues_from_nothing(model, tmp_path):
    with pytest.raises(BadInput, match="anew"):
        SPEC.pretrain(corpus(), tmp_path, lsa.Params(), model[0], lambda look: None)


def test_before_it_learnt_it_says_how():
    with pytest.raises(NotReady, match="curator pretrain lsa"):
        SPEC.resolve(None, None)
    with pytest.raises(BadInput, match="no variants"):
        SPEC.resolve("big", None)


def copy(folder, to):
    for path in folder.iterdir():
        (to / path.name).write_bytes(path.read_bytes())


@pytest.mark.parametrize("told", ['{"format": 2, "dim": 2}', '{"format": 1, "dim": "2"}', '{"format": 1}', "[", "3"])
def test_a_description_that_is_none_is_refused(model, tmp_path, told):
    copy(model[0], tmp_path)
    (tmp_path / "config.json").write_text(told)
    with pytest.raises(BadInput, match="does not describe a model of lsa"):
        SPEC.resolve(None, tmp_path)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_file_that_is_not_there_is_named(model, tmp_path, name):
    copy(model[0], tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(NotFound, match=name):
        SPEC.resolve(None, tmp_path)


def wrong_dim(arrays):
    arrays["directions"] = arrays["directions"][:, :1]


def wrong_kind(arrays):
    arrays["directions"] = arrays["directions"].astype(np.float64)


def not_rising(arrays):
    arrays["columns"] = arrays["columns"][::-1].copy()


def beyond(arrays):
    arrays["columns"][-1] = 2 * pieces.FEATURES


def one_missing(arrays):
    del arrays["rarity"]


@pytest.mark.parametrize("spoil", [wrong_dim, wrong_kind, not_rising, beyond, one_missing])
def test_arrays_that_do_not_fit_are_refused(model, tmp_path, spoil):
    from safetensors.numpy import load_file, save_file

    copy(model[0], tmp_path)
    arrays = load_file(tmp_path / "model.safetensors")
    spoil(arrays)
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, tmp_path / "model.safetensors")
    with pytest.raises(BadInput, match="does not hold what lsa learns"):
        SPEC.load(SPEC.resolve(None, tmp_path), "cpu")


def test_the_description_tells_what_is_kept(model):
    told = json.loads(Path(model[0], "config.json").read_text())
    assert told["dim"] == 2 and told["format"] == 1 and told["pieces"] > 50 and 0 < told["lost"] < 1
