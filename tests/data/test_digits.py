"""The handwritten digits: as they are, in MNIST's layout, and held out by whole forms."""

import re
from difflib import SequenceMatcher

import numpy as np
import pytest
from scipy.ndimage import zoom
from sklearn.datasets import load_digits

from companion.data import digits

FORM = "012345678901234567890123456789"  # how the preprinted form begins


def test_size_8_is_the_set_itself():
    images, labels = digits.load(8)
    assert images.shape == (1797, 8, 8) and images.dtype == np.float32
    assert labels.shape == (1797,) and labels.dtype == np.int64
    np.testing.assert_array_equal(images * 16, load_digits().images)
    np.testing.assert_array_equal(labels, load_digits().target)


@pytest.mark.parametrize(("size", "start", "ink"), [(28, 4, 20), (32, 4, 23), (14, 2, 10)])
def test_other_sizes_have_the_layout_of_mnist(size, start, ink):
    images, labels = digits.load(size)
    assert images.shape == (1797, size, size) and images.dtype == np.float32
    assert images.min() == 0 and images.max() == 1
    middle = images[:, start : start + ink, start : start + ink]
    assert np.isclose(middle.sum(), images.sum()), "ink lies outside of the middle"
    for border in (middle[:, 0], middle[:, -1]):  # a digit reaches from the top to the bottom
        assert (border.max(axis=1) > 0).all()
    np.testing.assert_array_equal(labels, load_digits().target)


def test_each_image_is_the_enlarged_one():
    small, large = digits.load(8)[0], digits.load()[0]
    for index in (0, 5, 1796):
        expected = zoom(small[index], 2.5, order=3, mode="nearest", grid_mode=True).clip(0, 1)
        np.testing.assert_allclose(large[index, 4:24, 4:24], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [0, 7, 28.0, 8.0, "28", True])
def test_a_wrong_size_is_named(size):
    with pytest.raises(ValueError, match=re.escape(f"size is {size!r}; expected")):
        digits.load(size)


def test_sizes_between_are_refused():
    with pytest.raises(ValueError, match="size is 13; expected 8 or at least 14"):
        digits.load(13)


def test_the_forms_are_where_the_labels_begin_anew():
    text = "".join(map(str, digits.load(8)[1]))
    stops = [*digits.FORMS[1:], 1797]
    forms = [text[a:b] for a, b in zip(digits.FORMS, stops, strict=True)]
    assert len(forms) == 14
    assert len(forms[0]) == 130 and forms[0].startswith(FORM)
    assert sum(len(form) == 130 for form in forms) == 9
    for form in forms:
        # Digits are missing and a few are others, but the order is that of one form.
        assert form[:10] in ("0123456789", "1234567890")
        assert SequenceMatcher(None, form, forms[0], autojunk=False).ratio() > 0.95


def test_a_digit_resembles_most_those_on_its_own_form():
    pixels = digits.load(8)[0].reshape(-1, 64)
    distances = (pixels**2).sum(1) - 2 * pixels @ pixels.T
    np.fill_diagonal(distances, np.inf)
    form = np.searchsorted(digits.FORMS, np.arange(1797), side="right")
    same = (form[distances.argmin(axis=1)] == form).mean()
    assert same > 0.5, "then shuffled rows would be as good a test as whole forms"


@pytest.mark.parametrize("n", [2, 5, 13, 14])
def test_folds_hold_out_each_form_once(n):
    folds = digits.folds(n)
    assert len(folds) == n
    np.testing.assert_array_equal(np.concatenate([test for _, test in folds]), np.arange(1797))
    for train, test in folds:
        assert test[0] in digits.FORMS and (test[-1] + 1) in (*digits.FORMS, 1797)
        assert np.array_equal(np.sort(np.concatenate([train, test])), np.arange(1797))
        assert np.array_equal(test, np.arange(test[0], test[-1] + 1))
        assert abs(len(test) / 1797 - 1 / n) < 0.08
    labels = digits.load(8)[1]
    assert all(set(labels[test]) == set(range(10)) for _, test in folds)


@pytest.mark.parametrize(
    ("fraction", "rows"), [(0.2, 382), (0.01, 130), (0.07, 130), (0.5, 891), (0.999, 1667)]
)
def test_a_split_holds_out_the_last_forms(fraction, rows):
    train, test = digits.split(fraction)
    np.testing.assert_array_equal(np.concatenate([train, test]), np.arange(1797))
    assert len(test) == rows and test[0] in digits.FORMS


@pytest.mark.parametrize(("n", "message"), [(1, "of at least 2"), (15, "at most 14"), (5.0, "of")])
def test_a_wrong_number_of_folds_is_named(n, message):
    with pytest.raises(ValueError, match=f"n is {n}; expected .*{message}"):
        digits.folds(n)


@pytest.mark.parametrize("fraction", [0, 0.0, 1, -0.1, "0.2", None])
def test_a_wrong_fraction_is_named(fraction):
    with pytest.raises(ValueError, match=f"test_fraction is {fraction!r}|test_fraction is 0;"):
        digits.split(fraction)
