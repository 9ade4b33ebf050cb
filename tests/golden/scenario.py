"""What is run, one command after the other on one workspace, and what each says.

To add a step, write it into `CHAPTERS`; steps build on those before. Then `python tests/golden/refresh.py`.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import described
import numpy as np
from click.testing import CliRunner
from golden import data
from golden.normal import Lines, Normal

from curator.cli import cli


@dataclass(frozen=True)
class Step:
    """One command. `rough`: a network was trained on this machine before, whose numbers hold only roughly."""

    line: str
    stdin: str = ""
    before: Callable[[Path], object] = lambda folder: None
    json: bool = True
    rough: bool = False

    @property
    def arguments(self) -> list[str]:
        return [*shlex.split(self.line), *(["--json"] if self.json else [])]


def text(line: str) -> Step:
    """As people pipe it, without --json."""
    return Step(line, json=False)


def rough(line: str) -> Step:
    return Step(line, rough=True)


def moved(folder: Path) -> None:
    (folder / "pictures" / "dots" / "7.png").rename(folder / "pictures" / "dots" / "moved.png")
    (folder / "pictures" / "stripes" / "7.png").unlink()
    data.drawn("checks", 400).save(folder / "pictures" / "checks" / "7.png")


def damaged(folder: Path) -> None:
    (folder / "texts" / "food" / "7.txt").write_text("written over in place", encoding="utf-8")
    (folder / "pictures" / "loose.png").unlink()


def made_elsewhere(folder: Path) -> None:
    """Vectors of six texts, which turn from one to the next."""
    angles = np.arange(1, 7) * 0.3
    np.save(folder / "weather.npy", np.stack([np.cos(angles), np.sin(angles)], axis=1))
    lines = ["path", *(f"texts/weather/{number}.txt" for number in range(1, 7))]
    (folder / "weather.csv").write_text("\n".join(lines), encoding="utf-8")


def mixed(name: str) -> list[str]:
    """One picture of each kind, so that no head can learn what `name` is."""
    number = ("one", "two", "three").index(name)
    return [f"pictures/{kind}/{number}.png" for kind in data.COLOURS]


MODEL = "-o width=24 -o embedding=16 -o epochs=2"
TOPIC = "--text-column question --label-column topic --group subject --id-column nr"
SHOTS = "--image-column file --caption-column caption --label-column looks --group looks"

CHAPTERS: dict[str, list[Step]] = {
    "01-add": [
        Step("ls"),
        Step("status"),
        text("init"),
        text("init"),
        Step("add nowhere"),
        Step("add pictures --labels-from-folders --group kind"),
        Step("add pictures --labels-from-folders --group kind"),
        Step("add pictures/dots --label round"),
        Step("add pictures/stripes/0.png pictures/stripes/1.png --not-label round --no-encode"),
        Step("add copies --no-encode"),
        Step("add odd"),
        Step("add odd"),
        Step("add captioned --captions"),
        Step("add texts --labels-from-folders --group topic"),
        Step("add questions.csv"),
        Step("add questions.csv --text-column nothing"),
        Step(f"add questions.csv {TOPIC}"),
        Step(f"add questions.csv {TOPIC}"),
        Step(f"add shots.csv {SHOTS}"),
        Step("add 'copies/*.bmp' --verify"),
        Step("check"),
        Step("add pictures", before=moved),
        Step("add pictures --reader nothing"),
        Step("add pictures --label x --not-label x"),
        text("add copies"),
        Step("add"),
    ],
    "02-look": [
        Step("ls"),
        text("ls --limit 5"),
        Step("ls --media text --limit 3"),
        Step("ls --under copies"),
        Step("ls --under pictures/dots --limit 0"),
        Step("ls --labelled round"),
        Step("ls --labelled kind/checks"),
        Step("ls --labelled rund"),
        Step("ls --unlabelled"),
        Step("ls --media sound"),
        Step("show pictures/dots/0.png"),
        Step("show texts/weather/0.txt"),
        Step("show id:1"),
        text("show captioned/a.png"),
        Step("show id:999"),
        Step("show nowhere.png"),
        Step("status"),
        text("status"),
        Step("status --problems"),
        Step("status -w nowhere"),
        Step("lable"),
    ],
    "03-label": [
        Step("label striped pictures/stripes/0.png pictures/stripes/1.png id:3"),
        Step("label striped pictures/stripes/0.png"),
        Step("label striped pictures/dots/0.png --negative"),
        Step("label striped id:3 --remove"),
        Step("label striped - --negative", stdin="pictures/checks/0.png\npictures/checks/1.png\nid:12\n"),
        Step("label dots pictures/checks/2.png --group kind"),
        Step("label checks pictures/checks/2.png --group kind"),
        Step("label dots copies/smaller.png"),
        Step("label 'warm, 暖 @home' pictures/dots/1.png pictures/dots/2.png"),
        Step("label weather id:999"),
        Step("label weather nowhere.txt"),
        Step("label striped"),
        text("label striped pictures/dots/2.png --negative"),
        Step("status"),
    ],
    "04-pair": [
        Step("metrics"),
        Step("pair pictures/dots/0.png pictures/dots/1.png pictures/dots/2.png --metric taste"),
        Step("pair pictures/stripes/0.png pictures/stripes/1.png pictures/stripes/2.png --metric taste"),
        Step("pair pictures/checks/0.png pictures/dots/3.png pictures/stripes/3.png --not-alike --metric taste"),
        Step("pair pictures/dots/0.png - --not-alike --metric taste", stdin="id:20\nid:21\n"),
        Step("pair pictures/dots/0.png id:20 --remove --metric taste"),
        Step("pair pictures/dots/0.png pictures/dots/0.png --metric taste"),
        Step("pair pictures/dots/0.png id:2"),
        Step("metrics"),
        Step("metrics taste"),
        Step("metrics tast"),
        text("metrics taste"),
    ],
    "05-encode": [
        Step("encoders"),
        Step("encode"),
        Step("encode"),
        Step("encode --retry"),
        Step("encode -e ngram --media text"),
        Step("encode -e nothing"),
        Step("encode -e lstm-clm"),
        Step("encode --weights nowhere.pth"),
        Step("encoders --use ngram"),
        Step("encoders --use nothing"),
        text("encode"),
        text("encoders"),
        Step("status"),
    ],
    "06-similar": [
        Step("similar pictures/dots/0.png -k 5"),
        Step("similar copies/again.jpg -k 3"),
        Step("similar id:1 -k 4 --under pictures/checks"),
        Step("similar texts/weather/1.txt -k 4"),
        Step("similar --text '下雨 带伞' -k 3"),
        Step("similar --text 'bread in the oven' -k 3"),
        Step("similar pictures/dots/0.png -k 5 --metric taste"),
        Step("similar pictures/dots/0.png -k 5 --metric nothing"),
        Step("similar pictures/dots/0.png -k 2 --sheet like.png"),
        Step("similar pictures/dots/0.png -k 2 --sheet like.png"),
        Step("similar"),
        Step("similar pictures/dots/0.png --labelled striped"),
        Step("similar odd/no.png"),
        text("similar pictures/dots/0.png -k 3"),
        Step("similar pictures/dots/0.png pictures/dots/1.png --minus pictures/checks/0.png -k 3"),
        Step("similar --plus-label kind/dots --minus-label kind/checks -k 2"),
        Step("similar --text 'bread in the oven' --plus-text '下雨 带伞' --minus-text '晴天' -k 3 --min-score 0.05"),
        Step("similar pictures/dots/1.png -k 4 --copies --under copies --sheet more.webp"),
        text("similar pictures/dots/1.png -k 4 --under copies"),
        Step("similar pictures/dots/0.png --plus-text dots"),
        Step("similar --minus pictures/dots/0.png"),
        Step("similar pictures/dots/0.png --minus id:1 --minus pictures/dots/0.png"),
    ],
    "07-heads": [
        Step("heads"),
        *[Step(f"label {name} {' '.join(mixed(name))} --group mixed") for name in ("one", "two", "three")],
        Step("train --group mixed --head prototype"),
        Step("train --group kind --head prototype"),
        Step("train --group kind -o c=10"),
        Step("train --group topic --head prototype"),
        Step("train --group subject --head mlp -o hidden=8"),
        Step("train --label round --robustness"),
        Step("train --label round -o c=10"),
        Step("train --label round -o nothing=10"),
        Step("train --label nothing"),
        Step("train --label 'warm, 暖 @home'"),
        Step("train"),
        Step("train --group kind --label round"),
        Step("train --group kind --fine-tune nothing"),
        text("train --group kind --head prototype"),
        Step("heads"),
        Step("classify --group kind --head prototype"),
        Step("classify --label round --limit 8"),
        Step("classify --label round --precision 0.9 --limit 5"),
        Step("classify --label round --recall 0.9 --limit 5 --sheet round.png"),
        Step("classify --label striped --limit 5"),
        Step("classify --group kind --head prototype --precision 0.9 --accept 0.9"),
        Step("undo"),
        Step("classify --group topic --head prototype"),
        Step("classify --group looks"),
        Step("classify --group nothing"),
        Step("classify --label round --precision 2"),
        Step("classify --classes cats,dogs"),
        text("classify --group kind --head prototype --limit 3"),
        Step("audit --head prototype"),
        Step("audit --label round"),
        Step("audit --group kind --head prototype"),
        Step("sample 4 --media text"),
        Step("sample 3 --media text --diverse 1 --balanced topic"),
        Step("sample 0"),
        Step("audit --check nothing"),
        Step("audit --check blurred --check odd-length --check empty --min-score 0.1 --limit 6"),
        text("audit --group topic --head prototype --limit 2"),
        Step("review --label striped --count 3"),
        Step("review --group kind --head prototype --count 2"),
        Step("review --label nothing"),
        Step("explain pictures/dots/0.png --group kind --head prototype"),
        text("explain pictures/stripes/1.png --label round --heatmap why.png"),
        Step("explain --label round --top 2 --sheet whys.png"),
        Step("explain pictures/dots/0.png"),
        Step("explain pictures/dots/0.png --layers -e efficientnet-lite0:blocks1"),
        Step("heads"),
        text("heads"),
    ],
    "08-cluster": [
        Step("cluster -k 3 --media image"),
        Step("cluster -k 3 --media image --members --under pictures"),
        Step("cluster -k 2 --media text"),
        Step("cluster --by density --min-size 4 --media image --under pictures"),
        Step("cluster -k 3 --media image --under pictures --name 1=first --group found"),
        Step("cluster -k 3 --media image --name 1=first --expect other"),
        Step("cluster -k 3 --media image --name 9=ninth"),
        Step("cluster -k 3 --media image --sheet clusters.png"),
        Step("cluster --under nowhere"),
        text("cluster -k 3 --media image"),
    ],
    "09-copies": [
        Step("dedupe"),
        Step("dedupe --include near --keep path:pictures/* --keep largest"),
        Step("dedupe --include near --reference pictures --media image --sheet copies.png"),
        Step("dedupe --similar --threshold 0.9 --media image"),
        Step("dedupe --media text --include near"),
        Step("dedupe --keep nothing"),
        text("dedupe --include near"),
        Step("dedupe --apply --include near --keep path:pictures/*"),
        Step("quarantine list"),
        text("quarantine list"),
        Step("ls --under copies"),
        Step("quarantine list -w nowhere"),
        Step("quarantine restore 1"),
        Step("quarantine restore copies/again.jpg"),
        Step("quarantine restore 99"),
        Step("quarantine restore"),
        Step("quarantine list"),
        Step("quarantine purge --older-than 30d --yes"),
        Step("quarantine purge --older-than soon --yes"),
        Step("quarantine purge --older-than 0"),
        Step("undo"),
        Step("undo"),
        Step("quarantine restore --all"),
        Step("dedupe --apply --media text"),
        Step("quarantine purge --older-than 0 --yes"),
        Step("undo"),
        Step("quarantine list"),
        Step("dedupe"),
    ],
    "10-texts": [
        Step("complete 今天"),
        rough(f"pretrain lstm-clm {MODEL}"),
        rough(f"pretrain lstm-clm {MODEL}"),
        Step("pretrain lstm-clm -o nothing=1"),
        Step("pretrain ngram"),
        Step("pretrain nothing"),
        Step("pretrain lstm-clm --corpus nowhere.txt"),
        rough("encode -e lstm-clm"),
        rough("similar --text 下雨 -k 2 -e lstm-clm --under texts"),
        rough(f"pretrain lstm-clm --corpus sentences.txt {MODEL}"),
        rough("encoders"),
        rough("complete 今天 --top 2"),
        rough("complete 今天 --length 3"),
        Step("complete 今天 --length 3 --temperature -1"),
    ],
    "11-history": [
        Step("log"),
        text("log --limit 4"),
        Step("label later id:5 id:6"),
        Step("undo"),
        Step("undo 50"),
        Step("undo 49"),
        Step("undo 49"),
        Step("undo 45"),
        Step("undo 999"),
        Step("undo 2"),
        Step("log --limit 3"),
        text("undo 10"),
        Step("check"),
        Step("check", before=damaged),
        Step("check --repair"),
        Step("check"),
        text("check"),
        Step("backup kept.tar"),
        Step("backup kept.tar"),
        Step("backup kept.tar --force"),
        Step("restore kept.tar --to restored"),
        Step("restore kept.tar --to restored"),
        Step("add pictures texts copies"),
        Step("status"),
        Step("ls"),
        Step("trust"),
        Step("trust --yes --forget"),
        Step("relocate pictures nowhere"),
        Step("relocate nothing pictures"),
        text("relocate pictures nowhere --anyway"),
        Step("undo"),
        Step("forget id:1"),
        text("forget id:1 --yes"),
        Step("undo"),
        Step("ls --limit 2"),
    ],
    "12-plugins": [
        Step("plugins"),
        text("plugins --traceback nothing"),
        Step("plugins check prototype"),
        Step("plugins check folder"),
        Step("plugins check nothing"),
        Step("plugins new my-head --kind head"),
        Step("plugins new my-head --kind head"),
        Step("plugins new my-thing --kind thing"),
        Step("describe undo"),
        Step("describe plugins new"),
        text("describe"),
        text("describe classify"),
        Step("describe nothing"),
        text("--nothing"),
    ],
    "13-select": [
        Step("""ls --where 'label:kind/checks or (media:text text~"WHAT" -id:60..)' --limit 9"""),
        text("ls --where 'under:pictures/dots -label:round'"),
        Step("ls --where 'group:kind width>=64 size<1M -missing' --limit 2"),
        Step("ls --under pictures/dots --under pictures/stripes --media image --save lines"),
        text("ls --where '@lines name:7.*' --save sevens"),
        text("ls --where '@sevens' --save lines"),
        Step("ls --where '@line'"),
        Step("saved"),
        Step("similar pictures/dots/1.png -k 2 --where '@lines'"),
        text("saved --remove sevens"),
        text("saved --remove sevens"),
        text("saved"),
        Step("undo"),
        Step("ls --where 'lable:dots'"),
        Step("ls --where 'label:dotz'"),
        Step("ls --where 'under:nowhere'"),
        Step("ls --where 'width>=wide'"),
        Step("ls --where '(label:round'"),
        Step("ls --where ''"),
    ],
    "14-split": [
        Step("train --group kind --split"),
        Step("split --by kind --train 0.6 --val 0.2 --test 0.2"),
        text("split"),
        Step("ls --where 'split:test' --limit 2"),
        text("show pictures/dots/0.png"),
        Step("train --group kind --split --head prototype"),
        Step("split --anew --media image --together folder --train 0.5 --test 0.5"),
        Step("audit --check leak"),
        Step("split --repair"),
        Step("undo"),
        Step("split --train 0.5"),
        Step("split --by nothing"),
        Step("split --together nothing"),
        Step("ls --where 'split:tset'"),
    ],
    "15-rows": [
        Step("add twice.csv --text-column body --no-encode", before=data.rows_that_repeat),
        Step("dedupe --under twice.csv"),
        text("dedupe --under twice.csv --apply"),
        Step("quarantine list"),
        text("quarantine list"),
        Step("ls --under twice.csv"),
        Step("export cleaned --format table --under twice.csv"),
        text("quarantine restore twice.csv"),
        Step("undo"),
    ],
    "16-export": [
        Step("export"),
        Step("export set"),
        Step("export set --format nothing"),
        Step("export set --format imagefolder"),
        Step("export set --format imagefolder --by kind"),
        text("export set --format imagefolder --by kind"),
        Step("export set --format coco --force --link hard"),
        Step("check set"),
        text("check set"),
        Step("check pictures"),
        Step("export pictures/set --format csv"),
        text("export table --format csv --media text --by topic"),
        Step("export words --format webdataset --media text --by topic"),
    ],
    "17-vectors": [
        Step("import --vectors weather.npy --space mine", before=made_elsewhere),
        text("import --vectors weather.npy --space mine"),
        Step("import --vectors weather.npy --space mine@2"),
        Step("import --vectors nothing.npy --space mine"),
        Step("import"),
        Step("similar texts/weather/1.txt -k 2 -e imported:mine"),
        Step("similar --text 下雨 -e imported:mine"),
        Step("encode -e imported:mine"),
        Step("encoders --use imported:mine"),
        Step("encoders"),
        Step("export within --format vectors --media text"),
    ],
}


Said = tuple[int, str, str]
"""The exit code, stdout and stderr."""


def here(step: Step) -> Said:
    """Run a step in this process."""
    done = CliRunner().invoke(cli, step.arguments, prog_name="curator", input=step.stdin)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    described.hold(step.arguments, done.stdout)
    return done.exit_code, done.stdout, done.stderr


def told(folder: Path, run: Callable[[Step], Said] = here) -> Iterator[tuple[str, list[Lines]]]:
    """Run everything below an empty folder: each chapter with the lines of each of its steps.

    Runs on one thread of torch, so that sums are made in one order on all machines with as many threads or more.
    """
    data.make(folder)
    normal = Normal(folder)
    with _inside(folder), _one_thread():
        for chapter, steps in CHAPTERS.items():
            yield chapter, [_lines(step, folder, normal, run) for step in steps]


def _lines(step: Step, folder: Path, normal: Normal, run: Callable[[Step], Said]) -> Lines:
    step.before(folder)
    code, stdout, stderr = run(step)
    out = [{"out": json.loads(line) if line.startswith("{") else line} for line in stdout.splitlines()]
    err = [{"err": line} for line in stderr.splitlines()]
    return [{"$": shlex.join(step.arguments), "exit": code}, *normal.lines([*out, *err])]


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    # Some tables end where a terminal of this width would.
    before, kept = Path.cwd(), dict(os.environ)
    for name in kept:
        if name.startswith("CURATOR_"):
            del os.environ[name]
    os.environ.update(COLUMNS="400", XDG_CACHE_HOME=str(folder / "no-cache"), XDG_STATE_HOME=str(folder / "state"))
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
        os.environ.clear()
        os.environ.update(kept)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
