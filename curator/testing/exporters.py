"""What an exporter must be."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from curator.api import ExporterSpec, FolderArtifact, Record
from curator.errors import CuratorError, NotReady
from curator.media import file_lists
from curator.registry.loader import Spec
from curator.running.new_folders import Making
from curator.testing import datasets
from curator.testing.actions import changed_names, files_of
from curator.testing.fresh import folder
from curator.testing.given import Given, NotApplicable

ODD = ("a/b", "a_b", "Cat", "cat", "CON", "..", "红色", 'quote"d', "two\nlines", "long " * 60, " ", "-", "<b>")
"""Labels as people have them."""


class ExporterCase:
    """An exporter, with the records of a small dataset."""

    def __init__(self, spec: ExporterSpec, module: str, specs: Sequence[Spec], given: Given) -> None:
        self.spec = spec

    @contextlib.contextmanager
    def records(self) -> Iterator[tuple[list[Record], Path]]:
        """Records of the media that it takes, and the folder of their files."""
        with folder() as here:
            yield datasets.records(here / "files", self.spec.modalities), here

    def write(self, dataset: datasets.Specimen, target: Path) -> dict[str, bytes]:
        """What it makes of a dataset, by path. Raises `NotApplicable` where it lacks something here."""
        try:
            if self.spec.check is not None:
                self.spec.check(dataset)
        except NotReady as error:
            raise NotApplicable(str(error)) from error
        target.mkdir()
        with Making(target, FolderArtifact(target, lambda _: None), lambda _: None) as making:
            self.spec.write(dataset, making)
            making.end()
        files = (path for path in sorted(target.rglob("*")) if path.is_file() and path.name != file_lists.NAME)
        return {path.relative_to(target).as_posix(): path.read_bytes() for path in files}


def written(spec: ExporterSpec, split: bool = True) -> dict[str, bytes]:
    """What an exporter makes of a small dataset, the content by path, for an author's own tests.

    Of the media that it takes: twelve pictures and eight texts, of the classes `red` and `blue` of the group `colour`,
    some of them `round`, on three sides unless `split` is False.
    """
    case = ExporterCase(spec, "", (spec,), Given())
    with case.records() as (records, here):
        some = records if split else [replace(record, side=None) for record in records]
        return case.write(datasets.Specimen(some), here / "made")


def check_makes_a_folder(case: ExporterCase) -> None:
    """Of a split and of a whole set there is something to open, and where files belong to it, each of them."""
    with case.records() as (records, here):
        for name, side in (("split", True), ("whole", False)):
            some = records if side else [replace(record, side=None) for record in records]
            made = case.write(datasets.Specimen(some), here / name)
            assert made, f"of a {name} set it makes no file"


def check_repeats_to_the_same_bytes(case: ExporterCase) -> None:
    """What is exported again is compared by hashes: the same records give the same bytes, at any time of day."""
    with case.records() as (records, here):
        first, second = (case.write(datasets.Specimen(records), here / name) for name in ("first", "second"))
    assert first == second, f"it made other files of the same records: {changed_names(first, second)}"


def check_writes_nowhere_else(case: ExporterCase) -> None:
    """A folder appears whole or not at all: what is written beside it would stay, and nobody would know of it."""
    with case.records() as (records, here):
        (here / "current").mkdir()
        before = files_of(here / "files")
        with contextlib.chdir(here / "current"):
            case.write(datasets.Specimen(records), here / "made")
            stray = sorted(path.name for path in Path.cwd().iterdir())
        assert not stray, f"it wrote {', '.join(stray)} into the current folder"
        after = files_of(here / "files")
        assert before == after, f"it changed files that it exports: {changed_names(before, after)}"


def check_reads_files_by_the_dataset(case: ExporterCase) -> None:
    """A file may have changed since it was added: `put` and `content` hold it to its hash, and leave it out."""
    with case.records() as (records, here):
        real: dict[Path, Path] = {}
        hidden = []
        for record in records:
            named = None if record.file is None else here / "nowhere" / record.file.relative_to(here)
            if named is not None and record.file is not None:
                real[named] = record.file
            hidden.append(replace(record, file=named))
        _hold_to_write(case, datasets.Specimen(hidden, real), here, "it opens files itself")


def check_goes_on_without_a_file(case: ExporterCase) -> None:
    """One file of a million is gone: `put` and `content` give None for it, and the others are exported."""
    with case.records() as (records, here):
        for number, record in enumerate(records):
            if number % 3 == 0 and record.file is not None:
                record.file.unlink()
        _hold_to_write(case, datasets.Specimen(records), here, "where files are gone")


def check_takes_few_items(case: ExporterCase) -> None:
    """A selection may hold one item, or three of one class."""
    with case.records() as (records, here):
        for many in (1, 3):
            some = [replace(record, side=None) for record in records[:many]]
            _hold_to_write(case, datasets.Specimen(some), here, f"given {many} of them", many)


def check_takes_odd_labels(case: ExporterCase) -> None:
    """Labels hold any character: none may be lost, become another one, or lead out of the folder."""
    with case.records() as (records, here):
        some = [datasets.labelled(records[number % len(records)], label) for number, label in enumerate(ODD)]
        some = [replace(record, item=replace(record.item, id=number)) for number, record in enumerate(some, 1)]
        _hold_to_write(case, datasets.Specimen(some), here, "with labels as people have them")


def check_takes_items_without_labels(case: ExporterCase) -> None:
    """Of most items nothing is said yet, and it is exported to be labelled elsewhere."""
    if case.spec.needs_class:
        raise NotApplicable("each item has to be of a class")
    with case.records() as (records, here):
        none = [replace(datasets.labelled(record, None), side=None) for record in records]
        _hold_to_write(case, datasets.Specimen(none), here, "without any label")


def _hold_to_write(
    case: ExporterCase, dataset: datasets.Specimen, here: Path, where: str, number: int = 0
) -> dict[str, bytes]:
    try:
        return case.write(dataset, here / f"made{number}")
    except (AssertionError, CuratorError, OSError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise AssertionError(f"{where}: {type(error).__name__}: {error}") from error
