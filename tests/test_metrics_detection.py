"""Average precision is pycocotools's, mean IoU scikit-learn's; both follow their definitions."""

import contextlib
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from sklearn.metrics import jaccard_score

from companion.metrics_detection import (
    THRESHOLDS,
    average_precision,
    average_precisions,
    class_iou,
    match,
    mean_iou,
    precision_recall,
)
from companion.vision.boxes import Detections


def drawn(seed, images=12, classes=3, clutter=3):
    """Objects, and detections that are near some of them, twice, or nowhere."""
    rng = np.random.default_rng(seed)
    found, boxes, labels = [], [], []
    for _ in range(images):
        count = rng.integers(0, 5)
        corner = rng.uniform(0, 60, (count, 2))
        truth = np.concatenate([corner, corner + rng.uniform(8, 30, (count, 2))], axis=1)
        kinds = rng.integers(classes, size=count)
        twice = rng.permutation(np.tile(np.arange(count), 2))[: rng.integers(0, 2 * count + 1)]
        near = truth[twice] + rng.normal(size=(len(twice), 4)) * rng.choice([0.5, 2.5])
        corner = rng.uniform(0, 60, (clutter, 2))
        wild = np.concatenate([corner, corner + rng.uniform(8, 30, (clutter, 2))], axis=1)
        guesses = np.where(rng.random(len(twice)) < 0.8, kinds[twice], rng.integers(classes))
        guesses = np.concatenate([guesses, rng.integers(classes, size=clutter)]).astype(int)
        scores = np.round(rng.random(len(guesses)), 2)  # ties between images are common
        found.append(Detections(np.concatenate([near, wild]), scores, guesses))
        boxes.append(truth)
        labels.append(kinds)
    return found, boxes, labels


def theirs(found, boxes, labels, classes):
    """Average precisions by pycocotools, shape (K, 10); it starts classes and images at 1."""

    def wide(box):
        return [*box[:2], *(box[2:] - box[:2])]

    truth = [
        {"image_id": image, "category_id": int(kind) + 1, "bbox": wide(box), "iscrowd": 0}
        for image, (there, kinds) in enumerate(zip(boxes, labels, strict=True), 1)
        for box, kind in zip(there, kinds, strict=True)
    ]
    for number, row in enumerate(truth, 1):
        row |= {"id": number, "area": row["bbox"][2] * row["bbox"][3]}
    guesses = [
        {"image_id": image, "category_id": int(k) + 1, "bbox": wide(box), "score": float(score)}
        for image, one in enumerate(found, 1)
        for box, score, k in zip(one.boxes, one.scores, one.labels, strict=True)
    ]
    coco = COCO()
    coco.dataset = {
        "info": {},
        "images": [{"id": image} for image in range(1, len(boxes) + 1)],
        "annotations": truth,
        "categories": [{"id": kind} for kind in range(1, classes + 1)],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
        run = COCOeval(coco, coco.loadRes(guesses), "bbox")
        run.evaluate()
        run.accumulate()
    precision = run.eval["precision"][:, :, :, 0, -1]  # thresholds, recalls, classes
    return np.where(precision > -1, precision, np.nan).mean(axis=1).T


@pytest.mark.parametrize("seed", range(6))
def test_average_precisions_are_pycocotools(seed):
    found, boxes, labels = drawn(seed)
    ours = average_precisions(found, boxes, labels, 4)  # of class 3 there is none
    assert np.isnan(ours[3]).all() and 0.05 < np.nanmean(ours) < 0.95
    np.testing.assert_allclose(ours, theirs(found, boxes, labels, 4), atol=1e-12)


def test_perfect_detections_reach_one_and_none_reach_zero():
    _, boxes, labels = drawn(0)
    perfect = [Detections(b, np.ones(len(b)), k) for b, k in zip(boxes, labels, strict=True)]
    none = [Detections([], [], []) for _ in boxes]
    assert (average_precisions(perfect, boxes, labels, 3) == 1).all()
    assert (average_precisions(none, boxes, labels, 3) == 0).all()


def test_an_example_by_hand():
    """Two objects; a hit, a second box on the same object, a miss, and the other object."""
    truth = np.array([[0.0, 0, 10, 10], [20, 20, 30, 30]])
    boxes = np.array([[0, 0, 10, 9], [0, 0, 10, 10], [40, 40, 50, 50], [20, 20, 30, 26.0]])
    scores = np.array([0.9, 0.8, 0.7, 0.6])
    assert match(boxes, scores, truth).tolist() == [0, -1, -1, 1]
    assert match(boxes, scores, truth, 0.95).tolist() == [-1, 0, -1, -1]
    precision, recall = precision_recall([True, False, False, True], scores, 2)
    np.testing.assert_allclose(precision, [1, 1 / 2, 1 / 3, 1 / 2])
    np.testing.assert_allclose(recall, [0.5, 0.5, 0.5, 1])
    # Recall 0 to 0.5, which are 51 of the levels, at precision 1, the others at 1/2.
    assert average_precision(precision, recall) == pytest.approx((51 + 50 / 2) / 101)
    found = [Detections(boxes, scores, [0, 0, 0, 0])]
    assert average_precisions(found, [truth], [[0, 0]], 1, (0.5,))[0, 0] == pytest.approx(76 / 101)


RANKED = st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=1, max_size=30)


