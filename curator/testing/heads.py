"""What a head must be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from curator.api import DifferentiableHead, Head, HeadSpec, LinearHead
from curator.errors import CuratorError
from curator.registry.loader import Spec
from curator.registry.parameters import bind
from curator.testing.fresh import folder, require_module, run_task
from curator.testing.given import Given, NotApplicable
from curator.testing.samples import clouds

if TYPE_CHECKING:
    Floats = NDArray[np.float32]


class HeadCase:
    """A kind of head, with its default options or those given."""

    def __init__(self, spec: HeadSpec, module: str, specs: Sequence[Spec], given: Given) -> None:
        self.spec = spec
        self.module = module
        self.given = given

    def unfitted_head(self) -> Head:
        """One that is not fitted."""
        return self.spec.load(bind(self.spec.params, self.given.options))

    def fitted_head(self, sizes: tuple[int, ...] = (30, 30, 30), spread: float = 0.4, seed: int = 7) -> Head:
        """One fitted on clouds of these sizes."""
        head = self.unfitted_head()
        vectors, targets = clouds(sizes, spread)
        head.fit(vectors, targets, len(sizes), seed)
        return head


def check_rows_are_probabilities(case: HeadCase) -> None:
    """Rows are shown as percentages and compared with thresholds: (n, classes) float32, 0 to 1, each row sums to 1."""
    head = case.fitted_head()
    vectors, _ = clouds((20, 20, 20), spread=2.0, seed=3)
    for rows in (vectors, vectors[:1], vectors[:0], np.zeros_like(vectors[:2])):
        given = np.asarray(head.predict(rows))
        assert given.shape == (len(rows), 3), f"it gave the shape {given.shape} for {len(rows)} rows and 3 classes"
        assert given.dtype == np.float32, f"it gave {given.dtype}, not float32"
        assert np.isfinite(given).all() and (given >= 0).all() and (given <= 1).all(), "not all lies in 0 to 1"
        assert np.allclose(given.sum(axis=1), 1, atol=1e-4), "rows do not sum to 1"


def check_classes_keep_their_order(case: HeadCase) -> None:
    """Column c is class c, whichever comes first in the examples: else every label is another one's."""
    vectors, targets = clouds((30, 30, 30))
    last_first = np.argsort(-targets, kind="stable")
    head = case.unfitted_head()
    head.fit(vectors[last_first], targets[last_first], 3, 0)
    said = np.asarray(head.predict(vectors)).argmax(axis=1)
    assert (said == targets).mean() > 0.9, f"of rows that it was fitted on, {(said == targets).mean():.0%} are right"


def check_learns_what_is_separable(case: HeadCase) -> None:
    """Clouds far apart are the easiest there is: of rows that it has not seen, nearly all must be right."""
    for sizes in ((40, 40), (15, 15, 15, 15)):
        head = case.fitted_head(sizes)
        vectors, targets = clouds(sizes, seed=5)
        right = (np.asarray(head.predict(vectors)).argmax(axis=1) == targets).mean()
        assert right >= 0.95, f"of {len(sizes)} separable classes, {right:.0%} of new rows are right"


def check_classes_weigh_the_same(case: HeadCase) -> None:
    """Ten photos of a thing stand among hundreds of others: unbalanced, hardly anything would be called the thing."""
    vectors, targets = clouds((300, 15), spread=1.2)
    head = case.unfitted_head()
    head.fit(vectors, targets, 2, 0)
    fresh, wanted = clouds((200, 200), spread=1.2, seed=8)
    said = np.asarray(head.predict(fresh)).argmax(axis=1)
    found = (said[wanted == 1] == 1).mean()
    assert found > 0.6, f"fitted on 300 and 15, it finds {found:.0%} of the small class"


def check_refit_forgets(case: HeadCase) -> None:
    """Cross-validation fits one head after another: what is left over of the last fold makes the figures lie."""
    head = case.fitted_head((20, 40), spread=1.5, seed=1)
    vectors, targets = clouds((30, 30, 30))
    head.fit(vectors, targets, 3, 7)
    probed, _ = clouds((20, 20, 20), spread=1.0, seed=4)
    assert np.allclose(head.predict(probed), case.fitted_head().predict(probed), atol=1e-5), (
        "fitted again, it predicts other than one that was fitted once"
    )


