"""Tables from anybody, the whole way: `add` takes what can be taken, and says one line of each of the other rows.

What `hostile` damages are bytes; here the tables are read, and what stands in them is not what anybody expects. Each is
added twice: the second time nothing is new. Where a line of JSON holds a text by plain reading, it is in the catalogue.
"""

from __future__ import annotations

import csv
import io
import json
import os
import random
import unicodedata

import hostile
import pytest
from fakes import open_fake, picture

from curator.errors import CuratorError, PluginError

SEED = int(os.environ.get("CURATOR_TESTS_SEED", "1"))
SECONDS = 10

COLUMNS = ("text", "label", "id", "file", "more")
WORDS = (
    *(
        "",
        " ",
        "a",
        "a text",
        "好的",
        "naïve «Кот»",
        "e\u0301",
        "\u202egnp.exe",
        "\ufeff",
        "\u2028",
        "a\tb",
        "a\nb",
        "a\r\nb",
    ),
    *(
        "\0",
        "a\0b",
        "\x1b[31mred\x1b[0m",
        "[bold]x[/bold]",
        "=1+1",
        "'",
        '"',
        '""',
        ",",
        ";",
        "\\",
        "null",
        "NaN",
        "-1",
    ),
    *(
        "x" * 10_000,
        "../outside.png",
        "/etc/passwd",
        "there/0.png",
        "there/1.png",
        "there",
        "pipe",
        "loop",
        "~",
        "~root",
    ),
    *("file:///etc/passwd", "http://localhost/x.png", "C:\\x.png", "there/\0.png", "a/" * 2000, "%s%n", "{}", "$HOME"),
)
VALUES = (
    *WORDS,
    *(None, True, False, 0, -1, 1.5, 1e308, 10**400, float("nan"), float("inf"), [], {}, ["a", "b"], {"text": "a"}),
    *("\ud800", "\udfff\ud800", "😀", "\U0010ffff"),
)


def delimited(chance):
    """Bytes and ending of a CSV or TSV, whose rows may be ragged and whose quotes may be anybody's."""
    ending = chance.choice(("csv", "tsv"))
    file = io.StringIO(newline="")
    writer = csv.writer(
        file,
        delimiter={"csv": chance.choice(",,,;|"), "tsv": "\t"}[ending],
        lineterminator=chance.choice(("\n", "\r\n", "\r")),
        quoting=chance.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL)),
    )
    names = list(COLUMNS)
    chance.shuffle(names)
    writer.writerow(names + chance.choice(([], [], [""], ["text"], ["猫"])))
    for _ in range(chance.randrange(1, 12)):
        writer.writerow([chance.choice(WORDS) for _ in range(len(names) + chance.choice((0, 0, 0, -2, 3)))])
        if chance.random() < 0.1:
            file.write(chance.choice(("\n", '"', '"open\n', "\n\n\n", "\x1a", "#\n", ",,,,\n")))
    encoding = chance.choice(("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "gb18030", "latin-1", "utf-7"))
    return file.getvalue().encode(encoding, "replace"), ending


def lines(chance):
    """Bytes and ending of JSON lines, some of which are none."""
    rows = []
    for _ in range(chance.randrange(1, 12)):
        row = {name: chance.choice(VALUES) for name in COLUMNS if chance.random() < 0.9}
        rows.append(
            json.dumps(row, ensure_ascii=chance.random() < 0.5 or any("\ud800" in str(v) for v in row.values()))
        )
        if chance.random() < 0.2:
            rows.append(
                chance.choice(
                    ("", "[]", "1", "{", '{"text": "a", "text": "b"}', "{}" * 3, "[" * 5000, "\0", "9" * 6000)
                )
            )
    return "\n".join(rows).encode("utf-8", "replace"), chance.choice(("jsonl", "ndjson"))


def plainly(data):
    """The texts that JSON lines hold for anybody who reads them line by line."""
    found = set()
    for line in data.split(b"\n"):
        try:
            row = json.loads(line)
            text = row["text"]
            text.encode()
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
            continue
        if text.strip() and "\0" not in text:
            found.add(text)
    return found


class Adding:
    """Adds tables to one workspace, and notes what came out that should not."""

    def __init__(self, folder):
        self.folder = folder / "tables"
        self.folder.mkdir()
        for number in range(2):
            picture(self.folder / "there" / f"{number}.png", seed=number)
        picture(folder / "outside.png", seed=9)
        os.mkfifo(self.folder / "pipe")
        (self.folder / "loop").symlink_to("loop")
        self.wrong = []
        self.taken = 0

    def add(self, ws, number, chance, kind):
        data, ending = kind(chance)
        path = self.folder / f"{number}.{ending}"
        if chance.random() < 0.2:
            data = hostile.mutated(data, [data], chance)
            sound = set()
        else:
            sound = plainly(data) if kind is lines else set()
        path.write_bytes(data)
        options = (
            {"text_column": "text"} if chance.random() < 0.8 else {"image_column": "file", "caption_column": "text"}
        )
        options |= {f"{name}_column": name for name in ("label", "id") if chance.random() < 0.3}
        first = self.once(ws, path, options)
        if first is None:
            return
        self.taken += 1
        second = self.once(ws, path, options)
        if second is None or second.added or len(second.problems) != len(first.problems):
            self.wrong.append(f"{path.name}: another outcome when added again: {first} {second}")
        if options == {"text_column": "text"}:
            known = {
                unicodedata.normalize("NFC", item.text) for item in ws.items.by_ids(list(first.items)) if item.text
            }
            missing = {text for text in sound if unicodedata.normalize("NFC", text) not in known}
            self.wrong += [f"{path.name}: not taken: {text!r:.80}" for text in missing]
        if path.read_bytes() != data:
            self.wrong.append(f"{path.name}: was written to")

    def once(self, ws, path, options):
        """The report; None where the table is refused as a whole."""
        try:
            with hostile.within(SECONDS):
                report = ws.add(path, encode=False, **options)
        except PluginError as error:
            self.wrong.append(f"{path.name}: called a plugin's failure: {error}")
        except CuratorError as error:
            self.wrong += [] if str(error).strip() and "\n" not in str(error) else [f"{path.name}: {error!r}"]
        except BaseException as error:
            self.wrong.append(f"{path.name}: {type(error).__name__}: {error}")
        else:
            bad = [reason for _, reason in report.problems if not reason.strip() or "\n" in reason]
            self.wrong += [f"{path.name}: not one line: {reason!r}" for reason in bad]
            return report
        return None


def hold(folder, count, kind):
    chance, adding = random.Random(f"{SEED} {kind.__name__}"), Adding(folder)
    with open_fake(folder / "workspace") as ws:
        for number in range(count):
            adding.add(ws, number, chance, kind)
        faults = [f"{fault.which}: {fault.wrong}" for fault, _ in ws.check() if fault.part == "database"]
    print(f"\ntables of {kind.__name__}: {count}, of which {adding.taken} taken", end="")
    assert not adding.wrong and not faults, "\n".join(adding.wrong + faults)
    return adding.taken


@pytest.mark.parametrize("kind", [delimited, lines])
def test_some_tables(tmp_path, kind):
    assert hold(tmp_path, 40, kind) > 20


@pytest.mark.slow
@pytest.mark.parametrize("kind", [delimited, lines])
def test_many_tables(tmp_path, kind):
    assert hold(tmp_path, 600, kind) > 300
