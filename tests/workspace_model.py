"""What a workspace should hold, as plain dictionaries: the words of the documentation, without any of the program.

Each command is a generator that changes the model and yields after each step that is kept if the process dies right
after it (once the next has put back what was half moved). It raises `Refused` where the command is to fail.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import pickle
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

RULE, IMPORT, HUMAN = 1, 2, 3
IDENTITY = {"root": ("path",), "label_group": ("name",), "label": ("name", "group_id")}
"""What many runs share gets its old number when it is made again; all else is a new thing each time."""
UNIQUE = IDENTITY | {"item": ("hash",), "place": ("root_id", "path"), "quarantined": ("inside",)}
NAMES = {
    "place": {"item_id": "item", "root_id": "root"},
    "label": {"group_id": "label_group"},
    "statement": {"item_id": "item", "label_id": "label", "run_id": "run"},
    "pair": {"left_id": "item", "right_id": "item", "run_id": "run"},
    "quarantined": {"item_id": "item"},
}
"""By table the columns that name a row of another."""
TABLES = ("item", "root", "place", "label_group", "label", "statement", "pair", "quarantined")

Row = dict[str, Any]


class Refused(Exception):
    """The command has to fail, with the error of that name."""


@dataclass
class Content:
    data: bytes
    ending: str
    row: Row = field(default_factory=dict)

    def __post_init__(self) -> None:
        hash_ = hashlib.sha256(self.data).hexdigest()
        modality = "text" if self.ending == ".txt" else "image"
        text = self.data.decode() if modality == "text" else None
        self.row = {"hash": hash_, "modality": modality, "size": len(self.data), "text": text, **self.row}


@dataclass
class Run:
    command: str
    state: str = "running"
    undoes: int | None = None
    within: str | None = None
    changes: list[tuple[str, int, Row | None, Row | None]] = field(default_factory=list)
    """Table, number, the row before and after; both None where the run only needs the row as it stands."""


class Model:
    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.files: dict[str, Content] = {}
        self.inside: dict[str, Content] = {}
        """What lies in quarantine/, by its path there."""
        self.tables: dict[str, dict[int, Row]] = {table: {} for table in TABLES}
        self.runs: dict[int, Run] = {}
        self.moves: dict[int, Row] = {}
        self.last = dict.fromkeys(TABLES, 0)
        """The highest number that was ever given."""
        self.given: dict[tuple[Any, ...], int] = {}
        """Table and identity -> the number that this thing always gets."""
        self.now: int | None = None
        self.adding: str | None = None
        self.command = ""

    # --- runs and rows ---

    def run(self, command: str, steps: Iterator[None]) -> Iterator[None]:
        """A command from its begin to its end."""
        self.command, self.now = command, None
        try:
            yield from steps
        except Refused:
            self._end("failed")
            raise
        self._end("done")

    def _end(self, state: str) -> None:
        if self.now is not None:
            self.runs[self.now].state = state

    def begin(self) -> Iterator[None]:
        """Start, where that is not one with the first rows."""
        if self.now is None:
            self._tell_the_killed()
            yield
            self.start()
            yield

    def _tell_the_killed(self) -> None:
        for run in self.runs.values():
            run.state = "interrupted" if run.state == "running" else run.state

    def start(self) -> Run:
        if self.now is None:
            self._tell_the_killed()
            self.now = max(self.runs, default=0) + 1
            self.runs[self.now] = Run(self.command, within=self.adding if self.command == "add" else None)
        return self.runs[self.now]

    def insert(self, table: str, /, id: int | None = None, **row: Any) -> int:
        run = self.start()
        if id is None and table in IDENTITY:
            id = self.given.get((table, *(row[name] for name in IDENTITY[table])))
        if id is None:
            id = self.last[table] + 1
        self.last[table] = max(self.last[table], id)
        if table in IDENTITY:
            self.given[(table, *(row[name] for name in IDENTITY[table]))] = id
        run.changes.append((table, id, None, dict(row)))
        self.tables[table][id] = row
        return id

    def update(self, table: str, id: int, **values: Any) -> None:
        row = self.tables[table][id]
        if {**row, **values} != row:
            self.start().changes.append((table, id, row, {**row, **values}))
            self.tables[table][id] = {**row, **values}

    def delete(self, table: str, id: int) -> None:
        self.start().changes.append((table, id, self.tables[table].pop(id), None))

    def saved(self) -> bytes:
        return pickle.dumps(self.__dict__)

    def restore_saved(self, saved: bytes) -> None:
        self.__dict__.update(pickle.loads(saved))

    # --- what is where ---

    def stamp(self, path: str) -> Row:
        """The state of a file as the system tells it, which the model has to believe."""
        try:
            seen = os.stat(path)
        except FileNotFoundError:
            return {}
        return {
            "size": seen.st_size,
            "mtime_ns": seen.st_mtime_ns,
            "device": f"{seen.st_dev}",
            "inode": f"{seen.st_ino}",
        }

    def path(self, place: Row) -> str:
        return f"{self.tables['root'][place['root_id']]['path']}/{place['path']}"

    def at(self, path: str) -> int | None:
        """The place of that path."""
        return next((id for id, place in self.tables["place"].items() if self.path(place) == path), None)

    def item_of(self, content: Content) -> int | None:
        return next((id for id, row in self.tables["item"].items() if row["hash"] == content.row["hash"]), None)

    def paths_of(self, item: int) -> list[str]:
        """Where an item is or was, by the number of the place."""
        return [self.path(place) for _, place in sorted(self.tables["place"].items()) if place["item_id"] == item]

    def cover(self, folder: str) -> int:
        """The root that a folder lies below; those below the folder become part of a new one."""
        roots = {row["path"]: id for id, row in self.tables["root"].items()}
        for path, id in roots.items():
            if below(folder, path):
                return id
        new = self.insert("root", path=folder)
        for path, id in roots.items():
            if below(path, folder):
                for key, place in list(self.tables["place"].items()):
                    if place["root_id"] == id:
                        self.update("place", key, root_id=new, path=f"{path[len(folder) + 1 :]}/{place['path']}")
                self.delete("root", id)
        return new

    def place(self, path: str, item: int, id: int | None = None) -> None:
        """Record that a file is an item: a new place, or one that was another's or elsewhere."""
        root = self.cover(os.path.dirname(path))
        relative = path[len(self.tables["root"][root]["path"]) + 1 :]
        row = {"item_id": item, "root_id": root, "path": relative, "missing": 0, **self.stamp(path)}
        if id is None:
            self.insert("place", **row)
        else:
            self.update("place", id, **row)

    # --- add ---

    def add(self, source: str, label: str = "", not_label: str = "", folders: bool = False) -> Iterator[None]:
        is_folder = source not in self.files and os.path.splitext(source)[1] == ""
        found = sorted((path for path in self.files if below(path, source)), key=lambda path: path.split("/"))
        if not found and not is_folder:
            raise Refused("NotFound")
        self.adding = source
        if found and is_folder:
            self.cover(source)
            yield
        before = self.saved()
        try:
            self._add_files(source, found, label, not_label, folders)
        except Refused:
            self.restore_saved(before)  # all files are one transaction
            raise
        yield
        for id, place in self.tables["place"].items() if is_folder else ():
            if below(self.path(place), source) and self.path(place) not in self.files:
                self.update("place", id, missing=1)
        if self.now is None and found and not self._was_added(source):
            self.start()  # to keep that files may be moved there
        yield

    def _add_files(self, source: str, found: list[str], label: str, not_label: str, folders: bool) -> None:
        moved: set[int] = set()
        for path in found:
            item = self._record(path, moved)
            first = path[len(source) + 1 :].split("/")
            said = [(label, None, 1)] if label else [(not_label, None, -1)] if not_label else []
            said += [(first[0], "g", 1)] if folders and len(first) > 1 else []
            self._import(item, said, moved)

    def _was_added(self, path: str) -> bool:
        """Whether a run that stands added it, or a folder above it."""
        undone = self.undone()
        return any(run.within and below(path, run.within) for id, run in self.runs.items() if id not in undone)

    def _record(self, path: str, moved: set[int]) -> int:
        id, content = self.at(path), self.files[path]
        if id is not None and self.has_stamp(id, path):
            self.update("place", id, missing=0)
            return int(self.tables["place"][id]["item_id"])
        item = self.item_of(content)
        if item is None:
            item = self.insert("item", **content.row)
        if id is None:
            mine = {key: self.path(row) for key, row in sorted(self.tables["place"].items()) if row["item_id"] == item}
            id = self._left(mine, path)
            if id is not None and not any(place in self.files for place in mine.values()):
                moved.add(item)
        self.place(path, item, id)
        return item

    def _left(self, places: dict[int, str], path: str) -> int | None:
        """The place of an item that its file was moved away from."""
        return next((id for id, old in places.items() if old not in self.files), None)

    def has_stamp(self, id: int, path: str) -> bool:
        place, stamp = self.tables["place"][id], self.stamp(path)
        return all(place[name] == value for name, value in stamp.items())

    def _import(self, item: int, said: list[tuple[str, str | None, int]], moved: set[int]) -> None:
        labels = [(at_once(self._ensure(name, group)), value) for name, group, value in said]
        if labels and item in moved:
            moved.remove(item)
            for label, value in labels:
                for sibling in self.siblings(label) if value > 0 else ():
                    self.say(item, sibling, 0, IMPORT)
        for label, value in labels:
            self.say(item, label, value, IMPORT)

    # --- labels and pairs ---

    def siblings(self, label: int) -> list[int]:
        group = self.tables["label"][label]["group_id"]
        rows = self.tables["label"].items()
        return [id for id, row in rows if group is not None and row["group_id"] == group and id != label]

    def known(self, name: str, group: str | None) -> int | None:
        """The label that a name means: in that group, else the one that stands alone, else the only one of a group."""
        groups = {id: row["name"] for id, row in self.tables["label_group"].items()}
        found = {id: groups.get(row["group_id"]) for id, row in self.tables["label"].items() if row["name"] == name}
        exact = [id for id, of in found.items() if of == group]
        if exact or group is not None:
            return exact[0] if exact else None
        if len(found) > 1:
            raise Refused("BadInput")
        return next(iter(found), None)

    def _ensure(self, name: str, group: str | None) -> Iterator[None]:
        label = self.known(name, group)
        if label is not None:
            return label
        group_id = None
        if group is not None:
            group_id = next((id for id, row in self.tables["label_group"].items() if row["name"] == group), None)
            if group_id is None:
                group_id = self.insert("label_group", name=group)
                yield
        label = self.insert("label", name=name, group_id=group_id)
        yield
        return label

    def label(self, name: str, items: list[int], value: bool | None, group: str | None) -> Iterator[None]:
        if self.known(name, group) is None and value is None:
            raise Refused("NotFound")
        for item in items:
            label = yield from self._ensure(name, group)
            self.say(item, label, {True: 1, False: -1, None: 0}[value], HUMAN)
            yield

    def say(self, item: int, label: int, value: int, source: int) -> None:
        """Add a statement, unless it is what the source said last; a sibling that a person named since is heard."""
        said = [(id, row) for id, row in sorted(self.tables["statement"].items()) if row["item_id"] == item]
        said = [(id, row) for id, row in said if row["source"] == source]
        last = [(id, row["value"]) for id, row in said if row["label_id"] == label][-1:]
        since = [id for id, row in said if row["label_id"] in self.siblings(label) and row["value"] == 1]
        overruled = source == HUMAN and last and last[0][1] == 1 and since and since[-1] > last[0][0]
        holds = self.verdicts(item).get(label, (0, 0, 0))[2]
        if (last and last[0][1] == value and not overruled) or (value == 0 and holds == 0):
            return
        self.start()
        row = {"item_id": item, "label_id": label, "value": value, "source": source, "score": None}
        self.insert("statement", **row, run_id=self.now, origin=None)

    def verdicts(self, item: int) -> dict[int, tuple[int, int, int | None]]:
        """Label -> who counts, the last statement, and what holds of it; None where imports contradict each other."""
        found: dict[int, tuple[int, int, int | None]] = {}
        rows = [(id, row) for id, row in sorted(self.tables["statement"].items()) if row["item_id"] == item]
        for label in {row["label_id"] for _, row in rows}:
            highest = max(row["source"] for _, row in rows if row["label_id"] == label)
            top = [(id, row["value"]) for id, row in rows if (row["label_id"], row["source"]) == (label, highest)]
            since: set[int] = set()
            for _, value in top:
                since = {value, *since} if value else set()
            holds = None if highest == IMPORT and len(since) == 2 else top[-1][1]
            found[label] = (highest, top[-1][0], holds)
        return found

    def labels_of(self, item: int) -> list[str]:
        """The labels that an item is. Of a group one, unless imports name several and nobody else spoke."""
        positive = {id: said for id, said in self.verdicts(item).items() if said[2] == 1}
        found = []
        for id, (source, last, _) in positive.items():
            others = [positive[other][:2] for other in self.siblings(id) if other in positive]
            highest = max([source, *(of for of, _ in others)])
            later = any(of == highest and at > last for of, at in others)
            alone = sum(of == highest for of, _ in [(source, 0), *others]) == 1
            unsettled = highest == IMPORT and not alone
            if unsettled or (source == highest and not later):
                found.append(self.tables["label"][id]["name"])
        return sorted(found)

    def pair(self, metric: str, one: int, other: int, alike: bool | None) -> Iterator[None]:
        pairs = self.pairs()
        known = any(value for (name, *_), value in pairs.items() if name == metric)
        items = [self.tables["item"][id] for id in (one, other)]
        if (alike is None and not known) or one == other or items[0]["modality"] != items[1]["modality"]:
            raise Refused("NotFound" if alike is None and not known else "BadInput")
        key, value = (metric, *sorted([one, other])), {True: 1, False: -1, None: 0}[alike]
        if pairs.get(key, 0) != value:
            self.start()
            self.insert("pair", metric=metric, left_id=key[1], right_id=key[2], value=value, run_id=self.now)
        yield

    def pairs(self) -> dict[tuple[Any, ...], int]:
        """What holds of each pair: the last word."""
        rows = [row for _, row in sorted(self.tables["pair"].items())]
        return {(row["metric"], row["left_id"], row["right_id"]): row["value"] for row in rows}

    # --- files that are moved ---

    def _plan(self, moves: list[tuple[str, str, str, Content]]) -> list[int]:
        """Moves that are taken back if the process dies before they are done."""
        self.start()
        keys = []
        for direction, outside, inside, content in moves:
            keys.append(len(self.moves) + 1)
            row = {"run_id": self.now, "direction": direction, "outside": outside, "inside": inside}
            self.moves[keys[-1]] = {**row, "hash": content.row["hash"], "state": "undone"}
        return keys

    def _carry_out(self, keys: list[int]) -> None:
        for move in map(self.moves.__getitem__, keys):
            move["state"] = "done"
            if move["direction"] == "out":
                self.inside[move["inside"]] = self.files.pop(move["outside"])
            else:
                self.files[move["outside"]] = self.inside.pop(move["inside"])

    def proven(self, path: str) -> bool:
        """Whether a file is on record and holds what the record says."""
        id = self.at(path)
        if id is None or path not in self.files or self.tables["place"][id]["missing"]:
            return False
        return self.item_of(self.files[path]) == self.tables["place"][id]["item_id"]

    def set_aside(self, goes: list[str], keeper: str, kind: str, apply: bool) -> Iterator[None]:
        kept: set[str] = set()
        gone: set[str] = set()
        failed = False
        for path in goes if apply else ():
            if path in gone:  # it went along with another
                kept.add(keeper)
                continue
            whole = self.proven(path) and self.proven(keeper) and path != keeper and path not in kept
            if not whole or (kind == "exact" and self.files[path] != self.files[keeper]):
                failed = True
                continue
            beside = os.path.splitext(path)[0] + ".txt"
            files = [path, beside] if beside != path and beside in self.files else [path]
            if beside in kept:
                failed = True
                continue
            kept.add(keeper)
            gone |= set(files)
            yield from self.begin()
            stored = [self._name_inside(file) for file in files]
            keys = self._plan([("out", *both, self.files[both[0]]) for both in zip(files, stored, strict=True)])
            yield
            self._take_over(*(self.tables["place"][self.at(one)]["item_id"] for one in (path, keeper)))
            for file, name in zip(files, stored, strict=True):
                place, content = self.at(file), self.files[file]
                item = None if place is None else self.tables["place"][place]["item_id"]
                if place is not None:
                    self.delete("place", place)
                row = {"item_id": item, "outside": file, "inside": name, "hash": content.row["hash"]}
                why = {"kind": kind, "keeper": keeper} if file == path else {"kind": "sidecar", "keeper": path}
                self.insert("quarantined", **row, **why, size=len(content.data))
            self._carry_out(keys)
            yield
        if failed:
            raise Refused("SomeItemsFailed")

    def _take_over(self, goes: int, stays: int) -> None:
        """What is said of the one that goes becomes a rule's word on the other, of which nothing is said as to that."""
        if goes == stays or len({self.tables["item"][item]["modality"] for item in (goes, stays)}) > 1:
            return
        mine, there = self.verdicts(goes), self.verdicts(stays)
        spoken_for = {id for label, said in there.items() if said[2] == 1 for id in self.siblings(label)}
        for label, (_, last, holds) in sorted(mine.items()):
            is_ = holds == 1 and label == self._chosen(mine, label) and label not in spoken_for
            if label not in there and (is_ or holds == -1):
                row = {"item_id": stays, "label_id": label, "value": holds, "source": RULE, "score": None}
                self.insert("statement", **row, run_id=self.now, origin=last)
        pairs, new = self.pairs(), []
        for (metric, *ends), value in pairs.items():
            if value and goes in ends and stays not in ends:
                new.append((metric, *sorted(stays if end == goes else end for end in ends), value))
        for metric, left, right, value in sorted(new):
            if (metric, left, right) not in pairs:
                self.insert("pair", metric=metric, left_id=left, right_id=right, value=value, run_id=self.now)

    def _chosen(self, said: dict[int, tuple[int, int, int | None]], label: int) -> int | None:
        """Which of a label and its siblings an item is; None where that is not settled."""
        rows = {id: said[id] for id in (label, *self.siblings(label)) if id in said and said[id][2] in (1, None)}
        highest = max(source for source, _, _ in rows.values())
        top = {id: row for id, row in rows.items() if row[0] == highest}
        if (len(top) > 1 and highest == IMPORT) or any(holds is None for _, _, holds in top.values()):
            return None
        return max(top, key=lambda id: top[id][1])

    def _name_inside(self, path: str) -> str:
        """The run, and the path as people tell it: from the name of its root on."""
        for root in self.tables["root"].values():
            if below(path, root["path"]):
                return f"{self.now}/{os.path.basename(root['path'])}/{path[len(root['path']) + 1 :]}"
        return f"{self.now}/{os.path.basename(path)}"

    def went_with(self, file: Row) -> list[int]:
        """The sidecars that went with a file, in the same run."""
        rows = sorted(self.tables["quarantined"].items())
        run = file["inside"].split("/")[0]
        mine = [(id, row) for id, row in rows if row["kind"] == "sidecar" and row["keeper"] == file["outside"]]
        return [id for id, row in mine if row["inside"].split("/")[0] == run]

    def restore(self, *references: str) -> Iterator[None]:
        rows = sorted(self.tables["quarantined"].items())
        chosen = [id for id, row in rows if not references or any(below(row["outside"], ref) for ref in references)]
        if references and not chosen:
            raise Refused("NotFound")
        units = [
            [id, *self.went_with(self.tables["quarantined"][id])]
            for id in chosen
            if self.tables["quarantined"][id]["kind"] != "sidecar"
        ]
        units += [[id] for id in chosen if id not in itertools.chain(*units)]
        failed = False
        for unit in units:
            files = [self.tables["quarantined"][id] for id in unit]
            if any(file["outside"] in self.files for file in files):
                failed = True
                continue
            yield from self.begin()
            keys = self._plan([("back", row["outside"], row["inside"], self.inside[row["inside"]]) for row in files])
            yield
            self._carry_out(keys)
            for id, file in zip(unit, files, strict=True):
                self.delete("quarantined", id)
                if file["item_id"] is not None:
                    self.place(file["outside"], file["item_id"], self.at(file["outside"]))
            yield
        if failed:
            raise Refused("SomeItemsFailed")

    def purge(self) -> Iterator[None]:
        rows = sorted(self.tables["quarantined"].items(), key=lambda both: (both[1]["kind"] == "sidecar", both[0]))
        failed = False
        for id, file in rows:
            if file["kind"] == "sidecar":
                may = not any(id in self.went_with(other) for other in self.tables["quarantined"].values())
            else:
                may = self.proven(file["keeper"])
            if not may:
                failed = True
                continue
            yield from self.begin()
            (key,) = self._plan([("off", file["outside"], file["inside"], self.inside[file["inside"]])])
            # From here on it is gone: whoever comes next removes what a killed one left.
            self.moves[key]["state"] = "done"
            self.delete("quarantined", id)
            del self.inside[file["inside"]]
            yield
        if failed:
            raise Refused("SomeItemsFailed")

    # --- undo ---

    def undone(self) -> dict[int, int]:
        """The runs whose effect is gone, each with the run that took it back."""
        found: dict[int, int] = {}
        for id, run in sorted(self.runs.items(), reverse=True):
            if run.undoes is not None and id not in found:
                found[run.undoes] = id
        return found

    def undo(self, run: int | None) -> Iterator[None]:
        undone = self.undone()
        if run is None:
            may = [id for id, of in self.runs.items() if of.undoes is None and of.changes and id not in undone]
            if not may:
                raise Refused("NotReady")
            run = max(may)
        elif run in undone or not self.runs[run].changes:
            raise Refused("BadInput")
        done = [move for move in self.moves.values() if (move["run_id"], move["state"]) == (run, "done")]
        if any(move["direction"] == "off" for move in done):
            raise Refused("BadInput")
        if later := self._built_upon(run, undone):
            gone = any(move["run_id"] in later and move["direction"] == "off" for move in self.moves.values())
            raise Refused("BadInput" if gone else "NotReady")
        back = [self._way_back(move) for move in reversed(done)]
        keys: list[int] = []
        if back:
            yield from self.begin()
            keys = self._plan(back)
            yield
        saved = self.saved()
        try:
            self._take_back(run)
        except Refused:
            self.restore_saved(saved)
            raise
        self._carry_out(keys)
        yield

    def _way_back(self, move: Row) -> tuple[str, str, str, Content]:
        """The move that takes one back; the file has to be the one that was moved, and its path free."""
        outside, inside = move["outside"], move["inside"]
        out = move["direction"] == "out"
        content = self.inside.get(inside) if out else self.files.get(outside)
        if content is None or content.row["hash"] != move["hash"] or (out and outside in self.files):
            raise Refused("NotReady")
        return "back" if out else "out", outside, inside, content

    def _built_upon(self, run: int, undone: dict[int, int]) -> set[int]:
        """Later runs, still in effect, that wrote a row that this one wrote; but not those that only made it again."""
        cancelled = {id for both in undone.items() if both[0] > run for id in both}
        mine = {row for row in self._rows_of(run) if not self._made_again(run, row)}
        return {id for id in self.runs if id > run and id not in cancelled and mine & self._rows_of(id)}

    def _rows_of(self, run: int) -> set[tuple[str, int]]:
        return {change[:2] for change in self.runs[run].changes}

    def _made_again(self, run: int, row: tuple[str, int]) -> bool:
        """Whether all that a run did to a row is to remove it, and it is there as it was."""
        changes = [change[2:] for change in self.runs[run].changes if change[:2] == row]
        table, id = row
        return id in self.tables[table] and changes == [(self.tables[table][id], None)]

    def _take_back(self, run: int) -> None:
        before = self.flaws()
        self.start().undoes = run
        for table, id, old, new in reversed(self.runs[run].changes):
            if old is None and new is None:
                continue
            if old is None:
                self.delete(table, id)
            elif new is not None:
                self.update(table, id, **old)
            elif self.tables[table].get(id) == old:
                # Another run made the same thing again: both need it now.
                self.start().changes.append((table, id, None, None))
            else:
                self.insert(table, id, **old)
        if self.flaws() - before:
            raise Refused("NotReady")

    def flaws(self) -> set[tuple[Any, ...]]:
        """What cannot stand: what names a row that is gone, is there twice, or one file in two places."""
        found: set[tuple[Any, ...]] = set()
        for table, columns in NAMES.items():
            for id, row in self.tables[table].items():
                for column, other in columns.items():
                    there = self.runs if other == "run" else self.tables[other]
                    if row[column] is not None and row[column] not in there:
                        found.add((table, id, column))
        for table, columns in UNIQUE.items():
            for (id, row), (other, same) in itertools.combinations(self.tables[table].items(), 2):
                if all(row[name] == same[name] for name in columns):
                    found.add((table, id, other))
        roots = [row["path"] for row in self.tables["root"].values()]
        found |= {("root", one, two) for one in roots for two in roots if one != two and below(one, two)}
        return found | {("twice", *ids) for ids in self.twice()}

    def twice(self) -> set[tuple[int, int]]:
        """Places of one and the same file."""
        file = lambda place: [place[name] for name in ("size", "mtime_ns", "device", "inode")]  # noqa: E731
        there = sorted((id, place) for id, place in self.tables["place"].items() if not place["missing"])
        return {(a, b) for (a, one), (b, two) in itertools.combinations(there, 2) if file(one) == file(two)}

    # --- what is said of it ---

    def faults(self) -> set[tuple[str, str, str]]:
        """What `check` has to find: nothing, but for files that were changed since, and runs that were killed."""
        found = {
            ("run", f"{id} ({run.command})", "was killed") for id, run in self.runs.items() if run.state == "running"
        }
        for id, place in self.tables["place"].items():
            path, item = self.path(place), self.tables["item"][place["item_id"]]
            content = self.files.get(path)
            if content is None:
                found |= set() if place["missing"] else {("file", path, "is gone")}
            elif content.row["hash"] != item["hash"]:
                found.add(("file", path, "its content changed"))
            elif place["missing"]:
                found.add(("file", path, "is there again"))
            elif not self.has_stamp(id, path):
                found.add(("file", path, "has another time or inode, same content"))
        return found

    def items(self) -> dict[int, tuple[str, str | None, str | None]]:
        """Hash, path and text of what is there or was: not of what lies in quarantine alone."""
        found = {}
        for id, row in self.tables["item"].items():
            places = [place for _, place in sorted(self.tables["place"].items()) if place["item_id"] == id]
            there = [self.path(place) for place in places if not place["missing"]]
            aside = any(file["item_id"] == id for file in self.tables["quarantined"].values())
            if there or not aside:
                found[id] = (row["hash"], there[0] if there else None, row["text"])
        return found


def below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + "/")


def at_once(steps: Iterator[None]) -> Any:
    """What a generator returns, all of its steps being one."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
