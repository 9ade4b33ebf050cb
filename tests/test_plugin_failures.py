"""Plugins that fail at work: the command ends with code 6 and one line that names plugin, distribution and version.

Distributions laid on the path, driven through the real commands in this process, for many ways to fail are quick so.
(Installed by pip and in processes of their own: `test_isolation.py`.)
"""

from __future__ import annotations

import contextlib
import re
import shutil
import sys

import pytest
from click.testing import CliRunner
from plugin_kit import Ran, Site

from curator.cli import cli, plugins
from curator.registry import loader

VERSION = "4.5.6"
TEXTS = 8

ENCODERS = """
import numpy as np

class Good:
    def encode(self, batch):
        return np.array([[len(text), 1.0] for text in batch.texts], dtype=np.float32)
    def close(self): pass

def made(**methods):
    return lambda resolved, device: type("Made", (Good,), {k: staticmethod(v) for k, v in methods.items()})()

def raises(*arguments):
    raise RuntimeError("the reason\\nand more")

def exits(*arguments):
    raise SystemExit("enough")

def poisoned(batch):
    if any("poison" in text for text in batch.texts):
        raise RuntimeError("poisoned")
    return Good().encode(batch)

def while_broken(batch):
    from pathlib import Path
    if Path("broken").exists():
        raise RuntimeError("broken")
    return Good().encode(batch)

def resolved(*arguments):
    return Resolved(2)

def full(value):
    return lambda batch: np.full((len(batch.texts), 2), value, dtype=np.float32)

def spec(name, load=made(), resolve=resolved):
    return EncoderSpec(name, ("text",), "s", resolve, load)

class Odd:
    def __float__(self):
        raise RuntimeError("no number")

ODD = (1.0015, np.float32(0.5), 0.25, float("nan"), float("inf"), -3.0, "half", None, [1, 2], np.ones(3), Odd())

def learnt(variant, weights):
    return Resolved(2, files=() if weights is None else (weights / "model",))

def pretrains(texts, folder, params, start, report):
    for figure in ODD:
        report(Look(figure, figure, figure))
        report(figure)
    report(Look(1.25, 3.5, True))
    (folder / "model").write_text("learnt")

def fine_tunes(start, folder, labelled, depth, device, report):
    for figure in ODD:
        report(Tried(figure, figure, figure))
        report(figure)
    (folder / "model").write_text("tuned")

@dataclass(frozen=True)
class Nothing:
    pass

@hookimpl
def register_encoders():
    yield EncoderSpec(
        "tells-oddly", ("text",), "s", learnt, made(), pretrain=pretrains, pretrain_params=Nothing, fine_tune=fine_tunes
    )
    yield spec("cuts-raises", made(truncated=raises))
    yield spec("cuts-gives-a-number", made(truncated=lambda batch: 3))
    yield spec("good")
    yield spec("resolve-exits", resolve=exits)
    yield spec("resolve-gives-a-number", resolve=lambda variant, weights: 2)
    yield spec("resolve-gives-a-wrong-field", resolve=lambda variant, weights: Resolved("2"))
    yield spec("resolve-gives-no-dim", resolve=lambda variant, weights: Resolved(0))
    yield spec("resolve-gives-no-json", resolve=lambda variant, weights: Resolved(2, config={"x": object()}))
    yield EncoderSpec("resolve-without-pixels", ("image", "text"), "s", resolved, made())
    yield EncoderSpec("lacking-raises", ("text",), "s", resolved, made(), lacking=raises)
    yield spec("load-raises", raises)
    yield spec("load-exits", exits)
    yield spec("load-gives-nothing", lambda resolved, device: None)
    yield spec("encode-exits", made(encode=exits))
    yield spec("encode-nothing", made(encode=lambda batch: None))
    yield spec("encode-infinite", made(encode=full(np.inf)))
    yield spec("close-raises", made(close=raises))
    yield spec("one-item", made(encode=poisoned))
    yield spec("while-broken", made(encode=while_broken))
"""

