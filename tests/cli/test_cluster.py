"""`curator cluster` through the real command line."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import cli_kit
import pytest

CATS, MONEY = "the cat sleeps on the warm sofa and purrs", "股市今天大跌，投资者十分担心"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """`here("status", ...)` runs in this process, where what is heavy is loaded once."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CURATOR_WORKSPACE", raising=False)
    return cli_kit.curator_here


@pytest.fixture
def notes(here, tmp_path):
    """Eight texts about a cat, then six in Chinese about money; no two are the same."""
    for place, (about, many) in enumerate(((CATS, 8), (MONEY, 6))):
        cli_kit.texts(tmp_path / f"notes{place}", many, about)
    assert here("add", "notes0", "notes1").code == 0
    return tmp_path


def test_from_clusters_to_a_label_and_back(here, notes):
    ran = here("cluster", "-k", "2", "--json", "--members")
    assert ran.code == 0, ran
    first, second = ran.rows("cluster")
    assert (first["size"], second["size"]) == (8, 6)
    assert set(first["words"]) & {"cat", "sofa", "purrs", "warm"} and second["text"].endswith(MONEY)
    by_id = {row["id"]: row["cluster"] for row in ran.rows("member")}
    assert [number for _, number in sorted(by_id.items())] == [1] * 8 + [2] * 6
    code = first["clusters"]
    assert ran.err == f"these are clusters {code}: to label the first, add --name 1=LABEL --expect {code}\n"
    here("label", "钱", "--negative", "notes1/1.txt")
    ran = here("cluster", "-k", "2", "--name", "2=钱", "--expect", code)
    assert ran.err.splitlines() == [
        "cluster 2: 5 of 6 items are now 钱; 1 left as it is, labelled positive or negative before",
        "`curator undo` takes it back",
    ]
    assert len(here("ls", "--labelled", "钱", "--json").rows("item")) == 5
    assert here("undo").code == 0
    assert here("ls", "--labelled", "钱", "--json").rows("item") == []


def test_by_density_and_as_a_sheet(here, notes):
    ran = here("cluster", "--by", "density", "--min-size", "3", "--sheet", "clusters.pdf", "--json")
    assert ran.code == 0, ran
    assert (notes / "clusters.pdf").read_bytes().startswith(b"%PDF")
    assert sum(row["size"] for row in ran.rows("cluster")) == 14
    assert any("of the 14 texts lie in no cluster of 3 or more" in line for line in ran.err.splitlines())


def test_what_cannot_be_done_is_one_line(here, notes):
    before = here("ls", "--json").out
    here("cluster", "-k", "15").assert_failed(2, "14 texts cannot be divided", "15 or more")
    here("cluster", "-k", "1").assert_ended(2, "-k")
    here("cluster", "--by", "density", "-k", "3").assert_failed(2, "--by density", "-k")
    here("cluster", "--min-size", "3").assert_failed(2, "--min-size")
    here("cluster", "-k", "2", "--name", "cats").assert_failed(2, "'cats'", "3=apples")
    here("cluster", "-k", "2", "--name", "3=cats").assert_failed(2, "3=cats", "1 to 2")
    here("cluster", "-k", "2", "--name", "1=cats", "--expect", "000000").assert_failed(2, "not 000000", "look again")
    here("cluster", "-k", "2", "--media", "image").assert_failed(4, "no item matches")
    here("cluster", "-k", "2", "-e", "resnet9").assert_failed(3, "resnet9")
    assert here("ls", "--json").out == before and here("log", "--json").out.count("\n") == 1


def test_an_empty_catalogue(here):
    assert here("init").code == 0
    here("cluster").assert_failed(4, "curator add")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs /proc to see what a process has loaded")
@pytest.mark.parametrize(
    ("many", "by", "at_work"),
    [(700, ("-k", "600"), "_k_means_lloyd"), (3000, ("--by", "density"), "_hdbscan/")],
    ids=["k-means", "density"],
)
def test_ctrl_c_ends_it_in_one_line_and_changes_nothing(run, tmp_path, many, by, at_work):
    cli_kit.texts(tmp_path / "many", many)
    assert run("add", "many").code == 0
    command = [cli_kit.CURATOR, "cluster", *by, "--name", "1=big"]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=cli_kit.environment(), stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while at_work not in Path(f"/proc/{process.pid}/maps").read_text():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and len(err.splitlines()) == 1 and "Traceback" not in err, err
    assert len(run("log", "--json").out.splitlines()) == 1
