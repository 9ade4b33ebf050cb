"""From items to groups of copies, each with the file that is kept and what shows that the others are its copies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from curator.api import COPY_LEVELS, Context, Model
from curator.errors import NotReady
from curator.kit.copies import image_copies
from curator.kit.copies.image_copies import ImageCopies
from curator.kit.copies.neighbours import neighbours
from curator.kit.copies.stars import stars
from curator.kit.copies.text_copies import Resemblance, TextCopies
from curator.kit.copies.verification import Agreement
from curator.kit.listing import ids_of

from .files import File
from .gathering import Files, Gathered, gather
from .keeping import MANY, Preference
from .knowing import Knowledge, same_bytes

if TYPE_CHECKING:
    from . import DedupeParams

Integers: TypeAlias = NDArray[np.int64]

EXACT, SAME, COPY, EDITED, SIMILAR = COPY_LEVELS
NEAR = (COPY, EDITED)

RECODED = "same text in another encoding"
"""What is said of files of one text whose bytes differ."""

RETYPED = "same but for how spaces and marks are typed"
"""What is said of texts that differ in line ends, runs of spaces, width or the forms of marks."""

LIKE = 5
"""Nearest by the embedding that --similar looks at."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A file beside the one that is kept: what shows that it is a copy, in words and in figures."""

    file: File
    words: str
    evidence: dict[str, Any]


@dataclass(slots=True)
class Group:
    """The file that is kept and its copies, all of one kind."""

    kind: str
    kept: File
    copies: list[Copy] = field(default_factory=list)


MayGo: TypeAlias = Callable[[Group, Copy], bool]
"""Whether a copy of a group may go."""


def find(
    context: Context, params: DedupeParams, preference: Preference, knowledge: Knowledge, may_go: MayGo
) -> list[Group]:
    """All groups, the surest kind first."""
    media = gather(context, params, Files(context, params, preference, knowledge))
    groups = [
        group
        for gathered, several in media
        for group in _merge_chains(_groups(context, params, preference, gathered, several), may_go)
    ]
    for group in groups:
        group.copies.sort(key=lambda copy: copy.file.name)
    return sorted(groups, key=lambda group: (COPY_LEVELS.index(group.kind), group.kept.name))


# --- what is found ---


def _groups(
    context: Context,
    params: DedupeParams,
    preference: Preference,
    gathered: Gathered,
    several: Sequence[Sequence[File]],
) -> list[Group]:
    """The groups of one medium, the surest kind first: what is a copy of one kind takes no part in the next."""
    found = []
    for kept, *others in several:
        twins = [_twin(kept, file) for file in others if not (kept.reference and file.reference)]
        if twins:
            found.append(Group(EXACT, kept, twins))
    # One file stands for each content: the one that is kept of it.
    if len(gathered) < 2:
        return found
    if gathered.modality == "image":
        copies = _pictures(context, params, preference, gathered)
    else:
        copies = _near_texts(preference, gathered)
    found += copies
    if params.similar:
        found += _similar(context, params, preference, gathered.only(_left(gathered, copies)))
    return found


def _twin(kept: File, file: File) -> Copy:
    """A copy of the same content: of a text that may be in other bytes, as in UTF-16 or with a byte order mark."""
    both_whole = kept.place.whole and file.place.whole
    recoded = file.item.modality == "text" and both_whole and not same_bytes(kept.place.path, file.place.path)
    return Copy(file, RECODED if recoded else "same bytes", {})


def _pictures(context: Context, params: DedupeParams, preference: Preference, gathered: Gathered) -> list[Group]:
    """Those of the same pixels; then, of what is left, what is near."""
    pictures = ImageCopies(context, gathered.items)
    if missed := len(gathered) - len(pictures):
        of_all = f"{missed:,} of {len(gathered):,} images"
        context.note(f"{of_all} compared by their bytes alone (unreadable, animated or not yet looked at)")
        gathered = gathered.only(np.isin(gathered.ids, np.asarray(ids_of(pictures.items), np.int64)))
    same_pixels = Level(SAME, lambda one, other: "same pixels", lambda words: (words, {}))
    same = _groups_of_kind(same_pixels, preference, gathered, pictures.same())
    left = _left(gathered, same)
    return [*same, *_near_pictures(context, params, preference, gathered.only(left), pictures.among(left))]


def _near_pictures(
    context: Context, params: DedupeParams, preference: Preference, gathered: Gathered, pictures: ImageCopies
) -> list[Group]:
    """Copies first; then what was edited, of what is no copy."""

    def said(found: image_copies.Copy) -> tuple[str, dict[str, Any]]:
        return _copy_words(found), asdict(found.agreement) | asdict(found.difference)

    return _by_level(
        preference,
        gathered,
        pictures.candidates(_model(context, params, "image"), np.flatnonzero(gathered.reference).tolist()),
        Level(COPY, pictures.copy, said, pictures.prepare_copies),
        Level(EDITED, pictures.match, lambda found: (_picture_words(found), asdict(found)), pictures.prepare),
    )


def _near_texts(preference: Preference, gathered: Gathered) -> list[Group]:
    """The same but for how it is typed; then what differs in more."""
    texts = TextCopies.of_items(gathered.items)

    def typed(one: int, other: int) -> Resemblance | None:
        return texts.match(one, other) if texts.same(one, other) else None

    def changed(one: int, other: int) -> tuple[Resemblance, str] | None:
        found = texts.match(one, other)
        return (found, _text_words(found, texts.differing(one, other))) if found is not None else None

    def retyped(found: Resemblance) -> tuple[str, dict[str, Any]]:
        return RETYPED, asdict(found)

    def said(found: tuple[Resemblance, str]) -> tuple[str, dict[str, Any]]:
        return found[1], asdict(found[0])

    return _by_level(
        preference,
        gathered,
        texts.candidates(),
        Level(COPY, typed, retyped, texts.prepare),
        Level(EDITED, changed, said, texts.prepare),
    )


