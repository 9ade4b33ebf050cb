"""What looks alike must not be called a copy, and what was only saved again must be: pairs drawn by seeds."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import zoo
from PIL import Image
from scenes import scene

from curator.kit.copies import close_look, image_copies, image_sketches, verification
from curator.media import decode

FEW, ALL = 2, 40
UNLIKE = 5_000


def sketched(path):
    """As `dedupe` has it: shown so that most is seen."""
    with decode.picture(path, image_copies.SKETCH.longest) as picture:
        data = image_copies.sketch(picture)
    if data == image_copies.NOT_PLAIN:
        with decode.picture(path, None) as picture:
            data = image_copies.whole_sketch(picture)
    return image_sketches.Sketch.read(data)


def level(one: Path, other: Path) -> str:
    """What the two are to each other."""
    found = verification.compare(sketched(one), sketched(other))
    if found is None or not found.convincing:
        return ""
    if not image_copies.upright_and_whole(found):
        return "edited"
    difference = close_look.difference(close_look.look(one), close_look.look(other), found.placement)
    return "copy" if difference is not None and difference.saved_again else "edited"


def called_copies(kind, folder, seeds):
    """Seeds of pairs that are taken for one, or for the same pixels."""
    found = []
    for seed in seeds:
        pair = zoo.pair(kind, seed)
        one, other = (zoo.saved(image, folder / f"{seed}-{side}", 2 * seed + side) for side, image in enumerate(pair))
        digests = []
        for path in (one, other):
            with decode.picture(path, None) as picture:
                digests.append(image_copies.digest(picture))
        if level(one, other) == "copy" or digests[0] == digests[1]:
            found.append(seed)
    return found


@pytest.mark.parametrize("kind", zoo.KINDS)
def test_twins_are_no_copies(tmp_path, kind):
    assert called_copies(kind, tmp_path, range(FEW)) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", zoo.KINDS)
def test_no_twins_are_copies(tmp_path, kind):
    assert called_copies(kind, tmp_path, range(FEW, ALL)) == []


@pytest.mark.slow
def test_unlike_pictures_are_neither_copies_nor_edited(tmp_path):
    pictures = [scene(seed, (300, 240)) for seed in range(60)]
    pictures += [image for kind in zoo.KINDS for seed in range(4) for image in zoo.pair(kind, 500 + seed)[:1]]
    kinds = ["scene"] * 60 + [kind for kind in zoo.KINDS for _ in range(4)]
    paths = [zoo.saved(image, tmp_path / f"{number}", number) for number, image in enumerate(pictures)]
    sketches = [sketched(path) for path in paths]
    numbers = range(len(paths))
    pairs = [(a, b) for a in numbers for b in numbers if a < b and (kinds[a], kinds[b]) != (kinds[a],) * 2]
    pairs += [(a, b) for a in range(60) for b in range(a)]
    chosen = random.Random(0).sample(pairs, UNLIKE)
    assert [
        pair for pair in chosen if (found := verification.compare(*(sketches[n] for n in pair))) and found.convincing
    ] == []


AGAIN = {
    "quality 50": (1.0, 0.0, 50),
    "quality 95": (1.0, 0.0, 95),
    "half": (0.5, 0.0, 90),
    "three quarters": (0.75, 0.0, 70),
    "double": (2.0, 0.0, 90),
    "cut": (1.0, 0.03, 90),
}
"""By how much it is scaled, which part is cut off, and the quality."""


@pytest.mark.parametrize("name", AGAIN)
def test_what_is_saved_again_is_a_copy(tmp_path, name):
    factor, cut, quality = AGAIN[name]
    for seed in (3, 11):
        image = scene(seed, (400, 300))
        image.save(tmp_path / "original.jpg", quality=92)
        left, top = round(400 * cut / 2), round(300 * cut / 2)
        size = round((400 - 2 * left) * factor), round((300 - 2 * top) * factor)
        box = (left, top, 400 - left, 300 - top)
        image.resize(size, Image.Resampling.LANCZOS, box).save(tmp_path / "again.jpg", quality=quality)
        assert level(tmp_path / "original.jpg", tmp_path / "again.jpg") == "copy"
