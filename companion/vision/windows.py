"""The sliding window: a classifier of single characters made to search through a whole image.

What was done before detectors learnt to look once (Viola and Jones 2001; Sermanet et al. 2014,
arXiv:1312.6229, in one pass). Squares of several sizes move over the image in small steps. Each
is brought to the size that the classifier knows and gets its class or "nothing"; boxes that say
something are thinned out by non-maximum suppression. NumPy only: the classifier is a function.

Shapes: n images of H × W pixels with C channels, m windows on one of them, K classes.
"""

from dataclasses import dataclass

import numpy as np

from companion.checks import image_batch, natural, number
from companion.vision.boxes import Detections, iou, nms

__all__ = ["WindowPlan", "crops", "detect", "examples", "places", "resized"]


@dataclass(frozen=True)
class WindowPlan:
    """Which windows are looked at.

    Attributes:
        side: Height and width of what the classifier sees, in pixels, at least 4.
        scales: How many of the image's pixels make one of the classifier's, above 0.
        stride: Steps between windows, in the classifier's pixels, at least 1.

    Raises:
        ValueError: If a field is none of these.
    """

    side: int = 24
    scales: tuple[float, ...] = (1.0, 1.4, 1.9)
    stride: int = 4

    def __post_init__(self):
        natural("side", self.side, 4)
        natural("stride", self.stride, 1)
        if not isinstance(self.scales, tuple | list) or not self.scales:
            raise ValueError(f"scales is {self.scales!r}; expected a tuple such as (1.0, 1.5)")
        for index, scale in enumerate(self.scales):
            if number(f"scales[{index}]", scale, 0) == 0:
                raise ValueError(f"scales[{index}] is 0; expected a number above 0")
        object.__setattr__(self, "scales", tuple(map(float, self.scales)))


def resized(images, height, width):
    """Return images in another size, each pixel interpolated between the four around it.

    Args:
        images: Float32 from 0 to 1, shape (n, H, W, C).
        height: In pixels, at least 1.
        width: In pixels, at least 1.

    Returns:
        Float32, shape (n, height, width, C).

    Raises:
        ValueError: If an argument is none of these.
        TypeError: If the images are no float32 array.
    """
    images = _four(images)
    for axis, length in ((1, natural("height", height, 1)), (2, natural("width", width, 1))):
        before = images.shape[axis]
        images = _sampled(images, (np.arange(length) + 0.5) * before / length - 0.5, axis)
    return images


def places(length, plan):
    """Return where windows start along a side of so many of the classifier's pixels."""
    return np.arange(0, length - plan.side + 1, plan.stride)


def crops(image, plan, scale):
    """Return all windows of one scale, row by row, and their squares.

    Args:
        image: Float32 from 0 to 1, shape (H, W, C).
        plan: A `WindowPlan`.
        scale: How many pixels of the image make one of the classifier's.

    Returns:
        windows: Float32, shape (m, side, side, C).
        squares: Where they lie, in the image's pixels, shape (m, 4).

    Raises:
        ValueError: If an argument is none of these, or the image is smaller than a window.
        TypeError: If the image is no float32 array.
    """
    height, width = (round(length / scale) for length in np.shape(image)[:2])
    if min(height, width) < plan.side:
        raise ValueError(
            f"the image has shape {np.shape(image)}, less than one window of "
            f"{plan.side * scale:g} pixels; expected a larger image or a smaller scale"
        )
    small = resized(image[None], height, width)[0]
    views = np.lib.stride_tricks.sliding_window_view(small, (plan.side, plan.side), (0, 1))
    views = views[:: plan.stride, :: plan.stride]  # (rows, columns, C, side, side)
    top, left = np.meshgrid(places(height, plan), places(width, plan), indexing="ij")
    corners = np.stack([left.ravel(), top.ravel()], axis=1)
    factor = np.array([image.shape[1] / width, image.shape[0] / height])
    squares = np.concatenate([corners * factor, (corners + plan.side) * factor], axis=1)
    return views.transpose(0, 1, 3, 4, 2).reshape(-1, plan.side, plan.side, image.shape[2]), squares


def detect(images, classify, plan, shapes, threshold=0.5, overlap=0.2):
    """Find the objects on images by looking at every window.

    Args:
        images: Float32 from 0 to 1, shape (n, H, W, C).
        classify: classify(windows), float32 (m, side, side, C), returns probabilities
            (m, K + 1), the last of them for "nothing".
        plan: A `WindowPlan`.
        shapes: Height and width of each class in parts of a window's, shape (K, 2): a box of that
            size around the middle of the window is returned.
        threshold: The least probability of a box that is returned, from 0 to 1.
        overlap: See `companion.vision.boxes.nms`; boxes of all classes compete.

    Returns:
        A list with the `Detections` of each image.

    Raises:
        ValueError: If an argument is none of these.
        TypeError: If the images are no float32 array.
    """
    images, shapes = _four(images), np.asarray(shapes, dtype=np.float64)
    threshold, overlap = number("threshold", threshold, 0, 1), number("overlap", overlap, 0, 1)
    if shapes.ndim != 2 or shapes.shape[1] != 2 or not (shapes > 0).all():
        raise ValueError(f"shapes are {shapes.tolist()}; expected positive numbers, shape (K, 2)")
    found = []
    for image in images:
        cut = [crops(image, plan, scale) for scale in plan.scales]
        squares = np.concatenate([where for _, where in cut])
        odds = classify(np.concatenate([windows for windows, _ in cut]))
        if odds.shape != (len(squares), len(shapes) + 1):
            raise ValueError(
                f"classify returned shape {odds.shape}; expected ({len(squares)}, "
                f"{len(shapes) + 1}), one probability for each class and one for nothing"
            )
        found.append(_thinned(squares, odds[:, :-1], shapes, image.shape, threshold, overlap))
    return found


