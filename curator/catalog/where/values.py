"""Numbers, sizes and dates, as people write them in a selection: what they mean as bounds."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import TypeAlias, TypeVar

from curator.errors import BadInput

T = TypeVar("T")

LARGEST = 2**63 - 1
"""What SQLite can count to."""

Range: TypeAlias = tuple[int | None, int | None]
"""The lowest and the highest number, None where there is no end."""

Span: TypeAlias = tuple[datetime.datetime | None, datetime.datetime | None]
"""From the first moment to before the second, in no zone; None where there is no end."""

_NUMBER = re.compile(r"(\d{1,19}(?:\.\d{1,6})?) ?([kmgt]?)", re.ASCII | re.IGNORECASE)
_SIZE = re.compile(_NUMBER.pattern + "(?:i?b)?", re.ASCII | re.IGNORECASE)
_DATE = re.compile(r"(\d{4})(?:-(\d\d?)(?:-(\d\d?)(?:[T ](\d\d?):(\d\d)(?::(\d\d))?)?)?)?", re.ASCII)


def numbers(sign: str, value: str) -> Range:
    """Those that a sign and a number mean; `k` and `M` are thousands. Raises `BadInput`."""
    return _range(sign, value, lambda text: _number(text, _NUMBER, 1000, "a number, such as 1000 or 12M"))


def sizes(sign: str, value: str) -> Range:
    """The same of sizes in bytes: 10k are 10,240."""
    return _range(sign, value, lambda text: _number(text, _SIZE, 1024, "a size, such as 10k, 5M or 800000"))


def _range(sign: str, value: str, read: Callable[[str], int]) -> Range:
    low, high = _ends(sign, value, read)
    if low is not None and high is not None and low > high:
        raise _backwards(value)
    return (low if low is None or sign != ">" else low + 1), (high if high is None or sign != "<" else high - 1)


def _backwards(value: str) -> BadInput:
    first, _, last = value.partition("..")
    return BadInput(f"{value!r} goes backwards: write {last}..{first}")


def _number(text: str, form: re.Pattern[str], thousand: int, what: str) -> int:
    match = form.fullmatch(text.strip())
    if match is None:
        raise BadInput(f"{text!r} is not {what}")
    whole, _, rest = match[1].partition(".")
    unit: int = thousand ** " kmgt".index(match[2].lower() or " ")
    parts: int = 10 ** len(rest)
    more, lost = divmod(int(rest or 0) * unit, parts)
    if lost and (unit == 1 or thousand == 1000):  # of a size like 1.3k the rest is less than a byte
        raise BadInput(f"{text!r} is not a whole number")
    number = int(whole) * unit + more
    if number > LARGEST:
        raise BadInput(f"{text!r} is too large")
    return number


def _ends(sign: str, value: str, read: Callable[[str], T]) -> tuple[T | None, T | None]:
    """What stands at the low and at the high end: `A..B`, of which one may be left out, or what the sign says."""
    first, dots, last = value.partition("..")
    if dots:
        if sign != ":":
            raise BadInput(f"{value!r} is a range, which stands behind ':' and not behind {sign!r}")
        if not (first or last):
            raise BadInput("'..' has no end: write 10..20, 10.. or ..20")
        return (read(first) if first else None), (read(last) if last else None)
    one = read(value)
    return (None if sign in ("<", "<=") else one), (None if sign in (">", ">=") else one)


def dates(sign: str, value: str) -> Span:
    """The span that a sign and a date mean: a year, month, day, minute or second as a whole. Raises `BadInput`.

    `>` a day is after its end, `>=` from its beginning, `<` before its beginning, `<=` up to its end.
    """
    low, high = _ends(sign, value, _span)
    if low is not None and high is not None and low[0] >= high[1]:
        raise _backwards(value)
    since = None if low is None else low[sign == ">"]
    before = None if high is None else high[sign != "<"]
    return since, before


def _span(text: str) -> tuple[datetime.datetime, datetime.datetime]:
    match = _DATE.fullmatch(text.strip())
    if match is None:
        raise BadInput(f"{text!r} is not a date: write 2026, 2026-11, 2026-11-30, 2026-11-30T14:05 or with seconds")
    parts = [int(part) for part in match.groups() if part is not None]
    try:
        first = datetime.datetime(*parts, *(1, 1)[len(parts) - 1 :])  # type: ignore[arg-type]
        return first, _next(first, len(parts))
    except (ValueError, OverflowError) as error:
        raise BadInput(f"{text!r} is not a date that there is ({error})") from None


def _next(first: datetime.datetime, given: int) -> datetime.datetime:
    """The moment at which the year, month, day, minute or second is over that begins with this one."""
    if given == 1:
        return first.replace(year=first.year + 1)
    if given == 2:
        return first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return first + {3: datetime.timedelta(days=1), 5: datetime.timedelta(minutes=1)}.get(
        given, datetime.timedelta(seconds=1)
    )


def in_utc(moment: datetime.datetime | None) -> str | None:
    """A moment by this computer's clock, as the times of runs are kept. Raises `BadInput`."""
    if moment is None:
        return None
    try:
        return moment.astimezone(datetime.UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):
        raise BadInput(f"{moment.year}: no clock of a computer tells a time so far away") from None


def as_told(moment: datetime.datetime | None) -> str | None:
    """A moment as cameras tell it."""
    return None if moment is None else moment.isoformat(timespec="seconds")
