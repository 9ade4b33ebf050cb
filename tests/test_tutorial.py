"""The tutorial for plugins, followed literally: its files, its commands, the structure of what comes out."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
from test_readme import skeleton

ROOT = Path(__file__).parent.parent

_spec = importlib.util.spec_from_file_location("tutorial", ROOT / "docs" / "tutorial.py")
assert _spec and _spec.loader
tutorial = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tutorial)

PAGE = tutorial.PAGE.read_text(encoding="utf-8")
PARTS = list(tutorial.PARTS.finditer(PAGE))


def test_it_shows_a_whole_plugin_of_each_kind():
    files = [part["path"] for part in PARTS if part["path"]]
    kinds = ("encoder", "head", "action", "reader")
    assert files == [
        path for kind in kinds for path in (f"my-{kind}/my_{kind}.py", f"my-{kind}/tests/test_my_{kind}.py")
    ]
    assert len(files) == len(re.findall("^```python$", PAGE, re.MULTILINE)), "a block of code that no test writes"


@pytest.mark.slow
def test_followed_in_an_empty_folder(tmp_path):
    commands, folder = tutorial.environment(tmp_path / "environment"), tmp_path / "empty"
    folder.mkdir()
    for part in PARTS:
        if part["path"]:
            (folder / part["path"]).write_text(part["code"], encoding="utf-8")
            continue
        for command, shown in tutorial.tour.commands(part["block"]):
            code, output = tutorial.tour.run(command, folder, commands)
            assert code == 0, f"{command}\n{output}"
            assert skeleton(output) == skeleton(shown), f"$ {command}\n{output}\n--- in the tutorial:\n{shown}"