@given(RANKED, st.integers(0, 5))
def test_average_precision_follows_its_definition(ranked, missed):
    right, scores = map(np.array, zip(*ranked, strict=True))
    objects = max(1, right.sum() + missed)
    precision, recall = precision_recall(right, scores, objects)
    order = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
    for n in range(1, len(order) + 1):
        hits = sum(right[i] for i in order[:n])
        assert precision[n - 1] == hits / n and recall[n - 1] == hits / objects
    levels = [
        max([p for p, r in zip(precision, recall, strict=True) if r >= level], default=0)
        for level in np.linspace(0, 1, 101)
    ]
    assert average_precision(precision, recall) == pytest.approx(np.mean(levels))


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_a_wrong_box_below_all_others_changes_nothing_and_a_stricter_threshold_never_helps(seed):
    found, boxes, labels = drawn(seed, images=3)
    before = average_precisions(found, boxes, labels, 3)
    assert (np.diff(np.nan_to_num(before), axis=1) <= 1e-12).all()
    one = found[0]
    far = np.append(one.boxes, [[500, 500, 510, 510]], axis=0)
    found[0] = Detections(far, np.append(one.scores, -1.0), np.append(one.labels, 0))
    np.testing.assert_allclose(average_precisions(found, boxes, labels, 3), before)


def test_the_thresholds_are_cocos():
    np.testing.assert_allclose(THRESHOLDS, np.arange(0.5, 1, 0.05))


PIXELS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60)


@given(PIXELS)
def test_the_iou_of_pixels_is_scikit_learns_jaccard_score(pairs):
    y_true, y_pred = np.array(pairs).T
    ours = class_iou(y_true, y_pred, 5)
    occur = np.unique([y_true, y_pred])
    assert np.isnan(np.delete(ours, occur)).all()
    expected = jaccard_score(y_true, y_pred, average=None, labels=occur)
    np.testing.assert_allclose(ours[occur], expected)
    assert mean_iou(y_true, y_pred, 5) == pytest.approx(expected.mean())
    if set(occur) != {0}:
        others = expected[occur > 0].mean()
        assert mean_iou(y_true, y_pred, 5, background=False) == pytest.approx(others)


def test_images_are_counted_together():
    y_true, y_pred = np.zeros((2, 3, 4), dtype=int), np.zeros((2, 3, 4), dtype=int)
    y_true[0, 0] = y_pred[0, :2] = 1  # 4 shared pixels of 8
    assert class_iou(y_true, y_pred, 2).tolist() == [16 / 20, 4 / 8]


ONE = Detections([[0, 0, 2, 2]], [0.5], [1])
HERE = ([[0, 0, 2, 2]],)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: average_precisions([ONE], HERE, [[2]], 2), "has the class 2; expected 0 to 1"),
        (lambda: average_precisions([ONE], HERE, [[0]], 1), "has the class 1; expected 0 to 0"),
        (lambda: average_precisions([ONE], HERE, [[-1]], 2), "integers of at least 0"),
        (lambda: average_precisions([ONE], HERE, [[0.5]], 2), "labels are float64"),
        (lambda: average_precisions([ONE], HERE, [[0, 1]], 2), "expected 1 integers"),
        (lambda: average_precisions([ONE], [], [], 2), "1 detections, 0 arrays of boxes and 0"),
        (lambda: average_precisions([], [], [], 2), "at least one"),
        (lambda: average_precisions([HERE], HERE, [[0]], 2), r"detections\[0\] is tuple"),
        (lambda: average_precisions([ONE], [[[2, 0, 0, 2]]], [[0]], 2), "expected finite x0 < x1"),
        (lambda: average_precisions([ONE], HERE, [[0]], 0), "classes is 0; expected an integer"),
        (lambda: average_precisions([ONE], HERE, [[1]], 2, (2.0,)), "threshold is 2.0; expected"),
        (lambda: precision_recall([True], [0.5], 0), "objects is 0; expected an integer"),
        (lambda: precision_recall([True], [0.5, 0.4], 1), r"right has shape \(1,\) and scores"),
        (lambda: average_precision([1.0], [0.5, 0.6]), r"precision has shape \(1,\)"),
        (lambda: average_precision([1.0, 1.0], [0.6, 0.5]), "a recall that never falls"),
        (lambda: class_iou([0, 1], [0], 2), r"y_true has shape \(2,\) and y_pred \(1,\)"),
        (lambda: class_iou([], [], 2), "expected one shape without a 0"),
        (lambda: class_iou([0, 2], [0, 1], 2), "y_true are int64 from 0 to 2; expected integers"),
        (lambda: class_iou([0, 1], [0, -1], 2), "y_pred are int64 from -1 to 0; expected"),
        (lambda: class_iou([0.0, 1], [0, 1], 2), "y_true are float64 from 0.0 to 1.0; expected"),
        (lambda: mean_iou([0], [0], 2, background=False), "background only"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
