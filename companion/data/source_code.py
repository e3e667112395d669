"""The source of Python's standard library as text: megabytes of real code without a download.

Every Python brings it along, under the licence of the Python Software Foundation, version 2, which
allows use, changes and redistribution with its notice (https://docs.python.org/3/license.html).
Nothing of it is stored in this repository. It differs from version to version.

Whole modules are held out, chosen by the checksum of their names. A text becomes codes by
`companion.data.documentation.encode`.
"""

import importlib.util
import sys
import zlib
from functools import cache
from pathlib import Path

import numpy as np

from companion.checks import natural, one_of

__all__ = ["PARTS", "modules", "source", "text"]

PARTS = ("train", "validation", "test")

_SHARES = 20  # one part in so many for validation, and one for test


def modules(part="train"):
    """Return the names of the modules of one part, in alphabetical order.

    These are the standard library's own modules and packages that are written in Python and do not
    start with an underscore; of a package, what its `__init__.py` holds.

    Args:
        part: "train", "validation" or "test".

    Raises:
        ValueError: If `part` is none of these.
        FileNotFoundError: If this Python comes without its source.
    """
    one_of("part", part, PARTS)
    return [name for name in _files() if _part(name) == part]


def source(name):
    """Return the source of one module.

    Args:
        name: Such as "argparse", of any part.

    Raises:
        ValueError: If it is none of the modules.
        FileNotFoundError: If this Python comes without its source.
    """
    if name not in _files():
        raise ValueError(
            f"name is {name!r}; expected a module of the standard library that is written in "
            "Python, such as 'argparse'"
        )
    return _files()[name].read_text(encoding="utf-8")


def text(n=None, part="train", seed=0):
    """Return the modules of one part, one after the other, cut after n characters.

    Args:
        n: How many characters, at least 1; all that there are by default.
        part: "train", "validation" or "test".
        seed: Of NumPy's generator, at least 0: the order of the modules. The same seed with a
            larger n gives a text that begins with the shorter one.

    Raises:
        ValueError: If n is no such integer or larger than the text, or another argument is wrong.
        FileNotFoundError: If this Python comes without its source.
    """
    names = modules(part)
    n = None if n is None else natural("n", n, 1)
    order = np.random.default_rng(natural("seed", seed, 0)).permutation(len(names))
    parts, size = [], 0
    for row in order:
        parts.append(source(names[row]).rstrip("\n") + "\n\n\n")
        size += len(parts[-1])
        if n is not None and size >= n:
            break
    if n is not None and n > size:
        raise ValueError(f"n is {n}; expected at most {size}, all that there is to {part}")
    return "".join(parts)[:n]


def _part(name):
    return {0: "validation", 1: "test"}.get(zlib.crc32(name.encode()) % _SHARES, "train")


@cache
def _files():
    """Return name -> path of every module with a source; nothing is imported for it."""
    found = {}
    for name in sorted(sys.stdlib_module_names):
        if name.startswith("_"):
            continue
        try:
            spec = importlib.util.find_spec(name)
        except ValueError:  # a module that was put into sys.modules by hand
            continue
        if spec is not None and spec.origin and spec.origin.endswith(".py"):
            path = Path(spec.origin)
            if path.is_file() and path.stat().st_size:
                found[name] = path
    if not found:
        raise FileNotFoundError(
            "this Python comes without the source of its standard library; use one from "
            "python.org, conda or the system's packages, or companion.data.documentation instead"
        )
    return found
