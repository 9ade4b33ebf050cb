"""What of a selection is embedded, however many there are: as one by one, so in the order of hashes."""

from __future__ import annotations

import random

import pytest
from fakes import open_fake, picture, text

from curator.api import ItemSet
from curator.embedding import coverage
from curator.maintenance.status import Status
from curator.store import selecting


@pytest.fixture(scope="module")
def patchy(tmp_path_factory):
    """Forty pictures and thirty texts; of each fifth nothing was made, each seventh failed, three were set aside."""
    folder = tmp_path_factory.mktemp("patchy")
    for n in range(40):
        picture(folder / "photos" / f"{n % 2}" / f"{n}.png", n)
    for n in range(30):
        text(folder / "texts" / f"{n}.txt", f"{n} {n + 1} {n % 7}")
    with open_fake(folder / "workspace", "histogram", "numbers") as ws:
        ws.add(folder / "photos", folder / "texts", encode=False)
        for name in ("histogram", "numbers"):
            ws.use(name)
            ws.encode(name)
            model = ws.models.find(name)
            hashes = [item.hash for item in ws.items.select() if item.modality in model.modalities]
            random.Random(name).shuffle(hashes)
            ws.derived.forget_vectors(model.fingerprint, hashes[::5])
            for hash_ in hashes[::7]:
                ws.derived.forget_vectors(model.fingerprint, [hash_])
                ws.derived.put_failure(model.fingerprint, hash_, "is too odd")
        with ws.database.transaction():
            for number in (3, 4, 50):
                ws.database.execute("UPDATE place SET missing = 1 WHERE item_id = ?", number)
                away = "INSERT INTO quarantined (item_id, outside, inside, hash, size, kind, reason, taken)"
                ws.database.execute(f"{away} VALUES (?, '', ?, '', 1, '', '', '')", number, str(number))
        yield ws, folder


@pytest.mark.parametrize("few", [0, 20_000])
@pytest.mark.parametrize("page", [3, 10_000])
@pytest.mark.parametrize("name", ["histogram", "numbers"])
@pytest.mark.parametrize("under", [None, "photos/1", "texts"])
def test_what_is_missing_of_a_selection_is_what_is_missing_of_its_items(patchy, monkeypatch, few, page, name, under):
    ws, folder = patchy
    monkeypatch.setattr(coverage, "FEW", few)
    monkeypatch.setattr(selecting, "PAGE", page)
    model, among = ws.models.find(name), ItemSet(under=folder / under if under else None)
    one_by_one = ws.coverage.missing(model, list(ws.items.select(among)))
    assert ws.coverage.missing(model, ws.items.select(among)) == one_by_one
    missing, failed = ws.coverage.missing_and_failed(model, ws.items.select(among))
    assert missing == one_by_one
    assert {item.hash for item in failed} == ws.coverage.failures(model, list(ws.items.select(among))).keys()


@pytest.mark.parametrize("few", [0, 20_000])
def test_a_status_counts_what_is_not_set_aside(patchy, monkeypatch, few):
    ws, _ = patchy
    monkeypatch.setattr(coverage, "FEW", few)
    for holding, name in zip(Status(ws).holdings(), ("histogram", "numbers"), strict=True):
        model = ws.models.find(name)
        items = list(ws.items.select(modalities=[holding.modality]))
        vectors = dict(ws.derived.vectors(model.fingerprint, [item.hash for item in items]))
        failures = ws.derived.failures(model.fingerprint, [item.hash for item in items])
        assert (holding.items, holding.embedded, holding.failed) == (len(items), len(vectors), len(failures))
        assert holding.embedded and holding.failed and holding.items > holding.embedded + holding.failed


def test_what_there_is_decides_which_encoders_embed_it(patchy):
    ws, folder = patchy
    for among, wanted in ((ItemSet(), 2), (ItemSet(media="text"), 1), (ItemSet(under=folder / "photos"), 1)):
        of_selection = ws.coverage.default_references(ws.items.select(among))
        assert of_selection == ws.coverage.default_references(list(ws.items.select(among)))
        assert len(of_selection) == wanted
