"""The configs of detector and segmenter: what follows from them, and what they refuse."""

import json
from dataclasses import asdict

import pytest

from companion.vision.scene_config import DetectorConfig, SegmenterConfig


def test_the_grid_follows_from_the_stages():
    config = DetectorConfig((64, 48, 3), 4, (8, 8, 8))
    assert (config.cell, config.grid, config.outputs) == (8, (8, 6), 9)
    assert SegmenterConfig((64, 48, 3), 4).outputs == 5


@pytest.mark.parametrize("kind", [DetectorConfig, SegmenterConfig])
def test_json_gives_the_same_config(kind):
    config = kind((64, 48, 3), 4, (8, 16))
    assert kind(**json.loads(json.dumps(asdict(config)))) == config


@pytest.mark.parametrize("kind", [DetectorConfig, SegmenterConfig])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"image": (60, 64, 3)},
            r"image is \(60, 64, 3\); expected a height and .* that 8 divides",
        ),
        ({"image": (64, 4, 3)}, "that 8 divides, because each of 3 stages halves them"),
        ({"image": (64, 64)}, "expected height, width and channels"),
        ({"image": (64, 64, 0)}, r"image\[2\] is 0; expected an integer of at least 1"),
        ({"image": 64}, "image is 64; expected a tuple of height, width and channels"),
        ({"classes": 0}, "classes is 0; expected an integer of at least 1"),
        ({"classes": 2.0}, "classes is 2.0; expected an integer"),
        ({"widths": ()}, r"widths is \(\); expected at least one stage"),
        ({"widths": (8, 0, 8)}, r"widths\[1\] is 0; expected an integer of at least 1"),
        ({"widths": 8}, "widths is 8; expected a tuple of channels"),
    ],
)
def test_bad_fields_are_refused(kind, change, message):
    with pytest.raises(ValueError, match=message):
        kind(**{"image": (64, 64, 3), "classes": 3} | change)


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        (DetectorConfig, {"reference": 0}, "reference is 0; expected a number of pixels above 0"),
        (DetectorConfig, {"reference": -1}, "reference is -1; expected a number of at least 0"),
        (SegmenterConfig, {"fine": 0}, "fine is 0; expected an integer of at least 1"),
        (SegmenterConfig, {"skips": 1}, "skips is 1; expected True or False"),
    ],
)
def test_bad_fields_of_one_of_them_are_refused(kind, change, message):
    with pytest.raises(ValueError, match=message):
        kind((64, 64, 3), 3, **change)
