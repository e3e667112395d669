"""BERT in PyTorch; its twin is `companion.language.bert_keras`.

Devlin, Chang, Lee and Toutanova (2019), *BERT: pre-training of deep bidirectional transformers for
language understanding*, NAACL, arXiv:1810.04805, section 3 and figure 2. Every token sees every
other one. A token's vector starts as the sum of three and passes through layers whose
normalisation comes last (post-norm):

    h_0 = LN(W_token + W_position + W_segment)
    h′_l = LN(h_{l-1} + MHA(h_{l-1}))        h_l = LN(h′_l + MLP(h′_l))

It is pretrained by guessing masked tokens (`BERTMaskedLM`, section 3.1, task 1) and fine-tuned on
what the first token gathered (`BERTClassifier`).

Shapes: B texts in a batch, T tokens, E numbers per token, A heads, V tokens in the vocabulary, O
classes.

What differs from the paper: dropout acts behind the embedding, each branch and before the classes,
not on attention weights; next-sentence prediction, task 2, is left out. Weights start from a normal
distribution of deviation 0.02, biases from 0. With the same weights the outputs are those of
`BertModel`, `BertForMaskedLM` and `BertForSequenceClassification` of transformers.
"""

import torch
from torch import nn
from torch.nn import functional as F

from companion.language.attention_torch import SelfAttention
from companion.language.token_checks import like_tokens, padding_shape
from companion.language.tokens_torch import check_tokens

__all__ = ["BERT", "BERTClassifier", "BERTEncoder", "BERTMaskedLM"]

_EPS = 1e-12


class Layer(nn.Module):
    """Attention, then a feed-forward network, each added to the tokens, which are normalised.

    Args:
        config: A `companion.language.config.BERTConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.attention = SelfAttention(config.width, config.heads)
        self.attention_norm = nn.LayerNorm(config.width, eps=_EPS)
        self.widen = nn.Linear(config.width, config.feed_forward)
        self.narrow = nn.Linear(config.feed_forward, config.width)
        self.feed_forward_norm = nn.LayerNorm(config.width, eps=_EPS)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, tokens, attention_mask=None, weights=False):
        """Return the tokens h_l, (B, T, E), and the attention weights, (B, A, T, T), or None."""
        gathered, shares = self.attention(tokens, attention_mask, weights=weights)
        tokens = self.attention_norm(tokens + self.dropout(gathered))  # (B, T, E)
        hidden = self.narrow(F.gelu(self.widen(tokens)))  # (B, T, E)
        return self.feed_forward_norm(tokens + self.dropout(hidden)), shares


class BERTEncoder(nn.Module):
    """Embeddings and layers: a vector for each token that knows the others.

    Args:
        config: A `companion.language.config.BERTConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, config.width)
        self.positions = nn.Parameter(torch.empty(config.context, config.width))
        self.segment_embedding = nn.Embedding(config.segments, config.width)
        self.norm = nn.LayerNorm(config.width, eps=_EPS)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Layer(config) for _ in range(config.layers))
        nn.init.normal_(self.positions, std=0.02)
        _start(self)

    def encode(self, tokens, segments=None, attention_mask=None, weights=False):
        """Return the vectors of the last layer, and what the heads look at.

        Args:
            tokens: Ids, integers, shape (B, T).
            segments: To which part a token belongs, integers, (B, T); by default all to part 0.
            attention_mask: Boolean, (B, T): True where there is a token, False where there is
                padding, at which nobody looks. By default `config.padding` says where it is.
            weights: Whether to return the attention weights too.

        Returns:
            Vectors, (B, T, E), and a list with the attention weights of each layer, (B, A, T, T),
            the share of each token in what another one gathers; or of None.

        Raises:
            TypeError: If ids or segments are no integers, or the mask is not boolean.
            ValueError: If a shape is another, an id or a segment is out of range, or the text is
                longer than the context.
        """
        self._check(tokens, segments, attention_mask)
        hidden = self.embedding(tokens) + self.positions[: tokens.shape[1]]  # (B, T, E)
        first = self.segment_embedding.weight[0]
        hidden = hidden + (first if segments is None else self.segment_embedding(segments))
        hidden = self.dropout(self.norm(hidden))
        if attention_mask is None and self.config.padding is not None:
            attention_mask = tokens != self.config.padding
        mask = None if attention_mask is None else attention_mask[:, None]  # (B, 1, T)
        found = []
        for layer in self.blocks:
            hidden, shares = layer(hidden, mask, weights)
            found.append(shares)
        return hidden, found

    def _check(self, tokens, segments, attention_mask):
        check_tokens("tokens", tokens, self.config.vocabulary, self.config.context)
        if segments is not None:
            check_tokens("segments", segments, self.config.segments)
            like_tokens("segments", segments.shape, tokens.shape)
        if attention_mask is not None:
            dtype = str(attention_mask.dtype).removeprefix("torch.")
            padding_shape(attention_mask.shape, dtype, tokens.shape)

    def forward(self, tokens, segments=None, attention_mask=None):
        """Return the vectors of the last layer, (B, T, E); arguments and errors as `encode`."""
        return self.encode(tokens, segments, attention_mask)[0]


class BERT(nn.Module):
    """The encoder, and a summary of the text in its first token (the pooler).

    Args:
        config: A `companion.language.config.BERTConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.encoder = BERTEncoder(config)
        self.pooler = nn.Linear(config.width, config.width)
        _start(self.pooler)

    def forward(self, tokens, segments=None, attention_mask=None):
        """Return the vectors, (B, T, E), and the summary, tanh of a linear map, (B, E).

        Arguments and errors are those of `BERTEncoder.encode`.
        """
        hidden = self.encoder(tokens, segments, attention_mask)
        return hidden, torch.tanh(self.pooler(hidden[:, 0]))


class BERTMaskedLM(nn.Module):
    """The encoder, and logits for the token that stands, or stood, at each place.

    Args:
        config: A `companion.language.config.BERTConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.encoder = BERTEncoder(config)
        self.transform = nn.Linear(config.width, config.width)
        self.norm = nn.LayerNorm(config.width, eps=_EPS)
        self.bias = nn.Parameter(torch.zeros(config.vocabulary))
        _start(self.transform)

    def forward(self, tokens, segments=None, attention_mask=None):
        """Return logits, (B, T, V); the head shares its matrix with the token embedding.

        Arguments and errors are those of `BERTEncoder.encode`.
        """
        hidden = self.encoder(tokens, segments, attention_mask)  # (B, T, E)
        hidden = self.norm(F.gelu(self.transform(hidden)))
        return F.linear(hidden, self.encoder.embedding.weight, self.bias)  # (B, T, V)


class BERTClassifier(nn.Module):
    """BERT, and logits for the class of a text, or of a pair of texts.

    Args:
        config: A `companion.language.config.BERTConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.bert = BERT(config)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(config.width, config.outputs)
        _start(self.head)

    def forward(self, tokens, segments=None, attention_mask=None):
        """Return logits, (B, O).

        Arguments and errors are those of `BERTEncoder.encode`.
        """
        return self.head(self.dropout(self.bert(tokens, segments, attention_mask)[1]))


def _start(part):
    """Draw the first weights."""
    for layer in part.modules():
        if isinstance(layer, nn.Linear | nn.Embedding):
            nn.init.normal_(layer.weight, std=0.02)
        if isinstance(layer, nn.Linear):
            nn.init.zeros_(layer.bias)
