"""A workspace: a folder with a catalogue, its cache and its objects, and all that can be done with them.

import curator

with curator.open_workspace("workspace") as ws:
    ws.add("photos")
    ws.label("ultraman", ["a.jpg", "b.jpg"])
    for row in ws.run("similar", query="img.jpg", k=5):
        print(row["score"], row["path"])
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curator.api import ActionSpec, Finding, FittedHead, Item, ItemSet, MetricSpec, Model, SetLabel
from curator.catalog.labels import Source
from curator.catalog.places import expand_path
from curator.catalog.renaming import Renamed, rename
from curator.embedding.coverage import EncodeReport
from curator.embedding.ways.way import AUTO
from curator.errors import BadInput, NotReady, WorkspaceError
from curator.history.lock import Presence
from curator.history.trust import Trust
from curator.history.undo import Undo, Undone
from curator.ingest.ingest import Ingest
from curator.ingest.options import AddOptions, AddReport, many
from curator.maintenance.backup import Backup, back_up
from curator.maintenance.check import Check, Fault
from curator.maintenance.forget import Forget, Forgotten
from curator.maintenance.relocate import Relocate, Relocated
from curator.parts import Parts
from curator.registry.parameters import looks_among_items
from curator.reporter import Reporter, Silent
from curator.running.artifacts import Targets
from curator.running.binding import bind_parameters, refuse_empty
from curator.store.catalogue import FILE, open_catalogue
from curator.store.catalogue.places import PlaceStore
from curator.store.derived import Derived
from curator.store.private import PRIVATE, SHARED
from curator.store.sqlite import read_only_error
from curator.workspace_path import is_workspace, refuse_closed

if TYPE_CHECKING:
    from curator.learning.pretraining import Pretrained
    from curator.registry.loader import Registry
    from curator.running.dialogue import Asker
    from curator.running.shown import Shown


class Workspace(Parts):
    """An open workspace. Use as a context manager, or call `close()`."""

    def __init__(self, folder: Path, registry: Registry, reporter: Reporter | None = None) -> None:
        """Open the workspace in `folder`, which `create` made before. Raises `WorkspaceError`."""
        super().__init__(folder, registry, reporter or Silent())

    @staticmethod
    def create(folder: Path, shared: bool = False) -> bool:
        """Make a folder a workspace, unless it is one; returns whether it was made now.

        Only its owner can read it; `shared`: its group too. A folder that holds something already keeps its mode.
        """
        if is_workspace(folder):
            return False
        refuse_closed(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if os.access(folder, os.W_OK) and (shared or not any(folder.iterdir())):
                folder.chmod(SHARED if shared else PRIVATE)
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise WorkspaceError(f"cannot make the workspace {folder}: {why}") from error
        if not os.access(folder, os.W_OK):
            raise read_only_error(folder / FILE)
        with Presence(folder).alone(lambda: not is_workspace(folder)) as ours:
            if ours:
                Derived(folder).close()
                database = open_catalogue(folder)  # last: with it the folder is a workspace, and a whole one
                with contextlib.closing(database), contextlib.suppress(WorkspaceError):  # where no home can be written
                    Trust(folder, database).give()
        return ours

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # --- writing ---

    def add(
        self,
        *sources: str | Path,
        label: Sequence[str] | str = (),
        not_label: Sequence[str] | str = (),
        labels_from_folders: bool = False,
        group: str | None = None,
        captions: bool = False,
        verify: bool = False,
        encode: bool = True,
        reader: str | None = None,
        text_column: str | None = None,
        image_column: str | None = None,
        caption_column: str | None = None,
        label_column: str | None = None,
        id_column: str | None = None,
        no_header: bool = False,
        hidden: bool = False,
        encoding: str | None = None,
        na: bool = False,
        label_separator: str | None = None,
        label_level: int = 1,
    ) -> AddReport:
        """Catalogue the images and texts of folders, files, patterns and tables, then embed them with the defaults.

        `label` and `not_label` are said of every file found (source: import). `labels_from_folders` takes the
        `label_level`th folder below the source, as one group (`group`, by default the source folder's name). `captions`
        links a `.txt` beside an image of the same stem as its caption. `verify` reads every file again, even where
        size, time and inode are those on record. For tables, `text_column` and its like name what holds what; with
        `no_header` columns are "1", "2" and so on; `na` takes `NaN`, `None` and their kin as no label, and
        `label_separator` makes several of a cell's. `reader` names a reader where the source does not tell. `hidden`
        takes hidden files, too, and what lies in trash and other folders of a system; `encoding` is that of texts.
        Raises `NotFound` before anything is written if a source or a column does not exist; what cannot be used is in
        the report's `problems`.
        """
        columns = (text_column, image_column, caption_column, label_column, id_column)
        said = (many(label), many(not_label), labels_from_folders, group, captions, verify)
        options = AddOptions(*said, reader, *columns, no_header, hidden, encoding, na, label_separator, label_level)
        with self.begin("add", {"sources": [str(source) for source in sources], **options.said}) as journal:
            ingest = Ingest(self.database, journal, self.registry, self.reporter, options)
            report = ingest.add([str(source) for source in sources], options.reading(is_workspace))
            if encode:
                encoded = self.coverage.encode_defaults(journal, self.items.among(report.items), self._embed)
                report.encoded = encoded.encoded
                report.problems += [(str(item), reason) for item, reason in encoded.failed]
        return report

    def label(
        self, name: str, items: Sequence[str | Path | int], value: bool | None = True, group: str | None = None
    ) -> list[tuple[Item, str]]:
        """Say that items (paths, `id:N` or ids) are, are not (`False`) or are no longer said to be (`None`) `name`.

        All are looked up first. Returns each with what was said of it before ('', 'positive', 'negative', 'conflict').
        """
        found = [self.items.by_reference(item) for item in items]
        before = self.labels.said_of(name, [item.id for item in found], group)
        if value is None:
            self.labels.target(name, group)
        arguments = {"name": name, "value": value, "group": group, "items": [item.id for item in found]}
        with self.begin("label", arguments) as journal:
            for item in found:
                self.labels.change(journal, SetLabel(item.id, name, value, group), Source.HUMAN)
        return list(zip(found, before, strict=True))

    def rename_label(self, old: str, new: str) -> Renamed:
        """Give a label another name; one that has it already becomes one with it, with all that was said of both."""
        with self.begin("label", {"rename": [old, new]}) as journal:
            return rename(self.labels, journal, old, new)

    def pair(self, metric: str, *items: str | Path | int, alike: bool | None = True) -> list[tuple[Item, Item, str]]:
        """Say that the first item and each other are alike, are not (`False`), or nothing any more (`None`).

        `metric` names what is to be learnt from it. Returns each pair with what was said of it before.
        """
        found = [self.items.by_reference(item) for item in items]
        with self.begin("pair", {"metric": metric, "alike": alike, "items": [item.id for item in found]}) as journal:
            return self.pairs.say(journal, metric, found, alike, self.registry.names(MetricSpec))

    def encode(
        self,
        encoder: str | None = None,
        weights: str | Path | None = None,
        among: ItemSet | None = None,
        retry: bool = False,
        device: str | None = None,
        runtime: str = AUTO,
        exact: bool = False,
    ) -> dict[str, EncodeReport]:
        """Embed what is not embedded yet, with the defaults or one encoder; returns a report by model name.

        `weights`: a file or folder with the encoder's weights. `retry`: try again what failed before. `device`,
        `runtime` and `exact`: where and how to compute, as for `curator encode`.
        """
        self.encoding.choose(device, runtime, exact)
        if weights is not None and encoder is None:
            raise BadInput("weights belong to an encoder: name it too (-e NAME --weights FILE)")
        reports = {}
        with self.begin("encode", {"encoder": encoder, "weights": weights and str(weights)}) as journal:
            refuse_empty(self.items)
            items = self.items.select(among or ItemSet(), texts=False)
            if retry:
                self.coverage.forget_failures(items)
            for reference in [encoder] if encoder is not None else self.coverage.default_references(items):
                path = expand_path(weights) if weights is not None else None
                model = self.models.obtain(reference, journal, path, self.reporter.say)
                reports[model.name] = self.encoding.encode(model, self.coverage.missing(model, items))  # cache: no run
        return reports

    def pretrain(
        self,
        encoder: str,
        corpus: Sequence[str | Path] = (),
        among: ItemSet | None = None,
        start: str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Pretrained:
        """Let an encoder learn from the texts of the catalogue, or the lines of files; a new version of its model.

        `start`: the model to go on from; `options`: the encoder's own. Raises `NotReady` without texts.
        """
        from curator.learning.pretraining import lines_of

        if self.database.read_only:
            raise read_only_error(self.database.path)
        said = {"encoder": encoder, "corpus": [str(name) for name in corpus], "start": start, **(options or {})}
        with self.begin("pretrain", said, reads_first=True) as journal:
            items = [] if corpus else self.items.select(among or ItemSet(), ["text"])
            texts = lines_of(corpus) + [item.text or "" for item in items]
            return self.pretraining.run(journal, encoder, texts, options or {}, start)

    def train(
        self,
        label: str | None = None,
        group: str | None = None,
        encoder: str | None = None,
        head: str | None = None,
        options: Mapping[str, Any] | None = None,
        may_encode: bool = False,
        fine_tune: bool | str = False,
        robustness: bool = False,
        test: Path | ItemSet | None = None,
        among: ItemSet | None = None,
    ) -> FittedHead:
        """Fit (or find, if nothing changed) the head for a label or group; `options` are the head's own.

        `fine_tune`: the encoder learns first, as a further version: True, or the depth by name. `robustness`: measure
        on corrupted copies; `test`: on a folder or selection that it does not learn from. `among`: learn from these.
        """
        from curator.running.context import ActionContext

        of: dict[str, Any] = {"label": label, "group": group, "encoder": encoder, "head": head}
        of |= {"fine_tune": fine_tune or None, "test": test and str(getattr(test, "where", test))}
        with self.begin("train", {**of, **(options or {})}, reads_first=bool(fine_tune)) as journal:
            context = ActionContext(self, journal, may_encode)
            target = context.target(label, group)  # type: ignore[arg-type]
            if encoder is not None and fine_tune:  # before its weights are asked for
                self.training.tuning.depth(encoder, fine_tune)
            model = context.model(encoder, "image") if encoder is not None else None  # type: ignore[arg-type]
            how = (may_encode, robustness, fine_tune, test, among)
            return self.training.train(journal, target, model, head, options or {}, *how)

    def run(
        self,
        action: str,
        *,
        text: str | None = None,
        may_encode: bool = False,
        apply: bool = False,
        force: bool = False,
        asker: Asker | None = None,
        count: int | None = None,
        **values: Any,
    ) -> list[Mapping[str, Any]]:
        """Run an action, apply its changes, and return its findings as rows (`{"kind": ..., **values}`).

        `apply`: also move the files that the action sets aside; without it that is only said.
        `values` are the action's parameters: a path or `"id:N"` for a query, `text=` for a text query. Raises what the
        command line would show; `NotReady` where more than a minute of embedding would come first, unless `may_encode`.
        A file that the action makes (`sheet="out.png"`) replaces another only with `force`.
        `asker` is called with each question that the action has (`curator.running.dialogue.Asker`), until `count` are
        answered or nothing is left to ask; without one, the questions of the first round are rows.
        """
        options: dict[str, Any] = {"may_encode": may_encode, "apply": apply, "force": force}
        found = self.findings(action, text=text, asker=asker, count=count, **options, **values)
        return [{"kind": finding.kind, **finding.values} for finding in found]

    def findings(
        self,
        action: str,
        *,
        text: str | None = None,
        may_encode: bool = False,
        apply: bool = False,
        force: bool = False,
        asker: Asker | None = None,
        count: int | None = None,
        shown: Shown | None = None,
        **values: Any,
    ) -> Iterator[Finding]:
        """As `run`, one by one as they come. Files are moved when the plan has ended. `shown`: no more of lists."""
        from curator.running.effects.effect import Work
        from curator.running.runner import ActionRunner

        spec = self.registry.get(ActionSpec, action)
        refuse_empty(self.items, unless=not looks_among_items(spec.params))
        targets = Targets(self.folder, self.items.places, force)
        with self.registry.guard(spec, "taking the parameters of"):  # the plugin's class may check them
            params = bind_parameters(spec, values, self.items, text, targets)
        given = {**values, "text": text or None, "apply": apply or None, "count": count}.items()
        with self.begin(action, {name: it for name, it in given if it not in (None, ())}, reads_first=True) as journal:
            work = Work(self, spec, targets, journal, apply, asker, count)
            yield from ActionRunner(work, params, may_encode, shown).findings()

    def use(self, encoder: str) -> Model:
        """Make an encoder the one that this workspace embeds its modalities with."""
        with self.begin("use", {"encoder": encoder}) as journal:
            return self.models.make_default(self.models.obtain(encoder, journal, say=self.reporter.say), journal)

    def undo(self, run: int | None = None) -> Undone:
        """Take back the latest run, or the one named; undoing an undo is redo.

        Raises `NotReady`, naming them, where later runs build on it, and then changes nothing.
        """
        undo = Undo(self.database, self.moves)
        chosen = None
        try:
            with self.begin("undo", {}) as journal:
                chosen = undo.choose(run, self.reporter.say)
                journal.arguments = {"run": chosen}
                return undo.take_back(chosen, journal)
        except KeyboardInterrupt:
            by = None if chosen is None else undo.undone().get(chosen)
            if by is not None:  # it was at its end: without a word, the same command would undo one run more
                self.reporter.say(f"run {chosen} was undone all the same: `curator undo {by}` redoes it")
            raise

    def outside(self) -> Iterator[tuple[str, str, str]]:
        """What this workspace could touch outside of its folder, as (what, from, to).

        "folder": files below it may be moved to quarantine; "cut short": a move that a killed run left, to be taken
        back; "in quarantine": a file, and where it would be put back.
        """
        for root in PlaceStore(self.database).roots():
            yield "folder", root, ""
        for move in self.moves.planned():
            yield "cut short", *self.moves.stated(move)
        for file in self.quarantine.all():
            yield "in quarantine", str(file.stored), str(file.outside)

    def trust(self, yes: bool = False) -> bool:
        """Let this workspace move files outside of its folder, as one that was made here may; asks, unless `yes`.

        Returns whether it may from now on, and takes back what a killed run left half moved. Raises `NotReady` where
        nobody can be asked.
        """
        if not yes and not self.moves.trust.given():
            answer = self.reporter.confirm(f"let {self.folder} move the files of these folders?", default=False)
            if answer is None:
                raise NotReady("no terminal to confirm on: --yes trusts this workspace")
            if not answer:
                return False
        self.moves.trust.give()
        self._recover_if_alone()
        return True

    def forget(self, *items: str | Path | int, yes: bool = False) -> Forgotten:
        """Remove all that is kept of items (paths, `id:N` or ids) for good: also from history, cache and quarantine.

        Asks, unless `yes`; cannot be undone. Files outside of the workspace are not touched. Raises `NotReady` where
        nobody can be asked.
        """
        if self.database.read_only:
            raise read_only_error(self.database.path)
        return Forget(self).forget(items, yes)

    def relocate(self, old: str | Path, new: str | Path, anyway: bool = False) -> Relocated:
        """Let folders that were added below `old` be below `new`, as of a drive with another letter or mount point.

        Raises `NotFound` where `new` holds none of the files, and `BadInput` where one of a sample holds something
        else, unless `anyway`. Can be undone.
        """
        relocate = Relocate(self, old, new)
        with self.begin("relocate", {"old": relocate.old, "new": relocate.new}) as journal:
            return relocate.carry_out(journal, 0 if anyway else relocate.look_before())

    def check(self, repair: bool = False) -> list[tuple[Fault, bool]]:
        """Read every file, object and vector; returns what is wrong, each with whether it was repaired.

        `repair` does what can be done without losing anything that was decided; changes to the catalogue are
        journalled, so that they can be undone.
        """
        with self.begin("check", {"repair": repair}) as journal:
            faults = Check(self, journal).faults()
            if not repair:
                return [(fault, False) for fault in faults]
            if self.database.read_only:
                raise read_only_error(self.database.path)
            return [fault.mended() for fault in faults]

    def back_up(self, target: str | Path, force: bool = False) -> Backup:
        """Write what cannot be derived (catalogue and objects) into one tar archive, while the workspace is in use."""
        return back_up(self.database, self.objects, expand_path(target).absolute(), force)

    def _embed(self, model: Model, items: Sequence[Item]) -> EncodeReport:
        return self.encoding.encode(model, items)
