"""Taking files out, putting them back, removing them: through an action and the workspace, with real files."""

from __future__ import annotations

import os
import shutil

import fakes
import pytest
import setting_aside
from fakes import dump, picture, places

from curator.errors import BadInput, NotFound, NotReady, PluginError, SomeItemsFailed


@pytest.fixture
def ws(tmp_path):
    with setting_aside.opened(tmp_path / "workspace") as workspace:
        yield workspace


@pytest.fixture
def photos(ws, tmp_path):
    """a.jpg, its copy b.jpg, another copy in sub/c.jpg, and x.jpg, which is another picture."""
    folder = tmp_path / "photos"
    picture(folder / "a.png", seed=1)
    (folder / "sub").mkdir()
    for name in ("b.png", "sub/c.png"):
        shutil.copyfile(folder / "a.png", folder / name)
        os.utime(folder / name, ns=(10**18, 10**18 + len(name)))
    picture(folder / "x.png", seed=2)
    ws.add(folder, encode=False)
    return folder


def tidy(ws, goes, keeper, apply=True, kind="exact"):
    goes = ",".join(map(str, goes)) if isinstance(goes, list) else str(goes)
    return ws.run("tidy", goes=goes, keeper=str(keeper), kind=kind, apply=apply)


def refused(ws, goes, keeper, *words, kind="exact"):
    before = setting_aside.state(ws.folder.parent), places(ws), len(ws.quarantine.all())
    with pytest.raises(SomeItemsFailed, match="1 of 1 file could not be moved"):
        tidy(ws, goes, keeper, kind=kind)
    told = ws.reporter.said[-1]
    for word in words:
        assert word in told
    assert (setting_aside.state(ws.folder.parent), places(ws), len(ws.quarantine.all())) == before


def test_without_apply_nothing_moves_and_that_is_said(ws, photos, tmp_path):
    before = setting_aside.state(tmp_path), dump(ws)
    assert tidy(ws, photos / "b.png", photos / "a.png", apply=False)
    assert ws.reporter.said == ["1 file would go to quarantine: --apply moves it"]
    assert (setting_aside.state(tmp_path), dump(ws)) == before


def test_a_file_goes_with_name_and_times_and_undo_brings_all_back(ws, photos, tmp_path):
    before, rows = setting_aside.state(tmp_path), dump(ws)
    tidy(ws, photos / "sub" / "c.png", photos / "a.png")
    (file,) = ws.quarantine.all()
    assert file.stored == tmp_path / "workspace/quarantine/2/photos/sub/c.png"
    assert file.stored.stat().st_mtime_ns == 10**18 + len("sub/c.png")
    assert not (photos / "sub" / "c.png").exists()
    assert (file.kind, file.reason, file.keeper) == ("exact", "told to", photos / "a.png")
    assert str(photos / "sub" / "c.png") not in places(ws)
    undone = ws.undo()
    assert (undone.command, undone.files) == ("tidy", 1)
    assert setting_aside.state(tmp_path) == before
    assert dump(ws) == rows
    assert not list((tmp_path / "workspace/quarantine").iterdir())
    ws.undo(undone.by)
    assert [file.stored.exists() for file in ws.quarantine.all()] == [True]
    assert not (photos / "sub" / "c.png").exists()


def test_two_go_and_the_one_they_match_stays(ws, photos):
    tidy(ws, [photos / "b.png", photos / "sub" / "c.png"], photos / "a.png")
    assert sorted(path.name for path in photos.rglob("*.png")) == ["a.png", "x.png"]


def test_what_stays_for_anothers_sake_cannot_go_in_the_same_run(ws, photos):
    a, b, c = (photos / name for name in ("a.png", "b.png", "sub/c.png"))
    with pytest.raises(SomeItemsFailed, match="2 of 3 files could not be moved"):
        ws.run("tidy", goes=f"{b},{a},{c}", keeper=f"{a},{c},{b}", apply=True)
    assert ws.reporter.said[-2:] == [
        f"  {a}: stays, because another one went in its favour",
        f"  {c}: {b}: is not in the catalogue",
    ]
    assert a.exists() and c.exists() and not b.exists()


