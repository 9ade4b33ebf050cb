"""`train --fine-tune`: a further version of what an encoder learnt, measured on what was held back from it."""

from __future__ import annotations

import csv
import json
import random
import re
from pathlib import Path

import cli_kit
import numpy as np
import pytest
from cli_kit import curator_here
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.learning.cross_validation import cross_validate
from curator.learning.finetuning import comparison_sentence

pytestmark = [pytest.mark.usefixtures("here"), pytest.mark.slow]

QUICK = ("-o", "width=24", "-o", "embedding=16", "-o", "epochs=2")


def ran(*args):
    done = curator_here(*args)
    assert done.code == 0, done
    return done


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A workspace with 90 labelled texts of two topics that share all words but the first, and a small model."""
    folder = tmp_path_factory.mktemp("tuned")
    rng = random.Random(0)
    # Others each time: versions of one text would be held back from it together.
    rows = [(f"{word} 今天 {' '.join(rng.sample(OTHERS, 5))}", topic) for _ in range(45) for word, topic in WORDS]
    with open(folder / "texts.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "topic"), *rows])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        columns = ("--text-column", "text", "--label-column", "topic", "--group", "topic")
        ran("add", "texts.csv", *columns, "--no-encode")
        ran("pretrain", "lstm-clm", *QUICK)
    return folder


WORDS = (("weather", "a"), ("money", "b"))
OTHERS = ["garden", "silver", "letter", "winter", "orange", "bridge", "doctor", "market", "river", "window", "copper"]


@pytest.fixture
def here(home, monkeypatch):
    monkeypatch.chdir(home)
    monkeypatch.delenv("CURATOR_WORKSPACE", raising=False)


@pytest.mark.slow
def test_a_fine_tuned_model_is_a_version_beside_the_other_and_says_how_it_compares(home):
    done = ran("train", "--group", "topic", "-e", "lstm-clm", "--fine-tune", "--json")
    (compared,) = [line for line in done.err.splitlines() if line.startswith("of ")]
    items, before, after = re.search(r"of (\d+) items.* ([\d.]+)% are right.* ([\d.]+)% with", compared).groups()
    assert items == "18" and 0 <= float(before) <= 100
    figures = {row["metric"]: row for row in done.rows("held-out")}
    assert {row["items"] for row in figures.values()} == {18}
    assert figures["balanced accuracy"]["value"] == pytest.approx(float(after) / 100, abs=1e-3)
    assert "was fine-tuned on these labels" in done.err
    names = [row["name"] for row in ran("encoders", "--json").rows("encoder") if row["name"].startswith("lstm")]
    assert names == ["lstm-clm:concat@1", "lstm-clm:concat@2"]
    # The bare name still means what was learnt without labels.
    assert ran("encode", "-e", "lstm-clm", "--json").row("encoded")["model"] == "lstm-clm:concat@1"
    seen = [json.loads(path.read_text()) for path in Path("workspace/models").glob("*/seen.json")]
    assert [len(hashes) for hashes in seen] == [72]
    # A head that is fitted again later is measured on the same items, and on none that the encoder saw.
    again = ran("train", "--group", "topic", "-e", "lstm-clm@2", "--head", "mlp", "--json")
    assert {row["items"] for row in again.rows("held-out")} == {18}
    ran("check")
    ran("undo")
    ran("undo")
    assert "lstm-clm:concat@2" not in ran("encoders").out
    ran("check")


@pytest.fixture
def learning(monkeypatch):
    """`learning(before, after)`: what happens ahead of the encoder's own fine-tuning, and after it."""
    from curator_plugins.encoders.lstm_clm import finetuning

    real = finetuning.finetune

    def wrap(before=lambda: None, after=lambda: None):
        def learn(*given, **named):
            before()
            real(*given, **named)
            after()

        monkeypatch.setattr(finetuning, "finetune", learn)

    return wrap


def interrupt():
    raise KeyboardInterrupt


def versions():
    return [row["name"] for row in ran("encoders", "--json").rows("encoder") if row["name"].startswith("lstm")]


@pytest.fixture
def tuned():
    """The name of a fine-tuned version."""
    before = versions()
    ran("train", "--group", "topic", "-e", "lstm-clm@1", "--fine-tune")
    (name,) = set(versions()) - set(before)
    return name


def seen(name):
    from curator.registry.loader import load_plugins
    from curator.workspace import Workspace

    with Workspace(Path("workspace"), load_plugins()) as ws:
        (model,) = [model for model in ws.models.all() if model.name == name]
        return ws.models.seen(model)


def test_what_goes_on_from_a_fine_tuned_model_knows_the_labels_too(tuned):
    assert len(seen(tuned)) == 72
    made = ran("pretrain", "lstm-clm", *QUICK, "-o", "seed=5", "--continue", tuned, "--json").row("pretrained")["model"]
    assert seen(made) == seen(tuned)
    ran("label", "a", "--group", "topic", "id:2")  # another split, by which the second sees what the first did not
    again = ran("train", "--group", "topic", "-e", made, "--fine-tune", "--json")
    assert all(row["items"] <= 18 for row in again.rows("held-out"))
    ran("undo")
    ran("label", "b", "--group", "topic", "id:2")
    assert seen("lstm-clm:concat@1") == frozenset()


