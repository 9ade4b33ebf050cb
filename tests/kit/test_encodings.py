"""Which encoding a text is in: what is written in one is told as that one, and a line in another is named alone."""

from __future__ import annotations

import io
import itertools
import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sentences import CODECS, SENTENCES

from curator.kit.encodings import UNDECODED, Encoding, encoding_of

CHINESE = [
    "这个产品的质量还可以，送货也很快",
    "電視機壞了，沒有人來修理",
    "我的卡在哪里？",
    "今天天气不错,心情也好",
    "iPhone 手机很好用",
]
LATIN = [
    "cafés, naïves",
    "don’t stop",
    "Straße und Größe",
    "été",
    "résumés",
    "“quoted”",
    "El niño señala",
    "CRÉÉE",
    "à la carte",
]


def told(*lines, end=b"\n"):
    data = b"\n".join(lines) + end
    return encoding_of(lambda: io.BytesIO(data))


def utf8(*texts):
    return [text.encode() for text in texts]


@pytest.mark.parametrize("bad", [*LATIN, "café"])
@pytest.mark.parametrize(
    "good",
    [
        utf8(*(f"good one {n}" for n in range(200))),
        utf8(*(f"好的 {n}" for n in range(200))),
        utf8(*LATIN * 20),
        utf8("a", "b"),
    ],
    ids=["ascii", "chinese", "accents", "few"],
)
def test_one_line_of_latin_1_is_one_line_wherever_it_stands(good, bad):
    bad = bad.encode("cp1252")
    for place in {0, len(good) // 2, len(good)}:
        assert told(*good[:place], bad, *good[place:]) == Encoding("utf-8-sig", place + 1)


@pytest.mark.parametrize("line", LATIN)
def test_latin_1_as_a_whole_is_read_where_its_letters_are_those_of_a_language_and_refused_elsewhere(line):
    refused = line in ("don’t stop", "El niño señala", "à la carte")
    assert read_back([line.encode("cp1252")] * 5) == [None if refused else line] * 5


@pytest.mark.parametrize("codec", ["gb18030", "gbk"])
@pytest.mark.parametrize("rows", [1, 2, 5])
def test_chinese_in_gb18030_is_that_also_among_lines_of_ascii(codec, rows):
    lines = [line.encode(codec) for line in CHINESE[:rows]]
    for ascii_lines in (0, 1, 100):
        assert told(*[b"plain English, a row of it"] * ascii_lines, *lines) == Encoding("gb18030")
    singles = [one.encode(codec) for one in "一二"]
    found = told(b"text", b"more", *singles)  # a character tells nothing: both are named
    assert (found.codec, found.first_bad) == ("utf-8-sig", 3)


@pytest.mark.parametrize(
    ("codec", "name"),
    [("gb18030", "gb18030"), ("utf-8", "utf-8-sig"), ("utf-8-sig", "utf-8-sig"), ("utf-16", "utf-16")],
)
def test_a_damaged_byte_near_the_end_or_a_last_character_cut_is_one_line(codec, name):
    data = "\n".join(CHINESE * 2000).encode(codec)
    cut = encoding_of(lambda: io.BytesIO(data[:-1]))
    assert (cut.codec, cut.first_bad) == (name, 10_000)
    if codec != "utf-16":
        at = data.rindex(b"\n")
        damaged = data[: at - 1] + b"\xff " + data[at - 1 :]
        found = encoding_of(lambda: io.BytesIO(damaged))
        assert found.codec == name and found.first_bad == 9_999


def test_a_mark_says_what_it_is_and_its_bad_lines_are_told():
    assert told(b"\xef\xbb\xbftext", *["我的卡".encode("gb18030")] * 1, b"x") == Encoding("utf-8-sig", 2)
    assert told(b"\xef\xbb\xbftext", *["我的卡".encode("gb18030")] * 5) is None
    assert told("文本\n一\n二".encode("utf-16"), end=b"") == Encoding("utf-16")
    assert told(b"\xff\xfea", end=b"") is None


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), max_size=30)


