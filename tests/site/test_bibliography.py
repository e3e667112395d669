"""The bibliography can be looked up, and holds what the chapters cite."""

import re
from pathlib import Path

import pytest
from pybtex.database import parse_file

from tools.anatomy_text import identifiers_in, markdown_of
from tools.chapters import chapters

ROOT = Path(__file__).resolve().parents[2]
ARXIV = re.compile(r"\d{4}\.\d{4,5}")
DOI = re.compile(r"10\.\d{4,9}/\S+")


@pytest.fixture(scope="module")
def entries():
    return parse_file(str(ROOT / "book" / "references.bib")).entries


def test_every_entry_can_be_looked_up(entries):
    for key, entry in entries.items():
        fields = entry.fields
        assert "doi" in fields or "eprint" in fields or "url" in fields, key
        assert DOI.fullmatch(fields.get("doi", "10.1000/1")), key
        assert ARXIV.fullmatch(fields.get("eprint", "1234.56789")), key
        assert re.fullmatch(r"[a-z]+\d{4}[a-z]?", key), key
        assert key[-4:] == fields["year"] or key[:-1].endswith(fields["year"]), key


def test_entries_are_in_order_and_not_doubled(entries):
    keys = list(entries)
    assert keys == sorted(keys)
    for name in ("doi", "eprint", "title"):
        # Two works may have one title, such as "Deep learning", but not of the same author.
        values = [
            (entry.fields[name].lower(), str(entry.persons["author"][0]) if name == "title" else "")
            for entry in entries.values()
            if name in entry.fields
        ]
        assert len(values) == len(set(values)), name


def test_what_the_chapters_cite_is_listed(entries):
    known = {entry.fields.get("eprint") for entry in entries.values()}
    known |= {entry.fields.get("doi", "").lower() for entry in entries.values()}
    unlisted = []
    for chapter in chapters(ROOT):
        cited = identifiers_in(markdown_of(chapter))
        unlisted += [f"{chapter.docname}: {found}" for found in cited if found.lower() not in known]
    assert unlisted == []


def test_the_page_prints_every_entry(site, entries):
    page = (site.html / "appendix" / "bibliography.html").read_text(encoding="utf-8")
    assert page.count('class="citation"') == len(entries)


def test_identifiers_with_parentheses_are_read_whole():
    text = "([doi](https://doi.org/10.1016/0041-5553(64)90137-5)), [x](https://arxiv.org/abs/1606.04838)."
    assert identifiers_in(text) == ["10.1016/0041-5553(64)90137-5", "1606.04838"]
