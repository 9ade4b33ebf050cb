"""Classes told by their names alone: a text tower turns each name into a vector, and pictures go to the nearest.

Method: Radford et al. 2021, "Learning transferable visual models from natural language supervision", section 3.1: a
name is put into several prompts, whose unit vectors are averaged; the softmax is over 100 times the cosine, which is
where the temperature of the published models ended in training. Prompts: some of the paper's for ImageNet, and their
like in Chinese, which Chinese-CLIP (Yang et al. 2022) uses in the same way.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from curator.api import Context, Item, ItemSet, Model, Predictions
from curator.errors import BadInput

PLACE = "{}"
ENGLISH = (
    "a photo of a {}.",
    "a photo of the {}.",
    "a picture of a {}.",
    "a close-up photo of a {}.",
    "a photo of the small {}.",
    "a photo of the large {}.",
    "a bad photo of the {}.",
)
CHINESE = (
    "一张{}的照片。",
    "一张{}的图片。",
    "{}的照片。",
    "一张{}的特写照片。",
    "一张小{}的照片。",
    "一张大{}的照片。",
    "一张质量差的{}的照片。",
)
CHARACTERS = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
SCALE = 100.0
"""What cosines are multiplied by before the softmax."""


def names_in(classes: str) -> tuple[str, ...]:
    """The names of classes between commas, Chinese ones too; raises `BadInput` where they cannot be told apart."""
    names = tuple(name.strip() for name in re.split("[,，、]", classes))
    if "" in names:
        raise BadInput(f"--classes {classes!r} has an empty name: write the names with one comma between each two")
    # Published text towers take upper case for lower, so that such names would be one class.
    twice = next((name for name in names if [other.casefold() for other in names].count(name.casefold()) > 1), None)
    if twice is not None:
        raise BadInput(f"--classes names {twice!r} twice (upper and lower case count as the same)")
    if len(names) < 2:
        raise BadInput(f"--classes {classes!r} is one class: give at least two, with commas between them")
    return names


def validate_prompts(prompts: Sequence[str]) -> Sequence[str]:
    """The prompts; raises `BadInput` for one that has no place for the name."""
    for prompt in prompts:
        if PLACE not in prompt:
            raise BadInput(f"--prompt {prompt!r} has no {PLACE}, which is where the name of a class goes")
    return prompts


def predictions(
    context: Context, model: Model, names: tuple[str, ...], prompts: Sequence[str], items: Sequence[Item]
) -> Predictions:
    """Softmax of 100 times the cosine of each item with each class."""
    present, cosines = context.cosines(_classes(context, model, names, prompts), model, items)
    cosines -= cosines.max(axis=1, keepdims=True)
    powers = np.exp(np.multiply(cosines, np.float32(SCALE), out=cosines), out=cosines)
    powers /= powers.sum(axis=1, keepdims=True)
    return Predictions(present, names, powers)


def _classes(context: Context, model: Model, names: Sequence[str], prompts: Sequence[str]) -> NDArray[np.float32]:
    """A unit row for each name: the mean over its prompts."""
    written = [_fill_prompts(name, prompts) for name in names]
    rows = context.embed_texts([text for texts in written for text in texts], model)
    means = np.array([part.mean(axis=0) for part in np.split(rows, np.cumsum([len(texts) for texts in written])[:-1])])
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    return (means / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def _fill_prompts(name: str, prompts: Sequence[str]) -> list[str]:
    """The name in each prompt; without any, in ours for the writing that it is in."""
    ours = CHINESE if CHARACTERS.search(name) else ENGLISH
    return [prompt.replace(PLACE, name) for prompt in prompts or ours]


def model_of_both(context: Context, model: Model) -> Model:
    """The model; raises `BadInput` for one that does not have pictures and texts in one space."""
    absent = next((medium for medium in ("image", "text") if medium not in model.modalities), None)
    if absent is not None:
        raise BadInput(
            f"{model.name} encodes no {absent}s, and --classes compares pictures with words: "
            "name an encoder of both, such as -e clip (`curator encoders` lists them)"
        )
    return model


def items_of(context: Context, selection: ItemSet) -> Sequence[Item]:
    """Those of a selection; its images, where it doesn't say which media."""
    return context.items(selection, modalities=None if selection.media else ["image"])
