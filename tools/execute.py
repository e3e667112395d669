"""Execute chapters in fresh kernels and save their outputs."""

import json
import time
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from tools.chapters import Chapter
from tools.kernels import CELL_ERRORS, plain_text, running_kernel
from tools.notebook_files import clean_notebook, read_notebook, write_notebook

TIMES = Path("_build") / "notebook-times.json"


@dataclass(frozen=True)
class Outcome:
    """How an execution ended: its seconds, and for a cell that raised, which one and why."""

    seconds: float
    error: str | None = None


def execute_notebook(notebook: NotebookNode, folder: Path) -> Outcome:
    """Execute all code cells of a notebook in place, in one fresh kernel, until one raises.

    Args:
        notebook: receives outputs and execution counts.
        folder: the working directory.
    """
    start = time.perf_counter()
    error = None
    with running_kernel(notebook, folder) as client:
        for cell in notebook.cells:  # outputs of an earlier run must not survive
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        for index, cell in enumerate(notebook.cells):
            try:
                client.execute_cell(cell, index, execution_count=client.code_cells_executed + 1)
            except CELL_ERRORS as raised:
                error = f"cell {index} raised:\n{plain_text(str(raised))}"
                break
        seconds = time.perf_counter() - start
    return Outcome(seconds, error)


def run_chapter(chapter: Chapter) -> Outcome:
    """Execute a chapter and save it, cleaned; a chapter that raised is left as it was."""
    notebook = read_notebook(chapter.path)
    outcome = execute_notebook(notebook, chapter.path.parent)
    if outcome.error is None:
        write_notebook(chapter.path, clean_notebook(notebook))
    return outcome


def warnings_of(notebook: NotebookNode) -> list[str]:
    """Return a line for each cell that wrote to stderr, which a reader would take for an error."""
    return [
        f"cell {index} wrote to stderr: {output.text.strip().splitlines()[0][:100]}"
        for index, cell in enumerate(notebook.cells)
        for output in cell.get("outputs", [])
        if output.output_type == "stream" and output.name == "stderr" and output.text.strip()
    ]


def record_time(root: Path, docname: str, seconds: float) -> None:
    """Write a chapter's seconds into ``_build/notebook-times.json``, beside the other chapters'."""
    path = root / TIMES
    times = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    times[docname] = round(seconds, 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(times, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def run_chapters(root: Path, chapters: list[Chapter]) -> int:
    """Run chapters one after the other, print a line for each, and return how many raised."""
    failed = 0
    for chapter in chapters:
        outcome = run_chapter(chapter)
        if outcome.error is not None:
            failed += 1
            print(f"{chapter.docname}: not saved after {outcome.seconds:.1f} s, {outcome.error}")
            continue
        record_time(root, chapter.docname, outcome.seconds)
        print(f"{chapter.docname}: {outcome.seconds:.1f} s")
        for line in warnings_of(read_notebook(chapter.path)):
            print(f"{chapter.docname}: {line}")
    return failed
