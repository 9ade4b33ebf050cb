"""The command `plugins`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from curator.cli.shared import Command, json_option, registry
from curator.cli.tables import PLUGINS


@click.command(cls=Command, rows=(PLUGINS,), example="curator plugins\ncurator plugins --traceback my-encoder")
@click.option("--traceback", metavar="PLUGIN", help="Show where a plugin failed.")
@json_option
def plugins(traceback: str | None, as_json: bool) -> None:
    """List plugins: what each offers, where it comes from, and why any failed."""
    from curator.cli.render import Output

    if traceback:
        click.echo(_traceback(traceback))
        return
    Output(as_json).table(PLUGINS, _rows())


def _rows() -> Iterator[dict[str, Any]]:
    loaded = registry()
    for plugin in loaded.plugins:
        offers = [f"{type(spec).__name__.removesuffix('Spec').lower()} {spec.name}" for spec in plugin.specs]
        yield _row(plugin.origin, offers, None)
    for failure in loaded.failures:
        yield _row(failure.origin, [], failure.reason)


def _row(origin: Any, offers: list[str], failure: str | None) -> dict[str, Any]:
    return {
        "plugin": origin.entry_point,
        "distribution": origin.distribution,
        "version": origin.version,
        "offers": offers,
        "failure": failure,
    }


def _traceback(name: str) -> str:
    from curator.cli.text import printable
    from curator.errors import NotFound

    failures = {failure.origin.entry_point: failure for failure in registry().failures}
    if name not in failures:
        raise NotFound.named("failed plugin", name, failures, hint="every plugin loaded")
    return "\n".join(printable(line) for line in failures[name].traceback.splitlines())
