"""`curator audit --check other-language`: a few sentences in other languages among many in one."""

from __future__ import annotations

import csv

import cli_kit
import pytest
from sentences import SENTENCES

USUAL = [
    "Where is the {} that I have ordered two weeks ago?",
    "The {} came late and the box was open, I am not happy",
    "I like the {}, but it is far too small for the kitchen",
    "Nobody told me that the {} would cost that much",
]
THINGS = ("table", "lamp", "chair", "kettle", "shelf", "clock", "carpet", "mirror", "sofa", "bed", "desk", "plant")
CHINESE = [
    "我两个星期前订的{}在哪里？",
    "{}送来得很晚，盒子也破了",
    "我喜欢这个{}，但是太小了",
    "没有人告诉我{}要这么贵",
]
DINGE = ("桌子", "灯", "椅子", "水壶", "书架", "时钟", "地毯", "镜子", "沙发", "床", "书桌", "花盆")
ASKED = ("audit", "--check", "other-language", "--json", "--limit", "0")


def added(here, texts, name="texts.csv"):
    with open(name, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["text"], *[[text] for text in texts]])
    done = here("add", name, "--text-column", "text", "--no-encode")
    assert done.code == 0, done


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CURATOR_WORKSPACE", raising=False)
    return cli_kit.curator_here


def english():
    return [form.format(thing) for form in USUAL for thing in THINGS]


@pytest.mark.parametrize("language", ["fr", "de", "ru", "zh", "ja", "ko"])
def test_sentences_in_another_language_are_found_and_no_others(here, language):
    foreign = SENTENCES[language][:4]
    added(here, [*english(), *foreign])
    done = here(*ASKED)
    assert {row["text"] for row in done.rows("flaw")} == {*foreign}, done
    assert all(f"in {language!r} and not in 'en' as most" in row["why"] for row in done.rows("flaw"))
    assert all("one of 4 such among 52 texts" in row["why"] for row in done.rows("flaw"))
    assert here(*ASKED).out == done.out  # by what was kept


def test_the_usual_language_is_that_of_the_set_and_older_characters_are_no_other_one(here):
    foreign = [*SENTENCES["ja"][:2], *SENTENCES["fr"][:2], "Nobody told me that it would cost that much"]
    added(here, [*(form.format(thing) for form in CHINESE for thing in DINGE), *SENTENCES["tw"], *foreign])
    assert {row["text"] for row in here(*ASKED).rows("flaw")} == {*foreign}


def test_a_language_of_many_is_no_exception_and_without_a_usual_one_there_is_none(here):
    added(here, [*english()[:24], *SENTENCES["fr"], *SENTENCES["de"][:1]])
    assert {row["text"] for row in here(*ASKED).rows("flaw")} == {*SENTENCES["de"][:1]}
    added(here, [*SENTENCES["ru"], *SENTENCES["ja"], *SENTENCES["ko"]], "more.csv")
    assert here(*ASKED).rows("flaw") == []


def test_what_says_too_little_is_in_no_language(here):
    added(here, [*english(), "20.00", "ok!", "Müller", "???", "🙂🙂🙂", "好的", "iPhone 6s", "\U000105c0 \U000105c1"])
    assert here(*ASKED).rows("flaw") == []


def test_of_few_texts_nothing_is_said(here):
    added(here, [*english()[:12], SENTENCES["fr"][1]])
    done = here(*ASKED)
    assert done.code == 0 and done.rows("flaw") == [] and done.row("quality")["items"] == 13


def test_what_is_damaged_in_the_cache_is_told_again(here, tmp_path):
    import sqlite3

    added(here, [*english(), SENTENCES["fr"][1]])
    first = here(*ASKED)
    with sqlite3.connect(tmp_path / "workspace/derived.db") as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE name LIKE 'signature%'")]
        assert database.execute(f"UPDATE {tables[0]} SET value = x'ff00'").rowcount > 0
    second = here(*ASKED)
    assert second.out == first.out and len(second.rows("flaw")) == 1
