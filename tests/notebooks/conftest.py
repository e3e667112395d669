"""A small book to test the tools on: one chapter that has everything, built in code."""

import json
import os
import shutil
from copy import deepcopy
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools.chapters import CLAIM_MIME, load_chapter
from tools.generated import sync_notebook
from tools.notebook_files import clean_notebook, write_notebook

ROOT = Path(__file__).resolve().parents[2]
DOCNAME = "math/doubling"

CONFIG = """\
# The settings of a small book.
title: A small book # with a comment
repository:
  # The one place where the address stands.
  url: https://github.com/OWNER/large-models-small # change it with make home
  branch: main
  path_to_book: book
html: {favicon: ""}
"""
TOC = """\
format: jb-book
root: index
parts:
  - caption: Mathematics
    chapters:
      - file: math/doubling
      - file: math/tables
        sections:
          - file: math/tables-more.md
  - caption: Appendix
    chapters:
      - file: appendix/generated
"""
METADATA = {
    "question": "What does doubling do?",
    "objectives": ["Double a number", "Explain what doubling does", "Check a result"],
    "prerequisites": ["math/tables"],
    "minutes": {"read": 10, "run": 0.5},
    "frameworks": ["numpy", "torch"],
    "data": "None but small whole numbers.",
    "sources": ["D2 §4.3", "D0 §4.1"],
}
PROSE = "A number that is doubled grows by as much as it was before, and no more than that. " * 32
CHECKED = "# NBVAL_CHECK_OUTPUT\nprint(1 + 1)\n42;"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>'
FIGURE = f"from IPython.display import SVG, display\n\ndisplay(SVG({SVG!r}))"
FIGURE_SETTINGS = {
    "figure": {"caption": "A line that rises twice as fast as another.", "name": "fig-line"},
    "image": {"alt": "Two straight lines that start at zero, one steeper."},
}
CLAIMS = "from companion.claims import claim\n\n" + "\n".join(
    f'claim("{n} is less than {n + 1}", {n} < {n + 1}, measured={n})' for n in range(1, 5)
)
ANSWER = """\
def {name}(x):
    \"\"\"Return {factor} times x.\"\"\"
    ### BEGIN SOLUTION
    return {factor} * x
    ### END SOLUTION"""
CHECK = """\
assert {name}(3) == {factor} * 3, f"{name}(3) should be {factor} times 3, not {{{name}(3)}}"
assert {name}(0) == 0, "nothing times anything should be nothing" """.rstrip()
GRADED = {"schema_version": 3, "task": False}


def _claim_output(number: int) -> NotebookNode:
    text = f"{number} is less than {number + 1}"
    slug = "claim-" + text.replace(" ", "-")
    payload = {"text": text, "measured": str(number), "source": None, "id": slug}
    data = {"text/plain": f"✓ {text} (measured {number})", CLAIM_MIME: payload}
    return new_output("display_data", data=data)


def _exercise(number: int, name: str, factor: int) -> list[NotebookNode]:
    answer = {
        "tags": ["hide-input"],
        "jupyter": {"source_hidden": True},
        "mystnb": {
            "code_prompt_show": "Show the solution",
            "code_prompt_hide": "Hide the solution",
        },
        "companion": {"wrong_answers": ["return x", f"y = {factor} + x\nreturn y"]},
        "nbgrader": {
            **GRADED,
            "grade_id": f"ex{number}-answer",
            "grade": False,
            "solution": True,
            "locked": False,
        },
    }
    check = {
        "nbgrader": {
            **GRADED,
            "grade_id": f"ex{number}-check",
            "grade": True,
            "points": 2,
            "solution": False,
            "locked": True,
        }
    }
    return [
        new_markdown_cell(f"### Exercise {number}: {name}\n\nWrite `{name}`."),
        new_code_cell(ANSWER.format(name=name, factor=factor), metadata=answer),
        new_code_cell(CHECK.format(name=name, factor=factor), metadata=check),
    ]


def _written_exercise(number: int) -> list[NotebookNode]:
    settings = {
        **GRADED,
        "grade_id": f"ex{number}-answer",
        "grade": True,
        "points": 1,
        "solution": True,
        "locked": False,
    }
    answer = "<details>\n<summary>Show</summary>\n\nBecause addition does.\n\n</details>"
    return [
        new_markdown_cell(f"### Exercise {number}: why\n\nWhy does it commute?"),
        new_markdown_cell(answer, metadata={"nbgrader": settings}),
    ]


