"""What items may have to meet: a tree, in which every name is definite. What SQL it becomes says `compiled`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from curator.api import Modality, Side


@dataclass(frozen=True, slots=True)
class OfMedia:
    """Is an image, or a text."""

    media: Modality


@dataclass(frozen=True, slots=True)
class Below:
    """Lies in one of these folders, each by its root and its path there, which is empty for the root itself.

    `most`: a good part of all items does, so that it is sooner asked of each than listed.
    """

    folders: tuple[tuple[int, str], ...]
    most: bool = False


@dataclass(frozen=True, slots=True)
class Labelled:
    """Is said to be a label; `siblings` are the labels of its group, itself among them. None: any of these.

    On the word of `least`, or of a source that counts for more.
    """

    label: int | None
    siblings: tuple[int, ...]
    least: int


@dataclass(frozen=True, slots=True)
class Denied:
    """Is said not to be a label, on the word of `least`, or of a source that counts for more."""

    label: int
    least: int


@dataclass(frozen=True, slots=True)
class Spoken:
    """Something is said of it, be it that it is no such thing; `source`: on the word of this one."""

    source: int | None = None


@dataclass(frozen=True, slots=True)
class Between:
    """A number of the item itself lies between two, both included; None: in this direction there is no end."""

    of: Literal["id", "width", "height", "pixels", "size"]
    low: int | None
    high: int | None


@dataclass(frozen=True, slots=True)
class Added:
    """The run that added it began at `since` or later, and before `before`: ISO 8601, UTC, with milliseconds."""

    since: str | None
    before: str | None


@dataclass(frozen=True, slots=True)
class Taken:
    """The same of when a picture was taken: ISO 8601 without a zone, in seconds, as the clock of the camera told it."""

    since: str | None
    before: str | None


@dataclass(frozen=True, slots=True)
class Holds:
    """A text that holds another, which is folded; `captions`: an image with such a caption."""

    text: str
    captions: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """Has a file, or a table that it is a row of, whose folded name is like this: `*` any characters, `?` any one."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Gone:
    """Every file that it was in is gone."""


@dataclass(frozen=True, slots=True)
class OnSide:
    """Is on this side of the split; None: on any."""

    side: Side | None


@dataclass(frozen=True, slots=True)
class All:
    """Meets all of these; none: everything does."""

    of: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Meets at least one of these; none: nothing does."""

    of: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Everything else."""

    of: Condition


Condition: TypeAlias = (
    OfMedia
    | Below
    | Labelled
    | Denied
    | Spoken
    | Between
    | Added
    | Taken
    | Holds
    | Named
    | OnSide
    | Gone
    | All
    | AnyOf
    | Not
)

EVERYTHING = All()


@dataclass(frozen=True, slots=True)
class Conditions:
    """What items have to meet: to be of one of these media, and `where`. What was set aside is never among them.

    The media stand by themselves, since they are counted by an index, and asked for one by one.
    """

    media: tuple[Modality, ...] = ("image", "text")
    where: Condition = EVERYTHING

    @property
    def narrow(self) -> bool:
        """Whether more than the media counts."""
        return self.where != EVERYTHING