def test_a_file_is_no_copy_of_itself_whatever_leads_to_it(ws, photos, tmp_path):
    refused(ws, photos / "a.png", photos / "a.png", "is the same file")
    os.link(photos / "a.png", photos / "hard.png")
    refused(ws, photos / "hard.png", photos / "a.png", "hard.png", "is not in the catalogue")
    (photos / "soft.png").symlink_to(photos / "a.png")
    refused(ws, photos / "soft.png", photos / "a.png", "symbolic link")
    (tmp_path / "way").symlink_to(photos)
    refused(ws, tmp_path / "way" / "b.png", photos / "b.png", "symbolic link")
    refused(ws, photos / "sub" / ".." / "a.png", photos / "a.png", "is the same file")
    ws.add(photos / "sub", tmp_path, encode=False)  # a second root around the first
    refused(ws, photos / "a.png", photos / "a.png", "is the same file")


def test_a_hard_link_that_took_the_place_of_a_copy_is_seen(ws, photos):
    (photos / "b.png").unlink()
    os.link(photos / "a.png", photos / "b.png")
    refused(ws, photos / "b.png", photos / "a.png", "is the same file as", "under another name")


def test_a_link_that_took_the_place_of_a_copy_is_seen(ws, photos):
    (photos / "b.png").unlink()
    (photos / "b.png").symlink_to("a.png")
    refused(ws, photos / "b.png", photos / "a.png", "symbolic link")
    refused(ws, photos / "a.png", photos / "b.png", "symbolic link")


def test_what_changed_or_vanished_since_it_was_catalogued_stays(ws, photos):
    state = os.stat(photos / "b.png")
    data = (photos / "b.png").read_bytes()
    (photos / "b.png").write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    os.utime(photos / "b.png", ns=(state.st_atime_ns, state.st_mtime_ns))  # size and times tell nothing
    refused(ws, photos / "b.png", photos / "a.png", "changed since it was catalogued")
    refused(ws, photos / "a.png", photos / "b.png", "changed since it was catalogued")
    (photos / "b.png").unlink()
    refused(ws, photos / "b.png", photos / "a.png", "no such file")
    refused(ws, photos / "a.png", photos / "b.png", "b.png: no such file")


def test_another_picture_is_not_exact(ws, photos):
    refused(ws, photos / "x.png", photos / "a.png", "does not hold the same bytes")
    tidy(ws, photos / "x.png", photos / "a.png", kind="near")
    assert [file.kind for file in ws.quarantine.all()] == ["near"]


def test_an_item_that_was_set_aside_is_no_longer_among_the_items(ws, photos):
    (x,) = (item for item in ws.items.select() if item.path == photos / "x.png")
    ws.label("odd", [x.id])
    tidy(ws, photos / "x.png", photos / "a.png", kind="near")
    assert x.id not in [item.id for item in ws.items.select()]
    assert ws.labels.of_items([x.id]) == {x.id: ["odd"]}
    ws.quarantine.restore()
    assert x.id in [item.id for item in ws.items.select()]


def test_sidecars_go_along_and_come_back(ws, photos, tmp_path):
    for name in ("b.txt", "b.png.json", "b.xmp", "sub/b.txt"):
        (photos / name).write_text(f"about {name}")
    ws.add(photos, captions=True, encode=False)
    before, rows = setting_aside.state(tmp_path), dump(ws)
    tidy(ws, photos / "b.png", photos / "a.png")
    assert {file.outside.name: (file.kind, file.item is None) for file in ws.quarantine.all()} == {
        "b.png": ("exact", False),
        "b.png.json": ("sidecar", True),
        "b.txt": ("sidecar", False),
        "b.xmp": ("sidecar", True),
    }
    assert (photos / "sub" / "b.txt").exists()
    ws.quarantine.restore(str(photos / "b.png"))
    assert setting_aside.state(tmp_path) == before
    assert not ws.quarantine.all()
    ws.undo()
    ws.undo(2 + 1)
    assert setting_aside.state(tmp_path) == before
    assert dump(ws) == rows


def test_a_sidecar_of_two_pictures_stays_with_the_one_that_stays(ws, photos):
    shutil.copyfile(photos / "b.png", photos / "b.PNG")
    (photos / "b.txt").write_text("about both")
    ws.add(photos, encode=False)
    tidy(ws, photos / "b.png", photos / "b.PNG")
    assert (photos / "b.txt").exists()


