"""Change the repository's address, which ``_config.yml`` states, wherever it is repeated."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from tools.chapters import BOOK, CONFIG, chapters, repository_url
from tools.generated import sync_chapters

# Files beside the book that may name the address.
FILES = (
    CONFIG,
    "README.md",
    "CONTRIBUTING.md",
    "CITATION.cff",
    "environment.yml",
    "pyproject.toml",
)
PLACEHOLDER = "https://github.com/OWNER/large-models-small"


def check_url(url: str) -> str:
    """Return a repository's address if it is one that pip, git and the site's links can use.

    Raises:
        ValueError: if it is no ``https`` address, or ends in a slash or in ``.git``.
    """
    parts = urlsplit(url)
    wrong = re.search(r"[\s\"'<>#?]", url) or url.endswith((".git", "/"))
    if (
        parts.scheme != "https"
        or not parts.netloc
        or not re.match("/[^/]+/[^/]", parts.path)
        or wrong
    ):
        raise ValueError(
            f"URL is {url!r}; expected https://HOST/OWNER/NAME without a slash or .git at its end"
        )
    return url


def files_with_urls(root: Path) -> Iterator[Path]:
    """Yield the files in which the address may stand, those that exist."""
    for name in FILES:
        if (root / name).is_file():
            yield root / name
    for pattern in ("*.md", "*.ipynb", "*.yml"):
        for path in sorted((root / BOOK).rglob(pattern)):
            if not any(part.startswith((".", "_")) for part in path.relative_to(root).parts):
                yield path


def derived_urls(url: str) -> list[str]:
    """Return the addresses that follow from a repository's: itself, on Colab, and its pages."""
    urls = [url]
    parts = urlsplit(url)
    if parts.hostname == "github.com":
        owner, name = parts.path.strip("/").split("/")[:2]
        urls.append(f"https://colab.research.google.com/github/{owner}/{name}")
        urls.append(f"https://{owner}.github.io/{name}")
    return urls


def set_home(root: Path, url: str) -> list[Path]:
    """Replace the repository's address by ``url`` and return the files that changed.

    ``_config.yml`` keeps its comments and layout. The chapters' generated cells are written anew.

    Raises:
        ValueError: if ``url`` is not one that `check_url` accepts.
    """
    old = derived_urls(repository_url(root))
    new = derived_urls(check_url(url))
    before = {path: path.read_text(encoding="utf-8") for path in files_with_urls(root)}
    # Without pages or Colab at the new home, links to them lead to the repository instead.
    new += [url] * (len(old) - len(new))
    for path, text in before.items():
        replaced = text
        for old_url, new_url in zip(old, new, strict=False):
            replaced = _whole(old_url).sub(lambda match, new_url=new_url: new_url, replaced)
        if replaced != text:
            path.write_text(replaced, encoding="utf-8", newline="\n")
    sync_chapters(root, chapters(root))
    return [path for path, text in before.items() if path.read_text(encoding="utf-8") != text]


def strangers(root: Path) -> list[str]:
    """Return a line for each place that names another home than ``_config.yml`` does.

    Looked for are the placeholder and any address on the same host whose last part is the
    repository's name.
    """
    url = repository_url(root)
    allowed = derived_urls(url)
    name = url.rsplit("/", 1)[1]
    pattern = re.compile(rf"https://[\w.-]+(?:/[\w.-]+)*?/{re.escape(name)}(?![\w-])")
    found = []
    for path in files_with_urls(root):
        text = path.read_text(encoding="utf-8")
        for match in [*pattern.finditer(text), *_whole(PLACEHOLDER).finditer(text)]:
            if match.group() not in allowed:
                line = text.count("\n", 0, match.start()) + 1
                found.append(f"{path.relative_to(root)}:{line} names {match.group()}, not {url}")
    return found


def _whole(url: str) -> re.Pattern[str]:
    """Return a pattern for an address that does not match the beginning of a longer name."""
    return re.compile(re.escape(url) + r"(?![\w-])(?!\.(?!git\b)\w)")
