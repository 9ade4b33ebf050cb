"""What the files here share; and their long form, hours of trials, which is run by a flag alone."""

from __future__ import annotations

import functools
import os

import cli_kit
import pytest


def pytest_collection_modifyitems(items):
    """The slow ones are the long form: `CURATOR_RELIABILITY=long pytest tests/reliability`."""
    if os.environ.get("CURATOR_RELIABILITY") != "long":
        long = pytest.mark.skip(reason="the long form: CURATOR_RELIABILITY=long")
        for item in items:
            if item.path.parent.name == "reliability" and item.get_closest_marker("slow"):
                item.add_marker(long)


@pytest.fixture
def run(tmp_path):
    """`run("status", ...)` in a folder of this test's own, which is where its workspace/ will be."""
    return functools.partial(cli_kit.curator, cwd=tmp_path)


@pytest.fixture(scope="session")
def obedient(tmp_path_factory):
    """`before=obedient`: file permissions hold for the command, also where the tests run as root."""
    if not cli_kit.permissions_hold(tmp_path_factory.mktemp("permissions")):
        pytest.skip("permissions do not hold for this user, and cannot be made to")
    return cli_kit.obey_permissions
