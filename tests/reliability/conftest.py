"""The long form of the trials, which is run by a flag alone."""

from __future__ import annotations

import os

import pytest


def pytest_collection_modifyitems(items):
    """The slow ones are the long form: `CURATOR_RELIABILITY=long pytest tests/reliability`."""
    if os.environ.get("CURATOR_RELIABILITY") != "long":
        long = pytest.mark.skip(reason="the long form: CURATOR_RELIABILITY=long")
        for item in items:
            if item.path.parent.name == "reliability" and item.get_closest_marker("slow"):
                item.add_marker(long)
