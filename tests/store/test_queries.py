"""Queries of the catalogue: what is asked for by a key is looked up by an index, and paths of any bytes come back."""

from __future__ import annotations

import os
import random

import pytest

from curator.store.catalogue import open_catalogue, path_to_value
from curator.store.catalogue.heads import HeadRow, HeadStore
from curator.store.catalogue.items import ItemStore
from curator.store.catalogue.labels import GroupRow, LabelRow, LabelStore, LastSaid, VerdictRow
from curator.store.catalogue.models import ModelRow, ModelStore
from curator.store.catalogue.pairs import MetricRow, PairRow, PairStore
from curator.store.catalogue.places import PlaceRow, PlaceStore, TableRowPlace
from curator.store.catalogue.problems import ProblemRow, ProblemStore
from curator.store.catalogue.settings import SettingRow, SettingStore
from curator.store.catalogue.source_tables import SourceTableRow, SourceTableStore

BY_KEY = {
    "items by id": lambda db: ItemStore(db).by_ids([1]),
    "items by hash": lambda db: ItemStore(db).by_hashes(["a"]),
    "the id of a hash": lambda db: ItemStore(db).id_of("a"),
    "the ids of hashes": lambda db: ItemStore(db).ids_of(["a"]),
    "the last id": lambda db: ItemStore(db).last_id(),
    "a place": lambda db: PlaceStore(db).at(1, "a.png"),
    "places of rows": lambda db: PlaceStore(db).rows_at(1, "a.csv", ["line 2"]),
    "rows of a table": lambda db: list(PlaceStore(db).rows_of_table(1, "a.csv")),
    "places below a root": lambda db: list(PlaceStore(db).below(1, "", rows=False)),
    "paths below a root": lambda db: PlaceStore(db).paths_below_root(1),
    "places of an inode": lambda db: PlaceStore(db).of_inode("1", "2"),
    "files of an item": lambda db: PlaceStore(db).files_of(1),
    "rows of an item": lambda db: PlaceStore(db).rows_of(1),
    "paths of items": lambda db: list(PlaceStore(db).paths_of([1])),
    "places that are present": lambda db: list(PlaceStore(db).present([1])),
    "texts elsewhere": lambda db: PlaceStore(db).texts_elsewhere([1], 1, "a.csv"),
    "a table": lambda db: SourceTableStore(db).at("/a.csv"),
    "a problem": lambda db: ProblemStore(db).at("/a.png"),
    "problems of a table": lambda db: ProblemStore(db).of_table(1),
    "a group": lambda db: LabelStore(db).group(1),
    "a group by its name": lambda db: LabelStore(db).group_named("kind"),
    "a label": lambda db: LabelStore(db).by_id(1),
    "a label of a group": lambda db: LabelStore(db).in_group("cat", "kind"),
    "what was said last": lambda db: list(LabelStore(db).last_said([1], 1, 3)),
    "what was said last in a group": lambda db: LabelStore(db).last_said_in_group([1], "kind", 2),
    "a space": lambda db: ModelStore(db).description("a"),
    "a model": lambda db: ModelStore(db).by_id(1),
    "a model of a version": lambda db: ModelStore(db).of_version("ngram", 1),
    "a model of a space": lambda db: ModelStore(db).in_space("ngram", "a"),
    "weights of a model": lambda db: ModelStore(db).weights(1),
    "a head": lambda db: HeadStore(db).by_id(1),
    "a head of a target": lambda db: HeadStore(db).latest("label", 1, "a"),
    "a setting": lambda db: SettingStore(db).value("model.ngram"),
    "whether a setting is": lambda db: SettingStore(db).holds("model.ngram"),
}


@pytest.fixture
def catalogue(tmp_path):
    database = open_catalogue(tmp_path)
    yield database
    database.close()


@pytest.mark.parametrize("query", BY_KEY.values(), ids=BY_KEY)
def test_what_is_asked_for_by_a_key_is_not_searched_for_in_the_whole_table(catalogue, query):
    asked = []
    catalogue.connection.set_trace_callback(asked.append)
    query(catalogue)
    catalogue.connection.set_trace_callback(None)
    assert asked
    steps = [row["detail"] for sql in asked for row in catalogue.rows(f"EXPLAIN QUERY PLAN {sql}")]
    assert any(step.startswith("SEARCH") for step in steps)
    assert [step for step in steps if step.startswith("SCAN") and "json_each" not in step] == []


OF_SOME = {
    "labels of items": lambda db: list(LabelStore(db).positives([1, 2])),
    "what holds of items and a label": lambda db: LabelStore(db).values([1, 2], 1),
    "whether anything holds": lambda db: LabelStore(db).holds(1, 1),
    "what holds as to labels": lambda db: list(LabelStore(db).verdicts([1], 0)),
}


