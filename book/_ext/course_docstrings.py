"""Docstrings are written to be read as plain text; this turns them into reStructuredText.

Backticks mark code. An indented block after a line that ends in a colon stands as it is. Asterisks,
bars and underscores mean themselves. napoleon then reads the sections of the Google style.
"""

import re

SECTIONS = (
    "Args:",
    "Attributes:",
    "Example:",
    "Examples:",
    "Note:",
    "Raises:",
    "Returns:",
    "Yields:",
)


def process(app, what, name, obj, options, lines):
    """Change a docstring's lines in place; Sphinx calls this for each documented object."""
    lines[:] = to_rst(lines)


def to_rst(lines: list[str]) -> list[str]:
    """Return a docstring's lines as reStructuredText."""
    result, in_block = [], False
    for number, line in enumerate(lines):
        if in_block and line.strip() and not line.startswith("    "):
            in_block = False
        if in_block or not line.strip():
            result.append(line)
            continue
        line = escaped(line)
        if heads_block(lines, number):
            in_block = True
            line += ":"
        result.append(line)
    return result


def heads_block(lines: list[str], number: int) -> bool:
    """Whether the line ends in a colon and what follows is indented, but is no section."""
    line = lines[number]
    if line.startswith(" ") or not line.endswith(":") or line.endswith("::") or line in SECTIONS:
        return False
    following = next((text for text in lines[number + 1 :] if text.strip()), "")
    return following.startswith("    ")


def escaped(line: str) -> str:
    """Escape what reStructuredText would take for markup, outside of code between backticks."""
    pieces = re.split(r"(`+[^`]+`+)", line)
    pieces[::2] = [re.sub(r"([*|]|_(?!\w))", r"\\\1", piece) for piece in pieces[::2]]
    return "".join(pieces)
