"""The variational autoencoder: twins and bound against references, learning and files.

That the twins agree with each other is tested for every model in tests/test_twins.py, and what they
refuse in tests/generative/test_vae_refused.py.
"""

import dataclasses
import math

import keras
import numpy as np
import pytest
import torch
from torch import distributions, nn

from companion.generative import vae_keras, vae_torch
from companion.generative.config import VAEConfig
from companion.saving import load_config, load_weights, save_model
from companion.twins import copy_weights

CONFIG = VAEConfig((6, 4, 2), (7, 5), 3, "tanh")
RNG = np.random.default_rng(0)
IMAGES = RNG.random((6, 6, 4, 2), dtype=np.float32)
FIRST = torch.from_numpy(IMAGES).permute(0, 3, 1, 2)  # channels first
NOISE = RNG.normal(size=(6, 3)).astype(np.float32)
MEAN, LOG_VARIANCE = RNG.normal(size=(2, 6, 3)).astype(np.float32)


@pytest.fixture(autouse=True)
def _seeds_and_one_thread():
    keras.utils.set_random_seed(0)
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # more are slower with so small images
    yield
    torch.set_num_threads(threads)


def _twins(config=CONFIG):
    twins = vae_torch.VAE(config), vae_keras.VAE(config)
    copy_weights(*twins)
    return twins


def test_torch_equals_sequentials_of_the_same_weights():
    model = vae_torch.VAE(dataclasses.replace(CONFIG, image=(6, 4, 1)))
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(24, 7), nn.Tanh(), nn.Linear(7, 5), nn.Tanh())
    decoder = nn.Sequential(
        *(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 24)),
        nn.Unflatten(1, (1, 6, 4)),
    )
    for reference, layers in (
        (encoder, model.encoder),
        (decoder, [model.from_latent, *model.decoder]),
    ):
        weights = [tensor for layer in layers for tensor in layer.state_dict().values()]
        reference.load_state_dict(dict(zip(reference.state_dict(), weights, strict=True)))
    images, noise = FIRST[:, :1], torch.from_numpy(NOISE)
    logits, mean, log_variance = model(images, noise)
    torch.testing.assert_close(mean, model.to_mean(encoder(images)))
    torch.testing.assert_close(log_variance, model.to_log_variance(encoder(images)))
    torch.testing.assert_close(logits, decoder(mean + log_variance.exp().sqrt() * noise))
    assert logits.std(dim=0).min() > 0.001 and log_variance.std() > 0.01


def test_the_divergence_is_that_of_torch_distributions():
    mean, log_variance = torch.from_numpy(MEAN), torch.from_numpy(LOG_VARIANCE)
    q = distributions.Normal(mean, (0.5 * log_variance).exp())
    expected = distributions.kl_divergence(q, distributions.Normal(0.0, 1.0)).sum(dim=1)
    assert expected.min() > 0.1
    torch.testing.assert_close(vae_torch.kl_divergence(mean, log_variance), expected)
    np.testing.assert_allclose(vae_keras.kl_divergence(MEAN, LOG_VARIANCE), expected, rtol=1e-5)
    tiny = torch.full((1, 1), 1e-4)  # ½(v²/2 + …): most of float32's digits cancel in e^v − 1 − v
    assert vae_torch.kl_divergence(0 * tiny, tiny).item() == pytest.approx(2.5e-9, rel=0.01)


def test_the_likelihood_is_that_of_torch_distributions():
    binary = (FIRST > 0.5).float()
    logits = torch.randn(binary.shape) * 30  # a sigmoid of float32 would be 0 or 1
    bernoulli = distributions.Independent(distributions.Bernoulli(logits=logits), 3)
    expected = bernoulli.log_prob(binary)
    assert expected.isfinite().all()
    torch.testing.assert_close(vae_torch.log_likelihood(logits, binary), expected)
    last = [tensor.permute(0, 2, 3, 1).numpy() for tensor in (logits, binary)]
    np.testing.assert_allclose(vae_keras.log_likelihood(*last), expected, rtol=1e-5)


def test_the_bound_of_the_twins_agrees_for_any_beta():
    model, twin = _twins()
    ours, theirs = model(FIRST, torch.from_numpy(NOISE)), twin(IMAGES, NOISE)
    for beta in (1, 0, 4.0):
        found = vae_torch.elbo(ours, FIRST, beta=beta)
        parts = vae_torch.log_likelihood(ours[0], FIRST), vae_torch.kl_divergence(*ours[1:])
        torch.testing.assert_close(found, parts[0] - beta * parts[1])
        np.testing.assert_allclose(
            vae_keras.elbo(theirs, IMAGES, beta=beta), found.detach(), rtol=1e-5
        )


