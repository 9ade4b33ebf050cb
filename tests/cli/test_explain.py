"""`curator explain` as a person uses it, on an encoder of somebody else that has feature maps."""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import sqlite3
import subprocess
import sys

import numpy as np
import pytest
from cli_kit import environment, kind_of
from PIL import Image
from plugin_kit import Site, hook

MOSAIC = """
import time

class Plain:
    def encode(self, batch):
        return self.cells(batch).mean(axis=(1, 2))

    def cells(self, batch):
        import numpy as np

        fields = batch.pixels.reshape(len(batch.pixels), 3, 7, 8, 7, 8).mean(axis=(3, 5))
        return np.ascontiguousarray(np.concatenate([fields, 1 - fields], axis=1).transpose(0, 2, 3, 1), np.float32)

    def close(self):
        pass

class Mosaic(Plain):
    feature_map = Plain.cells

class Flat(Plain):
    def feature_map(self, batch):
        return self.encode(batch)

class Slow(Plain):
    def feature_map(self, batch):
        print("mapping", file=__import__("sys").stderr, flush=True)
        time.sleep(30)

class Fine(Plain):
    def feature_map(self, batch):
        import numpy as np

        fields = batch.pixels.reshape(len(batch.pixels), 3, 14, 4, 14, 4).mean(axis=(3, 5))
        return np.ascontiguousarray(fields.transpose(0, 2, 3, 1), np.float32)

def resolve_deep(variant, weights):
    seen = Preprocess(64, 56, (0.0,) * 3, (1.0,) * 3)
    return Resolved(3, "fine", seen) if variant == "fine" else Resolved(6, "", seen)

def load_deep(resolved, device): return Fine() if resolved.variant == "fine" else Mosaic()

def layers(variant): return {"fine": "fine", "last": ""}

DEEP = EncoderSpec("deep", ("image",), "fields of colour, finer ones first", resolve_deep, load_deep, layers=layers)

def resolve(variant, weights):
    return Resolved(6, preprocess=Preprocess(64, 56, (0.0,) * 3, (1.0,) * 3))

def spec(kind):
    load = globals()["load_" + kind.__name__]
    return EncoderSpec(kind.__name__.lower(), ("image",), "fields of colour", resolve, load)

def load_Plain(resolved, device): return Plain()
def load_Mosaic(resolved, device): return Mosaic()
def load_Flat(resolved, device): return Flat()
def load_Slow(resolved, device): return Slow()
""" + hook("register_encoders", "[DEEP, *(spec(kind) for kind in (Plain, Mosaic, Flat, Slow))]")

MEANS = """
class Means:
    def __init__(self, params): pass
    def fit(self, vectors, targets, classes, seed):
        self.means = __import__("numpy").stack([vectors[targets == target].mean(axis=0) for target in range(classes)])
    def predict(self, vectors):
        import numpy as np
        scores = np.exp(20 * vectors @ self.means.T)
        return (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32)
    def state(self): return {"means": self.means}
    def restore(self, state): self.means = state["means"]
""" + hook("register_heads", "[HeadSpec('means', 'nearest mean', Means)]")

SPOT, WIDTH, HEIGHT = 24, 120, 96


