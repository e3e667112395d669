"""The fully convolutional network: its parts, what it learns, and what it refuses."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from companion.data import scenes
from companion.metrics_detection import mean_iou
from companion.saving import load_config, load_weights, save_model
from companion.vision.detector_torch import Detector
from companion.vision.scene_config import DetectorConfig, SegmenterConfig
from companion.vision.segmenter_torch import Segmenter, Upsample, segment, segmentation_loss
from tests.twin_walk import shake

pytestmark = pytest.mark.usefixtures("seeds_and_one_thread")

CONFIG = SegmenterConfig((48, 40, 3), 2, (6, 8), fine=5)
IMAGES = np.random.default_rng(0).random((2, *CONFIG.image), dtype=np.float32)
FIRST = torch.from_numpy(IMAGES).permute(0, 3, 1, 2)
MASKS = torch.from_numpy(np.random.default_rng(1).integers(3, size=(2, 48, 40)))


def made_of(config):
    model = Segmenter(config)
    shake(model)
    return model.eval()


@pytest.fixture
def model():
    """A segmenter whose weights and statistics are all special, in evaluation mode."""
    return made_of(CONFIG)


def test_upsampling_starts_as_bilinear_interpolation():
    scores = torch.randn(2, 3, 6, 5)
    expected = F.interpolate(scores, scale_factor=2, mode="bilinear", align_corners=False)
    found = Upsample(3)(scores)
    assert found.shape == (2, 3, 12, 10)
    # At the border torch goes on with the last pixel, a transposed convolution with zeros.
    inside = np.s_[:, :, 1:-1, 1:-1]
    torch.testing.assert_close(found[inside], expected[inside], rtol=0, atol=1e-6)


def test_it_is_the_sum_of_what_its_stages_say(model):
    """The formula of the module, written without its loop, of torch's own layers."""

    def sequence(stage):
        layers = [(layer.convolution, layer.norm, nn.ReLU()) for layer in stage]
        return nn.Sequential(*(part for layer in layers for part in layer)).eval()

    fine, half = sequence(model.fine)(FIRST), sequence(model.stages[0])(FIRST)
    quarter = sequence(model.stages[1])(half)
    assert [map_.shape[1:] for map_ in (fine, half, quarter)] == [
        (5, 48, 40),
        (6, 24, 20),
        (8, 12, 10),
    ]
    middle = model.enlarge[1].enlarge(model.scores[2](quarter)) + model.scores[1](half)
    expected = model.enlarge[0].enlarge(middle) + model.scores[0](fine)
    assert expected.shape == (2, 3, 48, 40)
    torch.testing.assert_close(model(FIRST), expected, rtol=0, atol=1e-5)


def test_without_skips_the_last_stage_alone_is_enlarged():
    model = made_of(SegmenterConfig((48, 40, 3), 2, (6, 8), skips=False))
    assert len(model.fine) == 0 and len(model.scores) == 1
    assert model(FIRST).shape == (2, 3, 48, 40)
    hidden = FIRST
    for stage in model.stages:
        for layer in stage:
            hidden = F.relu(layer(hidden))
    expected = model.enlarge[0](model.enlarge[1](model.scores[0](hidden)))
    torch.testing.assert_close(model(FIRST), expected, rtol=0, atol=1e-5)


def test_a_detector_can_lend_its_stages():
    detector = Detector(DetectorConfig((48, 40, 3), 5, (6, 8)))
    shake(detector)
    model = Segmenter(CONFIG)
    model.stages.load_state_dict(detector.stages.state_dict())
    for own, lent in zip(model.stages.parameters(), detector.stages.parameters(), strict=True):
        assert torch.equal(own, lent)


def test_pixels_follow_an_image_that_moves():
    """By a multiple of the coarsest step, away from the borders."""
    model = made_of(SegmenterConfig((96, 80, 3), 2, (6, 8), fine=5))
    images = torch.from_numpy(np.random.default_rng(2).random((1, 3, 96, 80), dtype=np.float32))
    before, after = model(images), model(torch.roll(images, (4, 8), dims=(2, 3)))
    edge = 24
    torch.testing.assert_close(
        after[:, :, edge + 4 : -edge, edge + 8 : -edge],
        before[:, :, edge : -edge - 4, edge : -edge - 8],
        rtol=0,
        atol=1e-5,
    )
    moved = model(torch.roll(images, 2, dims=2))
    apart = moved[:, :, edge + 2 : -edge] - before[:, :, edge : -edge - 2]
    assert apart.abs().max() > 1e-3, "half a step is not a step"


