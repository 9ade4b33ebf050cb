"""What a shell completes, asked as the shells do it."""

from __future__ import annotations

import functools
import shlex

import cli_kit
import pytest


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    base = tmp_path_factory.mktemp("completion")
    cli_kit.texts(base / "texts", 3)
    run = functools.partial(cli_kit.curator, cwd=base)
    run("add", "texts")
    run("label", "red wine", "id:1")
    run("label", "red", "id:1", "--group", "hair")
    run("pair", "id:1", "id:2", "--metric", "taste")
    return base


def completed(folder, *words):
    """What is offered for the last word, as (what kind, what)."""
    line = {"COMP_WORDS": shlex.join(["curator", *words]), "COMP_CWORD": str(len(words))}
    ran = cli_kit.curator(cwd=folder, env={"_CURATOR_COMPLETE": "bash_complete", **line})
    assert (ran.code, ran.err) == (0, ""), ran
    return [tuple(line.split(",", 1)) for line in ran.out.splitlines() if line]


PATHS = {
    "file": [
        "add|ph",
        "show|te",
        "similar|te",
        "label x|te",
        "similar id:1 --sheet|s",
        "encode --weights|w",
        "backup|b",
        "restore|b",
    ],
    "dir": [
        "ls -w|w",
        "relocate|te",
        "restore b --to|x",
        "plugins new x --folder|x",
        "ls --under|te",
        "train --test|te",
        "similar --under|te",
    ],
}


@pytest.mark.parametrize(("kind", "line"), [(kind, line) for kind, lines in PATHS.items() for line in lines])
def test_paths_are_left_to_the_shell(home, kind, line):
    words, _, last = line.partition("|")
    assert [of for of, _ in completed(home, *words.split(), last)] == [kind]


@pytest.mark.parametrize(
    ("words", "last", "offered"),
    [
        ("classify --label", "re", ["red", "red wine"]),
        ("label", "red ", ["red wine"]),
        ("ls --labelled", "", ["red", "red wine"]),
        ("train --group", "", ["hair"]),
        ("similar --metric", "t", ["taste"]),
        ("metrics", "", ["taste"]),
        ("show", "id:", ["id:1", "id:2", "id:3"]),
        ("similar -e", "ng", ["ngram"]),
        ("encoders --use", "res", ["resnet101", "resnet152", "resnet18", "resnet34", "resnet50"]),
        ("train --head", "p", ["prototype"]),
        ("add --reader", "", ["folder", "table"]),
        ("audit --check", "b", ["blank", "blurred", "boilerplate", "bright"]),
        ("audit --check", "l", ["low-contrast", "labels"]),
        ("ls --media", "i", ["image"]),
        ("plugins check", "ng", ["ngram"]),
        ("plugins new x --kind", "e", ["encoder", "exporter"]),
        ("describe", "un", ["undo"]),
        ("describe quarantine", "p", ["purge"]),
        ("describe undo", "", []),
        ("ls -w nowhere --labelled", "", []),
    ],
)
def test_names_that_there_are_are_offered(home, words, last, offered):
    assert [what for _, what in completed(home, *words.split(), last)] == offered


def test_nothing_is_written_and_nothing_fails_where_there_is_no_workspace(tmp_path):
    assert completed(tmp_path, "classify", "--label", "") == []
    assert completed(tmp_path, "show", "id:") == []
    assert ("plain", "ngram") in completed(tmp_path, "encode", "-e", "")
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace" / "catalogue.db").write_text("no database")
    assert completed(tmp_path, "classify", "--label", "") == []
    assert [path.name for path in tmp_path.rglob("*")] == ["workspace", "catalogue.db"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_get_a_script(run, shell):
    ran = run(env={"_CURATOR_COMPLETE": f"{shell}_source"})
    assert (ran.code, ran.err) == (0, "") and "_CURATOR_COMPLETE" in ran.out
