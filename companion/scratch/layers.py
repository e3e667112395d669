"""Layers with torch's names and weight layouts, so that weights can be copied as they are.

Initial weights have torch's distributions and are float64; `rng` is a NumPy generator.

Shapes: N samples or images, I and O inputs and outputs, H hidden units, T steps, E width; ... any.
"""

import math

import numpy as np

from companion.scratch import functional
from companion.scratch.init import xavier_uniform
from companion.scratch.tensor import Tensor


class Module:
    """Something with parameters: attributes that are tensors, or have parameters themselves."""

    def __call__(self, *inputs, **options):
        """Compute the outputs, with the subclass's `forward`."""
        return self.forward(*inputs, **options)

    def named_parameters(self):
        """Return the parameters in a dict, by names such as "0.weight"."""
        named = {k: t for k, t in vars(self).items() if isinstance(t, Tensor) and t.requires_grad}
        for name, value in vars(self).items():
            if isinstance(value, Module):
                named |= {f"{name}.{key}": t for key, t in value.named_parameters().items()}
        return named

    def parameters(self):
        """List the parameters, a shared one once."""
        return list(dict.fromkeys(self.named_parameters().values()))

    def load_state_dict(self, state):
        """Copy arrays or torch tensors by name, with their type; a ValueError shows a misfit."""
        named = self.named_parameters()
        own, found = ({k: tuple(np.shape(v)) for k, v in d.items()} for d in (named, state))
        if found != own:
            raise ValueError(f"state has the shapes {found}; expected {own}")
        for name, parameter in named.items():
            parameter.data = Tensor(np.asarray(state[name])).data


class Sequential(Module):
    """Layers, and functions such as `Tensor.relu`, one after the other."""

    def __init__(self, *layers):
        vars(self).update({str(index): layer for index, layer in enumerate(layers)})

    def forward(self, x):
        """Pass x through all layers."""
        for layer in vars(self).values():
            x = layer(x)
        return x


class Linear(Module):
    """A matrix and a bias."""

    def __init__(self, in_features, out_features, rng):
        self.weight = _uniform(rng, in_features, out_features, in_features)
        self.bias = _uniform(rng, in_features, out_features)

    def forward(self, x):
        """Map (..., I) to (..., O)."""
        return x @ self.weight.T + self.bias


class Embedding(Module):
    """A table with one row for each index."""

    def __init__(self, num_embeddings, embedding_dim, rng):
        self.weight = Tensor(rng.normal(size=(num_embeddings, embedding_dim)), requires_grad=True)

    def forward(self, indices):
        """Map whole numbers (...) to (..., E)."""
        return self.weight[functional.as_indices(indices, self.weight.shape[0])]


class Conv2d(Module):
    """Square kernels that slide over images."""

    def __init__(self, in_channels, out_channels, kernel_size, rng, stride=1, padding=0):
        shape = (out_channels, in_channels, kernel_size, kernel_size)
        self.weight = _uniform(rng, math.prod(shape[1:]), *shape)
        self.bias = _uniform(rng, math.prod(shape[1:]), out_channels)
        self.stride, self.padding = stride, padding

    def forward(self, images):
        """Map (N, I, height, width) to (N, O, down, across)."""
        return functional.conv2d(images, self.weight, self.bias, self.stride, self.padding)


class MaxPool2d(Module):
    """The largest pixel of each square window."""

    def __init__(self, kernel_size, stride=None):
        self.kernel_size, self.stride = kernel_size, stride

    def forward(self, images):
        """Map (N, I, height, width) to (N, I, down, across)."""
        return functional.max_pool2d(images, self.kernel_size, self.stride)


class LayerNorm(Module):
    """Mean 0 and variance 1 along the last axis, then a scale and a shift (Ba et al., 2016)."""

    def __init__(self, features, eps=1e-5):
        self.weight = Tensor(np.ones(features), requires_grad=True)
        self.bias = Tensor(np.zeros(features), requires_grad=True)
        self.eps = eps

    def forward(self, x):
        """Map (..., features) to the same shape."""
        centred = x - x.mean(-1, keepdims=True)
        variance = (centred**2).mean(-1, keepdims=True)
        return centred / (variance + self.eps) ** 0.5 * self.weight + self.bias


class LSTMCell(Module):
    """One step of an LSTM (Gers et al., 2000); rows of the weights in the order i, f, g, o."""

    def __init__(self, input_size, hidden_size, rng):
        rows = 4 * hidden_size
        self.weight_ih = _uniform(rng, hidden_size, rows, input_size)
        self.weight_hh = _uniform(rng, hidden_size, rows, hidden_size)
        self.bias_ih, self.bias_hh = (_uniform(rng, hidden_size, rows) for _ in range(2))

    def forward(self, x, state=None):
        """Map x (N, I) and a pair of hidden and cell state (N, H), or None, to the next pair."""
        size = self.weight_hh.shape[1]
        hidden, cell = state or [Tensor(np.zeros((x.shape[0], size), x.dtype))] * 2
        gates = x @ self.weight_ih.T + self.bias_ih + hidden @ self.weight_hh.T + self.bias_hh
        i, f, g, o = (gates[:, k * size : (k + 1) * size] for k in range(4))
        cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
        return o.sigmoid() * cell.tanh(), cell


class SelfAttention(Module):
    """Self-attention in several heads, with `torch.nn.MultiheadAttention`'s weights."""

    def __init__(self, embed_dim, num_heads, rng):
        if embed_dim % num_heads:
            raise ValueError(f"embed_dim {embed_dim} is no multiple of num_heads {num_heads}")
        self.num_heads = num_heads
        self.in_proj_weight = Tensor(xavier_uniform((3 * embed_dim, embed_dim), rng), True)
        self.in_proj_bias = Tensor(np.zeros(3 * embed_dim), requires_grad=True)
        self.out_proj = Linear(embed_dim, embed_dim, rng)
        self.out_proj.bias.data[:] = 0

    def forward(self, x, mask=None):
        """Map (N, T, E) to the same shape; the mask, such as (T, T), is True where to look."""
        projected = x @ self.in_proj_weight.T + self.in_proj_bias  # (N, T, 3 E)
        heads = projected.reshape(*x.shape[:2], 3, self.num_heads, -1)
        q, k, v = (heads[:, :, part].transpose(1, 2) for part in range(3))  # (N, heads, T, D)
        mixed = functional.scaled_dot_product_attention(q, k, v, mask)
        return self.out_proj(mixed.transpose(1, 2).reshape(*x.shape))


def _uniform(rng, fan_in, *shape):
    return Tensor(rng.uniform(-1, 1, shape) / math.sqrt(fan_in), requires_grad=True)
