"""Compiled encoders: a picture that is not catalogued is embedded without torch, whose import alone takes seconds.

Made once, at the end of the first embedding, from the encoder that is loaded then; held against the vectors that it
just gave; kept as derived data under the fingerprint of the space. It is an ONNX model, which OpenCV runs.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curator.api import Compilable, Encoder, EncoderSpec, Model, Preprocess
from curator.contract import Breach
from curator.core.images import DECODING, pixels
from curator.errors import CuratorError, WorkspaceError
from curator.store.derived import Derived
from curator.store.sqlite import Database

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from curator.plugins import Registry

    Floats = NDArray[np.float32]

CLOSE = 1e-3
"""So far, relative to its length, a vector of the compiled form may be from the encoder's own."""

CHECKED = 8
"""Pictures on which the two are compared."""


class Compiled:
    """Makes compiled forms, and asks them."""

    def __init__(self, database: Database, derived: Derived, registry: Registry) -> None:
        self.database = database
        self.derived = derived
        self.registry = registry

    def wanted(self, model: Model, encoder: Encoder) -> bool:
        """Whether the encoder can be compiled and was not yet; one that failed once is not tried again."""
        can = "image" in model.modalities and isinstance(encoder, Compilable)
        return can and not self.derived.database.read_only and self.derived.compiled(model.fingerprint) is None

    def make(self, model: Model, encoder: Any, seen: Sequence[Floats], vectors: Sequence[Floats]) -> str:
        """Compile an encoder and keep the form if it agrees on pictures that were just encoded; returns why not, or ''.

        `seen`: arrays (3, crop, crop); `vectors`: what the encoder made of them, (dim,) each.
        """
        spec = self.registry.get(EncoderSpec, model.encoder)
        try:
            with self.registry.guard(spec, "compiling"):
                form = encoder.onnx()
                if not isinstance(form, bytes):
                    raise Breach(f"gave {type(form).__name__}, not the bytes of an ONNX model")
                hold(form, seen, vectors)
        except CuratorError as error:
            if isinstance(error.__cause__, OSError):  # as a full disk, which may have room the next time
                return str(error)
            form, problem = b"", str(error)
        else:
            problem = ""
        try:
            self.derived.put_compiled(model.fingerprint, form)
        except WorkspaceError as error:  # the vectors are kept already
            return str(error)
        return problem

    def vector(self, model: Model, path: Path) -> Floats | None:
        """The vector of a picture, (dim,), not normalised; None without a compiled form. Raises `BadContent`."""
        form = self.derived.compiled(model.fingerprint)
        if not form:
            return None
        description = json.loads(
            self.database.value("SELECT description FROM space WHERE fingerprint = ?", model.fingerprint)
        )
        if description["decoding"] != DECODING:
            return None
        import cv2

        seen = pixels(path, _preprocess(description["preprocess"]))
        try:
            return _asked(_network(form), seen)
        except cv2.error:  # another OpenCV than the one that it was held against; the encoder itself will do
            return None


def _network(form: bytes) -> Any:
    import cv2
    import numpy as np

    return cv2.dnn.readNetFromONNX(np.frombuffer(form, np.uint8))


def _asked(network: Any, picture: Floats) -> Floats:
    import numpy as np

    network.setInput(picture[None])
    vector: Floats = np.asarray(network.forward(), np.float32).reshape(-1)
    return vector


def hold(form: bytes, seen: Sequence[Floats], vectors: Sequence[Floats]) -> None:
    """Raise `Breach` where a compiled form does not make of pictures, (3, crop, crop) each, what the encoder made."""
    import cv2
    import numpy as np

    try:
        network = _network(form)
        answers = [_asked(network, picture) for picture in seen]
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
