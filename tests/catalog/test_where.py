"""The language of `--where`, held to a plain filter in Python over catalogues of chance."""

from __future__ import annotations

import datetime
import fnmatch
import itertools
import json
import os
import time
import unicodedata
import unittest.mock
from collections import defaultdict

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curator.api import ItemSet
from curator.catalog.items import Items
from curator.catalog.labels import strongest
from curator.catalog.where.expression import AnyOf, Kept, Not, Term, all_of, any_of, parts_of
from curator.catalog.where.fields import FIELDS
from curator.catalog.where.parsing import parse
from curator.errors import BadInput, CuratorError, NotFound
from curator.store.catalogue import open_catalogue, path_to_value
from curator.store.catalogue.labels import VerdictRow
from curator.store.selecting import texts

FOLDERS = ["", "a", "a/b", 'a/"q" (x)', "or", "a:b", "back\\slash", "图片 夹"]
ROOTS = ["/r/one", "/r/two"]
FILES = ["IMG_1.JPG", "img_2.jpg", "[1]?.png", "图片.PNG", "ｆｕｌｌ.txt", "no ending"]
LABELS = {
    1: ("hat", 1),
    2: ("cap:red", 1),
    3: ('the "wig"', 1),
    4: ("old", None),
    5: ("back\\slash", None),
    6: ("or", None),
    7: ("-not (this)", None),
    8: ("it's 帽子", 2),
    9: ("@at", 2),
}
GROUPS = {1: "head", 2: 'odd: "group"'}
TEXTS = ["客户要求全额退款", "Ｆｕｌｌ ＲＥＦＵＮＤ", "Straße \\ 'x'", 'say "no"\nnow', "plain", "退 款"]
SIDES = [1, 63, 64, 1000, 1001, 2048]
SIZES = [1, 1023, 1024, 1536, 5 << 20]
TAKEN = [None, "", "2025-12-31T23:59:59", "2026-01-01T00:00:00", "2026-11-05T10:30:15", "2026-11-30T00:00:00"]
RUNS = ["2025-12-31T16:00:00.000+00:00", "2026-11-04T15:59:59.999+00:00", "2026-11-04T16:00:00.000+00:00"]
SOURCES = ("head", "rule", "import", "human")

SAID = st.tuples(st.sampled_from(sorted(LABELS)), st.integers(-1, 1), st.sampled_from((0, 1, 2, 2, 3)))
PLACE = st.tuples(st.sampled_from(range(2)), st.sampled_from(FOLDERS), st.sampled_from(FILES), st.booleans())
ITEM = st.fixed_dictionaries(
    {
        "media": st.sampled_from(("image", "text")),
        "aside": st.sampled_from((False, False, False, True)),
        "said": st.lists(SAID, max_size=5),
        "places": st.lists(PLACE, max_size=3, unique_by=lambda place: place[:3]),
        "width": st.sampled_from(SIDES),
        "height": st.sampled_from(SIDES),
        "size": st.sampled_from(SIZES),
        "text": st.sampled_from(TEXTS),
        "taken": st.sampled_from(TAKEN),
        "run": st.none() | st.integers(1, 3),
        "captions": st.lists(st.integers(0, 11), max_size=2, unique=True),
        "sides": st.lists(st.sampled_from(["train", "val", "test", None]), max_size=2),
    }
)

ORDER = st.sampled_from((":", ">", ">=", "<", "<="))
NUMBERS = [*map(str, SIDES), "1k", "0.5K", "..64", "64..1000", "1000.."]
PIXELS = ["1", "4096", "63k", "1M", "4.2m", "64k..1M"]
SIZED = ["1", "1k", "1.5K", "5M", "5MB", "1024..5M", "..1k"]
DATES = ["2025", "2026", "2026-11", "2026-11-05", "2026-11-05T10:30", "2026-11-05T10:30:15", "2026-12-31"]


def ordered(field, values):
    plain = st.builds(Term, st.just(field), ORDER, st.sampled_from([value for value in values if ".." not in value]))
    ranges = [value for value in values if ".." in value]
    return plain | st.builds(Term, st.just(field), st.just(":"), st.sampled_from(ranges)) if ranges else plain


