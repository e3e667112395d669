"""Byte-level byte-pair encoding, as GPT-2 has it: from text to tokens and back, nothing lost.

Sennrich, Haddow and Birch (2016), *Neural machine translation of rare words with subword units*,
ACL, arXiv:1508.07909, section 3.2, on bytes as in Radford et al. (2019), section 2.2. A text is cut
into pieces (words with the space before them, numbers, signs), and these into bytes. Training joins
the most frequent pair of neighbours into a new token, again and again; encoding does the same
joins in the same order. With the same merges, tokens are those of the `tokenizers` library, and
training finds the same merges.

The 256 bytes come first, in GPT-2's order, then the merges, then special tokens.
"""

import json
import re
from collections import Counter
from itertools import pairwise
from operator import index
from pathlib import Path

from companion.checks import natural
from companion.saving import replacing
from companion.text.merges import ORDER, PRINTABLE, join, learn
from companion.text.pieces import pieces

__all__ = ["BPE"]

# How GPT-2's files write bytes: those that cannot be printed become letters from 256 on.
_LETTERS = {byte: chr(byte if i < len(PRINTABLE) else 68 + i) for i, byte in enumerate(ORDER)}
_BYTES = {letter: byte for byte, letter in _LETTERS.items()}
_VOCABULARY, _MERGES = "vocab.json", "merges.txt"
_HEADER = "#version: 0.2"
_REMEMBERED = 100_000  # pieces at most whose ids are kept


