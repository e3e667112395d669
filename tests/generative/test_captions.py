"""The reader of captions: order matters, "none" is apart, and it takes the place of a label."""

import pytest
import torch

from companion.data.coloured_digits import captions, encode
from companion.generative.captions_torch import CaptionEncoder
from companion.generative.config import UNetConfig
from companion.generative.diffusion_torch import UNet, guided_epsilon, noise_loss
from companion.generative.schedules import cosine
from companion.saving import load_weights, save_model


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def _encoder(texts, size=8):
    return CaptionEncoder(*encode(texts), size)


def test_it_reads_words_with_their_places_and_adds_up():
    encoder = _encoder(["a red seven beside a blue line", "a white line beside a green one"])
    words = encoder.words.weight[encoder.tokens[1]] + encoder.places
    normal = encoder.reader.norm1(words)
    hidden = words + encoder.reader.self_attn(normal, normal, normal)[0]
    inner = encoder.reader.linear1(encoder.reader.norm2(hidden)).relu()
    read = hidden + encoder.reader.linear2(inner)
    centred = read - read.mean(dim=1, keepdim=True)
    normal = centred / (centred.square().mean(dim=1, keepdim=True) + 1e-5).sqrt()
    expected = normal.sum(dim=0)
    assert torch.allclose(encoder(torch.tensor([1]))[0], expected, atol=1e-5)


def test_without_places_it_would_be_a_bag_of_words():
    encoder = _encoder(
        [
            "a red seven beside a blue line",
            "a blue line beside a red seven",
            "a blue seven beside a red line",
        ]
    )
    torch.nn.init.zeros_(encoder.places)
    first, *others = encoder(torch.arange(3))
    assert all(torch.allclose(first, other, atol=1e-5) for other in others)


def test_order_counts_and_none_is_a_vector_of_its_own():
    encoder = _encoder(["a red seven beside a blue line", "a blue seven beside a red line"])
    first, second, none = encoder(torch.tensor([0, 1, 2]))
    assert (first - second).abs().max() > 0.01
    assert torch.equal(none, encoder.none)
    (gradient,) = torch.autograd.grad(encoder(torch.tensor([0])).sum(), encoder.none)
    assert not gradient.any(), "a caption does not move what stands for none"


def _painter():
    texts = captions().texts[:6]
    model = UNet(UNetConfig(image=(8, 8, 3), filters=(8, 8), classes=6, embedding=16, groups=2))
    model.label = _encoder(texts, 16)
    return model


def test_it_takes_the_place_of_the_labels_of_a_unet():
    model, schedule = _painter(), cosine(10)
    images, numbers = torch.rand(64, 3, 8, 8) * 2 - 1, torch.arange(64) % 6
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(30):
        losses.append(noise_loss(model, schedule, images, numbers))
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.9 * losses[0]
    assert model.label.words.weight.grad.any()
    x = torch.randn(2, 3, 8, 8)
    drawn = [guided_epsilon(model, torch.tensor(pair), 2.0)(x, 5) for pair in ([0, 1], [2, 1])]
    own, other = (drawn[0] - drawn[1]).abs().amax(dim=(1, 2, 3)).tolist()
    assert own > 20 * max(other, 1e-7), "captions act on their own image"


def test_it_is_saved_and_loaded_with_the_unet(tmp_path):
    model, other = _painter(), _painter()
    save_model(model, tmp_path)
    load_weights(other, tmp_path)
    numbers = torch.arange(7)
    assert torch.equal(other.label(numbers), model.label(numbers))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((torch.zeros(2, 3), 4, 8), r"float32 of shape \(2, 3\)"),
        ((torch.zeros(0, 3, dtype=torch.int64), 4, 8), r"shape \(0, 3\)"),
        (([[0, 4]], 4, 8), "from 0 to 4; expected 0 to 3"),
        (([[0, 1]], 0, 8), "vocabulary is 0"),
        (([[0, 1]], 4, 0), "size is 0"),
        (([[0, 1]], 4, 6), "heads is 4; expected a divisor of size, which is 6"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        CaptionEncoder(*arguments)
