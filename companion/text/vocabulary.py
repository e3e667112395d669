"""Words or characters as numbers: a vocabulary with special tokens, and a cut into words."""

import re
from collections import Counter

import numpy as np

from companion.checks import natural

__all__ = ["Vocabulary", "words"]


def words(text):
    """Return the words of a text in lower case, and its signs, each a token of its own.

    Apostrophes and hyphens inside of a word belong to it: "don't", "well-known".

    Args:
        text: A string.
    """
    return re.findall(r"\w+(?:['’-]\w+)*|[^\w\s]", text.lower())


class Vocabulary:
    """Tokens and their ids.

    Args:
        tokens: Strings, each once; the place of each is its id.
        unknown: The token that stands for all that are not in the vocabulary; None if there is
            none, and then such a token is an error.

    Attributes:
        tokens: The same, a list.
        unknown: The same.

    Raises:
        ValueError: If there is no token, one stands there twice, or `unknown` is not among them.
    """

    def __init__(self, tokens, unknown=None):
        self.tokens = list(tokens)
        self.unknown = unknown
        self._ids = {token: i for i, token in enumerate(self.tokens)}
        if not self.tokens or len(self._ids) < len(self.tokens):
            twice = [token for token, count in Counter(self.tokens).items() if count > 1]
            raise ValueError(f"tokens hold {twice} twice; expected at least one, each once")
        if unknown is not None and unknown not in self._ids:
            raise ValueError(f"unknown is {unknown!r}; expected one of the tokens, or None")

    @classmethod
    def of(cls, texts, *, size=None, least=1, special=("<pad>", "<unk>"), unknown="<unk>"):
        """Make a vocabulary of the tokens that occur.

        Args:
            texts: Sequences of tokens: lists of words, or strings for their characters.
            size: How many tokens at most, the special ones included; all by default.
            least: How often a token must occur.
            special: Tokens that come first, such as the one that fills up.
            unknown: As in the constructor; it must be among the special ones.

        Returns:
            A Vocabulary: the special tokens, then the others, frequent ones first, and equally
            frequent ones in the order of their characters.

        Raises:
            ValueError: If a number is no such integer, or texts contain a special token.
        """
        counts = Counter(token for text in texts for token in text)
        special = list(special)
        inside = [token for token in special if token in counts]
        if inside:
            raise ValueError(f"the texts contain {inside[0]!r}; expected no special tokens there")
        order = sorted(counts, key=lambda token: (-counts[token], token))
        kept = [token for token in order if counts[token] >= natural("least", least, 1)]
        if size is not None:
            kept = kept[: natural("size", size, len(special) + 1) - len(special)]
        return cls([*special, *kept], unknown)

    def __len__(self):
        return len(self.tokens)

    def __contains__(self, token):
        return token in self._ids

    def encode(self, tokens):
        """Return the ids of tokens.

        Args:
            tokens: A list of words, or a string for its characters.

        Returns:
            int64, shape (len(tokens),).

        Raises:
            ValueError: If one is not in the vocabulary and there is no unknown token.
        """
        if self.unknown is None:
            for place, token in enumerate(tokens):
                if token not in self._ids:
                    raise ValueError(
                        f"{token!r} at place {place} is not in the vocabulary of "
                        f"{len(self)} tokens; expected known tokens, or unknown='…' when it is made"
                    )
        other = self._ids.get(self.unknown)
        return np.array([self._ids.get(token, other) for token in tokens], dtype=np.int64)

    def decode(self, ids):
        """Return the tokens of ids, a list; `"".join` or `" ".join` makes a text of them.

        Raises:
            TypeError: If the ids are no integers.
            ValueError: If an id is out of range.
        """
        ids = np.asarray(ids)
        if ids.size and ids.dtype.kind not in "iu":
            raise TypeError(f"the ids are {ids.dtype}; expected integers")
        if ids.size and not (ids.min() >= 0 and ids.max() < len(self)):
            raise ValueError(
                f"the ids range from {ids.min()} to {ids.max()}; expected 0 to {len(self) - 1}"
            )
        return [self.tokens[i] for i in ids.ravel().tolist()]
