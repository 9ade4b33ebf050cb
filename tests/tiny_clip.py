"""A CLIP small enough to train in half a minute, on pictures that are drawn: one shape of one colour in each.

Radford et al. 2021, "Learning transferable visual models from natural language supervision": two towers, and a loss
by which each picture finds its caption among those of the batch and each caption its picture. Some combinations of a
colour with a shape are `HELD_OUT` of the training: what is found for them was put together from the two words.
"""

from __future__ import annotations

import math
import random

import open_clip
import torch
from clip_kit import MODEL, PREPROCESS, VISION, describe
from PIL import Image, ImageDraw
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy

COLOURS = {
    **{"red": (210, 40, 40), "green": (40, 160, 60), "blue": (50, 70, 210)},
    **{"yellow": (235, 215, 50), "purple": (140, 50, 160), "white": (245, 245, 245)},
}
OTHERS = {
    **{"orange": (240, 140, 20), "pink": (250, 150, 190), "cyan": (60, 210, 220)},
    **{"brown": (130, 80, 40), "grey": (140, 140, 140), "lime": (150, 230, 60)},
}
"""Seen in all shapes, and never named: what a shape is must not hang on its colour."""

SHAPES = ("circle", "square", "triangle", "cross")
ALL = [(colour, shape) for colour in COLOURS for shape in SHAPES]
HELD_OUT = [
    *[("red", "circle"), ("green", "square"), ("blue", "triangle")],
    *[("yellow", "cross"), ("purple", "circle"), ("white", "square")],
]
SEEN = [pair for pair in ALL if pair not in HELD_OUT]

# Unlike the tiny model of clip_kit it keeps all patches in training: a picture has only sixteen.
TRAINED = MODEL | {"vision_cfg": {key: value for key, value in VISION.items() if key != "patch_dropout"}}


def picture(colour: str, shape: str, chance: random.Random) -> Image.Image:
    """The shape somewhere on a dark ground, in about the colour, larger or smaller."""
    around = [min(255, max(0, part + chance.randint(-20, 20))) for part in {**COLOURS, **OTHERS}[colour]]
    image = Image.new("RGB", (64, 64), tuple(chance.randint(0, 60) for _ in range(3)))
    half = chance.randint(14, 22)
    x, y = (chance.randint(half + 2, 62 - half) for _ in range(2))
    draw, fill, box = ImageDraw.Draw(image), tuple(around), (x - half, y - half, x + half, y + half)
    if shape == "circle":
        draw.ellipse(box, fill)
    elif shape == "square":
        draw.rectangle(box, fill)
    elif shape == "triangle":
        draw.polygon([(x, y - half), (x + half, y + half), (x - half, y + half)], fill)
    else:
        arm = half // 3
        draw.rectangle((x - arm, y - half, x + arm, y + half), fill)
        draw.rectangle((x - half, y - arm, x + half, y + arm), fill)
    return image


def train(folder, seed=0, steps=700, each=100):
    """Train on pictures of the combinations `SEEN`; the folder is one that `-e clip --weights` takes."""
    describe(folder, model=TRAINED)
    torch.manual_seed(seed)
    chance = random.Random(seed)
    network = open_clip.create_model(f"local-dir:{folder}", load_weights=False)
    prepare = open_clip.transform.image_transform_v2(
        open_clip.transform.PreprocessCfg(32, **PREPROCESS), is_train=False
    )
    tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
    seen = [*SEEN, *((colour, shape) for colour in OTHERS for shape in SHAPES)]
    drawn = {pair: torch.stack([prepare(picture(*pair, chance)) for _ in range(each)]) for pair in seen}
    network.token_embedding.requires_grad_(False)  # three million numbers; random vectors tell words apart
    optimizer = torch.optim.Adam(part for part in network.parameters() if part.requires_grad)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    network.train()
    for _ in range(steps):
        optimizer.zero_grad()
        _loss(network, tokenizer, drawn, chance).backward()
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            network.logit_scale.clamp_(0, math.log(100))  # as in the paper
    save_file(network.state_dict(), folder / "open_clip_model.safetensors")
    return folder


def _loss(network, tokenizer, drawn, chance, few=3):
    """That of the paper, for captions of both words, of the colour and of the shape: of several pictures each."""
    pairs = [pair for pair in drawn for _ in range(few)]
    pictures = torch.stack([chance.choice(drawn[pair]) for pair in pairs])
    form = chance.choice(["{}", "a {}", "a photo of a {}", "the {}."])
    named = [number for number, (colour, _) in enumerate(pairs) if colour in COLOURS]
    images, loss = network.encode_image(pictures, normalize=True), torch.zeros(())
    for words, which in (("{} {}", named), ("{} thing", named), ("{1}", range(len(pairs)))):
        captions = [form.format(words.format(*pairs[number])) for number in which]
        names = list(dict.fromkeys(captions))
        texts = network.encode_text(tokenizer(names), normalize=True)
        logits = network.logit_scale.exp() * images[list(which)] @ texts.T
        true = torch.tensor([[float(caption == name) for name in names] for caption in captions])
        loss = loss + cross_entropy(logits, true) + cross_entropy(logits.T, (true / true.sum(dim=0)).T)
    return loss / 6