def test_restore_by_number_path_and_folder_never_overwrites(ws, photos):
    tidy(ws, [photos / "b.png", photos / "sub/c.png"], photos / "a.png")
    first, second = ws.quarantine.all()
    with pytest.raises(NotFound, match="no file in quarantine '9'"):
        ws.quarantine.restore("9")
    assert [file.id for file in ws.quarantine.restore(str(first.id))] == [first.id]
    (photos / "sub/c.png").write_bytes(b"something new")
    with pytest.raises(SomeItemsFailed, match="1 of 1 file could not be restored"):
        ws.quarantine.restore(str(photos / "sub"))
    assert "exists, and nothing is overwritten it" in ws.reporter.said[-1]
    assert (photos / "sub/c.png").read_bytes() == b"something new"
    assert ws.quarantine.all() == [second] and second.stored.exists()
    (photos / "sub/c.png").unlink()
    (photos / "sub").rmdir()
    assert [file.id for file in ws.quarantine.restore()] == [second.id]
    assert places(ws)[str(photos / "sub/c.png")] == places(ws)[str(photos / "a.png")]
    assert ws.add(photos, encode=False).unchanged == 4


def test_undo_where_the_way_back_is_taken_changes_nothing(ws, photos, tmp_path):
    tidy(ws, [photos / "b.png", photos / "sub/c.png"], photos / "a.png")
    (photos / "b.png").write_bytes(b"something new")
    before, rows = setting_aside.state(tmp_path), dump(ws)
    with pytest.raises(NotReady, match=r"run 2 cannot be undone, nothing was changed: .*exists"):
        ws.undo()
    assert setting_aside.state(tmp_path) == before
    assert dump(ws) == rows
    assert not ws.moves.planned()
    (photos / "b.png").unlink()
    assert ws.undo().files == 2


def test_a_copy_that_somebody_laid_in_the_way_back_stays(ws, photos, tmp_path):
    tidy(ws, photos / "b.png", photos / "a.png")
    shutil.copyfile(photos / "a.png", photos / "b.png")  # the very content that lies in quarantine
    before = setting_aside.state(tmp_path)
    with pytest.raises(SomeItemsFailed):
        ws.quarantine.restore()
    assert "exists, and nothing is overwritten it" in ws.reporter.said[-1]
    assert setting_aside.state(tmp_path) == before
    with pytest.raises(NotReady, match=r"nothing was changed: .*exists"):
        ws.undo(2)
    assert setting_aside.state(tmp_path) == before


@pytest.mark.parametrize("became", ["changed", "gone"])
def test_a_file_that_is_not_as_it_came_back_is_not_taken_again_on_the_word_of_the_journal(ws, photos, tmp_path, became):
    tidy(ws, photos / "b.png", photos / "a.png")
    ws.quarantine.restore()
    picture(photos / "b.png", seed=3) if became == "changed" else (photos / "b.png").unlink()
    before, rows = setting_aside.state(tmp_path), dump(ws)
    with pytest.raises(NotReady, match=rf"run 3 cannot be undone, nothing was changed: .*b\.png: {became} since"):
        ws.undo(3)
    assert setting_aside.state(tmp_path) == before and dump(ws) == rows


def test_a_file_comes_back_to_a_path_where_another_was_recorded_and_is_gone(ws, photos):
    tidy(ws, photos / "b.png", photos / "a.png")
    picture(photos / "b.png", seed=3)
    ws.add(photos, encode=False)
    (photos / "b.png").unlink()
    rows = dump(ws)
    assert [file.outside for file in ws.quarantine.restore()] == [photos / "b.png"]
    assert places(ws)[str(photos / "b.png")] == places(ws)[str(photos / "a.png")]
    assert ws.check() == []
    ws.undo()
    assert dump(ws) == rows


def test_of_two_files_of_one_path_each_has_its_own_sidecars(ws, photos):
    for seed in (1, 3):
        picture(photos / "b.png", seed=seed)
        (photos / "b.txt").write_text(f"about {seed}")
        ws.add(photos, encode=False)
        tidy(ws, photos / "b.png", photos / "a.png", kind="near")
    first, beside_first, *others = ws.quarantine.all()
    assert ws.quarantine.restore(str(first.id)) == [first, beside_first]
    assert (photos / "b.txt").read_text() == "about 1" and ws.quarantine.all() == others
    with pytest.raises(SomeItemsFailed):
        ws.quarantine.restore()
    assert (photos / "b.txt").read_text() == "about 1" and ws.quarantine.all() == others


