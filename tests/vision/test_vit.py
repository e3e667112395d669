"""The vision transformer: against transformers in both directions, attention, positions, patches.

What it shares with the other deep classifiers (learning by heart, files, images that it refuses) is
tested in tests/vision/test_deep_models.py.
"""

import dataclasses
import re

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from companion.planner_presets import PRESETS
from companion.vision.deep_config import ViTConfig
from companion.vision.vit_torch import Attention, ViT
from tests.twin_walk import shake

pytestmark = pytest.mark.usefixtures("seeds_and_one_thread")

CONFIG = ViTConfig((8, 12, 2), patch=4, width=12, layers=2, heads=3, feed_forward=20, outputs=5)

# The numbers that torchvision prints; transformers gives the same for ViT-H/14.
PARAMETERS = {"ViT-B/16": 86_567_656, "ViT-L/16": 304_326_632, "ViT-H/14": 632_045_800}


@pytest.fixture
def model():
    made = ViT(CONFIG).eval()
    shake(made)
    return made


@pytest.fixture
def images():
    return torch.rand(4, 2, 8, 12)


@pytest.mark.parametrize(("name", "parameters"), PARAMETERS.items())
def test_published_models_have_the_published_parameters(name, parameters):
    config = ViTConfig.published(name)
    with torch.device("meta"):
        made = ViT(config)
    assert sum(p.numel() for p in made.parameters()) == parameters
    assert PRESETS[name].parameters() == parameters
    assert config.tokens == PRESETS[name].context


def _reference(config):
    transformers = pytest.importorskip("transformers")
    return transformers.ViTForImageClassification(
        transformers.ViTConfig(
            hidden_size=config.width,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            intermediate_size=config.feed_forward,
            image_size=config.image[:2],
            patch_size=config.patch,
            num_channels=config.image[2],
            num_labels=config.outputs,
            layer_norm_eps=1e-6,
            initializer_range=0.5,  # with their 0.02 the images hardly make a difference
            attn_implementation="eager",
        )
    ).eval()


# Their name for each of our weights, as patterns.
NAMES = [
    (r"^embedding\.", "vit.embeddings.patch_embeddings.projection."),
    (r"^class_token$", "vit.embeddings.cls_token"),
    (r"^positions$", "vit.embeddings.position_embeddings"),
    (r"\.attention_norm\.", ".layernorm_before."),
    (r"\.feed_forward_norm\.", ".layernorm_after."),
    (r"\.(query|key|value)\.", lambda found: f".{found[1][0]}_proj."),
    (r"\.mix\.", ".o_proj."),
    (r"\.widen\.", ".mlp.fc1."),
    (r"\.narrow\.", ".mlp.fc2."),
    (r"^layers\.", "vit.layers."),
    (r"^norm\.", "vit.layernorm."),
    (r"^head\.", "classifier."),
]


def _their_name(name):
    for old, new in NAMES:
        name = re.sub(old, new, name)
    return name


@pytest.mark.parametrize("direction", ["from ours", "from theirs"])
def test_it_is_the_model_of_transformers(direction, model, images):
    reference = _reference(CONFIG)
    ours, theirs = model.state_dict(), reference.state_dict()
    assert sorted(map(_their_name, ours)) == sorted(theirs)
    if direction == "from ours":
        found = {_their_name(name): value for name, value in ours.items()}
        shapes = {name: value.shape for name, value in theirs.items()}
        # Their patches go through a convolution; its filters are the rows of our matrix.
        reference.load_state_dict({name: v.reshape(shapes[name]) for name, v in found.items()})
    else:
        nn.init.normal_(reference.vit.embeddings.cls_token)
        found = {
            name: theirs[_their_name(name)].reshape(value.shape) for name, value in ours.items()
        }
        model.load_state_dict(found)
    with torch.no_grad():
        expected = reference(images, output_hidden_states=True, output_attentions=True)
        hidden = reference.vit(images).last_hidden_state
        tokens, weights = model.encode(images)
        assert expected.logits.std(dim=0).min() > 0.005
        torch.testing.assert_close(model(images), expected.logits, rtol=0, atol=1e-5)
    torch.testing.assert_close(tokens, hidden, rtol=0, atol=1e-5)
    for mine, other in zip(weights, expected.attentions, strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-5)


