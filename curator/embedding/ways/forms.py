"""Encoders as ONNX models, which a runtime runs without the encoder's own libraries: importing torch takes seconds.

Where a spec can write its form down (`EncoderSpec.form`), it does so when it is first needed. Else it is made of the
encoder once that is loaded, and held against it on pictures that it just saw and on texts of many kinds. Forms are
derived data under the fingerprint of the space, in files that the runtime reads itself.
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
    Resolved,
    TextBatch,
    TextForm,
)
from curator.embedding.spaces import preprocessing, recorded
from curator.embedding.ways.agreement import CLOSE, furthest
from curator.embedding.ways.way import Way
from curator.errors import CuratorError, PluginError, Shortage, WorkspaceError, lacking
from curator.kit.onnx_encoder import OnnxEncoder, run_by
from curator.media.decode import DECODING
from curator.media.preprocessing import pixels
from curator.registry.packages import missing_to_load
from curator.registry.validation import Breach, validate
from curator.runtimes.known import REFERENCE
from curator.runtimes.parting import can_part, part
from curator.runtimes.runtime import FULL, Runtime, Unrunnable
from curator.store.catalogue.models import ModelStore
from curator.store.derived import Derived
from curator.store.form_files import Form
from curator.store.sqlite import Database

if TYPE_CHECKING:
    from curator.registry.loader import Registry

    Floats = NDArray[np.float32]
    Run = Callable[[ImageBatch | TextBatch], Floats]

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

REFERENCE_WAY = Way(REFERENCE.name, FULL)


class Forms:
    """Makes forms, keeps them, and asks them."""

    def __init__(self, database: Database, derived: Derived, registry: Registry, say: Callable[[str], None]) -> None:
        self.models = ModelStore(database)
        self.files = derived.forms
        self.registry = registry
        self.say = say
        self._asked: dict[tuple[str, str], OnnxEncoder] = {}
        self._told: set[tuple[str, str]] = set()

    # --- having one ---

    def file(self, model: Model, medium: Modality) -> Path | None:
        """The file of a form; None where there is none. One that is gone or damaged is told of, once."""
        form = self.files.of(model.fingerprint, medium)
        if form is None or not form.digest:
            return None
        path = self.files.path(form)
        if path is None:
            self._tell(model.name, self.registry.get(EncoderSpec, model.encoder), form)
        return path

    def _tell(self, name: str, spec: EncoderSpec, form: Form) -> None:
        """Once, that a form is gone or damaged, and what becomes of it."""
        if (form.fingerprint, form.medium) in self._told:
            return
        self._told.add((form.fingerprint, form.medium))
        which = f"the compiled form of {name} for {form.medium}s"
        if folder := self.files.folder_in_place(form):
            self.say(f"note: a folder lies where {which} was: remove {str(folder)!r}, then it is made again")
        elif self.files.can_write and not missing_to_load(spec):
            self.say(f"note: {which} is gone or damaged: it is made again")
        else:
            self.say(f"note: {which} is gone or damaged")

    def written(self, spec: EncoderSpec, resolved: Resolved, fingerprint: str) -> Path | bytes:
        """The form of pictures that a spec writes down, kept if it can be. Raises `PluginError`."""
        known = self.files.of(fingerprint, "image")
        path = self.files.path(known) if known else None
        if path is not None:
            return path
        if known is not None and known.digest:
            self._tell(spec.name, spec, known)
        form = self._write(spec, resolved)
        if not self.files.can_write or (known and self.files.folder_in_place(known)):
            return form
        try:
            return self.files.path(self.files.put(fingerprint, "image", form, b"")) or form
        except (OSError, WorkspaceError):  # without room for it, it serves from memory
            return form

    def _write(self, spec: EncoderSpec, resolved: Resolved) -> bytes:
        assert spec.form is not None
        with self.registry.guard(spec, "writing down"):
            form = spec.form(resolved)
            if not isinstance(form, bytes) or not form:
                raise Breach(f"gave {type(form).__name__}, not the bytes of an ONNX model")
        return form

    def alone(self, spec: EncoderSpec, resolved: Resolved, fingerprint: str | None) -> OnnxEncoder | None:
        """The form that a spec writes down, as an encoder; None where that is of texts, too, or nothing runs it.

        Of what has no `fingerprint`, as it embeds nothing, none is kept.
        """
        if spec.modalities != ("image",):
            return None
        try:
            form = self.written(spec, resolved, fingerprint) if fingerprint else self._write(spec, resolved)
            return run_by(REFERENCE.load(form))
        except PluginError as error:
            self.say(f"note: {spec.name} is loaded, which takes longer: {error}")
            return None

    def standing_for(self, model: Model) -> Resolved | None:
        """A model as it is on record, where it has all its forms; None where it has not, or pictures are decoded anew.

        Its weights are not asked for, nor fetched: the forms are those of the space.
        """
        told = self.models.description(model.fingerprint)
        whole = self.files.has_all(model.fingerprint, model.modalities)
        return recorded(told) if whole and told.get("decoding") in (None, DECODING) else None

    def load(
        self,
        model: Model,
        medium: Modality,
        runtime: Runtime = REFERENCE,
        precision: str = FULL,
        briefly: bool = False,
    ) -> OnnxEncoder:
        """A form in a runtime, `briefly` for few items. Raises `Unrunnable`."""
        path = self.file(model, medium)
        if path is None:
            raise Unrunnable(f"{model.name} has no form that {runtime.name} could run")
        network = runtime.load(path, precision, briefly)
        return run_by(network, self._tokenizing(model) if medium == "text" else None)

    def _tokenizing(self, model: Model) -> Callable[[Sequence[str]], tuple[NDArray[np.int64], Sequence[int]]]:
        spec = self.registry.get(EncoderSpec, model.encoder)
        form = self.files.of(model.fingerprint, "text")
        assert form is not None
        return lambda texts: _tokens(spec, form.tokenizer, texts)

    # --- making one ---

    def make(
        self,
        model: Model,
        encoder: Encoder,
        seen: tuple[Floats, Floats] | None,
        run: Run,
        media: Sequence[Modality] = ("image", "text"),
    ) -> Iterator[tuple[Modality, str]]:
        """Compile an encoder that is loaded, for each of these media for which that can be done and was not tried yet.

        `seen`: pictures, (n, 3, crop, crop), and the vectors, (n, dim), that the encoder just made of them. `run`:
        the encoder. Gives the media for which there is no compiled form, and why.
        """
        spec = self.registry.get(EncoderSpec, model.encoder)
        if "image" in media and seen and isinstance(encoder, Compilable) and self.lacks(model, "image"):
            pictures, vectors = seen
            yield from self._made(model, "image", lambda: _of_pictures(encoder, pictures[:CHECKED], vectors[:CHECKED]))
        if "text" in media and spec.tokens and isinstance(encoder, CompilableText) and self.lacks(model, "text"):
            yield from self._made(model, "text", lambda: _of_texts(encoder, spec, run))

    def lacks(self, model: Model, medium: Modality) -> bool:
        """Whether a form may be made that was not tried yet, or is damaged."""
        if medium not in model.modalities or not self.files.can_write:
            return False
        known = self.files.of(model.fingerprint, medium)
        if known is None:
            return True
        return bool(known.digest) and self.files.path(known) is None and self.files.folder_in_place(known) is None

    def _made(self, model: Model, medium: Modality, compile: Callable[[], TextForm]) -> Iterator[tuple[Modality, str]]:
        problem = ""
        try:
            REFERENCE.precisions()  # that it cannot be imported is no fault of the form
            with self.registry.guard(self.registry.get(EncoderSpec, model.encoder), "compiling"):
                form = compile()
        except CuratorError as error:
            # There may be room, or a runtime, the next time.
            if isinstance(error, Shortage | Unrunnable) or isinstance(error.__cause__, OSError):
                yield medium, str(error)
                return
            form, problem = TextForm(b"", b""), str(error)
        try:
            self.files.put(model.fingerprint, medium, form.onnx, form.tokenizer, part if can_part(form.onnx) else None)
        except (OSError, WorkspaceError) as error:  # the vectors are kept already
            problem = lacking(error) or str(error)
        if problem:
            yield medium, problem

    # --- asking one ---

    def of_picture(self, model: Model, path: Path) -> Floats | None:
        """The vector of a picture, (dim,), not normalised; None without a form. Raises `BadContent`."""
        description = self.models.description(model.fingerprint)
        if description.get("decoding") != DECODING or description.get("preprocess") is None:
            return None
        encoder = self._opened(model, "image")
        if encoder is None:
            return None
        seen = ImageBatch(pixels(path, preprocessing(description["preprocess"]))[None])
        vectors = self._asked_for(model, encoder, seen)
        return None if vectors is None else vectors[0]

    def of_texts(self, model: Model, texts: Sequence[str]) -> tuple[Floats, int] | None:
        """The vectors of texts, (n, dim), not normalised, and how many were cut; None without a form."""
        spec = self.registry.get(EncoderSpec, model.encoder)
        encoder = self._opened(model, "text") if spec.tokens and texts else None
        if encoder is None:
            return None
        found, cut = [], 0
        for start in range(0, len(texts), spec.batch_size):
            batch = TextBatch(list(texts[start : start + spec.batch_size]))
            vectors = self._asked_for(model, encoder, batch)
            if vectors is None:
                return None
            found.append(vectors)
            cut += len(encoder.truncated(batch))
        return np.concatenate(found), cut

    def _opened(self, model: Model, medium: Modality) -> OnnxEncoder | None:
        """The form, which stays open: a session asks it again and again."""
        key = model.fingerprint, medium
        if key not in self._asked:
            if self.file(model, medium) is None:
                return None
            try:
                self._asked[key] = self.load(model, medium, briefly=True)
            except Unrunnable:  # the encoder itself will do
                return None
        return self._asked[key]

    def _asked_for(self, model: Model, encoder: OnnxEncoder, batch: ImageBatch | TextBatch) -> Floats | None:
        """What a form gives; None for what cannot be the model's vectors: what is kept of one may be another's."""
        spec = self.registry.get(EncoderSpec, model.encoder)
        try:
            with self.registry.guard(spec, "asking the form of"):
                vectors = encoder.encode(batch)
        except PluginError:  # another version of the runtime, or what was kept of the tokenizer is damaged
            return None
        count = len(batch.pixels) if isinstance(batch, ImageBatch) else len(batch.texts)
        return vectors if vectors.shape == (count, model.dim) and np.isfinite(vectors).all() else None


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
    tokens, _ = _tokens(spec, form.tokenizer, TEXTS)
    hold(form.onnx, tokens, run(TextBatch(TEXTS)))


def _tokens(spec: EncoderSpec, tokenizer: bytes, texts: Sequence[str]) -> tuple[NDArray[np.int64], Sequence[int]]:
    """What the spec's `tokens` makes of texts, held to what it should be."""
    assert spec.tokens is not None
    tokens, cut = spec.tokens(tokenizer, texts)
    tokens = np.asarray(tokens)
    if tokens.ndim != 2 or len(tokens) != len(texts) or tokens.dtype != np.int64:
        raise Breach(f"gave tokens {tokens.dtype} {tokens.shape}, not int64 ({len(texts)}, length)")
    return tokens, cut


def runs(path: Path) -> bool:
    """Whether the runtime takes a form."""
    try:
        REFERENCE.load(path).close()
    except Unrunnable:
        return False
    return True


def hold(form: bytes, seen: NDArray[Any], vectors: Floats) -> None:
    """Raise `Breach` where a form does not make of pictures or tokens, alone or together, what the encoder made."""
    try:
        network = REFERENCE.load(form)
        together, alone = network.run(seen), network.run(seen[:1])
    except Unrunnable as error:
        raise Breach(f"gave a compiled form that does not run: {error}") from error
    if together.shape != vectors.shape or alone.shape != vectors[:1].shape:
        raise Breach(f"gave a compiled form whose vectors are of the shape {together.shape}, not {vectors.shape}")
    apart = max(furthest(together, vectors), furthest(alone, vectors[:1]))
    if not apart <= CLOSE:
        raise Breach(f"gave a compiled form whose vectors differ by {apart:.1e} of their length")
