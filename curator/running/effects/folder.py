"""A folder to make: filled as soon as the plan yields it, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from curator.api import Finding, Folder, FolderArtifact
from curator.reporter import count, say_failed, short_path
from curator.running.effects.effect import Effect, Work
from curator.running.new_folders import Made


class Folders(Effect[FolderArtifact]):
    """Makes them, and says so at once: they are there, whatever comes after."""

    of = FolderArtifact

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        self._made: list[Made] = []

    def apply(self, output: FolderArtifact) -> Iterable[Finding]:
        """What the disk refuses is not the plugin's fault."""
        guard, spec = self.work.parts.registry.guard, self.work.spec

        def fill(folder: Folder) -> None:
            with guard(spec, "filling the folder of"):
                output.fill(folder)

        made = self.work.targets.folders.make(output, fill, self.work.parts.reporter)
        self._made.append(made)
        say = self.work.parts.reporter.say
        say(f"made {short_path(made.path)}: {count(made.files, 'file')}")
        if made.renamed:
            old, new = next(iter(made.renamed.items()))
            more = f", {len(made.renamed):,} names in all" if len(made.renamed) > 1 else ""
            say(f"names that other systems cannot store were changed: {old!r} is {new!r}{more}")
        return ()

    def summary(self) -> Iterator[str]:
        """What could not be brought in."""
        failed = [failure for made in self._made for failure in made.failed]
        of = sum(made.files for made in self._made) + len(failed)
        say_failed(self.work.parts.reporter, failed, of, "brought in")
        yield from ()
