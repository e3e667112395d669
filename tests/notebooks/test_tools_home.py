"""The repository's address is the same everywhere, and can be changed everywhere at once."""

from pathlib import Path

import pytest

from tools.chapters import repository_url
from tools.generated import sync_chapters
from tools.home import check_url, set_home, strangers

ROOT = Path(__file__).resolve().parents[2]
NEW = "https://github.com/someone/a-book"
README = """\
Read it at https://OWNER.github.io/large-models-small/ or clone it:

    git clone https://github.com/OWNER/large-models-small.git

Not to be confused with https://github.com/OWNER/large-models-small-extra.
"""


def test_the_repository_names_one_home():
    assert strangers(ROOT) == []
    assert check_url(repository_url(ROOT)) == repository_url(ROOT)


def test_the_address_changes_everywhere_and_nothing_else_does(tree):
    (tree.root / "README.md").write_text(README)
    config = (tree.root / "_config.yml").read_text()
    changed = set_home(tree.root, NEW)
    assert {path.name for path in changed} == {"_config.yml", "README.md", "doubling.ipynb"}
    after = (tree.root / "_config.yml").read_text()
    assert after == config.replace("https://github.com/OWNER/large-models-small", NEW)
    assert (tree.root / "README.md").read_text() == README.replace(
        "https://OWNER.github.io/large-models-small/", "https://someone.github.io/a-book/"
    ).replace("OWNER/large-models-small.git", "someone/a-book.git")
    notebook = tree.path.read_text()
    assert f"large-models-companion @ git+{NEW}\\" in notebook
    assert "research.google.com/github/someone/a-book/blob/main/book/math/" in notebook
    assert sync_chapters(tree.root, [tree.chapter], write=False) == []
    assert strangers(tree.root) == []


def test_there_and_back_leaves_every_byte_as_it_was(tree):
    before = {p: p.read_bytes() for p in tree.root.rglob("*") if p.is_file()}
    old = repository_url(tree.root)
    set_home(tree.root, NEW)
    set_home(tree.root, old)
    assert {p: p.read_bytes() for p in tree.root.rglob("*") if p.is_file()} == before


def test_away_from_github_nothing_leads_to_colab(tree):
    set_home(tree.root, "https://codeberg.org/someone/a-book")
    text = tree.path.read_text()
    assert "colab" not in text.replace("as in Colab, which", "")
    assert "git+https://codeberg.org/someone/a-book" in text


def test_a_place_that_names_another_home_is_found(tree):
    set_home(tree.root, NEW)
    (tree.root / "CITATION.cff").write_text("url: https://github.com/other/a-book\n")
    (tree.root / "book" / "index.md").write_text("https://github.com/OWNER/large-models-small\n")
    found = strangers(tree.root)
    assert len(found) == 2
    assert found[0] == f"CITATION.cff:1 names https://github.com/other/a-book, not {NEW}"
    assert found[1].startswith("book/index.md:1 names https://github.com/OWNER")


@pytest.mark.parametrize(
    "url",
    [
        "http://github.com/a/b",
        "https://github.com/a/b/",
        "https://github.com/a/b.git",
        "https://github.com/a",
        "github.com/a/b",
        "git@github.com:a/b",
        "https://github.com/a/b?tab=1",
        "https://github.com/a/b c",
        "",
    ],
)
def test_an_address_that_would_not_work_is_refused(tree, url):
    before = (tree.root / "_config.yml").read_bytes()
    with pytest.raises(ValueError, match="expected https://HOST/OWNER/NAME"):
        set_home(tree.root, url)
    assert (tree.root / "_config.yml").read_bytes() == before
