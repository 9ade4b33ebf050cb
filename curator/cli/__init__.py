"""The command line: the only place that prints, prompts or exits.

Nothing heavy on the way to `--help`: command bodies import what they need.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from curator.cli.plugins import Known
from curator.cli.text import complain, say
from curator.commands import Commands, core
from curator.errors import CuratorError, NotTrusted, is_interrupt, lacking
from curator.interrupts import LINE, Raised, end_at_once
from curator.version import __version__

PLANNED = 10
"""How many moves are shown that were not allowed."""


class Root(click.Group):
    """The commands of curator itself, and one for each action that a plugin offers."""

    def __init__(self, *args: Any, commands: Commands | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known = Known(core() if commands is None else commands)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands by name."""
        return sorted(self.known)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """A command of curator itself, else that of an action; plugins are loaded only for the latter."""
        from curator.cli.build import command_of

        spec = self.known.get(name)
        return None if spec is None else command_of(spec)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[Any, Any, list[str]]:
        """As click does, with the nearest name for one that does not exist."""
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            raise click.UsageError(self._unknown(args[0]), ctx)
        return super().resolve_command(ctx, args)

    def _unknown(self, name: str) -> str:
        from curator.errors import NotFound

        apart = [known for known in self.known if known.endswith(f".{name}")]
        if apart and name in self.known.core.reserved:
            return f"no command {name!r} yet, a name that curator keeps for itself: did you mean {apart[0]!r}?"
        return str(NotFound.named("command", name, sorted(self.known), hint="`curator --help` lists them"))

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what a person or the system did wrong becomes one line and an exit code."""
        raised = Raised()
        try:
            with raised:
                return super().invoke(ctx)
        except CuratorError as error:
            if isinstance(error, NotTrusted):
                _say_plan(error.plan)
            complain(str(error))
            ctx.exit(error.exit_code)
        except click.exceptions.NoArgsIsHelpError:  # the help of a group, which click shows as it is
            raise
        except click.UsageError as error:
            help_of = f" ({error.ctx.command_path} --help)" if error.ctx else ""
            complain(f"{error.format_message()}{help_of}")
            ctx.exit(error.exit_code)
        except MemoryError as error:
            complain(str(lacking(error)))
            ctx.exit(1)
        except OSError as error:
            if error.errno == errno.EPIPE:  # whoever reads has enough, as with `| head`
                raise
            if short := lacking(error):
                complain(short)
                ctx.exit(1)
            complain(f"{error.strerror or error}" + (f": {error.filename!r}" if error.filename else ""))
            ctx.exit(1)
        except BaseException as error:
            if not is_interrupt(error):
                raise
            raised.over()
            complain(LINE)
            ctx.exit(130)


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="curator")
def cli() -> None:
    """Curate datasets of images and texts: add them, label a few, and let embeddings do the rest.

    \b
    curator add ./photos                   catalogue a folder and embed what it holds
    curator similar img.jpg -k 5           find its nearest neighbours
    curator label ultraman a.jpg b.jpg     say what a few of them are
    curator classify --label ultraman      let that sort the others
    curator status                         what there is, and what to do next
    """


def main() -> None:
    """The console script, once it is imported."""
    end_at_once()
    _open_closed()
    _keep_stdout()
    # A pipe or an old terminal must not make a Chinese file name an error.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace", encoding="utf-8" if os.name != "nt" else None)
    cli(prog_name="curator")


def _say_plan(plan: Sequence[tuple[str, str]]) -> None:
    """What would be moved if it were allowed, the first of it."""
    for source, target in plan[:PLANNED]:
        say(f"  would move {source} to {target}")
    if len(plan) > PLANNED:
        say(f"  … and {len(plan) - PLANNED:,} more")


def _open_closed() -> None:
    """Put nothing in the place of streams that are closed, or a database would get their number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def _keep_stdout() -> None:
    """Keep standard output for what curator prints; what libraries in C and other processes print goes to stderr.

    The loader sends there what plugins print in Python, but a plugin's libraries and subprocesses write past that,
    and one line of theirs would break somebody's JSON.
    """
    out, err = sys.stdout, sys.stderr
    if isinstance(out, io.TextIOWrapper) and isinstance(err, io.TextIOWrapper):  # neither is closed nor replaced
        ours = os.dup(out.fileno())
        os.dup2(err.fileno(), out.fileno())
        buffering = 1 if out.line_buffering or out.write_through else -1
        # The other name is where the width of the terminal is asked for.
        sys.stdout = sys.__stdout__ = os.fdopen(ours, "w", buffering, out.encoding, closefd=False)  # type: ignore[misc]
