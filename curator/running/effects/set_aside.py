"""A file to set aside: moved to quarantine when the plan has ended, and only where that was asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from curator.api import ActionSpec, Finding, SetAside
from curator.quarantine.set_aside import SettingAside, TakenOut
from curator.registry.validation import Breach
from curator.reporter import count, say_failed, size, them
from curator.running.effects.effect import Effect, Work


class FilesSetAside(Effect[SetAside]):
    """Moves them; without `--apply` it only says what would go."""

    of = SetAside

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        self._changes: list[SetAside] = []
        self._goes: list[SetAside] = []
        self._stays: list[SetAside] = []
        self._taken: TakenOut | None = None

    @staticmethod
    def check(output: SetAside, spec: ActionSpec) -> None:
        """The command has `--apply`."""
        if not spec.moves_files:
            raise Breach("gave a SetAside; its spec does not say moves_files")

    def apply(self, output: SetAside) -> Iterable[Finding]:
        """Keep it until the plan has ended."""
        self._changes.append(output)
        return ()

    def finish(self) -> Iterable[Finding]:
        """Move those of files that people added."""
        parts, journal = self.work.parts, self.work.journal
        setting_aside = SettingAside(parts.items.places, parts.moves)
        self._goes, self._stays = setting_aside.parted(self._changes)
        if self._goes and self.work.may_move:
            quarantine = str(parts.moves.quarantine)
            parts.moves.trust.require((str(change.path), quarantine) for change in self._goes)
            journal.take_turn()
            self._taken = setting_aside.take_out_all(journal, self._goes, parts.reporter)
        return ()

    def summary(self) -> Iterator[str]:
        """What went or would go, and what will not be moved."""
        goes, stays, taken = self._goes, self._stays, self._taken
        if stays:
            others = f"{count(len(stays), 'file')} outside of what was added (a link or a row of a table led there)"
            yield f"{others} will not be moved: {stays[0].path}" + (" and others" if stays[1:] else "")
        if goes and taken is None:
            yield f"{count(len(goes), 'file')} would go to quarantine: --apply moves {them(len(goes))}"
        if taken is None:
            return
        if taken.files:
            along = f" with {taken.along:,} beside {them(taken.files)}" if taken.along else ""
            back = f"`curator undo` brings {them(taken.files + taken.along)} back"
            yield f"{count(taken.files, 'file')} moved to quarantine{along} ({size(taken.size)}); {back}"
        say_failed(self.work.parts.reporter, taken.failed, len(goes), "moved")
