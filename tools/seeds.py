"""Run chapters under several seeds and find the claims with the least room to fail."""

import json
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from tools.chapters import CLAIM_MIME, Chapter
from tools.kernels import CELL_ERRORS, plain_text, running_kernel
from tools.margins import READ_SIDES, Piece, finite, split_cell
from tools.notebook_files import read_notebook


@dataclass(frozen=True)
class Result:
    """What became of one claim, or of a cell that raised, under one seed.

    Attributes:
        docname: the chapter.
        place: the cell's index and the claim's number in it; the same under every seed.
        text: the claim's sentence.
        seed: the value of COMPANION_SEED.
        margin: the relative margin, or None for a condition that is not an inequality.
        error: why it failed, or None.
    """

    docname: str
    place: tuple[int, int]
    text: str
    seed: int
    margin: float | None = None
    error: str | None = None


def run_under_seed(chapter: Chapter, seed: int) -> list[Result]:
    """Execute a chapter under one seed and return a result for each claim.

    A claim that fails does not stop the chapter; any other exception does.
    """
    notebook = read_notebook(chapter.path)
    variables = {"COMPANION_SEED": str(seed)}
    results = []
    with running_kernel(notebook, chapter.path.parent, **variables) as client:
        for index, cell in enumerate(notebook.cells):
            if cell.cell_type != "code" or not cell.source.strip():
                continue
            try:
                results += _run_cell(client, cell, chapter.docname, index, seed)
            except CELL_ERRORS as error:
                text = f"(cell {index} raised)"
                message = plain_text(str(error))
                results.append(Result(chapter.docname, (index, -1), text, seed, error=message))
                break
    return results


def _run_cell(
    client: NotebookClient, cell: NotebookNode, docname: str, index: int, seed: int
) -> list[Result]:
    """Execute one cell piece by piece and return the results of its claims."""
    results = []
    for piece in split_cell(cell.source):
        if not piece.is_claim:
            _execute(client, piece.source, index)
            continue
        text, error = piece.text, None
        try:
            outputs = _execute(client, piece.source, index)
            text = _claimed_text(outputs) or text
        except CELL_ERRORS as raised:
            if getattr(raised, "ename", "") != "AssertionError":
                raise
            error = raised.evalue
            text = text or error
        margin = piece.margin(_read_sides(client, piece, index))
        results.append(Result(docname, (index, len(results)), text, seed, margin, error))
    return results


def _execute(client: NotebookClient, source: str, index: int) -> list[NotebookNode]:
    """Execute code as if it were the whole cell and return its outputs; the notebook is kept."""
    kept = client.nb.cells[index]
    try:
        return client.execute_cell(new_code_cell(source), index).outputs
    finally:
        client.nb.cells[index] = kept


def _claimed_text(outputs: list[NotebookNode]) -> str | None:
    """Return the sentence of the claim that is displayed in the outputs."""
    payloads = (output.get("data", {}).get(CLAIM_MIME) for output in outputs)
    return next((payload["text"] for payload in payloads if payload), None)


def _read_sides(client: NotebookClient, piece: Piece, index: int) -> dict[int, float]:
    """Return the sides that a claim compared, as far as they are numbers."""
    if not piece.pairs:
        return {}
    outputs = _execute(client, READ_SIDES, index)
    return finite(json.loads("".join(output.text for output in outputs)))


def run_seeds(chapters: Iterable[Chapter], seeds: Iterable[int], jobs: int = 1) -> list[Result]:
    """Run every chapter under every seed, at most ``jobs`` at a time, and return all results.

    Progress is written to stderr.

    Raises:
        ValueError: if ``jobs`` is not 1 or 2, or there are no seeds.
    """
    if jobs not in (1, 2):
        raise ValueError(f"jobs is {jobs}; 1 or 2 notebooks can run at a time")
    chapters, seeds = list(chapters), list(seeds)
    if not seeds:
        raise ValueError("there are no seeds to run under; at least one is needed")
    tasks = [(chapter, seed) for chapter in chapters for seed in seeds]
    results = []
    with ThreadPoolExecutor(jobs) as pool:
        outcomes = pool.map(lambda task: run_under_seed(*task), tasks)
        for (chapter, seed), found in zip(tasks, outcomes, strict=True):
            failed = sum(result.error is not None for result in found)
            line = f"{chapter.docname}, seed {seed}: {len(found)} results, {failed} failed"
            print(line, file=sys.stderr, flush=True)
            results += found
    return results


def worst_results(results: list[Result]) -> list[Result]:
    """Return each claim's worst result: failures first, then by margin, exact conditions last."""
    worst = {}
    for result in results:
        key = (result.docname, result.place)
        if key not in worst or _rank(result) < _rank(worst[key]):
            worst[key] = result
    return sorted(worst.values(), key=_rank)


def _rank(result: Result) -> tuple[bool, float]:
    return result.error is None, float("inf") if result.margin is None else result.margin


def table(results: list[Result]) -> str:
    """Return the claims' worst results as a table, and below it what failed."""
    rows = [("margin", "seed", "chapter", "claim")]
    for result in worst_results(results):
        margin = "exact" if result.margin is None else f"{100 * result.margin:+.1f} %"
        if result.error is not None:
            margin = "FAILED"
        rows.append((margin, str(result.seed), result.docname, result.text))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        f"{row[0]:>{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:<{widths[2]}}  {row[3]}"
        for row in rows
    ]
    failures = [
        f"FAILED under seed {r.seed}: {r.docname}: {r.error}"
        for r in results
        if r.error is not None
    ]
    return "\n".join([*lines, *([""] if failures else []), *failures])
