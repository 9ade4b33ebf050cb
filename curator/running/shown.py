"""How much of long lists somebody looks at."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Shown:
    """How many of `Listing` somebody looks at, of a table that may be cut short: `most`, all for None.

    `totals` by kind: how many there are, which is known before the first one.
    """

    most: int | None = None
    totals: dict[str, int] = field(default_factory=dict)
