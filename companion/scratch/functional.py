"""Operations that layers and losses are made of, named as in `torch.nn.functional`.

Convolution is matrix multiplication once each window of an image is laid out as a column (im2col;
Chellapilla, Puri and Simard, 2006). As in all frameworks, the kernel is not flipped.

Shapes: N images, C channels, H × W pixels, kh × kw kernel, L windows, T queries, S keys, D width.
"""

import math

import numpy as np

from companion.scratch.tensor import record


def concatenate(tensors, axis=0):
    """Join a list of tensors along an axis; a ValueError names shapes that do not fit."""
    try:
        value = np.concatenate([tensor.data for tensor in tensors], axis)
    except ValueError:
        shapes = " and ".join(str(tensor.shape) for tensor in tensors)
        raise ValueError(f"concatenate: shapes {shapes} do not fit along axis {axis}") from None
    edges, end = [], 0
    for tensor in tensors:
        part = np.arange(end, end := end + tensor.shape[axis])
        edges.append((tensor, lambda g, part=part: g.take(part, axis)))
    return record(value, *edges)


def log_softmax(x, axis=-1):
    """Compute x - log(sum(exp(x))) along an axis, without overflow."""
    shifted = x.data - x.data.max(axis, keepdims=True)
    value = shifted - np.log(np.exp(shifted).sum(axis, keepdims=True))
    return record(value, (x, lambda g: g - np.exp(value) * g.sum(axis, keepdims=True)))


def softmax(x, axis=-1):
    """Compute exp(x) / sum(exp(x)) along an axis, without overflow."""
    return log_softmax(x, axis).exp()


def softplus(x):
    """Compute log(1 + exp(x)), without overflow."""
    value = np.logaddexp(0, x.data)
    return record(value, (x, lambda g: g * np.exp(x.data - value)))


def scaled_dot_product_attention(query, key, value, mask=None):
    """Average values by how well a query matches their keys (Vaswani et al., 2017, equation 1).

    Query (..., T, D), key (..., S, D) and value (..., S, E) → (..., T, E). The mask broadcasts to
    (..., T, S) and is True where a query may look; a query that may not look anywhere is an error.
    """
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])  # (..., T, S)
    if mask is not None:
        if np.asarray(mask).dtype != bool or not np.any(mask, axis=-1).all():
            raise ValueError(f"mask is {mask}; expected booleans, with at least one True in a row")
        scores = record(np.where(mask, scores.data, -np.inf), (scores, lambda g: g * mask))
    return softmax(scores) @ value


def unfold(images, kernel_size, stride=1, padding=0):
    """Lay out each window of images (N, C, H, W) as a column (im2col): (N, C · kh · kw, L).

    `kernel_size` is (kh, kw), `stride` the pixels from one window to the next, `padding` the rows
    and columns of zeros around an image. Also returns how many windows are below and beside others.
    """
    if images.ndim != 4 or np.any(np.add(images.shape[2:], 2 * padding) < kernel_size):
        raise ValueError(f"windows {kernel_size} do not fit into images {images.shape}")
    padded = np.pad(images.data, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel_size, (2, 3))
    windows = windows[:, :, ::stride, ::stride].transpose(0, 1, 4, 5, 2, 3)
    n, c, kh, kw, down, across = windows.shape

    def fold(g):
        g, full = g.reshape(windows.shape), np.zeros_like(padded)
        for i, j in np.ndindex(kh, kw):  # each pixel adds up what arrives from all its windows
            full[:, :, i:, j:][:, :, ::stride, ::stride][:, :, :down, :across] += g[:, :, i, j]
        return full[:, :, padding : padding + images.shape[2], padding : padding + images.shape[3]]

    return record(windows.reshape(n, c * kh * kw, down * across), (images, fold)), (down, across)


def conv2d(images, weight, bias=None, stride=1, padding=0):
    """Slide kernels over images: (N, C, H, W) and (O, C, kh, kw) → (N, O, down, across)."""
    if images.ndim != 4 or weight.ndim != 4 or images.shape[1] != weight.shape[1]:
        raise ValueError(f"conv2d: images {images.shape} and kernels {weight.shape} do not fit")
    columns, size = unfold(images, weight.shape[2:], stride, padding)
    result = (weight.reshape(weight.shape[0], -1) @ columns).reshape(images.shape[0], -1, *size)
    return result if bias is None else result + bias.reshape(-1, 1, 1)


def max_pool2d(images, kernel_size, stride=None):
    """Take the largest pixel of each square window; the stride is by default the window's size."""
    columns, size = unfold(images, (kernel_size, kernel_size), stride or kernel_size)
    return columns.reshape(*images.shape[:2], -1, *size).max(axis=2)


def as_indices(values, count):
    """Return whole numbers below `count` as an array, or raise an IndexError."""
    indices = np.asarray(values)
    if indices.dtype.kind not in "iu" or np.any((indices < 0) | (indices >= count)):
        raise IndexError(f"indices are {indices}; expected integers from 0 to {count - 1}")
    return indices
