"""The pages for plugin authors say what the code does."""

from __future__ import annotations

import importlib.util
import inspect
import re
import warnings
from pathlib import Path

import pytest

from curator import api, kit
from curator.registry import hookspecs
from curator.registry.loader import HOOKS

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")


def test_every_hook_is_documented_with_its_exact_signature():
    functions = [function for name, function in vars(hookspecs).items() if name.startswith("register_")]
    assert {function.__name__ for function in functions} == HOOKS.keys()
    for function in functions:
        assert f"def {function.__name__}{inspect.signature(function)}: ...".replace("'", "") in PAGE
    assert len(re.findall(r"^def register_\w+.*: \.\.\.$", PAGE, re.MULTILINE)) == len(functions)
    # The example of a plugin has one, too.
    assert set(re.findall(r"^def (register_\w+)", PAGE, re.MULTILINE)) == HOOKS.keys(), "a hook that is no more"


@pytest.mark.parametrize(
    "spec",
    [api.EncoderSpec, api.HeadSpec, api.MetricSpec, api.ActionSpec, api.ReaderSpec, api.CheckSpec, api.ExporterSpec],
)
def test_every_kind_of_spec_is_documented_with_the_functions_it_names(spec):
    (row,) = re.findall(rf"^\| `{spec.__name__}` .*$", PAGE, re.MULTILINE)
    for name, hint in inspect.get_annotations(spec).items():
        if "Callable" in hint:
            assert f"`{name}(" in row, name


def test_the_list_of_checks_is_current():
    found = importlib.util.spec_from_file_location("contract", ROOT / "docs" / "contract.py")
    assert found and found.loader
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    assert module.generated() == PAGE, "run: python docs/contract.py"


def test_the_example_of_the_kit_is_the_plugin_that_is_tested():
    (path, code), *others = re.findall(r"<!-- example: (\S+) -->\n\n```python\n(.*?)```\n", PAGE, re.DOTALL)
    assert not others
    assert code == (ROOT / path).read_text(encoding="utf-8")


def test_the_table_of_the_kit_is_that_of_the_package():
    rows = [row.replace("| `", "| `curator.kit.", 1) for row in re.findall(r"^\| `.*$", kit.__doc__, re.MULTILINE)]
    assert rows and all(f"\n{row}\n" in PAGE for row in rows)


def test_an_old_name_works_and_says_once_what_to_write(monkeypatch):
    monkeypatch.setitem(api._RENAMED, "Row0", ("Row", "0.3"))
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("default")
        for _ in range(3):
            from curator.api import Row0  # type: ignore[attr-defined]
    assert Row0 is api.Row
    assert [(str(one.message), one.category) for one in seen] == [
        ("curator.api.Row0 is now Row, and goes with curator 0.3: write Row", FutureWarning)
    ]
    assert seen[0].filename == __file__


def test_a_misspelt_name_is_none():
    with pytest.raises(ImportError, match="Encoderspec"):
        from curator.api import Encoderspec  # type: ignore[attr-defined]  # noqa: F401
    assert not hasattr(api, "nothing")


def test_names_that_are_to_go_lead_to_names_that_are_there():
    assert all(new in api.__all__ and old not in api.__all__ for old, (new, _) in api._RENAMED.items())
