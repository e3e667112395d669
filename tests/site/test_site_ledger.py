"""The ledger lists every claim, and the errata every row with the claims that show it."""

import sys
from collections import Counter

import pytest
import yaml

from tools.chapters import chapters, claims, toc_documents


@pytest.fixture(scope="module")
def errata(site):
    return yaml.safe_load((site.tree / "book" / "errata.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def rows(errata):
    return errata["listings"] + errata["statements"]


def test_ledger_lists_every_claim(site, parsed, as_plain):
    """Each claim, as often as it is made, with a link to an anchor that exists."""
    listed = Counter(parsed["appendix/ledger.html"].links)
    for chapter in chapters(site.tree):
        made = Counter(
            (f"../{chapter.docname}.html#{claim['id']}", as_plain(claim["text"]))
            for claim in claims(chapter)
        )
        assert made <= listed, made - listed


def test_claims_stand_in_their_chapters(site, parsed):
    for chapter in chapters(site.tree):
        for claim in claims(chapter):
            assert claim["id"] in parsed[f"{chapter.docname}.html"].anchors


def test_errata_list_every_row(site, parsed, rows):
    anchors = parsed["appendix/errata.html"].anchors
    missing = [row["id"] for row in rows if f"erratum-{row['id']}" not in anchors]
    assert missing == []
    assert len({row["id"] for row in rows}) == len(rows)


def test_errata_of_written_chapters_are_shown_by_claims(site, rows):
    """A row may not say "in preparation" once its chapter is in the contents."""
    written = {chapter.docname for chapter in chapters(site.tree)}
    claimed = {
        (chapter.docname, claim["source"])
        for chapter in chapters(site.tree)
        for claim in claims(chapter)
    }
    unshown = [
        f"{row['id']}: {row['chapter']} has no claim with source={row['source']!r}"
        for row in rows
        if row["chapter"] in written and (row["chapter"], row["source"]) not in claimed
    ]
    assert unshown == []


def test_errata_of_a_page_of_text_lead_to_their_place(site, parsed, rows):
    """A wrong reference is set right in a table; there is nothing to run."""
    texts = set(toc_documents(site.tree)) - {chapter.docname for chapter in chapters(site.tree)}
    places = [(row["chapter"], row["id"].lower().replace(".", "-")) for row in rows]
    places = [place for place in places if place[0] in texts]
    assert len(places) == 2
    targets = {target for target, _ in parsed["appendix/errata.html"].links}
    for docname, anchor in places:
        assert anchor in parsed[f"{docname}.html"].anchors
        assert f"{docname.removeprefix('appendix/')}.html#{anchor}" in targets


def test_errata_cover_all_documents(errata, rows):
    assert {row["where"].split()[0] for row in rows} == {
        entry["id"] for entry in errata["documents"]
    }
    assert len(errata["listings"]) == 8


def test_front_page_lists_every_chapter_with_its_question(site, parsed, as_plain):
    page = parsed["index.html"]
    text = as_plain(page.text)
    for chapter in chapters(site.tree):
        assert (f"{chapter.docname}.html", as_plain(chapter.title)) in page.links
        assert as_plain(chapter.metadata["question"]).split("$")[0].split("`")[0][:40] in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"where": "D9 §1"}, "not one of"),
        ({"id": "D0-1.1-origin"}, "two rows"),
        ({"remark": "extra"}, "expected"),
    ],
)
def test_a_malformed_row_is_refused(site, tmp_path, monkeypatch, errata, change, message):
    monkeypatch.setattr(sys, "path", [str(site.tree / "book" / "_ext"), *sys.path])
    from course_errata import load_errata

    (tmp_path / "book").mkdir()
    (tmp_path / "_toc.yml").write_text("root: index\n", encoding="utf-8")
    bad = {**errata, "statements": [*errata["statements"], {**errata["statements"][1], **change}]}
    if "id" not in change:
        bad["statements"][-1]["id"] = "D0-new"
    (tmp_path / "book" / "errata.yml").write_text(yaml.safe_dump(bad), encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        load_errata(tmp_path)
