"""The text of Python's own documentation, cut into training, validation and test text.

Every Python comes with it (`pydoc_data.topics`, what `help("while")` shows): about 80 topics with
half a million characters of English and code. It differs a little from version to version.

Whole topics are held out. That alone would leak: some topics repeat paragraphs of others word for
word, one fifth of all characters. So each paragraph counts once, and one that stands in a held-out
topic is never trained on.

A text becomes codes: 0 to 94 for the printable ASCII characters from the space to the tilde, 95
for the end of a line, 96 for every other character.
"""

import inspect
import re
import zlib
from functools import cache

import numpy as np

from companion.checks import natural

__all__ = ["OTHER", "VOCABULARY", "decode", "encode", "held_out", "paragraphs", "program", "train"]

VOCABULARY = 97  # different codes
OTHER = 96  # the code of a character that has none of its own

_NEWLINE = 95
_HELD_OUT = 40_000  # characters at least; the last topic that is chosen goes beyond it


def encode(text):
    """Return the codes of a text: int64, shape (len(text),)."""
    points = np.frombuffer(text.encode("utf-32-le"), dtype="<u4").astype(np.int64)  # (n,)
    codes = np.where((points >= 32) & (points < 127), points - 32, OTHER)
    return np.where(points == ord("\n"), _NEWLINE, codes)


def decode(codes):
    """Return the text of codes; OTHER becomes the replacement character.

    Raises:
        ValueError: If a code is not between 0 and 96.
    """
    codes = np.asarray(codes)
    if codes.size and not (codes.min() >= 0 and codes.max() < VOCABULARY):
        raise ValueError(f"codes lie in [{codes.min()}, {codes.max()}]; expected 0 to {OTHER}")
    letters = [*map(chr, range(32, 127)), "\n", "\N{REPLACEMENT CHARACTER}"]
    return "".join(letters[code] for code in codes.tolist())


def paragraphs(text):
    """Cut a text at its empty lines; a list of strings, without empty ones."""
    return [part.strip("\n") for part in re.split(r"\n[ \t]*\n", text) if part.strip()]


def held_out():
    """Return the text of the held-out topics: every other paragraph for each purpose.

    The topics are chosen by the checksum of their names, so the choice depends on nothing else.

    Returns:
        validation: For deciding when to stop.
        test: For the result.
    """
    kept = _split()[1]
    return "\n\n".join(kept[0::2]), "\n\n".join(kept[1::2])


def train(n=None, seed=0):
    """Return training text: the paragraphs in an order drawn by `seed`, cut after n characters.

    Args:
        n: How many characters, at least 1; all that there are by default.
        seed: Of NumPy's generator, at least 0. The same seed with a larger n gives a text that
            begins with the shorter one.

    Raises:
        ValueError: If n is no such integer or larger than the text, or the seed is none.
    """
    parts = _split()[0]
    order = np.random.default_rng(natural("seed", seed, 0)).permutation(len(parts))
    text = "\n\n".join(parts[row] for row in order)
    if n is None:
        return text
    if natural("n", n, 1) > len(text):
        raise ValueError(f"n is {n}; expected at most {len(text)}, all that there is to train on")
    return text[:n]


def program(n):
    """Return the first n characters of a program, the standard library's argparse.

    Raises:
        ValueError: If n is not an integer of at least 1, or larger than the program.
    """
    import argparse

    text = inspect.getsource(argparse)
    if natural("n", n, 1) > len(text):
        raise ValueError(f"n is {n}; expected at most {len(text)}, the length of argparse")
    return text[:n]


@cache
def _split():
    """Return the paragraphs to train on and the held-out ones, each once."""
    from pydoc_data.topics import topics

    names = sorted(topics, key=lambda name: zlib.crc32(name.encode()))
    chosen, size = 0, 0
    while size < _HELD_OUT:
        size += len(topics[names[chosen]])
        chosen += 1
    kept, rest = (
        list(dict.fromkeys(part for name in group for part in paragraphs(topics[name])))
        for group in (names[:chosen], names[chosen:])
    )
    away = set(kept)
    return tuple(part for part in rest if part not in away), tuple(kept)
