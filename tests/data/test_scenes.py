"""Scenes: what is promised of boxes, masks and backgrounds, and what is refused."""

import dataclasses
import re

import numpy as np
import pytest

from companion.data import scenes


@pytest.fixture(scope="module")
def hundred():
    return scenes.generate(100, seed=1)


def test_the_shapes_types_and_range_are_those_promised(hundred):
    assert len(hundred) == 100
    assert hundred.images.shape == (100, 96, 96, 3) and hundred.images.dtype == np.float32
    assert hundred.images.min() >= 0 and hundred.images.max() <= 1
    assert hundred.masks.shape == (100, 96, 96) and hundred.masks.dtype == np.int64
    assert len(hundred.boxes) == len(hundred.labels) == 100
    for boxes, labels in zip(hundred.boxes, hundred.labels, strict=True):
        assert boxes.shape == (len(labels), 4) and boxes.dtype == np.float32
        assert labels.dtype == np.int64
    assert set(np.concatenate(hundred.labels)) == set(range(10))
    assert set(map(len, hundred.labels)) == {1, 2, 3}
    with pytest.raises(dataclasses.FrozenInstanceError):
        hundred.images = None


def test_a_seed_fixes_the_scenes_whatever_the_global_generator_does(hundred):
    np.random.seed(5)  # noqa: NPY002 - it must not matter
    again = scenes.generate(100, seed=1)
    for field in dataclasses.fields(scenes.Scenes):
        pair = zip(getattr(hundred, field.name), getattr(again, field.name), strict=True)
        assert all(np.array_equal(ours, theirs) for ours, theirs in pair)
    assert not np.allclose(hundred.images, scenes.generate(100, seed=2).images)


def test_boxes_are_inside_apart_and_right_around_the_ink(hundred):
    for boxes, labels, mask in zip(hundred.boxes, hundred.labels, hundred.masks, strict=True):
        left = mask.copy()
        for (x0, y0, x1, y1), label in zip(boxes.astype(int), labels, strict=True):
            assert 0 <= x0 < x1 <= 96 and 0 <= y0 < y1 <= 96
            inside = mask[y0:y1, x0:x1]
            assert set(np.unique(inside)) == {0, 1 + label}
            for edge in (inside[0], inside[-1], inside[:, 0], inside[:, -1]):
                assert edge.any()
            left[y0:y1, x0:x1] = 0
        assert not left.any(), "there is ink outside of the boxes"


def test_overlap_is_limited_and_used():
    def worst(overlap):
        found = scenes.generate(60, size=64, seed=0, max_objects=4, overlap=overlap)
        shares = [0.0]
        for boxes in found.boxes:
            for i, (ax0, ay0, ax1, ay1) in enumerate(boxes):
                for bx0, by0, bx1, by1 in boxes[:i]:
                    width, height = min(ax1, bx1) - max(ax0, bx0), min(ay1, by1) - max(ay0, by0)
                    smaller = min((ax1 - ax0) * (ay1 - ay0), (bx1 - bx0) * (by1 - by0))
                    shares.append(max(width, 0) * max(height, 0) / smaller)
        return max(shares)

    assert worst(0) == 0
    assert 0.2 < worst(0.3) <= 0.3


def test_a_full_scene_goes_without_the_rest():
    crowded = scenes.generate(10, size=64, seed=0, max_objects=40)
    counts = [len(labels) for labels in crowded.labels]
    assert min(counts) >= 1 and max(counts) < 20


def test_ink_stands_out_and_the_rest_is_photograph(hundred):
    weights = np.array([0.299, 0.587, 0.114])
    photographs = [photograph.reshape(-1, 3) for photograph in scenes._photographs()]
    known = {pixel.tobytes() for photograph in photographs for pixel in photograph}
    differences = []
    for image, boxes, mask in zip(hundred.images, hundred.boxes, hundred.masks, strict=True):
        outside = np.ones_like(mask, dtype=bool)
        for x0, y0, x1, y1 in boxes.astype(int):
            outside[y0:y1, x0:x1] = False
            part, ink = image[y0:y1, x0:x1] @ weights, mask[y0:y1, x0:x1] > 0
            differences.append(abs(np.median(part[ink]) - np.median(part[~ink])))
        assert all(pixel.tobytes() in known for pixel in image[outside][::97])
    assert np.quantile(differences, 0.05) > 0.15 and np.median(differences) > 0.3


def test_backgrounds_of_training_and_test_are_different_places():
    photographs = scenes._photographs()

    def columns(fonts):
        """Return the columns of the photographs in which a pixel of the scenes occurs only."""
        found = []
        for image in scenes.generate(15, seed=3, fonts=fonts, max_objects=1).images:
            for scene in (image, image[:, ::-1]):
                for photograph in photographs:
                    match = (photograph[:, :, :] == scene[2, 2]).all(axis=2)
                    rows, places = np.nonzero(match)
                    for row, place in zip(rows, places, strict=True):
                        patch = photograph[row : row + 3, place : place + 4]
                        if patch.shape == (3, 4, 3) and (patch == scene[2:5, 2:6]).all():
                            found.append(place)
        return found

    train, test = columns("train"), columns("test")
    assert len(train) > 5 and len(test) > 5
    assert max(train) < 640 * 2 // 3 <= min(test)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n is 0; expected an integer of at least 1"),
        ({"size": 63}, "size is 63; expected an integer of at least 64"),
        ({"size": 201}, "size is 201; expected at most 200"),
        ({"fonts": "all"}, "fonts is 'all'; expected one of 'train', 'test'"),
        ({"seed": -1}, "seed is -1; expected an integer of at least 0"),
        ({"max_objects": 0}, "max_objects is 0; expected an integer of at least 1"),
        ({"overlap": 0.6}, "overlap is 0.6; expected a number of at least 0 and at most 0.5"),
        ({"characters": ""}, "characters is ''; expected a string"),
        ({"distortion": -1}, "distortion is -1; expected a number of at least 0"),
    ],
)
def test_a_wrong_argument_is_named(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        scenes.generate(**{"n": 2, **arguments})
