"""What an option or argument takes, so that a shell completes it: paths, items, and names of what there is.

A shell asks with every press of Tab: nothing is written, and whatever goes wrong means that nothing is offered.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from curator.api import (
    ByteCount,
    CheckName,
    CommandName,
    EncoderRef,
    ExporterName,
    FileName,
    FolderName,
    GroupName,
    HeadName,
    ItemRef,
    LabelName,
    MetricName,
    NewFile,
    NewFolder,
    PixelCount,
    PluginName,
    Query,
    ReaderName,
    SelectionName,
    Setting,
    Where,
    Word,
)
from curator.cli.plugins import loaded

if TYPE_CHECKING:
    from curator.store.sqlite import Database

MOST = 1000
"""How many names are offered at most."""


class Place(click.ParamType[str]):
    """A path as it is typed; `folder`: of folders alone; `item`: or an item, by `id:N`."""

    name = "path"

    def __init__(self, folder: bool = False, item: bool = False) -> None:
        self.folder, self.item = folder, item

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Leave paths to the shell; offer the ids of items."""
        if incomplete.startswith("id:") and self.item:
            return _offered(_ids, ctx, incomplete)
        return [CompletionItem(incomplete, type="dir" if self.folder else "file")]


class Name(click.types.StringParamType):
    """A name of something that there is, or a new one; `known` gives those that there are."""

    def __init__(self, known: Callable[[click.Context], Iterable[str]]) -> None:
        self.known = known

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Offer those that begin so."""
        return _offered(self.known, ctx, incomplete)


def _offered(
    known: Callable[[click.Context], Iterable[str]], ctx: click.Context, incomplete: str
) -> list[CompletionItem]:
    found: list[str] = []
    with contextlib.suppress(Exception):  # a person is typing: an error would only garble the line
        found += islice((name for name in known(ctx) if name.startswith(incomplete)), MOST)
    return [CompletionItem(name) for name in dict.fromkeys(found)]


@contextlib.contextmanager
def _catalogue(ctx: click.Context) -> Iterator[Database]:
    """The catalogue that the command would open, as it is: not brought up to date, and nobody's lock."""
    from curator.store.catalogue import FILE
    from curator.store.sqlite import connect
    from curator.workspace_path import locate

    database = connect(locate(ctx.params.get("workspace")) / FILE)
    try:
        yield database
    finally:
        database.close()


def _ids(ctx: click.Context) -> Iterator[str]:
    from curator.store.catalogue.items import ItemStore

    with _catalogue(ctx) as database:
        return (f"id:{number}" for number in range(1, (ItemStore(database).last_id() or 0) + 1))


def _labels(ctx: click.Context) -> list[str]:
    from curator.catalog.labels import Labels

    with _catalogue(ctx) as database:
        return Labels(database).names()


def _groups(ctx: click.Context) -> list[str]:
    from curator.store.catalogue.labels import LabelStore

    with _catalogue(ctx) as database:
        return LabelStore(database).group_names()


def _metrics(ctx: click.Context) -> list[str]:
    from curator.store.catalogue.pairs import PairStore

    with _catalogue(ctx) as database:
        return [row.name for row in PairStore(database).metrics()]


def _models(ctx: click.Context) -> Iterator[str]:
    from curator.store.catalogue.models import ModelStore, model_name

    yield from _specs("EncoderSpec")(ctx)
    with contextlib.suppress(Exception), _catalogue(ctx) as database:  # encoders are there without a workspace
        for row in ModelStore(database).all():
            yield model_name(row.encoder, row.variant, row.version, row.weights)


def _checks(ctx: click.Context) -> Iterator[str]:
    yield from _specs("CheckSpec")(ctx)
    yield "labels"  # which looks at what is said of items, and not at them


def _selections(ctx: click.Context) -> list[str]:
    from curator.store.selecting.saved import SavedStore

    with _catalogue(ctx) as database:
        return [row.name for row in SavedStore(database).all()]


def _specs(kind: str) -> Callable[[click.Context], list[str]]:
    """The names of what plugins offer of a kind."""

    def known(ctx: click.Context) -> list[str]:
        import curator.api

        return loaded().names(getattr(curator.api, kind))

    return known


