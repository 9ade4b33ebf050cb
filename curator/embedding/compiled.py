"""Compiled encoders: a query from outside is embedded without torch, whose import alone takes seconds.

Made once, at the end of the first embedding, from the encoder that is loaded then; held against the encoder on
pictures that it just saw and on texts of many kinds; kept as derived data under the fingerprint of the space. They are
ONNX models, which OpenCV runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from curator.api import (
    Compilable,
    CompilableText,
    Encoder,
    EncoderSpec,
    ImageBatch,
    Modality,
    Model,
    Preprocess,
    TextBatch,
    TextForm,
)
from curator.errors import CuratorError, PluginError, Shortage, WorkspaceError
from curator.media.decode import DECODING
from curator.media.preprocessing import pixels
from curator.registry.validation import Breach, validate
from curator.store.catalogue.models import ModelStore
from curator.store.derived import Derived
from curator.store.sqlite import Database

if TYPE_CHECKING:
    from curator.registry.loader import Registry

    Floats = NDArray[np.float32]
    Run = Callable[[ImageBatch | TextBatch], Floats]

CLOSE = 1e-3
"""So far, relative to its length, a vector of the compiled form may be from the encoder's own."""

CHECKED = 8
"""Pictures on which the two are compared."""

TEXTS = (
    "a photo of a red apple",
    "",
    "一只白猫在睡觉，旁边是苹果。",
    "Grüße aus dem naïve café – “quoted”",
    "🍎🍐 <b>&amp; Co.</b>",
    "tabs\tand\nlines  and   spaces",
    "CAPITALS and 1234567890 don't",
    "a long text that goes on and on " * 60,
)
"""Texts on which the two are compared."""

LARGEST = 950_000_000
"""Bytes: SQLite takes values of up to 1,000,000,000."""


class Compiled:
    """Makes compiled forms, and asks them."""

    def __init__(self, database: Database, derived: Derived, registry: Registry) -> None:
        self.models = ModelStore(database)
        self.derived = derived
        self.registry = registry

    def make(
        self, model: Model, encoder: Encoder, seen: tuple[Floats, Floats] | None, run: Run
    ) -> Iterator[tuple[Modality, str]]:
        """Compile an encoder for each medium for which that can be done and was not tried yet.

        `seen`: pictures, (n, 3, crop, crop), and the vectors, (n, dim), that the encoder just made of them. `run`:
        the encoder. Gives the media for which there is no compiled form, and why.
        """
        spec = self.registry.get(EncoderSpec, model.encoder)
        if self._wanted(model, "image") and isinstance(encoder, Compilable) and seen:
            pictures, vectors = seen
            yield from self._made(model, "image", lambda: _of_pictures(encoder, pictures[:CHECKED], vectors[:CHECKED]))
        if self._wanted(model, "text") and isinstance(encoder, CompilableText) and spec.tokens:
            yield from self._made(model, "text", lambda: _of_texts(encoder, spec, run))

    def _wanted(self, model: Model, medium: Modality) -> bool:
        """Whether it was not tried yet."""
        known = self.derived.compiled(model.fingerprint, medium, whole=False)
        return medium in model.modalities and known is None and not self.derived.database.read_only

    def _made(self, model: Model, medium: Modality, compile: Callable[[], TextForm]) -> Iterator[tuple[Modality, str]]:
        problem = ""
        try:
            with self.registry.guard(self.registry.get(EncoderSpec, model.encoder), "compiling"):
                form = compile()
        except CuratorError as error:
            if isinstance(error, Shortage) or isinstance(error.__cause__, OSError):  # there may be room the next time
                yield medium, str(error)
                return
            form, problem = TextForm(b"", b""), str(error)
        try:
            self.derived.put_compiled(model.fingerprint, medium, form.onnx, form.tokenizer)
        except WorkspaceError as error:  # the vectors are kept already
            problem = str(error)
        if problem:
            yield medium, problem

    def of_picture(self, model: Model, path: Path) -> Floats | None:
        """The vector of a picture, (dim,), not normalised; None without a compiled form. Raises `BadContent`."""
        found = self.derived.compiled(model.fingerprint, "image")
        if not found or not found[0]:
            return None
        description = self.models.description(model.fingerprint)
        if description.get("decoding") != DECODING or description.get("preprocess") is None:
            return None
        import cv2

        seen = pixels(path, _preprocess(description["preprocess"]))
        try:
            vector = _asked(_network(found[0]), seen)
            return vector if _fits(vector, model) else None
        except cv2.error:  # another OpenCV than the one that it was held against; the encoder itself will do
            return None

    def of_texts(self, model: Model, texts: Sequence[str]) -> tuple[Floats, int] | None:
        """The vectors of texts, (n, dim), not normalised, and how many were cut; None without a compiled form."""
        spec = self.registry.get(EncoderSpec, model.encoder)
        found = self.derived.compiled(model.fingerprint, "text") if spec.tokens and texts else None
        if not found or not found[0]:
            return None
        import cv2

        form = TextForm(*found)
        try:
            with self.registry.guard(spec, "tokenizing with"):
                tokens, cut = _tokens(spec, form, texts)
            network = _network(form.onnx)
            vectors = [_asked(network, row) for row in tokens]
            return (np.stack(vectors), len(cut)) if all(_fits(vector, model) for vector in vectors) else None
        except (cv2.error, PluginError):  # as above; or what was kept of the tokenizer is damaged
            return None


