"""Moving pixels: against scipy's own rotation, exact shifts, and displacements as promised."""

import numpy as np
import pytest
from scipy.ndimage import rotate

from companion.data.warp import matrices, smooth_displacements, warp

IMAGES = np.random.default_rng(0).random((3, 9, 12), dtype=np.float32)


def test_nothing_moves_without_a_change():
    np.testing.assert_array_equal(warp(IMAGES, matrices()), IMAGES)
    colour = np.stack([IMAGES, IMAGES**2], axis=-1)
    np.testing.assert_array_equal(warp(colour, matrices()), colour)


def test_an_offset_moves_by_whole_pixels_exactly():
    offsets = np.array([[0, 0], [2, 0], [-1, 3]])
    moved = warp(IMAGES, matrices(), offsets)
    np.testing.assert_array_equal(moved[0], IMAGES[0])
    np.testing.assert_array_equal(moved[1, :7], IMAGES[1, 2:])
    assert not moved[1, 7:].any(), "what comes in from outside is not 0"
    np.testing.assert_array_equal(moved[2, 1:, :9], IMAGES[2, :8, 3:])


@pytest.mark.parametrize("degrees", [30, -75, 90])
def test_a_rotation_is_counterclockwise_like_that_of_scipy(degrees):
    square = IMAGES[:, :, :9]
    found = warp(square, matrices(degrees))
    expected = rotate(square, degrees, axes=(1, 2), reshape=False, order=1)
    assert np.abs(found - square).max() > 0.1
    # Right at the border it is a matter of rounding whether a pixel lies outside.
    np.testing.assert_allclose(found[:, 1:-1, 1:-1], expected[:, 1:-1, 1:-1], rtol=0, atol=1e-5)


def test_each_image_has_its_own_matrix_and_all_amounts_are_broadcast():
    found = matrices(np.array([0.0, 90.0]), shear=0.5, scale=2.0)
    assert found.shape == (2, 2, 2)
    # From the output back: the point that is one to the right came from half of that.
    np.testing.assert_allclose(found[0] @ [0, 1], [0, 0.5], atol=1e-12)
    # One above came from half of that and, because the top moves to the right, from the left.
    np.testing.assert_allclose(found[0] @ [-1, 0], [-0.5, -0.25], atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(found), 1 / 4)


def test_a_constant_displacement_is_an_offset():
    bend = np.full((3, 2, 9, 12), 1.5, dtype=np.float32)
    expected = warp(IMAGES, matrices(), np.full((3, 2), 1.5))
    np.testing.assert_allclose(warp(IMAGES, matrices(), displacement=bend), expected, atol=1e-6)


def test_the_size_may_change_around_the_middle():
    found = warp(np.ones((2, 8, 8), dtype=np.float32), 2 * matrices(), size=(4, 6))
    assert found.shape == (2, 4, 6)
    assert (found[:, :, 1:5] == 1).all() and (found[:, :, [0, 5]] == 0).all()


def test_displacements_have_one_pixel_everywhere_and_are_smooth():
    bend = smooth_displacements(np.random.default_rng(1), 4000, 12, 16, sigma=3.0)
    assert bend.shape == (4000, 2, 12, 16) and bend.dtype == np.float32
    # The standard error of a standard deviation from 4000 is 0.011: five of them.
    assert np.abs(bend.std(axis=0) - 1).max() < 0.056
    near = (bend[:, :, 6, 8] * bend[:, :, 6, 9]).mean()
    far = (bend[:, :, 6, 1] * bend[:, :, 6, 15]).mean()
    # For Gaussian smoothing the correlation at distance r is exp(-r² / 4σ²): 0.97 and 0.004.
    assert 0.92 < near < 1.03 and abs(far) < 0.06
