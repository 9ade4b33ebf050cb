"""The plugins of docs/examples: installed as anybody would, their own tests pass, and they do what they promise."""

from __future__ import annotations

import importlib.util
import math
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import cli_kit
import pytest

from curator import scaffold

EXAMPLES = Path(__file__).parent.parent / "docs" / "examples"
PLUGINS = {"curator-hog": "hog", "curator-colours": "dominant-colour", "curator-timm": "mobilenetv4"}
"""Each distribution, and the plugin that it brings."""

needs_skimage = pytest.mark.skipif(
    importlib.util.find_spec("skimage") is None, reason="needs scikit-image: pip install -e '.[dev]'"
)
EACH = pytest.mark.parametrize(
    "name", ["curator-colours", "curator-timm", pytest.param("curator-hog", marks=needs_skimage)], ids=PLUGINS.get
)


def finished(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run a command that must end well; returns what it said."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "CURATOR_"))}
    done = subprocess.run(
        command, cwd=cwd, env={**kept, **environment}, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A copy of the examples: building and testing leave files beside what is built and tested."""
    folder = tmp_path_factory.mktemp("examples") / "source"
    left_behind = shutil.ignore_patterns(".*", "__pycache__", "build", "*.egg-info")
    return Path(shutil.copytree(EXAMPLES, folder, ignore=left_behind))


@pytest.fixture(scope="module")
def site(source):
    """A folder that they are installed in."""
    pytest.importorskip("setuptools", "77", "building without an index needs the build system to be here")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    finished(*pip, "--target", "../site", *(f"./{name}" for name in PLUGINS), cwd=source)
    return source.parent / "site"


@pytest.fixture
def run(site, tmp_path):
    """`run("status", ...)` in a folder of this test's own, with the examples installed."""
    return lambda *arguments: cli_kit.curator(*arguments, cwd=tmp_path, env={"PYTHONPATH": str(site)})


# --- as distributions ---


def test_every_example_is_tried_here():
    assert {path.parent.name for path in EXAMPLES.glob("*/pyproject.toml")} == set(PLUGINS)


@pytest.mark.parametrize("name", PLUGINS)
def test_they_take_this_version_of_curator(name):
    told = tomllib.loads((EXAMPLES / name / "pyproject.toml").read_text())
    assert told["project"]["dependencies"][0] == scaffold.requirement()


@pytest.mark.slow
@EACH
def test_their_own_tests_pass(name, source, site):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"]
    said = finished(*command, cwd=source / name, PYTHONPATH=str(site), PYTHONDONTWRITEBYTECODE="1")
    assert re.search(r"^\d+ passed", said.splitlines()[-1]), said


def test_curator_shows_them_with_distribution_and_version(run):
    rows = {row["plugin"]: row for row in run("plugins", "--json").rows("plugin")}
    for name, plugin in PLUGINS.items():
        row = rows[plugin]
        assert (row["distribution"], row["version"], row["failure"]) == (name, "0.1.0", None)
    assert rows["hog"]["offers"] == ["encoder hog"]
    assert rows["mobilenetv4"]["offers"] == ["encoder mobilenetv4"]
    assert rows["dominant-colour"]["offers"] == ["action dominant-colour"]


@pytest.mark.slow
@EACH
def test_curator_finds_nothing_wrong_with_them(name, run):
    ran = run("plugins", "check", PLUGINS[name], "--json")
    assert ran.code == 0, ran
    states = {row["state"] for row in ran.rows("check")}
    assert "passed" in states and "failed" not in states


@pytest.mark.slow
def test_their_types_are_sound():
    modules = [EXAMPLES / name / f"{name.replace('-', '_')}.py" for name in PLUGINS]
    cli_kit.type_checked(*modules)


# --- curator-hog ---


def shape(path: Path, kind: str, light_from: float, seed: int) -> None:
    """A photo of a disc or a square, in light that falls off to a third from one side, with a little grain."""
    import numpy as np
    from PIL import Image

    y, x = np.mgrid[-1:1:160j, -1:1:160j]
    inside = x**2 + y**2 < 0.4 if kind == "disc" else np.maximum(abs(x), abs(y)) < 0.56
    light = 0.7 + 0.3 * (math.cos(light_from) * x + math.sin(light_from) * y)
    grain = np.random.default_rng(seed).normal(0, 4, inside.shape)
    pixels = np.where(inside[..., None], (220, 150, 60), (60, 70, 90)) * light[..., None] + grain[..., None]
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path)


@pytest.fixture
def shapes(tmp_path):
    """A disc and a square, each in light from three sides."""
    (tmp_path / "shapes").mkdir()
    for number, (kind, light_from) in enumerate((kind, side) for kind in ("disc", "square") for side in (0, 2, 4)):
        shape(tmp_path / "shapes" / f"{kind}-{light_from}.png", kind, light_from, number)
    return tmp_path / "shapes"


@needs_skimage
@pytest.mark.parametrize("variant", ["hog", "hog:8x8", "hog:32x32"])
def test_hog_finds_a_shape_in_other_light(variant, run, shapes):
    run("add", "shapes", "--no-encode")
    (encoded,) = run("encode", "-e", variant, "--json").rows("encoded")
    assert (encoded["encoded"], encoded["failed"]) == (6, 0)
    for kind in ("disc", "square"):
        found = run("similar", shapes / f"{kind}-0.png", "-e", variant, "--json").rows("neighbour")
        nearest = [Path(row["path"]).stem.partition("-")[0] for row in found]
        assert nearest == 2 * [kind] + 3 * ["square" if kind == "disc" else "disc"]


@needs_skimage
def test_hog_says_which_cells_there_are(run, shapes):
    run("add", "shapes", "--no-encode")
    run("encode", "-e", "hog:9x9").assert_failed(3, "no variant of hog '9x9'")


@needs_skimage
def test_hog_without_its_library(run, shapes, site, tmp_path):
    """Who lost scikit-image keeps the use of what is stored, and is told how to encode more."""
    run("add", "shapes", "--no-encode")
    assert run("encode", "-e", "hog").code == 0
    (tmp_path / "broken" / "skimage").mkdir(parents=True)
    (tmp_path / "broken" / "skimage" / "__init__.py").write_text("raise ImportError('libgomp is missing')")
    without = {"PYTHONPATH": os.pathsep.join([str(tmp_path / "broken"), str(site)])}
    ran = cli_kit.curator("similar", "id:1", "-e", "hog", "--json", cwd=tmp_path, env=without)
    assert len(ran.rows("neighbour")) == 5
    ran = cli_kit.curator("encode", "-e", "hog:8x8", cwd=tmp_path, env=without)
    ran.assert_failed(4, "hog needs scikit-image (libgomp is missing): pip install scikit-image")


# --- curator-colours ---


@pytest.fixture
def coloured(tmp_path):
    """Pictures that are mostly of one colour, on white, by its name; and one of many colours."""
    from PIL import Image

    folder = tmp_path / "coloured"
    folder.mkdir()
    for name in ("red", "green", "blue"):
        picture = Image.new("RGB", (120, 80), "white")
        picture.paste(name, (10, 0, 110, 80))
        picture.save(folder / f"{name}.jpg")
    motley = Image.new("RGB", (120, 80), "black")
    for number, name in enumerate(("yellow", "orange", "purple", "pink")):
        motley.paste(name, (24 * number, 0, 24 * number + 24, 80))
    motley.save(folder / "motley.png")
    return folder


def named(ran: cli_kit.Ran) -> list[str]:
    """The names of the files that `ls` lists, without their endings."""
    assert ran.code == 0, ran
    return sorted(Path(row["path"]).stem for row in ran.rows("item"))


def test_colours_are_labelled_and_undone(run, coloured):
    run("add", coloured, "--no-encode")
    rows = run("dominant-colour", "--json").rows("colour")
    share = {Path(row["path"]).stem: (row["colour"], round(row["share"], 1)) for row in rows}
    assert {name: share[name] for name in ("red", "green", "blue")} == {
        name: (name, 0.8) for name in ("red", "green", "blue")
    }
    assert share["motley"][1] == 0.2
    for name in ("red", "green", "blue"):
        assert named(run("ls", "--labelled", name, "--json")) == [name]
    assert named(run("ls", "--unlabelled", "--json")) == ["motley"]
    assert run("undo").code == 0
    assert named(run("ls", "--unlabelled", "--json")) == ["blue", "green", "motley", "red"]


def test_colours_are_counted_once(run, coloured):
    """What the second run shows was kept: the pictures are not there to be looked at any more."""
    run("add", coloured, "--no-encode")
    first = run("dominant-colour", "--json")
    for picture in coloured.iterdir():
        picture.write_bytes(b"")
    assert run("dominant-colour", "--json").rows("colour") == first.rows("colour")


def test_colours_take_a_share_and_a_selection(run, coloured):
    run("add", coloured, "--no-encode")
    ran = run("dominant-colour", "--min-share", "0.1", "--under", coloured, "--json")
    assert (ran.code, ran.err) == (0, "")
    assert named(run("ls", "--unlabelled", "--json")) == []
    assert run("undo").code == 0
    assert "4 of 4 images get no label" in run("dominant-colour", "--min-share", "0.9").err
    run("dominant-colour", "--min-share", "2").assert_failed(2, "--min-share")


def test_what_a_person_said_of_a_colour_stands(run, coloured):
    run("add", coloured, "--no-encode")
    run("label", "orange", coloured / "red.jpg", "--group", "colour")
    run("dominant-colour")
    assert named(run("ls", "--labelled", "orange", "--json")) == ["red"]
    assert named(run("ls", "--labelled", "green", "--json")) == ["green"]
    assert "red" not in named(run("ls", "--labelled", "red", "--json"))
