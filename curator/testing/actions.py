"""What an action must be."""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from curator.api import ActionSpec, Artifact, Ask, Column, Finding, GroupName, LabelName, NewFile, Output, Query
from curator.errors import BadInput, NotFound, NotReady, PluginError
from curator.history.journal import WORKED_OUT, OffRecord
from curator.registry.loader import Loaded, Origin, Spec
from curator.registry.parameters import parameters
from curator.running.artifacts import Targets
from curator.running.binding import bind_parameters
from curator.running.context import ActionContext
from curator.running.dialogue import Answer, Standing
from curator.running.effects.finding import lack
from curator.running.outputs import outputs
from curator.store.catalogue.integrity import contents
from curator.store.catalogue.runs import RunStore
from curator.testing import specimen
from curator.testing.fresh import folder
from curator.testing.given import Given, NotApplicable
from curator.workspace import Workspace

HISTORY = frozenset(["run", "change", "move"])
"""Tables of what was done when."""


class ActionCase:
    """An action, with the arguments that were given or that can be thought of."""

    def __init__(self, spec: ActionSpec, module: str, specs: Sequence[Spec], given: Given) -> None:
        self.spec = spec
        self.specs = specs
        self.given = given

    @contextlib.contextmanager
    def workspace(self) -> Iterator[tuple[Workspace, Path]]:
        """A furnished workspace that has this action, and the folder of its files."""
        registry = specimen.registry()
        origin = Origin("checked", "", "checked", "0")
        registry.take(Loaded(origin, tuple(self.specs)))
        with folder() as here:
            Workspace.create(here / "workspace")
            with Workspace(here / "workspace", registry) as workspace:
                specimen.furnish(workspace, here / "files")
                try:
                    yield workspace, here / "files"
                finally:
                    workspace.moves.trust.take()  # it is gone in a moment, and so is the record of it

    def arguments(self, workspace: Workspace) -> dict[str, Any]:
        """Those given; else what is required, else one more that the action then asks for."""
        given = dict(self.given.arguments)
        required = {p.name: p for p in parameters(self.spec.params) if p.required and p.name not in given}
        thought_of: dict[Any, Any] = {Query: "id:1", LabelName: "red", GroupName: "colour", str: "red", int: 1}
        lacking = [name for name, parameter in required.items() if parameter.type not in thought_of]
        if lacking:
            raise NotApplicable(f"needs a value for {', '.join(lacking)}: give arguments={{...}}")
        values = {**given, **{name: thought_of[parameter.type] for name, parameter in required.items()}}
        if given:
            return values
        others = [
            {p.name: thought_of[p.type]}
            for p in parameters(self.spec.params)
            if p.type in (Query, LabelName, GroupName) and p.name not in values
        ]
        for extra in ({}, *others):
            try:
                self.planned_outputs(workspace, {**values, **extra})
            except (BadInput, NotFound, NotReady) as error:
                reason = str(error)
            else:
                return {**values, **extra}
        raise NotApplicable(f"cannot be run without arguments ({reason}): give arguments={{...}}")

    def planned_outputs(
        self, workspace: Workspace, values: Mapping[str, Any], asked: frozenset[int] = frozenset()
    ) -> list[Output]:
        """What its plan yields, with items that were asked about; nothing of it is carried out."""
        writer = OffRecord(workspace.database, lambda: None)
        context = ActionContext(workspace, writer, may_encode=True, asked=asked)
        targets = Targets(workspace.folder, workspace.items.places, force=False)
        params = bind_parameters(self.spec, values, workspace.items, None, targets)
        return list(outputs(workspace.registry, self.spec, context, params))


def check_outputs_are_known(case: ActionCase) -> None:
    """curator carries out what it knows, and stops a run at anything else: findings of declared kinds, and changes."""
    with case.workspace() as (workspace, _):
        values = case.arguments(workspace)
        try:
            case.planned_outputs(workspace, values)
        except PluginError as error:
            raise AssertionError(str(error)) from error


def check_rows_fit_their_table(case: ActionCase) -> None:
    """Columns are documented and are the keys of `--json`: each row has just them, with values of their types."""
    declared = {table.kind: {column.name: column for column in table.columns} for table in case.spec.tables}
    with case.workspace() as (workspace, _):
        for output in case.planned_outputs(workspace, case.arguments(workspace)):
            if isinstance(output, Finding):
                columns = declared[output.kind]
                assert set(output.values) == set(columns), (
                    f"a row of kind {output.kind!r} has {sorted(output.values)}, its table {sorted(columns)}"
                )
                for name, value in output.values.items():
                    _hold_to_json(name, value)
                    _hold_to_type(columns[name], value)


def check_plan_only_reads(case: ActionCase) -> None:
    """A plan is shown before anything happens: it must not write, print or ask, or a dry run is none."""
    with case.workspace() as (workspace, files):
        values = case.arguments(workspace)
        with only_reading(workspace, files, "yield findings, or context.note"):
            case.planned_outputs(workspace, values)


