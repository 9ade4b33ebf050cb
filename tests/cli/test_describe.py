"""`curator describe`, and what the descriptions of commands are worth: a new one is one file."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import json
import sys

import cli_kit
import click
import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator
from plugin_kit import Site, action

import curator.workspace
from curator.cli import Root, cli
from curator.commands import Commands, core
from curator.commands.spec import EFFECTS, CommandSpec
from curator.errors import NotFound


def named(group, above=""):
    """Every command that does something, by the words that name it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield f"{above}{name}", command
        if isinstance(command, click.Group):
            yield from named(command, f"{above}{name} ")


COMMANDS = dict(named(cli))


@pytest.fixture(scope="module")
def rows():
    ran = cli_kit.curator_here("describe", "--json")
    assert (ran.code, ran.err) == (0, ""), ran
    return {row["name"]: row for row in ran.rows("command")}


def test_every_command_is_described_and_its_schemas_are_schemas(rows):
    assert set(rows) == set(COMMANDS)
    for row in rows.values():
        for schema in (row["parameters"], *row["rows"].values()):
            assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
            Draft202012Validator.check_schema(schema)
        assert set(row["effects"]) <= set(EFFECTS) and row["effects"]
        assert row["exit_codes"]["5"].startswith("done, but")


@pytest.mark.parametrize("name", COMMANDS)
def test_what_a_command_line_takes_is_what_is_described(rows, name):
    described = rows[name]["parameters"]["properties"]
    typed = {
        parameter.name: parameter for parameter in COMMANDS[name].params if not getattr(parameter, "hidden", False)
    }
    assert list(described) == list(typed)
    for parameter in typed.values():
        schema = described[parameter.name]
        assert schema.get("flags", []) == (parameter.opts if isinstance(parameter, click.Option) else [])
        choices = getattr(parameter.type, "choices", None)
        assert schema.get("items", schema).get("enum") == (None if choices is None else list(choices))
        assert schema.get("minimum") == getattr(parameter.type, "min", None)


@pytest.mark.parametrize(
    ("command", "values", "fits"),
    [
        ("add", {"sources": ["photos"], "label": ["a", "b"], "label_level": 2}, True),
        ("add", {"label": ["a"]}, False),
        ("add", {"sources": ["photos"], "label_level": 0}, False),
        ("label", {"rename": ["old", "new"]}, True),
        ("label", {"rename": ["old"]}, False),
        ("train", {"group": "kind", "fine_tune": True}, True),
        ("train", {"group": "kind", "fine_tune": "layer4", "media": ["image"]}, True),
        ("train", {"group": "kind", "media": ["sound"]}, False),
        ("similar", {"query": "id:1", "k": 3}, True),
        ("similar", {"text": "a dog"}, True),
        ("similar", {"query": ["id:1", "a.png"], "minus": ["id:2"], "minus_text": ["dark"], "min_score": 0.5}, True),
        ("similar", {"plus_label": ["cat"]}, True),
        ("similar", {"plus_text": ["a dog"]}, True),
        ("similar", {"minus": ["id:2"]}, False),
        ("similar", {"query": [1]}, False),
        ("similar", {"query": "id:1", "min_score": 2}, False),
        ("similar", {"k": 3}, False),
        ("similar", {"query": "id:1", "kk": 3}, False),
    ],
)
def test_a_schema_takes_what_the_command_takes_and_nothing_else(rows, command, values, fits):
    assert Draft202012Validator(rows[command]["parameters"]).is_valid(values) == fits


def test_people_read_tables(run):
    every, one = run("describe"), run("describe", "plugins", "check")
    assert (every.code, one.code) == (0, 0)
    assert [line.split("\t")[0] for line in every.out.splitlines()] == sorted(COMMANDS)
    assert one.out.startswith("curator plugins check: Check an installed plugin")
    assert "\ncheck\twhy\tstring\t" in one.out and "\n--variant\tstring\t" in one.out


@pytest.mark.parametrize("words", [["undu"], ["plugins", "chek"], ["quarantine"]])
def test_what_is_no_command_cannot_be_described(run, words):
    run("describe", *words).assert_failed(3, f"no command '{' '.join(words)}'")


READING = [
    *(["ls"], ["show", "id:1"], ["status"], ["log"], ["heads"], ["encoders"], ["metrics"], ["quarantine", "list"]),
    *(["plugins"], ["describe"]),
]


def test_a_command_that_says_that_it_reads_changes_no_row(tmp_path, rows):
    cli_kit.texts(tmp_path / "texts", 3)
    run = functools.partial(cli_kit.curator, cwd=tmp_path)
    run("add", "texts", "--no-encode")

    def dump():
        with curator.open_workspace(tmp_path / "workspace") as workspace:
            return list(workspace.database.connection.iterdump())

    reading = {" ".join(words[: 2 if words[0] == "quarantine" else 1]) for words in READING}
    before = dump()
    for words in READING:
        assert run(*words, "--json").code == 0
    assert dump() == before
    of_core = {name for name, row in rows.items() if row["plugin"] is None and "reads" in row["effects"]}
    assert of_core <= reading | {"plugins check"}, "run it here, too"


