"""What holds for every test: how the processes are set up in which they run, and those that they start."""

from __future__ import annotations

import compileall
import functools
import gc
import os
import shutil
import sys
import tempfile
from collections import Counter

import curator_plugins
import light
import pytest
from hypothesis import settings

import curator

# Each test process has one core to itself. Left alone, the libraries of each start a thread for every core, and on
# small arrays those threads wait for each other longer than they work. Set before anything imports numpy or torch;
# what tests start inherits it. Tests that are about threads set their number themselves.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

# What makes or trusts a workspace is kept in the user's own folder: not that of who runs the tests.
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="curator-tests-state-")

# In CI the drawn examples are always the same, so that a change is not held up by what it has nothing to do with; what
# people run draws new ones each time, and is where a rare one is found.
settings.register_profile("ci", derandomize=True, database=None)

# The libraries leave a million objects that live as long as the process, and to look through them for cycles took a
# tenth of the time of all tests. What tests ask about is collected by name.
gc.set_threshold(100_000, 50, 100)

# Test modules are compiled once as well, and not by each worker of each run.
sys.dont_write_bytecode = False


def pytest_configure(config):
    """Byte code of curator itself, once and before the workers start, also where Python is told to write none."""
    if not hasattr(config, "workerinput"):
        for package in (curator, curator_plugins):
            for folder in package.__path__:
                compileall.compile_dir(folder, quiet=2)
    config.option.loadscopereorder = False  # files go to the workers in the order of the collection, which is below


def pytest_unconfigure():
    shutil.rmtree(os.environ["XDG_STATE_HOME"], ignore_errors=True)


def pytest_pycollect_makemodule(module_path, parent):
    """Without torch, files of tests that import it are passed over, with the reason."""
    if light.is_light() and light.imports_torch(module_path):
        return light.NeedsTorch.from_parent(parent, path=module_path)
    return None


def pytest_runtest_setup(item):
    if item.get_closest_marker("torch") and light.is_light():
        pytest.skip(light.WHY)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Files that take long go first, so that no worker is left alone with one of them at the end.

    What a test takes is guessed: a slow one twenty times as long as another, one of the command line three times.
    """
    takes = Counter()
    for item in items:
        takes[item.path] += 20 if item.get_closest_marker("slow") else 3 if item.path.parent.name == "cli" else 1
    items.sort(key=lambda item: (-takes[item.path], item.path))


@pytest.fixture(autouse=True)
def counts():
    import fakes  # with numpy, after the above

    fakes.counts.clear()
    return fakes.counts


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


@pytest.fixture
def ws(tmp_path):
    import fakes

    with fakes.open_fake(tmp_path / "workspace") as workspace:
        yield workspace


@pytest.fixture
def run(tmp_path):
    """`run("status", ...)` in a folder of this test's own, which is where its workspace/ will be."""
    import cli_kit

    return functools.partial(cli_kit.curator, cwd=tmp_path)


@pytest.fixture(scope="session")
def obedient(tmp_path_factory):
    """`before=obedient`: file permissions hold for the command, also where the tests run as root."""
    import cli_kit

    if not cli_kit.permissions_hold(tmp_path_factory.mktemp("permissions")):
        pytest.skip("permissions do not hold for this user, and cannot be made to")
    return cli_kit.obey_permissions
