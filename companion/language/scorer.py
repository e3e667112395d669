"""A scorer: a GPT of either framework that has read some texts, seen from NumPy.

`companion.language.sampling` and its beam search ask it for the logits of the next token, tell it
which one was chosen, and so on. It hides the framework and the key-value cache.

Shapes: B texts in a batch, T tokens, V tokens in the vocabulary.
"""

from contextlib import contextmanager

import numpy as np

from companion.checks import natural
from companion.layouts import framework

__all__ = ["Scorer", "evaluating"]


class Scorer:
    """A GPT, and the texts that it has read so far.

    Args:
        model: A GPT of either framework.
        capacity: Up to how many tokens the texts will grow.
        cached: Whether keys and values are kept, so that each token is read once; or everything
            is read again for each new one, which gives the same and takes longer.

    Raises:
        ValueError: If the capacity is larger than the model's context.
        TypeError: If the model is of neither framework.
    """

    def __init__(self, model, capacity, *, cached=True):
        if natural("capacity", capacity, 1) > model.config.context:
            raise ValueError(
                f"the texts grow to {capacity} tokens; expected at most {model.config.context}, "
                "the context of the model"
            )
        self._model, self._in_torch = model, framework(model) == "torch"
        self._cache = self._tokens = self._steps = None
        if cached and self._in_torch:
            from companion.language.kv_cache_torch import KVCache

            self._cache = KVCache(model.config.layers, capacity)
        elif cached:
            from companion.language.kv_cache_keras import KVCache

            self._cache = KVCache(model.config.layers, capacity)

    def logits(self, tokens):
        """Read tokens and return the logits for what follows.

        Args:
            tokens: Integers, (B, T): what was added to each text since the last call.

        Returns:
            Floating point, shape (B, V).
        """
        if self._steps is not None and tokens.shape[1] == 1:
            return self._steps.read(tokens)
        if self._cache is None:
            before = [] if self._tokens is None else [self._tokens]
            self._tokens = tokens = np.concatenate([*before, tokens], axis=1)
        if self._in_torch:
            return self._read_in_torch(tokens)
        hidden, _ = self._model.encode(tokens, self._cache)
        return np.asarray(self._model.head(hidden[:, -1]))

    def _read_in_torch(self, tokens):
        import torch

        from companion.language.steps_torch import Steps

        model, cache = self._model, self._cache
        with torch.inference_mode():
            hidden, _ = model.encode(torch.as_tensor(tokens, device=model.positions.device), cache)
            if cache is not None and Steps.possible(model):
                self._steps = Steps(model, cache)
            return model.head(hidden[:, -1]).float().cpu().numpy()

    def reorder(self, rows):
        """Keep these texts, in this order; one may be kept several times.

        Args:
            rows: Indices into the batch, shape (B′,).
        """
        if self._cache is not None:
            self._cache.reorder(rows)
        elif self._tokens is not None:
            self._tokens = self._tokens[rows]


@contextmanager
def evaluating(model):
    """Switch dropout off in a model of torch; Keras does so itself outside of `fit`."""
    training = getattr(model, "training", False) is True
    if training:
        model.eval()
    try:
        yield
    finally:
        if training:
            model.train()
