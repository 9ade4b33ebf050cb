"""Heads: fitted on what is labelled, used again while nothing changed, and cached in what they said."""

from __future__ import annotations

import pytest
from fakes import open_fake, picture, text

from curator.api import ItemSet
from curator.embedding import embedder
from curator.errors import BadInput, NotFound, NotReady, WorkspaceError

COLORS = {"red": (220, 30, 30), "blue": (30, 30, 220), "green": (30, 200, 30)}


@pytest.fixture
def colours(photos):
    for place, (name, color) in enumerate(COLORS.items()):
        for n in range(6):
            picture(photos / name / f"{n}.png", 100 * place + n, color=color)
    for n in range(3):
        picture(photos.parent / "new" / f"{n}.png", 900 + n, color=(210, 50, 40))
    return photos


@pytest.fixture
def ws(tmp_path, colours):
    with open_fake(tmp_path / "workspace", "histogram", "centroid") as workspace:
        workspace.add(colours, labels_from_folders=True, group="colour")
        workspace.add(tmp_path / "new")
        yield workspace


def predicted(ws, **how):
    rows = ws.run("classify", **how)
    return {row["path"].name: (row["label"], row["probability"]) for row in rows if row["kind"] == "prediction"}


def held_out(ws, **how):
    return {row["metric"]: row["value"] for row in ws.run("classify", **how) if row["kind"] == "held-out"}


def test_classify_sorts_what_is_not_labelled(ws):
    found = predicted(ws, group="colour")
    assert {name: label for name, (label, _) in found.items()} == {f"{n}.png": "red" for n in range(3)}
    metrics = held_out(ws, group="colour")
    assert metrics["accuracy"] == metrics["balanced accuracy"] == metrics["macro f1"] == 1
    assert metrics["majority baseline"] == pytest.approx(1 / 3, abs=0.1)


def test_one_label_against_its_siblings(ws):
    found = predicted(ws, label="red")
    assert all(label == "red" and probability > 0.5 for label, probability in found.values())
    assert all(probability < 0.5 for _, probability in predicted(ws, label="blue").values())
    assert {"precision", "recall", "f1", "average precision", "roc auc"} <= held_out(ws, label="red").keys()


def test_a_head_is_used_again_until_something_changes(ws):
    first = ws.train(group="colour")
    assert (first.version, first.reused, first.counts) == (1, False, (6, 6, 6))
    again = ws.train(group="colour")
    assert again.reused and again.id == first.id and again.metrics == first.metrics
    ws.label("red", ["id:19"], group="colour")
    second = ws.train(group="colour")
    assert (second.version, second.reused, second.counts) == (2, False, (6, 6, 7))
    ws.label("red", ["id:19"], None, group="colour")
    back = ws.train(group="colour")
    assert back.reused and back.version == 1


def test_other_options_kinds_and_spaces_are_other_heads(ws):
    first = ws.train(group="colour")
    assert ws.train(group="colour", options={"c": 1}).version == 2
    assert ws.train(group="colour", options={"c": "1"}).version == 2
    assert ws.train(group="colour", options={"c": None}).id == first.id  # the default, said aloud
    assert ws.train(group="colour", head="centroid").version == 3
    with pytest.raises(NotReady, match=r"18 images not yet embedded .*: run `curator encode -e histogram:turned@2`"):
        _without_vectors(ws)
    ws.encode("histogram:turned")
    fourth = ws.train(group="colour", encoder="histogram:turned")
    assert (fourth.version, fourth.model.variant) == (4, "turned")
    assert [head.version for head in ws.training.heads.all()] == [1, 2, 3, 4]


def _without_vectors(ws):
    """As where embedding would take more than a minute."""
    rate, ws.derived.rate = ws.derived.rate, lambda fingerprint: 1e-3
    try:
        ws.train(group="colour", encoder="histogram:turned")
    finally:
        ws.derived.rate = rate


def test_the_same_items_under_another_name_are_another_head(ws):
    first = ws.train(group="colour")
    blue = [item.id for item in ws.items.select(ItemSet(label="blue"))]
    ws.label("azure", blue, group="colour")
    second = ws.train(group="colour")
    assert (first.classes, first.counts) == (("blue", "green", "red"), (6, 6, 6))
    assert (second.classes, second.counts) == (("azure", "green", "red"), (6, 6, 6))
    assert not second.reused


def test_what_is_predicted_again_is_the_same_and_needs_no_fit(ws, counts):
    counts.clear()
    first = predicted(ws, group="colour", head="centroid")
    held = counts["predicted"] - 3
    assert held == 5 * 18  # each labelled item in each repeat, held out
    picture(ws.folder.parent / "new" / "later.png", 77, color=(30, 40, 210))
    ws.add(ws.folder.parent / "new")
    counts.clear()
    found = predicted(ws, group="colour", head="centroid")
    assert (counts["predicted"], counts["fitted"]) == (4, 0)
    assert found["later.png"][0] == "blue" and {**found, **first} == found


