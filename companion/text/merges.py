"""How byte-pair encoding learns: the most frequent pair of neighbours becomes one token, again.

`companion.text.bpe` is the tokeniser that is made of it, and names the paper.
"""

from collections import Counter, defaultdict
from itertools import pairwise

__all__ = ["ORDER", "PRINTABLE", "join", "learn"]

PRINTABLE = (*range(33, 127), *range(161, 173), *range(174, 256))
ORDER = (*PRINTABLE, *sorted(set(range(256)) - set(PRINTABLE)))  # of the bytes' ids, as in GPT-2


def join(ids, pair, new):
    """Replace each occurrence of a pair in a list of ids, from left to right, by one id."""
    found, place = [], 0
    while place < len(ids):
        here = place + 1 < len(ids) and (ids[place], ids[place + 1]) == pair
        found.append(new if here else ids[place])
        place += 2 if here else 1
    return found


def learn(words, size):
    """Find the merges of words.

    Args:
        words: How often each piece of text occurs, a dictionary from strings to counts.
        size: Tokens wanted, the 256 bytes included. There are fewer if no pair occurs twice any
            more.

    Returns:
        Pairs of tokens, each `bytes`, in the order in which they are joined.
    """
    ids = {bytes([byte]): i for i, byte in enumerate(ORDER)}
    tokens, merges = list(ids), []
    parts = [[ids[bytes([byte])] for byte in word.encode("utf-8")] for word in words]
    often = list(words.values())
    pairs, where = Counter(), defaultdict(set)  # how often a pair occurs, and in which words
    for word, part in enumerate(parts):
        for pair in pairwise(part):
            pairs[pair] += often[word]
            where[pair].add(word)
    while len(tokens) < size and pairs:
        # Of equally frequent pairs the one with the lowest ids, as in `tokenizers`.
        pair = max(pairs, key=lambda pair: (pairs[pair], -pair[0], -pair[1]))
        if pairs[pair] < 2:
            break
        merges.append((tokens[pair[0]], tokens[pair[1]]))
        new = ids.setdefault(b"".join(merges[-1]), len(tokens))
        if new == len(tokens):
            tokens.append(b"".join(merges[-1]))
        for word in where.pop(pair):
            for old in pairwise(parts[word]):
                pairs[old] -= often[word]
            parts[word] = join(parts[word], pair, new)
            for now in pairwise(parts[word]):
                pairs[now] += often[word]
                where[now].add(word)
        pairs = +pairs  # without the ones that are gone
    return merges
