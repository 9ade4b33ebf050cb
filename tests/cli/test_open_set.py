"""What a head says of items that are of none of its classes, by the real command: it knows three kinds of twelve."""

from __future__ import annotations

import csv
import random
import re
from collections import Counter

import pytest
from cli_kit import AtTerminal, curator_here

import curator

pytestmark = pytest.mark.usefixtures("here")

KNOWN = ("amber", "birch", "coral")
KINDS = (*KNOWN, *(f"other{number}" for number in range(9)))
EACH, LABELLED = 60, 15


def words_of(kind):
    return random.Random(kind).sample([a + b + c for a in "bdfgklm" for b in "aeiou" for c in "nprstvz"], 24)


def texts(kind, count, first=0):
    """Ten words each, nine of the kind's own and one of another's."""
    for number in range(first, first + count):
        rng = random.Random(f"{kind} {number}")
        chosen = [*rng.sample(words_of(kind), 9), rng.choice(words_of(rng.choice(KINDS)))]
        yield " ".join(chosen)


def table(path, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "kind"), *rows])


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("open")
    labelled, rest = [], []
    for kind in KINDS:
        own = list(texts(kind, EACH))
        labelled += [(text, kind) for text in own[:LABELLED] if kind in KNOWN]
        rest += [(text, "") for text in (own[LABELLED:] if kind in KNOWN else own)]
    table(folder / "said.csv", labelled)
    table(folder / "rest.csv", rest)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        ran("add", "said.csv", "--text-column", "text", "--label-column", "kind", "--group", "kind")
        ran("add", "rest.csv", "--text-column", "text")
    return folder


@pytest.fixture
def here(home, monkeypatch):
    monkeypatch.chdir(home)
    monkeypatch.delenv("CURATOR_WORKSPACE", raising=False)


TRUE = {text: kind for kind in KINDS for text in texts(kind, 4 * EACH)}


def ran(*args, code=0):
    done = curator_here(*args)
    assert done.code == code, done
    return done


def labels():
    with curator.open_workspace("workspace") as workspace:
        return dict(workspace.labels.of_items([item.id for item in workspace.items.select()]))


def test_what_is_of_no_class_is_given_none():
    done = ran("classify", "--group", "kind", "--precision", "0.9", "--limit", "0", "--json")
    rows = done.rows("prediction")
    said = [row for row in rows if row["said"] in KNOWN]
    known = [row for row in rows if TRUE[row["text"]] in KNOWN]
    assert len(known) == 3 * (EACH - LABELLED) and len(rows) == 675
    assert len(said) >= 30 and sum(TRUE[row["text"]] == row["said"] for row in said) >= 0.85 * len(said)
    none = [row for row in rows if row["said"] == "none of these"]
    assert len(none) >= 200 and sum(TRUE[row["text"]] in KNOWN for row in none) <= 0.1 * len(none)
    assert {row["said"] for row in rows} <= {*KNOWN, "none of these", "don't know"}
    assert f"200 of {len(rows)} items that nobody labelled are fitted on as a class of their own" in done.err
    assert "is an estimate" in done.err and "22 answers about items drawn at random" in done.err
    line = done.rows("line")[0]
    assert line["said"] == "the class" and line["items"] == len(said) < 50
    assert line["at_least"] is line["precision"] is None and "of so few it is not known how many are right" in done.err


def test_a_class_that_a_person_denied_is_not_said():
    def said():
        done = ran("classify", "--group", "kind", "--precision", "0.9", "--limit", "0", "--json")
        return {row["id"]: row for row in done.rows("prediction")}

    before = said()
    surest = [next(row for row in before.values() if row["said"] == kind) for kind in KNOWN]
    for row in surest:
        ran("label", row["said"], f"id:{row['id']}", "--negative", "--group", "kind")
    after = said()
    for row in surest:
        now = after[row["id"]]
        assert now["label"] != row["said"] and now["said"] in {*KNOWN, "none of these", "don't know"} - {row["said"]}
        assert now["probability"] < row["probability"]  # its share goes to no other class
    others = {*before} - {row["id"] for row in surest}
    assert [after[item] for item in others] == [before[item] for item in others]
    every = surest[0]["id"]
    for kind in KNOWN[1:]:
        ran("label", kind, f"id:{every}", "--negative", "--group", "kind")
    assert {*said()} == {*before} - {every}  # it is none of these
    for _ in range(5):
        ran("undo")
    assert said() == before


