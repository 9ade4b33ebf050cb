"""Captions that fit badly: what `odd-caption` flags of pairs that were put together wrongly, and of right ones.

    python benchmarks/captions.py --clip 2,3

No model of photos can be had here, so that there are two stand-ins. Made-up spaces: what a picture shows is a vector of
one of some subjects, and both towers see it with noise, about a place of their own, some directions more than others;
of 40 to 2,000 pairs, in 32 to 512 dimensions. And small CLIPs that learn shapes and colours (tests/tiny_clip.py, one a
seed, 45 s each), on new pictures. A caption in 20 is exchanged for one of another pair, which may well fit: of the
same subject, or of the same colour. Prints, by how well the model knows the pictures, what is flagged of both kinds.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from curator_plugins.checks.captions.fitting import KNOWS, LINE, TIMES, shares
from numpy.typing import NDArray

Floats = NDArray[np.float64]
DRAWS = 10
BANDS = (0, 0.005, 0.015, 0.025, KNOWS, 1)


def unit(rows: Floats) -> Floats:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def spaces(seed: int) -> Iterator[tuple[Floats, Floats, NDArray[np.int64]]]:
    """Unit rows of pictures and captions, and which caption each picture has."""
    chance = np.random.default_rng(seed)
    of = itertools.product((40, 300, 2_000), (32, 512), (8, 80), (0.3, 1), (0.5, 1, 1.5, 2.5), (0, 3), (0, 0.2))
    for many, dim, subjects, within, noise, apart, narrow in of:
        shown = chance.normal(size=(subjects, dim))[chance.integers(0, subjects, many)]
        shown = (shown + within * chance.standard_t(5, size=(many, dim))) / (1 + narrow * np.arange(dim))
        shown /= shown.std()
        seen = [unit(shown + noise * chance.normal(size=shown.shape) + apart * chance.normal(size=dim)) for _ in "ab"]
        yield seen[0], seen[1], exchanged(many, chance)


def exchanged(many: int, chance: np.random.Generator) -> NDArray[np.int64]:
    order = np.arange(many)
    wrong = chance.choice(many, max(2, many // 20), replace=False)
    order[wrong] = np.roll(wrong, 1)
    return order


def drawn(seed: int) -> Iterator[tuple[Floats, Floats, NDArray[np.int64]]]:
    """The same of pictures of all shapes and colours with captions in several forms, by a small CLIP; ten draws."""
    import open_clip
    import torch

    sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
    from tiny_clip import ALL, PREPROCESS, picture, train

    torch.set_num_threads(1)  # the network is small
    chance = random.Random(1_000 + seed)
    with tempfile.TemporaryDirectory() as place:
        folder = train(Path(place) / "model", seed)
        network = open_clip.create_model(f"local-dir:{folder}").eval()
        tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
        prepare = open_clip.transform.image_transform_v2(
            open_clip.transform.PreprocessCfg(32, **PREPROCESS), is_train=False
        )
        forms = ("{} {}", "a {} {}", "a photo of a {} {}", "the {} {}.")
        pairs = [(pair, form.format(*pair)) for pair in ALL for form in forms]
        pictures = torch.stack([prepare(picture(*pair, chance)) for pair, _ in pairs])
        with torch.inference_mode():
            images = network.encode_image(pictures, normalize=True).numpy().astype(np.float64)
            texts = network.encode_text(tokenizer([caption for _, caption in pairs]), normalize=True)
    rng = np.random.default_rng(seed)
    yield from ((images, texts.numpy().astype(np.float64), exchanged(len(pairs), rng)) for _ in range(DRAWS))


class Rows(SimpleNamespace):
    """Vectors as `Context.stored` gives them."""

    def __len__(self) -> int:
        return len(self.all)

    def rows(self, index: NDArray[np.int64]) -> Floats:
        return self.all[index]


def measured(images: Floats, texts: Floats, order: NDArray[np.int64]) -> tuple[float, NDArray[np.bool_], NDArray]:
    """The middle rank, which pairs are flagged, and which are wrong."""
    pairs = np.stack([order, np.arange(len(images))], axis=1)
    ranks = shares(Rows(all=texts), Rows(all=images), pairs).mean(axis=1)
    middle = float(np.median(ranks))
    return middle, ranks >= max(LINE, TIMES * middle), order != np.arange(len(images))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=7, help="of the made-up spaces; the lines were set on 1")
    parser.add_argument("--clip", default="", help="seeds of small CLIPs, as 2,3; the lines were set on 0 and 1")
    given = parser.parse_args()
    found = [measured(*space) for space in spaces(given.seed)]
    print("middle rank      spaces  wrong flagged  right flagged: mean, most  of what is flagged wrong")
    for low, high in itertools.pairwise(BANDS):
        some = [(flagged, wrong) for middle, flagged, wrong in found if low <= middle < high or low == middle == 0]
        caught = np.concatenate([flagged[wrong] for flagged, wrong in some])
        false = [flagged[~wrong].mean() for flagged, wrong in some]
        right = caught.sum() / max(1, sum(flagged.sum() for flagged, _ in some))
        what = f"{caught.mean():13.2f}  {np.mean(false):19.4f}, {max(false):.3f}  {right:24.2f}"
        print(f"{low:5.3f} to {high:5.3f}  {len(some):6}  {what if low < KNOWS else 'says that it cannot tell'}")
    for seed in filter(None, given.clip.split(",")):
        ranks, flagged, wrong = (np.stack(one) for one in zip(*(measured(*of) for of in drawn(int(seed))), strict=True))
        said = f"{flagged[wrong].sum()} of {wrong.sum()} wrong, {flagged[~wrong].sum()} of {(~wrong).sum()} right"
        print(f"CLIP of seed {seed}: middle rank {ranks.mean():.3f}; flagged {said}")


if __name__ == "__main__":
    main()
