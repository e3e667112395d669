"""One helper that compares the engine with torch and with finite differences."""

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits

from companion.scratch.tensor import Tensor

STEP = 1e-6  # of the finite differences, whose error is about STEP² times a third derivative


@pytest.fixture(autouse=True)
def one_thread():
    """Two threads gain nothing at these sizes, and on a busy machine they wait for each other."""
    with threadpool_limits(1):
        yield


@pytest.fixture
def agrees():
    """Compare a function of tensors with one of torch tensors, forward and backward."""
    return _agrees


@pytest.fixture
def layer_agrees():
    """Compare a layer with torch's, after its weights were copied, forward and backward."""
    return _layer_agrees


def _agrees(ours, theirs, *arrays, kink=False):
    """Call both with float64 tensors of the arrays; `kink` leaves finite differences out."""
    leaves = [Tensor(array, requires_grad=True) for array in arrays]
    twins = [torch.tensor(np.asarray(array, np.float64), requires_grad=True) for array in arrays]
    _compare(lambda: ours(*leaves), lambda: theirs(*twins), leaves, twins, kink)


def _layer_agrees(ours, theirs, *arrays, call=None, their_call=None):
    """Call both layers with float64 tensors of the arrays, or with functions of both."""
    call = call or (lambda layer, *tensors: layer(*tensors))
    theirs = theirs.double()
    ours.load_state_dict(theirs.state_dict())
    leaves = [Tensor(array, requires_grad=True) for array in arrays]
    twins = [torch.tensor(array, requires_grad=True) for array in arrays]
    own, other = ours.named_parameters(), dict(theirs.named_parameters())
    _compare(
        lambda: call(ours, *leaves),
        lambda: (their_call or call)(theirs, *twins),
        leaves + list(own.values()),
        twins + [other[name] for name in own],
    )


def _compare(ours, theirs, leaves, twins, kink=False):
    outputs, expected = _as_tuple(ours()), _as_tuple(theirs())
    assert len(outputs) == len(expected)
    for leaf in leaves:
        leaf.grad = None
    rng = np.random.default_rng(1)
    seeds = [rng.normal(size=output.shape) for output in outputs]
    total = sum((output * seed).sum() for output, seed in zip(outputs, seeds, strict=True))
    for output, reference in zip(outputs, expected, strict=True):
        _equal(output.data, reference.detach().numpy(), "the value")
    total.backward()
    gradients = torch.autograd.grad(expected, twins, [torch.tensor(seed) for seed in seeds])
    for position, (leaf, gradient) in enumerate(zip(leaves, gradients, strict=True)):
        _equal(leaf.grad, gradient.numpy(), f"gradient {position}")
        if not kink:
            numeric = _finite_differences(ours, leaf, seeds)
            np.testing.assert_allclose(leaf.grad, numeric, rtol=1e-5, atol=1e-6)


def _finite_differences(function, leaf, seeds):
    """Estimate the gradient of the sum of seeds times outputs by moving each number of a leaf."""
    numeric = np.zeros(leaf.shape)
    for index in np.ndindex(leaf.shape):
        kept, sums = leaf.data[index], []
        for step in (STEP, -STEP):
            leaf.data[index] = kept + step
            outputs = _as_tuple(function())
            sums.append(sum((o.data * s).sum() for o, s in zip(outputs, seeds, strict=True)))
        leaf.data[index] = kept
        numeric[index] = (sums[0] - sums[1]) / (2 * STEP)
    return numeric


def _equal(value, reference, what):
    assert value.dtype == np.float64 and value.shape == reference.shape, what
    np.testing.assert_allclose(value, reference, rtol=1e-9, atol=1e-10, err_msg=what)


def _as_tuple(outputs):
    return tuple(outputs) if isinstance(outputs, tuple | list) else (outputs,)
