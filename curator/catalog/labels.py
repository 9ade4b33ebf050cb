"""Labels: what is said of items, what holds of it, and what a head may learn from.

What a typed name means is told in `label_names`; within the core a label or group is a `TargetRef`. Labels of one group
exclude each other: an item that is one of them is none of its siblings.
"""

from __future__ import annotations

import enum
import shlex
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from curator.api import SetLabel, TargetRef
from curator.catalog.label_names import LabelNames, composed, full_name, number_in, search_name
from curator.errors import BadInput, NotFound
from curator.history.journal import Journal
from curator.store.catalogue.labels import GroupRow, LabelRow, LabelStore, VerdictRow
from curator.store.sqlite import Database

LISTED = "`curator status` lists the existing ones"


class Source(enum.IntEnum):
    """Who said it; the higher overrides."""

    HEAD = 0
    RULE = 1
    IMPORT = 2
    HUMAN = 3


@dataclass(frozen=True, slots=True)
class Examples:
    """What a head can learn from: `targets[i]` is the index in `classes` of `items[i]`.

    `conflicts` are items about which two things are said that exclude each other; they are in neither list.
    `spelled` is what a person types for the target.
    """

    target: TargetRef
    classes: tuple[str, ...]
    items: list[int]
    targets: list[int]
    conflicts: list[int]
    spelled: str

    @property
    def counts(self) -> tuple[int, ...]:
        """Items per class."""
        found = Counter(self.targets)
        return tuple(found[index] for index in range(len(self.classes)))

    def without(self, items: Container[int]) -> Examples:
        """As if nothing were said of these items."""
        kept = [(item, target) for item, target in zip(self.items, self.targets, strict=True) if item not in items]
        conflicts = [item for item in self.conflicts if item not in items]
        return replace(self, items=[item for item, _ in kept], targets=[of for _, of in kept], conflicts=conflicts)


@dataclass(frozen=True, slots=True)
class LabelCount:
    """How many items are a label, are not (its siblings' items included), and contradict themselves in its group.

    `label` is its name as it is shown, `spelled` what a person types for it. `used`: whether anything is said of it,
    and not only of its siblings.
    """

    label: str
    group: str | None
    positives: int
    negatives: int
    conflicts: int
    ref: TargetRef
    spelled: str
    used: bool


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What holds of each item within one label or group: the label's id, or None for a conflict."""

    positive: dict[int, int | None]
    negative: dict[int, set[int]]


