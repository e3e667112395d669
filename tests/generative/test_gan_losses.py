"""The losses of the adversarial game: the papers' definitions, saturation, the best opponent."""

import math

import numpy as np
import pytest
import tensorflow as tf
import torch
from torch.nn import functional as F

from companion.generative import gan_keras, gan_torch

LOGITS = np.array([-3.0, -0.5, 0.0, 2.0], np.float32)


def test_losses_are_the_papers_logarithms():
    real, fake = LOGITS, LOGITS[::-1][:3].copy()
    d_real, d_fake = (1 / (1 + np.exp(-logits.astype(float))) for logits in (real, fake))
    expected = {
        "discriminator": -np.log(d_real).mean() - np.log(1 - d_fake).mean(),
        "minimax": np.log(1 - d_fake).mean(),
        "non-saturating": -np.log(d_fake).mean(),
    }
    for module, place in ((gan_torch, torch.from_numpy), (gan_keras, np.asarray)):
        found = {
            "discriminator": module.discriminator_loss(place(real), place(fake)),
            **{
                kind: module.generator_loss(place(fake), kind)
                for kind in ("minimax", "non-saturating")
            },
        }
        for name, value in found.items():
            assert float(value) == pytest.approx(expected[name], rel=1e-5), name
        zeros = place(np.zeros(3, np.float32))
        assert float(module.discriminator_loss(zeros, zeros)) == pytest.approx(2 * math.log(2))
    assert gan_torch.generator_loss(torch.from_numpy(fake)).item() == found["non-saturating"]
    logits = torch.from_numpy(fake)
    reference = F.binary_cross_entropy_with_logits(logits, torch.ones(3))
    torch.testing.assert_close(gan_torch.generator_loss(logits), reference)


@pytest.mark.parametrize("logit", [-20.0, -5.0, 0.0, 5.0, 200.0])
def test_gradients_at_saturation(logit):
    """d minimax / dl = −D and d non-saturating / dl = D − 1, also where D is 0 or 1 in float32."""
    d = 1 / (1 + math.exp(-logit))
    for kind, expected in (("minimax", -d), ("non-saturating", d - 1)):
        ours = torch.tensor([logit], requires_grad=True)
        gan_torch.generator_loss(ours, kind).backward()
        assert ours.grad.item() == pytest.approx(expected, rel=1e-4, abs=1e-7)
        theirs = tf.Variable([logit])
        with tf.GradientTape() as tape:
            loss = gan_keras.generator_loss(theirs, kind)
        gradient = tape.gradient(loss, theirs)
        assert float(gradient[0]) == pytest.approx(expected, rel=1e-4, abs=1e-7)


def test_the_best_discriminator_knows_the_ratio_of_the_densities():
    """Proposition 1: for what is p of the data and q of the samples, D = p / (p + q)."""
    p, q = np.array([0.7, 0.2, 0.1]), np.array([0.1, 0.3, 0.6])
    real = torch.arange(3).repeat_interleave(torch.tensor([70, 20, 10]))
    fake = torch.arange(3).repeat_interleave(torch.tensor([10, 30, 60]))
    logits = torch.zeros(3, requires_grad=True)
    optimizer = torch.optim.LBFGS([logits], max_iter=100, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = gan_torch.discriminator_loss(logits[real], logits[fake])
        loss.backward()
        return loss

    optimizer.step(closure)
    np.testing.assert_allclose(logits.detach().sigmoid(), p / (p + q), rtol=0, atol=1e-3)
    middle = (p + q) / 2  # theorem 1: V = −log 4 + 2 JS(p, q)
    js = (p * np.log(p / middle) + q * np.log(q / middle)).sum() / 2
    assert -closure().item() == pytest.approx(-math.log(4) + 2 * js, abs=1e-4)


@pytest.mark.parametrize("logits", [LOGITS[:, None], LOGITS[:0], LOGITS[0]])
def test_losses_refuse_what_are_no_logits(logits):
    for module, place in ((gan_torch, torch.as_tensor), (gan_keras, np.asarray)):
        message = r"the logits have shape \(.*\); expected \(B,\) with B at least 1"
        with pytest.raises(ValueError, match=message):
            module.generator_loss(place(logits))
        with pytest.raises(ValueError, match=message):
            module.discriminator_loss(place(LOGITS), place(logits))
        with pytest.raises(ValueError, match="kind is 'wgan'; expected one of 'minimax', 'non-sat"):
            module.generator_loss(place(LOGITS), "wgan")
