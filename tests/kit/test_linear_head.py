"""What is done for a head that says only how weights and bias are learnt."""

from __future__ import annotations

import numpy as np
import pytest

from curator.api import HeadSpec, LinearHead, NoParams
from curator.errors import BadInput
from curator.kit import linear_head
from curator.testing import checks


class Ends(linear_head.LinearHead[NoParams]):
    """The nearest mean."""

    name = "ends"

    def learn(self, vectors, targets, classes, seed):
        means = np.stack([vectors[targets == target].astype(np.float64).mean(axis=0) for target in range(classes)])
        return 20 * means, -10 * (means**2).sum(axis=1)


ROWS = np.eye(3, dtype=np.float32)


def fitted():
    head = Ends(NoParams())
    head.fit(ROWS, np.arange(3), 3, 0)
    return head


def test_probabilities_are_the_softmax_of_what_was_learnt():
    head = fitted()
    weights, bias = head.linear()
    assert weights.dtype == bias.dtype == np.float32
    logits = np.exp(ROWS.astype(np.float64) @ weights.T + bias)
    np.testing.assert_allclose(head.predict(ROWS), logits / logits.sum(axis=1, keepdims=True), rtol=1e-6)
    assert head.predict(ROWS).dtype == np.float32
    assert isinstance(head, LinearHead), "the protocol of curator.api, by which curator explains"


def test_the_state_is_all_that_was_learnt():
    head, other = fitted(), Ends(NoParams())
    assert set(head.state()) == {"weights", "bias"}
    other.restore(head.state())
    np.testing.assert_array_equal(other.predict(ROWS), head.predict(ROWS))


def test_what_curator_asks_of_every_head():
    passed = set()
    for check in checks(HeadSpec("ends", "the nearest mean", Ends)):
        try:
            check()
            passed.add(check.name)
        except Exception as error:
            assert type(error).__name__ == "NotApplicable", (check.name, error)
    assert {"check_linear_form_gives_the_probabilities", "check_learns_what_is_separable"} <= passed


def test_what_cannot_be_is_said():
    head = Ends(NoParams())
    for call in (head.linear, head.state, lambda: head.predict(ROWS)):
        with pytest.raises(BadInput, match=r"^this head has not been fitted$"):
            call()
    for targets, classes in ((np.zeros(3, int), 1), (np.zeros(3, int), 2)):
        with pytest.raises(BadInput, match=r"^an ends head needs examples of at least two classes$"):
            head.fit(ROWS, targets, classes, 0)
    with pytest.raises(NotImplementedError, match="LinearHead does not say how it learns"):
        linear_head.LinearHead.learn(linear_head.LinearHead(None), ROWS, np.arange(3), 3, 0)
