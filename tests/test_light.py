"""Without torch: the whole tour, in an environment that hides it, and what is said where it is needed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import ImageDraw
from plugin_kit import Site, encoder
from scenes import scene

HIDDEN = """
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "torchvision", "timm", "open_clip"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hidden())
from curator.__main__ import main
sys.exit(main())
"""
"""`curator` where torch and its companions are not installed, whether they are or not."""

EXTRA = "pip install 'curator-agent[all]'"
COLOURS = {"lemon": "yellow", "plum": "purple"}


class Here:
    """A folder, and `curator` in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: str, code: int = 0, before: str = HIDDEN) -> str:
        command = [sys.executable, "-c", before, *arguments]
        # Whoever opens a FIFO waits for ever: the test should not.
        ran = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False, timeout=300)
        assert ran.returncode == code, f"{arguments}: {ran.returncode}\n{ran.stdout}\n{ran.stderr}"
        assert "Traceback" not in ran.stderr
        return ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """Photos of two kinds of things, some texts and a copy, added."""
    folder = tmp_path_factory.mktemp("light")
    for seed in range(16):
        kind = list(COLOURS)[seed % 2]
        image = scene(seed, (160, 120))
        ImageDraw.Draw(image).ellipse((20 + seed, 20, 100 + seed, 100), fill=COLOURS[kind])
        path = folder / "photos" / ("train" if seed < 12 else "test") / kind / f"{seed}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path)
    image.convert("L").convert("RGB").save(folder / "new.png")
    (folder / "photos" / "test" / "copy.png").write_bytes(path.read_bytes())
    (folder / "notes").mkdir()
    for name, words in {"a": "我今天心情很好", "b": "今天天气不错，心情也好", "c": "股市今天大跌"}.items():
        (folder / "notes" / f"{name}.txt").write_text(words, encoding="utf-8")
    here = Here(folder)
    assert "12 items embedded" in here("add", "photos/train", "--labels-from-folders", "--group", "kind")
    assert "3 items embedded" in here("add", "notes")
    here("add", "photos/test")
    return here


TOUR = {
    "similar to a picture": ("similar", "photos/test/lemon/12.png", "-k", "2"),
    "similar to a new one": ("similar", "new.png", "-k", "2"),
    "similar to a text": ("similar", "--text", "心情很好"),
    "classify": ("classify", "--group", "kind"),
    "by the prototype head": ("train", "--group", "kind", "--head", "prototype"),
    "by its quality on worse copies": ("train", "--group", "kind", "--robustness"),
    "explain": ("explain", "photos/test/plum/15.png", "--group", "kind", "--heatmap", "why.png"),
    "dedupe": ("dedupe", "--apply"),
    "undo": ("undo",),
    "cluster": ("cluster", "-k", "2", "--sheet", "clusters.png"),
    "audit": ("audit",),
    "review": ("review", "--group", "kind", "--json"),
    "sample": ("sample", "4", "--diverse", "1"),
    "split": ("split", "--by", "kind"),
    "export": ("export", "out", "--format", "imagefolder", "--by", "kind"),
    "vectors": ("export", "vectors", "--format", "vectors", "--media", "image"),
    "encode": ("encode", "-e", "efficientnet-lite0"),
    "encoders": ("encoders",),
    "plugins": ("plugins",),
    "status": ("status",),
    "check": ("check",),
    "backup": ("backup", "b.tar"),
}


@pytest.mark.parametrize("step", TOUR)
def test_the_tour_needs_no_torch(here, step):
    """In this order, on one workspace: each step finds what those before it left."""
    here(*TOUR[step])


def test_nothing_of_it_imports_torch_where_it_is_installed_either(here):
    """But for what is embedded, where torch may be quicker."""
    spy = "import atexit, sys\natexit.register(lambda: print('torch' in sys.modules, file=sys.stderr))\n"
    run = "from curator.__main__ import main\nsys.exit(main())"
    for arguments in (TOUR["classify"], ("cluster", "-k", "2"), TOUR["audit"], TOUR["status"]):
        assert here(*arguments, before=spy + run).splitlines()[-1] == "False", arguments


