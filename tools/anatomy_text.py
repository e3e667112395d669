"""Rules for a chapter's metadata, headings, prose and links."""

import re
from collections.abc import Iterator
from pathlib import Path

from tools.chapters import BOOK, Chapter, document_path, source_of, toc_documents
from tools.generated import FRAMEWORKS, HEADING, sync_notebook
from tools.notebook_files import KERNELSPEC, LANGUAGE_INFO, read_notebook

ENDING = (
    "What the documents say",
    "Exercises",
    "Summary",
    "At full scale",
    "Further reading",
)
FEWEST_WORDS = 900
FEWEST_OBJECTIVES = 3
TYPES = {
    "question": str,
    "objectives": list,
    "prerequisites": list,
    "minutes": dict,
    "frameworks": list,
    "data": str,
    "sources": list,
}
_FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
_MATH = re.compile(r"\$\$.*?\$\$|\$[^$\n]+\$", re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^()\s]*(?:\([^()\s]*\))?[^()\s]*)")
_DIRECTIVE = re.compile(r"^\s*(?:`{3,}|:{3,})\s*\{([\w:-]+)\}", re.MULTILINE)
_MYST = {
    "a role": re.compile(r"\{[\w:-]+\}`"),
    "a target": re.compile(r"^\([\w-]+\)=\s*$", re.MULTILINE),
    "a comment": re.compile(r"^% ", re.MULTILINE),
}
# A DOI may hold parentheses, in pairs: so may the target of a Markdown link.
_IDENTIFIER = re.compile(r"https://(?:arxiv\.org/abs|doi\.org)/((?:[^\s()]|\([^\s()]*\))+)")


def markdown_of(chapter: Chapter) -> str:
    """Return the chapter's Markdown cells as one text, without code between fences."""
    cells = (source_of(cell) for cell in chapter.cells if cell["cell_type"] == "markdown")
    return _FENCE.sub("", "\n\n".join(cells))


def headings_of(chapter: Chapter) -> list[tuple[int, str]]:
    """Return (level, text) of the headings; nbgrader's marker lines are none."""
    found = re.findall(r"^(#{1,6}) +(.+?)\s*$", markdown_of(chapter), re.MULTILINE)
    return [
        (len(marks), text) for marks, text in found if not re.match(r"(BEGIN|END) SOLUTION", text)
    ]


def identifiers_in(text: str) -> list[str]:
    """Return the DOIs and arXiv numbers that a Markdown text links to."""
    return _IDENTIFIER.findall(text)


def section(chapter: Chapter, title: str) -> str:
    """Return the Markdown of a section up to the next heading of its level."""
    parts = re.split(r"^## +(.+?)\s*$", markdown_of(chapter), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True)).get(title, "")


def metadata_is_complete(root: Path, chapter: Chapter) -> Iterator[str]:
    """The notebook's companion metadata has every entry, of the right type."""
    facts = chapter.metadata
    mistyped = [name for name, kind in TYPES.items() if not isinstance(facts.get(name), kind)]
    for name in mistyped:
        yield f"metadata {name} is {facts.get(name)!r}; expected a {TYPES[name].__name__}"
    for name in sorted(set(facts) - set(TYPES)):
        yield f"metadata {name} is unknown; known are {', '.join(TYPES)}"
    if not mistyped:
        yield from _wrong_values(root, facts)


def _wrong_values(root: Path, facts: dict) -> Iterator[str]:
    if not str(facts["question"]).endswith("?"):
        yield f"the question {facts['question']!r} does not end with a question mark"
    if len(facts["objectives"]) < FEWEST_OBJECTIVES:
        yield f"{len(facts['objectives'])} objectives; expected at least {FEWEST_OBJECTIVES}"
    for objective in facts["objectives"]:
        if not re.match(r"[A-Z][a-z]+ \S+ ?\S", objective):
            yield f"the objective {objective!r} does not start with a verb such as 'Derive'"
    read, run = facts["minutes"].get("read"), facts["minutes"].get("run")
    if not isinstance(read, int) or not 5 <= read <= 120:
        yield f"minutes.read is {read!r}; expected a whole number from 5 to 120"
    if not isinstance(run, int | float) or not 0 < run <= 1:
        yield f"minutes.run is {run!r}; expected a number above 0 and at most 1"
    if not facts["frameworks"] or set(facts["frameworks"]) - set(FRAMEWORKS):
        yield f"frameworks are {facts['frameworks']!r}; expected some of {', '.join(FRAMEWORKS)}"
    if len(str(facts["data"]).split()) < 3:
        yield f"data is {facts['data']!r}; expected a sentence"
    known = toc_documents(root)
    for docname in facts["prerequisites"]:
        if docname not in known and document_path(root, docname) is None:
            yield f"the prerequisite {docname!r} is no page of the book"
    if not facts["sources"]:
        yield "sources is empty; expected passages such as 'D2 §4.3'"
    for source in facts["sources"]:
        if not re.fullmatch(r"D[0-4] §\S.*", str(source)):
            yield f"the source {source!r} does not look like 'D2 §4.3'"


