"""Boxes by hand: equal to counting pixels, and to onnxruntime's NonMaxSuppression."""

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from companion.vision.boxes import Detections, areas, as_boxes, intersections, iou, nms

LONGEST = 12


@st.composite
def sets_of_boxes(draw, smallest=1, largest=9):
    """Boxes whose corners are integers from 0 to LONGEST, so that pixels can be counted."""
    count = draw(st.integers(smallest, largest))
    sides = st.tuples(st.integers(0, LONGEST - 1), st.integers(1, LONGEST))
    spans = [draw(st.tuples(sides, sides)) for _ in range(count)]
    boxes = [(x, y, min(x + w, LONGEST), min(y + h, LONGEST)) for (x, w), (y, h) in spans]
    return np.array(boxes, dtype=np.float64).reshape(-1, 4)


def painted(box):
    canvas = np.zeros((LONGEST, LONGEST), dtype=bool)
    x0, y0, x1, y1 = box.astype(int)
    canvas[y0:y1, x0:x1] = True
    return canvas


@given(sets_of_boxes(), sets_of_boxes())
def test_areas_and_overlaps_are_those_of_counted_pixels(a, b):
    both = [[painted(one) & painted(other) for other in b] for one in a]
    either = [[painted(one) | painted(other) for other in b] for one in a]
    shared, union = np.sum(both, axis=(2, 3)), np.sum(either, axis=(2, 3))
    assert np.array_equal(areas(a), [painted(box).sum() for box in a])
    assert np.array_equal(intersections(a, b), shared)
    np.testing.assert_allclose(iou(a, b), shared / union, rtol=1e-15)


@given(sets_of_boxes(), st.floats(0.1, 50), st.floats(-100, 100))
def test_iou_is_symmetric_one_for_equal_boxes_and_free_of_units_and_places(boxes, scale, shift):
    overlaps = iou(boxes, boxes)
    assert np.array_equal(overlaps, overlaps.T)
    assert np.array_equal(np.diag(overlaps), np.ones(len(boxes)))
    assert (overlaps >= 0).all() and (overlaps <= 1).all()
    moved = scale * boxes + shift
    np.testing.assert_allclose(iou(moved, moved), overlaps, atol=1e-9)


def test_an_example_by_hand():
    a, b = [[0, 0, 4, 2]], [[2, 0, 6, 2], [4, 0, 6, 2], [0, 0, 4, 4]]
    np.testing.assert_allclose(iou(a, b), [[4 / 12, 0, 8 / 16]])


def suppressed_by_the_definition(boxes, scores, overlap, labels):
    """Go through all boxes by score; keep one if no kept one of its class overlaps it more."""
    kept = []
    for i in sorted(range(len(boxes)), key=lambda i: (-scores[i], i)):
        rivals = [j for j in kept if labels[j] == labels[i]]
        if all(iou(boxes[i : i + 1], boxes[j : j + 1])[0, 0] <= overlap for j in rivals):
            kept.append(i)
    return kept


@st.composite
def scored(draw):
    boxes = draw(sets_of_boxes(0))
    few = st.lists(st.integers(0, 4), min_size=len(boxes), max_size=len(boxes))
    return boxes, np.array(draw(few), dtype=float), np.array(draw(few), dtype=np.int64) % 2


@given(scored(), st.floats(0, 1))
def test_nms_follows_its_definition_with_ties_and_classes(drawn, overlap):
    boxes, scores, labels = drawn
    kept = nms(boxes, scores, overlap, labels)
    assert kept.tolist() == suppressed_by_the_definition(boxes, scores, overlap, labels)
    kept = nms(boxes, scores, overlap)
    assert kept.tolist() == suppressed_by_the_definition(boxes, scores, overlap, 0 * labels)


@given(scored(), st.floats(0, 1))
def test_what_nms_keeps_it_keeps_again_and_what_it_drops_is_near_a_surer_one(drawn, overlap):
    boxes, scores, _ = drawn
    kept = nms(boxes, scores, overlap)
    again = nms(boxes[kept], scores[kept], overlap)
    assert again.tolist() == list(range(len(kept)))
    for dropped in set(range(len(boxes))) - set(kept.tolist()):
        near = iou(boxes[[dropped]], boxes[kept])[0] > overlap
        assert (scores[kept][near] >= scores[dropped]).any()


