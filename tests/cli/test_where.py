"""Selections through the real command line: `--where`, short forms given several times, and what is saved by a name."""

from __future__ import annotations

import functools
import shutil
import sqlite3

import cli_kit
import pytest
from PIL import Image

import curator
from curator.api import ItemSet


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Four pictures, of which two say when they were taken, and three texts, in two folders."""
    base = tmp_path_factory.mktemp("where")
    told = ["2026:03:01 12:00:00", "", "0000:00:00 00:00:00", "2026:11:05 10:30:15"]
    for number, (folder, taken) in enumerate(zip(("shop", "shop", "out", "out"), told, strict=True)):
        exif = Image.Exif()
        if taken:
            exif.get_ifd(0x8769)[0x9003] = taken
        (base / "in" / folder).mkdir(parents=True, exist_ok=True)
        picture = Image.effect_noise((300 + 100 * number, 200), 40 + number).convert("RGB")
        picture.save(base / "in" / folder / f"P{number}.jpg", exif=exif)
    for name, text in (("a b", "客户要求全额退款"), ("b", "a full REFUND"), ("c", "nothing of it")):
        (base / "in" / "shop" / f"{name}.txt").write_text(text, encoding="utf-8")
    run = functools.partial(cli_kit.curator, cwd=base)
    run("add", "in", "--no-encode")
    for name, *items in (("hat", "in/shop/P0.jpg", "in/shop/P1.jpg"), ('a "b": c', "in/shop/P1.jpg", "in/shop/b.txt")):
        run("label", name, *items)
    run("label", "hat", "--negative", "in/out/P2.jpg")
    run("label", "dog", "in/out/P3.jpg", "--group", "animal")
    return base


@pytest.fixture
def home(made, tmp_path):
    """One that a test may change; the files are where they were."""
    shutil.copytree(made / "workspace", tmp_path / "workspace")
    return functools.partial(cli_kit.curator, cwd=made, env={"CURATOR_WORKSPACE": str(tmp_path / "workspace")})


@pytest.fixture
def look(made):
    return functools.partial(cli_kit.curator, cwd=made)


def names(ran):
    assert ran.code == 0, ran
    return [row["path"].rpartition("/")[2] for row in ran.rows("item")]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["--where", "label:hat"], ["P0.jpg", "P1.jpg"]),
        (["--where", "-label:hat media:image"], ["P2.jpg", "P3.jpg"]),
        (["--where", "denied:hat"], ["P2.jpg"]),
        (["--where", r'label:"a \"b\": c"'], ["P1.jpg", "b.txt"]),
        (["--where", "label:'a \"b\": c' -suffix:txt"], ["P1.jpg"]),
        (["--where", "group:animal"], ["P3.jpg"]),
        (["--where", "under:in/out or text~退款"], ["P2.jpg", "P3.jpg", "a b.txt"]),
        (["--where", "label：hat （width≥400）"], ["P1.jpg"]),
        (["--where", "text~“ＦＵＬＬ refund”"], ["b.txt"]),
        (["--where", "taken:2026"], ["P0.jpg", "P3.jpg"]),
        (["--where", "taken>=2026-11-05T10:30 taken<2026-11-06"], ["P3.jpg"]),
        (["--where", "added>2020 name:?.txt"], ["b.txt", "c.txt"]),
        (["--where", "source:human NOT (label:hat OR denied:hat)"], ["P3.jpg", "b.txt"]),
        (["--under", "in/out", "--under", "in/shop/c.txt"], ["P2.jpg", "P3.jpg", "c.txt"]),
        (["--media", "image", "--media", "text", "--unlabelled"], ["a b.txt", "c.txt"]),
        (["--labelled", "hat", "--labelled", "dog"], ["P0.jpg", "P1.jpg", "P3.jpg"]),
        (["--labelled", "hat", "--where", "width<400", "--where", "under:in or missing"], ["P0.jpg"]),
    ],
)
def test_conditions_choose(look, words, wanted):
    assert sorted(names(look("ls", *words, "--json"))) == wanted


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("", 2, "needs a condition, such as label:hat"),
        ("lable:hat", 2, "character 1, 'lable:': there is no field 'lable': did you mean 'label'?"),
        ("missing and tag:hat", 2, "character 13, 'tag:': there is no field 'tag': did you mean 'label'?"),
        ("hat", 2, "'hat': it is no condition: write label:hat or text~hat"),
        ("unlabeled", 2, "did you mean 'unlabelled'?"),
        ("width", 2, "'width' needs a value, as in width>=1000"),
        ("missing:yes", 2, "'missing' stands alone"),
        ("label>hat", 2, "'label' takes : and not '>', as in label:hat"),
        ("label:", 2, "character 1, 'label:': a value is missing behind it"),
        ("label:hat or", 2, "character 11, 'or': a condition, such as label:hat, is missing behind it"),
        ("or label:hat", 2, "a condition is missing before 'or'"),
        ("(label:hat or missing", 2, "a parenthesis is not closed"),
        ("label:hat)", 2, "character 10, ')': this ')' closes no parenthesis"),
        ("()", 2, "is missing behind it"),
        ('label:"hat', 2, "this quotation mark is not closed"),
        ('label:5"', 2, "a quotation mark within a value"),
        ('"red hat"', 2, "a field is missing before what is quoted"),
        (">=5", 2, "a field is missing before '>'"),
        ("width>=wide", 2, "width>=wide: 'wide' is not a number, such as 1000 or 12M"),
        ("width:99999999999999999999", 2, "is not a number"),
        ("width:9999999999999999999", 2, "too large"),
        ("width>5..9", 2, "'5..9' is a range"),
        ("width:..", 2, "'..' has no end"),
        ("size:5X", 2, "'5X' is not a size, such as 10k"),
        ("added>yesterday", 2, "added>yesterday: 'yesterday' is not a date: write 2026"),
        ("taken:2026-02-30", 2, "'2026-02-30' is not a date that there is"),
        ("added:9999", 2, "9999"),
        ("media:film", 2, "media is image or text, not 'film'"),
        ("suffix:*.jpg", 2, "is not how the name of a file ends"),
        ('name:""', 2, "name: needs the name of a file"),
        ('text~""', 2, "text~ needs a text to look for"),
        ('label:""', 2, "a label needs a name"),
        ("source:me", 3, "no source 'me': there is 'head', 'human', 'import', 'rule'"),
        ("label:hatt", 3, "no label 'hatt': did you mean 'hat'?"),
        ("denied:hatt", 3, "no label 'hatt': did you mean 'hat'?"),
        ("label:animal", 3, "no label 'animal', but a group: --where group:animal takes it"),
        ("group:animals", 3, "no group 'animals': did you mean 'animal'?"),
        ("under:in/shopp", 3, "no file or folder 'in/shopp': did you mean 'in/shop'?"),
        ("@good", 3, "no saved selection 'good': there is none yet: curator ls --where TEXT --save NAME"),
        ("(" * 30 + "-" * 30 + "missing" + ")" * 30, 2, "more than 20 deep"),
        ("id:1 " * 201, 2, "at most 200 conditions, and these are 201"),
        ("id:1 " * 5000, 2, "at most 20,000 characters"),
    ],
)
def test_what_cannot_be_meant_is_told_in_one_line(look, text, code, said):
    look("ls", "--where", text).assert_ended(code, said)


@pytest.mark.parametrize("command", ["similar id:1", "dedupe", "cluster", "audit", "sample 2", "encode"])
def test_commands_that_take_items_take_conditions(look, command):
    look(*command.split(), "--where", "label:hatt").assert_ended(3, "no label 'hatt': did you mean 'hat'?")


def test_all_commands_that_choose_take_all_ways_to_choose(look):
    choosing = [
        {row["name"]: set(row["parameters"]["properties"]) & {"media", "under", "labelled", "unlabelled", "where"}}
        for row in look("describe", "--json").rows("command")
        if "under" in row["parameters"]["properties"]
    ]
    assert len(choosing) >= 12
    for one in choosing:
        ((command, ways),) = one.items()
        assert ways >= {"under", "labelled", "unlabelled", "where"}, command


def test_a_selection_that_is_saved_is_evaluated_anew(home, made):
    ran = home("ls", "--under", "in/shop", "--media", "image", "--where", "-missing", "--save", "good ones", "--json")
    assert names(ran) == ["P0.jpg", "P1.jpg"]
    where = f"media:image under:{made}/in/shop -missing"
    assert ran.err == f'saved as @"good ones": {where}\n'
    assert home("saved", "--json").row("saved") == {"name": "good ones", "where": where, "kind": "saved"}
    assert names(home("ls", "--where", '@"good ones" -label:"a \\"b\\": c"', "--json")) == ["P0.jpg"]
    home("ls", "--where", '@"good ones" label:hat', "--save", "hats")
    home("label", "hat", "--remove", "in/shop/P0.jpg")
    assert names(home("ls", "--where", "@hats", "--json")) == ["P1.jpg"]
    # What is in it may go.
    home("label", "--rename", "hat", "cap")
    home("ls", "--where", "@hats").assert_ended(3, "in @hats: no label 'hat'")
    assert home("saved", "--remove", "@good ones").code == 0
    home("ls", "--where", "missing or @hats").assert_ended(
        3, "in @hats: no saved selection 'good ones': there is 'hats'"
    )


def test_a_name_may_get_another_selection_and_undo_brings_the_former_back(home):
    home("ls", "--where", "label:hat", "--save", "good")
    assert "it was label:hat" in home("ls", "--where", "missing", "--save", "@good").err
    runs = len(home("log", "--json").rows("run"))
    assert "it was" not in home("ls", "--where", "missing", "--save", "good").err
    assert len(home("log", "--json").rows("run")) == runs  # nothing was to be written
    saved = lambda: home("saved", "--json").row("saved")["where"]  # noqa: E731
    home("undo")
    assert saved() == "label:hat"
    assert home("log", "--json").rows("run")[0]["command"] == "undo"
    home("saved", "--remove", "good")
    assert home("saved").out.startswith("no selection is saved yet")
    home("undo")
    assert saved() == "label:hat"
    assert home("check").code == 0


def test_a_selection_cannot_hold_itself(home):
    home("ls", "--where", "label:hat", "--save", "a")
    home("ls", "--where", "@a missing", "--save", "b")
    home("ls", "--where", "@b", "--save", "a").assert_ended(2, "a saved selection cannot hold itself: @a in @b in @a")
    home("ls", "--where", "@a or @c", "--save", "c").assert_ended(3, "no saved selection 'c'")
    home("ls", "--where", "@a", "--save", "a").assert_ended(2, "cannot hold itself: @a in @a")
    assert home("saved", "--json").rows("saved")[0]["where"] == "label:hat"


def test_nothing_is_saved_of_what_cannot_be_or_is_no_selection(home):
    home("ls", "--save", "all").assert_ended(2, "--save keeps a selection, and this is none")
    home("ls", "--where", "label:hatt", "--save", "x").assert_ended(3, "no label 'hatt'")
    home("ls", "--where", "label:hat", "--save", "@").assert_ended(2, "a selection needs a name")
    home("ls", "--where", "label:hat", "--save", "a\tb").assert_ended(2, "control characters")
    home("saved", "--remove", "x").assert_ended(3, "no saved selection 'x': there is none yet")
    assert home("saved", "--json").rows("saved") == []


def test_a_folder_that_is_saved_is_meant_from_anywhere(home, made, tmp_path):
    home("ls", "--where", "under:in/out or under:'in/shop/a b.txt'", "--save", "far")
    ran = cli_kit.curator("ls", "--where", "@far", "--json", cwd=tmp_path)
    assert names(ran) == ["P2.jpg", "P3.jpg", "a b.txt"]


def test_pictures_of_an_earlier_curator_get_their_date_when_they_are_read_again(home, tmp_path):
    """As after the migration: nobody looked when they were taken."""
    database = sqlite3.connect(tmp_path / "workspace" / "catalogue.db")
    database.execute("UPDATE item SET taken = NULL")
    database.commit()
    database.close()
    ran = home("ls", "--where", "taken:2026", "--json")
    assert names(ran) == [] and ran.err.count("curator add FOLDER --verify") == 1
    assert home("ls", "--where", "label:hat", "--json").err == ""
    home("add", "in/out", "--no-encode")
    assert names(home("ls", "--where", "taken:2026", "--json")) == []
    home("add", "in", "--no-encode", "--verify")
    ran = home("ls", "--where", "taken:2026", "--json")
    assert (sorted(names(ran)), ran.err) == (["P0.jpg", "P3.jpg"], "")
    home("undo")
    assert names(home("ls", "--where", "taken:2026", "--json")) == []


def test_what_is_missing_is_found(home, made, tmp_path):
    shutil.copytree(made / "in", tmp_path / "in")
    here = functools.partial(cli_kit.curator, cwd=tmp_path)
    here("add", "in/shop", "--no-encode")
    (tmp_path / "in" / "shop" / "c.txt").unlink()
    (tmp_path / "in" / "shop" / "b.txt").unlink()
    here("add", "in/shop", "--no-encode")
    # All are also where the workspace had them first.
    assert here("ls", "--where", "missing", "--json").rows("item") == []


def test_python_takes_one_or_several(home, made, tmp_path):
    with curator.open_workspace(tmp_path / "workspace") as ws:
        ids = lambda **among: [item.id for item in ws.items.select(ItemSet(**among))]  # noqa: E731
        one = ids(under=made / "in" / "out")
        assert ids(under=(made / "in" / "out",)) == ids(under=[made / "in" / "out"]) == one and len(one) == 2
        assert ids(under=(), label=(), media=()) == ids()
        assert ids(label=("hat", "dog")) == ids(where="label:hat or label:dog")
        assert ids(label=ws.labels.target("hat"), where=("width>300", "-missing")) == ids(where="label:hat width>300")
        assert ids(media=("image",), unlabelled=True) == ids(media="image", where="unlabelled")
        saved = ws.selections.save("x", ItemSet(label=ws.labels.target("dog"), under=made / "in"))
        assert saved.where == f"under:{made}/in label:dog" and saved.before is None
        assert ids(where="@x") == ids(label="dog")


def test_dedupe_takes_several_folders(home, made, tmp_path):
    for folder in ("one", "two", "three"):
        (tmp_path / "d" / folder).mkdir(parents=True)
        shutil.copy(made / "in" / "shop" / "P0.jpg", tmp_path / "d" / folder / "same.jpg")
    here = functools.partial(cli_kit.curator, cwd=tmp_path)
    here("add", "d", "--no-encode")
    ran = here("dedupe", "--under", "d/one", "--under", "d/two", "--media", "image", "--json")
    assert {row["path"].split("/")[-2] for row in ran.rows("duplicate")} == {"one", "two"}
