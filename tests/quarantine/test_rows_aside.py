"""Rows of tables are set aside by a mark: no table is edited, and what is left nowhere else is no longer worked on."""

from __future__ import annotations

import re

import cli_kit
import pytest

RUN = cli_kit.curator_here
TABLE = """id;text;label
1;great shoes, fit well;good
2;great shoes, fit well;good
3;bad  soles;bad
4;bad soles;bad
5;fine;good
6;fine;bad
7;nothing like the others;good
"""


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "reviews.csv"
    path.write_text(TABLE)
    ran = RUN(
        *("add", "reviews.csv", "--no-encode", "--text-column", "text", "--label-column", "label"),
        *("--id-column", "id"),
    )
    assert ran.code == 0
    return path


def ids(*where):
    return [row["id"] for row in RUN("ls", "--json", *where).rows("item")]


def aside():
    return {row["row"]: row for row in RUN("quarantine", "list", "--json").rows("row-aside")}


def test_only_with_apply_and_the_table_is_as_it_was(table):
    ran = RUN("dedupe", "--include", "copy")
    assert "2 rows of tables would be set aside: --apply marks them, and edits no table" in ran.err
    assert not aside()
    stamp = table.stat().st_mtime_ns
    ran = RUN("dedupe", "--include", "copy", "--apply")
    assert "2 rows of tables set aside, no table edited; `curator undo` brings them back" in ran.err
    assert (table.read_text(), table.stat().st_mtime_ns) == (TABLE, stamp)
    assert {row: entry["why"] for row, entry in aside().items()} == {"2": "exact", "4": "copy"}


def test_what_is_in_another_row_too_stays_and_what_is_not_is_gone_from_every_list(table):
    before = ids()
    (copied,) = [row["id"] for row in RUN("ls", "--json").rows("item") if row["text"] == "bad soles"]
    RUN("dedupe", "--include", "copy", "--apply")
    assert copied not in {row["item"] for row in aside().values() if row["why"] == "exact"}
    gone = aside()["4"]["item"]
    assert ids() == [number for number in before if number != gone]
    assert ids("--under", "reviews.csv") == ids()
    assert not [row for row in RUN("dedupe", "--include", "copy", "--json").rows("duplicate") if row["do"] == "go"]
    assert "copy: same but for how spaces and marks are typed" in RUN("show", f"id:{gone}").out


def test_rows_that_contradict_each_other_stay_unless_it_is_despite_that(table):
    rows = [row for row in RUN("dedupe", "--json").rows("duplicate") if row["row"] == "6"]
    assert rows[0]["do"] == "stay" and "and not to be: --despite lets it go" in rows[0]["why"]
    RUN("dedupe", "--despite", "--apply")
    assert "6" in aside()


def test_labels_of_a_row_that_goes_are_taken_over(table):
    RUN("label", "seen", "id:3")
    keeps = [row for row in RUN("dedupe", "--include", "copy", "--json").rows("duplicate") if row["match"] == "copy"]
    kept, goes = (next(row for row in keeps if row["do"] == do) for do in ("keep", "go"))
    RUN("label", "unseen", f"id:{goes['id']}")
    keeps = [row for row in RUN("dedupe", "--include", "copy", "--json").rows("duplicate") if row["match"] == "copy"]
    kept, goes = (next(row for row in keeps if row["do"] == do) for do in ("keep", "go"))
    RUN("dedupe", "--include", "copy", "--apply")
    (left,) = [row for row in RUN("ls", "--json").rows("item") if row["id"] == kept["id"]]
    assert {"seen", "unseen"} <= set(left["labels"])


def test_undo_redo_and_restore_bring_rows_back(table):
    before = ids()
    RUN("dedupe", "--include", "copy", "--apply")
    set_aside, after = aside(), ids()
    ran = RUN("undo")
    assert (ids(), aside()) == (before, {})
    RUN("undo", re.search(r"curator undo (\d+) redoes", ran.out + ran.err)[1])
    assert (ids(), aside()) == (after, set_aside)
    number = set_aside["4"]["id"]
    assert RUN("quarantine", "restore", f"row:{number}").out.strip() == "1 row of a table restored"
    assert (ids(), aside().keys()) == (before, {"2"})
    assert RUN("quarantine", "restore", "reviews.csv").out.strip() == "1 row of a table restored"
    assert aside() == {}
    RUN("quarantine", "restore", "row:1").assert_failed(3, "no row of a table in quarantine 'row:1'")
    assert RUN("check").code == 0


def test_the_mark_is_of_what_stood_there(table):
    """The table is written anew: the row that is what it was stays set aside, the other is another text."""
    RUN("dedupe", "--include", "copy", "--apply")
    table.write_text(TABLE.replace("2;great shoes, fit well", "2;something else") + "8;one more;good\n")
    RUN("add", "reviews.csv", "--no-encode", "--text-column", "text", "--label-column", "label", "--id-column", "id")
    assert aside().keys() == {"4"}
    assert "something else" in {row["text"] for row in RUN("ls", "--json").rows("item")}


def test_the_add_that_a_mark_rests_on_is_not_undone_before_it(table):
    RUN("dedupe", "--include", "copy", "--apply")
    RUN("undo", "1").assert_failed(4, "dedupe")
    assert RUN("check").code == 0


def test_a_table_that_changed_meanwhile_is_not_touched(table, monkeypatch):
    """What was planned was planned of other rows."""
    from curator.quarantine import rows_aside

    looked = rows_aside.look

    def change(path):
        table.write_text(TABLE + "9;late;good\n")
        return looked(path)

    monkeypatch.setattr(rows_aside, "look", change)
    ran = RUN("dedupe", "--apply")
    assert ran.code == 5 and "changed since it was added: add it again" in ran.err
    assert not aside()


def test_forgetting_a_text_forgets_its_mark(table):
    RUN("dedupe", "--include", "copy", "--apply")
    gone = aside()["4"]["item"]
    assert RUN("forget", f"id:{gone}", "--yes").code == 0
    assert aside().keys() == {"2"}
    assert RUN("check").code == 0


def test_captions_that_read_the_same_stay(tmp_path, monkeypatch):
    """The rows are about two pictures."""
    monkeypatch.chdir(tmp_path)
    cli_kit.photo(tmp_path / "a.png", 1)
    cli_kit.photo(tmp_path / "b.png", 2)
    (tmp_path / "t.csv").write_text("image,caption\na.png,a dog in the snow\nb.png,a dog in the snow\n")
    RUN("add", "t.csv", "--no-encode", "--image-column", "image", "--caption-column", "caption")
    rows = [row for row in RUN("dedupe", "--json").rows("duplicate") if row["text"]]
    assert [row["do"] for row in rows] == ["keep", "stay"] and "a row that says more than this text" in rows[1]["why"]


def test_flawed_rows_can_be_set_aside(table):
    table.write_text(TABLE + "8;call 13800138000 or mail li@example.com;good\n")
    RUN("add", "reviews.csv", "--no-encode", "--text-column", "text", "--label-column", "label", "--id-column", "id")
    ran = RUN("audit", "--check", "personal-data", "--apply")
    assert ran.code == 0, ran
    assert aside()["8"]["why"] == "personal-data"
    assert "13800138000" not in aside()["8"]["reason"]
