"""Every link, image and script inside the site leads somewhere."""

import re
from urllib.parse import unquote, urldefrag

import pytest


def broken(parsed: dict, site, name: str, href: str) -> str | None:
    """Say what is wrong with a link of a page; None when it leads somewhere or to another host."""
    if href.startswith(("http:", "https:", "mailto:", "data:", "javascript:")):
        return None
    path, fragment = urldefrag(href.split("?")[0])
    target = (site.html / name).parent / unquote(path) if path else site.html / name
    if not target.is_file():
        return f"{name}: no file for {href}"
    inside = target.resolve().relative_to(site.html.resolve()).as_posix()
    if fragment and inside in parsed and unquote(fragment) not in parsed[inside].anchors:
        return f"{name}: no anchor for {href}"
    return None


def test_internal_links_resolve(site, parsed):
    found = [
        problem
        for name, page in parsed.items()
        for href, _ in page.links
        if (problem := broken(parsed, site, name, href))
    ]
    assert found == []


def test_files_of_the_pages_exist_and_come_from_here(site, parsed):
    found = []
    for name, page in parsed.items():
        for source in page.files:
            if source.startswith(("http:", "https:", "//")):
                found.append(f"{name}: asks another host for {source}")
            elif problem := broken(parsed, site, name, source):
                found.append(problem)
    assert found == []


@pytest.mark.parametrize(
    ("href", "wrong"),
    [
        ("missing.html", True),
        ("appendix/errata.html#no-such-anchor", True),
        ("appendix/errata.html#statements", False),
        ("https://example.org/anything", False),
    ],
)
def test_the_check_itself_tells_good_from_broken(site, parsed, href, wrong):
    assert (broken(parsed, site, "index.html", href) is not None) == wrong


def test_style_sheets_ask_no_other_host(site):
    """Fonts and images of style sheets come from here too."""
    foreign = re.compile(r"(url\(|@import)\s*[\"']?(https?:)?//")
    sheets = list((site.html / "_static").rglob("*.css"))
    assert len(sheets) > 5
    found = [sheet.name for sheet in sheets if foreign.search(sheet.read_text(encoding="utf-8"))]
    assert found == []
