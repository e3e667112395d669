"""Properties over many shapes: broadcasting, matrix products, indexing, windows."""

import hypothesis.extra.numpy as hnp
import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.scratch.functional import concatenate, log_softmax, unfold
from companion.scratch.tensor import Tensor

settings.register_profile("scratch", max_examples=60, deadline=None, derandomize=True)
often = settings(settings.get_profile("scratch"))
seeds = st.integers(0, 2**32 - 1)


def pair(shape, rng):
    """Draw positive numbers as a tensor of the engine and one of torch."""
    values = rng.uniform(0.5, 2, size=shape)
    return Tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)


def assert_equal(results, references, seed):
    """Compare values, and gradients for a random gradient of the result."""
    ours, theirs = results[0], references[0]
    assert ours.shape == tuple(theirs.shape)
    np.testing.assert_allclose(ours.data, theirs.detach().numpy(), rtol=1e-10, atol=1e-12)
    gradient = np.random.default_rng(seed).normal(size=ours.shape)
    ours.backward(gradient)
    theirs.backward(torch.tensor(gradient))
    for leaf, twin in zip(results[1:], references[1:], strict=True):
        assert leaf.grad.shape == leaf.shape
        np.testing.assert_allclose(leaf.grad, twin.grad.numpy(), rtol=1e-9, atol=1e-10)


@often
@given(
    hnp.mutually_broadcastable_shapes(num_shapes=3, min_side=0, max_side=3, max_dims=4),
    seeds,
)
def test_broadcasting_equals_torchs(shapes, seed):
    rng = np.random.default_rng(seed)
    (a, x), (b, y), (c, z) = (pair(shape, rng) for shape in shapes.input_shapes)
    ours, theirs = (a + b) * c - a / b, (x + y) * z - x / y
    assert_equal((ours, a, b, c), (theirs, x, y, z), seed)


@often
@given(hnp.mutually_broadcastable_shapes(signature=np.matmul.signature, max_side=3), seeds)
def test_matrix_products_equal_torchs(shapes, seed):
    rng = np.random.default_rng(seed)
    (a, x), (b, y) = (pair(shape, rng) for shape in shapes.input_shapes)
    assert_equal((a @ b, a, b), (x @ y, x, y), seed)


@often
@given(hnp.array_shapes(max_dims=4, max_side=3), st.data(), seeds)
def test_reductions_and_shapes_equal_torchs(shape, data, seed):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    other = data.draw(st.integers(-len(shape), len(shape) - 1))
    x, y = pair(shape, np.random.default_rng(seed))
    ours = log_softmax(x, axis).transpose(axis, other).reshape(-1) * x.reshape(-1)
    theirs = y.log_softmax(axis).transpose(axis, other).reshape(-1) * y.reshape(-1)
    ours = ours.reshape(*shape).mean(axis, keepdims=True) + x.max(other, keepdims=True)
    theirs = theirs.reshape(shape).mean(axis, True) + y.max(other, True).values
    assert_equal((ours, x), (theirs, y), seed)


def assert_adjoint(function, shape, seed):
    """A linear map A and its gradient Aᵀ satisfy ⟨A x, y⟩ = ⟨x, Aᵀ y⟩ for all x and y."""
    rng = np.random.default_rng(seed)
    x = Tensor(rng.normal(size=shape), requires_grad=True)
    result = function(x)
    y = rng.normal(size=result.shape)
    result.backward(y)
    np.testing.assert_allclose((result.data * y).sum(), (x.data * x.grad).sum(), atol=1e-10)


@often
@given(hnp.array_shapes(max_dims=3, max_side=4), st.data(), seeds)
def test_slices_are_adjoint_to_their_gradients(shape, data, seed):
    index = data.draw(hnp.basic_indices(shape, allow_newaxis=True))
    assert_adjoint(lambda x: x[index], shape, seed)


@often
@given(hnp.array_shapes(min_dims=2, max_dims=3, max_side=4), st.data(), seeds)
def test_integer_arrays_are_adjoint_to_their_gradients(shape, data, seed):
    index = data.draw(hnp.integer_array_indices(shape[:2]))
    assert_adjoint(lambda x: x[index], shape, seed)


@often
@given(hnp.array_shapes(max_dims=3, max_side=3), st.lists(st.integers(0, 3), min_size=1), seeds)
def test_concatenation_is_adjoint_to_cutting(shape, repeats, seed):
    assert_adjoint(
        lambda x: concatenate([x[:1] * factor for factor in [1, *repeats]] + [x]), shape, seed
    )


@often
@given(st.data(), seeds)
def test_windows_equal_torchs(data, seed):
    kernel = data.draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    stride, padding = data.draw(st.integers(1, 3)), data.draw(st.integers(0, 2))
    size = [k + data.draw(st.integers(0, 3)) for k in kernel]
    x, y = pair((2, 2, *size), np.random.default_rng(seed))
    ours, counts = unfold(x, kernel, stride, padding)
    theirs = torch.nn.functional.unfold(y, kernel, stride=stride, padding=padding)
    assert counts[0] * counts[1] == theirs.shape[2]
    assert_equal((ours, x), (theirs, y), seed)
