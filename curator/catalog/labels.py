"""Labels: what is said of items, what holds of it, and what a head may learn from.

A label's name is `NAME`, or `GROUP/NAME` where several groups have one of that name. Labels of one group
exclude each other: an item that is one of them is none of its siblings.
"""

from __future__ import annotations

import enum
import sqlite3
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from curator.errors import BadInput, NotFound
from curator.history.journal import Journal
from curator.store.sqlite import Database


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
    """

    target: str
    classes: tuple[str, ...]
    items: list[int]
    targets: list[int]
    conflicts: list[int]

    @property
    def counts(self) -> tuple[int, ...]:
        """Items per class."""
        found = Counter(self.targets)
        return tuple(found[index] for index in range(len(self.classes)))


@dataclass(frozen=True, slots=True)
class LabelCount:
    """How many items are a label, are not (its siblings' items included), and contradict themselves in its group."""

    label: str
    group: str | None
    positives: int
    negatives: int
    conflicts: int


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What holds of each item within one label or group: the label's id, or None for a conflict."""

    positive: dict[int, int | None]
    negative: dict[int, set[int]]


class Labels:
    """Reads and writes labels."""

    def __init__(self, database: Database) -> None:
        self.database = database

    # --- names ---

    def find(self, name: str) -> sqlite3.Row:
        """The label of that name; raises `NotFound` with the nearest, `BadInput` where several groups have it."""
        rows = self.namesakes(name)
        if not rows and "/" in name:
            group, _, bare = _composed(name).partition("/")
            rows = [row for row in self.namesakes(bare) if row["group_name"] == group]
        # One that stands alone has no other name than this, where those in groups have.
        rows = [row for row in rows if row["group_name"] is None] or rows
        if not rows:
            raise NotFound.named("label", name, self.names(), hint="there is no label yet: `curator label NAME FILES`")
        if len(rows) > 1:
            ways = " or ".join(sorted(full_name(row) for row in rows))
            raise BadInput(f"label {name!r} is in several groups: write {ways}")
        return rows[0]

    def find_group(self, name: str) -> sqlite3.Row:
        """The group of that name; raises `NotFound` with the nearest."""
        sql = "SELECT * FROM label_group WHERE name = ?"
        row = self.database.row(sql, _composed(name))
        if row is None:
            known = [row["name"] for row in self.database.rows("SELECT name FROM label_group")]
            hint = "there is no group yet: `curator add FOLDER --labels-from-folders --group NAME`"
            raise NotFound.named("group", name, known, hint)
        return row

    def names(self) -> list[str]:
        """Every label, `GROUP/NAME` only where the name alone is not enough."""
        return list(self._by_name())

    def _by_name(self) -> dict[str, sqlite3.Row]:
        """Every label by the name that is enough to tell it, sorted."""
        rows = self.database.rows(_LABELS)
        bare = Counter(row["name"] for row in rows)
        named = {row["name"] if bare[row["name"]] == 1 else full_name(row): row for row in rows}
        return dict(sorted(named.items()))

    def is_known(self, name: str, group: str | None = None) -> bool:
        """Whether `ensure` would find it."""
        groups = [row["group_name"] for row in self.namesakes(clean(name))]
        return (bool(groups) if group is None else clean(group) in groups) or (group is None and self._exists(name))

    def ensure(self, journal: Journal, name: str, group: str | None = None) -> int:
        """The id of a label, made if it is new. Without a group, an existing label of any one group is meant."""
        name = clean(name)
        rows = self.namesakes(name)
        if group is not None:
            rows = [row for row in rows if row["group_name"] == clean(group)]
        if len(rows) > 1 or (not rows and "/" in name and group is None and self._exists(name)):
            rows = [self.find(name)]
        if rows:
            return int(rows[0]["id"])
        return journal.insert("label", name=name, group_id=self._ensure_group(journal, group))

    def _exists(self, name: str) -> bool:
        try:
            self.find(name)
        except NotFound:
            return False
        return True

    def _ensure_group(self, journal: Journal, group: str | None) -> int | None:
        if group is None:
            return None
        name = clean(group)
        found = self.database.value("SELECT id FROM label_group WHERE name = ?", name)
        return int(found) if found is not None else journal.insert("label_group", name=name)

    def namesakes(self, name: str) -> list[sqlite3.Row]:
        """The labels of that name, one for each group that has it."""
        return self.database.rows(f"{_LABELS} WHERE label.name = ?", _composed(name))

    # --- saying ---

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
        new = [item for item in items if last.get(item) != value and (value != 0 or self._said(item, label_id))]
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
        sql = (
            "SELECT item_id, value, max(id) AS id FROM statement WHERE label_id = ? AND source = ? "
            "AND item_id IN (SELECT value FROM json_each(?)) GROUP BY item_id"
        )
        said = {row["item_id"]: row for row in self.database.rows_among(sql, items, label_id, int(source))}
        since: dict[int, int] = {}
        if source != Source.IMPORT:
            sql = (
                "SELECT item_id, max(statement.id) AS id FROM statement JOIN label ON label.id = label_id "
                "WHERE group_id = (SELECT group_id FROM label WHERE id = ?) AND label_id <> ? AND value = 1 "
                "AND source = ? AND item_id IN (SELECT value FROM json_each(?)) GROUP BY item_id"
            )
            rows = self.database.rows_among(sql, list(said), label_id, label_id, int(source))
            since = {row["item_id"]: row["id"] for row in rows}
        return {item: row["value"] for item, row in said.items() if row["value"] != 1 or row["id"] > since.get(item, 0)}

    def _said(self, item: int, label_id: int) -> bool:
        sql = "SELECT 1 FROM verdict WHERE item_id = ? AND label_id = ? AND value IS NOT 0"
        return self.database.row(sql, item, label_id) is not None

    # --- what holds ---

    def of_items(self, items: Sequence[int]) -> dict[int, list[str]]:
        """The labels that each item is, by item; siblings that a higher or later word overrides are left out."""
        found: dict[int, list[str]] = defaultdict(list)
        names = {row["id"]: (row["name"], row["group_id"]) for row in self.database.rows(_LABELS)}
        sql = "SELECT * FROM verdict WHERE value = 1 AND item_id IN (SELECT value FROM json_each(?))"
        grouped: dict[tuple[int, int], list[sqlite3.Row]] = defaultdict(list)
        for row in self.database.rows_among(sql, items):
            name, group = names[row["label_id"]]
            if group is None:
                found[row["item_id"]].append(name)
            else:
                grouped[row["item_id"], group].append(row)
        for (item, _), rows in grouped.items():
            chosen = _strongest(rows)
            found[item] += [names[row["label_id"]][0] for row in rows if chosen in (None, row["label_id"])]
        return {item: sorted(labels) for item, labels in found.items()}

    def said_of(self, name: str, items: Sequence[int]) -> list[str]:
        """What is said of each item as to one label, new or known: '', 'positive', 'negative' or 'conflict'."""
        try:
            label = self.find(name)["id"]
        except NotFound:
            return [""] * len(items)
        sql = "SELECT * FROM verdict WHERE label_id = ? AND item_id IN (SELECT value FROM json_each(?))"
        values = {row["item_id"]: row["value"] for row in self.database.rows_among(sql, items, label)}
        words = {1: "positive", -1: "negative", 0: "", None: "conflict"}
        return [words[values.get(item, 0)] for item in items]

    def verdicts(self, label_ids: Sequence[int], least: Source = Source.HEAD) -> Verdicts:
        """What holds of every item as to labels that exclude each other (or one label alone).

        What is said on a word that counts for less than `least` is left out.
        """
        sql = (
            f"SELECT * FROM verdict WHERE value IS NOT 0 AND source >= {int(least)} "
            "AND label_id IN (SELECT value FROM json_each(?))"
        )
        said: dict[int, list[sqlite3.Row]] = defaultdict(list)
        negative: dict[int, set[int]] = defaultdict(set)
        for row in self.database.rows_among(sql, label_ids):
            if row["value"] == -1:
                negative[row["item_id"]].add(row["label_id"])
            else:
                said[row["item_id"]].append(row)
        return Verdicts({item: _strongest(rows) for item, rows in said.items()}, negative)

    def examples(self, target: str, least: Source = Source.RULE) -> Examples:
        """What can be learned for a target, `label:NAME` or `group:NAME`: not from what a head said."""
        kind, _, name = target.partition(":")
        return self._of_group(target, name, least) if kind == "group" else self._of_label(target, name, least)

    def counts(self) -> list[LabelCount]:
        """Every label with its counts, by name; a group's verdicts are read once for all its labels."""
        alike: dict[tuple[str | None, int], dict[str, int]] = defaultdict(dict)
        for name, row in self._by_name().items():
            alike[row["group_name"], 0 if row["group_name"] else row["id"]][name] = row["id"]
        found = [count for (group, _), labels in alike.items() for count in self._counted(group, labels)]
        return sorted(found, key=lambda count: count.label)

    def _counted(self, group: str | None, labels: dict[str, int]) -> Iterator[LabelCount]:
        verdicts = self.verdicts(list(labels.values()))
        positive, conflicts = Counter(verdicts.positive.values()), len(_conflicts(verdicts))
        free = [said for item, said in verdicts.negative.items() if item not in verdicts.positive]
        negative = Counter(label for said in free for label in said)
        for name, label in labels.items():
            others = len(verdicts.positive) - conflicts - positive[label]
            yield LabelCount(name, group, positive[label], others + negative[label], conflicts)

    def _of_group(self, target: str, name: str, least: Source) -> Examples:
        labels = self._siblings(self.find_group(name)["id"])
        verdicts = self.verdicts(list(labels), least)
        used = sorted({label for label in verdicts.positive.values() if label is not None}, key=labels.__getitem__)
        chosen = {item: label for item, label in sorted(verdicts.positive.items()) if label is not None}
        return Examples(
            target,
            tuple(labels[label] for label in used),
            list(chosen),
            [used.index(label) for label in chosen.values()],
            _conflicts(verdicts),
        )

    def _of_label(self, target: str, name: str, least: Source) -> Examples:
        label = self.find(name)
        siblings = self._siblings(label["group_id"]) if label["group_id"] is not None else {label["id"]: name}
        verdicts = self.verdicts(list(siblings), least)
        chosen = {item: int(is_ == label["id"]) for item, is_ in verdicts.positive.items() if is_ is not None}
        for item, isnt in verdicts.negative.items():
            if label["id"] in isnt and item not in verdicts.positive:
                chosen[item] = 0
        items = sorted(chosen)
        classes = (f"not {label['name']}", str(label["name"]))
        return Examples(target, classes, items, [chosen[item] for item in items], _conflicts(verdicts))

    def _siblings(self, group_id: int) -> dict[int, str]:
        rows = self.database.rows("SELECT id, name FROM label WHERE group_id = ? ORDER BY name", group_id)
        return {row["id"]: row["name"] for row in rows}


_LABELS = (
    "SELECT label.id, label.name, label.group_id, label_group.name AS group_name "
    "FROM label LEFT JOIN label_group ON label_group.id = label.group_id"
)


def full_name(label: sqlite3.Row) -> str:
    """`GROUP/NAME`, or `NAME` for a label that stands alone."""
    return f"{label['group_name']}/{label['name']}" if label["group_name"] else str(label["name"])


def clean(name: str, noun: str = "label") -> str:
    """A name as it is kept: composed characters, no white space around it. Raises `BadInput` for none."""
    name = unicodedata.normalize("NFC", name).strip()
    if not name:
        raise BadInput(f"a {'label or group' if noun == 'label' else noun} needs a name")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise BadInput(f"{noun} name {name!r} holds control characters")
    return name


def _composed(name: str) -> str:
    """A name to look for, as it would be kept; bytes that are not UTF-8 are in none, and SQLite takes none."""
    return unicodedata.normalize("NFC", name).encode("utf-8", "backslashreplace").decode()


def name_of_folder(folder: str) -> str:
    """A label's name from a folder's, whatever that holds: what cannot be shown becomes U+FFFD."""
    text = folder.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    shown = "".join("\ufffd" if unicodedata.category(character) == "Cc" else character for character in text)
    return clean(shown) if shown.strip() else "\ufffd"


def _strongest(rows: Sequence[sqlite3.Row]) -> int | None:
    """Which of several positives and conflicts of one group holds: None for a conflict.

    Only the highest source counts; of what a person or a rule said the last, of imports two exclude each other.
    """
    highest = max(row["source"] for row in rows)
    top = [row for row in rows if row["source"] == highest]
    if (len(top) > 1 and highest == Source.IMPORT) or any(row["value"] is None for row in top):
        return None
    return int(max(top, key=lambda row: row["statement_id"])["label_id"])


def _conflicts(verdicts: Verdicts) -> list[int]:
    return sorted(item for item, label in verdicts.positive.items() if label is None)
