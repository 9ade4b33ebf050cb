"""The layers of the design, held by reading the code; each rule is proven by a mutant that breaks it alone.

Imports count wherever they stand, at the top or inside a function, except below `if TYPE_CHECKING:`.
"""

from __future__ import annotations

import ast
import functools
import graphlib
import shutil
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILE_LINES, FUNCTION_LINES = 400, 60
ANYTHING = "*"

HEAVY = frozenset(
    [
        "torch",
        "torchvision",
        "open_clip",
        "timm",
        "sklearn",
        "scipy",
        "numpy",
        "PIL",
        "cv2",
        "rich",
        "sqlite_utils",
        "safetensors",
        "huggingface_hub",
    ]
)

# Which of curator's own modules, and which packages of others, a layer may import. `curator.version` is free to all.
LAYERS = {
    "curator": ("core plugins errors", ""),
    "curator.version": ("", ""),
    "curator.errors": ("", ""),
    "curator.api": ("errors api", "pluggy"),
    "curator.checkpoints": ("errors", "torch safetensors"),
    "curator.compiling": ("", "torch"),
    "curator.devices": ("errors", "torch"),
    "curator.finetuning": ("api errors", "numpy sklearn torch torchvision"),
    "curator.pictures": ("", "numpy PIL"),
    "curator.splits": ("", "numpy scipy sklearn"),
    "curator.sheets": ("api errors pictures sheets", "PIL"),
    "curator.contract": ("", ""),
    "curator.parameters": ("api contract errors", ""),
    "curator.hookspecs": ("api errors parameters", "pluggy"),
    "curator.plugins": ("api contract errors parameters hookspecs", "pluggy"),
    "curator.store": ("errors store", "sqlite_utils"),
    "curator.core": (
        "api contract devices errors finetuning parameters pictures splits store core",
        "cv2 filelock numpy PIL safetensors scipy sklearn",
    ),
    "curator.scaffold": ("errors", ""),
    "curator.cli": (
        "api contract errors parameters hookspecs pictures plugins scaffold store core testing cli",
        "click numpy rich",
    ),
    "curator.testing": ("api contract errors parameters hookspecs plugins store core testing", ANYTHING),
    "curator_plugins": ("api checkpoints compiling devices errors finetuning pictures sheets splits", ANYTHING),
}

SPEAKING = frozenset(
    [
        "print",
        "input",
        "exit",
        "quit",
        "SystemExit",
        "sys.exit",
        "os._exit",
        "click.echo",
        "click.secho",
        "click.prompt",
        "click.confirm",
    ]
)

# Migrations only ever grow.
LONGER = {"curator.store.migrations": 10_000}


@dataclass(frozen=True)
class Import:
    """An import as it is written; `top`: it is carried out when the module is imported."""

    source: str
    names: tuple[str, ...]
    line: int
    top: bool

    def modules(self, known: Collection[str]) -> Iterator[str]:
        """`from a import b` imports `a.b` where that is a module of the tree, else `a`."""
        inner = [f"{self.source}.{name}" for name in self.names]
        yield from dict.fromkeys(name if name in known else self.source for name in inner or [self.source])


@dataclass(frozen=True)
class Module:
    """One file of the tree: what the rules look at."""

    name: str
    path: str
    text: str
    imports: tuple[Import, ...]
    calls: tuple[tuple[str, int], ...]
    functions: tuple[tuple[str, int, int], ...]

    @property
    def layer(self) -> str:
        """Its row of the table: the longest that it lies in."""
        return max((layer for layer in LAYERS if within(self.name, layer)), key=len)


def within(name: str, package: str) -> bool:
    return name == package or (name.startswith(package + ".") and package != "curator")


def modules(root: Path) -> dict[str, Module]:
    found = [
        parsed(package, path.relative_to(root / folder), path.relative_to(root), path.read_text(encoding="utf-8"))
        for folder, package in (("curator", "curator"), ("plugins", "curator_plugins"))
        for path in sorted((root / folder).rglob("*.py"))
    ]
    return {module.name: module for module in found}


