"""`curator export --format vectors` and `curator import --vectors`, through the real command line."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import zipfile

import cli_kit
import numpy as np
import pytest
from plugin_kit import Site, hook

TEXTS = 6


def drawn(rows, dim=4, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, dim)).astype(np.float32)


def items_of(folder):
    with (folder / "items.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def table(path, column, values):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([[column], *[[value] for value in values]])
    return path


def neighbours(ran):
    assert ran.code == 0, ran
    return [(row["path"], round(row["score"], 4)) for row in ran.rows("neighbour")]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A workspace of texts and pictures; `texts` are its texts by id, with their hashes and paths."""
    base = tmp_path_factory.mktemp("made")
    cli_kit.texts(base / "texts", TEXTS)
    (base / "photos").mkdir()
    for number in range(3):
        cli_kit.photo(base / f"photos/{number}.jpg", number)
    assert cli_kit.curator("add", "texts", "photos", cwd=base).code == 0
    return base


@pytest.fixture
def here(made, tmp_path, monkeypatch):
    """`here("status", ...)` runs in this process, in a copy of the workspace."""
    return cli_kit.in_a_copy(made, tmp_path, monkeypatch)


@pytest.fixture
def texts(here):
    """The texts of it: rows of `ls`."""
    found = here("ls", "--media", "text", "--json").rows("item")
    assert len(found) == TEXTS
    return [row | {"hash": hashlib.sha256(row["text"].encode()).hexdigest()} for row in found]


# --- there and back ---


@pytest.mark.parametrize("form", ["vectors", "vectors-parquet"])
def test_what_goes_out_comes_in_and_finds_the_same(here, tmp_path, form):
    if form == "vectors-parquet":
        pytest.importorskip("pyarrow", reason="extra formats")
    done = here("export", "out", "--format", form, "--media", "text", "--json")
    assert done.code == 0 and done.row("exported")["items"] == TEXTS, done
    file = "out/vectors.npy" if form == "vectors" else "out/vectors.parquet"
    done = here("import", "--vectors", file, "--space", "mine", "--json")
    wanted = {"model": "imported:mine/2048", "rows": TEXTS, "new": TEXTS, "known": 0, "unmatched": 0}
    assert {name: done.row("imported")[name] for name in wanted} == wanted
    for query in ("id:1", "id:4"):
        expected = neighbours(here("similar", query, "-k", "5", "--json"))
        assert len(expected) == 5
        assert neighbours(here("similar", query, "-k", "5", "-e", "imported:mine", "--json")) == expected
    shutil.rmtree(tmp_path / "out")  # the file may go afterwards
    assert neighbours(here("similar", "id:1", "-e", "imported:mine", "--json"))
    assert here("check").code == 0


def test_row_i_of_the_table_is_the_item_of_row_i(here, tmp_path):
    assert here("export", "out", "--format", "vectors", "--media", "text").code == 0
    vectors = np.load(tmp_path / "out/vectors.npy")
    rows = items_of(tmp_path / "out")
    assert vectors.dtype == np.float32 and vectors.shape == (TEXTS, 2048) and vectors.flags.c_contiguous
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    cosines = vectors[0] @ vectors.T
    expected = {row["path"]: row["score"] for row in here("similar", "id:1", "-k", "9", "--json").rows("neighbour")}
    assert {row["source"]: cosine for row, cosine in zip(rows, cosines, strict=True) if row["id"] != "1"} == {
        path: pytest.approx(score, abs=1e-4) for path, score in expected.items()
    }


def test_another_workspace_with_the_same_files_takes_them(here, made, tmp_path):
    assert here("export", "out", "--format", "vectors", "--media", "text").code == 0
    expected = neighbours(here("similar", "id:2", "--json"))
    other = ("-w", "other")
    assert here("init", *other).code == 0
    assert here("add", *other, str(made / "photos"), str(made / "texts"), "--no-encode").code == 0  # ids are others
    assert here("import", *other, "--vectors", "out/vectors.npy", "--space", "mine").code == 0
    query = str(made / "texts/2.txt")
    assert neighbours(here("similar", *other, query, "-e", "imported:mine", "--json")) == expected
    assert here("status", *other, "--json").code == 0


