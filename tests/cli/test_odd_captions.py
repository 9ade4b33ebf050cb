"""`curator audit --check odd-caption`: captions under other pictures, in spaces that were made elsewhere."""

from __future__ import annotations

import csv

import cli_kit
import numpy as np
import pytest

MANY, WRONG = 100, (7, 13, 23, 31, 41, 53, 67, 71, 88, 95)
"""Pictures with a caption each, and those whose captions are turned round among them."""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A workspace of pictures with captions beside them; nothing is embedded."""
    base = tmp_path_factory.mktemp("captioned")
    (base / "pictures").mkdir()
    for number in range(MANY):
        cli_kit.photo(base / f"pictures/{number}.png", number)
        (base / f"pictures/{number}.txt").write_text(f"what can be seen in number {number}")
    assert cli_kit.curator("add", "pictures", "--captions", "--no-encode", cwd=base).code == 0
    return base


@pytest.fixture
def here(made, tmp_path, monkeypatch):
    return cli_kit.in_a_copy(made, tmp_path, monkeypatch)


def space(noise, seed=0, dim=64, wrong=WRONG):
    """Unit rows of pictures and captions that lie about what they show, each medium about a place of its own."""
    chance = np.random.default_rng(seed)
    shown = chance.normal(size=(MANY, dim))
    images, texts = (shown + noise * chance.normal(size=(MANY, dim)) + 2 * chance.normal(size=dim) for _ in range(2))
    texts[list(wrong)] = texts[[*wrong[1:], *wrong[:1]]]
    return images, texts


def given(here, made, images, texts, many=MANY):
    """Import both as the space `both`."""
    np.save("both.npy", np.concatenate([images[:many], texts[:many]]).astype(np.float32))
    paths = [made / f"pictures/{number}.{ending}" for ending in ("png", "txt") for number in range(many)]
    with open("both.csv", "w", newline="") as file:
        csv.writer(file).writerows([["path"], *[[path] for path in paths]])
    done = here("import", "--vectors", "both.npy", "--ids", "both.csv", "--space", "both")
    assert done.code == 0, done


def found(done):
    assert done.code == 0, done
    return {int(row["path"].rpartition("/")[2].removesuffix(".txt")) for row in done.rows("flaw")}


ASKED = ("audit", "--check", "odd-caption", "--json")


@pytest.mark.parametrize("noise", [0.2, 0.5, 0.9])
def test_captions_under_other_pictures_are_found_and_hardly_any_others(here, made, noise):
    """One in eight of them is among the better quarter by chance."""
    given(here, made, *space(noise))
    done = here(*ASKED)
    assert len(found(done) & {*WRONG}) >= 7 and len(found(done) - {*WRONG}) <= 1, done
    assert done.row("quality")["items"] == MANY  # the captions, and no pictures
    row = done.rows("flaw")[0]
    assert row["score"] >= 0.5
    assert "of the other captions fit id:" in row["why"] and row["why"].endswith("fit it better, by imported:both/64")


def test_nothing_is_found_where_nothing_is_wrong(here, made):
    given(here, made, *space(0.5, wrong=()))
    assert found(here(*ASKED)) == set()


def test_a_model_that_knows_nothing_of_them_says_so_and_flags_nothing(here, made):
    chance = np.random.default_rng(5)
    given(here, made, chance.normal(size=(MANY, 64)), chance.normal(size=(MANY, 64)))
    line = here(*ASKED).assert_ended(4, "imported:both/64 tells too little of these captions")
    assert "half of them fit worse than" in line


def test_without_a_model_of_both_it_is_skipped_in_one_line(here):
    asked = ("audit", "--media", "text", "--encode", "--json")
    done = here(*asked)
    assert done.code == 0, done
    (line,) = (line for line in done.err.splitlines() if "odd-caption" in line)
    assert "no encoder that knows both pictures and texts was used here yet: curator encode -e clip" in line
    assert "odd-caption" not in {row["check"] for row in done.rows("quality")}
    here(*ASKED).assert_ended(4, "no encoder that knows both pictures and texts")


def test_captions_of_several_pictures_are_judged_by_the_worst(here, made):
    images, texts = space(0.2, wrong=())
    given(here, made, images, texts)
    worst = int(np.argmin(images @ texts[3]))
    with open("more.csv", "w", newline="") as file:
        rows = [[made / f"pictures/{worst}.png", "what can be seen in number 3"]]
        csv.writer(file).writerows([["image", "caption"], *rows])
    assert here("add", "more.csv", "--image-column", "image", "--caption-column", "caption", "--no-encode").code == 0
    (item,) = (
        row for row in here("ls", "--json", "--limit", "0").rows("item") if row["path"].endswith(f"/{worst}.png")
    )
    row = here(*ASKED).row("flaw")
    assert row["text"] == "what can be seen in number 3" and f"fit id:{item['id']} better" in row["why"]


def test_of_few_captions_nothing_is_said(here, made):
    images, texts = space(0.2)
    given(here, made, images, texts, many=15)
    done = here(*ASKED)
    assert found(done) == set() and "85 items of 100 without a vector" in done.err


def test_captions_without_pictures_are_none(run, tmp_path):
    cli_kit.texts(tmp_path / "texts", 3)
    assert run("add", "texts", "--no-encode").code == 0
    done = run(*ASKED)
    assert done.code == 0 and done.rows("flaw") == [] and done.err == ""