@pytest.mark.parametrize("query", OF_SOME.values(), ids=OF_SOME)
def test_what_holds_of_some_is_told_from_the_statements_about_them_alone(catalogue, query):
    asked = []
    catalogue.connection.set_trace_callback(asked.append)
    query(catalogue)
    catalogue.connection.set_trace_callback(None)
    steps = [row["detail"] for sql in asked for row in catalogue.rows(f"EXPLAIN QUERY PLAN {sql}")]
    assert any(step.startswith("SEARCH statement USING") for step in steps)
    assert not any(step.startswith("SCAN statement") for step in steps)


def test_what_holds_of_some_is_what_the_view_says(catalogue):
    chance = random.Random(1)
    catalogue.execute(
        "INSERT INTO run (id, command, arguments, started, state, version) VALUES (1, '', '', '', 'done', '')"
    )
    for number in range(1, 6):
        catalogue.execute("INSERT INTO item (id, hash, modality, size) VALUES (?, ?, 'text', 1)", number, str(number))
        catalogue.execute("INSERT INTO label (id, name) VALUES (?, ?)", number, str(number))
    for _ in range(300):
        said = (chance.randint(1, 5), chance.randint(1, 5), chance.randint(-1, 1), chance.choice((0, 1, 2, 2, 2, 3)))
        catalogue.execute(
            "INSERT INTO statement (item_id, label_id, value, source, run_id) VALUES (?, ?, ?, ?, 1)", *said
        )
        if chance.random() < 0.1:
            every = [VerdictRow(*row) for row in catalogue.rows("SELECT * FROM verdict ORDER BY item_id, label_id")]
            labels = LabelStore(catalogue)
            some = chance.sample(range(1, 6), 2)
            by_row = lambda row: (row.item_id, row.label_id)  # noqa: E731
            wanted = [row for row in every if row.value == 1 and row.item_id in some]
            assert sorted(labels.positives(some), key=by_row) == wanted
            wanted = [row for row in every if row.value != 0 and row.source >= 1 and row.label_id in some]
            assert sorted(labels.verdicts(some, 1), key=by_row) == wanted
            wanted = {row.item_id: row.value for row in every if row.label_id == 2 and row.item_id in some}
            assert labels.values(some, 2) == wanted


def test_paths_of_any_bytes_come_back(catalogue):
    name = os.fsdecode(b"caf\xe9")
    value = path_to_value(name)
    catalogue.execute("INSERT INTO item (id, hash, modality, size) VALUES (1, 'a', 'image', 3)")
    catalogue.execute("INSERT INTO root (id, path) VALUES (1, ?)", path_to_value(f"/{name}"))
    place = "INSERT INTO place (id, item_id, root_id, path, row_key, size, mtime_ns, device, inode, missing)"
    catalogue.execute(f"{place} VALUES (1, 1, 1, ?, '', 3, 4, '5', '6', 1)", value)
    catalogue.execute(f"{place} VALUES (2, 1, 1, ?, 'text line 2', 3, 0, '', '', 0)", value)
    catalogue.execute("INSERT INTO problem (id, path, reason, size, mtime_ns) VALUES (1, ?, 'torn', 3, 4)", value)
    catalogue.execute("INSERT INTO source_table (id, path, options) VALUES (1, ?, '{}')", value)
    places = PlaceStore(catalogue)
    assert places.roots() == {f"/{name}": 1} and places.root(1) == f"/{name}"
    assert places.at(1, name) == PlaceRow(1, 1, 1, name, "", 3, 4, "5", "6", True)
    assert places.rows_at(1, name, ["text line 2"])["text line 2"].path == name
    assert list(places.rows_of_table(1, name)) == [TableRowPlace(2, 1, "text line 2", False)]
    assert list(places.paths_of([1])) == [(1, 1, name, "text line 2")]
    assert places.texts_elsewhere([1], 1, name) == set()
    assert ProblemStore(catalogue).at(name) == ProblemRow(1, name, "torn", 3, 4)
    assert ProblemStore(catalogue).paths() == [(1, name)]
    assert SourceTableStore(catalogue).at(name) == SourceTableRow(1, name, "{}", None, None, None, None, None)


def test_rows_of_a_table_are_read_page_by_page(catalogue, monkeypatch):
    monkeypatch.setattr("curator.store.catalogue.places.PAGE", 3)
    catalogue.execute("INSERT INTO root (id, path) VALUES (1, '/data')")
    catalogue.execute_many(
        "INSERT INTO item (id, hash, modality, size) VALUES (?, ?, 'text', 1)", [(n, f"{n}") for n in range(1, 8)]
    )
    catalogue.execute_many(
        "INSERT INTO place (id, item_id, root_id, path, row_key, size, mtime_ns, device, inode) "
        "VALUES (?, ?, 1, 'a.csv', ?, 1, 0, '', '')",
        [(n, n, f"text line {9 - n}") for n in range(1, 8)],
    )
    asked = []
    catalogue.connection.set_trace_callback(asked.append)
    assert [place.item_id for place in PlaceStore(catalogue).rows_of_table(1, "a.csv")] == [7, 6, 5, 4, 3, 2, 1]
    assert len(asked) == 4


