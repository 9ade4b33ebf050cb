"""Embedding: items become vectors, once per space. Vectors are cache; what fails is recorded with its reason."""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curator.api import (
    Compilable,
    Encoder,
    EncoderSpec,
    ImageBatch,
    Item,
    LanguageModel,
    Modality,
    Model,
    Query,
    TextBatch,
    Truncating,
)
from curator.catalog.places import Places
from curator.embedding.codes import unit
from curator.embedding.coverage import Coverage, EncodeReport
from curator.embedding.loader import as_batch, batches, readable
from curator.embedding.models import Models
from curator.embedding.shortlist import Shortlist
from curator.embedding.vector_reader import StoredVectors, VectorReader, hold_length, unit_rows
from curator.embedding.vector_writer import VectorWriter
from curator.embedding.ways.agreement import SAMPLE
from curator.embedding.ways.opened import Opened
from curator.embedding.ways.quickest import Quickest
from curator.embedding.ways.way import AUTO, TORCH, Wanted
from curator.errors import BadInput, NotReady, PluginError, missing
from curator.kit.devices import choose_device
from curator.media import preprocessing
from curator.media.files import BadContent
from curator.registry.validation import Breach
from curator.reporter import Reporter, count, duration
from curator.runtimes.known import named
from curator.runtimes.runtime import Unrunnable
from curator.store.catalogue.items import ItemStore
from curator.store.derived import Derived
from curator.store.sqlite import Database, read_only_error

ASK_SECONDS = 60.0
"""A command that would first have to embed for longer than this asks."""

WORTH = 4 * SAMPLE
"""Fewer items than this are not worth measuring in which way they are embedded quickest."""

MIXED = 16
"""Items that are stored, and embedded again where another way or machine is to embed beside what did before."""

PATIENCE = 1.0
"""Seconds for which who only reads waits for somebody who writes, before it goes on without what is not embedded."""