def spotted(path, seed, colour=(230, 20, 20), at=None, **save):
    """Grey-green noise with a spot of one colour; returns its box."""
    rng = np.random.default_rng(seed)
    pixels = np.clip(rng.normal((90, 120, 100), 12, (HEIGHT, WIDTH, 3)), 0, 255).astype(np.uint8)
    # Within what the encoder sees: 84 pixels of 96, in the middle.
    x, y = at or (int(rng.integers(20, 100 - SPOT)), int(rng.integers(8, 88 - SPOT)))
    pixels[y : y + SPOT, x : x + SPOT] = colour
    Image.fromarray(pixels).save(path, **save)
    return x, y, x + SPOT, y + SPOT


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A workspace with ten pictures of a red spot, ten of a blue one, and a text."""
    folder = tmp_path_factory.mktemp("explain")
    for name in ("site", "folder", "folder/photos"):
        (folder / name).mkdir()
    site = Site(folder / "site", folder / "folder")
    site.lay("mosaic", MOSAIC)
    site.lay("means", MEANS)
    photos = site.folder / "photos"
    for number in range(10):
        spotted(photos / f"red{number}.png", number)
        spotted(photos / f"blue{number}.png", 50 + number, (20, 20, 230))
    (photos / "note.txt").write_text("a note")
    data = (photos / "red0.png").read_bytes()
    (photos / "damaged.png").write_bytes(data[: len(data) // 2])
    spotted(photos / "gone.png", 99)
    assert site.run("add", "photos", "--no-encode").code in (0, 5)
    assert site.run("label", "red", *(f"photos/red{number}.png" for number in range(10))).code == 0
    assert site.run("label", "red", "--negative", *(f"photos/blue{number}.png" for number in range(10))).code == 0
    for name, spot in (("warm", "red"), ("cold", "blue")):
        files = [f"photos/{spot}{number}.png" for number in range(4)]
        assert site.run("label", name, "--group", "tint", *files).code == 0
    assert site.run("label", "rare", "photos/red1.png").code == 0
    assert site.run("label", "red", "photos/gone.png").code == 0
    assert site.run("encode", "-e", "mosaic").code in (0, 5)
    (photos / "gone.png").unlink()
    return site


@pytest.fixture
def explain(whole):
    def run(*args, encoder="mosaic"):
        return whole.run("explain", *args, *(["-e", encoder] if encoder else []))

    return run


def overlap(a, b):
    """Intersection over union of two boxes."""
    width = max(0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0, min(a[3], b[3]) - max(a[1], b[1]))
    area = lambda box: (box[2] - box[0]) * (box[3] - box[1])  # noqa: E731
    return width * height / (area(a) + area(b) - width * height)


def failed(ran, code, *words):
    """Held to its exit code and to a last line that says all of `words`."""
    line = ran.err.splitlines()[-1]
    assert ran.code == code and line.startswith("Error: ") and "Traceback" not in ran.err, ran
    assert [word for word in words if word not in line] == [], line


def calibrated(folder, logit):
    """The percentage is calibrated, by two numbers that lie with the head; the logit is what the head itself says."""
    with contextlib.closing(sqlite3.connect(folder / "workspace" / "catalogue.db")) as catalogue:
        (found,) = catalogue.execute("SELECT calibration FROM head ORDER BY id DESC LIMIT 1").fetchone()
    scale, shift = json.loads(found)
    return 1 / (1 + math.exp(-scale * logit - shift))


def test_a_new_picture_gets_a_box_around_what_speaks_for_the_label(whole, explain):
    box = spotted(whole.folder / "new.png", 123)
    (row,) = explain("new.png", "--label", "red", "--json").rows
    assert overlap(row["box"], box) > 0.4
    assert (row["label"], row["id"], row["path"]) == ("red", None, "new.png")
    assert row["probability"] > 0.5
    assert np.mean(row["map"]) + row["bias"] == pytest.approx(row["logit"], abs=1e-4)
    assert calibrated(whole.folder, row["logit"]) == pytest.approx(row["probability"], abs=1e-3)
    assert row["frame"] == pytest.approx([18, 6, 102, 90]) and row["size"] == [WIDTH, HEIGHT]


def test_a_picture_whose_sides_do_not_fit_the_grid_gets_a_frame_of_fractions(whole, explain):
    spotted(whole.folder / "odd.png", 123)
    with Image.open(whole.folder / "odd.png") as picture:
        picture.resize((67, 47)).save(whole.folder / "odd.png")
    (row,) = explain("odd.png", "--label", "red", "--json").rows  # held to what is described
    assert any(side != int(side) for side in row["frame"])


def test_the_box_is_that_of_the_picture_as_it_is_seen_also_if_it_was_stored_lying(whole, explain):
    exif = Image.Exif()
    exif[0x0112] = 6  # stored turned by a quarter to the left
    x, y, right, bottom = spotted(whole.folder / "lying.png", 5, at=(22, 10), exif=exif)
    (row,) = explain("lying.png", "--label", "red", "--json").rows
    assert row["size"] == [HEIGHT, WIDTH]
    assert overlap(row["box"], (HEIGHT - bottom, x, HEIGHT - y, right)) > 0.4
    assert row["place"] == "top right"


def test_the_picture_is_drawn(whole, explain):
    spotted(whole.folder / "drawn.png", 7, at=(60, 40))
    ran = explain("drawn.png", "--label", "red", "--heatmap", "why.png")
    assert ran.code == 0 and ran.err.splitlines()[-1] == f"wrote {whole.folder / 'why.png'}"
    with Image.open(whole.folder / "why.png") as image:
        pixels = np.asarray(image.convert("RGB"), dtype=int)
    # The photo on the left keeps its spot; on the right the most is yellow, and there is none of it on the left.
    red = (np.abs(pixels - (230, 20, 20)).sum(axis=2) < 60).nonzero()
    assert len(red[0]) > 5000 and red[1].max() < pixels.shape[1] / 2
    yellow = ((pixels[..., 0] > 180) & (pixels[..., 1] > 170) & (pixels[..., 2] < pixels[..., 1] - 30)).nonzero()
    assert len(yellow[0]) > 500 and yellow[1].min() > pixels.shape[1] / 2
    failed(explain("drawn.png", "--label", "red", "--heatmap", "why.png"), 2, "'why.png' exists", "--force")


def test_a_whole_label_is_shown_together_the_most_probable_first(whole, explain):
    ran = explain("--label", "red", "--top", "6", "--sheet", "maps.webp", "--json")
    assert ran.code == 0 and kind_of(whole.folder / "maps.webp") == "WEBP"
    said = [row["probability"] for row in ran.rows]
    assert len(said) == 6 and said == sorted(said, reverse=True)
    assert all("red" in row["path"] for row in ran.rows)


# --- layers ---


def test_each_layer_shows_its_strongest_channels_and_what_else_excites_them(whole, explain):
    box = spotted(whole.folder / "layers.png", 321, (255, 0, 0))
    ran = explain("layers.png", "--layers", "--sheet", "layers.png.webp", "--json", encoder="deep")
    assert ran.code == 0 and kind_of(whole.folder / "layers.png.webp") == "WEBP"
    assert [(row["layer"], row["of"]) for row in ran.rows] == [("fine", 3)] * 2 + [("last", 6)] * 2
    first = ran.rows[0]
    assert first["channel"] == 0 and first["score"] > 1 and overlap(first["box"], box) > 0.2
    listed = whole.run("ls", "--json", "--media", "image", "--limit", "0").rows
    paths = {row["id"]: row["path"] for row in listed}
    assert [patch["id"] for patch in first["patches"]] == [int(name.removeprefix("id:")) for name in first["like"]]
    assert len(first["like"]) == 5 and all("red" in paths[patch["id"]] for patch in first["patches"])
    for patch in first["patches"]:
        left, top, right, bottom = patch["box"]
        assert 0 <= left < right <= WIDTH and 0 <= top < bottom <= HEIGHT


def test_an_item_is_not_compared_with_itself_and_only_with_what_is_selected(whole, explain):
    ran = explain("photos/red0.png", "--layers", "--json", "--where", "-label:rare", encoder="deep")
    (own,) = {row["id"] for row in ran.rows}
    rare = {row["id"] for row in whole.run("ls", "--where", "label:rare", "--json", "--limit", "0").rows}
    patches = {patch["id"] for row in ran.rows for patch in row["patches"]}
    assert own is not None and rare and patches and not patches & {own, *rare}


def test_what_layers_cannot_be_asked_together_with(whole, explain):
    deep = {"encoder": "deep"}
    failed(
        explain("photos/red0.png", "--layers", "--label", "red", "--heatmap", "h.png", **deep), 2, "--label, --heatmap"
    )
    failed(explain("--layers", **deep), 2, "--layers", "name one")
    failed(explain("photos/note.txt", "--layers", **deep), 2, "--layers", "this is a text")
    failed(explain("photos/red0.png", "--layers"), 2, "mosaic names no layers", "efficientnet-lite0")
    failed(explain("photos/red0.png", "--layers", "--where", "label:rare", **deep), 4, "there are 1", "10")


def test_it_is_no_run(whole, explain):
    assert explain("photos/red0.png", "--label", "red").code == 0
    assert {row["command"] for row in whole.run("log", "--json").rows} == {"add", "label", "encode"}


def test_what_is_gone_is_left_out_and_said(explain):
    ran = explain("--label", "red", "--json")
    assert len(ran.rows) == 10 and ran.code == 0
    (line,) = [line for line in ran.err.splitlines() if line.startswith("left out: ")]
    assert "no such file" in line


def test_other_items_than_the_labelled_ones_can_be_chosen(explain):
    rows = explain("--label", "red", "--under", "photos", "--top", "200", "--json").rows
    assert len(rows) == 20
    assert {row["path"].rpartition("/")[2][:3] for row in rows[:10]} == {"red"}
    assert {row["place"] for row in rows[10:]} != {None}


@pytest.mark.slow
def test_an_mlp_is_explained_by_its_gradient(whole, explain):
    box = spotted(whole.folder / "mlp.png", 321)
    (row,) = explain("mlp.png", "--label", "red", "--head", "mlp", "--json").rows
    assert overlap(row["box"], box) > 0.4
    assert np.mean(row["map"]) + row["bias"] == pytest.approx(row["logit"], abs=1e-4)
    assert calibrated(whole.folder, row["logit"]) == pytest.approx(row["probability"], abs=1e-3)


def test_of_a_group_the_most_probable_class_or_the_one_named(whole, explain):
    box = spotted(whole.folder / "tinted.png", 77, (20, 20, 230))
    (row,) = explain("tinted.png", "--group", "tint", "--json").rows
    assert row["label"] == "cold" and overlap(row["box"], box) > 0.4
    (other,) = explain("tinted.png", "--group", "tint", "--class", "warm", "--json").rows
    assert (other["label"], other["probability"] < row["probability"]) == ("warm", True)
    assert other["logit"] == pytest.approx(-row["logit"], abs=1e-4)
    assert len(explain("--group", "tint", "--class", "cold", "--json").rows) == 4


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("photos/note.txt", "--label", "red"), 2, ("a text", "name a picture")),
        (("--text", "red", "--label", "red"), 2, ("No such option '--text'",)),
        (("photos/red1.png",), 2, ("--label NAME", "--group NAME")),
        (("photos/red1.png", "--label", "rde"), 3, ("'rde'", "red")),
        (("photos/red1.png", "--label", "rare"), 4, ("1 example", "curator label rare")),
        (("photos/red1.png", "--label", "red", "--class", "red"), 2, ("--group",)),
        (("photos/red1.png", "--label", "red", "--sheet", "s.png"), 2, ("--heatmap",)),
        (("photos/red1.png", "--label", "red", "--under", "photos"), 2, ("you named one picture",)),
        (("photos/red1.png", "--group", "tint", "--class", "wram"), 3, ("'wram'", "warm")),
        (("--group", "tint"), 2, ("--class NAME",)),
        (("--label", "red", "--heatmap", "s.png"), 2, ("--sheet",)),
        (("none.png", "--label", "red"), 3, ("none.png",)),
        (("photos/gone.png", "--label", "red"), 4, ("photos/gone.png", "no such file")),
        (("photos/damaged.png", "--label", "red"), 4, ("photos/damaged.png", "cannot be decoded")),
        (("photos/red1.png", "--label", "red", "--head", "means"), 2, ("means head", "which parts")),
        (("--label", "red", "--top", "0"), 2, ("--top",)),
    ],
)
def test_what_cannot_be_explained_is_one_line(explain, args, code, words):
    ran = explain(*args)
    line = ran.err.splitlines()[-1]
    assert ran.code == code and "Error: " in line and "Traceback" not in ran.err, ran
    assert [word for word in words if word not in line] == [], line


def test_an_encoder_without_maps_is_told_apart(explain):
    for encoder in ("plain", "ngram"):
        ran = explain("photos/red1.png", "--label", "red", encoder=encoder)
        failed(ran, 2, encoder, "-e efficientnet-lite0", "-e resnet50")


def test_a_map_of_another_shape_names_the_plugin(explain):
    ran = explain("photos/red1.png", "--label", "red", encoder="flat")
    assert ran.code == 6 and "plugin 'mosaic'" in ran.err and "feature map" in ran.err


def test_ctrl_c_leaves_no_file(whole):
    command = [sys.executable, "-P", "-c", "from curator.cli import main; main()", "explain", "photos/red1.png"]
    process = subprocess.Popen(
        [*command, "--label", "red", "-e", "slow", "--heatmap", "half.png"],
        cwd=whole.folder,
        env=environment({"PYTHONPATH": str(whole.path)}),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while "mapping" not in process.stderr.readline():
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)
    err = process.communicate(timeout=60)[1]
    assert process.returncode == 130 and "interrupted" in err and "Traceback" not in err
    assert not (whole.folder / "half.png").exists()
