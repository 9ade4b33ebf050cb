"""Numbers of JSON that go out as they came in: 2.50 is a price, and 2.5 is another text. Public, like `curator.api`."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["WrittenFloat", "as_written"]


class WrittenFloat(float):
    """A float that knows how it was `written`; a `parse_float` for `json.loads`. Else it is what it is worth."""

    written: str
    __slots__ = ("written",)

    def __new__(cls, text: str) -> WrittenFloat:
        """Raises `ValueError` for what is no number."""
        number = super().__new__(cls, text)
        number.written = text
        return number


def as_written(value: Any) -> str:
    """A value as JSON, in one line, with floats that know it as they were written."""
    if isinstance(value, WrittenFloat):
        return value.written
    if isinstance(value, dict):
        pairs = (f"{json.dumps(str(name), ensure_ascii=False)}: {as_written(one)}" for name, one in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_written, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
