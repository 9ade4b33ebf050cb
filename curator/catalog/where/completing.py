"""How a selection that is being typed may go on."""

from __future__ import annotations

import re
from collections.abc import Iterator

from curator.api import SIDES
from curator.catalog.labels import Labels, Source
from curator.catalog.where.expression import quoted
from curator.catalog.where.fields import FIELDS
from curator.store.catalogue.labels import LabelStore
from curator.store.selecting.saved import SavedStore
from curator.store.sqlite import Database

_LAST = re.compile(
    r"""(?P<before>(?:.*[\s(（])?[-－]?)            # what is said already
    (?:(?P<field>[a-z]+):|(?P<at>@))?              # then a field that takes names, or a saved selection
    (?P<value>"(?:\\.|[^"\\])*|[^\s()"]*)$""",  # of which a beginning is there, which quotation marks may begin
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)


def continued(text: str, database: Database | None) -> Iterator[str]:
    """All of the text, with the last word as it may go on: a field, or a name where a field takes one.

    Without a `database` only what needs none.
    """
    match = _LAST.fullmatch(text)
    if match is None:
        return
    field, value = (match["field"] or "").lower(), match["value"]
    head = text[: match.start("value")]
    if not (field or match["at"]):
        yield from (f"{head}{name}{field.signs[0] if field.signs else ''}" for name, field in FIELDS.items())
    for name in _names("@" if match["at"] else field, database):
        shown = quoted(name)
        yield head + (shown if not value.startswith('"') or shown.startswith('"') else f'"{shown}"')


def _names(of: str, database: Database | None) -> list[str]:
    kind = "saved" if of == "@" else FIELDS[of].names if of in FIELDS else ""
    if kind == "media":
        return ["image", "text"]
    if kind == "side":
        return [*SIDES, "none"]
    if kind == "source":
        return [source.name.lower() for source in reversed(Source)]
    if database is None or kind == "":
        return []
    if kind == "label":
        return Labels(database).names()
    return LabelStore(database).group_names() if kind == "group" else [row.name for row in SavedStore(database).all()]
