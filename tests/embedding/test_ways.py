"""In which way many items are embedded: measured once for each machine, and only where it finds the same."""

from __future__ import annotations

import sys
import time
from importlib import metadata, util

import fakes
import numpy as np
import pytest
from fakes import picture

from curator.api import EncoderSpec, FeatureMap, ImageBatch, Preprocess, Resolved
from curator.embedding import embedder
from curator.embedding.ways import quickest
from curator.embedding.ways.agreement import APART, distance
from curator.errors import NotFound, NotReady
from curator.kit.onnx import as_onnx
from curator.registry.loader import Loaded, Origin, load_plugins
from curator.reporter import Silent
from curator.runtimes import known, openvino
from curator.store.form_files import Measured
from curator.workspace import Workspace

pytestmark = pytest.mark.torch

SIDE, BATCH, MANY = 16, 32, 384
PREPROCESS = Preprocess(SIDE, SIDE, (0.5,) * 3, (0.5,) * 3)
LOADED: list[str] = []
HAS_OPENVINO = util.find_spec("openvino") is not None


def network():
    import torch

    torch.manual_seed(0)
    layers = [torch.nn.Conv2d(3, 8, 9, 2), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()]
    return torch.nn.Sequential(*layers).eval()


class Plain:
    """A small network that takes its time."""

    def __init__(self):
        self.network = network()
        LOADED.append("net")

    def encode(self, batch):
        import torch

        time.sleep(0.05)
        with torch.inference_mode():
            return self.network(torch.from_numpy(batch.pixels)).numpy()

    def close(self):
        pass


class Net(Plain):
    def onnx(self):
        return as_onnx(self.network, SIDE)


def resolve(variant, weights):
    return Resolved(8, variant or "", PREPROCESS)


def refuse(resolved, device):
    raise AssertionError("it is loaded")


NET = EncoderSpec("net", ("image",), "s", resolve, lambda resolved, device: Net(), batch_size=BATCH)
PLAIN = EncoderSpec("plain", ("image",), "s", resolve, lambda resolved, device: Plain(), batch_size=BATCH)
WRITTEN = EncoderSpec(
    "written", ("image",), "s", resolve, refuse, batch_size=BATCH, form=lambda resolved: as_onnx(network(), SIDE)
)


class Listening(Silent):
    def __init__(self):
        self.said = []

    def say(self, message):
        self.said.append(message)


@pytest.fixture
def ws(tmp_path, monkeypatch):
    ours = [entry for entry in metadata.entry_points(group="curator") if entry.name in fakes.OURS]
    registry = load_plugins(ours)
    registry.take(Loaded(Origin("net", __name__, "net-dist", "1.0"), (NET, PLAIN, WRITTEN)))
    monkeypatch.setattr(embedder, "WORTH", MANY)
    Workspace.create(tmp_path / "workspace")
    rng = np.random.default_rng(0)
    for number in range(MANY):
        picture(tmp_path / "photos" / f"{number}.png", number, (20, 20 + int(rng.integers(9))))
    LOADED.clear()
    with Workspace(tmp_path / "workspace", registry, Listening()) as workspace:
        workspace.add(tmp_path / "photos", encode=False)
        yield workspace


def ways(ws):
    sql = "SELECT precision, count(*) AS n FROM vector GROUP BY precision"
    return {row["precision"]: row["n"] for row in ws.derived.database.rows(sql)}


def again(ws):
    """Embed all anew, as in a new process."""
    LOADED.clear()
    ws.reporter.said.clear()
    ws.derived.database.execute("DELETE FROM vector")


def vectors(ws, encoder="net"):
    return ws.encoding.matrix(ws.models.find(encoder), ws.items.select())[1]


def notes(ws):
    return [line for line in ws.reporter.said if line.startswith("note: ")]


def test_the_quickest_is_measured_told_and_remembered(ws):
    (report,) = ws.encode("net").values()
    assert report.runtime in ("onnxruntime", "openvino") and report.encoded == MANY
    (line,) = [line for line in ws.reporter.said if "goes on with" in line]
    assert f"with {report.way}, " in line and "times as fast as float32, and finds the same" in line
    assert ways(ws)["float32"] == BATCH  # on which the form was held against it
    mixed = vectors(ws)
    again(ws)
    (second,) = ws.encode("net").values()
    assert (second.way, ways(ws), LOADED) == (report.way, {str(report.way): MANY}, [])
    assert not [line for line in ws.reporter.said if "goes on with" in line]
    again(ws)
    ws.encode("net", runtime="torch")
    assert ways(ws) == {"float32": MANY} and LOADED == ["net"]
    assert distance(mixed, vectors(ws)) <= APART


