"""Which examples are copies of one another, so that fine-tuning does not measure on what it learns from."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageEnhance

from curator.kit.copies.kin import kin_of_pictures, kin_of_texts


def smooth(seed, size=(200, 150)):
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def test_near_copies_are_kin_and_others_are_none(tmp_path):
    pictures, families = [], []
    for family in range(12):
        picture = smooth(family)
        picture.save(tmp_path / "saved.jpg", quality=60)
        copies = [picture, Image.open(tmp_path / "saved.jpg"), picture.resize((120, 90)).resize((200, 150))]
        copies.append(ImageEnhance.Brightness(picture).enhance(0.8))
        for copy in copies:
            pictures.append(np.asarray(copy.resize((85, 64))))
            families.append(family)
    kin = kin_of_pictures(pictures)
    assert [len(set(kin[np.asarray(families) == family])) for family in range(12)] == [1] * 12
    assert len(set(kin)) == 12


def test_texts_of_the_same_words_are_kin():
    texts = ["Please, help!", "please help", "Please help me", "今天，股市", "今天 股市", "!!", "??"]
    assert kin_of_texts(texts).tolist() == [0, 0, 1, 2, 2, 3, 4]
