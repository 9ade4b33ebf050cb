"""The tests in an install without torch: what says that it needs torch is skipped, and all else runs.

A test file says so by importing torch, or a helper here that does, at its top, or by the marker `torch` in its
`pytestmark`; a single test by the marker. A test that says nothing and does not find torch fails: so the light install
is held to what it promises.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import re
from pathlib import Path

import pytest

TORCH = frozenset(["torch", "torchvision", "timm", "open_clip"])
HELPERS = Path(__file__).parent
WHY = "torch is not installed"


@functools.cache
def is_light() -> bool:
    """Whether torch is not installed here."""
    return importlib.util.find_spec("torch") is None


@functools.cache
def imports_torch(path: Path) -> bool:
    """Whether a file of tests, or a helper that it imports, imports torch or what needs it at its top."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
        elif isinstance(node, ast.Assign) and re.match(r"pytestmark\b.*\bmark\.torch\b", ast.unparse(node)):
            names.add("torch")
    helpers = [HELPERS / f"{name}.py" for name in names]
    return bool(names & TORCH) or any(imports_torch(helper) for helper in helpers if helper.is_file())


class NeedsTorch(pytest.Module):
    """A file of tests that is not imported."""

    def collect(self):
        pytest.skip(WHY, allow_module_level=True)
