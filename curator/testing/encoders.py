"""What an encoder must be."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import shutil
import socket
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from curator.api import (
    Compilable,
    CompilableText,
    Encoder,
    EncoderSpec,
    ImageBatch,
    LanguageModel,
    Look,
    Modality,
    ReducedPrecision,
    Resolved,
    TextBatch,
    Truncating,
)
from curator.errors import CuratorError
from curator.kit.copies.vectors import near_copies
from curator.registry.loader import Spec
from curator.registry.packages import missing_to_load
from curator.testing import samples
from curator.testing.fresh import folder, require_module, run_task
from curator.testing.given import Given, NotApplicable, hold_told

if TYPE_CHECKING:
    Floats = NDArray[np.float32]

CLOSE = 1e-4
"""Relative to a vector's length: so far two encodings of one item may be apart."""


class EncoderCase:
    """An encoder, loaded once for all checks."""

    def __init__(self, spec: EncoderSpec, module: str, specs: Sequence[Spec], given: Given) -> None:
        self.spec = spec
        self.module = module
        self.given = given

    @functools.cached_property
    def weights(self) -> Path | None:
        """The file that the author gave or makes; what an encoder that learns learnt from a few texts."""
        given = self.given.weights
        if given is None and self.spec.pretrain is not None:
            return self.pretraining_result[0]
        return given if given is None or isinstance(given, Path) else given()

    @functools.cached_property
    def pretraining_result(self) -> tuple[Path, list[Look]]:
        """The folder of a model that was just learnt, and what was told on the way."""
        assert self.spec.pretrain is not None
        folder, looks = Path(tempfile.mkdtemp(prefix="curator-check-")).resolve(), list[Look]()
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)  # it goes with the case
        with no_network():
            self.spec.pretrain(list(samples.CORPUS), folder, self.spec.pretrain_params(), None, looks.append)
        return folder, looks

    @functools.cached_property
    def resolved(self) -> Resolved:
        """The variant made definite, without a network. Raises `NotApplicable` where the weights are not here."""
        try:
            with no_network():
                return self.spec.resolve(self.given.variant, self.weights)
        except CuratorError as error:
            raise self._missing(error) from error

    @functools.cached_property
    def encoder(self) -> Encoder:
        """Loaded."""
        return self.load_encoder()

    def load_encoder(self) -> Encoder:
        """Loaded anew, without a network."""
        resolved = self.resolved
        try:
            with no_network():
                return self.spec.load(resolved, "cpu")
        except CuratorError as error:
            raise self._missing(error) from error

    def _missing(self, error: CuratorError) -> BaseException:
        if self.weights is not None:
            return AssertionError(f"it cannot use the weights that were given: {error}")
        return NotApplicable(missing_to_load(self.spec) or f"its weights are not here: {error}")

    @functools.cached_property
    def batches(self) -> list[tuple[ImageBatch | TextBatch, Floats]]:
        """For each of its modalities items that differ, and their vectors."""
        found = [self.items(modality) for modality in self.spec.modalities]
        return [(batch, self.encoded(batch)) for batch in found]

    def items(self, modality: Modality) -> ImageBatch | TextBatch:
        """Items that differ, made anew."""
        if modality == "text":
            return TextBatch(list(samples.TEXTS))
        with folder() as here:
            return self.image_batch(samples.pictures(here))

    def image_batch(self, paths: Sequence[Path]) -> ImageBatch:
        """Pictures as this encoder sees them."""
        from curator.media.preprocessing import pixels

        assert self.resolved.preprocess is not None, "it encodes images, and its Resolved names no preprocess"
        return ImageBatch(np.stack([pixels(path, self.resolved.preprocess) for path in paths]))

    def encoded(self, batch: ImageBatch | TextBatch, encoder: Encoder | None = None) -> Floats:
        """The vectors of a batch, held to their shape, dtype and finiteness."""
        given = np.asarray((encoder or self.encoder).encode(batch))
        wanted = (_length(batch), self.resolved.dim)
        assert given.shape == wanted, f"it gave the shape {given.shape}, not {wanted}"
        assert given.dtype == np.float32, f"it gave {given.dtype}, not float32"
        assert np.isfinite(given).all(), "it gave numbers that are not finite"
        return given


