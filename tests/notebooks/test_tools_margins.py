"""Margins are measured in the allowed direction, and measuring changes nothing."""

import contextlib
import io
import json

import pytest

from tools.margins import READ_SIDES, finite, split_cell


def _run(source, **names):
    """Execute a cell's pieces as the tools do; return (claims made, margins)."""
    made, margins = [], []
    space = {"claim": lambda text, condition, **_: made.append((text, bool(condition))), **names}
    for piece in split_cell(source):
        exec(piece.source, space)
        if piece.is_claim:
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(READ_SIDES, space)
            margins.append(piece.margin(finite(json.loads(printed.getvalue()))))
    return made, margins


@pytest.mark.parametrize(
    ("condition", "margin"),
    [
        ("x < 10", 0.5),  # 5 of room, relative to 10
        ("x <= 10", 0.5),
        ("x > 4", 0.25),
        ("4 < x", 0.25),
        ("4 < x < 10", 0.25),  # the smaller one of 0.25 and 0.5
        ("4 < x < 5.5", 0.5 / 5.5),
        ("x > 4 and y < 8", 0.125),  # y is 7
        ("x > 4 and ok and y < 100", 0.25),
        ("x < y", 2 / 7),  # neither is constant: the right side is the threshold
        ("x - y > -10", 0.8),
        ("x > 2 * 2", 0.25),
        ("x > 0", 5.0),  # nothing is relative to zero: the distance itself
        ("x > 6", -1 / 6),  # false
    ],
)
def test_margin_of_a_condition(condition, margin):
    made, margins = _run(f'claim("a", {condition})', x=5, y=7, ok=True)
    assert margins == [pytest.approx(margin)]
    assert made == [("a", margin > 0)]


@pytest.mark.parametrize("condition", ["x == 5", "ok", "not x > 7", "x in (5, 6)", "name > 'a'"])
def test_other_conditions_are_exact(condition):
    made, margins = _run(f'claim("a", {condition})', x=5, ok=True, name="b")
    assert margins == [None]
    assert made == [("a", True)]


def test_a_condition_given_by_name_is_measured():
    assert _run('claim("a", measured=3, condition=x < 10)', x=5)[1] == [0.5]


def test_sides_that_are_not_reached_are_left_out():
    made, margins = _run('claim("a", x < 1 < boom())', x=5)
    assert made == [("a", False)]
    assert margins == [-4.0]


def test_infinite_sides_have_no_margin():
    assert _run('claim("a", x < limit)', x=5, limit=float("inf"))[1] == [None]


def test_every_expression_runs_once_and_in_order():
    seen = []
    source = "note(1)\nclaim('a', note(2) < note(3))\nclaim('b', note(4) < 5)\nnote(6)"
    _run(source, note=lambda number: seen.append(number) or number)
    assert seen == [1, 2, 3, 4, 6]


def test_a_cell_is_cut_at_its_claims_and_nowhere_else():
    source = """\
# a comment
@decorate
def f(x):
    claim("inside a function", x > 1)
    return x; 

a = 1; b = '''two
lines'''
%timeit -n 1 f
claim("top", a < 2)
claim(f"{a}", True)
f(3);
"""
    pieces = split_cell(source)
    assert [piece.is_claim for piece in pieces] == [False, True, True, False]
    assert pieces[0].source.startswith("@decorate\ndef f(x):")
    assert "two\nlines" in pieces[0].source
    assert "get_ipython().run_line_magic('timeit'" in pieces[0].source
    assert [piece.text for piece in pieces[1:3]] == ["top", ""]
    assert pieces[3].source == "f(3)"


def test_what_is_not_python_is_refused():
    with pytest.raises(SyntaxError):
        split_cell("claim('a', 1 <)")
