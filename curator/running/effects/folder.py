"""A folder to make: filled as soon as the plan yields it, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable

from curator.api import Finding, Folder, FolderArtifact
from curator.reporter import count, short_path
from curator.running.effects.effect import Effect


class Folders(Effect[FolderArtifact]):
    """Makes them, and says so at once: they are there, whatever comes after."""

    of = FolderArtifact

    def apply(self, output: FolderArtifact) -> Iterable[Finding]:
        """What the disk refuses is not the plugin's fault."""
        guard, spec = self.work.parts.registry.guard, self.work.spec

        def fill(folder: Folder) -> None:
            with guard(spec, "filling the folder of"):
                output.fill(folder)

        made = self.work.targets.folders.make(output, fill, self.work.parts.reporter)
        say = self.work.parts.reporter.say
        say(f"made {short_path(made.path)}: {count(made.files, 'file')}")
        if made.copied:
            say(f"{count(made.copied, 'file')} copied, as the disk makes no hard links to them there")
        if made.renamed:
            old, new = next(iter(made.renamed.items()))
            more = f", {len(made.renamed):,} names in all" if len(made.renamed) > 1 else ""
            say(f"names that are taken or that other systems cannot store were changed: {old!r} is {new!r}{more}")
        return ()