def _cells() -> list[NotebookNode]:
    title = "# Doubling\n\nWhat does doubling do? " + "It makes a number twice as large. " * 3
    printed = [new_output("stream", name="stdout", text="2\n")]
    figure = [new_output("display_data", data={"image/svg+xml": SVG, "text/plain": "<SVG>"})]
    reading = "- Someone (2017), *A paper*, [arXiv:1706.03762](https://arxiv.org/abs/1706.03762)."
    return [
        new_markdown_cell(title),
        new_markdown_cell(f"## The first idea\n\n{PROSE}\n\n$$x + x = 2 x$$"),
        new_code_cell(CHECKED, outputs=printed),
        new_markdown_cell(f"## The second idea\n\n{PROSE} See [tables](tables.md#ones), $2 x$."),
        new_code_cell(CLAIMS, outputs=[_claim_output(n) for n in range(1, 5)]),
        new_code_cell(FIGURE, outputs=figure, metadata={"mystnb": deepcopy(FIGURE_SETTINGS)}),
        new_markdown_cell("## What the documents say\n\nThat one is two."),
        new_markdown_cell("## Exercises"),
        *_exercise(1, "double", 2),
        *_exercise(2, "triple", 3),
        *_written_exercise(3),
        new_markdown_cell("## Summary\n\nIt doubles."),
        new_markdown_cell("## At full scale\n\nIt doubles more."),
        new_markdown_cell(f"## Further reading\n\n{reading}"),
    ]


class Tree:
    """A repository in a temporary folder with one chapter, ``math/doubling``."""

    def __init__(self, root: Path):
        self.root = root
        self.path = root / "book" / f"{DOCNAME}.ipynb"
        self.path.parent.mkdir(parents=True)
        (root / "_config.yml").write_text(CONFIG)
        (root / "_toc.yml").write_text(TOC)
        book = root / "book"
        (book / "index.md").write_text("# A small book\n")
        (book / "math" / "tables.md").write_text("# Tables of numbers\n")
        (book / "references.bib").write_text("@article{a, eprint = {1706.03762}}\n")
        self.notebook = new_notebook(cells=_cells(), metadata={"companion": deepcopy(METADATA)})
        self.save()
        sync_notebook(root, self.chapter, self.notebook)
        self.renumber()
        self.save()

    def renumber(self) -> None:
        """Give the code cells the execution counts of one run."""
        code_cells = [cell for cell in self.notebook.cells if cell.cell_type == "code"]
        for count, cell in enumerate(code_cells, start=1):
            cell.execution_count = count

    def save(self) -> None:
        """Write the chapter to its file."""
        write_notebook(self.path, clean_notebook(self.notebook))

    def save_as_is(self) -> None:
        """Write the chapter to its file with all its metadata, unlike the tools."""
        self.path.write_text(json.dumps(self.notebook), encoding="utf-8")

    @property
    def chapter(self):
        """The chapter as its file has it."""
        return load_chapter(self.path, DOCNAME)

    def cell(self, start: str) -> NotebookNode:
        """Return the first cell whose source contains ``start``."""
        return next(cell for cell in self.notebook.cells if start in cell.source)

    def without_setup(self) -> "Tree":
        """Remove the setup cell, which would import torch in every run."""
        del self.notebook.cells[2]
        self.renumber()
        self.save()
        return self

    def with_pytest(self) -> "Tree":
        """Add what pytest needs to test the chapter as it tests the book's."""
        shutil.copy(ROOT / "conftest.py", self.root)
        settings = '[tool.pytest.ini_options]\naddopts = "--import-mode=importlib"\n'
        (self.root / "pyproject.toml").write_text(settings)
        return self


@pytest.fixture
def tree(tmp_path):
    """A repository whose one chapter breaks no rule."""
    return Tree(tmp_path / "repository")


@pytest.fixture(scope="session")
def make_tree(tmp_path_factory):
    """Return a function that makes another such repository."""
    return lambda: Tree(tmp_path_factory.mktemp("tree") / "repository")


@pytest.fixture
def kernels_find_companion(monkeypatch):
    """Let kernels in a fixture's folder import the companion, installed or not."""
    inherited = os.environ.get("PYTHONPATH")
    parts = [str(ROOT), *([inherited] if inherited else [])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(parts))