class Labels:
    """Reads and writes labels."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.store = LabelStore(database)

    # --- names ---

    def find(self, name: str) -> LabelRow:
        """The label that a name, as a person types it, means.

        Raises `NotFound` with the nearest, `BadInput` where several go by it, with what to write instead.
        """
        row = self._find_by_name(search_name(name))
        if row is None:
            hint = "there is no label yet: `curator label NAME FILES`"
            raise NotFound.named("label", name, self.names(), hint, LISTED)
        return row

    def find_group(self, name: str) -> GroupRow:
        """The group of that name; raises `NotFound` with the nearest."""
        row = self.store.group_named(search_name(name, "group"))
        if row is None:
            hint = "there is no group yet: `curator add FOLDER --labels-from-folders --group NAME`"
            raise NotFound.named(
                "group", name, self.store.group_names(), hint, many="`curator status` lists the existing ones"
            )
        return row

    def target(self, label: str | None = None, group: str | None = None) -> TargetRef:
        """A label or a group by its name, or the label of just that name within a group; raises as `find` does."""
        if label is None:
            assert group is not None
            row = self.find_group(group)
            return TargetRef("group", row.id, row.name)
        if group is None:
            return _ref(self.find(label))
        found = self.find_label(label, self.find_group(group).name)
        if found is None:
            names = self.store.names_in(self.find_group(group).id).values()
            raise NotFound.named(f"label in group {group!r}:", label, names)
        return _ref(found)

    def require_target(self, target: TargetRef) -> TargetRef:
        """The same; raises `NotFound` where there is no such label or group, as after its run was undone."""
        is_group = target.kind == "group"
        row = self.store.group(target.id) if is_group else self.store.by_id(target.id)
        if row is None or row.name != target.name:
            known = self.store.group_names() if is_group else self.names()
            raise NotFound.named(target.kind, target.full_name, known)
        return target

    def names(self) -> list[str]:
        """Every label, `GROUP/NAME` only where the name alone is not enough."""
        names = self._every()
        return sorted(map(names.display_name, names.rows))

    def find_label(self, name: str, group: str | None = None) -> LabelRow | None:
        """The label that is meant, None for a new one: within a group by its name there, else as a person types it."""
        if group is None:
            return self._find_by_name(clean(name))
        return self.store.in_group(clean(name), clean(group))

    def ensure(self, journal: Journal, name: str, group: str | None = None) -> int:
        """The id of a label, made if it is new. Without a group, an existing label of any one group is meant."""
        row = self.find_label(name, group)
        if row is not None:
            return row.id
        if group is None and number_in(clean(name)) is not None:
            raise NotFound.named("label", name, self.names())
        return journal.insert("label", name=clean(name), group_id=self._ensure_group(journal, group))

    def _ensure_group(self, journal: Journal, group: str | None) -> int | None:
        if group is None:
            return None
        name = clean(group)
        found = self.store.group_named(name)
        return found.id if found is not None else journal.insert("label_group", name=name)

    def _every(self) -> LabelNames:
        return LabelNames(self.store.all())

    def _going_by(self, name: str) -> list[LabelRow]:
        return LabelNames(self.store.going_by(name, number_in(name))).matches(name)

    def _name_to_type(self, row: LabelRow) -> str:
        """What a person types for a label, with its group if that will do."""
        full = full_name(row.name, row.group)
        plain = [other.id for other in self._going_by(full)] == [row.id]
        return full if plain else self._every().unambiguous_name(row)

    def _find_by_name(self, name: str) -> LabelRow | None:
        rows = self._going_by(name)
        if len(rows) > 1:
            ways = " or ".join(sorted(map(self._typing_hint, rows)))
            raise BadInput(f"{name!r} may mean several labels: write {ways}")
        return rows[0] if rows else None

    def _typing_hint(self, row: LabelRow) -> str:
        """What to type for a label, and which that is, where it cannot be seen."""
        way = self._every().unambiguous_name(row)
        where = f"in group {row.group!r}" if row.group else "in no group"
        return shlex.quote(way) + ("" if way == full_name(row.name, row.group) else f" ({row.name!r} {where})")

    # --- saying ---

    def change(self, journal: Journal, change: SetLabel, source: Source | None = None) -> None:
        """Carry out a change, on the word of `source` or else of what it says itself."""
        source = Source[change.source.upper()] if source is None else source
        if isinstance(change.label, TargetRef):
            label = self.require_target(change.label).id
            assert change.label.kind == "label" and label is not None
        elif change.value is None and self.find_label(change.label, change.group) is None:
            return  # nobody said it, so there is nothing to take back
        else:
            label = self.ensure(journal, change.label, change.group)
        value = {True: 1, False: -1, None: 0}[change.value]
        self.say(journal, [change.item], label, value, source, change.score)

    def say(
        self,
        journal: Journal,
        items: Iterable[int],
        label_id: int,
        value: int,
        source: Source,
        score: float | None = None,
    ) -> int:
        """State a value (1, -1, or 0 to withdraw) of items; what the source said last is not said again.

        Returns how many statements were made.
        """
        items = list(dict.fromkeys(items))
        last = self._last_said(items, label_id, source)
        new = [item for item in items if last.get(item) != value and (value != 0 or self.store.holds(item, label_id))]
        if not new:
            return 0
        with self.database.transaction():
            same = {"label_id": label_id, "value": value, "source": int(source), "score": score}
            run = journal.start()
            journal.insert_many("statement", [{"item_id": item, **same, "run_id": run} for item in new])
        return len(new)

    def _last_said(self, items: Sequence[int], label_id: int, source: Source) -> dict[int, int]:
        """What a source said last of each item and a label, unless it named a sibling since, which counts for more.

        Imports stand side by side, so there a sibling changes nothing.
        """
        said = {last.item_id: last for last in self.store.last_said(items, label_id, source)}
        since: dict[int, int] = {}
        if source != Source.IMPORT:
            since = self.store.siblings_last_named(list(said), label_id, source)
        return {
            item: last.value for item, last in said.items() if last.value != 1 or last.statement_id > since.get(item, 0)
        }

    # --- what holds ---

    def of_items(self, items: Sequence[int]) -> dict[int, list[str]]:
        """The labels that each item is, by item; siblings that a higher or later word overrides are left out."""
        return {item: [name for name, _ in said] for item, said in self.with_groups(items).items()}

    def with_groups(self, items: Sequence[int]) -> dict[int, list[tuple[str, str | None]]]:
        """As `of_items`, each label with its group, None for one that stands alone."""
        found: dict[int, list[tuple[str, str | None]]] = defaultdict(list)
        names = self.store.names()
        grouped: dict[tuple[int, int], list[VerdictRow]] = defaultdict(list)
        for row in self.store.positives(items):
            name, group = names[row.label_id]
            if group is None:
                found[row.item_id].append((name, None))
            else:
                grouped[row.item_id, group].append(row)
        groups = {group_id: self.store.group(group_id) for _, group_id in grouped}
        for (item, group_id), rows in grouped.items():
            chosen, of = strongest(rows), groups[group_id]
            said = [names[row.label_id][0] for row in rows if chosen in (None, row.label_id)]
            found[item] += [(name, of.name if of else None) for name in said]
        return {item: sorted(said, key=lambda one: (one[0], one[1] or "")) for item, said in found.items()}

    def said_of(self, name: str, items: Sequence[int], group: str | None = None) -> list[str]:
        """What is said of each item as to one label, new or known: '', 'positive', 'negative' or 'conflict'."""
        label = self.find_label(name, group)
        if label is None:
            return [""] * len(items)
        values = self.store.values(items, label.id)
        words = {1: "positive", -1: "negative", 0: "", None: "conflict"}
        return [words[values.get(item, 0)] for item in items]

    def verdicts(self, label_ids: Sequence[int], least: Source = Source.HEAD) -> Verdicts:
        """What holds of every item as to labels that exclude each other (or one label alone).

        What is said on a word that counts for less than `least` is left out.
        """
        said: dict[int, list[VerdictRow]] = defaultdict(list)
        negative: dict[int, set[int]] = defaultdict(set)
        for row in self.store.verdicts(label_ids, least):
            if row.value == -1:
                negative[row.item_id].add(row.label_id)
            else:
                said[row.item_id].append(row)
        return Verdicts({item: strongest(rows) for item, rows in said.items()}, negative)

    def examples(self, target: TargetRef, least: Source = Source.RULE) -> Examples:
        """What can be learned for a label or group: not from what a head said. Raises `NotFound` where it is gone."""
        target = self.require_target(target)
        return self._of_group(target, least) if target.kind == "group" else self._of_label(target, least)

    def siblings(self, target: TargetRef) -> list[str]:
        """The labels of a group by their names there, those that no item is too; of a label only its own."""
        if target.kind == "label":
            return [target.name]
        return [] if target.id is None else sorted(self.store.names_in(target.id).values())

    def denied(self, target: TargetRef) -> dict[int, frozenset[str]]:
        """The labels of a group that items are said not to be, not on the word of a head; of a label nothing."""
        if target.kind == "label" or target.id is None:
            return {}
        names = self.store.names_in(target.id)
        negative = self.verdicts(list(names), Source.RULE).negative
        return {item: frozenset(names[label] for label in labels) for item, labels in negative.items()}

    def counts(self) -> list[LabelCount]:
        """Every label with its counts, by name; a group's verdicts are read once for all its labels."""
        names = self._every()
        alike: dict[tuple[int | None, int], list[LabelRow]] = defaultdict(list)
        for row in names.rows:
            alike[row.group_id, 0 if row.group_id else row.id].append(row)
        found = [count for rows in alike.values() for count in self._label_counts(names, rows)]
        return sorted(found, key=lambda count: count.label)

    def _label_counts(self, names: LabelNames, rows: Sequence[LabelRow]) -> Iterator[LabelCount]:
        verdicts = self.verdicts([row.id for row in rows])
        positive, conflicts = Counter(verdicts.positive.values()), len(_conflicts(verdicts))
        free = [said for item, said in verdicts.negative.items() if item not in verdicts.positive]
        negative = Counter(label for said in free for label in said)
        for row in rows:
            is_, others = positive[row.id], len(verdicts.positive) - conflicts - positive[row.id]
            shown, isnt = names.display_name(row), others + negative[row.id]
            used, spelled = bool(is_ or negative[row.id] or conflicts), names.unambiguous_name(row)
            yield LabelCount(shown, row.group, is_, isnt, conflicts, _ref(row), spelled, used)

    def _of_group(self, target: TargetRef, least: Source) -> Examples:
        assert target.id is not None
        labels = self.store.names_in(target.id)
        verdicts = self.verdicts(list(labels), least)
        used = sorted({label for label in verdicts.positive.values() if label is not None}, key=labels.__getitem__)
        chosen = {item: label for item, label in sorted(verdicts.positive.items()) if label is not None}
        return Examples(
            target,
            tuple(labels[label] for label in used),
            list(chosen),
            [used.index(label) for label in chosen.values()],
            _conflicts(verdicts),
            target.name,
        )

    def _of_label(self, target: TargetRef, least: Source) -> Examples:
        label = self.store.by_id(target.id)
        assert label is not None
        siblings = {label.id: label.name} if label.group_id is None else self.store.names_in(label.group_id)
        verdicts = self.verdicts(list(siblings), least)
        chosen = {item: int(is_ == label.id) for item, is_ in verdicts.positive.items() if is_ is not None}
        for item, isnt in verdicts.negative.items():
            if label.id in isnt and item not in verdicts.positive:
                chosen[item] = 0
        items = sorted(chosen)
        classes = (f"not {label.name}", label.name)
        found = [chosen[item] for item in items]
        return Examples(target, classes, items, found, _conflicts(verdicts), self._name_to_type(label))


