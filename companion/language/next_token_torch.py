"""Next-token prediction: windows of a text to train on, the loss, and a fair measurement.

A long text is one sequence of token ids. Training takes windows of C + 1 tokens at random places:
the first C are what the model reads, the last C what it should have said. Measuring goes through a
text in order, so that every token is predicted once, with at least half a window before it (the
beginning of the text apart).

Shapes: B windows in a batch, C tokens in a context, n tokens in a text, V in the vocabulary.
"""

import math

import numpy as np
import torch
from torch.nn import functional as F

from companion.checks import natural

__all__ = ["next_token_loss", "surprises", "windows"]


def windows(tokens, context, batch_size, seed=0):
    """Return a function batch_at(step) for `companion.training.trainer_torch.fit`.

    Args:
        tokens: The ids of a text, integers, shape (n,).
        context: Tokens of a window that the model reads, C, at least 1 and less than n.
        batch_size: Windows of a batch, B, at least 1.
        seed: Of the places, at least 0; a step has the same ones in each run.

    Returns:
        batch_at: It returns inputs and targets, both int64, (B, C).

    Raises:
        ValueError: If an argument is none of these.
    """
    context, batch_size = natural("context", context, 1), natural("batch_size", batch_size, 1)
    seed, tokens = natural("seed", seed, 0), torch.as_tensor(np.asarray(tokens))
    if tokens.ndim != 1 or len(tokens) <= context:
        raise ValueError(
            f"tokens have shape {tuple(tokens.shape)}; expected one row of more than {context}"
        )

    def batch_at(step):
        starts = np.random.default_rng((seed, step)).integers(
            len(tokens) - context, size=(batch_size, 1)
        )
        found = tokens[torch.from_numpy(starts + np.arange(context + 1))]  # (B, C + 1)
        return found[:, :-1], found[:, 1:]

    return batch_at


def next_token_loss(logits, targets):
    """Return the mean cross-entropy in nats: logits (B, C, V), targets (B, C)."""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


@torch.no_grad()
def surprises(model, tokens, batch_size=64):
    """Return how surprised a model is by each token of a text but the first, in bits.

    Windows overlap by half: of each but the first only the second half counts.

    Args:
        model: A GPT in evaluation mode, with `config.context` of at least 2.
        tokens: The ids of a text, integers, shape (n,), n at least 2.
        batch_size: Windows that are read at once.

    Returns:
        Surprises -log2 q, float64, shape (n - 1,).

    Raises:
        ValueError: If the text has another shape.
    """
    tokens = torch.as_tensor(np.asarray(tokens), device=next(model.parameters()).device)
    if tokens.ndim != 1 or len(tokens) < 2:
        raise ValueError(f"tokens have shape {tuple(tokens.shape)}; expected at least 2 in a row")
    context = min(model.config.context, len(tokens) - 1)
    step = max(context // 2, 1)
    last = len(tokens) - 1 - context  # where the last window begins
    starts = torch.tensor([*range(0, last, step), last], device=tokens.device)
    place = torch.arange(context + 1, device=tokens.device)
    found = torch.empty(len(tokens) - 1, dtype=torch.float64)
    for part in reversed(starts.split(batch_size)):
        batch = tokens[part[:, None] + place]  # (B, C + 1)
        logits = model(batch[:, :-1]).float()
        bits = F.cross_entropy(logits.mT, batch[:, 1:], reduction="none") / math.log(2)
        for start, row in zip(reversed(part.tolist()), reversed(bits.cpu()), strict=True):
            # Later windows came first: an earlier one, which saw more before, replaces its part.
            found[start : start + context] = row.double()
    return found.numpy()
