"""Embedding: once for each content and space, and cache that can be thrown away."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import open_fake, picture, text
from PIL import Image

from curator.maintenance.status import Status


def vectors(ws):
    """Hash -> bytes of every stored vector."""
    return {row["hash"]: bytes(row["vector"]) for row in ws.derived.database.rows("SELECT hash, vector FROM vector")}


def embedded(ws):
    return {row.modality: (row.items, row.embedded, row.failed) for row in Status(ws).holdings()}


@pytest.fixture
def mixed(photos):
    for n in range(6):
        picture(photos / f"{n}.png", n)
    text(photos / "a.txt", "a cat sleeps on the mat")
    text(photos / "b.txt", "一只白猫在睡觉")
    return photos


def test_each_content_is_embedded_once(ws, mixed, counts):
    (mixed / "copy.png").write_bytes((mixed / "0.png").read_bytes())
    report = ws.add(mixed)
    assert (report.encoded, counts["encoded"]) == (8, 6)
    assert embedded(ws) == {"image": (6, 6, 0), "text": (2, 2, 0)}
    assert {len(vector) for vector in vectors(ws).values()} == {8 * 4, 2048 * 4}


def test_a_lost_cache_is_filled_again_with_equal_vectors(tmp_path, mixed):
    with open_fake(tmp_path / "workspace") as ws:
        ws.add(mixed, label="seen")
        before, similar = vectors(ws), ws.run("similar", query="id:1")
    for path in (tmp_path / "workspace").glob("derived.db*"):
        path.unlink()
    with open_fake(tmp_path / "workspace") as ws:
        assert embedded(ws) == {"image": (6, 0, 0), "text": (2, 0, 0)}
        steps = {step.reason: step.command for step in Status(ws).next_steps()}
        assert steps["6 images not embedded"] == steps["2 texts not embedded"] == "curator encode"
        assert {name: report.encoded for name, report in ws.encode().items()} == {"histogram:plain": 6, "ngram": 2}
        assert vectors(ws) == before
        assert ws.run("similar", query="id:1") == similar
        assert ws.labels.names() == ["seen"]


def test_without_encode_nothing_is_embedded_until_asked(ws, mixed, counts):
    assert ws.add(mixed, encode=False).encoded == 0
    assert not counts
    assert sum(report.encoded for report in ws.encode().values()) == 8
    assert sum(report.encoded for report in ws.encode().values()) == 0


def test_batches_do_not_matter(ws, mixed, tmp_path):
    """Each item alone gives what it gives among others."""
    ws.add(mixed)
    with open_fake(tmp_path / "other") as other:
        for path in sorted(mixed.iterdir(), reverse=True):
            other.add(path)
        alone, together = vectors(other), vectors(ws)
    assert alone.keys() == together.keys()
    for name, value in together.items():
        np.testing.assert_allclose(np.frombuffer(alone[name], "<f4"), np.frombuffer(value, "<f4"), atol=1e-6)


def test_a_picture_that_cannot_be_decoded_is_named_and_not_tried_again(ws, mixed, counts):
    Image.effect_noise((300, 200), 90).save(mixed / "cut.jpg")
    data = (mixed / "cut.jpg").read_bytes()
    (mixed / "cut.jpg").write_bytes(data[: len(data) // 2])
    report = ws.add(mixed)
    ((path, reason),) = report.problems
    assert path == str(mixed / "cut.jpg") and reason.startswith("cannot be decoded: ")
    assert (report.added, report.encoded) == (9, 8)
    assert list(Status(ws).problems()) == [(path, reason)]
    assert embedded(ws)["image"] == (7, 6, 1)
    counts.clear()
    assert ws.add(mixed).problems == [(path, reason)]
    assert not counts
    reports = ws.encode(retry=True)
    assert [[str(item) for item, _ in report.failed] for report in reports.values()] == [[path], []]


def test_a_file_that_changed_since_is_not_embedded_under_its_old_hash(ws, mixed):
    ws.add(mixed, encode=False)
    picture(mixed / "0.png", 77)
    (mixed / "1.png").unlink()
    reports = ws.encode("histogram")
    failed = {reason for _, reason in reports["histogram:plain"].failed}
    assert failed == {"its file changed since it was added: add it again", "no such file or directory"}
    assert embedded(ws)["image"] == (6, 4, 0)
    ws.add(mixed)
    assert embedded(ws)["image"] == (7, 5, 0)


def test_a_query_from_outside_is_not_kept(ws, mixed, tmp_path):
    ws.add(mixed)
    before = vectors(ws)
    rows = ws.run("similar", query=picture(tmp_path / "0-again.bmp", 0), k=1)
    assert rows[0]["path"] == mixed / "0.png"
    assert rows[0]["score"] == pytest.approx(1, abs=1e-6)
    assert ws.run("similar", text="the cat on a mat", k=1)[0]["text"] == "a cat sleeps on the mat"
    assert vectors(ws) == before
    assert len(ws.items.select()) == 8
