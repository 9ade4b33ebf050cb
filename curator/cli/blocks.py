"""A picture in the cells of a terminal: in each, one of the block characters and two colours."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from curator.kit.images import thumbnail
from curator.kit.reading import Unreadable

Colour: TypeAlias = tuple[int, int, int]
Cell: TypeAlias = tuple[str, Colour, Colour]
"""A character, its colour, and that of its ground."""

# Which of the four quarters (two above, two below) a character fills; the rest is ground.
QUARTERS = {"▀": "1100", "▌": "1010", "▚": "1001", "▘": "1000", "▝": "0100", "▖": "0010", "▗": "0001"}


def blocks(path: Path, columns: int, lines: int) -> list[list[Cell]] | None:
    """Lines of cells, at most so many, in the picture's proportions; None for what is no picture.

    A cell is taken to be twice as high as wide, as nearly all are.
    """
    import numpy as np

    try:
        picture = thumbnail(path, 8 * columns, 16 * lines, enlarge=8)
    except Unreadable:
        return None
    scale = min(columns / picture.width, 2 * lines / picture.height)
    wide, high = max(1, round(picture.width * scale)), max(1, round(picture.height * scale / 2))
    pixels = np.asarray(picture.resize((2 * wide, 2 * high)), dtype=np.float32)
    # (cell, quarter, colour)
    cells = pixels.reshape(high, 2, wide, 2, 3).transpose(0, 2, 1, 3, 4).reshape(high * wide, 4, 3)
    masks = np.array([[quarter == "1" for quarter in quarters] for quarters in QUARTERS.values()], dtype=np.float32)
    inside = np.einsum("mq,cqk->mck", masks / masks.sum(1, keepdims=True), cells)
    outside = np.einsum("mq,cqk->mck", (1 - masks) / (1 - masks).sum(1, keepdims=True), cells)
    filled = masks[:, None, :, None]
    drawn = inside[:, :, None] * filled + outside[:, :, None] * (1 - filled)
    best = ((drawn - cells) ** 2).sum((2, 3)).argmin(0)
    at = np.arange(high * wide)
    signs = [list(QUARTERS)[number] for number in best]
    colours = np.stack([inside[best, at], outside[best, at]], 1).round().astype(int).tolist()
    found = [(sign, tuple(ink), tuple(ground)) for sign, (ink, ground) in zip(signs, colours, strict=True)]
    return [found[line * wide : (line + 1) * wide] for line in range(high)]