def check_plan_repeats(case: ActionCase) -> None:
    """What --apply does is planned anew: it must be what was shown, so that the same catalogue gives the same plan."""
    with case.workspace() as (workspace, _):
        values = case.arguments(workspace)
        first, second = (_comparable_outputs(case.planned_outputs(workspace, values)) for _ in range(2))
    assert len(first) == len(second), f"it yielded {len(first)} outputs, then {len(second)}"
    for number, (one, other) in enumerate(zip(first, second, strict=True), 1):
        assert one == other, f"output {number} was {one}, then {other}"


def check_questions_move_on(case: ActionCase) -> None:
    """After each round it is planned anew: who answered or skipped an item must not be asked about it again."""
    with case.workspace() as (workspace, _):
        values = case.arguments(workspace)
        first = _items_asked(case.planned_outputs(workspace, values))
        if not first:
            raise NotApplicable("it asks nothing")
        again = _items_asked(case.planned_outputs(workspace, values, frozenset(first)))
    twice = sorted({item for item in first if first.count(item) > 1} | ({*first} & {*again}))
    assert not twice, f"it asked about item {twice[0]} twice: leave out what context.asked() holds"


def check_undo_restores_everything(case: ActionCase) -> None:
    """People try things because undo brings all back, to the byte and the time stamp."""
    if any(parameter.type is NewFile and parameter.required for parameter in parameters(case.spec.params)):
        raise NotApplicable("it makes a file, which undo leaves where it is")
    with case.workspace() as (workspace, files):
        values = case.arguments(workspace)
        # What its context works out on the way, as a head, is no part of the run.
        before, runs = (rows_of(workspace, HISTORY | WORKED_OUT), files_of(files)), _runs(workspace)
        workspace.run(case.spec.name, apply=case.spec.moves_files, may_encode=True, asker=_answer, count=6, **values)
        if _runs(workspace) > runs:
            workspace.undo()
        after = rows_of(workspace, HISTORY | WORKED_OUT), files_of(files)
    assert before[0] == after[0], f"the catalogue is not as before: {changed_names(before[0], after[0])}"
    assert before[1] == after[1], f"files are not as before: {changed_names(before[1], after[1])}"


def _items_asked(planned: Sequence[Output]) -> list[int]:
    return [output.item.id for output in planned if isinstance(output, Ask)]


def _answer(ask: Ask, standing: Standing) -> Answer:
    """Yes, no, or skip in turn; of a group its first label instead of yes, its last instead of no."""
    choices: tuple[Answer, ...] = (ask.choices[0], ask.choices[-1], None) if ask.choices else (True, False, None)
    return choices[ask.item.id % 3]


# --- what was there ---


@contextlib.contextmanager
def only_reading(workspace: Workspace, files: Path, instead: str) -> Iterator[None]:
    """A block that must change no row, file or folder, and print nothing; `instead` says how to tell something."""
    printed = io.StringIO()
    before = rows_of(workspace, HISTORY | WORKED_OUT), files_of(files), Path.cwd()
    # The loader's guard sends what plugins print to stderr.
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        yield
    after = rows_of(workspace, HISTORY | WORKED_OUT), files_of(files), Path.cwd()
    assert before[0] == after[0], f"it changed the catalogue: {changed_names(before[0], after[0])}"
    assert before[1] == after[1], f"it changed files: {changed_names(before[1], after[1])}"
    assert before[2] == after[2], "it changed the current folder"
    assert not printed.getvalue(), f"it printed {printed.getvalue().splitlines()[0]!r}: {instead}"


def rows_of(workspace: Workspace, but: frozenset[str]) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of the catalogue, by table, but for some tables."""
    return contents(workspace.database, but)


def files_of(folder: Path) -> dict[str, tuple[str, int, int]]:
    """Hash, time and mode of every file, by path."""
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mtime_ns,
            path.stat().st_mode,
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def changed_names(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """What is not the same in both."""
    return ", ".join(sorted(name for name in {*before, *after} if before.get(name) != after.get(name)))


def _runs(workspace: Workspace) -> int:
    return RunStore(workspace.database).count()


def _comparable_outputs(planned: Sequence[Output]) -> list[Any]:
    """Outputs as they compare: a file by what is in it."""
    return [(output.path, _artifact_hash(output)) if isinstance(output, Artifact) else output for output in planned]


def _artifact_hash(artifact: Artifact) -> str:
    file = io.BytesIO()
    artifact.render(file)
    return hashlib.sha256(file.getvalue()).hexdigest()


def _hold_to_json(name: str, value: Any) -> None:
    parts = value if isinstance(value, list | tuple) else value.values() if isinstance(value, Mapping) else [value]
    for part in parts:
        known = part is None or isinstance(part, str | int | float | Path | list | tuple | Mapping)
        assert known, f"column {name!r} holds {type(part).__name__}, which JSON cannot hold"


def _hold_to_type(column: Column, value: Any) -> None:
    """Raise for a value of another type than `curator describe` says."""
    assert not lack(column, value), (
        f"column {column.name!r} holds {value!r:.60}, and is said to hold {column.holds}: give it another type"
    )
