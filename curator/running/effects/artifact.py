"""A file to make: written as soon as the plan yields it, whole or not at all."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from typing import IO

from curator.api import Artifact, Finding
from curator.errors import CuratorError
from curator.media.files import reason
from curator.registry.validation import Breach
from curator.running.effects.effect import Effect


class Artifacts(Effect[Artifact]):
    """Makes them, and says so at once: they are there, whatever comes after."""

    of = Artifact

    def apply(self, output: Artifact) -> Iterable[Finding]:
        """What the disk refuses is not the plugin's fault."""
        guard, spec = self.work.parts.registry.guard, self.work.spec

        def render(file: IO[bytes]) -> None:
            with guard(spec, "drawing the file of"):
                try:
                    output.render(file)
                except OSError as error:
                    if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                        raise
                    raise CuratorError(f"cannot write {str(output.path)!r}: {reason(error)}") from error
                if file.closed:  # as an `io.TextIOWrapper` does to what it wraps, when it is gone
                    raise Breach("closed the file, which is not its own")

        self.work.parts.reporter.say(f"wrote {self.work.targets.write(output.path, render)}")
        return ()
