"""Reviews from a small grammar with negation and contrast, whose sentiment is exact.

The grammar, with words in capitals for one of a list, and brackets around what may be missing:

    review  = clause | clause and clause | clause but clause | although clause , clause
            | clause although clause
    clause  = [DENIAL] the NOUN was [NEGATOR] [INTENSIFIER] ADJECTIVE

An adjective is positive or negative. A negator ("not") turns it round, a denial ("it is wrong
that") turns the clause round, an intensifier ("very") changes nothing. What counts is the clause
behind *but*, and the one that *although* does not lead; *and* joins two of the same sentiment. The
two sides of a contrast always differ, so it has one positive and one negative clause whatever its
sentiment is: nothing but the order tells.

The splits are compositional. Each adjective has one negator, and each negator a quarter of the
adjectives, with which it never occurs in training or test: `part="unseen"` consists of reviews with
such a pair. Between training and test the checksum of the text decides, so no text is in both.
"""

import re
import zlib

import numpy as np

from companion.checks import natural, one_of

__all__ = [
    "ADJECTIVES",
    "DENIALS",
    "INTENSIFIERS",
    "KINDS",
    "NEGATORS",
    "NOUNS",
    "PARTS",
    "generate",
    "held_out",
    "sentiment",
    "words",
]

NOUNS = ("bed", "breakfast", "dinner", "garden", "music", "room", "service", "view")
NEGATORS = ("hardly", "never", "not", "scarcely")
INTENSIFIERS = ("quite", "really", "very")
DENIALS = ("it is not true that", "it is wrong that")
# The first ten are positive, the others negative.
ADJECTIVES = (
    *("charming", "delightful", "excellent", "fine", "good"),
    *("great", "lovely", "perfect", "pleasant", "wonderful"),
    *("awful", "bad", "disappointing", "dreadful", "dull"),
    *("horrible", "nasty", "poor", "shabby", "terrible"),
)
# What a review is made of: one clause, or two with and, but or although.
KINDS = (
    "plain",  # one clause without any of the following, or two joined by and
    "negated",  # the same with a negator in each clause
    "denied",  # one clause, denied as a whole
    "denied negated",  # both at once
    "contrast",  # but or although, no negation
    "contrast negated",  # a negator in one clause or both
)
PARTS = ("train", "test", "unseen")

_HALF = len(ADJECTIVES) // 2
_HELD_OUT = 5  # one text in so many is for the test


def _choice(names):
    return f"(?:{'|'.join(names)})"


_CLAUSE = re.compile(
    rf"({_choice(DENIALS)} )?the {_choice(NOUNS)} was ({_choice(NEGATORS)} )?"
    rf"(?:{_choice(INTENSIFIERS)} )?({_choice(ADJECTIVES)})"
)


def words():
    """Return all words of the grammar, and the comma, in alphabetical order."""
    fixed = " ".join((*DENIALS, "the was and but although ,")).split()
    return tuple(sorted({*fixed, *NOUNS, *NEGATORS, *INTENSIFIERS, *ADJECTIVES}))


def sentiment(text):
    """Return the sentiment that the grammar gives to a review: 1 if positive, else 0.

    Raises:
        ValueError: If the text is not a review of the grammar.
    """
    if not isinstance(text, str):
        raise ValueError(f"text is {text!r}; expected a string")
    clauses, gaps, end = [], [], 0
    for found in _CLAUSE.finditer(text):
        denied, negated, adjective = found.groups()
        turns = bool(denied) + bool(negated) + (ADJECTIVES.index(adjective) >= _HALF)
        clauses.append(1 - turns % 2)
        gaps.append(text[end : found.start()])
        end = found.end()
    gaps.append(text[end:])
    if gaps == ["", ""] or (gaps == ["", " and ", ""] and clauses[0] == clauses[1]):
        return clauses[0]
    if len(clauses) == 2 and clauses[0] != clauses[1]:
        if gaps in (["", " but ", ""], ["although ", " , ", ""]):
            return clauses[1]
        if gaps == ["", " although ", ""]:
            return clauses[0]
    raise ValueError(
        f"text is {text!r}; expected a review of the grammar in companion.data.reviews, such as "
        "'although the room was not bad , the view was very dull'; the sides of a contrast differ, "
        "those of 'and' agree"
    )


