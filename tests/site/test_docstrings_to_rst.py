"""Plain docstrings become reStructuredText that says the same."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def to_rst(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(ROOT / "book" / "_ext"), *sys.path])
    from course_docstrings import to_rst

    return to_rst


def test_asterisks_and_underscores_mean_themselves(to_rst):
    assert to_rst(["(inputs, *hidden, a | b) and loss_"]) == [
        r"(inputs, \*hidden, a \| b) and loss\_"
    ]


def test_names_and_code_are_left_alone(to_rst):
    line = "learning_rate as in `f(*args)` and ``a | b``"
    assert to_rst([line]) == [line]


def test_an_indented_block_stands_as_it_is(to_rst):
    lines = ["The process:", "", "    area * 2", "", "and *so* on."]
    assert to_rst(lines) == ["The process::", "", "    area * 2", "", r"and \*so\* on."]


def test_sections_are_left_to_napoleon(to_rst):
    lines = ["Args:", "    n: how many.", "", "Returns:", "    A number."]
    assert to_rst(lines) == lines