def test_vectors_of_items_whose_files_are_gone_go_out_too(here, made, tmp_path):
    shutil.copytree(made / "photos", tmp_path / "photos")
    assert here("init", "-w", "other").code == 0
    assert here("add", "-w", "other", "photos").code == 0
    shutil.rmtree(tmp_path / "photos")
    assert here("export", "-w", "other", "out", "--format", "vectors").code == 0
    assert len(items_of(tmp_path / "out")) == len(np.load(tmp_path / "out/vectors.npy")) == 3


def test_two_spaces_do_not_go_into_one_file(here):
    here("export", "out", "--format", "vectors").assert_failed(2, "two spaces", "--media image", "-e ENCODER")
    here("export", "out", "--format", "csv", "-e", "ngram").assert_failed(2, "csv holds no vectors")


BOTH = """
class Both:
    def encode(self, batch):
        import numpy as np

        length = len(batch.pixels) if hasattr(batch, "pixels") else len(batch.texts)
        return np.tile(np.float32([1, length, 2]), (length, 1))

    def close(self):
        pass

def resolve(variant, weights):
    return Resolved(3, preprocess=Preprocess(64, 56, (0.0,) * 3, (1.0,) * 3))

def load(resolved, device):
    return Both()
""" + hook("register_encoders", "[EncoderSpec('both', ('image', 'text'), 'images and texts', resolve, load)]")


def test_both_media_of_one_space_do(tmp_path):
    for name in ("site", "folder"):
        (tmp_path / name).mkdir()
    site = Site(tmp_path / "site", tmp_path / "folder")
    site.lay("both", BOTH)
    (site.folder / "files").mkdir()
    cli_kit.photo(site.folder / "files/photo.jpg", 1)
    (site.folder / "files/hats.txt").write_text("hats")
    assert site.run("add", "files", "--no-encode").code == 0
    assert site.run("encode", "-e", "both").code == site.run("encoders", "--use", "both").code == 0
    assert site.run("export", "out", "--format", "vectors").code == 0
    assert len(items_of(site.folder / "out")) == 2 and np.load(site.folder / "out/vectors.npy").shape == (2, 3)


def test_items_without_a_vector_are_told_of(here, texts, tmp_path):
    np.save(tmp_path / "some.npy", drawn(2))
    table(tmp_path / "some.csv", "id", [texts[0]["id"], texts[1]["id"]])
    assert here("import", "--vectors", "some.npy", "--space", "some").code == 0
    done = here("export", "out", "--format", "vectors", "-e", "imported:some", "--media", "text")
    done.assert_ended(5, "4 of 6 items could not be exported")
    assert "without a vector in imported:some/4" in done.err
    assert [row["id"] for row in items_of(tmp_path / "out")] == [str(texts[0]["id"]), str(texts[1]["id"])]
    units = drawn(2) / np.linalg.norm(drawn(2), axis=1, keepdims=True)
    np.testing.assert_allclose(np.load(tmp_path / "out/vectors.npy"), units, atol=1e-6)


# --- what people bring ---


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, ">f4"])
def test_numbers_of_every_length(here, texts, tmp_path, kind):
    np.save(tmp_path / "some.npy", drawn(TEXTS).astype(kind))
    table(tmp_path / "some.csv", "path", [row["path"] for row in texts])
    assert here("import", "--vectors", "some.npy", "--space", "some").code == 0
    found = here("similar", f"id:{texts[0]['id']}", "-k", "9", "-e", "imported:some", "--json").rows("neighbour")
    units = drawn(TEXTS) / np.linalg.norm(drawn(TEXTS), axis=1, keepdims=True)
    expected = {row["id"]: float(units[0] @ unit) for row, unit in zip(texts, units, strict=True)}
    assert len(found) == TEXTS - 1
    for row in found:
        assert row["score"] == pytest.approx(expected[row["id"]], abs=2e-3)


@pytest.mark.parametrize("names", ["hashes", "paths", "ids"])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_archive_names_its_items_itself(here, texts, tmp_path, names, save):
    of = {"hashes": "hash", "paths": "path", "ids": "id"}[names]
    save(tmp_path / "some.npz", vectors=drawn(TEXTS), **{names: np.asarray([row[of] for row in texts])})
    done = here("import", "--vectors", "some.npz", "--space", "some", "--json")
    assert done.code == 0 and done.row("imported")["new"] == TEXTS, done


