"""Find a chapter's exercises, and judge what a check says about an answer.

An exercise in code is a pair of cells with nbgrader's metadata: the answer cell ``exN-answer``,
whose solution stands between two marker lines, and the check cell ``exN-check``. The answer cell's
metadata lists wrong answers, each the code that takes the solution's place.
"""

import ast
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

from tools.chapters import source_of

BEGIN = "### BEGIN SOLUTION"
END = "### END SOLUTION"
STUB = 'raise NotImplementedError("Exercise: replace this line with your answer")'
SHORTEST_MESSAGE = 20
_ANSWER = re.compile(r"ex(\d+)-answer")


@dataclass(frozen=True)
class Failure:
    """An exception in a kernel: its type's name, and its message."""

    name: str
    message: str

    def __str__(self) -> str:
        return f"{self.name}: {self.message}" if self.message else self.name


@dataclass(frozen=True)
class Exercise:
    """One exercise in code.

    Attributes:
        number: as in its heading.
        answer: the source of the answer cell, solution included.
        check: the source of the check cell.
        check_index: the check cell's place among all cells.
        wrong_answers: code that takes the solution's place.
    """

    number: int
    answer: str
    check: str
    check_index: int
    wrong_answers: tuple[str, ...]

    def attempts(self) -> list[tuple[str, str]]:
        """Return (what it is, source of the answer cell) for the stub and each wrong answer."""
        wrong = [(f"wrong answer {n}", code) for n, code in enumerate(self.wrong_answers, start=1)]
        return [
            (what, replace_solution(self.answer, code))
            for what, code in [("the stub", STUB), *wrong]
        ]


def replace_solution(source: str, code: str) -> str:
    """Return an answer cell's source with ``code`` between the markers, indented like them.

    Raises:
        ValueError: if there is not exactly one pair of marker lines.
    """
    lines = source.splitlines()
    begins = [index for index, line in enumerate(lines) if line.strip() == BEGIN]
    ends = [index for index, line in enumerate(lines) if line.strip() == END]
    if len(begins) != 1 or len(ends) != 1 or begins[0] > ends[0]:
        raise ValueError(
            f"an answer cell needs one line {BEGIN!r} and after it one line {END!r}; "
            f"found {len(begins)} and {len(ends)} in\n{source}"
        )
    indent = lines[begins[0]].removesuffix(BEGIN)
    body = textwrap.indent(textwrap.dedent(code).strip("\n"), indent).splitlines()
    return "\n".join([*lines[: begins[0] + 1], *body, *lines[ends[0] :]])


def grade_id(cell: dict) -> str:
    """Return a cell's nbgrader id, or an empty text."""
    return cell["metadata"].get("nbgrader", {}).get("grade_id", "")


def exercises(notebook: dict) -> list[Exercise]:
    """Return the exercises in code of a notebook, in order.

    Raises:
        ValueError: if an answer cell in code has no check cell.
    """
    cells = notebook["cells"]
    places = {grade_id(cell): index for index, cell in enumerate(cells) if grade_id(cell)}
    found = []
    for identifier, index in places.items():
        match = _ANSWER.fullmatch(identifier)
        cell = cells[index]
        if match is None or cell["cell_type"] != "code":
            continue
        number = int(match.group(1))
        if f"ex{number}-check" not in places:
            raise ValueError(f"exercise {number} has no cell with the grade_id 'ex{number}-check'")
        check_index = places[f"ex{number}-check"]
        wrong = tuple(cell["metadata"].get("companion", {}).get("wrong_answers", ()))
        found.append(
            Exercise(number, source_of(cell), source_of(cells[check_index]), check_index, wrong)
        )
    return found


def reject_wrong_answers(exercise: Exercise, execute: Callable[[str], Failure | None]) -> list[str]:
    """Try the stub and the wrong answers of an exercise, then its solution; return the problems.

    Args:
        exercise: what to try.
        execute: runs code in a kernel that has executed the notebook up to the check cell, and
            returns the exception, or None. Afterwards the kernel holds the solution again.
    """
    problems = []
    for what, answer in exercise.attempts():
        failure, in_check = execute(answer), False
        if failure is None:
            failure, in_check = execute(exercise.check), True
        problem = _judge(what, failure, in_check, exercise.check)
        if problem is not None:
            problems.append(f"{what}: {problem}")
    failure = execute(exercise.answer) or execute(exercise.check)
    if failure is not None:
        problems.append(f"the solution no longer passes after the wrong answers: {failure}")
    return problems


def _judge(what: str, failure: Failure | None, in_check: bool, check: str) -> str | None:
    """Return what is wrong with the way an attempt was rejected, or None if it was done well."""
    if failure is None:
        return "the check accepts it"
    if what == "the stub" and failure.name == "NotImplementedError":
        return None
    if not in_check:
        return f"it raises before the check can see it, {failure}"
    if failure.name != "AssertionError":
        return f"the check stops with {failure} instead of an AssertionError that helps"
    message = failure.message.strip()
    if len(message) < SHORTEST_MESSAGE or _squeezed(message) in _conditions(check):
        return f"the check's message {message!r} does not say what is wrong"
    return None


def _conditions(source: str) -> set[str]:
    """Return the conditions of the assert statements in a check cell, without spaces."""
    tree = ast.parse(source)
    return {_squeezed(ast.unparse(n.test)) for n in ast.walk(tree) if isinstance(n, ast.Assert)}


def _squeezed(text: str) -> str:
    return re.sub(r"[\s()]+", "", text).replace('"', "'")