def check_works_without_network(case: EncoderCase) -> None:
    """Many laptops are offline: it either loads, or says in one line what it lacks, and does not wait or crash."""
    try:
        with no_network():
            case.spec.load(case.spec.resolve(case.given.variant, case.weights), "cpu").close()
    except CuratorError as error:
        assert case.weights is None, f"it cannot use the weights that were given: {error}"
        assert str(error).strip() and "\n" not in str(error), "its error is not one line that says what it lacks"


def check_vectors_are_finite_float32(case: EncoderCase) -> None:
    """Vectors are stored as (n, dim) float32; one NaN among them makes every search and head useless."""
    assert case.batches, "it encodes neither images nor texts"


def check_rows_belong_to_items(case: EncoderCase) -> None:
    """Row i is that of item i: in another order, vectors are stored under other items' names and nothing shows it."""
    for batch, vectors in case.batches:
        order = [*range(len(vectors))[:0:-1], 0]
        agree(case.encoded(_take_items(batch, order)), vectors[order], "of the same items in another order")


def check_neighbours_do_not_matter(case: EncoderCase) -> None:
    """An item's vector is its own: encoded alone it is the same as in a batch, or each run would give others."""
    for batch, vectors in case.batches:
        alone = [case.encoded(_take_items(batch, [number])) for number in range(len(vectors))]
        agree(np.concatenate(alone), vectors, "of items encoded one by one")


def check_loading_again_changes_nothing(case: EncoderCase) -> None:
    """Vectors of today are compared with those of last year: nothing may be drawn at random when it is loaded."""
    again = case.load_encoder()
    try:
        for batch, vectors in case.batches:
            agree(case.encoded(batch, again), vectors, "after loading it again")
    finally:
        again.close()


def check_another_process_agrees(case: EncoderCase) -> None:
    """Each command is a process of its own: neither hash seeds nor what ran before may shape a vector."""
    module = require_module(case.module)
    weights = None if case.weights is None else str(case.weights.absolute())
    told = {"module": module, "name": case.spec.name, "variant": case.given.variant, "weights": weights}
    for batch, vectors in case.batches:
        with folder() as here:
            if isinstance(batch, ImageBatch):
                np.save(here / "pixels.npy", batch.pixels)
            run_task("vectors", here, texts=list(batch.texts) if isinstance(batch, TextBatch) else None, **told)
            agree(np.load(here / "vectors.npy"), vectors, "in another process")


def check_odd_images(case: EncoderCase) -> None:
    """Folders hold pictures of one pixel, in CMYK, grey, transparent, of 16 bits: each needs a vector as others do."""
    if "image" not in case.spec.modalities:
        raise NotApplicable("it encodes no images")
    with folder() as here:
        for what, path in samples.odd_pictures(here).items():
            with _about(what):
                case.encoded(case.image_batch([path]))


def check_odd_texts(case: EncoderCase) -> None:
    """Texts may be empty, long, Chinese or emoji: each needs a vector like any other."""
    if "text" not in case.spec.modalities:
        raise NotApplicable("it encodes no texts")
    for what, text in samples.ODD_TEXTS.items():
        with _about(what):
            case.encoded(TextBatch([text]))


def check_tells_items_apart(case: EncoderCase) -> None:
    """An encoder that gives different items one vector finds and sorts nothing."""
    for _, vectors in case.batches:
        wide = vectors.astype(np.float64)
        apart = np.linalg.norm(wide[:, None] - wide[None], axis=2)
        np.fill_diagonal(apart, np.inf)
        one, other = sorted(np.unravel_index(apart.argmin(), apart.shape))
        least = CLOSE * np.linalg.norm(wide, axis=1).max()
        assert apart.min() > least, f"items {one} and {other} of the batch have the same vector"


