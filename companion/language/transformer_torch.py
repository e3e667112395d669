"""The encoder-decoder Transformer in PyTorch; its twin is `companion.language.transformer_keras`.

Vaswani et al. (2017), *Attention is all you need*, NeurIPS, arXiv:1706.03762, section 3 and figure
1. Layers are the subject of `companion.language.transformer_layers_torch`. The encoder's tokens
look at each other; the decoder's look at those before them, then at the encoder's.

Shapes: B sentence pairs in a batch, S tokens of the source, T of the target, E numbers per token, A
heads, V tokens of the target language.

What differs from the paper: embeddings and the last layer have weights of their own, because the
two languages share no tokens. Label smoothing is a matter of the loss.
"""

import torch
from torch import nn

from companion.checks import natural
from companion.language.kv_cache_torch import KVCache
from companion.language.positions import sinusoids
from companion.language.tokens_torch import check_tokens, lengths, same_batch
from companion.language.transformer_layers_torch import DecoderLayer, EncoderLayer
from companion.text.padding import END, PADDING, START

__all__ = ["Transformer"]


class Transformer(nn.Module):
    """An encoder and a decoder.

    Args:
        config: A `companion.language.sequence_config.TransformerConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.source = nn.Embedding(config.source, config.width)
        self.target = nn.Embedding(config.target, config.width)
        places = torch.from_numpy(sinusoids(config.context, config.width))
        self.register_buffer("places", places, persistent=False)  # (context, E)
        self.encoder = nn.ModuleList(EncoderLayer(config) for _ in range(config.layers))
        self.decoder = nn.ModuleList(DecoderLayer(config) for _ in range(config.layers))
        last = range(2 if config.norm_first else 0)  # of the encoder and of the decoder
        self.last = nn.ModuleList(nn.LayerNorm(config.width) for _ in last)
        self.head = nn.Linear(config.width, config.target)
        self.dropout = nn.Dropout(config.dropout)
        _start(self)

    def encode(self, source):
        """Read sentences.

        Args:
            source: Token ids, integers of shape (B, S); padding, 0, stands at the end.

        Returns:
            A tuple: the encoder's tokens, (B, S, E); where they are none of padding, booleans
            (B, 1, S); and what they offer to each layer of the decoder, a list of keys and values.

        Raises:
            TypeError: If the ids are no integers.
            ValueError: If the shape is another, an id is not in the vocabulary, a sentence is
                empty or too long, or padding stands in front of a token.
        """
        check_tokens("source", source, self.config.source, self.config.context)
        lengths("source", source)
        mask = (source != PADDING)[:, None]  # (B, 1, S)
        tokens = self._embed(self.source, source, 0)
        for layer in self.encoder:
            tokens = layer(tokens, attention_mask=mask)  # (B, S, E)
        tokens = self.last[0](tokens) if self.last else tokens
        return tokens, mask, [layer.cross.keys_values(tokens) for layer in self.decoder]

    def decode(self, target, read, cache=None, weights=False):
        """Go on writing.

        Args:
            target: Token ids, integers of shape (B, T): what is known of the translations, or what
                comes behind the tokens in the cache.
            read: What `encode` returned.
            cache: A `companion.language.kv_cache_torch.KVCache` with one layer per decoder layer.
            weights: Whether to return the alignment too.

        Returns:
            Logits of the tokens that come next, (B, T, V); and the alignment, (B, T, S), the mean
            of the heads of the last layer, or None.

        Raises:
            TypeError: If the ids are no integers.
            ValueError: If a shape is another, an id is not in the vocabulary, or the target with
                what is in the cache is too long.
        """
        states, mask, offered = read
        past = 0 if cache is None else cache.length
        check_tokens("target", target, self.config.target, self.config.context, past)
        same_batch(states, target)
        tokens, shares = self._embed(self.target, target, past), None
        caches = [None] * len(self.decoder) if cache is None else cache.layers
        for layer, pair, own in zip(self.decoder, offered, caches, strict=True):
            tokens, shares = layer(
                tokens, attention_mask=mask, offered=pair, cache=own, weights=weights
            )  # (B, T, E)
        tokens = self.last[1](tokens) if self.last else tokens
        return self.head(tokens), shares.mean(dim=1) if weights else None

    def _embed(self, table, tokens, past):
        """Return the vectors of tokens, times √E, with their places: (B, T, E)."""
        vectors = table(tokens) * self.config.width**0.5  # section 3.4
        return self.dropout(vectors + self.places[past : past + tokens.shape[1]])

    def align(self, source, target):
        """Return the logits, as `forward` does, and the alignment, (B, T, S)."""
        return self.decode(target, self.encode(source), weights=True)

    def forward(self, source, target=None):
        """Return the logits of the next token behind each token of the target.

        Args:
            source: Token ids, integers of shape (B, S); padding, 0, stands at the end. Or the pair
                of both arguments, which is how trainers pass them.
            target: Token ids, integers of shape (B, T), the first of each row the start, 1.

        Returns:
            Logits, shape (B, T, V).

        Raises:
            TypeError: If the ids are no integers.
            ValueError: If a shape is another, an id is not in the vocabulary, a sentence is empty
                or too long, or padding stands in front of a token.
        """
        if target is None:
            source, target = source
        return self.decode(target, self.encode(source))[0]

    @torch.no_grad()
    def translate(self, source, longest, cached=True):
        """Write the likeliest next token, again and again, until the end of each sentence.

        Call `eval` before, or dropout disturbs it.

        Args:
            source: Token ids, integers of shape (B, S).
            longest: After how many tokens to stop at the latest, from 1 to the context.
            cached: Whether to keep keys and values of what is written; without, they are computed
                anew at each step, for the same result.

        Returns:
            Token ids, int64, shape (B, T) with T at most `longest`: without the start, with the
            end, 2, where there is one, and padding, 0, behind it.

        Raises:
            TypeError: As `forward`.
            ValueError: As `forward`, or if `longest` is no such integer.
        """
        if natural("longest", longest, 1) > self.config.context:
            raise ValueError(f"longest is {longest}; expected at most {self.config.context}")
        read = self.encode(source)
        cache = KVCache(self.config.layers, longest) if cached else None
        written = torch.full((len(source), 1), START, device=source.device)
        done = torch.zeros_like(written, dtype=torch.bool)
        while written.shape[1] <= longest and not done.all():
            logits, _ = self.decode(written[:, -1:] if cached else written, read, cache)
            token = logits[:, -1:, END:].argmax(dim=-1) + END  # neither padding nor start
            token = token.masked_fill(done, PADDING)  # (B, 1)
            done = done | (token == END)
            written = torch.cat([written, token], dim=1)
        return written[:, 1:]


def _start(model):
    """Draw the first weights that PyTorch would draw otherwise."""
    for table in (model.source, model.target):
        nn.init.normal_(table.weight, std=model.config.width**-0.5)
    layers = [
        part for layer in (*model.encoder, *model.decoder) for part in (layer.widen, layer.narrow)
    ]
    for linear in (model.head, *layers):
        nn.init.xavier_uniform_(linear.weight)
        nn.init.zeros_(linear.bias)
