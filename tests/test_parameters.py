"""From a dataclass and loose values to bound parameters."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.api import Argument, ItemSet, LabelName, Option, Query
from curator.errors import BadInput
from curator.registry.parameters import bind, parameters


@dataclass(frozen=True)
class Params:
    query: Annotated[Query, Argument(help="what")]
    k: Annotated[int, Option("-k", min=1, max=100)] = 10
    share: Annotated[float, Option(min=0, max=1)] = 0.5
    mode: Annotated[str, Option(choices=("fast", "exact"))] = "fast"
    deep: bool = False
    names: Annotated[tuple[str, ...], Option(choices=("one", "two", "three"))] = ("one",)
    label: Annotated[LabelName | None, Option()] = None
    among: ItemSet = field(default_factory=ItemSet)


def given_values(**values):
    return bind(Params, {"query": "a.png", **values})


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ({"k": "7"}, ("k", 7)),
        ({"k": 7.0}, ("k", 7)),
        ({"k": 1}, ("k", 1)),
        ({"k": 100}, ("k", 100)),
        ({"k": None}, ("k", 10)),
        ({"share": "0.25"}, ("share", 0.25)),
        ({"share": 1}, ("share", 1.0)),
        ({"mode": "exact"}, ("mode", "exact")),
        ({"deep": "yes"}, ("deep", True)),
        ({"deep": "FALSE"}, ("deep", False)),
        ({"deep": True}, ("deep", True)),
        ({"names": ["two", "three"]}, ("names", ("two", "three"))),
        ({"names": "two"}, ("names", ("two",))),
        ({"names": ()}, ("names", ("one",))),
        ({"label": "cat"}, ("label", "cat")),
        ({}, ("among", ItemSet())),
    ],
    ids=str,
)
def test_values_are_converted(values, wanted):
    name, value = wanted
    bound = getattr(given_values(**values), name)
    assert bound == value
    assert type(bound) is type(value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"k": "many"}, "k takes a whole number, not 'many'"),
        ({"k": 2.5}, r"k takes a whole number, not 2\.5"),
        ({"k": True}, "k takes a whole number, not True"),
        ({"k": float("inf")}, "k takes a whole number, not inf"),
        ({"k": [1]}, "k takes a whole number"),
        ({"k": 2**63}, f"k takes a whole number of 64 bits, not {2**63}"),
        ({"k": f"-{10**30}"}, f"k takes a whole number of 64 bits, not '-{10**30}'"),
        ({"k": 0}, "k must be at least 1, not 0"),
        ({"k": 101}, "k must be at most 100, not 101"),
        ({"share": "half"}, "share takes a number, not 'half'"),
        ({"share": "nan"}, "share takes a number, not 'nan'"),
        ({"share": 1.5}, r"share must be at most 1, not 1\.5"),
        ({"mode": "slow"}, "mode must be one of fast, exact, not 'slow'"),
        ({"names": ["two", "four"]}, "names must be one of one, two, three, not 'four'"),
        ({"deep": "perhaps"}, "deep takes yes or no, not 'perhaps'"),
        ({"kk": 1}, "no parameter 'kk'"),
        ({"shrae": 1}, "did you mean 'share'"),
        ({"query": None}, "query is missing"),
    ],
    ids=str,
)
def test_what_cannot_be_is_named(values, message):
    with pytest.raises(BadInput, match=message):
        given_values(**values)


@given(st.floats() | st.integers() | st.text() | st.none() | st.booleans() | st.binary())
def test_a_bound_number_is_within_its_bounds_whatever_was_given(value):
    for name, kind, least, most in (("k", int, 1, 100), ("share", float, 0, 1)):
        try:
            bound = getattr(given_values(**{name: value}), name)
        except BadInput as error:
            assert name in str(error)
        else:
            assert type(bound) is kind and least <= bound <= most


def test_domain_types_are_resolved_by_the_caller():
    seen = []

    def resolve(parameter, value):
        seen.append((parameter.name, value))
        return value.upper()

    bound = bind(Params, {"query": "a.png", "label": "cat", "k": 3}, resolve)
    assert seen == [("query", "a.png"), ("label", "cat")]
    assert (bound.query, bound.label, bound.k) == ("A.PNG", "CAT", 3)


def test_of_several_queries_one_is_the_question_and_others_may_stand_for_it():
    @dataclass(frozen=True)
    class Several:
        query: Annotated[tuple[Query, ...], Argument(instead=("words",))]
        words: Annotated[tuple[Query, ...], Option(words=True)] = ()
        minus: tuple[Query, ...] = ()

    assert [parameter.is_question for parameter in parameters(Several)] == [True, False, False]
    assert bind(Several, {"query": "a.png"}) == bind(Several, {"query": ["a.png"]}) == Several(("a.png",))
    assert bind(Several, {"words": ["red"], "query": ()}) == Several((), ("red",))
    for lacking in ({}, {"query": ()}, {"minus": ["a.png"]}):
        with pytest.raises(BadInput, match="query is missing"):
            bind(Several, lacking)


def test_parameters_are_described_in_order():
    found = {parameter.name: parameter for parameter in parameters(Params)}
    assert list(found) == ["query", "k", "share", "mode", "deep", "names", "label", "among"]
    assert [name for name, parameter in found.items() if parameter.required] == ["query"]
    assert (found["label"].type, found["label"].default) == (LabelName, None)
    assert isinstance(found["query"].how, Argument) and found["k"].how.flag == "-k"


def test_what_cannot_become_an_option_is_refused():
    @dataclass(frozen=True)
    class OfPath:
        path: Path

    @dataclass(frozen=True)
    class OfTwo:
        value: int | str = 1

    refused = {OfPath: "cannot become an option", OfTwo: "more than one type", dict: "must be a dataclass"}
    for params, message in refused.items():
        with pytest.raises(TypeError, match=message):
            parameters(params)


def test_a_name_that_python_keeps_for_itself_ends_in_an_underscore():
    @dataclass(frozen=True)
    class Keyword:
        class_: Annotated[str | None, Option()] = None
        not_too_many: Annotated[int, Option()] = 1

    assert [parameter.flags for parameter in parameters(Keyword)] == [("--class",), ("--not-too-many",)]
    assert bind(Keyword, {"class_": "cat"}).class_ == "cat"


def test_old_names_stand_for_the_new_one_and_clash_with_nothing():
    @dataclass(frozen=True)
    class Renamed:
        heatmap: Annotated[str | None, Option(was=("--out", "-o"))] = None
        many: Annotated[tuple[str, ...], Option(was=("--several-names",))] = ()

    assert bind(Renamed, {"out": "a"}) == bind(Renamed, {"o": "a"}) == Renamed("a")
    assert bind(Renamed, {"several_names": ("a", "b"), "many": ()}) == Renamed(many=("a", "b"))
    assert bind(Renamed, {"out": None, "heatmap": "a"}) == Renamed("a")
    with pytest.raises(BadInput, match="out is called heatmap now: give one of the two"):
        bind(Renamed, {"out": "a", "heatmap": "a"})

    @dataclass(frozen=True)
    class Clashing:
        out: Annotated[str | None, Option()] = None
        heatmap: Annotated[str | None, Option(was=("--out",))] = None

    with pytest.raises(TypeError, match="two fields of Clashing become --out"):
        parameters(Clashing)

    @dataclass(frozen=True)
    class Bare:
        heatmap: Annotated[str | None, Option(was=("out",))] = None

    with pytest.raises(TypeError, match="'out' was no option"):
        parameters(Bare)
