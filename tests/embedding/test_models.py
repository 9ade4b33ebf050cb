"""Which weights made a vector: references, versions, spaces."""

from __future__ import annotations

import fakes
import numpy as np
import pytest
from fakes import open_fake, picture, text
from hypothesis import given
from hypothesis import strategies as st

from curator.embedding.reference import Reference
from curator.errors import BadInput, NotFound, NotReady, PluginError
from curator.history.journal import Journal, OffRecord

NAMES = st.text(min_size=1).filter(lambda name: not set(name) & {":", "@"})
VARIANTS = st.text(min_size=1).filter(lambda text: not Reference.parse(f"x:{text}").version)


@given(NAMES, st.none() | VARIANTS, st.none() | st.integers(0, 999_999_999))
def test_a_reference_is_read_as_it_was_written(name, variant, version):
    written = name + (f":{variant}" if variant is not None else "") + (f"@{version}" if version is not None else "")
    assert Reference.parse(written) == Reference(name, variant, version)


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ("clip", ("clip", None, None)),
        ("clip@2", ("clip", None, 2)),
        ("clip:ViT-B-32/openai", ("clip", "ViT-B-32/openai", None)),
        ("clip:hf-hub:org/name@3", ("clip", "hf-hub:org/name", 3)),
        ("clip:local-dir:/a@b/c", ("clip", "local-dir:/a@b/c", None)),
    ],
)
def test_examples_of_references(written, parts):
    assert Reference.parse(written) == Reference(*parts)


@pytest.mark.parametrize(
    "written", ["", ":", "clip:", "clip:@2", "@2", "clip@", "clip@two", "clip@99999999999999999999"]
)
def test_what_is_no_reference(written):
    with pytest.raises(BadInput, match="is not an encoder name"):
        Reference.parse(written)


def vectors(ws, model):
    """Item id -> unit vector."""
    items, rows = ws.encoding.matrix(model, ws.items.select(modalities=["image"]))
    return dict(zip([item.id for item in items], rows, strict=True))


@pytest.fixture
def three(photos):
    for n in range(3):
        picture(photos / f"{n}.png", n, color=(200, 40 * n, 30))
    return photos


def test_other_weights_are_a_further_version_and_another_space(ws, three, tmp_path, counts):
    ws.add(three)
    (bare,) = ws.models.all()
    weights = text(tmp_path / "weights", "3")
    reports = ws.encode("histogram", weights=weights)
    assert {name: report.encoded for name, report in reports.items()} == {"histogram:plain@2": 3}
    first, second = ws.models.all()
    assert first == bare
    assert (second.version, second.encoder, second.dim) == (2, "histogram", 8)
    assert second.fingerprint != first.fingerprint
    a, b = vectors(ws, first), vectors(ws, second)
    assert all(np.allclose(np.roll(a[item], 3), b[item], atol=1e-6) and not np.allclose(a[item], b[item]) for item in a)
    assert any("has other weights now" in line and "histogram:plain@2" in line for line in ws.reporter.said)
    # From then on the bare name means these; the first stay within reach by their version.
    assert ws.models.find("histogram") == second
    assert ws.models.find("histogram@1") == first
    # Only the name that was given moved on.
    assert ws.models.find("histogram:plain") == first
    counts.clear()
    assert {name: report.encoded for name, report in ws.encode("histogram").items()} == {second.name: 0}
    assert not counts


def test_equal_weights_elsewhere_are_the_same_model(ws, three, tmp_path):
    ws.add(three)
    ws.encode("histogram", weights=text(tmp_path / "a", "3"))
    ws.encode("histogram", weights=text(tmp_path / "b", "3"))
    assert len(ws.models.all()) == 2


def test_a_bare_name_stays_what_the_workspace_recorded(ws, three):
    ws.add(three)
    bare = ws.models.find("histogram")
    ws.encode("histogram:turned")
    assert ws.models.find("histogram") == bare
    assert ws.models.find("histogram:turned").variant == "turned"
    assert ws.models.find("histogram:plain") == bare
    assert ws.run("similar", query="id:1", k=1)[0]["kind"] == "neighbour"
    assert ws.models.default_reference("image") == "histogram"


def test_weights_that_change_where_they_are_installed(tmp_path, three, monkeypatch):
    """A newer package brings other weights: said, embedded anew, never mixed."""
    weights = text(tmp_path / "installed", "0")
    monkeypatch.setattr(fakes.histogram_installed, "found", [weights])
    with open_fake(tmp_path / "workspace", "histogram_installed") as ws:
        ws.add(three)
        old = ws.models.find("histogram")
        weights.write_text("1")
        # What needs no network goes on with what is stored.
        assert len(ws.run("similar", query="id:1")) == 2
        picture(tmp_path / "query.png", 9)
        with pytest.raises(NotReady, match=r"not those that its vectors were made with.*`curator encode -e histogram"):
            ws.run("similar", query=tmp_path / "query.png")
        assert [report.encoded for report in ws.encode().values()] == [3]
        new = ws.models.find("histogram")
        assert (new.version, len(vectors(ws, old)), len(vectors(ws, new))) == (2, 3, 3)
        assert any("has other weights now" in line for line in ws.reporter.said)


