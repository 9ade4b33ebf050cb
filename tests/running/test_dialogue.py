"""Questions of actions, answered from Python: what is kept, corrected, skipped, and taken back."""

from __future__ import annotations

import dataclasses

import pytest
from fakes import dump, picture
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curator.api import ActionSpec, Ask, FittedHead, Model, NoParams, TargetRef
from curator.catalog.labels import Labels
from curator.errors import BadInput, NotFound, PluginError
from curator.history.journal import Journal
from curator.registry.loader import Loaded, Origin
from curator.running.dialogue import Dialogue, Step, moved


def one_by_one(context, params):
    """About every item in turn, two in each round."""
    left = [item for item in context.items() if item.id not in context.asked()]
    yield from (Ask(item, context.target("red", None), "is it red?") for item in left[:2])


def of_a_group(context, params):
    left = [item for item in context.items() if item.id not in context.asked()]
    yield from (Ask(item, context.target(None, "colour"), "which colour?", ("red", "blue")) for item in left[:2])


@pytest.fixture
def quiz(ws, photos):
    """`quiz(plan)` makes its action known in a workspace of six pictures, `red` being a label and `colour` a group."""
    for number in range(6):
        picture(photos / f"{number}.png", number)
    ws.add(photos)
    ws.label("red", ["id:1"])
    ws.label("red", ["id:1"], None)
    ws.label("blue", ["id:1"], group="colour")
    ws.label("blue", ["id:1"], None, group="colour")
    taken = []

    def known(plan):
        if plan not in taken:
            taken.append(plan)
            spec = ActionSpec("quiz", "asks", NoParams, plan, asks=True)
            ws.registry.take(Loaded(Origin("quiz", "", "quiz", "0"), (spec,)))
        return ws

    return known


def in_turn(*answers):
    """An asker that gives these, and remembers what it was asked."""
    left = iter(answers)

    seen = []

    def ask(question, standing):
        seen.append((question.item.id, standing.number, standing.answered, standing.answer))
        return next(left)

    ask.seen = seen
    return ask


def said(ws, label="red"):
    return ws.labels.said_of(label, [1, 2, 3, 4, 5, 6])


def runs(ws):
    return [(row["command"], row["state"]) for row in ws.database.rows("SELECT * FROM run ORDER BY id")]


def test_each_answer_is_a_label_said_by_a_person_in_one_run_that_undo_takes_back(quiz):
    ws = quiz(one_by_one)
    before, many = dump(ws), len(runs(ws))
    asker = in_turn(True, False, None, True, Step.QUIT)
    assert ws.run("quiz", asker=asker) == []
    assert said(ws) == ["positive", "negative", "", "positive", "", ""]
    assert {row["source"] for row in ws.database.rows("SELECT source FROM statement")} == {3}
    assert runs(ws)[many:] == [("quiz", "done")]
    assert ws.reporter.said[-1] == "3 answers (2 yes, 1 no, 1 skipped); `curator undo` takes the answers back"
    ws.undo()
    assert dump(ws) == before


def test_it_ends_when_nothing_is_left_and_says_so(quiz):
    ws = quiz(one_by_one)
    asker = in_turn(*[True] * 6)
    ws.run("quiz", asker=asker)
    assert [item for item, *_ in asker.seen] == [1, 2, 3, 4, 5, 6]
    assert ws.reporter.said[-2] == "nothing is left to ask"


def test_it_ends_at_the_count_which_skipped_ones_do_not_add_to(quiz):
    ws = quiz(one_by_one)
    ws.run("quiz", asker=in_turn(None, True, None, False), count=2)
    assert said(ws) == ["", "positive", "", "negative", "", ""]


