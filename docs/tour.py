"""Run the README's tour: every `$ command` of its console blocks, in a terminal of 100 columns.

    python docs/tour.py FOLDER          run it in FOLDER (which holds grocery/) and write the output into README.md,
                                        the sheets that it makes into docs/

The tests run the same commands on generated photos and compare the structure of what comes out.
"""

from __future__ import annotations

import os
import pty
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

SHEETS = ("like.webp", "copies.webp")
README = Path(__file__).parent.parent / "README.md"
BLOCK = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.DOTALL | re.MULTILINE)
COLUMNS, ROWS = 100, 500


def commands(block: str) -> list[tuple[str, str]]:
    """The commands of a block (`> ` goes on with one), each with the output below it."""
    found: list[tuple[str, str]] = []
    for line in block.splitlines(keepends=True):
        if line.startswith("$ "):
            found.append((line[2:].rstrip("\n"), ""))
        elif found and line.startswith("> ") and not found[-1][1]:
            found[-1] = (f"{found[-1][0]}\n{line[2:].rstrip()}", "")
        elif found:
            command, output = found[-1]
            found[-1] = (command, output + line)
    return found


def run(command: str, folder: Path, commands: Path = Path(sys.executable).parent) -> tuple[int, str]:
    """Exit code and output of a shell command whose standard output and error are a terminal.

    `commands` is where `curator` and `python3` are.
    """
    import fcntl
    import termios

    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    # A dumb terminal gets the tables without colours and no moving bars.
    environment = {**os.environ, "TERM": "dumb", "COLUMNS": str(COLUMNS), "LINES": str(ROWS)}
    environment["PATH"] = f"{commands}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.Popen(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    output = b""
    try:
        while chunk := os.read(leader, 65536):
            output += chunk
    except OSError:  # how Linux says that the other end of a terminal is closed
        pass
    os.close(leader)
    text = output.decode().replace("\r\n", "\n").replace(str(folder), "~")
    return process.wait(), "".join(line.rstrip() + "\n" for line in text.splitlines())


def rewritten(text: str, execute: Callable[[str], str]) -> str:
    """The README with each command's output replaced by what it gives now."""

    def block(match: re.Match[str]) -> str:
        shown = ((command.replace("\n", "\n> "), execute(command)) for command, _ in commands(match.group()))
        return "".join(f"$ {command}\n{output}" for command, output in shown)

    return BLOCK.sub(block, text)


def main() -> None:
    """Run the tour and rewrite the README."""
    folder = Path(sys.argv[1]).resolve()

    def execute(command: str) -> str:
        code, output = run(command, folder)
        if code not in (0, 5):
            sys.exit(f"exit code {code}: {command}\n{output}")
        return output

    README.write_text(rewritten(README.read_text(encoding="utf-8"), execute), encoding="utf-8")
    for sheet in SHEETS:
        shutil.copyfile(folder / sheet, Path(__file__).with_name(sheet))


if __name__ == "__main__":
    main()
