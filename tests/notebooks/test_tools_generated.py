"""The generated cells say what the metadata says, and are written only where they differ."""

import pytest

from tools.chapters import chapters
from tools.generated import colab_link, introduction_source, setup_source, sync_chapters
from tools.notebook_files import read_notebook

INTRODUCTION = """\
## In this chapter

By the end you can

- Double a number
- Explain what doubling does
- Check a result

What it takes:

- **Before you start:** [Tables of numbers](tables.md)
- **Time:** 10 minutes to read, under a minute to run
- **Frameworks:** NumPy, PyTorch
- **Data:** None but small whole numbers
- **Source documents:** D2 §4.3, D0 §4.1
- **Run it:** [open this chapter in Colab](https://colab.research.google.com/github/OWNER/\
large-models-small/blob/main/book/math/doubling.ipynb)"""


def test_the_introduction_says_what_the_metadata_says(tree):
    assert introduction_source(tree.root, tree.chapter) == INTRODUCTION


def test_a_chapter_without_prerequisites_says_so(tree):
    tree.notebook.metadata.companion.prerequisites = []
    tree.save()
    assert "nothing but Python" in introduction_source(tree.root, tree.chapter)


def test_colab_opens_only_what_is_on_github(tree):
    config = tree.root / "_config.yml"
    config.write_text(config.read_text().replace("github.com", "codeberg.org"))
    assert colab_link(tree.root, "math/doubling") is None
    assert "Colab" not in introduction_source(tree.root, tree.chapter)


@pytest.mark.parametrize(
    ("entry", "value", "message"),
    [
        ("frameworks", ["jax"], "'jax' is missing .* or is no framework"),
        ("prerequisites", ["math/nowhere"], "'math/nowhere' is no page"),
        ("minutes", {"read": 3}, "'run' is missing"),
    ],
)
def test_metadata_that_says_too_little_is_named(tree, entry, value, message):
    tree.notebook.metadata.companion[entry] = value
    tree.save()
    with pytest.raises(ValueError, match=message):
        introduction_source(tree.root, tree.chapter)


def test_generated_cells_are_inserted_where_they_are_missing(tree):
    del tree.notebook.cells[1:3]
    tree.save()
    assert sync_chapters(tree.root, chapters(tree.root)) == ["math/doubling"]
    cells = read_notebook(tree.path).cells
    assert cells[1].source == INTRODUCTION
    assert cells[2].source == setup_source(tree.root)
    assert cells[2].metadata == {"tags": ["setup", "hide-input"]}
    assert cells[3].source.startswith("## The first idea")
    assert len({cell.id for cell in cells}) == len(cells)


def test_a_stale_cell_is_replaced_and_keeps_its_id_and_count(tree):
    before = tree.notebook.cells[2]
    identifier, count = before.id, before.execution_count
    before.source += "\nprint('edited by hand')"
    tree.save()
    sync_chapters(tree.root, chapters(tree.root))
    after = read_notebook(tree.path).cells[2]
    assert after.source == setup_source(tree.root)
    assert (after.id, after.execution_count) == (identifier, count)


def test_looking_writes_nothing(tree):
    tree.notebook.metadata.companion.data = "Some other numbers."
    tree.save()
    before = tree.path.read_bytes()
    assert sync_chapters(tree.root, chapters(tree.root), write=False) == ["math/doubling"]
    assert tree.path.read_bytes() == before


def test_a_chapter_in_order_is_not_touched(tree):
    before = tree.path.stat().st_mtime_ns
    assert sync_chapters(tree.root, chapters(tree.root)) == []
    assert tree.path.stat().st_mtime_ns == before
