"""Isolation that holds: real broken distributions, built and installed by pip, all at once, beside one that is good.

pip lays them into a folder of their own, over the environment (`--target`, and the folder in `PYTHONPATH`), so that
nothing else is installed a second time. Everything is driven through the installed command, each time in a process
of its own. (Every way to break the contract, more quickly: `test_plugins.py`, `test_plugin_failures.py`.)
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cli_kit
import pytest
from plugin_kit import FIRST_PARTY, HEADER, Site, action, encoder, hook

TEXTS = 6

# --- what is installed --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Distribution:
    """A folder with one or more modules, each of which is a plugin."""

    name: str
    version: str
    plugins: Mapping[str, str]  # entry point: source of its module

    def write(self, folder: Path) -> Path:
        """Lay the sources, as an author would have them; returns where."""
        made = folder / self.name
        made.mkdir()
        modules = {plugin: plugin.replace("-", "_") + "_plugin" for plugin in self.plugins}
        for plugin, source in self.plugins.items():
            (made / f"{modules[plugin]}.py").write_text(HEADER + source, encoding="utf-8")
        entry_points = "\n".join(f'{plugin} = "{module}"' for plugin, module in modules.items())
        (made / "pyproject.toml").write_text(
            '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n\n'
            f'[project]\nname = "{self.name}"\nversion = "{self.version}"\n\n'
            f'[project.entry-points."curator"]\n{entry_points}\n\n'
            f"[tool.setuptools]\npy-modules = {json.dumps(list(modules.values()))}\n",
            encoding="utf-8",
        )
        return made


GOOD = """
import numpy as np

class Lengths:
    def encode(self, batch):
        return np.array([[len(text), 1.0] for text in batch.texts], dtype=np.float32)
    def close(self): pass

@hookimpl
def register_encoders():
    return [EncoderSpec("lengths", ("text",), "s", lambda *given: Resolved(2), lambda *given: Lengths())]

def plan(context, params):
    yield Finding("total", {"items": len(context.items())})

@hookimpl
def register_actions():
    return [ActionSpec("count", "s", NoParams, plan, (Table("total", "t", (Column("items", "n", "integer"),)),))]
"""

# Prints in three ways, of which only the first goes through `sys.stdout`, and moves elsewhere; still, it can be used.
NOISY = """
import os, subprocess, sys

def make_noise(when):
    print("printed", when)
    os.write(1, f"written {when}\\n".encode())
    subprocess.run([sys.executable, "-c", f"print('said by another process {when}')"])
    os.chdir("/")

make_noise("at import")

def plan(context, params):
    make_noise("at work")
    yield Finding("here", {"folder": os.getcwd()})
    yield Finding("here", {"folder": os.getcwd()})

@hookimpl
def register_actions():
    return [ActionSpec("wander", "s", NoParams, plan, (Table("here", "t", (Column("folder", "f"),)),))]
"""

NOISE = ["printed at import", "written at import", "said by another process at import"]

# Plugin: (distribution, version, source of its module, the reason for which it is skipped).
SKIPPED = {
    "import": ("broken-import", "0.1", "raise OSError('no licence\\nfor you')", "OSError: no licence"),
    "exit": ("broken-exit", "0.2", "import sys; sys.exit('bye')", "called sys.exit(bye)"),
    "hook": ("broken-hook", "0.3", hook("register_heads", "1 / 0"), "ZeroDivisionError: division by zero"),
    "hook-exit": ("broken-hook-exit", "0.4", hook("register_heads", "exit(3)"), "called sys.exit(3)"),
    "taken": (
        "broken-taken",
        "0.5",
        # "good" is before "taken", in whatever order they were installed.
        encoder("lengths") + action("also-of-taken"),
        "offers the encoder 'lengths', which plugin 'good' (good-plugin 3.1) already offers",
    ),
    "a-first": (
        "broken-first",
        "0.7",
        encoder("ngram"),
        "offers the encoder 'ngram', which plugin 'ngram' (curator-agent {version}) already offers",
    ),
    "wrong-type": (
        "broken-type",
        "0.8",
        encoder("typed", summary="5"),
        "register_encoders: 'typed': EncoderSpec: summary is int 5, not str",
    ),
    "option": (
        "broken-option",
        "0.9",
        action("optional", "limit: int = 5"),
        "register_actions: 'optional': field 'limit' takes --limit, which curator keeps for itself",
    ),
    "parameter": (
        "broken-parameter",
        "0.10",
        action("parametric", "x: dict = None"),
        "register_actions: 'parametric': field 'x' is of type <class 'dict'>, which cannot become an option",
    ),
    "default": (
        "broken-default",
        "0.11",
        # It is shown by --help of all commands.
        action("defaulting", "x: tuple[str, ...] = (1, 2)"),
        "register_actions: 'defaulting': field 'x': the default (1, 2) is not a tuple of texts",
    ),
}

SICK_ENCODERS = """
import numpy as np