def _ref(row: LabelRow) -> TargetRef:
    return TargetRef("label", row.id, row.name, row.group)


def clean(name: str, noun: str = "label") -> str:
    """A name as it is kept: composed characters, no white space around it. Raises `BadInput` for none."""
    name = composed(name)
    if not name:
        raise BadInput(f"a {'label or group' if noun == 'label' else noun} needs a name")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise BadInput(f"{noun} name {name!r} holds control characters")
    return name


def name_of_folder(folder: str) -> str:
    """A label's name from a folder's, whatever that holds: what cannot be shown becomes U+FFFD."""
    text = folder.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    shown = "".join("\ufffd" if unicodedata.category(character) == "Cc" else character for character in text)
    return clean(shown) if shown.strip() else "\ufffd"


def strongest(rows: Sequence[VerdictRow]) -> int | None:
    """Which of several positives and conflicts of one group holds: None for a conflict.

    Only the highest source counts; of what a person or a rule said the last, of imports two exclude each other.
    """
    if len(rows) == 1:
        return rows[0].label_id if rows[0].value is not None else None
    highest = max(row.source for row in rows)
    top = [row for row in rows if row.source == highest]
    if (len(top) > 1 and highest == Source.IMPORT) or any(row.value is None for row in top):
        return None
    return max(top, key=lambda row: row.statement_id).label_id


def _conflicts(verdicts: Verdicts) -> list[int]:
    return sorted(item for item, label in verdicts.positive.items() if label is None)
