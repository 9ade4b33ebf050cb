"""Encoders as ONNX models: made once, held against the encoder, used where they agree."""

from __future__ import annotations

import contextlib
import io
import threading
import warnings
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
from curator.store import form_files
from curator.store.derived import Derived
from curator.workspace import Workspace

pytestmark = pytest.mark.torch

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


def forget(ws):
    """As if no form had ever been made."""
    ws.encoding.forms._asked.clear()
    for form in ws.derived.forms.all():
        ws.derived.forms.forget(form.fingerprint, form.medium)


def file(ws):
    (path,) = (ws.folder).glob("derived.db.form-*")
    return path


def test_a_new_picture_needs_no_encoder_and_finds_the_same(ws, tmp_path):
    ws.add(tmp_path / "photos")
    quick, loaded = asked(ws, tmp_path)
    assert (len(quick), loaded) == (5, 0)
    forget(ws)
    assert asked(ws, tmp_path) == (quick, 1)


def test_a_query_for_which_the_encoder_was_loaded_leaves_a_form(ws, tmp_path):
    ws.add(tmp_path / "photos")
    quick, _ = asked(ws, tmp_path)
    forget(ws)
    assert not list(ws.folder.glob("derived.db.form-*"))
    assert [asked(ws, tmp_path) for _ in range(2)] == [(quick, 1), (quick, 0)]


def test_further_pictures_need_no_encoder(ws, tmp_path):
    ws.add(tmp_path / "photos")
    LOADED.clear()
    picture(tmp_path / "photos" / "more.png", 50)
    assert ws.add(tmp_path / "photos").encoded == 1
    assert not LOADED
    of = "SELECT precision, count(*) AS n FROM vector GROUP BY precision"
    assert {row["precision"]: row["n"] for row in ws.derived.database.rows(of)} == {
        "float32": 5,
        "onnxruntime float32": 1,
    }


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
    def full(handle):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(form_files.os, "fsync", full)
        assert ws.add(tmp_path / "photos").encoded == 5
    assert any("the slow way" in line and "no space is left" in line for line in ws.reporter.said)
    assert not [path.name for path in ws.folder.iterdir() if "form" in path.name]
    found, loaded = asked(ws, tmp_path)
    assert (len(found), loaded) == (5, 1)
    assert asked(ws, tmp_path) == (found, 0)


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


@pytest.mark.parametrize("damage", ["gone", "cut", "another"])
def test_a_form_that_is_damaged_is_told_of_and_made_again(ws, tmp_path, damage):
    ws.add(tmp_path / "photos")
    ws.close()
    path = file(ws)
    content = path.read_bytes()
    path.unlink()
    if damage != "gone":
        path.write_bytes(content[:-9] if damage == "cut" else content[:-1] + b"x")
    with Workspace(ws.folder, ws.registry, Listening()) as again:
        (fault,) = [each for each, _ in again.check()]
        assert fault.wrong == "is gone or is not what was written"
        found, loaded = asked(again, tmp_path)
        assert (len(found), loaded) == (5, 1)
        (line,) = [line for line in again.reporter.said if "compiled" in line]
        assert line == "note: the compiled form of net for images is gone or damaged: it is made again"
        assert asked(again, tmp_path) == (found, 0)
        assert file(again).read_bytes() == content and not again.check()


def test_a_form_that_cannot_be_run_leaves_the_slow_way(ws, tmp_path):
    ws.add(tmp_path / "photos")
    quick, _ = asked(ws, tmp_path)
    forget(ws)
    ws.derived.forms.put(ws.models.find("net").fingerprint, "image", b"no model", b"")
    assert asked(ws, tmp_path) == (quick, 1)
    (fault,) = [each for each, _ in ws.check()]
    assert fault.wrong == "cannot be run"
    ws.check(repair=True)
    assert [asked(ws, tmp_path) for _ in range(2)] == [(quick, 1), (quick, 0)]


def test_where_nothing_can_be_written_the_slow_way_is_left(ws, tmp_path, monkeypatch):
    ws.add(tmp_path / "photos")
    quick, _ = asked(ws, tmp_path)
    ws.close()
    file(ws).unlink()
    monkeypatch.setattr(form_files.os, "access", lambda path, mode: False)
    with Workspace(ws.folder, ws.registry, Listening()) as again:
        assert [asked(again, tmp_path) for _ in range(2)] == [(quick, 1)] * 2


def test_two_at_once_leave_one_form(ws, tmp_path):
    """Both made it; the one that is later puts the same content in its place."""
    ws.add(tmp_path / "photos")
    fingerprint = ws.models.find("net").fingerprint
    content = file(ws).read_bytes()

    def put():
        with contextlib.closing(Derived(ws.folder)) as derived:
            for _ in range(10):
                derived.forms.put(fingerprint, "image", content, b"")

    with Workspace(ws.folder, ws.registry, Listening()) as other:
        threads = [threading.Thread(target=put) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert file(other).read_bytes() == content
        assert asked(other, tmp_path)[1] == 0 and not other.check()


def test_a_form_of_one_picture_at_once_is_run_for_one_after_the_other(ws, tmp_path, monkeypatch):
    """As plugins made them for earlier releases."""

    def one(self):
        import torch

        buffer = io.BytesIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(self.network, (torch.zeros(1, 3, SIDE, SIDE),), buffer, dynamo=False)
        return buffer.getvalue()

    monkeypatch.setattr(Net, "onnx", one)
    ws.add(tmp_path / "photos")
    for number in range(20):
        picture(tmp_path / "photos" / f"more-{number}.png", 50 + number)
    LOADED.clear()
    assert ws.add(tmp_path / "photos").encoded == 20
    assert not LOADED, ws.reporter.said
    assert not [line for line in ws.reporter.said if line.startswith("note: ")]


def test_a_form_of_another_way_to_decode_is_not_used(ws, tmp_path, monkeypatch):
    from curator.embedding.ways import forms

    ws.add(tmp_path / "photos")
    monkeypatch.setattr(forms, "DECODING", forms.DECODING + 1)
    model = ws.models.find("net")
    assert ws.encoding.forms.of_picture(model, tmp_path / "new.png") is None


def test_a_picture_that_cannot_be_read_is_bad_input(ws, tmp_path):
    ws.add(tmp_path / "photos")
    data = (tmp_path / "new.png").read_bytes()
    (tmp_path / "new.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(BadInput, match=r"new\.png"):
        asked(ws, tmp_path)
