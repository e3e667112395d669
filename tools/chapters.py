"""Read the book's chapters and their claims from the committed notebooks.

The authoring tools, the tests and the site's Sphinx extensions all read chapters through this
module, so it needs nothing but the standard library and PyYAML.

A *docname* is Sphinx's name for a page: its path below ``book/`` without the suffix, such as
``math/losses``.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

CLAIM_MIME = "application/vnd.companion.claim+json"
BOOK = "book"
CONFIG = "_config.yml"
TOC = "_toc.yml"
SUFFIXES = (".ipynb", ".md")


@dataclass(frozen=True)
class Chapter:
    """One executable chapter of the book.

    Attributes:
        docname: Sphinx's name of the page, such as ``math/losses``.
        path: the notebook's file.
        title: the text of its first heading.
        metadata: the ``companion`` part of the notebook's metadata; empty when it is missing.
        notebook: the whole notebook as nbformat 4 JSON.
    """

    docname: str
    path: Path
    title: str
    metadata: dict
    notebook: dict

    @property
    def cells(self) -> list[dict]:
        """The notebook's cells, in order."""
        return self.notebook["cells"]


def _walk(entries: list[dict]) -> Iterator[str]:
    """Yield the docnames of a list of table-of-contents entries, nested sections included."""
    for entry in entries:
        if "file" in entry:
            name = str(entry["file"])
            for suffix in SUFFIXES:
                name = name.removesuffix(suffix)
            yield name
        for key in ("chapters", "sections"):
            yield from _walk(entry.get(key) or [])


def toc_documents(root: Path | str) -> list[str]:
    """Return the docnames that ``_toc.yml`` lists, the front page first, in reading order.

    Raises:
        FileNotFoundError: if the repository at ``root`` has no ``_toc.yml``.
    """
    toc = yaml.safe_load((Path(root) / TOC).read_text(encoding="utf-8"))
    names = [toc["root"]]
    for part in toc.get("parts") or []:
        names += _walk(part.get("chapters") or [])
    return names + list(_walk([{"chapters": toc.get("chapters"), "sections": toc.get("sections")}]))


def document_path(root: Path | str, docname: str) -> Path | None:
    """Return the source file of a page, or None when the book has no such page."""
    for suffix in SUFFIXES:
        path = Path(root) / BOOK / f"{docname}{suffix}"
        if path.is_file():
            return path
    return None


def source_of(cell: dict) -> str:
    """Return a cell's source as one string, whether it is stored as one or as a list of lines."""
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def markdown_title(text: str) -> str | None:
    """Return the text of the first ``# `` heading of a piece of Markdown, or None."""
    for line in text.splitlines():
        if line.startswith("# "):
            return line[2:].strip()
    return None


def load_chapter(path: Path | str, docname: str) -> Chapter:
    """Read one notebook.

    Raises:
        ValueError: if the file is not a notebook of nbformat 4, naming the file.
    """
    path = Path(path)
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not a notebook: {error}") from error
    if notebook.get("nbformat") != 4:
        raise ValueError(f"{path} has nbformat {notebook.get('nbformat')!r}; 4 is accepted")
    first = (source_of(cell) for cell in notebook["cells"] if cell["cell_type"] == "markdown")
    title = next(filter(None, map(markdown_title, first)), docname)
    metadata = notebook["metadata"].get("companion", {})
    return Chapter(docname, path, title, metadata, notebook)


def chapters(root: Path | str) -> list[Chapter]:
    """Return the notebooks among the pages of the table of contents, in reading order.

    Pages without a source file are left out: Sphinx generates some of them, and reports the others.
    """
    pages = ((docname, document_path(root, docname)) for docname in toc_documents(root))
    return [
        load_chapter(path, docname)
        for docname, path in pages
        if path is not None and path.suffix == ".ipynb"
    ]


def document_title(root: Path | str, docname: str) -> str | None:
    """Return the title of a page, notebook or Markdown, or None when there is no such page."""
    path = document_path(root, docname)
    if path is None:
        return None
    if path.suffix == ".ipynb":
        return load_chapter(path, docname).title
    return markdown_title(path.read_text(encoding="utf-8")) or docname


def claims(chapter: Chapter) -> list[dict]:
    """Return the claims of a chapter from its stored outputs, in order.

    Each is the payload that ``companion.claims.claim`` displays (``text``, ``measured``, ``source``
    and ``id``) with ``docname`` added. A claim made twice appears twice.
    """
    found = []
    for cell in chapter.cells:
        for output in cell.get("outputs", []):
            payload = output.get("data", {}).get(CLAIM_MIME)
            if payload is not None:
                found.append({**payload, "docname": chapter.docname})
    return found


def repository_url(root: Path | str) -> str:
    """Return the repository's URL, which stands once, in ``_config.yml``."""
    return _repository(root)["url"]


def repository_branch(root: Path | str) -> str:
    """Return the branch that the book is published from: ``main`` unless the config has another."""
    return _repository(root).get("branch", "main")


def _repository(root: Path | str) -> dict:
    """Return the ``repository`` part of ``_config.yml``, or raise an error naming the gap."""
    config = yaml.safe_load((Path(root) / CONFIG).read_text(encoding="utf-8")) or {}
    repository = config.get("repository") or {}
    if "url" not in repository:
        raise KeyError(f"{CONFIG} must say repository: url: https://…, which it does not")
    return repository
