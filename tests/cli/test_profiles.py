"""Colour profiles from the command line: whose vectors they change, and that no others are made anew for them."""

from __future__ import annotations

import contextlib
import sqlite3

import cli_kit
import phone
import pytest
from PIL import Image

from curator.kit.images import thumbnail


def picture(seed):
    """Few colours, strong ones."""
    return Image.effect_noise((8, 8), 200).resize((96, 96)).point(lambda value: (value + 60 * seed) % 256)


@pytest.fixture
def photos(tmp_path):
    """A picture in Display P3, and others that have no profile, or sRGB's."""
    folder = tmp_path / "photos"
    folder.mkdir()
    image = Image.merge("RGB", [picture(seed) for seed in range(3)])
    image.save(folder / "a.png", icc_profile=phone.profile())
    image.rotate(90).save(folder / "b.png")
    return folder


def vectors(tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "workspace/derived.db")) as connection:
        return dict(connection.execute("SELECT hash, vector FROM vector"))


def as_before(tmp_path):
    """The cache as an earlier curator left it, with vectors of its own; returns what it gave all of them."""
    with contextlib.closing(sqlite3.connect(tmp_path / "workspace/derived.db")) as connection:
        length = connection.execute("SELECT length(vector) FROM vector").fetchone()[0]
        old = b"\0\0\x80\x3f" * (length // 4)
        connection.execute("UPDATE vector SET vector = ?", [old])
        connection.commit()
    cli_kit.earlier_cache(tmp_path / "workspace/derived.db", 5)
    return old


def test_the_vector_is_that_of_the_colours_that_are_meant(run, tmp_path, photos):
    thumbnail(photos / "a.png", 96, 96).save(photos / "c.png")  # in sRGB
    assert run("add", "photos").code == 0
    nearest = run("similar", "photos/a.png", "-k", "1", "--json").row("neighbour")
    assert nearest["path"].endswith("c.png") and nearest["score"] > 0.9999, nearest


@pytest.mark.parametrize("command", [("encode", "--json"), ("add", "photos", "--json")], ids=lambda words: words[0])
def test_of_an_earlier_workspace_only_what_changes_is_made_anew(run, tmp_path, photos, command):
    assert run("add", "photos").code == 0
    now, old = vectors(tmp_path), as_before(tmp_path)
    (changed,) = (row["value"] for row in run("show", "id:1", "--json").rows("fact") if row["fact"] == "sha256")
    done = run(*command)
    assert done.code == 0 and '"encoded": 1' in done.out, done
    assert {name: vector == old for name, vector in vectors(tmp_path).items()} == {
        name: name != changed for name in now
    }
    assert vectors(tmp_path)[changed] == now[changed]
    assert '"encoded": 1' not in run(*command).out  # asked once


def test_a_picture_that_is_away_is_looked_at_when_it_is_back(run, tmp_path, photos):
    assert run("add", "photos").code == 0
    as_before(tmp_path)
    photos.rename(tmp_path / "away")
    assert run("encode", "--json").row("encoded")["encoded"] == 0
    (tmp_path / "away").rename(photos)
    assert run("encode", "--json").row("encoded")["encoded"] == 1