# Encoder: what the message says beside the plugin, and whether the run had written by then.
BAD_ENCODERS = {
    "resolve-exits": (r"called sys\.exit\(enough\)$", False),
    "resolve-gives-a-number": ("gave int 2, not Resolved$", False),
    "resolve-gives-a-wrong-field": ("Resolved: dim is str '2', not int$", False),
    "resolve-gives-no-dim": ("dim is 0$", False),
    "resolve-gives-no-json": ("TypeError: Object of type object is not JSON serializable$", False),
    "resolve-without-pixels": ("encodes images but names no preprocessing$", False),
    "load-raises": ("loading load-raises: RuntimeError: the reason$", True),
    "load-exits": (r"called sys\.exit\(enough\)$", True),
    "load-gives-nothing": ("AttributeError: 'NoneType' object has no attribute '(encode|close)'$", True),
    "encode-exits": (r"called sys\.exit\(enough\)$", True),
    "encode-nothing": (r"gave object \(\), not float32 \(\d, 2\)$", True),
    "encode-infinite": ("gave numbers that are not finite$", True),
    "close-raises": ("closing close-raises: RuntimeError: the reason$", True),
}

HEADS = """
import numpy as np

class Good:
    def __init__(self, params): pass
    def fit(self, vectors, targets, classes, seed): self.classes = classes
    def predict(self, vectors): return np.full((len(vectors), self.classes), 1 / self.classes, dtype=np.float32)
    def state(self): return {"classes": np.array([self.classes])}
    def restore(self, state): self.classes = int(state["classes"][0])

def raises(self, *arguments):
    raise RuntimeError("the reason")

@dataclass(frozen=True)
class Refusing:
    def __post_init__(self):
        raise ValueError("the reason")

def spec(name, **methods):
    return HeadSpec(name, "s", type("Made", (Good,), methods))

@hookimpl
def register_heads():
    yield spec("good")
    yield HeadSpec("params-raise", "s", Good, Refusing)
    yield spec("init-raises", __init__=raises)
    yield spec("fit-raises", fit=raises)
    yield spec("predict-raises", predict=raises)
    yield spec("predict-wrong-shape", predict=lambda self, vectors: np.ones((len(vectors), 1), dtype=np.float32))
    yield spec("predict-wrong-type", predict=lambda self, vectors: np.full((len(vectors), 2), 0.5))
    yield spec("predict-no-shares", predict=lambda self, vectors: np.ones((len(vectors), 2), dtype=np.float32))
    yield spec("state-raises", state=raises)
    yield spec("state-no-arrays", state=lambda self: {"weights": "text"})
"""

BAD_HEADS = {
    "init-raises": "fitting init-raises: RuntimeError: the reason$",
    "fit-raises": "fitting fit-raises: RuntimeError: the reason$",
    "predict-raises": "predicting with predict-raises: RuntimeError: the reason$",
    "predict-wrong-shape": r"gave float32 \(\d, 1\), not float32 \(\d, 2\)$",
    "predict-wrong-type": r"gave float64 \(\d, 2\), not float32 \(\d, 2\)$",
    "predict-no-shares": "gave rows that are no probabilities$",
    "state-raises": "saving state-raises: RuntimeError: the reason$",
    "state-no-arrays": "failed at saving state-no-arrays: ",
}

