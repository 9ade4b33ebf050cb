"""What a reader must be."""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from curator.api import Found, ReaderSpec, ReadOptions, Row, Skipped
from curator.errors import CuratorError
from curator.registry.loader import Loaded, Origin, Registry, Spec
from curator.registry.validation import Breach, validate
from curator.testing import samples, specimen
from curator.testing.fresh import folder
from curator.testing.given import Given, NotApplicable
from curator.workspace import Workspace

TABLE = {
    "table.csv": "text,label\nthe first row,a\n第二行,b\n",
    "table.tsv": "text\tlabel\nthe first row\ta\n第二行\tb\n",
    "table.jsonl": '{"text": "the first row", "label": "a"}\n{"text": "第二行", "label": "b"}\n',
    "list.txt": "a line of text\n",
}
"""Sources beside the folder of the specimen."""


class ReaderCase:
    """A reader, with a source that the author makes or one that is at hand."""

    def __init__(self, spec: ReaderSpec, module: str, specs: Sequence[Spec], given: Given) -> None:
        self.spec = spec
        self.given = given

    @contextlib.contextmanager
    def source(self) -> Iterator[Path]:
        """Something that it reads. Raises `NotApplicable` where nothing at hand is."""
        with folder() as here:
            if self.given.source is not None:
                yield self.given.source(here)
                return
            files = specimen.fill(here / "files")
            tables = [here / name for name in TABLE]
            for path in tables:
                path.write_text(TABLE[path.name], encoding="utf-8")
            for source in (files, *tables, next(files.rglob("*.png"))):
                if self.spec.matches(source):
                    yield source
                    return
        raise NotApplicable("it takes no folder, table or picture: give source=a function that makes a source")

    def entries(self, source: Path, options: ReadOptions | None = None) -> list[Found | Row | Skipped]:
        """All that it gives, each held to its type."""
        options = options or ReadOptions()
        if self.spec.columns is not None:
            self.spec.columns(source, options)
        found: list[Found | Row | Skipped] = []
        for entry in self.spec.read(source, options):
            try:
                kind: type[Any] = next((kind for kind in (Row, Skipped) if isinstance(entry, kind)), Found)
                found.append(validate(kind, entry))
            except Breach as error:
                raise AssertionError(str(error)) from error
        return found


def check_gives_known_entries(case: ReaderCase) -> None:
    """curator takes Found, Skipped and, of a table, Row; of a source that is whole there is at least one."""
    with case.source() as source:
        entries = case.entries(source)
        assert any(not isinstance(entry, Skipped) for entry in entries), f"it found nothing in {source.name!r}"


def check_order_is_stable(case: ReaderCase) -> None:
    """Items are numbered as they come: the order of a disk would number them otherwise on each machine."""
    with case.source() as source:
        first, second = (case.entries(source) for _ in range(2))
        assert first == second, "it gave other entries, or another order, when it read the source again"
        with _reverse_listings():
            assert case.entries(source) == first, "its order hangs on the order in which the disk lists a folder"


def check_adding_twice_adds_nothing(case: ReaderCase) -> None:
    """People add a folder again to get what is new: what was there must be known again."""
    registry = Registry()
    registry.take(Loaded(Origin("checked", "", "checked", "0"), (case.spec,)))
    with case.source() as source, folder() as here:
        columns = case.spec.columns(source, ReadOptions()) if case.spec.columns is not None else ()
        given: dict[str, Any] = {"text_column": columns[0]} if columns else {}
        Workspace.create(here / "workspace")
        with Workspace(here / "workspace", registry) as workspace:
            workspace.moves.trust.take()  # it is gone in a moment, and so is the record of it
            first, second = (workspace.add(source, reader=case.spec.name, encode=False, **given) for _ in range(2))
    assert first.added, "adding its source adds nothing at all"
    assert not second.added and not second.copies, f"adding it again adds {second.added + second.copies} more"


def check_bad_files_are_entries(case: ReaderCase) -> None:
    """One damaged file of a million must not end the run: it is left out with a reason, or found and judged later."""
    with case.source() as source:
        damaged = list(_damaged_folder(source)) if source.is_dir() else list(_damaged_copies(source))
        for what, path in damaged:
            try:
                case.entries(path)
            except CuratorError:
                assert not source.is_dir(), f"{what}: it raised an error for a whole folder"
            except AssertionError as error:
                raise AssertionError(f"{what}: {error}") from error
            except Exception as error:
                raise AssertionError(f"{what}: it raised {type(error).__name__}: {error}") from error


