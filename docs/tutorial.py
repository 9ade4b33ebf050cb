"""Follow the tutorial: write its files and run its commands, in an environment of its own over the current one.

    python docs/tutorial.py             follow it in a temporary folder and write the output into tutorial.md

The tests follow it too, and compare the structure of what comes out.
"""

from __future__ import annotations

import re
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import tour

PAGE = Path(__file__).with_name("tutorial.md")
PARTS = re.compile(
    r"^`(?P<path>[^`\n]+)`:\n\n```python\n(?P<code>.*?)^```$|(?<=^```console\n)(?P<block>.*?)(?=^```$)",
    re.DOTALL | re.MULTILINE,
)

# Build and install with what is here: no network, and no second torch.
PIP = """#!/bin/sh
exec {python} -m pip "$@" --no-deps --no-build-isolation --no-index
"""

SCRIPT = """#!{python}
import sys
from {module} import {function}
sys.exit({function}())
"""


def environment(folder: Path) -> Path:
    """A virtual environment that sees the packages of this one; returns where its commands are."""
    venv.create(folder, symlinks=True)
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)}))
    here = sysconfig.get_path("purelib")
    (packages / "outer.pth").write_text(f"import site; site.addsitedir({here!r})\n")
    python = folder / "bin" / "python"
    commands = {
        "pip": PIP.format(python=python),
        "curator": SCRIPT.format(python=python, module="curator.cli", function="main"),
        "pytest": SCRIPT.format(python=python, module="pytest", function="main"),
    }
    for name, text in commands.items():
        path = python.with_name(name)
        path.write_text(text)
        path.chmod(0o755)
    return python.parent


def followed(text: str, folder: Path, execute: Callable[[str], str]) -> str:
    """The page with each command's output replaced by what it gives now; its files are written on the way."""

    def part(match: re.Match[str]) -> str:
        if match["path"]:
            (folder / match["path"]).write_text(match["code"], encoding="utf-8")
            return match.group()
        shown = ((command.replace("\n", "\n> "), execute(command)) for command, _ in tour.commands(match["block"]))
        return "".join(f"$ {command}\n{output}" for command, output in shown)

    return PARTS.sub(part, text)


def main() -> None:
    """Follow the tutorial and rewrite it."""
    with tempfile.TemporaryDirectory() as name:
        commands, folder = environment(Path(name) / "environment"), Path(name) / "empty"
        folder.mkdir()

        def execute(command: str) -> str:
            code, output = tour.run(command, folder, commands)
            if code:
                sys.exit(f"exit code {code}: {command}\n{output}")
            return output

        PAGE.write_text(followed(PAGE.read_text(encoding="utf-8"), folder, execute), encoding="utf-8")


if __name__ == "__main__":
    main()
