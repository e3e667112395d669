"""Chapters, their titles and their claims are read as the table of contents lists them."""

import pytest

from tools.chapters import (
    chapters,
    claims,
    document_title,
    load_chapter,
    repository_branch,
    repository_url,
    toc_documents,
)


def test_documents_are_listed_in_reading_order_with_nested_sections(tree):
    assert toc_documents(tree.root) == [
        "index",
        "math/doubling",
        "math/tables",
        "math/tables-more",
        "appendix/generated",
    ]


def test_a_table_of_contents_without_parts_is_read_too(tree):
    toc = "format: jb-book\nroot: index\nchapters:\n  - file: math/doubling\n  - url: https://a.b\n"
    (tree.root / "_toc.yml").write_text(toc)
    assert toc_documents(tree.root) == ["index", "math/doubling"]


def test_only_notebooks_are_chapters(tree):
    (chapter,) = chapters(tree.root)
    assert chapter.docname == "math/doubling"
    assert chapter.title == "Doubling"
    assert chapter.path == tree.path
    assert chapter.metadata["minutes"] == {"read": 10, "run": 0.5}


def test_titles_of_pages(tree):
    assert document_title(tree.root, "math/tables") == "Tables of numbers"
    assert document_title(tree.root, "math/doubling") == "Doubling"
    assert document_title(tree.root, "math/nowhere") is None


def test_claims_come_from_the_outputs_with_their_chapter(tree):
    found = claims(tree.chapter)
    assert [claim["text"] for claim in found] == [f"{n} is less than {n + 1}" for n in range(1, 5)]
    assert found[0] == {
        "text": "1 is less than 2",
        "measured": "1",
        "source": None,
        "id": "claim-1-is-less-than-2",
        "docname": "math/doubling",
    }


@pytest.mark.parametrize("content", ["not json", '{"nbformat": 3, "worksheets": []}'])
def test_what_is_no_notebook_is_named(tree, content):
    tree.path.write_text(content)
    with pytest.raises(ValueError, match=r"doubling\.ipynb"):
        load_chapter(tree.path, "math/doubling")


def test_the_repository_stands_in_the_config(tree):
    assert repository_url(tree.root) == "https://github.com/OWNER/large-models-small"
    assert repository_branch(tree.root) == "main"
    (tree.root / "_config.yml").write_text("title: No repository\n")
    with pytest.raises(KeyError, match=r"_config\.yml must say repository"):
        repository_url(tree.root)
