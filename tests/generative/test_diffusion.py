"""The network that predicts noise: a plain transcription, its loss, guidance, learning, files.

What it refuses is tested in tests/generative/test_diffusion_refused.py.
"""

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from companion.generative.config import UNetConfig
from companion.generative.diffusion_torch import UNet, guided_epsilon, noise_loss, time_embedding
from companion.generative.samplers import ddim, guided
from companion.generative.schedules import cosine
from companion.saving import load_config, load_weights, save_model

CONFIG = UNetConfig((8, 4, 2), (4, 8, 12), 3, 6, 4)
SCHEDULE = cosine(50)
NOISY = torch.randn(5, 2, 8, 4, generator=torch.Generator().manual_seed(0))
STEPS = torch.tensor([1, 7, 7, 30, 50])
LABELS = torch.tensor([0, 1, 2, 3, 0])


@pytest.fixture(autouse=True)
def _seed_and_one_thread():
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # more are slower with so small images
    yield
    torch.set_num_threads(threads)


def _shaken(config=CONFIG):
    """Return a network none of whose weights is 0, as the last ones are at first."""
    model = UNet(config)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.2 * torch.randn(weight.shape))
    return model


def test_time_embedding_is_the_papers():
    found = time_embedding(torch.tensor([0, 1, 50]), 6)
    rates = [10_000 ** (-2 * i / 6) for i in range(3)]
    for row, step in zip(found.tolist(), (0, 1, 50), strict=True):
        expected = [math.sin(step * r) for r in rates] + [math.cos(step * r) for r in rates]
        assert row == pytest.approx(expected, abs=1e-5)
    apart = time_embedding(torch.arange(1001), 64)
    assert torch.pdist(apart).min() > 0.1, "two steps look alike"
    with pytest.raises(ValueError, match="size is 5; expected an even number"):
        time_embedding(STEPS, 5)


