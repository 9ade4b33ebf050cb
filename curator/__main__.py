"""The console script, and `python -m curator`.

Ctrl-C ends it with one line and exit code 130 as soon as `main` is called. What Python does before that, to start and
to find this module, is not ours: until then it ends in Python's own words.
"""

from __future__ import annotations

from curator.interrupts import end_at_once


def main() -> None:
    """Import the command line, which takes a while, and give over to it."""
    end_at_once()
    from curator.cli import main as command

    command()


if __name__ == "__main__":
    main()
