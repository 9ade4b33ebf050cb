"""The numbers of a text with what stands beside them, in order: texts that differ there say two things, however alike
they look.

What a sign or a word beside a number may be, nobody can list: `UTC-5` and `UTC+5`, `5 mg` and `5 g`, `half 5` and `5`.
So no unit and no form of a time or date is known here: a number is told with all signs next to it, and with the word on
each side (of a script without spaces, the character). Only width, case, spaces, the kind of dash, the commas between
thousands and the punctuation of sentences are left out. Few words tell as much wherever they stand: months and days,
and in a text with numbers parts of a day, up and down. Written otherwise (`5 %` and `5 percent`, `1.10` and `1.1`) a
number counts as another one: that two texts are not called near costs a person a look, and the other way round a text.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import pairwise

__all__ = ["numbers"]

# --- characters ---

INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe0e\ufe0f\ufeff]")
OTHER_DIGITS = re.compile(r"(?![0-9])\d")
SAME = str.maketrans(
    dict.fromkeys("‐‑‒–−⁻₋﹣－", "-")
    | dict.fromkeys("’‘", "'")
    | dict.fromkeys("“”", '"')
    | {"―": "—", "⁄": "/", "∕": "/", "∼": "~", "μ": "µ", "٫": ".", "٬": ",", "，": ", "}
)
"""Of one kind. A wide comma stands between numbers, never within one."""
DRAWN = re.compile("[\u2680-\u2685\U0001f000-\U0001f0ff\U0001f51f\U0001f550-\U0001f567]")
"""Pictures of a number: dice, tiles and cards, the keycap ten, clocks."""

SIGNS = "—‰‱′″‴·•"
"""Punctuation to Unicode, but part of a number beside one."""

NUMERALS = "〇零一二三四五六七八九十百千万亿两兩萬億廿卅壹贰貳叁參肆伍陆陸柒捌玖拾佰仟半"
SAME_NUMERALS = str.maketrans("〇两兩萬億壹贰貳叁參肆伍陆陸柒捌玖拾佰仟", "零二二万亿一二二三三四五六六七八九十百千")

# --- tokens ---

IDEOGRAPH = "[\u2e80-\U0003ffff]"
"""Of Chinese and its neighbours, which write numbers and words without a space between them."""
TOKEN = re.compile(
    rf"""
    (?P<number> (?:(?<![\w.)\]])\.)? [0-9]+ (?:[.,:'·•][0-9]+)* | [{NUMERALS}]+ | (?<=시)\s?반 )
    | (?P<word> [^\W\d_\u2e80-\U0003ffff]+ )
    | (?P<sign> (?<=[0-9])["']+ | [^\w\s,.:;!?'"(){{}}\[\]] )
    | (?P<character> (?=\w){IDEOGRAPH} )
    """,
    re.VERBOSE,
)
THOUSANDS = re.compile(r"[1-9][0-9]{0,2}(?:,[0-9]{3})+")
QUOTED = re.compile(r"""(["'])([^"'\n]{0,40})\1""")
HALF_OF_A_DAY = re.compile(r"(?<![^\W\d_])([ap])\.\s?m\b\.?")
NOT_TOLD = "一"
"""By itself it is mostly no number: 一点, 一样, 一时."""

# --- words ---

COUNTED = re.compile(
    """
    zero|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen
    |nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|billion|trillion|dozen|half
    |quarter|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|twice|thrice|double|triple
    |null|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|zwanzig|dreißig|hundert|tausend|halb|viertel
    |deux|trois|quatre|cinq|sept|huit|neuf|dix|onze|douze|vingt|trente|cent|mille|demie?
    |dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce|veinte|treinta|cien|ciento|mil|medi[ao]
    |due|tre|quattro|cinque|sei|sette|otto|nove|dieci|dois|duas|três|quatro|oito|dez
    |дв[ае]|три|четыре|пять|шесть|семь|восемь|девять|десять|сто|тысяч[аи]?
    |하나|둘|셋|넷|다섯|여섯|일곱|여덟|아홉|열
    |(?=[ivx]{2})x{0,3}(?:ix|iv|v?i{0,3})
    """,
    re.VERBOSE,
)
TIMES = re.compile(
    """
    january|february|march|april|may|june|july|august|september|october|november|december
    |monday|tuesday|wednesday|thursday|friday|saturday|sunday
    |januar|februar|märz|mai|juni|juli|oktober|dezember
    |montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonnabend|sonntag
    |janvier|février|mars|avril|juin|juillet|août|septembre|octobre|novembre|décembre
    |lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche
    |enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre
    |lunes|martes|miércoles|jueves|viernes|sábado|domingo
    |понедельник|вторник|среда|четверг|пятница|суббота|воскресенье
    """,
    re.VERBOSE,
)
WAYS = re.compile(
    """
    am|pm|morning|noon|afternoon|evening|night|midnight|morgens|mittags|nachmittags|abends|nachts|matin|soir
    |mañana|tarde|noche|утра|дня|вечера|ночи
    |before|after|plus|minus|increased|decreased|rose|fell|rises|falls|gained|lost|up|down
    |vor|nach|avant|après|antes|después
    """,
    re.VERBOSE,
)
"""Told in a text that holds a number, as they may belong to it wherever they stand."""
TIMES_IN_IDEOGRAPHS = re.compile(
    "上午|下午|中午|凌晨|早上|晚上|傍晚|午前|午後|오전|오후|아침|저녁|(?:周|星期|礼拜|禮拜)[一二三四五六日天]|[月火水木金土日]曜"
    "|上涨|下跌|上升|下降|增加|减少"
)


def numbers(text: str) -> tuple[str, ...]:
    """What tells a text apart, in order: each number with what stands beside it, and the words of times and ways."""
    plain = _plain(text)
    tokens = [_token(match) for match in TOKEN.finditer(plain)]
    # A word that is doubled says nothing more; a number does.
    tokens = tokens[:1] + [second for first, second in pairwise(tokens) if first != second or second[0] != "word"]
    return (*_told(tokens), *TIMES_IN_IDEOGRAPHS.findall(plain))


def _plain(text: str) -> str:
    """The text in which each character is one of its kind: width, case, other digits, dashes."""
    text = text.casefold()
    if not text.isascii():
        text = INVISIBLE.sub("", text).translate(SAME)
        text = text.translate({ord(one): f" #{ord(one)} " for one in set(text) if _is_number_of_its_own(one)})
        text = unicodedata.normalize("NFKC", text).casefold()
        text = OTHER_DIGITS.sub(lambda found: str(unicodedata.decimal(found[0])), text).translate(SAME)
        text = text.translate({ord(one): " " for one in set(text) if _is_of_sentences(one)})
    return HALF_OF_A_DAY.sub(r"\1m", QUOTED.sub(r" \2 ", text))


@functools.cache
def _is_number_of_its_own(character: str) -> bool:
    """Whether it says a number, but is no digit: ½, ², ①, Ⅷ, ፩, 🕐. It is told by its code: another looks alike."""
    if character.isdecimal() or character in NUMERALS:
        return False
    same = unicodedata.normalize("NFKC", character)
    return unicodedata.category(character)[0] == "N" or any(map(str.isdigit, same)) or bool(DRAWN.match(character))


@functools.cache
def _is_of_sentences(character: str) -> bool:
    """Whether it is punctuation beyond ASCII, and no sign beside numbers."""
    return character not in SIGNS and not character.isascii() and unicodedata.category(character)[0] == "P"


def _token(match: re.Match[str]) -> tuple[str, str]:
    """The kind of a token, and what it is compared by."""
    kind, token = match.lastgroup or "", match[0]
    if kind == "number":
        if THOUSANDS.fullmatch(token):
            token = token.replace(",", "")
        token = token.translate(SAME_NUMERALS)
        return ("character" if token == NOT_TOLD else "number"), token
    if kind == "word" and COUNTED.fullmatch(token):
        return "number", token
    return kind, "".join(token.split())


BESIDE = 8
"""Tokens on a side of a number that are looked at: signs, and the word behind them."""


def _told(tokens: list[tuple[str, str]]) -> Iterator[str]:
    holds_number = any(kind == "number" for kind, _ in tokens)
    for place, (kind, token) in enumerate(tokens):
        if kind == "number":
            before = _beside(reversed(tokens[max(0, place - BESIDE) : place]))
            after = _beside(tokens[place + 1 : place + 1 + BESIDE])
            yield " ".join((*reversed(list(before)), f"[{token}]", *after))
        elif TIMES.fullmatch(token) or (holds_number and WAYS.fullmatch(token)):
            yield token


def _beside(tokens: Iterable[tuple[str, str]]) -> Iterator[str]:
    """The signs that come first, and the word or character that comes then."""
    for kind, token in tokens:
        if kind == "number":
            return
        yield token
        if kind != "sign":
            return
