"""`curator plugins new`: what it makes is complete, works as it is, and is never made over anything."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import cli_kit
import pytest

from curator import scaffold
from curator.api import ActionSpec, CheckSpec, EncoderSpec, ExporterSpec, HeadSpec, MetricSpec, ReaderSpec
from curator.errors import BadInput
from curator.version import __version__

ROOT = Path(__file__).parent.parent.parent
KINDS = {
    "encoder": EncoderSpec,
    "head": HeadSpec,
    "action": ActionSpec,
    "metric": MetricSpec,
    "reader": ReaderSpec,
    "check": CheckSpec,
    "exporter": ExporterSpec,
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a distribution of each kind, and what the command said of each."""
    folder = tmp_path_factory.mktemp("made")
    said = {
        kind: cli_kit.curator(
            "plugins", "new", f"my-{kind}", "--kind", kind, cwd=folder, before=lambda: os.umask(0o022)
        )
        for kind in KINDS
    }
    return folder, said


def project(folder: Path) -> dict:
    return tomllib.loads((folder / "pyproject.toml").read_text())


# --- what is made ---


@pytest.mark.parametrize("kind", KINDS)
def test_all_files_are_made_and_listed(made, kind):
    folder, said = made
    home, ran = folder / f"my-{kind}", said[kind]
    files = {"pyproject.toml", "README.md", ".gitignore", f"my_{kind}.py", f"tests/test_my_{kind}.py"}
    assert set(cli_kit.contents(home)) == files
    assert (ran.code, ran.err) == (0, "")
    *listed, first, second = ran.out.splitlines()
    assert {(folder / line).relative_to(home) for line in listed} == {Path(file) for file in files}
    assert first.endswith(f"pip install -e ./my-{kind}")
    assert second.endswith(f"curator plugins check my-{kind}")