ACTIONS = """
ROWS = Table("row", "Rows", (Column("n", "a number", "integer"),))
DEEP = Table("deep", "Deep", (Column("of", "anything", "json"),))
TOLD = Table("told", "Told", (
    Column("said", "a text"), Column("of", "texts", type="strings"), Column("is", "whether", type="boolean"),
))
INF = float("inf")

def raises(context, params):
    yield Finding("row", {"n": 1})
    raise RuntimeError("the reason")

def exits(context, params):
    yield Finding("row", {"n": 1})
    import sys; sys.exit("enough")

def yields(*outputs):
    return lambda context, params: iter(outputs)

def is_stopped(context, params):
    yield SetLabel(1, "said", True)
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt as error:  # as numpy's C code does
        raise ValueError("no valid buffer format") from error

@dataclass(frozen=True)
class Sheet:
    to: NewFile = None

def draws(render):
    return lambda context, params: iter([Artifact(params.to, render)])

def spec(name, plan):
    return ActionSpec(name, "s", NoParams, plan, (ROWS,))

@hookimpl
def register_actions():
    yield spec("good", yields(Finding("row", {"n": 1}), Finding("row", {"n": 2})))
    yield spec("plan-raises", raises)
    yield spec("plan-exits", exits)
    yield spec("plan-gives-nothing", lambda context, params: None)
    yield spec("plan-yields-none", yields(Finding("row", {"n": 1}), None))
    yield spec("plan-yields-a-row", yields({"n": 1}))
    yield spec("plan-yields-no-values", yields(Finding("row", 5)))
    yield spec("plan-yields-no-names", yields(Finding("row", {1: 1})))
    yield spec("plan-yields-nan", yields(Finding("row", {"n": float("nan")})))
    yield spec("plan-yields-a-fraction", yields(Finding("row", {"n": 1.5})))
    yield spec("plan-yields-yes", yields(Finding("row", {"n": True})))
    yield ActionSpec("plan-yields-no-json", "s", NoParams, yields(Finding("deep", {"of": {"a": [INF]}})), (DEEP,))
    yield ActionSpec("plan-yields-no-text", "s", NoParams, yields(Finding("told", {"said": 5})), (TOLD,))
    yield ActionSpec("plan-yields-no-list", "s", NoParams, yields(Finding("told", {"of": ["a", 1]})), (TOLD,))
    yield ActionSpec("plan-yields-no-truth", "s", NoParams, yields(Finding("told", {"is": "yes"})), (TOLD,))
    yield spec("plan-labels-nothing", yields(SetLabel(999999, "said", True)))
    params = {"params": NoParams, "plan": yields(SetLabel(1, "said", True))}
    yield ActionSpec("plan-labels-all-the-same", "s", **params, labels=False)
    yield spec("withdraws", yields(SetLabel(1, "neverseen", None, "g"), SetLabel(1, "neverseen", None)))
    yield spec("is-stopped", is_stopped)
    yield spec("plan-says-perhaps", yields(SetLabel(1, "said", "perhaps")))
    yield ActionSpec("draw-raises", "s", Sheet, draws(lambda file: 1 / 0))
    yield ActionSpec("draw-closes", "s", Sheet, draws(lambda file: file.close()))
"""

BAD_ACTIONS = {
    "plan-raises": ("planning plan-raises: RuntimeError: the reason$", False),
    "plan-exits": (r"called sys\.exit\(enough\)$", False),
    "plan-gives-nothing": ("TypeError: 'NoneType' object is not iterable$", False),
    "plan-yields-none": ("gave None, not Finding$", False),
    "plan-yields-a-row": (r"gave dict \{'n': 1\}, not Finding$", False),
    "plan-yields-no-values": ("Finding: values is int 5, not Mapping", False),
    "plan-yields-no-names": (r"Finding: values is dict \{1: 1\}, not Mapping", False),
    "plan-yields-nan": ("gave a finding of kind 'row' whose n is nan, not a number$", False),
    "plan-yields-a-fraction": ("whose n is 1.5, not a whole number$", False),
    "plan-yields-yes": ("whose n is True, not a number$", False),
    "plan-yields-no-json": ("which holds a number that is not finite, and no JSON$", False),
    "plan-yields-no-text": ("gave a finding of kind 'told' whose said is 5, not a text$", False),
    "plan-yields-no-list": (r"whose of is \['a', 1\], not a list of texts$", False),
    "plan-yields-no-truth": ("whose is is 'yes', not true or false$", False),
    "plan-labels-nothing": ("IntegrityError: FOREIGN KEY constraint failed$", True),
    "plan-labels-all-the-same": ("gave a SetLabel; its spec says that it does not label$", False),
    "plan-says-perhaps": ("SetLabel: value is str 'perhaps', not bool | None$", False),
}

READERS = """
def read(path, options):
    return [str(path)] if "wrong" in path.name else 1 / 0

def matches(path):
    return path.suffix == ".odd" and 1 / 0

@hookimpl
def register_readers():
    yield ReaderSpec("sheet", "s", lambda path: path.suffix == ".sheet", read)
    yield ReaderSpec("numbered", "s", lambda path: path.suffix == ".numbered", read, lambda path, options: [1, 2])
    yield ReaderSpec("odd", "s", matches, read)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The plugins of this module on the path of this process."""
    site = Site(tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("unused"))
    for kind, source in {"encoders": ENCODERS, "heads": HEADS, "actions": ACTIONS, "readers": READERS}.items():
        site.lay(f"bad-{kind}-dist", source, version=VERSION, entry=f"bad-{kind}")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(site.path))
        forget_plugins()
        yield
    forget_plugins()
    for name in [name for name in sys.modules if name.startswith("bad_") and name.endswith("_dist")]:
        del sys.modules[name]


