"""Every operation of the engine equals torch's, and refuses what makes no sense."""

import numpy as np
import pytest
import torch

from companion.scratch.tensor import Tensor

RNG = np.random.default_rng(0)


def draw(*shape):
    return RNG.normal(size=shape)


def positive(*shape):
    return RNG.uniform(0.5, 2, size=shape)


BINARY = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
}
SHAPES = [((3, 4), (3, 4)), ((3, 4), (4,)), ((3, 1), (1, 4)), ((2, 1, 4), (3, 1)), ((), (2, 3))]


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@pytest.mark.parametrize("name", BINARY)
def test_arithmetic_with_broadcasting(agrees, name, shapes):
    first, second = shapes
    agrees(BINARY[name], BINARY[name], draw(*first), positive(*second))
    agrees(BINARY[name], BINARY[name], draw(*second), positive(*first))


UNARY = {
    "neg": lambda x: -x,
    "exp": lambda x: x.exp(),
    "tanh": lambda x: x.tanh(),
    "sigmoid": lambda x: x.sigmoid(),
    "relu": lambda x: x.relu(),
    "square": lambda x: x**2,
    "cube": lambda x: x**3,
    "number on the right": lambda x: x * 3 + 2 - x / 4 - 1,
    "number on the left": lambda x: 3 * x + (2 - x),
}


@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_tensor(agrees, name):
    agrees(UNARY[name], UNARY[name], draw(3, 4))
    agrees(UNARY[name], UNARY[name], draw())


POSITIVE = {
    "log": lambda x: x.log(),
    "root": lambda x: x**0.5,
    "inverse": lambda x: x**-1,
    "one over": lambda x: 1 / x,
}


@pytest.mark.parametrize("name", POSITIVE)
def test_functions_of_positive_numbers(agrees, name):
    agrees(POSITIVE[name], POSITIVE[name], positive(2, 3))


def test_powers_at_zero(agrees):
    for exponent in (0, 1, 2):
        agrees(lambda x, n=exponent: x**n, lambda x, n=exponent: x**n, np.zeros(3))


def test_relu_at_zero_has_the_gradient_zero(agrees):
    agrees(lambda x: x.relu(), torch.relu, np.array([-1.0, 0.0, 1.0]), kink=True)


def test_sigmoid_and_its_gradient_far_out(agrees):
    far = np.array([-750.0, -40.0, 40.0, 750.0])
    with np.errstate(all="raise", under="ignore"):
        agrees(lambda x: x.sigmoid(), torch.sigmoid, far)
    assert Tensor([-40.0]).sigmoid().data[0] == pytest.approx(np.exp(-40.0), rel=1e-12)


MATMUL = [
    ((3, 4), (4, 2)),
    ((4,), (4, 2)),
    ((3, 4), (4,)),
    ((4,), (4,)),
    ((5, 3, 4), (5, 4, 2)),
    ((5, 3, 4), (4, 2)),
    ((3, 4), (5, 4, 2)),
    ((2, 1, 3, 4), (5, 4, 2)),
    ((4,), (5, 4, 2)),
    ((5, 3, 4), (4,)),
]


@pytest.mark.parametrize("shapes", MATMUL, ids=str)
def test_matmul(agrees, shapes):
    agrees(lambda a, b: a @ b, lambda a, b: a @ b, draw(*shapes[0]), draw(*shapes[1]))


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), (1,)])
@pytest.mark.parametrize("name", ["sum", "mean"])
def test_sums_and_means(agrees, name, axis, keepdims):
    axes = (0, 1, 2) if axis is None else axis
    agrees(
        lambda x: getattr(x, name)(axis, keepdims),
        lambda x: getattr(x, name)(axes, keepdim=keepdims),
        draw(2, 3, 4),
    )


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_the_largest_along_an_axis(agrees, axis, keepdims):
    agrees(
        lambda x: x.max(axis, keepdims),
        lambda x: x.max(axis, keepdim=keepdims).values,
        draw(2, 3, 4),
    )


@pytest.mark.parametrize("name", ["sum", "mean", "max"])
def test_one_number_is_its_own_sum_mean_and_maximum(agrees, name):
    agrees(lambda x: getattr(x, name)(), lambda x: getattr(x, name)(), draw())


def test_the_largest_beside_infinity():
    with np.errstate(divide="ignore"):
        x = Tensor([0.0, 2.0, 1.0]).log()
    assert x.max().item() == np.log(2)


def test_the_largest_of_all(agrees):
    agrees(lambda x: x.max(), lambda x: x.max(), draw(3, 4))
    agrees(lambda x: x.max(keepdims=True), lambda x: x.max().reshape(1, 1), draw(3, 4))


def test_among_equals_the_first_is_the_largest(agrees):
    ties = np.array([[1.0, 2.0, 2.0], [3.0, 3.0, 3.0]])
    agrees(lambda x: x.max(1), lambda x: x.max(1).values, ties, kink=True)
    x = Tensor(ties, requires_grad=True)
    x.max().backward()
    assert x.grad.tolist() == [[0, 0, 0], [1, 0, 0]]