@pytest.fixture(scope="module")
def operator():
    """NonMaxSuppression of onnxruntime: f(boxes, scores, overlap) returns the kept indices."""
    names = ["boxes", "scores", "limit", "overlap"]
    node = helper.make_node("NonMaxSuppression", names, ["kept"])
    kinds = [TensorProto.FLOAT, TensorProto.FLOAT, TensorProto.INT64, TensorProto.FLOAT]
    shapes = [(1, "n", 4), (1, 1, "n"), (1,), (1,)]
    inputs = [
        helper.make_tensor_value_info(*field) for field in zip(names, kinds, shapes, strict=True)
    ]
    output = helper.make_tensor_value_info("kept", TensorProto.INT64, ("m", 3))
    graph = helper.make_graph([node], "nms", inputs, [output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )

    def run(boxes, scores, overlap):
        fed = {
            "boxes": boxes[None].astype(np.float32),
            "scores": scores[None, None].astype(np.float32),
            "limit": np.array([len(boxes)]),
            "overlap": np.array([overlap], dtype=np.float32),
        }
        return session.run(None, fed)[0][:, 2].tolist()

    return run


@pytest.mark.parametrize("overlap", [0.0, 0.3, 0.5, 0.65])
@pytest.mark.parametrize("seed", range(5))
def test_nms_is_onnxruntimes(operator, seed, overlap):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 40, (60, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(5, 25, (60, 2))], axis=1)
    boxes, scores = boxes.astype(np.float32), rng.random(60, dtype=np.float32)
    kept = nms(boxes, scores, overlap).tolist()
    assert 1 < len(kept) < 60
    assert kept == operator(boxes, scores, overlap)


def test_nothing_to_suppress():
    assert nms([], [], 0.5).tolist() == []
    assert iou([], [[0, 0, 1, 1]]).shape == (0, 1)
    assert len(Detections([], [], [])) == 0


GOOD = np.array([[0.0, 0, 2, 3], [1, 1, 4, 5]])


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        (GOOD[0], r"boxes have shape \(4,\); expected \(n, 4\)"),
        (GOOD[:, :3], r"boxes have shape \(2, 3\); expected \(n, 4\)"),
        (GOOD[:, [2, 1, 0, 3]], r"boxes\[0\] is \[2.0, 0.0, 0.0, 3.0\]; expected finite x0 < x1"),
        (GOOD * [1, 1, 1, np.nan], r"boxes\[0\] is .*nan.*; expected finite"),
        (GOOD * [1, 1, np.inf, 1], r"boxes\[0\] is .*inf.*; expected finite"),
        (GOOD - [0, 0, 0, 4], r"boxes\[0\] .* y0 < y1"),
        ([[1, 2, 3]], r"expected \(n, 4\)"),
        ([[1, 2, 3, 4], [1, 2]], r"expected numbers of shape \(n, 4\)"),
        ("box", r"expected numbers of shape \(n, 4\)"),
    ],
)
def test_what_is_no_box_is_refused(boxes, message):
    for use in (
        lambda: as_boxes("boxes", boxes),
        lambda: areas(boxes),
        lambda: nms(boxes, [1.0, 2.0]),
        lambda: Detections(boxes, [1.0, 2.0], [0, 1]),
    ):
        with pytest.raises(ValueError, match=message):
            use()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scores": [1.0]}, r"scores have shape \(1,\); expected 2 finite numbers"),
        ({"scores": [1.0, np.nan]}, "scores have a NaN or an infinity; expected 2 finite"),
        ({"overlap": 1.5}, "overlap is 1.5; expected a number of at least 0 and at most 1"),
        ({"overlap": "half"}, "overlap is 'half'; expected a number"),
        ({"labels": [0]}, r"labels are int64 of shape \(1,\); expected 2 integers"),
        ({"labels": [0, -1]}, "expected 2 integers of at least 0"),
        ({"labels": [0.0, 1.0]}, "labels are float64 .*; expected 2 integers"),
    ],
)
def test_other_bad_input_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        nms(**{"boxes": GOOD, "scores": [1.0, 2.0]} | arguments)


@settings(max_examples=20)
@given(sets_of_boxes())
def test_arguments_are_left_as_they_are(boxes):
    before = boxes.copy()
    nms(boxes, np.arange(len(boxes)), 0.3)
    iou(boxes, boxes)
    assert np.array_equal(boxes, before)