def test_the_bound_is_below_the_evidence_by_the_divergence_from_the_posterior():
    """One latent number, so that all integrals can be taken on a grid: log p(x) = ELBO + KL."""
    model = vae_torch.VAE(VAEConfig((3, 2, 1), (8,), 1)).double()
    image = (torch.rand(1, 1, 3, 2) > 0.5).double()
    grid = torch.linspace(-10, 10, 4001, dtype=torch.float64)[:, None]
    with torch.no_grad():
        mean, log_variance = model.encode(image)
        mean, log_variance = mean + 0.7, log_variance - 1  # a q that is plainly not the posterior
        likelihood = vae_torch.log_likelihood(model.decode(grid), image.expand(4001, 1, 3, 2))
    width = grid[1, 0] - grid[0, 0]
    prior = distributions.Normal(0, 1).log_prob(grid[:, 0])
    evidence = (likelihood + prior).logsumexp(dim=0) + width.log()
    q = distributions.Normal(mean[0], (0.5 * log_variance[0]).exp()).log_prob(grid[:, 0])
    reconstruction = (q.exp() * likelihood).sum() * width
    bound = reconstruction - vae_torch.kl_divergence(mean, log_variance)[0]
    posterior = likelihood + prior - evidence
    gap = (q.exp() * (q - posterior)).sum() * width
    assert gap > 0.1
    torch.testing.assert_close(evidence - bound, gap, rtol=1e-6, atol=1e-6)


def test_without_noise_given_it_is_drawn_from_the_standard_normal_distribution():
    config = VAEConfig((1, 1, 1), (2,), 1)
    model, twin = _twins(config)
    for one in (model, twin):  # a decoder that returns the latent number, an encoder of N(3, 4)
        for layer, weight, bias in (
            (one.to_mean, 0, 3),
            (one.to_log_variance, 0, math.log(4)),
            (one.from_latent, [[1], [0]], 1000),  # where ReLU lets everything through
            (one.decoder[0], [[1, 0]], -1000),
        ):
            if one is model:
                layer.weight.data[:] = torch.tensor(weight)
                layer.bias.data[:] = torch.tensor([bias])
            else:
                layer.kernel.assign(np.broadcast_to(np.array(weight).T, layer.kernel.shape))
                layer.bias.assign(np.broadcast_to(bias, layer.bias.shape))
    drawn = [model(torch.zeros(4000, 1, 1, 1)), twin(np.zeros((4000, 1, 1, 1), "float32"))]
    for logits, _, _ in drawn:  # five standard errors of mean and variance are 0.16 and 0.45
        latents = np.asarray(logits.detach() if logits is drawn[0][0] else logits).ravel()
        assert abs(latents.mean() - 3) < 0.16 and abs(latents.var() - 4) < 0.45
        assert len(np.unique(latents)) > 3000
    assert not np.array_equal(drawn[1][0], twin(np.zeros((4000, 1, 1, 1), "float32"))[0])


def test_gradients_go_through_the_noise_and_agree_with_finite_differences():
    model = vae_torch.VAE(VAEConfig((2, 2, 1), (3,), 2, "tanh")).double()
    images = torch.rand(2, 1, 2, 2, dtype=torch.float64)
    noise = torch.randn(2, 2, dtype=torch.float64)
    names = [name for name, _ in model.named_parameters()]

    def bound(*weights):
        given = dict(zip(names, weights, strict=True))
        outputs = torch.func.functional_call(model, given, (images, noise))
        return vae_torch.elbo(outputs, images, beta=0.5)

    assert torch.autograd.gradcheck(bound, tuple(model.parameters()))
    bound(*model.parameters()).sum().backward()
    assert model.to_log_variance.weight.grad.abs().max() > 0.01


BINARY = (IMAGES > 0.5).astype("float32")
# 48 pixels that are coins are worth −33 nats; six images told apart at most −log 6 = −1.8.
LEARNT = -8


def test_torch_learns_one_batch_by_heart():
    model, images = vae_torch.VAE(VAEConfig((6, 4, 2), (64,), 4)), FIRST.round()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(400):
        optimizer.zero_grad()
        loss = -vae_torch.elbo(model(images), images).mean()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        many = images.repeat(50, 1, 1, 1)
        assert LEARNT < vae_torch.elbo(model(many), many).mean() < -math.log(6)


def test_keras_learns_one_batch_by_heart():
    class Trained(vae_keras.VAE):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return -keras.ops.mean(vae_keras.elbo(y_pred, x))

    model = Trained(VAEConfig((6, 4, 2), (64,), 4))
    model.compile(optimizer=keras.optimizers.Adam(0.01))
    for _ in range(300):
        model.train_on_batch(BINARY)
    many = np.tile(BINARY, (50, 1, 1, 1))
    bound = np.mean(vae_keras.elbo(model(many), many))
    assert LEARNT < bound < -math.log(6)


def test_both_are_saved_and_loaded_in_one_form(tmp_path):
    model, twin = _twins()
    for saved, folder in ((model, tmp_path / "torch"), (twin, tmp_path / "keras")):
        save_model(saved, folder)
        config = load_config(VAEConfig, folder)
        assert config == CONFIG
        new = type(saved)(config)
        load_weights(new, folder)
        inputs = (FIRST, torch.from_numpy(NOISE)) if saved is model else (IMAGES, NOISE)
        with torch.no_grad():
            for found, expected in zip(new(*inputs), saved(*inputs), strict=True):
                np.testing.assert_array_equal(found, expected)
    with pytest.raises(ValueError, match=r"latent=3.*expected .*latent=6"):
        load_weights(type(model)(dataclasses.replace(CONFIG, latent=6)), tmp_path / "torch")


def test_keras_saves_and_loads_it_with_its_own_format(tmp_path):
    model = vae_keras.VAE(CONFIG)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.config == CONFIG
    np.testing.assert_array_equal(loaded(IMAGES, NOISE)[0], model(IMAGES, NOISE)[0])
