"""Rules for a chapter's exercises."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tools.anatomy_text import section
from tools.chapters import Chapter
from tools.exercises import exercises, grade_id

FEWEST, MOST = 3, 5
FEWEST_IN_CODE = 2
FEWEST_WRONG_ANSWERS = 2
NBGRADER = {"schema_version": 3, "task": False}
ANSWER = {**NBGRADER, "grade": False, "solution": True, "locked": False}
CHECK = {**NBGRADER, "grade": True, "solution": False, "locked": True}
WRITTEN = {**NBGRADER, "grade": True, "solution": True, "locked": False}
HIDDEN = {
    "tags": ["hide-input"],
    "jupyter": {"source_hidden": True},
    "mystnb": {
        "code_prompt_show": "Show the solution",
        "code_prompt_hide": "Hide the solution",
    },
}


def exercises_are_numbered(root: Path, chapter: Chapter) -> Iterator[str]:
    """Three to five exercises are numbered from 1 under *Exercises*."""
    headings = re.findall(r"^### +(.+?)\s*$", section(chapter, "Exercises"), re.MULTILINE)
    headings = [text for text in headings if not re.match(r"(BEGIN|END) SOLUTION", text)]
    if not FEWEST <= len(headings) <= MOST:
        yield f"{len(headings)} exercises; expected {FEWEST} to {MOST}"
    for number, text in enumerate(headings, start=1):
        if not re.match(rf"Exercise {number}: \S", text):
            yield f"the heading {text!r}; expected 'Exercise {number}: …'"
        if not any(grade_id(cell) == f"ex{number}-answer" for cell in chapter.cells):
            yield f"exercise {number} has no cell with the grade_id 'ex{number}-answer'"


def grading_is_consistent(root: Path, chapter: Chapter) -> Iterator[str]:
    """The nbgrader metadata of answers and checks is complete, and each id stands once."""
    identifiers = Counter(filter(None, map(grade_id, chapter.cells)))
    for identifier, count in identifiers.items():
        if count > 1:
            yield f"{count} cells have the grade_id {identifier!r}"
    for place, cell in enumerate(chapter.cells):
        if "nbgrader" in cell["metadata"]:
            yield from _wrong_settings(place, cell)


def _wrong_settings(place: int, cell: dict) -> Iterator[str]:
    settings = dict(cell["metadata"]["nbgrader"])
    identifier = settings.pop("grade_id", "")
    points = settings.pop("points", None)
    if not re.fullmatch(r"ex\d+-(answer|check)", identifier):
        yield f"cell {place} has the grade_id {identifier!r}; expected 'ex1-answer' or 'ex1-check'"
        return
    wanted = CHECK if identifier.endswith("check") else ANSWER
    if cell["cell_type"] == "markdown":
        wanted = WRITTEN
    if settings != wanted:
        yield f"cell {place} has nbgrader metadata {settings}; expected {wanted}"
    if wanted["grade"] and not (isinstance(points, int) and points > 0):
        yield f"cell {place} gives {points!r} points; expected a whole number above 0"


def code_exercises_are_whole(root: Path, chapter: Chapter) -> Iterator[str]:
    """At least two exercises are in code: hidden answer, check below it, two wrong answers."""
    try:
        found = exercises(chapter.notebook)
    except ValueError as error:
        yield str(error)
        return
    if len(found) < FEWEST_IN_CODE:
        yield f"{len(found)} exercises in code; expected at least {FEWEST_IN_CODE}"
    for exercise in found:
        answer = chapter.cells[exercise.check_index - 1]
        if grade_id(answer) != f"ex{exercise.number}-answer":
            yield f"exercise {exercise.number}: the check does not stand right below the answer"
            continue
        for key, wanted in HIDDEN.items():
            if answer["metadata"].get(key) != wanted:
                yield f"exercise {exercise.number}: the answer's metadata {key} is not {wanted}"
        if len(exercise.wrong_answers) < FEWEST_WRONG_ANSWERS:
            yield (
                f"exercise {exercise.number} lists {len(exercise.wrong_answers)} wrong answers; "
                f"expected at least {FEWEST_WRONG_ANSWERS}"
            )
        yield from _broken_parts(exercise)


def _broken_parts(exercise) -> Iterator[str]:
    """Yield what keeps the solution from being replaced or the check from checking."""
    try:
        exercise.attempts()
    except ValueError as error:
        yield f"exercise {exercise.number}: {error}"
    if not re.search(r"\bassert\b|assert_", exercise.check):
        yield f"exercise {exercise.number}: the check asserts nothing"


RULES = (
    exercises_are_numbered,
    grading_is_consistent,
    code_exercises_are_whole,
)