@functools.cache
def parsed(root_package: str, inner: Path, path: Path, text: str) -> Module:
    parts = [root_package, *inner.with_suffix("").parts]
    package, name = parts[:-1], [part for part in parts if part != "__init__"]
    tree = ast.parse(text)
    nodes = list(ast.walk(tree))
    calls = [(ast.unparse(node.func), node.lineno) for node in nodes if isinstance(node, ast.Call)]
    functions = [
        (node.name, node.lineno, (node.end_lineno or 0) - node.lineno + 1)
        for node in nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    imports = tuple(imported(tree, package, top=True))
    return Module(".".join(name), str(path), text, imports, tuple(calls), tuple(functions))


def imported(node: ast.AST, package: list[str], top: bool) -> Iterator[Import]:
    """The imports in a node of a module of `package`, by statement or by function."""
    if isinstance(node, ast.Import):
        yield from (Import(alias.name, (), node.lineno, top) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = package[: len(package) - node.level + 1] if node.level else []
        source = ".".join([*base, *([node.module] if node.module else [])])
        yield Import(source, tuple(alias.name for alias in node.names), node.lineno, top)
    elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
        yield from (Import(arg.value, (), node.lineno, top) for arg in node.args[:1] if isinstance(arg, ast.Constant))
    children = ast.iter_child_nodes(node)
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        children = iter(node.orelse)
    top = top and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    for child in children:
        yield from imported(child, package, top)


# --- the rules: each yields (module, line, what) ------------------------------------------------------

Complaints = Iterator[tuple[Module, int, str]]
Tree = dict[str, Module]
RULES: dict[str, Callable[[Tree], Complaints]] = {}


def rule(function: Callable[[Tree], Complaints]) -> Callable[[Tree], Complaints]:
    RULES[function.__name__.replace("_", " ")] = function
    return function


def all_imports(tree: Tree, top_only: bool = False) -> Iterator[tuple[Module, int, str]]:
    for module in tree.values():
        for statement in module.imports:
            if statement.top or not top_only:
                for target in statement.modules(tree):
                    yield module, statement.line, target


def own(name: str) -> bool:
    return name.split(".")[0] in ("curator", "curator_plugins")


def plugin_package(name: str) -> str:
    """The package of a plugin that is one, as `curator_plugins.actions.dedupe`, for each module of it but itself."""
    parts = name.split(".")
    return ".".join(parts[:3]) if parts[0] == "curator_plugins" and len(parts) > 3 else ""


@rule
def layers(tree: Tree) -> Complaints:
    """Each layer imports only what lies below it, and no plugin another; a plugin's own modules may use each other."""
    for module, line, target in all_imports(tree):
        allowed = ["curator.version", *(f"curator.{name}" for name in LAYERS[module.layer][0].split())]
        own_package = plugin_package(module.name) or module.name
        if within(target, own_package) and own_package.startswith("curator_plugins."):
            continue
        if own(target) and not any(within(target, name) for name in allowed):
            yield module, line, f"imports {target}"


@rule
def third_party(tree: Tree) -> Complaints:
    """Each layer imports only the libraries of its row."""
    for module, line, target in all_imports(tree):
        top, allowed = target.split(".")[0], LAYERS[module.layer][1]
        if not own(top) and top not in {*sys.stdlib_module_names, *allowed.split()} and allowed != ANYTHING:
            yield module, line, f"imports {target}"


@rule
def rich_only_in_render(tree: Tree) -> Complaints:
    for module, line, target in all_imports(tree):
        if module.layer == "curator.cli" and target.split(".")[0] == "rich" and module.name != "curator.cli.render":
            yield module, line, f"imports {target}"


@rule
def nothing_heavy_at_the_top(tree: Tree) -> Complaints:
    """Nor a module that may: those inside of a plugin's package, which its entry point imports when it is asked."""
    for module, line, target in all_imports(tree, top_only=True):
        heavy = target.split(".")[0] in HEAVY or plugin_package(target)
        if heavy and not plugin_package(module.name):
            yield module, line, f"imports {target} when it is imported itself"


@rule
def no_plugin_is_named(tree: Tree) -> Complaints:
    """The core finds plugins by their entry points alone; importing one breaks `layers`."""
    for module in tree.values():
        for number, line in enumerate(module.text.splitlines(), 1):
            if "curator_plugins" in line and "import " not in line and module.layer != "curator_plugins":
                yield module, number, "names curator_plugins"


@rule
def no_cycle(tree: Tree) -> Complaints:
    graph: dict[str, set[str]] = {name: set() for name in tree}
    for module, _, target in all_imports(tree, top_only=True):
        if target in tree and target != module.name:
            graph[module.name].add(target)
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        yield tree[error.args[1][0]], 1, f"cycle: {' -> '.join(error.args[1])}"


@rule
def only_the_command_line_speaks(tree: Tree) -> Complaints:
    """Printing, asking and exiting."""
    for module in tree.values():
        for called, line in module.calls:
            if called in SPEAKING and module.layer != "curator.cli":
                yield module, line, f"calls {called}"


@rule
def short_files(tree: Tree) -> Complaints:
    for module in tree.values():
        if (lines := len(module.text.splitlines())) > LONGER.get(module.name, FILE_LINES):
            yield module, lines, f"has {lines} lines"


@rule
def short_functions(tree: Tree) -> Complaints:
    for module in tree.values():
        for name, line, lines in module.functions:
            if lines > FUNCTION_LINES and module.name != "curator.store.migrations":
                yield module, line, f"{name} has {lines} lines"


def violations(root: Path) -> list[str]:
    """Every breach below `root`, as 'rule: path:line what'."""
    tree = modules(root)
    return [
        f"{name}: {module.path}:{line} {what}" for name, check in RULES.items() for module, line, what in check(tree)
    ]


# --- the tests ----------------------------------------------------------------------------------------


def test_the_tree_holds_the_layer_table():
    assert violations(ROOT) == []


def put(text: str) -> Callable[[str], str]:
    """Appended."""
    return lambda before: f"{before}\n\n{text}\n"


def inside(text: str) -> Callable[[str], str]:
    """Appended within a function."""
    return put(f"def _mutant():\n    {text}")


def top(text: str) -> Callable[[str], str]:
    """Put before everything but the docstring and `from __future__`."""
    future = "from __future__ import annotations\n"
    return lambda before: before.replace(future, f"{future}{text}\n", 1)


STATEMENTS = "\n".join(["    x = 1"] * 60)
LONG_FUNCTION = f"def _mutant():\n{STATEMENTS}"

MUTANTS = [
    ("layers", "curator/errors.py", inside("import curator.api")),
    ("layers", "curator/api/data.py", inside("from curator.parameters import bind")),
    ("layers", "curator/api/__init__.py", inside("import curator")),
    ("layers", "curator/pictures.py", inside("from curator.core import images")),
    ("layers", "curator/sheets/page.py", inside("from curator.core.images import pixels")),
    ("layers", "curator/parameters.py", inside("from curator import plugins")),
    ("layers", "curator/hookspecs.py", inside("from curator.store import objects")),
    ("layers", "curator/plugins.py", inside("import curator.core.workspace")),
    ("layers", "curator/scaffold/__init__.py", inside("from curator.plugins import NAME")),
    ("layers", "curator/store/objects.py", inside("from curator.api import Item")),
    ("layers", "curator/core/search.py", inside("import curator.cli")),
    ("layers", "curator/core/search.py", inside("from curator.plugins import load_plugins")),
    ("layers", "curator/core/search.py", inside("from .. import cli")),
    ("layers", "curator/core/search.py", inside("from curator_plugins.encoders import ngram")),
    ("layers", "curator/cli/text.py", inside("import curator_plugins.heads.mlp")),
    ("layers", "curator/cli/text.py", inside("import curator")),
    ("layers", "plugins/heads/mlp.py", inside("from curator.core import labels")),
    ("layers", "plugins/heads/mlp.py", inside("from curator.parameters import parameters")),
    ("layers", "plugins/heads/mlp.py", inside("from curator_plugins.heads import logistic")),
    ("layers", "plugins/heads/mlp.py", inside("from . import logistic")),
    ("layers", "plugins/heads/mlp.py", inside("from curator_plugins.actions.dedupe import stars")),
    ("layers", "plugins/actions/dedupe/stars.py", inside("from curator_plugins.actions import similar")),
    ("layers", "plugins/actions/dedupe/stars.py", inside("from curator.core import search")),
    ("third party", "curator/errors.py", inside("import click")),
    ("third party", "curator/api/data.py", inside("import numpy")),
    ("third party", "curator/plugins.py", inside("import click")),
    ("third party", "curator/store/objects.py", inside("import numpy")),
    ("third party", "curator/core/search.py", inside("import torch")),
    ("third party", "curator/core/search.py", inside("import importlib; importlib.import_module('rich.text')")),
    ("rich only in render", "curator/cli/items.py", inside("from rich.table import Table")),
    ("nothing heavy at the top", "plugins/heads/mlp.py", top("import torch")),
    (
        "nothing heavy at the top",
        "plugins/heads/mlp.py",
        top("try:\n    from torch import nn\nfinally: ..."),
    ),
    ("nothing heavy at the top", "curator/core/search.py", top("import numpy as np")),
    ("nothing heavy at the top", "plugins/actions/dedupe/__init__.py", top("import numpy as np")),
    (
        "nothing heavy at the top",
        "plugins/actions/dedupe/__init__.py",
        top("from curator_plugins.actions.dedupe import stars"),
    ),
    ("nothing heavy at the top", "curator/cli/render.py", put("class _Mutant:\n    import rich")),
    ("nothing heavy at the top", "curator/store/sqlite.py", top("import sqlite_utils")),
    ("no plugin is named", "curator/core/models.py", put("_MUTANT = 'curator_plugins.encoders.ngram'")),
    ("no cycle", "curator/core/metrics.py", top("from curator.core import training")),
    ("no cycle", "curator/store/sqlite.py", top("from curator.store import catalogue")),
    ("only the command line speaks", "curator/core/search.py", inside("print(1)")),
    ("only the command line speaks", "plugins/heads/mlp.py", inside("input('?')")),
    ("only the command line speaks", "curator/store/objects.py", inside("import sys; sys.exit(1)")),
    ("only the command line speaks", "plugins/actions/similar.py", inside("import click; click.echo('x')")),
    ("only the command line speaks", "curator/plugins.py", inside("raise SystemExit(1)")),
    ("short files", "plugins/heads/mlp.py", put("\n" * FILE_LINES)),
    ("short functions", "curator/core/search.py", put(LONG_FUNCTION)),
]


def test_every_rule_has_a_mutant():
    assert {name for name, _, _ in MUTANTS} == set(RULES)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    root = tmp_path_factory.mktemp("tree")
    for folder in ("curator", "plugins"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return root


@pytest.fixture(scope="module")
def before(copy):
    """What is wrong with the copy as it is; each test puts back what it changed."""
    return violations(copy)


@pytest.mark.parametrize(("name", "path", "mutate"), MUTANTS, ids=lambda value: None if callable(value) else value)
def test_a_mutant_breaks_exactly_its_rule(copy, before, name, path, mutate):
    file = copy / path
    text = file.read_text()
    try:
        file.write_text(mutate(text))
        complaints = [complaint for complaint in violations(copy) if complaint not in before]
    finally:
        file.write_text(text)
    assert {complaint.partition(":")[0] for complaint in complaints} == {name}
    assert all(f" {path}:" in complaint for complaint in complaints if name != "no cycle")


def test_what_only_a_type_checker_imports_is_free(copy, before):
    file = copy / "curator/errors.py"
    text = file.read_text()
    try:
        typing = put("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import curator.cli\n    import torch")
        file.write_text(typing(text))
        assert violations(copy) == before
    finally:
        file.write_text(text)