def test_purge_asks_takes_only_the_old_and_cannot_be_undone(ws, photos, tmp_path):
    tidy(ws, photos / "b.png", photos / "a.png")
    assert ws.quarantine.purge("1h") == []
    with pytest.raises(NotReady, match="no terminal to confirm on: --yes removes 1 file"):
        ws.quarantine.purge("0")
    (file,) = ws.quarantine.all()
    assert file.stored.exists()
    assert [one.id for one in ws.quarantine.purge("0", yes=True)] == [file.id]
    assert not file.stored.exists() and not ws.quarantine.all()
    assert [(row["command"]) for row in ws.database.rows("SELECT command FROM run")][-1] == "quarantine purge"
    with pytest.raises(BadInput, match="removed 1 file for good: that cannot be undone"):
        ws.undo()
    with pytest.raises(BadInput, match=r"run 3 \(quarantine purge\) removed 1 file of it for good"):
        ws.undo(2)


@pytest.mark.parametrize("text", ["30", "d", "-1d", "1 d", "1y", "9999999d", ""])
def test_an_age_that_is_none(ws, text):
    with pytest.raises(BadInput, match="is not an age: write 30d"):
        ws.quarantine.purge(text)


def test_purge_keeps_what_may_be_the_last_copy(ws, photos):
    (photos / "b.txt").write_text("about b")
    tidy(ws, photos / "b.png", photos / "a.png")
    (photos / "a.png").unlink()
    with pytest.raises(SomeItemsFailed, match="2 of 2 files could not be removed"):
        ws.quarantine.purge("0", yes=True)
    assert "was kept in its stead" in ws.reporter.said[-2] and "is gone or changed" in ws.reporter.said[-2]
    assert all(file.stored.exists() for file in ws.quarantine.all())


def test_an_action_that_does_not_say_so_moves_nothing(ws, photos):
    with pytest.raises(PluginError, match="its spec does not say moves_files"):
        ws.run("liar", goes=str(photos / "b.png"), keeper=str(photos / "a.png"), apply=True)
    assert (photos / "b.png").exists()


def test_a_text_in_another_encoding_can_go(ws, tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "a.txt").write_text("我今天心情很好", encoding="utf-8")
    (folder / "b.txt").write_bytes("我今天心情很好".encode("utf-16"))
    ws.add(folder, encode=False)
    refused(ws, folder / "b.txt", folder / "a.txt", "does not hold the same bytes")
    tidy(ws, folder / "b.txt", folder / "a.txt", kind="same text")
    assert [file.outside.name for file in ws.quarantine.all()] == ["b.txt"]
    assert (folder / "a.txt").exists()


def faults(ws, repair=False):
    return [(fault.part, fault.wrong, done) for fault, done in ws.check(repair)]


def test_check_tells_what_is_wrong_in_quarantine_and_mends_what_can_be(ws, photos, tmp_path):
    tidy(ws, [photos / "b.png", photos / "sub/c.png"], photos / "a.png")
    assert ws.check() == []
    first, second = ws.quarantine.all()
    first.stored.write_bytes(b"other")
    second.stored.unlink()
    assert faults(ws) == [("quarantine", "is not what was put there", False), ("quarantine", "is gone", False)]
    assert faults(ws, repair=True)[1] == ("quarantine", "is gone", True)
    assert [file.id for file in ws.quarantine.all()] == [first.id]
    shutil.copyfile(photos / "a.png", first.stored)
    (tmp_path / "workspace/quarantine/mine.png").write_bytes(b"mine")
    wrong = "is on no list, and from nowhere known"
    assert faults(ws, repair=True) == [("quarantine", wrong, False)]
    assert (tmp_path / "workspace/quarantine/mine.png").exists()
    (tmp_path / "workspace/quarantine/mine.png").unlink()

    ws.database.execute("DELETE FROM quarantined")
    assert faults(ws, repair=True) == [("quarantine", f"is on no list (from {photos / 'b.png'})", True)]
    assert ws.check() == []
    (file,) = ws.quarantine.all()
    with pytest.raises(SomeItemsFailed):  # nothing says that it is not the last one
        ws.quarantine.purge("0", yes=True)
    ws.quarantine.restore(str(file.id))
    assert places(ws)[str(photos / "b.png")] == places(ws)[str(photos / "a.png")]


