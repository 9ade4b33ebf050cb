"""What a workspace holds, what is wrong, and what to do next, with the command and the reason."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from curator.api import Modality
from curator.catalog.items import MODALITIES
from curator.catalog.labels import LabelCount, Source
from curator.catalog.renaming import alike
from curator.catalog.selection import having
from curator.errors import CuratorError
from curator.learning.min_examples import label_command
from curator.reporter import count, size
from curator.store.catalogue.items import ItemStore
from curator.store.catalogue.places import PlaceStore
from curator.store.catalogue.problems import ProblemStore

if TYPE_CHECKING:
    from curator.parts import Parts


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do next: why, and the exact command."""

    reason: str
    command: str


@dataclass(frozen=True, slots=True)
class Holdings:
    """Items of a modality, how many are embedded with the default model, and how many cannot be, or could not be when
    it was last tried (`unread`), as where their files are gone.

    What lies in quarantine and nowhere else is no part of it: nothing is to be done with that.
    """

    modality: Modality
    items: int
    default: str
    embedded: int
    failed: int
    unread: int = 0


class Status:
    """Answers about a workspace; each method reads afresh."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.stored = ItemStore(parts.database)
        self.found = ProblemStore(parts.database)

    def holdings(self) -> Iterator[Holdings]:
        """A line for each modality that is there."""
        for modality in MODALITIES:
            items = self.parts.items.select(modalities=[modality])
            number = len(items)
            if not number:
                continue
            try:
                reference = self.parts.models.default_reference(modality)
                model = self.parts.models.find(reference)
            except CuratorError:
                reference, model = "none", None
            if model is None:
                yield Holdings(modality, number, reference, 0, 0)
                continue
            missing, failed = self.parts.coverage.missing_and_failed(model, items)
            embedded = number - len(missing) - len(failed)
            unread = len(having(missing, self.parts.derived.unread())) if missing else 0
            yield Holdings(modality, number, model.name, embedded, len(failed), unread)

    def labels(self) -> list[LabelCount]:
        """Every label of which something is said, with its counts."""
        return [label for label in self.parts.labels.counts() if label.used]

    def problems(self) -> Iterator[tuple[str, str]]:
        """Path (or id:N) and reason of everything that could not be used; for a row of a table after its line."""
        yield from self.found.files()
        for path, line, reason in self.found.rows_of_tables():
            yield path, f"line {line}: {reason}"
        failures = self.parts.derived.all_failures()
        for item in self.parts.items.by_hashes(list(failures)):
            yield str(item), failures[item.hash]

    def missing(self) -> int:
        """Items of which every file is gone."""
        return PlaceStore(self.parts.database).items_gone()

    def next_steps(self, holdings: Iterable[Holdings] | None = None) -> Iterator[Step]:
        """What to do next, most useful first; `holdings`, where they are known."""
        if self.parts.items.is_empty():
            yield Step("the catalogue is empty", "curator add FOLDER")
            return
        for holding in self.holdings() if holdings is None else holdings:
            left = holding.items - holding.embedded - holding.failed - holding.unread
            if left:
                yield Step(f"{count(left, holding.modality)} not embedded", "curator encode")
        yield from self._label_steps()
        problems = sum(1 for _ in self.problems())
        if problems:
            of_tables = len(self.found.rows_of_tables())
            what = "file" if not of_tables else "row" if of_tables == problems else "row or file"
            many = "rows or files" if what == "row or file" else ""
            yield Step(f"{count(problems, what, many)} could not be used", "curator status --problems")
        aside = self.parts.quarantine.all()
        if aside:
            space = size(sum(file.size for file in aside))
            yield Step(f"{count(len(aside), 'file')} in quarantine ({space})", "curator quarantine list")
        if gone := self.missing():
            yield Step(f"{count(gone, 'item')} whose files are gone", "curator ls --where missing")

    def _label_steps(self) -> Iterator[Step]:
        labels = self.labels()
        groups = sorted({label.group for label in labels if label.group})
        for group in groups:
            examples = self.parts.labels.examples(self.parts.labels.target(group=group))
            if examples.conflicts:
                command = f"curator label NAME id:{examples.conflicts[0]} --group {shlex.quote(group)}"
                yield Step(f"{count(len(examples.conflicts), 'item')} with two labels of group {group}", command)
            if len(examples.classes) > 1:
                yield Step(
                    f"group {group} has {len(examples.classes)} labels",
                    f"curator classify --group {shlex.quote(group)}",
                )
        if not labels:
            yield Step("no labels yet: ten to thirty examples are enough to sort the rest", "curator label NAME FILES")
        for other, first, difference in alike(labels):
            command = f"curator label --rename {shlex.join([other.spelled, first.ref.name])}"
            yield Step(f"labels {other.label!r} and {first.label!r} differ in {difference} alone", command)
        for label in labels:
            if label.group is None:
                yield from self._label_step(label)

    def _label_step(self, label: LabelCount) -> Iterator[Step]:
        has = f"label {label.label} has {count(label.positives, 'positive')}"
        if label.conflicts:
            example = self.parts.labels.examples(label.ref).conflicts[0]
            yield Step(
                f"{count(label.conflicts, 'item')} labelled {label.label} both ways",
                label_command(label.spelled, f"id:{example}"),
            )
        if label.negatives < 2 and not self.parts.labels.examples(label.ref, Source.IMPORT).items:
            return  # all of it is on the word of a rule, as what `audit --mark` labels: nobody wants to teach that
        if label.negatives < 2:
            many = "no negative example" if not label.negatives else "one negative example"
            yield Step(f"{has} and {many}", label_command(label.spelled, negative=True))
        elif label.positives < 2:
            yield Step(has, label_command(label.spelled))
        else:
            yield Step(
                f"{has} and {count(label.negatives, 'negative example')}",
                f"curator classify --label {shlex.quote(label.spelled)}",
            )
