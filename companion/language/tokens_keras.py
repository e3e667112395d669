"""Batches of token ids in Keras: checks, lengths; the twin is `companion.language.tokens_torch`.

B sequences in a batch, T tokens in each. Padding stands behind the tokens of a sequence. What the
tokens are can only be checked where they are known: not while Keras traces a model for `fit`.
"""

import math

import keras
import numpy as np
from keras import ops

from companion.language.token_checks import id_range, token_batch
from companion.text.padding import PADDING

__all__ = ["check_tokens", "lengths", "same_batch"]


def check_tokens(name, tokens, vocabulary, longest=math.inf, past=0):
    """Require a batch of token ids.

    Args:
        name: What it is called in the message, such as "tokens".
        tokens: Integers, shape (B, T).
        vocabulary: Different ids that there are.
        longest: How many tokens the model can see.
        past: How many of these are in a cache already.

    Raises:
        TypeError: If the ids are no integers.
        ValueError: If the shape is another, or an id is not in the vocabulary.
    """
    token_batch(name, tokens.shape, keras.backend.standardize_dtype(tokens.dtype), longest, past)
    known = _known(tokens)
    if known is not None:
        id_range(name, known.min(), known.max(), vocabulary)


def lengths(name, tokens):
    """Return how many tokens each sequence has in front of its padding.

    Args:
        name: What the batch is called in the message.
        tokens: Token ids, shape (B, T).

    Returns:
        Int32, shape (B,).

    Raises:
        ValueError: If a sequence is empty, or has a token behind its padding.
    """
    known = _known(tokens)
    if known is not None:
        real = known != PADDING  # (B, T)
        if not real[:, 0].all():
            raise ValueError(
                f"row {real[:, 0].argmin()} of the {name} starts with padding, {PADDING}; expected "
                "at least one token in each sequence, and the padding behind them"
            )
        late = (real[:, 1:] > real[:, :-1]).any(axis=1)
        if late.any():
            raise ValueError(
                f"row {late.argmax()} of the {name} has a token behind its padding, {PADDING}; "
                "expected the padding at the end"
            )
    return ops.sum(ops.cast(ops.not_equal(tokens, PADDING), "int32"), axis=1)


def same_batch(source, target):
    """Require as many sequences to write as to read.

    Raises:
        ValueError: If the numbers differ.
    """
    sizes = source.shape[0], target.shape[0]
    if None not in sizes and sizes[0] != sizes[1]:
        raise ValueError(
            f"the source has {sizes[0]} sequences and the target {sizes[1]}; expected as many"
        )


def _known(tokens):
    """Return tokens as an array, or None while there are only symbols."""
    is_known = isinstance(tokens, np.ndarray) or hasattr(tokens, "numpy")
    return np.asarray(tokens) if is_known else None
