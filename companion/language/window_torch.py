"""A language model with a fixed window, and its training to the best validation loss.

Bengio, Ducharme, Vincent and Jauvin (2003), *A Neural Probabilistic Language Model*, JMLR 3,
pages 1137 to 1155: the last tokens become vectors, the vectors stand side by side, one hidden
layer reads them, and its units give a score to every token that could come next.

Shapes: B windows in a batch, W tokens in a window, E numbers per token, H hidden units, V tokens
in the vocabulary.

What differs from the paper: characters take the place of words, and nothing leads from the vectors
straight to the scores (the paper tries both). It is the instrument of one measurement, the table
`companion/data/scaling.csv`, so it exists in PyTorch only.
"""

import copy
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from companion.checks import natural

__all__ = ["Training", "WindowLM", "grade", "train_to_best", "windows"]

_AVERAGE = 0.99  # the share of the running mean of the weights that one step keeps
_GAIN = 0.001  # nats: a smaller gain does not count as one
_CHUNK = 4096  # windows that are graded at once


class WindowLM(nn.Module):
    """Scores for the next token, from the last W tokens.

    Args:
        config: A `companion.language.config.WindowConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, config.embedding)
        nn.init.normal_(self.embedding.weight, std=0.5)
        self.hidden = nn.Linear(config.window * config.embedding, config.width)
        self.head = nn.Linear(config.width, config.vocabulary)

    def forward(self, tokens):
        """Return logits (B, V) for tokens (B, W).

        Raises:
            ValueError: If the windows have another length.
        """
        if tokens.ndim != 2 or tokens.shape[1] != self.config.window:
            raise ValueError(
                f"the tokens have shape {tuple(tokens.shape)}; expected (B, {self.config.window})"
            )
        vectors = self.embedding(tokens).flatten(1)  # (B, W·E)
        return self.head(torch.tanh(self.hidden(vectors)))  # (B, V)


@dataclass(frozen=True)
class Training:
    """What a training took.

    Attributes:
        loss: The best validation loss, in nats per token.
        passes: How often the model saw the training text until then.
    """

    loss: float
    passes: float


def windows(codes, window):
    """Cut codes into all windows and what follows each: views (n - W, W) and (n - W,).

    Raises:
        ValueError: If there is not one window with a successor.
    """
    codes = torch.as_tensor(codes)
    if codes.ndim != 1 or len(codes) <= window:
        raise ValueError(
            f"the codes have shape {tuple(codes.shape)}; expected (n,) with n above {window}"
        )
    rows = codes.unfold(0, window + 1, 1)  # (n - W, W + 1)
    return rows[:, :window], rows[:, window]


def grade(model, codes):
    """Grade a model on every character of a text but the first W.

    Args:
        model: A WindowLM, left as it is.
        codes: Of the text, integers of shape (n,).

    Returns:
        losses: −ln of the probability that it gave the character, float32, shape (n - W,).
        hits: Whether it was the likeliest one, bool, shape (n - W,).

    Raises:
        ValueError: As `windows`.
    """
    inputs, targets = windows(codes, model.config.window)
    losses, hits = [], []
    with torch.no_grad():
        for x, y in zip(inputs.split(_CHUNK), targets.split(_CHUNK), strict=True):
            logits = model(x)  # (B, V)
            losses.append(F.cross_entropy(logits, y, reduction="none"))
            hits.append(logits.argmax(1) == y)
    return torch.cat(losses).numpy(), torch.cat(hits).numpy()


def train_to_best(model, train, validation, *, seed, batch_size=256, max_passes=100, patience=5):
    """Train until the validation loss stops falling, and leave the best weights in the model.

    AdamW with the learning rate 0.01 / √H, constant; what is graded, and kept, is the running mean
    of the weights, which spares a schedule. Batches are drawn with replacement.

    Args:
        model: A WindowLM, on the CPU.
        train: Codes of the training text, shape (n,).
        validation: Codes of the validation text, shape (m,).
        seed: Of the batches, at least 0.
        batch_size: Windows per step.
        max_passes: When to stop at the latest.
        patience: Gradings without a gain before it stops; there are two in a pass, but never
            more than one in 50 steps.

    Returns:
        A Training.

    Raises:
        ValueError: If a number is no integer or too small, or a text is too short.
    """
    generator = torch.Generator().manual_seed(natural("seed", seed, 0))
    inputs, targets = windows(train, model.config.window)
    per_pass = len(inputs) / natural("batch_size", batch_size, 1)
    every = max(50, round(per_pass / 2))
    mean, best = copy.deepcopy(model), copy.deepcopy(model.state_dict())
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01 / model.config.width**0.5)
    lowest, waited, found = float("inf"), 0, 0
    for step in range(1, max(every, round(natural("max_passes", max_passes, 1) * per_pass)) + 1):
        rows = torch.randint(len(inputs), (batch_size,), generator=generator)
        loss = F.cross_entropy(model(inputs[rows]), targets[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        _follow(mean, model, min(_AVERAGE, step / (step + 10)))
        if step % every:
            continue
        now, waited = float(grade(mean, validation)[0].mean()), waited + 1
        if now < lowest - _GAIN:
            lowest, waited, found, best = now, 0, step, copy.deepcopy(mean.state_dict())
        if waited >= patience:
            break
    model.load_state_dict(best)
    return Training(loss=lowest, passes=found / per_pass)


def _follow(mean, model, keep):
    """Move the running mean of the weights a little towards the weights."""
    with torch.no_grad():
        torch._foreach_lerp_(list(mean.parameters()), list(model.parameters()), 1 - keep)
