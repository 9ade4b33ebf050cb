"""Write the checks of curator.testing, each with its reason, into plugins.md: `python docs/contract.py`."""

from __future__ import annotations

import re
from pathlib import Path

from curator.testing import checks, specimen
from curator.testing.checks import Check

TARGET = Path(__file__).with_name("plugins.md")
MARKED = re.compile(r"(?<=<!-- checks: written by docs/contract\.py -->\n).*(?=<!-- end -->)", re.DOTALL)


def every() -> dict[str, list[Check]]:
    """The checks by what they are of."""
    from curator.api import ActionSpec, NoParams

    action = ActionSpec("any", "any", NoParams, lambda context, params: iter(()))
    found: dict[str, list[Check]] = {}
    for check in [*checks(specimen), *checks(action)]:
        kind = check.of.split()[0]
        if check.name not in [known.name for known in found.setdefault(kind, [])]:
            found[kind].append(check)
    return found


def generated() -> str:
    """The page with the checks as they are now."""
    lines = []
    for kind, of_kind in every().items():
        lines += [f"\n| {kind} | why |", "|---|---|"]
        lines += [f"| {check.name.removeprefix('check_').replace('_', ' ')} | {check.why} |" for check in of_kind]
    return MARKED.sub("\n".join(lines) + "\n\n", TARGET.read_text(encoding="utf-8"))


if __name__ == "__main__":
    TARGET.write_text(generated(), encoding="utf-8")
