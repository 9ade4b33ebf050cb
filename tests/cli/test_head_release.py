"""A saved head was fitted by a plugin: another release of it fits another one."""

from __future__ import annotations

import cli_kit
import pytest
from plugin_kit import Site

HEAD = (
    """
class Nearest:
    def __init__(self, params):
        pass

    def fit(self, vectors, targets, classes, seed):
        import numpy as np
        self.means = np.stack([vectors[targets == one].mean(axis=0) for one in range(classes)])

    def predict(self, vectors):
        import numpy as np
        scores = np.exp(9 * vectors @ self.means.T)
        return (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32)

    def state(self):
        return {"means": self.means}

    def restore(self, state):
        self.means = state["means"]
"""
    + "\n@hookimpl\ndef register_heads():\n    return [HeadSpec('nearest', 's', Nearest)]\n"
)


@pytest.mark.parametrize(("head", "versions"), [("nearest", ["1", "2"]), ("prototype", ["1"])])
def test_a_head_is_fitted_anew_by_another_release_of_its_plugin(tmp_path, head, versions):
    site, folder = tmp_path / "site", tmp_path / "folder"
    site.mkdir(), folder.mkdir()
    here = Site(site, folder)
    here.lay("nearest", HEAD)
    cli_kit.texts(folder / "texts", 8)
    here.run("add", "texts")
    here.run("label", "x", *(f"texts/{n}.txt" for n in (1, 2, 3)))
    here.run("label", "x", "--negative", *(f"texts/{n}.txt" for n in (4, 5, 6)))

    def fitted():
        ran = here.run("train", "--label", "x", "--head", head)
        assert ran.code == 0, ran.err
        return [row["head"].partition("@")[2] for row in here.run("heads", "--json").rows if row["kind"] == "head"]

    assert fitted() == fitted() == ["1"]
    (site / "nearest-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: nearest\nVersion: 2.0\n")
    assert fitted() == versions
    assert fitted() == versions
