"""What is exported, read as it is written: `curator.api.Dataset`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from curator.api import SIDES, Context, ExporterSpec, Item, Record, Said, Side, TargetRef
from curator.errors import BadInput, NotReady

if TYPE_CHECKING:
    from . import ExportParams

AT_ONCE = 1_000
"""Items that are looked up together."""
USUAL = frozenset({"human", "import"})


class Records:
    """The items that are chosen, of the media that the format takes."""

    def __init__(self, context: Context, params: ExportParams, spec: ExporterSpec) -> None:
        self.context = context
        self.params = params
        self.spec = spec
        self.name = params.folder.name
        self.items = context.items(params.items, spec.modalities)
        self.sources = USUAL | set(params.accept_from)
        self.target: TargetRef | None = None
        if params.by is not None or params.label is not None:
            self.target = context.target(params.label, params.by)
        elif spec.classes:
            raise BadInput(f"{spec.name} takes items of classes: name them with --by GROUP or --label NAME")
        self.of = "" if self.target is None else self.target.full_name
        if not self.items:
            wanted = " or ".join(spec.modalities)
            raise NotReady(f"none of these items is of a kind that {spec.name} takes: {wanted}")
        self.gone = 0
        self._left_out: Counter[str] = Counter()
        self._out: set[int] = set()
        self._written: Counter[tuple[Side | None, str | None]] = Counter()
        self._look_through()

    def _look_through(self) -> None:
        """What has to be known before the first record: which classes there are, and whether there is a split."""
        classes: set[str] = set()
        groups: set[str] = set()
        labels: set[str] = set()
        self.split = False
        self._other_words: Counter[str] = Counter()
        for some in self._pages():
            for known in self.context.known(some):
                for said in known.said:
                    if said.source not in self.sources:
                        self._other_words[said.source] += bool(said.value)
                    elif said.label.group is not None:
                        groups.add(said.label.group)
                    else:
                        labels.add(said.label.name)
                counting = [one for one in known.said if one.source in self.sources]
                if (label := self._label(counting)) is not None:
                    classes.add(label)
            self.split = self.split or (not self.params.no_split and any(self.context.sides(some)))
        self.classes: Sequence[str] = sorted(classes)
        self.groups: Sequence[str] = sorted(groups)
        self.labels: Sequence[str] = sorted(labels)
        if self.spec.classes and not classes:
            raise NotReady(f"none of these items has a label of {self.of}")

    def _pages(self) -> Iterator[Sequence[Item]]:
        for start in range(0, len(self.items), AT_ONCE):
            yield list(self.items[start : start + AT_ONCE])

    def __iter__(self) -> Iterator[Record]:
        """Those that have a place in the format."""
        self._left_out.clear()
        self.gone = 0
        self._out.clear()
        self._written.clear()
        for some in self._pages():
            for record in self._records(some):
                why = self._no_place(record)
                if why is not None:
                    self.leave_out(record, why)
                    continue
                yield record
                if record.item.id not in self._out:
                    self._written[record.side, record.label] += 1

    def _records(self, items: Sequence[Item]) -> Iterator[Record]:
        context = self.context
        every = (context.known(items), context.places(items), context.sides(items), context.linked(items))
        for item, known, places, side, others in zip(items, *every, strict=True):
            whole = next((place.path for place in places if place.whole), None)
            source = whole or next((place.path for place in places), None)
            said = tuple(one for one in known.said if one.source in self.sources)
            captions = tuple(other.text or "" for other in others) if item.modality == "image" else ()
            side = side if self.split else None
            yield Record(item, whole, str(source or ""), self._label(said), side, said, captions)

    def _label(self, said: Sequence[Said]) -> str | None:
        """The class of an item: the label of the group, or whether it is the label; none where both are said."""
        of = [one for one in said if self._is_of_target(one)]
        if self.target is None or any(one.value is None for one in of):
            return None
        if self.target.kind == "group":
            return next((one.label.name for one in of if one.value), None)
        return next((one.label.name if one.value else f"not {one.label.name}" for one in of), None)

    def _is_of_target(self, said: Said) -> bool:
        if self.target is None or said.source not in self.sources:
            return False
        if self.target.kind == "group":
            return said.label.group == self.target.name
        return said.label.id == self.target.id

    def _no_place(self, record: Record) -> str | None:
        """Why a record has no place in the format, completing 'left out: 3 items'."""
        if self.spec.classes and record.label is None:
            of = [one for one in record.said if self._is_of_target(one)]
            if any(one.value is None for one in of):
                return f"said to be several of {self.of}"
            return f"said to be none of {self.of}" if of else f"without a label of {self.of}"
        if self.split and record.side is None:
            return "on no side of the split (curator split)"
        if self.spec.files and record.item.modality == "image" and record.file is None:
            self.gone += 1
            return "whose file is gone or not as it was (curator add)"
        return None

    def leave_out(self, record: Record, why: str) -> None:
        """Count it."""
        self._left_out[why] += 1
        self._out.add(record.item.id)

    # --- what came of it ---

    def counts(self) -> Iterator[tuple[tuple[Side | None, str | None], int]]:
        """How many items were written, by side and class."""
        order: dict[Side | None, int] = {side: number for number, side in enumerate((*SIDES, None))}
        return iter(sorted(self._written.items(), key=lambda pair: (order[pair[0][0]], pair[0][1] or "")))

    def tell(self) -> None:
        """What was left out, and which labels were."""
        for why, number in self._left_out.most_common():
            self.context.note(f"left out: {number:,} {'item' if number == 1 else 'items'} {why}")
        for source, number in sorted(self._other_words.items()):
            if number:
                word = "a head" if source == "head" else f"a {source}" if source == "rule" else source
                some = "1 label" if number == 1 else f"{number:,} labels"
                self.context.note(f"{some} on the word of {word} left out: --accept-from {source} takes them")