class Embedder(Coverage):
    """Fills spaces, and reads them."""

    def __init__(
        self,
        database: Database,
        derived: Derived,
        models: Models,
        reporter: Reporter,
        take_turn: Callable[[], None],
        take_turn_within: Callable[[float], bool],
    ) -> None:
        super().__init__(derived, models, reporter)
        self.places = Places(database)
        self.forms = models.forms
        self.wanted = Wanted()
        self.shortlist = Shortlist(derived, reporter)
        self.read_only = database.read_only
        self.take_turn = take_turn
        self.take_turn_within = take_turn_within
        self._untold: set[str] = set()  # models whose encoder could not say which texts it cuts
        self._told_of: set[str] = set()  # models of imported vectors, of which items lack some

    def choose(self, device: str | None = None, runtime: str = AUTO, exact: bool = False) -> None:
        """Where and in which ways items are embedded from now on.

        Raises `BadInput` for a device, `NotFound` or `NotReady` for a runtime that is not there.
        """
        self.models.device = None if device is None else choose_device(device)
        if runtime == TORCH and (lacks := missing([TORCH])):
            raise NotReady(f"{lacks}, or leave --runtime out")
        if runtime not in (AUTO, TORCH):
            try:
                named(runtime).precisions()
            except Unrunnable as error:
                raise NotReady(f"{error}: mend it, or leave --runtime out") from error
        self.wanted = Wanted(runtime, exact)

    # --- what is there ---

    def matrix(self, model: Model, items: Sequence[Item]) -> tuple[list[Item], NDArray[np.float32]]:
        """The items that have a vector, in order, and their vectors as unit rows, (n, dim), all in memory.

        Raises `NotReady` for one that is not finite, as a damaged cache may hold.
        """
        items = list(items)
        there, rows = self._rows(model, [item.hash for item in items], lambda at: str(items[at]))
        return [items[at] for at in there], rows

    def stored(self, model: Model, items: Sequence[Item]) -> StoredVectors:
        """Which of any number of items have a vector, and these, some at a time."""
        return VectorReader(ItemStore(self.models.database), self.derived).of(model, items)

    def rows_of(
        self, model: Model, contents: Mapping[int, str], name: Callable[[int], str] = "id:{}".format
    ) -> tuple[list[int], NDArray[np.float32]]:
        """As `matrix`, of contents, hash by the id of an item, of which none is made; `name` is for messages."""
        ids = list(contents)
        there, rows = self._rows(model, list(contents.values()), lambda at: name(ids[at]))
        return [ids[at] for at in there], rows

    def _rows(
        self, model: Model, hashes: Sequence[str], name: Callable[[int], str]
    ) -> tuple[list[int], NDArray[np.float32]]:
        """Which of these contents have a vector, and unit rows; `name`: what one of them is called in a message."""
        stored = dict(self.derived.vectors(model.fingerprint, hashes))
        there = [at for at, hash_ in enumerate(hashes) if hash_ in stored]
        return there, unit_rows(model, [stored[hashes[at]] for at in there], lambda at: name(there[at]))

    def sample(self, model: Model, number: int) -> NDArray[np.float32]:
        """Unit rows of a space by chance, (n, dim), fewer where it holds fewer, or such as are not finite."""
        stored = self.derived.codes.sample(self.derived.space(model.fingerprint), number)
        values = np.frombuffer(b"".join(row for row in stored if len(row) == 4 * model.dim), "<f4")
        rows = values.reshape(-1, model.dim)
        return unit(rows[np.isfinite(rows).all(axis=1)])

    # --- filling ---

    def ensure(self, model: Model, items: Sequence[Item], allowed: bool = False) -> None:
        """Embed what is missing, at once if that is quick; else ask, and go on without where the answer is no.

        Raises `NotReady` with the command to give where there is nobody to ask.
        """
        if not self.models.embeds(model):
            self._say_without(model, items)
            return
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
        if not allowed and not self.take_turn_within(PATIENCE):  # who reads does not wait for who adds
            self.reporter.say(f"{what}, and another curator is at work here: left out")
            return
        self.encode(model, missing)

    def _say_without(self, model: Model, items: Sequence[Item]) -> None:
        """Once: what is left out for want of a vector that only its owner could bring."""
        if model.fingerprint in self._told_of:
            return
        without = len(items) - len(self.stored(model, items))
        if without:
            self._told_of.add(model.fingerprint)
            self.reporter.say(
                f"note: {count(without, 'item')} of {len(items):,} without a vector in {model.name} left out: "
                "its vectors were imported, and those of new items are to be imported, too"
            )

    def encode(self, model: Model, items: Sequence[Item]) -> EncodeReport:
        """Embed items and keep the vectors, committed every few seconds: Ctrl-C loses nothing that was kept."""
        if not items:
            return EncodeReport()
        if self.read_only:
            raise read_only_error(self.models.database.path)
        self.take_turn()
        self.reporter.say(f"loading {model.name}")
        spec = self.models.registry.get(EncoderSpec, model.encoder)
        with Opened(model, self.models, self.forms) as opened:
            resolved = opened.resolved
            filling = self._filling(opened, len(items))
            report = filling.report
            begin = time.monotonic()
            with self.reporter.progress(f"embedding with {model.name}", len(items)) as advance:
                try:
                    prepared = batches(items, self.places, self.derived, resolved.preprocess, spec.batch_size)
                    for batch, failed in prepared:
                        filling.take(batch)
                        report.failed += failed
                        advance(len(batch) + len(failed))
                finally:
                    filling.keep()
            report.seconds = time.monotonic() - begin
            if self.wanted.runtime != TORCH and report.encoded:  # so that the next need not load the encoder
                opened.compile(filling.first, lambda encoder, batch: self.run(model, encoder, batch))
        if report.encoded >= spec.batch_size:
            self.derived.put_rate(model.fingerprint, report.encoded / max(report.seconds, 1e-3))
        self._say_cut(model, report.truncated)
        return report

    def _filling(self, opened: Opened, items: int) -> VectorWriter:
        """For so many items."""
        model = opened.model

        def run(encoder: Encoder, batch: ImageBatch | TextBatch) -> NDArray[np.float32]:
            return self.run(model, encoder, batch)

        stored = functools.cache(functools.partial(self._stored, opened, self.derived.some_vectors(model.fingerprint)))
        quickest = Quickest(opened, run, stored, self.reporter.say, self.wanted, items >= WORTH)
        return VectorWriter(model, self.derived, quickest, self._truncated)

    def _stored(
        self, opened: Opened, vectors: Mapping[str, bytes], medium: Modality
    ) -> tuple[ImageBatch | TextBatch, NDArray[np.float32]] | None:
        """Some items of a medium that can be read, and what is stored of them; None where there are none."""
        model = opened.model
        known = [hash_ for hash_, vector in vectors.items() if len(vector) == 4 * model.dim]
        items = [item for item in ItemStore(self.models.database).by_hashes(known) if item.modality == medium]
        pairs = list(itertools.islice(readable(items, self.places, opened.resolved.preprocess), MIXED))
        if len(pairs) < 2:
            return None
        rows = np.stack([np.frombuffer(vectors[item.hash], "<f4") for item, _ in pairs])
        return as_batch([value for _, value in pairs], medium), rows

    # --- queries ---

    def embed(self, model: Model, query: Query) -> NDArray[np.float32]:
        """The vector of a query, (dim,), of unit length: a stored one, else encoded now and not kept."""
        stored = list(self.derived.vectors(model.fingerprint, [query.hash]))
        if stored:
            hold_length(model, stored[0][1], f"id:{query.item.id}" if query.item else "the query")
            vector: NDArray[np.float32] = unit(np.frombuffer(stored[0][1], dtype="<f4")[None])[0]
            return vector
        if query.modality not in model.modalities:
            raise BadInput(f"{model.name} does not encode {query.modality}s")
        if query.modality == "text":
            row: NDArray[np.float32] = self.embed_texts(model, [query.text or ""])[0]
            return row
        if query.path is None:
            which = f"id:{query.item.id}" if query.item else "the query"
            raise NotReady(f"every file of {which} is gone, and it is not embedded: `curator add` where it is now")
        try:
            row = unit(self._of_picture(model, query.path)[None])[0]
        except BadContent as error:
            raise BadInput(f"{str(query.path)!r}: {error}") from error
        return row

    def embed_texts(self, model: Model, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of texts, (n, dim), unit rows, none of them kept. The encoder is loaded at most once."""
        if "text" not in model.modalities:
            raise BadInput(f"{model.name} does not encode texts")
        vectors, cut = self.forms.of_texts(model, texts) or self._of_texts(model, texts)
        self._say_cut(model, cut)
        return unit(vectors)

    def _of_picture(self, model: Model, path: Path) -> NDArray[np.float32]:
        """The vector of a picture, (dim,). Raises `BadContent`."""
        quick = self.forms.of_picture(model, path)
        if quick is not None:
            return quick
        with self.models.loaded(model) as (encoder, resolved):
            assert resolved.preprocess is not None
            seen = preprocessing.pixels(path, resolved.preprocess)
            row: NDArray[np.float32] = self.run(model, encoder, ImageBatch(seen[None]))[0]
            if isinstance(encoder, Compilable) and self.forms.lacks(model, "image"):
                # Seen in mirrors, one picture is several on which a form can be held against the encoder.
                mirrored = np.ascontiguousarray([seen, seen[:, ::-1], seen[:, :, ::-1], seen[:, ::-1, ::-1]])
                vectors = self.run(model, encoder, ImageBatch(mirrored))
                self._leave_form(model, encoder, (mirrored, vectors), "image")
        return row

    def _leave_form(
        self,
        model: Model,
        encoder: Encoder,
        seen: tuple[NDArray[np.float32], NDArray[np.float32]] | None,
        medium: Modality,
    ) -> None:
        """So that the next query need not load the encoder."""
        made = self.forms.make(model, encoder, seen, lambda batch: self.run(model, encoder, batch), [medium])
        for what, problem in made:
            self.reporter.say(f"note: new {what}s are embedded the slow way: {problem}")

    def _of_texts(self, model: Model, texts: Sequence[str]) -> tuple[NDArray[np.float32], int]:
        """Vectors, (n, dim), and how many of the texts are longer than what the encoder reads."""
        size = self.models.registry.get(EncoderSpec, model.encoder).batch_size
        found, cut = [np.zeros((0, model.dim), np.float32)], 0
        with self.models.loaded(model) as (encoder, _):
            for start in range(0, len(texts), size):
                batch = TextBatch(list(texts[start : start + size]))
                found.append(self.run(model, encoder, batch))
                cut += self._truncated(model, encoder, batch)
            if texts:
                self._leave_form(model, encoder, None, "text")
        return np.concatenate(found), cut

    def written(
        self, model: Model, ask: Callable[[LanguageModel], Sequence[tuple[str, float]]]
    ) -> list[tuple[str, float]]:
        """What a language model answers, held to pieces with probabilities. Raises `BadInput` for what is none."""
        spec = self.models.registry.get(EncoderSpec, model.encoder)
        with self.models.loaded(model) as (encoder, _), self.models.registry.guard(spec, "asking"):
            if not isinstance(encoder, LanguageModel):
                raise BadInput(f"{model.name} is not a language model: it cannot continue a text")
            pieces = list(ask(encoder))
            for pair in pieces:
                if not (isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str) and 0 <= pair[1] <= 1):
                    raise Breach(f"gave {pair!r:.60}, not a piece with its probability")
        return pieces

    # --- the encoder, held to its contract ---

    def _truncated(self, model: Model, encoder: Encoder, batch: TextBatch) -> int:
        """How many of the texts are longer than what the encoder reads."""
        if not isinstance(encoder, Truncating) or model.fingerprint in self._untold:
            return 0
        try:
            with self.models.registry.guard(self.models.registry.get(EncoderSpec, model.encoder), "asking"):
                return len(encoder.truncated(batch))
        except PluginError as error:  # a count that is only shown must not cost the vectors
            self._untold.add(model.fingerprint)
            self.reporter.say(f"note: whether {model.name} reads all of each text is not known: {error}")
            return 0

    def _say_cut(self, model: Model, texts: int) -> None:
        if texts:
            them = "a text is" if texts == 1 else f"{texts:,} texts are"
            self.reporter.say(f"note: {them} longer than what {model.name} reads: only the beginning counts")

    def run(self, model: Model, encoder: Encoder, batch: ImageBatch | TextBatch) -> NDArray[np.float32]:
        """Call the encoder, and hold it to its contract."""
        spec = self.models.registry.get(EncoderSpec, model.encoder)
        wanted = (len(batch.pixels) if isinstance(batch, ImageBatch) else len(batch.texts), model.dim)
        with self.models.registry.guard(spec, "encoding with"):
            vectors = np.asarray(encoder.encode(batch))
            if vectors.shape != wanted or vectors.dtype != np.float32:
                raise Breach(f"gave {vectors.dtype} {vectors.shape}, not float32 {wanted}")
            if not np.isfinite(vectors).all():
                raise Breach("gave numbers that are not finite" + self._suspected(model))
        return vectors

    def _suspected(self, model: Model) -> str:
        """What else than the encoder may be the reason; nothing where it reads no file."""
        files = self.models.resolve(model).files
        return f" (is {str(files[0])!r} damaged, or of another network?)" if files else ""
