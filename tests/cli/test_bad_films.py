"""Pictures of several pages or frames, damaged: each costs itself at most, in every command that decodes pictures."""

from __future__ import annotations

import contextlib
import functools
import os
import random

import cli_kit
import pytest
from cli_kit import FILMS, film, scan_with_a_damaged_second_page
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.kit.images import Unreadable, frames, opened, orientation, thumbnail, upright, whole
from curator.media import decode
from curator.media.files import BadContent

GOOD = ["a.jpg", "b.jpg"]


def damaged(data, seed):
    """Cut short, a stretch of it written over, or one byte."""
    chance, made = random.Random(seed), bytearray(data)
    at = chance.randrange(8, len(made))
    if seed % 3 == 0:
        return bytes(made[:at])
    length = 1 if seed % 3 == 1 else chance.choice([4, 64, 600])
    made[at : at + length] = chance.randbytes(len(made[at : at + length]))
    return bytes(made)


@pytest.fixture
def folder(tmp_path):
    """Good photos, one of which is there in another file, and every kind of film damaged in several ways."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for seed, name in enumerate(GOOD):
        cli_kit.photo(photos / name, seed, 64)
    (photos / "copy.jpg").write_bytes((photos / "a.jpg").read_bytes())
    scan_with_a_damaged_second_page(photos / "scan.tif")
    for kind, ending in FILMS.items():
        data = film(photos / f"good.{ending}", kind)
        for seed in range(6):
            (photos / f"{seed}.{ending}").write_bytes(damaged(data, seed))
    return photos


def reasons(run):
    return {
        os.path.basename(row["path"]): row["reason"] for row in run("status", "--problems", "--json").rows("problem")
    }


@pytest.mark.slow
def test_damaged_films_cost_no_other_file_in_any_command(run, folder):
    added = run("add", "photos", "--no-encode", "--json")
    assert added.code in (0, 5) and "Traceback" not in added.err, added
    ran = run("dedupe", "--json")
    assert ran.code in (0, 5) and "Traceback" not in ran.err, ran
    found = {os.path.basename(row["path"]): row["do"] for row in ran.rows("duplicate")}
    assert found.items() >= {"a.jpg": "keep", "copy.jpg": "go"}.items()
    assert "its further pages or frames cannot be read" in reasons(run)["scan.tif"]
    assert not {*GOOD, "copy.jpg", *(f"good.{ending}" for ending in FILMS.values())} & reasons(run).keys()
    for command in (["encode"], ["dedupe", "--json"], ["dedupe", "--sheet", "sheet.png"], ["check"], ["ls"]):
        ran = run(*command)
        assert ran.code in (0, 5) and "Traceback" not in ran.err, ran
    # An encoder sees the first page alone, whether or not the others were looked at before.
    similar = run("similar", "photos/scan.tif", "-k", "3", "--json")
    assert similar.code == 0 and len(similar.rows("neighbour")) == 3, similar


def test_a_scan_with_a_damaged_second_page_is_one_reason(run, tmp_path):
    scan_with_a_damaged_second_page(tmp_path / "scan.tif")
    cli_kit.photo(tmp_path / "good.jpg", 1)
    assert run("add", "--no-encode", "scan.tif").code == run("add", "--no-encode", "good.jpg").code == 0
    ran = run("dedupe")
    assert (ran.code, "Traceback" in ran.err) == (0, False), ran
    assert "its further pages or frames cannot be read" in reasons(run)["scan.tif"]


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    here = tmp_path_factory.mktemp("films")
    return here / "damaged", [film(here / f"film.{ending}", kind, size=16) for kind, ending in FILMS.items()]


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(FILMS) - 1), st.integers(0, 10**6))
def test_whatever_is_damaged_becomes_a_reason(films, kind, seed):
    """At the door of all decoding, and in what the core makes of it."""
    path, data = films
    path.write_bytes(damaged(data[kind], seed))
    for see in (frames, orientation, whole, functools.partial(upright, side=64)):
        with contextlib.suppress(Unreadable), opened(path) as image:
            see(image)
    with contextlib.suppress(Unreadable):
        thumbnail(path, 8, 8)
    with contextlib.suppress(BadContent):
        decode.header(str(path))
    for longest in (64, None):
        try:
            with decode.picture(path, longest):
                pass
        except BadContent as error:
            assert str(error) and "\n" not in str(error)
