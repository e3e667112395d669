"""Every chapter has what a chapter must have."""

from pathlib import Path

import pytest

from tools.anatomy import RULES, unlisted_notebooks
from tools.chapters import chapters, document_path, toc_documents

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = chapters(ROOT)


def test_there_are_chapters():
    assert CHAPTERS, "_toc.yml lists no notebook"


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.docname)
def test_chapter_follows_the_rule(chapter, rule):
    problems = list(RULES[rule](ROOT, chapter))
    assert not problems, "\n".join(problems)


def test_every_notebook_is_in_the_table_of_contents():
    assert unlisted_notebooks(ROOT) == []


def test_the_table_of_contents_lists_no_page_twice():
    names = toc_documents(ROOT)
    assert len(names) == len(set(names))


def test_prerequisites_come_earlier_in_the_book():
    names = toc_documents(ROOT)
    for chapter in CHAPTERS:
        for prerequisite in chapter.metadata["prerequisites"]:
            if prerequisite in names:
                assert names.index(prerequisite) < names.index(chapter.docname), chapter.docname
            else:
                assert document_path(ROOT, prerequisite) is not None


def test_an_unlisted_notebook_is_found(tree):
    stray = tree.path.with_name("stray.ipynb")
    stray.write_bytes(tree.path.read_bytes())
    hidden = tree.path.parent / ".ipynb_checkpoints" / "doubling-checkpoint.ipynb"
    hidden.parent.mkdir()
    hidden.write_bytes(tree.path.read_bytes())
    assert unlisted_notebooks(tree.root) == ["math/stray"]


def test_names_of_figures_are_unique_in_the_book():
    names = [
        cell["metadata"]["mystnb"]["figure"]["name"]
        for chapter in CHAPTERS
        for cell in chapter.cells
        if "name" in cell["metadata"].get("mystnb", {}).get("figure", {})
    ]
    assert sorted(names) == sorted(set(names))
