"""Memory is bounded by pixels and bytes: what a process takes above its start, in a process of its own.

benchmarks/memory.py measures the same with the real encoders on files of full size.
"""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import textwrap

import cli_kit
import phone
import pytest
from cli_kit import environment
from PIL import Image

from curator.errors import WorkspaceError
from curator.store.objects import Objects

BEGIN = """
import resource, sys
from pathlib import Path
from curator.api import Preprocess, ReadOptions, TextBatch
from curator.kit.images import Unreadable
from curator.kit.memory import BUDGET
from curator.media import content, decode, preprocessing
from curator.media.prefetch import ordered_map
from curator_plugins.encoders.ngram import Ngram
from curator_plugins.readers import table

PREPROCESS = Preprocess(64, 64, (0.0,) * 3, (1.0,) * 3)
small, folder = map(Path, sys.argv[1:])
files = sorted(path for path in folder.iterdir() if path.is_file())
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) >> 20
preprocessing.pixels(small, PREPROCESS)
Ngram().encode(TextBatch(["a text"]))
"""


def growth(tmp_path, work):
    """MB that a process grows by at some work, once it has everything loaded."""
    small = tmp_path / "small.png"
    Image.effect_noise((100, 100), 50).convert("RGB").save(small)
    code = f"{BEGIN}\nstart = peak()\n{textwrap.dedent(work)}\nprint(peak() - start)"
    command = [sys.executable, "-c", code, str(small), str(tmp_path / "files")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.fixture
def files(tmp_path):
    (tmp_path / "files").mkdir()
    return tmp_path / "files"


def test_large_pictures_wait_for_each_other(tmp_path, files):
    """Six of 16 megapixels, 61 MB each as Pillow holds them, by as many threads as there are."""
    for number in range(6):
        Image.linear_gradient("L").resize((4000, 4000)).convert("RGB").save(
            files / f"{number}.tif", compression="tiff_lzw"
        )
    work = """
    BUDGET.limit = 200 << 20
    assert len(list(ordered_map(lambda path: preprocessing.pixels(path, PREPROCESS), files))) == 6
    """
    assert growth(tmp_path, work) < 210


@pytest.mark.parametrize("mode", ["RGBA", "P", "I;16", "L", "CMYK", "F"])
def test_a_picture_is_converted_without_copies_of_the_whole(tmp_path, files, mode):
    """Of 25 megapixels: 25 to 100 MB as it is, 100 in RGB; what decodes it may hold as much again."""
    ending = "tif" if mode in ("CMYK", "F") else "png"
    Image.new(mode, (5000, 5000)).save(files / f"a.{ending}")
    assert growth(tmp_path, "preprocessing.pixels(files[0], PREPROCESS)") < 330


@pytest.mark.parametrize("ending", ["avif", "heic"])
def test_decoders_take_no_more_than_what_room_is_made_for(tmp_path, files, ending):
    """Of nine megapixels, with a profile, so that colours are changed, too."""
    if ending == "heic":
        pytest.importorskip("pillow_heif")
    image = Image.linear_gradient("L").resize((3000, 3000)).convert("RGB")
    image.info["icc_profile"] = phone.profile()
    written = {"avif": lambda path: image.save(path, speed=10), "heic": lambda path: phone.heic(path, image)}
    written[ending](files / f"a.{ending}")
    work = """
    from curator.kit import images, memory
    memory.Budget.room, room = lambda self, need: needs.append(need) or room(self, need), memory.Budget.room
    needs = []
    preprocessing.pixels(files[0], PREPROCESS)
    start += max(needs) >> 20
    """
    assert growth(tmp_path, work) < 30  # what the libraries are themselves


def test_what_would_not_fit_is_not_decoded_and_names_the_option(tmp_path, files):
    Image.new("RGB", (6000, 6000)).save(files / "a.png")
    work = """
    BUDGET.limit = 100 << 20
    for way in (lambda: preprocessing.pixels(files[0], PREPROCESS), lambda: decode.picture(files[0], None).__enter__()):
        try:
            way()
        except Unreadable as error:
            assert "--memory" in str(error) and error.may_pass, error
        else:
            raise AssertionError
    """
    assert growth(tmp_path, work) < 30


def test_a_text_of_one_long_line_takes_a_few_times_its_size(tmp_path, files):
    chance = random.Random(1)
    line = "".join(chance.choices("abcdefghijklmnopqrstuvwxyz ,.的好", k=4_000_000))
    (files / "a.txt").write_text(line, encoding="gb18030")
    work = """
    found = content.examine(str(files[0]), "text")
    Ngram().encode(TextBatch([found.text]))
    """
    assert growth(tmp_path, work) < 100


def test_of_a_wide_table_only_the_columns_that_are_asked_for_are_held(tmp_path, files):
    names = ",".join(f"column {number}" for number in range(20_000))
    row = ",".join(["0.5"] * 20_000)
    (files / "a.csv").write_text(f"text,{names}\n" + "".join(f"text {n},{row}\n" for n in range(100)))
    work = """
    wanted = ReadOptions(wanted=lambda column: column == "text")
    assert [dict(row.values) for row in list(table.read(files[0], wanted))][0] == {"text": "text 0"}
    """
    assert growth(tmp_path, work) < 40


# --- files that say that they are large, as one may who sends a workspace or weights ---


def held_to_little(folder, *command):
    """A command that may have two gigabytes of addresses in all, of which Python and its libraries need most."""
    ran = cli_kit.curator(
        *command, cwd=folder, before=lambda: resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
    )
    assert "Traceback" not in ran.err and "memory" not in ran.err, ran
    return ran


def spread(path, size=6 << 30):
    """A file of that many bytes, of which none takes room."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.truncate(size)


@pytest.mark.skipif(sys.platform != "linux", reason="the system holds nobody to less memory")
def test_files_of_a_workspace_are_not_read_as_a_whole_to_be_refused(run, tmp_path):
    for kind in ("cats", "dogs"):
        cli_kit.texts(tmp_path / "texts" / kind, 3, about=kind)
    assert run("add", "texts").code == 0
    assert run("label", "cat", "texts/cats/1.txt", "texts/cats/2.txt").code == 0
    assert run("label", "cat", "--negative", "texts/dogs/1.txt", "texts/dogs/2.txt").code == 0
    assert run("classify", "--label", "cat", "--head", "prototype").code == 0
    for path in (tmp_path / "workspace" / "objects").glob("*/*"):
        spread(path, 600 << 20)
    spread(tmp_path / "workspace" / "catalogue.db-journal")
    assert held_to_little(tmp_path, "status").code in (0, 7)
    (tmp_path / "workspace" / "catalogue.db-journal").unlink()
    told = held_to_little(tmp_path, "check", "--json")
    assert told.code == 5 and {row["part"] for row in told.rows("fault")} == {"object"}
    held_to_little(tmp_path, "backup", "b.tar").assert_ended(5, "left out")
    assert held_to_little(tmp_path, "heads").code == 0


def test_an_object_that_is_too_large_for_a_head_is_not_read(tmp_path):
    objects = Objects(tmp_path / "objects")
    name = objects.put(b"what a head learnt")
    spread(objects.path(name))
    with pytest.raises(WorkspaceError, match="more than anything that is read as a whole"):
        objects.get(name)


@pytest.mark.parametrize("file", ["open_clip_config.json", "config.json"])
def test_a_description_of_weights_that_is_too_large_is_refused(run, tmp_path, file):
    cli_kit.texts(tmp_path / "texts", 1)
    assert run("add", "texts", "--no-encode").code == 0
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / file).write_text("{}")
    spread(tmp_path / "model" / file)
    encoder = ("clip:local-dir:model",) if "clip" in file else ("lstm-clm", "--weights", "model")
    run("encode", "-e", *encoder).assert_ended(2, file)


# --- of many items, of which little is shown ---

MANY = """
import resource, sys
from curator.cli import main
from curator.embedding import vector_reader
from curator_plugins.actions.cluster import grouping
vector_reader.FEW = grouping.MANY = grouping.SAMPLE = 1000
sys.argv[0] = "curator"
try:
    main()
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10, file=sys.stderr)
"""


def many(folder, count):
    """So many texts, embedded, of which fifty are labelled."""
    folder.mkdir()
    rows = (f"{number},text {number} of {count}, {'odd' if number % 2 else 'even'}" for number in range(1, count + 1))
    (folder / "texts.csv").write_text("\n".join(["id,text,more", *rows]) + "\n")
    assert cli_kit.curator("add", "texts.csv", "--text-column", "text", cwd=folder).code == 0
    assert cli_kit.curator("label", "odd", *[f"id:{n}" for n in range(1, 51, 2)], cwd=folder).code == 0
    assert cli_kit.curator("label", "odd", "--negative", *[f"id:{n}" for n in range(2, 51, 2)], cwd=folder).code == 0
    return folder


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="where the peak is told in kilobytes")
def test_what_many_items_take_does_not_grow_with_their_vectors(tmp_path):
    """30,000 of 2,048 numbers are 245 MB, and as many items and predictions 40 more."""

    def peak(folder, *command):
        done = subprocess.run([sys.executable, "-c", MANY, *command], cwd=folder, env=environment(),
                              capture_output=True, text=True, check=False)  # fmt: skip
        assert done.returncode == 0, done.stderr
        return int(done.stderr.splitlines()[-1])

    few, lots = many(tmp_path / "few", 3_000), many(tmp_path / "lots", 30_000)
    for command in (
        ("classify", "--label", "odd", "--head", "prototype", "--limit", "5", "--json"),
        ("classify", "--label", "odd", "--head", "prototype", "--accept", "0.9", "--dry-run", "--limit", "5", "--json"),
        ("classify", "--label", "odd", "--head", "prototype", "--json"),
        ("cluster", "-k", "5", "--members", "--limit", "5", "--json"),
        ("train", "--label", "odd", "--json"),
        ("export", "out", "--format", "vectors", "--json"),
        ("import", "--vectors", "out/vectors.npy", "--space", "mine", "--json"),
    ):
        before, after = peak(few, *command), peak(lots, *command)
        print(command, before, after)
        assert after < before + 30, command