def check_stays_below_its_source(case: ReaderCase) -> None:
    """People add the folder that they name, and nothing that a link or a `..` in it leads to."""
    with case.source() as source, folder() as outside:
        samples.pictures(outside)
        root = source if source.is_dir() else source.parent
        with contextlib.suppress(OSError):
            (root / "link to elsewhere").symlink_to(outside)
        for entry in case.entries(source):
            if isinstance(entry, Found):
                path = Path(os.path.normpath(entry.path))
                assert path.is_relative_to(root), f"it found {entry.path}, which is not below {root}"
                assert "link to elsewhere" not in path.parts, "it followed a link to another folder"


def check_enters_nothing_left_out(case: ReaderCase) -> None:
    """A workspace holds thumbnails and quarantined files: `leave_out` says which folders must not be entered."""
    with case.source() as source:
        if not source.is_dir():
            raise NotApplicable("it reads files, not folders")
        inner = source / "left out"
        specimen.fill(inner)
        options = ReadOptions(leave_out=lambda path: path.name == "left out")
        for entry in case.entries(source, options):
            entered = isinstance(entry, Found) and inner in entry.path.parents
            assert not entered, "it entered a folder that is to be left out"


def check_matches_never_raises(case: ReaderCase) -> None:
    """Every reader is asked about every source, also about those of other readers and about what is not there."""
    with case.source() as source, folder() as here:
        (here / "empty").touch()
        (here / "loop").symlink_to("loop")
        asked = [source, here, here / "nothing", here / "empty", here / "loop", Path(os.devnull)]
        for path in asked:
            try:
                answer = case.spec.matches(path)
            except Exception as error:
                raise AssertionError(f"matches({path.name!r}) raised {type(error).__name__}: {error}") from error
            assert isinstance(answer, bool), f"matches({path.name!r}) gave {type(answer).__name__}, not True or False"


# --- what can be wrong with a source ---


def _damaged_folder(source: Path) -> Iterator[tuple[str, Path]]:
    (source / "zero.png").touch()
    (source / "noise.jpg").write_bytes(random.Random(0).randbytes(500))
    (source / "noise.txt").write_bytes(random.Random(1).randbytes(500))
    (source / "dangling.png").symlink_to("nowhere.png")
    (source / "loop.png").symlink_to("loop.png")
    (source / "up").symlink_to("..")
    os.mkfifo(source / "pipe.txt")
    (source / os.fsdecode(b"caf\xe9.png")).touch()
    (source / "locked").mkdir(mode=0)
    yield "a folder with damaged files", source


def _damaged_copies(source: Path) -> Iterator[tuple[str, Path]]:
    data = source.read_bytes()
    made = {
        "an empty file": b"",
        "half a file": data[: len(data) // 2],
        "noise": random.Random(0).randbytes(500),
        "NUL bytes": b"\0" * 100,
        "a very long line": b"a" * 200_000,
        "lines of noise": b"\n".join(random.Random(n).randbytes(20) for n in range(50)),
    }
    for number, (what, content) in enumerate(made.items()):
        path = source.with_name(f"damaged-{number}{source.suffix}")
        path.write_bytes(content)
        yield what, path


@contextlib.contextmanager
def _reverse_listings() -> Iterator[None]:
    """The system lists folders in another order than it does."""
    from unittest import mock

    listdir, scandir = os.listdir, os.scandir

    class Listed:
        """What os.scandir gives, from a list."""

        def __init__(self, entries: Iterable[Any]) -> None:
            self._left = iter(entries)

        def __iter__(self) -> Listed:
            return self

        def __next__(self) -> Any:
            return next(self._left)

        def __enter__(self) -> Listed:
            return self

        def __exit__(self, *error: object) -> None:
            self.close()

        def close(self) -> None:
            """Nothing is open."""

    def scandir_reversed(*arguments: Any) -> Any:
        with scandir(*arguments) as entries:
            return Listed(sorted(entries, key=lambda entry: entry.name, reverse=True))

    def listdir_reversed(*arguments: Any) -> Any:
        return sorted(listdir(*arguments), reverse=True)

    with mock.patch.object(os, "scandir", scandir_reversed), mock.patch.object(os, "listdir", listdir_reversed):
        yield
