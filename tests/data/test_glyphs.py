"""Rendered characters: shapes, seeds, fonts apart, and the layout and amount of the changes."""

import re
import string

import numpy as np
import pytest

from companion.data import glyphs


def test_the_shapes_types_and_range_are_those_promised():
    images, labels = glyphs.generate(300)
    assert images.shape == (300, 28, 28) and images.dtype == np.float32
    assert labels.shape == (300,) and labels.dtype == np.int64
    assert images.min() == 0 and 0.9 < images.max() <= 1
    assert set(labels) == set(range(10))
    assert (images.max(axis=(1, 2)) > 0.3).all(), "an image is empty"
    assert glyphs.generate(2, size=9)[0].shape == (2, 9, 9)


def test_a_seed_fixes_the_images_whatever_the_global_generator_does():
    first, labels = glyphs.generate(50, seed=3)
    np.random.seed(1)  # noqa: NPY002 - it must not matter
    again, same = glyphs.generate(50, seed=3)
    other, _ = glyphs.generate(50, seed=4)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(labels, same)
    assert not np.allclose(first, other)


def test_without_distortion_the_ink_fills_the_middle_20_of_28():
    images, _ = glyphs.generate(400, fonts="all", distortion=0)
    ink = images > 0.2  # a row of less is a sliver of a pixel
    assert not ink[:, :3].any() and not ink[:, -3:].any()
    heights = np.array([np.ptp(np.flatnonzero(image.any(axis=1))) + 1 for image in ink])
    widths = np.array([np.ptp(np.flatnonzero(image.any(axis=0))) + 1 for image in ink])
    assert np.abs(np.maximum(heights, widths) - 20).max() <= 1
    for axis in (1, 2):
        places = [np.flatnonzero(image.any(axis=2 - axis)).mean() for image in ink]
        assert np.abs(np.array(places) - 13.5).max() <= 1


def test_the_same_label_is_the_same_character_in_every_font():
    images, labels = glyphs.generate(3000, fonts="all", distortion=0)
    templates = np.stack([images[labels == k].mean(axis=0) for k in range(10)])
    scores = np.einsum(
        "nhw,khw->nk", images, templates / np.linalg.norm(templates, axis=(1, 2))[:, None, None]
    )
    assert (scores.argmax(axis=1) == labels).mean() > 0.9


def test_the_sets_of_fonts_are_apart_and_all_is_both():
    train, test = set(glyphs.FONTS["train"]), set(glyphs.FONTS["test"])
    assert len(train) == 16 and len(test) == 6 and not train & test
    assert set(glyphs.FONTS["all"]) == train | test
    families = [{re.split("-|Bol|Ita", face)[0] for face in faces} for faces in (train, test)]
    assert not families[0] & families[1]

    def images(fonts):
        return {image.tobytes() for image in glyphs.generate(2000, fonts=fonts, distortion=0)[0]}

    kinds = {fonts: images(fonts) for fonts in glyphs.FONTS}
    assert len(kinds["train"]) == 160 and len(kinds["test"]) == 60
    assert not kinds["train"] & kinds["test"]
    assert kinds["all"] == kinds["train"] | kinds["test"]


def test_labels_are_indices_into_any_letters_and_digits():
    characters = string.ascii_letters + string.digits
    images, labels = glyphs.generate(2000, 16, characters, fonts="all", distortion=0.5)
    assert set(labels) == set(range(62))
    assert (images.max(axis=(1, 2)) > 0.3).all()
    alone, label = glyphs.generate(200, 16, "I", distortion=0)
    assert not label.any()
    assert alone[:, :, :3].max() == 0, "an I is no wider than high"


def test_distortion_scales_the_changes():
    def spread(distortion):
        images = glyphs.generate(500, characters="8", distortion=distortion)[0]
        rows = images.sum(axis=2)
        middle = (rows * np.arange(28)).sum(axis=1) / rows.sum(axis=1)
        return middle.std()

    small, medium, large = spread(0), spread(0.5), spread(1.0)
    assert small < 0.5 * medium and medium < 0.7 * large
    assert 0.7 < large < 1.6  # pixels; the shift's standard deviation alone is 0.88


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n is 0; expected an integer of at least 1"),
        ({"n": 2.0}, "n is 2.0; expected an integer of at least 1"),
        ({"size": 7}, "size is 7; expected an integer of at least 8"),
        ({"seed": -1}, "seed is -1; expected an integer of at least 0"),
        ({"fonts": "valid"}, "fonts is 'valid'; expected one of 'train', 'test', 'all'"),
        ({"distortion": -1}, "distortion is -1; expected a number of at least 0 and at most 3"),
        ({"distortion": "big"}, "distortion is 'big'; expected a number"),
        ({"characters": ""}, "characters is ''; expected a string such as '0123456789'"),
        ({"characters": 5}, "characters is 5; expected a string"),
        ({"characters": "00"}, "characters is '00'; expected different letters and digits"),
        ({"characters": "a b"}, "characters is 'a b'; expected different letters and digits"),
        ({"characters": "é"}, "characters is 'é'; expected different letters and digits"),
    ],
)
def test_a_wrong_argument_is_named(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        glyphs.generate(**{"n": 2, **arguments})