class Good:
    def encode(self, batch):
        return np.ones((len(batch.texts), 2), dtype=np.float32)
    def close(self): pass

def raises(*given):
    raise RuntimeError("the reason\\nand more")

def spec(name, encode=Good.encode, **given):
    kind = type("Made", (Good,), {"encode": encode})
    parts = {"resolve": lambda *given: Resolved(2), "load": lambda *given: kind()} | given
    return EncoderSpec(name, ("text",), "s", **parts)

@hookimpl
def register_encoders():
    from pathlib import Path
    yield spec("resolve-raises", resolve=raises)
    yield spec("resolve-names-no-file", resolve=lambda *given: Resolved(2, files=(Path("nowhere.pt"),)))
    yield spec("load-raises", load=raises)
    yield spec("encode-raises", raises)
    yield spec("encode-shape", lambda self, batch: np.ones((len(batch.texts), 3), dtype=np.float32))
    yield spec("encode-dtype", lambda self, batch: np.ones((len(batch.texts), 2)))
    yield spec("encode-nan", lambda self, batch: np.full((len(batch.texts), 2), np.nan, dtype=np.float32))
"""

SICK_ACTIONS = """
ROWS = (Table("row", "t", (Column("n", "a number", "integer"),)),)

@dataclass(frozen=True)
class Refusing:
    n: int = 1
    def __post_init__(self):
        raise ValueError("two of them exclude each other")

def spec(name, *outputs, then=None, params=NoParams):
    def plan(context, params):
        yield SetLabel(1, f"said by {name}", True)
        yield from outputs
        if then: then()
    return ActionSpec(name, "s", params, plan, ROWS)

def raises():
    raise RuntimeError("the reason\\nand more")

def exits():
    import sys; sys.exit("enough")

@hookimpl
def register_actions():
    yield spec("plan-raises", then=raises)
    yield spec("plan-exits", then=exits)
    yield spec("plan-no-output", object)
    yield spec("plan-no-such-kind", Finding("surprise", {"n": 1}))
    yield spec("plan-no-number", Finding("row", {"n": "many"}))
    yield spec("params-raise", params=Refusing)
"""

# At every source that is added, whoever reads it.
SICK_READER = hook("register_readers", "[ReaderSpec('sheet', 's', lambda path: 1 / 0, len)]")

# What fails at work: (doing what, the reason, whether anything was written by then).
SICK = {
    "resolve-raises": ("resolving", "RuntimeError: the reason", False),
    "resolve-names-no-file": ("resolving", "names the weights 'nowhere.pt', which is not a file", False),
    "load-raises": ("loading", "RuntimeError: the reason", True),
    "encode-raises": ("encoding with", "RuntimeError: the reason", True),
    "encode-shape": ("encoding with", "gave float32 (1, 3), not float32 (1, 2)", True),
    "encode-dtype": ("encoding with", "gave float64 (1, 2), not float32 (1, 2)", True),
    "encode-nan": ("encoding with", "gave numbers that are not finite", True),
    "plan-raises": ("planning", "RuntimeError: the reason", True),
    "plan-exits": ("planning", "called sys.exit(enough)", True),
    "plan-no-output": ("planning", "gave type <class 'object'>, not Finding", True),
    "plan-no-such-kind": ("planning", "gave a finding of kind 'surprise'; it declares ['row']", True),
    "plan-no-number": ("planning", "gave a finding of kind 'row' whose n is 'many', not a number", True),
    "params-raise": ("taking the parameters of", "ValueError: two of them exclude each other", False),
}

ENCODERS = {name for name in SICK if name.startswith(("resolve", "load", "encode"))}

SICK_DISTRIBUTION = Distribution(
    "sick",
    "2.0.1",
    {"sick-encoders": SICK_ENCODERS, "sick-actions": SICK_ACTIONS, "sick-reader": SICK_READER},
)

WORKING = {"good", "noisy", *SICK_DISTRIBUTION.plugins}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """All of them, in an order that is not that of their names, installed by one pip."""
    sources, target = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("site")
    broken = [Distribution(name, version, {plugin: made}) for plugin, (name, version, made, _) in SKIPPED.items()]
    good = [Distribution("good-plugin", "3.1", {"good": GOOD}), Distribution("noisy-plugin", "1.0", {"noisy": NOISY})]
    folders = [str(distribution.write(sources)) for distribution in (*broken, SICK_DISTRIBUTION, *good)]
    options = ["--isolated", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore"]
    # Nothing is asked of an index, also not for what builds them: that is the environment's own setuptools.
    options += ["--no-deps", "--no-index", "--no-build-isolation", "--target", str(target)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, *folders], check=True, timeout=300)
    return target


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the commands run; it comes to hold a workspace with texts."""
    made = tmp_path_factory.mktemp("folder")
    cli_kit.texts(made / "texts", TEXTS)
    return made


