"""The cells that are the same in every chapter or follow from its metadata.

Cell 1, *In this chapter*, says in words what the notebook's ``companion`` metadata says. Cell 2,
the setup cell, is the same everywhere. ``python -m tools.notebooks sync`` writes both.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from tools.chapters import (
    BOOK,
    Chapter,
    document_path,
    document_title,
    repository_branch,
    repository_url,
)
from tools.notebook_files import new_cell_id, read_notebook, write_notebook

HEADING = "## In this chapter"
SETUP_TAGS = ["setup", "hide-input"]
FRAMEWORKS = {
    "numpy": "NumPy",
    "torch": "PyTorch",
    "keras": "Keras",
    "tensorflow": "TensorFlow",
    "transformers": "transformers",
    "sklearn": "scikit-learn",
    "scipy": "SciPy",
    "matplotlib": "matplotlib",
}

SETUP = """\
# Makes the course's own package available, then sets the figures' style, the device and the seed.
import importlib
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("companion") is None:  # as in Colab, which starts without it
    package = "large-models-companion @ git+{url}"
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", package], check=True)
    importlib.invalidate_caches()

from companion.plots import use_book_style
from companion.scale import device, seed_everything

use_book_style()
DEVICE = device()
SEED = seed_everything(0)"""


def setup_source(root: Path) -> str:
    """Return the source of the setup cell."""
    return SETUP.format(url=repository_url(root))


def colab_link(root: Path, docname: str) -> str | None:
    """Return the address that opens a chapter in Colab; None if the repository is not on GitHub."""
    url = urlsplit(repository_url(root))
    if url.hostname != "github.com":
        return None
    notebook = f"blob/{repository_branch(root)}/{BOOK}/{docname}.ipynb"
    return f"https://colab.research.google.com/github{url.path}/{notebook}"


def introduction_source(root: Path, chapter: Chapter) -> str:
    """Return the text of *In this chapter*.

    Raises:
        ValueError: if the metadata lacks an entry, or names a page that does not exist.
    """
    facts = chapter.metadata
    try:
        objectives = "\n".join(f"- {text}" for text in facts["objectives"])
        minutes = facts["minutes"]
        rows = {
            "Before you start": _prerequisites(root, chapter),
            "Time": f"{_minutes(minutes['read'])} to read, {_minutes(minutes['run'])} to run",
            "Frameworks": ", ".join(FRAMEWORKS[name] for name in facts["frameworks"]),
            "Data": facts["data"].rstrip("."),
            "Source documents": ", ".join(facts["sources"]),
        }
    except KeyError as error:
        raise ValueError(
            f"{chapter.docname}: {error} is missing in the notebook's companion metadata "
            f"or is no framework; frameworks are {', '.join(FRAMEWORKS)}"
        ) from error
    link = colab_link(root, chapter.docname)
    if link is not None:
        rows["Run it"] = f"[open this chapter in Colab]({link})"
    listed = "\n".join(f"- **{name}:** {text}" for name, text in rows.items())
    return f"{HEADING}\n\nBy the end you can\n\n{objectives}\n\nWhat it takes:\n\n{listed}"


def _minutes(number: float) -> str:
    """Return a duration in words; a part of a minute is 'under a minute'."""
    if number < 1:
        return "under a minute"
    return "1 minute" if number == 1 else f"{number:g} minutes"


def _prerequisites(root: Path, chapter: Chapter) -> str:
    """Return links to the chapters that come before, with their titles."""
    links = []
    for docname in chapter.metadata["prerequisites"]:
        path = document_path(root, docname)
        if path is None:
            raise ValueError(f"{chapter.docname}: the prerequisite {docname!r} is no page of book/")
        target = Path(os.path.relpath(path, chapter.path.parent)).as_posix()
        links.append(f"[{document_title(root, docname)}]({target})")
    return ", ".join(links) if links else "nothing but Python"


def sync_notebook(root: Path, chapter: Chapter, notebook: NotebookNode) -> bool:
    """Bring the generated cells of a notebook up to date in place; return whether any changed."""
    introduction = new_markdown_cell(introduction_source(root, chapter))
    setup = new_code_cell(setup_source(root), metadata={"tags": SETUP_TAGS})
    changed = _put(notebook.cells, 1, introduction, _is_introduction)
    return _put(notebook.cells, 2, setup, _is_setup) or changed


def _is_introduction(cell: NotebookNode) -> bool:
    return cell.cell_type == "markdown" and cell.source.startswith(HEADING)


def _is_setup(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and "setup" in cell.metadata.get("tags", [])


def _put(cells: list[NotebookNode], index: int, wanted: NotebookNode, is_same_kind) -> bool:
    """Replace the cell at ``index`` by ``wanted``, or insert it where another kind stands.

    A replaced cell keeps its id, outputs and execution count: the setup cell prints nothing.
    """
    present = cells[index] if index < len(cells) else None
    if present is None or not is_same_kind(present):
        wanted.id = new_cell_id(wanted, {cell.get("id") for cell in cells})
        cells.insert(index, wanted)
        return True
    if (present.source, present.metadata) == (wanted.source, wanted.metadata):
        return False
    present.source, present.metadata = wanted.source, wanted.metadata
    return True


def sync_chapters(root: Path, chapters: list[Chapter], *, write: bool = True) -> list[str]:
    """Write the generated cells of chapters and return the docnames of those that changed.

    Args:
        root: the repository.
        chapters: the chapters to bring up to date.
        write: False only looks which would change.
    """
    changed = []
    for chapter in chapters:
        notebook = read_notebook(chapter.path)
        if sync_notebook(root, chapter, notebook):
            changed.append(chapter.docname)
            if write:
                write_notebook(chapter.path, notebook)
    return changed
