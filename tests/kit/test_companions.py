"""What lies beside a picture and belongs to it, by names alone."""

from __future__ import annotations

import pytest

from curator.kit.companions import Neighbourhood


@pytest.fixture
def beside(tmp_path):
    """Lays files and says what belongs to one of them: its own, and what it shares."""

    def beside(names, of, without=()):
        for name in names.split():
            (tmp_path / name).touch()
        gone = [str(tmp_path / name) for name in without]
        found = Neighbourhood().of(tmp_path / of, gone)
        return [one.path.name for one in found.own], [one.path.name for one in found.shared]

    return beside


@pytest.mark.parametrize(
    ("names", "of", "own", "shared"),
    [
        ("a.jpg a.txt b.txt a.jpg.xmp b.jpg.xmp", "a.jpg", ["a.jpg.xmp", "a.txt"], []),
        ("a.jpg a.png a.txt a.png.xmp", "a.png", ["a.png.xmp"], ["a.txt"]),
        ("a.jpg a.CR2 a.xmp a.CR2.xmp", "a.jpg", ["a.CR2", "a.CR2.xmp", "a.xmp"], []),
        ("a.jpg a.CR2 a.xmp", "a.CR2", ["a.jpg", "a.xmp"], []),
        ("a.jpg a.heic a.mov", "a.jpg", [], ["a.mov"]),  # two pictures of one name: neither has the film alone
        ("a.png a.mov", "a.png", ["a.mov"], []),
        ("a.jpg a.jgw a.psd a.srt a.NPZ", "a.jpg", ["a.NPZ", "a.jgw", "a.psd", "a.srt"], []),
        ("a.jpg a.png a.csv a.jpg.npy", "a.jpg", ["a.jpg.npy"], ["a.csv"]),
        ("img_1.jpg IMG_1.TXT", "img_1.jpg", ["IMG_1.TXT"], []),
        ("a.jpg a.txt A.jpg A.txt", "a.jpg", ["a.txt"], []),
        (
            "a.jpg a.jpg.json a.jpg.supplemental-metadata.json",
            "a.jpg",
            ["a.jpg.json", "a.jpg.supplemental-metadata.json"],
            [],
        ),
        ("a(1).jpg a.jpg a.jpg(1).json a.jpg.json", "a(1).jpg", ["a.jpg(1).json"], []),
        ("a.jpg.jpg a.jpg a.jpg.txt", "a.jpg", ["a.jpg.txt"], []),
        ("a.txt a.json a.jpg", "a.txt", [], []),
    ],
)
def test_by_stem_and_by_whole_name(beside, names, of, own, shared):
    assert beside(names, of) == (own, shared)


def test_what_is_shared_belongs_to_the_last_one(beside):
    assert beside("a.jpg a.png a.txt", "a.png", without=["a.jpg"]) == (["a.txt"], [])


def test_links_and_folders_belong_to_nothing(beside, tmp_path):
    (tmp_path / "a.xmp").mkdir()
    (tmp_path / "a.json").symlink_to("b.json")
    assert beside("a.jpg b.json", "a.jpg") == ([], [])


def test_whose_a_file_is(tmp_path):
    for name in ("a.jpg", "a.txt", "b.jpg", "b.jpg.xmp", "c.jpg", "c.nef", "alone.txt"):
        (tmp_path / name).touch()
    owners = Neighbourhood().owners
    found = {name: [path.name for path in owners(tmp_path / name)] for name in ("a.txt", "b.jpg.xmp", "c.nef", "c.jpg")}
    assert found == {"a.txt": ["a.jpg"], "b.jpg.xmp": ["b.jpg"], "c.nef": ["c.jpg"], "c.jpg": ["c.nef"]}
    assert owners(tmp_path / "alone.txt") == owners(tmp_path / "nowhere" / "a.txt") == []