def test_back_corrects_also_in_the_round_before_and_enter_keeps(quiz):
    ws = quiz(one_by_one)
    asker = in_turn(True, True, Step.BACK, Step.BACK, Step.BACK, False, True, None, Step.QUIT)
    ws.run("quiz", asker=asker)
    assert said(ws) == ["negative", "positive", "", "", "", ""]
    assert asker.seen == [
        (1, 1, False, None),
        (2, 2, False, None),
        (3, 3, False, None),
        (2, 2, True, True),
        (1, 1, True, True),
        (1, 1, True, True),  # there is nothing before the first
        (2, 2, True, True),
        (3, 3, False, None),
        (4, 3, False, None),  # what was skipped does not count
    ]


def test_an_answer_can_be_taken_back_by_skipping(quiz):
    ws = quiz(one_by_one)
    ws.run("quiz", asker=in_turn(True, Step.BACK, None, Step.QUIT))
    assert said(ws) == [""] * 6


def test_of_a_group_another_label_takes_the_place_of_the_first_and_a_new_one_is_made(quiz):
    ws = quiz(of_a_group)
    ws.run("quiz", asker=in_turn("blue", Step.BACK, "green", "blue", Step.BACK, None, Step.QUIT))
    assert ws.labels.of_items([1, 2]) == {1: ["green"]}
    assert ws.labels.find("green").group == "colour"


def test_of_a_group_none_of_these_denies_every_label_that_there_is_until_it_is_corrected(quiz):
    ws = quiz(of_a_group)
    ws.label("green", ["id:6"], group="colour")  # which is not among the choices
    before, asker = dump(ws), in_turn(False, "blue", Step.BACK, Step.BACK, Step.BACK, "red", False, None, Step.QUIT)
    ws.run("quiz", asker=asker)
    assert [entry[2:] for entry in asker.seen[3:5]] == [(True, "blue"), (True, False)]
    denied = ws.labels.denied(ws.labels.target(group="colour"))
    assert denied == {2: {"red", "blue", "green"}} and ws.labels.of_items([1, 2, 3]) == {1: ["red"]}
    counts = ws.labels.examples(ws.labels.target(group="colour")).counts
    assert sum(counts) == 2
    ws.undo()
    assert dump(ws) == before


@given(answers=st.lists(st.one_of(st.booleans(), st.none(), st.just(Step.BACK)), max_size=20))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_answered_and_corrected_the_last_word_holds_and_undo_takes_it_back(quiz, answers):
    """Against a plain list of answers with a cursor in it."""
    ws = quiz(one_by_one)
    before, many = dump(ws), len(runs(ws))
    kept, at, left = [None] * 6, 0, [*answers, Step.QUIT]
    for answer in answers:
        if at < 6 and answer is not Step.BACK:
            kept[at] = answer
        at = max(0, at - 1) if answer is Step.BACK else at + 1
        if at == 6:
            break
    ws.run("quiz", asker=lambda ask, standing: left.pop(0))
    assert said(ws) == [{True: "positive", False: "negative", None: ""}[answer] for answer in kept]
    if len(runs(ws)) > many:
        ws.undo()
    assert dump(ws) == before


def test_others_may_write_while_it_asks_and_each_run_stays_whole(quiz, tmp_path):
    ws = quiz(one_by_one)
    before, many = dump(ws), len(runs(ws))

    def asker(ask, standing):
        if standing.number == 2:
            assert not ws._turn._is_ours(), "the workspace is kept from others while a person thinks"
            assert runs(ws)[-1] == ("quiz", "done")
            other = Journal(ws.database, "label", {})
            Labels(ws.database).say(other, [6], Labels(ws.database).find("red").id, 1, 3)
            other.finish("done")
        return [True, False, Step.QUIT][standing.number - 1]

    ws.run("quiz", asker=asker)
    assert runs(ws)[many:] == [("quiz", "done"), ("label", "done"), ("quiz", "done")]
    assert said(ws) == ["positive", "negative", "", "", "", "positive"]
    for _ in range(3):
        ws.undo()
    assert dump(ws) == before