@pytest.fixture(scope="module")
def curator(site, folder):
    """Runs a command, with everything installed."""
    return lambda *arguments: cli_kit.curator(*arguments, cwd=folder, env={"PYTHONPATH": str(site)})


@pytest.fixture(scope="module")
def listed(curator):
    return curator("plugins", "--json")


@pytest.fixture(scope="module")
def added(curator):
    return curator("add", "texts", "--json")


@pytest.fixture(scope="module")
def sick(curator, added):
    """What each command did that a plugin breaks, and the runs on record afterwards."""
    commands = {name: ["encode", "-e", name] if name in ENCODERS else [name] for name in SICK}
    ran = {name: curator(*command, "--json") for name, command in commands.items()}
    runs = curator("log", "--json").rows("run")
    return ran, {row["arguments"].removeprefix("encoder=") or row["command"]: row["state"] for row in runs}


# --- the rest goes on ---------------------------------------------------------------------------------


def test_all_others_are_listed_as_working(listed):
    assert listed.code == 0
    rows = listed.rows("plugin")
    assert {row["plugin"] for row in rows if row["failure"] is None} == FIRST_PARTY | WORKING
    assert {row["plugin"] for row in rows if row["failure"] is not None} == set(SKIPPED)
    assert len(listed.out.splitlines()) == len(rows)


def test_help_shows_every_command_of_the_others_and_none_of_the_broken(curator):
    ran = curator("--help")
    assert ran.code == 0
    commands = set(re.findall(r"^  ([a-z][\w-]*)  ", ran.out, re.MULTILINE))
    assert {"add", "similar", "classify", "count", "wander"} <= commands
    assert not {"also-of-taken", "optional", "parametric", "defaulting"} & commands


def test_texts_are_added_and_embedded_with_the_default_encoder(added, folder):
    assert added.code == 0
    assert (added.row("added")["added"], added.row("added")["encoded"]) == (TEXTS, TEXTS)
    assert (folder / "workspace/catalogue.db").exists()


def test_a_reader_that_fails_at_every_source_costs_no_other_reader_its_own(added):
    lines = [line for line in added.err.splitlines() if "sick-reader" in line]
    assert lines == [
        "plugin 'sick-reader' (sick 2.0.1) failed at matching with sheet: ZeroDivisionError: division by zero: left out"
    ]


def test_after_all_that_failed_the_rest_works_on(sick, curator):
    ran = curator("similar", "--text", "text number 3 is about cats and dogs", "-k", "2", "--json")
    assert ran.code == 0
    assert [row["rank"] for row in ran.rows("neighbour")] == [1, 2]
    ran = curator("similar", "--text", "a" * 40, "-e", "lengths", "-k", "1", "--json")
    assert (ran.code, len(ran.rows("neighbour"))) == (0, 1)
    ran = curator("count", "--json")
    assert (ran.code, [json.loads(line) for line in ran.out.splitlines()]) == (0, [{"items": TEXTS, "kind": "total"}])


