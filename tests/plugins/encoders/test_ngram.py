"""The default for texts: the same everywhere, and near where texts are alike."""

from __future__ import annotations

import numpy as np
import pytest
from curator_plugins.encoders import ngram

from curator.api import TextBatch
from curator.errors import BadInput

(SPEC,) = ngram.register_encoders()

CHINESE = ["一只白猫在睡觉", "一只黑猫在睡觉", "昨天的股市大跌"]
TEXTS = [*CHINESE, "a cat sleeps on the mat", "A CAT sleeps on a mat!", "!?", ""]


def vectors(texts):
    return SPEC.load(SPEC.resolve(None, None), "cpu").encode(TextBatch(texts))


def cosine(a, b):
    first, second = vectors([a, b])
    return float(first @ second / np.linalg.norm(first) / np.linalg.norm(second))


def test_shape_and_numbers():
    rows = vectors(TEXTS)
    assert rows.shape == (len(TEXTS), SPEC.resolve(None, None).dim) == (7, 2048)
    assert rows.dtype == np.float32 and np.isfinite(rows).all()
    assert not rows[-1].any()
    assert all(row.any() for row in rows[:-1])


def test_alike_is_near():
    assert cosine(TEXTS[0], TEXTS[1]) > 0.6 > 0.2 > cosine(TEXTS[0], TEXTS[2])
    assert cosine(TEXTS[3], TEXTS[4]) > 0.8 > 0.3 > cosine(TEXTS[3], TEXTS[0])


def test_case_and_width_do_not_matter():
    wide = "ＣＡＴ １２３"
    np.testing.assert_array_equal(vectors([wide])[0], vectors(["cat 123"])[0])


def test_the_projection_keeps_cosines():
    rng = np.random.default_rng(0)
    words = [f"wort{n}" for n in range(300)]
    for shared in (0, 10, 20, 30):
        common = list(rng.choice(words, 30, replace=False))
        other = [word.replace("wort", "begriff") for word in rng.choice(words, 30 - shared)]
        first, second = " ".join(common), " ".join(common[:shared] + other)
        hashed = [before_projection(text) for text in (first, second)]
        exact = float((hashed[0] @ hashed[1].T).toarray()[0, 0]) / 2  # two blocks of unit length
        assert cosine(first, second) == pytest.approx(exact, abs=0.1)


def before_projection(text):
    import scipy.sparse as sparse

    return sparse.hstack([block.transform([text]) for block in ngram._blocks()], format="csr")


@pytest.mark.parametrize("given", [("big", None), (None, "weights.pt")])
def test_it_has_neither_variants_nor_weights(given):
    with pytest.raises(BadInput, match="neither variants nor weights"):
        SPEC.resolve(*given)
