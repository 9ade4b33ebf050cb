"""The quick tests with the lowest version of each library that pyproject.toml allows, in an environment made for it.

    pip install uv
    python tests/minimum.py [ARGUMENTS OF PYTEST]    [default: -m "not slow"]
    python tests/minimum.py --list                   the versions, as a file of constraints

uv finds the versions. A bound that no release has, or that another library does not go with, is one that nobody can
install: it is named, and nothing is run. What libraries bring along is the newest. On Linux torch brings 3 GB for GPUs;
`UV_TORCH_BACKEND=cpu` spares them.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent


def requirements() -> list[Requirement]:
    """What pyproject.toml asks for, with all extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    every = [
        Requirement(line)
        for lines in (project["dependencies"], *project["optional-dependencies"].values())
        for line in lines
    ]
    return [needed for needed in every if needed.name != project["name"]]  # an extra may be of others


def bound(requirement: Requirement) -> Version:
    """The lowest version that is allowed; raises `ValueError` where it is not said in one `>=`."""
    (one,) = requirement.specifier
    if one.operator != ">=":
        raise ValueError(f"{requirement} has no lower bound")
    return Version(one.version)


def lowest() -> dict[str, Version]:
    """The lowest versions that can be installed together."""
    quietly = ("--quiet", "--no-header", "--no-annotate")
    found = uv("pip", "compile", *quietly, "--resolution=lowest-direct", "--all-extras", "pyproject.toml", kept=True)
    pinned = (line.split(" ")[0].partition("==") for line in found.stdout.splitlines())
    return {canonicalize_name(name): Version(version) for name, _, version in pinned}


def unreal(versions: dict[str, Version]) -> Iterator[str]:
    """The bounds that are not what is installed by them."""
    for requirement in requirements():
        found = versions[canonicalize_name(requirement.name)]
        if found != bound(requirement):
            yield f"{requirement}: the lowest that can be installed is {found}"


def uv(*arguments: str, kept: bool = False) -> subprocess.CompletedProcess[str]:
    """Run it; `kept`: what it prints is for us."""
    output = subprocess.PIPE if kept else None
    return subprocess.run([sys.executable, "-m", "uv", *arguments], cwd=ROOT, check=True, text=True, stdout=output)


def main(arguments: list[str]) -> int:
    versions = lowest()
    constraints = "".join(f"{name}=={version}\n" for name, version in versions.items())
    if arguments == ["--list"]:
        print(constraints, end="")
        return 0
    if faults := [*unreal(versions)]:
        print("\n".join(faults))
        return 1
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder, "bin", "python")
        uv("venv", "--quiet", "--python", sys.executable, folder)
        Path(folder, "constraints.txt").write_text(constraints, encoding="utf-8")
        uv(
            "pip",
            "install",
            "--python",
            str(python),
            "--constraint",
            f"{folder}/constraints.txt",
            "--editable",
            ".[dev]",
        )
        ran = subprocess.run([python, "-m", "pytest", *(arguments or ["-m", "not slow"])], cwd=ROOT)
    return ran.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
