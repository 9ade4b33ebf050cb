"""Variants of one text or photo never stand on both sides of a fold, whatever an encoder makes of them."""

from __future__ import annotations

import random

import numpy as np
import pytest
from fakes import open_fake, picture, text
from PIL import ImageEnhance, ImageOps
from scenes import scene
from sentences import SENTENCES

from curator import open_workspace
from curator.kit.copies import verification
from curator.learning import kinship


def saved(image, path, quality=90):
    image.convert("RGB").save(path, quality=quality)
    return path


def cropped(image, rng, part=0.8):
    width, height = round(part * image.width), round(part * image.height)
    left, top = rng.randint(0, image.width - width), rng.randint(0, image.height - height)
    return image.crop((left, top, left + width, top + height))


WAYS = {
    "saved again": lambda image, rng: image,
    "smaller": lambda image, rng: image.resize((image.width // 2, image.height // 2)),
    "brighter": lambda image, rng: ImageEnhance.Brightness(image).enhance(1.2),
    "cropped": cropped,
    "mirrored": lambda image, rng: ImageOps.mirror(image),
}


@pytest.fixture(scope="module")
def variants(tmp_path_factory):
    """12 pictures in six versions each: paths and which picture each is of."""
    folder, rng, made = tmp_path_factory.mktemp("variants"), random.Random(4), []
    for number in range(12):
        image = scene(rng.randrange(10**6))
        made.append((saved(image, folder / f"{number}.jpg", 95), number))
        for name, way in WAYS.items():
            made.append((saved(way(image, rng), folder / f"{number} {name}.jpg", rng.choice([50, 70, 85])), number))
    return folder, made


def of_picture(items, made):
    """Which picture each item is of."""
    of_path = {str(path): number for path, number in made}
    return np.asarray([of_path[str(item.path)] for item in items])


def assert_parted(groups, numbers):
    """Each picture is a group, and each group a picture."""
    assert len(set(zip(groups.tolist(), numbers.tolist(), strict=True))) == len(set(numbers.tolist()))
    assert len(set(groups.tolist())) == len(set(numbers.tolist()))


def test_variants_of_a_photo_are_kin_and_other_photos_are_none(tmp_path, variants):
    """In a space where they lie about together, and two photos at one place."""
    folder, made = variants
    with open_fake(tmp_path / "workspace") as ws:
        ws.add(folder, encode=False)
        items = ws.items.select()
        numbers = of_picture(items, made)
        rows = np.eye(11, 16, dtype=np.float32)[numbers % 11]
        rows += 0.05 * np.random.default_rng(0).standard_normal(rows.shape).astype(np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        found = ws.training.kinship.of(items, rows)
        assert_parted(found.groups, numbers)
        assert found.notes == ()


@pytest.mark.slow
def test_so_they_are_to_the_default_encoder(tmp_path, variants):
    folder, made = variants
    with open_workspace(tmp_path / "workspace", create=True) as ws:
        ws.add(folder)
        items, rows = ws.encoding.matrix(ws.models.find("efficientnet-lite0"), ws.items.select())
        assert_parted(ws.training.kinship.of(items, rows).groups, of_picture(items, made))


def test_pairs_are_compared_once(tmp_path, variants, monkeypatch):
    with open_fake(tmp_path / "workspace") as ws:
        ws.add(variants[0])
        items, rows = ws.encoding.matrix(ws.models.find("histogram"), ws.items.select())
        groups = ws.training.kinship.of(items, rows).groups
        monkeypatch.setattr(verification, "compare", lambda *_: pytest.fail("compared again"))
        assert ws.training.kinship.of(items, rows).groups.tolist() == groups.tolist()


def test_a_file_that_is_gone_is_no_fault(tmp_path):
    for number in range(6):
        picture(tmp_path / "photos" / f"{number}.png", number, (40, 30))
    with open_fake(tmp_path / "workspace") as ws:
        ws.add(tmp_path / "photos")
        items, rows = ws.encoding.matrix(ws.models.find("histogram"), ws.items.select())
        (tmp_path / "photos" / "3.png").unlink()
        assert len(set(ws.training.kinship.of(items, rows).groups.tolist())) == 6
        assert ws.derived.all_failures() == {}


def test_where_nearest_ones_are_no_kin_the_rest_is_not_compared(tmp_path, monkeypatch):
    monkeypatch.setattr(kinship, "FEW", 10)
    monkeypatch.setattr(kinship, "AT_ONCE", 10)
    for number in range(40):
        picture(tmp_path / "photos" / f"{number}.png", number, (40, 30))
    compared = []
    match = kinship.ImageCopies.match
    monkeypatch.setattr(kinship.ImageCopies, "match", lambda *ends: compared.append(ends) or match(*ends))
    with open_fake(tmp_path / "workspace") as ws:
        ws.add(tmp_path / "photos")
        items, rows = ws.encoding.matrix(ws.models.find("histogram"), ws.items.select())
        assert len(set(ws.training.kinship.of(items, rows).groups.tolist())) == 40
        assert len(compared) == 10


def test_far_more_pairs_than_can_be_compared_are_a_note(tmp_path, variants, monkeypatch):
    monkeypatch.setattr(kinship, "MOST", 5)
    monkeypatch.setattr(kinship, "AT_ONCE", 5)
    folder, made = variants
    with open_fake(tmp_path / "workspace") as ws:
        ws.add(folder, encode=False)
        items = ws.items.select()
        rows = np.eye(12, dtype=np.float32)[of_picture(items, made)]
        rows += np.float32(1e-3) * np.arange(len(rows), dtype=np.float32)[:, None]
        (note,) = ws.training.kinship.of(items, rows).notes
        assert note == "only the 5 nearest pairs of pictures were compared: copies may be missed"


MARKS = ["{}", "{}!", "{} ...", "« {} »", "({})", "{}?"]


@pytest.mark.parametrize("seed", [0, 1])
def test_labels_drawn_at_random_are_right_by_chance(tmp_path, seed):
    """40 texts in six versions each: who measures on versions of what was learnt is right nine times in ten."""
    rng = random.Random(seed)
    originals = rng.sample([text for of_language in SENTENCES.values() for text in of_language], 40)
    marked = {"yes": [], "no": []}
    with open_fake(tmp_path / "workspace") as ws:
        for number, original in enumerate(originals):
            label = rng.choice(["yes", "no"])
            for version, marks in enumerate(MARKS):
                path = tmp_path / "texts" / f"{number}-{version}.txt"
                changed = original.upper() if rng.random() < 0.3 else original
                marked[label].append(text(path, marks.format(changed.rstrip(".?!。？！"))))
        ws.add(tmp_path / "texts")
        ws.label("it", marked["yes"])
        ws.label("it", marked["no"], False)
        head = ws.train("it")
        assert head.metrics["items"] == 240 and head.metrics["balanced accuracy"] < 0.75
        assert not any("near-copies" in note for note in head.notes)


def test_versions_of_one_text_that_are_most_of_all_are_a_note(tmp_path):
    with open_fake(tmp_path / "workspace") as ws:
        texts = [text(tmp_path / "texts" / f"{number}.txt", body) for number, body in enumerate(SENTENCES["fr"])]
        texts += [text(tmp_path / "texts" / f"more {n}.txt", "!" * n + SENTENCES["fr"][0]) for n in range(1, 9)]
        ws.add(tmp_path / "texts")
        ws.label("it", [*texts[:5], *texts[10:]])
        ws.label("it", texts[5:10], False)
        (note,) = [note for note in ws.train("it").notes if "near-copies" in note]
        assert note.startswith("9 of 18 items are near-copies of one another, held out together: ")


def test_where_all_of_a_class_are_versions_of_one_nothing_is_measured(tmp_path):
    with open_fake(tmp_path / "workspace") as ws:
        texts = [text(tmp_path / "texts" / f"{number}.txt", "!" * number + SENTENCES["fr"][0]) for number in range(5)]
        texts += [text(tmp_path / "texts" / f"other {n}.txt", body) for n, body in enumerate(SENTENCES["fr"][1:])]
        ws.add(tmp_path / "texts")
        ws.label("it", texts[:5])
        ws.label("it", texts[5:], False)
        head = ws.train("it")
        assert head.metrics["items"] == 0
        assert "all examples of a class are copies of one another" in head.notes[0]