def test_what_is_denied_makes_nothing_else_probable_where_few_are_unlabelled(tmp_path, monkeypatch):
    """Not a cat, the surest cat is no more of the market than before, and no label is made of that."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts").mkdir()
    for number in range(8):
        (tmp_path / "texts" / f"c{number}.txt").write_text(f"cat story number {number} about whiskers")
        (tmp_path / "texts" / f"m{number}.txt").write_text(f"stock market report {number} with bonds")
    ran("add", "texts")
    for kind in ("cat", "market"):
        ran("label", kind, *(f"texts/{kind[0]}{number}.txt" for number in range(6)), "--group", "kind")

    def said():
        rows = ran("classify", "--group", "kind", "--json").rows("prediction")
        return {row["path"].rpartition("/")[2]: row for row in rows}

    before = said()["c7.txt"]
    ran("label", "cat", "texts/c7.txt", "--negative", "--group", "kind")
    after = said()["c7.txt"]
    assert before["label"] == "cat" and before["probability"] > 0.8
    assert after["label"] == "market" and after["probability"] == pytest.approx(1 - before["probability"], abs=1e-6)
    ran("classify", "--group", "kind", "--accept", "0.8")
    labels = {row["path"].rpartition("/")[2]: row["labels"] for row in ran("ls", "--json").rows("item")}
    assert labels["c6.txt"] == ["cat"] and labels["c7.txt"] == []


@pytest.mark.parametrize("inside", [0, 6])
def test_where_hardly_any_is_of_the_classes_nothing_is_called_one(tmp_path, monkeypatch, inside):
    monkeypatch.chdir(tmp_path)
    table(tmp_path / "said.csv", [(text, kind) for kind in KNOWN for text in texts(kind, LABELLED)])
    few = [text for kind in KNOWN[:2] for text in texts(kind, inside // 2, LABELLED)]
    others = [text for kind in KINDS[3:] for text in texts(kind, 30)]
    table(tmp_path / "rest.csv", [(text, "") for text in [*few, *others]])
    ran("add", "said.csv", "--text-column", "text", "--label-column", "kind", "--group", "kind")
    ran("add", "rest.csv", "--text-column", "text")
    for how in (["--precision", "0.9"], ["--accept", "0.9", "--dry-run"]):
        done = ran("classify", "--group", "kind", *how, "--limit", "0", "--json")
        assert {row["said"] for row in done.rows("prediction")} <= {"none of these", "don't know"}
        assert "is the answer for no item" in done.err


@pytest.mark.slow
def test_a_label_with_counter_examples_of_few_kinds():
    ran("label", "amber or birch", *(f"id:{n}" for n in range(1, 31)))
    ran("label", "amber or birch", "--negative", *(f"id:{n}" for n in range(31, 46)))
    done = ran("classify", "--label", "amber or birch", "--precision", "0.9", "--limit", "0", "--json")
    rows = done.rows("prediction")
    said = Counter((row["said"], TRUE[row["text"]] in KNOWN[:2]) for row in rows)
    assert said["yes", True] >= 20 and said["yes", False] <= 0.15 * (said["yes", True] + said["yes", False])
    assert said["no", True] <= 0.1 * said["no", False]
    ran("undo")
    ran("undo")


def test_what_is_accepted_goes_by_the_same_line_and_can_be_seen_before():
    before = labels()
    said = ran("classify", "--group", "kind", "--precision", "0.9", "--limit", "0", "--json").rows("prediction")
    wanted = {row["id"]: [row["said"]] for row in said if row["said"] in KNOWN}
    dry = ran("classify", "--group", "kind", "--accept", "0.9", "--dry-run", "--json")
    assert f"{len(wanted)} of {len(said)} predictions would be accepted as labels" in dry.err
    assert f"expected to be wrong: not known how many of the {len(wanted)} of which the class is said" in dry.err
    assert labels() == before
    done = ran("classify", "--group", "kind", "--accept", "0.9", "--json")
    assert f"{len(wanted)} of {len(said)} predictions accepted as labels (source: head)" in done.err
    assert {item: names for item, names in labels().items() if item not in before} == wanted
    ran("undo")
    assert labels() == before


def test_a_line_that_nothing_supports_is_not_drawn_and_says_how_many_answers_would_help():
    done = ran("classify", "--group", "kind", "--accept", "1", "--json")
    accepted = [row for row in done.rows("prediction") if row["said"] in KNOWN]
    assert not accepted or "expected to be wrong" in done.err
    ran("undo", code=0) if accepted else None
    ran("label", "few", "id:1", "id:2")
    ran("label", "few", "--negative", "id:16", "id:31")
    done = ran("classify", "--label", "few", "--precision", "0.95", "--json")
    assert "note: yes is the answer for no item" in done.err and "45 answers about items drawn at random" in done.err
    assert {row["said"] for row in done.rows("prediction")} <= {"no", "don't know"}
    ran("undo")
    ran("undo")


def test_a_dry_run_of_nothing():
    assert "give --accept too" in ran("classify", "--group", "kind", "--dry-run", code=2).err
    wrong = ran("classify", "--group", "kind", "--precision", "0.8", "--accept", "0.9", code=2).err
    assert "give one of them, or the same for both" in wrong


@pytest.mark.slow
@pytest.mark.parametrize(
    ("named", "tolerance", "least"),
    [(("--label", "amber"), ("--tolerance", "0"), 0.9), (("--group", "kind"), (), 0.85)],
)
def test_answers_about_items_drawn_at_random_show_what_is_right(home, named, tolerance, least):
    """At a terminal; what was shown becomes labels, and one undo takes all of it back."""
    before, of_group = labels(), named[0] == "--group"

    def answer(kind):
        return (kind if kind in KNOWN else "n") if of_group else "y" if kind == "amber" else "n"

    with curator.open_workspace("workspace") as workspace:
        kinds = {item.id: TRUE[item.text] for item in workspace.items.select()}
    terminal = AtTerminal("review", *named, "--verify", "0.9", *tolerance, "--count", "40", "--accept", cwd=home)
    asked = []
    while True:
        try:
            shown = terminal.until("q(uit): ")
        except AssertionError:
            break  # it has ended
        asked.append(int(re.findall(r"^id:(\d+)", shown, re.MULTILINE)[-1]))
        assert "drawn at random" in shown
        terminal.type(answer(kinds[asked[-1]]))
    code, rest = terminal.end()
    assert code == 0 and len(asked) == len(set(asked)) <= 40, rest
    assert "What the answers show (at_least: with 90 % confidence)" in rest and "proven" not in rest
    shown = re.search(rf"^ *shown +(\d+) +{least:.3f} +[\d.]+ +(\d+) +(\d+) +(\d+) +(\d+)", rest, re.MULTILINE)
    assert shown is not None and "labelled" in rest, rest
    items, drawn, sound, answers, labelled = map(int, shown.groups())
    assert items >= labelled and drawn <= answers <= len(asked) < answers + 5 and sound >= 0.9 * drawn
    added = {item: names for item, names in labels().items() if item not in before}
    right = [item for item, names in added.items() if names == ([kinds[item]] if of_group else ["amber"])]
    right = [item for item in right if of_group or kinds[item] == "amber"]
    assert len(added) >= 20 and len(added) > sum(answer(kinds[item]) != "n" for item in asked)
    assert len(right) >= 0.9 * len(added)
    with curator.open_workspace("workspace") as workspace:
        said = workspace.database.rows("SELECT item_id FROM statement WHERE source = 3")
        assert {row["item_id"] for row in said} >= {*asked}
        values = workspace.database.rows("SELECT item_id, value FROM statement WHERE source = 3 AND value = 1")
        assert {row["item_id"] for row in values} >= {item for item in asked if answer(kinds[item]) != "n"}
    ran("undo")
    assert labels() == before


def test_how_much_is_tolerated_is_said_before_the_questions(home):
    def asked(*args):
        done = ran("review", "--group", "kind", "--verify", "0.9", *args, "--json")
        assert {row["why"] for row in done.rows("question")} == {"drawn at random"}
        return done.err

    assert "0.9 of a random sample are right, and with 90 % confidence at least 0.85 of all, takes" in asked()
    strict = asked("--tolerance", "0")
    assert "with 90 % confidence at least 0.9 of all" in strict and "at least 12 answers, up to 40" in strict


def test_what_verify_needs(tmp_path, monkeypatch):
    assert "give --verify too" in ran("review", "--group", "kind", "--accept", "--json", code=2).err
    assert "give --verify too" in ran("review", "--group", "kind", "--tolerance", "0", "--json", code=2).err
    assert "Invalid value" in ran("review", "--group", "kind", "--verify", "0.9", "--tolerance", "0.3", code=2).err
    assert "Invalid value" in ran("review", "--group", "kind", "--verify", "1", "--json", code=2).err
    monkeypatch.chdir(tmp_path)
    table(tmp_path / "few.csv", [(text, kind) for kind in KNOWN for text in texts(kind, 3)])
    ran("add", "few.csv", "--text-column", "text", "--label-column", "kind", "--group", "kind")
    line = ran("review", "--group", "kind", "--verify", "0.9", "--json", code=4).err.splitlines()[-1]
    assert line.startswith(
        "Error: --verify needs a head that knows what is unlabelled, which takes 100 unlabelled items"
    )


@pytest.mark.slow
def test_a_saved_head_keeps_its_background_until_there_is_twice_as_much(home, tmp_path):
    """Last, as it adds."""
    first = ran("classify", "--group", "kind", "--json").rows("held-out")[0]["head"]
    table(home / "more.csv", [(text, "") for kind in KINDS for text in texts(kind, 10, EACH)])
    ran("add", "more.csv", "--text-column", "text")
    kept = ran("classify", "--group", "kind", "--json")
    assert kept.rows("held-out")[0]["head"] == first
    assert "its background was drawn among 675 unlabelled items, and there are 795 now: `curator train`" in kept.err
    ran("train", "--group", "kind")
    second = ran("classify", "--group", "kind", "--json").rows("held-out")[0]["head"]
    assert second != first
    table(home / "most.csv", [(text, "") for kind in KINDS for text in texts(kind, 70, EACH + 10)])
    ran("add", "most.csv", "--text-column", "text")
    third = ran("classify", "--group", "kind", "--json")
    assert third.rows("held-out")[0]["head"] not in (first, second) and "its background was drawn" not in third.err
