"""Augmentations: shape, range and seed of all, and of each one what it promises."""

import re

import numpy as np
import pytest

from companion.data import augment

GREY = np.random.default_rng(0).random((6, 12, 10), dtype=np.float32)
COLOUR = np.random.default_rng(1).random((6, 12, 10, 3), dtype=np.float32)
SIMPLE = ["affine", "cutout", "elastic", "flip", "noise", "rotate", "scale", "shift"]
# What leaves everything as it is.
NOTHING = {
    "affine": {"degrees": 0, "shear": 0, "factor": 1, "pixels": 0},
    "elastic": {"pixels": 0},
    "flip": {"probability": 0},
    "noise": {"sd": 0},
    "rotate": {"degrees": 0},
    "scale": {"factor": 1},
    "shift": {"pixels": 0},
}


def _run(name, images, seed=0, **options):
    return getattr(augment, name)(images, np.random.default_rng(seed), **options)


@pytest.mark.parametrize("images", [GREY, COLOUR], ids=["grey", "colour"])
@pytest.mark.parametrize("name", SIMPLE)
def test_all_return_new_images_of_the_same_kind(name, images):
    before = images.copy()
    found = _run(name, images)
    np.testing.assert_array_equal(images, before)
    assert found.shape == images.shape and found.dtype == np.float32
    assert found.min() >= 0 and found.max() <= 1
    assert not np.array_equal(found, images)
    np.testing.assert_array_equal(found, _run(name, images))
    assert not np.array_equal(found, _run(name, images, seed=1))


def test_every_public_function_is_tested_above():
    assert {*SIMPLE, "mixup"} == set(augment.__all__)


@pytest.mark.parametrize("name", NOTHING)
def test_no_amount_is_no_change(name):
    for images in (GREY, COLOUR):
        np.testing.assert_allclose(_run(name, images, **NOTHING[name]), images, atol=1e-6)


@pytest.mark.parametrize("name", ["affine", "elastic", "rotate", "shift"])
def test_all_channels_move_alike(name):
    stacked = np.repeat(GREY[..., None], 3, axis=3)
    found = _run(name, stacked)
    for channel in range(3):
        np.testing.assert_array_equal(found[..., channel], _run(name, GREY))


def test_a_shift_moves_whole_pixels_each_image_its_own_way():
    dots = np.zeros((500, 11, 11), dtype=np.float32)
    dots[:, 5, 5] = 1
    found = _run("shift", dots, pixels=2)
    assert (found.sum(axis=(1, 2)) == 1).all() and set(np.unique(found)) == {0, 1}
    _, rows, columns = np.nonzero(found)
    assert set(rows) == set(columns) == {3, 4, 5, 6, 7}
    assert len(set(zip(rows, columns, strict=True))) == 25


def test_a_rotation_turns_no_further_than_told():
    bars = np.zeros((300, 41, 41), dtype=np.float32)
    bars[:, 20, 5:36] = 1
    found = _run("rotate", bars, degrees=20.0)
    y, x = np.indices((41, 41)) - 20
    yy, xx, xy = ((found * part).sum(axis=(1, 2)) for part in (y * y, x * x, x * y))
    angles = np.degrees(0.5 * np.arctan2(-2 * xy, xx - yy))
    assert 18 < angles.max() < 20.5 and -20.5 < angles.min() < -18
    assert abs(angles.mean()) < 3.4  # five standard errors of a uniform distribution
    assert np.abs(found.sum(axis=(1, 2)) / 31 - 1).max() < 0.05


def test_a_scale_is_between_the_factor_and_its_inverse():
    squares = np.zeros((300, 40, 40), dtype=np.float32)
    squares[:, 10:30, 10:30] = 1
    sides = np.sqrt(_run("scale", squares, factor=1.5).sum(axis=(1, 2))) / 20
    assert 1.4 < sides.max() < 1.52 and 0.65 < sides.min() < 0.72


def test_an_affine_shift_is_in_pixels_of_the_result():
    dots = np.zeros((400, 31, 31), dtype=np.float32)
    dots[:, 14:17, 14:17] = 1
    found = _run("affine", dots, degrees=180, shear=0.0, factor=1.0, pixels=3.0)
    weights = found / found.sum(axis=(1, 2), keepdims=True)
    for axis in (0, 1):
        place = (weights * (np.indices((31, 31))[axis] - 15)).sum(axis=(1, 2))
        assert 2.8 < place.max() < 3.1 and -3.1 < place.min() < -2.8


def test_elastic_moves_by_the_standard_deviation():
    ramp = np.broadcast_to(np.linspace(0, 1, 64, dtype=np.float32), (300, 64, 64)).copy()
    moved = (_run("elastic", ramp, pixels=1.5) - ramp)[:, 20:44, 20:44] * 63
    assert abs(moved.std() - 1.5) < 0.1


