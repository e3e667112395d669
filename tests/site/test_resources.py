"""What the appendix recommends and cites agrees with the bibliography, which was looked up."""

import re
from pathlib import Path

import pytest
import yaml
from docutils.nodes import make_id
from pybtex.database import parse_file

from tools.anatomy_text import identifiers_in

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("faq", "resources")
# Author (year), *Title* … [identifier](address), at the beginning of an item, a cell or a sentence.
ENTRY = re.compile(
    r"(?P<authors>[^|*\n]+?) \((?P<year>\d{4})\), \*(?P<title>[^*]+)\*"
    r"[^|\n]*?\[(?P<label>[^\]]+)\]\((?P<url>(?:[^\s()]|\([^\s()]*\))+)\)"
)
# [Author, year](address) within a sentence.
MENTION = re.compile(r"\[(?P<authors>[^\]]+?), (?P<year>\d{4})[^\]]*\]\((?P<url>[^\s)]+)\)")


@pytest.fixture(scope="module")
def works():
    """The entries of the bibliography by each address that leads to them."""
    found = {}
    for entry in parse_file(str(ROOT / "book" / "references.bib")).entries.values():
        for field, start in (
            ("eprint", "https://arxiv.org/abs/"),
            ("doi", "https://doi.org/"),
            ("url", ""),
        ):
            if field in entry.fields:
                found[start + entry.fields[field]] = entry
    return found


def text_of(name: str) -> str:
    return (ROOT / "book" / "appendix" / f"{name}.md").read_text(encoding="utf-8")


def plain(title: str) -> str:
    return re.sub(r"[{}\\]", "", title)


def disagreement(cited: dict, works: dict) -> str | None:
    """Say in what a citation differs from the bibliography; None when it does not."""
    entry = works.get(cited["url"])
    if entry is None:
        return f"{cited['url']} is not in the bibliography"
    first = entry.persons["author"][0]
    right = {
        "year": cited["year"] == entry.fields["year"],
        "first author": plain(" ".join(first.last_names)) in cited["authors"],
        "title": cited.get("title") in (None, plain(entry.fields["title"])),
        "label": names(cited.get("label"), entry.fields),
    }
    wrong = [what for what, holds in right.items() if not holds]
    return f"{cited}: wrong {', '.join(wrong)}" if wrong else None


def names(label: str | None, fields) -> bool:
    """Whether the text of a link is the work's number, if it looks like one."""
    kinds = (("arXiv:", "eprint"), ("doi:", "doi"), ("ISBN ", "isbn"))
    for start, field in kinds:
        if label and label.startswith(start):
            return label.removeprefix(start) == fields.get(field)
    return True


@pytest.mark.parametrize("name", PAGES)
def test_every_identifier_is_in_the_bibliography(name, works):
    known = {address.lower() for address in works}
    cited = identifiers_in(text_of(name))
    assert len(cited) > 10
    unknown = [
        found
        for found in cited
        if not {f"https://arxiv.org/abs/{found}", f"https://doi.org/{found.lower()}"} & known
    ]
    assert unknown == []


@pytest.mark.parametrize(
    ("name", "pattern", "fewest"), [("resources", ENTRY, 100), ("faq", MENTION, 20)]
)
def test_authors_years_and_titles_are_those_of_the_bibliography(name, pattern, fewest, works):
    cited = [match.groupdict() for match in pattern.finditer(text_of(name))]
    assert len(cited) >= fewest
    assert list(filter(None, (disagreement(one, works) for one in cited))) == []


def test_each_item_of_the_lists_is_a_tool_or_a_checked_entry():
    items = re.findall(r"^- (.*)$", text_of("resources"), re.MULTILINE)
    assert [item for item in items if not (item.startswith("[") or ENTRY.match(item))] == []


@pytest.mark.parametrize(
    ("right", "wrong", "what"),
    [
        ("(2015)", "(2016)", "year"),
        ("Kingma", "Kingsma", "author"),
        ("Adam: A", "Adam, a", "title"),
    ],
)
def test_the_check_itself_notices_a_wrong_entry(works, right, wrong, what):
    line = next(line for line in text_of("resources").splitlines() if "1412.6980" in line)
    assert disagreement(ENTRY.search(line).groupdict(), works) is None
    assert what in disagreement(ENTRY.search(line.replace(right, wrong)).groupdict(), works)


def test_the_rows_of_the_longest_list_are_all_accounted_for():
    table = re.findall(r"^\| (\d[\d, ]*) \| (.*?) \|", text_of("resources"), re.MULTILINE)
    rows = [int(number) for numbers, _ in table for number in numbers.split(",")]
    assert sorted(rows) == list(range(1, 53))
    assert len(table) == 19
    assert sum(what.endswith("no fault") for _, what in table) == 4


def test_errata_that_point_to_the_page_have_an_anchor_there():
    errata = yaml.safe_load((ROOT / "book" / "errata.yml").read_text(encoding="utf-8"))
    rows = [row["id"] for row in errata["statements"] if row["chapter"] == "appendix/resources"]
    assert rows
    assert [row for row in rows if f"({make_id(row)})=" not in text_of("resources")] == []
