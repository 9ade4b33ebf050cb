"""Questions of actions, put at a terminal."""

from __future__ import annotations

import difflib
import select
import sys
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from curator.cli.render import Output, show_picture
from curator.cli.text import one_line, printable, say
from curator.reporter import short_path

if TYPE_CHECKING:
    from curator.api import Ask, Item
    from curator.running.dialogue import Answer, Asker, Standing, Step

OFFERED = 9
"""How many labels of a group are offered by number."""

NONE = {"n": "n(one of these)", "none": "none (of these)"}
"""What is typed for none of the labels of a group, and how that is shown."""
SHORT = {"yes": "y", "no": "n", "skip": "s", "back": "b", "quit": "q"}
TEXT_LENGTH = 1_000


def asker_for(command: str, output: Output) -> Asker | None:
    """Whoever asks at this terminal; None with `--json`, whose questions are rows. Raises where nobody can answer."""
    from curator.errors import BadInput

    if output.mode == "json":
        return None
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise BadInput(
            f"{command} asks its questions at a terminal, and this is not one: with --json they come as rows, and "
            "`curator label` answers them"
        )
    return AtTerminal(output.pictures)


@dataclass
class AtTerminal:
    """Shows an item and what is thought of it, and reads a line. All of it goes to stderr."""

    pictures: bool

    def __call__(self, ask: Ask, standing: Standing) -> Answer | Step:
        """The answer, or where to go instead; asks again while it is neither."""
        say("")
        say(_progress(ask, standing))
        if self.pictures and ask.item.modality == "image" and ask.item.path is not None:
            show_picture(ask.item.path)
        for line in _question_lines(ask):
            say(line)
        while True:
            click.echo(_keys(ask, standing), nl=False, err=True)
            typed = _line()
            if not typed:  # Ctrl-D, or a terminal that is gone
                say("")
            said = _understood(typed, ask, standing)
            if not isinstance(said, _Unclear):
                return said
            say(said.reason)


def _line() -> str:
    """A line as it is typed, '' at the end of input.

    It is waited for in short turns: a Ctrl-C that comes in the instant before reading begins would else wait for Enter.
    """
    if sys.platform != "win32":  # which has no select for a console
        while not select.select([sys.stdin.fileno()], [], [], 0.2)[0]:
            pass
    return sys.stdin.buffer.readline().decode("utf-8", "replace")


@dataclass(frozen=True)
class _Unclear:
    reason: str


def _progress(ask: Ask, standing: Standing) -> str:
    """'3 of 20 · 7 ultraman, 12 not ultraman · held out: average precision 0.712 -> 0.784 on 19 items'."""
    from curator.running.dialogue import moved

    parts = [f"{standing.number:,}" + (f" of {standing.count:,}" if standing.count else "")]
    if ask.choices:
        parts.append(f"{sum(standing.counts.values()):,} labelled, of {len(standing.counts):,} labels")
    else:
        parts.append(", ".join(f"{number:,} {name}" for name, number in [*standing.counts.items()][::-1]))
    if standing.now:
        parts.append(f"held out: {moved(standing.before, standing.now)}")
    return " · ".join(parts)


def _question_lines(ask: Ask) -> list[str]:
    """Where the item is, what it says, what is asked, and what is thought of it."""
    lines = [f"id:{ask.item.id}  {_place(ask.item)}"]
    if ask.item.text is not None:
        lines.append(one_line(ask.item.text, TEXT_LENGTH))
    thought = "" if ask.probability is None else f"{100 * ask.probability:.1f} %"
    if thought and ask.choices:
        thought += f" {one_line(ask.choices[0])}"
    lines.append(
        f"{one_line(ask.question)}  {' · '.join(part for part in (thought, one_line(ask.why)) if part)}".rstrip()
    )
    numbers = _by_number(ask.choices)
    offered = [f"{numbers.get(name, '')} {one_line(name)}".strip() for name in ask.choices[:OFFERED]]
    return lines + (["   ".join(offered)] if offered else [])


def _place(item: Item) -> str:
    """The path, and whether something is still there."""
    if item.path is None:
        return "its file is gone"
    place = printable(short_path(item.path))
    return place if item.modality != "image" or item.path.exists() else f"{place}  (its file is gone)"


def _keys(ask: Ask, standing: Standing) -> str:
    """What can be typed; of a question that was answered before, also that a mere Enter keeps the answer."""
    ways = "y, n, "
    if ask.choices:
        more = f" of {len(ask.choices):,}" if len(ask.choices) > OFFERED else ""
        ways = f"{'number, ' if _by_number(ask.choices) else ''}name{more}, +name for a new one, "
        ways += next((f"{shown}, " for word, shown in NONE.items() if _is_none(word, ask.choices)), "")
    if standing.answered:
        no = "none of these" if ask.choices else "no"
        words: dict[Answer, str] = {True: "yes", False: no, None: "skipped"}
        ways += f"Enter for {one_line(words.get(standing.answer, str(standing.answer)))}, "
    return f"{ways}s(kip), b(ack), q(uit): "


def _understood(typed: str, ask: Ask, standing: Standing) -> Answer | Step | _Unclear:
    """What a line means; at the end of input, to quit."""
    from curator.running.dialogue import Step

    if not typed:
        return Step.QUIT
    word = typed.strip()
    key = SHORT.get(word.lower(), word.lower())
    if key == "q":
        return Step.QUIT
    if key == "b" and standing.first:
        return _Unclear("this is the first question")
    if key == "b":
        return Step.BACK
    if key == "s":
        return None
    if not word and standing.answered:
        return standing.answer
    if ask.choices:
        return False if _is_none(word, ask.choices) else _resolve_choice(word, ask.choices)
    if key in ("y", "n"):
        return key == "y"
    return _Unclear("y for yes, n for no, s to skip it, b to go back, q to quit; then Enter")


def _by_number(choices: tuple[str, ...]) -> dict[str, int]:
    """The numbers by which labels are offered; none where a label's own name is a number."""
    if any(name.isdigit() for name in choices):
        return {}
    return {name: number for number, name in enumerate(choices[:OFFERED], 1)}


def _is_none(word: str, choices: tuple[str, ...]) -> bool:
    """Whether a word means none of the labels: where one is called so, it means that."""
    return word.casefold() in NONE and word.casefold() not in {name.casefold() for name in choices}


def _resolve_choice(word: str, choices: tuple[str, ...]) -> str | _Unclear:
    """The label that a number or a name means; a new one takes a '+'."""
    word = unicodedata.normalize("NFC", word)
    if printable(word) != word:  # as arrow keys send
        return _Unclear("that holds characters that a name cannot have")
    for name, number in _by_number(choices).items():
        if word == str(number):
            return name
    if word.startswith("+") and word[1:].strip():
        return word[1:].strip()
    if word in choices:
        return word
    alike = [name for name in choices if name.casefold() == word.casefold()]
    if len(alike) == 1:
        return alike[0]
    if not word:
        return _Unclear(
            f"{'a number of those above, or ' if _by_number(choices) else ''}the name of a label; then Enter"
        )
    near = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
    hint = f"did you mean {printable(near[0])}? " if near else ""
    return _Unclear(f"no label {one_line(word)!r}: {hint}+{one_line(word)} makes it")
