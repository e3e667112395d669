"""BLEU and chrF: how close translations are to those of people.

Papineni, Roukos, Ward and Zhu (2002), *BLEU: a method for automatic evaluation of machine
translation*, ACL. pₙ is the share of the n-grams of tokens that occur in a reference too, h and r
the lengths of all translations and of all references:

    BLEU = BP · exp( ¼ Σ log pₙ ),  n = 1 … 4        BP = min(1, exp(1 − r / h))

Popović (2015), *chrF: character n-gram F-score for automatic MT evaluation*, WMT, W15-3049. P and R
are precision and recall of n-grams of characters, without spaces, averaged over n = 1 … 6:

    chrF = (1 + β²) P R / (β² P + R),   β = 2: recall counts more

Both add up counts over the whole corpus before they divide. Several references are allowed. The
numbers are those of the program sacrebleu (Post, 2018), with its default smoothing: where no n-gram
matches, pₙ becomes 1/2, 1/4, 1/8 … of one match. sacrebleu also cuts texts into tokens; here they
come as lists of tokens, so that nothing is hidden.
"""

import math
from collections import Counter

from companion.checks import natural, number

__all__ = ["bleu", "chrf"]


def bleu(translations, references, order=4):
    """Return the BLEU score of a corpus.

    Args:
        translations: A list of token lists: each a list of strings, or a string, whose characters
            are then the tokens, as for Chinese.
        references: As many lists of one or more references, each a token list.
        order: The longest n-grams, at least 1.

    Returns:
        A number from 0 to 100.

    Raises:
        ValueError: If there is no translation, their numbers differ, or a reference is missing.
    """
    _check(translations, references)
    matches, totals = [0] * natural("order", order, 1), [0] * order
    ours = theirs = 0  # h and r
    for translation, choice in zip(translations, references, strict=True):
        ours += len(translation)
        theirs += min((abs(len(one) - len(translation)), len(one)) for one in choice)[1]
        for n in range(1, order + 1):
            found, known = _ngrams(translation, n), Counter()
            for reference in choice:
                known |= _ngrams(reference, n)  # an n-gram counts as often as one of them has it
            matches[n - 1] += (found & known).total()
            totals[n - 1] += found.total()
    if not matches[0] or not totals[-1]:
        return 0.0
    logs, smooth = 0.0, 1.0
    for match, total in zip(matches, totals, strict=True):
        smooth = smooth if match else smooth / 2
        logs += math.log((match or smooth) / total)
    return 100 * min(1.0, math.exp(1 - theirs / ours)) * math.exp(logs / order)


def chrf(translations, references, order=6, beta=2.0):
    """Return the chrF score of a corpus.

    Args:
        translations: A list of strings.
        references: As many lists of one or more strings; the one that fits best counts.
        order: The longest n-grams, at least 1.
        beta: How many times as much recall counts as precision, above 0.

    Returns:
        A number from 0 to 100.

    Raises:
        ValueError: If there is no translation, their numbers differ, or a reference is missing.
        TypeError: If a translation or a reference is no string.
    """
    _check(translations, references)
    natural("order", order, 1)
    if number("beta", beta, 0) == 0:
        raise ValueError("beta is 0; expected a number above 0")
    sums = [[0, 0, 0] for _ in range(order)]
    for translation, choice in zip(translations, references, strict=True):
        counts = [_character_counts(translation, reference, order) for reference in choice]
        best = max(counts, key=lambda found: _f_score(found, beta))  # the first of several
        sums = [
            [a + b for a, b in zip(*pair, strict=True)] for pair in zip(sums, best, strict=True)
        ]
    return 100 * _f_score(sums, beta)


def _character_counts(translation, reference, order):
    """Return (n-grams of the translation, of the reference, of both) for each n."""
    for text in (translation, reference):
        if not isinstance(text, str):
            raise TypeError(f"{text!r} is no string; expected texts, not tokens")
    found, known = ("".join(text.split()) for text in (translation, reference))
    counts = []
    for n in range(1, order + 1):
        ours, theirs = _ngrams(found, n), _ngrams(known, n)
        # As in sacrebleu, an order that the reference is too short for does not count.
        counts.append((ours.total() if theirs else 0, theirs.total(), (ours & theirs).total()))
    return counts


def _f_score(counts, beta):
    known = [(match / ours, match / theirs) for ours, theirs, match in counts if ours and theirs]
    if not known or not any(precision for precision, _ in known):
        return 0.0
    precision, recall = (sum(column) / len(known) for column in zip(*known, strict=True))
    return (1 + beta**2) * precision * recall / (beta**2 * precision + recall)


def _ngrams(tokens, n):
    """Count the n-grams of a list of tokens or of a string."""
    return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))


def _check(translations, references):
    if isinstance(translations, str) or not len(translations):
        raise ValueError(f"translations is {translations!r}; expected a list of at least one")
    if len(translations) != len(references):
        raise ValueError(
            f"there are {len(translations)} translations and references for {len(references)}; "
            "expected as many"
        )
    for row, choice in enumerate(references):
        if isinstance(choice, str) or not choice:
            raise ValueError(
                f"references[{row}] is {choice!r}; expected a list of one or more references"
            )