def named(field, values, sign=":"):
    return st.builds(Term, st.just(field), st.just(sign), st.sampled_from(values))


LABEL_NAMES = [name for name, _ in LABELS.values()]
FIELD_TERMS = {
    "label": named("label", [*LABEL_NAMES, "head/hat", "id:4"]),
    "denied": named("denied", LABEL_NAMES),
    "group": named("group", list(GROUPS.values())),
    "labelled": st.just(Term("labelled")),
    "unlabelled": st.just(Term("unlabelled")),
    "source": named("source", [*SOURCES, "HUMAN"]),
    "under": named("under", ["/r", *ROOTS, *(f"/r/one/{folder}" for folder in FOLDERS[1:]), "/r/two/a/img_2.jpg"]),
    "name": named("name", ["IMG_*", "img_2.JPG", "[1]?.png", "*", "图?.png", "full.TXT", "* *"]),
    "suffix": named("suffix", ["jpg", ".PNG", "txt", "g"]),
    "missing": st.just(Term("missing")),
    "media": named("media", ["image", "text", "Image"]),
    "width": ordered("width", NUMBERS),
    "height": ordered("height", NUMBERS),
    "pixels": ordered("pixels", PIXELS),
    "size": ordered("size", SIZED),
    "added": ordered("added", [*DATES, "2025..2026-11-04", "2026-11-05.."]),
    "taken": ordered("taken", [*DATES, "2025..2026-01", "..2026-11-05T10:30"]),
    "text": named("text", ["退款", "款", "refund", "ｆＵＬＬ", "STRASSE", '"no"', "\\", "'x'", "NOW", "nothing"], "~"),
    "caption": named("caption", ["退款", "refund", "plain"], "~"),
    "split": named("split", ["train", "val", "Test", "none"]),
    "id": ordered("id", ["3", "7", "12", "2..6", "9..", "..4"]),
}
TERM = st.sampled_from(sorted(FIELD_TERMS)).flatmap(FIELD_TERMS.get)
SAVED = ["good", 'my "odd" one', "或"]
LEAF = TERM | st.builds(Kept, st.sampled_from(SAVED))


def compound(inner):
    some = st.lists(inner, min_size=2, max_size=3)
    return st.one_of(st.builds(Not, inner), some.map(lambda of: all_of(*of)), some.map(lambda of: any_of(*of)))


