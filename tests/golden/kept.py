"""The committed outputs: a file for each chapter, a line of JSON for each line that was said."""

from __future__ import annotations

import json
from pathlib import Path

from golden.normal import Lines

FOLDER = Path(__file__).parent / "expected"


def read(chapter: str) -> list[Lines]:
    """The lines of each step; none for a chapter that is not kept yet."""
    path, steps = _path(chapter), []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        row = json.loads(line)
        if "$" in row:
            steps.append([])
        steps[-1].append(row)
    return steps


def write(chapter: str, steps: list[Lines]) -> None:
    lines = [json.dumps(line, ensure_ascii=False) for step in steps for line in step]
    _path(chapter).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _path(chapter: str) -> Path:
    return FOLDER / f"{chapter}.ndjson"
