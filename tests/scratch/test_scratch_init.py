"""Initial weights have the promised spread, torch's spread, and do what they are for."""

import numpy as np
import pytest
import torch

from companion.scratch import init

SHAPES = [(300, 200), (60, 40, 3, 5)]
GAIN = {"nonlinearity": "relu"}
NAMES = {"xavier_uniform": {}, "xavier_normal": {}, "kaiming_uniform": GAIN, "kaiming_normal": GAIN}


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_weights_are_distributed_as_torchs(name, shape):
    torch.manual_seed(0)
    ours = getattr(init, name)(shape, np.random.default_rng(0))
    theirs = getattr(torch.nn.init, name + "_")(torch.empty(shape), **NAMES[name]).numpy()
    assert ours.shape == shape and ours.dtype == np.float64
    points = np.linspace(0.01, 0.99, 25)
    gap = np.quantile(ours, points) - np.quantile(theirs, points)
    assert np.abs(gap).max() < 0.04 * ours.std()
    assert ours.std() == pytest.approx(theirs.std(), rel=0.01)


@pytest.mark.parametrize("name", ["kaiming_uniform", "kaiming_normal"])
def test_he_keeps_the_mean_square_through_relu(name):
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(200, 500))
    start = (signal**2).mean()
    for _ in range(10):
        signal = np.maximum(signal @ getattr(init, name)((500, 500), rng).T, 0)
    assert 0.5 < (signal**2).mean() / start * 2 < 2  # the last ReLU halves it, after ten layers


@pytest.mark.parametrize("name", ["xavier_uniform", "xavier_normal"])
def test_glorot_keeps_the_variance_both_ways(name):
    rng = np.random.default_rng(0)
    forth = back = rng.normal(size=(200, 500))
    for _ in range(10):
        weight = getattr(init, name)((500, 500), rng)
        forth, back = forth @ weight.T, back @ weight
    assert 0.5 < forth.var() < 2 and 0.5 < back.var() < 2


def test_fans_equal_torchs():
    for shape in SHAPES:
        theirs = torch.nn.init._calculate_fan_in_and_fan_out(torch.empty(shape))
        assert init.fans(shape) == theirs


@pytest.mark.parametrize("shape", [(3,), (), (3, 0), (2, -1)], ids=str)
def test_shapes_without_fans_are_refused(shape):
    with pytest.raises(ValueError, match=r"shape is .*; expected \(out, in\) or"):
        init.kaiming_normal(shape, np.random.default_rng(0))
