"""The README's tour, run literally on generated photos: same commands, same structure of what comes out."""

from __future__ import annotations

import importlib.util
import itertools
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from PIL import ImageDraw
from scenes import scene

from curator.registry.loader import GROUP

ROOT = Path(__file__).parent.parent
KINDS = {
    **{"Banana": "gold", "Kiwi": "olive", "Lemon": "yellow", "Peach": "salmon"},
    **{"Bravo-Apple-Juice": "navy", "Oatly-Oat-Milk": "gray"},
}

_spec = importlib.util.spec_from_file_location("tour", ROOT / "docs" / "tour.py")
assert _spec and _spec.loader
tour = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tour)

README = (ROOT / "README.md").read_text(encoding="utf-8")
TOUR = [pair for block in tour.BLOCK.findall(README) for pair in tour.commands(block)]


def photo(path: Path, colour: str, seed: int) -> None:
    """A thing of its kind's colour in a scene of its own: with texture, as photos have, so that copies can be found."""
    image = scene(seed, (240, 200))
    left, top = seed % 7 * 15, seed % 5 * 12
    ImageDraw.Draw(image).ellipse((left, top, left + 110, top + 100), fill=colour)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


@pytest.fixture(scope="module")
def groceries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tour")
    seeds = itertools.count()
    for part in ("train", "test"):
        for kind, colour in KINDS.items():
            for number in range(6, 12):
                photo(folder / "grocery" / part / kind / f"{kind}_{number:03}.jpg", colour, next(seeds))
    return folder


def skeleton(output: str) -> list[str]:
    """What a reader sees apart from figures and names: messages, titles, the columns of tables, that rows follow."""
    found: list[str] = []
    in_table = False
    for line in output.splitlines():
        if set(line.strip()) == {"─"}:
            in_table = True
            found.append("<rows>")
        elif not line.strip():
            in_table = False
        elif not in_table:
            masked = re.sub(r"\d[\d,.]*", "#", line)
            masked = re.sub(r"(?<=left out: )classes.*", "…", masked)
            found.append(" ".join(masked.split()))
    return found


def test_skeleton_tells_outputs_apart() -> None:
    table = "Items\n\n id   path\n ──────────\n  1   a.jpg\n\n3 more\n"
    assert skeleton(table) == ["Items", "id path", "<rows>", "# more"]
    assert skeleton(table) == skeleton(table.replace("a.jpg", "b.jpg").replace("3", "12"))
    assert skeleton(table) != skeleton(table.replace("path", "label"))
    assert skeleton(table) != skeleton(table.replace(" ──────────\n  1   a.jpg\n", ""))


@pytest.mark.slow
def test_tour(groceries: Path) -> None:
    assert len(TOUR) > 10, "the README has lost its console blocks"
    for command, shown in TOUR:
        code, output = tour.run(command, groceries)
        assert code == 0, f"{command}\n{output}"
        assert skeleton(output) == skeleton(shown), f"$ {command}\n{output}\n--- in the README:\n{shown}"


def test_first_commands_are_those_that_ci_runs() -> None:
    first, light = README.index("pip install '.[all]'\ncurator add ./photos"), README.index("pip install .\n")
    assert first < light < README.index("## ")
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for command in ("pip install '.[all]'", "pip install .", "pip install -e '.[dev]'", "pytest"):
        assert f'readme_command "{command}"' in ci


def test_the_plugins_that_it_lists_are_those_that_there_are() -> None:
    (block,) = re.findall(r"\$ curator plugins\n(.*?)```", README, re.DOTALL)
    listed = re.findall(r"^ ([\w-]+) +curator-agent ", block, re.MULTILINE)
    offered = metadata.distribution("curator-agent").entry_points.select(group=GROUP)
    assert sorted(listed) == sorted(offered.names)


def test_command_reference_is_current() -> None:
    # In a process of its own: in this one another test may have offered plugins of its own to the commands.
    code = "import sys; sys.path.insert(0, sys.argv[1]); import commands; sys.stdout.write(commands.generated())"
    made = subprocess.run([sys.executable, "-X", "utf8", "-c", code, ROOT / "docs"], capture_output=True, check=True)
    expected = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert expected == made.stdout.decode(), "run: python docs/commands.py"


def test_every_local_link_leads_somewhere() -> None:
    pages = [ROOT / "README.md", *ROOT.glob("docs/*.md"), ROOT / "CONTRIBUTING.md", ROOT / "benchmarks" / "README.md"]
    broken = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert not broken
