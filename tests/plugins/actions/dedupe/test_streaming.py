"""What `dedupe` finds does not depend on how many items are in memory at once, and memory grows by ids alone."""

from __future__ import annotations

import random

import numpy as np
import pytest
from curator_plugins.actions.dedupe import gathering, measuring
from curator_plugins.actions.dedupe.gathering import packed
from fakes import open_fake, text
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageOps
from scenes import save, scene

from curator.kit.copies import image_copies, kept_sketches, neighbours, text_copies

MADE = {
    "smaller": lambda image: image.resize((180, 150), Image.Resampling.LANCZOS),
    "mirror": ImageOps.mirror,
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.3),
    "crop": lambda image: image.crop((20, 10, 344, 280)),
    "again": lambda image: image,
}


@pytest.fixture(scope="module")
def ws(tmp_path_factory):
    """Some hundred photos and texts, most of which are there in several forms, in files and as rows of a table."""
    folder, chance = tmp_path_factory.mktemp("items"), random.Random(1)
    for number in range(12):
        image = scene(number)
        for name, make in MADE.items():
            if chance.random() < 0.6:
                path = folder / f"photos-{number % 3}" / f"{number}-{name}.jpg"
                save(make(image), path, quality=chance.choice([60, 80, 90]))
        if number % 4 == 0:
            save(image, folder / "lossless" / f"{number}.png")
            save(image, folder / "lossless" / f"{number} (1).png")
            save(image, folder / "lossless" / f"{number}-large.png", compress_level=0)
    words = ["".join(chance.choices("abcdefghijklmnop", k=6)) for _ in range(60)]
    lines = []
    for number in range(60):
        body = chance.choices(words, k=14)
        for again in range(chance.randrange(1, 5)):
            if chance.random() < 0.7:
                body = [*body[:-1], chance.choice(words)]
            said = (" " if chance.random() < 0.7 else "  ").join(body)
            said = said.upper() if chance.random() < 0.3 else said
            lines.append(said) if again == 3 else text(folder / f"texts-{again}" / f"{number}.txt", said)
    (folder / "table.csv").write_text("body\n" + "".join(f'"{line}"\n' for line in lines))
    with open_fake(folder / "workspace", "histogram", "numbers") as workspace:
        workspace.add(*(folder / name for name in sorted(path.name for path in folder.glob("*-*"))), encode=False)
        workspace.add(folder / "lossless", encode=False)
        workspace.add(folder / "table.csv", text_column="body", encode=False)
        workspace.encode()
        yield workspace


BLOCKS = {
    gathering: ("AT_ONCE",),
    image_copies: ("AT_ONCE",),
    kept_sketches: ("AT_ONCE", "HELD"),
    measuring: ("HELD",),
    neighbours: ("AT_ONCE",),
    text_copies: ("AT_ONCE", "HELD"),
}


@pytest.mark.parametrize(
    "options",
    [{"include": ("near",), "keep": ("newest",)}, {"similar": True, "threshold": 0.5}, {"reference": True}],
    ids=["near", "similar", "reference"],
)
def test_what_is_found_in_blocks_of_seven_is_what_is_found_at_once(ws, monkeypatch, options):
    if "reference" in options:
        places = [place for item in ws.items.select() for place in [item.path] if place and "photos-1" in str(place)]
        options = {"reference": (str(places[0].parent),), "include": ("copy",)}
    whole = ws.run("dedupe", **options)
    assert {row["match"] for row in whole} >= {"exact", "same picture", "copy", "edited"} or "reference" in options
    for module, names in BLOCKS.items():
        for name in names:
            monkeypatch.setattr(module, name, 7)
    assert ws.run("dedupe", **options) == whole


KEYS = st.recursive(
    st.booleans() | st.integers() | st.text(alphabet=st.characters(codec="utf-8") | st.just("\0")) | st.just("\udcff"),
    lambda parts: st.lists(parts, max_size=4).map(tuple),
    max_leaves=8,
)


def alike(one):
    """Keys of the same kinds, as those of one order are."""
    if isinstance(one, tuple):
        return st.tuples(*map(alike, one)) | st.integers(0, len(one)).map(lambda count: one[:count])
    if isinstance(one, str):
        return st.text() | st.sampled_from([one, one + "\0", one[:-1]])
    return st.just(one) | (st.booleans() if isinstance(one, bool) else st.integers() | st.integers(-300, 300))


@given(KEYS.flatmap(lambda key: st.tuples(st.just(key), alike(key))))
def test_packed_keys_compare_as_keys_do(keys):
    one, other = keys
    assert (packed(one) < packed(other)) == (one < other) and (packed(one) == packed(other)) == (one == other)


def test_an_order_of_packed_keys_is_that_of_files():
    keys = [(False, -5, "a/b.jpg", (0, "x", 10)), (False, -5, "a/b.jpg", (0, "x", 9)), (False, -400, "a", ())]
    assert sorted(range(3), key=lambda at: packed(keys[at])) == sorted(range(3), key=keys.__getitem__)
    assert np.unique([len(packed(key)) for key in keys]).max() < 60