class BPE:
    """A tokeniser.

    Args:
        merges: Pairs of tokens, each `bytes`, in the order in which they are joined.
        special: Names of tokens that stand for no text, such as "<|endoftext|>".

    Attributes:
        tokens: What each id stands for, a list of `bytes`; of a special token its name.
        merges: The same.
        special: name -> id.

    Raises:
        ValueError: If a merge joins what is no token yet, or a name is used twice.
    """

    def __init__(self, merges=(), special=()):
        self.tokens = [bytes([byte]) for byte in ORDER]
        self.merges = [tuple(pair) for pair in merges]
        ids = {token: i for i, token in enumerate(self.tokens)}
        self._joined = {}  # pair of ids -> (place among the merges, id)
        for place, (left, right) in enumerate(self.merges):
            if left not in ids or right not in ids:
                raise ValueError(
                    f"merge {place} joins {left!r} and {right!r}; expected two tokens that are "
                    "known by then"
                )
            new = ids.setdefault(left + right, len(self.tokens))
            if new == len(self.tokens):  # otherwise another pair makes the same token
                self.tokens.append(left + right)
            self._joined[ids[left], ids[right]] = place, new
        self._ordinary = len(self.tokens)
        self.special = {}
        for name in special:
            if not isinstance(name, str) or not name or name in self.special:
                raise ValueError(f"special has {name!r}; expected names, each once and not empty")
            self.special[name] = len(self.tokens)
            self.tokens.append(name.encode())
        self._first = [ids[bytes([byte])] for byte in range(256)]
        self._seen = {}  # piece -> ids

    @classmethod
    def train(cls, texts, size, special=()):
        """Find merges on texts.

        Args:
            texts: Strings; one string counts as one text.
            size: Tokens wanted, at least 256 with the special ones. There are fewer if no pair
                occurs twice any more.
            special: As in the constructor.

        Raises:
            ValueError: If the size is none.
        """
        special = list(special)
        size = natural("size", size, 256 + len(special)) - len(special)
        texts = [texts] if isinstance(texts, str) else texts
        words = Counter(piece for text in texts for piece in pieces(text))
        return cls(learn(words, size), special)

    @classmethod
    def from_lines(cls, lines, special=()):
        """Make a tokeniser of merges as `lines` has them.

        Args:
            lines: Strings of two written tokens with a space between, in order.
            special: As in the constructor.

        Raises:
            ValueError: If a line is none of these, or joins what is no token yet.
        """
        merges = []
        for line in lines:
            try:
                left, right = map(_read, line.split(" "))
            except (AttributeError, KeyError, ValueError) as error:
                raise ValueError(f"line is {line!r}; expected two tokens as GPT-2 does") from error
            merges.append((left, right))
        return cls(merges, special)

    @property
    def lines(self):
        """The merges as GPT-2's merges.txt has them, a string for each: "a b"."""
        return [f"{_written(a)} {_written(b)}" for a, b in self.merges]

    def encode(self, text, *, special=False):
        """Return the ids of a text.

        Args:
            text: A string.
            special: Whether names of special tokens in the text stand for these; otherwise they
                are text like any other, as what strangers write must be.

        Returns:
            A list of integers.

        Raises:
            TypeError: If it is no string.
            ValueError: If it holds half of a surrogate pair, which has no bytes.
        """
        if not isinstance(text, str):
            raise TypeError(f"text is {type(text).__name__}; expected a string")
        parts, names = [text], sorted(self.special, key=len, reverse=True)
        if special and names:
            parts = re.split(f"({'|'.join(map(re.escape, names))})", text)  # names at odd places
        try:
            return [
                i
                for place, part in enumerate(parts)
                for i in ([self.special[part]] if place % 2 else self._encode_text(part))
            ]
        except UnicodeEncodeError as error:
            raise ValueError(
                f"text holds {error.object[error.start]!r}, which has no bytes"
            ) from error

    def decode(self, ids):
        """Return the text of ids; bytes that are no UTF-8 become the replacement character.

        Raises:
            TypeError: If an id is no integer.
            ValueError: If an id is of no token.
        """
        ids = [index(i) for i in ids]
        wrong = [i for i in ids if not 0 <= i < len(self.tokens)]
        if wrong:
            raise ValueError(f"ids hold {wrong[0]}; expected 0 to {len(self.tokens) - 1}")
        return b"".join(self.tokens[i] for i in ids).decode("utf-8", errors="replace")

    def save(self, folder):
        """Write `vocab.json` and `merges.txt` as GPT-2 has them, readable by `tokenizers`.

        Args:
            folder: Where to; it is created.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        names = [_written(token) for token in self.tokens[: self._ordinary]]
        vocabulary = {name: i for i, name in enumerate([*names, *self.special])}
        with replacing(folder / _MERGES) as path:
            path.write_text("\n".join([_HEADER, *self.lines]) + "\n", encoding="utf-8")
        with replacing(folder / _VOCABULARY) as path:
            path.write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder):
        """Read what `save` wrote, or GPT-2's own files.

        Raises:
            FileNotFoundError: If a file is missing.
            ValueError: If the files are damaged or number their tokens otherwise.
        """
        for name in (_VOCABULARY, _MERGES):
            if not (Path(folder) / name).is_file():
                raise FileNotFoundError(f"no tokeniser in {folder}: {name} is missing")
        lines = (Path(folder) / _MERGES).read_text(encoding="utf-8").split("\n")
        lines = [line for line in lines if line and not line.startswith("#version")]
        try:
            vocabulary = json.loads((Path(folder) / _VOCABULARY).read_text(encoding="utf-8"))
            names = sorted(vocabulary, key=vocabulary.get)
            found = cls.from_lines(lines)
            found = cls(found.merges, names[len(found.tokens) :])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{folder} holds no byte-level BPE: {error}") from error
        same = [_written(token) for token in found.tokens[: found._ordinary]] + [*found.special]
        if same != names or [vocabulary[name] for name in names] != list(range(len(names))):
            raise ValueError(f"{folder} numbers its tokens otherwise than GPT-2 does")
        return found

    def _encode_text(self, text):
        return [i for piece in pieces(text) for i in self._encode_piece(piece)]

    def _encode_piece(self, piece):
        if piece in self._seen:
            return self._seen[piece]
        ids = [self._first[byte] for byte in piece.encode("utf-8")]
        while len(ids) > 1:
            last = (len(self.merges), None)
            (place, new), pair = min((self._joined.get(pair, last), pair) for pair in pairwise(ids))
            if place == len(self.merges):
                break
            ids = join(ids, pair, new)
        if len(self._seen) < _REMEMBERED:
            self._seen[piece] = ids
        return ids


def _written(token):
    return "".join(_LETTERS[byte] for byte in token)


def _read(name):
    return bytes(_BYTES[letter] for letter in name)