def check_seed_decides(case: HeadCase) -> None:
    """The same labels and the same seed give the same head: else nobody can tell what changed a result."""
    import random

    first = case.fitted_head(spread=1.5)
    random.seed(123)
    np.random.seed(123)
    second = case.fitted_head(spread=1.5)
    probed, _ = clouds((20, 20, 20), spread=1.0, seed=4)
    assert np.array_equal(first.predict(probed), second.predict(probed)), "two fits of one seed predict differently"


def check_state_is_arrays(case: HeadCase) -> None:
    """States are kept for years and loaded without running code: arrays of numbers, and nothing that needs pickle."""
    state = case.fitted_head().state()
    assert isinstance(state, Mapping) and state, f"state() gave {type(state).__name__}, not a mapping of arrays"
    for name, array in state.items():
        assert isinstance(name, str) and isinstance(array, np.ndarray), f"{name!r} is {type(array).__name__}, no array"
        assert not array.dtype.hasobject, f"{name!r} holds Python objects"


def check_state_goes_to_another_process(case: HeadCase) -> None:
    """A head is fitted once and used in later commands: all that it learned is in its state."""
    module, head = require_module(case.module), case.fitted_head()
    probed, _ = clouds((20, 20, 20), spread=1.0, seed=4)
    with folder() as here:
        state: dict[str, Any] = {name: np.asarray(array) for name, array in head.state().items()}
        np.savez(here / "state.npz", **state)
        np.save(here / "rows.npy", probed)
        run_task("probabilities", here, module=module, name=case.spec.name, options=dict(case.given.options))
        given = np.load(here / "probabilities.npy")
    assert np.allclose(given, head.predict(probed), atol=1e-5), "restored in another process, it predicts differently"


def check_one_class_is_an_error(case: HeadCase) -> None:
    """Examples of one class cannot teach it: that is said in one line, not shown as a head that is always right."""
    vectors, _ = clouds((10, 10))
    for classes in (1, 2):
        try:
            case.unfitted_head().fit(vectors, np.zeros(len(vectors), dtype=np.int64), classes, 0)
        except CuratorError as error:
            assert str(error).strip() and "\n" not in str(error), "its error is not one line that says what it lacks"
        except Exception as error:
            raise AssertionError(f"it raised {type(error).__name__}, not BadInput") from error
        else:
            raise AssertionError("it was fitted on one class without an error")


def check_takes_as_few_as_it_says(case: HeadCase) -> None:
    """`least` is how few of each class curator fits it on: with that many it works, also beside a large class."""
    least = case.spec.least
    for sizes in ((least,) * 2, (least,) * 4, (40, least)):
        vectors, targets = clouds(sizes, spread=0.1)
        head = case.unfitted_head()
        try:
            head.fit(vectors, targets, len(sizes), 0)
        except Exception as error:
            raise AssertionError(f"given {sizes} examples of its classes, it raised {error!r}") from error
        given = np.asarray(head.predict(vectors))
        assert np.isfinite(given).all(), f"fitted on {sizes} examples of its classes, it gives what is not finite"
        right = (given.argmax(axis=1) == targets).mean()
        assert right > 0.9, f"fitted on {sizes} examples of its classes, it gets {right:.0%} of them right"


def check_background_stands_back(case: HeadCase) -> None:
    """What nobody labelled is fitted as one more class, of many kinds, some of them labelled ones: these stand out."""
    scores, known, right = _beside_a_background(case)
    higher = float(
        (scores[known][:, None] > scores[~known]).mean() + (scores[known][:, None] == scores[~known]).mean() / 2
    )
    assert higher > 0.92, f"an item of a class stands out more than one of no class in {higher:.0%} of the cases"
    assert right > 0.9, f"fitted with a background, it gets {right:.0%} of the items of its classes right"


def check_background_leaves_an_order(case: HeadCase) -> None:
    """Lines are drawn among the scores that the columns of the classes give: where all are equal there is no place."""
    scores, _, _ = _beside_a_background(case)
    apart = len(np.unique(scores)) / len(scores)
    assert apart > 0.5, f"beside a background, {len(scores)} items have {len(np.unique(scores))} different scores"