def test_it_learns_one_batch_by_heart():
    drawn = scenes.generate(4, 64, "ABC", seed=3)
    model = Segmenter(SegmenterConfig((64, 64, 3), 3, (8, 16, 16), fine=8))
    images, masks = (
        torch.from_numpy(drawn.images).permute(0, 3, 1, 2),
        torch.from_numpy(drawn.masks),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(120):
        optimizer.zero_grad()
        segmentation_loss(model(images), masks).backward()
        optimizer.step()
    assert mean_iou(drawn.masks, segment(model, drawn.images), 4) > 0.9


def test_the_loss_is_the_mean_over_all_pixels(model):
    logits = model(FIRST)
    chosen = logits.log_softmax(dim=1).gather(1, MASKS[:, None])
    torch.testing.assert_close(segmentation_loss(logits, MASKS), -chosen.mean())
    small = torch.randn(1, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    masks = MASKS[:1, :2, :2]
    assert torch.autograd.gradcheck(lambda scores: segmentation_loss(scores, masks), (small,))


def test_pixels_get_the_likeliest_class(model):
    found = segment(model, IMAGES)
    assert found.shape == (2, 48, 40) and found.dtype == np.int64
    assert np.array_equal(found, model(FIRST).argmax(dim=1).numpy())


def test_an_image_is_judged_alone(model):
    with torch.no_grad():
        whole = model(FIRST)
        assert (whole[0] - whole[1]).abs().max() > 1e-3
        torch.testing.assert_close(model(FIRST[1:]), whole[1:], rtol=0, atol=1e-5)


def test_every_weight_takes_part(model):
    segmentation_loss(model(FIRST), MASKS).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.abs().max() > 1e-7, name


def test_it_is_saved_and_loaded(model, tmp_path):
    save_model(model, tmp_path)
    found = load_config(SegmenterConfig, tmp_path)
    assert found == CONFIG
    new = Segmenter(found).eval()
    assert not torch.allclose(new(FIRST), model(FIRST), atol=1e-3)
    load_weights(new, tmp_path)
    assert torch.equal(new(FIRST), model(FIRST))


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (IMAGES[..., :1], ValueError, r"images have shape .*; expected \(B, 3, 48, 40\)"),
        (IMAGES[:, :44], ValueError, r"images have shape .*; expected \(B, 3, 48, 40\)"),
        (IMAGES[..., 0], ValueError, r"images have shape .*; expected \(B, H, W, C\)"),
        (IMAGES[:0], ValueError, r"images have shape \(0, 48, 40, 3\)"),
        (255 * IMAGES, ValueError, "expected 0 to 1: divide bytes by 255"),
        (IMAGES.astype(np.float64), TypeError, "images are float64; expected a NumPy array"),
        ((255 * IMAGES).astype(np.uint8), TypeError, "images are uint8"),
    ],
)
def test_bad_images_are_refused(model, images, error, message):
    with pytest.raises(error, match=message):
        segment(model, images)


def test_other_bad_input_is_refused(model):
    with pytest.raises(ValueError, match=r"expected \(B, 3, 48, 40\), which is \(B, C, H, W\)"):
        model(torch.from_numpy(IMAGES))
    with pytest.raises(TypeError, match="images are float64; expected float32 like the weights"):
        model(FIRST.double())
    logits = model(FIRST)
    for masks, message in (
        (MASKS[:1], r"masks have shape \(1, 48, 40\) for logits of shape \(2, 3, 48, 40\)"),
        (MASKS + 1, "masks range from 1 to 3; expected 0 for the background and classes up to 2"),
        (MASKS - 1, "masks range from -1 to 1"),
    ):
        with pytest.raises(ValueError, match=message):
            segmentation_loss(logits, masks)
    with pytest.raises(ValueError, match="with B at least 1"):
        segmentation_loss(logits[:0], MASKS[:0])