def _thinned(squares, odds, shapes, image, threshold, overlap):
    """Turn windows into boxes, leave out the doubtful ones, and suppress the rest."""
    labels = odds.argmax(axis=1)
    sure = np.flatnonzero(odds.max(axis=1) >= threshold)
    squares, labels, scores = squares[sure], labels[sure], odds.max(axis=1)[sure]
    middle = (squares[:, :2] + squares[:, 2:]) / 2
    halves = (squares[:, 2:] - squares[:, :2]) * shapes[labels, ::-1] / 2
    limits = np.array([image[1], image[0]])
    boxes = np.concatenate([middle - halves, middle + halves], axis=1)
    boxes = np.clip(boxes, 0, np.tile(limits, 2))
    kept = nms(boxes, scores, overlap)
    return Detections(boxes[kept], scores[kept], labels[kept])


def examples(scenes, plan, rng, per_image=6):
    """Cut windows out of scenes, to train a classifier on.

    A window around an object, 28/20 times as large as its longer side (as `companion.data.glyphs`
    frames them), is moved by up to 8 % of its side and up to 15 % larger or smaller: it has the
    class of the object. A window of the plan at a random place, whose IoU with all these windows
    is at most 0.3, is "nothing", even if it shows a part of an object.

    Args:
        scenes: What `companion.data.scenes.generate` returns.
        plan: A `WindowPlan`.
        rng: A `numpy.random.Generator`.
        per_image: Random windows per scene; those that meet an object are left out.

    Returns:
        windows: Float32, shape (m, side, side, C).
        labels: Int64, shape (m,); "nothing" is one more than the highest class, K.
        shapes: The mean height and width of each class in parts of its window's, shape (K, 2).

    Raises:
        ValueError: If `per_image` is no integer of at least 1.
    """
    natural("per_image", per_image, 1)
    nothing = int(np.concatenate(scenes.labels).max()) + 1
    windows, labels, sizes = [], [], []
    for image, boxes, kinds in zip(scenes.images, scenes.boxes, scenes.labels, strict=True):
        sides = boxes[:, 2:] - boxes[:, :2]
        middle, side = boxes[:, :2] + sides / 2, sides.max(axis=1, keepdims=True) * 28 / 20
        sizes.append(sides[:, ::-1] / side)
        own = _squares(middle, side)
        middle = middle + side * rng.uniform(-0.08, 0.08, middle.shape)
        near = _squares(middle, side * np.exp(rng.uniform(-0.15, 0.15, side.shape)))
        side = plan.side * rng.choice(plan.scales, (per_image, 1))
        corner = rng.random((per_image, 2)) * (np.array(image.shape[1::-1]) - side)
        far = _squares(corner + side / 2, side)
        far = far[iou(far, own).max(axis=1) <= 0.3]
        windows += [_cut(image, window, plan.side) for window in (*near, *far)]
        labels += [*kinds, *[nothing] * len(far)]
    known, sizes = np.concatenate(scenes.labels), np.concatenate(sizes)
    shapes = np.stack([sizes[known == kind].mean(axis=0) for kind in range(nothing)])
    return np.stack(windows), np.array(labels, dtype=np.int64), shapes


def _squares(middle, side):
    """Return boxes (n, 4) from middles (n, 2) and sides (n, 1)."""
    return np.concatenate([middle - side / 2, middle + side / 2], axis=1)


def _cut(image, window, side):
    """Return a window (x0, y0, x1, y1) in another size; borders go on outside the image."""
    steps = (np.arange(side) + 0.5) / side
    for axis, low, high in ((1, window[1], window[3]), (2, window[0], window[2])):
        image = _sampled(image[None], low + steps * (high - low) - 0.5, axis)[0]
    return image


def _sampled(images, at, axis):
    """Interpolate linearly along an axis, at positions counted from the middle of pixel 0."""
    last = images.shape[axis] - 1
    at = np.clip(at, 0, last)
    low = np.minimum(at.astype(int), max(last - 1, 0))
    share = np.float32(at - low).reshape((-1, 1, 1) if axis == 1 else (-1, 1))
    return images.take(low, axis) * (1 - share) + images.take(low + (last > 0), axis) * share


def _four(images):
    if image_batch(images).ndim != 4:
        raise ValueError(f"images have shape {images.shape}; expected (n, H, W, C)")
    return images
