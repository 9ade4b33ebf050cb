"""Models and their spaces: which weights made a vector.

An *architecture* is an `EncoderSpec`; a *model* is a row of the catalogue; its *space* is named by a
fingerprint over everything that shapes its vectors.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import shlex
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curator.api import Encoder, EncoderSpec, Modality, Model, Resolved
from curator.embedding.reference import Reference
from curator.embedding.spaces import describe, fingerprint_of
from curator.embedding.trained_weights import SEEN, Trained, seen_in
from curator.errors import CuratorError, NotFound, NotReady, WorkspaceError
from curator.history.journal import Journal, Writer
from curator.kit.devices import choose_device
from curator.kit.weights import telling
from curator.registry.packages import hold_loadable, missing_to_load
from curator.registry.validation import Breach, validate
from curator.store.catalogue.models import ModelRow, ModelStore, model_name
from curator.store.catalogue.settings import SettingStore
from curator.store.derived import Derived
from curator.store.paths import held as held_below
from curator.store.sqlite import Database

if TYPE_CHECKING:
    from curator.embedding.ways.forms import Forms
    from curator.registry.loader import Registry


class Models:
    """Finds, records and loads models."""

    def __init__(
        self, database: Database, registry: Registry, trained: Trained, derived: Derived, say: Callable[[str], None]
    ) -> None:
        self.database = database
        self.derived = derived
        self.say = say
        self.store = ModelStore(database)
        self.settings = SettingStore(database)
        self.registry = registry
        self.trained = trained
        self.device: str | None = None

    @functools.cached_property
    def forms(self) -> Forms:
        """The compiled forms of encoders, which tell once of what is wrong with one."""
        from curator.embedding.ways.forms import Forms

        return Forms(self.database, self.derived, self.registry, self.say)

    # --- finding ---

    def default_reference(self, modality: Modality) -> str:
        """What the workspace embeds a modality with: its own choice, else the first encoder offered as default."""
        chosen = self.settings.value(f"default.{modality}")
        if chosen is not None:
            return str(chosen)
        spec = self.registry.default(EncoderSpec, lambda spec: modality in spec.modalities)
        if spec is None:
            raise NotReady(f"no encoder for {modality}s is installed: `curator plugins` shows what failed")
        return spec.name

    def find(self, reference: str) -> Model | None:
        """The recorded model that a reference means; None where an encoder has none yet. Raises `NotFound`."""
        wanted = Reference.parse(reference)
        self.registry.get(EncoderSpec, wanted.name)
        if wanted.version is None:
            chosen = self.settings.value(wanted.key)
            return None if chosen is None else self.by_id(int(chosen))
        row = self.store.of_version(wanted.name, wanted.version)
        if row is None or wanted.variant not in (None, row.variant):
            known = [model.name for model in self.all() if model.encoder == wanted.name]
            listed = "`curator encoders` lists them"
            raise NotFound.named("model", reference, known, "nothing was embedded with this encoder yet", listed)
        return _model(row)

    def by_id(self, model_id: int) -> Model:
        """A model by its row."""
        row = self.store.by_id(model_id)
        if row is None:
            raise WorkspaceError(
                f"{self.database.path} names model {model_id}, which is gone: `curator check --repair` forgets it"
            )
        return _model(row)

    def all(self) -> list[Model]:
        """Every recorded model, oldest first."""
        return [_model(row) for row in self.store.all()]

    # --- recording ---

    def known(self, reference: str, writer: Writer, say: Callable[[str], None]) -> Model:
        """The model that a reference means, recorded if it never was; whether its weights changed is not looked at."""
        return self.find(reference) or self.obtain(reference, writer, say=say)

    def obtain(
        self, reference: str, writer: Writer, weights: Path | None = None, say: Callable[[str], None] | None = None
    ) -> Model:
        """The model that a reference means, recorded if need be.

        Where the weights are not those on record, that is another space: a further version, which the
        reference means from then on; `say` gets one line about it.
        """
        known = self.find(reference)
        wanted = Reference.parse(reference)
        if known is not None:
            self._hold_embeds(known)
        if known is not None and (wanted.version is not None or (weights is None and self._unchanged(known))):
            return known
        spec = self.registry.get(EncoderSpec, wanted.name)
        hold_loadable(spec)
        variant = wanted.variant or (known.variant if known and weights is None else None)
        recorded = self._source(known) if known is not None and weights is None else None
        if isinstance(recorded, str) and say:
            say(f"{recorded} changed since it was recorded, or how this encoder uses it")
        source = str(weights.absolute()) if weights else recorded or self._learnt(spec)
        with telling(say):
            model = self._obtained(spec, variant or None, source, writer, weights)
        writer.take_turn()
        if known is None and weights is None and (meanwhile := self.find(reference)):
            return meanwhile  # as another process chose it
        for key in {wanted.key, Reference(spec.name, model.variant or None).key}:
            if key == wanted.key or not self.settings.holds(key):
                writer.set(key, model.id)
        if known is not None and known.id != model.id and say:
            say(
                f"{reference} has other weights now: {model.name} is another space than {known.name}, to be filled anew"
            )
        return model

    def keep(
        self, spec: EncoderSpec, folder: Path, parent: Model | None, journal: Journal, current: bool = True
    ) -> Model:
        """What an encoder learnt, from the folder where it left it, as a model; `current`: its name now means it.

        Else it is of its parent's variant. Labels that its parent saw, it knows too.
        """
        journal.start()
        seen = seen_in(folder) | (self.seen(parent) if parent else frozenset())
        if seen:
            held_below(folder, SEEN).write_text(json.dumps(sorted(seen)))
        variant = None if current or parent is None else parent.variant or None
        model = self._recorded(spec, self._describe(spec, self._resolve(spec, variant, folder)))
        if model is None:
            source = {"files": self.trained.put(folder), "parent": parent and parent.id}
            model = self._obtained(spec, variant, source, journal)
        if not current:
            return model
        for setting in self.settings.beginning(f"model.{spec.name}:"):  # those are made of what it learnt now, too
            journal.delete("setting", setting.id)
        for variant in (None, model.variant or None):
            journal.set(Reference(spec.name, variant).key, model.id)
        return model

    def space_of_given(self, spec: EncoderSpec, name: str, dim: int) -> str:
        """The fingerprint of the space of vectors that are imported by a name."""
        return fingerprint_of(self._describe(spec, self._resolve(spec, f"{name}/{dim}", None)))

    def given(self, spec: EncoderSpec, name: str, dim: int, modalities: Sequence[Modality], journal: Journal) -> Model:
        """The model of vectors that are imported by a name, recorded if need be; these are among its media then."""
        resolved = self._resolve(spec, f"{name}/{dim}", None)
        description = self._describe(spec, resolved)
        model = self._recorded(spec, description)
        if model is None:
            of = dataclasses.replace(spec, modalities=tuple(modalities))
            model = self._record(of, resolved, description, None, journal)
            for variant in (name, model.variant):
                journal.set(Reference(spec.name, variant).key, model.id)
        elif not {*modalities} <= {*model.modalities}:
            media = [medium for medium in spec.modalities if medium in (*modalities, *model.modalities)]
            space = self.store.space(model.fingerprint)
            assert space is not None
            journal.update("space", space, modalities=json.dumps(media))
        return self.by_id(model.id)

    def make_default(self, model: Model, journal: Journal) -> Model:
        """Let the workspace embed the model's modalities with it."""
        named = self.find(model.name)  # the name of the first version means the latest once there is another
        reference = model.name if named and named.id == model.id else f"{model.name}@{model.version}"
        for modality in model.modalities:
            journal.set(f"default.{modality}", reference)
        return model

    def embeds(self, model: Model) -> bool:
        """Whether items can be embedded with a model; else its vectors are imported."""
        return self.registry.get(EncoderSpec, model.encoder).embeds

    def _hold_embeds(self, model: Model) -> None:
        if not self.embeds(model):
            space = model.variant.rpartition("/")[0]
            raise NotReady(
                f"{model.name} embeds nothing, its vectors were imported: import those of new items, too "
                f"(curator import --vectors FILE --space {shlex.quote(space)})"
            )

    def _unchanged(self, model: Model) -> bool:
        try:
            return self._by_forms(model) is not None or fingerprint_of(self._description(model)) == model.fingerprint
        except NotFound:  # the weights are gone from where they were; what is embedded stays valid
            return True

    def _description(self, model: Model) -> dict[str, Any]:
        spec = self.registry.get(EncoderSpec, model.encoder)
        return self._describe(spec, self.resolve(model))

    def _describe(self, spec: EncoderSpec, resolved: Resolved) -> dict[str, Any]:
        return describe(spec, resolved, self.derived.hashed.digest)

    def _learnt(self, spec: EncoderSpec) -> dict[str, Any] | None:
        """What the bare name's model learnt here: other variants of an encoder are made of the same weights."""
        own = self.find(spec.name) if spec.pretrain is not None else None
        source = None if own is None else self._source(own)
        return source if isinstance(source, dict) else None

    def _obtained(
        self, spec: EncoderSpec, variant: str | None, source: Any, writer: Writer, weights: Path | None = None
    ) -> Model:
        """`weights`: the file or folder by the name that a person gave it, for what is said about it."""
        resolved = self._resolve(spec, variant, weights or self._place(source))
        description = self._describe(spec, resolved)
        return self._recorded(spec, description) or self._record(spec, resolved, description, source, writer)

    def _recorded(self, spec: EncoderSpec, description: dict[str, Any]) -> Model | None:
        row = self.store.in_space(spec.name, fingerprint_of(description))
        return None if row is None else _model(row)

    def _record(
        self, spec: EncoderSpec, resolved: Resolved, description: dict[str, Any], source: Any, writer: Writer
    ) -> Model:
        fingerprint = fingerprint_of(description)
        writer.ready()  # loaded once before it is recorded: a file that holds other weights must not become the model
        if spec.embeds:
            with self._open(spec, resolved, fingerprint):
                pass
        if recorded := self._recorded(spec, description):  # by another process, while this one waited for its turn
            return recorded
        with self.database.transaction():
            space = self.store.space(fingerprint)  # there without a model of ours where somebody changed rows
            if space is None:
                space = writer.insert(
                    "space",
                    fingerprint=fingerprint,
                    dim=resolved.dim,
                    modalities=json.dumps(list(spec.modalities)),
                    description=json.dumps(description, sort_keys=True),
                )
            row = writer.insert(
                "model",
                encoder=spec.name,
                variant=resolved.variant,
                version=writer.version("model", "encoder", encoder=spec.name, space_id=space),
                space_id=space,
                weights=json.dumps(source),
            )
        return self.by_id(row)

    # --- loading ---

    def resolve(self, model: Model) -> Resolved:
        """A recorded model made definite again, from where its weights were."""
        spec = self.registry.get(EncoderSpec, model.encoder)
        return self._resolve(spec, model.variant or None, self.weights(model))

    def weights(self, model: Model) -> Path | None:
        """The file or folder of a model; None where the encoder finds its weights itself."""
        return self._place(self._source(model))

    def seen(self, model: Model) -> frozenset[str]:
        """The hashes of the items whose labels a model was fine-tuned on."""
        source = self._source(model)
        return seen_in(self.trained.folder_of(source["files"])) if isinstance(source, dict) else frozenset()

    def usable(self, spec: EncoderSpec, folder: Path) -> bool:
        """Whether an encoder left a model in a folder."""
        try:
            self._resolve(spec, None, folder)
        except CuratorError:
            return False
        return True

    def _source(self, model: Model) -> Any:
        """The path that was given for the weights, or the objects that hold what was learnt, or None."""
        return self.store.weights(model.id)

    def _place(self, source: Any) -> Path | None:
        if isinstance(source, dict):
            return self.trained.folder_of(source["files"])
        return Path(source) if source else None

    @contextlib.contextmanager
    def loaded(self, model: Model, variant: str | None = None) -> Iterator[tuple[Encoder, Resolved]]:
        """The encoder of a model, or its form where its spec writes one down: that needs no library but a runtime.

        It is checked to be the one whose vectors are on record. `variant`: instead, another one of the same weights.
        """
        spec = self.registry.get(EncoderSpec, model.encoder)
        hold_loadable(spec)
        settled, whole = self.settled(model), variant in (None, model.variant)
        resolved = settled if whole else self._resolve(spec, variant or None, self.weights(model))
        with self._open(spec, resolved, model.fingerprint if whole else None) as encoder:
            yield encoder, resolved

    def settled(self, model: Model) -> Resolved:
        """As `resolve`; raises `NotReady` where the weights are not those that the vectors on record were made with."""
        self._hold_embeds(model)
        if known := self._by_forms(model):
            return known
        resolved = self.resolve(model)
        if fingerprint_of(self._describe(self.registry.get(EncoderSpec, model.encoder), resolved)) != model.fingerprint:
            raise NotReady(
                f"the weights of {model.name} are not those that its vectors were made with: "
                f"`curator encode -e {Reference(model.encoder, model.variant or None).key.removeprefix('model.')}` "
                "embeds everything with the new ones"
            )
        return resolved

    def _by_forms(self, model: Model) -> Resolved | None:
        """A model as it is on record, where it cannot be loaded for want of a package but has its forms."""
        spec = self.registry.get(EncoderSpec, model.encoder)
        return self.forms.standing_for(model) if missing_to_load(spec) else None

    @contextlib.contextmanager
    def _open(self, spec: EncoderSpec, resolved: Resolved, fingerprint: str | None) -> Iterator[Encoder]:
        device = choose_device(self.device)
        form = self.forms.alone(spec, resolved, fingerprint) if device == "cpu" and spec.form is not None else None
        if form is None:
            with self.opened(spec, resolved, device) as encoder:
                yield encoder
        else:
            with contextlib.closing(form):
                yield form

    @contextlib.contextmanager
    def opened(self, spec: EncoderSpec, resolved: Resolved, device: str) -> Iterator[Encoder]:
        """The encoder itself, loaded on a device of torch."""
        hold_loadable(spec)
        with self.registry.guard(spec, "loading"):
            encoder = spec.load(resolved, device)
        try:
            yield encoder
        finally:
            with self.registry.guard(spec, "closing"):
                encoder.close()

    def _resolve(self, spec: EncoderSpec, variant: str | None, weights: Path | None) -> Resolved:
        if weights is not None and not weights.exists():
            raise NotFound(f"no weights at {str(weights)!r}")
        with self.registry.guard(spec, "resolving"):
            resolved = validate(Resolved, spec.resolve(variant, weights))
            if resolved.dim < 1:
                raise Breach(f"dim is {resolved.dim}")
            if spec.embeds and "image" in spec.modalities and resolved.preprocess is None:
                raise Breach("it encodes images but names no preprocessing")
            for path in resolved.files:
                if not path.is_file():
                    raise Breach(f"names the weights {str(path)!r}, which is not a file")
            fingerprint_of(dict(resolved.config))  # only JSON values can be recorded
        return resolved


def _model(row: ModelRow) -> Model:
    name = model_name(row.encoder, row.variant, row.version, row.weights)
    return Model(row.id, name, row.encoder, row.variant, row.version, row.dim, row.modalities, row.fingerprint)
