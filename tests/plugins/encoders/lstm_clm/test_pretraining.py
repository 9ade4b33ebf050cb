"""Pretraining: what it learns, that it can stop anywhere, and what it leaves in the folder."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import pytest
import torch
from curator_plugins.encoders.lstm_clm import corpus as corpora
from curator_plugins.encoders.lstm_clm import folder as folders
from curator_plugins.encoders.lstm_clm.config import CONFIG, MODEL, STATE
from curator_plugins.encoders.lstm_clm.corpus import Corpus
from curator_plugins.encoders.lstm_clm.pretraining import Options, pretrain
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from curator.errors import BadInput, NotFound

pytestmark = pytest.mark.slow

QUICK = Options(width=16, embedding=8, epochs=2, rows=16, vocabulary=300, precision="fp32")


def content(folder):
    return (folder / MODEL).read_bytes()


def interrupted(texts, folder, options, after):
    """Pretraining that is interrupted at look number `after`."""
    looks = []

    def report(progress):
        looks.append(progress)
        if len(looks) == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pretrain(texts, folder, options, report=report)
    return looks


# --- learning ---


def test_it_learns_the_language(outcome):
    curve = [json.loads(line) for line in (outcome.folder / "curve.jsonl").read_text().splitlines()]
    assert curve[-1]["held_out_loss"] < curve[0]["held_out_loss"] - 0.5
    # A text is one of 36 that are as likely, an ending of 102, in about ten characters.
    assert outcome.bits_per_character == min(point["bits_per_character"] for point in curve) < 1.6
    assert [point["step"] for point in curve] == sorted({point["step"] for point in curve})


def test_what_it_reports(texts, tmp_path):
    looks = []
    outcome = pretrain(texts, tmp_path / "model", QUICK, report=looks.append)
    last = looks[-1]
    assert (last.step, last.epoch, last.epochs) == (last.steps, 2, 2)
    assert last.bits_per_character == pytest.approx(outcome.bits_per_character) and last.best
    distinct = len(set(texts))
    assert outcome.texts + outcome.held_out == distinct
    assert outcome.held_out == len(corpora.split(corpora.distinct(texts))[1])
    assert 0 < last.seconds <= outcome.seconds and not outcome.resumed


def test_bits_per_character_are_those_of_the_model(outcome, texts, small):
    """The figure, computed the long way round."""
    from curator_plugins.encoders.lstm_clm import predicting

    _, held_out = corpora.split(corpora.distinct(texts))
    _, weights, vocabulary, _ = folders.read(outcome.folder)
    reader, total = predicting.Reader(weights), torch.tensor(0.0, dtype=torch.float64)
    for text in held_out:
        ids = [0, *vocabulary.encode([text])[0], 0]
        for stop in range(1, len(ids)):
            total -= torch.log2(reader.read(ids[:stop])[0][ids[stop]])
    assert total.item() / sum(map(len, held_out)) == pytest.approx(outcome.bits_per_character, rel=1e-4)


@pytest.mark.parametrize("layers", [2, 3])
def test_more_layers(texts, tmp_path, layers):
    outcome = pretrain(texts, tmp_path, dataclasses.replace(QUICK, layers=layers))
    assert folders.read(outcome.folder)[0].layers == layers


def test_bfloat16_learns_as_well(texts, tmp_path):
    bits = [
        pretrain(texts, tmp_path / precision, dataclasses.replace(QUICK, precision=precision)).bits_per_character
        for precision in ("fp32", "bf16")
    ]
    assert bits[1] == pytest.approx(bits[0], rel=0.02)


def test_early_stopping(tmp_path):
    """Texts without any order: what is learnt of some says nothing of the others."""
    torch.manual_seed(0)
    texts = ["".join(chr(97 + number) for number in torch.randint(0, 26, (20,)).tolist()) for _ in range(60)]
    looks = []
    options = dataclasses.replace(QUICK, width=64, epochs=60, dropout=0.0, rate=2e-2, patience=2)
    outcome = pretrain(texts, tmp_path, options, report=looks.append)
    assert looks[-1].epoch < 60 and outcome.epochs <= looks[-1].epoch - 2
    assert outcome.bits_per_character == min(look.bits_per_character for look in looks) < looks[-1].bits_per_character


def test_minutes_leave_out_epochs(texts, tmp_path):
    looks = []
    options = dataclasses.replace(QUICK, epochs=10_000, minutes=0.05)
    pretrain(texts, tmp_path, options, report=looks.append)
    assert looks[-1].step == looks[-1].steps < 10_000


@pytest.fixture(scope="module")
def many_windows(texts):
    """Texts of up to a dozen windows of 8 pieces, more than are sorted by length together."""
    return [" ".join(texts[start : start + 1 + start % 9]) for start in range(140)]


@pytest.mark.parametrize("minutes", [None, 0.01])
def test_texts_of_many_windows_end_where_the_steps_do(many_windows, tmp_path, minutes):
    """Of a batch of several windows, the last steps may be those of its first windows alone."""
    looks = []
    options = dataclasses.replace(QUICK, width=8, rows=2, window=8, minutes=minutes)
    outcome = pretrain(many_windows, tmp_path / "model", options, report=looks.append)
    assert all(look.step <= look.steps and look.epoch <= look.epochs for look in looks)
    assert looks[-1].step == looks[-1].steps or looks[-1].epoch == looks[-1].epochs
    assert outcome.bits_per_character == min(look.bits_per_character for look in looks)


def test_texts_of_many_windows_interrupted_and_resumed(many_windows, tmp_path, monkeypatch):
    from curator_plugins.encoders.lstm_clm import pretraining

    monkeypatch.setattr(pretraining, "CHECK", 50)
    options = dataclasses.replace(QUICK, width=8, epochs=1, rows=4, window=8)
    pretrain(many_windows, tmp_path / "whole", options)
    for after in (1, 2):
        interrupted(many_windows, tmp_path / "parts", options, after)
    pretrain(many_windows, tmp_path / "parts", options)
    assert content(tmp_path / "parts") == content(tmp_path / "whole")


# --- stopping and going on ---


def test_the_same_seed_gives_the_same_and_another_another(texts, tmp_path):
    for name, seed in (("first", 0), ("second", 0), ("third", 1)):
        pretrain(texts if name == "first" else texts[::-1], tmp_path / name, dataclasses.replace(QUICK, seed=seed))
    assert content(tmp_path / "first") == content(tmp_path / "second") != content(tmp_path / "third")


@pytest.mark.parametrize("after", [1, 2, 3])
def test_interrupted_and_resumed_is_as_never_interrupted(texts, tmp_path, monkeypatch, after):
    from curator_plugins.encoders.lstm_clm import pretraining

    monkeypatch.setattr(pretraining, "CHECK", 7)  # looks in the middle of an epoch, too
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    first = pretrain(texts, whole, QUICK)
    interrupted(texts, parts, QUICK, after)
    second = pretrain(texts, parts, QUICK)
    assert second.resumed and content(parts) == content(whole)
    assert second.bits_per_character == first.bits_per_character
    curves = [
        [json.loads(line) for line in (folder / "curve.jsonl").read_text().splitlines()] for folder in (whole, parts)
    ]
    assert [{**a, "seconds": 0} for a in curves[0]] == [{**b, "seconds": 0} for b in curves[1]]


def test_an_interrupt_keeps_the_best_so_far(texts, tmp_path):
    looks = interrupted(texts, tmp_path, QUICK, 1)
    _, _, _, config = folders.read(tmp_path)
    assert not config["complete"] and config["facts"]["bits_per_character"] == looks[0].bits_per_character
    assert (tmp_path / STATE).is_file()


def test_a_finished_model_is_left_as_it_is(texts, tmp_path):
    first = pretrain(texts, tmp_path, QUICK)
    assert not (tmp_path / STATE).exists()
    before = (tmp_path / MODEL).stat().st_mtime_ns
    again = pretrain([*texts, *texts], tmp_path, QUICK, report=lambda progress: pytest.fail("it learns again"))
    assert dataclasses.replace(again, resumed=False) == first and (tmp_path / MODEL).stat().st_mtime_ns == before


@pytest.mark.parametrize("change", ["texts", "options", "damage"])
def test_a_state_of_something_else_is_not_taken_up(texts, tmp_path, change):
    interrupted(texts, tmp_path, QUICK, 1)
    options = dataclasses.replace(QUICK, seed=1) if change == "options" else QUICK
    if change == "damage":
        (tmp_path / STATE).write_bytes((tmp_path / STATE).read_bytes()[:1000])
    outcome = pretrain([*texts[1:], "new"] if change == "texts" else texts, tmp_path, options)
    assert not outcome.resumed


def test_a_state_that_would_run_code_is_not_taken_up(texts, tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "written"), "w"))

    interrupted(texts, tmp_path, QUICK, 1)
    torch.save({"key": Evil()}, tmp_path / STATE)
    assert not pretrain(texts, tmp_path, QUICK).resumed
    assert not (tmp_path / "written").exists()


# --- continuing an earlier model ---


def test_it_continues_an_earlier_model(model, written, small, tmp_path):
    few = [text for text, _ in written(60, seed=5)]
    options = dataclasses.replace(small, epochs=2, rate=3e-3)
    continued = pretrain(few, tmp_path / "continued", options, start=model)
    alone = pretrain(few, tmp_path / "alone", options)
    assert continued.bits_per_character < alone.bits_per_character
    assert (tmp_path / "continued" / "tokenizer.json").read_bytes() == (model / "tokenizer.json").read_bytes()
    assert json.loads((tmp_path / "continued" / CONFIG).read_text())["key"]["start"] == folders.fingerprint(model)


def test_there_must_be_a_model_to_continue(texts, tmp_path):
    with pytest.raises(NotFound, match="holds no model"):
        pretrain(texts, tmp_path / "new", QUICK, start=tmp_path / "nothing")


# --- texts of all kinds ---


@pytest.mark.parametrize(
    "given",
    [["one text alone"], ["", "a", "a", "b"], ["short", "x" * 5000], [f"{n}" for n in range(30)], ["半\ud83d个", "好"]],
)
def test_few_and_odd_texts_will_do(given, tmp_path):
    outcome = pretrain(given, tmp_path, QUICK)
    assert outcome.bits_per_character > 0
    assert all(value.isfinite().all() for value in load_file(tmp_path / MODEL).values())


@pytest.mark.parametrize("given", [[], ["", ""]])
def test_no_text_is_said(given, tmp_path):
    with pytest.raises(BadInput, match="no text"):
        pretrain(given, tmp_path, QUICK)


def test_repeats_are_dropped_and_what_is_held_out_is_not_learnt_from(texts):
    distinct = corpora.distinct(texts + texts)
    learnt, held_out = corpora.split(distinct)
    assert sorted(learnt + held_out) == distinct and len(set(distinct)) == len(distinct)
    assert not set(learnt) & set(held_out)


@settings(deadline=None)
@given(st.integers(2, 4000), st.integers(0, 9), st.floats(0.01, 1))
def test_what_one_corpus_holds_out_no_other_learns_from(size, seed, share):
    """So that a model that goes on from another's is measured on what neither has learnt."""
    large = [f"text {number} of {seed}" for number in range(size)]
    learnt, measured = corpora.split(large)
    assert learnt and measured and not set(learnt) & set(measured)
    if size > 1000:
        assert 0.02 < len(measured) / size < 0.08
    small = large[: max(2, int(share * size))]
    of_small = corpora.split(small)[1]
    if len(of_small) > 1:  # of very few, one that would not be is held out all the same
        assert set(of_small) == set(measured) & set(small)


