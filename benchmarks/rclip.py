"""A CLIP end to end beside rclip 3.3: photos indexed in a new process, a query in words and one by a picture.

    python3.11 -m venv RCLIP && RCLIP/bin/pip install rclip==3.3.0
    python benchmarks/rclip.py ../shared/data/grocery --rclip RCLIP/bin/rclip

Both have the same ViT-B-32-256 with random weights (rclip as the ONNX models that curator compiles, in the folder where
it keeps those that it downloads), the same photos, and both cores. What is measured is a process and those that it
started: CPU seconds, which other work disturbs less than the wall, and the most memory. curator indexes twice: with
open_clip at first, which also compiles, and once more with its vectors gone and its forms there. Queries are in turns,
and medians; rclip indexes before its first one, so that "index" has a query of it.
Exits with 1 where the two find other photos.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ARCH = "ViT-B-32-256"
RCLIPS = "ViT-B-32-256-datacomp_s34b_b86k"
WORDS = "a green apple"
SAME = 0.9
"""Of the ten photos found, so many have to be the same: rclip decodes all of a photo, curator a part of a large one."""


@dataclass(frozen=True)
class Cost:
    """What a process took: CPU seconds, seconds, and MB."""

    cpu: float
    wall: float
    memory: float


MEASURE = """
import json, os, resource, subprocess, sys, time
begin = time.perf_counter()
code = subprocess.run(sys.argv[2:]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w") as file:
    json.dump([used.ru_utime + used.ru_stime, time.perf_counter() - begin, used.ru_maxrss / 1024], file)
sys.exit(code)
"""
"""A small process between: what a process holds begins with what its parent held."""


def measured(command: Sequence[str | Path], folder: Path, more: dict[str, str]) -> tuple[Cost, str]:
    """What a command took, and what it printed."""
    told = folder / "cost.json"
    full = [sys.executable, "-I", "-S", "-c", MEASURE, told, *command]
    ran = subprocess.run(full, cwd=folder, env=os.environ | more, capture_output=True, text=True)
    if ran.returncode:
        sys.exit(f"{' '.join(map(str, command))}: {ran.stdout}{ran.stderr}")
    return Cost(*json.loads(told.read_text())), ran.stdout


def weights(folder: Path) -> None:
    """open_clip's folder, with random weights."""
    import open_clip
    import torch

    torch.manual_seed(0)
    network, _, _ = open_clip.create_model_and_transforms(ARCH)
    torch.save(network.state_dict(), folder / "open_clip_pytorch_model.bin")
    constants = {"mean": open_clip.OPENAI_DATASET_MEAN, "std": open_clip.OPENAI_DATASET_STD}
    config = {"model_cfg": open_clip.get_model_config(ARCH), "preprocess_cfg": constants}
    (folder / "open_clip_config.json").write_text(json.dumps(config))


def for_rclip(weights: Path, folder: Path) -> None:
    """The same network as rclip keeps it."""
    import onnx
    import open_clip
    from curator_plugins.encoders import clip

    (spec,) = clip.register_encoders()
    loaded = spec.load(spec.resolve(f"local-dir:{weights}", None), "cpu")
    (folder / RCLIPS).mkdir(parents=True), (folder / "tokenizer").mkdir()
    for name, form in (("visual", loaded.onnx()), ("textual", loaded.onnx_text().onnx)):
        model = onnx.load_from_string(form)
        (given,), (made,) = model.graph.input, model.graph.output  # rclip calls them so
        for node in model.graph.node:
            node.input[:] = ["input" if each == given.name else each for each in node.input]
            node.output[:] = ["output" if each == made.name else each for each in node.output]
        given.name, made.name = "input", "output"
        onnx.save(model, folder / RCLIPS / f"{name}.onnx")
    vocabulary = "bpe_simple_vocab_16e6.txt.gz"
    shutil.copy(Path(open_clip.__file__).parent / vocabulary, folder / "tokenizer" / vocabulary)


def main() -> int:
    parser = argparse.ArgumentParser(description="CLIP end to end, beside rclip")
    parser.add_argument("folder", type=Path, help="holds photos, in folders or not")
    parser.add_argument("--rclip", type=Path, required=True, help="the command of an environment of its own")
    parser.add_argument("--photos", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3, help="of each query")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve()
        for name in ("photos", "weights"):
            (folder / name).mkdir()
        every = sorted(chosen.folder.resolve().rglob("*.jpg"), key=str)
        some = every[:: max(1, len(every) // (chosen.photos + 1))][: chosen.photos + 1]
        for number, file in enumerate(some[:-1]):
            shutil.copy(file, folder / "photos" / f"{number:05}.jpg")
        shutil.copy(some[-1], folder / "new.jpg")
        weights(folder / "weights")
        for_rclip(folder / "weights", folder / "rclip")
        return compare(folder, chosen.rclip.absolute(), chosen.rounds)


def compare(folder: Path, rclip: Path, rounds: int) -> int:
    """Print the table."""
    photos = folder / "photos"
    theirs = {"RCLIP_DATADIR": str(folder / "rclip"), "HF_HUB_OFFLINE": "1"}
    model = f"clip:local-dir:{folder / 'weights'}"

    def them(*arguments: str) -> tuple[Cost, str]:
        return measured([rclip, *arguments], photos, theirs)

    def us(*arguments: str) -> tuple[Cost, str]:
        return measured([sys.executable, "-m", "curator", *arguments, "-w", str(folder / "ours")], folder, {})

    print(
        f"load: {os.getloadavg()}\n\n| | rclip CPU s | s | MB | curator CPU s | s | MB | ratio of CPU |\n|{'---|' * 8}"
    )
    begun = them("--filepath-only", WORDS)[0]  # it indexes before its first query
    us("init"), us("add", str(photos), "--no-encode")
    row("index, first", [begun], [us("encode", "-e", model)[0]])
    forget(folder / "ours" / "derived.db")
    row("index, compiled", [begun], [us("encode", "-e", model)[0]])
    agree = True
    for name, given in (("query in words", WORDS), ("query by a picture", str(folder / "new.jpg"))):
        ask = ["--text", WORDS] if given is WORDS else [str(folder / "new.jpg")]
        costs: list[tuple[Cost, Cost]] = []
        for _ in range(rounds):
            their, said = them("--no-indexing", "--filepath-only", given)
            our, answer = us("similar", *ask, "-e", model, "-k", "10", "--json")
            costs.append((their, our))
        row(name, *map(list, zip(*costs, strict=True)))
        wanted = {Path(line).name for line in said.splitlines()}
        found = {Path(json.loads(line)["path"]).name for line in answer.splitlines() if '"path"' in line}
        agree &= len(wanted & found) >= SAME * len(wanted)
        print(f"<!-- {len(wanted & found)} of {len(wanted)} the same -->", flush=True)
    print(f"\nload: {os.getloadavg()}")
    return 0 if agree else 1


def row(name: str, theirs: Sequence[Cost], ours: Sequence[Cost]) -> None:
    """Medians, and how many times rclip's CPU curator takes."""
    cells = [
        f"{median(getattr(cost, what) for cost in costs):.{digits}f}"
        for costs in (theirs, ours)
        for what, digits in (("cpu", 2), ("wall", 2), ("memory", 0))
    ]
    ratio = median(cost.cpu for cost in ours) / median(cost.cpu for cost in theirs)
    print(f"| {name} | {' | '.join(cells)} | {ratio:.2f} |", flush=True)


def forget(cache: Path) -> None:
    """The vectors, but not the forms."""
    import sqlite3

    with sqlite3.connect(cache) as database:
        database.execute("DELETE FROM vector")


if __name__ == "__main__":
    sys.exit(main())
