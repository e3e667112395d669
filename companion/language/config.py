"""Configurations of the language models."""

from dataclasses import dataclass
from typing import ClassVar

from companion.checks import natural, number, one_of

__all__ = ["BERTConfig", "GPTConfig", "WindowConfig"]


@dataclass(frozen=True)
class WindowConfig:
    """The shape of a language model that sees a window of fixed length.

    Attributes:
        vocabulary: Different tokens, at least 2.
        width: Hidden units, at least 1: the one number that makes the model large or small.
        window: Tokens that the model sees, at least 1.

    Raises:
        ValueError: If a field is not such an integer.
    """

    vocabulary: int
    width: int
    window: int = 10

    def __post_init__(self):
        for name, smallest in (("vocabulary", 2), ("width", 1), ("window", 1)):
            object.__setattr__(self, name, natural(name, getattr(self, name), smallest))

    @property
    def embedding(self):
        """Numbers per token: a quarter of the width, at least 2."""
        return max(self.width // 4, 2)

    @property
    def parameters(self):
        """All weights and biases of the model, embeddings included."""
        hidden = (self.window * self.embedding + 1) * self.width
        return self.vocabulary * self.embedding + hidden + (self.width + 1) * self.vocabulary


class TransformerConfig:
    """What the configs of transformers share: a table of published ones, checks of fields."""

    PUBLISHED: ClassVar[dict] = {}

    @classmethod
    def published(cls, name, **changes):
        """Return the config of a published model.

        Args:
            name: One of `PUBLISHED`.
            **changes: Fields that shall be different, such as dropout=0.1.

        Raises:
            ValueError: If the name is not known, or a change is impossible.
        """
        return cls(**cls.PUBLISHED[one_of("name", name, cls.PUBLISHED)] | changes)

    def tidy(self, *numbers):
        """Check fields that count something, and the ones that all transformers have.

        Raises:
            ValueError: If one is wrong.
        """
        counts = ("context", "width", "layers", "heads", "feed_forward", *numbers)
        for name, smallest in (("vocabulary", 2), *((name, 1) for name in counts)):
            object.__setattr__(self, name, natural(name, getattr(self, name), smallest))
        object.__setattr__(self, "dropout", number("dropout", self.dropout, 0, 1, below=True))
        if self.width % self.heads:
            raise ValueError(f"width is {self.width}; expected a multiple of heads, {self.heads}")


def _sizes(vocabulary, context, layers, width, heads):
    shape = {"vocabulary": vocabulary, "context": context, "width": width, "layers": layers}
    return shape | {"heads": heads, "feed_forward": 4 * width}


@dataclass(frozen=True)
class GPTConfig(TransformerConfig):
    """The shape of a GPT: token and position vectors, causal layers, a head tied to the tokens.

    Attributes:
        vocabulary: Different tokens, at least 2.
        context: Tokens that the model can see at once.
        width: Numbers per token, a multiple of `heads`.
        layers: How many blocks of attention and feed-forward network.
        heads: Attention heads of each.
        feed_forward: Width of the hidden layer of each feed-forward network; 4 · width is usual.
        dropout: Share of the numbers that are put to 0 in training behind the embedding, each
            attention and each feed-forward network; below 1.

    Raises:
        ValueError: If a field is none of these; counts are integers of at least 1.
    """

    vocabulary: int
    context: int
    width: int
    layers: int
    heads: int
    feed_forward: int
    dropout: float = 0.0

    # Radford et al. (2019), table 2, with the heads of the released weights.
    PUBLISHED: ClassVar[dict] = {
        "GPT-2 small": _sizes(50257, 1024, 12, 768, 12),
        "GPT-2 medium": _sizes(50257, 1024, 24, 1024, 16),
        "GPT-2 large": _sizes(50257, 1024, 36, 1280, 20),
        "GPT-2": _sizes(50257, 1024, 48, 1600, 25),
    }

    def __post_init__(self):
        self.tidy()


@dataclass(frozen=True)
class BERTConfig(TransformerConfig):
    """The shape of a BERT: token, position and segment vectors, layers that see both ways.

    Attributes:
        vocabulary: Different tokens, at least 2.
        context: Tokens that the model can see at once.
        width: Numbers per token, a multiple of `heads`.
        layers: How many blocks of attention and feed-forward network.
        heads: Attention heads of each.
        feed_forward: Width of the hidden layer of each feed-forward network; 4 · width is usual.
        segments: Different parts that a token may belong to, such as question and answer.
        outputs: Classes that `BERTClassifier` tells apart; the other models ignore it.
        dropout: Share of the numbers that are put to 0 in training behind the embedding, each
            attention, each feed-forward network and before the classes; below 1.
        padding: The token that only fills up, at which nobody looks unless a mask is given; None
            if there is none.

    Raises:
        ValueError: If a field is none of these; counts are integers of at least 1.
    """

    vocabulary: int
    context: int
    width: int
    layers: int
    heads: int
    feed_forward: int
    segments: int = 2
    outputs: int = 2
    dropout: float = 0.0
    padding: int | None = None

    # Devlin et al. (2019), section 3; the vocabulary of the released weights, lower case.
    PUBLISHED: ClassVar[dict] = {
        "BERT-base": _sizes(30522, 512, 12, 768, 12),
        "BERT-large": _sizes(30522, 512, 24, 1024, 16),
    }

    def __post_init__(self):
        self.tidy("segments", "outputs")
        if self.padding is not None:
            object.__setattr__(self, "padding", natural("padding", self.padding, 0))
            if self.padding >= self.vocabulary:
                raise ValueError(
                    f"padding is {self.padding}; expected a token from 0 to {self.vocabulary - 1}"
                )
