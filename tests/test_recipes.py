"""The recipes, run literally on the data that they are about: same commands, same structure of what comes out."""

from __future__ import annotations

import csv
import importlib.util
import re
from pathlib import Path

import pytest
from test_readme import skeleton

_spec = importlib.util.spec_from_file_location("recipes", Path(__file__).parent.parent / "docs" / "recipes.py")
assert _spec and _spec.loader
recipes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(recipes)

PAGE = recipes.PAGE.read_text(encoding="utf-8")
COMMANDS = [pair for block in recipes.tour.BLOCK.findall(PAGE) for pair in recipes.tour.commands(block)]


@pytest.mark.slow
def test_followed_in_an_empty_folder(tmp_path):
    recipes.make(tmp_path)
    said = {}
    for command, shown in COMMANDS:
        code, said[command] = recipes.tour.run(command, tmp_path)
        assert code == 0, f"{command}\n{said[command]}"
        assert skeleton(said[command]) == skeleton(shown), f"$ {command}\n{said[command]}\n--- in the page:\n{shown}"
    # A probe without curator on what was exported, and curator's own head, on the same test side.
    trained = next(text for command, text in said.items() if command.startswith("curator train"))
    ours = float(re.search(r" accuracy +[\d.]+ +[\d.]+ +\d+ +([\d.]+)", trained)[1])
    theirs = float(re.search(r"[\d.]+(?= of)", said["python3 probe.py"])[0])
    assert abs(ours - theirs) <= 0.02
    # Each label that is wrong was found, and nothing else.
    suspects = next(text for command, text in said.items() if "audit --group mood" in command)
    assert len(re.findall("like another", suspects)) == 5
    # And what comes out says what is so.
    with (tmp_path / "cleaned" / "reviews.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    assert len(rows) == 206
    for row in rows:
        good = row["review"].partition(": ")[2].endswith(recipes.GOOD) or row["review"].endswith(recipes.GOOD)
        assert row["curator_mood"] == ("good" if good else "bad"), row
