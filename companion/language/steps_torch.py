"""Decoding token by token in PyTorch, with all prepared that no token changes.

One token is so little work for a small model that the calls decide: a step of `GPT.forward` spends
half of its time in the machinery around the arithmetic. Here the arithmetic of
`companion.language.gpt_torch` stands bare, the matrices transposed beforehand to (inputs, outputs),
which a product with few rows reads faster. The numbers are the same; a test compares them.

Shapes: B texts in a batch, E numbers per token, A heads of D numbers, S tokens in the
cache, V tokens in the vocabulary.
"""

import torch
from torch import nn
from torch.nn import functional as F

__all__ = ["Steps"]


class Steps:
    """The steps of a GPT after its prompt.

    Args:
        model: A GPT; its weights are copied, so changes after this are not seen.
        cache: A `companion.language.kv_cache_torch.KVCache` that has read the prompt. It receives
            the tokens.
    """

    def __init__(self, model, cache):
        self._cache, self._heads = cache, model.config.heads
        self._table, self._positions = model.embedding.weight, model.positions
        self._norm = model.norm.weight, model.norm.bias
        self._blocks = [self._prepared(block) for block in model.blocks]
        self._head = model.embedding.weight.t().contiguous()

    @staticmethod
    def possible(model):
        """Whether each layer is a plain one, and not wrapped as for low-rank adaptation."""
        plain = {nn.Linear: 4, nn.LayerNorm: 2}
        return all(
            sum(type(layer) is kind for layer in block.modules()) == count
            for block in model.blocks
            for kind, count in plain.items()
        )

    @staticmethod
    def _prepared(block):
        attention, heads = block.attention, block.attention.heads
        norms = (block.attention_norm, block.feed_forward_norm)
        linear = (attention.mix, block.widen, block.narrow)
        bias = attention.project.bias.unflatten(0, (3, 1, -1)).clone()  # (3, 1, E): q, k, v
        weight = attention.project.weight.unflatten(0, (3, -1)).mT  # (3, E, E)
        weight = weight.clone(memory_format=torch.contiguous_format)
        for part in (bias, weight):
            part[0] /= (weight.shape[1] // heads) ** 0.5  # √D of equation 1, once and for all
        return (
            *((norm.weight, norm.bias) for norm in norms),
            (bias, weight),
            *((layer.bias, layer.weight.t().contiguous()) for layer in linear),
        )

    @torch.inference_mode()
    def read(self, tokens):
        """Return the logits after one more token of each text, from NumPy to NumPy.

        Args:
            tokens: Ids, int64, shape (B, 1).

        Returns:
            Logits, float32, (B, V).
        """
        tokens = torch.as_tensor(tokens, device=self._table.device)
        return self.logits(tokens).float().cpu().numpy()

    def logits(self, tokens):
        """Return the logits after one more token of each text.

        Args:
            tokens: Ids, int64, shape (B, 1).

        Returns:
            Logits, (B, V).
        """
        batch, width, heads = len(tokens), self._table.shape[1], self._heads
        shape, flat, split = (width,), (batch * heads, 1, -1), (3, batch, heads, 1, -1)
        hidden = F.embedding(tokens[:, 0], self._table) + self._positions[self._cache.length]
        for block, cache in zip(self._blocks, self._cache.layers, strict=True):
            first, second, project, mix, widen, narrow = block
            normed = torch.layer_norm(hidden, shape, *first, 1e-5).expand(3, batch, width)
            parts = torch.baddbmm(project[0], normed, project[1])  # (3, B, E)
            k, v = cache.append(parts.view(split)[1:]).flatten(1, 2)  # (B·A, S, D)
            # For one query, these products are faster than the fused kernel.
            shares = torch.softmax(torch.bmm(parts[0].view(flat), k.mT), dim=2)  # (B·A, 1, S)
            found = torch.bmm(shares, v)  # (B·A, 1, D)
            hidden.addmm_(found.view(batch, width), mix[1]).add_(mix[0])
            normed = torch.layer_norm(hidden, shape, *second, 1e-5)
            wide = F.gelu(normed.mm(widen[1]).add_(widen[0]), approximate="tanh")
            hidden.addmm_(wide, narrow[1]).add_(narrow[0])
        return torch.layer_norm(hidden, shape, *self._norm, 1e-5) @ self._head  # (B, V)