def kernel_is_neutral(root: Path, chapter: Chapter) -> Iterator[str]:
    """The notebook's metadata names no machine, version or editor."""
    metadata = dict(chapter.notebook["metadata"])
    metadata.pop("companion", None)
    if metadata != {"kernelspec": KERNELSPEC, "language_info": LANGUAGE_INFO}:
        yield f"metadata is {metadata}; save it with: python -m tools.notebooks run"


def generated_cells_are_current(root: Path, chapter: Chapter) -> Iterator[str]:
    """*In this chapter* and the setup cell are what ``sync`` writes."""
    if sync_notebook(root, chapter, read_notebook(chapter.path)):
        yield "cell 1 or 2 is out of date; run: python -m tools.notebooks sync"


def headings_are_in_order(root: Path, chapter: Chapter) -> Iterator[str]:
    """One title, *In this chapter*, the chapter's own sections, and the fixed ones at the end."""
    headings = headings_of(chapter)
    titles = [text for level, text in headings if level == 1]
    sections = [text for level, text in headings if level == 2]
    first = source_of(chapter.cells[0]) if chapter.cells else ""
    if len(titles) != 1 or not first.startswith("# "):
        yield f"titles are {titles}; expected one, at the beginning of cell 0"
    elif len(first.split("\n", 1)[-1].split()) < 20:
        yield "cell 0 lacks the paragraph below the title that asks and answers the question"
    if sections[:1] != [HEADING.removeprefix("## ")]:
        yield f"the first section is {sections[:1]}; expected 'In this chapter'"
    if tuple(sections[-len(ENDING) :]) != ENDING:
        yield f"the last sections are {sections[-len(ENDING) :]}; expected {list(ENDING)}"
    if len(sections) < len(ENDING) + 3:
        yield f"{len(sections)} sections; expected at least two of the chapter's own"
    if len(set(sections)) != len(sections):
        yield "two sections have the same heading"


def prose_is_long_enough(root: Path, chapter: Chapter) -> Iterator[str]:
    """There are at least 900 words besides code, formulas and the generated cell."""
    text = _MATH.sub(" ", markdown_of(chapter))
    own = text.replace(section(chapter, HEADING.removeprefix("## ")), "")
    words = len(re.findall(r"[^\W\d_]{2,}", own))
    if words < FEWEST_WORDS:
        yield f"{words} words of prose; expected at least {FEWEST_WORDS}"


def markdown_is_plain(root: Path, chapter: Chapter) -> Iterator[str]:
    """Besides formulas and notes there is no MyST, which JupyterLab, GitHub and Colab print raw."""
    for cell in chapter.cells:
        if cell["cell_type"] != "markdown":
            continue
        source = source_of(cell)
        for name in _DIRECTIVE.findall(source):
            if name != "note":
                yield f"the directive {{{name}}}; only {{note}} is used in chapters"
        for what, pattern in _MYST.items():
            for match in pattern.finditer(_MATH.sub(" ", _FENCE.sub("", source))):
                yield f"{what} of MyST: {match.group()!r}"


def links_lead_somewhere(root: Path, chapter: Chapter) -> Iterator[str]:
    """Every relative link leads to a file of the repository."""
    for target in _LINK.findall(_MATH.sub(" ", markdown_of(chapter))):
        if re.match(r"(https?:|mailto:|#|attachment:)", target):
            continue
        path = chapter.path.parent / target.split("#")[0]
        if not path.exists() or not path.resolve().is_relative_to(root.resolve() / BOOK):
            yield f"the link to {target!r} leads to no file of {BOOK}/"


def further_reading_is_in_bibliography(root: Path, chapter: Chapter) -> Iterator[str]:
    """Every arXiv number and DOI under *Further reading* also stands in ``references.bib``."""
    text = section(chapter, "Further reading")
    bibliography = (root / BOOK / "references.bib").read_text(encoding="utf-8").lower()
    if not re.search(r"^[-*] ", text, re.MULTILINE):
        yield "Further reading has no list"
    for identifier in identifiers_in(text):
        known = re.compile(re.escape(identifier.lower()) + r"(?![\w./-])")
        if not known.search(bibliography):
            yield f"{identifier} is not in {BOOK}/references.bib"


RULES = (
    metadata_is_complete,
    kernel_is_neutral,
    generated_cells_are_current,
    headings_are_in_order,
    prose_is_long_enough,
    markdown_is_plain,
    links_lead_somewhere,
    further_reading_is_in_bibliography,
)
