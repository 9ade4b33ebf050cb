"""Pretraining as people run it: a model that is kept, stopped, gone on with, taken back, and asked."""

from __future__ import annotations

import csv
import json
import random
import re
import shutil
import signal
import subprocess
from pathlib import Path

import cli_kit
import pytest
from cli_kit import curator_here

pytestmark = pytest.mark.slow

QUICK = ("-o", "width=24", "-o", "embedding=16", "-o", "epochs=2")
SLOW = ("-o", "width=24", "-o", "embedding=16", "-o", "epochs=2000")
TOPICS = {
    "weather": (("今天", "明天", "周末"), ("北京", "上海", "广州"), ("下雨", "晴天", "有雪", "刮大风")),
    "money": (("please", "kindly", "now"), ("send", "refund", "transfer"), ("my money", "the fee", "50 euros")),
}


def rows(count, seed=0):
    """(text, topic): a small language of two scripts."""
    chance = random.Random(seed)
    for _ in range(count):
        topic = chance.choice(list(TOPICS))
        yield " ".join(chance.choice(words) for words in TOPICS[topic]) + f" {chance.randint(1, 99)}", topic


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A workspace with 200 labelled texts, none embedded."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CURATOR_WORKSPACE", raising=False)
    with open("texts.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "topic"), *rows(200)])
    columns = ("--text-column", "text", "--label-column", "topic", "--group", "topic")
    assert curator_here("add", "texts.csv", *columns, "--no-encode").code == 0
    return tmp_path


def ran(*args):
    done = curator_here(*args)
    assert done.code == 0, done
    return done


def models():
    return {row["name"]: row for row in ran("encoders", "--json").rows("encoder") if row["name"].startswith("lstm-clm")}


# --- the way through ---


def test_from_texts_to_answers(folder):
    made = ran("pretrain", "lstm-clm", *QUICK, "--json").row("pretrained")
    assert made["finished"] and made["texts"] <= 200 and 0 < made["held_out"] < 16
    (name,) = models()
    assert name == made["model"] == "lstm-clm:concat@1"
    assert ran("encode", "-e", "lstm-clm", "--json").row("encoded")["encoded"] == models()[name]["embedded"]
    found = ran("similar", "--text", "明天 上海 有雪", "-k", "3", "-e", "lstm-clm", "--json").rows("neighbour")
    assert len(found) == 3 and found[0]["score"] > 0.5
    ran("train", "--group", "topic", "-e", "lstm-clm")
    following = ran("complete", "please send", "--top", "4", "--json").rows("next")
    assert [row["rank"] for row in following] == [1, 2, 3, 4]
    chances = [row["probability"] for row in following]
    assert chances == sorted(chances, reverse=True) and 0 < sum(chances) <= 1
    assert all(row["text"] == "please send" + (row["piece"] or "") for row in following)
    written = [ran("complete", "please", "--length", "6", "--json").row("written") for _ in range(2)]
    assert written[0] == written[1] and written[0]["text"] == "please" + written[0]["added"]
    drawn = {
        ran("complete", "please", "--length", "8", "--temperature", "1", "--seed", str(seed)).out for seed in range(4)
    }
    assert len(drawn) > 1


def test_each_pretraining_is_a_version_and_the_name_means_the_last(folder):
    ran("pretrain", "lstm-clm", *QUICK)
    ran("encode", "-e", "lstm-clm:mean")
    ran("pretrain", "lstm-clm", *QUICK, "-o", "seed=1")
    assert list(models()) == ["lstm-clm:concat@1", "lstm-clm:mean@2", "lstm-clm:concat@3"]
    ran("encode", "-e", "lstm-clm")
    ran("encode", "-e", "lstm-clm:mean")
    # The other pooling is that of the model that was learnt last, and thus another space.
    embedded = {name: row["embedded"] > 0 for name, row in models().items()}
    assert embedded == {
        "lstm-clm:concat@1": False,
        "lstm-clm:mean@2": True,
        "lstm-clm:concat@3": True,
        "lstm-clm:mean@4": True,
    }
    ran("similar", "--text", "please send", "-e", "lstm-clm:mean@2")


def test_the_same_again_is_the_same_model(folder):
    ran("pretrain", "lstm-clm", *QUICK)
    first = weights()
    assert ran("pretrain", "lstm-clm", *QUICK, "--json").row("pretrained")["model"] == "lstm-clm:concat@1"
    assert list(models()) == ["lstm-clm:concat@1"] and weights() == first
    ran("check")


def test_going_on_from_an_earlier_model_keeps_its_vocabulary(folder):
    (folder / "more.txt").write_text("\n".join(text for text, _ in rows(150, seed=5)), encoding="utf-8")
    ran("pretrain", "lstm-clm", *QUICK)
    made = ran("pretrain", "lstm-clm", *QUICK, "--corpus", "more.txt", "--continue", "lstm-clm@1", "--json")
    assert made.row("pretrained")["model"] == "lstm-clm:concat@2"
    tokenizers = {path.read_bytes() for path in Path("workspace/models").glob("*/tokenizer.json")}
    assert len(tokenizers) == 1 and len(list(Path("workspace/models").iterdir())) == 2


def test_undo_takes_the_model_back_and_undoing_that_brings_it_again(folder):
    ran("pretrain", "lstm-clm", *QUICK)
    ran("pretrain", "lstm-clm", *QUICK, "-o", "seed=1")
    ran("undo")
    assert list(models()) == ["lstm-clm:concat@1"]
    again = re.search(r"curator undo (\d+) redoes it", ran("undo").out)[1]
    assert list(models()) == ["lstm-clm"]
    assert "no faults: everything matches the catalogue" in ran("check").out
    ran("undo", again)
    assert ran("encode", "-e", "lstm-clm", "--json").row("encoded")["model"] == "lstm-clm:concat@1"


def test_going_on_from_a_model_of_another_encoder_is_refused(folder):
    ran("encode", "-e", "ngram")
    curator_here("pretrain", "lstm-clm", "--continue", "ngram").assert_failed(2, "which ngram is not")


def test_a_backup_holds_the_model_and_the_folder_of_it_is_only_a_view(folder):
    ran("pretrain", "lstm-clm", *QUICK)
    before = ran("similar", "--text", "please send", "-k", "3", "-e", "lstm-clm", "--json").out
    shutil.rmtree("workspace/models")
    assert ran("similar", "--text", "please send", "-k", "3", "-e", "lstm-clm", "--json").out == before
    ran("backup", "b.tar")
    (folder / "restored").mkdir()
    subprocess.run(["tar", "-xf", "b.tar", "-C", "restored"], check=True)
    again = ran("similar", "--text", "please send", "-k", "3", "-e", "lstm-clm", "--json", "--encode", "-w", "restored")
    assert again.out == before


def test_a_damaged_model_is_found_and_named(folder):
    ran("pretrain", "lstm-clm", *QUICK)
    shutil.rmtree("workspace/models")
    largest = max(Path("workspace/objects").glob("*/*"), key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes()[:-1])
    found = curator_here("check", "--json")
    assert any("model lstm-clm@1" in line for line in found.out.splitlines()), found
    line = curator_here("similar", "--text", "please", "-e", "lstm-clm")
    line.assert_ended(7, "is damaged; restore it from a backup")


# --- stopped, and gone on with ---


def started(*args):
    return subprocess.Popen(
        [cli_kit.CURATOR, "pretrain", "lstm-clm", *args],
        env=cli_kit.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def looked(process, times):
    """Wait until it has measured so often."""
    for line in process.stderr:
        times -= "bits per character" in line
        if not times:
            return
    raise AssertionError(process.communicate())


def weights(name="lstm-clm@1"):
    """The bytes of a model's weights."""
    import sqlite3

    with sqlite3.connect("workspace/catalogue.db") as database:
        sql = "SELECT weights FROM model WHERE encoder || '@' || version = ?"
        files = json.loads(database.execute(sql, (name,)).fetchone()[0])["files"]
    object_ = files["model.safetensors"]
    return Path("workspace/objects", object_[:2], object_[2:]).read_bytes()


@pytest.mark.slow
def test_ctrl_c_keeps_the_best_so_far_and_the_same_command_goes_on(folder):
    options = ("-o", "width=24", "-o", "embedding=16", "-o", "epochs=12")
    ran("pretrain", "lstm-clm", *options, "-w", "workspace")
    straight = weights()
    ran("undo")
    process = started(*options, "--json")
    looked(process, 2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    stopped = json.loads(out)
    # The first version was another one's, which was taken back; no version is given to two models.
    assert not stopped["finished"] and stopped["model"] == "lstm-clm:concat@2"
    assert "Traceback" not in err
    best_so_far = weights("lstm-clm@2")
    assert best_so_far != straight
    ran("encode", "-e", "lstm-clm")
    done = ran("pretrain", "lstm-clm", *options, "--json").row("pretrained")
    # And this is that other one again, to the bit.
    assert done["finished"] and done["model"] == "lstm-clm:concat@1"
    assert weights("lstm-clm@1") == straight
    assert not [path for path in Path("workspace/pretraining").iterdir() if path.is_dir()]


@pytest.mark.slow
def test_killed_in_the_middle_it_goes_on_and_nothing_is_half_there(folder):
    process = started(*SLOW)
    looked(process, 2)
    process.kill()
    process.communicate()
    assert list(models()) == ["lstm-clm"]
    ran("check")
    process = started(*SLOW)
    looked(process, 1)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60)[1].count("Traceback") == 0
    assert process.returncode == 130 and list(models()) == ["lstm-clm:concat@1"]


@pytest.mark.slow
def test_others_can_write_meanwhile_but_not_pretrain(folder):
    process = started(*SLOW)
    try:
        looked(process, 1)
        ran("label", "seen", "id:1")
        second = curator_here("pretrain", "lstm-clm", *QUICK)
        second.assert_failed(4, "lstm-clm is being pretrained here by another curator")
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130
    ran("ls", "--labelled", "seen")


# --- what cannot be ---


def test_without_texts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ran("init")
    curator_here("pretrain", "lstm-clm").assert_failed(4, "no texts to learn from", "curator add", "--corpus")


def test_few_texts_are_said_to_be_few(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ran("init")
    Path("few.txt").write_text("一只猫\n\n  \none dog\n" + "一只猫\n" * 30, encoding="utf-8")
    done = ran("pretrain", "lstm-clm", *QUICK, "--corpus", "few.txt", "--json")
    assert "note: 2 different texts to learn from" in done.err and "poor" in done.err
    assert done.row("pretrained")["texts"] == 2
    Path("one.txt").write_text("again and again\n" * 200)
    assert "note: 1 different text to learn from" in ran("pretrain", "lstm-clm", *QUICK, "--corpus", "one.txt").err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("resnet50",), 2, ("resnet50 is not pretrained here", "lstm-clm")),
        (("lstm-clmm",), 3, ("lstm-clmm", "lstm-clm")),
        (("lstm-clm", "--corpus", "nowhere.txt"), 3, ("'nowhere.txt'",)),
        (("lstm-clm", "--corpus", "."), 2, ("'.'",)),
        (("lstm-clm", "--corpus", "bytes.txt"), 2, ("'bytes.txt'", "NUL")),
        (("lstm-clm", "--continue", "lstm-clm"), 3, ("lstm-clm has not been pretrained yet",)),
        (("lstm-clm", "--continue", "lstm-clm@3"), 3, ("lstm-clm@3",)),
        (("lstm-clm", "-o", "epochs=0"), 2, ("epochs",)),
        (("lstm-clm", "-o", "epoch=3"), 2, ("epochs",)),
        (("lstm-clm", "-o", "layers=9"), 2, ("layers",)),
        (("lstm-clm", "-o", "epochs"), 2, ("NAME=VALUE",)),
    ],
    ids=str,
)
def test_bad_input_is_one_line_and_changes_nothing(folder, arguments, code, words):
    Path("bytes.txt").write_bytes(b"a\0b")
    curator_here("pretrain", *arguments).assert_failed(code, *words)
    assert list(models()) == ["lstm-clm"] and not Path("workspace/pretraining").exists()


@pytest.mark.parametrize(
    "command", [("encode",), ("similar", "--text", "x"), ("classify", "--group", "topic")], ids=str
)
def test_an_encoder_that_never_learnt_says_what_makes_it_learn(folder, command):
    curator_here(*command, "-e", "lstm-clm").assert_failed(4, "not pretrained here yet", "curator pretrain lstm-clm")


def test_what_is_no_language_model_cannot_go_on(folder):
    curator_here("complete", "x", "-e", "ngram").assert_failed(2, "ngram is not a language model")
    curator_here("complete", "x").assert_failed(4, "curator pretrain lstm-clm")
