"""What a metric must be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from curator.api import Metric, MetricSpec
from curator.errors import CuratorError
from curator.registry.loader import Spec
from curator.testing.fresh import folder, require_module, run_task
from curator.testing.given import Given
from curator.testing.samples import pairs

if TYPE_CHECKING:
    Floats = NDArray[np.float32]

PAIRS = 200
"""So many teach what can be learnt."""


class MetricCase:
    """A kind of metric."""

    def __init__(self, spec: MetricSpec, module: str, specs: Sequence[Spec], given: Given) -> None:
        self.spec = spec
        self.module = module

    def fitted_metric(self, number: int = PAIRS, seed: int = 7, of: int = 0) -> Metric:
        """One fitted on so many pairs of the sample `of`."""
        metric = self.spec.load()
        metric.fit(*pairs(number, of), seed)
        return metric


def check_rows_have_unit_length(case: MetricCase) -> None:
    """Inner products of rows are shown as likeness from -1 to 1: (n, m) float32, each row of length 1."""
    metric = case.fitted_metric()
    vectors, *_ = pairs(20, 3)
    wide = np.asarray(metric.transform(vectors)).shape[-1]
    for rows in (vectors, vectors[:1], vectors[:0], np.zeros_like(vectors[:2])):
        given = np.asarray(metric.transform(rows))
        assert given.shape == (len(rows), wide), f"for {len(rows)} rows it gave {given.shape}, for others {wide} wide"
        assert given.dtype == np.float32, f"it gave {given.dtype}, not float32"
        assert np.isfinite(given).all(), "not all is finite"
        lengths = np.linalg.norm(given, axis=1)
        right = np.isclose(lengths, 1, atol=1e-4) | ~rows.any(axis=1)
        assert right.all(), f"it gave a row of the length {lengths[~right][0]:.3g}, not 1"


def check_rows_stand_alone(case: MetricCase) -> None:
    """Items come in blocks: how alike two are must not hang on which others are looked at with them."""
    metric = case.fitted_metric()
    vectors, *_ = pairs(30, 3)
    together = np.asarray(metric.transform(vectors))
    turned = np.asarray(metric.transform(vectors[::-1]))[::-1]
    alone = np.concatenate([metric.transform(row[None]) for row in vectors])
    assert np.allclose(together, turned, atol=1e-5), "in another order, rows are others"
    assert np.allclose(together, alone, atol=1e-5), "alone, a row is another one than among others"


def check_learns_what_was_marked(case: MetricCase) -> None:
    """Pairs are marked because the cosine does not see what matters: of new pairs, more must come out right."""
    plain, learned = _told_apart(None), _told_apart(case.fitted_metric())
    assert learned > plain + 0.05, f"new pairs are told apart by {learned:.2f}, by the plain cosine by {plain:.2f}"


def check_sides_mean_nothing(case: MetricCase) -> None:
    """A pair has no first item: what is learnt must not hang on which was named first."""
    left, right, alike = pairs(PAIRS)
    turned = case.spec.load()
    turned.fit(right, left, alike, 7)
    one, other = _likeness(case.fitted_metric()), _likeness(turned)
    assert np.allclose(one, other, atol=1e-2), f"with sides changed, likeness is up to {abs(one - other).max():.2g} off"


def check_refit_forgets(case: MetricCase) -> None:
    """Cross-validation fits one after another: what is left over of the last fold makes the figures lie."""
    metric = case.fitted_metric(60, of=5)
    metric.fit(*pairs(PAIRS), 7)
    assert np.allclose(_likeness(metric), _likeness(case.fitted_metric()), atol=1e-5), (
        "fitted again, it gives another likeness than one that was fitted once"
    )


def check_seed_decides(case: MetricCase) -> None:
    """The same pairs and the same seed give the same metric: else nobody can tell what changed a result."""
    import random

    first = case.fitted_metric()
    random.seed(123)
    np.random.seed(123)
    assert np.array_equal(_likeness(first), _likeness(case.fitted_metric())), (
        "two fits of one seed give another likeness"
    )


def check_state_is_arrays(case: MetricCase) -> None:
    """States are kept and loaded without running code: arrays of numbers, and nothing that needs pickle."""
    state = case.fitted_metric().state()
    assert isinstance(state, Mapping) and state, f"state() gave {type(state).__name__}, not a mapping of arrays"
    for name, array in state.items():
        assert isinstance(name, str) and isinstance(array, np.ndarray), f"{name!r} is {type(array).__name__}, no array"
        assert not array.dtype.hasobject, f"{name!r} holds Python objects"


def check_state_goes_to_another_process(case: MetricCase) -> None:
    """A metric is fitted once and used in later commands: all that it learned is in its state."""
    module, metric = require_module(case.module), case.fitted_metric()
    vectors, *_ = pairs(20, 3)
    with folder() as here:
        state: dict[str, Any] = {name: np.asarray(array) for name, array in metric.state().items()}
        np.savez(here / "state.npz", **state)
        np.save(here / "rows.npy", vectors)
        run_task("transformed", here, module=module, name=case.spec.name)
        given = np.load(here / "transformed.npy")
    assert np.allclose(given, metric.transform(vectors), atol=1e-5), "restored in another process, it gives other rows"


def check_one_kind_is_an_error(case: MetricCase) -> None:
    """Pairs that are all alike say nothing of what is not: that is one line, not a likeness of everything."""
    left, right, _ = pairs(10)
    for kind in (True, False):
        try:
            case.spec.load().fit(left, right, np.full(10, kind), 0)
        except CuratorError as error:
            assert str(error).strip() and "\n" not in str(error), "its error is not one line that says what it lacks"
        except Exception as error:
            raise AssertionError(f"it raised {type(error).__name__}, not BadInput") from error
        else:
            raise AssertionError("it was fitted on pairs of one kind without an error")


def check_takes_one_pair_of_each(case: MetricCase) -> None:
    """From two pairs of each kind one is held out: it must work with the others, also beside many of one kind."""
    left, right, alike = pairs(80)
    order = np.argsort(~alike, kind="stable")
    yes = int(alike.sum())
    for rows in (order[[0, -1]], order[: yes + 1], order[yes - 1 :]):
        metric = case.spec.load()
        try:
            metric.fit(left[rows], right[rows], alike[rows], 0)
        except Exception as error:
            raise AssertionError(
                f"given {alike[rows].sum()} of {len(rows)} pairs alike, it raised {error!r}"
            ) from error
        assert np.isfinite(_likeness(metric)).all(), f"fitted on {len(rows)} pairs, it gives what is not finite"


def check_leaves_its_input_alone(case: MetricCase) -> None:
    """The vectors are everybody's: what is changed in them shows in the next search."""
    given = pairs(40)
    kept = [array.copy() for array in given]
    metric = case.spec.load()
    metric.fit(*given, 0)
    metric.transform(given[0])
    assert all(map(np.array_equal, given, kept)), "it changed what it was given"


def _likeness(metric: Metric | None) -> Floats:
    """How alike it calls the items of each of 300 new pairs; the plain cosine without one."""
    left, right, _ = pairs(300, 9)
    rows = (left, right) if metric is None else (metric.transform(left), metric.transform(right))
    return np.asarray(np.einsum("ij,ij->i", *rows), np.float32)


def _told_apart(metric: Metric | None) -> float:
    """How often a new pair that is alike comes out above one that is not."""
    likeness, alike = _likeness(metric), pairs(300, 9)[2]
    return float((likeness[alike][:, None] > likeness[~alike]).mean())
