"""Embedding: items become vectors, once per space. Vectors are cache; what fails is recorded with its reason."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from curator.api import Encoder, EncoderSpec, ImageBatch, Item, Model, Query, Resolved, TextBatch
from curator.contract import Breach
from curator.core import images
from curator.core.compiled import CHECKED, Compiled
from curator.core.files import BadContent, look
from curator.core.models import Models
from curator.core.pipeline import ordered_map
from curator.core.places import Places
from curator.core.reporting import Reporter, count, duration
from curator.errors import BadInput, NotReady, PluginError
from curator.store.derived import UNREAD, Derived
from curator.store.sqlite import Database

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COMMIT_SECONDS = 2.0
ASK_SECONDS = 60.0
"""A command that would first have to embed for longer than this asks."""

LOAD_SECONDS = 8.0
GUESSED_RATE = {"image": 15.0, "text": 2000.0}
"""Items per second on two cores, where nothing was measured on this machine yet."""


@dataclass(slots=True)
class EncodeReport:
    """What embedding did: how many vectors were made, what failed (item and reason), and how long it took."""

    encoded: int = 0
    failed: list[tuple[Item, str]] = field(default_factory=list)
    seconds: float = 0.0


class Encoding:
    """Fills spaces, and reads them."""

    def __init__(
        self, database: Database, derived: Derived, models: Models, reporter: Reporter, take_turn: Callable[[], None]
    ) -> None:
        self.derived = derived
        self.models = models
        self.reporter = reporter
        self.places = Places(database)
        self.compiled = Compiled(database, derived, models.registry)
        self.read_only = database.read_only
        self.take_turn = take_turn

    # --- what is there ---

    def missing(self, model: Model, items: Sequence[Item]) -> list[Item]:
        """Those that could have a vector and have none: neither embedded nor known to fail."""
        items = [item for item in items if item.modality in model.modalities]
        hashes = [item.hash for item in items]
        done = self.derived.known(model.fingerprint, hashes) | self.derived.failures(model.fingerprint, hashes).keys()
        return [item for item in items if item.hash not in done]

    def failures(self, model: Model, items: Sequence[Item]) -> dict[str, str]:
        """Why, by hash, for those that are known to fail."""
        hashes = [item.hash for item in items if item.modality in model.modalities]
        return self.derived.failures(model.fingerprint, hashes)

    def matrix(self, model: Model, items: Sequence[Item]) -> tuple[list[Item], NDArray[np.float32]]:
        """The items that have a vector, in order, and their vectors as unit rows, (n, dim)."""
        import numpy as np

        stored = dict(self.derived.vectors(model.fingerprint, [item.hash for item in items]))
        present = [item for item in items if item.hash in stored]
        values = np.frombuffer(b"".join(stored[item.hash] for item in present), dtype="<f4")
        return present, unit(values.reshape(len(present), model.dim))

    # --- filling ---

    def ensure(self, model: Model, items: Sequence[Item], allowed: bool = False) -> None:
        """Embed what is missing, at once if that is quick; else ask, and go on without where the answer is no.

        Raises `NotReady` with the command to give where there is nobody to ask.
        """
        missing = self.missing(model, items)
        if not missing:
            return
        what = f"{count(len(missing), missing[0].modality)} not yet embedded with {model.name}"
        if self.read_only:
            self.reporter.say(f"{what}, and the workspace is read-only: left out")
            return
        seconds = self.estimate(model, missing)
        if seconds > ASK_SECONDS and not allowed:
            answer = self.reporter.confirm(f"{what}: that takes about {duration(seconds)}. Embed them now?")
            if answer is None:
                raise NotReady(
                    f"{what} (about {duration(seconds)}): run `curator encode -e {model.name}` first, or add --encode"
                )
            if not answer:
                return
        self.encode(model, missing)

    def estimate(self, model: Model, items: Sequence[Item]) -> float:
        """Seconds that embedding will take, from what was measured here before."""
        rate = self.derived.rate(model.fingerprint)
        return LOAD_SECONDS + sum(1 / (rate or GUESSED_RATE[item.modality]) for item in items)

    def encode(self, model: Model, items: Sequence[Item]) -> EncodeReport:
        """Embed items and keep the vectors, committed every few seconds: Ctrl-C loses nothing that was kept."""
        report = EncodeReport()
        if not items:
            return report
        self.take_turn()
        self.reporter.say(f"loading {model.name}")
        with self.models.loaded(model) as (encoder, resolved):
            spec = self.models.registry.get(EncoderSpec, model.encoder)
            filling = _Filling(self, model, spec, encoder, report)
            begin = time.monotonic()
            with self.reporter.progress(f"embedding with {model.name}", len(items)) as advance:
                try:
                    for batch, failed in self._batches(items, resolved, spec.batch_size):
                        filling.take(batch)
                        report.failed += failed
                        advance(len(batch) + len(failed))
                finally:
                    filling.keep()
            report.seconds = time.monotonic() - begin
            self._compile(model, encoder, filling)
        if report.encoded >= spec.batch_size:
            self.derived.put_rate(model.fingerprint, report.encoded / max(report.seconds, 1e-3))
        return report

    def _compile(self, model: Model, encoder: Encoder, filling: _Filling) -> None:
        """So that the next query by a new picture need not load the encoder."""
        seen, vectors = filling.pictures()
        if seen and self.compiled.wanted(model, encoder):
            problem = self.compiled.make(model, encoder, seen, vectors)
            if problem:
                self.reporter.say(f"note: new pictures are embedded the slow way: {problem}")

    def embed(self, model: Model, query: Query) -> NDArray[np.float32]:
        """The vector of a query, (dim,), of unit length: a stored one, else encoded now and not kept."""
        import numpy as np

        stored = list(self.derived.vectors(model.fingerprint, [query.hash]))
        if stored:
            vector: NDArray[np.float32] = unit(np.frombuffer(stored[0][1], dtype="<f4")[None])[0]
            return vector
        if query.modality not in model.modalities:
            raise BadInput(f"{model.name} does not encode {query.modality}s")
        if query.modality == "image" and query.path is None:
            which = f"id:{query.item.id}" if query.item else "the query"
            raise NotReady(f"every file of {which} is gone, and it is not embedded: `curator add` where it is now")
        if query.modality == "image" and query.path is not None:
            with _of_query(query):
                quick = self.compiled.vector(model, query.path)
            if quick is not None:
                found: NDArray[np.float32] = unit(quick[None])[0]
                return found
        with self.models.loaded(model) as (encoder, resolved):
            vectors = self._run(model, encoder, _batch([_query_value(query, resolved)], query.modality))
        row: NDArray[np.float32] = unit(vectors)[0]
        return row

    def embed_texts(self, model: Model, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of texts, (n, dim), unit rows, none of them kept. The encoder is loaded once."""
        import numpy as np

        if "text" not in model.modalities:
            raise BadInput(f"{model.name} does not encode texts")
        size = self.models.registry.get(EncoderSpec, model.encoder).batch_size
        found = [np.zeros((0, model.dim), np.float32)]
        with self.models.loaded(model) as (encoder, _):
            for start in range(0, len(texts), size):
                found.append(self._run(model, encoder, TextBatch(list(texts[start : start + size]))))
        return unit(np.concatenate(found))

    def _batches(
        self, items: Sequence[Item], resolved: Resolved, size: int
    ) -> Iterator[tuple[list[tuple[Item, object]], list[tuple[Item, str]]]]:
        """Prepared items of one modality in batches, with those that could not be prepared."""
        for modality in ("image", "text"):
            batch: list[tuple[Item, object]] = []
            failed: list[tuple[Item, str]] = []
            for item, value in self._prepared([item for item in items if item.modality == modality], resolved):
                if isinstance(value, BadContent):
                    failed.append((item, str(value)))
                else:
                    batch.append((item, value))
                if len(batch) == size:
                    yield batch, failed
                    batch, failed = [], []
            if batch or failed:
                yield batch, failed

    def _prepared(self, items: Iterable[Item], resolved: Resolved) -> Iterator[tuple[Item, object]]:
        def prepare(located: tuple[Item, str | BadContent]) -> object:
            item, path = located
            if isinstance(path, BadContent):
                return path
            if item.modality == "text":
                return item.text
            assert resolved.preprocess is not None
            try:
                return images.pixels(path, resolved.preprocess)
            except BadContent as error:
                return error

        for (item, path), value in ordered_map(prepare, ((item, self.locate(item)) for item in items)):
            if isinstance(value, BadContent):
                passes = isinstance(path, BadContent) or value.may_pass
                self.derived.put_failure(UNREAD if passes else "", item.hash, str(value))
            yield item, value

    def locate(self, item: Item) -> str | BadContent:
        """A path where the item's file is, unchanged since it was added: its vector goes under its hash."""
        if item.modality == "text":
            return ""
        why = "its file is gone"
        for place in self.places.of(item.id):
            path = self.places.path(place)
            try:
                if self.places.stamp(place) == look(path):
                    return path
                why = "its file changed since it was added: add it again"
            except BadContent as error:
                why = str(error)
        return BadContent(why)

    def _run(self, model: Model, encoder: Encoder, batch: ImageBatch | TextBatch) -> NDArray[np.float32]:
        """Call the encoder, and hold it to its contract."""
        import numpy as np

        spec = self.models.registry.get(EncoderSpec, model.encoder)
        wanted = (len(batch.pixels) if isinstance(batch, ImageBatch) else len(batch.texts), model.dim)
        with self.models.registry.guard(spec, "encoding with"):
            vectors = np.asarray(encoder.encode(batch))
            if vectors.shape != wanted or vectors.dtype != np.float32:
                raise Breach(f"gave {vectors.dtype} {vectors.shape}, not float32 {wanted}")
            if not np.isfinite(vectors).all():
                raise Breach("gave numbers that are not finite")
        return vectors


