"""What is held out, and the loop in which a network of pictures learns, on a network of a few weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from curator.api import ImageBatch, Labelled, Preprocess
from curator.errors import NotReady
from curator.kit.finetuning import Recipe, fine_tune, split

PREPROCESS = Preprocess(20, 16, (0.5,) * 3, (0.25,) * 3)
QUICK = Recipe(epochs=6, rate=1e-2)


class Noise:
    """Grainy pictures: the grains of class 1 lie, those of the others stand."""

    def __init__(self, targets, seed=0):
        rng = np.random.default_rng(seed)
        self.pictures = []
        for target in targets:
            grains = np.repeat(rng.integers(60, 196, (20, 7, 3), dtype=np.uint8), 3, axis=1)[:, :20]
            self.pictures.append(np.ascontiguousarray(grains.swapaxes(0, 1)) if target == 0 else grains)

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, index):
        return self.pictures[index]

    def batch(self, indices):
        cut = np.stack([self.pictures[index][2:18, 2:18] for index in indices]).transpose(0, 3, 1, 2)
        return ImageBatch(((cut / 255 - 0.5) / 0.25).astype(np.float32))


def labelled(targets, kin=None, seed=0):
    targets = np.asarray(targets, dtype=np.int64)
    kin = np.arange(len(targets)) if kin is None else np.asarray(kin)
    return Labelled(Noise(targets, seed), targets, int(targets.max()) + 1, kin)


def stages():
    """A network with batch normalisation, in three stages."""
    torch.manual_seed(3)
    below = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.ReLU())
    above = torch.nn.Sequential(torch.nn.Conv2d(8, 16, 3), torch.nn.BatchNorm2d(16), torch.nn.ReLU())
    return [below, above, torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(1))]


def state(network):
    return {name: value.clone() for name, value in torch.nn.Sequential(*network).state_dict().items()}


def tuned(given, first=0, recipe=QUICK, watch=lambda tried: None):
    """The network, what was told, and the state at each save."""
    network, told, saved = stages(), [], []

    def report(tried):
        told.append(tried)
        watch(tried)

    fine_tune(network, first, given, PREPROCESS, "cpu", lambda: saved.append(state(network)), report, recipe)
    return network, told, saved


GIVEN = labelled([0, 1] * 40)


def score(state, seed):
    """Of new pictures: what share a logistic regression on the vectors of a network in this state gets right."""
    network = torch.nn.Sequential(*stages()).eval()
    network.load_state_dict(state)
    rows = []
    for some in (GIVEN, labelled([0, 1] * 100, seed=seed)):
        with torch.no_grad():
            vectors = network(torch.from_numpy(some.items.batch(range(len(some.items))).pixels))
        rows.append(torch.nn.functional.normalize(vectors).numpy())
    fitted = LogisticRegression(C=10, max_iter=1000).fit(rows[0], GIVEN.targets)
    return fitted.score(rows[1], np.asarray([0, 1] * 100))


def test_where_frozen_vectors_do_not_tell_textures_apart_it_learns_to():
    _, told, saved = tuned(GIVEN, recipe=Recipe(epochs=15, rate=1e-2, patience=15, enough=16))
    assert [tried.done for tried in told] == pytest.approx([number / 15 for number in range(16)])
    best = [tried.accuracy for tried in told if tried.best]
    assert best == sorted(best) and len(saved) == len(best) - 1, "it saves each time that it was never better"
    frozen, learnt = score(state(stages()), seed=9), score(saved[-1], seed=9)
    assert frozen < 0.85 and learnt > 0.95, (frozen, learnt)


def test_only_the_stages_from_the_first_on_learn_and_no_statistics_move():
    before = state(stages())
    network, _, _ = tuned(GIVEN, first=1)
    moved = {name for name, value in state(network).items() if not torch.equal(value, before[name])}
    assert moved == {"1.0.weight", "1.0.bias", "1.1.weight", "1.1.bias"}
    assert {name for name in before if "running" in name}


def test_lower_stages_learn_slower():
    before = state(stages())
    network, _, _ = tuned(GIVEN, recipe=Recipe(epochs=1, rate=1e-3, lower=10.0))
    after = state(network)
    moved = [(after[f"{number}.0.weight"] - before[f"{number}.0.weight"]).abs().mean() for number in (0, 1)]
    # AdamW's steps are about as long as the rate, whatever the gradient.
    assert moved[1] / moved[0] == pytest.approx(10, rel=0.5)


def test_the_same_seed_gives_the_same_and_leaves_the_random_state_alone():
    once, network, told = tuned(GIVEN), stages(), []
    before = torch.get_rng_state()
    fine_tune(network, 0, GIVEN, PREPROCESS, "cpu", lambda: None, told.append, QUICK)
    assert torch.equal(torch.get_rng_state(), before)
    again = network, told
    assert once[1] == again[1]
    assert all(torch.equal(value, state(again[0])[name]) for name, value in state(once[0]).items())
    other = tuned(GIVEN, recipe=Recipe(epochs=6, rate=1e-2, seed=1))
    assert other[1] != once[1]


def test_an_interrupt_goes_through_after_the_best_was_saved():
    saved, network = [], stages()

    def report(tried):
        if tried.best and tried.done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fine_tune(network, 0, GIVEN, PREPROCESS, "cpu", lambda: saved.append(state(network)), report, QUICK)
    assert len(saved) == 1


def test_it_stops_when_nothing_gets_better():
    _, told, saved = tuned(GIVEN, recipe=Recipe(epochs=30, rate=0.0, head_rate=0.0, patience=3))
    assert len(told) == 4 and not saved


def test_it_stops_when_nothing_is_left_to_gain():
    """Dark and light are told apart from the start: thirty epochs would only make it surer."""
    given = labelled([0, 1] * 20)
    given.items.pictures = [picture // 4 + 180 * (row % 2) for row, picture in enumerate(given.items.pictures)]
    _, told, _ = tuned(given, recipe=Recipe(epochs=30, rate=1e-3))
    assert [tried.accuracy for tried in told] == [1.0] * 3


def test_rare_classes_count_as_much_as_common_ones():
    """Of 6 among 120 all would be called the common one, were each picture to count the same."""
    targets = [0] * 120 + [1] * 12
    _, told, _ = tuned(labelled(targets), recipe=Recipe(epochs=10, rate=1e-2, patience=10))
    assert max(tried.accuracy for tried in told) > 0.85


def test_small_pictures_are_padded():
    given = labelled([0, 1] * 6)
    given.items.pictures = [picture[:10, :30] for picture in given.items.pictures]
    given.items.batch = lambda indices: ImageBatch(np.zeros((len(indices), 3, 16, 16), np.float32))
    tuned(given, recipe=Recipe(epochs=1))


def test_where_all_of_a_class_are_copies_nothing_can_be_held_out():
    with pytest.raises(NotReady, match="copies of one another"):
        tuned(labelled([0, 1] * 5, kin=[0, 1] * 5))


def test_more_pictures_take_fewer_epochs():
    assert [Recipe().epochs_for(count) for count in (10, 200, 500, 100_000)] == [30, 30, 12, 6]
    assert Recipe(epochs=2).epochs_for(10) == 2


# --- what is held out ---

CLASSES = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 60)), min_size=1, max_size=120)


@given(CLASSES, st.integers(0, 3), st.integers(1, 2))
def test_kin_stay_together_and_of_each_class_something_is_left(pairs, seed, least):
    targets, kin = (np.asarray(column) for column in zip(*pairs, strict=True))
    learnt, held_out = split(targets, kin, 0.2, seed, least)
    assert sorted([*learnt, *held_out]) == list(range(len(targets)))
    assert np.array_equal(learnt, np.unique(learnt)) and np.array_equal(held_out, np.unique(held_out))
    assert not set(kin[learnt]) & set(kin[held_out])
    assert set(targets[learnt]) == set(targets)
    again = split(targets, kin, 0.2, seed, least)
    assert np.array_equal(again[1], held_out)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=200), st.integers(0, 3))
def test_without_kin_each_class_gives_its_share(targets, seed):
    targets = np.asarray(targets)
    _, held_out = split(targets, np.arange(len(targets)), 0.2, seed)
    for target in np.unique(targets):
        total = int((targets == target).sum())
        assert (targets[held_out] == target).sum() == min(total - 1, max(1, round(0.2 * total)))


def test_at_least_so_many_where_there_are_enough():
    sizes = (3, 4, 5, 9, 100)
    targets = np.repeat(range(5), sizes)
    _, held_out = split(targets, np.arange(len(targets)), 0.2, 0, least=2)
    assert np.bincount(targets[held_out]).tolist() == [1, 1, 2, 2, 20]


def test_kin_of_two_classes_go_where_there_is_room_for_all():
    targets = np.asarray([0, 1] * 10)
    kin = np.asarray([0, 0, *range(1, 19)])
    for seed in range(10):
        learnt, held_out = split(targets, kin, 0.2, seed)
        assert {0, 1} <= set(learnt) or {0, 1} <= set(held_out)