@given(st.lists(TEXTS, min_size=1, max_size=30), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_any_text_in_utf_8_or_marked_is_that(texts, codec):
    found = told("\n".join(texts).encode(codec), end=b"")
    assert found == Encoding("utf-16" if codec == "utf-16" else "utf-8-sig")


WORDS = st.sampled_from(
    ["the", "card", "naïve", "Größe", "好的", "我的卡在哪里", "привет", "déjà vu", "—", "5 €", "“so”"]
)
LINES = st.lists(WORDS, min_size=1, max_size=6).map(" ".join)


@given(st.lists(LINES, min_size=3, max_size=40), st.data())
def test_any_lines_that_are_damaged_among_more_that_are_not_are_told_alone(lines, data):
    """Each with one byte that stands in no UTF-8, or one taken away from a character."""
    places = sorted(
        data.draw(st.sets(st.integers(0, len(lines) - 1), min_size=1, max_size=max(1, (len(lines) - 1) // 3)))
    )
    encoded = utf8(*lines)
    for place in places:
        high = [at for at, byte in enumerate(encoded[place]) if byte >= 0x80]
        if high and data.draw(st.booleans()):
            at = data.draw(st.sampled_from(high))
            encoded[place] = encoded[place][:at] + encoded[place][at + 1 :]
        else:
            at = data.draw(st.integers(0, len(lines[place]) - 1))
            encoded[place] = (lines[place][:at]).encode() + b"\xe9t" + lines[place][at:].encode()
    good = [line for place, line in enumerate(lines) if place not in places and not line.isascii()]
    assume(len(good) > len(places))
    found = told(*encoded)
    assert found == Encoding("utf-8-sig", places[0] + 1)


@given(st.lists(st.lists(st.sampled_from(CHINESE), min_size=1).map("".join), min_size=1, max_size=20), st.data())
def test_any_chinese_lines_are_what_they_were_written_in(lines, data):
    more = data.draw(st.lists(st.sampled_from(["plain", "a,b", "1.5 kg"]), max_size=20))
    assert told(*[line.encode("gb18030") for line in data.draw(st.permutations([*lines, *more]))]) == Encoding(
        "gb18030"
    )


# --- natural sentences in older encodings ---

WRITTEN = [(language, codec) for language, codecs in CODECS.items() for codec in codecs]


def read_back(lines):
    """What each line is read as: None where it is named, and for all where the file is refused."""
    data = b"text\n" + b"\n".join(lines) + b"\n"
    found = encoding_of(lambda: io.BytesIO(data))
    if found is None:
        return [None] * len(lines)
    read = [line.rstrip("\n") for line in found.lines(lambda: io.BytesIO(data))][1:]
    return [None if UNDECODED in line else line for line in read]


@pytest.mark.parametrize(("language", "codec"), WRITTEN)
@given(data=st.data())
def test_natural_rows_are_read_right_or_named(language, codec, data):
    lines = data.draw(st.lists(st.sampled_from(SENTENCES[language]), min_size=1, max_size=12))
    read = read_back([line.encode(codec) for line in lines])
    assert all(found in (None, line) for found, line in zip(read, lines, strict=True))
    told = codec not in ("cp1252", "cp437", "mac_roman", "mac_cyrillic", "iso8859_5", "cp866")
    if told and len(lines) >= 2:
        assert read == lines


ALIKE = {"cp1252", "cp437", "mac_roman"}
"""In each, most bytes of another are small letters that may stand in a word: `großartig` is read as `groáartig`."""


def are_alike(most, other):
    return most[1] != other[1] and {most[1], other[1]} <= ALIKE


def test_few_rows_among_others_of_a_like_encoding_become_other_characters():
    chance = random.Random(0)
    wrong = rows = 0
    for most, other in itertools.product(WRITTEN, WRITTEN):
        if are_alike(most, other):
            for odd in SENTENCES[other[0]]:
                lines = [(odd, other[1]), *((chance.choice(SENTENCES[most[0]]), most[1]) for _ in range(6))]
                read = read_back([line.encode(codec) for line, codec in lines])
                rows += 1
                wrong += any(found not in (None, line) for found, (line, _) in zip(read, lines, strict=True))
    assert rows >= 60 and wrong <= rows / 10


@given(st.sampled_from([*WRITTEN, ("zh", "utf-8"), ("ru", "utf-8")]), st.sampled_from(WRITTEN), st.data())
def test_natural_rows_of_two_encodings_never_become_other_characters(most, other, data):
    assume(not are_alike(most, other))
    lines = [
        (line, most[1]) for line in data.draw(st.lists(st.sampled_from(SENTENCES[most[0]]), min_size=3, max_size=12))
    ]
    for _ in range(data.draw(st.integers(1, 3))):
        lines.insert(data.draw(st.integers(0, len(lines))), (data.draw(st.sampled_from(SENTENCES[other[0]])), other[1]))
    read = read_back([line.encode(codec) for line, codec in lines])
    assert all(found in (None, line) for found, (line, _) in zip(read, lines, strict=True))


@pytest.mark.parametrize(
    ("language", "codec", "name"),
    [
        ("fr", "cp1252", "Windows-1252"),
        ("de", "cp1252", "Windows-1252"),
        ("fr", "mac_roman", "Mac Roman"),
        ("ja", "shift_jis", "Shift-JIS"),
        ("tw", "big5", "Big5"),
        ("ko", "euc_kr", "EUC-KR"),
        ("zh", "utf-16-le", "UTF-16"),
        ("fr", "utf-16-be", "UTF-16"),
    ],
)
def test_a_table_of_ten_rows_is_read_right_and_told(language, codec, name):
    text = "".join(f"{line}\n" for line in ["text", *SENTENCES[language]])
    found = encoding_of(lambda: io.BytesIO(text.encode(codec)))
    assert found.name == name and found.is_guessed
    assert "".join(found.lines(lambda: io.BytesIO(text.encode(codec)))) == text


WORDS_OF = {
    "gb18030": ["正面", "负面", "中性", "北京市海淀区", "红色连衣裙", "投诉"],
    "cp932": ["良い", "悪い", "東京都世田谷区", "山田太郎", "ﾊﾟｿｺﾝ修理", "赤いワンピース"],
    "cp949": ["긍정", "부정", "홍길동", "주문번호", "빨간 원피스"],
}


@pytest.mark.parametrize("codec", WORDS_OF)
def test_words_that_show_nothing_alone_are_read_in_the_encoding_of_the_rows_beside_them(codec):
    language = {"gb18030": "zh", "cp932": "ja", "cp949": "ko"}[codec]
    lines = [*SENTENCES[language], *WORDS_OF[codec]]
    assert read_back([line.encode(codec) for line in lines]) == lines


@pytest.mark.parametrize(
    ("lines", "codec"),
    [
        (["סגור את הדלת בבקשה", "הוא קנה שלושה תפוחים", "איכות גרועה"], "cp1255"),
        (["Κλείστε την πόρτα", "Αγόρασε τρία μήλα"], "cp1253"),
        (["أغلق الباب من فضلك", "اشترى ثلاث تفاحات"], "cp1256"),
        (["กรุณาปิดประตู", "คุณภาพไม่ดี"], "cp874"),
        (["Un café"], "cp1252"),
    ],
)
def test_what_no_reading_is_known_for_is_refused(lines, codec):
    assert set(read_back([line.encode(codec) for line in lines])) == {None}


def test_bytes_with_zeros_that_are_no_text_are_not_utf_16():
    for data in (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"text\0\x01\0", b"a\0b"):
        found = encoding_of(lambda data=data: io.BytesIO(data))
        assert found is None or found.name != "UTF-16"
