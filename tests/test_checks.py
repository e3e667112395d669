"""The checks that several parts share: what passes comes back, what does not is named."""

import re

import numpy as np
import pytest

from companion.checks import image_batch, number, one_of

IMAGES = np.full((2, 3, 4), 0.5, dtype=np.float32)


@pytest.mark.parametrize("value", [0, 1, 0.5, np.float32(0.25), np.int64(1)])
def test_a_number_in_its_range_comes_back_as_a_float(value):
    found = number("x", value, 0, 1)
    assert found == value and type(found) is float


@pytest.mark.parametrize("value", [-0.1, 1.1, "1", None, True, np.nan, np.inf, 1j, np.True_])
def test_another_number_is_refused_by_name(value):
    message = f"x is {value!r}; expected a number of at least 0 and at most 1"
    with pytest.raises(ValueError, match=re.escape(message)):
        number("x", value, 0, 1)


def test_the_upper_end_can_be_left_out_or_open():
    assert number("x", 1e30, 0) == 1e30
    with pytest.raises(
        ValueError, match=re.escape("x is -1; expected a number of at least 0") + "$"
    ):
        number("x", -1, 0)
    with pytest.raises(ValueError, match="x is 1; expected a number of at least 0 and below 1"):
        number("x", 1, 0, 1, below=True)


def test_one_of_some_names():
    assert one_of("part", "test", ("train", "test")) == "test"
    for wrong in ("valid", "", 0, None, ["train"]):
        with pytest.raises(ValueError, match=re.escape(f"{wrong!r}; expected one of 'train', 't")):
            one_of("part", wrong, ("train", "test"))


def test_images_that_are_right_come_back_themselves():
    for images in (IMAGES, IMAGES[..., None]):
        assert image_batch(images) is images


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (IMAGES.tolist(), TypeError, "images are list; expected a NumPy array of float32"),
        (IMAGES.astype("float64"), TypeError, "images are float64; expected"),
        (IMAGES.astype("uint8"), TypeError, "images are uint8; expected"),
        (IMAGES[0], ValueError, "shape (3, 4); expected (n, h, w) or (n, h, w, c)"),
        (IMAGES[:0], ValueError, "shape (0, 3, 4); expected (n, h, w)"),
        (IMAGES * 255, ValueError, "from 127.5 to 127.5; expected 0 to 1: divide bytes by 255"),
        (IMAGES - 1, ValueError, "images range from -0.5 to -0.5; expected 0 to 1"),
        (IMAGES * np.float32("nan"), ValueError, "images range from nan to nan"),
    ],
)
def test_other_images_are_refused(images, error, message):
    with pytest.raises(error, match=re.escape(message)):
        image_batch(images)
