"""Handwritten digits in colours, and sentences that say which: what a text-to-image model needs.

A picture shows a digit on black, and a vertical line along the left border. A sentence names the
digit, the colour of its ink and that of the line, in one of two forms:

    a red seven beside a blue line          a blue line beside a red seven

Both have the same words, and so has "a blue seven beside a red line": whoever ignores the order of
words cannot know which colour is whose. Every fifth combination of digit, ink and line is left out
of training; each of its parts, and each two of its parts, are seen in others.
"""

from functools import lru_cache
from itertools import product
from typing import NamedTuple

import numpy as np

from companion.checks import natural, one_of
from companion.data import digits

__all__ = ["COLOURS", "DIGITS", "Captions", "captions", "encode", "generate", "paint", "read"]

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
COLOURS = {  # red, green and blue, from 0 to 1
    "red": (1, 0, 0),
    "green": (0, 1, 0),
    "blue": (0, 0, 1),
    "yellow": (1, 1, 0),
    "white": (1, 1, 1),
}
_PALETTE = np.array(list(COLOURS.values()), dtype=np.float32)  # (5, 3)
_WORDS = tuple(sorted({"a", "beside", "line", *DIGITS, *COLOURS}))


class Captions(NamedTuple):
    """All sentences of the grammar.

    Attributes:
        texts: The N = 400 sentences.
        facts: Digit, ink and line of each, int64 of shape (N, 3); colours are numbers in the order
            of `COLOURS`.
        held_out: Whether the combination is left out of training, bool of shape (N,).
    """

    texts: tuple[str, ...]
    facts: np.ndarray
    held_out: np.ndarray


@lru_cache(maxsize=1)
def captions():
    """Return all sentences: 10 digits × 5 inks × 4 other colours for the line × 2 forms."""
    names, texts, facts = tuple(COLOURS), [], []
    for digit, ink, line in product(range(10), range(5), range(5)):
        if ink != line:
            parts = f"a {names[ink]} {DIGITS[digit]}", f"a {names[line]} line"
            texts += [" beside ".join(parts), " beside ".join(parts[::-1])]
            facts += [(digit, ink, line)] * 2
    facts = np.array(facts, dtype=np.int64)
    held_out = facts @ [1, 2, 1] % 5 == 0  # of each digit with each ink at most one line
    facts.setflags(write=False)
    held_out.setflags(write=False)
    return Captions(tuple(texts), facts, held_out)


def encode(texts):
    """Turn sentences into numbers of words.

    Args:
        texts: N sentences of equally many words, all of them in the grammar.

    Returns:
        The pair of int64 of shape (N, L), from 0, and the size of the vocabulary.

    Raises:
        ValueError: If a word is unknown, there is no sentence, or they differ in length.
    """
    rows = [text.split() for text in texts]
    for word in {word for row in rows for word in row}:
        one_of("a word", word, _WORDS)
    if len({len(row) for row in rows}) != 1:
        raise ValueError(
            f"the {len(rows)} sentences have {sorted({len(row) for row in rows})} words; expected "
            "at least one sentence, and the same number of words in each"
        )
    return np.array([[_WORDS.index(word) for word in row] for row in rows]), len(_WORDS)


def generate(n, part="train", seed=0):
    """Draw coloured digits and sentences that fit them.

    Args:
        n: How many, at least 1.
        part: "train" for digits and combinations to learn from; "test" for digits of other forms
            (see `companion.data.digits.split`) in the combinations that are held out.
        seed: Of NumPy's generator, at least 0.

    Returns:
        images: Float32, shape (n, 8, 8, 3), from 0 to 1.
        numbers: Places in `captions().texts`, int64 of shape (n,).

    Raises:
        ValueError: If an argument is none of these.
    """
    n, test = natural("n", n, 1), one_of("part", part, ("train", "test")) == "test"
    rng = np.random.default_rng(natural("seed", seed, 0))
    grey, labels, allowed = _material(test)
    rows = rng.integers(len(grey), size=n)
    numbers = allowed[labels[rows], rng.integers(allowed.shape[1], size=n)]
    _, ink, line = captions().facts[numbers].T
    return paint(grey[rows], ink, line), numbers


@lru_cache(maxsize=2)
def _material(test):
    """Return digits and labels of a part, and for each digit the captions that it may have."""
    images, labels = digits.load(8)
    rows = digits.split()[int(test)]
    _, facts, held_out = captions()
    allowed = [np.flatnonzero((facts[:, 0] == digit) & (held_out == test)) for digit in range(10)]
    return images[rows], labels[rows], np.stack(allowed)


def paint(images, ink, line):
    """Draw grey images in colour on black, and a line over their first column.

    Args:
        images: From 0 (paper) to 1 (ink), shape (N, H, W).
        ink: Numbers of colours, integers of shape (N,).
        line: Numbers of colours, integers of shape (N,).

    Returns:
        Float32 of shape (N, H, W, 3), from 0 to 1.

    Raises:
        ValueError: If the shapes do not fit, or a number is not from 0 to 4.
    """
    images, ink, line = np.asarray(images, np.float32), np.asarray(ink), np.asarray(line)
    for name, colour in (("ink", ink), ("line", line)):
        fits = images.ndim == 3 and colour.shape == images.shape[:1] and colour.dtype.kind in "iu"
        if not fits or not np.isin(colour, range(len(_PALETTE))).all():
            raise ValueError(
                f"{name} is {colour.dtype} of shape {colour.shape} for images of shape "
                f"{images.shape}; expected (N, H, W) images and N integers from 0 to 4"
            )
    painted = images[..., None] * _PALETTE[ink][:, None, None]
    painted[:, :, 0] = _PALETTE[line][:, None]
    return painted


def read(images):
    """Find ink, line and the grey image again.

    The line is the colour nearest to the mean of the first column. The ink is the colour whose
    multiples fit the other pixels best, by least squares.

    Args:
        images: Normally from 0 to 1, shape (N, H, W, 3).

    Returns:
        ink: Numbers of colours, int64 of shape (N,).
        line: The same of the line.
        cover: Ink on each pixel, float32 of shape (N, H, W), from 0 to 1; 0 in the first column.

    Raises:
        ValueError: If the shape is another.
    """
    images = np.asarray(images, np.float32)
    if images.ndim != 4 or images.shape[3] != 3 or 0 in images.shape:
        raise ValueError(f"the images have shape {images.shape}; expected (N, H, W, 3)")
    first = images[:, :, 0].mean(axis=1)  # (N, 3)
    line = np.square(first[:, None] - _PALETTE).sum(axis=2).argmin(axis=1)
    covers = (images @ _PALETTE.T / np.square(_PALETTE).sum(axis=1)).clip(0, 1)  # (N, H, W, 5)
    covers[:, :, 0] = 0
    misfit = images[:, :, 1:, None] - covers[:, :, 1:, :, None] * _PALETTE  # (N, H, W − 1, 5, 3)
    ink = np.square(misfit).sum(axis=(1, 2, 4)).argmin(axis=1)
    return ink, line, np.take_along_axis(covers, ink[:, None, None, None], axis=3)[..., 0]
