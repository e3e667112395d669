"""Configurations of the language models."""

from dataclasses import dataclass

from companion.checks import natural

__all__ = ["WindowConfig"]


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
