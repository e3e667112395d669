"""The key-value cache in PyTorch; its twin is `companion.language.kv_cache_keras`.

A causal model computes the keys and values of a token once: no later token changes them. While a
text is written token by token, the cache keeps them, so that each step computes one token and not
the whole text again. The room is allocated whole at the first step, and nothing is copied but
what is new. The cache belongs to a text, not to the model.

Shapes: B sequences in a batch, A heads of D numbers, S tokens so far, T new ones.
"""

import torch

from companion.checks import natural

__all__ = ["KVCache", "LayerCache"]


class LayerCache:
    """Keys and values of one attention layer.

    Args:
        capacity: For how many tokens, at least 1.

    Attributes:
        capacity: The same.
        length: Tokens in the cache, S.

    Raises:
        ValueError: If the capacity is no such integer.
    """

    def __init__(self, capacity):
        self.capacity = natural("capacity", capacity, 1)
        self.length = 0
        self._kept = None  # (2, B, A, capacity, D) from the first tokens on

    def append(self, offered):
        """Add new tokens and return all.

        Args:
            offered: Their keys and, behind them, their values, shape (2, B, A, T, D).

        Returns:
            The same of all tokens, (2, B, A, S, D): a view, valid until `reorder`.

        Raises:
            ValueError: If there is no room left, or the batch is another than before.
        """
        _, batch, heads, new, size = offered.shape
        end = self.length + new
        if end > self.capacity:
            raise ValueError(
                f"the cache holds {self.length} tokens and shall take {new} more; "
                f"expected at most {self.capacity} in all"
            )
        if self._kept is None:
            self._kept = offered.new_empty(2, batch, heads, self.capacity, size)
        if batch != self._kept.shape[1]:
            raise ValueError(
                f"a batch of {batch} comes to a cache of {self._kept.shape[1]} sequences; "
                "expected the same number"
            )
        self._kept[:, :, :, self.length : end] = offered
        self.length = end
        return self._kept[:, :, :, :end]

    def reorder(self, rows):
        """Keep these sequences, in this order; one may be kept several times.

        Args:
            rows: Indices into the batch, shape (B′,).
        """
        if self._kept is not None:
            self._kept = self._kept[:, torch.as_tensor(rows, device=self._kept.device)]


class KVCache:
    """One cache for each layer of a model.

    Args:
        layers: How many attention layers the model has, at least 1.
        capacity: For how many tokens, at least 1; no more than the context of the model are used.

    Attributes:
        layers: A list of `LayerCache`.

    Raises:
        ValueError: If a number is no such integer.
    """

    def __init__(self, layers, capacity):
        self.layers = [LayerCache(capacity) for _ in range(natural("layers", layers, 1))]

    @property
    def length(self):
        """Tokens in the cache."""
        return self.layers[-1].length

    def reorder(self, rows):
        """Keep these sequences, in this order, as beam search needs it.

        Args:
            rows: Indices into the batch, shape (B′,).
        """
        for layer in self.layers:
            layer.reorder(rows)
