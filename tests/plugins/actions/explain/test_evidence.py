"""The map adds up to what the head says, and shows what was planted: through real heads and real encoders."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import open_fake, picture
from PIL import Image, ImageDraw, ImageFont

import curator
from curator.api import ImageBatch
from curator.media.preprocessing import pixels

COLOURS = {"red": (200, 60, 60), "blue": (60, 60, 200), "green": (60, 200, 60), "grey": (128, 128, 128)}


@pytest.fixture(scope="module")
def mosaic(tmp_path_factory):
    """A workspace with eight pictures of each of four colours, labelled as a group and one of them by itself too."""
    folder = tmp_path_factory.mktemp("mosaic")
    with open_fake(folder / "workspace", "mosaic") as ws:
        for name, colour in COLOURS.items():
            for number in range(8):
                picture(folder / "photos" / name / f"{number}.png", number, (70 + number, 60), colour)
        ws.add(folder / "photos", labels_from_folders=True, group="colour")
        ws.label("warm", [*(folder / "photos" / "red").iterdir()])
        ws.label("warm", [*(folder / "photos" / "blue").iterdir()], value=False)
        yield ws


def vector(ws, path):
    """The unit vector of a picture, by the encoder itself."""
    model = ws.models.find("mosaic")
    with ws.models.loaded(model) as (encoder, resolved):
        row = encoder.encode(ImageBatch(pixels(path, resolved.preprocess)[None]))
    return row / np.linalg.norm(row)


@pytest.mark.parametrize("head", ["logistic", pytest.param("mlp", marks=pytest.mark.torch)])
@pytest.mark.parametrize("target", [{"label": "warm"}, {"group": "colour"}], ids=["two classes", "four classes"])
def test_the_map_and_the_bias_add_up_to_what_the_head_says(mosaic, head, target):
    fitted = mosaic.train(**target, head=head)
    row_of_head = mosaic.training.heads.row(fitted)
    model, calibration = mosaic.training.heads.load_head(row_of_head), mosaic.training.heads.calibration(row_of_head)
    for column, name in enumerate(fitted.classes):
        if target == {"label": "warm"} and column == 0:
            continue  # only the label itself is explained
        more = {} if "label" in target else {"class_": name}
        for row in mosaic.run("explain", items={"under": mosaic.folder.parent / "photos"}, head=head, **target, **more):
            likely = model.predict(vector(mosaic, row["path"]))[0].astype(np.float64)
            others = np.delete(np.log(likely), column).mean()
            assert row["logit"] == pytest.approx(np.log(likely[column]) - others, abs=2e-3)
            assert np.mean(row["map"]) + row["bias"] == pytest.approx(row["logit"], abs=1e-4)
            assert row["probability"] == pytest.approx(calibration.apply(likely[None])[0, column], abs=1e-4)
            if head == "logistic":  # that of the head itself, whatever the picture
                bias = model.linear()[1]
                assert row["bias"] == pytest.approx(bias[column] - np.delete(bias, column).mean(), abs=1e-4)


def test_a_cell_that_points_where_the_whole_picture_does_changes_nothing(mosaic, tmp_path):
    """However bright: the vector keeps its direction, which is all that a head sees."""
    shades = np.full((64, 64, 3), 100, np.uint8)
    shades[:32] = 101
    Image.fromarray(shades).save(tmp_path / "even.png")
    (row,) = mosaic.run("explain", picture=tmp_path / "even.png", label="warm")
    cells = np.asarray(row["map"])
    assert np.ptp(cells) < 0.1 and np.allclose(cells.mean(), row["logit"] - row["bias"], atol=1e-4)


# --- what was planted, with the encoder that is installed ---


def cloudy(rng, width=480, height=360):
    """A picture whose frequencies are spread as in photos of nature (1 / f)."""
    x, y = np.fft.fftfreq(width)[None], np.fft.fftfreq(height)[:, None]
    fall = np.maximum(np.hypot(x, y), 1 / width) ** 1.2
    shared = rng.standard_normal((height, width))
    channels = []
    for _ in range(3):
        noise = np.fft.ifft2(np.fft.fft2(shared + 0.5 * rng.standard_normal((height, width))) / fall).real
        channels.append((noise - noise.mean()) / noise.std())
    return Image.fromarray(np.clip(128 + 45 * np.stack(channels, 2), 0, 255).astype(np.uint8))


def planted_ball(image, rng, size):
    """A white ball with dark spots anywhere in what the encoder sees, the middle 315 of 480 x 360; returns its box."""
    left, top = 83, 23
    x, y = (int(start + rng.integers(0, 315 - size)) for start in (left, top))
    pen = ImageDraw.Draw(image)
    pen.ellipse((x, y, x + size - 1, y + size - 1), (235, 235, 235))
    for angle in np.arange(6) * np.pi / 3:
        middle = x + size / 2 + 0.3 * size * np.cos(angle), y + size / 2 + 0.3 * size * np.sin(angle)
        pen.circle(middle, 0.09 * size, (20, 20, 20))
    return x, y, x + size, y + size


def planted_mark(image, rng, size):
    """A badge with letters in the lower right corner; returns its box."""
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size)
    x, y = int(380 - 5.2 * size + rng.integers(-6, 7)), int(325 - 1.6 * size + rng.integers(-6, 7))
    box = (x, y, round(x + 5.2 * size), round(y + 1.6 * size))
    pen.rounded_rectangle(box, 6, (200, 30, 40))
    pen.text(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2), "SHOP.NET", "white", font, "mm")
    return box


def overlap(a, b):
    """Intersection over union of two boxes."""
    width = max(0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0, min(a[3], b[3]) - max(a[1], b[1]))
    area = lambda box: (box[2] - box[0]) * (box[3] - box[1])  # noqa: E731
    return width * height / (area(a) + area(b) - width * height)


def explained(folder, plant, sizes, **options):
    """The rows of 24 planted pictures, half of which were labelled, with the true box of each; and what was said."""
    rng, boxes, said = np.random.default_rng(0), {}, []
    (folder / "photos").mkdir()
    for number in range(24):
        image = cloudy(rng)
        boxes[f"with{number}.png"] = plant(image, rng, sizes[number % len(sizes)])
        image.save(folder / "photos" / f"with{number}.png")
        cloudy(rng).save(folder / "photos" / f"without{number}.png")
    with curator.open_workspace(folder / "workspace", create=True) as ws:
        ws.reporter.say = said.append
        ws.add(folder / "photos")
        for name, value in (("with", True), ("without", False)):
            ws.label("thing", [folder / "photos" / f"{name}{number}.png" for number in range(12)], value=value)
        rows = ws.run("explain", label="thing", items={"under": folder / "photos"}, k=200, **options)
        ws.run("explain", label="thing", sheet=folder / "sheet.png", **options)
    return [(row["box"], boxes[row["path"].name], row) for row in rows if row["path"].name in boxes], said


@pytest.mark.slow
@pytest.mark.parametrize("head", ["logistic", pytest.param("mlp", marks=pytest.mark.torch)])
def test_boxes_lie_about_planted_objects(tmp_path, head):
    rows, said = explained(tmp_path, planted_ball, (120, 170, 220), head=head)
    assert len(rows) == 24
    overlaps = [overlap(found, planted) if found else 0.0 for found, planted, _ in rows]
    assert np.mean(overlaps) > 0.55 and np.min(overlaps) > 0.1
    assert not [line for line in said if "strongest region" in line], "they lie anywhere"


@pytest.mark.slow
@pytest.mark.parametrize("head", ["logistic", pytest.param("mlp", marks=pytest.mark.torch)])
def test_a_watermark_is_pointed_at_and_its_place_is_said(tmp_path, head):
    """It is an eightieth of the picture, on otherwise random ones."""
    rows, said = explained(tmp_path, planted_mark, (22,), head=head)
    hits = [found is not None and overlap(found, planted) > 0 for found, planted, _ in rows]
    assert np.mean(hits) > 0.9
    assert [line for line in said if "strongest region lies at the bottom right" in line]
