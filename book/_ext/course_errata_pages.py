"""The directives of the errata page."""

from course_errata import ERRATA, load_errata
from course_pieces import CourseDirective, container, link, paragraph, section
from docutils import nodes

from tools.chapters import document_title


class ErrataTable(CourseDirective):
    """List the errata of one kind, ``listings`` or ``statements``, grouped by document."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return a section for each document that has rows of the kind."""
        self.chapters()
        self.depends_on(self.root / ERRATA)
        kind = self.arguments[0]
        documents, rows = load_errata(self.root)
        sections = []
        for document in documents:
            mine = [r for r in rows if r.kind == kind and r.document == document["id"]]
            if mine:
                anchor = f"{kind}-{document['id'].lower()}"
                title = f"{document['id']}: {document['subject'].split(';')[0]}"
                entries = [self.entry(row) for row in mine]
                sections.append(section(self.state.document, anchor, title, *entries))
        return sections

    def entry(self, row) -> nodes.container:
        """Return one erratum."""
        says = "The document says" if row.kind == "statements" else "As printed"
        so = "What is so" if row.kind == "statements" else "What the course does"
        return container(
            "erratum",
            paragraph(row.where, "erratum-where"),
            container("erratum-says", paragraph(says, "erratum-label"), paragraph(row.says)),
            container("erratum-so", paragraph(so, "erratum-label"), paragraph(row.is_so)),
            self.shown(row),
            ids=[f"erratum-{row.id}"],
        )

    def shown(self, row) -> nodes.container:
        """Return the link to the chapter and to the claims that show the row."""
        if not row.written:
            return container("erratum-shown", paragraph(f"In preparation: {row.chapter}"))
        title = document_title(self.root, row.chapter) or row.chapter
        where = paragraph("Shown in ", "erratum-chapter")
        where += link(self.uri(row.chapter, row.anchor), title)
        items = [
            nodes.list_item("", paragraph(link(self.uri(row.chapter, c["id"]), c["text"])))
            for c in row.claims
        ]
        return container(
            "erratum-shown", where, *([nodes.bullet_list("", *items)] if items else [])
        )


class DocumentList(CourseDirective):
    """List the source documents: title, translation, authors as printed, subject."""

    def run(self) -> list[nodes.Node]:
        """Return a definition list."""
        self.depends_on(self.root / ERRATA)
        documents, _ = load_errata(self.root)
        items = []
        for document in documents:
            term = nodes.term(
                "", f"{document['id']}: {document['title'] or 'printed without a title'}"
            )
            facts = [document["subject"][0].upper() + document["subject"][1:] + "."]
            if document["translation"]:
                facts.insert(0, f"“{document['translation']}”.")
            facts.append(f"Authors as printed: {document['authors'] or 'none'}.")
            body = nodes.definition("", *(paragraph(fact) for fact in facts))
            items.append(nodes.definition_list_item("", term, body))
        return [nodes.definition_list("", *items, classes=["documents"])]