def forget_plugins() -> None:
    plugins.loaded.cache_clear()
    plugins.registry.cache_clear()


def curator(*arguments: str) -> Ran:
    """A command in this process."""
    result = CliRunner().invoke(cli, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)


@pytest.fixture(scope="module")
def catalogue(installed, tmp_path_factory):
    """A workspace with texts, labelled, none embedded."""
    folder = tmp_path_factory.mktemp("catalogue")
    with contextlib.chdir(folder):
        for name in ("yes", "no"):
            (folder / "texts" / name).mkdir(parents=True)
            for number in range(TEXTS // 2):
                (folder / "texts" / name / f"{number}.txt").write_text(f"{name} {'word ' * number}")
        ran = curator("add", "texts", "--labels-from-folders", "--group", "kind", "--no-encode")
        assert ran.code == 0, ran.err
    return folder


@pytest.fixture
def workspace(catalogue, tmp_path, monkeypatch):
    """A copy of it, in the current folder."""
    shutil.copytree(catalogue, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def last_run() -> tuple[str, str]:
    row = curator("log", "--json", "--limit", "1").rows[0]
    return row["command"], row["state"]


def assert_blamed(ran: Ran, kind: str, says: str) -> None:
    """One line, which names plugin, distribution and version, and code 6."""
    assert ran.code == 6
    (line,) = [line for line in ran.err.splitlines() if line.startswith("Error")]
    assert line.startswith(f"Error: plugin 'bad-{kind}' (bad-{kind}-dist {VERSION}) failed at ")
    assert re.search(says, line)
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("name", BAD_ENCODERS)
def test_an_encoder_that_fails_is_blamed(workspace, name):
    says, wrote = BAD_ENCODERS[name]
    assert_blamed(curator("encode", "-e", name), "encoders", says)
    assert last_run() == (("encode", "failed") if wrote else ("add", "done"))


def test_an_encoder_that_fails_on_one_item_does_not_cost_the_others(workspace):
    (workspace / "texts/poison.txt").write_text("poison")
    curator("add", "texts", "--no-encode")
    ran = curator("encode", "-e", "one-item", "--json")
    assert ran.code == 5
    assert [(row["encoded"], row["failed"]) for row in ran.rows] == [(TEXTS, 1)]
    assert "poison.txt: plugin 'bad-encoders'" in ran.err


def test_the_failure_of_an_encoder_is_not_held_against_the_items(workspace):
    (workspace / "broken").touch()
    assert curator("encode", "-e", "while-broken").code == 6
    (workspace / "broken").unlink()
    ran = curator("encode", "-e", "while-broken", "--json")
    assert (ran.code, ran.rows[0]["encoded"]) == (0, TEXTS)


def test_what_was_catalogued_stays_when_the_default_encoder_fails(workspace):
    (workspace / "broken").touch()
    assert curator("encoders", "--use", "while-broken").code == 0
    (workspace / "texts/more.txt").write_text("one more")
    assert_blamed(curator("add", "texts"), "encoders", "broken$")
    assert last_run() == ("add", "failed")
    assert len(curator("ls", "--json").rows) == TEXTS + 1


def test_the_list_of_encoders_says_which_needs_no_network(workspace):
    rows = {row["name"]: row["offline"] for row in curator("encoders", "--json").rows}
    assert rows["good"] == rows["ngram"] == "yes"
    assert rows["lacking-raises"].startswith("plugin 'bad-encoders' (bad-encoders-dist 4.5.6) failed at looking for")
    (workspace / "weights.pth").touch()
    assert curator("encode", "-e", "good", "--weights", "weights.pth").code == 0
    (workspace / "weights.pth").unlink()
    assert "is gone" in {row["name"]: row["offline"] for row in curator("encoders", "--json").rows}["good"]


def test_odd_figures_on_the_way_do_not_cost_what_was_learnt(workspace):
    """They are only shown: the model is kept, and shares that go back or beyond the end are not."""
    ran = curator("pretrain", "tells-oddly", "--json")
    assert ran.code == 0, ran.err
    assert (ran.rows[0]["model"], ran.rows[0]["held_out"]) == ("tells-oddly@1", 3.5)
    assert "100%  held out: 3.500 bits per character\n" in ran.err
    assert "100%  held out: unknown (not better)\n" in ran.err
    assert set(re.findall(r"^ *(\S+)%  held", ran.err, re.MULTILINE)) == {"100"}
    ran = curator("train", "--group", "kind", "-e", "tells-oddly", "--fine-tune")
    assert ran.code == 0, ran.err
    assert "100%  50.0% right of what it holds out itself (not better)\n" in ran.err
    assert "100%  unknown how much is right of what it holds out itself" in ran.err
    assert "tells-oddly@2" in curator("encoders", "--json").out


@pytest.mark.parametrize(
    ("name", "says"),
    [("cuts-raises", "RuntimeError: the reason"), ("cuts-gives-a-number", "TypeError: object of type 'int'")],
)
def test_an_encoder_that_cannot_say_which_texts_it_cuts_embeds_them_all_the_same(workspace, name, says):
    ran = curator("encode", "-e", name, "--json")
    assert (ran.code, ran.rows[0]["encoded"], ran.rows[0]["failed"]) == (0, TEXTS, 0), ran.err
    assert ran.err.count(f"note: whether {name} reads all of each text is not known: plugin 'bad-encoders'") == 1
    assert says in ran.err


@pytest.mark.parametrize("name", BAD_HEADS)
def test_a_head_that_fails_is_blamed(workspace, name):
    assert curator("encode", "-e", "good").code == 0
    ran = curator("train", "--group", "kind", "-e", "good", "--head", name)
    assert_blamed(ran, "heads", BAD_HEADS[name])
    assert last_run() == ("train", "failed")


def test_a_head_that_takes_no_options_is_blamed_before_anything_is_embedded(workspace):
    ran = curator("train", "--group", "kind", "--head", "params-raise")
    assert_blamed(ran, "heads", "taking the options of params-raise: ValueError: the reason$")
    assert last_run() == ("add", "done")


@pytest.mark.parametrize("name", BAD_ACTIONS)
def test_an_action_that_fails_is_blamed(workspace, name):
    says, wrote = BAD_ACTIONS[name]
    assert_blamed(curator(name), "actions", says)
    assert last_run() == ((name, "failed") if wrote else ("add", "done"))


def test_ctrl_c_is_no_failure_of_a_plugin_that_tells_of_it_by_another_error(workspace):
    ran = curator("is-stopped")
    assert ran.code == 130 and ran.err.startswith("Error: interrupted") and len(ran.err.splitlines()) == 1
    assert last_run() == ("is-stopped", "interrupted")


@pytest.mark.parametrize(("name", "says"), [("draw-raises", "ZeroDivisionError"), ("draw-closes", "closed the file")])
def test_an_action_whose_file_cannot_be_drawn_is_blamed_and_leaves_none(workspace, name, says):
    before = {*workspace.iterdir()}
    assert_blamed(curator(name, "--to", "sheet.png"), "actions", says)
    assert {*workspace.iterdir()} == before


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("a.sheet", "reading with sheet: ZeroDivisionError"),
        ("wrong.sheet", "gave str .*, not Found$"),
        ("a.odd", "matching with odd: ZeroDivisionError"),
        ("a.numbered", "gave names of columns that are no texts$"),
    ],
)
def test_a_reader_that_fails_is_blamed(workspace, name, says):
    (workspace / name).write_text("a,b\n")
    assert_blamed(curator("add", name), "readers", says)


def test_good_plugins_of_the_same_distributions_work(workspace):
    assert curator("encode", "-e", "good").code == 0
    assert curator("train", "--group", "kind", "-e", "good", "--head", "good").code == 0
    assert [row["n"] for row in curator("good", "--json").rows] == [1, 2]


# --- mutants: without a guard, the tests above would fail ---------------------------------------------

COMMANDS = [("plan-raises",), ("encode", "-e", "load-raises"), ("plan-exits",), ("add", "a.sheet")]


@pytest.mark.parametrize("command", COMMANDS)
def test_without_the_guard_nobody_is_blamed(workspace, monkeypatch, command):
    (workspace / "a.sheet").touch()
    assert curator(*command).code == 6
    monkeypatch.setattr(loader, "_attribute_errors", lambda origin, doing: contextlib.nullcontext())
    with pytest.raises((AssertionError, RuntimeError, ZeroDivisionError)):
        assert curator(*command).code == 6
