"""Vectors that were made elsewhere and imported: a name for their space, and nothing that could embed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

from curator.api import EncoderSpec, Resolved, hookimpl
from curator.errors import BadInput, NotFound, NotReady

NAMED = re.compile(r".+/(?P<dim>[1-9][0-9]{0,6})", re.DOTALL)


def resolve(variant: str | None, weights: Path | None) -> Resolved:
    """What was imported is known as `NAME/DIM`; the space is that and no more, so that later imports add to it."""
    if weights:
        raise BadInput("imported has no weights: its vectors come by curator import --vectors FILE --space NAME")
    if not variant:
        raise NotFound("name the space, as in imported:NAME: curator encoders lists them")
    named = NAMED.fullmatch(variant)
    if named is None:
        how = f"curator import --vectors FILE --space {shlex.quote(variant)}"
        raise NotFound(f"no vectors were imported as {variant!r}: {how}")
    return Resolved(int(named["dim"]), variant)


def load(resolved: Resolved, device: str) -> NoReturn:
    """There is no network."""
    raise NotReady(f"vectors of {resolved.variant!r} are imported: nothing is embedded here")


@hookimpl
def register_encoders() -> Iterable[EncoderSpec]:
    """The encoder `imported`."""
    summary = "vectors made elsewhere: curator import --vectors FILE --space NAME"
    return [EncoderSpec("imported", ("image", "text"), summary, resolve, load, embeds=False)]
