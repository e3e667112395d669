"""Checks of batches: what passes comes back plain, what does not is named."""

import re

import numpy as np
import pytest

from companion.batch_checks import image_size, naturals, rows, same_shapes, value_range


def test_what_passes():
    assert naturals("filters", [3, np.int64(4)], "numbers") == (3, 4)
    assert image_size([28, np.int64(12), 1], 2) == (28, 12, 1)
    assert image_size((5, 3, 1)) == (5, 3, 1)
    rows("codes", (2, 3), "float32", 3, "float32")
    rows("codes", (None, None), "float32", 3, "float32")  # not known yet
    same_shapes(a=(2, 3), b=[2, 3], c=(2, 3))
    value_range("images", 0.0, np.float32(1), 0, 1)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: naturals("filters", 3, "numbers"),
            ValueError,
            "filters is 3; expected a tuple of n",
        ),
        (lambda: naturals("filters", [], "numbers"), ValueError, "filters is []; expected a tuple"),
        (
            lambda: naturals("filters", (3, 0), ""),
            ValueError,
            "filters[1] is 0; expected an integer",
        ),
        (lambda: image_size((28, 28)), ValueError, "image is (28, 28); expected height, width and"),
        (
            lambda: image_size((28, 6, 1), 2),
            ValueError,
            "halved 2 times; expected multiples of 4, or",
        ),
        (
            lambda: image_size((6, 28, 1), 2),
            ValueError,
            "image is (6, 28, 1), whose height and width",
        ),
        (
            lambda: rows("codes", (2,), "f", 3, "f"),
            ValueError,
            "codes have shape (2,); expected (B, 3)",
        ),
        (
            lambda: rows("codes", (2, 4), "f", 3, "f"),
            ValueError,
            "expected (B, 3) with B at least 1",
        ),
        (
            lambda: rows("codes", (0, 3), "f", 3, "f"),
            ValueError,
            "the codes have shape (0, 3); expec",
        ),
        (
            lambda: rows("codes", (2, 3), "int64", 3, "f"),
            TypeError,
            "the codes are int64; expected f",
        ),
        (
            lambda: same_shapes(a=(2,), b=(3,)),
            ValueError,
            "shapes are a (2,), b (3,); expected one",
        ),
        (lambda: same_shapes(a=(0, 2), b=(0, 2)), ValueError, "expected one shape without a 0"),
        (
            lambda: value_range("x", 0, 1.5, 0, 1),
            ValueError,
            "the x range from 0 to 1.5; expected 0",
        ),
        (
            lambda: value_range("x", -1, 1, 0, 1),
            ValueError,
            "the x range from -1 to 1; expected 0 to 1",
        ),
        (
            lambda: value_range("x", 0, np.nan, 0, 1),
            ValueError,
            "the x range from 0 to nan; expected",
        ),
    ],
)
def test_what_does_not(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()
