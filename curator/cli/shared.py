"""What the commands share: options, the open workspace, and how they speak."""

from __future__ import annotations

import contextlib
import functools
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from curator.cli.names import Place
from curator.cli.render import LIMIT, Terminal
from curator.cli.text import printable, say

if TYPE_CHECKING:
    from curator.api import Table
    from curator.registry.loader import Registry
    from curator.workspace import Workspace

F = TypeVar("F", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a line on standard output.")
limit_option = click.option(
    "--limit",
    type=click.IntRange(min=0),
    metavar="N",
    help=f"Show at most N rows (0 = all). [default: {LIMIT} on a terminal, all when piped or with --json]",
)
encode_option = click.option(
    "--encode", "may_encode", is_flag=True, help="Embed what is missing first, however long that takes."
)
apply_option = click.option(
    "--apply", is_flag=True, help="Move the files to quarantine. Without it, only what would go is shown."
)
count_option = click.option(
    "--count",
    type=click.IntRange(min=0),
    default=20,
    metavar="N",
    help="Stop after so many answers; 0: when nothing is left to ask. [default: 20]",
)
shared_option = click.option(
    "--shared", is_flag=True, help="Let the group of a new workspace's folder read it. [default: only you]"
)


class Memory(click.ParamType[int]):
    """A size such as 512M."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Bytes; what is no size is an error of usage."""
        from curator.errors import BadInput
        from curator.kit.memory import size_of

        try:
            return size_of(value)
        except BadInput as error:
            self.fail(str(error), param, ctx)


def _allow(context: click.Context, parameter: click.Parameter, size: int | None) -> None:
    if size is not None:
        from curator.kit.memory import BUDGET

        BUDGET.limit = size


class Pixels(click.ParamType[int]):
    """A number of pixels such as 300M."""

    name = "pixels"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """How many; what is no such number is an error of usage."""
        from curator.errors import BadInput
        from curator.kit.memory import pixels_of

        try:
            return pixels_of(value)
        except BadInput as error:
            self.fail(str(error), param, ctx)


def _allow_pixels(context: click.Context, parameter: click.Parameter, pixels: int | None) -> None:
    if pixels is not None:
        from curator.kit.memory import BUDGET

        BUDGET.pixels = pixels


def decoding_options(function: F) -> F:
    """`--memory` and `--max-pixels`, of every command that decodes pictures."""
    for option in (
        click.option(
            "--max-pixels",
            type=Pixels(),
            expose_value=False,
            callback=_allow_pixels,
            metavar="N",
            help="How many pixels a picture may have, as 300M: a file may say that it has any number. [default: 179M]",
        ),
        click.option(
            "--memory",
            type=Memory(),
            expose_value=False,
            callback=_allow,
            metavar="SIZE",
            help="What decoding pictures may take at once, as 512M. "
            "[default: 1G, or a quarter of what is free if less]",
        ),
    ):
        function = option(function)
    return function


force_option = click.option("--force", is_flag=True, help="Overwrite an existing file.")
no_images_option = click.option(
    "--no-images", is_flag=True, help="Show no small pictures in the table. [default: where the terminal can]"
)


@functools.cache
def registry() -> Registry:
    """All plugins; those that failed are named on stderr, once."""
    from curator.registry.loader import load_plugins

    loaded = load_plugins()
    for failure in loaded.failures:
        say(
            f"{failure.origin} was skipped: {failure.reason} (curator plugins --traceback {failure.origin.entry_point})"
        )
    return loaded


def workspace_option(
    create: bool = False,
    prepare: Callable[[dict[str, Any]], None] = lambda arguments: None,
    optional: bool = False,
) -> Callable[[F], F]:
    """Open the workspace for a command and pass it first; `create`: make it if there is none.

    `optional`: pass None where there is none and none was named, as to somebody who asks what is installed. `prepare`
    sees the command's other arguments before that, and raises where they cannot be used.
    """

    def decorate(function: F) -> F:
        @click.option(
            "-w",
            "--workspace",
            type=click.Path(readable=False),
            is_eager=True,
            metavar="FOLDER",
            help="The workspace. [default: $CURATOR_WORKSPACE, else the nearest workspace/ going up, else ./workspace]",
        )
        @functools.wraps(function)
        def command(workspace: str | None, **arguments: Any) -> Any:
            prepare(arguments)
            shared = arguments.pop("shared", False)
            if optional and workspace is None and _is_none():
                return function(None, **arguments)
            with _rows_blamed(workspace), open_workspace(workspace, create, shared) as found:
                return function(found, **arguments)

        return shared_option(command) if create else command  # type: ignore[return-value]

    return decorate


def _is_none() -> bool:
    from curator.errors import NotFound
    from curator.workspace_path import hold_workspace, locate

    try:
        hold_workspace(locate(None))
    except NotFound:
        return True
    return False


def needed(workspace: Workspace | None) -> Workspace:
    """The workspace that a command asks for where it got None; raises `NotFound` with the command that makes one."""
    from curator.workspace_path import hold_workspace, locate

    if workspace is None:
        hold_workspace(locate(None))
    assert workspace is not None
    return workspace


@contextlib.contextmanager
def _rows_blamed(chosen: str | None) -> Iterator[None]:
    """A block of which an error that nobody expected is told as what came of rows that contradict each other."""
    try:
        yield
    except (click.ClickException, click.Abort, click.exceptions.Exit):
        raise
    except Exception as error:
        from curator.maintenance.contradictions import blame
        from curator.workspace_path import locate

        if blamed := blame(locate(chosen), error):
            raise blamed from error
        raise


def open_workspace(chosen: str | None, create: bool, shared: bool = False) -> Workspace:
    """The workspace that is meant; raises `NotFound` with the command that makes one."""
    from curator.workspace import Workspace
    from curator.workspace_path import FOLDER, hold_workspace, locate

    folder = locate(chosen)
    if not create:
        hold_workspace(folder)
    if create and Workspace.create(folder, shared):
        say(f"made the workspace {folder}")
    elif shared:
        say(f"{folder} is a workspace already{how_to_share(folder, shared)}")
    elif chosen is None and folder not in (Path.cwd() / FOLDER, Path.cwd()) and folder.parent in Path.cwd().parents:
        say(f"using the workspace {folder}")
    return Workspace(folder, registry(), Terminal())


def how_to_share(folder: Path, shared: bool) -> str:
    """What to do where a workspace that exists was to be shared."""
    return f": chmod -R g+rX {shlex.quote(str(folder))} lets its group read it" if shared else ""


def options_option(of: str) -> Callable[[F], F]:
    """`-o NAME=VALUE`, as often as need be: what a plugin's `params` declare."""
    help_ = f"An option of the {of}."
    return click.option("-o", "--option", "options", type=Text(), multiple=True, metavar="NAME=VALUE", help=help_)


def option_values(options: tuple[str, ...]) -> dict[str, str]:
    """Values by name."""
    from curator.errors import BadInput

    given = {}
    for option in options:
        name, equals, value = option.partition("=")
        if not equals:
            raise BadInput(f"-o takes NAME=VALUE, not {option!r}")
        given[name] = value
    return given


def from_stdin(names: tuple[str, ...]) -> Iterator[str]:
    """Names given as arguments; `-` stands for the lines of standard input."""
    from curator.errors import BadInput

    for name in names:
        if name != "-":
            yield name
            continue
        for line in map(os.fsdecode, sys.stdin.buffer):
            if "\0" in line:
                raise BadInput("standard input holds NUL bytes: give one name a line (find without -print0)")
            if line.strip():
                yield line.rstrip("\r\n")


class Text(click.ParamType[str]):
    """Words that are neither a name nor a path, so that what reads them says what they must be."""

    name = "text"


class Command(click.Command):
    """A command whose help ends with an example; `rows` are the tables that it shows, for the documentation.

    What names or places something must not be empty, as a shell's unset variable is: that would mean "here" or "all".
    """

    def __init__(self, *args: Any, example: str = "", rows: tuple[Table, ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.example = example
        self.rows = rows

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does; refuses what is empty."""
        rest = super().parse_args(ctx, args)
        for parameter in self.params:
            given = ctx.params.get(parameter.name or "")
            for value in given if isinstance(given, tuple) else (given,):
                if isinstance(value, str):
                    _refuse_undecodable(ctx, parameter, value)
                    _refuse_empty(ctx, parameter, value)
        return rest

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The example, as it would be typed."""
        if self.example:
            with formatter.section("Example"):
                for line in self.example.splitlines():
                    formatter.write_text(line)


def _refuse_undecodable(ctx: click.Context, parameter: click.Parameter, value: str) -> None:
    """Raise a usage error for words that are no text; a path may be of any bytes."""
    if isinstance(parameter.type, Place | click.Path):
        return
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        message = (
            f"{printable(value)} is not valid UTF-8: is the terminal, or the file it is from, in another encoding?"
        )
        raise click.BadParameter(message, ctx, parameter) from None


def _refuse_empty(ctx: click.Context, parameter: click.Parameter, value: str) -> None:
    """Raise a usage error for no name at all; a path may be of blanks."""
    if isinstance(parameter.type, Text):
        return
    of_path = isinstance(parameter.type, Place | click.Path)
    if not (value if of_path else value.strip()):
        none = "no encoder" if "VARIANT" in (parameter.metavar or "") else "none"
        message = (
            f"it needs a {'path' if of_path else 'name'}, and {value!r} is {none}; is a variable of the shell empty?"
        )
        raise click.BadParameter(message, ctx, parameter)
