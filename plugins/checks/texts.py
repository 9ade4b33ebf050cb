"""What is wrong with texts: nothing in them, far shorter or longer than the others, garbled, in another script,
lines that come again and again, and what tells who somebody is.

Each looks at the texts alone; nothing of it is kept, as it takes some microseconds a text.
"""

from __future__ import annotations

import collections
import math
import re
import statistics
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from curator.api import CheckSpec, Context, Flaw, Item, hookimpl
from curator.kit.trust.flaws import FLAGGED, above, flaws

FEWEST = 20
"""Texts, of fewer of which nothing is said to be usual."""
APART, TIMES = 4.0, 8.0
"""How many standard deviations of the logarithm, as the median deviation tells them, and how many times the usual."""
MOSTLY, RARE = 0.8, 0.1
"""A text is in a script if so much of its letters is; a script is another one if so few of the texts are in it."""
LINE, OFTEN = 12, 5
"""Characters from which on a line may be boilerplate, and texts that it is in."""


def _letters(text: str) -> str:
    return "".join(character for character in text if character.isalnum())


def _empty(context: Context, items: Sequence[Item]) -> Iterator[Flaw]:
    for item in items:
        text = item.text or ""
        if not _letters(text):
            yield Flaw(item, 1.0, "no letter or digit in it" if text.strip() else "nothing in it")


def _odd_length(context: Context, items: Sequence[Item]) -> Iterator[Flaw]:
    lengths = {item.id: len(item.text or "") for item in items if _letters(item.text or "")}
    if len(lengths) < FEWEST:
        return
    middle = statistics.median(map(math.log, lengths.values()))
    spread = 1.4826 * statistics.median(abs(math.log(length) - middle) for length in lengths.values())
    line = max(APART * spread, math.log(TIMES))

    def judged() -> Iterator[tuple[int, float, str]]:
        for id_, length in lengths.items():
            off = abs(math.log(length) - middle)
            if (score := above(off, line, 2 * line)) > 0:
                than = "longer" if math.log(length) > middle else "shorter"
                yield id_, score, f"{length:,} characters, {math.exp(off):.1f} times {than} than is usual"

    yield from flaws(context, judged())


def _garbled(context: Context, items: Sequence[Item]) -> Iterator[Flaw]:
    import ftfy
    import ftfy.badness

    for item in items:
        text = item.text or ""
        lost = text.count("\ufffd") + text.count("锟斤拷")
        if lost:
            what = "1 character was" if lost == 1 else f"{lost:,} characters were"
            yield Flaw(item, 1.0, f"{what} lost when it was saved")
        elif ftfy.badness.is_bad(text) and (mended := ftfy.fix_encoding(text)) != text:
            before, after = _first_difference(text, mended)
            if after[:1].isspace():  # a letter before a blank, as in a list of letters
                continue
            yield Flaw(item, 0.9, f"{before!r} is {after!r} read in a wrong encoding")


def _first_difference(one: str, other: str) -> tuple[str, str]:
    at = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return one[at : at + 8], other[at : at + 4]


def _script(character: str) -> str:
    """Its script, told by its name: LATIN, CJK, CYRILLIC; kana are written with Chinese characters."""
    name = unicodedata.name(character, "").split(" ")[0].split("-")[0]
    return {"HIRAGANA": "JAPANESE", "KATAKANA": "JAPANESE", "FULLWIDTH": "LATIN"}.get(name, name)


def _script_of(text: str) -> str | None:
    """The script that most of its letters are in, None where there is none such."""
    counts = collections.Counter(_script(letter) for letter in text[:2_000] if letter.isalpha())
    if counts["JAPANESE"]:
        counts["JAPANESE"] += counts.pop("CJK", 0)
    if not counts:
        return None
    name, most = counts.most_common(1)[0]
    return name if most >= MOSTLY * counts.total() else None


def _other_script(context: Context, items: Sequence[Item]) -> Iterator[Flaw]:
    scripts = {item.id: _script_of(item.text or "") for item in items}
    counts = collections.Counter(name for name in scripts.values() if name is not None)
    if counts.total() < FEWEST:
        return
    usual, every = counts.most_common(1)[0][0], counts.total()
    judged = (
        (
            id_,
            1 - FLAGGED * counts[name] / every / RARE,
            f"in {_called(name)}, one of {counts[name]:,} among {every:,} texts",
        )
        for id_, name in scripts.items()
        if name is not None and name != usual
    )
    yield from flaws(context, (one for one in judged if one[1] > 0))


def _called(script: str) -> str:
    return {"CJK": "Chinese characters", "JAPANESE": "Japanese", "HANGUL": "Korean"}.get(script, script.capitalize())


def _boilerplate(context: Context, items: Sequence[Item]) -> Iterator[Flaw]:
    several = (found for found in (_lines(item.text or "") for item in items) if len(found) > 1)
    # By a number of each line: of very many texts their lines take more than there is.
    counts = collections.Counter(number for found in several for number in set(map(hash, found)))
    for item in items:
        found = _lines(item.text or "")
        common = [line for line in set(found) if counts[hash(line)] >= OFTEN] if len(found) > 1 else []
        share = sum(map(len, common)) / max(1, sum(map(len, found)))
        if (score := above(share, 0.5, 1)) > 0:
            most = max(common, key=lambda line: (counts[hash(line)], line))
            yield Flaw(item, score, f"{share:.0%} of it stands in others too: {most[:30]!r} in {counts[hash(most)]:,}")


def _repeated(context: Context, items: Sequence[Item]) -> Iterator[Flaw]:
    for item in items:
        counts = collections.Counter(_lines(item.text or ""))
        again = sum(len(line) * (many - 1) for line, many in counts.items())
        share = again / max(1, sum(len(line) * many for line, many in counts.items()))
        if (score := above(share, 0.3, 1)) > 0:
            line, many = counts.most_common(1)[0]
            yield Flaw(item, score, f"{share:.0%} of it is said before: {line[:30]!r} {many:,} times")


