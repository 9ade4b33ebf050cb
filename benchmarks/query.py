"""How long `curator similar` takes as people run it, in a new process each time.

    python benchmarks/query.py ../shared/data/grocery/test

Three queries on one catalogue, in turns: by a catalogued photo (its vector is kept), by a new photo with the compiled
encoder, and by the new photo with that thrown away, the plain way. Prints medians; exits with 1 if answers differ.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from statistics import median

from PIL import Image

ROUNDS = 9
COMMAND = [sys.executable, "-c", "from curator.cli import main; main()"]


def curator(*arguments: str | Path) -> tuple[float, list[dict[str, object]]]:
    """Seconds of a command, and its rows."""
    begin = time.perf_counter()
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=True)
    return time.perf_counter() - begin, [json.loads(line) for line in done.stdout.splitlines()]


def forget_form(workspace: Path) -> None:
    """The query before it left another."""
    with closing(sqlite3.connect(workspace / "derived.db")) as database:
        database.execute("DELETE FROM form")
        database.commit()


def main() -> int:
    parser = argparse.ArgumentParser(description="curator similar, cold")
    parser.add_argument("folder", type=Path, help="holds photos, in folders or not")
    folder = parser.parse_args().folder.resolve()
    with tempfile.TemporaryDirectory() as temporary:
        quick, plain, new = (Path(temporary) / name for name in ("workspace", "plain", "new.jpg"))
        catalogued = sorted(folder.rglob("*.jpg"))[0]
        with Image.open(catalogued) as image:
            image.convert("RGB").crop((10, 10, image.width - 5, image.height - 5)).save(new, quality=90)
        added, rows = curator("add", folder, "-w", quick, "--json")
        print(f"{rows[0]['added']} photos added and embedded in {added:.1f} s")
        shutil.copytree(quick, plain)
        size = sum(file.stat().st_size for file in quick.glob("derived.db.form-*"))
        print(f"the compiled encoder takes {size / 1e6:.1f} MB")
        ways = {
            "catalogued photo": (catalogued, quick),
            "new photo, compiled encoder": (new, quick),
            "new photo, plain": (new, plain),
        }
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        found: dict[str, list[object]] = {}
        for _ in range(ROUNDS):
            for name, (query, workspace) in ways.items():
                forget_form(plain)
                taken, rows = curator("similar", query, "-k", "5", "-w", workspace, "--json")
                seconds[name].append(taken)
                found[name] = [row["id"] for row in rows]
        print("\n| query | median s | least | most |\n|---|---|---|---|")
        for name, taken in seconds.items():
            print(f"| {name} | {median(taken):.2f} | {min(taken):.2f} | {max(taken):.2f} |")
        ratio = median(seconds["new photo, plain"]) / median(seconds["new photo, compiled encoder"])
        print(f"\nplain / compiled: {ratio:.1f}")
    return 0 if found["new photo, compiled encoder"] == found["new photo, plain"] else 1


if __name__ == "__main__":
    sys.exit(main())
