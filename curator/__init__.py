"""curator: curate datasets of images and texts with embeddings, few-shot heads and plugins.

import curator

with curator.open_workspace("workspace", create=True) as ws:
    ws.add("photos")
    rows = ws.run("similar", query="img.jpg", k=5)
"""

from __future__ import annotations

from curator.version import __version__

TYPE_CHECKING = False  # that of `typing`, whose import comes before a command can see to Ctrl-C
if TYPE_CHECKING:
    from pathlib import Path

    from curator.reporter import Reporter
    from curator.workspace import Workspace

__all__ = ["__version__", "open_workspace"]


def open_workspace(
    path: str | Path | None = None, *, create: bool = False, reporter: Reporter | None = None
) -> Workspace:
    """Open a workspace with all installed plugins.

    `path` is its folder; None means what the command line would take (`$CURATOR_WORKSPACE`, else the nearest
    `workspace/` going up, else `./workspace`). Raises `curator.errors.NotFound` if there is none, unless
    `create`; `WorkspaceError` if it cannot be used. `reporter` hears messages and progress; by default nobody does.
    """
    from curator.commands import core
    from curator.registry.loader import load_plugins
    from curator.workspace import Workspace
    from curator.workspace_path import hold_workspace, locate

    folder = locate(path)
    if create:
        Workspace.create(folder)
    else:
        hold_workspace(folder)
    return Workspace(folder, load_plugins(reserved=core().reserved), reporter)