@pytest.mark.parametrize("at_once", [1, 2, 4])
@pytest.mark.parametrize("few", [0, 100])
def test_predictions_are_the_same_however_few_vectors_are_read_at_once(ws, counts, monkeypatch, at_once, few):
    for n in range(4):
        picture(ws.folder.parent / "new" / f"more{n}.png", 80 + n, color=(30, 40, 210))
    ws.add(ws.folder.parent / "new")
    whole = predicted(ws, group="colour", head="centroid")
    monkeypatch.setattr("curator.embedding.vector_reader.AT_ONCE", at_once)
    monkeypatch.setattr("curator.embedding.vector_reader.FEW", few)
    counts.clear()
    assert predicted(ws, group="colour", head="centroid") == whole
    assert (len(whole), counts["predicted"], counts["fitted"]) == (7, 7, 0)


def test_a_label_with_one_example_is_left_out_with_a_note(ws):
    ws.label("violet", ["id:19"], group="colour")
    head = ws.train(group="colour")
    assert head.classes == ("blue", "green", "red")
    assert "classes with fewer than two examples left out: violet" in head.notes
    assert sum(head.counts) == 18


def test_contradictions_are_left_out_with_a_note(tmp_path, colours, ws):
    (colours / "blue" / "also.png").write_bytes((colours / "red" / "0.png").read_bytes())
    ws.add(colours, labels_from_folders=True, group="colour")
    head = ws.train(group="colour")
    assert head.counts == (6, 6, 5)
    assert any("1 item with contradicting labels left out" in note for note in head.notes)


def test_few_examples_come_with_a_caution(ws):
    head = ws.train(group="colour")
    assert "the smallest class has 6 examples: figures about it can be off by 41 points" in head.notes
    assert head.metrics["items"] == 18


def test_too_little_to_learn_from_says_which_command_helps(ws):
    ws.label("cat", ["id:1"])
    with pytest.raises(NotReady, match=r"'cat' has 1 example and 0 negative examples; it takes two of each: ") as told:
        ws.train(label="cat")
    assert str(told.value).endswith("curator label cat FILES and curator label cat --negative FILES")
    ws.label("cat", ["id:2", "id:3"])
    with pytest.raises(NotReady, match=r"3 examples and 0 negative examples; .* curator label cat --negative FILES"):
        ws.train(label="cat")
    ws.label("cat", ["id:7"], False)
    with pytest.raises(NotReady, match="1 negative example;"):
        ws.train(label="cat")
    ws.label("one", ["id:1", "id:2"], group="single")
    with pytest.raises(NotReady, match="group 'single' has 1 label with two or more items"):
        ws.train(group="single")


def test_one_of_each_is_enough_for_a_head_that_says_so_and_no_figure_is_made_up(ws):
    ws.label("cat", ["id:1"])
    with pytest.raises(NotReady, match=r"two of each: curator label cat FILES and curator label cat --negative FILES$"):
        ws.train(label="cat")
    with pytest.raises(NotReady, match="1 example and 0 negative examples; it takes one of each"):
        ws.train(label="cat", head="prototype")
    ws.label("cat", ["id:7"], False)
    with pytest.raises(NotReady, match=r"it takes two of each: .*; or --head prototype, which takes one$"):
        ws.train(label="cat")
    head = ws.train(label="cat", head="prototype")
    assert (head.counts, head.metrics) == ((1, 1), {"items": 0})
    assert head.notes == (
        "a class's only example cannot be held out: no figures, and nobody knows how often it is right",
    )
    rows = [row for row in ws.run("classify", label="cat", head="prototype") if row["kind"] == "prediction"]
    said = {row["id"]: row["probability"] for row in rows}
    assert len(said) == 19  # two of them were labelled
    assert min(said[n] for n in range(2, 7)) > 0.5 > max(said[n] for n in range(8, 13))  # blue as 1, green as 7


def test_a_class_of_one_example_is_fitted_on_and_the_others_are_measured(ws):
    ws.label("violet", ["id:19"], group="colour")
    head = ws.train(group="colour", head="prototype")
    assert (head.classes, head.counts) == (("blue", "green", "red", "violet"), (6, 6, 6, 1))
    assert head.metrics["items"] == 18 and head.metrics["accuracy"] > 0.9
    assert "fitted on, but not measured, as it is a class's only example: violet" in head.notes
    assert "the smallest class has 6 examples: figures about it can be off by 41 points" in head.notes
    ws.label("kind a", ["id:1"], group="kind")
    ws.label("kind b", ["id:7"], group="kind")
    assert ws.train(group="kind", head="prototype").metrics == {"items": 0}
    with pytest.raises(NotReady, match=r"0 labels with two or more items; .*; or --head prototype, which takes one"):
        ws.train(group="kind")