def _transcription(weights, noisy, steps, labels, groups):
    """Compute the network for three levels from its weights alone, without its modules."""

    def conv(name, hidden, padding=1):
        return F.conv2d(hidden, weights[f"{name}.weight"], weights[f"{name}.bias"], padding=padding)

    def linear(name, hidden):
        return F.linear(hidden, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def norm(name, hidden):
        return F.group_norm(hidden, groups, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def block(name, hidden):
        inner = conv(f"{name}.first.2", F.silu(norm(f"{name}.first.0", hidden)))
        inner = inner + linear(f"{name}.project", embedded)[..., None, None]
        inner = conv(f"{name}.second.2", F.silu(norm(f"{name}.second.0", inner)))
        if f"{name}.shortcut.weight" in weights:
            hidden = conv(f"{name}.shortcut", hidden, 0)
        return hidden + inner

    embedded = linear("time.2", F.silu(linear("time.0", time_embedding(steps, 6))))
    embedded = F.silu(embedded + weights["label.weight"][labels])
    fine = block("down.0", conv("stem", noisy))
    middle = block("down.1", F.avg_pool2d(fine, 2))
    coarse = block("down.2", F.avg_pool2d(middle, 2))
    hidden = block("up.2", torch.cat([block("middle", coarse), coarse], 1))
    hidden = block("up.1", torch.cat([torch.kron(hidden, torch.ones(2, 2)), middle], 1))
    hidden = block("up.0", torch.cat([torch.kron(hidden, torch.ones(2, 2)), fine], 1))
    return conv("head", F.silu(norm("norm", hidden)))


def test_the_network_equals_a_transcription_from_its_weights():
    model = _shaken()
    with torch.no_grad():
        expected = _transcription(model.state_dict(), NOISY, STEPS, LABELS, 4)
        assert expected.std() > 0.1
        torch.testing.assert_close(model(NOISY, STEPS, LABELS), expected, rtol=0, atol=1e-5)


def test_images_are_independent_and_time_and_label_matter():
    model = _shaken()
    with torch.no_grad():
        whole = model(NOISY, STEPS, LABELS)
        for i in range(5):
            one = model(NOISY[i : i + 1], STEPS[i : i + 1], LABELS[i : i + 1])
            torch.testing.assert_close(one[0], whole[i], rtol=0, atol=1e-5)
        assert (model(NOISY, STEPS + 5, LABELS) - whole).abs().amax(dim=(1, 2, 3)).min() > 0.01
        assert (model(NOISY, STEPS, 3 - LABELS) - whole).abs().amax(dim=(1, 2, 3)).min() > 0.01
        none = model(NOISY, STEPS)
        assert torch.equal(none, model(NOISY, STEPS, torch.full((5,), CONFIG.null)))
        torch.testing.assert_close(none[3], whole[3], rtol=0, atol=1e-5)  # whose label is none


def test_it_begins_with_no_noise_and_blocks_that_change_nothing():
    model = UNet(CONFIG)
    assert not model(NOISY, STEPS, LABELS).any()
    embedded = torch.randn(5, 6)
    hidden = torch.randn(5, 12, 2, 1)
    assert torch.equal(model.middle(hidden, embedded), hidden)
    loss = noise_loss(model, SCHEDULE, torch.zeros(400, 2, 8, 4))
    assert loss.item() == pytest.approx(1, abs=0.05)


def test_gradients_agree_with_finite_differences():
    model = _shaken(UNetConfig((4, 4, 1), (2, 2), 1, 2, 1)).double()
    noisy = NOISY[:2, :1, :4].double().requires_grad_()
    names = [name for name, _ in model.named_parameters()]

    def outputs(noisy, *weights):
        given = dict(zip(names, weights, strict=True))
        inputs = (noisy, STEPS[:2], torch.tensor([0, 1]))
        return torch.func.functional_call(model, given, inputs)[..., 1:3, 1:3]

    assert torch.autograd.gradcheck(outputs, (noisy, *model.parameters()), fast_mode=True)


class _Spy(torch.nn.Module):
    """Stands for a network, and remembers what it was given."""

    config = CONFIG

    def forward(self, noisy, steps, labels=None):
        self.seen = noisy, steps, labels
        return torch.zeros_like(noisy) if labels is None else noisy * labels[:, None, None, None]


def test_the_loss_is_that_of_noisy_images_at_even_steps():
    spy, count = _Spy(), 5000
    images = torch.full((count, 1, 1, 2), 0.5)
    seeds = torch.Generator().manual_seed(1)
    loss = noise_loss(spy, SCHEDULE, images, generator=seeds)
    noisy, steps, labels = spy.seen
    assert labels is None and steps.min() == 1 and steps.max() == 50
    found = torch.bincount(steps)[1:].float()
    assert ((found - 100).square() / 100).sum() < 100, "χ² with 49 degrees of freedom"
    signal, scale = (torch.tensor(level)[:, None, None, None] for level in SCHEDULE.levels(steps))
    noise = (noisy - signal * images) / scale
    assert abs(noise.mean()) < 0.05 and abs(noise.var() - 1) < 0.1
    assert loss.item() == pytest.approx(noise.square().mean().item(), rel=1e-5)
    again = noise_loss(spy, SCHEDULE, images, generator=torch.Generator().manual_seed(1))
    assert again == loss and noise_loss(spy, SCHEDULE, images) != loss


@pytest.mark.parametrize("drop", [0, 0.25, 1])
def test_labels_are_dropped_as_often_as_told(drop):
    spy, labels = _Spy(), torch.arange(4000) % 3
    noise_loss(spy, SCHEDULE, torch.zeros(4000, 1, 1, 1), labels, drop=drop)
    dropped = spy.seen[2] == CONFIG.null
    assert abs(dropped.float().mean() - drop) < 5 * math.sqrt(drop * (1 - drop) / 4000) + 1e-9
    assert torch.equal(spy.seen[2][~dropped], labels[~dropped])
    assert labels.max() == 2, "the caller's labels were changed"


def test_guidance_at_its_limits_and_in_between():
    model, labels = _shaken(), LABELS.clamp(max=2)
    steps = torch.full_like(labels, 7)
    with torch.no_grad():
        pair = model(NOISY, steps, labels), model(NOISY, steps)
    assert (pair[0] - pair[1]).abs().max() > 0.1
    assert torch.equal(guided_epsilon(model, labels, 0)(NOISY, 7), pair[1])
    assert torch.equal(guided_epsilon(model, labels)(NOISY, 7), pair[0])
    for scale in (0.5, 3):
        found = guided_epsilon(model, labels, scale)(NOISY, 7)
        torch.testing.assert_close(found, guided(*pair, scale), rtol=0, atol=1e-5)
        assert not found.requires_grad


def test_it_learns_one_batch_by_heart_and_draws_what_the_label_says():
    """Two classes with one image each: samples have to be these images."""
    images = torch.stack([torch.eye(4), 1 - torch.eye(4)])[:, None] * 2 - 1
    labels = torch.tensor([0, 1])
    model = UNet(UNetConfig((4, 4, 1), (16, 32), 2, 32))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    losses = []
    for _ in range(250):
        batch = images.repeat(32, 1, 1, 1), labels.repeat(32)
        loss = noise_loss(model, SCHEDULE, *batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] > 0.8 and np.mean(losses[-20:]) < 0.2
    wanted = labels.repeat_interleave(20)
    epsilon = guided_epsilon(model.eval(), wanted, 1)
    drawn = ddim(epsilon, torch.randn(40, 1, 4, 4), SCHEDULE, 10, clip=1)
    error = (drawn - images[wanted]).abs().mean(dim=(1, 2, 3))
    assert error.median() < 0.2  # the other class's image is 2 away
    either = ddim(guided_epsilon(model, wanted, 0), torch.randn(40, 1, 4, 4), SCHEDULE, 10, clip=1)
    first = (either - images[0]).abs().mean(dim=(1, 2, 3)) < 1
    assert 2 < first.sum() < 38, "without a label, both come"


def test_it_is_saved_and_loaded(tmp_path):
    model = _shaken()
    save_model(model, tmp_path)
    config = load_config(UNetConfig, tmp_path)
    assert config == CONFIG
    loaded = UNet(config)
    load_weights(loaded, tmp_path)
    with torch.no_grad():
        assert torch.equal(loaded(NOISY, STEPS, LABELS), model(NOISY, STEPS, LABELS))
    with pytest.raises(ValueError, match=r"classes=3.*expected .*classes=4"):
        load_weights(UNet(dataclasses.replace(CONFIG, classes=4)), tmp_path)
