"""`classify` with a wanted precision or recall, `--accept`, and `audit`, through the real command."""

from __future__ import annotations

import csv

import pytest
from cli_kit import curator_here

import curator

pytestmark = pytest.mark.usefixtures("here")

TOPICS = {"weather": "rain snow wind sun cloud", "money": "bank card loan fee rate"}


def rows():
    """Two topics in words of their own; of each one text in twelve is of words of the other."""
    for topic in TOPICS:
        other = next(name for name in TOPICS if name != topic)
        for number in range(36):
            chosen = TOPICS[other if number % 12 == 0 else topic].split()
            yield f"{chosen[number % 5]} {chosen[number // 5 % 5]} number {number} {topic[number % 3]}", topic


def tossed():
    """Each text twice, but for a space that no encoder sees: once as one side of a coin, once as the other."""
    for number in range(24):
        yield f"throw {' ' * (number % 2)}{number // 2}", ("heads", "tails")[number % 2]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("topics")
    new = [(f"{word} {word}", "") for words in TOPICS.values() for word in words.split()]
    for name, given in (("said.csv", rows()), ("coin.csv", tossed()), ("new.csv", new)):
        with open(folder / name, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("text", "topic"), *given])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, group in (("said", "topic"), ("coin", "side")):
            ran("add", f"{name}.csv", "--text-column", "text", "--label-column", "topic", "--group", group)
        ran("add", "new.csv", "--text-column", "text")
    return folder


@pytest.fixture
def here(home, monkeypatch):
    monkeypatch.chdir(home)
    monkeypatch.delenv("CURATOR_WORKSPACE", raising=False)


def ran(*args, code=0):
    done = curator_here(*args)
    assert done.code == code, done
    return done


def test_a_wanted_precision_draws_lines_that_have_it_on_held_out_items():
    done = ran("classify", "--label", "weather", "--precision", "0.9", "--json")
    yes, no = done.rows("line")
    assert (yes["said"], yes["where"], no["said"], no["where"]) == ("yes", "from", "no", "up to")
    for line in (yes, no):
        assert line["precision"] >= 0.9 > line["at_least"] > 0.5 and 0 < line["recall"] <= 1 and line["items"] > 20
    assert no["probability"] < yes["probability"]
    predictions = done.rows("prediction")
    assert len(predictions) == 34
    for row in predictions:
        wanted = "yes" if row["probability"] >= yes["probability"] else "no"
        if no["probability"] < row["probability"] < yes["probability"]:
            wanted = "don't know"
        assert row["said"] == wanted
    assert {row["said"] for row in predictions} >= {"yes", "no"}


def test_a_wanted_recall_says_yes_of_so_many():
    done = ran("classify", "--label", "weather", "--recall", "0.95", "--json")
    line = done.row("line")
    assert (line["said"], line["where"]) == ("yes", "from") and 0.95 <= line["recall"] < 1
    assert all((row["said"] == "yes") == (row["probability"] >= line["probability"]) for row in done.rows("prediction"))


def test_of_a_group_the_class_is_said_where_it_is_right_so_often():
    done = ran("classify", "--group", "topic", "--precision", "0.92", "--json")
    line = done.row("line")
    assert line["said"] == "the class" and line["precision"] >= 0.92
    for row in done.rows("prediction"):
        assert row["said"] == (row["label"] if row["probability"] >= line["probability"] else "don't know")


def test_without_either_nothing_is_said():
    done = ran("classify", "--label", "weather", "--json")
    assert not done.rows("line") and {row["said"] for row in done.rows("prediction")} == {None}


def test_a_precision_that_no_threshold_reaches_names_the_best():
    line = ran("classify", "--label", "heads", "--precision", "0.99", "--json", code=4).err.splitlines()[-1]
    assert line.startswith("Error: no threshold has a precision of 0.99 on the 24 held-out items: the best is 0.")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--label", "weather", "--precision", "0.9", "--recall", "0.9"), "either --precision or --recall"),
        (("--group", "topic", "--recall", "0.9"), "--recall is for a label"),
        (("--classes", "a,b", "--accept", "0.9"), "either --classes or --accept"),
        (("--classes", "a,b", "--precision", "0.9"), "either --classes or --precision"),
    ],
)
def test_options_that_do_not_go_together(options, words):
    line = ran("classify", *options, code=2).err.splitlines()[-1]
    assert line.startswith("Error: ") and words in line


@pytest.mark.parametrize(
    "options", [("--precision", "1.5"), ("--recall", "-1"), ("--accept", "0.3"), ("--accept", "x")]
)
def test_shares_are_shares(options):
    assert "Invalid value" in ran("classify", "--label", "weather", *options, code=2).err


def labels():
    with open_workspace() as workspace:
        return dict(workspace.labels.of_items([item.id for item in workspace.items.select()]))


def open_workspace():
    return curator.open_workspace("workspace")


