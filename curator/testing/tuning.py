"""What an encoder that learns labels must do."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import IO

from curator.api import Labelled, Tried
from curator.testing import samples
from curator.testing.encoders import CLOSE, EncoderCase, no_network
from curator.testing.fresh import folder
from curator.testing.given import NotApplicable, hold_told

HEAD = "head"
EACH = 6


def check_depths_have_names_of_their_own(case: EncoderCase) -> None:
    """A person says by name how much of an encoder learns; `head` is curator's own, for nothing of it."""
    depths = case.spec.fine_tune_depths
    if case.spec.fine_tune is None:
        assert not depths, "it names depths, and cannot be fine-tuned"
        raise NotApplicable("it cannot be fine-tuned, which is optional")
    assert len(set(depths)) == len(depths), f"two of its depths have one name: {', '.join(depths)}"
    wrong = [name for name in depths if not name or name == HEAD or name.startswith("-") or name.split() != [name]]
    assert not wrong, f"{wrong[0]!r} cannot name a depth"


def check_fine_tuning_leaves_a_model(case: EncoderCase) -> None:
    """What learnt the labels is a model beside the first one: it loads, has other vectors, and the first one stays."""
    import numpy as np

    if case.spec.fine_tune is None:
        raise NotApplicable("it cannot be fine-tuned, which is optional")
    start, before = case.resolved, [path.read_bytes() for path in case.resolved.files]
    told: list[Tried] = []

    def report(tried: Tried) -> None:
        told.append(tried)
        hold_told(told, Tried, "accuracy")
        assert 0 <= tried.accuracy <= 1, f"an accuracy of {tried.accuracy} is none"
        if tried.best and tried.done and any(made.iterdir()):
            raise KeyboardInterrupt  # which must leave the best until now

    depth = next(iter(_depths(case)), "")
    with folder() as here, tempfile.TemporaryFile() as file, no_network():
        made = here / "made"
        made.mkdir()
        with contextlib.suppress(KeyboardInterrupt):
            case.spec.fine_tune(start, made, _labelled_examples(case, file, here), depth, "cpu", report)
        assert told, "it never told a `Tried`"
        assert [path.read_bytes() for path in start.files] == before, "it changed the model that it began with"
        if not any(made.iterdir()):
            assert not any(tried.best for tried in told if tried.done), "it told that it was better, and left no model"
            raise NotApplicable("nothing that it tried was better, so that it left no model")
        resolved = case.spec.resolve(start.variant or None, made)
        assert all(path.parent == made for path in resolved.files), "its model lies elsewhere than in the given folder"
        hidden = [path.name for path in resolved.files if path.name.startswith(".")]
        assert not hidden, f"{hidden} are of its model and hidden: hidden files are not kept"
        same = (resolved.dim, resolved.variant, resolved.preprocess) == (start.dim, start.variant, start.preprocess)
        assert same, "its model has another dimension, variant or preprocessing than the one that it began with"
        encoder = case.spec.load(resolved, "cpu")
        try:
            batch, vectors = case.batches[0]
            apart = np.linalg.norm(case.encoded(batch, encoder) - vectors, axis=1).max()
            assert apart > CLOSE * np.linalg.norm(vectors, axis=1).max(), "it learnt nothing: its vectors are the same"
        finally:
            encoder.close()


def _depths(case: EncoderCase) -> tuple[str, ...]:
    """Those of its depths that the variant may have: where it is cut, only a name for all of it is sure to be one."""
    depths = case.spec.fine_tune_depths
    return depths[-1:] if case.given.variant else depths


def _labelled_examples(case: EncoderCase, file: IO[bytes], here: Path) -> Labelled:
    """Items of two classes that are told apart easily, and not at once."""
    import numpy as np

    from curator.learning.labelled_pictures import Decoded
    from curator.media.preprocessing import resized

    targets = np.arange(2 * EACH, dtype=np.int64) % 2
    if case.spec.modalities[0] == "text":
        texts = [f"{samples.TEXTS[0 if target else 1]} {number}" for number, target in enumerate(targets)]
        return Labelled(texts, targets, 2, np.arange(len(targets)))
    assert case.resolved.preprocess is not None
    pictures = Decoded(file, case.resolved.preprocess)
    for path in samples.two_kinds(here, targets):
        pictures.add(resized(path, case.resolved.preprocess))
    return Labelled(pictures, targets, 2, np.arange(len(targets)))
