"""The one-stage detector: its loss, its boxes, what it follows, learns and refuses."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from companion.data import scenes
from companion.saving import load_config, load_weights, save_model
from companion.vision.boxes import iou
from companion.vision.detector_torch import (
    Detector,
    decode,
    detect,
    detection_loss,
    detection_losses,
    encode,
)
from companion.vision.scene_config import DetectorConfig
from tests.twin_walk import shake

pytestmark = pytest.mark.usefixtures("seeds_and_one_thread")

CONFIG = DetectorConfig((48, 40, 3), 2, (6, 8), reference=11)
BOXES = [np.array([[1.0, 2, 13, 30], [20, 5, 40, 17]]), np.array([[39.0, 47, 40, 48]])]
LABELS = [np.array([1, 0]), np.array([1])]
IMAGES = np.random.default_rng(0).random((2, *CONFIG.image), dtype=np.float32)
FIRST = torch.from_numpy(IMAGES).permute(0, 3, 1, 2)
TARGETS = tuple(map(torch.from_numpy, encode(BOXES, LABELS, CONFIG)))


@pytest.fixture
def model():
    """A detector whose weights and statistics are all special, in evaluation mode."""
    made = Detector(CONFIG)
    shake(made)
    return made.eval()


def as_outputs(objects, places, classes):
    """What a detector would say that is right about everything, and sure of it."""
    centres = places[..., :2].clamp(1e-6, 1 - 1e-6)
    kinds = 40.0 * F.one_hot(classes, CONFIG.classes)
    return torch.cat([40 * objects[..., None] - 20, centres.logit(), places[..., 2:], kinds], -1)


def test_a_cell_holds_the_objects_whose_centre_is_in_it():
    objects, places, classes = encode(BOXES, LABELS, CONFIG)
    assert objects.shape == (2, 12, 10) and objects.dtype == np.float32
    # Centres x, y are (7, 16), (30, 11) and (39.5, 47.5); cells have 4 pixels.
    cells = [[0, 2, 7], [0, 4, 1], [1, 11, 9]]
    assert np.argwhere(objects).tolist() == cells
    assert [classes[tuple(cell)] for cell in cells] == [0, 1, 1]
    np.testing.assert_allclose(places[0, 4, 1], [0.75, 0, np.log(12 / 11), np.log(28 / 11)], 1e-6)
    assert not places[objects == 0].any() and not classes[objects == 0].any()


def test_of_two_objects_in_one_cell_the_later_is_written_and_an_empty_image_is_possible():
    boxes = [np.array([[0.0, 0, 4, 4], [0, 0, 3, 3]]), []]
    objects, places, classes = encode(boxes, [[1, 0], []], CONFIG)
    assert objects.sum() == 1 and classes[0, 0, 0] == 0
    np.testing.assert_allclose(places[0, 0, 0], [3 / 8, 3 / 8, *[np.log(3 / 11)] * 2], 1e-6)


def test_a_centre_on_the_far_border_belongs_to_the_last_cell():
    thin = [np.array([[40 - 1e-9, 0, 40, 2]])]
    assert np.argwhere(encode(thin, [[0]], CONFIG)[0]).tolist() == [[0, 0, 9]]


def test_decoding_undoes_encoding():
    boxes, scores, labels = decode(as_outputs(*TARGETS), CONFIG)
    for image, (truth, kinds) in enumerate(zip(BOXES, LABELS, strict=True)):
        sure = scores[image] > 0.99
        assert sure.sum() == len(truth) and (scores[image][~sure] < 0.01).all()
        overlaps = iou(truth, boxes[image][sure])
        assert (overlaps.max(axis=1) > 0.9999).all()
        assert labels[image][sure][overlaps.argmax(axis=1)].tolist() == kinds.tolist()


def test_boxes_stay_on_the_image_and_scores_are_probabilities(model):
    boxes, scores, labels = decode(10 * model(FIRST), CONFIG)
    assert (boxes >= 0).all() and (boxes <= torch.tensor([40, 48, 40, 48])).all()
    assert (scores >= 0).all() and (scores <= 1).all() and set(labels.unique().tolist()) <= {0, 1}


def test_the_loss_is_the_formula():
    outputs = torch.randn(2, 12, 10, 7, generator=torch.Generator().manual_seed(1))
    objects, places, classes = (tensor.numpy() for tensor in TARGETS)
    expected = {"objectness": 0.0, "box": 0.0, "class": 0.0}
    for cell in np.ndindex(objects.shape):
        o, tx, ty, tw, th, *logits = outputs[cell].double().tolist()
        sure = 1 / (1 + np.exp(-o))
        expected["objectness"] -= np.log(sure if objects[cell] else 1 - sure)
        if objects[cell]:
            centre = 1 / (1 + np.exp(-np.array([tx, ty])))
            expected["box"] += np.sum((np.array([*centre, tw, th]) - places[cell]) ** 2)
            odds = np.exp(logits) / np.exp(logits).sum()
            expected["class"] -= np.log(odds[classes[cell]])
    parts = detection_losses(outputs, TARGETS)
    for name, value in expected.items():
        assert parts[name].item() == pytest.approx(value / 2, rel=1e-5)
    total = expected["objectness"] + 5 * expected["box"] + expected["class"]
    assert detection_loss(outputs, TARGETS).item() == pytest.approx(total / 2, rel=1e-5)


def test_the_gradient_of_the_loss_is_that_of_finite_differences():
    config = DetectorConfig((8, 8, 1), 2, (1, 1))
    targets = encode([[[0, 0, 3, 4]]], [[1]], config)
    targets = (*(torch.from_numpy(t).double() for t in targets[:2]), torch.from_numpy(targets[2]))
    outputs = torch.randn(1, 2, 2, 7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda o: detection_loss(o, targets), (outputs,))
    detection_losses(outputs, targets)["box"].backward()
    empty = targets[0] == 0
    assert not outputs.grad[empty].any(), "a cell without an object has no box to learn"


def test_no_object_at_all_still_gives_a_loss(model):
    targets = tuple(map(torch.from_numpy, encode([[], []], [[], []], CONFIG)))
    parts = detection_losses(model(FIRST), targets)
    assert parts["box"] == 0 and parts["class"] == 0 and parts["objectness"] > 0


def test_it_is_the_same_network_as_one_of_torchs_own_layers(model):
    layers = []
    for stage in model.stages:
        for layer in stage:
            layers += [layer.convolution, layer.norm, nn.ReLU()]
    assert [layer.stride for layer in layers[::3]] == [(2, 2), (1, 1), (2, 2), (1, 1)]
    outputs = nn.Sequential(*layers, model.head).eval()(FIRST)
    torch.testing.assert_close(model(FIRST), outputs.movedim(1, -1), rtol=0, atol=1e-5)
    assert model(FIRST).shape == (2, *CONFIG.grid, CONFIG.outputs)


def test_boxes_follow_an_image_that_moves_by_a_cell(model):
    """Away from the borders, whose zeros a layer with padding sees."""
    moved = torch.roll(FIRST, (CONFIG.cell, 2 * CONFIG.cell), dims=(2, 3))
    before, after = model(FIRST), model(moved)
    torch.testing.assert_close(after[:, 4:-3, 5:-3], before[:, 3:-4, 3:-5], rtol=0, atol=1e-5)
    half = model(torch.roll(FIRST, CONFIG.cell // 2, dims=2))
    assert not torch.allclose(half[:, 4:-3, 3:-3], before[:, 4:-3, 3:-3], atol=1e-2)
    boxes = [decode(o, CONFIG)[0].unflatten(1, CONFIG.grid) for o in (before, after)]
    shift = torch.tensor([8.0, 4, 8, 4])
    inside = ((boxes[0] > 0) & (boxes[0] < 40)).all(-1)[:, 3:-4, 3:-5]
    inside &= ((boxes[1] > 0) & (boxes[1] < 40)).all(-1)[:, 4:-3, 5:-3]
    assert inside.sum() > 5
    torch.testing.assert_close(
        boxes[1][:, 4:-3, 5:-3][inside],
        boxes[0][:, 3:-4, 3:-5][inside] + shift,
        rtol=0,
        atol=1e-3,
    )


def test_it_learns_one_batch_by_heart_and_finds_it_again():
    config = DetectorConfig((64, 64, 3), 3, (8, 16, 16))
    drawn = scenes.generate(8, 64, "ABC", seed=3)
    model = Detector(config)
    targets = tuple(map(torch.from_numpy, encode(drawn.boxes, drawn.labels, config)))
    images = torch.from_numpy(drawn.images).permute(0, 3, 1, 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(150):
        optimizer.zero_grad()
        loss = detection_loss(model(images), targets)
        loss.backward()
        optimizer.step()
    assert loss < 0.1
    found = detect(model, drawn.images, threshold=0.5)
    for one, boxes, labels in zip(found, drawn.boxes, drawn.labels, strict=True):
        assert len(one) == len(boxes)
        overlaps = iou(boxes, one.boxes)
        assert (overlaps.max(axis=1) > 0.6).all()
        assert np.array_equal(one.labels[overlaps.argmax(axis=1)], labels)


def test_detections_are_sorted_sure_enough_and_apart(model):
    found = detect(model, IMAGES, threshold=0.02, overlap=0.3)
    assert min(map(len, found)) > 1
    for one in found:
        assert (np.diff(one.scores) <= 0).all() and one.scores.min() >= 0.02
        assert (iou(one.boxes, one.boxes) - np.eye(len(one))).max() <= 0.3
    assert all(len(one) == 0 for one in detect(model, IMAGES, threshold=1.0))


def test_an_image_is_judged_alone(model):
    with torch.no_grad():
        whole = model(FIRST)
        assert (whole[0] - whole[1]).abs().max() > 1e-3
        torch.testing.assert_close(model(FIRST[1:]), whole[1:], rtol=0, atol=1e-5)


def test_every_weight_takes_part(model):
    detection_loss(model(FIRST), TARGETS).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.abs().max() > 1e-7, name


def test_it_is_saved_and_loaded(model, tmp_path):
    save_model(model, tmp_path)
    found = load_config(DetectorConfig, tmp_path)
    assert found == CONFIG
    new = Detector(found).eval()
    assert not torch.allclose(new(FIRST), model(FIRST), atol=1e-3)
    load_weights(new, tmp_path)
    assert torch.equal(new(FIRST), model(FIRST))


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (IMAGES[..., :1], ValueError, r"images have shape .*; expected \(B, 3, 48, 40\)"),
        (IMAGES[:, :44], ValueError, r"images have shape .*; expected \(B, 3, 48, 40\)"),
        (IMAGES[..., 0], ValueError, r"images have shape .*; expected \(B, H, W, C\)"),
        (IMAGES[0, 0], ValueError, r"images have shape \(40, 3\)"),
        (IMAGES[:0], ValueError, r"images have shape \(0, 48, 40, 3\)"),
        (255 * IMAGES, ValueError, "expected 0 to 1: divide bytes by 255"),
        (IMAGES * np.float32(np.nan), ValueError, "images range from nan to nan"),
        (IMAGES.astype(np.float64), TypeError, "images are float64; expected a NumPy array"),
        ((255 * IMAGES).astype(np.uint8), TypeError, "images are uint8"),
        (FIRST, TypeError, "images are torch.float32; expected a NumPy array"),
    ],
)
def test_bad_images_are_refused(model, images, error, message):
    with pytest.raises(error, match=message):
        detect(model, images)


def test_the_model_itself_refuses_bad_tensors(model):
    with pytest.raises(ValueError, match=r"expected \(B, 3, 48, 40\), which is \(B, C, H, W\)"):
        model(torch.from_numpy(IMAGES))
    with pytest.raises(ValueError, match="expected at least one image"):
        model(FIRST[:0])
    with pytest.raises(TypeError, match="images are float64; expected float32 like the weights"):
        model(FIRST.double())


@pytest.mark.parametrize(
    ("boxes", "labels", "message"),
    [
        ([[[0, 0, 41, 5]]], [[0]], r"boxes\[0\] is .*, which reaches out of the image; expected x"),
        ([[[0, -1, 4, 5]]], [[0]], r"reaches out of the image; expected x from 0 to 40 and y from"),
        ([[[0, 0, 4, 49]]], [[0]], "y from 0 to 48"),
        ([[[4, 0, 0, 5]]], [[0]], "expected finite x0 < x1 and y0 < y1"),
        ([[[0, 0, 4, np.nan]]], [[0]], "expected finite"),
        ([[[0, 0, 4, 5]]], [[2]], "labels hold 2; expected classes from 0 to 1"),
        ([[[0, 0, 4, 5]]], [[-1]], "labels hold -1; expected classes from 0 to 1"),
        ([[[0, 0, 4, 5]]], [[0.0]], "labels are float64; expected integers"),
        ([[[0, 0, 4, 5]]], [[0, 1]], r"labels have shape \(2,\); expected \(1,\)"),
        ([[[0, 0, 4, 5]]], [], "boxes has 1 arrays and labels 0; expected one of each"),
        ([], [], "at least one image"),
    ],
)
def test_bad_truth_is_refused(boxes, labels, message):
    with pytest.raises(ValueError, match=message):
        encode(boxes, labels, CONFIG)


def test_other_bad_input_is_refused(model):
    outputs = model(FIRST)
    with pytest.raises(ValueError, match=r"outputs have shape .*; expected \(B, 12, 10, 7\)"):
        decode(outputs[..., :6], CONFIG)
    with pytest.raises(ValueError, match=r"objects \(1, 12, 10\).*; expected \(B, R, S, 5 \+ K\)"):
        detection_losses(outputs, (TARGETS[0][:1], *TARGETS[1:]))
    with pytest.raises(ValueError, match="with B at least 1"):
        detection_losses(outputs[:0], tuple(tensor[:0] for tensor in TARGETS))
    with pytest.raises(ValueError, match="threshold is -1; expected a number of at least 0"):
        detect(model, IMAGES, threshold=-1)
    with pytest.raises(ValueError, match="overlap is 2; expected a number"):
        detect(model, IMAGES, overlap=2)