def test_what_is_accepted_is_labelled_on_the_word_of_the_head_and_can_be_taken_back():
    before = labels()
    predictions = ran("classify", "--label", "weather", "--json").rows("prediction")
    done = ran("classify", "--label", "weather", "--accept", "0.75", "--json")
    sure = [row for row in predictions if max(row["probability"], 1 - row["probability"]) >= 0.75]
    assert len(sure) > 0 and f"{len(sure)} of 34 predictions accepted as labels (source: head): " in done.err
    after = labels()
    added = {item: names for item, names in after.items() if names != before.get(item, [])}
    assert added == {row["id"]: ["weather"] for row in sure if row["probability"] > 0.5}
    with open_workspace() as workspace:
        said = workspace.database.rows("SELECT * FROM statement WHERE source = 0")
    assert {row["item_id"]: row["value"] for row in said} == {
        row["id"]: 1 if row["probability"] > 0.5 else -1 for row in sure
    }
    assert all(row["score"] == pytest.approx(max(p, 1 - p)) for row in said for p in [next(
        found["probability"] for found in sure if found["id"] == row["item_id"])])  # fmt: skip
    again = ran("classify", "--label", "weather", "--accept", "0.75", "--json")
    assert len(again.rows("prediction")) == 34 - len(sure) and "nothing was labelled" in again.err
    ran("undo")
    assert labels() == before


def test_audit_finds_the_labels_that_were_turned_round():
    done = ran("audit", "--group", "topic", "--json", "--limit", "0")
    found = done.rows("suspect")
    order = ["copy labelled otherwise", "like another class", "unlike its class"]
    assert [order.index(row["why"]) for row in found] == sorted(order.index(row["why"]) for row in found)
    for why in order[:2]:
        of_it = [row["suspicion"] for row in found if row["why"] == why]
        assert of_it == sorted(of_it, reverse=True)
    wrong = [row for row in found if row["text"].split()[0] not in TOPICS[row["label"]]]
    assert len(wrong) >= 5  # of six
    assert found[0] in wrong and all(0 <= row["suspicion"] <= 1 and row["rather"] != row["label"] for row in found)
    assert f"group topic: {len(found)} of 72 labels are suspicious" in done.err


def test_audit_without_a_name_looks_at_every_group():
    done = ran("audit", "--json")
    assert {row["target"] for row in done.rows("suspect")} >= {"group:topic"}
    assert "group side: " in done.err and " of 24 labels are suspicious" in done.err


def test_audit_of_one_label_and_a_sheet(home):
    done = ran("audit", "--check", "labels", "--label", "weather", "--sheet", "suspects.png", "--json")
    assert {row["target"] for row in done.rows("suspect")} == {"label:topic/weather"}
    assert {(row["label"], row["rather"]) for row in done.rows("suspect")} <= {
        ("weather", "not weather"), ("not weather", "weather"), ("weather", None)
    }  # fmt: skip
    assert all((row["rather"] is None) == (row["why"] == "unlike its class") for row in done.rows("suspect"))
    assert (home / "suspects.png").read_bytes().startswith(b"\x89PNG")


def test_what_contradicts_itself_comes_first_in_audit(tmp_path, monkeypatch):
    """Rows of the same text are one item; so is a text that was labelled both ways."""
    monkeypatch.chdir(tmp_path)
    lines = ["one rain,wet", "one rain,dry", "two rains,wet", "snow,wet", "sun,dry", "sand,dry"]
    (tmp_path / "t.csv").write_text("text,sort\n" + "\n".join(lines) + "\n")
    ran("add", "t.csv", "--text-column", "text", "--label-column", "sort")
    ran("label", "odd", "id:1", "id:2")
    ran("label", "odd", "--negative", "id:3", "id:4")
    done = ran("audit", "--group", "sort", "--json")
    first = done.rows("suspect")[0]
    assert (first["text"], first["why"], first["label"]) == ("one rain", "contradicts itself", "dry, wet")
    assert first["suspicion"] is first["rather"] is first["probability"] is None
    assert "group sort: 1 item contradicts itself; `curator review --group sort` asks about such first" in done.err
    assert not ran("audit", "--group", "sort", "--media", "image", "--json").rows("suspect")
    # Told also where what is left is too little for a head.
    ran("label", "--group", "sort", "wet", "--remove", "id:2", "id:3")
    done = ran("audit", "--group", "sort", "--json", code=4)
    assert "group sort: 1 item contradicts itself" in done.err and "1 label" in done.err
    ran("label", "--group", "sort", "wet", "id:1")
    assert not [row for row in ran("audit", "--json").rows("suspect") if row["why"] == "contradicts itself"]


def test_audit_of_what_has_no_labels(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("one text")
    monkeypatch.chdir(tmp_path)
    ran("add", "a.txt")
    assert not ran("audit", "--json").rows("suspect")
    line = ran("audit", "--check", "labels", code=4).err.splitlines()[-1]
    assert line.startswith("Error: no label or group has two examples of two classes: curator label NAME FILES")
    assert "no check 'blured': did you mean 'blurred'?" in ran("audit", "--check", "blured", code=3).err
    assert "there is no label yet" in ran("audit", "--label", "rain", code=3).err
