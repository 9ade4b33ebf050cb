"""What a quality check must be."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from curator.api import CheckSpec, Flaw, Item
from curator.errors import CuratorError, PluginError
from curator.history.journal import OffRecord
from curator.registry.loader import Loaded, Origin, Spec
from curator.running.checking import flaws
from curator.running.context import ActionContext
from curator.testing import specimen
from curator.testing.actions import only_reading
from curator.testing.fresh import folder
from curator.testing.given import Given
from curator.workspace import Workspace


class QualityCase:
    """A quality check, with a small furnished workspace."""

    def __init__(self, spec: CheckSpec, module: str, specs: Sequence[Spec], given: Given) -> None:
        self.spec = spec

    @contextlib.contextmanager
    def workspace(self) -> Iterator[tuple[Workspace, Path]]:
        """One that has this check, and the folder of its files."""
        registry = specimen.registry()
        if self.spec not in registry.all(CheckSpec):
            registry.take(Loaded(Origin("checked", "", "checked", "0"), (self.spec,)))
        with folder() as here:
            Workspace.create(here / "workspace")
            with Workspace(here / "workspace", registry) as workspace:
                specimen.furnish(workspace, here / "files")
                try:
                    yield workspace, here / "files"
                finally:
                    workspace.moves.trust.take()  # it is gone in a moment, and so is the record of it

    def flaws(self, workspace: Workspace, items: Sequence[Item] | None = None) -> list[Flaw]:
        """What it finds in some items, else in all of its modalities."""
        context = ActionContext(workspace, OffRecord(workspace.database, lambda: None), may_encode=True)
        if items is None:
            items = context.items(modalities=self.spec.modalities)
        try:
            return flaws(workspace.registry, self.spec.name, context, items)
        except PluginError as error:
            raise AssertionError(str(error)) from error


def check_gives_flaws_of_what_it_was_given(case: QualityCase) -> None:
    """Scores of all checks stand in one list, worst first: each is from 0 to 1, with its reason in one line, of an item
    that was given, once.
    """
    with case.workspace() as (workspace, _):
        case.flaws(workspace)


def check_flaws_repeat(case: QualityCase) -> None:
    """People move the threshold and look again: the same items must have the same scores."""
    with case.workspace() as (workspace, _):
        first, second = case.flaws(workspace), case.flaws(workspace)
    assert first == second, "of the same items it gave other flaws when it looked again"


def check_looking_only_reads(case: QualityCase) -> None:
    """A report changes nothing: no row, no file, no folder, and nothing is printed but through `context.note`."""
    with case.workspace() as (workspace, files), only_reading(workspace, files, "use context.note"):
        case.flaws(workspace)


def check_takes_few_items(case: QualityCase) -> None:
    """A selection may hold one item or two: what is unusual among so few cannot be said, which is no error."""
    with case.workspace() as (workspace, _):
        items = workspace.items.select(modalities=case.spec.modalities)
        for many in (1, 2, 3):
            _hold_to_answer(case, workspace, items[:many], f"given {many} item{'s' if many > 1 else ''}")


def check_takes_damaged_files(case: QualityCase) -> None:
    """A set is checked because something is wrong in it: files that are gone, cut off or noise must not end the run."""
    with case.workspace() as (workspace, files):
        paths = [path for path in sorted(files.rglob("*")) if path.is_file()]
        for number, path in enumerate(paths[::2]):
            if number % 3 == 0:
                path.unlink()
            else:
                path.write_bytes(path.read_bytes()[:20] if number % 3 == 1 else random.Random(number).randbytes(300))
        items = workspace.items.select(modalities=case.spec.modalities)
        _hold_to_answer(case, workspace, items, "where files are damaged or gone")


def _hold_to_answer(case: QualityCase, workspace: Workspace, items: Sequence[Item], where: str) -> None:
    try:
        case.flaws(workspace, items)
    except (AssertionError, CuratorError) as error:
        raise AssertionError(f"{where}: {error}") from error
