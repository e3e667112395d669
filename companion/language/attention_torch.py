"""Multi-head attention in PyTorch; its twin is `companion.language.attention_keras`.

Vaswani et al. (2017), *Attention is all you need*, NeurIPS, arXiv:1706.03762, section 3.2 and
equation 1. Each of A heads compares what a token looks for, q, with what the others offer, k, and
gathers what these carry, v:

    attention(Q, K, V) = softmax(Q Kᵀ / √D) V                                                 (1)

Shapes: B sequences in a batch, T tokens that look (queries), S tokens that are looked at (keys), E
numbers per token, A heads of D = E / A numbers.

A mask is boolean, True where attention may go. Its shape is (T, S), (B, T, S) or (B, A, T, S);
with three axes or four, B, A and T may be 1. So (B, T), True where a sequence has a token, becomes
a padding mask by `mask[:, None]`, of shape (B, 1, S). A query that may look nowhere gathers zeros.

What differs from the paper: projections have biases, as in GPT-2 and BERT, and there is no
dropout of weights, only behind whole layers (in the models). Weights start as PyTorch's linear
layers do, from a uniform distribution of bound 1/√E, and biases at 0.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from companion.checks import natural
from companion.language.token_checks import mask_shape, width_of

__all__ = ["CrossAttention", "SelfAttention", "attend"]


def attend(queries, keys, values, mask=None, *, causal=False, weights=False):
    """Gather values by equation 1.

    Args:
        queries: Shape (B, A, T, D).
        keys: Shape (B, A, S, D).
        values: Shape (B, A, S, D).
        mask: Boolean, True where attention may go; see the module for its shape.
        causal: Whether a query sees only its own place and those before. The queries are the last
            T of the S places.
        weights: Whether to return the attention weights too, which takes longer.

    Returns:
        What was gathered, (B, A, T, D), and the weights, (B, A, T, S), or None.

    Raises:
        TypeError: If the mask is not boolean.
        ValueError: If its shape is another, or there are more causal queries than keys.
    """
    batch, heads, t, _ = queries.shape
    s = keys.shape[2]
    if causal and t > s:
        raise ValueError(f"{t} queries look at {s} keys; expected at least as many keys if causal")
    if mask is not None:
        dtype = str(mask.dtype).removeprefix("torch.")
        mask = mask.reshape(mask_shape(mask.shape, dtype, batch, heads, t, s))
    elif not weights and (not causal or t in (1, s)):  # the kernel makes this mask itself
        found = F.scaled_dot_product_attention(queries, keys, values, is_causal=causal and t > 1)
        return found, None
    if causal and t > 1:
        before = torch.ones(t, s, dtype=torch.bool, device=queries.device).tril(s - t)
        mask = before if mask is None else mask & before
    if not weights:
        return F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask), None
    shares = _shares(queries, keys, mask)
    return shares @ values, shares


def _shares(queries, keys, mask):
    """Return the attention weights, (B, A, T, S): rows sum to 1, or to 0 if nothing is seen."""
    scores = queries @ keys.mT / math.sqrt(queries.shape[-1])  # (B, A, T, S)
    if mask is None:
        return torch.softmax(scores, dim=-1)
    lowest = torch.finfo(scores.dtype).min  # not −∞: a row of these would become NaN
    return torch.softmax(scores.masked_fill(~mask, lowest), dim=-1) * mask


class SelfAttention(nn.Module):
    """Tokens of one sequence look at each other.

    Args:
        width: Numbers per token, E, a multiple of `heads`.
        heads: How many, A; they share the width.
        causal: Whether a token sees only itself and those before it.

    Raises:
        ValueError: If a size is no such integer.
    """

    def __init__(self, width, heads, causal=False):
        super().__init__()
        self.width, self.heads = width, _heads(width, heads)
        self.causal = causal
        self.project = _linear(width, 3 * width)  # q, k and v: one large product is faster
        self.mix = _linear(width, width)

    def forward(self, tokens, attention_mask=None, cache=None, weights=False):
        """Return what the tokens gather.

        Args:
            tokens: Shape (B, T, E).
            attention_mask: Boolean, True where attention may go; see the module for its shape. S
                counts the tokens in the cache too.
            cache: A `companion.language.kv_cache_torch.LayerCache`: its tokens stand before these,
                which it receives.
            weights: Whether to return the attention weights too.

        Returns:
            What was gathered, (B, T, E), and the weights, (B, A, T, S), or None.

        Raises:
            TypeError: If the mask is not boolean.
            ValueError: If a shape is another, or the cache is full.
        """
        width_of("tokens", tokens.shape, self.width)
        parts = self.project(tokens).chunk(3, dim=-1)
        q, k, v = (_split(part, self.heads) for part in parts)  # (B, A, T, D)
        if cache is not None:
            k, v = cache.append(torch.stack([k, v]))  # (B, A, S, D)
        found, shares = attend(q, k, v, attention_mask, causal=self.causal, weights=weights)
        return self.mix(_join(found)), shares


class CrossAttention(nn.Module):
    """Tokens of one sequence look at another one, the source.

    Args:
        width: Numbers per token, E, a multiple of `heads`.
        heads: How many, A; they share the width.

    Raises:
        ValueError: If a size is no such integer.
    """

    def __init__(self, width, heads):
        super().__init__()
        self.width, self.heads = width, _heads(width, heads)
        self.query = _linear(width, width)
        self.project = _linear(width, 2 * width)  # k and v of the source
        self.mix = _linear(width, width)

    def keys_values(self, source):
        """Return what the source offers, to be computed once for many steps of decoding.

        Args:
            source: Shape (B, S, E).

        Returns:
            Keys and values, each (B, A, S, D).

        Raises:
            ValueError: If the shape is another.
        """
        width_of("source", source.shape, self.width)
        k, v = _split(self.project(source), 2 * self.heads).chunk(2, dim=1)
        return k, v

    def forward(self, tokens, source=None, attention_mask=None, offered=None, weights=False):
        """Return what the tokens gather from the source.

        Args:
            tokens: Shape (B, T, E).
            source: Shape (B, S, E).
            attention_mask: Boolean, True where attention may go; see the module for its shape.
            offered: In place of the source, what `keys_values` returned for it.
            weights: Whether to return the attention weights too.

        Returns:
            What was gathered, (B, T, E), and the weights, (B, A, T, S), or None.

        Raises:
            TypeError: If the mask is not boolean.
            ValueError: If a shape is another, or not one of `source` and `offered` is given.
        """
        width_of("tokens", tokens.shape, self.width)
        if (source is None) == (offered is None):
            raise ValueError("expected either source or offered, and not both")
        k, v = self.keys_values(source) if offered is None else offered
        found, shares = attend(
            _split(self.query(tokens), self.heads), k, v, attention_mask, weights=weights
        )
        return self.mix(_join(found)), shares


def _heads(width, heads):
    heads = natural("heads", heads, 1)
    if natural("width", width, 1) % heads:
        raise ValueError(f"width is {width}; expected a multiple of heads, {heads}")
    return heads


def _linear(inputs, outputs):
    layer = nn.Linear(inputs, outputs)
    nn.init.uniform_(layer.weight, -(inputs**-0.5), inputs**-0.5)
    nn.init.zeros_(layer.bias)
    return layer


def _split(tokens, heads):
    """Give each head its part: (B, T, E) to (B, A, T, D)."""
    batch, length, width = tokens.shape
    return tokens.view(batch, length, heads, width // heads).transpose(1, 2)


def _join(tokens):
    """Put the heads side by side: (B, A, T, D) to (B, T, E)."""
    return tokens.transpose(1, 2).flatten(2)