def _plugins(ctx: click.Context) -> list[str]:
    origins = [one.origin for one in loaded().plugins] + [one.origin for one in loaded().failures]
    return [origin.entry_point for origin in origins]


def _commands(ctx: click.Context) -> list[str]:
    """The words that come after those that were typed."""
    group: Any = ctx.find_root().command
    for word in ctx.params.get("command") or ():
        group = group.get_command(ctx, word)
    return list(group.list_commands(ctx))


class Text(click.ParamType[str]):
    """Words that are neither a name nor a path, so that what reads them says what they must be."""

    name = "text"


class Condition(Text):
    """Which items, in a language of its own; the last word of it is completed."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """What was typed, without a look at it; nothing is an error of usage."""
        if not str(value).strip():
            self.fail(
                f"it needs a condition, such as label:hat, and {value!r} is none; is a variable of the shell empty?",
                param,
                ctx,
            )
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Offer fields, and names where a field takes one."""
        return _offered(lambda ctx: _continued(ctx, incomplete), ctx, incomplete)


def _continued(ctx: click.Context, text: str) -> Iterator[str]:
    from curator.catalog.where.completing import continued

    with contextlib.suppress(Exception), _catalogue(ctx) as database:
        yield from continued(text, database)
        return
    yield from continued(text, None)


class Words(Text):
    """A text to look for."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """What was typed, which must say something."""
        if not str(value).strip():
            self.fail(f"it needs a text, and {value!r} is none; is a variable of the shell empty?", param, ctx)
        return super().convert(value, param, ctx)


BARE = object()
"""What an option is given where it stands alone, as no text could."""


class OrBare(click.ParamType[Any]):
    """A text, True where the option stands alone."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """What was typed."""
        return True if value is BARE else str(value)


class Count(click.ParamType[int]):
    """A size such as 512M, or a number of pixels; `read`: which function of `curator.kit.memory` reads it."""

    def __init__(self, name: str, read: str) -> None:
        self.name, self.read = name, read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """How many; what is no such number is an error of usage."""
        from curator.errors import BadInput
        from curator.kit import memory

        try:
            number: int = getattr(memory, self.read)(value)
        except BadInput as error:
            self.fail(str(error), param, ctx)
        return number


TYPES: dict[Any, click.ParamType[Any]] = {
    int: click.INT,
    float: click.FLOAT,
    str: Text(),
    Setting: Text(),
    Word: click.STRING,
    Query: Place(item=True),
    ItemRef: Place(item=True),
    FileName: Place(),
    NewFile: Place(),
    NewFolder: Place(folder=True),
    FolderName: Place(folder=True),
    LabelName: Name(_labels),
    GroupName: Name(_groups),
    MetricName: Name(_metrics),
    EncoderRef: Name(_models),
    HeadName: Name(_specs("HeadSpec")),
    CheckName: Name(_checks),
    ExporterName: Name(_specs("ExporterSpec")),
    ReaderName: Name(_specs("ReaderSpec")),
    PluginName: Name(_plugins),
    CommandName: Name(_commands),
    SelectionName: Name(_selections),
    Where: Condition(),
    ByteCount: Count("size", "size_of"),
    PixelCount: Count("pixels", "pixels_of"),
}

METAVARS: dict[Any, str] = {
    int: "N",
    float: "X",
    Setting: "NAME=VALUE",
    Query: "FILE|id:N",
    ItemRef: "FILE|id:N",
    FileName: "FILE",
    NewFile: "FILE",
    NewFolder: "FOLDER",
    FolderName: "FOLDER",
    LabelName: "LABEL",
    GroupName: "GROUP",
    MetricName: "NAME[:KIND]",
    EncoderRef: "NAME[:VARIANT][@VERSION]",
    HeadName: "KIND",
    CheckName: "NAME",
    ExporterName: "FORMAT",
    SelectionName: "NAME",
    Where: "CONDITION",
    ReaderName: "NAME",
    PluginName: "PLUGIN",
    ByteCount: "SIZE",
    PixelCount: "N",
}
