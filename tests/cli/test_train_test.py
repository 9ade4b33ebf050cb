"""`train --test FOLDER` through the real command."""

from __future__ import annotations

import pytest
from cli_kit import curator_here

HERE = {"weather": "rain snow wind sun cloud storm", "money": "bank card loan fee rate cash"}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Two topics; in `there` half of each is in the words of the other."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CURATOR_WORKSPACE", raising=False)
    for place in ("here", "there"):
        for topic, words in HERE.items():
            other = next(HERE[name] for name in HERE if name != topic)
            (tmp_path / place / topic).mkdir(parents=True)
            for number, word in enumerate(words.split()):
                said = other.split()[number] if place == "there" and number % 2 else word
                (tmp_path / place / topic / f"{number}.txt").write_text(f"{said} {said} {place} {number}")
    for place in ("here", "there"):
        assert curator_here("add", place, "--labels-from-folders", "--group", "topic").code == 0
    return tmp_path


def test_figures_of_a_folder_stand_beside_the_held_out_ones():
    done = curator_here("train", "--group", "topic", "--test", "there", "--json")
    assert done.code == 0, done
    rows = {row["metric"]: row for row in done.rows("held-out")}
    assert {row["items"] for row in rows.values()} == {12} == {row["test_items"] for row in rows.values()}
    assert rows["accuracy"]["test"] == pytest.approx(0.5, abs=0.1)
    shown = curator_here("train", "--group", "topic", "--test", "there")
    assert "6 yes, 6 no" in shown.out or "12 items" in shown.out
    logged = curator_here("log", "--limit", "1")
    assert "train" in logged.out and "there" in logged.out


@pytest.mark.parametrize("folder", ["nowhere", "here/weather/none"])
def test_a_folder_where_nothing_is_labelled_is_told(folder):
    done = curator_here("train", "--group", "topic", "--test", folder)
    assert done.code in (3, 4) and done.out == "" and folder.split("/")[-1] in done.err, done


def test_a_folder_without_which_nothing_is_left_is_told():
    done = curator_here("train", "--group", "topic", "--test", ".")
    assert done.code == 4 and "it takes two" in done.err, done