def test_others_can_write_while_it_learns(learning, home):
    done = []
    learning(before=lambda: done.append(cli_kit.curator("label", "meanwhile", "id:1", cwd=home)))
    ran("train", "--group", "topic", "-e", "lstm-clm@1", "--fine-tune")
    assert [command.code for command in done] == [0], done


def test_ctrl_c_keeps_the_best_until_then(learning):
    learning(after=interrupt)
    assert "stopped: the best so far is kept" in ran("train", "--group", "topic", "-e", "lstm-clm@1", "--fine-tune").err


def test_ctrl_c_before_anything_was_learnt_changes_nothing(learning):
    before = versions()
    learning(before=interrupt)
    stopped = curator_here("train", "--group", "topic", "-e", "lstm-clm@1", "--fine-tune")
    assert stopped.code == 130 and versions() == before


def test_where_nothing_was_better_the_frozen_model_stays(monkeypatch):
    import shutil

    from curator_plugins.encoders.lstm_clm import finetuning

    def copied(start, folder, *given, **named):
        shutil.copytree(start, folder, dirs_exist_ok=True)

    before = versions()
    monkeypatch.setattr(finetuning, "finetune", copied)
    done = ran("train", "--group", "topic", "-e", "lstm-clm@1", "--fine-tune")
    assert "no attempt was better: lstm-clm:concat@1 stays" in done.err
    assert versions() == before


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--group", "topic", "-e", "ngram"), 2, ("ngram cannot be fine-tuned", "lstm-clm")),
        (("--group", "nothing", "-e", "lstm-clm"), 3, ("nothing",)),
        (("--label", "a", "--group", "topic"), 2, ("--label",)),
    ],
    ids=str,
)
def test_bad_input_is_one_line(arguments, code, words):
    ran("encode", "-e", "ngram")
    curator_here("train", *arguments, "--fine-tune").assert_ended(code, *words)


def test_a_depth_that_it_does_not_have():
    line = curator_here("train", "--group", "topic", "-e", "lstm-clm", "--fine-tune", "layer4")
    line.assert_ended(2, "lstm-clm has no depth 'layer4'", "it learns in one way")


def test_too_few_texts_of_a_class(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [("text", "topic"), *((f"text {number}", "ab"[number > 1]) for number in range(8))]
    with open("few.csv", "w", newline="") as file:
        csv.writer(file).writerows(rows)
    ran("add", "few.csv", "--text-column", "text", "--label-column", "topic", "--group", "topic", "--no-encode")
    ran("pretrain", "lstm-clm", *QUICK)
    line = curator_here("train", "--group", "topic", "-e", "lstm-clm", "--fine-tune")
    line.assert_ended(4, "three or more texts of each class", "fewer of a")


@settings(deadline=None)
@given(st.integers(4, 12), st.integers(0, 6), st.integers(0, 3))
def test_what_the_encoder_saw_is_fitted_on_and_never_held_out(fresh, known, seed):
    """By class; the figures of a head that only knows what it was shown tell what was held out."""
    targets = np.asarray([0, 1] * (fresh + known))
    seen = np.asarray([False] * (2 * fresh) + [True] * (2 * known))
    vectors = np.arange(len(targets), dtype=np.float32)[:, None]
    asked = set()

    def fit_predict(rows, of, unseen):
        assert set(np.flatnonzero(seen)) <= set(rows[:, 0].astype(int)), "what was seen is fitted on"
        asked.update(unseen[:, 0].astype(int).tolist())
        return np.full((len(unseen), 2), 0.5, np.float32)

    metrics = cross_validate(fit_predict, vectors, targets, 2, seed, seen).metrics
    assert sorted(asked) == np.flatnonzero(~seen).tolist() and metrics["items"] == 2 * fresh


def test_where_it_saw_all_there_are_no_figures():
    vectors, targets = np.eye(6, dtype=np.float32), np.asarray([0, 1] * 3)
    assert cross_validate(lambda *given: 1 / 0, vectors, targets, 2, 0, np.ones(6, bool)).metrics == {"items": 0.0}


@pytest.mark.parametrize(
    ("after", "says"), [(0.85, "better$"), (0.83, "may be chance$"), (0.8, "stay with the frozen one$")]
)
def test_what_may_be_chance_follows_from_the_size_of_each_class(after, says):
    """A small one among large ones makes it no more likely than its share."""
    kept = [label for label in range(20) for _ in range(4 if label == 0 else 40)]
    figures = [{"items": 764.0, "balanced accuracy": value} for value in (0.8, after)]
    assert re.search(says, comparison_sentence(*figures, kept, "old", "new"))
