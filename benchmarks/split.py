"""Whether `curator split` keeps versions of a photo on one side, beside a split by chance on the same files.

    python benchmarks/split.py ../shared/data/grocery/train ../shared/data/mixed ../shared/data/hands

Of each folder 150 photos are copied, 25 of them with versions of every kind in `photo_variants.py`. Both splits are
0.6, 0.2, 0.2. A leak is a version on another side than the photo that it was made of.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from photo_variants import CHANGED, EDITED, SAVED, VARIANTS, quality
from PIL import Image, ImageOps

PHOTOS, WITH_VERSIONS = 150, 25
SHARES = {"train": 0.6, "val": 0.2, "test": 0.2}
CURATOR = Path(sys.executable).with_name("curator")


def curator(home: Path, *args: str) -> list[dict]:
    done = subprocess.run([CURATOR, *args, "--json"], cwd=home, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def plant(source: Path, home: Path) -> dict[str, tuple[str, str]]:
    """Copies photos, and versions of some; the photo and the kind of each version, by its name."""
    chance = random.Random(0)
    photos = chance.sample(
        sorted(path for path in source.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg")), PHOTOS
    )
    made = {}
    (home / "photos").mkdir()
    for number, path in enumerate(photos):
        picture = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        picture.save(home / "photos" / f"{number}.jpg", quality=95)
        for kind, version in VARIANTS.items() if number < WITH_VERSIONS else ():
            name = f"{number}-{kind.replace(' ', '-').replace('%', '')}.jpg"
            version(picture, chance).save(home / "photos" / name, quality=quality(kind))
            made[name] = (f"{number}.jpg", kind)
    return made


def leaks(made: dict[str, tuple[str, str]], sides: dict[str, str]) -> Counter[str]:
    groups = {"changed": CHANGED, "saved again": SAVED, "edited": EDITED}
    found = Counter(dict.fromkeys(groups, 0))
    for name, (original, kind) in made.items():
        if sides[name] != sides[original]:
            found[next(group for group, kinds in groups.items() if kind in kinds)] += 1
    return found


def main() -> None:
    print("| source | files | versions | split | changed | saved again | edited |\n|---|---|---|---|---|---|---|")
    for source in map(Path, sys.argv[1:]):
        with tempfile.TemporaryDirectory() as temporary:
            home = Path(temporary)
            made = plant(source, home)
            curator(home, "add", "photos")
            curator(home, "split", *(word for side, share in SHARES.items() for word in (f"--{side}", str(share))))
            rows = [row for row in curator(home, "ls", "--limit", "0") if row["kind"] == "item"]
            contents = {path.name: path.read_bytes() for path in (home / "photos").iterdir()}
            by_content = {contents[Path(row["path"]).name]: row["side"] for row in rows}  # one content is one item
            ours = {name: by_content[content] for name, content in contents.items()}
            chance = random.Random(1)
            plain = {name: chance.choices([*SHARES], [*SHARES.values()])[0] for name in ours}
            for title, sides in (("curator", ours), ("by chance", plain)):
                found = leaks(made, sides)
                counts = " | ".join(str(found[group]) for group in ("changed", "saved again", "edited"))
                print(f"| {source.name} | {len(ours)} | {len(made)} | {title} | {counts} |", flush=True)


if __name__ == "__main__":
    main()
