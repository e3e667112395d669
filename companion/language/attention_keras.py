"""Multi-head attention in Keras 3; its twin is `companion.language.attention_torch`.

Paper, equation, letters, masks and what differs from the paper: see there. The same distributions
start the weights. The argument of `call` is not named `mask`, because Keras would attach such
a one to the tokens. Equation 1 is computed step by step, whether the weights are wanted or not.
"""

import keras
from keras import ops

from companion.checks import natural
from companion.language.token_checks import mask_shape, width_of

__all__ = ["CrossAttention", "SelfAttention", "attend"]


def attend(queries, keys, values, mask=None, *, causal=False, weights=False):
    """Gather values by equation 1.

    Args:
        queries: Shape (B, A, T, D).
        keys: Shape (B, A, S, D).
        values: Shape (B, A, S, D).
        mask: Boolean, True where attention may go; see the twin for its shape.
        causal: Whether a query sees only its own place and those before. The queries are the last
            T of the S places.
        weights: Whether to return the attention weights too.

    Returns:
        What was gathered, (B, A, T, D), and the weights, (B, A, T, S), or None.

    Raises:
        TypeError: If the mask is not boolean.
        ValueError: If its shape is another, or there are more causal queries than keys.
    """
    batch, heads, t, _ = queries.shape
    s = keys.shape[2]
    if causal and None not in (t, s) and t > s:
        raise ValueError(f"{t} queries look at {s} keys; expected at least as many keys if causal")
    if mask is not None:
        dtype = keras.backend.standardize_dtype(mask.dtype)
        mask_shape(mask.shape, dtype, batch, heads, t, s)
        mask = ops.convert_to_tensor(mask)
        for _ in range(4 - len(mask.shape)):
            mask = ops.expand_dims(mask, -3)  # (B, 1, T, S), or (1, 1, T, S)
    if causal and t != 1:
        before = _before(ops.shape(queries)[2], ops.shape(keys)[2])
        mask = before if mask is None else ops.logical_and(mask, before)
    scores = ops.matmul(queries, ops.swapaxes(keys, -1, -2)) / queries.shape[-1] ** 0.5
    shares = _shares(scores, mask)  # (B, A, T, S)
    return ops.matmul(shares, values), shares if weights else None


def _shares(scores, mask):
    """Return the attention weights, (B, A, T, S): rows sum to 1, or to 0 if nothing is seen."""
    dtype = keras.backend.standardize_dtype(scores.dtype)
    if mask is not None:
        lowest = ops.cast(-3e4 if dtype == "float16" else -1e30, dtype)
        scores = ops.where(mask, scores, lowest)  # not −∞: a row of these would become NaN
    # Keras warns of a softmax of one number, which is all that there is at the first step.
    shares = ops.ones_like(scores) if scores.shape[-1] == 1 else ops.softmax(scores)
    return shares if mask is None else shares * ops.cast(mask, dtype)


def _before(t, s):
    """Return where the last t of s places may look, shape (t, s): at themselves and before."""
    return ops.arange(s)[None] <= ops.arange(t)[:, None] + (s - t)


class SelfAttention(keras.layers.Layer):
    """Tokens of one sequence look at each other; built when made.

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
        self.project = _dense(width, 3 * width)  # q, k and v: one large product is faster
        self.mix = _dense(width, width)
        self.built = True

    def call(self, tokens, attention_mask=None, cache=None, weights=False):
        """Return what the tokens gather.

        Args:
            tokens: Shape (B, T, E).
            attention_mask: Boolean, True where attention may go; see the twin for its shape. S
                counts the tokens in the cache too.
            cache: A `companion.language.kv_cache_keras.LayerCache`: its tokens stand before these,
                which it receives.
            weights: Whether to return the attention weights too.

        Returns:
            What was gathered, (B, T, E), and the weights, (B, A, T, S), or None.

        Raises:
            TypeError: If the mask is not boolean.
            ValueError: If a shape is another, or the cache is full.
        """
        width_of("tokens", tokens.shape, self.width)
        parts = _split(self.project(tokens), 3 * self.heads)  # (B, 3A, T, D)
        q, k, v = ops.split(parts, 3, axis=1)  # (B, A, T, D)
        if cache is not None:
            k, v = ops.unstack(cache.append(ops.stack([k, v])), 2)  # (B, A, S, D)
        found, shares = attend(q, k, v, attention_mask, causal=self.causal, weights=weights)
        return self.mix(_join(found)), shares


class CrossAttention(keras.layers.Layer):
    """Tokens of one sequence look at another one, the source; built when made.

    Args:
        width: Numbers per token, E, a multiple of `heads`.
        heads: How many, A; they share the width.

    Raises:
        ValueError: If a size is no such integer.
    """

    def __init__(self, width, heads):
        super().__init__()
        self.width, self.heads = width, _heads(width, heads)
        self.query = _dense(width, width)
        self.project = _dense(width, 2 * width)  # k and v of the source
        self.mix = _dense(width, width)
        self.built = True

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
        k, v = ops.split(_split(self.project(source), 2 * self.heads), 2, axis=1)
        return k, v

    def call(self, tokens, source=None, attention_mask=None, offered=None, weights=False):
        """Return what the tokens gather from the source.

        Args:
            tokens: Shape (B, T, E).
            source: Shape (B, S, E).
            attention_mask: Boolean, True where attention may go; see the twin for its shape.
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


def _dense(inputs, outputs):
    bound = inputs**-0.5
    start = keras.initializers.RandomUniform(-bound, bound)
    layer = keras.layers.Dense(outputs, kernel_initializer=start)
    layer.build((None, None, inputs))
    return layer


def _split(tokens, heads):
    """Give each head its part: (B, T, E) to (B, A, T, D)."""
    batch, length = ops.shape(tokens)[:2]
    parts = ops.reshape(tokens, (batch, length, heads, tokens.shape[-1] // heads))
    return ops.transpose(parts, (0, 2, 1, 3))


def _join(tokens):
    """Put the heads side by side: (B, A, T, D) to (B, T, E)."""
    batch, heads, length = ops.shape(tokens)[:3]
    moved = ops.transpose(tokens, (0, 2, 1, 3))
    return ops.reshape(moved, (batch, length, heads * tokens.shape[-1]))
