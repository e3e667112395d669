"""The errata of the source documents and the claims that show them; no Sphinx in here."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from tools.chapters import chapters, claims, toc_documents

ERRATA = "book/errata.yml"
FIELDS = ("id", "where", "says", "is_so", "chapter", "source")
KINDS = ("listings", "statements")


@dataclass(frozen=True)
class Row:
    """One row of ``errata.yml``.

    Attributes:
        id: unique name, also the anchor of the row.
        kind: ``listings`` or ``statements``.
        where: the passage as printed on the page, such as "D2 §4.3".
        says: what the document says, or what its listing does.
        is_so: what is so.
        chapter: docname of the chapter that shows it.
        source: the passage as the chapter's claims name it in ``source=``.
        written: whether the chapter is in the book yet.
        plain: whether it is a page of text, which has no claims.
        claims: the claims of that chapter with this source.
    """

    id: str
    kind: str
    where: str
    says: str
    is_so: str
    chapter: str
    source: str
    written: bool
    plain: bool
    claims: tuple[dict, ...]

    @property
    def document(self) -> str:
        """The document's id, such as "D2"."""
        return self.where.split()[0]

    @property
    def anchor(self) -> str:
        """Where on its page the row is shown: a chapter's section, or a place of a text page."""
        return self.id.lower().replace(".", "-") if self.plain else "what-the-documents-say"


def load_errata(root: Path) -> tuple[list[dict], list[Row]]:
    """Return the documents and the rows of ``errata.yml``, each row with its claims.

    Raises:
        ValueError: if a row lacks a field, names an unknown document, or an id occurs twice.
    """
    errata = yaml.safe_load((Path(root) / ERRATA).read_text(encoding="utf-8"))
    claimed = {chapter.docname: claims(chapter) for chapter in chapters(root)}
    pages = set(toc_documents(root))
    rows = [_row(kind, entry, claimed, pages) for kind in KINDS for entry in errata[kind]]
    known = {document["id"] for document in errata["documents"]}
    seen = set()
    for row in rows:
        if row.document not in known:
            raise ValueError(f"{row.id}: {row.document!r} is not one of {', '.join(sorted(known))}")
        if row.id in seen:
            raise ValueError(f"{ERRATA} has two rows with the id {row.id!r}")
        seen.add(row.id)
    return errata["documents"], rows


def _row(kind: str, entry: dict, claimed: dict[str, list[dict]], pages: set[str]) -> Row:
    if sorted(entry) != sorted(FIELDS):
        raise ValueError(
            f"{ERRATA}: {entry.get('id')} has {sorted(entry)}; expected {sorted(FIELDS)}"
        )
    mine = [one for one in claimed.get(entry["chapter"], []) if one["source"] == entry["source"]]
    written = entry["chapter"] in pages
    plain = written and entry["chapter"] not in claimed
    return Row(kind=kind, written=written, plain=plain, claims=tuple(mine), **entry)
