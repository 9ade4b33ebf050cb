"""Make the data of recipes.md, and run its commands: every `$ command` of its console blocks.

    python docs/recipes.py FOLDER       make the data in FOLDER, run the commands there, and write what they say into
                                        the page

The test runs the same commands on the same data and compares the structure of what comes out.
"""

from __future__ import annotations

import csv
import importlib.util
import random
import re
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

PAGE = Path(__file__).parent / "recipes.md"
_spec = importlib.util.spec_from_file_location("tour", Path(__file__).parent / "tour.py")
assert _spec and _spec.loader
tour = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tour)

SCRIPT = re.compile(r"(?<=^```python\n).*?(?=^```$)", re.DOTALL | re.MULTILINE)
KINDS = {"mug": (60, 90, 190), "plant": (60, 150, 70), "book": (190, 70, 60)}
OF_EACH = 14
GOOD = ("arrived a day early", "fits as it should", "looks better than in the picture", "works since the first minute")
BAD = ("came broken", "stopped after a week", "smells of glue", "is much smaller than shown")
THINGS = (
    "the lamp",
    "this kettle",
    "my new chair",
    "the blue coat",
    "their backpack",
    "the keyboard",
    "a pair of shoes",
)
WHO = ("for my sister", "for the office", "as a present", "for our kitchen", "after long thought", "second time now")


def make(folder: Path) -> None:
    """What the two jobs begin with."""
    photos(folder / "photos")
    reviews(folder / "reviews.csv")
    (folder / "probe.py").write_text(SCRIPT.search(PAGE.read_text(encoding="utf-8"))[0], encoding="utf-8")


def photos(folder: Path) -> None:
    """Three kinds of things, some photos saved again, two blurred, one black, one in two folders."""
    for kind in KINDS:
        (folder / kind).mkdir(parents=True)
        for number in range(OF_EACH):
            photo(kind, number).save(folder / kind / f"{kind}{number:02}.jpg", quality=92)
        photo(kind, 3).resize((240, 240)).save(folder / kind / f"{kind}03 (1).jpg", quality=70)
        photo(kind, 7).save(folder / kind / f"{kind}07-copy.png")
    photo("mug", 50).filter(ImageFilter.GaussianBlur(14)).save(folder / "mug" / "shaky.jpg")
    photo("book", 51).filter(ImageFilter.GaussianBlur(14)).save(folder / "book" / "moved.jpg")
    Image.new("RGB", (320, 320), (3, 3, 4)).save(folder / "plant" / "pocket.jpg")


def photo(kind: str, number: int) -> Image.Image:
    """A thing of that kind on a table, in some light."""
    chance = random.Random(f"{kind} {number}")
    side = 320
    ground = tuple(chance.randrange(90, 220) for _ in range(3))
    picture = Image.new("RGB", (side, side), ground)
    draw = ImageDraw.Draw(picture)
    for _ in range(14):  # what else lies there
        left, top = chance.randrange(side), chance.randrange(side)
        shade = tuple(min(255, max(0, part + chance.randrange(-50, 50))) for part in ground)
        draw.rectangle((left, top, left + chance.randrange(8, 70), top + chance.randrange(8, 70)), fill=shade)
    colour = tuple(part + chance.randrange(-25, 26) for part in KINDS[kind])
    x, y, size = chance.randrange(90, 140), chance.randrange(90, 140), chance.randrange(90, 130)
    if kind == "mug":
        draw.ellipse((x + size * 0.7, y + size * 0.2, x + size * 1.3, y + size * 0.8), outline=colour, width=14)
        draw.rounded_rectangle((x, y, x + size, y + size), 18, fill=colour)
    elif kind == "plant":
        draw.polygon(
            [(x, y + size), (x + size, y + size), (x + size * 0.8, y + size * 1.5), (x + 20, y + size * 1.5)],
            fill=(150, 90, 50),
        )
        for _ in range(9):
            tip = x + chance.randrange(-30, size + 30), y + chance.randrange(-60, size // 2)
            draw.line((x + size // 2, y + size, *tip), fill=colour, width=12)
    else:
        draw.rectangle((x, y, x + size, y + size * 1.3), fill=colour)
        for row in range(3):
            draw.line((x + 15, y + 25 + 22 * row, x + size - 15, y + 25 + 22 * row), fill=(250, 245, 235), width=4)
    grain = np.frombuffer(chance.randbytes(3 * side * side), np.uint8).reshape(side, side, 3) / 6 - 21
    return Image.fromarray((np.asarray(picture) + grain).clip(0, 255).astype(np.uint8))


def reviews(path: Path) -> None:
    """Two hundred, of which some stand twice, some differ in their spaces, and five have the wrong label."""
    chance = random.Random(7)
    rows = []
    every = [(thing, end, who) for thing in THINGS for end in (*GOOD, *BAD) for who in WHO]
    for number, (thing, end, who) in enumerate(chance.sample(every, 200)):
        mood = "good" if end in GOOD else "bad"
        if number % 40 == 7:
            mood = "bad" if mood == "good" else "good"
        rows.append([f"bought {who}: {thing} {end}", mood])
    rows += [list(row) for row in rows[20:28]]
    rows += [[text.replace(": ", " :  "), mood] for text, mood in rows[30:36]]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\n")
        writer.writerows([["number", "review", "mood"], *([number, *row] for number, row in enumerate(rows, 1))])


def main() -> None:
    """Write what the commands say into the page."""
    folder = Path(sys.argv[1])
    make(folder)

    def ran(block: re.Match[str]) -> str:
        lines = []
        for command, _ in tour.commands(block[0]):
            code, output = tour.run(command, folder)
            if code:
                sys.exit(f"{command}\n{output}")
            lines += ["$ " + command.replace("\n", "\n> "), output.rstrip("\n")]
        return "\n".join(filter(None, lines)) + "\n"

    PAGE.write_text(tour.BLOCK.sub(ran, PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