@pytest.fixture
def labelled(catalogue):
    """Item 1 is a cat by the import, a dog by a person; item 2 is a cat and none by imports."""
    catalogue.execute(
        "INSERT INTO run (id, command, arguments, version, started, state) VALUES (1, '', '', '', '', 'done')"
    )
    for number in (1, 2):
        catalogue.execute("INSERT INTO item (id, hash, modality, size) VALUES (?, ?, 'image', 3)", number, str(number))
    catalogue.execute("INSERT INTO label_group (id, name) VALUES (7, 'kind')")
    catalogue.execute("INSERT INTO label (id, name, group_id) VALUES (1, 'dog', 7), (2, 'cat', 7), (3, 'old', NULL)")
    catalogue.execute_many(
        "INSERT INTO statement (id, item_id, label_id, value, source, run_id) VALUES (?, ?, ?, ?, ?, 1)",
        [(1, 1, 2, 1, 2), (2, 1, 1, 1, 3), (3, 2, 2, 1, 2), (4, 2, 2, -1, 2), (5, 2, 3, -1, 0)],
    )
    return LabelStore(catalogue)


def test_labels_and_what_is_said_come_as_rows(labelled):
    dog, cat, old = LabelRow(1, "dog", 7, "kind"), LabelRow(2, "cat", 7, "kind"), LabelRow(3, "old", None, None)
    assert labelled.all() == [dog, cat, old] and labelled.names() == {1: ("dog", 7), 2: ("cat", 7), 3: ("old", None)}
    assert (labelled.by_id(3), labelled.by_id(None), labelled.in_group("cat", "kind")) == (old, None, cat)
    assert labelled.going_by("kind/dog", None) == [dog] and labelled.going_by("cat", 3) == [cat, old]
    assert labelled.group(7) == labelled.group_named("kind") == GroupRow(7, "kind")
    assert list(labelled.names_in(7).items()) == [(2, "cat"), (1, "dog")] and labelled.siblings(1) == [2]
    assert list(labelled.last_said([1, 2], 2, 2)) == [LastSaid(1, 2, 1, 1), LastSaid(2, 2, -1, 4)]
    assert labelled.last_said_in_group([1], "kind", 3) == [LastSaid(1, 1, 1, 2)]
    assert labelled.siblings_last_named([1, 2], 1, 2) == {1: 1, 2: 3}
    assert labelled.values([1, 2], 2) == {1: 1, 2: None}
    assert list(labelled.positives([1, 2])) == [VerdictRow(1, 1, 3, 2, 1), VerdictRow(1, 2, 2, 1, 1)]
    assert list(labelled.verdicts([2, 3], 1)) == [VerdictRow(1, 2, 2, 1, 1), VerdictRow(2, 2, 2, 4, None)]
    assert (labelled.holds(2, 2), labelled.holds(1, 3)) == (True, False)


def test_pairs_models_heads_and_settings_come_as_rows(catalogue, labelled):
    catalogue.execute_many(
        "INSERT INTO pair (metric, left_id, right_id, value, run_id) VALUES ('taste', 1, 2, ?, 1)", [(1,), (-1,)]
    )
    pairs = PairStore(catalogue)
    assert (pairs.of("taste"), pairs.metrics()) == ([PairRow(1, 2, -1)], [MetricRow("taste", 0, 1)])
    catalogue.execute(
        "INSERT INTO space (id, fingerprint, dim, modalities, description) VALUES (4, 'f', 8, '[\"text\"]', '{}')"
    )
    catalogue.execute(
        "INSERT INTO model (id, encoder, variant, version, space_id, weights) VALUES (5, 'ngram', 'big', 2, 4, 'null')"
    )
    models, model = ModelStore(catalogue), ModelRow(5, "ngram", "big", 2, "null", 8, ("text",), "f")
    assert models.by_id(5) == models.of_version("ngram", 2) == models.in_space("ngram", "f") == model
    assert (models.all(), models.weights(5), models.description("f")) == ([model], None, {})
    catalogue.execute(
        "INSERT INTO head (id, target, target_kind, target_id, version, kind, options, model_id, classes, counts, "
        "digest, metrics, notes, object, calibration) VALUES (6, 'label:old', 'label', 3, 1, 'mlp', '{}', 5, "
        "'[\"not old\", \"old\"]', '[2, 3]', 'd', '{\"items\": 5}', '[\"few\"]', 'o', '[2.0, 0.5]')"
    )
    classes, figures = ("not old", "old"), ((2, 3), {"items": 5}, ("few",))
    head = HeadRow(6, "label:old", "label", 3, 1, "mlp", {}, 5, classes, *figures, "o", None, (2.0, 0.5), "d")
    heads = HeadStore(catalogue)
    assert heads.by_id(6) == heads.latest("label", 3, "d") == head and heads.all() == [head]
    catalogue.execute("INSERT INTO setting (id, key, value) VALUES (8, 'model.a_b:c', '5'), (9, 'model.axb:c', '6')")
    settings = SettingStore(catalogue)
    assert (settings.value("model.a_b:c"), settings.value("none"), settings.holds("none")) == (5, None, False)
    assert settings.beginning("model.a_b:") == [SettingRow(8, "model.a_b:c")]
