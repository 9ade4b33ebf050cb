"""What a person types wrong: one line that says what, the nearest name where there is one, and the right exit code."""

from __future__ import annotations

import functools
import shlex
import shutil

import cli_kit
import pytest
from click.testing import CliRunner

from curator.cli import cli

TOO_LONG = "x" * 300


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """A folder with a workspace: eight embedded texts, two positives and two negatives for `cat`; tests only read."""
    base = tmp_path_factory.mktemp("labelled")
    run = functools.partial(cli_kit.curator, cwd=base)
    cli_kit.texts(base / "texts", 8)
    run("add", "texts")
    run("label", "cat", "texts/1.txt", "texts/2.txt")
    run("label", "cat", "--negative", "texts/3.txt", "texts/4.txt")
    return base


@pytest.fixture(scope="module")
def state(labelled):
    """What must be the same afterwards."""

    def read():
        commands = [("ls", "--json"), ("status", "--json"), ("status", "--problems", "--json")]
        return [cli_kit.curator(*command, cwd=labelled).out for command in commands]

    return read


@pytest.fixture(scope="module", autouse=True)
def nothing_is_changed_by_any_of_them(labelled, state):
    before = state()
    yield
    assert state() == before


MISSPELT = [
    # paths and ids
    ("add text", 3, ["'text'", "did you mean 'texts'?"]),
    ("add texts/1.txt texts/11.txt", 3, ["'texts/11.txt'", "did you mean 'texts/1.txt'?"]),
    ("add nothing-like-it", 3, ["'nothing-like-it'"]),
    ("add 'texts/*.jpg'", 3, ["nothing matches 'texts/*.jpg'"]),
    ("add ~nobody-of-that-name/photos", 3, ["nobody-of-that-name"]),
    (f"add {TOO_LONG}", 3, ["no file or folder"]),
    ("similar text/1.txt", 3, ["no file or folder 'text/1.txt'"]),
    ("similar texts/11.txt", 3, ["did you mean 'texts/1.txt'?"]),
    ("similar 'cats and dogs'", 3, ["no file or folder 'cats and dogs'", "--text"]),
    ("similar ~nobody-of-that-name/a.jpg", 3, ["no file or folder"]),
    (f"similar {TOO_LONG}", 3, ["no file or folder"]),
    ("similar id:99", 3, ["no item id:99", "ids go from 1 to 8"]),
    ("similar id:99999999999999999999999", 3, ["no item", "ids go from 1 to 8"]),
    ("similar id:one", 2, ["'id:one'", "id:N"]),
    ("show texts/12.txt", 3, ["did you mean 'texts/2.txt'?"]),
    ("show id:0", 3, ["no item id:0"]),
    (f"show {TOO_LONG}", 3, ["no file or folder"]),
    ("label cat texts/1.txt texts/missing.txt", 3, ["'texts/missing.txt'"]),
    ("label cat texts/1.txt id:77", 3, ["no item id:77"]),
    ("label cat texts", 2, ["'texts'", "folder"]),
    ("ls --under text", 3, ["did you mean 'texts'?"]),
    (f"ls --under {TOO_LONG}", 3, ["no file or folder"]),
    # names
    ("classify --label cta", 3, ["no label 'cta'", "did you mean 'cat'?"]),
    ("train --label ''", 2, ["needs a name", "''"]),
    ("classify --group kind", 3, ["no group 'kind'", "--labels-from-folders"]),
    ("ls --labelled ct", 3, ["no label 'ct'", "did you mean 'cat'?"]),
    ("label --remove ct texts/1.txt", 3, ["no label 'ct'", "did you mean 'cat'?"]),
    ("similar texts/1.txt -e ngrm", 3, ["no encoder 'ngrm'", "did you mean 'ngram'?"]),
    ("similar texts/1.txt -e ngram@7", 3, ["'ngram@7'", "did you mean 'ngram'?"]),
    ("similar texts/1.txt -e ''", 2, ["'' is no encoder"]),
    ("encode -e eficientnet-lite0", 3, ["did you mean 'efficientnet-lite0'?"]),
    ("encode -e ngram:large", 2, ["ngram", "variants"]),
    ("encoders --use ngramm", 3, ["did you mean 'ngram'?"]),
    ("classify --label cat -e ngrm", 3, ["did you mean 'ngram'?"]),
    ("classify --label cat --head logistc", 3, ["no head 'logistc'", "did you mean 'logistic'?"]),
    ("similr texts/1.txt", 2, ["did you mean 'similar'?"]),
    ("plugins --traceback no-such-plugin", 3, ["'no-such-plugin'"]),
    # values
    ("similar texts/1.txt -k 0", 2, ["'-k'", "0", "1", "curator similar --help"]),
    ("similar texts/1.txt -k ten", 2, ["'-k'", "'ten'"]),
    ("ls --limit -1", 2, ["'--limit'", "-1"]),
    ("ls --media video", 2, ["'--media'", "'image', 'text'"]),
    ("train --label cat -o c", 2, ["NAME=VALUE", "'c'"]),
    ("train --label cat -o weight=1", 2, ["'weight'", "'c'"]),
    ("train --label cat --head mlp -o hiden=8", 2, ["'hiden'", "did you mean 'hidden'?"]),
    ("train --label cat -o c=much", 2, ["c takes a number", "'much'"]),
    ("train --label cat -o c=nan", 2, ["c takes a number", "'nan'"]),
    ("train --label cat -o c=-1", 2, ["c must be at least"]),
    ("train --label cat --head mlp -o hidden=1.5", 2, ["hidden takes a whole number", "'1.5'"]),
    ("train --label cat --head mlp -o hidden=99999999999999999999", 2, ["hidden takes a whole number of 64 bits"]),
    ("train --label cat --head mlp -o hidden=999999999999", 2, ["hidden must be at most 65536"]),
    ("complete cat --seed 99999999999999999999", 2, ["seed takes a whole number of 64 bits"]),
    ("encode --weights weights.pth", 2, ["-e NAME --weights FILE"]),
    ("encode -e resnet50 --weights missing.pth", 3, ["'missing.pth'"]),
    ("label '' texts/1.txt", 2, ["needs a name"]),
    ("label ' ' texts/1.txt", 2, ["needs a name"]),
    ("label 'a\x1b[31m' texts/1.txt", 2, [r"'a\x1b[31m'", "control characters"]),
    ("label 'a\nb' texts/1.txt", 2, [r"'a\nb'", "control characters"]),
    ("add texts --label 'a\tb'", 2, ["control characters"]),
    ("add texts --not-label ''", 2, ["needs a name"]),
    # what does not go together, or is missing
    ("similar", 2, ["file, id:N or --text"]),
    ("explain texts/1.txt texts/2.txt --label cat", 2, ["texts/2.txt"]),
    ("similar --minus texts/1.txt", 2, ["file, id:N or --text", "--plus-label", "--minus, which does not say what to"]),
    ("similar --minus-label cat", 2, ["file, id:N or --text"]),
    ("similar texts/1.txt texts/11.txt", 3, ["did you mean 'texts/1.txt'?"]),
    ("similar texts/1.txt --minus texts/11.txt", 3, ["did you mean 'texts/1.txt'?"]),
    ("similar texts/1.txt --minus id:99", 3, ["no item id:99"]),
    (
        "similar texts/1.txt texts/2.txt --minus id:1",
        2,
        ["1.txt is looked for and is what results must not"],
    ),
    ("similar --text cats --plus-text dogs --minus-text cats", 2, ["'cats'", "looked for"]),
    ("similar --plus-label cat --minus-label cat", 2, ["label:cat", "looked for"]),
    ("similar --plus-label cta", 3, ["no label 'cta'", "did you mean 'cat'?"]),
    ("similar --plus-label ''", 2, ["needs a name"]),
    ("similar texts/1.txt --plus-text ''", 2, ["'--plus-text'", "needs a text, and ''"]),
    ("similar texts/1.txt --minus-text ' '", 2, ["'--minus-text'", "needs a text, and ' '"]),
    ("similar texts/1.txt --plus-text a -e efficientnet-lite0", 2, ["does not encode texts", "-e"]),
    ("similar texts/1.txt --min-score 2", 2, ["'--min-score'", "2"]),
    ("similar texts/1.txt --min-score high", 2, ["'--min-score'", "'high'"]),
    ("similar --text ''", 2, ["--text"]),
    ("similar texts", 2, ["'texts' is a folder"]),
    ("classify", 2, ["--label NAME or --group NAME", "cat"]),
    ("classify --label cat --group kind", 2, ["--label NAME or --group NAME"]),
    ("train", 2, ["--label NAME or --group NAME"]),
    ("label cat texts/1.txt --negative --remove", 2, ["--negative", "--remove"]),
    ("label cat", 2, ["Missing argument"]),
    ("add texts --label x --not-label x", 2, ["'x'", "--not-label"]),
    ("add texts --group kind", 2, ["--group", "--labels-from-folders"]),
]


