"""Learning what texts are about, as people do: pretrain, embed, ask, add more, learn again, take it back."""

from __future__ import annotations

import csv
import random

import pytest
from cli_kit import curator_here

KINDS = {
    "weather": ("rain", "snow", "wind", "storm", "cloud", "下雨", "大雪", "刮风"),
    "money": ("refund", "card", "bank", "fee", "transfer", "股市", "基金", "银行"),
}


def write(path, count, seed):
    chance = random.Random(seed)
    with open(path, "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("text", "topic"))
        for number in range(count):
            topic = list(KINDS)[number % 2]
            rows.writerow((" ".join(chance.sample(KINDS[topic], 4)), topic))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A workspace with 160 labelled texts, none embedded."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CURATOR_WORKSPACE", raising=False)
    write("texts.csv", 160, 0)
    columns = ("--text-column", "text", "--label-column", "topic", "--group", "topic")
    assert curator_here("add", "texts.csv", *columns, "--no-encode").code == 0
    return tmp_path


def ran(*args):
    done = curator_here(*args)
    assert done.code == 0, done
    return done


def models():
    return {row["name"]: row["embedded"] for row in ran("encoders", "--json").rows("encoder")}


def test_from_texts_to_answers_and_texts_added_later_embed_alone(here):
    said = ran("pretrain", "lsa", "-o", "dimensions=4")
    assert "lsa@1 learnt from " in said.out
    assert "of the weight of words and characters lost on held-out texts" in said.out
    first = ran("encode", "-e", "lsa", "--json").row("encoded")["encoded"]
    assert first == models()["lsa@1"] > 100
    nearest = ran("similar", "--text", "rain", "-k", "5", "-e", "lsa", "--json").rows("neighbour")
    assert len(nearest) == 5 and nearest[-1]["score"] > 0.9
    assert all(any(word in row["text"] for word in KINDS["weather"]) for row in nearest)
    ran("train", "--group", "topic", "-e", "lsa")
    write("more.csv", 40, 1)
    ran("add", "more.csv", "--text-column", "text", "--no-encode")
    assert ran("encode", "-e", "lsa", "--json").row("encoded")["encoded"] == models()["lsa@1"] - first > 0


def test_learning_again_from_more_is_another_version_and_the_first_stays(here):
    once = ran("pretrain", "lsa", "-o", "dimensions=4", "--json").row("pretrained")
    assert once["model"] == "lsa@1" and once["finished"] and once["unit"].startswith("of the weight")
    assert 0 <= once["held_out"] < 1
    assert ran("pretrain", "lsa", "-o", "dimensions=4", "--json").row("pretrained")["model"] == "lsa@1"
    ran("encode", "-e", "lsa")
    write("more.csv", 40, 1)
    ran("add", "more.csv", "--text-column", "text", "--no-encode")
    assert ran("pretrain", "lsa", "-o", "dimensions=4", "--json").row("pretrained")["model"] == "lsa@2"
    assert models()["lsa@1"] > 100 and models()["lsa@2"] == 0
    ran("similar", "--text", "rain", "-e", "lsa@1")
    ran("undo")
    assert "lsa@2" not in models()
    ran("check")


def test_what_cannot_be_is_said_in_a_line(here):
    curator_here("encode", "-e", "lsa").assert_failed(4, "`curator pretrain lsa`")
    # Characters of a private range, each of its own: not even a space recurs.
    (here / "strange.txt").write_text("\n".join(chr(0xE000 + number) for number in range(120)), encoding="utf-8")
    curator_here("pretrain", "lsa", "--corpus", "strange.txt").assert_failed(4, "and these have nothing")
    curator_here("pretrain", "lsa", "-o", "dimensions=0").assert_failed(2, "dimensions")
    ran("pretrain", "lsa")
    curator_here("pretrain", "lsa", "--continue", "lsa").assert_failed(2, "continues from no earlier version")


@pytest.mark.parametrize(
    "texts",
    [
        ["the cat sat", "a dog ran home", "今天天气很好"],
        ["alpha", "bravo", "今天", "ジュース", "12345"],
        ["ab cd", "ba dc"],
    ],
)
def test_few_texts_that_share_no_word_are_learnt_from_by_their_characters(tmp_path, monkeypatch, texts):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts").mkdir()
    for number, text in enumerate(texts):
        (tmp_path / f"texts/{number}.txt").write_text(text, encoding="utf-8")
    ran("add", "texts", "--no-encode")
    ran("pretrain", "lsa")
    ran("encode", "-e", "lsa")


def test_words_that_it_never_met_are_like_nothing(here):
    ran("pretrain", "lsa")
    ran("encode", "-e", "lsa")
    asked = ran("similar", "--text", "ჟჟჟ", "-e", "lsa", "--json")
    assert not asked.rows("neighbour") and "lsa@1 knows nothing of what is looked for" in asked.err
