"""Batches of token ids in PyTorch: checks, lengths; the twin is `companion.language.tokens_keras`.

B sequences in a batch, T tokens in each. Padding stands behind the tokens of a sequence.
"""

import math

import torch

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
    token_batch(name, tokens.shape, str(tokens.dtype).removeprefix("torch."), longest, past)
    if not torch.compiler.is_compiling():
        id_range(name, *map(int, torch.aminmax(tokens)), vocabulary)


def lengths(name, tokens):
    """Return how many tokens each sequence has in front of its padding.

    Args:
        name: What the batch is called in the message.
        tokens: Token ids, shape (B, T).

    Returns:
        Int64, shape (B,).

    Raises:
        ValueError: If a sequence is empty, or has a token behind its padding.
    """
    real = tokens != PADDING  # (B, T)
    found = real.sum(dim=1)  # (B,)
    if not torch.compiler.is_compiling():
        if not real[:, 0].all():
            row = int(real[:, 0].logical_not().nonzero()[0])
            raise ValueError(
                f"row {row} of the {name} starts with padding, {PADDING}; expected at least one "
                "token in each sequence, and the padding behind them"
            )
        if (real[:, 1:] > real[:, :-1]).any():
            row = int((real[:, 1:] > real[:, :-1]).any(dim=1).nonzero()[0])
            raise ValueError(
                f"row {row} of the {name} has a token behind its padding, {PADDING}; "
                "expected the padding at the end"
            )
    return found


def same_batch(source, target):
    """Require as many sequences to write as to read.

    Raises:
        ValueError: If the numbers differ.
    """
    if len(source) != len(target):
        raise ValueError(
            f"the source has {len(source)} sequences and the target {len(target)}; expected as many"
        )