@pytest.mark.parametrize(("command", "code", "words"), MISSPELT, ids=[command[:60] for command, *_ in MISSPELT])
def test_one_line_says_what_is_wrong(labelled, monkeypatch, command, code, words):
    # In this process: seventy of their own would take half a minute, and only the words differ.
    monkeypatch.chdir(labelled)
    monkeypatch.delenv("CURATOR_WORKSPACE", raising=False)
    result = CliRunner().invoke(cli, shlex.split(command), prog_name="curator")
    ran = cli_kit.Ran(result.exit_code, result.stdout, result.stderr)
    ran.assert_failed(code, *words)
    assert ran.out == ""


ONE_OF_EACH_CODE = [
    "add text",
    "similar texts/11.txt",
    "similar 'cats and dogs'",
    "similar texts/1.txt -k 0",
    "similar id:99",
    "similar texts/1.txt -e ngrm",
    "classify --label cta",
    "label 'a\x1b[31m' texts/1.txt",
    "similr texts/1.txt",
]


@pytest.mark.parametrize("command", ONE_OF_EACH_CODE)
def test_a_process_of_its_own_says_the_same(labelled, command):
    (code, words) = next((code, words) for known, code, words in MISSPELT if known == command)
    ran = cli_kit.curator(*shlex.split(command), cwd=labelled)
    ran.assert_failed(code, *words)
    assert ran.out == ""


