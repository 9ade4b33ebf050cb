"""`train --fine-tune` for encoders of images: versions that learnt, what they are measured on, and what goes wrong."""

from __future__ import annotations

import functools
import re
import shutil
import signal
import subprocess

import cli_kit
import numpy as np
import pytest
from cli_kit import curator_here
from PIL import Image

pytestmark = [pytest.mark.usefixtures("here"), pytest.mark.slow]

LITE = "efficientnet-lite0"


def ran(*args):
    done = curator_here(*args)
    assert done.code == 0, done
    return done


def noise(path, cell, seed):
    """A picture of grains of so many pixels."""
    side = 96 // cell
    grains = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    Image.fromarray(grains).resize((96, 96), Image.Resampling.NEAREST).save(path)


def photos(folder, fine=9, coarse=9):
    for name, cell, count in (("fine", 2, fine), ("coarse", 3, coarse)):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            noise(folder / name / f"{number}.png", cell, 100 * cell + number)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A workspace with 18 labelled pictures of two classes, a text of one of them, and vectors."""
    folder = tmp_path_factory.mktemp("tuned")
    photos(folder / "photos")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        ran("add", "photos", "--labels-from-folders", "--group", "grain")
        (folder / "note.txt").write_text("a text that is labelled too")
        ran("add", "note.txt", "--no-encode")
        ran("label", "fine", "--group", "grain", "note.txt")
    return folder


@pytest.fixture
def here(home, monkeypatch):
    monkeypatch.chdir(home)
    monkeypatch.delenv("CURATOR_WORKSPACE", raising=False)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """A few steps, large ones: whether it learns well is looked at elsewhere."""
    import torch

    from curator.kit import finetuning

    recipe = finetuning.Recipe(epochs=3, rows=4, rate=1e-3, head_rate=3e-2)
    monkeypatch.setattr(finetuning, "fine_tune", functools.partial(finetuning.fine_tune, recipe=recipe))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def names(encoder=LITE):
    return [row["name"] for row in ran("encoders", "--json").rows("encoder") if row["name"].startswith(encoder)]


def test_a_version_beside_the_first_that_is_measured_on_what_was_kept_from_it(home):
    done = ran("train", "--group", "grain", "-e", LITE, "--fine-tune", "--json")
    assert f"fine-tuning {LITE} (blocks6) on 14 images, 4 are held back from it" in done.err
    (compared,) = [line for line in done.err.splitlines() if line.startswith("of ")]
    words = r"of (\d+) items that .* ([\d.]+)% are right with efficientnet-lite0, ([\d.]+)% with efficientnet-lite0@2: "
    items, _, after = re.match(words, compared).groups()
    figures = {row["metric"]: row for row in done.rows("held-out")}
    assert items == "4" and {row["items"] for row in figures.values()} == {4}
    assert figures["balanced accuracy"]["value"] == pytest.approx(float(after) / 100, abs=1e-3)
    assert names() == [LITE, f"{LITE}@2"]
    # It is searched with under its number, in the compiled form too, and the bare name means the first.
    outside = home / "outside.png"
    noise(outside, 3, 5)
    for model in (LITE, f"{LITE}@2"):
        found = ran("similar", "outside.png", "-k", "3", "-e", model, "--json").rows("neighbour")
        assert len(found) == 3
    assert ran("encode", "-e", LITE, "--json").row("encoded")["model"] == LITE
    ran("check")
    ran("backup", "all.tar")
    with pytest.MonkeyPatch.context() as patch:
        (home / "restored").mkdir()
        shutil.unpack_archive("all.tar", home / "restored")
        (restored,) = (path.parent for path in (home / "restored").rglob("catalogue.db"))
        patch.setenv("CURATOR_WORKSPACE", str(restored))
        ran("check")
        assert f"{LITE}@2" in names()
        assert ran("encode", "-e", f"{LITE}@2", "--json").row("encoded")["failed"] == 0
    ran("undo")
    assert f"{LITE}@2" not in names()
    ran("check")


def test_from_a_version_that_learnt_it_learns_on():
    ran("train", "--group", "grain", "-e", LITE, "--fine-tune", "blocks6")
    last = names()[-1]
    done = ran("train", "--group", "grain", "-e", last, "--fine-tune", "all")
    assert f"fine-tuning {last} (all) on 14 images" in done.err
    assert len(names()) == 3 or "no attempt was better" in done.err
    while len(names()) > 1:
        ran("undo")


def test_what_is_not_embedded_is_embedded_without_a_question(tmp_path, monkeypatch):
    """However long that takes: fine-tuning takes longer, and was asked for."""
    from curator.embedding import embedder

    monkeypatch.setattr(embedder, "ASK_SECONDS", 0)
    monkeypatch.chdir(tmp_path)
    photos(tmp_path / "photos")
    ran("add", "photos", "--labels-from-folders", "--group", "grain", "--no-encode")
    assert curator_here("train", "--group", "grain").code == 4
    assert ran("train", "--group", "grain", "--fine-tune", "--json").rows("held-out")


def test_head_is_what_train_does_without_it(home):
    before = names()
    done = ran("train", "--group", "grain", "-e", LITE, "--fine-tune", "head")
    assert f"only the head learns, as without --fine-tune: {LITE} stays as it is" in done.err
    assert names() == before
    ran("undo")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("-e", LITE, "--fine-tune", "layer4"), 2, ("no depth 'layer4'", "take head, blocks6, ", "blocks0 or all")),
        (("-e", "ngram", "--fine-tune"), 2, ("ngram cannot be fine-tuned", LITE, "lstm-clm", "resnet50")),
        (("-e", f"{LITE}@9", "--fine-tune"), 3, (f"{LITE}@9",)),
    ],
    ids=str,
)
def test_bad_input_is_one_line(arguments, code, words):
    ran("encode", "-e", "ngram")
    curator_here("train", "--group", "grain", *arguments).assert_ended(code, *words)


def fresh(tmp_path, monkeypatch, **counts):
    monkeypatch.chdir(tmp_path)
    photos(tmp_path / "photos", **counts)
    ran("add", "photos", "--labels-from-folders", "--group", "grain")


def test_too_few_of_a_class(tmp_path, monkeypatch):
    fresh(tmp_path, monkeypatch, fine=2, coarse=6)
    line = curator_here("train", "--group", "grain", "--fine-tune")
    line.assert_ended(4, "three or more images of each class", "fewer of fine")


def test_one_class_only(tmp_path, monkeypatch):
    fresh(tmp_path, monkeypatch, fine=0, coarse=6)
    curator_here("train", "--group", "grain", "--fine-tune").assert_ended(4, "it takes two")


def test_what_is_gone_or_damaged_is_left_out_and_said(tmp_path, monkeypatch):
    fresh(tmp_path, monkeypatch, fine=6, coarse=6)
    (tmp_path / "photos/fine/0.png").unlink()
    data = (tmp_path / "photos/coarse/1.png").read_bytes()
    (tmp_path / "photos/coarse/1.png").write_bytes(data[: len(data) // 2])
    done = ran("train", "--group", "grain", "--fine-tune")
    assert "note: 2 labelled images left out (" in done.err and "and 1 more)" in done.err
    assert "on 6 images, 4 are held back from it" in done.err
    for path in sorted((tmp_path / "photos/fine").iterdir())[2:]:
        path.unlink()
    line = curator_here("train", "--group", "grain", "-e", LITE, "--fine-tune")
    assert line.code == 4 and "fewer of fine" in line.err.splitlines()[-1], line


def test_where_too_few_were_kept_there_are_no_figures(tmp_path, monkeypatch):
    """One picture of a class was kept, and a head takes one to learn from: nothing is left to measure on."""
    from curator.api import Tried
    from curator.kit import finetuning

    def better(stages, first, labelled, preprocess, device, save, report):
        report(Tried(0.0, 0.5, True))
        save()
        report(Tried(1.0, 0.9, True))

    monkeypatch.setattr(finetuning, "fine_tune", better)
    fresh(tmp_path, monkeypatch, fine=3, coarse=3)
    done = ran("train", "--group", "grain", "-e", LITE, "--fine-tune")
    assert f"too few items were held back from it to tell whether {LITE}@2 is better than {LITE}" in done.err
    (note,) = [line for line in done.err.splitlines() if "fine-tuned on these labels" in line]
    assert note.endswith(", and too few were held back from it: no figures, and nobody knows how often it is right")
    assert {
        row["items"] for row in ran("train", "--group", "grain", "-e", f"{LITE}@2", "--json").rows("held-out")
    } == set()


def test_a_label_of_few_among_many(tmp_path, monkeypatch):
    """Two of five positives are kept: figures rest on them and a fifth of the others, each class counting the same."""
    monkeypatch.chdir(tmp_path)
    photos(tmp_path / "photos", fine=5, coarse=25)
    ran("add", "photos/fine", "--label", "fine")
    ran("add", "photos/coarse", "--not-label", "fine")
    done = ran("train", "--label", "fine", "--fine-tune", "--json")
    assert "on 23 images, 7 are held back from it" in done.err
    if "no attempt was better" not in done.err:
        assert "of 7 items that were held back from it" in done.err
        assert {row["items"] for row in done.rows("held-out")} == {7}


def test_weights_that_changed_are_no_start(tmp_path, monkeypatch):
    import torch
    import torchvision

    monkeypatch.chdir(tmp_path)
    photos(tmp_path / "photos", fine=4, coarse=4)
    ran("add", "photos", "--labels-from-folders", "--group", "grain", "--no-encode")
    for seed in (0, 1):
        torch.manual_seed(seed)
        torch.save(torchvision.models.resnet18().state_dict(), "mine.pth")
        if not seed:
            ran("encode", "-e", "resnet18", "--weights", "mine.pth")
    line = curator_here("train", "--group", "grain", "-e", "resnet18", "--fine-tune")
    line.assert_ended(4, "the weights of resnet18", "are not those that its vectors were made with")


def test_folders_that_hold_something_else_are_no_weights(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    photos(tmp_path / "photos", fine=1, coarse=1)
    ran("add", "photos", "--no-encode")
    (tmp_path / "folder").mkdir()
    for encoder in (LITE, "resnet18"):
        line = curator_here("encode", "-e", encoder, "--weights", "folder")
        line.assert_ended(2, f"{encoder} takes a file of weights", "'folder' holds no model")
    (tmp_path / "folder/model.json").write_text('{"encoder": "resnet50", "variant": ""}')
    curator_here("encode", "-e", "resnet18", "--weights", "folder").assert_ended(2, "holds a model of resnet50")


def test_resnet_from_a_file_of_weights(tmp_path, monkeypatch):
    import torch
    import torchvision

    fresh(tmp_path, monkeypatch, fine=6, coarse=6)
    torch.manual_seed(0)
    torch.save(torchvision.models.resnet18().state_dict(), "mine.pth")
    ran("encode", "-e", "resnet18:IMAGENET1K_V1/layer3", "--weights", "mine.pth")
    model = "resnet18:IMAGENET1K_V1/layer3"
    line = curator_here("train", "--group", "grain", "-e", model, "--fine-tune", "layer4")
    assert line.code == 2 and "ends with layer3" in line.err.splitlines()[-1], line
    done = ran("train", "--group", "grain", "-e", model, "--fine-tune", "layer3")
    if "no attempt was better" not in done.err:
        assert f"{model}@2" in names("resnet18")
        (tmp_path / "mine.pth").unlink()  # its own weights are in the workspace
        ran("encode", "-e", f"{model}@2", "--retry")


@pytest.mark.parametrize("better", [False, True])
def test_ctrl_c_keeps_the_best_and_without_one_changes_nothing(tmp_path, monkeypatch, better):
    """Through a real process: when the frozen encoder was measured, or after an epoch that was better."""
    fresh(tmp_path, monkeypatch, fine=12, coarse=12)
    command = [cli_kit.CURATOR, "train", "--group", "grain", "-e", LITE, "--fine-tune"]
    environment = cli_kit.environment({"OMP_NUM_THREADS": "1"})
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as started:
        said = ""
        for line in started.stderr:
            said += line
            told = re.match(r" *(\d+)%  .* right of what it holds out itself( \(not better\))?$", line)
            if told and (bool(int(told[1])) is better) and not told[2]:
                started.send_signal(signal.SIGINT)
                break
        said += started.stderr.read()
    if better:
        assert started.returncode == 0 and "stopped: the best so far is kept" in said, said
        assert names() == [LITE, f"{LITE}@2"]
    else:
        assert started.returncode == 130 and "the best so far" not in said, said
        assert names() == [LITE]
    ran("check")
