"""A shell's unset variable is an empty argument: an error for every command, never "here" or "all"."""

from __future__ import annotations

import cli_kit
import click
import pytest

import curator
from curator.cli import cli
from curator.errors import CuratorError

MAY_BE_EMPTY = {("complete", "beginning")}
"""Texts that a person may leave empty, by command and parameter."""

BLANK = "  "


def commands(group, path=()):
    """Every command that can be run, with the words that name it."""
    context = click.Context(group, info_name="curator")
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield (*path, name), command


def takes_text(parameter):
    return not (isinstance(parameter, click.Option) and (parameter.is_flag or parameter.count))


def is_name(parameter):
    return isinstance(parameter.type, click.types.StringParamType)


def line(parameter, value, others):
    """Words for a command: a value for one parameter, something for what else is required."""
    options, arguments = [], []
    for other in others:
        something = "1" if other.type is click.INT else next(iter(getattr(other.type, "choices", ["id:1"])))
        given = value if other is parameter else something if other.required else None
        if given is None:
            continue
        if isinstance(other, click.Option):
            options += [other.opts[-1], *[given] * other.nargs]
        else:
            arguments.append(given)
    return [*options, "--", *arguments] if arguments else options


EVERY = [
    pytest.param(words, command, parameter, id=f"{' '.join(words)} {parameter.name}")
    for words, command in commands(cli)
    for parameter in command.params
    if takes_text(parameter) and (words[-1], parameter.name) not in MAY_BE_EMPTY
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    base = tmp_path_factory.mktemp("empty")
    cli_kit.texts(base / "texts", 2)
    with curator.open_workspace(base / "workspace", create=True) as workspace:
        workspace.add(base / "texts", encode=False)
        workspace.label("x", [1])
    return base


@pytest.fixture
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.delenv("CURATOR_WORKSPACE", raising=False)
    return folder


def test_all_commands_are_looked_at():
    named = {" ".join(words) for words, _ in commands(cli)}
    assert {"add", "quarantine restore", "plugins", "plugins new", "classify", "similar"} <= named
    assert len(EVERY) > 100


@pytest.mark.parametrize(("words", "command", "parameter"), EVERY)
def test_no_command_takes_an_empty_argument(here, words, command, parameter):
    ran = cli_kit.curator_here(*words, *line(parameter, "", command.params))
    error = ran.assert_failed(2)
    assert "''" in error or "empty" in error or "needs a text" in error, error


@pytest.mark.parametrize(("words", "command", "parameter"), [case for case in EVERY if is_name(case.values[2])])
def test_white_space_is_no_name(here, words, command, parameter):
    ran = cli_kit.curator_here(*words, *line(parameter, BLANK, command.params))
    assert repr(BLANK) in ran.assert_failed(2, "needs a name")


def test_a_path_of_blanks_is_a_path(here):
    (here / BLANK).mkdir(exist_ok=True)
    assert cli_kit.curator_here("ls", "--under", BLANK).code == 0
    assert cli_kit.curator_here("ls", "--under", "   ").code == 3


def test_an_empty_variable_for_the_workspace_is_none_set(here, monkeypatch):
    monkeypatch.setenv("CURATOR_WORKSPACE", "")
    assert cli_kit.curator_here("ls").code == 0
    cli_kit.curator_here("ls", "-w", "").assert_failed(2, "it needs a path")


CALLS = {
    "add": lambda ws: ws.add(""),
    "add, label": lambda ws: ws.add("texts", label=""),
    "add, group": lambda ws: ws.add("texts", labels_from_folders=True, group=""),
    "add, reader": lambda ws: ws.add("texts", reader=" "),
    "add, column": lambda ws: ws.add("texts", text_column=""),
    "label": lambda ws: ws.label("", [1]),
    "label, item": lambda ws: ws.label("x", [""]),
    "label, group": lambda ws: ws.label("x", [1], group=" "),
    "pair": lambda ws: ws.pair("", 1, 2),
    "pair, item": lambda ws: ws.pair("x", 1, ""),
    "encode": lambda ws: ws.encode(""),
    "encode, weights": lambda ws: ws.encode("ngram", weights=""),
    "encode, device": lambda ws: ws.encode("ngram", device=""),
    "pretrain": lambda ws: ws.pretrain(""),
    "pretrain, corpus": lambda ws: ws.pretrain("lstm-clm", corpus=[""]),
    "train, label": lambda ws: ws.train(label=""),
    "train, group": lambda ws: ws.train(group=" "),
    "train, encoder": lambda ws: ws.train(label="x", encoder=""),
    "use": lambda ws: ws.use(""),
    "back up": lambda ws: ws.back_up(""),
    "restore": lambda ws: ws.quarantine.restore(""),
    "run, query": lambda ws: ws.run("similar", query=""),
    "run, under": lambda ws: ws.run("cluster", items={"under": ""}),
    "run, label": lambda ws: ws.run("classify", label=" "),
    "run, encoder": lambda ws: ws.run("cluster", encoder=""),
    "run, sheet": lambda ws: ws.run("cluster", sheet=""),
    "run, several": lambda ws: ws.run("cluster", name=""),
    "open": lambda ws: curator.open_workspace(""),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_no_call_takes_an_empty_argument(here, call):
    with curator.open_workspace(here / "workspace") as workspace:
        runs = workspace.database.value("SELECT count(*) FROM run")
        with pytest.raises(CuratorError) as error:
            call(workspace)
        assert error.value.exit_code == 2, error.value
        assert workspace.database.value("SELECT count(*) FROM run") == runs