def _beside_a_background(case: HeadCase) -> tuple[Floats, NDArray[np.bool_], float]:
    """Of a head of two classes and a background: the scores of new items, which are of the classes, and of these the
    share whose class is right.

    A score is what the columns of the classes give at most; that of the background is taken off.
    """
    labelled, targets = clouds((12, 12, *[0] * 10), spread=1.0)
    others, _ = clouds((10,) * 12, spread=1.0, seed=2)
    head = case.unfitted_head()
    head.fit(np.concatenate([labelled, others]), np.concatenate([targets, np.full(len(others), 2)]), 3, 7)
    fresh, kinds = clouds((30,) * 12, spread=1.0, seed=6)
    said = np.asarray(head.predict(fresh))[:, :2]
    known = kinds < 2
    return said.max(axis=1), known, float((said[known].argmax(axis=1) == kinds[known]).mean())


def check_leaves_its_input_alone(case: HeadCase) -> None:
    """The vectors are everybody's: what is changed in them shows in the next head and the next search."""
    vectors, targets = clouds((20, 20))
    kept = vectors.copy(), targets.copy()
    head = case.unfitted_head()
    head.fit(vectors, targets, 2, 0)
    head.predict(vectors)
    assert np.array_equal(vectors, kept[0]) and np.array_equal(targets, kept[1]), "it changed what it was given"


def check_linear_form_gives_the_probabilities(case: HeadCase) -> None:
    """A heat map shares a logit out by the weights: it is true where weights and bias are all that `predict` uses."""
    for sizes in ((30, 30, 30), (30, 30)):
        head = case.fitted_head(sizes, spread=1.5)
        if not isinstance(head, LinearHead):
            raise NotApplicable("it is not linear, or does not say so, which is optional")
        probed, _ = clouds(sizes, spread=2.0, seed=4)
        weights, bias = head.linear()
        _assert_float32_shape("weights", weights, (len(sizes), probed.shape[1]))
        _assert_float32_shape("bias", bias, (len(sizes),))
        _softmax_gives(head, probed, probed.astype(np.float64) @ weights.T + bias)


def check_gradients_are_those_of_the_logits(case: HeadCase) -> None:
    """Where no weights say what speaks for a class, gradients do: they must be what the logits change by."""
    for sizes in ((30, 30, 30), (30, 30)):
        head = case.fitted_head(sizes, spread=1.5)
        if not isinstance(head, DifferentiableHead):
            raise NotApplicable("it gives no gradients, which are optional")
        probed, _ = clouds(sizes, spread=2.0, seed=4)
        logits, gradients = head.gradients(probed)
        _assert_float32_shape("logits", logits, (len(probed), len(sizes)))
        _assert_float32_shape("gradients", gradients, (len(probed), len(sizes), probed.shape[1]))
        _softmax_gives(head, probed, logits)
        step = np.random.default_rng(0).standard_normal(probed.shape).astype(np.float32) * np.float32(1e-3)
        ahead, behind = (np.asarray(head.gradients(probed + way * step)[0], np.float64) for way in (1, -1))
        change, said = (ahead - behind) / 2, np.einsum("ncd,nd->nc", gradients, step)
        # Logits are rounded, and a step may cross the edge of a ReLU: nearly is enough, of all of them together.
        off = float(np.linalg.norm(change - said) / (np.linalg.norm(change) or 1.0))
        assert off < 0.1, f"by its gradients the logits change otherwise than they do ({off:.0%} off)"


def _assert_float32_shape(what: str, array: Any, shape: tuple[int, ...]) -> None:
    given = np.asarray(array)
    assert given.shape == shape, f"its {what} have the shape {given.shape}, not {shape}"
    assert given.dtype == np.float32, f"its {what} are {given.dtype}, not float32"


def _softmax_gives(head: Head, vectors: Floats, logits: Any) -> None:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    said = powers / powers.sum(axis=1, keepdims=True)
    assert np.allclose(said, head.predict(vectors), atol=1e-4), "the softmax of its logits is not what it predicts"