def test_one_text_in_other_case_and_punctuation_is_on_one_side():
    texts = [f"text {number} of many" for number in range(400)]
    versions = (
        [text.upper() for text in texts] + [f"{text}!" for text in texts] + [text.replace(" ", "  ") for text in texts]
    )
    learnt, held_out = corpora.split(corpora.distinct(texts + versions))
    sides = [{corpora.fold(text) for text in side} for side in (learnt, held_out)]
    assert not sides[0] & sides[1] and 5 < len(sides[1]) == len(held_out) / 4


def test_of_many_not_all_that_is_held_out_is_measured(monkeypatch):
    large = [f"text {number}" for number in range(1000)]
    learnt, measured = corpora.split(large)
    monkeypatch.setattr(corpora, "MOST_MEASURED", 7)
    assert corpora.split(large)[0] == learnt and len(corpora.split(large)[1]) == 7
    assert set(corpora.split(large)[1]) < set(measured)


def test_the_digest_depends_on_the_texts_and_nothing_else():
    assert corpora.digest(corpora.distinct(["a", "b", "b", ""])) == corpora.digest(corpora.distinct(["b", "a"]))
    assert len({corpora.digest(one) for one in (["a", "b"], ["ab"], ["a", "bb"], ["a b"])}) == 4


def test_every_piece_is_predicted_once_an_epoch(model, texts):
    _, _, vocabulary, _ = folders.read(model)
    found = Corpus(["今天下雨" * 700, *texts, "x"], vocabulary)
    for batches in (found.in_order(16), found.shuffled_batches(16, 0, 3)):
        targets = [targets[targets >= 0] for chosen in batches for _, targets in found.batch(chosen).windows(64)]
        assert sum(map(len, targets)) == len(found)
        assert torch.equal(torch.cat(targets).sort().values, found.flat[1:].long().sort().values)
    assert found.shuffled_batches(16, 0, 3) != found.shuffled_batches(16, 0, 4) != found.shuffled_batches(16, 1, 4)