def test_a_flip_mirrors_left_to_right_or_not_at_all():
    np.testing.assert_array_equal(_run("flip", COLOUR, probability=1), COLOUR[:, :, ::-1])
    many = np.repeat(GREY[:1], 1000, axis=0)
    mirrored = (_run("flip", many) == many[:, :, ::-1]).all(axis=(1, 2))
    assert 420 < mirrored.sum() < 580  # five standard errors


def test_noise_has_its_standard_deviation_and_stays_in_range():
    grey = np.full((100, 20, 20), 0.5, dtype=np.float32)
    assert abs(_run("noise", grey, sd=0.05).std() - 0.05) < 0.001
    loud = _run("noise", grey, sd=5.0)
    assert loud.min() == 0 and loud.max() == 1


def test_cutout_makes_one_square_hole_around_any_pixel():
    ones = np.ones((2000, 9, 7, 2), dtype=np.float32)
    holes = (_run("cutout", ones, side=3) == 0).all(axis=3)
    sizes = holes.sum(axis=(1, 2))
    assert sizes.max() == 9 and sizes.min() == 4  # in a corner
    assert holes.any(axis=0).all()
    one = _run("cutout", ones[:1], side=7)
    assert (one == 0).any()


def test_mixup_blends_images_and_classes_alike():
    labels = np.array([0, 1, 2, 0, 1, 2])
    images = np.eye(3, dtype=np.float32)[labels].reshape(6, 3, 1)
    blends, targets = _run("mixup", images, labels=labels, classes=3, alpha=1.0)
    assert blends.shape == images.shape and blends.dtype == targets.dtype == np.float32
    np.testing.assert_allclose(targets.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(blends[:, :, 0], targets, atol=1e-6)  # images that are their class
    assert ((targets > 0.05) & (targets < 0.95)).any()
    shares = _run("mixup", np.repeat(images, 200, axis=0), labels=np.repeat(labels, 200), classes=3)
    assert (shares[1].max(axis=1) > 0.9).mean() > 0.6  # alpha 0.2 leaves most as they are


@pytest.mark.parametrize("name", [*SIMPLE, "mixup"])
def test_images_of_another_kind_are_refused(name):
    more = {"labels": np.zeros(6, dtype=int), "classes": 2} if name == "mixup" else {}
    with pytest.raises(TypeError, match="images are float64"):
        _run(name, GREY.astype("float64"), **more)
    with pytest.raises(ValueError, match=re.escape("shape (0, 12, 10)")):
        _run(name, GREY[:0], **more)
    with pytest.raises(ValueError, match="divide bytes by 255"):
        _run(name, GREY * 255, **more)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("shift", {"pixels": -1}, "pixels is -1; expected an integer of at least 0"),
        ("shift", {"pixels": 1.5}, "pixels is 1.5; expected an integer"),
        ("rotate", {"degrees": 200}, "degrees is 200; expected a number of at least 0 and at most"),
        ("scale", {"factor": 0.5}, "factor is 0.5; expected a number of at least 1"),
        ("affine", {"shear": -0.1}, "shear is -0.1; expected a number of at least 0"),
        ("affine", {"pixels": "2"}, "pixels is '2'; expected a number of at least 0"),
        ("elastic", {"pixels": -1}, "pixels is -1; expected a number of at least 0"),
        ("elastic", {"sigma": 0}, "sigma is 0; expected a number of at least 0.5"),
        ("flip", {"probability": 1.1}, "probability is 1.1; expected a number of at least 0 and"),
        ("noise", {"sd": -1}, "sd is -1; expected a number of at least 0"),
        ("cutout", {"side": 0}, "side is 0; expected an integer of at least 1"),
        ("cutout", {"side": 11}, "side is 11; expected at most 10, like the images"),
    ],
)
def test_a_wrong_amount_is_named(name, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        _run(name, GREY, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": [0, 1]}, "labels are int64 of shape (2,); expected 6 integers from 0 to 2"),
        ({"labels": [0.0] * 6}, "labels are float64 of shape (6,)"),
        ({"labels": [3] * 6}, "expected 6 integers from 0 to 2"),
        ({"labels": [-1] * 6}, "expected 6 integers from 0 to 2"),
        ({"classes": 1}, "classes is 1; expected an integer of at least 2"),
        ({"alpha": 0}, "alpha is 0; expected a number above 0"),
        ({"alpha": -1}, "alpha is -1; expected a number of at least 0"),
    ],
)
def test_mixup_names_what_is_wrong(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        _run("mixup", GREY, **{"labels": [0] * 6, "classes": 3, **options})
