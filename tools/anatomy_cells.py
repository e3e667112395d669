"""Rules for a chapter's code cells, outputs, figures and claims."""

import ast
import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from IPython.core.inputtransformer2 import TransformerManager

from tools.chapters import Chapter, claims, source_of
from tools.margins import claim_calls
from tools.notebook_files import CELL_METADATA

LARGEST_FILE = 400 * 1024
FEWEST_CLAIMS = 4
CHECK_OUTPUT = "# NBVAL_CHECK_OUTPUT"
SHORTEST_CAPTION = 25
_ABSOLUTE = re.compile(
    r"(?<![\w.:/~<>-])/(?:home|root|Users|tmp|var|usr|opt|mnt|work|content|srv|private)/\w"
    r"|\b[A-Za-z]:\\{1,2}(?:Users|Windows|Program|Temp)|site-packages"
)
_ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]{6,}")


def code_cells(chapter: Chapter) -> Iterator[tuple[int, dict]]:
    """Yield (place, cell) of the code cells."""
    return ((n, cell) for n, cell in enumerate(chapter.cells) if cell["cell_type"] == "code")


@cache
def parsed(source: str) -> ast.Module:
    """Return the syntax tree of a code cell, IPython's magics translated."""
    return ast.parse(TransformerManager().transform_cell(source))


def calls(tree: ast.AST, name: str) -> list[ast.Call]:
    """Return all calls of the function with a plain name such as ``show``."""
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
    ]


def cells_were_executed_in_order(root: Path, chapter: Chapter) -> Iterator[str]:
    """The outputs come from one run of all cells in a fresh kernel."""
    counts = [cell["execution_count"] for _, cell in code_cells(chapter) if source_of(cell).strip()]
    if counts != list(range(1, len(counts) + 1)):
        yield f"execution counts are {counts}; run: python -m tools.notebooks run"
    if not any(cell["outputs"] for _, cell in code_cells(chapter)):
        yield "no cell has an output"


def outputs_are_clean(root: Path, chapter: Chapter) -> Iterator[str]:
    """No cell shows an error, writes to stderr, or prints an address in memory."""
    for place, cell in code_cells(chapter):
        for output in cell["outputs"]:
            if output["output_type"] == "error":
                yield f"cell {place} shows a traceback: {output.get('ename')}"
            if output.get("name") == "stderr":
                yield f"cell {place} wrote to stderr"
            if "widget" in " ".join(output.get("data", {})):
                yield f"cell {place} shows a widget, which nothing but a running kernel can draw"
            if _ADDRESS.search(json.dumps(output)):
                yield f"cell {place} prints an object's address, which differs from run to run"


def file_is_small(root: Path, chapter: Chapter) -> Iterator[str]:
    """The notebook has at most 400 KB."""
    size = chapter.path.stat().st_size
    if size > LARGEST_FILE:
        yield f"{size / 1024:.0f} KB; expected at most {LARGEST_FILE // 1024}"


def paths_are_relative(root: Path, chapter: Chapter) -> Iterator[str]:
    """No source and no output names a folder of the machine that ran the notebook."""
    for place, cell in enumerate(chapter.cells):
        texts = [source_of(cell)]
        for output in cell.get("outputs", []):
            shown = {k: v for k, v in output.get("data", {}).items() if not k.startswith("image/")}
            texts.append(json.dumps([shown, output.get("text", "")], ensure_ascii=False))
        match = next(filter(None, map(_ABSOLUTE.search, texts)), None)
        if match is not None:
            yield f"cell {place} has an absolute path: {match.group()}…"


def metadata_of_cells_is_lean(root: Path, chapter: Chapter) -> Iterator[str]:
    """Cells have unique ids, and no metadata but what the book uses."""
    identifiers = Counter(cell.get("id") for cell in chapter.cells)
    for identifier, count in identifiers.items():
        if identifier is None or count > 1:
            yield f"{count} cells have the id {identifier!r}"
    for place, cell in enumerate(chapter.cells):
        extra = sorted(set(cell["metadata"]) - CELL_METADATA)
        if extra:
            yield f"cell {place} has metadata {extra}; save it with: python -m tools.notebooks run"


def figures_are_described(root: Path, chapter: Chapter) -> Iterator[str]:
    """A cell shows at most one image, which has a caption, alternative text and a unique name."""
    names = Counter()
    for place, cell in code_cells(chapter):
        images = sum(
            any(mime.startswith("image/") for mime in output.get("data", {}))
            for output in cell["outputs"]
        )
        if images > 1:
            yield f"cell {place} shows {images} images; expected one per cell"
        if images and any(output["output_type"] == "execute_result" for output in cell["outputs"]):
            # Both would get the figure's name, and the site does not build.
            yield f"cell {place} shows a value beside its image; end its last line with ;"
        if images:
            settings = cell["metadata"].get("mystnb", {})
            names[settings.get("figure", {}).get("name")] += 1
            yield from _missing_descriptions(place, settings)
    for name, count in names.items():
        if count > 1 and name is not None:
            yield f"{count} figures have the name {name!r}"


def _missing_descriptions(place: int, settings: dict) -> Iterator[str]:
    caption = settings.get("figure", {}).get("caption", "")
    name = settings.get("figure", {}).get("name", "")
    alt = settings.get("image", {}).get("alt", "")
    for what, text in (("caption", caption), ("alternative text", alt)):
        if len(text) < SHORTEST_CAPTION:
            yield f"cell {place}: the figure's {what} is {text!r}; expected a sentence"
    if caption and caption == alt:
        yield f"cell {place}: caption and alternative text are the same; alt says what is seen"
    if not re.fullmatch(r"fig-[a-z0-9-]+", name):
        yield f"cell {place}: the figure's name is {name!r}; expected one such as 'fig-loss'"


def claims_are_made(root: Path, chapter: Chapter) -> Iterator[str]:
    """At least four claims stand on their own line, and each has left its mark in the outputs."""
    written = 0
    for place, cell in code_cells(chapter):
        tree = parsed(source_of(cell))
        inside = len(calls(tree, "claim")) - len(claim_calls(tree))
        if inside:
            yield f"cell {place} makes {inside} claims inside another statement"
        written += len(claim_calls(tree))
    made = claims(chapter)
    if len(made) < FEWEST_CLAIMS:
        yield f"{len(made)} claims; expected at least {FEWEST_CLAIMS}"
    if len(made) != written:
        yield f"{written} claims are written and {len(made)} are in the outputs; run it again"
    for identifier, count in Counter(claim["id"] for claim in made).items():
        if count > 1:
            yield f"{count} claims have the id {identifier!r}"


def shown_sources_are_checked(root: Path, chapter: Chapter) -> Iterator[str]:
    """A cell that shows the companion's source is compared with what was shown before."""
    for place, cell in code_cells(chapter):
        source = source_of(cell)
        if calls(parsed(source), "show") and not source.startswith(CHECK_OUTPUT + "\n"):
            yield f"cell {place} calls show() and does not start with {CHECK_OUTPUT}"


RULES = (
    cells_were_executed_in_order,
    outputs_are_clean,
    file_is_small,
    paths_are_relative,
    metadata_of_cells_is_lean,
    figures_are_described,
    claims_are_made,
    shown_sources_are_checked,
)
