"""Names hold any character: every command takes them as they are, and nothing is taken for another."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import unicodedata

import cli_kit
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

import curator

PARTS = [
    "a",
    "B",
    "/",
    ":",
    "@2",
    ",",
    " ",
    "=",
    "'",
    '"',
    "\\",
    "#",
    "%",
    "é",
    "e\u0301",
    "猫",
    "-",
    "id:1",
    "label:",
    "*",
]


def told_apart(names):
    kept = [unicodedata.normalize("NFC", name).strip() for name in names]
    return len(set(kept)) == len(kept)


NAME = st.lists(st.sampled_from(PARTS), min_size=1, max_size=4).map("".join).filter(str.strip)
NAMES = st.lists(NAME, min_size=6, max_size=6).filter(told_apart)
QUICK = {
    "phases": (Phase.explicit, Phase.generate),
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "derandomize": True,
}


class Journey:
    """Every command over six names, in a folder of its own."""

    def __init__(self, names):
        self.names = names
        self.group, self.cat, self.dog, self.alone, self.metric, self.column = names

    def run(self, *arguments, code=0):
        ran = cli_kit.curator_here(*arguments)
        assert ran.code == code, (self.names, arguments, ran)
        return ran

    def spelled(self, name, group=None):
        """What a person types for a label, as the error says where its name is not enough."""
        with curator.open_workspace("workspace") as ws:
            row = ws.labels.find_label(name, group) if group else None
            rows = [row] if row else [r for r in ws.labels._every().rows if r.group_id is None]
            return ws.labels._every().unambiguous_name(rows[0])


@settings(max_examples=5, **QUICK)
@given(NAMES)
@example(["animals/pets", "hat", "cat", "animals/pets/hat", "a:b", "brand/type"])
@example(["photos", "hat", "id:2", "photos/hat", "taste:by/a ", " q "])
def test_every_command_takes_every_name(tmp_path_factory, names):
    base = tmp_path_factory.mktemp("names")
    with contextlib.chdir(base):
        journey = Journey(names)
        if names[3].strip().startswith("id:") and names[3].strip()[3:].isdigit():
            return  # which is the number of a label, so that none can be made of it
        label_and_look(journey, base)
        learn(journey)
        pair_and_undo(journey)


def label_and_look(journey, base):
    for number, about in enumerate(["cats purr"] * 4 + ["dogs bark"] * 4, 1):
        folder = base / "texts" / ("one" if number < 5 else "two")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.txt").write_text(f"{about}, and this is number {number} of them")
    with open(base / "t.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["words", journey.column])
        rows.writerows([f"row {n} of {name!r}", name] for n in range(3) for name in (journey.cat, journey.dog))
    run, nfd = journey.run, unicodedata.normalize("NFD", journey.column)
    run(
        "add", "texts/one", "--label", journey.alone
    )  # first: else it would mean one of the group, where that is named so
    run("add", "t.csv", "--text-column", "words", "--label-column", nfd, "--group", journey.group)
    run("add", "texts", "--labels-from-folders", "--group", f"{journey.group}/more")
    run("label", "--negative", "--", journey.spelled(journey.alone), "texts/two/5.txt", "texts/two/6.txt")
    run("label", "--group", unicodedata.normalize("NFD", journey.group), "--", journey.cat, "texts/one/1.txt")
    kept = {unicodedata.normalize("NFC", name).strip(): name for name in (journey.cat, journey.dog)}
    for name, group, many in (
        (journey.cat, journey.group, 4),
        (journey.dog, journey.group, 3),
        (journey.alone, None, 4),
    ):
        spelled = journey.spelled(name, group)
        listed = run("ls", "--labelled", spelled, "--json").rows("item")
        assert len(listed) == many, (journey.names, spelled, listed)
    rows = run("status", "--json").rows("label")
    group = unicodedata.normalize("NFC", journey.group).strip()
    assert sum(row["positives"] for row in rows if row["group"] == group) == 7
    assert kept and run("show", "texts/one/1.txt", "--json").rows("fact")


def learn(journey):
    run, group, cat = journey.run, journey.group, journey.spelled(journey.cat, journey.group)
    alone = journey.spelled(journey.alone)
    for target in (("--group", group), ("--label", cat), ("--label", alone)):
        first = run("train", *target, "--head", "prototype", "--json")
        ran = run("classify", *target, "--head", "prototype", "--json")
        assert "nothing changed" in ran.err, (journey.names, target, first, ran)
        run("review", *target, "--head", "prototype", "--json")
        run("audit", *target, "--head", "prototype", "--json")
    heads = [row["head"] for row in run("heads", "--json").rows("head")]
    assert len(set(heads)) == 3, (journey.names, heads)
    told = [unicodedata.normalize("NFC", name).strip() for name in (group, journey.cat, journey.alone)]
    assert heads[0] == f"group:{told[0]}@1" and heads[1] == f"label:{told[0]}/{told[1]}@1"
    assert heads[2].startswith(f"label:{told[2]}@")
    run("cluster", "-k", "2", "--name", f"1={journey.dog}", "--group", group, "--json")
    run("cluster", "-k", "2", "--name", f"1={alone}", "--json")
    run("audit", "--head", "prototype", "--json")
    run(
        "explain", "texts/one/1.txt", "--group", group, "--class", journey.cat, code=2
    )  # a text, but its names are good


def pair_and_undo(journey):
    run, metric = journey.run, journey.metric
    run("pair", "id:1", "id:2", "id:3", "--metric", metric)
    run("pair", "id:1", "id:4", "id:5", "--metric", metric, "--not-alike")
    run("similar", "id:1", "--metric", metric, "--json")
    run("similar", "id:1", "--metric", f"{metric}:projection", "--json")
    run("metrics", "--json", "--", unicodedata.normalize("NFD", metric))
    before = run("status", "--json").rows("label")
    run("label", "--remove", "--", journey.spelled(journey.alone), "texts/one/1.txt")
    assert run("status", "--json").rows("label") != before
    run("undo")
    assert run("status", "--json").rows("label") == before
    assert json.loads(run("log", "--json", "--limit", "1").out)["command"] == "undo"


def test_a_group_with_a_slash_and_a_column_with_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for kind in ("hat", "shoe"):
        cli_kit.texts(tmp_path / "p" / kind, 4, kind)
    assert cli_kit.curator_here("add", "p", "--labels-from-folders", "--group", "animals/pets").code == 0
    for name in ("hat", "animals/pets/hat"):
        ran = cli_kit.curator_here("classify", "--label", name, "--head", "prototype", "--json")
        assert ran.code == 0 and ran.rows("held-out")[0]["head"] == "label:animals/pets/hat@1", ran
    (tmp_path / "t.csv").write_text("words,brand/type\n" + "".join(f"row {n},{'ab'[n % 2]}\n" for n in range(8)))
    assert cli_kit.curator_here("add", "t.csv", "--text-column", "words", "--label-column", "brand/type").code == 0
    ran = cli_kit.curator_here("classify", "--label", "a", "--head", "prototype", "--json")
    assert ran.code == 0 and ran.rows("held-out")[0]["head"] == "label:brand/type/a@1", ran


def test_a_label_that_is_called_as_another_with_its_group_is_never_taken_for_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for kind in ("hat", "shoe"):
        cli_kit.texts(tmp_path / "photos" / kind, 4, kind)
    others = cli_kit.texts(tmp_path / "others", 5, "something else")
    assert cli_kit.curator_here("add", "others").code == 0
    files = [str(others / f"{n}.txt") for n in (1, 2, 3, 4)]
    assert cli_kit.curator_here("label", "photos/hat", *files[:2]).code == 0
    assert cli_kit.curator_here("label", "photos/hat", "--negative", *files[2:]).code == 0
    assert cli_kit.curator_here("add", "photos", "--labels-from-folders").code == 0
    ran = cli_kit.curator_here("train", "--label", "hat")
    assert "label:photos/hat@1" in ran.out and "8 items (4 yes, 4 no)" in ran.out, ran
    error = cli_kit.curator_here("train", "--label", "photos/hat").assert_failed(2, "may mean several labels: write ")
    ways = error.partition(": write ")[2].split(" or ")
    told = [cli_kit.curator_here("train", "--label", way.split()[0]).out.splitlines()[0] for way in ways]
    assert sorted("unchanged" in line for line in told) == [False, True], told
    assert sorted(line.partition(":")[2].partition(":")[0] for line in told) == ["photos/hat@1", "photos/hat@2"]
    assert os.path.isdir("workspace")


def test_a_label_that_was_given_by_its_number_is_told_by_its_name(run, tmp_path):
    cli_kit.texts(tmp_path / "texts", 2)
    run("add", "texts", "--no-encode")
    assert "positive for photos/hat (a new label)" in run("label", "hat", "--group", "photos", "id:1").out
    assert run("label", "id:1", "id:2").out == "1 item: positive for photos/hat\n"
    assert run("label", "hat", "id:2").out == "1 item: positive for hat\n"


def test_a_label_is_told_as_it_is_kept(run, photos):
    cli_kit.photo(photos / "a.jpg", 1)
    assert run("add", "photos", "--no-encode").code == 0
    said = run("label", " cafe\u0301 ", "photos/a.jpg", "--json").row("labelled")
    assert said["label"] == "caf\u00e9"


def test_what_nobody_sees_in_names_labels_and_texts_is_shown(run, tmp_path):
    """In tables, piped or at a terminal, and in messages; with --json each comes back exactly."""
    name = "ca\u200bt\ufeff\U000e0041.txt"
    cli_kit.texts(tmp_path / "texts", 1)
    (tmp_path / "texts" / name).write_text("a te\u200bxt\u2066 of \u00adcats", encoding="utf-8")
    (tmp_path / "texts" / "👩\u200d🚀.txt").write_text("of می\u200cخواهم 👩\u200d🚀", encoding="utf-8")
    assert run("add", "texts", "--no-encode").code == 0
    assert run("label", "ha\u200bt", "texts/" + name).code == 0
    for command in ("ls", "show id:2", "show id:3", "status", f"label ha\u200bt texts/{name}x"):
        said = run(*command.split())
        _, at_screen = cli_kit.at_terminal(*command.split(), cwd=tmp_path)
        for shown in (said.out + said.err, at_screen.decode()):
            assert not set(shown) & set("\u200b\ufeff\U000e0041\u2066\u00ad"), command
    plain = run("ls").out
    assert r"ca\u200bt\ufeff\U000e0041.txt" in plain and "👩\u200d🚀.txt" in plain
    assert "of می\u200cخواهم 👩\u200d🚀" in run("show", "texts/👩\u200d🚀.txt").out
    assert name in [os.path.basename(row["path"]) for row in run("ls", "--json").rows("item")]
