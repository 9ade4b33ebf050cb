"""Plugins that fail while they are loaded: each is skipped alone, whole, with one line that names it.

All the broken distributions lie on the path together, with one that is good: what is tested of each is tested in
the company of the others. (What happens when a plugin fails at work: `test_plugin_failures.py`.)
"""

from __future__ import annotations

import contextlib
import importlib
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pluggy
import pytest
from plugin_kit import FIRST_PARTY, Site, action, encoder, hook

from curator.registry import hookspecs, loader
from curator.registry.loader import GROUP, HOOKS, Registry, load_plugins

VERSION = "1.2.3"

# Entry point: (module, what the reason says).
BROKEN = {
    "import-error": ("import nowhere_to_be_found", "ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
    "syntax-error": ("def (:", r"SyntaxError: .*syntax_error_dist\.py"),
    "exit-at-import": ("import sys; sys.exit('bye')", r"called sys\.exit\(bye\)"),
    "panic-at-import": ("class Panic(BaseException): ...\nraise Panic('deep down')", "Panic: deep down"),
    "unreadable-error": (
        "class Mute(Exception):\n    def __str__(self): raise RuntimeError\nraise Mute()",
        "Mute: its message cannot be read",
    ),
    "exit-in-error": (
        "class Leaving(Exception):\n    def __str__(self): raise SystemExit(1)\nraise Leaving()",
        "Leaving: its message cannot be read",
    ),
    "own-value-error": ("raise ValueError(5)", "ValueError: 5"),
    "no-hook": ("def register_encoders(): return []", "implements no hook: .*register_encoders with @hookimpl"),
    "raise-in-hook": (hook("register_heads", "1 / 0"), "ZeroDivisionError: division by zero"),
    "raise-in-generator": (
        "@hookimpl\ndef register_heads():\n    yield HeadSpec('h', 's', len)\n    raise OSError('half')",
        "OSError: half",
    ),
    "misspelt-hook": (
        encoder("e").replace("register_encoders", "register_encoder"),
        "did you mean 'register_encoders'",
    ),
    "wrong-signature": (encoder("e").replace("_encoders()", "_encoders(surplus)"), "register_encoders.*'surplus'"),
    "returns-none": (hook("register_encoders", "None"), "register_encoders returned None, not a list of EncoderSpec"),
    "returns-one": (
        hook("register_heads", "HeadSpec('h', 's', len)"),
        "register_heads returned HeadSpec, not a list of HeadSpec",
    ),
    "returns-strings": (hook("register_readers", "['folder']"), "register_readers gave str 'folder', not ReaderSpec"),
    "another-kind": (hook("register_encoders", "[HeadSpec('h', 's', len)]"), "'h': gave HeadSpec .*, not EncoderSpec"),
    "subclass": (
        "class Mine(EncoderSpec): pass\n" + encoder("e").replace("[EncoderSpec(", "[Mine("),
        "'e': gave a subclass of EncoderSpec, not EncoderSpec",
    ),
    "load-not-callable": (encoder("e", load="None"), "'e': EncoderSpec: load is None, not callable"),
    "summary-missing": (encoder("e", summary="None"), "'e': EncoderSpec: summary is None, not str"),
    "modality-unknown": (
        encoder("e", modalities="('sound',)"),
        r"modalities is tuple \('sound',\), not tuple",
    ),
    "modality-bare": (encoder("e", modalities="'text'"), "modalities is str 'text', not tuple"),
    "modality-none": (encoder("e", modalities="()"), "modalities is empty"),
    "batches-of-none": (encoder("e", batch_size="0"), "batch_size is less than 1"),
    "head-of-no-examples": (hook("register_heads", "[HeadSpec('h', 's', len, least=0)]"), "least is less than 1"),
    "name-with-colon": (encoder("a:b"), "a name is lower-case letters"),
    "table-is-text": (action("a", tables="('rows',)"), r"ActionSpec: tables is tuple \('rows',\), not tuple\[Table"),
    "column-style": (
        action("a", tables="(Table('k', 'K', (Column('c', 'c', 'bold'),)),)"),
        "Column: style is str 'bold', not Literal",
    ),
    "column-kind": (
        action("a", tables="(Table('k', 'K', (Column('kind', 'c'),)),)"),
        "'a': a column is called 'kind'",
    ),
    "params-no-dataclass": (
        hook("register_actions", "[ActionSpec('a', 's', dict, len)]"),
        "'a': params must be a dataclass, not <class 'dict'>",
    ),
    "param-type": (action("a", "x: list = None"), "field 'x' is of type <class 'list'>, which cannot become an option"),
    "param-unions": (action("a", "x: int | str = 1"), "field 'x' has more than one type"),
    "param-unreadable": (action("a", "x: 'Nowhere' = 1"), "annotations of Params cannot be read: .*'Nowhere'"),
    "param-flag": (action("a", "x: Annotated[int, Option('x')] = 1"), "'x' is not a short option"),
    "param-flags-clash": (
        action("a", "x: Annotated[int, Option('-k')] = 1\n    y: Annotated[int, Option('-k')] = 1"),
        "two fields of Params become -k",
    ),
    "param-default": (action("a", "x: int | None = '5'"), "field 'x': the default '5' is not a whole number"),
    "param-defaults": (action("a", "x: tuple[str, ...] = 'ab'"), "field 'x': the default 'ab' is not a tuple of texts"),
    "param-bounds": (
        action("a", "x: Annotated[str, Option(min=1)] = 'a'"),
        "field 'x' is not a number, so it has no min",
    ),
    "param-choices": (action("a", "x: Annotated[str, Option(choices='ab')] = 'a'"), "Option: choices is str 'ab'"),
    "param-upper-case": (action("a", "X: Annotated[str, Argument()] = ''"), "field 'X' cannot become an option"),
    "param-two-queries": (action("a", "x: Query = None\n    y: Query = None"), "more than one Query"),
    "param-two-of-several": (
        action("a", "x: Annotated[tuple[Query, ...], Argument()] = ()\n    y: Query = None"),
        "more than one Query",
    ),
    "param-instead": (
        action("a", "x: Annotated[tuple[Query, ...], Argument(instead=('z',))]"),
        "has no field 'z', which may stand for 'x'",
    ),
    "param-workspace": (action("a", "workspace: str = ''"), "field 'workspace' takes --workspace, which curator keeps"),
    "param-action": (action("a", "action: str = ''"), "field 'action' takes action, which curator keeps"),
    "param-core-flag": (action("a", "x: Annotated[str, Option('-w')] = ''"), "field 'x' takes -w, which curator keeps"),
    "name-of-ours": (
        encoder("ngram") + action("name-of-ours"),
        r"offers the encoder 'ngram', which plugin 'ngram' \(curator-agent .*\) already offers",
    ),
    "same-twice": (encoder("e") + hook("register_heads", "[HeadSpec('h', 's', len)] * 2"), "offers the head 'h' twice"),
    "second-twin": (
        encoder("twin") + action("second-twin"),
        rf"offers the encoder 'twin', which plugin 'first-twin' \(first-twin-dist {VERSION}\) already offers",
    ),
}

WORKING = {
    "first-twin": encoder("twin"),
    "noisy": "print('noise at import')\nimport os; os.chdir('/')\n" + action("noise"),
    "zz-last": encoder("last") + action("last", "k: Annotated[int, Option('-k')] = 1\n    words: str = ''"),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    site = Site(tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("folder"))
    # Laid in an order that is not that of the names: only sorting makes it deterministic which twin wins.
    for name, source in sorted([*((n, s) for n, (s, _) in BROKEN.items()), *WORKING.items()], reverse=True):
        site.lay(f"{name}-dist", source, version=VERSION, entry=name)
    return site


@pytest.fixture(scope="module")
def listed(site):
    return site.run("plugins", "--json")


@pytest.fixture(scope="module")
def helped(site):
    return site.run("--help")


# --- in a fresh process, through the real command -----------------------------------------------------


def test_everything_else_works_among_broken_plugins(listed, helped):
    working = {row["plugin"] for row in listed.rows if row["failure"] is None}
    assert working == FIRST_PARTY | set(WORKING)
    assert listed.code == helped.code == 0
    assert {"similar", "last", "noise"} <= set(helped.out.split())
    assert not {"a", "name-of-ours", "second-twin"} & set(re.findall(r"^  (\S+)", helped.out, re.MULTILINE))


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plugin_is_named_with_its_reason_in_one_line(listed, helped, name):
    (row,) = [row for row in listed.rows if row["plugin"] == name]
    assert re.search(BROKEN[name][1], row["failure"])
    assert (row["distribution"], row["version"], row["offers"]) == (f"{name}-dist", VERSION, [])
    for ran in (listed, helped):
        (line,) = [line for line in ran.err.splitlines() if f"plugin '{name}'" in line.split("skipped")[0]]
        assert line.startswith(f"plugin '{name}' ({name}-dist {VERSION}) was skipped: {row['failure']}")
        assert f"curator plugins --traceback {name}" in line


def test_what_plugins_print_stays_out_of_stdout(listed):
    assert [row["kind"] for row in listed.rows] == ["plugin"] * len(listed.rows)
    assert listed.err.splitlines().count("noise at import") == 1


def test_the_working_folder_is_still_the_users_after_loading(site):
    (site.folder / "note.txt").write_text("a note")
    ran = site.run("add", "note.txt", "--no-encode")
    assert ran.code == 0
    assert (site.folder / "workspace/catalogue.db").exists()


@pytest.mark.parametrize(
    ("name", "line"), [("import-error", "import nowhere_to_be_found"), ("raise-in-hook", "ZeroDivisionError")]
)
def test_the_traceback_is_shown_on_request(site, name, line):
    ran = site.run("plugins", "--traceback", name)
    assert ran.code == 0
    assert "Traceback (most recent call last)" in ran.out
    assert f"{name.replace('-', '_')}_dist.py" in ran.out
    assert line in ran.out


def test_the_traceback_of_a_plugin_that_did_not_fail_is_not_found(site):
    ran = site.run("plugins", "--traceback", "import-eror")
    assert ran.code == 3
    assert "did you mean 'import-error'?" in ran.err


def test_a_half_removed_distribution_is_named_as_far_as_it_can_be(tmp_path):
    site = Site(tmp_path, tmp_path)
    site.lay("half", encoder("half"))
    (tmp_path / "half-1.0.dist-info/METADATA").unlink()
    (row,) = [row for row in site.run("plugins", "--json").rows if row["plugin"] == "half"]
    assert row["distribution"] == "unknown distribution"
    assert row["offers"] == ["encoder half"]


# --- mutants: without a guard, the tests above would fail ---------------------------------------------


@pytest.fixture
def installed(site, monkeypatch) -> Iterator[list[metadata.EntryPoint]]:
    """The entry points of the site and our own, to be loaded in this process; afterwards it is as it was."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(site.path))
    monkeypatch.chdir(site.folder)
    yield list(metadata.entry_points(group=GROUP))
    for name in set(sys.modules) - before:
        if name.endswith("_dist"):
            del sys.modules[name]


def assert_refused(registry: Registry, name: str) -> None:
    (failure,) = [failure for failure in registry.failures if failure.origin.entry_point == name]
    assert re.search(BROKEN[name][1], failure.reason)
    assert name not in [plugin.origin.entry_point for plugin in registry.plugins]


MUTANTS = {
    "_refuse_unknown_hooks": (lambda manager, plugin: None, ["misspelt-hook", "no-hook"]),
    "_validate_spec": (
        lambda hook, kind, spec: spec,
        ["load-not-callable", "subclass", "param-default", "modality-bare"],
    ),
    "CORE_OPTIONS": (frozenset(), ["param-workspace", "param-core-flag", "param-action"]),
    "_load_order": (lambda pair: pair[1].entry_point == "first-twin", ["second-twin"]),
    "OWN_DISTRIBUTION": ("somebody-else", ["name-of-ours"]),
}


@pytest.mark.parametrize("part", MUTANTS)
def test_without_a_part_of_the_loader_something_gets_through(installed, monkeypatch, part):
    replacement, names = MUTANTS[part]
    registry = load_plugins(installed)
    for name in names:
        assert_refused(registry, name)
    monkeypatch.setattr(loader, part, replacement)
    registry = load_plugins(installed)
    for name in names:
        with pytest.raises((AssertionError, ValueError)):
            assert_refused(registry, name)


def test_without_containment_a_plugin_prints_and_moves_the_process(installed, monkeypatch, capsys, site):
    load_plugins(installed)
    assert "noise" not in capsys.readouterr().out
    assert Path.cwd() == site.folder.resolve()
    del sys.modules["noisy_dist"]
    monkeypatch.setattr(loader, "_contain_side_effects", contextlib.nullcontext)
    load_plugins(installed)
    assert "noise" in capsys.readouterr().out
    assert Path.cwd() == Path("/")


@pytest.mark.parametrize("name", ["import-error", "exit-at-import", "wrong-signature"])
def test_plain_pluggy_stops_at_the_first_plugin_that_cannot_be_loaded(tmp_path, monkeypatch, name):
    with pytest.raises((ImportError, SystemExit, pluggy.PluginValidationError)):
        plain_pluggy(tmp_path, monkeypatch, name)


@pytest.mark.parametrize(
    "name", ["raise-in-hook", "returns-none", "misspelt-hook", "name-of-ours", "load-not-callable"]
)
def test_plain_pluggy_loses_everything_or_lets_it_pass(tmp_path, monkeypatch, name):
    manager = plain_pluggy(tmp_path, monkeypatch, name)
    if name == "raise-in-hook":
        with pytest.raises(ZeroDivisionError):
            manager.hook.register_heads()
    else:
        offered = [spec.name for hook in HOOKS for specs in getattr(manager.hook, hook)() for spec in specs]
        assert {"ngram", "similar"} <= set(offered)


def plain_pluggy(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> pluggy.PluginManager:
    """The variant of the loader that pluggy offers, with one broken distribution installed."""
    module = f"plain_{name.replace('-', '_')}"
    Site(folder, folder).lay(module, BROKEN[name][0])
    monkeypatch.syspath_prepend(str(folder))
    importlib.invalidate_caches()
    manager = pluggy.PluginManager("curator")
    manager.add_hookspecs(hookspecs)
    manager.load_setuptools_entrypoints(GROUP)
    return manager