def test_it_covers_every_kind(made):
    assert list(scaffold.KINDS) == list(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_left_unfilled_and_nothing_else_is_left(made, kind):
    folder, _ = made
    assert sorted(os.listdir(folder)) == sorted(f"my-{kind}" for kind in KINDS)
    for name, content in cli_kit.contents(folder / f"my-{kind}").items():
        assert not re.search(rb"\$\w|\{name\}.*curator", content), name
        assert content.endswith(b"\n") and not content.endswith(b"\n\n"), name


def test_files_can_be_read_by_others(made):
    folder, _ = made
    assert (folder / "my-encoder").stat().st_mode & 0o777 == 0o755
    assert (folder / "my-encoder/my_encoder.py").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("kind", KINDS)
def test_the_project_says_what_it_needs_and_where_the_plugin_is(made, kind):
    told = project(made[0] / f"my-{kind}")
    assert told["project"]["name"] == f"my-{kind}"
    assert told["project"]["entry-points"]["curator"] == {f"my-{kind}": f"my_{kind}"}
    assert told["project"]["dependencies"][0] == scaffold.requirement()
    assert any(needed.startswith("pytest") for needed in told["project"]["optional-dependencies"]["test"])
    # What the module imports inside of its functions, it depends on.
    source = (made[0] / f"my-{kind}" / f"my_{kind}.py").read_text()
    uses = set(re.findall(r"^ +import (\w+)", source, re.MULTILINE))
    assert uses == {re.split("[><=]", needed)[0] for needed in told["project"]["dependencies"][1:]}


@pytest.mark.parametrize(
    ("version", "range_"),
    [
        ("0.1.0", ">=0.1,<0.2"),
        ("0.9", ">=0.9,<0.10"),
        ("0.12.3", ">=0.12,<0.13"),
        ("1.0.0", ">=1.0,<2"),
        ("12.3.4", ">=12.3,<13"),
        ("0.2.0rc1", ">=0.2.0rc1,<0.3"),
        ("1.1.dev4", ">=1.1.dev4,<2"),
    ],
)
def test_it_takes_the_versions_of_curator_that_give_plugins_the_same(version, range_):
    assert scaffold.requirement(version) == f"curator-agent{range_}"


def test_this_version_is_in_the_range():
    packaging = pytest.importorskip("packaging.requirements")
    assert __version__ in packaging.Requirement(scaffold.requirement()).specifier


def test_it_is_made_in_another_folder_and_told_as_json(run, tmp_path):
    (tmp_path / "my code").mkdir()
    ran = run("plugins", "new", "colours.of-2", "--kind", "encoder", "--folder", "my code")
    assert ran.out.splitlines()[-2].endswith("pip install -e './my code/colours.of-2'")
    told = project(tmp_path / "my code/colours.of-2")
    assert told["project"]["entry-points"]["curator"] == {"colours.of-2": "colours_of_2"}
    ran = run("plugins", "new", "more-colours", "--kind", "encoder", "--folder", tmp_path, "--json")
    assert len(ran.rows("made")) == len(ran.out.splitlines()) == 5
    assert all(Path(row["path"]).is_file() for row in ran.rows("made"))


# --- that it works ---


def finished(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run a command that must end well; returns what it said."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "CURATOR_"))}
    done = subprocess.run(
        command, cwd=cwd, env={**kept, **environment}, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_its_own_tests_pass_as_it_is(made, kind):
    home = made[0] / f"my-{kind}"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"]
    said = finished(*command, cwd=home, PYTHONPATH=str(home), PYTHONDONTWRITEBYTECODE="1")
    assert re.search(r"^\d+ passed", said.splitlines()[-1]), said


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_written_as_curator_is(made, kind):
    home = made[0] / f"my-{kind}"
    ruff = [sys.executable, "-m", "ruff"]
    settings = ["--config", ROOT / "pyproject.toml", "--no-cache", "."]
    finished(*ruff, "check", *settings, cwd=home)
    finished(*ruff, "format", "--check", *settings, cwd=home)


@pytest.mark.slow
def test_its_types_are_sound(made):
    cli_kit.type_checked(*(made[0] / f"my-{kind}" / f"my_{kind}.py" for kind in KINDS))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_it_can_be_installed_and_curator_finds_it(made, kind, tmp_path):
    pytest.importorskip("setuptools", "77", "building without an index needs the build system to be here")
    shutil.copytree(made[0] / f"my-{kind}", tmp_path / "source")  # building leaves files there
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    finished(*pip, "--target", "site", "./source", cwd=tmp_path)
    ran = cli_kit.curator("plugins", "--json", cwd=tmp_path, env={"PYTHONPATH": str(tmp_path / "site")})
    (row,) = [row for row in ran.rows("plugin") if row["plugin"] == f"my-{kind}"]
    assert (row["offers"], row["failure"]) == ([f"{kind} my-{kind}"], None)
    assert (row["distribution"], row["version"]) == (f"my-{kind}", "0.1.0")


# --- bad input ---

BAD_NAMES = {
    "My-Encoder": "not a name for a plugin",
    "my encoder": "not a name for a plugin",
    "my/encoder": "not a name for a plugin",
    "../encoder": "not a name for a plugin",
    "encoder-": "not a name for a plugin",
    ".encoder": "not a name for a plugin",
    "编码器": "not a name for a plugin",
    "": "it needs a name",
    "2d": "'2d' cannot be imported",
    "lambda": "'lambda' cannot be imported",
    "json": "'json' is a module that Python",
    "setup": "'setup' is a module that Python",
    "numpy": "is installed already",
    "scikit-learn": "is installed already",
    "curator": "is installed already",
    "curator-agent": "is installed already",
    "ngram": "plugin 'ngram' (curator-agent",
    "clip": "plugin 'clip' (curator-agent",
    "resnet18": "plugin 'resnet' (curator-agent",
    "x" * 300: "file name too long",
}


@pytest.mark.parametrize("name", BAD_NAMES, ids=lambda name: name[:20] or "empty")
def test_a_name_that_cannot_be_had_is_refused(run, tmp_path, name):
    run("plugins", "new", "--kind", "encoder", "--", name).assert_failed(2, BAD_NAMES[name])
    assert os.listdir(tmp_path) == []


def test_an_action_cannot_have_the_name_of_a_command(run, tmp_path):
    run("plugins", "new", "undo", "--kind", "action").assert_failed(2, "'undo' is a command of curator itself")
    assert os.listdir(tmp_path) == []


def test_a_kind_is_needed_and_must_be_one(run, tmp_path):
    run("plugins", "new", "mine").assert_failed(2, "--kind", "curator plugins new --help")
    run("plugins", "new", "mine", "--kind", "enc").assert_failed(2, "'enc'", "'encoder', 'head', 'action'")
    assert os.listdir(tmp_path) == []


def in_the_way(path: Path, what: str) -> None:
    if what == "folder":
        path.mkdir()
    elif what == "file":
        path.write_text("mine")
    else:
        path.symlink_to("nowhere")


@pytest.mark.parametrize("what", ["folder", "file", "dangling link"])
def test_nothing_is_written_over(run, tmp_path, what):
    in_the_way(tmp_path / "my-encoder", what)
    before = os.lstat(tmp_path / "my-encoder").st_ino
    run("plugins", "new", "my-encoder", "--kind", "encoder").assert_failed(2, "'my-encoder' exists already")
    assert os.listdir(tmp_path) == ["my-encoder"] and os.lstat(tmp_path / "my-encoder").st_ino == before
    assert cli_kit.contents(tmp_path) == ({"my-encoder": b"mine"} if what == "file" else {})


def test_the_folder_must_be_there(run, tmp_path):
    run("plugins", "new", "mine", "--kind", "head", "--folder", "nowhere").assert_failed(3, "no folder 'nowhere'")
    (tmp_path / "file").touch()
    run("plugins", "new", "mine", "--kind", "head", "--folder", "file").assert_failed(2, "not a directory")
    assert os.listdir(tmp_path) == ["file"]


def test_a_folder_that_cannot_be_written_to_is_said(run, tmp_path, obedient):
    (tmp_path / "locked").mkdir(mode=0o555)
    ran = run("plugins", "new", "mine", "--kind", "head", "--folder", "locked", before=obedient)
    ran.assert_failed(2, "cannot make 'locked/mine': permission denied")
    assert os.listdir(tmp_path / "locked") == []


STEPS = 6
"""Files that are written, and the rename."""


@pytest.fixture
def stopped(monkeypatch):
    """`stopped(at, how)`: from now on, `how` is called before the step of that number."""

    def at_step(at, how):
        left = [at]

        def before(step):
            def stepped(*args, **named):
                if not left[0]:
                    how()
                left[0] -= 1
                return step(*args, **named)

            return stepped

        for name in ("write_text", "rename"):
            monkeypatch.setattr(Path, name, before(getattr(Path, name)))

    return at_step


def interrupt():
    raise KeyboardInterrupt


@pytest.mark.parametrize("at", range(STEPS))
def test_ctrl_c_leaves_nothing(tmp_path, stopped, at):
    (tmp_path / "mine.txt").write_text("mine")
    stopped(at, interrupt)
    with pytest.raises(KeyboardInterrupt):
        scaffold.create("my-encoder", "encoder", tmp_path)
    assert os.listdir(tmp_path) == ["mine.txt"]


@pytest.mark.parametrize("at", range(STEPS))
def test_a_kill_leaves_nothing_of_that_name_and_the_same_command_goes_well(tmp_path, stopped, at):
    child = os.fork()
    if not child:
        stopped(at, lambda: os._exit(9))
        scaffold.create("my-encoder", "encoder", tmp_path)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert all(name.startswith(".curator-") for name in os.listdir(tmp_path))
    made = scaffold.create("my-encoder", "encoder", tmp_path)
    assert sorted(path for path in (tmp_path / "my-encoder").rglob("*") if path.is_file()) == sorted(made)


def test_who_was_quicker_keeps_what_is_there(tmp_path, stopped):
    def quicker():
        (tmp_path / "my-encoder").mkdir(exist_ok=True)
        (tmp_path / "my-encoder" / "theirs").touch()

    stopped(STEPS - 1, quicker)
    with pytest.raises(BadInput, match="not empty"):
        scaffold.create("my-encoder", "encoder", tmp_path)
    assert os.listdir(tmp_path) == ["my-encoder"] and os.listdir(tmp_path / "my-encoder") == ["theirs"]


# --- what a kill leaves ---

DIES = """
import os, pathlib, signal
pathlib.Path.rename = lambda *to: os.kill(os.getpid(), signal.{})
from curator.__main__ import main
main()
"""


def begun(folder, sign, name="my-head"):
    """The command, which gets a signal when all is made, and is to get its name."""
    command = [sys.executable, "-c", DIES.format(sign), "plugins", "new", name, "--kind", "head"]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def left(folder):
    return {path.name for path in folder.glob(".curator-*")}


def test_what_a_killed_one_leaves_is_removed_by_the_next_and_nothing_else(run, tmp_path):
    link = f".curator-{'f' * 16}"
    ours = {".curator-notes", f".curator-{'0' * 15}g", f".curator-{'0' * 17}", link}
    for name in ours - {link}:
        (tmp_path / name).mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "mine.txt").touch()
    (tmp_path / link).symlink_to("elsewhere")
    for _ in range(2):
        begun(tmp_path, "SIGKILL").wait(60)
    assert len(left(tmp_path) - ours) == 1, "each removes what the one before it left"
    assert run("plugins", "new", "my-head", "--kind", "head").code == 0
    assert left(tmp_path) == ours and (tmp_path / "elsewhere" / "mine.txt").exists()


def test_what_another_is_making_is_left(run, tmp_path):
    """One that waits: it is stopped, and so may still go on."""
    other = begun(tmp_path, "SIGSTOP", "another")
    try:
        os.waitpid(other.pid, os.WUNTRACED)
        (draft,) = left(tmp_path)
        assert run("plugins", "new", "my-head", "--kind", "head").code == 0
        assert left(tmp_path) == {draft} and len(cli_kit.contents(tmp_path / draft)) == 5
    finally:
        other.kill()
        other.wait(60)
    assert run("plugins", "new", "others", "--kind", "head").code == 0 and not left(tmp_path)
