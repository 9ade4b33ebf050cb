"""A distribution for somebody's first plugin: working code, its tests, and all that publishing needs.

The files are made from the `.tmpl` files beside this module, in which `$name` and the like stand for what differs.
"""

from __future__ import annotations

import importlib.util
import json
import keyword
import os
import re
import string
import sys
from dataclasses import dataclass
from importlib import metadata, resources
from pathlib import Path

from curator.errors import BadInput, NotFound
from curator.store.scratch import beside
from curator.version import __version__

DISTRIBUTION = "curator-agent"
NAME = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?")
"""What package indexes (PEP 508) and curator both take."""

OTHERS = frozenset({"conftest", "setup", "tests"})
"""Modules that would be something else in a distribution with tests."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What is told of a kind of plugin beside its code."""

    summary: str
    use: str
    dependencies: tuple[str, ...] = ()


KINDS = {
    "encoder": Kind(
        "An encoder: the colours of a picture, where they are and how much there is of each",
        "curator encode -e {name}\ncurator similar img.jpg -e {name}",
        ("numpy>=2.0",),
    ),
    "head": Kind(
        "A head: the nearest class mean, for a handful of examples a class",
        "curator train --label LABEL --head {name}\ncurator classify --label LABEL --head {name}",
        ("numpy>=2.0",),
    ),
    "action": Kind(
        "An action: texts that hold a word get a label",
        "curator {name} --word refund --label money",
    ),
    "metric": Kind(
        "A metric: a similarity learnt from pairs, which damps what differs between alike items",
        "curator pair A B --metric taste\ncurator similar A --metric taste:{name}",
        ("numpy>=2.0",),
    ),
    "reader": Kind(
        "A reader: .list files, which name images and texts, one relative path a line",
        "curator add holiday.list",
    ),
    "check": Kind(
        "A quality check: texts that are written in capitals",
        "curator audit --check {name}",
    ),
    "exporter": Kind(
        "An exporter: a text a line with its class before it, as fastText reads it",
        "curator export reviews --format {name} --by sentiment",
    ),
}


def create(name: str, kind: str, folder: Path) -> list[Path]:
    """Make the distribution `name` in a folder of that name below `folder`; returns its files.

    All of it is made or nothing, and never over anything. Raises `BadInput` for what cannot be, `NotFound` where
    `folder` does not exist.
    """
    if kind not in KINDS:
        raise BadInput(f"{kind!r} is not a kind of plugin: {', '.join(KINDS)}")
    values = {"name": name, "module": module_name(name), "kind": kind, **_template_values(name, kind)}
    target = folder / name
    if not os.path.lexists(folder):
        raise NotFound(f"no folder {str(folder)!r}")
    if os.path.lexists(target):
        raise BadInput(f"{str(target)!r} exists already: nothing is overwritten")
    made = {path: _fill_template(template, values) for path, template in _files(kind, values["module"]).items()}
    try:
        _write(target, made)
    except OSError as error:
        raise BadInput(f"cannot make {str(target)!r}: {(error.strerror or str(error)).lower()}") from error
    return [target / path for path in made]


def module_name(name: str) -> str:
    """The module of a distribution; raises `BadInput` where the one or the other cannot be had."""
    if not NAME.fullmatch(name):
        raise BadInput(
            f"{name!r} is not a name for a plugin: lower-case letters and digits, with '-', '_' or '.' between them"
        )
    module = re.sub("[-_.]+", "_", name)
    if not module.isidentifier() or keyword.iskeyword(module):
        raise BadInput(f"{module!r} cannot be imported: begin with a letter, and take no word of Python's own")
    if module in sys.stdlib_module_names or module in OTHERS:
        raise BadInput(f"{module!r} is a module that Python or its tools have: choose another name")
    if _is_installed(name, module):
        raise BadInput(f"{name!r} or a module {module!r} is installed already: choose another name")
    return module


def requirement(version: str = __version__) -> str:
    """The versions of curator that give plugins what this one does, as a plugin depends on them.

    Before 1.0 a minor version may change what plugins use, from 1.0 only a major one.
    """
    match = re.match(r"(\d+)\.(\d+)(\.\d+)*$", version)
    # `>=0.2` takes no 0.2rc1, so what was made with that has to ask for it.
    lowest = f"{match[1]}.{match[2]}" if match else version
    major, minor = (int(part) for part in re.findall(r"\d+", version)[:2])
    return f"{DISTRIBUTION}>={lowest},<{f'0.{minor + 1}' if major == 0 else major + 1}"


def _is_installed(name: str, module: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return module in sys.modules or importlib.util.find_spec(module) is not None
    return True


def _template_values(name: str, kind: str) -> dict[str, str]:
    about = KINDS[kind]
    return {
        "summary": about.summary,
        "use": about.use.format(name=name),
        "dependencies": ", ".join(json.dumps(needed) for needed in (requirement(), *about.dependencies)),
        "breaking": "minor" if __version__.startswith("0.") else "major",
    }


def _files(kind: str, module: str) -> dict[str, str]:
    """Where each file goes, and what it is made from."""
    return {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        ".gitignore": "gitignore",
        f"{module}.py": f"{kind}.py",
        f"tests/test_{module}.py": f"{kind}_test.py",
    }


def _fill_template(template: str, values: dict[str, str]) -> str:
    text = resources.files("curator.scaffold").joinpath(f"{template}.tmpl").read_text(encoding="utf-8")
    return string.Template(text).substitute(values)


def _write(target: Path, made: dict[str, str]) -> None:
    """Write the files into a folder beside the target, which gets its name once it is whole.

    Ctrl-C leaves nothing, and a kill in the midst of it a hidden folder, which the next of its kind here removes.
    """

    def write(draft: Path) -> None:
        for name, text in made.items():
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            (draft / name).write_text(text, encoding="utf-8", newline="\n")
        # Somebody else may have been quicker: what is not empty is not replaced, and an empty folder is no loss.
        draft.rename(target)

    beside(target.parent, ".curator-", write)
