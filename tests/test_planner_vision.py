"""Image models: parameters against transformers, FLOP against torchvision's and the papers'."""

import dataclasses

import pytest

from companion.data import published
from companion.planner_presets import PRESETS
from companion.planner_vision import ResNet, VisionTransformer

TINY = {"layers": 1, "width": 4, "heads": 1, "feed_forward": 8, "patch": 2, "image": 4}


def _vit(library, model):
    config = library.ViTConfig(
        num_hidden_layers=model.layers,
        hidden_size=model.width,
        num_attention_heads=model.heads,
        intermediate_size=model.feed_forward,
        image_size=model.image,
        patch_size=model.patch,
        num_labels=model.classes,
    )
    return library.ViTForImageClassification(config)


def _resnet(library, model):
    widths = [4 * model.stem * 2**stage for stage in range(len(model.blocks))]
    config = library.ResNetConfig(
        embedding_size=model.stem,
        hidden_sizes=widths,
        depths=list(model.blocks),
        downsample_in_bottleneck=model.stride_first,
        num_labels=model.classes,
    )
    return library.ResNetForImageClassification(config)


@pytest.mark.parametrize(
    ("name", "build"),
    [
        ("ViT-B/16", _vit),
        ("ViT-L/16", _vit),
        ("ViT-H/14", _vit),
        ("ResNet-50", _resnet),
        ("ResNet-152", _resnet),
    ],
)
def test_parameters_are_those_of_transformers(name, build):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    with torch.device("meta"):
        model = build(transformers, PRESETS[name])
    assert sum(p.numel() for p in model.parameters()) == PRESETS[name].parameters()


@pytest.mark.parametrize("stride_first", [True, False])
def test_torch_counts_the_same_flop_of_a_resnet(stride_first):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from torch.utils.flop_counter import FlopCounterMode

    model = ResNet(blocks=(1, 2), stem=8, image=32, classes=5, stride_first=stride_first)
    with torch.device("meta"):
        network = _resnet(transformers, model).eval()
        with FlopCounterMode(display=False) as counter:
            network(torch.zeros(1, 3, 32, 32))
    assert counter.get_total_flops() == model.forward_flop()


# Parameters and multiply-adds that torchvision's documentation prints for its weights.
@pytest.mark.parametrize(
    ("name", "parameters", "billions"),
    [
        ("ViT-B/16", 86_567_656, 17.56),
        ("ViT-L/16", 304_326_632, 61.55),
        ("ResNet-50", 25_557_032, 4.09),
        ("ResNet-152", 60_192_808, 11.51),
    ],
)
def test_models_agree_with_torchvision(name, parameters, billions):
    model = PRESETS[name]
    if isinstance(model, ResNet):  # torchvision halves the image in the 3×3 convolution
        model = dataclasses.replace(model, stride_first=False)
    assert model.parameters() == parameters
    assert model.forward_flop() / 2e9 == pytest.approx(billions, rel=0.005)


@pytest.mark.parametrize("name", ["ViT-B/16", "ViT-L/16", "ViT-H/14", "ResNet-50", "ResNet-152"])
def test_training_flop_agree_with_the_published_run(name):
    row = published.model(name)
    flop = 3 * PRESETS[name].forward_flop() * row.seen
    assert flop == pytest.approx(row.compute, rel=0.10)
    assert PRESETS[name].parameters() == pytest.approx(row.parameters, rel=0.02)


def test_a_vision_transformer_is_counted_by_hand():
    model = VisionTransformer(**TINY, channels=3, classes=2)
    assert (model.patches, model.context) == (4, 5)
    attention, feed_forward = 4 * (4 * 4 + 4), 4 * 8 + 8 + 8 * 4 + 4
    embeddings = (2 * 2 * 3 * 4 + 4) + 4 + 5 * 4  # patches, class token, positions
    parts = {"attention": attention, "feed-forward": feed_forward, "norms": 3 * 8, "head": 5 * 2}
    assert model.parts() == {"embeddings": embeddings} | parts
    matrices = 4 * (12 * 4) + 5 * (4 * 4 * 4 + 2 * 4 * 8) + 4 * 2
    assert model.forward_flop(attention=False) == 2 * matrices
    assert model.forward_flop() - 2 * matrices == 4 * 5 * 5 * 4


def test_halving_first_saves_multiplications_and_no_parameters():
    late, early = ResNet(blocks=(1, 1)), ResNet(blocks=(1, 1), stride_first=True)
    assert early.parameters() == late.parameters()
    saved = 256 * 128 * (56**2 - 28**2)  # the one 1×1 convolution that now sees half the sides
    assert late.forward_flop() - early.forward_flop() == 2 * saved


@pytest.mark.parametrize(
    ("build", "change", "message"),
    [
        (VisionTransformer, TINY | {"patch": 3}, "image is 4; expected a multiple of patch, 3"),
        (VisionTransformer, TINY | {"classes": 0}, "classes is 0"),
        (ResNet, {"blocks": 3}, "blocks is 3; expected a tuple"),
        (ResNet, {"blocks": ()}, "expected a tuple"),
        (ResNet, {"blocks": (3, 0)}, r"blocks\[1\] is 0"),
        (ResNet, {"blocks": (1, 1), "image": 30}, "image is 30; expected a multiple of 8"),
    ],
)
def test_impossible_architectures_are_refused(build, change, message):
    with pytest.raises(ValueError, match=message):
        build(**change)
