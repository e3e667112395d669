"""Softmax, attention, convolution and pooling equal torch's."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from companion.scratch import functional
from companion.scratch.tensor import Tensor

RNG = np.random.default_rng(0)


def draw(*shape):
    return RNG.normal(size=shape)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_softmax(agrees, axis):
    x = draw(2, 3, 4)
    agrees(lambda x: functional.softmax(x, axis), lambda x: F.softmax(x, axis), x)
    agrees(lambda x: functional.log_softmax(x, axis), lambda x: F.log_softmax(x, axis), x)


def test_no_logit_is_too_large(agrees):
    huge = np.array([[1000.0, 0.0, -1000.0], [1e300, 1e300, -1e300]])
    with np.errstate(all="raise", under="ignore"):
        agrees(functional.softmax, lambda x: F.softmax(x, -1), huge, kink=True)
        agrees(functional.log_softmax, lambda x: F.log_softmax(x, -1), huge, kink=True)
        agrees(functional.softplus, F.softplus, np.array([-1000.0, -50.0, 0.0, 1000.0]))


def test_softplus(agrees):
    agrees(functional.softplus, lambda x: F.softplus(x, threshold=1000), draw(3, 4))


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_concatenate(agrees, axis):
    shapes = [[2, 3, 4] for _ in range(3)]
    shapes[0][axis], shapes[2][axis] = 1, 5
    agrees(
        lambda *tensors: functional.concatenate(tensors, axis),
        lambda *tensors: torch.concatenate(tensors, axis),
        *(draw(*shape) for shape in shapes),
    )


def test_concatenate_names_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match=r"shapes \(2, 3\) and \(2, 4\) do not fit along axis 0"):
        functional.concatenate([Tensor(draw(2, 3)), Tensor(draw(2, 4))])


MASKS = {
    "none": None,
    "causal": np.tri(3, 5, dtype=bool),
    "by sample": np.arange(5) < np.array([2, 5])[:, None, None, None],
}


@pytest.mark.parametrize("name", MASKS)
def test_attention(agrees, name):
    mask = MASKS[name]
    theirs = None if mask is None else torch.tensor(mask)
    agrees(
        lambda *tensors: functional.scaled_dot_product_attention(*tensors, mask),
        lambda *tensors: F.scaled_dot_product_attention(*tensors, theirs),
        draw(2, 2, 3, 4),
        draw(2, 2, 5, 4),
        draw(2, 2, 5, 6),
    )


def test_attention_does_not_look_where_the_mask_is_false():
    query, key, value = (Tensor(draw(4, 2), requires_grad=True) for _ in range(3))
    mixed = functional.scaled_dot_product_attention(query, key, value, np.tri(4, dtype=bool))
    np.testing.assert_array_equal(mixed.data[0], value.data[0])
    mixed[1].sum().backward()
    assert (value.grad[2:] == 0).all() and (key.grad[2:] == 0).all() and key.grad[:2].all()


@pytest.mark.parametrize("mask", [np.tri(3, k=-1, dtype=bool), np.tri(3), np.zeros(3)], ids=str)
def test_attention_refuses_other_masks(mask):
    x = Tensor(draw(3, 2))
    with pytest.raises(ValueError, match="expected booleans, with at least one True in a row"):
        functional.scaled_dot_product_attention(x, x, x, mask)


@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_convolution(agrees, stride, padding):
    agrees(
        lambda *tensors: functional.conv2d(*tensors, stride=stride, padding=padding),
        lambda *tensors: F.conv2d(*tensors, stride=stride, padding=padding),
        draw(2, 2, 6, 5),
        draw(3, 2, 3, 2),
        draw(3),
    )


def test_convolution_without_bias(agrees):
    agrees(functional.conv2d, F.conv2d, draw(1, 2, 4, 4), draw(1, 2, 4, 4))


@pytest.mark.parametrize(("kernel_size", "stride"), [(2, None), (3, None), (3, 1), (2, 3), (3, 2)])
def test_max_pooling(agrees, kernel_size, stride):
    agrees(
        lambda x: functional.max_pool2d(x, kernel_size, stride),
        lambda x: F.max_pool2d(x, kernel_size, stride),
        draw(2, 3, 7, 6),
    )


def test_max_pooling_of_equal_pixels_takes_the_first(agrees):
    pixels = RNG.integers(0, 2, (2, 2, 6, 6)).astype(float)
    agrees(
        lambda x: functional.max_pool2d(x, 3, 2), lambda x: F.max_pool2d(x, 3, 2), pixels, kink=True
    )


def test_shapes_of_images_and_kernels_are_named():
    images, message = Tensor(draw(2, 3, 4, 4)), r"\(2, 3, 4, 4\)"
    with pytest.raises(ValueError, match=rf"{message} and kernels \(5, 2, 3, 3\) do not fit"):
        functional.conv2d(images, Tensor(draw(5, 2, 3, 3)))
    with pytest.raises(ValueError, match=r"images \(3, 4, 4\) and kernels \(5, 3, 3, 3\)"):
        functional.conv2d(images[0], Tensor(draw(5, 3, 3, 3)))
    with pytest.raises(ValueError, match=rf"windows \(5, 5\) do not fit into images {message}"):
        functional.conv2d(images, Tensor(draw(2, 3, 5, 5)))
    with pytest.raises(ValueError, match=r"windows \(2, 2\) do not fit into images \(3, 4, 4\)"):
        functional.max_pool2d(images[0], 2)


def test_indices_have_to_be_whole_numbers_in_range():
    assert functional.as_indices([0, 4], 5).tolist() == [0, 4]
    assert functional.as_indices(np.zeros((2, 0), int), 5).shape == (2, 0)
    for bad in ([-1], [5], [0.0], [True], "a"):
        with pytest.raises(IndexError, match="expected integers from 0 to 4"):
            functional.as_indices(bad, 5)
