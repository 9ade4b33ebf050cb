"""Small files that are the same everywhere: drawn without any generator whose numbers a library may change."""

from __future__ import annotations

import csv
import math
import os
import random
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"checks": (50, 80, 210), "dots": (205, 50, 40), "stripes": (50, 160, 60)}
OF_EACH = 8
SIDE = 192
A_DAY = 1_700_000_000

WEATHER = (
    "今天北京有雪，出门请多穿衣服",
    "明天上海下雨，记得带伞",
    "周末广州晴天，适合去公园",
    "今天杭州刮大风，海边不要去",
    "Tomorrow it rains in London, take an umbrella",
    "A cold wind from the north brings snow to Oslo",
    "Sunny weather in Rome until the weekend",
    "Fog in the valley this morning, sun at noon",
)
CITIES, SKIES = ("北京", "上海", "广州"), ("下雨", "晴天", "有雪")
FOOD = (
    "红烧肉要用小火慢慢炖一个小时",
    "西红柿炒鸡蛋先炒鸡蛋再放西红柿",
    "饺子皮要薄，馅要多放白菜",
    "豆腐切成小块，放一点酱油和葱",
    "Bake the bread for forty minutes in a hot oven",
    "Boil the noodles, then add soy sauce and spring onions",
    "A soup of carrots, onions and a little ginger",
    "Fry the eggs in butter and serve them with toast",
)


def make(folder: Path) -> None:
    """All of it, below a folder that exists."""
    _pictures(folder / "pictures")
    _copies(folder)
    _odd(folder / "odd")
    _texts(folder / "texts")
    _tables(folder)
    sentences = [f"今天{city}{weather}，{number}" for number in range(40) for city in CITIES for weather in SKIES]
    (folder / "sentences.txt").write_text("\n".join(sentences), encoding="utf-8")
    for number, path in enumerate(sorted(path for path in folder.rglob("*") if path.is_file())):
        os.utime(path, (A_DAY + number, A_DAY + number))


def drawn(kind: str, seed: int, side: int = SIDE) -> Image.Image:
    """A pattern in about the colour of its kind on a dark ground, turned and scaled by chance, with grain."""
    chance = random.Random(f"{kind} {seed}")
    x, y = np.meshgrid(np.arange(side), np.arange(side))
    angle, period = chance.uniform(0, math.pi), chance.uniform(24, 48)
    u = (x * math.cos(angle) + y * math.sin(angle)) / period + chance.random()
    v = (y * math.cos(angle) - x * math.sin(angle)) / period + chance.random()
    part = {
        "stripes": u % 1 < 0.5,
        "checks": (u % 1 < 0.5) ^ (v % 1 < 0.5),
        "dots": np.hypot(u % 1 - 0.5, v % 1 - 0.5) < 0.33,
    }[kind]
    fore = np.array([value + chance.randint(-30, 30) for value in COLOURS[kind]])
    ground = np.array([chance.randint(0, 90) for _ in range(3)])
    grain = np.frombuffer(chance.randbytes(3 * side * side), np.uint8).reshape(side, side, 3) / 8 - 16
    pixels = ground + part[..., None] * (fore - ground) + grain
    for _ in range(6):  # things in no pattern, so that copies are told from what is only alike
        left, top = chance.randrange(side - 20), chance.randrange(side - 20)
        pixels[top : top + chance.randint(8, 20), left : left + chance.randint(8, 20)] = chance.randint(0, 255)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _pictures(folder: Path) -> None:
    for kind in COLOURS:
        (folder / kind).mkdir(parents=True)
        for number in range(OF_EACH):
            drawn(kind, number).save(folder / kind / f"{number}.png", compress_level=0)
    drawn("dots", 100).save(folder / "loose.png")


def _copies(folder: Path) -> None:
    copies, source = folder / "copies", folder / "pictures"
    copies.mkdir()
    shutil.copyfile(source / "dots" / "0.png", copies / "exact.png")
    with Image.open(source / "dots" / "1.png") as image:
        image.save(copies / "same.bmp")
    with Image.open(source / "checks" / "0.png") as image:
        image.save(copies / "again.jpg", quality=80)
    with Image.open(source / "stripes" / "0.png") as image:
        image.resize((128, 128), Image.Resampling.BOX).save(copies / "smaller.png", compress_level=0)


def _odd(folder: Path) -> None:
    folder.mkdir()
    pages = [drawn(kind, 200, 64) for kind in COLOURS]
    pages[0].save(folder / "pages.tif", save_all=True, append_images=pages[1:])
    drawn("checks", 201, 64).save(folder / "名 字,@ and:more.png")
    drawn("dots", 202).save(folder / "cut.jpg", quality=90)
    whole = (folder / "cut.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "no.png").write_bytes(b"this is no picture")
    (folder / "empty.png").write_bytes(b"")
    (folder / "empty.txt").write_bytes(b"")
    (folder / "readme.md").write_text("not read", encoding="utf-8")


def _texts(folder: Path) -> None:
    for topic, texts in {"weather": WEATHER, "food": FOOD}.items():
        (folder / topic).mkdir(parents=True)
        for number, text in enumerate(texts):
            (folder / topic / f"{number}.txt").write_text(text + "\n", encoding="utf-8")
    (folder / "copy.txt").write_text(WEATHER[0] + "\n", encoding="utf-8")
    (folder / "nearly.txt").write_text(FOOD[4].upper() + "!\n", encoding="utf-8")
    (folder / "oslo.gbk.txt").write_bytes("天气很好，我们去散步吧。这里写的是中文".encode("gb18030"))


def _tables(folder: Path) -> None:
    questions = [("1", "How do I boil rice?", "food"), ("2", "明天会下雨吗", "weather"), ("3", "", "food")]
    questions += [("4", "怎么做红烧肉", "food"), ("5", "Is it going to snow?", "weather"), ("5", "Twice the id", "")]
    with open(folder / "questions.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("nr", "question", "topic"), *questions])
    shots = [(f"shots/{number}.png", f"a {kind} picture, 图片", kind) for number, kind in enumerate(COLOURS)]
    (folder / "shots").mkdir()
    for path, _, kind in shots:
        drawn(kind, 300, 64).save(folder / path)
    with open(folder / "shots.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("file", "caption", "looks"), *shots, ("shots/none.png", "gone", "dots")])
    (folder / "captioned").mkdir()
    drawn("stripes", 301, 64).save(folder / "captioned" / "a.png")
    (folder / "captioned" / "a.txt").write_text("green stripes, 绿色条纹", encoding="utf-8")


def rows_that_repeat(folder: Path) -> None:
    """A table in which one text stands twice, and another differs in its spaces."""
    rows = ["body,stars", "a fine day at the lake,5", "a fine day at the lake,5", "rain  all week,2", "rain all week,2"]
    (folder / "twice.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