def test_a_name_from_the_shell_s_pattern_is_not_obeyed_in_a_usage_error(labelled):
    error = cli_kit.curator("show", "texts/1.txt", "x\x1b[31m.jpg", cwd=labelled).assert_failed(2, r"x\x1b[31m.jpg")
    assert "\x1b" not in error


def test_a_misspelt_source_makes_no_workspace(run, tmp_path):
    run("add", "photos").assert_failed(3, "no file or folder 'photos'")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def own(labelled, tmp_path, run):
    """`run` on a copy of the labelled folder, to be written to."""
    shutil.copytree(labelled, tmp_path, dirs_exist_ok=True)
    run("add", "texts", "--no-encode")  # its places are here now
    return run


def said(run, label="cat"):
    (row,) = [row for row in run("status", "--json").rows("label") if row["label"] == label]
    return row["positives"], row["negatives"], row["conflicts"]


def test_labelling_is_all_or_nothing(own):
    own("label", "cat", "texts/5.txt", "texts/missing.txt").assert_failed(3)
    own("label", "dog", "texts/5.txt", "id:99").assert_failed(3)
    assert said(own) == (2, 2, 0)
    assert [row["label"] for row in own("status", "--json").rows("label")] == ["cat"]


def test_items_come_from_standard_input_all_or_nothing(own):
    own("label", "cat", "-", stdin=b"texts/5.txt\ntexts/none.txt\n").assert_failed(3, "'texts/none.txt'")
    own("label", "cat", "-", stdin=b"texts/5.txt\0texts/6.txt\0").assert_failed(2, "NUL", "one name per line")
    own("label", "cat", "-", stdin=b"\xff\xfe.txt\n").assert_failed(3, "no file or folder")
    assert said(own) == (2, 2, 0)
    nothing = own("label", "dog", "-", stdin=b"\n")
    assert (nothing.code, nothing.out) == (0, "nothing to label: name some items\n")
    assert own("label", "cat", "-", "id:6", stdin=b"texts/5.txt\r\n\n").code == 0
    assert said(own) == (4, 2, 0)