def test_vectors_outlive_their_weights(tmp_path, three, monkeypatch):
    weights = text(tmp_path / "installed", "0")
    monkeypatch.setattr(fakes.histogram_installed, "found", [weights])
    with open_fake(tmp_path / "workspace", "histogram_installed") as ws:
        ws.add(three)
        before = ws.run("similar", query="id:1")
        weights.unlink()
        assert ws.run("similar", query="id:1") == before
        assert [report.encoded for report in ws.encode().values()] == [0]
        picture(three / "new.png", 9)
        with pytest.raises(NotFound, match="no weights at"):
            ws.run("similar", query=three / "new.png")


def test_another_revision_of_an_encoder_is_another_space(tmp_path, three):
    with open_fake(tmp_path / "workspace", "histogram") as ws:
        ws.add(three)
        old = ws.models.find("histogram")
        first = vectors(ws, old)
    with open_fake(tmp_path / "workspace", "histogram_revised") as ws:
        assert ws.add(three).encoded == 3
        new = ws.models.find("histogram")
        assert new.fingerprint != old.fingerprint
        second = vectors(ws, new)
        assert all(np.allclose(np.roll(first[item], 1), second[item], atol=1e-6) for item in first)
        assert all(np.array_equal(first[item], row) for item, row in vectors(ws, old).items())
        # Scores come from one space only.
        rows = ws.run("similar", query="id:1", encoder="histogram@2")
        wanted = {item: float(second[1] @ second[item]) for item in (2, 3)}
        assert {row["id"]: row["score"] for row in rows} == pytest.approx(wanted, abs=1e-6)


def test_unknown_encoders_variants_versions_and_weights(ws, three):
    ws.add(three)
    with pytest.raises(NotFound, match="did you mean 'histogram'"):
        ws.encode("histogramm")
    with pytest.raises(NotFound, match="did you mean 'turned'"):
        ws.encode("histogram:turnd")
    with pytest.raises(NotFound, match="no model 'histogram@7'"):
        ws.encode("histogram@7")
    with pytest.raises(NotFound, match="no model 'histogram:turned@1'"):
        ws.encode("histogram:turned@1")
    with pytest.raises(NotFound, match="no weights at"):
        ws.encode("histogram", weights=three / "none.safetensors")
    with pytest.raises(BadInput, match="name it too"):
        ws.encode(weights=three / "0.png")
    assert len(ws.models.all()) == 1


def test_the_default_can_be_chosen(ws, three):
    ws.add(three)
    ws.use("histogram:turned")
    model = ws.models.find(ws.models.default_reference("image"))
    assert model.variant == "turned"
    picture(three / "new.png", 7)
    ws.add(three)
    assert len(vectors(ws, model)) == 4
    assert len(vectors(ws, ws.models.find("histogram"))) == 3


def test_a_model_is_recorded_once_whoever_asks(ws, three):
    journal = Journal(ws.database, "test", {})
    first = ws.models.obtain("histogram", journal)
    assert ws.models.obtain("histogram", journal) == first == ws.models.obtain("histogram:plain", journal)
    assert ws.database.value("SELECT count(*) FROM space") == 1


def test_what_another_process_chose_meanwhile_stands(ws, three, tmp_path):
    """Who only reads looked what the name means, and records it, while another gives it other weights."""
    (tmp_path / "weights").write_text("3")
    ws.add(three, encode=False)

    def meanwhile():
        with open_fake(ws.folder) as other:
            other.encode("histogram", weights=tmp_path / "weights")

    turns = [meanwhile]
    found = ws.models.known("histogram", OffRecord(ws.database, lambda: turns and turns.pop()()), print)
    assert found == ws.models.find("histogram") and ws.models.weights(found) == tmp_path / "weights"


def test_an_encoder_is_closed_and_its_failure_named(ws, three, counts, tmp_path):
    ws.add(three)
    assert counts["loaded"] == counts["closed"] > 0
    with open_fake(tmp_path / "other", "histogram_broken") as broken:
        with pytest.raises(PluginError, match=r"'histogram_broken'.*failed at loading histogram"):
            broken.add(three)
        assert broken.models.all() == []
        assert len(broken.items.select()) == 3