def test_a_damaged_vector_is_named_and_no_head_is_fitted_on_it(ws):
    import numpy as np

    damaged = np.full(8, np.inf, "<f4").tobytes()
    ws.derived.database.execute("UPDATE vector SET vector = ? WHERE hash = ?", damaged, ws.items.by_id(3).hash)
    for use in (lambda: ws.train(group="colour"), lambda: ws.run("similar", query="id:1")):
        with pytest.raises(NotReady, match=r"the vector of .*2\.png in histogram:plain is not finite: `curator check"):
            use()
    assert ws.training.heads.all() == []


def test_what_was_never_embedded_is_embedded_where_that_is_quick_or_asked_for(tmp_path, colours, monkeypatch):
    with open_fake(tmp_path / "workspace", "histogram", "centroid") as workspace:
        workspace.add(colours, labels_from_folders=True, group="colour", encode=False)
        with monkeypatch.context() as slow:
            slow.setattr(embedder, "ASK_SECONDS", 0)
            with pytest.raises(NotReady, match=r"18 images not yet embedded with histogram:plain .* or add --encode"):
                workspace.train(group="colour")
            assert workspace.train(group="colour", may_encode=True).counts == (6, 6, 6)
    with open_fake(tmp_path / "other", "histogram", "centroid") as workspace:
        workspace.add(colours, labels_from_folders=True, group="colour", encode=False)
        assert workspace.train(group="colour").counts == (6, 6, 6)


def test_an_encoder_of_texts_learns_nothing_from_pictures(tmp_path, colours):
    with open_fake(tmp_path / "workspace", "histogram", "numbers", "centroid") as workspace:
        workspace.add(colours, labels_from_folders=True, group="colour")
        with pytest.raises(BadInput, match="numbers embeds texts, and none is labelled"):
            workspace.train(group="colour", encoder="numbers")


def test_what_is_not_there(ws):
    with pytest.raises(NotFound, match="did you mean 'red'"):
        ws.train(label="rad")
    with pytest.raises(NotFound, match="did you mean 'colour'"):
        ws.train(group="color")
    with pytest.raises(NotFound, match="did you mean 'logistic'"):
        ws.train(group="colour", head="logistics")
    with pytest.raises(BadInput, match="either --label NAME or --group NAME"):
        ws.train()
    with pytest.raises(BadInput, match="no parameter 'd'"):
        ws.train(group="colour", options={"d": 1})
    assert ws.training.heads.all() == []


def test_a_lost_or_damaged_head_is_fitted_again_and_keeps_its_version(ws):
    rows = predicted(ws, group="colour")
    head = ws.training.heads.all()[0]
    items = ws.items.select()
    path = ws.objects.path(ws.database.value("SELECT object FROM head"))
    data = path.read_bytes()
    for damage, said in (
        (lambda: path.write_bytes(data[:-1] + b"\0\0"), "is damaged"),
        (path.unlink, "is missing from"),
    ):
        damage()
        with pytest.raises(WorkspaceError, match=rf"object .* {said}.*; restore it from a backup"):
            ws.training.predict(head, items)
        assert predicted(ws, group="colour") == rows
        assert path.read_bytes() == data and ws.training.heads.all() == [head]


def test_what_was_held_out_is_kept_and_calibrated_like_the_predictions(ws):
    head = ws.train(group="colour")
    found = ws.training.held_out(head)
    assert [item.id for item in found.items] == sorted(item.id for item in found.items) and len(found.items) == 18
    assert [found.classes[target] for target in found.targets] == [item.path.parent.name for item in found.items]
    assert head.calibrated and found.probabilities.shape == (18, 3)
    assert (found.probabilities.argmax(axis=1) == found.targets).mean() == pytest.approx(head.metrics["accuracy"])
    raw = ws.training.heads.predict(ws.training.heads.load_head(ws.training.heads.row(head)), head.head,
                                    ws.encoding.matrix(head.model, found.items)[1], 3)  # fmt: skip
    said = ws.training.predict(head, found.items).probabilities
    assert (said == ws.training.heads.calibration(ws.training.heads.row(head)).apply(raw)).all()
    assert abs(said - raw).max() > 1e-3


