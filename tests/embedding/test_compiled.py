"""Compiled encoders: made once, held against the encoder, used for new pictures, and never where they do not agree."""

from __future__ import annotations

from importlib import metadata

import fakes
import numpy as np
import pytest
from fakes import picture

from curator.api import EncoderSpec, Preprocess, Resolved
from curator.errors import BadInput
from curator.kit.onnx import as_onnx
from curator.registry.loader import Loaded, Origin, load_plugins
from curator.reporter import Silent
from curator.workspace import Workspace

SIDE = 16
LOADED: list[str] = []


class Net:
    """A small network; `wrong` is added to what its compiled form gives."""

    def __init__(self, wrong: float = 0.0) -> None:
        import torch

        torch.manual_seed(0)
        layers = [torch.nn.Conv2d(3, 8, 9, 2), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()]
        self.network = torch.nn.Sequential(*layers).eval()
        self.wrong = wrong
        LOADED.append("net")

    def encode(self, batch):
        import torch

        with torch.inference_mode():
            return self.network(torch.from_numpy(batch.pixels)).numpy()

    def close(self):
        pass

    def onnx(self):
        import torch

        if self.wrong == np.inf:
            raise RuntimeError("no form of this")
        with torch.no_grad():
            self.network[0].bias += self.wrong
        return as_onnx(self.network, SIDE)


def resolve(variant, weights):
    return Resolved(8, variant or "", Preprocess(SIDE, SIDE, (0.5,) * 3, (0.5,) * 3))


def load(resolved, device):
    return Net({"wrong": 0.1, "failing": np.inf}.get(resolved.variant, 0.0))


SPEC = EncoderSpec("net", ("image",), "s", resolve, load, default=True)


class Listening(Silent):
    def __init__(self):
        self.said = []

    def say(self, message):
        self.said.append(message)


@pytest.fixture
def ws(tmp_path):
    ours = [entry for entry in metadata.entry_points(group="curator") if entry.name in fakes.OURS]
    registry = load_plugins(ours)
    registry.take(Loaded(Origin("net", __name__, "net-dist", "1.0"), (SPEC,)))
    Workspace.create(tmp_path / "workspace")
    for number in range(5):
        picture(tmp_path / "photos" / f"{number}.png", number, (40, 30))
    picture(tmp_path / "new.png", 99, (50, 40))
    LOADED.clear()
    with Workspace(tmp_path / "workspace", registry, Listening()) as workspace:
        yield workspace


def asked(ws, tmp_path, encoder=None):
    """What is found by the new picture, and how often the encoder was loaded for it."""
    LOADED.clear()
    rows = ws.run("similar", query=tmp_path / "new.png", k=5, encoder=encoder)
    return [(row["id"], round(row["score"], 4)) for row in rows], len(LOADED)


def test_a_new_picture_needs_no_encoder_and_finds_the_same(ws, tmp_path):
    ws.add(tmp_path / "photos")
    quick, loaded = asked(ws, tmp_path)
    assert (len(quick), loaded) == (5, 0)
    ws.derived.database.execute("DELETE FROM compiled")
    assert asked(ws, tmp_path) == (quick, 1)


def test_it_is_made_once(ws, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(Net, "onnx", lambda self, real=Net.onnx: made.append(1) or real(self))
    ws.add(tmp_path / "photos")
    picture(tmp_path / "photos" / "more.png", 50)
    ws.add(tmp_path / "photos")
    assert made == [1]


@pytest.mark.parametrize(
    ("variant", "words"), [("wrong", "vectors differ by"), ("failing", "RuntimeError: no form of this")]
)
def test_a_form_that_does_not_agree_or_cannot_be_had_is_said_once_and_not_used(ws, tmp_path, variant, words):
    ws.add(tmp_path / "photos", encode=False)
    ws.encode(f"net:{variant}")
    (line,) = [line for line in ws.reporter.said if "the slow way" in line]
    assert words in line and "plugin 'net' (net-dist 1.0)" in line
    found, loaded = asked(ws, tmp_path, f"net:{variant}")
    assert (len(found), loaded) == (5, 1)
    picture(tmp_path / "photos" / "more.png", 50)
    ws.add(tmp_path / "photos", encode=False)
    ws.encode(f"net:{variant}")
    assert sum("the slow way" in line for line in ws.reporter.said) == 1


def test_a_full_disk_costs_no_vector_and_is_tried_again(ws, tmp_path, monkeypatch):
    def full(self, real=Net.onnx):
        form = real(self)
        assert len(form) > 4096, "it would fit into what is left of a page"
        ws.derived.database.execute(f"PRAGMA max_page_count = {ws.derived.database.value('PRAGMA page_count')}")
        return form

    ws.derived.database.execute("VACUUM")  # else there is room in pages of tables that are no more
    with monkeypatch.context() as patch:
        patch.setattr(Net, "onnx", full)
        assert ws.add(tmp_path / "photos").encoded == 5
    assert any("the slow way" in line and "disk is full" in line for line in ws.reporter.said)
    found, loaded = asked(ws, tmp_path)
    assert (len(found), loaded) == (5, 1)
    ws.derived.database.execute("PRAGMA max_page_count = 1000000")
    picture(tmp_path / "photos" / "more.png", 50)
    ws.add(tmp_path / "photos")
    assert asked(ws, tmp_path)[1] == 0


def test_no_room_to_write_the_form_is_no_fault_of_the_encoder(ws, tmp_path, monkeypatch):
    def full(self):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Net, "onnx", full)
        assert ws.add(tmp_path / "photos").encoded == 5
    assert any("the slow way" in line and "no space is left" in line for line in ws.reporter.said)
    picture(tmp_path / "photos" / "more.png", 50)
    ws.add(tmp_path / "photos")
    assert asked(ws, tmp_path)[1] == 0


def test_a_form_that_cannot_be_read_any_more_leaves_the_slow_way(ws, tmp_path):
    ws.add(tmp_path / "photos")
    quick, _ = asked(ws, tmp_path)
    ws.derived.put_compiled(ws.models.find("net").fingerprint, "image", b"no model", b"")
    assert asked(ws, tmp_path) == (quick, 1)


def test_a_form_of_another_way_to_decode_is_not_used(ws, tmp_path, monkeypatch):
    from curator.embedding import compiled

    ws.add(tmp_path / "photos")
    monkeypatch.setattr(compiled, "DECODING", compiled.DECODING + 1)
    model = ws.models.find("net")
    assert ws.encoding.compiled.of_picture(model, tmp_path / "new.png") is None


def test_a_picture_that_cannot_be_read_is_bad_input(ws, tmp_path):
    ws.add(tmp_path / "photos")
    data = (tmp_path / "new.png").read_bytes()
    (tmp_path / "new.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(BadInput, match=r"new\.png"):
        asked(ws, tmp_path)