NEEDS = {
    "mlp": (("train", "--group", "kind", "--head", "mlp"), "fitting mlp: torch is not installed"),
    "fine-tuning": (("train", "--group", "kind", "--fine-tune"), "fine-tuning efficientnet-lite0: torch"),
    "pretraining": (("pretrain", "lstm-clm", "--corpus", "notes/a.txt"), "pretraining lstm-clm: torch is not"),
    "pretraining without texts": (("pretrain", "lstm-clm", "--under", "photos"), "pretraining lstm-clm: torch is not"),
    "a language model": (("encode", "-e", "lstm-clm"), "loading lstm-clm: torch is not installed"),
    "completing": (("complete", "今天"), "loading lstm-clm: torch is not installed"),
    "fine-tuning without weights": (
        ("train", "--group", "kind", "--fine-tune", "-e", "resnet50"),
        "fine-tuning resnet50: torch is not installed",
    ),
    "clip": (("encode", "-e", "clip:ViT-B-32", "--weights", "new.png"), "loading clip: torch is not installed"),
    "clip without weights": (("encode", "-e", "clip"), "loading clip: torch is not installed"),
    "torch by its name": (("encode", "--runtime", "torch"), "torch is not installed"),
    "a device": (("encode", "--device", "cuda"), "a device 'cuda' is for torch, which is not installed"),
}


@pytest.mark.parametrize("what", NEEDS)
def test_what_needs_torch_says_in_one_line_what_to_install(here, what):
    arguments, words = NEEDS[what]
    (line,) = [line for line in here(*arguments, code=4).splitlines() if line.startswith("Error: ")]
    assert words in line and EXTRA in line


def test_a_device_that_nothing_has_is_no_matter_of_torch(here):
    (line,) = here("encode", "--device", "foo", code=2).splitlines()
    assert line == "Error: no device 'foo': cpu, cuda or mps"


def test_what_has_no_maps_says_so_before_it_is_fetched(here):
    said = here("explain", "photos/test/plum/15.png", "--group", "kind", "-e", "clip", code=2)
    assert "clip does not say where in a picture its vector comes from" in said
    assert "efficientnet-lite0" in said and EXTRA not in said


def test_nothing_to_embed_was_run_by_nothing(here):
    here("encode")
    rows = [json.loads(line) for line in here("encode", "--json").splitlines()]
    assert rows and all((row["runtime"], row["precision"], row["encoded"]) == (None, None, 0) for row in rows)


def test_a_plugin_that_needs_torch_is_not_found_faulty(here):
    rows = [line.split("\t") for line in here("plugins", "check", "mlp").splitlines() if line.startswith("head mlp")]
    assert len(rows) > 10 and not [row for row in rows if row[2] == "failed"]
    assert {row[3] for row in rows if row[2] == "not applicable"} == {f"torch is not installed: {EXTRA}"}


def lay(kind: str, path: Path) -> None:
    """Put something that is no file in the place of one."""
    path.unlink(missing_ok=True)
    if kind == "FIFO":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to(path.parent.parent / "other")
    else:
        path.mkdir()


@pytest.fixture(scope="module")
def embedded(tmp_path_factory):
    """Nine photos, embedded by a form, and one that is not added."""
    folder = tmp_path_factory.mktemp("embedded")
    (folder / "photos").mkdir()
    for seed in range(9):
        scene(seed, (100, 80)).save(folder / "photos" / f"{seed}.png")
    scene(20, (100, 80)).save(folder / "new.png")
    here = Here(folder)
    here("add", "photos")
    return folder


def copied(embedded: Path, tmp_path: Path) -> tuple[Here, Path]:
    """A workspace of one's own, and the file of its form."""
    shutil.copytree(embedded, tmp_path / "own")
    here = Here(tmp_path / "own")
    (form,) = here.folder.glob("workspace/derived.db.form-*")
    return here, form