def held_out(text):
    """Whether a review contains a negator with an adjective that is kept from training."""
    return any(
        (NEGATORS.index(negator.strip()) + ADJECTIVES.index(adjective)) % len(NEGATORS) == 0
        for _, negator, adjective in _CLAUSE.findall(text)
        if negator
    )


def generate(n, part="train", kinds=KINDS, seed=0):
    """Draw reviews; the kinds, and positive and negative ones, are equally likely.

    Args:
        n: How many, at least 1.
        part: "train", "test", or "unseen": reviews with a negator and an adjective that never
            occur together in the other two. Only kinds with a negator have these.
        kinds: Which of `KINDS` to draw from.
        seed: Of NumPy's generator, at least 0.

    Returns:
        texts: A list of n strings; words and the comma have one space between them.
        labels: Int64, shape (n,), 1 if positive, else 0.
        drawn: The kind of each, an array of n strings.

    Raises:
        ValueError: If an argument is none of these.
    """
    n, rng = natural("n", n, 1), np.random.default_rng(natural("seed", seed, 0))
    one_of("part", part, PARTS)
    if isinstance(kinds, str) or not kinds:
        raise ValueError(f"kinds is {kinds!r}; expected a tuple of some of {KINDS}")
    kinds = [one_of("kinds", kind, KINDS) for kind in kinds]
    plain = [kind for kind in kinds if not kind.endswith("negated")]
    if part == "unseen" and plain:
        raise ValueError(f"kinds is {kinds}; expected only kinds with a negator for part 'unseen'")
    texts, labels, drawn = [], [], []
    while len(texts) < n:
        kind, label = kinds[rng.integers(len(kinds))], int(rng.integers(2))
        text = _review(rng, kind, label)
        while _part(text) != part:  # another one of the same kind and sentiment
            text = _review(rng, kind, label)
        texts.append(text)
        labels.append(label)
        drawn.append(kind)
    return texts, np.array(labels, np.int64), np.array(drawn)


def _part(text):
    if held_out(text):
        return "unseen"
    return "test" if zlib.crc32(text.encode()) % _HELD_OUT == 0 else "train"


def _review(rng, kind, label):
    """Draw one review of a kind and a sentiment; two clauses are about different things."""
    negated = kind.endswith("negated")
    first, second = rng.choice(NOUNS, size=2, replace=False)
    if kind.startswith("contrast"):
        sides = [(True, True), (True, False), (False, True)][rng.integers(3)]
        counts = _clause(rng, first, label, negated and sides[0])
        other = _clause(rng, second, 1 - label, negated and sides[1])
        forms = (f"{other} but {counts}", f"although {other} , {counts}")
        return (*forms, f"{counts} although {other}")[rng.integers(3)]
    if kind.startswith("denied"):
        return f"{DENIALS[rng.integers(len(DENIALS))]} {_clause(rng, first, 1 - label, negated)}"
    alone = _clause(rng, first, label, negated)
    return f"{alone} and {_clause(rng, second, label, negated)}" if rng.random() < 0.5 else alone


def _clause(rng, noun, label, negated):
    """Draw a clause without a denial."""
    negative = bool(label) == negated
    adjective = ADJECTIVES[rng.integers(_HALF) + _HALF * negative]
    negator = f"{NEGATORS[rng.integers(len(NEGATORS))]} " if negated else ""
    intensifier = f"{INTENSIFIERS[rng.integers(len(INTENSIFIERS))]} " if rng.random() < 0.5 else ""
    return f"the {noun} was {negator}{intensifier}{adjective}"
