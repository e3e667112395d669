"""A teacher can release the chapters with nbgrader as it is, and no solution is left in them."""

import os
import re
import shutil
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import nbformat
import pytest
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.validator import Validator

from tools.chapters import chapters
from tools.exercises import STUB, exercises, grade_id

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = chapters(ROOT)
REGION = re.compile(r"^[^\n]*BEGIN SOLUTION[^\n]*\n(.*?)^[^\n]*END SOLUTION", re.M | re.S)


def release(course, notebooks):
    """Generate an assignment of the given notebooks, {name: path}; return the released ones."""
    source = course / "source" / "book"
    source.mkdir(parents=True)
    shutil.copy(ROOT / "nbgrader_config.py", course)
    for name, path in notebooks.items():
        shutil.copy(path, source / f"{name}.ipynb")
    process = subprocess.run(
        [sys.executable, "-m", "nbgrader", "generate_assignment", "book"],
        cwd=course,
        env={
            **os.environ,
            "JUPYTER_CONFIG_DIR": str(course / "jupyter"),
            # nbgrader calls alembic, which is found once the environment is activated.
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    folder = course / "release" / "book"
    return {name: nbformat.read(folder / f"{name}.ipynb", 4) for name in notebooks}


def answers(notebook):
    """Return the cells that students fill in, by grade id."""
    cells = (cell for cell in notebook["cells"] if grade_id(cell))
    return {grade_id(cell): cell for cell in cells if cell["metadata"]["nbgrader"]["solution"]}


def without_solution(cell):
    """Return a cell's source as students may see it; without markers, nothing of an answer."""
    if not cell["metadata"].get("nbgrader", {}).get("solution"):
        return cell["source"]
    return REGION.sub("", cell["source"]) if REGION.search(cell["source"]) else ""


def leaks(source, released):
    """Return the lines of solutions that stand in a released notebook more often than allowed."""
    solutions = "\n".join(cell["source"] for cell in answers(source).values())
    lines = {line.strip() for line in solutions.splitlines() if len(line.strip()) > 10}
    allowed = "\n".join(without_solution(cell) for cell in source["cells"])
    text = "\n".join(cell["source"] for cell in released["cells"])
    return sorted(line for line in lines if text.count(line) > allowed.count(line))


def check_release(source, released):
    """Assert that a released notebook is valid, and has stubs where the source has solutions."""
    nbformat.validate(released)
    MetadataValidator().validate_nb(released)
    assert not any("SOLUTION" in cell.source for cell in released.cells)
    assert not any(cell.get("outputs") for cell in released.cells)
    assert leaks(source, released) == []
    assert list(answers(released)) == list(answers(source))
    for cell in answers(released).values():
        assert set(cell.metadata) <= {"nbgrader", "tags", "deletable"}
        assert "hide-input" not in cell.metadata.tags
        assert (STUB if cell.cell_type == "code" else "YOUR ANSWER HERE") in cell.source
    for exercise in exercises(released):
        check = released.cells[exercise.check_index]
        assert check.metadata.nbgrader.checksum
        assert check.metadata.editable is False


@pytest.fixture(scope="module")
def fixture_tree(make_tree):
    return make_tree().without_setup()


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return tmp_path_factory.mktemp("course")


@pytest.fixture(scope="module")
def released_book(course, fixture_tree):
    """The chapters and the small book's one, released together: starting nbgrader takes time."""
    paths = {chapter.docname.replace("/", "-"): chapter.path for chapter in CHAPTERS}
    return release(course, {**paths, "fixture": fixture_tree.path})


@pytest.mark.slow
@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.docname)
def test_chapter_is_released_without_its_solutions(chapter, released_book):
    released = released_book[chapter.docname.replace("/", "-")]
    check_release(nbformat.read(chapter.path, 4), released)


@pytest.mark.slow
@pytest.mark.usefixtures("kernels_find_companion")
def test_nbgrader_grades_the_solution_and_rejects_the_stub(fixture_tree, course, released_book):
    check_release(fixture_tree.notebook, released_book["fixture"])
    assert Validator().validate(str(fixture_tree.path)) == {}
    path = course / "release" / "book" / "fixture.ipynb"
    errors = [cell["raw_error"] for cell in Validator().validate(str(path))["failed"]]
    assert len(errors) == 3  # two checks and the written answer
    assert ["replace this line with your answer" in error for error in errors] == [
        True,
        True,
        False,
    ]


def test_a_solution_that_is_left_is_noticed(tree):
    released = deepcopy(tree.notebook)
    for identifier, cell in answers(released).items():
        if identifier != "ex2-answer":
            cell.source = without_solution(cell)
    assert leaks(tree.notebook, released) == [
        "### BEGIN SOLUTION",
        "### END SOLUTION",
        "return 3 * x",
    ]