@dataclass(frozen=True, slots=True)
class Level:
    """What it is called, the evidence that two match in it, and that evidence in words and figures.

    `prepare` is told before which pairs will be asked for.
    """

    kind: str
    match: Callable[[int, int], Any]
    said: Callable[[Any], tuple[str, dict[str, Any]]]
    prepare: Callable[[Sequence[tuple[int, int]]], None] | None = None


def _by_level(
    preference: Preference, gathered: Gathered, pairs: Sequence[tuple[int, int]], *levels: Level
) -> list[Group]:
    """The groups of each level, the surest first; a copy in one is represented in the next by the file it is one of."""
    stands = {number: number for pair in pairs for number in pair}
    found: list[Group] = []
    for level in levels:
        left = {(stands[one], stands[other]) for one, other in pairs}
        groups = _groups_of_kind(level, preference, gathered, left)
        place = dict(zip(gathered.ids[[*stands]].tolist(), stands, strict=True))
        kept_for = {place[copy.file.item.id]: place[group.kept.item.id] for group in groups for copy in group.copies}
        stands = {number: kept_for.get(position, position) for number, position in stands.items()}
        found += groups
    return found


def _similar(context: Context, params: DedupeParams, preference: Preference, gathered: Gathered) -> list[Group]:
    model = _model(context, params, gathered.modality) if len(gathered) else None
    if model is None:
        return []
    cosines = neighbours(context, model, gathered.items, LIKE, params.threshold)
    level = Level(
        SIMILAR,
        lambda one, other: cosines.get((one, other)),
        lambda cosine: (f"cosine {cosine:.3f}", {"cosine": cosine, "model": model.name}),
    )
    return _groups_of_kind(level, preference, gathered, cosines)


def _model(context: Context, params: DedupeParams, modality: Any) -> Model | None:
    """The encoder to find candidates with; None, and a note, where there is none."""
    try:
        model = context.model(params.encoder, modality)
    except NotReady as error:
        context.note(f"without embeddings: {error}")
        return None
    return model if modality in model.modalities else None


def _groups_of_kind(
    level: Level, preference: Preference, gathered: Gathered, candidates: Iterable[tuple[int, int]]
) -> list[Group]:
    """Groups of a kind. Two files of a reference are what others are compared with, not copies of each other."""

    def references(one: int, other: int) -> bool:
        return bool(gathered.reference[one] and gathered.reference[other])

    def best(members: Sequence[int]) -> int:
        """Which of them stays, by what is read from the files now."""
        some = gathered.hold(members)
        if level.kind == SAME:
            preference.measures.are_same(some)
        elif len(some) <= MANY:  # of more not each is compared with each
            preference.measures.hold(some)
        return members[some.index(preference.best(some))]

    def linked(members: Sequence[int]) -> None:
        files = gathered.hold(members)
        if level.kind in NEAR:
            preference.measures.look_at(files)

    found = stars(
        len(gathered),
        (pair for pair in candidates if not references(*pair)),
        lambda one, other: None if references(one, other) else level.match(one, other),
        level.prepare,
        best if level.kind != SIMILAR else None,
        linked,
    )
    return [
        Group(
            level.kind,
            gathered.file(star.centre),
            [Copy(gathered.file(ray), *level.said(evidence)) for ray, evidence in star.rays],
        )
        for star in found
    ]


def _left(gathered: Gathered, groups: Sequence[Group]) -> Integers:
    """The places of what is no copy."""
    return gathered.without({copy.file.item.id for group in groups for copy in group.copies})


# --- what hangs together ---


def _merge_chains(groups: Sequence[Group], may_go: MayGo) -> list[Group]:
    """Copies of a file that is to go itself become copies of what stays in its stead, and of that less sure kind."""
    goes = {copy.file.name: (group, copy) for group in groups for copy in group.copies if may_go(group, copy)}
    left = []
    for group in groups:  # surest kind first, so that a chain is followed to its end
        if group.kept.name not in goes:
            left.append(group)
            continue
        other, kept = goes[group.kept.name]
        for copy in group.copies:
            between, stays = group.kept.place.path.name, other.kept.place.path.name
            words = f"{copy.words} as {between}, of which {stays} stays: {kept.words}"
            moved = Copy(copy.file, words, kept.evidence)
            other.copies.append(moved)
            if copy.file.name in goes:
                goes[copy.file.name] = (other, moved)
    return left


# --- in words ---


def _copy_words(found: image_copies.Copy) -> str:
    words = ["saved again" + (", one of them without its colour profile" if found.difference.bare else "")]
    if not 0.98 < found.agreement.scale < 1.02:
        words.append(f"scale {found.agreement.scale:.2f}")
    if found.agreement.overlap < 0.985:
        words.append(f"overlap {100 * found.agreement.overlap:.0f} %")
    return ", ".join(words)


def _picture_words(found: Agreement) -> str:
    if not found.keypoints and found.correlation == 1:
        return "same shades throughout"
    if found.outlines:
        return "same outlines"
    words = [f"correlation {found.correlation:.3f}"]
    if found.agreeing < 0.95:
        words.append(f"{100 * found.agreeing:.0f} % of the blocks")
    if found.overlap < 0.95:
        words.append(f"overlap {100 * found.overlap:.0f} %")
    if found.mirrored:
        words.append("mirrored")
    if 2 <= found.turned <= 358:
        words.append(f"turned {found.turned}°")
    return ", ".join(words)


def _text_words(found: Resemblance, differing: str) -> str:
    return f"same but for {differing}" if found.folded else f"{100 * found.jaccard:.0f} % of the character runs"
