"""Saved heads: rows of the catalogue, with their states and what was held out of them as objects."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from curator.api import FittedHead, Head, HeadSpec, HeldOut, Item, Model, TargetRef
from curator.catalog.items import Items
from curator.catalog.labels import Examples
from curator.embedding.models import Models
from curator.errors import PluginError, WorkspaceError
from curator.history.journal import Writer
from curator.kit.devices import one_thread
from curator.learning.calibration import Calibration
from curator.learning.material.background import Background
from curator.learning.material.recipe import SEED
from curator.registry.parameters import bind
from curator.registry.validation import Breach
from curator.store.catalogue.heads import HeadRow, HeadStore
from curator.store.catalogue.labels import LabelStore
from curator.store.objects import Objects
from curator.store.sqlite import Database

if TYPE_CHECKING:
    from curator.registry.loader import Registry


class Heads:
    """Fits, keeps and restores heads, each held to its contract."""

    def __init__(self, database: Database, objects: Objects, registry: Registry, models: Models) -> None:
        self.store = HeadStore(database)
        self.labels = LabelStore(database)
        self.objects = objects
        self.registry = registry
        self.models = models
        self.items = Items(database)

    # --- rows ---

    def row(self, head: FittedHead) -> HeadRow:
        """The row of a head."""
        return self._by_id(head.id)

    def find(self, target: TargetRef, digest: str) -> HeadRow | None:
        """The latest head for a target that was fitted from what the digest stands for."""
        return self.store.latest(target.kind, target.id, digest)

    def whole(self, row: HeadRow) -> bool:
        """Whether everything that belongs to a head is still there."""
        return all(self.objects.holds(object_) for object_ in (row.object, row.held_out) if object_ is not None)

    def of_target(self, target: TargetRef) -> list[HeadRow]:
        """Every head for a label or group, the latest first."""
        return self.store.of_target(target.kind, target.id)

    def all(self) -> list[FittedHead]:
        """Every saved head, oldest first."""
        return [self.from_row(row) for row in self.store.all()]

    def from_row(self, row: HeadRow) -> FittedHead:
        """A row of the catalogue as a head."""
        return FittedHead(
            row.id,
            self._target(row),
            row.version,
            row.kind,
            self.models.by_id(row.model_id),
            row.classes,
            row.counts,
            row.metrics,
            True,
            row.notes,
            row.calibration is not None,
        )

    def _by_id(self, head_id: int) -> HeadRow:
        row = self.store.by_id(head_id)
        assert row is not None
        return row

    def _target(self, row: HeadRow) -> TargetRef:
        """What a head is for; where that is gone, only its text is known."""
        found = None
        if row.target_kind == "group" and (group := self.labels.group(row.target_id)):
            found = TargetRef("group", group.id, group.name)
        elif row.target_kind == "label" and (label := self.labels.by_id(row.target_id)):
            found = TargetRef("label", label.id, label.name, label.group)
        if found is None or str(found) != row.target:
            return TargetRef(row.target_kind, None, row.target.removeprefix(f"{row.target_kind}:"))
        return found

    def save(
        self,
        writer: Writer,
        spec: HeadSpec,
        params: Any,
        model: Model,
        examples: Examples,
        digest: str,
        head: Head,
        fitted: Mapping[str, Any],
    ) -> HeadRow:
        """A further version of a head for the target of the examples, or the lost one; `fitted` are further columns."""
        with self.registry.guard(spec, "saving"):
            state = save(_contiguous(head.state()))
        fitted = {**fitted, "object": self.objects.put(state)}
        lost = self.find(examples.target, digest)
        if lost is not None:
            writer.update("head", lost.id, **fitted)
            return self._by_id(lost.id)
        # By the text: a label may be called as another one with its group, and two heads have two names all the same.
        of = {"target": str(examples.target), "target_id": examples.target.id}
        same = {**of, "digest": digest, "object": fitted["object"]}
        row_id = writer.insert(
            "head",
            **of,
            target_kind=examples.target.kind,
            version=writer.version("head", "target", **same),
            kind=spec.name,
            options=json.dumps(asdict(params)),
            model_id=model.id,
            classes=json.dumps(list(examples.classes), ensure_ascii=False),
            digest=digest,
            **fitted,
        )
        return self._by_id(row_id)

    # --- what was held out, and the background ---

    def keep_held_out(
        self,
        items: Sequence[Item],
        targets: NDArray[np.int64],
        probabilities: NDArray[np.float32],
        scores: NDArray[np.float32] | None = None,
        background: Background | None = None,
    ) -> str | None:
        """Keep what a head said of items while they were held out, and what its background is; the object's hash.

        None for no items: then there is no background either.
        """
        if not items:
            return None
        arrays = {"hashes": _bytes([item.hash for item in items]), "targets": targets, "probabilities": probabilities}
        if background is not None and scores is not None:
            arrays |= {"scores": scores, "background": _bytes(background.hashes), "pool": np.array([background.pool])}
        return self.objects.put(save(_contiguous(arrays)))

    def held_out(self, head: FittedHead) -> HeldOut:
        """What was said of items while they were held out, calibrated as the head is."""
        row = self.row(head)
        if row.held_out is None:
            nothing = np.zeros((0, len(head.classes)), np.float32)
            return HeldOut([], head.classes, np.zeros(0, np.int64), nothing)
        arrays = self._arrays(row, row.held_out)
        hashes, targets, said, scores = (arrays.get(name) for name in ("hashes", "targets", "probabilities", "scores"))
        if hashes is None or targets is None or said is None or said.shape != (len(hashes), len(head.classes)):
            raise _strange(row, row.held_out)
        if len(targets) != len(hashes) or (scores is not None and scores.shape != (len(hashes),)):
            raise _strange(row, row.held_out)
        names = [each.tobytes().hex() for each in hashes]
        known = {item.hash: item for item in self.items.by_hashes(names)}
        left = [number for number, name in enumerate(names) if name in known]  # others were forgotten since
        items = [known[names[number]] for number in left]
        calibrated = self.calibration(row).apply(said[left])
        return HeldOut(items, head.classes, targets[left], calibrated, None if scores is None else scores[left])

    def background(self, row: HeadRow) -> tuple[tuple[str, ...], int] | None:
        """The hashes of the items that are a head's background, and of how many they were drawn; None for none."""
        if row.held_out is None:
            return None
        arrays = self._arrays(row, row.held_out)
        hashes, pool = arrays.get("background"), arrays.get("pool")
        if hashes is None or pool is None:
            return None
        if hashes.ndim != 2 or hashes.dtype != np.uint8 or pool.shape != (1,):
            raise _strange(row, row.held_out)
        return tuple(each.tobytes().hex() for each in hashes), int(pool[0])

    def columns(self, row: HeadRow) -> int:
        """How many columns a head has: one for each class, and one for its background if it knows one."""
        return len(row.classes) + (self.background(row) is not None)

    def _arrays(self, row: HeadRow, name: str) -> dict[str, NDArray[Any]]:
        data = self.objects.get(name)
        try:
            arrays: dict[str, NDArray[Any]] = load(data)
        except (SafetensorError, ValueError, KeyError, TypeError) as error:
            raise _strange(row, name) from error
        return arrays

    def calibration(self, row: HeadRow) -> Calibration:
        """By which the probabilities of a head are set."""
        return Calibration() if row.calibration is None else Calibration(*row.calibration)

    # --- the head itself ---

    def fit(
        self, spec: HeadSpec, params: Any, vectors: NDArray[np.float32], targets: NDArray[np.int64], classes: int
    ) -> Head:
        """A head that has learnt."""
        with self.registry.guard(spec, "fitting"):
            head = spec.load(params)
            head.fit(vectors, targets, classes, SEED)
        return head

    def load_head(self, row: HeadRow) -> Head:
        """A saved head. Raises `WorkspaceError` where its object is gone or damaged."""
        spec = self.registry.get(HeadSpec, row.kind)
        state = self._arrays(row, row.object)
        with self._suspected(row), self.registry.guard(spec, "restoring"):
            head = spec.load(bind(spec.params, row.options))
            head.restore(state)
        return head

    def predictor(self, row: HeadRow) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
        """What a saved head says of unit rows, (n, columns); to be called within `one_thread`."""
        head, columns = self.load_head(row), self.columns(row)

        def said(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
            with self._suspected(row):
                return self._predict(head, row.kind, vectors, columns)

        return said

    @staticmethod
    @contextlib.contextmanager
    def _suspected(row: HeadRow) -> Iterator[None]:
        """Anybody may have written the object of a saved head: where that cannot be used, the line names it, too."""
        try:
            yield
        except PluginError as error:
            raise PluginError(f"{error}; or {_strange(row, row.object)}") from error

    @one_thread()
    def predict(self, head: Head, kind: str, vectors: NDArray[np.float32], classes: int) -> NDArray[np.float32]:
        """Call a head, and hold it to its contract; (n, classes), as the head says it."""
        return self._predict(head, kind, vectors, classes)

    def _predict(self, head: Head, kind: str, vectors: NDArray[np.float32], classes: int) -> NDArray[np.float32]:
        wanted = (len(vectors), classes)
        with self.registry.guard(self.registry.get(HeadSpec, kind), "predicting with"):
            made = np.asarray(head.predict(vectors))
            if made.shape != wanted or made.dtype != np.float32:
                raise Breach(f"gave {made.dtype} {made.shape}, not float32 {wanted}")
            if not ((made >= 0).all() and np.allclose(made.sum(axis=1), 1, atol=1e-3)):
                raise Breach("gave rows that are no probabilities")
        return made


def _strange(row: HeadRow, name: str) -> WorkspaceError:
    return WorkspaceError(
        f"object {name[:12]} of head {row.target}@{row.version} is not what curator keeps of a head: restore it from "
        "a backup, or label and train again"
    )


def _bytes(hashes: Sequence[str]) -> NDArray[np.uint8]:
    return np.frombuffer(bytes.fromhex("".join(hashes)), np.uint8).reshape(len(hashes), -1)


def _contiguous(state: Mapping[str, Any]) -> dict[str, Any]:
    return {name: np.ascontiguousarray(array) for name, array in state.items()}
