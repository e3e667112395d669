"""Handwritten digits that need no download: the 1797 images that scikit-learn brings along.

They are the test part of *Optical Recognition of Handwritten Digits* (E. Alpaydin and C. Kaynak,
1998, data set 80 of the UCI Machine Learning Repository): bitmaps of 32 × 32, normalised in size,
in each of whose blocks of 4 × 4 the black pixels were counted. So an image has 8 × 8 numbers from
0 to 16.

**Who wrote them.** Known: 13 people wrote these 1797 digits, none of whom wrote in the training
part, which scikit-learn leaves out. Not known: which person wrote which digit, because no file of
the set says so. But the labels in their order run 14 times through the same 130 digits of a
preprinted form, five times with some left out, and `FORMS` holds the row at which each run begins.
A form was presumably filled in by one person: the digit that is most similar to a digit stands on
the same form in more than half of the cases, where chance would make it one in fourteen. With 14
forms and 13 people, somebody filled in more than one, and nothing says who. So whole forms are
held out here: nearly independent of the writer, where shuffled rows put every writer on both sides.
"""

from itertools import pairwise

import numpy as np
from scipy.ndimage import zoom
from sklearn.datasets import load_digits

from companion.checks import natural, number

__all__ = ["FORMS", "folds", "load", "split"]

# The row at which each filled-in form begins, read off the sequence of labels.
FORMS = (0, 130, 256, 386, 516, 646, 776, 906, 1029, 1157, 1287, 1415, 1545, 1667)

_COUNT = 1797
_INK = 20 / 28  # in MNIST's layout, a digit fills the middle 20 of 28 pixels


def load(size=28):
    """Return all digits, in the order of the set.

    Args:
        size: 8 leaves them as they are, only divided by 16. Any other size of at least 14 gives
            MNIST's layout: the digit is enlarged by cubic splines to 20/28 of the size and
            stands in the middle, with a margin of zeros around it.

    Returns:
        images: Float32, shape (1797, size, size), from 0 (paper) to 1 (ink).
        labels: Int64, shape (1797,), from 0 to 9.

    Raises:
        ValueError: If `size` is not 8 and no integer of at least 14.
    """
    if 8 < natural("size", size, 8) < 14:
        raise ValueError(f"size is {size}; expected 8 or at least 14")
    pixels, labels = load_digits(return_X_y=True)
    images = pixels.reshape(-1, 8, 8).astype(np.float32) / 16
    return (images if size == 8 else _in_layout(images, size)), labels.astype(np.int64)


def _in_layout(images, size):
    ink = round(size * _INK)
    start = (size - ink) // 2
    # Splines are linear in the pixels and act on rows and columns alike, so that what they make
    # of the unit vectors enlarges every image by two matrix products.
    zoomed = [zoom(row, ink / 8, order=3, mode="nearest", grid_mode=True) for row in np.eye(8)]
    enlarge = np.array(zoomed, dtype=np.float32).T  # (ink, 8)
    layout = np.zeros((len(images), size, size), dtype=np.float32)
    middle = slice(start, start + ink)
    layout[:, middle, middle] = np.clip(enlarge @ images @ enlarge.T, 0, 1)
    return layout


def folds(n=5):
    """Divide the rows into contiguous blocks of whole forms, for cross-validation.

    Args:
        n: How many folds, from 2 to 14, the number of forms.

    Returns:
        A list of `n` pairs (train_rows, test_rows) of int64 arrays; each row is in one test part.

    Raises:
        ValueError: If `n` is not an integer from 2 to 14.
    """
    if natural("n", n, 2) > len(FORMS):
        raise ValueError(f"n is {n}; expected at most {len(FORMS)}, the number of filled-in forms")
    blocks = np.array_split(np.array(FORMS), n)
    starts = [int(block[0]) for block in blocks] + [_COUNT]
    return [_held_out(start, stop) for start, stop in pairwise(starts)]


def split(test_fraction=0.2):
    """Hold out the last forms.

    Args:
        test_fraction: The share of the rows to be held out, above 0 and below 1. Whole forms,
            at least one on each side, come as near to it as they can: 0.2 gives 382 rows, 0.213.

    Returns:
        The pair (train_rows, test_rows) of int64 arrays.

    Raises:
        ValueError: If `test_fraction` is not such a number.
    """
    if number("test_fraction", test_fraction, 0, 1, below=True) == 0:
        raise ValueError("test_fraction is 0; expected a number above 0 and below 1")
    starts = np.array(FORMS[1:])
    held_out = 1 - starts / _COUNT
    return _held_out(int(starts[np.abs(held_out - test_fraction).argmin()]), _COUNT)


def _held_out(start, stop):
    rows = np.arange(_COUNT)
    test = (rows >= start) & (rows < stop)
    return rows[~test], rows[test]