def test_what_is_printed_and_where_it_moves_to_is_nobody_elses_concern(curator, folder, added):
    ran = curator("wander", "--json")
    assert ran.code == 0
    # After the first row the plan had moved to /.
    assert [row["folder"] for row in ran.rows("here")] == ["/", str(folder.resolve())]
    assert len(ran.out.splitlines()) == 2
    assert set(NOISE) | {line.replace("at import", "at work") for line in NOISE} <= set(ran.err.splitlines())


# --- the broken are named -----------------------------------------------------------------------------


@pytest.mark.parametrize("plugin", SKIPPED)
def test_a_plugin_that_cannot_be_loaded_is_one_line(listed, plugin):
    distribution, version, _, reason = SKIPPED[plugin]
    (ours,) = {row["version"] for row in listed.rows("plugin") if row["distribution"] == "curator-agent"}
    says = f"plugin '{plugin}' ({distribution} {version}) was skipped: {reason.replace('{version}', ours)}"
    lines = [line for line in listed.err.splitlines() if line.startswith(f"plugin '{plugin}' ")]
    assert lines == [f"{says} (curator plugins --traceback {plugin})"]


@pytest.mark.parametrize("name", SICK)
def test_a_plugin_that_fails_at_work_is_one_line_and_the_run_is_on_record(sick, name):
    ran, states = sick
    doing, reason, wrote = SICK[name]
    plugin = "sick-encoders" if name in ENCODERS else "sick-actions"
    assert (ran[name].code, ran[name].out) == (6, "")
    lines = [line for line in ran[name].err.splitlines() if not re.match("plugin .* was skipped: |loading ", line)]
    assert lines == [*NOISE, f"Error: plugin '{plugin}' (sick 2.0.1) failed at {doing} {name}: {reason}"]
    assert states.get(name) == ("failed" if wrote else None)


def test_metadata_of_others_that_cannot_be_read_costs_only_its_own(tmp_path):
    site = Site(tmp_path / "site", tmp_path)
    site.path.mkdir()
    for name in ("malformed", "undecodable", "sound"):
        site.lay(name, action(f"of-{name}"))
    (site.path / "malformed-1.0.dist-info/entry_points.txt").write_text("[console_scripts]\nno equals sign\n")
    (site.path / "undecodable-1.0.dist-info/entry_points.txt").write_bytes(b"[curator]\n\xff = x\n")
    ran = site.run("plugins", "--json")
    assert ran.code == 0
    assert {row["plugin"] for row in ran.rows if row["failure"] is None} == FIRST_PARTY | {"sound"}
    lines = ran.err.splitlines()
    assert len(lines) == 2
    reason = "its entry_points.txt cannot be read, so nothing of it is loaded: "
    for name in ("malformed", "undecodable"):
        assert [line for line in lines if line.startswith(f"plugin '{name}' ({name} 1.0) was skipped: {reason}")], lines


# --- mutants: without its isolation, the tests above would fail ---------------------------------------

# What replaces a part: (how, the command, its exit code, what it then writes to stdout or stderr).
MUTANTS = {
    "the loader of pluggy": (
        "loader.load_plugins = lambda **told: pluggy.PluginManager('curator').load_setuptools_entrypoints('curator')",
        ["plugins", "--json"],
        (1, "", r"no licence|bye"),
    ),
    "no containment": (
        "loader._contain_side_effects = contextlib.nullcontext",
        ["wander", "--json"],
        (3, "printed at import", "no workspace at /workspace"),
    ),
    "no containment at work": (
        "loader.load_plugins()\nloader._contain_side_effects = contextlib.nullcontext",
        ["wander", "--json"],
        (0, r'(?s)printed at work.*"folder": "/".*"folder": "/"', ""),
    ),
    "no stdout of its own": (
        "cli._keep_stdout = lambda: None",
        ["plugins", "--json"],
        (0, "written at import\nsaid by another process at import\n", ""),
    ),
    "no guard at work": (
        "loader._attribute_errors = lambda origin, doing: contextlib.nullcontext()",
        ["plan-exits", "--json"],
        (1, "", "enough$"),
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_without_a_part_of_the_isolation_they_break_something(site, folder, added, mutant):
    change, command, (code, out, err) = MUTANTS[mutant]
    loading = "import contextlib, pluggy\nfrom curator import cli\nfrom curator.registry import loader"
    program = f"{loading}\n{change}\ncli.main()"
    ran = Site(site, folder).run(*command, code=program)
    assert ran.code == code
    assert re.search(out, ran.out)
    assert re.search(err, ran.err)
