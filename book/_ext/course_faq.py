"""The directive below each answer of the FAQ: the claims that show it, and where it is asked."""

import re

from course_pieces import CourseDirective, container, link, paragraph
from docutils import nodes
from sphinx.util import logging

from tools.chapters import claims

PASSAGE = re.compile(r"D[0-4] §\d+(\.\d+)*")
logger = logging.getLogger(__name__)


class ShownBy(CourseDirective):
    """Link the claims that show an answer.

    The argument names the passages that ask the question, such as ``D2 §9.1, D4 §6``. Each line of
    the body is a chapter and the text or the id of one of its claims, such as
    ``math/losses: our Huber line is scikit-learn's``. A chapter that is not in the contents yet is
    printed as in preparation, and its claim may be left out until then. A chapter without such a
    claim is a warning, which fails the build.
    """

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the passages, the claims and the chapters in preparation."""
        passages = [passage.strip() for passage in self.arguments[0].split(",")]
        for passage in passages:
            if not PASSAGE.fullmatch(passage):
                self.warn(f"{passage!r} is no passage such as 'D2 §9.1'")
        items, preparing = [], {}
        for line in filter(None, map(str.strip, self.content)):
            docname, _, wanted = line.partition(": ")
            if docname not in self.known():
                preparing[docname] = True
            elif claim := self.claim(docname, wanted):
                items.append(self.item(docname, claim))
        children = [nodes.bullet_list("", *items)] if items else []
        if preparing:
            children.append(small_print(f"In preparation: {', '.join(preparing)}"))
        return [container("erratum-shown", *children, small_print(f"Asked in {joined(passages)}"))]

    def known(self) -> dict:
        """Return the title and the claims of each chapter, read once for the page."""
        kept = self.env.temp_data
        if "course_faq" not in kept:
            kept["course_faq"] = {one.docname: (one.title, claims(one)) for one in self.chapters()}
        return kept["course_faq"]

    def claim(self, docname: str, wanted: str) -> dict | None:
        """Return the claim with this text or id, or warn."""
        found = [one for one in self.known()[docname][1] if wanted in (one["text"], one["id"])]
        if not found:
            self.warn(f"{docname} is in the contents and has no claim {wanted!r}")
        return found[0] if found else None

    def item(self, docname: str, claim: dict) -> nodes.list_item:
        """Return a claim and its chapter, each as a link."""
        line = paragraph(link(self.uri(docname, claim["id"]), claim["text"]))
        line += [
            nodes.Text(" ("),
            link(self.uri(docname), self.known()[docname][0]),
            nodes.Text(")"),
        ]
        return nodes.list_item("", line)

    def warn(self, message: str) -> None:
        """Report what is wrong with this directive."""
        logger.warning(f"shown-by: {message}", location=self.get_location())


def small_print(text: str) -> nodes.paragraph:
    """Return a paragraph in the theme's small type."""
    return paragraph(nodes.inline("", text, classes=["small"]))


def joined(passages: list[str]) -> str:
    """Return passages as text in which the sections of one document stand together.

    >>> joined(["D0 §2.1", "D0 §9.1", "D2 §3"])
    'D0 §2.1, §9.1; D2 §3'
    """
    sections = {}
    for passage in passages:
        document, _, place = passage.partition(" ")
        sections.setdefault(document, []).append(place)
    return "; ".join(f"{document} {', '.join(places)}" for document, places in sections.items())