def test_shapes(agrees):
    x = draw(2, 3, 4)
    agrees(lambda x: x.reshape(6, 4), lambda x: x.reshape(6, 4), x)
    agrees(lambda x: x.reshape((4, -1)), lambda x: x.reshape((4, -1)), x)
    agrees(lambda x: x.transpose(0, 2), lambda x: x.transpose(0, 2), x)
    agrees(lambda x: x.transpose(-2, -1), lambda x: x.transpose(-2, -1), x)
    agrees(lambda x: x.T, lambda x: x.T, draw(2, 3))
    agrees(lambda x: x.T, lambda x: x.mT.transpose(0, 1).mT, x)
    agrees(lambda x: x.T * 2, lambda x: x * 2, draw(3))


INDICES = {
    "number": 1,
    "negative": (-1, 0),
    "slice": slice(1, 3),
    "columns": (slice(None), slice(0, 2)),
    "dots": (..., 0),
    "new axis": (slice(None), None),
    "array": np.array([2, 0, 0, 2]),
    "table": np.array([[0, 1], [1, 1]]),
    "pairs": (np.array([0, 1, 1, 0]), np.array([3, 2, 2, 3])),
    "list": [1, 1],
    "mixed": (np.array([0, 0]), slice(1, 3)),
    "booleans": np.array([True, False, True]),
}


@pytest.mark.parametrize("name", INDICES)
def test_indexing(agrees, name):
    index = INDICES[name]
    agrees(lambda x: x[index], lambda x: x[index], draw(3, 4))


def test_indexing_one_axis_by_a_number(agrees):
    agrees(lambda x: x[1] * x[1], lambda x: x[1] * x[1], draw(3))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_type_is_kept(dtype):
    x = Tensor(positive(2, 3).astype(dtype), requires_grad=True)
    y = Tensor(positive(3, 2).astype(dtype), requires_grad=True)
    for value in (x + 1, 2.0 * x, x / np.arange(1, 4), x - np.float64(3), x**0.5, 1 / x, x @ y):
        assert value.dtype == dtype
    functions = [x.exp(), x.log(), x.tanh(), x.sigmoid(), x.relu(), x.mean(), x.max(0), x[0], x.T]
    assert {value.dtype for value in functions} == {np.dtype(dtype)}
    ((x @ y).mean() * np.float64(2) + x[[0, 0]].sum()).backward()
    assert x.grad.dtype == y.grad.dtype == dtype


def test_integers_become_float64_and_types_that_differ_follow_numpy():
    assert Tensor([1, 2]).dtype == Tensor(True).dtype == Tensor(3).dtype == np.float64
    x = Tensor(np.ones(2, np.float32), requires_grad=True)
    product = x * Tensor(np.ones(2))
    assert product.dtype == np.float64
    product.sum().backward()
    assert x.grad.dtype == np.float32


@pytest.mark.parametrize("data", ["text", [1j], [None], np.ones(2, np.float16), np.ones(2, "g")])
def test_other_types_are_refused(data):
    with pytest.raises(TypeError, match=r"data have type .*; expected float32, float64 or int"):
        Tensor(data)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused(bad):
    message = rf"data hold {bad}; expected finite numbers"
    with pytest.raises(ValueError, match=message):
        Tensor([[1.0, bad]])
    with pytest.raises(ValueError, match=message):
        Tensor([1.0]) + np.array([bad])


@pytest.mark.parametrize("name", BINARY)
def test_shapes_that_do_not_fit_are_named(name):
    with pytest.raises(ValueError, match=r"shapes \(2, 3\) and \(4,\) do not fit"):
        BINARY[name](Tensor(draw(2, 3)), Tensor(draw(4)))


def test_matrices_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"matmul: shapes \(2, 3\) and \(4, 5\) do not fit"):
        Tensor(draw(2, 3)) @ Tensor(draw(4, 5))
    with pytest.raises(ValueError, match=r"matmul: shapes \(2, 3\) and \(2, 1\) do not fit"):
        draw(2, 3) @ Tensor(draw(2))
    with pytest.raises(ValueError, match=r"matmul: shapes \(\) and \(2, 2\) do not fit"):
        Tensor(1) @ Tensor(draw(2, 2))
    with pytest.raises(ValueError, match=r"reshape: shape \(2, 3\) cannot become \(4,\)"):
        Tensor(draw(2, 3)).reshape(4)


def test_bad_indices_axes_and_exponents():
    x = Tensor(draw(2, 3))
    for index in (5, (0, 0, 0), np.array([0, 2]), np.array([0.5]), "a", Tensor([0])):
        with pytest.raises(IndexError):
            x[index]
    for function in (x.sum, x.mean, x.max):
        with pytest.raises(np.exceptions.AxisError, match="out of bounds"):
            function(2)
    with pytest.raises(TypeError, match="Tensor"):
        x**x
