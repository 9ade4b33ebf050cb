from __future__ import annotations

import fakes
import pytest


@pytest.fixture(autouse=True)
def counts():
    fakes.counts.clear()
    return fakes.counts


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


@pytest.fixture
def ws(tmp_path):
    with fakes.open_fake(tmp_path / "workspace") as workspace:
        yield workspace
