"""What an installation holds: setuptools cannot find packages by itself that have another name than their folder."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def packages() -> set[str]:
    """Each folder with a module, and those that it lies in."""
    found = set()
    for folder, package in (("curator", "curator"), ("plugins", "curator_plugins")):
        for module in (ROOT / folder).rglob("*.py"):
            parts = module.parent.relative_to(ROOT / folder).parts
            found |= {".".join([package, *parts[:number]]) for number in range(len(parts) + 1)}
    return found


def test_every_package_is_installed():
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    assert len(told) == len(set(told))
    assert set(told) == packages()
