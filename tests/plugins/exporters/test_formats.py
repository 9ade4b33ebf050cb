"""Each format is opened by the library that people use, and gives back the same contents, labels, sides and captions.

The libraries are the extra `formats` of pyproject.toml; where one is absent, its test is skipped.
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import cli_kit
import pytest

SIDES = ("train", "val", "test")


@dataclass
class Made:
    """A workspace and what is known of it, by the hash of what each item holds."""

    base: Path
    kinds: dict[str, str] = field(default_factory=dict)
    sides: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    moods: dict[str, str] = field(default_factory=dict)
    captions: dict[str, set[str]] = field(default_factory=dict)
    hats: dict[str, bool] = field(default_factory=dict)

    def export(self, to: Path, name: str, *more: str) -> Path:
        ran = cli_kit.curator("export", to, "--format", name, *more, cwd=self.base)
        assert ran.code == 0, ran
        return to

    def by_side(self, known: dict[str, str]) -> dict[str, dict[str, str]]:
        return {side: {hash_: known[hash_] for hash_ in known if self.sides[hash_] == side} for side in SIDES}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Pictures of two kinds, eight on each side, with captions and hats; texts of two moods, some in Chinese."""
    found = Made(tmp_path_factory.mktemp("made"))
    photos = found.base / "photos"
    for number in range(24):
        side, kind = SIDES[number % 3], ("猫", "dog")[number // 3 % 2]
        folder = photos / side / kind
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{number}.jpg"
        cli_kit.photo(path, number, 24 + number)
        hash_ = digest(path.read_bytes())
        found.kinds[hash_], found.sides[hash_] = kind, side
        found.captions[hash_] = {f"a {kind} of noise, {number}"}
        path.with_suffix(".txt").write_text(f"a {kind} of noise, {number}", encoding="utf-8")
    with (found.base / "reviews.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "review", "mood"])
        for number in range(12):
            review, mood = f"很好，第 {number} 件,\n“{number * 7919}”", ("glad", "sad")[number % 2]
            rows.writerow([f"r{number}", review, mood])
            hash_ = digest(review.encode())
            found.texts[hash_], found.moods[hash_] = review, mood

    def run(*args: str) -> None:
        ran = cli_kit.curator(*args, cwd=found.base)
        assert ran.code == 0, ran

    labels = ("--labels-from-folders", "--label-level", "2", "--group", "kind")
    run("add", "photos", "--captions", "--no-encode", *labels)
    columns = ("--text-column", "review", "--label-column", "mood", "--id-column", "id")
    run("add", "reviews.csv", "--no-encode", *columns)
    run("split", "--media", "image")
    run("split", "--media", "text", "--under", "reviews.csv", "--train", "0.5", "--val", "0.25", "--test", "0.25")
    for name, sign in (("0.jpg", ()), ("1.jpg", ("--negative",))):
        (path,) = photos.rglob(name)
        run("label", "hat", str(path), *sign)
        found.hats[digest(path.read_bytes())] = not sign
    for row in cli_kit.curator("ls", "--json", "--limit", "0", "--media", "text", cwd=found.base).rows("item"):
        found.sides[digest(row["text"].encode())] = row["side"]
    return found


def test_the_sides_of_folders_and_of_texts_are_known(made):
    """What the others compare with is no accident."""
    assert set(made.sides.values()) >= set(SIDES)
    assert {made.sides[hash_] for hash_ in made.texts} == set(SIDES)


# --- tables ---


def rows_of_csv(folder: Path) -> list[dict[str, str]]:
    with (folder / "items.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def hold_rows(made, rows, read):
    """Rows, `read` telling null and lists, hold what is known."""
    pictures = {row["hash"]: row for row in rows if row["media"] == "image"}
    assert {hash_: row["kind"] for hash_, row in pictures.items()} == made.kinds
    assert {hash_: row["side"] for hash_, row in pictures.items()} == {hash_: made.sides[hash_] for hash_ in made.kinds}
    assert {hash_: set(read(row["captions"])) for hash_, row in pictures.items()} == made.captions
    assert {hash_: read(row["hat"]) for hash_, row in pictures.items() if read(row["hat"]) is not None} == made.hats
    for hash_, row in pictures.items():
        assert digest(Path(row["source"]).read_bytes()) == hash_
        (said,) = [one for one in read(row["said"]) if one["group"] == "kind"]
        assert (said["label"], said["source"], bool(said["value"])) == (made.kinds[hash_], "import", True)
    texts = {row["hash"]: row for row in rows if row["media"] == "text" and row["mood"]}
    assert {hash_: (row["text"], row["mood"]) for hash_, row in texts.items()} == {
        hash_: (made.texts[hash_], made.moods[hash_]) for hash_ in made.texts
    }
    assert {row["row"] for row in texts.values()} == {f"r{number}" for number in range(12)}


def test_csv_by_the_standard_library(made, tmp_path):
    def read(cell):
        return json.loads(cell) if cell else None

    hold_rows(made, rows_of_csv(made.export(tmp_path / "out", "csv")), read)


def test_jsonl_by_the_standard_library(made, tmp_path):
    lines = (made.export(tmp_path / "out", "jsonl") / "items.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    hold_rows(made, [json.loads(line) for line in lines], lambda value: value)


@pytest.mark.parametrize("name", ["csv", "jsonl", "parquet"])
@pytest.mark.slow
def test_tables_by_pandas(made, tmp_path, name):
    pandas = pytest.importorskip("pandas", reason="extra formats")
    if name == "parquet":
        pytest.importorskip("pyarrow", reason="extra formats")
    file = made.export(tmp_path / "out", name) / f"items.{name}"
    table = {
        "csv": lambda: pandas.read_csv(file, keep_default_na=False, dtype=str),
        "jsonl": lambda: pandas.read_json(file, lines=True),
        "parquet": lambda: pandas.read_parquet(file),
    }[name]()

    def read(value):
        if name == "csv":
            return json.loads(value) if value else None
        return list(value) if hasattr(value, "__len__") else None if pandas.isna(value) else bool(value)

    hold_rows(made, table.astype(object).where(table.notna(), None).to_dict("records"), read)


@pytest.mark.parametrize("name", ["csv", "jsonl", "parquet"])
@pytest.mark.slow
def test_tables_by_duckdb(made, tmp_path, name):
    duckdb = pytest.importorskip("duckdb", reason="extra formats")
    if name == "parquet":
        pytest.importorskip("pyarrow", reason="extra formats")
    file = made.export(tmp_path / "out", name) / f"items.{name}"
    found = duckdb.sql(f"SELECT * FROM '{file}'")
    rows = [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]

    def read(value):
        return json.loads(value) if isinstance(value, str) else value

    hold_rows(made, rows, read)


# --- pictures ---


@pytest.mark.parametrize("link", ["copy", "hard", "symbolic"])
@pytest.mark.parametrize("name", ["imagefolder", "yolo"])
def test_folders_of_classes_by_torchvision(made, tmp_path, name, link):
    from torchvision.datasets import ImageFolder

    out = made.export(tmp_path / "out", name, "--by", "kind", "--link", link)
    found = {}
    for side in SIDES:
        data = ImageFolder(out / side)
        assert data.classes == sorted(set(made.kinds.values()))
        found[side] = {digest(Path(path).read_bytes()): data.classes[label] for path, label in data.samples}
        assert data[0][0].size[0] >= 24
    assert found == made.by_side(made.kinds)
    rows = [json.loads(line) for line in (out / "items.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {row["hash"]: digest((out / row["file_name"]).read_bytes()) for row in rows} == {
        hash_: hash_ for hash_ in made.kinds
    }


def test_a_set_that_is_not_split_has_its_classes_at_the_top(made, tmp_path):
    from torchvision.datasets import ImageFolder

    data = ImageFolder(made.export(tmp_path / "out", "imagefolder", "--by", "kind", "--no-split"))
    assert {digest(Path(path).read_bytes()): data.classes[label] for path, label in data.samples} == made.kinds


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")  # pycocotools' own
@pytest.mark.slow
def test_coco_by_pycocotools(made, tmp_path):
    coco = pytest.importorskip("pycocotools.coco", reason="extra formats")
    out = made.export(tmp_path / "out", "coco", "--link", "hard")
    for side in SIDES:
        instances = coco.COCO(str(out / "annotations" / f"instances_{side}.json"))
        captions = coco.COCO(str(out / "annotations" / f"captions_{side}.json"))
        names = {one["id"]: (one["supercategory"], one["name"]) for one in instances.loadCats(instances.getCatIds())}
        assert set(names.values()) == {("kind", "dog"), ("kind", "猫"), ("label", "hat")}
        kinds, hats, said = {}, set(), {}
        for image in instances.loadImgs(instances.getImgIds()):
            hash_ = digest((out / side / image["file_name"]).read_bytes())
            assert image["curator"]["hash"] == hash_
            for one in instances.loadAnns(instances.getAnnIds(imgIds=image["id"])):
                group, name = names[one["category_id"]]
                assert one["bbox"] == [0, 0, image["width"], image["height"]]
                assert instances.annToMask(one).all()
                if group == "kind":
                    kinds[hash_] = name
                else:
                    hats.add(hash_)
            said[hash_] = {one["caption"] for one in captions.loadAnns(captions.getAnnIds(imgIds=image["id"]))}
        assert kinds == made.by_side(made.kinds)[side]
        assert hats == {hash_ for hash_, has in made.hats.items() if has and made.sides[hash_] == side}
        assert said == {hash_: made.captions[hash_] for hash_ in kinds}


def test_coco_by_a_group_has_its_labels_alone(made, tmp_path):
    out = made.export(tmp_path / "out", "coco", "--by", "kind")
    for side in SIDES:
        told = json.loads((out / "annotations" / f"instances_{side}.json").read_text(encoding="utf-8"))
        assert [one["name"] for one in told["categories"]] == ["dog", "猫"]
        assert len(told["annotations"]) == len(told["images"]) == 8


# --- both ---

OF_HUB = {"train": "train", "validation": "val", "test": "test"}


@pytest.mark.slow
def test_huggingface_by_datasets(made, tmp_path, monkeypatch):
    pytest.importorskip("pyarrow", reason="extra formats")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets", reason="extra formats")
    out = made.export(tmp_path / "out", "huggingface", "--by", "kind", "--media", "image")
    found = datasets.load_dataset(str(out), cache_dir=str(tmp_path / "cache"))
    assert set(found) == set(OF_HUB)
    for split, side in OF_HUB.items():
        data = found[split]
        names = data.features["label"].names
        assert names == sorted(set(made.kinds.values()))
        raw = data.cast_column("image", datasets.Image(decode=False))
        assert {digest(Path(row["image"]["path"]).read_bytes()): names[row["label"]] for row in raw} == made.by_side(
            made.kinds
        )[side]
        for row in data:
            assert row["image"].size == (row["width"], row["height"])
            assert set(row["captions"]) == made.captions[row["hash"]]
            assert row["hat"] is made.hats.get(row["hash"])
            assert [one["source"] for one in row["said"] if one["group"] == "kind"] == ["import"]


@pytest.mark.slow
def test_huggingface_of_pictures_and_texts(made, tmp_path, monkeypatch):
    pytest.importorskip("pyarrow", reason="extra formats")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets", reason="extra formats")
    source = made.base / "reviews.csv"
    out = made.export(tmp_path / "texts", "huggingface", "--by", "mood", "--media", "text", "--under", str(source))
    found = datasets.load_dataset(str(out), cache_dir=str(tmp_path / "cache"))
    for split, side in OF_HUB.items():
        names = found[split].features["label"].names
        told = {row["hash"]: names[row["label"]] for row in found[split]}
        assert told == made.by_side(made.moods)[side]
        assert {row["hash"]: row["text"] for row in found[split]} == {hash_: made.texts[hash_] for hash_ in told}
    out = made.export(tmp_path / "both", "huggingface", "--no-split")
    pictures = datasets.load_dataset(str(out / "image"), cache_dir=str(tmp_path / "cache"))["train"]
    assert set(pictures["hash"]) == set(made.kinds)
    texts = datasets.load_dataset(str(out / "text"), cache_dir=str(tmp_path / "cache"))["train"]
    assert set(made.texts) <= set(texts["hash"])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # it leaves its archives open
@pytest.mark.slow
def test_webdataset_by_webdataset(made, tmp_path):
    webdataset = pytest.importorskip("webdataset", reason="extra formats")
    out = made.export(tmp_path / "pictures", "webdataset", "--by", "kind", "--media", "image")
    names = sorted(set(made.kinds.values()))
    for side in SIDES:
        found = {}
        for sample in webdataset.WebDataset(str(out / f"{side}-000000.tar"), shardshuffle=False):
            row = json.loads(sample["json"])
            assert digest(sample["jpg"]) == row["hash"] and row["side"] == side
            found[row["hash"]] = names[int(sample["cls"])]
        assert found == made.by_side(made.kinds)[side]
    out = made.export(tmp_path / "texts", "webdataset", "--by", "mood", "--media", "text", "--no-split")
    texts = webdataset.WebDataset(str(out / "items-000000.tar"), shardshuffle=False).decode()
    found = {sample["json"]["hash"]: sample for sample in texts if "cls" in sample}
    assert {hash_: sample["txt"] for hash_, sample in found.items()} == made.texts
    assert {hash_: ["glad", "sad"][sample["cls"]] for hash_, sample in found.items()} == made.moods


def test_archives_begin_anew_when_they_are_full(made, tmp_path, monkeypatch):
    import tarfile

    from curator_plugins.exporters import webdataset

    monkeypatch.setattr(webdataset, "MOST_ITEMS", 3)
    monkeypatch.chdir(made.base)
    out = tmp_path / "out"
    ran = cli_kit.curator_here("export", str(out), "--format", "webdataset", "--media", "image", "--no-split")
    assert ran.code == 0, ran
    shards = sorted(out.glob("*.tar"))
    assert [shard.name for shard in shards] == [f"items-{number:06}.tar" for number in range(8)]
    members = []
    for shard in shards:
        with tarfile.open(shard) as archive:
            members += archive.getnames()
    assert len(members) == len(set(members)) == 2 * 24


# --- the same again ---


@pytest.mark.parametrize("name", ["csv", "jsonl", "imagefolder", "coco", "webdataset"])
def test_it_is_the_same_to_the_byte_when_it_is_made_again(made, tmp_path, name):
    more = ("--by", "kind", "--media", "image")
    for which in ("one", "two"):
        (tmp_path / which).mkdir()
    first, second = (made.export(tmp_path / which / "set", name, *more) for which in ("one", "two"))
    assert cli_kit.contents(first) == cli_kit.contents(second)


def test_a_table_goes_back_in(made, tmp_path):
    """What was exported is a table like any other: its texts are those that are there."""
    out = made.export(tmp_path / "out", "csv", "--media", "text", "--under", str(made.base / "reviews.csv"))
    shutil.copy(out / "items.csv", tmp_path / "again.csv")
    columns = ("--text-column", "text", "--label-column", "mood", "--id-column", "row")
    ran = cli_kit.curator("add", "again.csv", "--no-encode", "--json", *columns, cwd=tmp_path)
    assert ran.code == 0, ran
    rows = cli_kit.curator("ls", "--json", "--limit", "0", cwd=tmp_path).rows("item")
    assert {digest(row["text"].encode()) for row in rows} == set(made.texts)
