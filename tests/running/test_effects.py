"""A kind of output is one module and one line of a table: proven with one that stands here, in the real command."""

from __future__ import annotations

import cli_kit
import pytest
from plugin_kit import Site, action

from curator import api
from curator.running.outputs import EFFECTS

ALIKE = """
from curator.registry.validation import Breach
from curator.reporter import count
from curator.running.effects.effect import Effect
from curator.running.outputs import EFFECTS

@dataclass(frozen=True, slots=True)
class Alike(Output):
    metric: str
    one: int
    other: int

class PairsMarked(Effect[Alike]):
    of = Alike
    marked = 0

    @staticmethod
    def check(output, spec):
        if output.one == output.other:
            raise Breach(f"gave an Alike of item {output.one} with itself")

    def apply(self, output):
        parts, journal = self.work.parts, self.work.journal
        journal.take_turn()
        parts.pairs.say(journal, output.metric, parts.items.by_ids([output.one, output.other]), True)
        self.marked += 1
        return [Finding("marked", {"ids": [output.one, output.other]})]

    def summary(self):
        if self.marked:
            yield f"{count(self.marked, 'pair')} marked as alike; `curator undo` takes it back"

EFFECTS.append(PairsMarked)

@dataclass(frozen=True)
class Stranger(Output):
    pass

def plan(context, params):
    first, *others = context.items()
    if params.wrong:
        yield {"itself": Alike("taste", 1, 1), "type": Alike("taste", "1", 2), "stranger": Stranger()}[params.wrong]
    for item in others:
        yield Alike("taste", first.id, item.id)

""" + action(
    "twins",
    'wrong: Annotated[str, Option(help="What is wrong.")] = ""',
    plan="plan",
    tables="(Table('marked', 'Marked', (Column('ids', 'the two'),)),)",
)


@pytest.fixture
def site(tmp_path):
    """Where curator knows that kind, with three texts."""
    for name in ("site", "folder"):
        (tmp_path / name).mkdir()
    site = Site(tmp_path / "site", tmp_path / "folder")
    site.lay("twins", ALIKE)
    cli_kit.texts(site.folder / "texts", 3)
    assert site.run("add", "texts", "--no-encode").code == 0
    return site


def marked(site):
    return [(row["metric"], row["alike"]) for row in site.run("metrics", "--json").rows if row["kind"] == "metric"]


def test_a_kind_of_its_own_is_applied_summarised_undone_and_done_again(site):
    ran = site.run("twins", "--json")
    assert (ran.code, [row["ids"] for row in ran.rows]) == (0, [[1, 2], [1, 3]])
    assert ran.err == "2 pairs marked as alike; `curator undo` takes it back\n"
    assert marked(site) == [("taste", 2)]
    assert [row["command"] for row in site.run("log", "--json").rows] == ["twins", "add"]
    assert "run 2 (twins) is undone: 2 rows put back" in site.run("undo").out
    assert marked(site) == []
    assert site.run("undo", "3").code == 0
    assert marked(site) == [("taste", 2)]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("itself", "failed at planning twins: gave an Alike of item 1 with itself"),
        ("type", "failed at planning twins: Alike: one is str '1', not int"),
        ("stranger", "failed at planning twins: gave Stranger Stranger(), not Finding"),
    ],
)
def test_it_is_checked_before_anything_is_done(site, wrong, words):
    ran = site.run("twins", "--wrong", wrong)
    assert ran.code == 6 and words in ran.err and "Traceback" not in ran.err, ran
    assert marked(site) == [] and [row["command"] for row in site.run("log", "--json").rows] == ["add"]


def test_each_kind_that_plugins_can_yield_has_what_becomes_of_it():
    kinds = [kind for kind in vars(api).values() if isinstance(kind, type) and issubclass(kind, api.Output)]
    kinds = [kind for kind in kinds if kind not in (api.Output, api.Listing)]  # a listing is so many findings
    assert sorted(kind.__name__ for kind in kinds) == sorted(effect.of.__name__ for effect in EFFECTS)
