"""Whatever a file holds, reading it ends soon, in what it holds or in one reason; nothing else ever comes out."""

from __future__ import annotations

import os
import random
from collections import Counter

import hostile
import pytest

SEED = int(os.environ.get("CURATOR_TESTS_SEED", "1"))

SECONDS = 5.0
"""Of the processor, for one file; a sound one of these takes milliseconds."""


def read_picture(path):
    from curator.api import Preprocess
    from curator.kit.images import Unreadable, thumbnail
    from curator.media import decode, preprocessing
    from curator.media.content import examine
    from curator.media.files import BadContent

    preprocess = Preprocess(32, 32, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    ways = (
        lambda: examine(str(path), "image"),
        lambda: preprocessing.pixels(path, preprocess),
        lambda: preprocessing.framed(path, preprocess),
        lambda: decode.picture(path, None),
        lambda: decode.picture(path, 64),
        lambda: thumbnail(path, 20, 20),
    )
    return [_reason(way, BadContent, Unreadable) for way in ways]


def read_text(path):
    from curator.media.content import examine
    from curator.media.files import BadContent

    return [_reason(lambda: examine(str(path), "text"), BadContent)]


def read_table(path):
    from curator_plugins.readers import table

    from curator.api import ReadOptions, Row, Skipped
    from curator.errors import BadInput

    def rows():
        for entry in table.read(path, ReadOptions(lambda folder: False)):
            assert isinstance(entry, Row) or (isinstance(entry, Skipped) and entry.line is not None)

    columns = lambda: table.columns(path, ReadOptions(lambda folder: False))  # noqa: E731
    return [_reason(columns, BadInput), _reason(rows, BadInput)]


def read_weights(path):
    from curator.errors import BadInput
    from curator.kit.weights import read_tensors

    return [_reason(lambda: read_tensors(path), BadInput)]


def _reason(read, *allowed):
    """Why it cannot be read; empty where it can."""
    try:
        read()
    except allowed as error:
        assert str(error).strip() and "\n" not in str(error), repr(error)
        return str(error)
    return ""


KINDS = {
    "pictures": (hostile.pictures, read_picture),
    "texts": (hostile.texts, read_text),
    "tables": (hostile.tables, read_table),
    "weights": (hostile.weights, read_weights),
}


def passed(folder, kind, count, seed):
    """What came out of the door that should not, of so many mutations: how often, by what it was."""
    sound, read = KINDS[kind][0](), KINDS[kind][1]
    found = Counter()
    for name, data in hostile.damaged(sound, count, seed):
        path = hostile.written(folder, name, data)
        try:
            with hostile.within(SECONDS):
                read(path)
        except BaseException as error:
            found[f"{name}: {type(error).__name__}: {error}"[:150]] += 1
        path.unlink()
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_sound_files_are_read(tmp_path, kind):
    sound, read = KINDS[kind][0](), KINDS[kind][1]
    reasons = {name: read(hostile.written(tmp_path, name, data)) for name, data in sound.items()}
    # Latin-1 is no encoding that is told, and a row of brackets no object.
    wrong = {name: said for name, said in reasons.items() if any(said) and not name.startswith("latin-1")}
    assert wrong == {}


@pytest.mark.parametrize(("kind", "count"), [("pictures", 300), ("texts", 150), ("tables", 150), ("weights", 100)])
def test_damaged_files_become_reasons(tmp_path, kind, count):
    assert passed(tmp_path, kind, count, seed=1) == {}


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "count"), [("pictures", 3000), ("texts", 1000), ("tables", 1500), ("weights", 600)])
def test_many_damaged_files_become_reasons(tmp_path, kind, count):
    assert passed(tmp_path, kind, count, seed=random.Random(f"{SEED} {kind}").randrange(1 << 30)) == {}