def test_parquet_of_lists(here, texts, tmp_path):
    pyarrow = pytest.importorskip("pyarrow", reason="extra formats")
    from pyarrow import parquet

    for name, kind in (("lists", pyarrow.list_(pyarrow.float64())), ("fixed", pyarrow.list_(pyarrow.float32(), 4))):
        columns = {"hash": [row["hash"] for row in texts], "vector": pyarrow.array(drawn(TEXTS).tolist(), kind)}
        parquet.write_table(pyarrow.table(columns), tmp_path / f"{name}.parquet")
        done = here("import", "--vectors", f"{name}.parquet", "--space", name, "--json")
        assert done.code == 0 and done.row("imported")["new"] == TEXTS, done


def test_the_table_may_be_named(here, texts, tmp_path):
    np.save(tmp_path / "some.npy", drawn(TEXTS))
    here("import", "--vectors", "some.npy", "--space", "some").assert_failed(3, "some.csv or items.csv", "--ids TABLE")
    table(tmp_path / "elsewhere.csv", "filepath", [row["path"] for row in texts])
    assert here("import", "--vectors", "some.npy", "--space", "some", "--ids", "elsewhere.csv").code == 0


def test_more_of_a_name_adds_to_the_space(here, texts, tmp_path):
    photos = here("ls", "--media", "image", "--json").rows("item")
    for name, items, seed in (("one", texts[:3], 1), ("two", texts[3:], 2), ("photos", photos, 3)):
        np.savez(tmp_path / f"{name}.npz", vectors=drawn(3, seed=seed), ids=[row["id"] for row in items])
        assert here("import", "--vectors", f"{name}.npz", "--space", "some").code == 0
    (model,) = [row for row in here("encoders", "--json").rows("encoder") if row["name"].startswith("imported:")]
    assert (model["name"], model["embedded"], model["media"]) == ("imported:some/4", 9, ["image", "text"])
    done = here("import", "--vectors", "one.npz", "--space", "some", "--json")  # again: nothing is new
    assert (done.code, done.row("imported")["new"], done.row("imported")["known"]) == (0, 0, 3)
    done = here("cluster", "-k", "2", "--media", "text", "-e", "imported:some", "--json")
    assert done.code == 0 and len(done.rows("cluster")) == 2, done


def test_a_copy_may_have_the_vector_of_the_other(here, made, texts, tmp_path):
    copies = tmp_path / "copies"
    copies.mkdir()
    shutil.copy(made / "texts/1.txt", copies / "copy.txt")
    assert here("add", "copies").code == 0
    vectors = drawn(2)
    vectors[1] = vectors[0] * 1.00001
    np.savez(tmp_path / "some.npz", vectors=vectors, paths=[str(made / "texts/1.txt"), str(copies / "copy.txt")])
    done = here("import", "--vectors", "some.npz", "--space", "some", "--json")
    assert (done.code, done.row("imported")["new"], done.row("imported")["known"]) == (0, 1, 1)


def test_rows_of_no_item_are_counted_and_the_others_kept(here, texts, tmp_path):
    names = [*[row["hash"] for row in texts[:4]], "0" * 64, ""]
    np.savez(tmp_path / "some.npz", vectors=drawn(6), hashes=names)
    done = here("import", "--vectors", "some.npz", "--space", "some", "--json")
    done.assert_ended(5, "2 rows of 6", f"row 5: '{'0' * 64}'", "row 6: ''")
    assert done.row("imported")["new"] == 4 and done.row("imported")["unmatched"] == 2


# --- a space that nothing is embedded in ---


def imported(here, tmp_path, rows, name="some"):
    np.savez(tmp_path / f"{name}.npz", vectors=drawn(len(rows)), ids=[row["id"] for row in rows])
    assert here("import", "--vectors", f"{name}.npz", "--space", name).code == 0


def test_nothing_is_embedded_with_it(here, texts, tmp_path):
    imported(here, tmp_path, texts)
    told = "import those of new items, too"
    here("encode", "-e", "imported:some").assert_failed(4, "imported:some/4", told, "--space some")
    here("encoders", "--use", "imported:some").assert_failed(4, told)
    here("similar", "--text", "hats", "-e", "imported:some").assert_failed(4, told)
    here("train", "--label", "x", "-e", "imported").assert_ended(3)
    here("similar", "id:1", "-e", "imported:none").assert_failed(3, "no vectors were imported as 'none'")
    here("similar", "id:1", "-e", "imported:none/4").assert_failed(4, "imported")
    here("similar", "id:1", "-e", "imported").assert_failed(3, "imported:NAME")
    assert [row["name"] for row in here("encoders", "--json").rows("encoder") if row["default"]] == [
        "efficientnet-lite0",
        "ngram",
    ]