def test_what_was_measured_holds_for_one_machine(ws, monkeypatch):
    ws.encode("net")
    known_here = ws.derived.forms.measured(ws.models.find("net").fingerprint, "image", quickest.machine("cpu"))
    assert {row.runtime for row in known_here} >= {"torch", "onnxruntime"} and all(row.rate for row in known_here)
    best = next(row for row in known_here if row.agrees)
    told = {"runtime": best.runtime, "precision": best.precision, "rate": round(best.rate, 1)}
    assert ws.coverage.quickest(ws.models.find("net")) == {"image": told}
    again(ws)
    monkeypatch.setattr(quickest, "machine", lambda device: "another")
    ws.encode("net")
    there = ws.derived.forms.measured(ws.models.find("net").fingerprint, "image", "another")
    others = {(row.runtime, row.precision) for row in known_here if row.runtime != "torch"}
    assert {(row.runtime, row.precision) for row in there} == (others if len(others) > 1 else set())  # no choice of one
    assert not LOADED  # the form stands for the encoder, with which it agreed


def test_a_choice_stays_though_measured_again_it_would_differ(ws):
    ws.encode("net")
    fingerprint = ws.models.find("net").fingerprint
    machine = quickest.machine("cpu")
    before = ws.derived.forms.measured(fingerprint, "image", machine)
    ws.derived.forms.put_measured(fingerprint, "image", machine, [Measured("torch", "float32", 1e9, True)])
    assert ws.derived.forms.measured(fingerprint, "image", machine) == before


def test_few_items_are_not_measured_on(ws, monkeypatch):
    monkeypatch.setattr(embedder, "WORTH", MANY + 1)
    ws.encode("net")
    assert ways(ws) == {"float32": MANY}
    again(ws)
    ws.encode("net")
    assert (ways(ws), LOADED, ws.derived.database.value("SELECT count(rate) FROM way")) == (
        {"onnxruntime float32": MANY},
        [],
        0,
    )


@pytest.mark.parametrize(
    "runtime",
    [
        "onnxruntime",
        pytest.param("openvino", marks=pytest.mark.skipif(not HAS_OPENVINO, reason="openvino is not installed")),
    ],
)
def test_a_runtime_by_its_name(ws, runtime):
    (report,) = ws.encode("net", runtime=runtime).values()
    assert (report.runtime, report.encoded) == (runtime, MANY)
    again(ws)
    (report,) = ws.encode("net", runtime=runtime, exact=True).values()
    assert ways(ws) == {f"{runtime} float32": MANY} and not LOADED
    exact = vectors(ws)
    again(ws)
    ws.encode("net", runtime="torch", exact=True)
    assert ways(ws) == {"float32": MANY}
    np.testing.assert_allclose(exact, vectors(ws), atol=1e-5)
    with pytest.raises(NotReady, match=f"plain has no form that {runtime} could run"):
        ws.encode("plain", runtime=runtime)


def test_an_encoder_without_a_form_is_run_as_it_is(ws):
    (report,) = ws.encode("plain").values()
    assert (str(report.way), report.encoded, notes(ws)) == ("float32", MANY, [])


def test_a_misspelt_runtime(ws):
    with pytest.raises(NotFound, match="no runtime 'openvin': did you mean 'openvino'"):
        ws.encode("net", runtime="openvin")


def test_an_absent_runtime(ws, monkeypatch):
    real = known.version
    monkeypatch.setattr(known, "version", lambda package: None if package == "openvino" else real(package))
    with pytest.raises(NotReady, match=r"openvino is not installed: pip install 'curator-agent\[fast\]'"):
        ws.encode("net", runtime="openvino")
    (report,) = ws.encode("net").values()
    assert (report.runtime, notes(ws)) == ("onnxruntime", [])


def test_a_broken_runtime(ws, monkeypatch):
    real = known.version
    monkeypatch.setattr(known, "version", lambda package: "1" if package == "openvino" else real(package))
    monkeypatch.setitem(sys.modules, "openvino", None)
    openvino._core.cache_clear()
    with pytest.raises(NotReady, match=r"openvino cannot be used .*: mend it, or leave --runtime out"):
        ws.encode("net", runtime="openvino")
    (report,) = ws.encode("net").values()
    assert report.runtime == "onnxruntime"
    (note,) = notes(ws)
    assert note.startswith("note: embedding goes on without openvino: openvino cannot be used (")