def test_batches_hold_texts_of_about_the_same_length(model, texts):
    _, _, vocabulary, _ = folders.read(model)
    found = Corpus(texts, vocabulary)
    padded = sum(batch.pieces.numel() for chosen in found.shuffled_batches(16, 0, 0) for batch in [found.batch(chosen)])
    assert padded < 1.1 * len(found)


MEGABYTE = """
import resource, sys
from pathlib import Path
from curator_plugins.encoders.lstm_clm import folder, pooling
from curator_plugins.encoders.lstm_clm.pretraining import Options, pretrain
from hypothesis import given, settings
from hypothesis import strategies as st

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

text = "".join(f"第{number}行：the quick brown fox。\\n" for number in range(28_000))
assert len(text.encode()) > 1_000_000
pretrain(["short", "texts"], Path(sys.argv[1], "warm"), Options(width=64, embedding=32, epochs=1))
before = peak()
options = Options(width=64, embedding=32, vocabulary=1000, epochs=1, minutes=0.1)
made = pretrain([text], Path(sys.argv[1], "model"), options)
assert made.bits_per_character > 0
_, weights, vocabulary, _ = folder.read(made.folder)
assert pooling.vectors(weights, vocabulary.encode([text]), "mean").shape == (1, 64)
print(peak() - before)
"""


@pytest.mark.slow
def test_a_text_of_a_megabyte_needs_little_memory(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", MEGABYTE, str(tmp_path)], stdout=subprocess.PIPE, text=True, check=True
    )
    assert float(done.stdout) < 300  # MB


@pytest.mark.parametrize("wrong", [{"layers": 0}, {"layers": 4}, {"width": 0}, {"epochs": 0}, {"precision": "fp8"}])
def test_options_that_cannot_be(wrong):
    with pytest.raises(BadInput, match=next(iter(wrong))):
        Options(**wrong)
