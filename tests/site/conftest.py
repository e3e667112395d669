"""The built site, a parser for its pages, and Chromium, shared by all tests of this folder."""

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("book", "companion", "tools", "benchmarks", "_config.yml", "_toc.yml")
# What is not there when only the group `book` is installed.
ABSENT = ("torch", "tensorflow", "keras", "transformers", "sklearn", "matplotlib", "companion")
BLOCKER = f"""
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {ABSENT}:
            raise ImportError(name + " is not installed where the site is built")
sys.meta_path.insert(0, Blocker())
"""
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@dataclass
class Site:
    """A build of the site: its sources, its pages, and how building went.

    `seconds` is what the processors spent on it, so that a busy machine does not look slow.
    """

    tree: Path
    environment: dict
    seconds: float = 0.0
    status: int = -1
    log: str = ""

    @property
    def html(self) -> Path:
        return self.tree / "_build" / "html"

    @property
    def pages(self) -> list[str]:
        """Paths of all pages below `html`, such as math/losses.html."""
        return sorted(
            path.relative_to(self.html).as_posix()
            for path in self.html.rglob("*.html")
            if not path.relative_to(self.html).parts[0].startswith("_")
        )

    @property
    def modules(self) -> list[str]:
        """The pages of the package's modules."""
        return [name for name in self.pages if name.startswith("appendix/api/")]

    @property
    def looked_at(self) -> list[str]:
        """The pages to look at closely: all, but only some of the modules' pages.

        Those come from one template and take as long as all others. Every tenth is taken, and the
        longest, which is the likeliest to hold something unusual.
        """
        modules = self.modules
        longest = max(modules, key=lambda name: (self.html / name).stat().st_size)
        kept = {*modules[::10], longest}
        return [name for name in self.pages if name not in modules or name in kept]

    def build(self) -> None:
        """Build what has changed, as `make book` does."""
        run = "from jupyter_book.cli.main import main; main()"
        command = [sys.executable, "-c", run, "build", "book"]
        command += ["--config", "_config.yml", "--toc", "_toc.yml", "--path-output", "."]
        start = processor_seconds()
        done = subprocess.run(
            [*command, "-W", "-n", "--keep-going"],
            cwd=self.tree,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        self.seconds = processor_seconds() - start
        self.status, self.log = done.returncode, done.stdout[-3000:] + done.stderr[-6000:]


@dataclass
class Page(HTMLParser):
    """What the tests ask of a page: its anchors, links with their texts, and files it uses."""

    text: str
    anchors: set = field(default_factory=set)
    links: list = field(default_factory=list)
    files: list = field(default_factory=list)

    def __post_init__(self):
        super().__init__(convert_charrefs=True)
        self._open = None
        self.feed(self.text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.anchors |= {found[key] for key in ("id", "name") if found.get(key)}
        if tag == "a" and "href" in found:
            self._open = [found["href"], ""]
        elif tag == "link" and "href" in found:
            self.files.append(found["href"])
        self.files += [found[key] for key in ("src", "srcset") if found.get(key)]

    def handle_data(self, data):
        if self._open:
            self._open[1] += data

    def handle_endtag(self, tag):
        if tag == "a" and self._open:
            href, text = self._open
            self.links.append((href, plain(text)))
            self._open = None


def processor_seconds() -> float:
    """Seconds of processor time of finished child processes; of the clock where it is not kept."""
    times = os.times()
    spent = times.children_user + times.children_system
    return spent if spent > 0 or os.name == "posix" else time.perf_counter()


def plain(text: str) -> str:
    """Undo typographic quotes, which Sphinx sets, and runs of white space."""
    for curly, straight in ("“”", '"'), ("‘’", "'"):
        text = text.translate({ord(mark): straight for mark in curly})
    return " ".join(text.split())


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Site:
    """Build the site from a copy of the sources, with the frameworks made absent."""
    folder = tmp_path_factory.mktemp("site")
    tree, blocker = folder / "tree", folder / "blocker"
    unwanted = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "api")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, tree / part, ignore=unwanted)
        else:
            shutil.copy(ROOT / part, tree / part)
    blocker.mkdir()
    (blocker / "sitecustomize.py").write_text(BLOCKER, encoding="utf-8")
    paths = [str(blocker), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    made = Site(tree, environment)
    made.build()
    assert made.status == 0 and made.pages, f"the site does not build without warnings:\n{made.log}"
    return made


@pytest.fixture(scope="session")
def parsed(site) -> dict[str, Page]:
    """All pages, parsed, by their paths."""
    return {name: Page((site.html / name).read_text(encoding="utf-8")) for name in site.pages}


@pytest.fixture(scope="session")
def as_plain():
    """The function that undoes typographic quotes."""
    return plain


@pytest.fixture(scope="session")
def address(site):
    """Serve the site on this machine and return its address."""
    handler = functools.partial(QuietHandler, directory=str(site.html))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serve files without a log."""

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium, from $CHROMIUM or the PATH."""
    from playwright.sync_api import sync_playwright

    names = [os.environ.get("CHROMIUM", ""), *CHROMIUM_NAMES]
    path = next(filter(None, map(shutil.which, filter(None, names))), None)
    if path is None:
        pytest.fail(
            "The site's tests need Chromium. On Debian or Ubuntu: apt-get install chromium. "
            "Elsewhere: install Chrome or Chromium and set CHROMIUM to its program.",
            pytrace=False,
        )
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=[*CHROMIUM_ARGUMENTS])
        yield launched
        launched.close()