def test_a_move_that_cannot_be_taken_back_yet_is_said_and_tried_again(ws, photos, tmp_path, monkeypatch):
    """As after a kill: the file was moved, and its old folder is a file now."""
    b = photos / "sub" / "c.png"
    stored = tmp_path / "workspace/quarantine/9/c.png"
    stored.parent.mkdir(parents=True)
    hash_ = fakes.sha256(b)
    b.rename(stored)
    b.parent.rmdir()
    b.parent.write_text("in the way")
    values = "VALUES (1, 'out', ?, '9/c.png', ?, 'planned')"
    ws.database.execute(f"INSERT INTO move (run_id, direction, outside, inside, hash, state) {values}", str(b), hash_)
    with setting_aside.opened(tmp_path / "workspace") as again:
        assert "could not be put back yet" in again.reporter.said[0]
        assert ("quarantine", "was being moved by a killed run, and could not be put back", False) in faults(again)
    b.parent.unlink()
    with setting_aside.opened(tmp_path / "workspace") as again:
        assert again.reporter.said == [f"run 1 (add) was killed while it moved a file: {str(b)!r} was put back"]
        assert b.exists() and not stored.exists() and again.check() == []


@pytest.mark.parametrize("error", [PermissionError(1, "Operation not permitted"), OSError(5, "Input/output error")])
def test_a_purge_that_the_system_refuses_leaves_the_row_and_takes_the_rest(ws, photos, monkeypatch, error):
    tidy(ws, [photos / "b.png", photos / "sub/c.png"], photos / "a.png")
    first, second = ws.quarantine.all()
    unlink = os.unlink

    def refuse(path, **more):
        if str(path) == str(first.stored):
            raise error
        unlink(path, **more)

    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(SomeItemsFailed, match="1 of 2 files could not be removed"):
        ws.quarantine.purge("0", yes=True)
    assert f"cannot be removed: {error.strerror.lower()}" in ws.reporter.said[-1]
    assert ws.quarantine.all() == [first] and first.stored.exists() and not second.stored.exists()
    assert not ws.moves.planned() and ws.check() == []
    monkeypatch.undo()
    assert [file.id for file in ws.quarantine.restore()] == [first.id]


def test_many_moves_that_cannot_be_ended_yet_are_one_line(ws, photos, tmp_path, monkeypatch):
    from curator.history import file_moves as moves
    from curator.media.files import BadContent

    ws.add(picture(photos / "a.png"), encode=False)
    values = "VALUES (1, ?, ?, ?, 'x', 'planned')"
    for number, direction in enumerate(["off", "out", "back"]):
        ws.database.execute(
            f"INSERT INTO move (run_id, direction, outside, inside, hash, state) {values}",
            direction,
            str(photos / f"{number}.png"),
            f"9/{number}.png",
        )
    (tmp_path / "workspace/quarantine/9/0.png").mkdir(parents=True)

    def refuse(*arguments):
        raise BadContent("a folder, not a file")

    monkeypatch.setattr(moves, "take_back", refuse)
    with setting_aside.opened(tmp_path / "workspace") as again:
        assert len(again.moves.planned()) == 3
        (said,) = again.reporter.said
        assert "could not be put back yet (a folder, not a file)" in said and "(and 2 more: `curator check`" in said
        again.use("histogram")  # another turn, and no second line
        assert again.reporter.said[1:] == [line for line in again.reporter.said[1:] if "killed" not in line]


def no_room(path):
    """Where all folders are there."""


@pytest.mark.parametrize("moment", ["before", "linked", "moved", "copied", "taken"])
def test_taking_back_looks_at_the_disk_and_removes_nothing_but_a_proven_copy(tmp_path, moment):
    from curator.history.file_moves import PART, take_back

    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"the file")
    hash_ = fakes.sha256(source)
    if moment == "linked":
        os.link(source, target)
    elif moment in ("moved", "taken"):
        source.rename(target)
    elif moment == "copied":
        shutil.copyfile(source, target)
        (tmp_path / f"target{PART}").write_bytes(b"half")
    if moment == "taken":
        source.write_bytes(b"another file")
    state, _ = take_back(str(source), str(target), hash_, no_room)
    left = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    if moment == "taken":
        assert (state, left) == ("lost", {"source": b"another file", "target": b"the file"})
    else:
        assert (state, left) == ("undone", {"source": b"the file"})


def test_taking_back_leaves_what_somebody_else_put_at_the_target(tmp_path):
    from curator.history.file_moves import take_back

    (tmp_path / "source").write_bytes(b"the file")
    (tmp_path / "target").write_bytes(b"not ours")
    source, target = str(tmp_path / "source"), str(tmp_path / "target")
    assert take_back(source, target, fakes.sha256(tmp_path / "source"), no_room)[0] == "undone"
    assert (tmp_path / "target").read_bytes() == b"not ours"
    (tmp_path / "source").unlink()
    state, line = take_back(source, target, "0" * 64, no_room)
    assert state == "lost" and "is gone, and not at" in line
