"""What the names in an expression mean, as conditions; for what there is not, `NotFound`."""

from __future__ import annotations

import os

from curator.api import TargetRef
from curator.catalog.label_names import LabelNames
from curator.catalog.labels import Labels, Source
from curator.catalog.places import Places, expand_path, missing_path, real
from curator.catalog.where.expression import quoted
from curator.errors import NotFound
from curator.store.selecting import Selecting
from curator.store.selecting.conditions import Below, Denied, Labelled
from curator.store.sqlite import Database


class Names:
    """Looks names up, on the word of a rule or of who counts for more: what a head says is no label yet."""

    def __init__(self, database: Database) -> None:
        self.labels = Labels(database)
        self.places = Places(database)
        self.selecting = Selecting(database)

    def under(self, folder: str) -> Below:
        """What lies in a folder, or is that file."""
        given = expand_path(folder)
        path = real(given)
        below = tuple(self.places.folders(path))
        if not self.selecting.is_anything_below(below) and not os.path.exists(path):
            raise missing_path(given)
        return Below(below, self.selecting.holds_most(below))

    def labelled(self, label: str | TargetRef) -> Labelled:
        """What is said to be a label."""
        number = self._label(label)
        return Labelled(number, (number, *self.labels.store.siblings(number)), Source.RULE)

    def denied(self, label: str | TargetRef) -> Denied:
        """What is said not to be a label."""
        return Denied(self._label(label), Source.RULE)

    def in_group(self, group: str | TargetRef) -> Labelled:
        """What is said to be one of the labels of a group."""
        target = group if isinstance(group, TargetRef) else self.labels.target(group=group)
        target = self.labels.require_target(target)
        assert target.id is not None
        return Labelled(None, tuple(self.labels.store.names_in(target.id)), Source.RULE)

    def to_type(self, target: TargetRef) -> str:
        """What a person types for what `Context.target` gave, so that just this is meant."""
        row = self.labels.store.by_id(self.labels.require_target(target).id) if target.kind == "label" else None
        return target.name if row is None else LabelNames(self.labels.store.all()).unambiguous_name(row)

    def _label(self, label: str | TargetRef) -> int:
        target = self.labels.require_target(label) if isinstance(label, TargetRef) else self._find(label)
        assert target.id is not None
        return target.id

    def _find(self, label: str) -> TargetRef:
        try:
            return self.labels.target(label)
        except NotFound:
            if label in self.labels.store.group_names():
                raise NotFound(f"no label {label!r}, but a group: --where group:{quoted(label)} takes it") from None
            raise
