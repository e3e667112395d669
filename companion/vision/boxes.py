"""Boxes: areas, overlap, and the suppression of boxes that find the same object again.

A box is x0, y0, x1, y1 in pixels from the upper left corner of the image, x to the right and y
downwards; a pixel reaches from its index to the next integer, so that x1 - x0 is the width.

The overlap of two boxes A and B is the intersection over the union (Jaccard 1901), from 0 for boxes
that share nothing to 1 for equal ones:

    IoU(A, B) = |A ∩ B| / |A ∪ B| = |A ∩ B| / (|A| + |B| - |A ∩ B|)

Everything here is NumPy and has no parameters to learn. Shapes: n and m boxes.
"""

from dataclasses import dataclass

import numpy as np

from companion.checks import number

__all__ = ["Detections", "areas", "as_boxes", "intersections", "iou", "nms"]


@dataclass(frozen=True)
class Detections:
    """What a detector found on one image, the surest first.

    Attributes:
        boxes: Shape (n, 4), in pixels.
        scores: Shape (n,), the higher, the surer.
        labels: Integers, shape (n,): the class of each box, from 0.

    Raises:
        ValueError: If they are no boxes, numbers or classes, or differ in number.
    """

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray

    def __post_init__(self):
        boxes = as_boxes("boxes", self.boxes)
        object.__setattr__(self, "boxes", boxes)
        object.__setattr__(self, "scores", _as_scores(self.scores, len(boxes)))
        object.__setattr__(self, "labels", _as_labels(self.labels, len(boxes)))

    def __len__(self):
        return len(self.boxes)


def as_boxes(name, boxes):
    """Return boxes as float64, shape (n, 4); an empty list gives shape (0, 4).

    Args:
        name: What they are called in the message.
        boxes: Numbers, shape (n, 4).

    Raises:
        ValueError: If the shape is another, a number is not finite, or a box has no area.
    """
    try:
        found = np.asarray(boxes, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} are {boxes!r}; expected numbers of shape (n, 4)") from error
    if found.size == 0 and found.shape in ((0,), (0, 4)):
        return np.empty((0, 4))
    if found.ndim != 2 or found.shape[1] != 4:
        raise ValueError(f"{name} have shape {found.shape}; expected (n, 4): x0, y0, x1, y1")
    broken = ~np.isfinite(found).all(axis=1) | (found[:, 2:] <= found[:, :2]).any(axis=1)
    if broken.any():
        place = int(np.flatnonzero(broken)[0])
        raise ValueError(
            f"{name}[{place}] is {found[place].tolist()}; expected finite x0 < x1 and y0 < y1"
        )
    return found


def areas(boxes):
    """Return the area of each box in square pixels, shape (n,).

    Args:
        boxes: Shape (n, 4).

    Raises:
        ValueError: If they are no boxes; see `as_boxes`.
    """
    boxes = as_boxes("boxes", boxes)
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def intersections(a, b):
    """Return the area that each box of one set shares with each of another.

    Args:
        a: Shape (n, 4).
        b: Shape (m, 4).

    Returns:
        Square pixels, shape (n, m).

    Raises:
        ValueError: If they are no boxes; see `as_boxes`.
    """
    a, b = as_boxes("a", a)[:, None], as_boxes("b", b)[None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])  # (n, m, 2)
    return np.prod(np.maximum(sides, 0), axis=2)


def iou(a, b):
    """Return the intersection over the union of each box of one set with each of another.

    Args:
        a: Shape (n, 4).
        b: Shape (m, 4).

    Returns:
        From 0 to 1, shape (n, m).

    Raises:
        ValueError: If they are no boxes; see `as_boxes`.
    """
    shared = intersections(a, b)
    return shared / (areas(a)[:, None] + areas(b)[None] - shared)


def nms(boxes, scores, overlap=0.5, labels=None):
    """Non-maximum suppression: keep the surest box, drop all that overlap it much, and go on.

    Args:
        boxes: Shape (n, 4).
        scores: Shape (n,). Among equal ones the first is taken first.
        overlap: A box is dropped if its IoU with one that was kept is larger than this; 0 to 1.
        labels: The class of each box, shape (n,): then boxes of different classes leave each other
            alone. By default all are taken as one class.

    Returns:
        Indices of the boxes that are kept, by falling score.

    Raises:
        ValueError: If an argument is none of these.
    """
    boxes = as_boxes("boxes", boxes)
    scores = _as_scores(scores, len(boxes))
    overlap = number("overlap", overlap, 0, 1)
    apart = np.zeros((len(boxes), len(boxes)), dtype=bool)
    if labels is not None:
        labels = _as_labels(labels, len(boxes))
        apart = labels[:, None] != labels[None]
    rivals = (iou(boxes, boxes) > overlap) & ~apart
    waiting, kept = np.argsort(-scores, kind="stable"), []
    while len(waiting):
        best, waiting = waiting[0], waiting[1:]
        kept.append(best)
        waiting = waiting[~rivals[best, waiting]]
    return np.array(kept, dtype=np.int64)


def _as_scores(scores, count):
    scores = np.asarray(scores, dtype=np.float64)
    if scores.shape != (count,) or not np.isfinite(scores).all():
        what = f"shape {scores.shape}" if scores.shape != (count,) else "a NaN or an infinity"
        raise ValueError(f"scores have {what}; expected {count} finite numbers, one for each box")
    return scores


def _as_labels(labels, count):
    labels = np.asarray(labels)
    if labels.size == 0 and count == 0:
        return np.empty(0, dtype=np.int64)
    if labels.shape != (count,) or labels.dtype.kind not in "iu" or labels.min() < 0:
        raise ValueError(
            f"labels are {labels.dtype} of shape {labels.shape}; "
            f"expected {count} integers of at least 0, one for each box"
        )
    return labels.astype(np.int64)
