"""Masked language modelling: batches with hidden tokens, the loss, and a fair measurement.

Devlin, Chang, Lee and Toutanova (2019), arXiv:1810.04805, section 3.1, task 1: a share of the
tokens is asked for. Of these, 80 % are replaced by the mask, 10 % by any other ordinary token, and
10 % stay, because texts that the model meets later have no masks. The share is 15 % there; it is an
argument here.

Shapes: B windows in a batch, C tokens in each, the first of them the class token; n tokens in a
text, V in the vocabulary. Ordinary tokens have the ids 0 to `ordinary` - 1, special ones follow.
"""

import numpy as np
import torch
from torch.nn import functional as F

from companion.checks import natural, number

__all__ = ["NOTHING", "hide", "masked_accuracy", "masked_loss", "masked_windows"]

NOTHING = -100  # the target of a token that is not asked for; `cross_entropy` leaves it out


def hide(tokens, mask, ordinary, share, rng):
    """Hide some tokens of a batch.

    Args:
        tokens: Ids, integers of NumPy, shape (B, C); special ones are never asked for.
        mask: The id that replaces a hidden token.
        ordinary: How many ordinary ids there are, at least 2.
        share: Which share of the ordinary tokens is asked for, above 0 and at most 1.
        rng: A generator of NumPy.

    Returns:
        inputs: Int64, (B, C), what the model reads.
        targets: Int64, (B, C), the tokens that are asked for, and -100 elsewhere.

    Raises:
        ValueError: If a number is none of these.
    """
    ordinary, share = natural("ordinary", ordinary, 2), number("share", share, 1e-6, 1)
    tokens = np.asarray(tokens, np.int64)
    asked = (rng.random(tokens.shape) < share) & (tokens < ordinary)
    targets = np.where(asked, tokens, NOTHING)
    fate = rng.random(tokens.shape)
    other = (tokens + rng.integers(1, ordinary, size=tokens.shape)) % ordinary  # not the same
    inputs = np.where(asked & (fate < 0.8), mask, tokens)
    return np.where(asked & (fate >= 0.9), other, inputs), targets


def masked_windows(tokens, context, batch_size, *, first, mask, ordinary, share=0.15, seed=0):
    """Return a function batch_at(step) for `companion.training.trainer_torch.fit`.

    Args:
        tokens: The ids of a text, integers, shape (n,).
        context: Tokens of a window, C, at least 2; the text fills all but the first place.
        batch_size: Windows of a batch, B, at least 1.
        first: The id of the class token, which stands at the first place.
        mask: As in `hide`.
        ordinary: As in `hide`.
        share: As in `hide`.
        seed: Of places and masks, at least 0; a step has the same ones in each run.

    Returns:
        batch_at: It returns inputs and targets, both int64 tensors, (B, C).

    Raises:
        ValueError: If an argument is none of these.
    """
    context, batch_size = natural("context", context, 2), natural("batch_size", batch_size, 1)
    seed, tokens = natural("seed", seed, 0), np.asarray(tokens)
    if tokens.ndim != 1 or len(tokens) < context:
        raise ValueError(f"tokens have shape {tokens.shape}; expected one row of {context} or more")

    def batch_at(step):
        rng = np.random.default_rng((seed, step))
        starts = rng.integers(len(tokens) - context + 2, size=(batch_size, 1))
        rows = tokens[starts + np.arange(context - 1)]  # (B, C - 1)
        rows = np.concatenate([np.full((batch_size, 1), first), rows], axis=1)
        return tuple(map(torch.from_numpy, hide(rows, mask, ordinary, share, rng)))

    return batch_at


def masked_loss(logits, targets):
    """Return the mean cross-entropy in nats over the tokens that are asked for.

    Args:
        logits: Shape (B, C, V).
        targets: Int64, (B, C), with -100 where nothing is asked for.
    """
    return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), ignore_index=NOTHING)


@torch.no_grad()
def masked_accuracy(model, batches):
    """Return the share of the hidden tokens that a model guesses right.

    Args:
        model: A BERTMaskedLM in evaluation mode.
        batches: Pairs (inputs, targets) as batch_at returns them.

    Raises:
        ValueError: If nothing is asked for.
    """
    place, right, asked = next(model.parameters()).device, 0, 0
    for inputs, targets in batches:
        guesses = model(inputs.to(place)).argmax(dim=-1).cpu()
        right += int((guesses == targets).sum())
        asked += int((targets != NOTHING).sum())
    if not asked:
        raise ValueError("batches ask for no token; expected at least one")
    return right / asked
