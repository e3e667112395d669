"""Metrics of detection and segmentation: average precision over boxes, mean IoU over pixels.

A detection is right if it has the class of an object and an intersection over union of at least a
threshold with it; of several that hit the same object only the surest counts. Going down the list
of detections by score, recall grows and precision wanders. The average precision is the mean, over
101 levels of recall from 0 to 1, of the best precision at that recall or a higher one (Lin et al.
2014, *Microsoft COCO*, arXiv:1405.0312, and its evaluation code):

    AP = 1/101 Σ_r max { precision at recall r′ : r′ ≥ r }        r = 0, 0.01, …, 1

mAP50 is the mean over the classes at the threshold 0.5, mAP50-95 also over 0.5, 0.55, …, 0.95.

For pixels, with t those of a class in truth and p those that are given it, IoU = |t ∩ p| / |t ∪ p|,
counted over all images together, and averaged over the classes. NumPy only.

Shapes: n images, k boxes on one, K classes, T thresholds.
"""

import numpy as np

from companion.checks import natural, number
from companion.vision.boxes import Detections, as_boxes, iou

__all__ = [
    "THRESHOLDS",
    "average_precision",
    "average_precisions",
    "class_iou",
    "match",
    "mean_iou",
    "precision_recall",
]

# Of COCO: 0.5, 0.55, …, 0.95.
THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))

_RECALLS = np.linspace(0, 1, 101)


def match(boxes, scores, truth, threshold=0.5):
    """Tell which detections of one class on one image are right.

    By falling score, each takes the object with the largest IoU among those that are still free,
    if that reaches the threshold.

    Args:
        boxes: Of the detections, shape (n, 4).
        scores: Shape (n,).
        truth: Boxes of the objects, shape (k, 4).
        threshold: The least IoU of a hit, from 0 to 1.

    Returns:
        For each detection the index of its object, or -1; shape (n,).

    Raises:
        ValueError: If an argument is none of these.
    """
    threshold = number("threshold", threshold, 0, 1)
    truth = as_boxes("truth", truth)
    found = Detections(boxes, scores, np.zeros(len(boxes), dtype=np.int64))
    overlaps = iou(found.boxes, truth)
    taken = np.full(len(found), -1)
    for row in np.argsort(-found.scores, kind="stable"):
        candidates = overlaps[row]  # a view, where a taken object gets -1
        if len(truth) and candidates.max() >= threshold:
            taken[row] = candidates.argmax()
            overlaps[:, taken[row]] = -1
    return taken


def precision_recall(right, scores, objects):
    """Return precision and recall of the surest detections, of the two surest, and so on.

    Args:
        right: Whether each detection is a hit, booleans, shape (n,).
        scores: Shape (n,).
        objects: How many there are to be found, at least 1.

    Returns:
        precision and recall, each of shape (n,), by falling score.

    Raises:
        ValueError: If the arrays differ in length or `objects` is none.
    """
    objects = natural("objects", objects, 1)
    right, scores = np.asarray(right, dtype=bool), np.asarray(scores, dtype=np.float64)
    if right.ndim != 1 or right.shape != scores.shape:
        raise ValueError(
            f"right has shape {right.shape} and scores {scores.shape}; expected (n,) for both"
        )
    hits = np.cumsum(right[np.argsort(-scores, kind="stable")])
    return hits / np.arange(1, len(hits) + 1), hits / objects


def average_precision(precision, recall):
    """Return the mean over 101 levels of recall of the best precision from there on.

    Args:
        precision: Shape (n,), by falling score.
        recall: Shape (n,), rising.

    Returns:
        A number from 0 to 1.

    Raises:
        ValueError: If the arrays differ in length, or recall falls somewhere.
    """
    precision, recall = np.asarray(precision, np.float64), np.asarray(recall, np.float64)
    if precision.ndim != 1 or precision.shape != recall.shape or (np.diff(recall) < 0).any():
        raise ValueError(
            f"precision has shape {precision.shape} and recall {recall.shape}; "
            "expected (n,) for both, and a recall that never falls"
        )
    best = np.maximum.accumulate(precision[::-1])[::-1]  # from here to the end
    reached = np.searchsorted(recall, _RECALLS, side="left")
    return float(np.append(best, 0.0)[reached].mean())  # 0 where the recall is never reached