def test_new_items_are_no_work_to_do_and_left_out_with_a_word(here, texts, tmp_path):
    imported(here, tmp_path, texts[:5])
    (tmp_path / "new.txt").write_text("a new text, of which there is no vector")
    assert here("add", "new.txt").code == 0
    steps = here("status", "--json")
    assert "not embedded" not in steps.out
    done = here("similar", f"id:{texts[0]['id']}", "-e", "imported:some", "--json")
    assert len(done.rows("neighbour")) == 4
    assert "2 items of 7 without a vector in imported:some/4 left out" in done.err


def test_classify_learns_on_it(here, texts, tmp_path):
    vectors = drawn(TEXTS) + np.repeat(np.float32([[5], [-5]]), 3, axis=0)
    np.savez(tmp_path / "some.npz", vectors=vectors, ids=[row["id"] for row in texts])
    assert here("import", "--vectors", "some.npz", "--space", "some").code == 0
    for row, more in ((texts[0], ()), (texts[1], ()), (texts[3], ("--negative",)), (texts[4], ("--negative",))):
        assert here("label", "warm", f"id:{row['id']}", *more).code == 0
    done = here("classify", "--label", "warm", "-e", "imported:some", "--media", "text", "--json")
    said = {row["id"]: row["probability"] for row in done.rows("prediction")}
    assert said[texts[2]["id"]] > 0.7 and said[texts[5]["id"]] < 0.3, done


def test_undo_and_redo_and_backup(here, texts, tmp_path):
    imported(here, tmp_path, texts)
    expected = neighbours(here("similar", "id:1", "-e", "imported:some", "--json"))
    done = here("undo")
    assert "run 2 (import) is undone" in done.out, done
    here("similar", "id:1", "-e", "imported:some").assert_failed(3, "no vectors were imported as 'some'")
    assert here("check").code == 0
    assert here("undo", "3").code == 0
    assert neighbours(here("similar", "id:1", "-e", "imported:some", "--json")) == expected
    assert here("backup", "saved.tar").code == 0
    assert here("restore", "saved.tar", "--to", "again").code == 0
    again = ("-w", "again")
    assert here("check", *again).code in (0, 5)
    done = here("import", *again, "--vectors", "some.npz", "--space", "some", "--json")  # vectors are no part of it
    assert done.row("imported")["new"] == TEXTS
    assert neighbours(here("similar", *again, "id:1", "-e", "imported:some", "--json")) == expected


# --- what cannot be used ---


def of_objects(path, ids):
    np.save(path / "some.npy", np.asarray([[1.0], {"a": 1}], dtype=object), allow_pickle=True)


def cut_off(path, ids):
    np.save(path / "some.npy", drawn(TEXTS))
    content = (path / "some.npy").read_bytes()
    (path / "some.npy").write_bytes(content[:-5])


def not_finite(path, ids):
    vectors = drawn(TEXTS)
    vectors[3, 1] = np.nan
    np.save(path / "some.npy", vectors)


def too_large(path, ids):
    vectors = drawn(TEXTS).astype(np.float64)
    vectors[4, 0] = 1e300
    np.save(path / "some.npy", vectors)


def longer_table(path, ids):
    np.save(path / "some.npy", drawn(TEXTS - 1))


def shorter_table(path, ids):
    np.save(path / "some.npy", drawn(TEXTS + 2))


def twice(path, ids):
    np.save(path / "some.npy", drawn(TEXTS))
    table(path / "some.csv", "id", [*ids[:-1], ids[0]])


def of_nobody(path, ids):
    np.save(path / "some.npy", drawn(2))
    table(path / "some.csv", "id", ["99", "x"])


def without_names(path, ids):
    np.save(path / "some.npy", drawn(2))
    table(path / "some.csv", "what", ["99", "x"])


def without_header(path, ids):
    np.save(path / "some.npy", drawn(2))
    (path / "some.csv").write_text("")


def saved(value):
    return lambda path, ids: np.save(path / "some.npy", value)


