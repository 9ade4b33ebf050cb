"""The names that modules for plugins had before: each goes on to work, and says where it is now."""

from __future__ import annotations

import importlib
import warnings

import pytest

from curator.kit.copies import vectors
from curator.testing import fresh

MOVED = {
    "checkpoints": ("weights", "read_tensors"),
    "compiling": ("onnx", "as_onnx"),
    "devices": ("devices", "has_bfloat16"),
    "finetuning": ("finetuning", "fine_tune"),
    "pictures": ("images", "opened"),
    "sheets": ("sheets", "Tile"),
    "splits": ("splits", "folds"),
}
"""The old module, the one of the kit, and a name in it."""

EACH = pytest.mark.parametrize("old", MOVED)


@EACH
def test_what_is_asked_of_an_old_module_is_that_of_the_new_one(old):
    new, name = MOVED[old]
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("default")
        module = importlib.import_module(f"curator.{old}")
        found = {getattr(module, name) for _ in range(3)}
    assert found == {getattr(importlib.import_module(f"curator.kit.{new}"), name)}
    (one,) = seen
    assert (one.category, one.filename) == (FutureWarning, __file__)
    assert str(one.message) == (
        f"curator.{old} is now curator.kit.{new}, and goes with curator 0.3: import {name} from there"
    )


@EACH
def test_every_public_name_is_to_be_had(old):
    new = importlib.import_module(f"curator.kit.{MOVED[old][0]}")
    module = importlib.import_module(f"curator.{old}")
    names = dict.fromkeys(getattr(new, "__all__", []), new)
    if old == "splits":
        names |= dict.fromkeys(["folds", "sample"], new)
        names |= dict.fromkeys(["comparable", "copies", "near_copies"], vectors)
    assert names
    with pytest.warns(FutureWarning):
        assert all(getattr(module, name) is getattr(home, name) for name, home in names.items())


def test_of_a_module_that_was_parted_each_name_leads_to_where_it_is():
    with pytest.warns(FutureWarning, match="is now curator.kit.copies.vectors, .*: import near_copies"):
        from curator.splits import near_copies  # type: ignore[attr-defined]
    assert near_copies is vectors.near_copies


@EACH
def test_a_name_that_neither_has_is_none(old):
    with pytest.raises(AttributeError, match=f"module 'curator.{old}' has no attribute 'nothing'"):
        importlib.import_module(f"curator.{old}").nothing  # noqa: B018


def test_as_plugins_wrote_it():
    with pytest.warns(FutureWarning, match="import opened from there"):
        from curator.pictures import opened  # type: ignore[attr-defined]
    from curator import sheets

    with pytest.warns(FutureWarning, match="import Sheet from there"):
        assert sheets.Sheet
    assert callable(opened)


def test_a_plugin_that_uses_one_is_quiet_at_import_all_the_same(tmp_path, monkeypatch):
    (tmp_path / "used_to.py").write_text("from curator.pictures import opened")
    (tmp_path / "warns.py").write_text("import warnings; warnings.warn('mine', FutureWarning)")
    monkeypatch.syspath_prepend(tmp_path)
    with fresh.folder() as here:
        assert fresh.run_task("imports", here, module="used_to")["printed"] == ""
        assert "mine" in fresh.run_task("imports", here, module="warns")["printed"]


@pytest.mark.parametrize(
    ("old", "new", "name"), [("reporting", "reporter", "Reporter"), ("asking", "running.dialogue", "Standing")]
)
def test_what_the_page_on_python_named_is_where_it_was_too(old, new, name):
    module = importlib.import_module(f"curator.core.{old}")
    with pytest.warns(FutureWarning, match=f"curator.core.{old} is now curator.{new}, "):
        assert getattr(module, name) is getattr(importlib.import_module(f"curator.{new}"), name)
