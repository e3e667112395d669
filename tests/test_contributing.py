"""The documents can be followed: the skeleton of a chapter and the README's example run."""

import re
import shutil
from pathlib import Path

import jupytext
import numpy as np
import pytest

from tools.anatomy import problems_of
from tools.chapters import load_chapter
from tools.exercises import exercises
from tools.notebooks import main

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
# What a page of skeleton cannot have enough of; step 2 tells the reader so.
AMOUNTS = (
    r"prose_is_long_enough: \d+ words of prose",
    r"claims_are_made: 2 claims; expected at least 4",
    r"exercises_are_numbered: 1 exercises; expected 3 to 5",
    r"code_exercises_are_whole: 1 exercises in code; expected at least 2",
)


def skeleton():
    (block,) = re.findall(r"^```python\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)
    return block


@pytest.fixture(scope="module")
def chapter(tmp_path_factory):
    """The skeleton as a chapter of a small copy of the repository, run by the authoring tools."""
    root = tmp_path_factory.mktemp("clone")
    path = root / "book" / "math" / "means.ipynb"
    path.parent.mkdir(parents=True)
    for name in ("_config.yml", "_toc.yml", "book/index.md", "book/references.bib"):
        shutil.copy(ROOT / name, root / name)
    jupytext.write(jupytext.reads(skeleton(), fmt="py:percent"), path)
    assert main(["--root", str(root), "run", str(path)]) == 0
    return root, load_chapter(path, "math/means")


def test_the_skeleton_lacks_nothing_but_amounts(chapter):
    problems = problems_of(*chapter)
    rest = [p for p in problems if not any(re.search(amount, p) for amount in AMOUNTS)]
    assert rest == []
    assert len(problems) == len(AMOUNTS)


def test_the_skeleton_has_an_exercise_with_its_wrong_answers(chapter):
    (exercise,) = exercises(chapter[1].notebook)
    assert len(exercise.wrong_answers) == 2
    scope = {"np": np}
    exec(exercise.answer + "\n" + exercise.check, scope)
    for _, answer in exercise.attempts()[1:]:
        with pytest.raises(AssertionError, match=r"σ|Round up"):
            exec(answer + "\n" + exercise.check, scope)


def test_text_and_notebook_are_the_same_there_and_back(chapter):
    path = chapter[1].path
    before = jupytext.read(path)
    before.metadata["jupytext"] = {"notebook_metadata_filter": "companion"}
    after = jupytext.reads(jupytext.writes(before, fmt="py:percent"), fmt="py:percent")
    assert after.metadata["companion"] == before.metadata["companion"]
    assert [c.source for c in after.cells] == [c.source for c in before.cells]
    for old, new in zip(before.cells, after.cells, strict=True):
        assert dict(old.metadata) == {k: v for k, v in new.metadata.items() if "lines_to" not in k}


def test_commands_are_those_of_the_makefile():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    used = set(re.findall(r"make ([a-z]+)", re.sub(r"make (an|the|a) ", "", TEXT)))
    assert {"test", "check", "notebooks", "seeds", "book", "lab", "bench"} <= used
    assert [name for name in used if not re.search(rf"^{name}:", makefile, re.MULTILINE)] == []


def test_the_example_of_the_readme_runs():
    (block,) = re.findall(r"^```python\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
    scope = {}
    exec(block, scope)
    assert tuple(scope["logits"].shape) == (1, 10)
