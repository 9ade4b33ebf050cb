"""`curator audit`: flaws of items that were made on purpose, each found by its check, and nothing else."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from pathlib import Path

import cli_kit
import pytest
from PIL import Image, ImageFilter, ImageOps
from scenes import scene

PLAIN = 24
"""Pictures with nothing wrong, of 240 x 180."""


def shade(low, span):
    return lambda image: image.point(lambda value: int(low + value * span))


FLAWED = {
    "dark": shade(0, 0.15),
    "bright": shade(215, 0.15),
    "low-contrast": shade(110, 0.1),
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(4)),
    "blank": lambda image: Image.new("RGB", image.size, (90, 140, 60)),
    "grey": lambda image: image.convert("L"),
    "odd-shape": lambda image: image.crop((0, 80, 240, 100)),
    "odd-size": lambda image: scene(77, (20, 16)),
}


def made(folder: Path) -> Path:
    folder.mkdir()
    for number in range(PLAIN):
        scene(number, (240, 180)).save(folder / f"plain-{number}.jpg", quality=85 - number)
    for number, (name, spoil) in enumerate(FLAWED.items(), 100):
        spoil(scene(number, (240, 180))).save(folder / f"{name}.jpg", quality=90)
    scene(200, (240, 180)).save(folder / "wrong-extension.jpg", format="png")
    scene(202, (240, 180)).save(folder / "a copy.png")
    scene(202, (240, 180)).save(folder / "copy.png", compress_level=1)  # the larger file, which is not called the copy
    whole = io.BytesIO()
    scene(201, (240, 180)).save(whole, "jpeg")
    (folder / "unreadable.jpg").write_bytes(whole.getvalue()[:4_000])
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    home = tmp_path_factory.mktemp("quality")
    made(home / "photos")
    ran = cli_kit.curator("add", "photos", "--no-encode", cwd=home)
    assert ran.code in (0, 5), ran
    return home


@pytest.fixture
def here(photos, monkeypatch):
    monkeypatch.chdir(photos)
    return photos


def ran(*args, code=0):
    done = cli_kit.curator_here("audit", *args)
    assert done.code == code, done
    return done


CHECKS = [*FLAWED, "wrong-extension", "unreadable"]
ALL = [part for name in CHECKS for part in ("--check", name)]


def found(done):
    by_check = defaultdict(set)
    for row in done.rows("flaw"):
        by_check[row["check"]].add(Path(row["path"]).stem)
    return dict(by_check)


def test_each_flaw_is_found_by_its_check_and_nothing_else_is(here):
    done = ran(*ALL, "--json", "--limit", "0")
    assert found(done) == {name: {name} for name in CHECKS}
    scores = [row["score"] for row in done.rows("flaw")]
    assert scores == sorted(scores, reverse=True) and min(scores) >= 0.5
    assert {row["check"]: row["flagged"] for row in done.rows("quality")} == dict.fromkeys(CHECKS, 1)
    assert f"{len(CHECKS)} items have a flaw: --mark labels them quality:NAME" in done.err


def test_without_a_choice_all_checks_run_and_copies_are_told(here):
    done = ran("--encode", "--json", "--limit", "0")
    flaws = found(done)
    assert flaws["copy"] == {"a copy"} and flaws["blurred"] == {"blurred"}
    (copy,) = (row for row in done.rows("flaw") if row["check"] == "copy")
    assert copy["why"].startswith("a copy of id:")
    looked_at = {row["check"]: row["items"] for row in done.rows("quality")}
    assert looked_at["outlier"] == looked_at["dark"] == PLAIN + len(FLAWED) + 4
    assert "mojibake" not in looked_at  # there is no text


def test_the_threshold_moves_what_is_shown_and_no_score(here):
    usual, more, fewer = (ran(*ALL, "--json", "--limit", "0", *words) for words in ([], LOW, HIGH))
    scores = {(row["check"], row["id"]): row["score"] for row in more.rows("flaw")}
    for done, least in ((usual, 0.5), (fewer, 0.9)):
        shown = {(row["check"], row["id"]): row["score"] for row in done.rows("flaw")}
        assert shown == {key: score for key, score in scores.items() if score >= least}
    assert len(more.rows("flaw")) > len(usual.rows("flaw")) > len(fewer.rows("flaw")) > 0


LOW, HIGH = ("--min-score", "0.1"), ("--min-score", "0.9")


def test_a_score_does_not_hang_on_what_else_is_checked(here):
    together = {(row["check"], row["id"]): row["score"] for row in ran(*ALL, "--json", "--limit", "0").rows("flaw")}
    for name in ("dark", "grey", "odd-size"):
        (row,) = ran("--check", name, "--json").rows("flaw")
        assert row["score"] == together[name, row["id"]]


def test_what_was_measured_once_is_kept(tmp_path, monkeypatch):
    made(tmp_path / "photos")
    monkeypatch.chdir(tmp_path)
    cli_kit.curator_here("add", "photos", "--no-encode")
    names = [part for name in ("dark", "blurred", "grey") for part in ("--check", name)]
    first = ran(*names, "--json").rows("flaw")
    for file in (tmp_path / "photos").iterdir():
        file.unlink()
    second = ran(*names, "--json")
    assert [(row["id"], row["score"]) for row in second.rows("flaw")] == [(row["id"], row["score"]) for row in first]
    assert "files are gone or not as when added" in second.err


def test_marks_are_labels_that_undo_takes_back(here):
    def labelled(name):
        return cli_kit.curator_here("ls", "--labelled", name, "--json")

    ran("--check", "blurred", "--check", "dark", "--mark")
    assert Path(labelled("quality:blurred").row("item")["path"]).stem == "blurred"
    assert Path(labelled("quality:dark").row("item")["path"]).stem == "dark"
    assert cli_kit.curator_here("undo").code == 0
    assert labelled("quality:blurred").code == 3


def test_what_is_flagged_goes_to_quarantine_and_comes_back(tmp_path, monkeypatch):
    folder = made(tmp_path / "photos")
    (folder / "dark.jpg.xmp").write_text("a sidecar")
    (folder / "blurred.dng").write_text("a raw file of it")
    monkeypatch.chdir(tmp_path)
    cli_kit.curator_here("add", "photos", "--no-encode")
    before = cli_kit.contents(folder)
    asked = ("--check", "dark", "--check", "blurred", "--check", "copy", "--json")
    assert "2 files would go to quarantine: --apply moves them" in ran(*asked).err
    assert cli_kit.contents(folder) == before
    done = ran(*asked, "--apply", code=5)
    assert "belongs together with blurred.dng" in done.err and "`curator dedupe --apply`" in done.err
    assert set(before) - set(cli_kit.contents(folder)) == {"dark.jpg", "dark.jpg.xmp"}
    rows = cli_kit.curator_here("quarantine", "list", "--json").rows("quarantined")
    assert {(row["why"], row["keeper"] is None) for row in rows if row["why"] != "sidecar"} == {("dark", True)}
    # Nothing else may hold what it does.
    purged = cli_kit.curator_here("quarantine", "purge", "--older-than", "0", "--yes")
    assert purged.code == 5 and "restore it, and delete it yourself" in purged.err
    assert cli_kit.curator_here("undo").code == 0
    assert cli_kit.contents(folder) == before


@pytest.mark.parametrize("radius", [4, 8, 16, 32])
@pytest.mark.parametrize("frame", [0, 24])
def test_the_more_blurred_a_picture_is_the_worse_framed_or_not(radius, frame):
    from curator_plugins.checks.pictures import figures, looks

    for seed in range(6):
        picture = scene(seed, (256, 192))
        spoilt = figures.measure(ImageOps.expand(picture.filter(ImageFilter.GaussianBlur(radius)), frame, "white"))
        # What nothing can be seen in any more is as through fog.
        assert max(looks.blurred(spoilt)[0], looks.hazy(spoilt)[0]) >= 0.5
        assert looks.blurred(figures.measure(ImageOps.expand(picture, frame, "white")))[0] < 0.5


def test_what_a_person_said_to_be_no_flaw_is_none(tmp_path, monkeypatch):
    made(tmp_path / "photos")
    monkeypatch.chdir(tmp_path)
    cli_kit.curator_here("add", "photos", "--no-encode")
    first = ran("--check", "dark", "--check", "blurred", "--mark", "--json")
    assert "2 items have a flaw" not in first.err
    (dark,) = (row for row in first.rows("flaw") if row["check"] == "dark")
    cli_kit.curator_here("label", "quality:dark", "--negative", f"id:{dark['id']}")
    second = ran("--check", "dark", "--check", "blurred", "--json")
    assert [row["check"] for row in second.rows("flaw")] == ["blurred"]
    assert "--mark" not in second.err  # it has its label already


def test_files_of_the_same_bytes_are_copies(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    for name in ("one.png", "two.png", "three.png"):
        scene(1, (120, 90)).save(tmp_path / "a" / name)
    monkeypatch.chdir(tmp_path)
    cli_kit.curator_here("add", "a", "--no-encode")
    assert ran("--check", "copy", "--json").row("flaw")["why"] == "the same content in 3 files"


def test_equal_rows_of_a_table_are_copies(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/told.csv").write_text(
        "text\nthe red hat\nthe blue coat\nthe red hat\nthe green shoe\nthe green shoe\n"
    )
    (tmp_path / "a/hat.txt").write_text("the green shoe")
    monkeypatch.chdir(tmp_path)
    cli_kit.curator_here("add", "a/told.csv", "--text-column", "text", "--no-encode")
    cli_kit.curator_here("add", "a/hat.txt", "--no-encode")
    found = {row["text"]: row["why"] for row in ran("--check", "copy", "--json").rows("flaw")}
    assert found == {
        "the red hat": "the same content in 2 rows",
        "the green shoe": "the same content in 1 file and 2 rows",
    }


def test_nothing_goes_for_a_flaw_that_was_not_named(here):
    before = cli_kit.contents(here / "photos")
    assert "quarantine" not in ran("--min-score", "0.9", "--apply", "--encode", "--json").err
    assert cli_kit.contents(here / "photos") == before


def test_a_sheet_shows_the_worst(here, tmp_path):
    ran(*ALL, "--sheet", str(tmp_path / "worst.png"))
    with Image.open(tmp_path / "worst.png") as sheet:
        assert sheet.width > 400


def test_a_choice_of_items_is_all_that_is_looked_at(here):
    done = ran("--check", "mojibake", "--json")
    assert not done.rows("quality") and "mojibake looks at texts, and none of these items is one" in done.err
    assert "no file or folder 'nowhere'" in ran("--check", "dark", "--under", "nowhere", code=3).err


def test_what_cannot_be_asked_is_said_in_one_line(here):
    assert "no check 'blured': did you mean 'blurred'?" in ran("--check", "blured", code=3).err
    assert "--label is for --check labels" in ran("--check", "dark", "--label", "x", code=2).err
    assert "--mark is for flaws of items" in ran("--group", "x", "--mark", code=2).err
    assert "'--min-score': 2.0 is not in the range" in ran("--min-score", "2", code=2).err


# --- texts ---

SENTENCES = (
    "The parcel came two days late and the box was open.",
    "I like the colour, but the sleeves are far too short.",
    "Works as it should, the battery lasts for a whole day.",
    "My order was cancelled and nobody told me why it was.",
)
BAD = {
    "empty": ["?!", "…"],
    "odd-length": ["no", "A long story. " * 200],
    "mojibake": ["The cafÃ© was closed and nobodyâ€™s there", "a price of \ufffd\ufffd20 is fine for such a thing"],
    "other-script": ["物流太慢了，等了一个星期才收到货。"],
    "repeated-lines": ["Buy it now and save a lot\n" * 4 + "or do not"],
    "personal-data": [
        "Write to jo.doe+shop@mail.example.com about it.",
        "I can be reached under +44 20 7946 0958 all day.",
        "My card 4111 1111 1111 1111 was charged two times.",
        "身份证号 11010519491231002X of mine was asked for here",
    ],
}
FOOTER = "This message was sent by a machine, do not answer it.\nAll terms and conditions of the shop apply to it."


@pytest.fixture(scope="module")
def reviews(tmp_path_factory):
    home = tmp_path_factory.mktemp("reviews")
    texts = [("plain", f"{SENTENCES[n % 4][:-1]} {n}.") for n in range(80)]
    texts += [(name, text) for name, some in BAD.items() for text in some]
    texts += [("boilerplate", f"Order {number} is done\n{FOOTER}") for number in range(6)]
    with open(home / "reviews.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("kind", "text"), *texts])
    cli_kit.curator("add", "reviews.csv", "--text-column", "text", "--label-column", "kind", "--no-encode", cwd=home)
    return home, {text.strip(): name for name, text in texts}


def test_flaws_of_texts_are_found_in_a_table(reviews, monkeypatch):
    home, kinds = reviews
    monkeypatch.chdir(home)
    done = ran(*[part for name in (*BAD, "boilerplate") for part in ("--check", name)], "--json", "--limit", "0")
    by_check = defaultdict(list)
    for row in done.rows("flaw"):
        masked = row["check"] == "personal-data" and "***" in row["text"]
        by_check[row["check"]].append("personal-data" if masked else kinds[row["text"].strip()])
    wanted = {name: [name] * len(some) for name, some in BAD.items()} | {"boilerplate": ["boilerplate"] * 6}
    for name, some in wanted.items():
        assert [kind for kind in by_check[name] if kind == name] == some, name
        assert "plain" not in by_check[name], name


def test_personal_data_is_masked_where_it_is_told(reviews, monkeypatch):
    home, _ = reviews
    monkeypatch.chdir(home)
    done = ran("--check", "personal-data", "--json")
    assert len(done.rows("flaw")) == 4
    for secret in ("jo.doe", "7946", "1111", "1949"):
        assert secret not in done.out
    assert "an e-mail address (j***m)" in done.out and "Write to j***m about it." in done.out


def told(text):
    from curator_plugins.checks import texts

    from curator.api import Item

    flaws = list(texts._personal(None, [Item(1, "0", "text", None, text)]))
    return flaws[0] if flaws else None


@pytest.mark.parametrize(
    "text",
    [
        "Order 12345678901234567890 of 2024-03-01, 10.5 x 20 cm",
        "call me maybe, at 10:30 or 11.45",
        "see https://example.com/a@b.com and version 1.2.3.4",
        "4111 1111 1111 1112 is no card, as its check digit is wrong",
        "110105194912310021 has a wrong check digit as well",
        "0000 0000 0000 0000 is none of a bank, nor is 490154203237518 of a phone",
        "version +20240512 of +2024-05-12, a gain of +1234567 points, score +12345 -2345, +100 000 000 kr",
        "a ratio of 100-200-3000, 192-168-1000, Order #123-456-7890, Invoice 123.456.7890",
        "https://shop.example/?x=13812345678&y=2",
        "logo@2x.png, foo@1.2.3.dev, @user@mastodon.social, git@github.com:a/b, postgres://me:pass@db.example.com",
    ],
)
def test_numbers_that_tell_nobody_are_no_personal_data(text):
    assert told(text) is None


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("请打我的电话13812345678谢谢", "13812345678"),
        ("微信１３９１２３４５６７８同号", "13912345678"),
        ("手机138 1234 5678或138-1234-5679", "1234"),
        ("我的邮箱是zhangsan@qq.com请回复", "zhangsan"),
        ("test@example.com的邮箱", "test@"),
        ("联系+86-138-1234-5678吧", "1234-5678"),
        ("卡号6222021001116245702请查收", "6222021001116245702"),
        ("总机021-62345678，客服400-820-8820", "62345678"),
        ("appelez le 06 12 34 56 78", "34 56"),
        ("from abroad 0044 20 7946 0958", "7946"),
        ("or 020 7946 0958, or 1-800-555-0199", "7946"),
    ],
)
def test_personal_data_is_found_as_people_write_it_and_is_not_shown(text, secret):
    flaw = told(text)
    assert flaw is not None and flaw.text is not None
    assert secret not in flaw.text and secret not in flaw.why and "***" in flaw.text
