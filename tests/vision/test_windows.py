"""The sliding window: where it looks, what it cuts out, and what it refuses."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from companion.data import scenes
from companion.vision.windows import WindowPlan, crops, detect, examples, places, resized

RNG = np.random.default_rng(0)
IMAGES = RNG.random((2, 30, 26, 3), dtype=np.float32)
PLAN = WindowPlan(8, (1.0, 2.0), 3)


@pytest.mark.parametrize("size", [(30, 26), (60, 52), (17, 9), (1, 1)])
def test_images_are_resized_as_torch_does(size):
    batch = torch.from_numpy(IMAGES).permute(0, 3, 1, 2)
    expected = F.interpolate(batch, size, mode="bilinear", align_corners=False)
    found = resized(IMAGES, *size)
    assert found.dtype == np.float32 and found.shape == (2, *size, 3)
    np.testing.assert_allclose(found, expected.permute(0, 2, 3, 1).numpy(), atol=1e-5)


def test_windows_are_the_parts_of_the_image_that_their_squares_name():
    windows, squares = crops(IMAGES[0], PLAN, 1.0)
    assert places(30, PLAN).tolist() == [0, 3, 6, 9, 12, 15, 18, 21]
    assert places(26, PLAN).tolist() == [0, 3, 6, 9, 12, 15, 18]
    assert len(windows) == len(squares) == 8 * 7
    for window, (x0, y0, x1, y1) in zip(windows, squares.astype(int), strict=True):
        assert np.array_equal(window, IMAGES[0, y0:y1, x0:x1])


def test_a_larger_scale_sees_larger_squares():
    windows, squares = crops(IMAGES[0], PLAN, 2.0)
    small = resized(IMAGES[:1], 15, 13)[0]
    assert len(windows) == 3 * 2
    np.testing.assert_allclose(squares[:, 2:] - squares[:, :2], 16)
    assert np.array_equal(windows[-1], small[6:14, 3:11])
    np.testing.assert_allclose(squares[-1], [6, 12, 22, 28])


def test_a_perfect_classifier_finds_what_is_there():
    """The image is black but for one white square, which fills 6 of the 8 pixels of a window."""
    image = np.zeros((1, 32, 32, 3), dtype=np.float32)
    image[0, 10:16, 13:19] = 1  # the window from (9, 12) on, which a stride of 3 visits

    def classify(windows):
        inside = windows[:, 1:7, 1:7].mean(axis=(1, 2, 3))
        outside = windows.sum(axis=(1, 2, 3)) / 3 - 36 * inside
        hit = np.where(outside < 0.5, inside, 0)
        return np.stack([0 * hit, hit, 1 - hit], axis=1)

    (found,) = detect(image, classify, WindowPlan(8, (1.0,), 3), [(0.5, 0.5), (0.75, 0.75)])
    assert found.labels.tolist() == [1] and found.scores[0] == pytest.approx(1)
    np.testing.assert_allclose(found.boxes, [[13, 10, 19, 16]])


def test_examples_show_the_objects_and_the_rest():
    drawn = scenes.generate(40, 64, "ABC", seed=1)
    plan = WindowPlan(24, (1.0, 1.5), 4)
    windows, labels, shapes = examples(drawn, plan, np.random.default_rng(0), per_image=5)
    counts = np.bincount(labels, minlength=4)
    known = np.concatenate(drawn.labels)
    assert counts[:3].tolist() == np.bincount(known, minlength=3).tolist()
    assert 0 < counts[3] <= 40 * 5
    assert windows.shape == (len(labels), 24, 24, 3) and windows.dtype == np.float32
    assert windows.min() >= 0 and windows.max() <= 1
    assert shapes.shape == (3, 2) and (shapes > 0.3).all() and (shapes <= 20 / 28 + 1e-6).all()
    again = examples(drawn, plan, np.random.default_rng(0), per_image=5)
    assert all(np.array_equal(*pair) for pair in zip((windows, labels, shapes), again, strict=True))


def nothing(windows):
    return np.tile(np.array([0.0, 1.0]), (len(windows), 1))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: WindowPlan(3), ValueError, "side is 3; expected an integer of at least 4"),
        (lambda: WindowPlan(8, ()), ValueError, r"scales is \(\); expected a tuple"),
        (lambda: WindowPlan(8, (0,)), ValueError, r"scales\[0\] is 0; expected a number above 0"),
        (lambda: WindowPlan(8, (-1,)), ValueError, r"scales\[0\] is -1; expected a number"),
        (lambda: WindowPlan(8, (1.0,), 0), ValueError, "stride is 0; expected an integer"),
        (lambda: resized(IMAGES, 0, 5), ValueError, "height is 0; expected an integer"),
        (lambda: resized(IMAGES[0], 5, 5), ValueError, r"expected \(n, H, W, C\)"),
        (lambda: resized(IMAGES.astype(float), 5, 5), TypeError, "images are float64"),
        (lambda: crops(IMAGES[0], PLAN, 4.0), ValueError, "less than one window of 32 pixels"),
        (lambda: detect(255 * IMAGES, nothing, PLAN, [(1, 1)]), ValueError, "expected 0 to 1"),
        (lambda: detect(IMAGES[:0], nothing, PLAN, [(1, 1)]), ValueError, "none of them 0"),
        (lambda: detect(IMAGES, nothing, PLAN, [(1, 0)]), ValueError, "expected positive numbers"),
        (lambda: detect(IMAGES, nothing, PLAN, [1, 1]), ValueError, r"shape \(K, 2\)"),
        (lambda: detect(IMAGES, nothing, PLAN, [(1, 1)], 2), ValueError, "threshold is 2"),
        (lambda: detect(IMAGES, nothing, PLAN, [(1, 1)] * 2), ValueError, "classify returned"),
        (lambda: examples(None, PLAN, RNG, 0), ValueError, "per_image is 0; expected an integer"),
    ],
)
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
