"""Write what the commands say now into `expected/`: `python tests/golden/refresh.py`, then read the diff.

A step whose figures differ by less than the tolerance is left as it is, so that the diff shows what changed.
"""

from __future__ import annotations

import sys
import tempfile
from itertools import zip_longest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from golden import kept, scenario
from golden.normal import differences


def main() -> None:
    """Run everything in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "golden"
        home.mkdir()
        for chapter, steps in scenario.told(home):
            rough = [step.rough for step in scenario.CHAPTERS[chapter]]
            before = {step[0]["$"] + str(number): step for number, step in enumerate(kept.read(chapter))}
            changed, written = 0, []
            for number, (now, roughly) in enumerate(zip_longest(steps, rough)):
                old = before.get(now[0]["$"] + str(number), [])
                changed += bool(differences(old, now, roughly))
                written.append(now if differences(old, now, roughly) else old)
            kept.write(chapter, written)
            print(f"{chapter}: {changed} of {len(steps)} steps changed")
    for path in kept.FOLDER.iterdir():
        if path.stem not in scenario.CHAPTERS:
            path.unlink()


if __name__ == "__main__":
    main()
