"""The numbers of a text as it writes them, in order: texts that differ in one say two things, however alike they look.

A number is its digits with what is part of it: sign, decimal point, the marks within a time, a date, a range or a
version, percent, currency and unit. Only what cannot change its value is left out: width, spaces around it, the commas
between thousands, the kind of dash. Written otherwise (`1.10` and `1.1`, `2020-01-02` and `2 Jan 2020`) it counts as
another one: that two texts are not called near costs a person a look, and the other way round a text.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["numbers"]

# --- signs that NFKC would melt into the digits beside them ---

INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
RAISED = re.compile("[\u00b2\u00b3\u00b9\u2070\u2074-\u207b]+")
LOWERED = re.compile("[\u2080-\u208b]+")
SET_APART = re.compile(
    "[\u00bc-\u00be\u2150-\u2189\u2460-\u24ff\u2776-\u2793\u3220-\u32ff\u3358-\u33ff\U0001f100-\U0001f10c]"
)
OTHER_DIGITS = re.compile(r"(?![0-9])\d")
HYPHENS = str.maketrans(dict.fromkeys("‐‑‒–−", "-") | {"―": "—", "⁄": "/", "∕": "/", "∼": "~", "μ": "µ"})

# --- numbers in digits ---

# Of an alphabet, or a digit; characters of Chinese and its neighbours stand beside numbers without a space.
LATIN = r"[^\W\u2e80-\U0003ffff]"

CURRENCIES = r"[$¢£¤¥฿₠-₿]|(?:usd|eur|gbp|cny|rmb|jpy|hkd)(?!{LATIN})".replace("{LATIN}", LATIN)

BEFORE = rf"""
    (?<![\w.)\]}}%-])-(?=[-$¢£¤¥฿₠-₿.\d]) | (?<=[\u2e80-\U0003ffff])-(?=[$¢£¤¥฿₠-₿.\d])
    | (?<![\w/"'-])[<>≤≥±≈~]=?
    | (?:(?<!{LATIN})[a-z]{{1,3}}(?=\$))? (?:{CURRENCIES})
    | 负 | 負 | 零下 | (?<!{LATIN})(?:minus|negative)(?!{LATIN})
"""

# Between digits: a mark, an operator with spaces around it, or the exponent's e.
JOINT = r"[-—.,:/'*^×÷·•_~<>=+][-+]? | \s+[-—/*×÷+<>=:^]\s+[-+]? | [-—]\s+ | e[-+]?"

LATIN_UNITS = r"""
    percentage\s+points? | per\s?cent | pct | [ap]\.?m\.?
    | [pnumµcdkh]?m | [numµk]?g | mcg | [mcd]?l | t | [kmgtp]?i?b | [kmg]?bps | [mkg]?wh? | [mk]?v | mah? | [kmg]?hz
    | [kmh]?pa | bar | [mnµu]?s | h | hrs? | mins? | secs? | d | ft | yd | mi | oz | lbs? | px | dpi | mph | km/h | kph
    | k | bn | mn | c | f | j | kj | k?cal
    | seconds? | minutes? | hours? | days? | weeks? | months? | years? | degrees?
    | dollars? | cents? | euros? | pounds? | pence | yuan | yen | usd | eur | gbp | cny | rmb | jpy | hkd
    | (?:kilo|milli|micro|centi)?(?:met(?:er|re)s? | grams? | lit(?:er|re)s?) | tons? | tonnes? | miles? | inch(?:es)?
    | feet | foot | yards? | ounces? | bytes? | bits?
"""

CHINESE_UNITS = """
    个?百分点|毫克|微克|千克|公斤|公里|千米|厘米|毫米|分米|毫升|公升|平方米|立方米|英寸|英里|英镑|美元|美分|欧元|日元|港元|人民币
    |小时|分钟|星期|个月|摄氏度|华氏度|克|斤|两|吨|升|米|寸|尺|里|元|角|分|毛|块|秒|天|周|月|年|日|号|时|点|度|倍|成|折|岁|楼|届
"""

AFTER = rf"""
    [%‰‱] | °\s?(?:[cf](?!{LATIN}))? | ′+ | {CURRENCIES} | {CHINESE_UNITS}
    | (?:{LATIN_UNITS})(?![^\W\d\u2e80-\U0003ffff])
"""

# --- numbers in words ---

NUMERALS = "〇零一二三四五六七八九十百千万亿两兩萬億廿卅壹贰貳叁參肆伍陆陸柒捌玖拾佰仟"
SAME_NUMERALS = str.maketrans("〇两兩萬億壹贰貳叁參肆伍陆陸柒捌玖拾佰仟", "零二二万亿一二二三三四五六六七八九十百千")
IN_PHRASES = ("", "点", "时", "度", "分")
"""Units with which 一 is mostly no number: 一点, 一时, 一度. Beside another number it is told apart all the same."""

WORDS = """
    zero|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen
    |nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|billion|trillion|dozen|half
    |second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth
"""

NUMBER = re.compile(
    rf"""
    (?=[-<>≤≥±≈~$¢£¤¥฿₠-₿.0-9{NUMERALS}负負]|(?<!{LATIN})[a-z])  # most characters begin none, and cost little so
    (?:
        (?P<before>(?:(?:{BEFORE})\s*){{0,3}})
        (?P<digits>(?:(?<!{LATIN})(?<![.)\]])\.)?[0-9]+(?:(?:{JOINT})[0-9]+)*)
        (?P<more>\+(?![0-9]))?
        (?:\s*(?P<after>{AFTER}))?
        | (?P<minus>[负負]|零下)?(?P<numerals>[{NUMERALS}]+)(?:\s*(?P<unit>{CHINESE_UNITS}))?
        | (?<!{LATIN})(?P<word>{WORDS}|(?=[ivx]{{2}})x{{0,3}}(?:ix|iv|v?i{{0,3}}))(?!{LATIN})
    )
    """,
    re.VERBOSE,
)
ARABIC = {0x066B: ".", 0x066C: ","}
"""The decimal and the thousands separator of Arabic script."""
THOUSANDS = re.compile(r"(?<![0-9.,])[1-9][0-9]{0,2}(?:,[0-9]{3})+(?![0-9,])")
SAME_UNITS = {"percent": "%", "pct": "%", "℃": "°c", "mcg": "µg", "ug": "µg", "um": "µm", "us": "µs"}
SAME_SIGNS = {"负": "-", "負": "-", "零下": "-", "minus": "-", "negative": "-"}


def numbers(text: str) -> tuple[str, ...]:
    """All numbers of a text, in digits, numerals or words, each in the one way in which it is compared."""
    found = (_one(match) for match in NUMBER.finditer(_plain(text)))
    return tuple(filter(None, found))


def _plain(text: str) -> str:
    """The text in which each character is one of its kind: width, case, other digits, dashes."""
    if not text.isascii():
        text = INVISIBLE.sub("", text).replace("，", ", ")
        text = RAISED.sub(lambda found: f"^{found[0]} ", text)
        text = LOWERED.sub(lambda found: f"_{found[0]} ", text)
        text = SET_APART.sub(lambda found: f" {found[0]} ", text)
        text = unicodedata.normalize("NFKC", text)
        text = text.translate(ARABIC)
        text = OTHER_DIGITS.sub(lambda found: str(unicodedata.decimal(found[0])), text)
    return text.casefold().translate(HYPHENS)


def _one(match: re.Match[str]) -> str:
    if match["word"]:
        return match["word"]
    if match["numerals"]:
        numerals, unit = match["numerals"].translate(SAME_NUMERALS), match["unit"] or ""
        sign = "-" if match["minus"] else ""
        return "" if numerals == "一" and unit in IN_PHRASES and not sign else sign + numerals + unit
    before = "".join(match["before"].split())
    for word, sign in SAME_SIGNS.items():
        before = before.replace(word, sign)
    digits = THOUSANDS.sub(lambda found: found[0].replace(",", ""), "".join(match["digits"].split()).replace("—", "-"))
    unit = "".join((match["after"] or "").split()).replace(".", "")
    unit = SAME_UNITS.get(unit, unit)
    unit = unit.removesuffix("s") if len(unit) > 2 else unit
    return f"{before}{digits}{match['more'] or ''}{unit}"
