"""What makes two texts near copies: folding, shingles, and the numbers in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.kit.copies.numbers import numbers
from curator.kit.copies.text_copies import TextCopies, fold


def test_a_text_of_signs_keeps_them():
    assert fold(" :-) ") == ":-)" and fold("+1") != fold("-1")


@given(st.text(max_size=60))
def test_any_text_can_be_compared_and_is_like_itself(body):
    texts = TextCopies([body, body])
    assert (texts.match(0, 1) is None) == (fold(body) == "")


WORDS = st.lists(
    st.sampled_from(["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel"]), min_size=4, max_size=9
)


@given(st.lists(WORDS, min_size=2, max_size=8))
def test_the_candidates_hold_all_that_match(sentences):
    """At a similarity of 0.8 a pair is missed in fewer than one of ten million cases."""
    texts = TextCopies([" ".join(words) for words in sentences])
    count = len(sentences)
    every = {(a, b) for a in range(count) for b in range(a + 1, count) if texts.match(a, b)}
    by_spokes = {tuple(sorted(pair)) for pair in texts.candidates()}
    joined = {frozenset(pair) for pair in by_spokes if texts.match(*pair)}
    # Candidates join everything of one band to its first and to the one before, so a match may hang on a third.
    heaps = _heaps(count, joined)
    assert all(any({a, b} <= heap for heap in heaps) for a, b in every)


def _heaps(count, pairs):
    heaps = [{number} for number in range(count)]
    for pair in pairs:
        together = [heap for heap in heaps if heap & pair]
        heaps = [heap for heap in heaps if not heap & pair] + [set().union(*together)]
    return heaps


# --- numbers ---


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1.5 kg", "15 kg"),
        ("-5", "5"),
        ("10:30", "1030"),
        ("10:30", "10.30"),
        ("5 %", "5"),
        ("５％", "５‰"),
        ("version 1.10", "version 1.1"),
        ("1/2", "12"),
        ("1½", "11/2"),
        ("10² kg", "102 kg"),
        ("10⁻³", "10³"),
        ("3-5", "35"),
        ("3-5", "3 5"),
        ("2020-01-12", "2020-11-02"),
        ("1 2", "12"),
        ("1,5 kg", "15 kg"),
        ("1٫5 kg", "1 5 kg"),
        ("1٬500", "1٫500"),
        ("1e-5", "1e5"),
        (".5 l", "5 l"),
        ("3 * 4", "3 / 4"),
        ("①②", "12"),
        ("3 mg", "3 g"),
        ("3 days", "3 weeks"),
        ("5 pm", "5 am"),
        ("$5", "€5"),
        ("温度-5度", "温度5度"),
        ("气温负五度", "气温五度"),
        ("5毫克", "5微克"),
        ("三百五十元", "三百五十万元"),
        ("第十一章", "第十二章"),
        ("有两个", "有三个"),
        ("two of them", "three of them"),
        ("Part II", "Part III"),
        ("5+ years", "5+ months"),
        ("20，500人", "20500人"),
        ("x > 5", "x < 5"),
        ("UTC-5", "UTC+5"),
        ("GMT+8", "GMT-8"),
        ("x-5", "x+5"),
        ("EURUSD-0.5", "EURUSD+0.5"),
        ("T-3 days", "T+3 days"),
        ("T-3 days", "T3 days"),
        ("v-3.5", "v3.5"),
        ("no.-3", "no.3"),
        ("Δ-3", "Δ+3"),
        ("⁻5", "5"),
        ("+3", "3"),
        ("at 9 o'clock AM", "at 9 o'clock PM"),
        ("AM: 9", "PM: 9"),
        ("AM 9:30", "PM 9:30"),
        ("上午9点", "下午9点"),
        ("早上三点", "晚上三点"),
        ("9 in the morning", "9 in the evening"),
        ("3点", "3点半"),
        ("10時", "10時半"),
        ("5시", "5시 반"),
        ("halb 5", "5"),
        ("ten to five", "ten past five"),
        ("January 5", "February 5"),
        ("on Monday at 5", "on Tuesday at 5"),
        ("on Monday", "on Tuesday"),
        ("➀", "➁"),
        ("❶", "❷"),
        ("⓵", "⓶"),
        ("🄀", "🄁"),
        ("፩", "፪"),
        ("〡", "〢"),
        ("🕐", "🕑"),
        ("⚀", "⚁"),
        ("Ⅷ", "Ⅸ"),
        ("twice", "thrice"),
        ("plus five", "minus five"),
        ("涨5%", "跌5%"),
        ("it went up by 5", "it went down by 5"),
        ("5'", '5"'),
        ("≠5", "=5"),
        ("√5", "5"),
        ("5x", "5"),
        ("um drei", "um vier"),
        ("le 5 mai", "le 5 juin"),
        ("cinco libros", "seis libros"),
        ("в пять", "в шесть"),
        ("오전 9시", "오후 9시"),
        ("午前9時", "午後9時"),
        ("周一见", "周二见"),
    ],
)
@pytest.mark.parametrize(
    "around", ["", "How do I know when my new card arrives, and can I follow it on its way to me?"]
)
def test_texts_that_differ_in_a_number_are_never_near(one, other, around):
    bodies = [f"{around} {one}", f"{around} {other}"]
    assert numbers(one) != numbers(other) and TextCopies(bodies).match(0, 1) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("It is 1,000 km", "it is 1000 KM!"),
        ("３ ｋｇ", "3kg"),
        ("3–5 days", "3 - 5 days"),
        ("5 %", "５％"),
        ("COVID‑19", "Covid-19"),
        ("(see 5).", "see 5"),
        ("at 10:30 p.m.", "At 10:30 PM"),
        ("5㎎", "5 mg"),
        ("两个", "二个"),
        ("PART II", "part ii"),
        ("−5 °C", "-5°c"),
    ],
)
def test_a_number_written_with_other_spaces_width_or_case_is_the_same(one, other):
    assert numbers(one) == numbers(other)
    if fold(one) == fold(other):
        assert TextCopies([one, other]).match(0, 1)


def written(digits, form):
    """A number of some kind, whose value follows from four digits: another value for any other four."""
    a, b, c, d = digits
    chinese = "零一二三四五六七八九"
    return {
        "decimal": f"{a}{b}.{c}{d}",
        "negative": f"-{a}{b}{c}{d}",
        "whole": f"{a}{b}{c}{d}",
        "thousands": f"{a + 1},{b}{c}{d}",
        "time": f"{a}{b}:{c}{d}",
        "date": f"20{a}{b}-{c}-{d}",
        "slashes": f"{a}{b}/{c}{d}",
        "range": f"{a}{b}–{c}{d}",
        "percent": f"{a}{b}{c}{d} %",
        "money": f"${a}{b}.{c}{d}",
        "numerals": "二" + "".join(chinese[n] for n in digits),
        "wide": "".join(chr(0xFF10 + n) for n in digits),
    }[form]


FORMS = ["decimal", "negative", "whole", "time", "date", "slashes", "range", "percent", "money", "numerals"]
DIGITS = st.tuples(*[st.integers(0, 9)] * 4)
CLAUSES = st.sampled_from(
    ["", "It is ", "我们在公园里看见了", "how much is it, really? ", "(", "a. ", "x=", "价格：", "GPT-4: ", "… "]
)


@given(CLAUSES, CLAUSES, DIGITS, DIGITS, st.sampled_from(FORMS), st.sampled_from(FORMS))
def test_one_number_of_another_value_or_kind_parts_any_two_texts(before, after, one, other, form, second):
    bodies = [f"{before}{written(one, form)} {after}", f"{before}{written(other, second)} {after}"]
    match = TextCopies(bodies).match(0, 1)
    assert (match is not None) == ((one, form) == (other, second))


@given(CLAUSES, CLAUSES, DIGITS, st.sampled_from([*FORMS, "wide", "thousands"]), st.data())
def test_case_spaces_and_marks_that_are_no_part_of_a_number_part_no_texts(before, after, digits, form, data):
    number = written(digits, form)
    again = written(digits, "whole") if form == "wide" else number.replace(",", "") if form == "thousands" else number
    mark, space = (
        data.draw(st.sampled_from(["", "!", "。", " …", '"'])),
        data.draw(st.sampled_from([" ", "  ", "\n", "　"])),
    )
    changed = f"{before.upper()}{again}{space}{after.upper()}{mark}"
    assert TextCopies([f"{before}{number} {after}", changed]).match(0, 1)


@given(st.text(alphabet="0123456789.,:/-+%$ €年月一二百万xekgm²½①―\n", max_size=60))
def test_any_signs_and_digits_have_numbers_that_do_not_hang_on_case(body):
    assert numbers(body) == numbers(body.upper())


SIGNS = ["-", "+", "±", "×", "÷", "√", "=", "≠", "<", ">", "≤", "~", "#", "^", "/", "*", "$", "€", "°", "→", "Δ", "∑"]
BESIDE = [
    "",
    "mg",
    "days",
    "x",
    "点",
    "時",
    "시",
    "o'clock",
    "минут",
    "Uhr",
    "percent",
    "%",
    "‰",
    "°",
    "'",
    '"',
    "′",
    "²",
    "→",
]
LONG = "We looked at all of it for long and found that everything was as it had been before, more or less, {} and so on"


@given(
    st.sampled_from(["", "UTC", "x", "Δ", "气温", "pH "]),
    st.lists(st.sampled_from(SIGNS), max_size=2),
    DIGITS,
    st.data(),
)
def test_another_sign_or_word_beside_a_number_parts_long_texts(before, signs, digits, data):
    number = written(digits, data.draw(st.sampled_from(["whole", "decimal", "time"])))
    one = data.draw(st.tuples(st.just("".join(signs)), st.sampled_from(BESIDE)))
    other = data.draw(st.tuples(st.sampled_from([*SIGNS, ""]), st.sampled_from(BESIDE)))
    bodies = [LONG.format(f"{before}{sign}{number} {beside}".strip()) for sign, beside in (one, other)]
    quotes = {"'", '"'} & {one[1], other[1]}  # behind a space they are no part of the number
    if not quotes:
        assert (TextCopies(bodies).match(0, 1) is not None) == (one == other)


@given(st.lists(st.sampled_from(["card", "Größe", "перевод", "résumé", "número"]), min_size=8, max_size=20), st.data())
def test_marks_doubled_words_and_a_typo_away_from_numbers_part_no_texts(words, data):
    at = data.draw(st.integers(3, len(words) - 1))
    changed = [*words[:at], words[at], *words[at:]]
    bodies = [" ".join(["We paid 500 dollars for it:", *some]) for some in (words, changed)]
    assert numbers(bodies[0]) == numbers(bodies[1] + "!")
    assert numbers(bodies[0]) == numbers(bodies[0].replace(words[at], words[at][:-1]))


def test_texts_of_one_number_find_each_other_among_those_of_others():
    texts = TextCopies(["1.5 kg", "15 kg", "1.5kg", "15kg!", "1.5 KG"])
    joined = {tuple(sorted(pair)) for pair in texts.candidates() if texts.match(*pair)}
    assert joined == {(0, 2), (0, 4), (2, 4), (1, 3)}