def test_attention_by_hand_is_that_of_torch():
    layer = Attention(12, 3)
    shake(layer)
    tokens = 3 * torch.randn(2, 7, 12)
    found, weights = layer(tokens)
    q, k, v = (
        part(tokens).view(2, 7, 3, 4).permute(0, 2, 1, 3)
        for part in (layer.query, layer.key, layer.value)
    )
    fused = F.scaled_dot_product_attention(q, k, v).permute(0, 2, 1, 3).reshape(2, 7, 12)
    torch.testing.assert_close(found, layer.mix(fused), rtol=0, atol=1e-5)
    whole = nn.MultiheadAttention(12, 3, batch_first=True)
    names = ("query", "key", "value")
    whole.load_state_dict(
        {
            "in_proj_weight": torch.cat([getattr(layer, name).weight for name in names]),
            "in_proj_bias": torch.cat([getattr(layer, name).bias for name in names]),
            "out_proj.weight": layer.mix.weight,
            "out_proj.bias": layer.mix.bias,
        }
    )
    expected, shares = whole(tokens, tokens, tokens, average_attn_weights=False)
    assert weights.std() > 0.05, "then every token gathers the same mean"
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(weights, shares, rtol=0, atol=1e-6)
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(2, 3, 7))


def test_patches_are_cut_row_by_row():
    made = ViT(CONFIG)
    images = torch.arange(2 * 8 * 12.0).reshape(1, 2, 8, 12)
    found = made.patches(images)
    assert found.shape == (1, 6, 2 * 4 * 4)
    for row in range(2):
        for column in range(3):
            cut = images[0, :, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
            assert torch.equal(found[0, 3 * row + column].reshape(2, 4, 4), cut)


def _permuted(images, order):
    """Put the patches of images of CONFIG in another order."""
    rows = [images[:, :, y : y + 4, x : x + 4] for y in (0, 4) for x in (0, 4, 8)]
    moved = [rows[i] for i in order]
    return torch.cat([torch.cat(moved[:3], dim=3), torch.cat(moved[3:], dim=3)], dim=2)


def test_patches_may_change_places_together_with_their_positions(model, images):
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    moved = _permuted(images, order)
    with torch.no_grad():
        before = model(images)
        assert (model(moved) - before).abs().max() > 1e-3, "the positions make no difference"
        model.positions[1:] = model.positions[1:][order]
        torch.testing.assert_close(model(moved), before, rtol=0, atol=1e-5)


def test_without_positions_an_image_is_a_bag_of_patches(model, images):
    with torch.no_grad():
        model.positions[1:] = model.positions[1]
        moved = model(_permuted(images, [3, 0, 5, 1, 4, 2]))
        torch.testing.assert_close(moved, model(images), rtol=0, atol=1e-5)


def test_dropout_acts_in_training_only(images):
    made = ViT(dataclasses.replace(CONFIG, dropout=0.5))
    assert not torch.allclose(made(images), made(images), atol=1e-3)
    made.eval()
    assert torch.equal(made(images), made(images))


def test_it_starts_as_the_docstring_says():
    config = dataclasses.replace(CONFIG, image=(80, 80, 2), width=120, feed_forward=200)
    made = ViT(config)
    for name, tensor in made.named_parameters():
        if name == "positions":
            assert abs(tensor.std() - 0.02) < 1e-3 and abs(tensor.mean()) < 1e-3
        elif tensor.ndim == 2:
            scaled = tensor / (6 / sum(tensor.shape)) ** 0.5
            assert 0.98 < scaled.abs().max() <= 1.0001 and abs(scaled.abs().mean() - 0.5) < 0.08
        else:
            value = 1.0 if name.endswith("norm.weight") else 0.0
            assert torch.equal(tensor, torch.full_like(tensor, value))