# --- a new command is one new file ---

HELLO = """
from dataclasses import dataclass
from typing import Annotated

from curator.api import Argument, Column, Option, Table
from curator.commands.spec import CommandSpec

WORDS = Table("word", "Words", (Column("word", "what is said"), Column("times", "how often", "integer")))


@dataclass(frozen=True)
class Params:
    name: Annotated[str, Argument()]
    times: Annotated[int, Option("-n", min=1, help="How often.")] = 1


def hello(call, params):
    call.table(WORDS, [{"word": f"hello {params.name}", "times": params.times}])


COMMAND = CommandSpec(
    "hello-there", "Say hello.", Params, hello, (WORDS,), "curator hello-there you", workspace="none"
)
"""


@pytest.fixture
def app(tmp_path, monkeypatch):
    """The program with a command more."""
    (tmp_path / "more_commands").mkdir()
    (tmp_path / "more_commands" / "__init__.py").touch()
    (tmp_path / "more_commands" / "hello_there.py").write_text(HELLO)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "modules", {**sys.modules})
    commands = Commands("curator.commands.items", "curator.commands.tools", "more_commands")
    root = Root("curator", commands=commands, context_settings=cli.context_settings)
    return lambda *words: CliRunner().invoke(root, words, prog_name="curator", catch_exceptions=False)


def test_a_new_command_is_one_new_file(app):
    assert "  hello-there  Say hello." in app("--help").stdout
    assert "-n, --times N" in app("hello-there", "--help").stdout
    (row,) = map(json.loads, app("hello-there", "you", "-n", "3", "--json").stdout.splitlines())
    assert row == {"word": "hello you", "times": 3, "kind": "word"}
    (told,) = map(json.loads, app("describe", "hello-there", "--json").stdout.splitlines())
    assert Draft202012Validator(told["rows"]["word"]).is_valid(row)
    assert Draft202012Validator(told["parameters"]).is_valid({"name": "you", "times": 3})
    assert app("hello-there", "you", "-n", "0").exit_code == 2


def test_a_module_has_the_name_of_its_command():
    assert {name: spec.name for name, spec in core().items()} == {name: name for name in core()}
    assert all(isinstance(spec, CommandSpec) for spec in core().values())


def test_what_add_takes_is_the_same_from_a_command_line_and_from_python():
    """Kept apart, as a method has types that a person who types has not."""
    typed = {field.name: field.default for field in dataclasses.fields(core()["add"].params)}
    called = {name: one.default for name, one in inspect.signature(curator.workspace.Workspace.add).parameters.items()}
    assert {*typed} - {*called} == {"no_encode"} and {*called} - {*typed} == {"self", "encode"}
    assert {name: typed[name] for name in typed if name not in ("sources", "no_encode")} == {
        name: called[name] for name in called if name not in ("sources", "self", "encode")
    }


# --- names that curator keeps ---


@pytest.fixture
def site(tmp_path):
    for name in ("site", "folder"):
        (tmp_path / name).mkdir()
    site = Site(tmp_path / "site", tmp_path / "folder")
    rows = "(Table('row', 't', (Column('n', 'a number', 'integer'),)),)"
    for name in ("tour", "ls"):
        plan = "lambda context, params: iter([Finding('row', {'n': 1})])"
        site.lay(f"mine-{name}", action(name, plan=plan, tables=rows, embeds="False"))
    cli_kit.texts(site.folder / "texts", 1)
    site.run("add", "texts", "--no-encode")
    return site


@pytest.mark.parametrize("name", ["tour", "ls"])
def test_an_action_of_a_name_that_is_kept_goes_by_that_of_its_plugin_too(site, name):
    ran = site.run(f"mine-{name}.{name}", "--json")
    assert (ran.code, ran.rows) == (0, [{"n": 1, "kind": "row"}])
    listed = site.run("plugins", "--json")
    (row,) = [row for row in listed.rows if row["plugin"] == f"mine-{name}"]
    assert (row["offers"], row["failure"]) == ([f"action mine-{name}.{name}"], None)
    (line,) = [line for line in listed.err.splitlines() if f"'{name}'" in line]
    assert f"it is mine-{name}.{name} here" in line
    assert f"mine-{name}.{name}" in site.run("--help").out


def test_the_command_of_curator_itself_is_what_its_name_means(site):
    assert [row["kind"] for row in site.run("ls", "--json").rows] == ["item"]
    ran = site.run("tour")
    assert ran.code == 2
    assert ran.err.startswith("Error: no command 'tour' yet, a name that curator keeps for itself: did you mean")
    assert ran.err.count("\n") == 1 and "'mine-tour.tour'?" in ran.err


def test_python_knows_it_by_the_same_name(site, monkeypatch):
    monkeypatch.syspath_prepend(str(site.path))
    with curator.open_workspace(site.folder / "workspace") as workspace:
        assert workspace.run("mine-tour.tour") == [{"kind": "row", "n": 1}]
        with pytest.raises(NotFound):
            workspace.run("tour")
