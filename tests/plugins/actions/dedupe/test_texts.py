"""Copies of texts: exact, equal once folded, nearly the same; and what is none of it."""

from __future__ import annotations

import pytest
from fakes import open_fake, text

ENGLISH = "How do I know when my new card arrives, and can I follow it on its way?"
CHINESE = "今天早上我们在公园里散步的时候看见了一只很漂亮的白色小猫，它一直跟着我们走，走了很久也不肯回去"


@pytest.fixture
def ws(tmp_path):
    with open_fake(tmp_path / "workspace", "histogram", "numbers") as workspace:
        yield workspace


def dedupe(ws, tmp_path, bodies, **options):
    """Files 0.txt, 1.txt, ...; rows as (kind, what is done, number), and the evidence of each copy."""
    for number, body in enumerate(bodies):
        text(tmp_path / "texts" / f"{number}.txt", body)
    ws.add(tmp_path / "texts", encode=False)
    rows = [row for row in ws.run("dedupe", keep=("path:0.txt",), **options) if row["kind"] == "duplicate"]
    return [(row["match"], row["do"], row["path"].stem) for row in rows], [row["evidence"] for row in rows[1:]]


def staying(level, *numbers):
    return [(level, "keep", "0"), *((level, "stay", number) for number in numbers)]


def test_the_same_text_twice_is_exact(ws, tmp_path):
    shown, _ = dedupe(ws, tmp_path, [ENGLISH, ENGLISH, "another text"])
    assert shown == [("exact", "keep", "0"), ("exact", "go", "1")]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Lost my card!", " Lost  my card!\n"),
        ("ＡＢＣ　１２３", "ABC 123"),
        ("你好，世界。", "你好,世界。"),
        ("“quoted” – it’s so…", '"quoted" - it\'s so...'),
        ("a ﬁne café", "a fine cafe\u0301"),
        ("a:\n  b\nc", "a:\r\n  b \r\nc\r\n"),
    ],
)
def test_what_is_only_typed_in_another_way_is_a_copy(ws, tmp_path, one, other):
    shown, evidence = dedupe(ws, tmp_path, [one, other])
    assert shown == staying("copy", "1")
    assert evidence == [{"folded": True, "jaccard": 1.0}]


@pytest.mark.parametrize(
    ("one", "other", "differs"),
    [
        ("Lost my card!", "lost my card", "case and punctuation or signs"),
        ("Straße", "STRASSE", "case"),
        ("the therapist", "the the rapist", "space"),
        ("C# developer", "C developer", "punctuation or signs"),
        ("x*y", "x/y", "punctuation or signs"),
        ("key: aBcD", "key: AbCd", "case"),
        ("rm -rf ./tmp", "rm -rf /tmp", "punctuation or signs"),
        ("a@b.de", "ab.de", "punctuation or signs"),
        ("if a:\n    b()\n    c()", "if a:\n    b()\nc()", "space"),
        ("a line\nof two", "a line of two", "space"),
        ("不 同意", "不同意", "space"),
    ],
)
def test_signs_case_and_spaces_that_may_mean_something_are_no_copies(ws, tmp_path, one, other, differs):
    rows = dedupe(ws, tmp_path, [one, other], include=("copy",))
    if rows[0]:  # else they are not even near
        assert rows[0] == staying("edited", "1")
        (row,) = [row for row in ws.run("dedupe", keep=("path:0.txt",)) if row.get("do") == "stay"]
        assert row["why"] == f"same but for {differs}"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ENGLISH, ENGLISH.replace("arrives", "arrived")),
        (ENGLISH, "Hello! " + ENGLISH),
        (CHINESE, CHINESE.replace("漂亮", "可爱")),
        (CHINESE, CHINESE + "回家"),
    ],
)
def test_a_word_changed_is_edited_and_goes_only_when_asked_for(ws, tmp_path, one, other):
    shown, (evidence,) = dedupe(ws, tmp_path, [one, other])
    assert shown == staying("edited", "1")
    assert not evidence["folded"] and 0.8 <= evidence["jaccard"] < 1
    shown, _ = dedupe(ws, tmp_path, [one, other], include=("near",))
    assert shown == [("edited", "keep", "0"), ("edited", "go", "1")]
    shown, _ = dedupe(ws, tmp_path, [one, other], include=("copy",))
    assert shown == staying("edited", "1")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("iPhone 5 review and first impressions of the camera", "iPhone 6 review and first impressions of the camera"),
        ("沪指今天上涨１个百分点，成交量比前一天有所放大", "沪指今天上涨2个百分点，成交量比前一天有所放大"),
        ("yes", "yea"),
        ("好的", "好吧"),
        ("+1", "-1"),
        ("1.5 kg", "15 kg"),
        ("-5", "5"),
        ("10:30", "1030"),
        (
            "The new card has arrived and it works in every shop",
            "The new card has not arrived and it works in every shop",
        ),
        (
            "You should lock the door before you leave the house",
            "You shouldn't lock the door before you leave the house",
        ),
        ("We like the dogs of the house, not the cats of it", "We like not the dogs of the house, the cats of it"),
        ("Tea with sugar and milk, as it is served at home", "Tea without sugar and milk, as it is served at home"),
        (CHINESE, CHINESE.replace("也不肯", "也肯")),
        ("这台机器今天下午已经修好了，可以继续使用", "这台机器今天下午没有修好了，可以继续使用"),
        (ENGLISH, CHINESE),
        (ENGLISH, ENGLISH[:30]),
    ],
)
def test_what_says_something_else_is_not_near(ws, tmp_path, one, other):
    assert dedupe(ws, tmp_path, [one, other]) == ([], [])