def test_sources_come_from_standard_input(run, tmp_path):
    cli_kit.texts(tmp_path / "texts", 3)
    run("add", "-", "--no-encode", stdin=b"texts/1.txt\ntext/2.txt\n").assert_failed(3, "'text/2.txt'")
    assert not (tmp_path / "workspace").exists()
    assert run("add", "-", "--no-encode", stdin=b"texts/1.txt\ntexts/2.txt\n").code == 0
    assert len(run("ls", "--json").rows("item")) == 2


def test_too_few_examples_say_what_is_missing_and_the_command(run, tmp_path):
    cli_kit.texts(tmp_path / "texts", 8)
    run("add", "texts", "--no-encode")
    name = "red car"
    steps = [
        (("texts/1.txt",), ["1 example", "curator label 'red car' FILES"]),
        (("texts/2.txt",), ["2 examples and 0 negative examples", "curator label 'red car' --negative FILES"]),
        (("--negative", "texts/3.txt"), ["1 negative example;", "curator label 'red car' --negative FILES"]),
    ]
    for items, words in steps:
        run("label", name, *items)
        run("classify", "--label", name).assert_failed(4, "'red car'", *words)
    run("train", "--label", name).assert_failed(4, "'red car'", "1 negative example;")
    assert said(run, name) == (2, 1, 0)


def test_a_group_of_one_label_is_too_little(run, tmp_path):
    cli_kit.texts(tmp_path / "kinds" / "poem", 3)
    run("add", "kinds", "--labels-from-folders", "--no-encode")
    run("classify", "--group", "kinds").assert_failed(4, "group 'kinds' has 1 label", "--group kinds")
    run("classify", "--group", "kidns").assert_failed(3, "no group 'kidns'", "did you mean 'kinds'?")


def test_one_content_labelled_both_ways_is_left_out_and_said(run, tmp_path):
    cli_kit.texts(tmp_path / "yes", 3, "cats")
    cli_kit.texts(tmp_path / "no", 3, "dogs")
    shutil.copy(tmp_path / "yes" / "1.txt", tmp_path / "no" / "copy.txt")
    run("add", "yes", "--label", "cat")
    run("add", "no", "--not-label", "cat")
    assert said(run, "cat") == (2, 3, 1)
    steps = run("status", "--json").rows("next")
    assert any("1 item labelled cat both ways" in step["reason"] for step in steps), steps
    ran = run("classify", "--label", "cat", "--json")
    assert ran.code == 0
    assert "1 item with contradicting labels left out" in ran.err
    assert {row["items"] for row in ran.rows("held-out")} == {5}

    run("label", "cat", "--remove", "no/1.txt", "no/2.txt", "no/3.txt")
    run("classify", "--label", "cat").assert_failed(4, "1 item labelled both ways left out", "--negative FILES")
    run("label", "cat", "yes/1.txt")  # a person's word settles it
    assert said(run, "cat") == (3, 0, 0)


def test_a_query_whose_every_file_is_gone_is_one_line(run, tmp_path):
    (tmp_path / "pictures").mkdir()
    cli_kit.photo(tmp_path / "pictures" / "a.jpg", 1)
    run("add", "pictures", "--no-encode")
    (tmp_path / "pictures" / "a.jpg").unlink()
    assert "1 file gone" in run("add", "pictures", "--no-encode").out
    run("similar", "id:1").assert_ended(4, "every file of id:1 is gone")
