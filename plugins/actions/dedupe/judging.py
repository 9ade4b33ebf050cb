"""Which copies may go: what would be lost with a file, beside the picture or text itself, keeps it from going."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from curator.api import Said
from curator.kit.companions import Companion

from .files import File
from .finding import EXACT, SAME, Copy, Group
from .keeping import Preference
from .knowing import Knowledge, counterpart, same_bytes


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is done with a copy: `why` it stays, where it is of a kind that may go; `along` goes with it."""

    copy: Copy
    goes: bool
    why: str
    along: tuple[Companion, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """A group as it is shown: why its file is kept, and for each copy whether it may go."""

    number: int
    group: Group
    reason: str
    copies: list[Verdict]


class Judge:
    """Holds what would be lost against what stays. `despite`: also what contradicts may go."""

    def __init__(self, preference: Preference, knowledge: Knowledge, proposed: set[str], despite: bool) -> None:
        self.preference = preference
        self.knowledge = knowledge
        self.proposed = proposed
        self.despite = despite
        self._same = functools.cache(same_bytes)

    def may_go(self, group: Group, copy: Copy) -> bool:
        """Whether a copy may go in favour of the one kept."""
        return self._judged(group, copy, ()).goes

    def judge(self, groups: Sequence[Group]) -> list[Judgement]:
        """What is done with each file, in the order in which they go."""
        gone: set[str] = set()
        found = []
        for number, group in enumerate(groups, 1):
            verdicts = []
            for copy in group.copies:
                verdicts.append(verdict := self._judged(group, copy, gone))
                if verdict.goes and copy.file.place.whole:
                    gone |= {str(copy.file.place.path), *(str(one.path) for one in verdict.along)}
            reason = self.preference.reason(group.kept, [copy.file for copy in group.copies])
            found.append(Judgement(number, group, reason, verdicts))
        return found

    def _judged(self, group: Group, copy: Copy, gone: Collection[str]) -> Verdict:
        file = copy.file
        if file.reference:
            return Verdict(copy, False, "below --reference")
        if group.kind not in self.proposed:
            return Verdict(copy, False, "")
        if not file.place.whole:
            why = next(self._row_held(group, file), "")
            return Verdict(copy, not why, f"stays: {why}" if why else "")
        along = self.knowledge.companions(file, gone).own
        why = next(self._held(group, file, along, gone), "")
        return Verdict(copy, not why, f"stays: {why}" if why else "", () if why else along)

    def _held(self, group: Group, file: File, along: Sequence[Companion], gone: Collection[str]) -> Iterator[str]:
        kept = group.kept
        yield from self._bound(kept, file, gone)
        yield from self._beside(kept, along)
        for link in self.knowledge.links_to(file):
            yield f"{link} is a link to it"
        if not self.despite:
            yield from self._contradicting(group, file)
            yield from self._in_trees(kept, file)
        if file.item.modality == "image" and file.item.id != kept.item.id:
            depths = [self.preference.measures.depth(one) for one in (kept, file)]
            if group.kind != SAME and all(depth.unseen for depth in depths):
                yield "what both hold beyond 8 bits was not compared"
            yield from self._holding_more(kept, file)

    def _row_held(self, group: Group, file: File) -> Iterator[str]:
        """What keeps the row of a table from going."""
        if not file.place.row.startswith("text "):
            yield "a row that says more than this text"
        if not self.despite:
            for said in self.knowledge.of(file).said:
                if said.value is None:
                    yield f"{_said(said)}: --despite lets it go"
            yield from self._contradicting(group, file)

    def _bound(self, kept: File, file: File, gone: Collection[str]) -> Iterator[str]:
        """What belongs to another file goes with that one or not at all."""
        for owner in self.knowledge.owners(file):
            if owner == kept.place.path:
                yield f"belongs together with {owner.name}"
            elif self.knowledge.companions(file).own == () and str(owner) not in gone:
                yield f"belongs to {owner.name}"

    def _beside(self, kept: File, along: Sequence[Companion]) -> Iterator[str]:
        """What lies beside it, and has no like beside the one kept."""
        others = self.knowledge.companions(kept).all
        for one in along:
            other = counterpart(one, others)
            same = other is not None and self._same(one.path, other.path)
            if other is None or (one.content and not same):
                yield f"only beside it lies {one.path.name}"
            elif not same and not self.despite:
                yield f"{one.path.name} says something else than {other.path.name}: --despite lets it go"

    def _in_trees(self, kept: File, file: File) -> Iterator[str]:
        """What is about it in a folder of labels, where nothing that says the same is about the one kept."""
        others = self.knowledge.in_trees(kept)
        for one in self.knowledge.in_trees(file):
            if not any(other.suffix == one.suffix and self._same(one, other) for other in others):
                yield f"{one.parent.name}/{one.name} is about it alone: --despite lets it go without that"

    def _contradicting(self, group: Group, file: File) -> Iterator[str]:
        """Labels that cannot both be true of one thing."""
        mine = self.knowledge.of(file)
        if not mine.said or group.kind == EXACT:  # of which all are one item
            return
        for other in (group.kept, *(copy.file for copy in group.copies)):
            if other.item.id != file.item.id:
                for here, there in mine.against(self.knowledge.of(other)):
                    name = other.place.path.name
                    yield f"{_said(here)}, and {name} {_said(there)}: --despite lets it go"

    def _holding_more(self, kept: File, file: File) -> Iterator[str]:
        """What is in the file and not in the one kept."""
        measures = self.preference.measures
        if more := measures.embedded(file, kept):
            yield f"it {more}"
        if self.preference.asked_for(kept, file):
            return
        if more := measures.told(file, kept):
            yield f"it {more}"
        if more := measures.finer(file, kept):
            yield f"it has {more}"
        if measures.more_detail(file, kept):
            yield f"it shows more detail than the one that is kept ({self.preference.reason(kept, [file])})"
        if more := measures.uncovered(file, kept):
            yield f"it {more}"

    def taken_over(self, group: Group, copy: Copy) -> list[str]:
        """The labels that the one kept gets from a copy that goes."""
        there = {said.label.id for said in self.knowledge.of(group.kept).said if said.source != "head"}
        if copy.file.item.id == group.kept.item.id:
            return []
        said = self.knowledge.of(copy.file).said
        new = [one for one in said if one.value is not None and one.source != "head" and one.label.id not in there]
        return [one.label.full_name if one.value else f"not {one.label.full_name}" for one in new]


def _said(said: Said) -> str:
    if said.value is None:
        return f"is said to be {said.label.full_name} and not to be"
    return f"is said {'to be' if said.value else 'not to be'} {said.label.full_name}"