@pytest.mark.skipif(os.name == "nt", reason="there are no FIFOs")
@pytest.mark.parametrize("kind", ["FIFO", "link"])
@pytest.mark.parametrize("command", [("similar", "new.png", "-k", "1"), ("add", "new.png")])
def test_what_is_no_file_in_the_place_of_a_form_is_replaced(embedded, tmp_path, kind, command):
    here, form = copied(embedded, tmp_path)
    content, other = form.read_bytes(), here.folder / "other"
    other.write_bytes(content)
    lay(kind, form)
    assert "is gone or is not what was written" in here("check", code=5)
    (line,) = [line for line in here(*command).splitlines() if "form" in line]
    assert line == "note: the compiled form of efficientnet-lite0 for images is gone or damaged: it is made again"
    assert form.read_bytes() == content == other.read_bytes() and not form.is_symlink()
    assert "compiled" not in here(*command) + here("check")


def test_a_folder_in_the_place_of_a_form_is_named(embedded, tmp_path):
    """It is nothing that curator removes; meanwhile what embeds is called what it is."""
    here, form = copied(embedded, tmp_path)
    lay("folder", form)
    assert f"is a folder, not a file\tremove '{form}'" in here("check", code=5)
    for command in (("similar", "new.png", "-k", "1"), ("add", "new.png", "--no-encode"), ("encode", "--json")):
        said = here(*command)
        lines = [line for line in said.splitlines() if "form" in line and line.startswith("note")]
        assert len(lines) == (command[0] != "add") and all(f"remove '{form}'" in line for line in lines)
    (row,) = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert (row["runtime"], row["encoded"]) == ("onnxruntime", 1)
    form.rmdir()
    scene(30, (100, 80)).save(here.folder / "more.png")
    assert "gone or damaged: it is made again" in here("similar", "more.png", "-k", "1")
    assert form.is_file() and "compiled" not in here("check")


def test_what_cannot_run_is_listed_with_what_it_lacks(here):
    rows = {line.split("\t")[0]: line for line in here("encoders").splitlines()}
    assert EXTRA in rows["clip"] and EXTRA in rows["lstm-clm"]
    assert EXTRA not in rows["efficientnet-lite0"] and "MB to fetch" in rows["resnet50"]
    assert "mlp" in here("plugins") and "skipped" not in here("plugins")


@pytest.mark.torch
def test_a_clip_that_was_used_with_torch_answers_without_it(tmp_path):
    """Its forms are in the workspace, which both installs use."""
    import clip_kit
    import open_clip
    from safetensors.torch import save_file

    here, folder = Here(tmp_path), clip_kit.describe(tmp_path / "tiny")
    network = open_clip.create_model(f"local-dir:{folder}", load_weights=False)
    save_file(network.state_dict(), folder / "open_clip_model.safetensors")
    (tmp_path / "photos").mkdir()
    for seed in range(9):
        scene(seed, (100, 80)).save(tmp_path / "photos" / f"{seed}.png")
    scene(20, (100, 80)).save(tmp_path / "new.png")
    here("add", "photos", "--no-encode")
    clip, plain = f"clip:local-dir:{folder}", "from curator.__main__ import main\nmain()"
    here("encode", "-e", clip, before=plain)
    for question in (("similar", "--text", "a cat"), ("similar", "new.png"), ("classify", "--classes", "cat,dog")):
        with_torch = here(*question, "-e", clip, "--json", before=plain)
        assert answers(here(*question, "-e", clip, "--json")) == pytest.approx(answers(with_torch), abs=1e-3)
    assert row_of(here, "clip:")[4] == "yes"
    here("label", "cat", "photos/0.png")
    assert "does not say where" in here("explain", "new.png", "--label", "cat", "-e", clip, code=2)
    for form in tmp_path.glob("workspace/derived.db.form-*"):
        form.unlink()
    said = here("similar", "new.png", "-e", clip, code=4).splitlines()
    assert f"note: the compiled form of {row_of(here, 'clip:')[0]} for images is gone or damaged" in said
    assert f"Error: loading clip: torch is not installed: {EXTRA}" in said
    assert EXTRA in row_of(here, "clip:")[4]


