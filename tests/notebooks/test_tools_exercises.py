"""Exercises are found and judged: a check has to reject each wrong answer, and say why."""

from pathlib import Path

import pytest
from traitlets.config import PyFileConfigLoader

from tools.exercises import (
    STUB,
    Exercise,
    Failure,
    exercises,
    reject_wrong_answers,
    replace_solution,
)

ROOT = Path(__file__).resolve().parents[2]
ANSWER = """\
def double(x):
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION"""
GOOD_CHECK = 'assert double(3) == 6, f"double(3) should be 6, not {double(3)}"'


def _execute():
    """Return a stand-in for a kernel: a function that executes code and returns its failure."""
    space = {}

    def execute(source):
        try:
            exec(source, space)
        except Exception as error:
            return Failure(type(error).__name__, str(error))
        return None

    return execute


def _problems(check=GOOD_CHECK, wrong=("return x", "return x**2"), answer=ANSWER):
    return reject_wrong_answers(Exercise(1, answer, check, 1, wrong), _execute())


def test_exercises_are_found_in_order(tree):
    first, second = exercises(tree.chapter.notebook)
    assert (first.number, second.number) == (1, 2)
    assert tree.notebook.cells[first.check_index].source == first.check
    assert first.wrong_answers == ("return x", "y = 2 + x\nreturn y")
    assert "BEGIN SOLUTION" in first.answer


def test_an_answer_without_a_check_is_refused(tree):
    tree.notebook.cells.remove(tree.cell("assert triple"))
    tree.save()
    with pytest.raises(ValueError, match="'ex2-check'"):
        exercises(tree.chapter.notebook)


def test_the_solution_is_replaced_at_its_own_indentation():
    code = "\n    for _ in range(2):\n        x += x\n    return x\n"
    assert replace_solution(ANSWER, code) == (
        "def double(x):\n"
        "    ### BEGIN SOLUTION\n"
        "    for _ in range(2):\n"
        "        x += x\n"
        "    return x\n"
        "    ### END SOLUTION"
    )


@pytest.mark.parametrize(
    "source",
    [
        "return 1",
        "### BEGIN SOLUTION\nreturn 1",
        "### END SOLUTION\nreturn 1\n### BEGIN SOLUTION",
        "### BEGIN SOLUTION\n1\n### END SOLUTION\n### BEGIN SOLUTION\n2\n### END SOLUTION",
    ],
)
def test_a_cell_without_one_pair_of_markers_is_refused(source):
    with pytest.raises(ValueError, match="needs one line '### BEGIN SOLUTION'"):
        replace_solution(source, "pass")


def test_a_good_check_has_no_problems():
    assert _problems() == []


def test_numpys_messages_are_good_enough():
    check = "import numpy as np\nnp.testing.assert_allclose(double(3), 6)"
    assert _problems(check) == []


@pytest.mark.parametrize(
    ("check", "problem"),
    [
        ("assert double(3) > 2, 'a message that is long enough'", "the check accepts it"),
        ("assert double(3) == 6", "message '' does not say what is wrong"),
        ("assert double(3) == 6, 'wrong'", "message 'wrong' does not say"),
        (
            "assert (double(3) == 6  and  double(-3) == -6), 'double(3)==6 and (double(-3)== -6)'",
            "does not say what is wrong",
        ),
        ("assert double(3) == six", "stops with NameError"),
        ("raise ValueError('a message that is long enough')", "stops with ValueError"),
    ],
)
def test_a_poor_check_is_reported(check, problem):
    assert any("wrong answer 1" in line and problem in line for line in _problems(check))


def test_a_wrong_answer_that_does_not_run_is_reported():
    (problem,) = _problems(wrong=["return x", "return x +"])
    assert "wrong answer 2: it raises before the check can see it, SyntaxError" in problem


def test_a_check_that_accepts_the_stub_is_reported():
    check = "try:\n    double(3)\nexcept NotImplementedError:\n    pass\nelse:\n    " + GOOD_CHECK
    assert _problems(check) == ["the stub: the check accepts it"]


def test_a_stub_outside_a_function_may_stop_the_answer_cell():
    answer = "### BEGIN SOLUTION\nx = 6\n### END SOLUTION"
    check = 'assert x == 6, f"x should be the double of 3, not {x}"'
    assert _problems(check, ["x = 3", "x = 9"], answer) == []


def test_a_solution_that_no_longer_passes_is_reported():
    wrong = ["global calls; calls = True; return x", "return x**2"]
    check = GOOD_CHECK + "\nassert 'calls' not in globals(), 'the answer left something behind'"
    (problem,) = _problems(check, wrong)
    assert "the solution no longer passes after the wrong answers: AssertionError" in problem


def test_nbgrader_releases_the_same_stub():
    config = PyFileConfigLoader("nbgrader_config.py", path=str(ROOT)).load_config()
    assert config.ClearSolutions.code_stub == {"python": STUB}
    assert config.ClearSolutions.begin_solution_delimeter == "BEGIN SOLUTION"
    assert config.ClearSolutions.end_solution_delimeter == "END SOLUTION"