EXPRESSION = st.recursive(LEAF, compound, max_leaves=6)
PLAIN = st.recursive(TERM, compound, max_leaves=3)


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    """In a time zone that is not that of the catalogue."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Asia/Shanghai"
    time.tzset()
    database = open_catalogue(tmp_path_factory.mktemp("catalogue"))
    yield database
    database.close()
    os.environ.pop("TZ")
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


def fill(database, items, saved=()):
    """Those items, and every fifth number left out."""
    tables = "side saved_selection caption statement label label_group quarantined place root item run"
    for table in tables.split():
        database.execute(f"DELETE FROM {table}")
    run = "INSERT INTO run (id, command, arguments, started, state, version)"
    for number, started in enumerate(RUNS, 1):
        database.execute(f"{run} VALUES (?, '', '', ?, 'done', '')", number, started)
    database.execute_many("INSERT INTO label_group (id, name) VALUES (?, ?)", list(GROUPS.items()))
    labels = [(number, *of) for number, of in LABELS.items()]
    database.execute_many("INSERT INTO label (id, name, group_id) VALUES (?, ?, ?)", labels)
    database.execute_many("INSERT INTO root (id, path) VALUES (?, ?)", list(enumerate(ROOTS)))
    database.execute_many("INSERT INTO saved_selection (name, expression) VALUES (?, ?)", saved)
    numbers = [number for number in range(1, 1000) if number % 5][: len(items)]
    for number, item in zip(numbers, items, strict=True):
        image = item["media"] == "image"
        item["id"] = number
        values = {
            "id": number,
            "hash": f"{number * 7919 % 1000:064}",
            "modality": item["media"],
            "size": item["size"],
            "width": item["width"] if image else None,
            "height": item["height"] if image else None,
            "text": None if image else item["text"],
            "taken": item["taken"] if image else None,
            "run_id": item["run"],
        }
        marks = ", ".join("?" * len(values))
        database.execute(f"INSERT INTO item ({', '.join(values)}) VALUES ({marks})", *values.values())
        for place, (root, folder, name, missing) in enumerate(item["places"]):
            # Each file is of one item.
            name = f"{number}-{name}" if number > 6 else name
            item["places"][place] = (root, folder, name, missing)
            path = path_to_value(f"{folder}/{name}".lstrip("/"))
            insert = "INSERT OR IGNORE INTO place (item_id, root_id, path, size, mtime_ns, device, inode, missing)"
            database.execute(f"{insert} VALUES (?, ?, ?, 1, 1, '', '', ?)", number, root, path, missing)
        if item["aside"]:
            away = "INSERT INTO quarantined (item_id, outside, inside, hash, size, kind, reason, taken)"
            database.execute(f"{away} VALUES (?, '', ?, '', 1, '', '', '')", number, str(number))
        for label, value, source in item["said"]:
            said = "INSERT INTO statement (item_id, label_id, value, source, run_id)"
            database.execute(f"{said} VALUES (?, ?, ?, ?, 1)", number, label, value, source)
        for side in item.get("sides", ()):
            database.execute("INSERT INTO side (item_id, name, run_id) VALUES (?, ?, 1)", number, side)
    for number, item in zip(numbers, items, strict=True):
        texts = [numbers[at] for at in item["captions"] if at < len(items) and items[at]["media"] == "text"]
        item["captions"] = texts if item["media"] == "image" else []
        for text in item["captions"]:
            database.execute("INSERT INTO caption (image_id, text_id) VALUES (?, ?)", number, text)


class Plainly:
    """The same by looking at every item: what holds is asked of the view, and what counts within a group of Python."""

    def __init__(self, database, items, saved):
        self.items = {item["id"]: item for item in items}
        self.saved = dict(saved)
        self.said = defaultdict(list)
        for row in database.rows("SELECT * FROM verdict"):
            self.said[row["item_id"]].append(VerdictRow(*row))
        self.places = defaultdict(list)
        for item, root, path, missing in database.rows("SELECT item_id, root_id, path, missing FROM place"):
            self.places[item].append((f"{ROOTS[root]}/{path}", bool(missing)))

    def ids(self, expression):
        for number, item in self.items.items():
            here = any(not missing for _, missing in self.places[number])
            if (not item["aside"] or here) and self.meets(item, expression):
                yield number

    def meets(self, item, expression):
        if isinstance(expression, Kept):
            return self.meets(item, self.saved[expression.name])
        if isinstance(expression, Not):
            return not self.meets(item, expression.of)
        if isinstance(expression, Term):
            return bool(getattr(self, f"is_{expression.field}")(item, expression.sign, expression.value))
        return (any if isinstance(expression, AnyOf) else all)(self.meets(item, one) for one in expression.of)

    # --- fields ---

    def is_label(self, item, sign, value):
        number = self.number(value)
        group = LABELS[number][1]
        siblings = {n for n, (_, of) in LABELS.items() if of == group} if group else {number}
        return self.strongest(item, siblings) == number

    def strongest(self, item, labels):
        said = [r for r in self.said[item["id"]] if r.label_id in labels and r.source >= 1 and r.value in (1, None)]
        return strongest(said) if said else None

    def number(self, value):
        return {"head/hat": 1, "id:4": 4}.get(value) or next(n for n, (name, _) in LABELS.items() if name == value)

    def is_denied(self, item, sign, value):
        number = self.number(value)
        return any(r.label_id == number and r.value == -1 and r.source >= 1 for r in self.said[item["id"]])

    def is_group(self, item, sign, value):
        return self.strongest(item, {n for n, (_, of) in LABELS.items() if of and GROUPS[of] == value}) is not None

    def is_labelled(self, item, sign, value):
        return any(row.value != 0 for row in self.said[item["id"]])

    def is_unlabelled(self, item, sign, value):
        return not self.is_labelled(item, sign, value)

    def is_source(self, item, sign, value):
        number = SOURCES.index(value.lower())
        return any(row.value != 0 and row.source == number for row in self.said[item["id"]])

    def is_under(self, item, sign, value):
        return any(path == value or path.startswith(f"{value}/") for path, _ in self.places[item["id"]])

    def is_name(self, item, sign, value):
        pattern = folded(value).replace("[", "[[]")
        names = (path.rpartition("/")[2] for path, _ in self.places[item["id"]])
        return any(fnmatch.fnmatchcase(folded(name), pattern) for name in names)

    def is_suffix(self, item, sign, value):
        return any(folded(path).endswith("." + folded(value).lstrip(".")) for path, _ in self.places[item["id"]])

    def is_split(self, item, sign, value):
        last = (item.get("sides") or [None])[-1]
        return (last or "none") == value.lower()

    def is_missing(self, item, sign, value):
        return self.places[item["id"]] and all(missing for _, missing in self.places[item["id"]])

    def is_media(self, item, sign, value):
        return item["media"] == value.lower()

    def is_width(self, item, sign, value):
        return item["media"] == "image" and compared(item["width"], sign, value, 1000)

    def is_height(self, item, sign, value):
        return item["media"] == "image" and compared(item["height"], sign, value, 1000)

    def is_pixels(self, item, sign, value):
        return item["media"] == "image" and compared(item["width"] * item["height"], sign, value, 1000)

    def is_size(self, item, sign, value):
        return compared(item["size"], sign, value, 1024)

    def is_id(self, item, sign, value):
        return compared(item["id"], sign, value, 1000)

    def is_added(self, item, sign, value):
        if item["run"] is None:
            return False
        moment = datetime.datetime.fromisoformat(RUNS[item["run"] - 1]).astimezone()
        return in_time(moment.isoformat()[:19], sign, value)

    def is_taken(self, item, sign, value):
        return item["media"] == "image" and item["taken"] and in_time(item["taken"], sign, value)

    def is_text(self, item, sign, value):
        return item["media"] == "text" and folded(value) in folded(item["text"])

    def is_caption(self, item, sign, value):
        return any(folded(value) in folded(self.items[text]["text"]) for text in item["captions"])


def folded(text):
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def compared(number, sign, value, thousand):
    def read(text):
        text = text.lower().removesuffix("b")
        factor = {"k": thousand, "m": thousand**2}.get(text[-1], 1)
        return round(float(text.rstrip("km")) * factor)

    if ".." in value:
        low, high = value.split("..")
        return (not low or number >= read(low)) and (not high or number <= read(high))
    return holds(number, sign, read(value))


def in_time(moment, sign, value):
    """A date is all that begins with it."""
    if ".." in value:
        low, high = value.split("..")
        return (not low or moment[: len(low)] >= low) and (not high or moment[: len(high)] <= high)
    return holds(moment[: len(value)], sign, value)


def holds(one, sign, other):
    return {":": one == other, ">": one > other, ">=": one >= other, "<": one < other, "<=": one <= other}[sign]


@settings(max_examples=120, deadline=None)
@given(
    items=st.lists(ITEM, max_size=14),
    saved=st.tuples(PLAIN, PLAIN, PLAIN),
    expressions=st.lists(EXPRESSION, min_size=3, max_size=8),
    few=st.sampled_from((1, 3, 5000)),
)
def test_an_expression_is_met_by_those_that_a_plain_filter_finds(catalogue, items, saved, expressions, few):
    with unittest.mock.patch("curator.store.selecting.ids.FEW", few):  # folders that hold much are asked otherwise
        hold_to_a_plain_filter(catalogue, items, saved, expressions)


def hold_to_a_plain_filter(catalogue, items, saved, expressions):
    kept = dict(zip(SAVED, saved, strict=True))
    items = json.loads(json.dumps(items))  # of each example its own
    fill(catalogue, items, [(name, str(one)) for name, one in kept.items()])
    plainly = Plainly(catalogue, items, kept)
    for expression in expressions:
        assert parse(str(expression)) == expression
        among = ItemSet(where=str(expression))
        if any(is_nowhere(plainly, term) for term in terms(expression, kept)):
            with pytest.raises(NotFound, match="no file or folder"):
                Items(catalogue).select(among)
            continue
        wanted = list(plainly.ids(expression))
        found = Items(catalogue).select(among)
        assert list(found.ids) == wanted, str(expression)
        assert [item.id for item in Items(catalogue).select(among)[:2]] == wanted[:2]
        assert len(Items(catalogue).select(among)) == len(wanted)


def terms(expression, kept):
    for one, _ in parts_of(expression):
        if isinstance(one, Kept):
            yield from terms(kept[one.name], kept)
        elif isinstance(one, Term):
            yield one


def is_nowhere(plainly, term):
    """Whether it names a folder that neither is nor was there."""
    return term.field == "under" and not any(plainly.is_under({"id": n}, ":", term.value) for n in plainly.items)


def test_every_field_is_tried():
    assert set(FIELD_TERMS) == set(FIELDS)


@pytest.mark.parametrize("name", FIELDS)
def test_the_example_of_a_field_is_of_that_field(name):
    found = parse(FIELDS[name].example)
    assert isinstance(found, Term) and found.field == name and parse(str(found)) == found


def test_some_of_each_field_meet_it_and_some_do_not(catalogue):
    """So that the comparison above compares something."""
    items = [
        {
            "media": "text" if n % 3 == 0 else "image",
            "aside": False,
            "said": [(n % 9 + 1, (1, -1, 1)[n % 3], n % 4)] * (n % 5 > 0),
            "places": [(n == 1 or n // 8 % 2, FOLDERS[n % 8], FILES[n % 6], n % 7 == 0)],
            "width": SIDES[n % 6],
            "height": SIDES[n // 6 % 6],
            "size": SIZES[n % 5],
            "text": TEXTS[n % 6 if n % 2 else n // 3 % 6],
            "taken": TAKEN[n % 6],
            "run": n % 4 or None,
            "captions": [0, 3],
            "sides": [("train", "val", "test", None)[n % 4]],
        }
        for n in range(60)
    ]
    fill(catalogue, items)
    for field, terms_of in FIELD_TERMS.items():
        met = {len(Items(catalogue).select(ItemSet(where=str(term)))) for term in set(drawn(terms_of))}
        assert met - {0, 60}, field


def drawn(strategy):
    """A few examples, always the same."""
    found = []

    @settings(max_examples=15, database=None, derandomize=True, deadline=None)
    @given(strategy)
    def collect(one):
        found.append(one)

    collect()
    return found


# --- any text ---

MARKS = "\"'“”()（）-@><=≥：~\\ \n!"
WORDS = ["label:", "width>=", "under:", "id:", "text~", "taken<", "added:", "..", ";--", "missing", "hat", "1k", "退款"]
PIECES = st.sampled_from([*MARKS, *WORDS, " or ", " and ", "not "])
ANY_TEXT = st.text(max_size=40) | st.lists(PIECES, max_size=12).map("".join)


@settings(max_examples=400, deadline=None)
@given(text=ANY_TEXT)
@example(text="(" * 5000)
@example(text="-" * 5000 + "missing")
@example(text="id:1 " * 3000)
@example(text='"' * 2001)
@example(text="id:1" + " or id:1" * 500)
def test_any_text_is_understood_or_refused_in_one_line(catalogue, text):
    try:
        found = parse(text)
    except BadInput as error:
        assert "\n" not in str(error) and len(str(error)) < 400 and "Token(" not in str(error)
        return
    assert parse(str(found)) == found
    try:
        list(Items(catalogue).select(ItemSet(where=text)).ids)
    except CuratorError as error:
        assert "\n" not in str(error) and len(str(error)) < 1000


DEEP = "-(" * 9 + "id:1 id:2" + ")" * 9


@pytest.mark.parametrize(
    "text", ["id:1" + " or id:2" * 199, "id:1" + " id:1" * 199, DEEP, f"({DEEP} or {DEEP}) {DEEP}"]
)
def test_as_much_as_is_allowed_is_taken_by_sqlite(catalogue, text):
    fill(catalogue, [])
    assert list(Items(catalogue).select(ItemSet(where=text)).ids) == []


def test_what_saved_selections_hold_together_is_bounded(catalogue):
    """Each names the next twice: a few lines would be a million conditions."""
    names = [f"s{n}" for n in range(12)]
    saved = [(name, f"@{after} @{after}") for name, after in itertools.pairwise(names)]
    fill(catalogue, [], [*saved, ("s11", "id:1")])
    with pytest.raises(BadInput, match="at most 300 conditions"):
        Items(catalogue).select(ItemSet(where="@s0"))
    chain = [(f"c{n}", f"-@c{n + 1}") for n in range(60)]
    fill(catalogue, [], [*chain, ("c60", "id:1")])
    with pytest.raises(BadInput, match="deep"):
        Items(catalogue).select(ItemSet(where="@c0"))
    assert list(Items(catalogue).select(ItemSet(where="@c50")).ids) == []


INJECTIONS = ["'; DROP TABLE item; --", '" OR 1=1 --', "x') UNION SELECT 1 --", "%", "_", "?1", ":id", "\\'", "*/"]


@pytest.mark.parametrize("text", INJECTIONS)
@pytest.mark.parametrize("field", ["label:", "denied:", "group:", "name:", "text~", "caption~", "under:", "@", "id:"])
def test_no_word_becomes_sql(catalogue, field, text):
    fill(catalogue, [{"media": "text", "aside": False, "said": [], "places": [(0, "", "a", False)], "width": 1,
                      "height": 1, "size": 1, "text": "body", "taken": None, "run": 1, "captions": []}])  # fmt: skip
    value = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    try:
        assert list(Items(catalogue).select(ItemSet(where=field + value)).ids) == []
    except CuratorError as error:
        assert text.rstrip("/") in str(error) or repr(text)[1:-1] in str(error)
    assert [item.text for item in Items(catalogue).select()] == ["body"]


SEARCHED = {
    "under:/r/one/a": "SEARCH place USING COVERING INDEX",
    "label:hat": "SEARCH statement USING",
    "denied:hat": "SEARCH statement USING",
    "id:5..9": "SEARCH item USING INTEGER PRIMARY KEY",
    "taken:2026": "SEARCH item USING INDEX item_by_date",
    "added:2026": "SEARCH item USING COVERING INDEX item_of_run",
    "missing": "USING INDEX place_missing",
    "under:/r/one/a -label:hat": "SEARCH place USING COVERING INDEX",
    "under:/r/one/a label:hat taken:2026 text~x": "SEARCH place USING COVERING INDEX",
    "under:/r/one/a or label:hat": "SEARCH place USING COVERING INDEX",
}


@pytest.mark.parametrize("text", SEARCHED)
def test_what_has_an_index_is_looked_up_by_it(catalogue, text):
    fill(catalogue, [{"media": "image", "aside": False, "said": [], "places": [(0, "a", "a", False)], "width": 1,
                      "height": 1, "size": 1, "text": "", "taken": "", "run": 1, "captions": []}])  # fmt: skip
    asked = []
    catalogue.connection.set_trace_callback(asked.append)
    list(Items(catalogue).select(ItemSet(where=text)).ids)
    catalogue.connection.set_trace_callback(None)
    steps = [row["detail"] for sql in asked for row in catalogue.rows(f"EXPLAIN QUERY PLAN {sql}")]
    assert any(SEARCHED[text] in step for step in steps), steps
    assert not [step for step in steps if step.startswith("SCAN item")], steps


SIGNS = st.text(alphabet="aBkK\u212afiﬁſＡ%_\\éÉßẞİıSs *?[]1\n.", max_size=10)


@given(name=SIGNS, pattern=SIGNS.filter(bool), broken=st.booleans())
def test_whatever_is_named_like_a_pattern_is_likely_to_be(catalogue, name, pattern, broken):
    """SQLite looks first, and knows no case but that of ASCII, nor what is no text."""
    wanted = texts.folded(pattern)
    path = b"a/\xff" + name.encode() if broken else f"a/{name}"
    sql, values = texts.likely("path", wanted)
    texts.teach(catalogue)
    named = f"SELECT {sql}, {texts.NAMED}(path, ?) FROM (SELECT ? AS path)"
    likely, like = catalogue.row(named, *values, wanted, path)
    assert likely or not like
    assert likely in (0, 1)
