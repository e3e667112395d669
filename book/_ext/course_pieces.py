"""What the directives have in common: how they read the repository, and small docutils trees."""

from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from tools.chapters import TOC, chapters


def link(uri: str, text: str) -> nodes.reference:
    """Return a link to another place of the site."""
    return nodes.reference("", text, refuri=uri, internal=True)


def paragraph(content: str | nodes.Node, *classes: str) -> nodes.paragraph:
    """Return a paragraph of plain text, or around one inline node."""
    if isinstance(content, str):
        return nodes.paragraph("", content, classes=list(classes))
    return nodes.paragraph("", "", content, classes=list(classes))


def container(name: str, *children: nodes.Node, ids: list[str] | None = None) -> nodes.container:
    """Return a ``div`` of one class."""
    return nodes.container("", *children, classes=[name], ids=ids or [])


def section(
    document: nodes.document, anchor: str, title: str, *children: nodes.Node
) -> nodes.section:
    """Return a section with a title, which the page's table of contents picks up."""
    node = nodes.section("", nodes.title("", title), *children, ids=[anchor], names=[])
    document.note_explicit_target(node, node)
    return node


def column_table(head: list[str], rows: list[list], name: str, widths: list[int]) -> nodes.table:
    """Return a table with one head row.

    Args:
        head: the columns' names.
        rows: a list of cells for each row; a cell is text or one inline node.
        name: class of the table.
        widths: relative widths of the columns.
    """
    columns = [nodes.colspec("", colwidth=width) for width in widths]
    header = nodes.thead("", _table_row(head))
    body = nodes.tbody("", *(_table_row(cells) for cells in rows))
    group = nodes.tgroup("", *columns, header, body, cols=len(head))
    return nodes.table("", group, classes=[name, "colwidths-given"])


def _table_row(cells: list) -> nodes.row:
    return nodes.row("", *(nodes.entry("", paragraph(cell)) for cell in cells))


class CourseDirective(SphinxDirective):
    """A directive that reads files and has its page built anew when one of them changes."""

    @property
    def root(self) -> Path:
        """The repository."""
        return Path(self.env.srcdir).parent

    def depends_on(self, *paths: Path) -> None:
        """Build this page again when one of the files changes."""
        for path in paths:
            self.env.note_dependency(str(path))

    def chapters(self) -> list:
        """Return the chapters, and build this page again when one of them changes."""
        found = chapters(self.root)
        self.depends_on(self.root / TOC, *(chapter.path for chapter in found))
        return found

    def uri(self, docname: str, anchor: str = "") -> str:
        """Return the relative address of a page or of a place on it."""
        base = self.env.app.builder.get_relative_uri(self.env.docname, docname)
        return f"{base}#{anchor}" if anchor else base