class _Filling:
    """Encodes batches and keeps the vectors every few seconds."""

    def __init__(
        self, encoding: Encoding, model: Model, spec: EncoderSpec, encoder: Encoder, report: EncodeReport
    ) -> None:
        self.encoding = encoding
        self.model = model
        self.encoder = encoder
        self.report = report
        self.pending: list[tuple[str, bytes]] = []
        self.last: tuple[list[Any], NDArray[np.float32]] | None = None
        self.kept_at = time.monotonic()

    def take(self, batch: list[tuple[Item, object]]) -> None:
        """Encode a batch; where the encoder fails, one by one, so that one item does not cost the others."""
        try:
            self._encode(batch)
        except PluginError:
            if len(batch) == 1 and not self.report.encoded:
                raise
            failed = [(single[0], error) for single in batch if (error := self._error(single))]
            if len(failed) == len(batch) > 1:
                raise failed[0][1] from None  # the encoder fails, not the items: nothing is recorded of them
            for item, error in failed:
                self.encoding.derived.put_failure(self.model.fingerprint, item.hash, str(error))
                self.report.failed.append((item, str(error)))
        if time.monotonic() - self.kept_at > COMMIT_SECONDS:
            self.keep()

    def pictures(self) -> tuple[list[Any], list[NDArray[np.float32]]]:
        """Some pictures as the encoder saw them last, and their vectors."""
        pixels, vectors = self.last or ([], [])
        return pixels[:CHECKED], list(vectors[:CHECKED])

    def keep(self) -> None:
        """Commit what was encoded."""
        self.encoding.derived.put_vectors(self.model.fingerprint, self.pending, "float32")
        self.pending = []
        self.kept_at = time.monotonic()

    def _encode(self, batch: list[tuple[Item, object]]) -> None:
        if not batch:
            return
        vectors = self.encoding._run(
            self.model, self.encoder, _batch([value for _, value in batch], batch[0][0].modality)
        )
        self.pending += [
            (item.hash, row.astype("<f4").tobytes()) for (item, _), row in zip(batch, vectors, strict=True)
        ]
        if batch[0][0].modality == "image":
            self.last = ([value for _, value in batch], vectors)
        self.report.encoded += len(batch)

    def _error(self, single: tuple[Item, object]) -> PluginError | None:
        try:
            self._encode([single])
        except PluginError as error:
            return error
        return None


def _batch(values: Sequence[object], modality: str) -> ImageBatch | TextBatch:
    import numpy as np

    if modality == "image":
        return ImageBatch(np.stack(values))  # type: ignore[arg-type]
    return TextBatch([str(value) for value in values])


def _query_value(query: Query, resolved: Resolved) -> object:
    if query.modality == "text":
        return query.text
    assert query.path is not None and resolved.preprocess is not None
    with _of_query(query):
        return images.pixels(query.path, resolved.preprocess)


@contextlib.contextmanager
def _of_query(query: Query) -> Iterator[None]:
    """A picture that cannot be read is bad input, if it is what is asked about."""
    try:
        yield
    except BadContent as error:
        raise BadInput(f"{str(query.path)!r}: {error}") from error


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows divided by their Euclidean length; rows of zeros stay."""
    import numpy as np

    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    rows: NDArray[np.float32] = np.divide(
        vectors, lengths, out=np.zeros_like(vectors, dtype=np.float32), where=lengths > 0
    )
    return rows
