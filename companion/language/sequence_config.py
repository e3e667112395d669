"""Configurations of the embeddings, the recurrent networks and the encoder-decoder models."""

from dataclasses import dataclass

from companion.checks import natural, number, one_of

__all__ = [
    "ATTENTION",
    "CELLS",
    "RecurrentConfig",
    "Seq2SeqConfig",
    "SkipGramConfig",
    "TransformerConfig",
]

CELLS = ("rnn", "lstm", "gru")
ATTENTION = ("none", "bahdanau", "luong")


def _tidy(config, *, dropout=None, **smallest):
    """Check fields that count something, and dropout; make what JSON and NumPy give plain."""
    for name, least in smallest.items():
        object.__setattr__(config, name, natural(name, getattr(config, name), least))
    if dropout is not None:
        object.__setattr__(config, "dropout", number("dropout", dropout, 0, 1, below=True))


def _truth(config, *names):
    for name in names:
        if not isinstance(getattr(config, name), bool):
            raise ValueError(f"{name} is {getattr(config, name)!r}; expected True or False")


@dataclass(frozen=True)
class SkipGramConfig:
    """The shape of a skip-gram model.

    Attributes:
        vocabulary: Different words, at least 2.
        width: Numbers per word vector, at least 1.

    Raises:
        ValueError: If a field is not such an integer.
    """

    vocabulary: int
    width: int = 64

    def __post_init__(self):
        _tidy(self, vocabulary=2, width=1)


@dataclass(frozen=True)
class RecurrentConfig:
    """The shape of a recurrent network: an embedding, layers of cells, one linear layer.

    Attributes:
        vocabulary: Different tokens, at least 2.
        outputs: Logits that come out, at least 1.
        width: Numbers per embedded token.
        hidden: Numbers in the hidden state of each layer.
        cell: "rnn", "lstm" or "gru".
        layers: Layers of cells, each reading what the one before it gives.
        each_token: Whether logits come out for each token, as a language model needs them, or for
            the sequence as a whole. Then token 0 is padding, which stands behind the others.
        fused: Whether PyTorch's own kernel runs the cells over time, which computes the same in
            much less time. Keras has none that takes these weights, so there it changes nothing.
        dropout: Share of the numbers that are put to 0 in training behind the embedding and behind
            each layer; below 1.

    Raises:
        ValueError: If a field is none of these; counts are integers of at least 1.
    """

    vocabulary: int
    outputs: int
    width: int = 32
    hidden: int = 64
    cell: str = "lstm"
    layers: int = 1
    each_token: bool = False
    fused: bool = False
    dropout: float = 0.0

    def __post_init__(self):
        _tidy(self, vocabulary=2, outputs=1, width=1, hidden=1, layers=1, dropout=self.dropout)
        one_of("cell", self.cell, CELLS)
        _truth(self, "each_token", "fused")


@dataclass(frozen=True)
class Seq2SeqConfig:
    """The shape of a recurrent encoder-decoder.

    Attributes:
        source: Different tokens of the language that is read, at least 4: padding, start, end and
            one more.
        target: Different tokens of the language that is written, at least 4.
        width: Numbers per embedded token.
        hidden: Numbers in the state of the decoder, even: each direction of the encoder has half.
        attention: "none": the source reaches the decoder as one vector of fixed length, whatever
            its own length; "bahdanau": additive attention, before each step; "luong": general
            attention, after each step.
        fused: Whether PyTorch's own kernel runs the cells, where no attention comes in between;
            it changes nothing in Keras.
        dropout: Share of the numbers that are put to 0 in training behind the embeddings and in
            front of the last layer; below 1.

    Raises:
        ValueError: If a field is none of these; counts are integers of at least 1.
    """

    source: int
    target: int
    width: int = 32
    hidden: int = 64
    attention: str = "bahdanau"
    fused: bool = False
    dropout: float = 0.0

    def __post_init__(self):
        _tidy(self, source=4, target=4, width=1, hidden=2, dropout=self.dropout)
        if self.hidden % 2:
            raise ValueError(f"hidden is {self.hidden}; expected an even number")
        one_of("attention", self.attention, ATTENTION)
        _truth(self, "fused")


@dataclass(frozen=True)
class TransformerConfig:
    """The shape of an encoder-decoder Transformer.

    Attributes:
        source: Different tokens of the language that is read, at least 4: padding, start, end and
            one more.
        target: Different tokens of the language that is written, at least 4.
        width: Numbers per token, a multiple of `heads`, and even.
        heads: Attention heads of each layer.
        layers: Layers of the encoder, and of the decoder.
        feed_forward: Width of the hidden layer of each feed-forward network.
        context: The longest sequence, in tokens.
        norm_first: Whether a layer normalises what it reads; in the paper it normalises the sum
            behind each part.
        dropout: Share of the numbers that are put to 0 in training behind the embeddings and
            behind each part of a layer; below 1.

    Raises:
        ValueError: If a field is none of these; counts are integers of at least 1.
    """

    source: int
    target: int
    width: int = 64
    heads: int = 4
    layers: int = 2
    feed_forward: int = 256
    context: int = 64
    norm_first: bool = False
    dropout: float = 0.1

    def __post_init__(self):
        sizes = dict.fromkeys(("width", "heads", "layers", "feed_forward", "context"), 1)
        _tidy(self, source=4, target=4, dropout=self.dropout, **sizes)
        if self.width % self.heads or self.width % 2:
            raise ValueError(
                f"width is {self.width}; expected an even multiple of heads, {self.heads}"
            )
        _truth(self, "norm_first")
