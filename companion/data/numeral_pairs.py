"""Numbers to translate from English to Chinese or back: made in any amount, test numbers unseen.

How they are written is the business of `companion.data.numerals`.
"""

import zlib

import numpy as np

from companion.checks import natural, number, one_of
from companion.data.numerals import to_chinese, to_english

__all__ = ["PARTS", "generate"]

PARTS = ("train", "test")

_HELD_OUT = 5  # one number in so many is kept for the test


def generate(n, part="train", digits=(1, 12), seed=0, zeros=0.5):
    """Draw numbers and write them in both languages, about as many of each length.

    The lengths are drawn first, then the digits, so short numbers come more than once. Whether a
    number is for training or for the test follows from its checksum alone, whatever the seed: no
    number is in both. Numbers below one hundred are all for training, because others are made of
    them.

    Args:
        n: How many, at least 1.
        part: "train" or "test", a fifth of all numbers.
        digits: The smallest and the largest number of decimal digits, from 1 to 12.
        seed: Of NumPy's generator, at least 0.
        zeros: The share of numbers that get more zeros, each digit but the first with probability
            one half: 零 and the gaps between groups are the hard part.

    Returns:
        english: A list of n number names.
        chinese: A list of their translations.
        numbers: The numbers themselves, int64, shape (n,).

    Raises:
        ValueError: If an argument is none of these, or the test part is asked for with fewer than
            three digits.
    """
    n, seed = natural("n", n, 1), natural("seed", seed, 0)
    one_of("part", part, PARTS)
    number("zeros", zeros, 0, 1)
    low, high = _lengths(digits, part)
    rng = np.random.default_rng(seed)
    found = np.zeros(0, np.int64)
    while len(found) < n:  # one in five or more are of the part: most often once is enough
        drawn = _drawn(rng, 6 * n + 16, low, high, zeros)
        wanted = np.array([_part(value) == part for value in drawn.tolist()])
        found = np.concatenate([found, drawn[wanted]])
    numbers = found[:n]
    return [*map(to_english, numbers.tolist())], [*map(to_chinese, numbers.tolist())], numbers


def _drawn(rng, count, low, high, zeros):
    """Draw numbers of low to high digits, of both parts."""
    length = rng.integers(low, high + 1, size=count)
    digits = rng.integers(10, size=(count, high))  # of each number, its lowest first
    more = (rng.random(count) < zeros)[:, None] & (rng.random((count, high)) < 0.5)
    digits[more] = 0
    first = np.where(length == 1, digits[:, 0], rng.integers(1, 10, size=count))
    digits[np.arange(count), length - 1] = first
    digits[np.arange(high) >= length[:, None]] = 0
    return digits @ 10 ** np.arange(high, dtype=np.int64)  # (count,)


def _lengths(digits, part):
    known = isinstance(digits, tuple | list) and len(digits) == 2
    low, high = (natural("digits", value, 1) for value in digits) if known else (1, 0)
    smallest = 3 if part == "test" else 1
    low = max(low, smallest)
    if not low <= high <= 12:
        raise ValueError(
            f"digits is {digits!r}; expected the smallest and the largest number of digits of the "
            f"{part} part, from {smallest} to 12, such as (1, 12)"
        )
    return low, high


def _part(value):
    held_out = value >= 100 and zlib.crc32(str(value).encode()) % _HELD_OUT == 0
    return PARTS[held_out]
