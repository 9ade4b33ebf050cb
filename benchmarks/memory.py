"""What memory the hardest files take, and what listing many items takes: each in a process of its own.

    python benchmarks/memory.py
    python benchmarks/memory.py --only "one PNG of 170 megapixels"

A process does something small of the same kind first, so that all libraries are loaded; what its peak (`ru_maxrss`)
grows by after that is what the case takes. Exits with 1 where a case takes more than its bound. README.md has results.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

MB = 1 << 20


def maxrss() -> int:
    """Bytes that this process held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


# --- making the files ---


def tiffs(folder: Path, scale: float) -> None:
    """Six photos of 100 megapixels, as scanners write them."""
    from PIL import Image

    side = round(10_000 * scale)
    grain = Image.effect_noise((256, 256), 60)
    for number in range(6):
        tile = Image.merge("RGB", [grain.rotate(90 * (number + band)) for band in range(3)])
        photo = tile.resize((side, side), Image.Resampling.NEAREST)
        photo.save(folder / f"{number}.tif", compression="tiff_lzw" if number % 2 else None)


def png(folder: Path, scale: float) -> None:
    from PIL import Image

    size = round(13_600 * scale), round(12_500 * scale)
    Image.linear_gradient("L").convert("RGB").resize(size).save(folder / "map.png", compress_level=1)


def hostile(folder: Path, scale: float) -> None:
    """Flat pictures of many megapixels in every mode and format that makes copies, a few kilobytes each; and bombs."""
    from PIL import Image

    side = round(12_000 * scale)
    kinds = [("RGBA", "png", {}), ("P", "png", {}), ("I;16", "png", {}), ("L", "png", {}), ("1", "tif", {})]
    kinds += [("CMYK", "tif", {"compression": "tiff_lzw"}), ("F", "tif", {"compression": "tiff_lzw"})]
    kinds += [("RGB", "jpg", {"progressive": True}), ("P", "gif", {}), ("RGB", "webp", {"lossless": True})]
    for number, (mode, ending, options) in enumerate(kinds):
        size = (side, side) if ending not in ("gif", "webp") else (side // 2, side // 2)
        image = Image.new(mode, size, 1 if mode in ("P", "1", "F") else 0)
        image.save(folder / f"{number}.{ending}", **options)
    head = io.BytesIO()
    Image.new("RGB", (8, 8)).save(head, "PNG")
    data = bytearray(head.getvalue())
    for number, sides in enumerate(((60_000, 60_000), (13_000, 13_000))):
        import struct
        import zlib

        data[16:24] = struct.pack(">II", *sides)
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
        (folder / f"bomb{number}.png").write_bytes(bytes(data))


def long_line(folder: Path, scale: float) -> None:
    """A text of 10 MB without a line break, of words as they come."""
    chance = random.Random(1)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randrange(2, 10))) for _ in range(20_000)]
    words += [chr(code) for code in range(0x4E00, 0x5E00)]
    size = round(10_000_000 * scale)
    (folder / "long.txt").write_text(" ".join(chance.choices(words, k=size // 6))[:size], encoding="utf-8")


def wide_table(folder: Path, scale: float) -> None:
    """200 rows of 100,000 columns."""
    columns = round(100_000 * scale)
    with (folder / "wide.csv").open("w") as file:
        file.write("text," + ",".join(f"c{number}" for number in range(columns)) + "\n")
        for row in range(200):
            file.write(f"text number {row}," + ",".join(["0.125"] * columns) + "\n")


def many_rows(folder: Path, scale: float) -> None:
    with (folder / "many.csv").open("w") as file:
        file.write("text,label\n")
        file.writelines(f"text number {row},label {row % 7}\n" for row in range(round(100_000 * scale)))


# --- what is done with them ---


def add(workspace: Any, folder: Path) -> None:
    workspace.add(folder)


def add_table(workspace: Any, folder: Path) -> None:
    for table in sorted(folder.glob("*.csv")):
        workspace.add(table, text_column="text")


def catalogue(workspace: Any, folder: Path) -> None:
    workspace.add(folder / "many.csv", text_column="text", label_column="label", encode=False)


def nothing(workspace: Any, folder: Path) -> None:
    pass


def ls(workspace: Any, folder: Path) -> None:
    """As the command does."""
    from click.testing import CliRunner

    from curator.cli import cli

    ran = CliRunner().invoke(cli, ["ls", "--limit", "3", "-w", str(workspace.folder)])
    assert ran.exit_code == 0, ran.output


Step = Callable[[Any, Path], None]
CASES: dict[str, tuple[Callable[[Path, float], None], Step, Step, int, int]] = {
    "six TIFFs of 100 megapixels": (tiffs, nothing, add, 1100, 1100),
    "one PNG of 170 megapixels": (png, nothing, add, 1100, 1100),
    "flat pictures in ten modes and formats, and bombs": (hostile, nothing, add, 1100, 1100),
    "a text of 10 MB on one line": (long_line, nothing, add, 200, 200),
    "a table of 100,000 columns": (wide_table, nothing, add_table, 120, 120),
    "ls --limit 3 of 100,000 items": (many_rows, catalogue, ls, 150, 150),
}
"""How its files are made, what is done before and then measured, and the bound in MB."""


def measure(name: str, folder: Path, scale: float) -> dict[str, float]:
    """In this process, which is for it alone."""
    import curator

    make, before, step, _, _ = CASES[name]
    del make, scale
    small, workspace_folder = folder / "small", folder / "workspace"
    with contextlib.redirect_stdout(sys.stderr), curator.open_workspace(workspace_folder, create=True) as workspace:
        workspace.add(small)
        before(workspace, folder / "files")
        start, begin, cpu = maxrss(), time.perf_counter(), time.process_time()
        step(workspace, folder / "files")
        seconds, busy = time.perf_counter() - begin, time.process_time() - cpu
        problems = len(workspace.derived.all_failures())
    return {"mb": (maxrss() - start) / MB, "seconds": seconds, "cpu": busy, "reasons": problems}


def warmed(folder: Path) -> None:
    """One of each, so that whatever is loaded once is loaded."""
    from PIL import Image

    folder.mkdir()
    for number in range(2):
        Image.effect_noise((300, 300), 50 + number).convert("RGB").save(folder / f"{number}.png")
    (folder / "a.txt").write_text("a text")


def measured(name: str, scale: float = 1.0) -> dict[str, float]:
    """In a process of its own, on files that are made in another."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "files").mkdir()
        CASES[name][0](folder / "files", scale)
        warmed(folder / "small")
        command = [sys.executable, __file__, "--measure", name, "--folder", temporary]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=CASES)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--measure", choices=CASES)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure(given.measure, given.folder, given.scale)))
        return 0
    over = 0
    print("| case | memory above its start | bound | seconds | of a processor | reasons |\n|---|---|---|---|---|---|")
    for name in [given.only] if given.only else CASES:
        found, bound = measured(name, given.scale), CASES[name][3]
        over += found["mb"] > bound
        print(
            f"| {name} | {found['mb']:,.0f} MB | {bound:,} MB | {found['seconds']:.1f} | {found['cpu']:.1f} "
            f"| {found['reasons']:.0f} |",
            flush=True,
        )
    return int(over > 0)


if __name__ == "__main__":
    sys.exit(main())