def test_without_an_asker_the_first_round_is_rows_and_nothing_is_written(quiz):
    ws = quiz(of_a_group)
    before = dump(ws)
    rows = ws.run("quiz")
    assert [(row["kind"], row["id"], row["choices"]) for row in rows] == [
        ("question", 1, ["red", "blue"]),
        ("question", 2, ["red", "blue"]),
    ]
    assert len(ws.run("quiz", count=1)) == 1
    assert dump(ws) == before


def test_the_standing_counts_what_is_labelled_with_each_answer_and_correction(quiz):
    ws = quiz(one_by_one)
    answers, seen = iter([True, False, Step.BACK, None, True, Step.QUIT]), []

    def asker(ask, standing):
        seen.append(standing.counts)
        examples = ws.labels.examples(ws.labels.target(label="red"))
        assert standing.counts == dict(zip(examples.classes, examples.counts, strict=True))
        return next(answers)

    ws.run("quiz", asker=asker)
    assert [tuple(counts.values()) for counts in seen] == [(0, 0), (0, 1), (1, 1), (1, 1), (0, 1), (0, 2)]


def test_what_an_asker_gives_must_fit_the_question(quiz):
    ws = quiz(one_by_one)
    before = dump(ws)
    with pytest.raises(BadInput, match=r"is it red\? takes True or False, or None to leave it out, not 'yes'"):
        ws.run("quiz", asker=lambda ask, standing: "yes")
    assert dump(ws) == before


def test_what_an_asker_gives_of_a_group_must_fit_the_question(quiz):
    ws = quiz(of_a_group)
    before = dump(ws)
    for wrong in (True, 0):
        with pytest.raises(
            BadInput, match=rf"takes the name of a label, False for none of them, or None .*not {wrong}"
        ):
            ws.run("quiz", asker=lambda ask, standing, wrong=wrong: wrong)
    assert dump(ws) == before


def test_an_action_that_asks_again_and_again_ends(quiz):
    ws = quiz(
        lambda context, params: (Ask(item, context.target("red", None), "is it red?") for item in context.items())
    )
    asker = in_turn(*[None] * 6)
    ws.run("quiz", asker=asker)
    assert len(asker.seen) == 6


def test_questions_about_what_is_not_there(quiz):
    ws = quiz(lambda context, params: (Ask(item, TargetRef("label", 99, "rad"), "is it?") for item in context.items()))
    with pytest.raises(NotFound, match="did you mean 'red'"):
        ws.run("quiz", asker=in_turn(True))


def test_an_action_that_does_not_say_that_it_asks_may_not(quiz):
    ws = quiz(one_by_one)
    spec = dataclasses.replace(ws.registry.get(ActionSpec, "quiz"), name="sly", asks=False)
    ws.registry.take(Loaded(Origin("sly", "", "sly", "0"), (spec,)))
    with pytest.raises(PluginError, match="does not say asks"):
        ws.run("sly")


def test_the_figure_that_is_followed_is_told_with_the_one_before():
    model = Model(1, "m", "m", "", 1, 8, ("image",), "f")
    dialogue = Dialogue(lambda ask, standing: Step.QUIT, None, None, None, lambda: None)
    for value, items in ((0.5, 7), (0.75, 12)):
        metrics = {"items": items, "accuracy": 0.9, "average precision": value}
        dialogue.measure(
            FittedHead(1, TargetRef("label", 1, "x"), 1, "h", model, ("not x", "x"), (5, 2), metrics, False)
        )
    assert dialogue.told() == "0 answers; held out: average precision 0.500 -> 0.750 on 12 items"
    metrics = {"items": 20, "average precision": 0.4}
    dialogue.measure(FittedHead(1, TargetRef("label", 1, "x"), 1, "h", model, ("not x", "x"), (5, 2), metrics, False))
    assert "0.500 -> 0.400 on 20 items, among them those asked about, which are hard" in dialogue.told()
    assert moved(None, dialogue._figures[0]) == "average precision 0.500 on 7 items"
