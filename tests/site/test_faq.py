"""Every question has a short answer, and leads to claims that exist."""

import json
import re
import sys
from io import StringIO
from pathlib import Path

import pytest

from tools.chapters import CLAIM_MIME, chapters, claims

ROOT = Path(__file__).resolve().parents[2]
QUESTION = re.compile(
    r"^### (?P<question>.+)\n\n(?P<answer>(?:.+\n)+)\n"
    r"```\{shown-by\} (?P<asked>.+)\n(?P<lines>(?:[^`].*\n)+)```$",
    re.MULTILINE,
)
# The documents' own sections of questions, and their challenges.
MUST_BE_ANSWERED = """
D0 §8.2, D0 §9.1, D0 §9.2, D0 §9.3, D1 §7, D1 §8, D2 §8.3, D2 §8.4, D2 §9.1, D2 §9.2, D2 §9.3,
D3 §8, D3 §9.1, D3 §9.2, D3 §9.3, D3 §9.4, D4 §5, D4 §6
"""


@pytest.fixture(scope="module")
def page():
    return (ROOT / "book" / "appendix" / "faq.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def questions(page):
    return [match.groupdict() for match in QUESTION.finditer(page)]


def sentences(answer: str) -> int:
    """The number of sentences, without what stands in parentheses and in formulas."""
    text = re.sub(r"\$[^$]*\$|\[([^\]]*)\]\([^)\s]*\)", r"\1", answer.replace("\n", " "))
    return len(re.findall(r"[.?!](?= |$)", re.sub(r"\([^()]*\)", "", text)))


def test_every_question_has_an_answer_of_at_most_three_sentences(page, questions):
    assert len(questions) == len(re.findall(r"^### ", page, re.MULTILINE)) > 50
    for entry in questions:
        assert entry["question"].endswith("?"), entry["question"]
        assert 1 <= sentences(entry["answer"]) <= 3, entry["question"]
    assert len({entry["question"] for entry in questions}) == len(questions)


def test_the_documents_questions_are_all_there(questions):
    asked = {passage for entry in questions for passage in entry["asked"].split(", ")}
    required = {passage.strip() for passage in MUST_BE_ANSWERED.split(",")}
    assert required - asked == set()
    assert {passage[:2] for passage in asked} == {"D0", "D1", "D2", "D3", "D4"}


def test_answers_lead_to_claims_of_the_written_chapters(questions):
    written = {chapter.docname: claims(chapter) for chapter in chapters(ROOT)}
    missing = []
    for entry in questions:
        for line in entry["lines"].splitlines():
            docname, _, wanted = line.partition(": ")
            texts = [text for one in written.get(docname, []) for text in (one["text"], one["id"])]
            if docname in written and wanted not in texts:
                missing.append(f"{entry['question']} {line}")
    assert missing == []


@pytest.fixture
def build(tmp_path, monkeypatch):
    """A function that builds a book of one chapter, `one`, and a page with the directive."""
    monkeypatch.setattr(sys, "path", [str(ROOT / "book" / "_ext"), *sys.path])
    from course_faq import ShownBy
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace

    book = tmp_path / "book"
    book.mkdir()
    payload = {"text": "2 < 3: so it is", "id": "claim-2-3", "measured": None, "source": None}
    cell = {"cell_type": "code", "source": "", "outputs": [{"data": {CLAIM_MIME: payload}}]}
    title = {"cell_type": "markdown", "source": "# One"}
    notebook = {"nbformat": 4, "metadata": {}, "cells": [title, cell]}
    (book / "one.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    (tmp_path / "_toc.yml").write_text("root: index\nchapters: [{file: one}]", encoding="utf-8")

    def run(asked: str, *lines: str) -> tuple[str, str]:
        body = "\n".join(lines)
        text = f"# Page\n\n```{{shown-by}} {asked}\n{body}\n```\n"
        (book / "index.md").write_text(text, encoding="utf-8")
        settings = {"extensions": ["myst_parser"], "exclude_patterns": ["one.ipynb"]}
        warnings, out = StringIO(), str(tmp_path / "out")
        with docutils_namespace():
            app = Sphinx(book, None, out, out, "html", settings, status=None, warning=warnings)
            app.add_directive("shown-by", ShownBy)
            app.build(force_all=True)
        return (tmp_path / "out" / "index.html").read_text(encoding="utf-8"), warnings.getvalue()

    return run


@pytest.mark.parametrize("wanted", ["2 < 3: so it is", "claim-2-3"])
def test_a_claim_is_linked_by_its_text_or_its_id(build, wanted):
    html, warnings = build("D2 §9.1, D2 §9.3, D4 §6", f"one: {wanted}", "two: not yet", "three")
    assert warnings == ""
    assert re.search(r'href="one.html#claim-2-3">\s*2 &lt; 3: so it is', html)
    assert "In preparation: two, three" in html
    assert "Asked in D2 §9.1, §9.3; D4 §6" in html


@pytest.mark.parametrize(
    ("asked", "line", "message"),
    [
        ("D2 §9.1", "one: 3 < 2", "one is in the contents and has no claim '3 < 2'"),
        ("D2 §9.1", "one", "one is in the contents and has no claim ''"),
        ("D5 §9.1", "one: claim-2-3", "'D5 §9.1' is no passage"),
    ],
)
def test_what_does_not_exist_is_a_warning(build, asked, line, message):
    assert message in build(asked, line)[1]