@pytest.mark.torch
def test_new_photos_are_embedded_without_torch_by_a_clip_that_only_open_clip_knows(tmp_path):
    """What its name stands for, and its weights, are not asked for: its forms are those of the space."""
    import clip_kit
    import open_clip
    from safetensors.torch import save_file

    here, folder = Here(tmp_path), clip_kit.describe(tmp_path / "weights")
    (tmp_path / "known").mkdir()
    (tmp_path / "known" / "tiny.json").write_text(json.dumps(clip_kit.MODEL))
    network = open_clip.create_model(f"local-dir:{folder}", load_weights=False)
    save_file(network.state_dict(), folder / "open_clip_model.safetensors")
    photos = tmp_path / "photos"
    photos.mkdir()
    for seed in range(9):
        scene(seed, (100, 80)).save(photos / f"{seed}.png")
    here("add", "photos", "--no-encode")
    told = f"import open_clip\nopen_clip.add_model_config({str(tmp_path / 'known')!r})\n"
    full = told + "from curator.__main__ import main\nmain()"
    here("encode", "-e", "clip:tiny", "--weights", str(folder), before=full)
    scene(30, (100, 80)).save(photos / "new.png")
    here("add", "photos", "--no-encode")
    assert "1 item embedded" in here("encode", "-e", "clip:tiny")
    question = ("similar", "photos/0.png", "-e", "clip:tiny", "--json")
    found = answers(here(*question, before=full))
    assert len(found) == 9 and answers(here(*question)) == pytest.approx(found, abs=1e-3)
    (tmp_path / "workspace" / "derived.db").unlink()
    here("encode", "-e", "clip:tiny", "--runtime", "torch", before=full)
    assert answers(here(*question, before=full)) == pytest.approx(found, abs=1e-3)
    said = here("encode", "-e", "clip:tiny", "--weights", "photos/0.png", code=4)
    assert f"Error: loading clip: torch is not installed: {EXTRA}" in said


@pytest.mark.torch
def test_what_was_pretrained_with_torch_is_listed_with_what_it_lacks(tmp_path):
    here = Here(tmp_path)
    texts = tmp_path / "texts.txt"
    texts.write_text("\n".join(f"line {at} of a few" for at in range(40)))
    small = ("-o", "epochs=1", "-o", "width=8", "-o", "embedding=8")
    here("init")
    here("pretrain", "lstm-clm", "--corpus", str(texts), *small, before="from curator.__main__ import main\nmain()")
    assert EXTRA in row_of(here, "lstm-clm")[4]


def row_of(here: Here, name: str) -> list[str]:
    """What `curator encoders` says of a model."""
    (row,) = [line.split("\t") for line in here("encoders").splitlines() if line.startswith(name)]
    return row


def answers(out: str) -> dict[int, float]:
    """The items that were found, and the figure of each."""
    rows = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    found = {row["id"]: row.get("score", row.get("probability")) for row in rows if "id" in row}
    assert len(found) >= 5
    return found


def test_a_plugin_that_imports_torch_too_early_is_skipped_with_what_to_install(tmp_path):
    for name in ("site", "folder"):
        (tmp_path / name).mkdir()
    site = Site(tmp_path / "site", tmp_path / "folder")
    site.lay("early", f"import torch\n{encoder('early')}")
    ran = site.run("plugins", code=HIDDEN)
    assert ran.code == 0 and "mlp" in ran.out
    (line,) = [line for line in ran.err.splitlines() if "early" in line]
    assert "skipped" in line and EXTRA in line
