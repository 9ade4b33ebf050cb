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
from curator.kit.trust.flaws import FLAGGED, above

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
    logs = {number: math.log(length) for number, length in lengths.items()}
    middle = statistics.median(logs.values())
    spread = 1.4826 * statistics.median(abs(value - middle) for value in logs.values())
    for item in items:
        if item.id in logs:
            off = abs(logs[item.id] - middle)
            line = max(APART * spread, math.log(TIMES))
            if (score := above(off, line, 2 * line)) > 0:
                than = "longer" if logs[item.id] > middle else "shorter"
                why = f"{lengths[item.id]:,} characters, {math.exp(off):.1f} times {than} than is usual"
                yield Flaw(item, score, why)


def _garbled(context: Context, items: Sequence[Item]) -> Iterator[Flaw]:
    import ftfy
    import ftfy.badness

    for item in items:
        text = item.text or ""
        lost = text.count("\ufffd") + text.count("锟斤拷")
        if lost:
            yield Flaw(item, 1.0, f"{lost:,} characters were lost when it was saved")
        elif ftfy.badness.is_bad(text) and (mended := ftfy.fix_encoding(text)) != text:
            before, after = _first_difference(text, mended)
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
    usual = counts.most_common(1)[0][0]
    for item in items:
        name = scripts[item.id]
        if name is not None and name != usual:
            share = counts[name] / counts.total()
            if (score := 1 - FLAGGED * share / RARE) > 0:
                yield Flaw(item, score, f"in {_called(name)}, as {share:.1%} of the texts are")


def _called(script: str) -> str:
    return {"CJK": "Chinese characters", "JAPANESE": "Japanese", "HANGUL": "Korean"}.get(script, script.capitalize())


def _boilerplate(context: Context, items: Sequence[Item]) -> Iterator[Flaw]:
    lines = {item.id: _lines(item.text or "") for item in items}
    counts = collections.Counter(line for found in lines.values() if len(found) > 1 for line in set(found))
    for item in items:
        found = lines[item.id]
        common = [line for line in set(found) if counts[line] >= OFTEN] if len(found) > 1 else []
        share = sum(map(len, common)) / max(1, sum(map(len, found)))
        if (score := above(share, 0.5, 1)) > 0:
            most = max(common, key=lambda line: (counts[line], line))
            yield Flaw(item, score, f"{share:.0%} of it stands in others too: {most[:30]!r} in {counts[most]:,}")


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

_PATTERNS = (
    ("an e-mail address", re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)*\.[a-zA-Z]{2,24}\b")),
    ("an identity number", re.compile(r"(?<!\d)[1-9]\d{5}(?:19|20)\d\d(?:0[1-9]|1[0-2])\d{5}[\dXx](?!\d)")),
    ("a card number", re.compile(r"(?<![\d-])(?:\d{4}[ -]){3}\d{4}(?![\d-])|(?<!\d)[3-6]\d{14,15}(?!\d)")),
    (
        "a phone number",
        re.compile(r"(?<![\w+./-])(?:\+\d{1,3}[ -]?(?:\(?\d{1,4}\)?[ -]?){2,5}\d{2,4}|1[3-9]\d{9})(?![\w/-])"),
    ),
    ("a phone number", re.compile(r"(?<![\w+./-])(?:\(\d{3}\) ?|\d{3}[-.])\d{3}[-.]\d{4}(?![\w/-])")),
)


def _personal(context: Context, items: Sequence[Item]) -> Iterator[Flaw]:
    for item in items:
        found = list(_told(item.text or ""))
        if found:
            what = ", ".join(f"{name} ({_masked(value)})" for name, value in found[:3])
            yield Flaw(item, min(1.0, 0.7 + 0.1 * len(found)), what + (" and more" if found[3:] else ""))


def _told(text: str) -> Iterator[tuple[str, str]]:
    for name, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            if _VALID.get(name, lambda value: True)(match[0]):
                yield name, match[0]


def _masked(value: str) -> str:
    """So that a report can be shown to others."""
    return value[0] + "***" + value[-1]


def _checksum(number: str) -> bool:
    """Whether a card number has the check digit that all have (Luhn)."""
    digits = [int(digit) for digit in reversed(number) if digit.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) if odd % 2 else digit for odd, digit in enumerate(digits)]
    return sum(doubled) % 10 == 0


def _identity(number: str) -> bool:
    """Whether a Chinese identity number has the check character that all have (GB 11643)."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return "10X98765432"[sum(w * int(d) for w, d in zip(weights, number, strict=False)) % 11] == number[-1].upper()


_VALID = {"a card number": _checksum, "an identity number": _identity}

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