def average_precisions(detections, boxes, labels, classes, thresholds=THRESHOLDS):
    """Return the average precision of each class at each threshold.

    Args:
        detections: One `Detections` per image.
        boxes: One array (k, 4) per image: where the objects are.
        labels: One array (k,) per image: what they are, from 0 to below `classes`.
        classes: How many there are, K.
        thresholds: The least IoUs of a hit, T numbers from 0 to 1.

    Returns:
        Shape (K, T); NaN for a class without any object. `np.nanmean` over column 0 is mAP50, over
        all it is mAP50-95.

    Raises:
        ValueError: If the lists differ in length or are empty, or hold something else.
    """
    truth = _truth(detections, boxes, labels, natural("classes", classes, 1))
    found = np.full((classes, len(thresholds)), np.nan)
    for kind in range(classes):
        objects = [where[what == kind] for where, what in truth]
        total = sum(map(len, objects))
        if total == 0:
            continue
        own = [(d.boxes[d.labels == kind], d.scores[d.labels == kind]) for d in detections]
        scores = np.concatenate([score for _, score in own])
        for column, threshold in enumerate(thresholds):
            pairs = zip(own, objects, strict=True)
            right = np.concatenate([match(*one, there, threshold) >= 0 for one, there in pairs])
            found[kind, column] = average_precision(*precision_recall(right, scores, total))
    return found


def _truth(detections, boxes, labels, classes):
    """Check the three lists against each other; return pairs of boxes and labels."""
    if not len(detections) == len(boxes) == len(labels) or len(boxes) == 0:
        raise ValueError(
            f"there are {len(detections)} detections, {len(boxes)} arrays of boxes and "
            f"{len(labels)} of labels; expected one of each for every image, and at least one"
        )
    pairs = []
    for image, (found, where, what) in enumerate(zip(detections, boxes, labels, strict=True)):
        if not isinstance(found, Detections):
            raise ValueError(f"detections[{image}] is {type(found).__name__}; expected Detections")
        truth = Detections(where, np.zeros(len(where)), what)
        highest = max([-1, *found.labels, *truth.labels])
        if highest >= classes:
            raise ValueError(
                f"image {image} has the class {highest}; expected 0 to {classes - 1}, "
                f"because classes is {classes}"
            )
        pairs.append((truth.boxes, truth.labels))
    return pairs


def class_iou(y_true, y_pred, classes):
    """Return the intersection over the union of the pixels of each class.

    Args:
        y_true: The classes of the pixels, integers from 0 to below `classes`, of any shape.
        y_pred: Those that they were given, of the same shape.
        classes: How many there are, K, the background among them.

    Returns:
        Shape (K,); NaN for a class that occurs in neither.

    Raises:
        ValueError: If the shapes differ, there is no pixel, or a class is not known.
    """
    classes = natural("classes", classes, 1)
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
    if y_true.shape != y_pred.shape or y_true.size == 0:
        raise ValueError(
            f"y_true has shape {y_true.shape} and y_pred {y_pred.shape}; expected one shape "
            "without a 0 for both"
        )
    for name, values in (("y_true", y_true), ("y_pred", y_pred)):
        if values.dtype.kind not in "iu" or values.min() < 0 or values.max() >= classes:
            raise ValueError(
                f"{name} are {values.dtype} from {values.min()} to {values.max()}; "
                f"expected integers from 0 to {classes - 1}"
            )
    pairs = classes * y_true.ravel().astype(np.int64) + y_pred.ravel()
    matrix = np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
    shared = np.diag(matrix).astype(np.float64)
    union = matrix.sum(axis=0) + matrix.sum(axis=1) - shared
    return np.divide(shared, union, out=np.full(classes, np.nan), where=union > 0)


def mean_iou(y_true, y_pred, classes, *, background=True):
    """Return the mean of `class_iou` over the classes that occur, from 0 to 1.

    Args:
        y_true: See `class_iou`.
        y_pred: See `class_iou`.
        classes: See `class_iou`.
        background: Whether class 0 counts among them.

    Raises:
        ValueError: As `class_iou`, or if no class is left to average over.
    """
    found = class_iou(y_true, y_pred, classes)[0 if background else 1 :]
    if np.isnan(found).all():
        raise ValueError("y_true and y_pred are background only; expected another class somewhere")
    return float(np.nanmean(found))