def test_not_written_otherwise_denies_the_same(ws, tmp_path):
    one = "You should not lock the door of the house before you have looked for the cat in all of its rooms"
    other = one.replace("should not", "shouldn’t")
    assert dedupe(ws, tmp_path, [one, other])[0] == staying("edited", "1")


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "gb18030"])
def test_a_text_in_other_bytes_goes_and_comes_back(ws, tmp_path, codec):
    kept = text(tmp_path / "texts" / "a.txt", CHINESE)
    other = tmp_path / "texts" / "b.txt"
    other.write_bytes(CHINESE.encode(codec))
    ws.add(tmp_path / "texts", encode=False)
    rows = ws.run("dedupe", keep=("path:a.txt",), apply=True)
    assert [(row["do"], row["why"]) for row in rows if row["kind"] == "duplicate"] == [
        ("keep", "path:a.txt"),
        ("go", "same text in another encoding"),
    ]
    assert kept.exists() and not other.exists()
    assert [file.kind for file in ws.quarantine.all()] == ["same text"]
    ws.undo()
    assert other.read_bytes() == CHINESE.encode(codec)


def test_rows_of_a_table_go_by_a_mark_and_the_table_stays_as_it_is(ws, tmp_path):
    table = tmp_path / "rows.csv"
    table.write_text(f'body\n"{ENGLISH}"\n"{ENGLISH}"\n"{ENGLISH.upper()}"\n', encoding="utf-8")
    ws.add(table, text_column="body", encode=False)
    text(tmp_path / "texts" / "same.txt", ENGLISH)
    ws.add(tmp_path / "texts", encode=False)
    rows = [row for row in ws.run("dedupe", include=("near",)) if row["kind"] == "duplicate"]
    assert [(row["match"], row["do"], row["path"].name) for row in rows] == [
        ("exact", "keep", "same.txt"),
        ("exact", "go", "rows.csv"),
        ("exact", "go", "rows.csv"),
        ("edited", "keep", "same.txt"),
        ("edited", "go", "rows.csv"),
    ]
    assert {row["why"] for row in rows[1:3]} == {"same bytes"}
    before = table.read_bytes()
    ws.run("dedupe", include=("near",), apply=True)
    assert table.read_bytes() == before
    assert [item.path.name for item in ws.items.select()] == ["same.txt"]
    ws.undo()
    table.write_text(f'body\n"{ENGLISH.lower()}"\n', encoding="utf-8")
    assert ws.run("dedupe") == []  # what its rows are now is not known until it is added again
