"""What the trials share: scenes, another disk, and their long form, which is run by a flag alone."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest


def pytest_collection_modifyitems(items):
    """The slow ones are the long form: `CURATOR_RELIABILITY=long pytest tests/reliability`."""
    if os.environ.get("CURATOR_RELIABILITY") != "long":
        long = pytest.mark.skip(reason="the long form: CURATOR_RELIABILITY=long")
        for item in items:
            if item.path.parent.name == "reliability" and item.get_closest_marker("slow"):
                item.add_marker(long)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """Each made once, when first asked for."""
    made = {}

    def scene(name, workspace=None):
        import trials

        if (name, workspace) not in made:
            folder = tmp_path_factory.mktemp(name.replace(" ", "-"))
            made[name, workspace] = trials.scene(name, folder, workspace)
        return made[name, workspace]

    return scene


@pytest.fixture(scope="module")
def other_disk(tmp_path_factory):
    """A folder on another disk than the photos."""
    shared, here = Path("/dev/shm"), tmp_path_factory.getbasetemp()
    if not (shared.is_dir() and os.access(shared, os.W_OK) and shared.stat().st_dev != here.stat().st_dev):
        pytest.skip("there is no second disk here to move to")
    with tempfile.TemporaryDirectory(prefix="curator-", dir=shared) as folder:
        yield Path(folder)