BAD = {
    "objects": (of_objects, 2, "objects of Python"),
    "cut off": (cut_off, 2, "row 6 of 6 is not whole"),
    "not finite": (not_finite, 2, "row 4 holds a number that is not finite"),
    "too large": (too_large, 2, "row 5 holds a number that is not finite"),
    "one dimension": (saved(np.zeros(6, np.float32)), 2, "the shape (6,)"),
    "three dimensions": (saved(np.zeros((6, 2, 2), np.float32)), 2, "the shape (6, 2, 2)"),
    "no rows": (saved(np.zeros((0, 4), np.float32)), 2, "the shape (0, 4)"),
    "no columns": (saved(np.zeros((6, 0), np.float32)), 2, "the shape (6, 0)"),
    "whole numbers": (saved(np.zeros((6, 4), np.uint8)), 2, "uint8"),
    "texts": (saved(np.full((6, 4), "a")), 2, "not floating-point numbers"),
    "by columns": (saved(np.asfortranarray(drawn(6))), 2, "column by column"),
    "longer table": (longer_table, 2, "has 5 rows", "names 6"),
    "shorter table": (shorter_table, 2, "has 8 rows", "names 6"),
    "twice": (twice, 2, "row 6 is of id:1", "another --space"),
    "of nobody": (of_nobody, 3, "none of its 2 rows", "row 1: '99'", "curator add"),
    "no names": (without_names, 2, "no column hash, path or id", "'what'"),
    "no header": (without_header, 2, "some.csv"),
    "no array": (lambda path, ids: (path / "some.npy").write_bytes(b"hello"), 2, "no array of numpy"),
    "nothing": (lambda path, ids: (path / "some.npy").write_bytes(b""), 2, "no array of numpy"),
    "a folder": (lambda path, ids: (path / "some.npy").mkdir(), 2, "folder"),
    "missing": (lambda path, ids: None, 3, "some.npy"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_used_is_one_line_and_nothing_is_kept(here, texts, tmp_path, name):
    write, code, *words = BAD[name]
    ids = [row["id"] for row in texts]
    table(tmp_path / "some.csv", "id", ids)
    write(tmp_path, ids)
    before = here("log", "--json").out
    here("import", "--vectors", "some.npy", "--space", "some").assert_failed(code, *words)
    here("similar", "id:1", "-e", "imported:some").assert_failed(3, "no vectors were imported as 'some'")
    assert here("log", "--json").out == before
    assert here("check").code == 0
    (tmp_path / "good").mkdir()
    np.save(tmp_path / "good/some.npy", drawn(TEXTS))
    table(tmp_path / "good/some.csv", "id", ids)
    done = here("import", "--vectors", "good/some.npy", "--space", "some", "--json")
    assert (done.code, done.row("imported")["new"]) == (0, TEXTS), done  # not one of them is there


def test_an_error_far_into_a_file_takes_all_of_it_back(here, tmp_path):
    """The blocks before were written already."""
    cli_kit.texts(tmp_path / "many", 1_500, "hats")
    assert here("init", "-w", "other").code == 0
    assert here("add", "-w", "other", "many", "--no-encode").code == 0
    vectors = drawn(1_500)
    vectors[1_400, 2] = np.inf
    np.savez(tmp_path / "some.npz", vectors=vectors, ids=np.arange(1, 1_501))
    done = here("import", "-w", "other", "--vectors", "some.npz", "--space", "some")
    done.assert_failed(2, "row 1,401 holds a number that is not finite")
    vectors[1_400, 2] = 1
    np.savez(tmp_path / "some.npz", vectors=vectors, ids=np.arange(1, 1_501))
    done = here("import", "-w", "other", "--vectors", "some.npz", "--space", "some", "--json")
    assert (done.row("imported")["new"], done.row("imported")["known"]) == (1_500, 0)


def test_another_dimension_or_other_numbers_are_another_space(here, texts, tmp_path):
    imported(here, tmp_path, texts)
    ids = [row["id"] for row in texts]
    np.savez(tmp_path / "wide.npz", vectors=drawn(TEXTS, dim=5), ids=ids)
    np.savez(tmp_path / "other.npz", vectors=drawn(TEXTS, seed=7), ids=ids)
    done = here("import", "--vectors", "wide.npz", "--space", "some")
    done.assert_failed(2, "imported:some/4 is of 4 numbers", "are of 5", "--space")
    here("import", "--vectors", "other.npz", "--space", "some").assert_failed(2, "row 1 is of id:1", "another vector")
    assert here("import", "--vectors", "wide.npz", "--space", "wide").code == 0
    here("import", "--vectors", "other.npz", "--space", "some@3").assert_failed(2, "cannot be the name of a space")
    here("import", "--vectors", "other.npz", "--space", " ").assert_failed(2, "--space", "it needs a name")
    assert here("import", "--vectors", "other.npz", "--space", "a/b: 向量").code == 0
    assert neighbours(here("similar", "id:1", "-e", "imported:a/b: 向量", "--json"))
    here("import", "--vectors", "other.npz").assert_failed(2, "--vectors FILE --space NAME")


def test_archives_and_files_of_other_kinds(here, texts, tmp_path):
    ids = [row["id"] for row in texts]
    np.savez(tmp_path / "unnamed.npz", vectors=drawn(TEXTS))
    here("import", "--vectors", "unnamed.npz", "--space", "s").assert_failed(2, "no array hash, path or id")
    np.savez(tmp_path / "empty.npz", ids=ids)
    here("import", "--vectors", "empty.npz", "--space", "s").assert_failed(2, "no array 'vectors'", "'ids'")
    np.savez(tmp_path / "odd.npz", vectors=drawn(TEXTS), ids=drawn(TEXTS))
    here("import", "--vectors", "odd.npz", "--space", "s").assert_failed(2, "'ids'", "not a row of texts")
    np.savez(tmp_path / "objects.npz", vectors=drawn(2), paths=np.asarray(["a", None], dtype=object))
    here("import", "--vectors", "objects.npz", "--space", "s").assert_failed(2, "'paths'", "objects of Python")
    np.savez(tmp_path / "good.npz", vectors=drawn(TEXTS), ids=ids)
    content = (tmp_path / "good.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(content[:-40])
    here("import", "--vectors", "cut.npz", "--space", "s").assert_failed(2, "cut.npz", "cannot be read")
    at = content.index(drawn(TEXTS).tobytes()[:16])
    (tmp_path / "bad.npz").write_bytes(content[:at] + b"\1\2\3\4" + content[at + 4 :])
    here("import", "--vectors", "bad.npz", "--space", "s").assert_failed(2, "bad.npz", "cannot be read")
    here("import", "--vectors", "good.npz", "--space", "s", "--ids", "x.csv").assert_ended(3, "x.csv")
    (tmp_path / "vectors.json").write_text(json.dumps([[1.0]]))
    here("import", "--vectors", "vectors.json", "--space", "s").assert_failed(2, ".npy, .npz or .parquet")
    here("similar", "id:1", "-e", "imported:s").assert_failed(3, "no vectors were imported as 's'")


def test_a_header_that_promises_more_than_any_memory_holds(here, texts, tmp_path):
    head = {"descr": "<f4", "fortran_order": False, "shape": (10**15, 4)}
    with (tmp_path / "some.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, head)
        file.write(drawn(TEXTS).tobytes())
    table(tmp_path / "some.csv", "id", [row["id"] for row in texts])
    here("import", "--vectors", "some.npy", "--space", "s").assert_failed(2, "is cut off: row 7 of")
    with zipfile.ZipFile(tmp_path / "some.npz", "w") as archive:
        archive.write(tmp_path / "some.npy", "vectors.npy")
        np.save(tmp_path / "ids.npy", np.arange(TEXTS))
        archive.write(tmp_path / "ids.npy", "ids.npy")
    here("import", "--vectors", "some.npz", "--space", "s").assert_failed(2, "is cut off: row 7 of")


@pytest.mark.parametrize("bad", ["null", "ragged", "nan", "texts", "absent", "cut"])
def test_parquet_that_cannot_be_used(here, texts, tmp_path, bad):
    pyarrow = pytest.importorskip("pyarrow", reason="extra formats")
    from pyarrow import parquet

    vectors = drawn(TEXTS).tolist()
    words = {"null": "row 3 has no vector", "ragged": "row 3 has 3 numbers", "nan": "row 3 holds a number"}
    words |= {"texts": "not lists of floating-point numbers", "absent": "no column 'vector'", "cut": "cannot be read"}
    vectors[2] = {"null": None, "ragged": [1.0, 2.0, 3.0], "nan": [1.0, None, 2.0, 3.0]}.get(bad, vectors[2])
    columns = {"id": [row["id"] for row in texts], "vector": vectors}
    if bad == "texts":
        columns["vector"] = ["a"] * TEXTS
    elif bad == "absent":
        columns["vec"] = columns.pop("vector")
    parquet.write_table(pyarrow.table(columns), tmp_path / "some.parquet")
    if bad == "cut":
        (tmp_path / "some.parquet").write_bytes((tmp_path / "some.parquet").read_bytes()[:-9])
    here("import", "--vectors", "some.parquet", "--space", "s").assert_failed(2, words[bad])
    here("similar", "id:1", "-e", "imported:s").assert_failed(3, "no vectors were imported as 's'")


# --- in every command ---


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """Forty texts of two kinds, all but two with imported vectors that tell the kinds apart; nothing is embedded."""
    base = tmp_path_factory.mktemp("labelled")
    for number in range(40):
        folder = base / "texts" / ("odd" if number % 2 else "even")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.txt").write_text(f"what is said of number {number} and of nothing else")
    added = ("add", "texts", "--labels-from-folders", "--group", "kind", "--no-encode")
    assert cli_kit.curator(*added, cwd=base).code == 0
    vectors = drawn(38) * 0.3 + np.array([[3, 0, 0, 0], [0, 3, 0, 0]] * 19, np.float32)
    np.save(base / "mine.npy", vectors)
    paths = [f"texts/{'odd' if number % 2 else 'even'}/{number}.txt" for number in range(38)]
    table(base / "mine.csv", "path", paths)
    assert (
        cli_kit.curator("import", "--vectors", "mine.npy", "--ids", "mine.csv", "--space", "mine", cwd=base).code == 0
    )
    return base


@pytest.fixture
def there(labelled, tmp_path, monkeypatch):
    return cli_kit.in_a_copy(labelled, tmp_path, monkeypatch)


LEFT_OUT = "of 40 without a vector in imported:mine/4 left out"


@pytest.mark.parametrize(
    "command",
    [
        ("cluster", "-k", "2"),
        ("classify", "--group", "kind"),
        ("train", "--group", "kind"),
        ("audit", "--group", "kind"),
        ("review", "--group", "kind", "--json"),
        ("sample", "5", "--diverse", "1"),
        ("dedupe", "--similar"),
        ("similar", "id:1"),
        ("export", "out", "--format", "vectors", "--where", "-name:38.txt -name:39.txt"),
    ],
)
def test_a_space_that_was_imported_serves_like_any_other(there, command):
    done = there(*command, "-e", "imported:mine")
    assert done.code == 0 and "Traceback" not in done.err, done


def test_what_has_no_vector_is_left_out_and_told(there):
    done = there("cluster", "-k", "2", "-e", "imported:mine", "--json")
    assert f"2 items {LEFT_OUT}" in done.err
    assert sorted(row["size"] for row in done.rows("cluster")) == [19, 19]
    done = there("export", "out", "--format", "vectors", "-e", "imported:mine", "--json")
    assert done.code == 5 and "left out: 2 items without a vector in imported:mine/4" in done.err


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("similar", "NEW"), "imported:mine/4 embeds nothing, its vectors were imported"),
        (("similar", "--text", "a new text"), "imported:mine/4 embeds nothing, its vectors were imported"),
        (("encode",), "imported:mine/4 embeds nothing, its vectors were imported"),
    ],
)
def test_what_needs_the_encoder_itself_says_so_in_one_line(there, command, said):
    new = there("ls", "--where", "name:39.txt", "--json").row("item")["id"]
    done = there(*(f"id:{new}" if word == "NEW" else word for word in command), "-e", "imported:mine")
    done.assert_failed(4, said)


def test_what_shows_where_a_picture_says_it_needs_the_encoder_too(here, made):
    assert here("export", "out", "--format", "vectors", "--media", "image").code == 0
    assert here("import", "--vectors", "out/vectors.npy", "--space", "seen").code == 0
    one, two, three = (row["id"] for row in here("ls", "--media", "image", "--json").rows("item"))
    assert here("label", "seen", f"id:{one}", f"id:{two}").code == 0
    assert here("label", "seen", f"id:{three}", "--negative").code == 0
    done = here("explain", f"id:{one}", "--label", "seen", "--head", "prototype", "-e", "imported:seen")
    done.assert_ended(4, "imported:seen/1280 embeds nothing, its vectors were imported")


def test_it_is_no_default(there):
    done = there("encoders", "--use", "imported:mine")
    assert "embeds nothing" in done.assert_failed(4)
