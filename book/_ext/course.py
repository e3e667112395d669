"""The course's Sphinx extension: its directives and a few repairs of what the theme makes.

Directives, each for one page of the front or the appendix:

``chapter-list``     the chapters by part, with the question that each answers and its time
``claims-ledger``    every claim of every chapter, from the committed outputs
``errata-table``     the errata of the source documents, from ``errata.yml``
``benchmark-table``  the speed comparisons, from ``benchmarks/results.json``
``module-list``      the modules of the companion with their first sentences
``shown-by``         below an answer of the FAQ: the claims that show it, and where it is asked
``vendored-table``   the scripts that the site carries along
"""

import re
import sys
from pathlib import Path

from astroid.manager import AstroidManager

REPAIRS = {
    # The visible words say what the fold holds; this label would hide them from screen readers.
    '<summary aria-label="Toggle hidden content">': "<summary>",
    # The sample answer of a written exercise, folded like the solutions in code.
    "<details>\n<summary>Show the solution</summary>": '<details class="hide"><summary>'
    '<p class="collapsed admonition-title">Show a sample answer</p>'
    '<p class="expanded admonition-title">Hide the sample answer</p></summary>',
    # Its entries are doc-biblioentry, which a list may not hold.
    '<div role="list" class="citation-list">': '<div class="citation-list">',
}
CHINESE = re.compile("[\u4e00-\u9fff]+")
TEXT = re.compile(r">[^<>]*[\u4e00-\u9fff][^<>]*<")


def find_contents(app, config):
    """Read ``_toc.yml`` beside ``_config.yml``; sphinx-external-toc expects it in ``book/``."""
    config.external_toc_path = str(Path(app.srcdir).parent / Path(config.external_toc_path).name)


def make_static_folder(app):
    """Make the folder into which the theme copies the logo.

    After a build that broke early it is missing, and the theme would write a file of that name.
    """
    static = Path(app.outdir) / "_static"
    if static.is_file():
        static.unlink()
    static.mkdir(parents=True, exist_ok=True)


def drop_automatic_files(app, config):
    """Keep Jupyter Book from putting the vendored scripts on every page.

    It adds each script below ``_static``; MathJax comes through ``mathjax_path`` instead, and only
    to pages with formulas.
    """
    config.html_js_files = [name for name in config.html_js_files if "vendor/" not in str(name)]
    config.html_css_files = sorted(set(config.html_css_files))


class OtherProjects:
    """The names of all modules but the companion's, as a set that is only asked `in`."""

    def __contains__(self, module):
        return module.partition(".")[0] not in ("companion", "builtins")


def read_companion_only(app):
    """Keep autoapi from reading NumPy, torch and others, where they are installed, to infer types.

    Nothing of it would be shown, and it takes longer than reading the companion.
    """
    AstroidManager.brain["module_denylist"] = OtherProjects()


def keep_generated_pages(app, config):
    """Build the API pages although ``_toc.yml`` does not list them, also after a broken build."""
    root = config.autoapi_root.rstrip("/") + "/"
    config.exclude_patterns = [
        name for name in config.exclude_patterns if not name.startswith(root)
    ]


def skip_private(app, what, name, obj, skip, options):
    """Leave private modules out of the reference; autoapi only knows private names within one."""
    return True if any(part.startswith("_") for part in name.split(".")) else skip


def repair_body(app, pagename, templatename, context, doctree):
    """Mend details of the page's HTML that myst-nb writes."""
    if "body" in context:
        for old, new in REPAIRS.items():
            context["body"] = context["body"].replace(old, new)
        context["body"] = TEXT.sub(mark_chinese, context["body"])


def mark_chinese(text: re.Match) -> str:
    """Say of Chinese words that they are, for screen readers and for the choice of a font."""
    return CHINESE.sub(r'<span lang="zh-Hans">\g<0></span>', text[0])


def setup(app):
    """Register directives and repairs."""
    for folder in (Path(__file__).parent, Path(app.srcdir).parent):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
    import course_directives
    import course_docstrings
    import course_faq

    for name, directive in course_directives.DIRECTIVES.items():
        app.add_directive(name, directive)
    app.add_directive("shown-by", course_faq.ShownBy)
    app.connect("config-inited", find_contents, priority=100)
    app.connect("config-inited", drop_automatic_files)
    app.connect("config-inited", keep_generated_pages, priority=900)
    app.connect("builder-inited", make_static_folder, priority=100)
    app.connect("builder-inited", read_companion_only, priority=100)
    app.connect("autoapi-skip-member", skip_private)
    app.connect("autodoc-process-docstring", course_docstrings.process, priority=400)
    app.connect("html-page-context", repair_body)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
