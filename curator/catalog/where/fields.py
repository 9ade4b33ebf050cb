"""What can be asked for: a field is a row of `FIELDS`, with what becomes of it. `docs/selection.md` says more of each.

To add one, add a row; where no condition of the store says it yet, one there too (`curator.store.selecting`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from curator.api import SIDES, Side
from curator.catalog.labels import Source
from curator.catalog.where import values
from curator.catalog.where.expression import Term
from curator.catalog.where.names import Names
from curator.errors import BadInput, NotFound
from curator.store.selecting.conditions import (
    Added,
    Between,
    Condition,
    Gone,
    Holds,
    Named,
    Not,
    OfMedia,
    OnSide,
    Spoken,
    Taken,
)
from curator.store.selecting.texts import folded

Read: TypeAlias = Callable[[Names, Term], Condition]

IS, LIKE, ORDERED = (":",), ("~",), (":", ">", ">=", "<", "<=")


@dataclass(frozen=True, slots=True)
class Field:
    """A field: `signs` that may stand behind it (none: it stands alone), an example, and what it means.

    `also`: words that people try in its place. `names`: of what its values are names, for completion.
    """

    signs: tuple[str, ...]
    example: str
    read: Read
    also: tuple[str, ...] = ()
    names: Literal["", "label", "group", "media", "source", "side"] = ""


def _value(term: Term) -> str:
    return str(term.value)


def _number(of: Literal["id", "width", "height", "pixels"]) -> Read:
    return lambda names, term: Between(of, *values.numbers(term.sign, _value(term)))


def _size(names: Names, term: Term) -> Condition:
    return Between("size", *values.sizes(term.sign, _value(term)))


def _added(names: Names, term: Term) -> Condition:
    since, before = values.dates(term.sign, _value(term))
    return Added(values.in_utc(since), values.in_utc(before))


def _taken(names: Names, term: Term) -> Condition:
    since, before = values.dates(term.sign, _value(term))
    return Taken(values.as_told(since), values.as_told(before))


def _media(names: Names, term: Term) -> Condition:
    media = {"image": OfMedia("image"), "text": OfMedia("text")}
    if (found := media.get(_value(term).lower())) is None:
        raise BadInput(f"media is image or text, not {_value(term)!r}")
    return found


def _text(captions: bool) -> Read:
    def read(names: Names, term: Term) -> Condition:
        if not (text := folded(_value(term))):
            raise BadInput(f"{term.field}~ needs a text to look for")
        return Holds(text, captions)

    return read


def _name(names: Names, term: Term) -> Condition:
    if not (pattern := folded(_value(term))):
        raise BadInput("name: needs the name of a file, such as *.jpg")
    return Named(pattern)


def _suffix(names: Names, term: Term) -> Condition:
    ending = folded(_value(term)).lstrip(".")
    if not ending or any(sign in ending for sign in "*?/"):
        raise BadInput(f"{_value(term)!r} is not how the name of a file ends, such as jpg (name: takes * and ?)")
    return Named(f"*.{ending}")


def _split(names: Names, term: Term) -> Condition:
    sides: dict[str, Side | None] = {side: side for side in SIDES}
    if (said := _value(term).lower()) == "none":
        return Not(OnSide(None))
    if said not in sides:
        raise NotFound.named("side of the split", _value(term), [*sides, "none"])
    return OnSide(sides[said])


def _source(names: Names, term: Term) -> Condition:
    sources = {source.name.lower(): source for source in reversed(Source)}
    if (found := sources.get(_value(term).lower())) is None:
        raise NotFound.named("source", _value(term), sources)
    return Spoken(int(found))


FIELDS: dict[str, Field] = {
    "label": Field(IS, "label:hat", lambda n, t: n.labelled(t.value), ("tag", "class", "labels"), "label"),
    "denied": Field(IS, "denied:hat", lambda n, t: n.denied(t.value), ("negative",), "label"),
    "group": Field(IS, "group:animal", lambda n, t: n.in_group(t.value), (), "group"),
    "labelled": Field((), "labelled", lambda n, t: Spoken(), ("labeled", "tagged")),
    "unlabelled": Field((), "unlabelled", lambda n, t: Not(Spoken()), ("unlabeled", "untagged")),
    "source": Field(IS, "source:human", _source, ("by",), "source"),
    "under": Field(IS, "under:photos/2026", lambda n, t: n.under(_value(t)), ("folder", "path", "dir", "in")),
    "name": Field(IS, "name:IMG_*", _name, ("file", "filename")),
    "suffix": Field(IS, "suffix:jpg", _suffix, ("ext", "extension", "ending")),
    "missing": Field((), "missing", lambda n, t: Gone(), ("gone", "lost")),
    "media": Field(IS, "media:image", _media, ("type", "modality", "kind"), "media"),
    "width": Field(ORDERED, "width>=1000", _number("width"), ("w",)),
    "height": Field(ORDERED, "height<600", _number("height"), ("h",)),
    "pixels": Field(ORDERED, "pixels>12M", _number("pixels"), ("megapixels", "resolution")),
    "size": Field(ORDERED, "size>5M", _size, ("bytes", "filesize")),
    "added": Field(ORDERED, "added>=2026-11-01", _added, ("date", "created")),
    "taken": Field(ORDERED, "taken:2026-08", _taken, ("shot", "exif")),
    "text": Field(LIKE, 'text~"no refund"', _text(False), ("body", "content", "contains")),
    "caption": Field(LIKE, "caption~beach", _text(True), ("description",)),
    "split": Field(IS, "split:test", _split, ("side",), "side"),
    "id": Field(ORDERED, "id:100..200", _number("id"), ("item", "number")),
}
