"""Real third-party distributions for tests: a module and its metadata, laid into a folder on the path."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import described
import warm
from cli_kit import CURATOR

FIRST_PARTY = frozenset(
    entry_point.name for entry_point in metadata.distribution("curator-agent").entry_points.select(group="curator")
)

HEADER = """
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from curator.api import *
from curator.errors import *
"""


def hook(name: str, value: str) -> str:
    """Source of a hook that returns `value`."""
    return f"\n@hookimpl\ndef {name}():\n    return {value}\n"


def encoder(name: str, **fields: str) -> str:
    """Source of a plugin that offers an encoder; `fields` are expressions."""
    given = {"modalities": "('text',)", "summary": "'s'", "resolve": "len", "load": "len"} | fields
    arguments = ", ".join(f"{field}={value}" for field, value in given.items())
    return hook("register_encoders", f"[EncoderSpec({name!r}, {arguments})]")


def action(name: str, params: str = "pass", **fields: str) -> str:
    """Source of a plugin that offers an action with the fields `params`; `fields` are expressions."""
    given = {"params": "Params", "plan": "lambda context, params: iter(())"} | fields
    arguments = ", ".join(f"{field}={value}" for field, value in given.items())
    made = f"\n@dataclass(frozen=True)\nclass Params:\n    {params}\n"
    return made + hook("register_actions", f"[ActionSpec({name!r}, 's', {arguments})]")


@dataclass(frozen=True)
class Ran:
    """What a command of the real program did."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of `--json`; raises where stdout holds anything else."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Site:
    """A folder on the path of a fresh process, and the folder that it runs in."""

    path: Path
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def lay(self, name: str, source: str, *, version: str = "1.0", entry: str = "", header: str = HEADER) -> None:
        """Install distribution `name`: one module, which is the plugin `entry` (by default, `name` too)."""
        module = name.replace("-", "_")
        (self.path / f"{module}.py").write_text(header + source, encoding="utf-8")
        info = self.path / f"{module}-{version}.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[curator]\n{entry or name} = {module}\n")

    def run(self, *arguments: str | Path, code: str = "") -> Ran:
        """`curator ARGUMENTS`; with `code`, that program with the arguments, in a process that is started for it."""
        environment = {**os.environ, "PYTHONPATH": str(self.path), "NO_COLOR": "1", **self.environment}
        given = [*map(str, arguments)]
        found = None if code else warm.ran([CURATOR, *given], self.folder, environment, b"", 120)
        if found is None:
            command = [sys.executable, "-P", "-c", code or "from curator.cli import main; main()", *given]
            done = subprocess.run(
                command, cwd=self.folder, env=environment, capture_output=True, timeout=120, check=False
            )
            found = done.returncode, done.stdout, done.stderr
        status, out, err = found
        if not code:
            described.hold(given, out.decode())
        return Ran(status, out.decode(), err.decode())