def _fits(vector: Floats, model: Model) -> bool:
    """Whether it may be a vector of the model: what is kept of a compiled form may be another's, or damaged."""
    return vector.shape == (model.dim,) and bool(np.isfinite(vector).all())


def _of_pictures(encoder: Compilable, seen: Floats, vectors: Floats) -> TextForm:
    form = encoder.onnx()
    if not isinstance(form, bytes):
        raise Breach(f"gave {type(form).__name__}, not the bytes of an ONNX model")
    hold(form, seen, vectors)
    return TextForm(form, b"")


def _of_texts(encoder: CompilableText, spec: EncoderSpec, run: Run) -> TextForm:
    form = validate(TextForm, encoder.onnx_text())
    hold_texts(form, spec, run)
    return form


def hold_texts(form: TextForm, spec: EncoderSpec, run: Run) -> None:
    """Raise `Breach` where the compiled form of an encoder of texts does not make of them what the encoder makes."""
    tokens, _ = _tokens(spec, form, TEXTS)
    hold(form.onnx, tokens, run(TextBatch(TEXTS)))


def _tokens(spec: EncoderSpec, form: TextForm, texts: Sequence[str]) -> tuple[NDArray[np.int64], Sequence[int]]:
    """What the spec's `tokens` makes of texts, held to what it should be."""
    assert spec.tokens is not None
    tokens, cut = spec.tokens(form.tokenizer, texts)
    tokens = np.asarray(tokens)
    if tokens.ndim != 2 or len(tokens) != len(texts) or tokens.dtype != np.int64:
        raise Breach(f"gave tokens {tokens.dtype} {tokens.shape}, not int64 ({len(texts)}, length)")
    return tokens, cut


def _network(form: bytes) -> Any:
    import cv2

    return cv2.dnn.readNetFromONNX(np.frombuffer(form, np.uint8))


def runs(form: bytes) -> bool:
    """Whether OpenCV takes a compiled form."""
    import cv2

    try:
        return not _network(form).empty()
    except cv2.error:
        return False


def _asked(network: Any, given: NDArray[Any]) -> Floats:
    network.setInput(given[None])
    vector: Floats = np.asarray(network.forward(), np.float32).reshape(-1)
    return vector


def hold(form: bytes, seen: NDArray[Any], vectors: Floats) -> None:
    """Raise `Breach` where a compiled form does not make of pictures or tokens what the encoder made, (n, dim)."""
    import cv2

    if len(form) > LARGEST:
        raise Breach(f"gave a compiled form of {len(form) / 1e6:,.0f} MB, more than can be kept")
    try:
        network = _network(form)
        answers = [_asked(network, given) for given in seen]
    except cv2.error as error:
        raise Breach(f"gave a compiled form that OpenCV cannot run: {error.err}") from error
    for given, wanted in zip(answers, vectors, strict=True):
        if given.shape != wanted.shape:
            raise Breach(f"gave a compiled form whose vectors are of the shape {given.shape}, not {wanted.shape}")
        apart = float(np.linalg.norm(given - wanted) / max(float(np.linalg.norm(wanted)), 1e-12))
        if not apart <= CLOSE:
            raise Breach(f"gave a compiled form whose vectors differ by {apart:.1e} of their length")


def _preprocess(told: dict[str, Any]) -> Preprocess:
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
    return Preprocess(**values)