def test_vectors_of_another_machine_are_compared_before_others_join_them(ws, tmp_path, monkeypatch):
    ws.encode("net")
    picture(tmp_path / "photos" / "more.png", 999)
    ws.add(tmp_path / "photos", encode=False)
    monkeypatch.setattr(quickest, "machine", lambda device: "another")
    ws.encode("net")
    assert not notes(ws)
    # As if another machine made others of the same pictures.
    ws.derived.database.execute("UPDATE vector SET vector = (SELECT vector FROM vector ORDER BY hash DESC LIMIT 1)")
    monkeypatch.setattr(quickest, "machine", lambda device: "a third")
    picture(tmp_path / "photos" / "further.png", 1000)
    ws.add(tmp_path / "photos", encode=False)
    LOADED.clear()
    ws.encode("net")
    (note,) = notes(ws)
    assert "onnxruntime float32: it makes other vectors than those that are stored" in note and LOADED == ["net"]


def test_an_encoder_whose_form_is_written_down_is_never_loaded(ws, tmp_path):
    (report,) = ws.encode("written").values()
    assert report.encoded == MANY and report.runtime in ("onnxruntime", "openvino") and not notes(ws)
    assert "torch" not in {row[0] for row in ws.derived.database.rows("SELECT runtime FROM way")}
    picture(tmp_path / "new.png", 99, (50, 40))
    assert len(ws.run("similar", query=tmp_path / "new.png", k=5, encoder="written")) == 5
    with ws.models.loaded(ws.models.find("written")) as (encoder, _):
        assert not isinstance(encoder, FeatureMap)


def mapped(resolved):
    """An ONNX model of the mean colours of 4 x 4 fields, as a map and as its mean."""
    from onnx import TensorProto, helper

    shapes = {"pixels": ["n", 3, SIDE, SIDE], "vector": ["n", 3], "map": ["n", 3, 4, 4]}
    values = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()}
    nodes = [
        helper.make_node("AveragePool", ["pixels"], ["map"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("GlobalAveragePool", ["map"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["vector"]),
    ]
    graph = helper.make_graph(nodes, "g", [values["pixels"]], [values["map"], values["vector"]])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()


def test_a_form_with_a_map_tells_where_the_vector_comes_from(ws):
    spec = EncoderSpec(
        "fields", ("image",), "s", lambda variant, weights: Resolved(3, "", PREPROCESS), refuse, form=mapped
    )
    ws.registry.take(Loaded(Origin("fields", __name__, "fields-dist", "1.0"), (spec,)))
    ws.encode("fields")
    with ws.models.loaded(ws.models.find("fields")) as (encoder, _):
        batch = ImageBatch(np.random.default_rng(0).random((2, 3, SIDE, SIDE), np.float32))
        assert isinstance(encoder, FeatureMap)
        cells = encoder.feature_map(batch)
        assert cells.shape == (2, 4, 4, 3)
        np.testing.assert_allclose(cells.mean(axis=(1, 2)), encoder.encode(batch), atol=1e-5)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        (lambda resolved: 1 / 0, "ZeroDivisionError"),
        (lambda resolved: "text", "gave str, not the bytes of an ONNX model"),
        (lambda resolved: b"no model", "onnxruntime cannot load it"),
    ],
)
def test_where_a_form_cannot_be_written_down_the_encoder_is_loaded(ws, tmp_path, form, words):
    spec = EncoderSpec("bad", ("image",), "s", resolve, lambda resolved, device: Plain(), batch_size=BATCH, form=form)
    ws.registry.take(Loaded(Origin("bad", __name__, "bad-dist", "1.0"), (spec,)))
    (report,) = ws.encode("bad").values()
    assert (report.runtime, report.encoded) == ("torch", MANY) and not report.failed
    assert any(words in note for note in notes(ws)), notes(ws)
    assert vectors(ws, "bad").shape == (MANY, 8)


def test_a_runtime_by_its_name_that_finds_something_else_stops(ws, monkeypatch):
    ws.encode("net", runtime="torch")
    ws.derived.database.execute("DELETE FROM vector WHERE hash > '8'")
    ws.derived.database.execute("UPDATE vector SET vector = (SELECT vector FROM vector ORDER BY hash DESC LIMIT 1)")
    monkeypatch.setattr(embedder, "WORTH", MANY // 4)
    for _ in range(2):
        with pytest.raises(NotReady, match="net has no form that onnxruntime could run as it does"):
            ws.encode("net", runtime="onnxruntime")
