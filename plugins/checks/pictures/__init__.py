"""Quality checks of pictures: how they look, their files, and what is odd among the others.

This module only describes them; the work is done by the others of the package, which are imported when a check runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from curator.api import CheckSpec, Context, Flaw, Item, hookimpl

LOOKS = {
    "dark": "pictures so dark that little can be seen",
    "bright": "pictures so bright that little can be seen",
    "low-contrast": "pictures as through fog: everything is about as bright",
    "blurred": "pictures that are sharp nowhere",
    "blank": "pictures with nothing on them",
}
FILES = {
    "unreadable": "pictures whose files are damaged",
    "wrong-extension": "pictures whose name says another format than they are in",
    "odd-shape": "pictures far longer than wide, or wider than long",
    "odd-size": "pictures far larger or smaller than the others",
    "grey": "grey pictures among pictures in colour",
}


def _look(name: str, context: Context, items: Sequence[Item]) -> Iterator[Flaw]:
    from . import files, looks

    yield from (looks if name in LOOKS else files).CHECKS[name](context, items)


_SPECS = [CheckSpec(name, finds, ("image",), partial(_look, name)) for name, finds in {**FILES, **LOOKS}.items()]


@hookimpl
def register_quality_checks() -> Iterable[CheckSpec]:
    """All of them."""
    return _SPECS
