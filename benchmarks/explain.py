"""Does the map point at a watermark? Badges planted into grocery photos, beside a plain class activation map.

    python benchmarks/explain.py ../shared/data/grocery

48 photos of 48 kinds, every second with a badge in one corner, all labelled by that alone; for each corner and seed one
workspace. The control is the map of Zhou et al. 2016 on the same labels and feature maps: scikit-learn's
logistic regression on unit vectors, w . f in each cell. Prints figures; no goal decides.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from sklearn.linear_model import LogisticRegression

import curator
from curator.api import ImageBatch
from curator.media.preprocessing import framed

PHOTOS, SIDE, MARGIN = 48, 0.09, 0.1
CORNERS = ("top left", "top right", "bottom left", "bottom right")
Box = tuple[float, float, float, float]


def planted(photo: Image.Image, corner: str) -> Box:
    """Draw a badge into a corner of what the encoder sees, a square in the middle; returns its box."""
    width, height = photo.size
    side = min(photo.size)
    font, pen = ImageFont.load_default(int(SIDE * side)), ImageDraw.Draw(photo)
    _, _, across, down = pen.textbbox((0, 0), "SHOP.NET", font)
    left, top = (width - side) / 2 + MARGIN * side, (height - side) / 2 + MARGIN * side
    x = left if "left" in corner else width - left - across
    y = top if "top" in corner else height - top - down
    box = (x - 6, y - 4, x + across + 6, y + down + 6)
    pen.rounded_rectangle(box, 8, (200, 30, 40))
    pen.text((x, y), "SHOP.NET", "white", font)
    return box


def photos(source: Path, folder: Path, corner: str, seed: int) -> dict[Path, Box | None]:
    """Photos of different kinds, each with the box of its badge if it has one."""
    rng = np.random.default_rng(seed)
    kinds = rng.permutation(sorted(path for path in (source / "train").iterdir() if path.is_dir()))[:PHOTOS]
    made: dict[Path, Box | None] = {}
    for number, kind in enumerate(kinds):
        files = sorted(Path(kind).glob("*.jpg"))
        photo = Image.open(files[rng.integers(len(files))]).convert("RGB")
        target = folder / f"{number}.png"
        made[target] = planted(photo, corner) if number % 2 else None
        photo.save(target)
    return made


def hit(cells: Any, frame: Box, badge: Box) -> bool:
    """Whether the cell of the most evidence touches the badge."""
    rows, columns = np.shape(cells)
    row, column = divmod(int(np.argmax(cells)), columns)
    x, y = (frame[2] - frame[0]) / columns, (frame[3] - frame[1]) / rows
    left, top = frame[0] + column * x, frame[1] + row * y
    return left < badge[2] and badge[0] < left + x and top < badge[3] and badge[1] < top + y


def plain(encoder: Any, preprocess: Any, made: dict[Path, Box | None]) -> float:
    """How often a plain class activation map has its largest cell at the badge."""
    found = [framed(path, preprocess) for path in made]
    with torch.inference_mode():
        maps = np.concatenate([encoder.feature_map(ImageBatch(pixels[None])) for pixels, _, _ in found])
    vectors = maps.mean(axis=(1, 2))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    marked = [badge is not None for badge in made.values()]
    weights = LogisticRegression(C=10, class_weight="balanced", max_iter=1000).fit(vectors, marked).coef_[0]
    hits = [
        hit(cells @ weights, frame, badge)
        for cells, (_, _, frame), badge in zip(maps, found, made.values(), strict=True)
        if badge
    ]
    return float(np.mean(hits))


def ours(folder: Path, made: dict[Path, Box | None], corner: str) -> tuple[float, float, bool]:
    """How often the largest cell is at the badge, and the box meets it; whether the corner was named."""
    said: list[str] = []
    with curator.open_workspace(folder / "workspace", create=True) as ws:
        ws.reporter.say = said.append  # type: ignore[method-assign]
        ws.add(folder)
        for value in (True, False):
            ws.label("badge", [path for path, badge in made.items() if (badge is not None) == value], value=value)
        rows = ws.run("explain", label="badge", top=PHOTOS)
    pairs = [(row, made[Path(row["path"])]) for row in rows]
    peaks = [hit(row["map"], row["frame"], badge) for row, badge in pairs if badge]
    boxes = [
        row["box"] is not None
        and row["box"][0] < badge[2]
        and badge[0] < row["box"][2]
        and row["box"][1] < badge[3]
        and badge[1] < row["box"][3]
        for row, badge in pairs
        if badge
    ]
    named = any(f"strongest region lies at the {corner}" in line for line in said)
    return float(np.mean(peaks)), float(np.mean(boxes)), named


def main() -> None:
    """Print a row for each corner and seed, and the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    from curator_plugins.encoders import efficientnet_lite

    resolved = efficientnet_lite.resolve(None, None)
    encoder = efficientnet_lite.load(resolved, "cpu")
    print("corner        seed  plain: peak at badge  explain: peak at badge  box meets badge  corner named")
    rows = []
    for corner in CORNERS:
        for seed in range(options.seeds):
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name).resolve()
                made = photos(options.folder, folder, corner, seed)
                row = (plain(encoder, resolved.preprocess, made), *ours(folder, made, corner))
            rows.append(row)
            print(f"{corner:12} {seed:5} {row[0]:21.2f} {row[1]:23.2f} {row[2]:16.2f}  {'yes' if row[3] else 'no'}")
    means = np.mean(np.asarray(rows, dtype=float), axis=0)
    print(f"mean {'':13} {means[0]:21.2f} {means[1]:23.2f} {means[2]:16.2f}  {means[3]:.2f}")


if __name__ == "__main__":
    main()
