"""The command line of the authoring tools: ``python -m tools.notebooks COMMAND``.

Commands: ``run`` executes chapters and saves them, ``sync`` writes their generated cells, ``check``
looks for what a chapter lacks, ``seeds`` measures the claims' margins, and ``home`` changes the
repository's address.
"""

import argparse
import sys
from pathlib import Path

from tools.anatomy import problems_of
from tools.chapters import BOOK, Chapter, chapters, load_chapter
from tools.execute import run_chapters
from tools.generated import sync_chapters
from tools.home import set_home, strangers
from tools.seeds import run_seeds, table

ROOT = Path(__file__).resolve().parents[1]


def select(root: Path, paths: list[str]) -> list[Chapter]:
    """Return the chapters of the given files, or all in the table of contents if there are none.

    Raises:
        ValueError: if a path is no notebook of the book.
    """
    if not paths:
        return chapters(root)
    found = []
    for name in paths:
        path = Path(name).resolve()
        book = (root / BOOK).resolve()
        if path.suffix != ".ipynb" or not path.is_file() or not path.is_relative_to(book):
            raise ValueError(f"PATH is {name!r}; expected a notebook under {BOOK}/")
        found.append(load_chapter(path, path.relative_to(book).with_suffix("").as_posix()))
    return found


def run(root: Path, options: argparse.Namespace) -> int:
    """Execute chapters and save their outputs."""
    selected = select(root, options.paths)
    sync_chapters(root, selected)
    return 1 if run_chapters(root, selected) else 0


def sync(root: Path, options: argparse.Namespace) -> int:
    """Write the generated cells, or with ``--check`` only tell which are out of date."""
    changed = sync_chapters(root, select(root, options.paths), write=not options.check)
    verb = "is out of date; run: python -m tools.notebooks sync" if options.check else "written"
    for docname in changed:
        print(f"{docname}: {verb}")
    return 1 if options.check and changed else 0


def check(root: Path, options: argparse.Namespace) -> int:
    """Print what chapters lack."""
    selected = select(root, options.paths)
    problems = [line for chapter in selected for line in problems_of(root, chapter)]
    print("\n".join(problems) if problems else f"{len(selected)} chapters, no problems")
    return 1 if problems else 0


def seeds(root: Path, options: argparse.Namespace) -> int:
    """Print each claim's worst margin under seeds 1 to n."""
    selected = select(root, options.paths)
    results = run_seeds(selected, range(1, options.n + 1), options.jobs)
    print(table(results))
    return 1 if any(result.error is not None for result in results) else 0


def home(root: Path, options: argparse.Namespace) -> int:
    """Change the repository's address everywhere."""
    for path in set_home(root, options.url):
        print(f"changed {path.relative_to(root)}")
    remaining = strangers(root)
    print("\n".join(remaining) if remaining else f"the book's home is {options.url}")
    return 1 if remaining else 0


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    main_parser = argparse.ArgumentParser(prog="python -m tools.notebooks", description=__doc__)
    main_parser.add_argument("--root", type=Path, default=ROOT, help="the repository")
    commands = main_parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (run, sync, check, seeds, home):
        summary = command.__doc__.splitlines()[0]
        sub = commands.add_parser(command.__name__, help=summary, description=summary)
        sub.set_defaults(command=command)
        if command is home:
            sub.add_argument("url", metavar="URL", help="https://HOST/OWNER/NAME")
            continue
        sub.add_argument("paths", metavar="PATH", nargs="*", help="notebooks; by default all")
        if command is sync:
            sub.add_argument("--check", action="store_true", help="change nothing, only look")
        if command is seeds:
            sub.add_argument("--n", type=int, default=5, help="how many seeds (default: 5)")
            sub.add_argument("--jobs", type=int, default=1, help="notebooks at a time (1 or 2)")
    return main_parser


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return the exit status; bad input is explained in one line."""
    options = parser().parse_args(arguments)
    try:
        return options.command(options.root.resolve(), options)
    except (FileNotFoundError, KeyError, ValueError) as error:
        print(f"tools.notebooks: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
