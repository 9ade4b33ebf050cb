"""The public surface: complete, sorted, documented; and the names that the core keeps for itself."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import types
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated

import click
import pytest

from curator import api, errors, kit, testing
from curator.api import ActionSpec, Argument, Column, ItemSet, NewFile, Query, Table
from curator.cli import cli
from curator.cli.build import command_of
from curator.kit import (
    copies,
    devices,
    downloads,
    finetuning,
    graph,
    images,
    linear_head,
    onnx,
    onnx_encoder,
    sheets,
    torch_encoder,
    torch_network,
    weights,
)
from curator.registry import hookspecs
from curator.registry.loader import CORE_OPTIONS, HOOKS
from curator.testing import actions, encoders, exporters, heads, metrics, plugin, readers, specimen

API = [
    *(api, api.actions, api.data, api.encoders, api.exporters, api.heads),
    *(api.metrics, api.outputs, api.params, api.readers, api.tables),
]
KIT = [actions, encoders, exporters, heads, metrics, plugin, readers, specimen]
AUTHORS = [
    *(devices, downloads, finetuning, graph, images, linear_head, onnx, onnx_encoder),
    *(torch_encoder, torch_network, weights),
]
DOCUMENTED = [*API, errors, hookspecs, kit, copies, sheets, *AUTHORS, *KIT]


def public(module: types.ModuleType) -> dict[str, str | None]:
    """The public names that a module defines, outside `if TYPE_CHECKING:`, with their documentation."""
    found: dict[str, str | None] = {}
    body = ast.parse(Path(str(module.__file__)).read_text()).body
    for node, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found[node.name] = ast.get_docstring(node)
            if isinstance(node, ast.ClassDef):
                methods = [part for part in node.body if isinstance(part, ast.FunctionDef)]
                found |= {f"{node.name}.{method.name}": ast.get_docstring(method) for method in methods}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            below = following.value if isinstance(following, ast.Expr) else None
            text = below.value if isinstance(below, ast.Constant) and isinstance(below.value, str) else None
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id: text for target in targets if isinstance(target, ast.Name)}
    return {name: text for name, text in found.items() if not any(part.startswith("_") for part in name.split("."))}


@pytest.mark.parametrize("modules", [API, [errors]], ids=lambda modules: modules[0].__name__)
def test_all_is_sorted_and_complete(modules):
    named = modules[0].__all__
    assert named == sorted(named, key=lambda name: (not name.isupper(), name)), "constants first, as ruff wants it"
    assert set(named) == {name for module in modules for name in public(module) if "." not in name}
    assert all(hasattr(modules[0], name) for name in named)


def test_the_kit_gives_what_it_names():
    assert testing.__all__ == sorted(testing.__all__)
    assert all(inspect.getdoc(getattr(testing, name)) for name in testing.__all__)


@pytest.mark.parametrize("module", DOCUMENTED, ids=lambda module: module.__name__)
def test_every_public_name_is_documented(module):
    assert [name for name, text in public(module).items() if not text and name != "hookspec"] == []
    assert module.__doc__


ROOMS = [(room, one.name) for room in (copies, images) for one in pkgutil.iter_modules(room.__path__)]


@pytest.mark.parametrize(("room", "name"), ROOMS, ids=[name for _, name in ROOMS])
def test_what_a_module_of_copies_and_of_images_gives_is_listed_and_documented(room, name):
    module = importlib.import_module(f"{room.__name__}.{name}")
    assert module.__all__ == sorted(module.__all__, key=lambda name: (not name.isupper(), name)) != []
    assert [one for one in module.__all__ if not public(module).get(one)] == []
    (row,) = re.findall(rf"^\| `{name}` \| (.+) \|$", room.__doc__, re.MULTILINE)
    assert row


@pytest.mark.parametrize("room", [copies, images], ids=["copies", "images"])
def test_the_table_of_a_room_names_no_module_that_is_not_there(room):
    listed = re.findall(r"^\| `(\w+)` ", room.__doc__, re.MULTILINE)
    assert set(listed) == {module.name for module in pkgutil.iter_modules(room.__path__)}


@pytest.mark.parametrize(
    "name",
    [
        "EncoderSpec",
        "HeadSpec",
        "MetricSpec",
        "ActionSpec",
        "ReaderSpec",
        "CheckSpec",
        "ExporterSpec",
        "Resolved",
        "ReadOptions",
    ],
)
def test_the_fields_that_a_plugin_fills_in_are_explained(name):
    kind = getattr(api, name)
    plain = {"name", "summary", "modalities", "tables", "example", "dim", "params", "preprocess"}
    unexplained = [field.name for field in fields(kind) if field.name not in plain and field.name not in kind.__doc__]
    assert unexplained == []


def test_every_hook_is_a_documented_spec_that_the_loader_calls():
    declared = {name for name, value in vars(hookspecs).items() if hasattr(value, "curator_spec")}
    assert declared == set(HOOKS)
    for name, kind in HOOKS.items():
        signature = inspect.signature(getattr(hookspecs, name))
        assert (list(signature.parameters), signature.return_annotation) == ([], f"Iterable[{kind.__name__}]")


# --- what the core keeps for itself -------------------------------------------------------------------


def test_no_action_can_take_an_option_that_its_command_has_already():
    @dataclass(frozen=True)
    class Params:
        query: Annotated[Query, Argument()]
        among: ItemSet = ItemSet()
        out: NewFile | None = None

    table = Table("row", "Rows", (Column("path", "where", "picture"),))
    both = {"moves_files": True, "asks": True}
    command = command_of(ActionSpec("mine", "s", Params, lambda context, params: iter(()), (table,), **both))
    options = [option for option in command.params if isinstance(option, click.Option)]
    spelt = {flag for option in options for flag in option.opts} | set(cli.context_settings["help_option_names"])
    assert spelt - {"--out"} == {word for word in CORE_OPTIONS if word.startswith("-")}
    own = {"out", "no_images"}  # the field of this action; a name that its option keeps free
    assert {option.name for option in options} - own <= {word.removeprefix("--") for word in CORE_OPTIONS}


# --- errors -------------------------------------------------------------------------------------------


def drawn(docstring: str) -> Iterator[tuple[str, int, str | None]]:
    """(class, exit code, parent) of each line of the tree in a docstring."""
    above: dict[int, str] = {}
    for line in docstring.splitlines():
        if match := re.match(r"(?P<branch>[ │├└─]*)(?P<name>[A-Z]\w+) +(?P<code>\d+) ", line):
            depth = len(match["branch"])
            parent = next((above[level] for level in sorted(above, reverse=True) if level < depth), None)
            above[depth] = match["name"]
            yield match["name"], int(match["code"]), parent


def test_the_tree_of_errors_is_as_drawn():
    classes = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    actual = {
        (kind.__name__, kind.exit_code, None if kind is errors.CuratorError else kind.__base__.__name__)
        for kind in classes
    }
    assert set(drawn(errors.__doc__)) == actual
    own = [code for _, code, parent in actual if parent == "CuratorError" and code != errors.CuratorError.exit_code]
    codes = [errors.CuratorError.exit_code, *own]  # others are cases of these
    assert len(set(codes)) == len(codes)


def test_the_drawing_is_read_with_its_depth():
    """The mutant of the test above: a class in another place, or with another code, is another tree."""
    tree = "Base  1  x\n├── Left  2  x\n│   └── Deep  3  x\n└── Right  4  x\n"
    assert list(drawn(tree)) == [("Base", 1, None), ("Left", 2, "Base"), ("Deep", 3, "Left"), ("Right", 4, "Base")]
