"""How people name a model: `NAME[:VARIANT][@VERSION]`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from curator.errors import BadInput

REFERENCE = re.compile(r"(?P<name>[^:@]+)(:(?P<variant>.*?))?(@(?P<version>[0-9]{1,9}))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reference:
    """A parsed `NAME[:VARIANT][@VERSION]`; the variant is opaque."""

    name: str
    variant: str | None = None
    version: int | None = None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """The first colon splits; `@digits` at the end is the version. Raises `BadInput`."""
        match = REFERENCE.fullmatch(text)
        if match is None or match["variant"] == "":
            raise BadInput(f"{text!r} is not an encoder name: use NAME, NAME:VARIANT or NAME@VERSION")
        return cls(match["name"], match["variant"], int(match["version"]) if match["version"] else None)

    @property
    def key(self) -> str:
        """Under which the workspace records the model that a reference without version means."""
        return f"model.{self.name}" + (f":{self.variant}" if self.variant else "")