def check_different_items_are_not_all_near_copies(case: EncoderCase) -> None:
    """What lies close together, in the measure of the space, is one example: of one group nothing can be held out."""
    for _, vectors in case.batches:
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        groups = near_copies((vectors / np.maximum(lengths, 1e-12)).astype(np.float32))
        most, batch = int(np.bincount(groups).max()), len(groups)
        assert most <= batch / 2, f"{most} of {batch} different items lie so close together that they count as one"


def check_leaves_its_input_alone(case: EncoderCase) -> None:
    """A batch is curator's: what is changed in it shows elsewhere."""
    for modality in case.spec.modalities:
        given, wanted = case.items(modality), case.items(modality)
        case.encoded(given)
        if isinstance(given, ImageBatch) and isinstance(wanted, ImageBatch):
            assert np.array_equal(given.pixels, wanted.pixels), "it changed the pixels that it was given"
        else:
            assert given == wanted, "it changed the texts that it was given"


def check_compiled_form_agrees(case: EncoderCase) -> None:
    """Queries from outside and many items are embedded by the compiled form: it must find what the encoder finds."""
    from curator.embedding.ways.forms import hold, hold_texts
    from curator.registry.validation import Breach

    encoder = case.encoder
    pictures = "image" in case.spec.modalities and isinstance(encoder, Compilable)
    texts = "text" in case.spec.modalities and isinstance(encoder, CompilableText)
    if not pictures and not texts:
        raise NotApplicable("it has no compiled form, which is optional")
    try:
        if pictures:
            form = encoder.onnx()  # type: ignore[attr-defined]
            assert isinstance(form, bytes), f"its compiled form is {type(form).__name__}, not bytes"
            for batch, vectors in case.batches:
                if isinstance(batch, ImageBatch):
                    hold(form, batch.pixels, vectors)
        if texts:
            assert case.spec.tokens is not None, "its texts can be compiled, but its spec has no `tokens`"
            hold_texts(encoder.onnx_text(), case.spec, case.encoded)  # type: ignore[attr-defined]
    except Breach as error:
        raise AssertionError(f"it {error}") from error


def check_form_agrees(case: EncoderCase) -> None:
    """Where there is a form, everything is embedded with it and nothing with the encoder: both must find the same."""
    from curator.kit.onnx_encoder import MappedOnnxEncoder, Unrunnable, onnx_encoder

    if case.spec.form is None:
        raise NotApplicable("it has no form that is made without loading it, which is optional")
    form = case.spec.form(case.resolved)
    assert isinstance(form, bytes), f"its form is {type(form).__name__}, not bytes"
    try:
        encoder = onnx_encoder(form)
        for batch, vectors in case.batches:
            if isinstance(batch, ImageBatch):
                agree(case.encoded(batch, encoder), vectors, "of its form")
                agree(case.encoded(_take_items(batch, [0]), encoder), vectors[:1], "of its form, of one picture,")
                if isinstance(encoder, MappedOnnxEncoder):
                    means = encoder.feature_map(batch).mean(axis=(1, 2), dtype=np.float64)
                    agree(means, vectors, "and the means of the maps of its form")
    except Unrunnable as error:
        raise AssertionError(f"its form is of no use: {error}") from error


def check_reduced_precision_agrees(case: EncoderCase) -> None:
    """Large sets are embedded with shorter numbers where that is quicker: what is alike must stay alike."""
    encoder = case.encoder
    if not isinstance(encoder, ReducedPrecision):
        raise NotApplicable("it computes in one precision, which is enough")
    found = encoder.reduced()
    if found is None:
        raise NotApplicable("this machine is not quicker with shorter numbers")
    precision, quick = found
    try:
        for batch, vectors in case.batches:
            apart = np.linalg.norm(case.encoded(batch, quick)[:, None].astype(np.float64) - vectors, axis=2)
            for number, nearest in enumerate(apart.argmin(axis=1)):
                assert nearest == number, f"in {precision} the vector of item {number} is nearer to item {nearest}'s"
    finally:
        quick.close()


