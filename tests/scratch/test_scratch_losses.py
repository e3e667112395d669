"""Losses equal torch's, and refuse targets that do not fit."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from companion.scratch import losses
from companion.scratch.tensor import Tensor

RNG = np.random.default_rng(0)


def draw(*shape):
    return RNG.normal(size=shape)


@pytest.mark.parametrize("shape", [(4,), (4, 3)], ids=str)
def test_mean_squared_error(agrees, shape):
    target = draw(*shape)
    agrees(
        lambda x: losses.mse_loss(x, target),
        lambda x: F.mse_loss(x, torch.tensor(target)),
        draw(*shape),
    )


@pytest.mark.parametrize("delta", [0.3, 1.0, 5.0])
def test_huber(agrees, delta):
    target = draw(4, 5)
    agrees(
        lambda x: losses.huber_loss(x, target, delta),
        lambda x: F.huber_loss(x, torch.tensor(target), delta=delta),
        2 * draw(4, 5),
    )


def test_cross_entropy(agrees):
    target = np.array([0, 2, 2, 1, 0])
    agrees(
        lambda x: losses.cross_entropy(x, target),
        lambda x: F.cross_entropy(x, torch.tensor(target)),
        3 * draw(5, 3),
    )


def test_binary_cross_entropy(agrees):
    target = np.array([[0, 1, 0.3], [1, 1, 0]])
    agrees(
        lambda x: losses.binary_cross_entropy_with_logits(x, target),
        lambda x: F.binary_cross_entropy_with_logits(x, torch.tensor(target)),
        3 * draw(2, 3),
    )


def test_no_logit_is_too_large():
    with np.errstate(all="raise", under="ignore"):
        logits = Tensor([[1000.0, 0.0], [0.0, 1000.0]], requires_grad=True)
        loss = losses.cross_entropy(logits, np.array([0, 0]))
        loss.backward()
        assert loss.item() == 500
        np.testing.assert_allclose(logits.grad, [[0, 0], [-0.5, 0.5]], atol=1e-12)
        logits = Tensor([1000.0, -1000.0, 40.0], requires_grad=True)
        loss = losses.binary_cross_entropy_with_logits(logits, np.array([0, 1, 1]))
        loss.backward()
        assert loss.item() == pytest.approx(2000 / 3)
        assert logits.grad[2] == pytest.approx(-np.exp(-40) / 3)  # small, but not lost


@pytest.mark.parametrize("name", losses.__dict__.keys() & {"mse_loss", "huber_loss"})
def test_targets_that_would_broadcast_are_refused(name):
    with pytest.raises(ValueError, match=r"shapes \(3, 1\) and \(3,\); expected equal ones"):
        getattr(losses, name)(Tensor(draw(3, 1)), draw(3))


def test_targets_of_another_shape_or_range_are_refused():
    logits = Tensor(draw(2, 3))
    for target in (np.array([0]), np.array([[0, 1, 0], [1, 0, 0]]), 0):
        with pytest.raises(
            ValueError, match=r"logits \(2, 3\), target .*; expected \(N, C\), \(N,"
        ):
            losses.cross_entropy(logits, target)
    for target in ([0, 3], [-1, 0], [0.0, 1.0]):
        with pytest.raises(IndexError, match="expected integers from 0 to 2"):
            losses.cross_entropy(logits, np.array(target))
    with pytest.raises(ValueError, match=r"shapes \(2, 3\) and \(2,\); expected equal ones"):
        losses.binary_cross_entropy_with_logits(logits, np.zeros(2))
    with pytest.raises(ValueError, match=r"target is -1.0 to 1.0; expected 0 to 1"):
        losses.binary_cross_entropy_with_logits(logits, np.array([[-1.0, 1, 0], [0, 0, 0]]))


@pytest.mark.parametrize("delta", [0, -1, np.nan])
def test_delta_has_to_be_positive(delta):
    with pytest.raises(ValueError, match=f"delta is {delta}; expected a positive number"):
        losses.huber_loss(Tensor(draw(2)), draw(2), delta)


def test_float32_predictions_keep_their_type():
    x = Tensor(draw(4, 3).astype(np.float32), requires_grad=True)
    target = draw(4, 3)
    for value in (
        losses.mse_loss(x, target),
        losses.huber_loss(x, target),
        losses.cross_entropy(x, np.array([0, 1, 2, 0])),
        losses.binary_cross_entropy_with_logits(x, np.abs(np.tanh(target))),
    ):
        assert value.dtype == np.float32
        x.grad = None
        value.backward()
        assert x.grad.dtype == np.float32
