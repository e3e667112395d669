"""Directives that write pages from the chapters and other files of the repository."""

import json
from pathlib import Path

import yaml
from course_errata import ERRATA, load_errata
from course_errata_pages import DocumentList, ErrataTable
from course_pieces import CourseDirective, column_table, container, link, paragraph, section
from docutils import nodes
from sphinx import addnodes

from tools.chapters import TOC, claims
from tools.vendor import MANIFEST, read_manifest


class ChapterList(CourseDirective):
    """List the chapters by part, each with its question and its time."""

    def run(self) -> list[nodes.Node]:
        """Return one list for each part that has chapters."""
        known = {chapter.docname: chapter for chapter in self.chapters()}
        toc = yaml.safe_load((self.root / TOC).read_text(encoding="utf-8"))
        parts = []
        for part in toc.get("parts") or []:
            names = [Path(entry["file"]).with_suffix("").as_posix() for entry in part["chapters"]]
            items = [self.item(known[name]) for name in names if name in known]
            if items:
                heading = paragraph(part["caption"], "part-name")
                parts.append(container("part", heading, nodes.bullet_list("", *items)))
        return [container("chapter-list", *parts, *self.preparing())]

    def preparing(self) -> list[nodes.Node]:
        """Return a sentence on the chapters that the errata name and the book does not have yet."""
        self.depends_on(self.root / ERRATA)
        names = {row.chapter for row in load_errata(self.root)[1] if not row.written}
        if not names:
            return []
        sentence = paragraph(f"The course is growing: {len(names)} more chapters are named in the ")
        sentence += [link(self.uri("appendix/errata"), "errata"), nodes.Text(".")]
        return [sentence]

    def item(self, chapter) -> nodes.list_item:
        """Return a chapter's entry."""
        facts = chapter.metadata
        title = paragraph(link(self.uri(chapter.docname), chapter.title), "chapter-name")
        minutes = facts.get("minutes", {})
        if "read" in minutes:
            title += nodes.inline("", f"{minutes['read']} min", classes=["chapter-time"])
        return nodes.list_item("", title, paragraph(facts.get("question", ""), "chapter-question"))


class ClaimsLedger(CourseDirective):
    """List every claim: its sentence with a link, the measured value and the source."""

    def run(self) -> list[nodes.Node]:
        """Return a summary and a section for each chapter."""
        claimed = [(chapter, claims(chapter)) for chapter in self.chapters()]
        total = sum(len(found) for _, found in claimed)
        about = sum(1 for _, found in claimed for claim in found if claim["source"])
        counts = (
            f"{total} claims in {len(claimed)} chapters; "
            f"{about} of them test a passage of the source documents."
        )
        parts = [self.chapter(chapter, found) for chapter, found in claimed if found]
        return [paragraph(counts, "ledger-counts"), *parts]

    def chapter(self, chapter, found: list[dict]) -> nodes.section:
        """Return the section of one chapter."""
        rows = [
            [
                link(self.uri(chapter.docname, claim["id"]), claim["text"]),
                claim["measured"] or "–",
                claim["source"] or "–",
            ]
            for claim in found
        ]
        table = column_table(["Claim", "Measured", "Source"], rows, "ledger", [62, 20, 18])
        count = f"{len(found)} claims" if len(found) > 1 else "1 claim"
        where = paragraph(link(self.uri(chapter.docname), "Chapter"), "ledger-where")
        where += nodes.Text(f" · {count}")
        anchor = "ledger-" + chapter.docname.replace("/", "-")
        return section(self.state.document, anchor, chapter.title, where, table)


class BenchmarkTable(CourseDirective):
    """Show the table that ``make bench`` writes."""

    def run(self) -> list[nodes.Node]:
        """Return the table, or a sentence when nothing has been measured."""
        path = self.root / "benchmarks" / "results.json"
        self.depends_on(path)
        results = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
        if not results:
            return [paragraph("Nothing has been measured yet; the command above writes the table.")]
        rows = [self.row(result) for result in results]
        head = ["Benchmark", "Compared", "Median", "Min – max", "Bar", "Rounds"]
        machines = {(r["machine"], r["threads"], r["date"]) for r in results}
        notes = [
            paragraph(f"Measured on {date}: {machine}, threads: {threads}.")
            for machine, threads, date in sorted(machines, key=str)
        ]
        return [column_table(head, rows, "benchmarks", [20, 34, 12, 16, 9, 9]), *notes]

    def row(self, result: dict) -> list[str]:
        """Return the cells of one comparison."""
        bar = "–" if result["bar"] is None else f"≥ {result['bar']:g}"
        spread = f"{result['ratio_min']:.2f} – {result['ratio_max']:.2f}"
        median = f"{result['ratio_median']:.2f}"
        return [result["benchmark"], result["what"], median, spread, bar, str(result["rounds"])]


class ModuleList(CourseDirective):
    """List the modules of the companion that have something to show, with their first sentences."""

    def run(self) -> list[nodes.Node]:
        """Return a table of modules, each a link to its page."""
        rows = []
        for name, module in sorted(self.env.autoapi_all_objects.items()):
            if module.type not in ("module", "package") or not (module.docstring or module.classes):
                continue
            cell = addnodes.pending_xref(
                "",
                nodes.literal("", name),
                refdomain="py",
                reftype="mod",
                reftarget=name,
                refexplicit=True,
                refdoc=self.env.docname,
            )
            rows.append([cell, module.docstring.strip().split("\n\n")[0].replace("\n", " ")])
        return [column_table(["Module", "What it holds"], rows, "modules", [34, 66])]


class VendoredTable(CourseDirective):
    """List the vendored packages, their files and licences."""

    def run(self) -> list[nodes.Node]:
        """Return a table."""
        folder = Path(self.env.srcdir) / "_static" / "vendor"
        self.depends_on(folder / MANIFEST)
        rows = []
        for package in read_manifest(folder):
            files = ", ".join(file["to"] for file in package["files"])
            name = f"{package['package']} {package['version']}"
            rows.append([name, package["purpose"], package["licence"], files])
        return [
            column_table(
                ["Package", "What it does here", "Licence", "Files"],
                rows,
                "vendored",
                [18, 34, 16, 32],
            )
        ]


DIRECTIVES = {
    "benchmark-table": BenchmarkTable,
    "chapter-list": ChapterList,
    "claims-ledger": ClaimsLedger,
    "document-list": DocumentList,
    "errata-table": ErrataTable,
    "module-list": ModuleList,
    "vendored-table": VendoredTable,
}