def check_says_which_texts_it_cuts(case: EncoderCase) -> None:
    """A person hears when only the beginning of a text counts: of those texts the rows are named, and of no others."""
    encoder = case.encoder
    if "text" not in case.spec.modalities or not isinstance(encoder, Truncating):
        raise NotApplicable("it reads texts to their end, or does not say where it stops")
    long = "word " * 20_000
    given = list(encoder.truncated(TextBatch(["word", long, "", long])))
    assert given == [1, 3], f"of a short, a long, an empty and a long text it named the rows {given}, not [1, 3]"
    vectors = case.encoded(TextBatch([long, long + "and another end"]))
    agree(vectors[1:], vectors[:1], "of texts that differ only where it says that it does not read")


def check_pretraining_leaves_a_model(case: EncoderCase) -> None:
    """What is learnt in minutes or hours has to be there afterwards, and one sees on the way whether it is worth it."""
    if case.spec.pretrain is None:
        raise NotApplicable("it is not pretrained here")
    folder, looks = case.pretraining_result
    resolved = case.spec.resolve(case.given.variant, folder)
    assert all(path.parent == folder for path in resolved.files), "its model lies elsewhere than in the given folder"
    hidden = [path.name for path in resolved.files if path.name.startswith(".")]
    assert not hidden, f"{hidden} are of its model and hidden: hidden files are not kept"
    assert looks, "it never told a `Look`"
    hold_told(looks, Look, "held_out")
    assert any(look.best for look in looks), "none of its looks was the best"


def check_offers_whole_characters(case: EncoderCase) -> None:
    """What a language model offers is shown as text, and its probabilities are taken for what they say."""
    encoder = case.encoder
    if not isinstance(encoder, LanguageModel):
        raise NotApplicable("it is no language model, which is optional")
    for text in ("", "A red", "今天", "🐈"):
        offered = list(encoder.next_tokens(text, 4))
        assert 0 < len(offered) <= 4, f"after {text!r} it offered {len(offered)} pieces, not 1 to 4"
        pieces, chances = [piece for piece, _ in offered], [chance for _, chance in offered]
        assert not any("\ufffd" in piece for piece in pieces), f"after {text!r} it offered half a character"
        assert chances == sorted(chances, reverse=True), f"after {text!r} the most probable piece is not the first"
        assert min(chances) >= 0 and sum(chances) <= 1 + CLOSE, f"after {text!r} its probabilities are none: {chances}"
        once, again = (list(encoder.carry_on(text, 5, 0.0, 0)) for _ in range(2))
        assert once == again and len(once) <= 5, f"after {text!r} it goes on in another way each time, or too long"


@contextlib.contextmanager
def no_network() -> Iterator[None]:
    """Whoever wants to connect hears at once that there is no network."""

    def refuse(*arguments: Any, **options: Any) -> Any:
        raise OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))

    with (
        mock.patch.object(socket.socket, "connect", refuse),
        mock.patch.object(socket, "getaddrinfo", refuse),
        mock.patch.object(socket, "create_connection", refuse),
    ):
        yield


@contextlib.contextmanager
def _about(what: str) -> Iterator[None]:
    try:
        yield
    except AssertionError as error:
        raise AssertionError(f"{what}: {error}") from error
    except NotApplicable:
        raise
    except Exception as error:
        raise AssertionError(f"{what}: {type(error).__name__}: {error}") from error


def _length(batch: ImageBatch | TextBatch) -> int:
    return len(batch.pixels) if isinstance(batch, ImageBatch) else len(batch.texts)


def _take_items(batch: ImageBatch | TextBatch, order: Sequence[int]) -> ImageBatch | TextBatch:
    if isinstance(batch, ImageBatch):
        return ImageBatch(batch.pixels[list(order)])
    return TextBatch([batch.texts[number] for number in order])


def agree(given: Any, wanted: Floats, when: str) -> None:
    """Raise where vectors, or what should be the same, are further apart than two encodings of one item may be."""
    apart = np.linalg.norm(given.astype(np.float64) - wanted, axis=1)
    length = np.maximum(np.linalg.norm(wanted.astype(np.float64), axis=1), 1e-12)
    worst = float((apart / length).max())
    assert worst <= CLOSE, f"vectors {when} differ by {worst:.1e} of their length"
