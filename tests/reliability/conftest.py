from __future__ import annotations

import functools

import cli_kit
import pytest


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