def test_lost_evidence_is_measured_again_under_the_same_version(ws):
    head = ws.train(group="colour")
    before = ws.training.held_out(head)
    ws.objects.path(ws.database.value("SELECT held_out FROM head")).unlink()
    with pytest.raises(WorkspaceError, match="is missing from"):
        ws.training.held_out(head)
    again = ws.train(group="colour")
    assert again.id == head.id and (ws.training.held_out(again).probabilities == before.probabilities).all()


def test_no_head_learns_from_what_a_head_said(ws):
    first = ws.train(group="colour")
    rows = ws.run("classify", group="colour", accept=0.5)
    taken = [row for row in rows if row["kind"] == "prediction" and row["probability"] >= 0.5]
    assert len(taken) == 3
    labels = ws.labels.of_items([row["id"] for row in taken])
    assert labels == {row["id"]: [row["label"]] for row in taken}
    assert ws.train(group="colour").id == first.id  # the same examples, the same head
    assert not [row for row in ws.run("classify", group="colour") if row["kind"] == "prediction"]
    ws.label("blue", [f"id:{taken[0]['id']}"], group="colour")  # a person knows better
    assert ws.labels.of_items([taken[0]["id"]]) == {taken[0]["id"]: ["blue"]}
    ws.undo()
    ws.undo()
    assert ws.labels.of_items([row["id"] for row in taken]) == {}


def test_figures_on_worse_copies_are_measured_once_asked_for(ws):
    plain = ws.train(group="colour")
    assert plain.figures()[0]["blurred"] is None
    worse = ws.train(group="colour", robustness=True)
    assert (worse.id, worse.reused) == (plain.id, False)
    (accuracy,) = [row for row in worse.figures() if row["metric"] == "accuracy"]
    assert accuracy["blurred"] == accuracy["noisy"] == accuracy["value"] == 1  # a blurred red is red
    assert ws.train(group="colour", robustness=True).reused and ws.train(group="colour").reused


def test_what_only_light_tells_apart_fails_in_the_dark(tmp_path, photos):
    for name, light in (("day", 230), ("dusk", 92)):
        for number in range(8):
            picture(photos / name / f"{number}.png", light + number, color=(light,) * 3)
    with open_fake(tmp_path / "workspace", "histogram", "centroid") as workspace:
        workspace.add(photos, labels_from_folders=True, group="light")
        head = workspace.train(group="light", robustness=True)
    (accuracy,) = [row for row in head.figures() if row["metric"] == "accuracy"]
    assert (accuracy["value"], accuracy["darkened"]) == pytest.approx((1, 0.5))  # all of it is taken for dusk


def test_a_picture_that_is_gone_has_no_worse_copy_and_that_is_said(ws):
    for item in ws.items.by_ids([1, 7, 8]):
        item.path.unlink()
    head = ws.train(group="colour", robustness=True)
    measured = int(head.metrics["items"])
    assert (
        f"blurred, darkened and noisy: measured on {measured - 3} of {measured} pictures; 3 could not be read"
        in head.notes
    )


def test_texts_have_no_worse_copies(tmp_path, ws):
    for number in range(6):
        text(tmp_path / "words" / ("a" if number % 2 else "b") / f"{number}.txt", f"{number} {number % 2} 1")
    with open_fake(tmp_path / "other", "numbers", "centroid") as workspace:
        workspace.add(tmp_path / "words", labels_from_folders=True, group="kind", encode=False)
        workspace.encode("numbers")
        head = workspace.train(group="kind", encoder="numbers", robustness=True)
    assert "only pictures can be blurred, darkened and noisy: not measured" in head.notes


def test_vectors_that_something_else_wrote_are_told(ws):
    ws.derived.database.execute(
        "UPDATE vector SET vector = ?", bytes.fromhex("0000c07f") * ws.models.find("histogram").dim
    )
    with pytest.raises(NotReady, match="is not finite: `curator check --repair`"):
        ws.train(group="colour")


def test_figures_of_a_label_are_those_among_what_is_labelled_whatever_the_background_takes(tmp_path):
    """What nobody labelled is red, too, so that a red picture is the label or of the rest with equal chances."""
    for name, count, first in (("red", 8, 0), ("blue", 8, 100)):
        for n in range(count):
            picture(tmp_path / name / f"{n}.png", first + n, color=COLORS[name])
    for n in range(120):
        picture(tmp_path / "rest" / f"{n}.png", 1_000 + n, color=COLORS["red"])
    with open_fake(tmp_path / "workspace", "histogram", "centroid") as workspace:
        workspace.add(tmp_path / "red", label="red")
        workspace.add(tmp_path / "blue", not_label="red")
        workspace.add(tmp_path / "rest")
        head = workspace.train(label="red")
        assert any("fitted on as a class of their own" in note for note in head.notes)
        assert head.metrics["recall"] == head.metrics["accuracy"] == 1.0
