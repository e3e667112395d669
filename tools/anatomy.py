"""What every chapter must have; ``python -m tools.notebooks check`` and the tests look for it.

A *rule* takes the repository's root and a chapter and yields a line for each thing that is missing
or wrong. The rules stand in three modules: text, cells and exercises.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from tools import anatomy_cells, anatomy_exercises, anatomy_text
from tools.chapters import BOOK, Chapter, toc_documents

Rule = Callable[[Path, Chapter], Iterator[str]]

RULES: dict[str, Rule] = {
    rule.__name__: rule
    for module in (anatomy_text, anatomy_cells, anatomy_exercises)
    for rule in module.RULES
}


def problems_of(root: Path, chapter: Chapter) -> list[str]:
    """Return all problems of a chapter, each with its docname and the rule that it breaks."""
    return [
        f"{chapter.docname}: {name}: {problem}"
        for name, rule in RULES.items()
        for problem in rule(root, chapter)
    ]


def unlisted_notebooks(root: Path) -> list[str]:
    """Return the docnames of notebooks under book/ that the table of contents does not list."""
    listed = set(toc_documents(root))
    names = (
        path.relative_to(root / BOOK).with_suffix("")
        for path in sorted((root / BOOK).rglob("*.ipynb"))
    )
    return [
        name.as_posix()
        for name in names
        if name.as_posix() not in listed and not any(part[0] in "._" for part in name.parts)
    ]
