"""GPT in PyTorch; its twin is `companion.language.gpt_keras`.

Radford, Narasimhan, Salimans and Sutskever (2018), *Improving language understanding by generative
pre-training*, and, for this order of the parts, Radford et al. (2019), *Language models are
unsupervised multitask learners*, section 2.3 (GPT-2). A token sees itself and the tokens before it,
and is asked for the next one:

    h_0 = U W_e + W_p
    h′_l = MHA(LN(h_{l-1})) + h_{l-1}        h_l = MLP(LN(h′_l)) + h′_l        (pre-norm)
    P(u) = softmax(LN(h_L) W_eᵀ)                                               (tied head)

Shapes: B texts in a batch, T tokens, E numbers per token, A heads, S tokens with those in the
cache, V tokens in the vocabulary.

What differs from GPT-2: dropout acts behind the embedding and each branch, not on attention
weights. Weights start from a normal distribution of deviation 0.02, those that end a branch from
0.02/√(2L), biases from 0. GELU is GPT-2's approximation by tanh. With the same weights the logits
are those of `transformers.GPT2LMHeadModel`.
"""

import torch
from torch import nn
from torch.nn import functional as F

from companion.language.attention_torch import SelfAttention
from companion.language.tokens_torch import check_tokens

__all__ = ["GPT"]


class Block(nn.Module):
    """Attention, then a feed-forward network, each on normalised tokens and added to them.

    Args:
        config: A `companion.language.config.GPTConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.width, eps=1e-5)
        self.attention = SelfAttention(config.width, config.heads, causal=True)
        self.feed_forward_norm = nn.LayerNorm(config.width, eps=1e-5)
        self.widen = nn.Linear(config.width, config.feed_forward)
        self.narrow = nn.Linear(config.feed_forward, config.width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, tokens, cache=None, weights=False):
        """Return the tokens h_l, (B, T, E), and the attention weights, (B, A, T, S), or None."""
        gathered, shares = self.attention(self.attention_norm(tokens), cache=cache, weights=weights)
        tokens = tokens + self.dropout(gathered)  # (B, T, E)
        hidden = self.widen(self.feed_forward_norm(tokens))  # (B, T, feed_forward)
        hidden = self.narrow(F.gelu(hidden, approximate="tanh"))  # (B, T, E)
        return tokens + self.dropout(hidden), shares


class GPT(nn.Module):
    """A causal language model: logits for the next token at each place.

    Args:
        config: A `companion.language.config.GPTConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, config.width)
        self.positions = nn.Parameter(torch.empty(config.context, config.width))
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width, eps=1e-5)
        _start(self)

    def encode(self, tokens, cache=None, weights=False):
        """Return what the model makes of each token, before the logits.

        Args:
            tokens: Ids, integers, shape (B, T).
            cache: A `companion.language.kv_cache_torch.KVCache`: its tokens come before these,
                which it receives.
            weights: Whether to return the attention weights too.

        Returns:
            Normalised vectors, (B, T, E), and a list with the attention weights of each block,
            (B, A, T, S), the share of each token in what another one gathers; or of None.

        Raises:
            TypeError: If the ids are no integers.
            ValueError: If the shape is another, a token is not in the vocabulary, the text is
                longer than the context, or the cache is of another model.
        """
        past = 0 if cache is None else cache.length
        check_tokens("tokens", tokens, self.config.vocabulary, self.config.context, past)
        if cache is not None and len(cache.layers) != len(self.blocks):
            raise ValueError(
                f"the cache is for {len(cache.layers)} layers; expected {len(self.blocks)}"
            )
        end = past + tokens.shape[1]
        hidden = self.dropout(self.embedding(tokens) + self.positions[past:end])  # (B, T, E)
        found = []
        for index, block in enumerate(self.blocks):
            layer_cache = None if cache is None else cache.layers[index]
            hidden, shares = block(hidden, layer_cache, weights)
            found.append(shares)
        return self.norm(hidden), found

    def head(self, hidden):
        """Return logits, (…, V), for what `encode` returned, (…, E)."""
        return F.linear(hidden, self.embedding.weight)

    def forward(self, tokens, cache=None):
        """Return the logits.

        Args:
            tokens: Ids, integers, shape (B, T).
            cache: A `companion.language.kv_cache_torch.KVCache`: its tokens come before these,
                which it receives.

        Returns:
            Logits, shape (B, T, V): at each place for the token that comes next.

        Raises:
            TypeError: As `encode`.
            ValueError: As `encode`.
        """
        return self.head(self.encode(tokens, cache)[0])  # (B, T, V)


def _start(model):
    """Draw the first weights."""
    nn.init.normal_(model.positions, std=0.02)
    for layer in model.modules():
        if isinstance(layer, nn.Linear | nn.Embedding):
            nn.init.normal_(layer.weight, std=0.02)
        if isinstance(layer, nn.Linear):
            nn.init.zeros_(layer.bias)
    for block in model.blocks:
        for layer in (block.attention.mix, block.narrow):  # 2L branches add up
            nn.init.normal_(layer.weight, std=0.02 / (2 * len(model.blocks)) ** 0.5)
