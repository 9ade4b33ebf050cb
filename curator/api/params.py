"""How a field of `params` is described, and the types that it may have beside Python's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NewType

from curator.api.data import Item, Modality, TargetRef

LabelName = NewType("LabelName", str)
"""As a person types it: `NAME`, `GROUP/NAME` where several groups have a label of that name, or `id:N`."""
GroupName = NewType("GroupName", str)
"""A group of labels that exclude each other."""
EncoderRef = NewType("EncoderRef", str)
"""`NAME[:VARIANT][@VERSION]`: the first colon splits, `@digits` at the end is the version."""
HeadName = NewType("HeadName", str)
"""The kind of a head: the name of a `HeadSpec`."""
MetricName = NewType("MetricName", str)
"""`NAME[:KIND]`: what pairs are marked by, and the name of a `MetricSpec` where it is not the default."""
CheckName = NewType("CheckName", str)
"""The name of a `CheckSpec`."""
ExporterName = NewType("ExporterName", str)
"""The name of an `ExporterSpec`."""
NewFile = NewType("NewFile", Path)
"""A file to make, for an `Artifact`: checked before the plan begins. The command then takes `--force` too."""
NewFolder = NewType("NewFolder", Path)
"""A folder to make, for a `FolderArtifact`; as a `NewFile` otherwise."""
ItemRef = NewType("ItemRef", str)
"""A file, or an item by `id:N`, as a person types it."""
FileName = NewType("FileName", str)
"""The path of a file, or of a folder in its place, as a person types it."""
FolderName = NewType("FolderName", str)
"""The path of a folder, as a person types it."""
ReaderName = NewType("ReaderName", str)
"""The name of a `ReaderSpec`."""
PluginName = NewType("PluginName", str)
"""The name of a plugin's entry point."""
CommandName = NewType("CommandName", str)
"""The name of a command, or one of its words."""
Where = NewType("Where", str)
"""Which items, in the language of `--where`: docs/selection.md."""
SelectionName = NewType("SelectionName", str)
"""A selection that was saved by a name."""
Word = NewType("Word", str)
"""A name that curator does not know, as of a column or a device: a text that is not empty."""
Setting = NewType("Setting", str)
"""`NAME=VALUE`."""
ByteCount = NewType("ByteCount", int)
"""A size, typed as 512M."""
PixelCount = NewType("PixelCount", int)
"""A number of pixels, typed as 300M."""


@dataclass(frozen=True, slots=True)
class Option:
    """How a field of `params` shows as an option: `k: Annotated[int, Option("-k", min=1)] = 5`.

    The long name is the field's own (`--encoder`; of `class_` it is `--class`); `flag` adds a short one. For a
    `NewFile`, `choices` are the endings that it may have (`(".png", ".pdf")`), for an `ItemSet` the media to choose
    among. `metavar` stands for the value in the help, where its type does not say enough (COLUMN). `words`: queries are
    given as texts, not as files. `was`: names that
    the option had before (`("--out",)`), which are still taken, from Python too (`out=`), but not shown.
    """

    flag: str = ""
    help: str = ""
    min: float | None = None
    max: float | None = None
    choices: tuple[str, ...] = ()
    metavar: str = ""
    was: tuple[str, ...] = ()
    words: bool = False


@dataclass(frozen=True, slots=True)
class Argument:
    """How a field of `params` shows as a positional argument. A `Query` also gives `--text TEXT`, but not with
    `text=False`, as where only pictures can be used; one text more where it takes several. `instead`: fields of which
    one may be given in place of a query without a default. `metavar` is what stands for it in the help, else its name.
    """

    help: str = ""
    text: bool = True
    metavar: str = ""
    instead: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ItemSet:
    """Which items: those that meet every condition given. Empty: all of them.

    `media`, `under` and `label` may each be one or several, of which an item meets any. `label` is a name as a person
    types it, or what `Context.target` gave for a label. `where` says more in the language of `--where`, as in
    `'label:hat -under:drafts width>=1000'`; of several an item meets all (docs/selection.md).
    """

    media: Modality | tuple[Modality, ...] | None = None
    under: Path | tuple[Path, ...] | None = None
    label: str | TargetRef | tuple[str | TargetRef, ...] | None = None
    unlabelled: bool = False
    where: str | tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for, already resolved: a catalogued item, a file outside, or a text.

    `hash` is that of the content, so that exact copies can be told.
    """

    modality: Modality
    hash: str
    item: Item | None = None
    path: Path | None = None
    text: str | None = None
