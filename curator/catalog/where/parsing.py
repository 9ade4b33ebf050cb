"""From a text to an expression, or to what is wrong with it and where.

lark (20 ms to import, 10 to read the grammar) is imported with this module: enter it where there is a text to parse.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Collection
from importlib.resources import files
from typing import Any, NoReturn

from lark import Lark, Token, Transformer, UnexpectedInput, v_args
from lark.exceptions import VisitError

from curator.catalog.where.expression import Expression, Kept, Not, Term, all_of, any_of, parts_of
from curator.catalog.where.fields import FIELDS
from curator.errors import BadInput

LONGEST, MOST_TERMS, DEEPEST = 20_000, 200, 20
"""Characters, conditions, and parentheses and negations in each other: more are more than SQLite takes of one query."""

OPTION = "--where"

SHOWN = 40
"""Characters of what somebody typed that an error shows."""

ALONE = " and ".join(name for name, field in FIELDS.items() if not field.signs)
OPENING, CLOSING = "(（", ")）"

_SIGNS = str.maketrans("：＝～＜＞！≥≤≧≦", ":=~<>!\u2265\u2264\u2265\u2264")
_SAME = {"=": ":", "\u2265": ">=", "\u2264": "<="}
_QUOTES = "\"'“”„＂‘’"
_ESCAPED = re.compile(rf"\\([\\{_QUOTES}])")


def parse(text: str) -> Expression:
    """What a text means; raises `BadInput` with one line that names the place and what to do."""
    if len(text) > LONGEST:
        raise BadInput(f"{OPTION} takes at most {LONGEST:,} characters, and this is {len(text):,}")
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise BadInput(
            f"{OPTION} takes a text, and this one holds bytes that are none (a folder may: --under takes it)"
        )
    if not text.strip():
        raise BadInput(f"{OPTION} needs a condition, such as label:hat, and {text!r} is none")
    try:
        found: Any = _parser().parse(text)  # the tree that it is declared to be is what `_Reader` makes of it
    except UnexpectedInput as error:
        raise _misplaced(text, error) from None
    except VisitError as error:
        raise error.orig_exc from None
    expression: Expression = found
    hold_small(expression)
    return expression


def hold_small(expression: Expression) -> None:
    """Raise `BadInput` for an expression that is too much for one query."""
    terms = deepest = 0
    for one, depth in parts_of(expression):
        terms, deepest = terms + isinstance(one, Term | Kept), max(deepest, depth)
    if terms > MOST_TERMS:
        raise BadInput(f"{OPTION} takes at most {MOST_TERMS} conditions, and these are {terms:,}")
    if deepest > DEEPEST:
        raise BadInput(f"{OPTION}: parentheses and negations lie in each other more than {DEEPEST} deep")


@v_args(inline=True)
class _Reader(Transformer[Token, Expression]):
    """Makes expressions of what was parsed, from the inside to the outside."""

    def either(self, *of: Expression) -> Expression:
        return any_of(*of)

    def both(self, *of: Expression) -> Expression:
        return all_of(*of)

    def without(self, of: Expression) -> Expression:
        return Not(of)

    def kept(self, name: Token) -> Expression:
        return Kept(_unquoted(name))

    def term(self, head: Token, value: Token) -> Expression:
        shown = head.translate(_SIGNS)
        match = re.fullmatch(r"(.*?)\s*([>=<!]=|.)", shown, re.DOTALL)
        assert match
        name, sign = match[1].lower(), _SAME.get(match[2], match[2])
        field = FIELDS.get(name)
        if field is None:
            near = _nearest(name, alone=False)
            hint = f"did you mean {near!r}?" if near else f"the fields are {', '.join(FIELDS)}"
            _refuse(head, f"there is no field {match[1]!r}: {hint}")
        if not field.signs:
            _refuse(head, f"{name!r} stands alone, without {sign!r} and a value")
        if sign == "!=" and ":" in field.signs:
            return Not(Term(name, ":", _unquoted(value)))
        if sign not in field.signs:
            _refuse(head, f"{name!r} takes {' '.join(field.signs)} and not {match[2]!r}, as in {field.example}")
        return Term(name, sign, _unquoted(value))

    def word(self, word: Token) -> Expression:
        name = word.lower()
        field = FIELDS.get(name)
        if name in ("or", "and"):
            _refuse(word, f"a condition is missing before {name!r}")
        if field is None:
            near = _nearest(name, alone=True)
            hint = f"did you mean {near!r}?" if near else f"write label:{word} or text~{word} (alone stand {ALONE})"
            _refuse(word, f"it is no condition: {hint}")
        if field.signs:
            _refuse(word, f"{name!r} needs a value, as in {field.example}")
        return Term(name)


@functools.cache
def _parser() -> Lark:
    grammar = files(__package__).joinpath("grammar.lark").read_text("utf-8")
    return Lark(grammar, parser="lalr", transformer=_Reader(), regex=False)


def _unquoted(value: Token) -> str:
    if value[0] not in _QUOTES:
        return str(value)
    return _ESCAPED.sub(r"\1", value[1:-1])


# --- what is wrong ---


def _refuse(token: Token, wrong: str) -> NoReturn:
    raise _wrong(token.start_pos or 0, str(token), wrong)


def _wrong(at: int, what: str, wrong: str) -> BadInput:
    shown = what if len(what) <= SHOWN else what[: SHOWN - 1] + "…"
    return BadInput(f"{OPTION}, character {at + 1}, {shown!r}: {wrong}")


def _nearest(name: str, alone: bool) -> str | None:
    """The field that may be meant; `alone`: of those that stand without a value."""
    fitting = {field: field for field, known in FIELDS.items() if alone is not bool(known.signs)}
    fitting |= {also: field for field in fitting for also in FIELDS[field].also}
    near = difflib.get_close_matches(name, fitting, n=1, cutoff=0.6)
    return fitting[near[0]] if near else None


def _misplaced(text: str, error: UnexpectedInput) -> BadInput:
    """What stands where it cannot stand, or is missing there."""
    token: Token | None = getattr(error, "token", None)
    ways = (getattr(error, name, None) for name in ("allowed", "accepts", "expected"))
    possible: Collection[str] = next((way for way in ways if way), ())
    ends = token is not None and token.type == "$END"
    at = len(text.rstrip()) if ends else error.pos_in_stream or 0
    before, rest = text[:at].split(), text[at:].rstrip()
    last, here = (before[-1] if before else ""), rest[:1]
    if ends and "VALUE" not in possible and "_CLOSE" in possible:
        return _wrong(at - len(last), last, "a parenthesis is not closed")
    if ends or here in CLOSING:
        if "$END" in possible:
            return _wrong(at, rest, f"this {here!r} closes no parenthesis")
        what = "a value" if "VALUE" in possible else "a condition, such as label:hat,"
        return _wrong(max(0, at - len(last)), last, f"{what} is missing behind it")
    if here not in _QUOTES:
        return _wrong(at, rest, f"a field is missing before {here!r}, as in width>=1000")
    if "VALUE" in possible:
        return _wrong(
            at, rest, f"this quotation mark is not closed (one that belongs to the value is written \\{here})"
        )
    if text[at - 1 : at].strip(OPENING):
        return _wrong(at, rest, "a quotation mark within a value: put all of the value in quotation marks")
    return _wrong(at, rest, 'a field is missing before what is quoted: write label:"..." or text~"..."')