def _lines(text: str) -> list[str]:
    return [line for line in map(str.strip, text.splitlines()) if len(line) >= LINE]


# --- what tells who somebody is ---

_APART, _ENDS = r"(?<![A-Za-z0-9_.+/=&#-])", r"(?![A-Za-z0-9_/-])"
"""ASCII alone: Chinese is written without blanks, and a number may stand right behind a word."""
_MAIL = r"(?<![A-Za-z0-9._%+/@-])[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,24}(?![A-Za-z0-9-])"
_PATTERNS = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("an e-mail address", _MAIL),
        ("an identity number", r"(?<!\d)[1-9]\d{5}(?:19|20)\d\d(?:0[1-9]|1[0-2])\d{5}[\dXx](?!\d)"),
        ("a card number", r"(?<![\d-])(?:\d{4}[ -]?){3}\d{4}(?:[ -]?\d{3})?(?![\d-])|(?<!\d)3[47]\d{13}(?!\d)"),
        ("a phone number", rf"{_APART}(?:\+|00)[1-9]\d{{0,2}}[ -]?(?:\(?\d{{1,4}}\)?[ -]?){{2,5}}\d{{2,4}}{_ENDS}"),
        ("a phone number", rf"{_APART}1[3-9]\d[ -]?\d{{4}}[ -]?\d{{4}}{_ENDS}"),
        ("a phone number", rf"{_APART}0[1-9]\d{{1,3}}(?:[ -]\d{{7,8}}| \d{{3,4}} \d{{4}}){_ENDS}"),
        ("a phone number", rf"{_APART}400-?\d{{3}}-?\d{{4}}{_ENDS}"),
        ("a phone number", rf"{_APART}0[1-9](?:[ .]\d\d){{4}}{_ENDS}"),
        ("a phone number", rf"{_APART}(?:1[ -])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[-.])[2-9]\d\d[-.]\d{{4}}{_ENDS}"),
    )
)
_FILES = frozenset(("avif", "bmp", "css", "gif", "heic", "ico", "jpeg", "jpg", "js", "pdf", "png", "svg", "webp"))
"""What comes after the last dot of `logo@2x.png`."""


def _personal(context: Context, items: Sequence[Item]) -> Iterator[Flaw]:
    for item in items:
        text = unicodedata.normalize("NFKC", item.text or "")  # digits of full width, too
        found = list(_told(text))
        if found:
            what = ", ".join(f"{name} ({_masked(value)})" for name, value in found[:3])
            for _, value in sorted(found, key=lambda pair: -len(pair[1])):
                text = text.replace(value, _masked(value))
            why = what + (" and more" if found[3:] else "")
            yield Flaw(item, min(10, 7 + len(found)) / 10, why, text)


def _told(text: str) -> Iterator[tuple[str, str]]:
    taken: list[tuple[int, int]] = []
    for name, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            begin, end = match.span()
            if any(begin < other_end and other < end for other, other_end in taken):
                continue
            if _VALID[name](match):
                taken.append((begin, end))
                yield name, match[0]


def _masked(value: str) -> str:
    """So that a report can be shown to others."""
    return value[0] + "***" + value[-1]


def _mail(match: re.Match[str]) -> bool:
    """Whether it is one of a person: no name of a file, no version, no part of an address on the web or of git."""
    text, ending, domain = match.string, match[0].rpartition(".")[2].lower(), match[0].partition("@")[2].split(".")[-2]
    begin = max(text.rfind(blank, 0, match.start()) for blank in " \n\t") + 1
    followed = text[match.end() : match.end() + 2]
    repository = followed[:1] == ":" and followed[1:].isalnum()
    return ending not in _FILES and not domain.isdigit() and "://" not in text[begin : match.start()] and not repository


def _phone(match: re.Match[str]) -> bool:
    """Whether it has as many digits as one in another country has; others are told by how they are written."""
    digits = sum(map(str.isdigit, match[0].removeprefix("00")))
    return not match[0].startswith(("+", "00")) or 10 <= digits <= 15


def _card(match: re.Match[str]) -> bool:
    """Whether it begins as one of a bank and has the check digit that all have (Luhn)."""
    digits = [int(digit) for digit in reversed(match[0]) if digit.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) if odd % 2 else digit for odd, digit in enumerate(digits)]
    return match[0][0] in "3456" and sum(doubled) % 10 == 0


def _identity(match: re.Match[str]) -> bool:
    """Whether a Chinese identity number has the check character that all have (GB 11643)."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(weight * int(digit) for weight, digit in zip(weights, match[0], strict=False))
    return "10X98765432"[total % 11] == match[0][-1].upper()


_VALID = {"an e-mail address": _mail, "a phone number": _phone, "a card number": _card, "an identity number": _identity}

_CHECKS = (
    ("empty", "texts without a letter or digit", _empty),
    ("odd-length", "texts far longer or shorter than the others", _odd_length),
    ("mojibake", "texts that were read in a wrong encoding", _garbled),
    ("other-script", "texts in another script than the others", _other_script),
    ("boilerplate", "texts that are mostly lines which stand in others too", _boilerplate),
    ("repeated-lines", "texts that say the same lines again", _repeated),
    ("personal-data", "texts with e-mail addresses, phone, card or identity numbers (not all can be found)", _personal),
)


@hookimpl
def register_quality_checks() -> Iterable[CheckSpec]:
    """Those of texts."""
    return [CheckSpec(name, summary, ("text",), look) for name, summary, look in _CHECKS]
