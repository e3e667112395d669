"""Writing with a language model: from logits to tokens, one after the other.

Greedy decoding takes the likeliest token. A temperature τ divides the logits first, so that a low
one makes likely tokens likelier. Top-k draws among the k likeliest tokens (Fan, Lewis and Dauphin,
2018, arXiv:1805.04833), top-p, or nucleus, sampling among the fewest that together have a
probability of at least p (Holtzman et al., 2020, arXiv:1904.09751). Beam search keeps the K best
beginnings instead of one (Sutskever, Vinyals and Le, 2014, arXiv:1409.3215).

    P(u) = softmax(logits / τ)

Everything here is NumPy. A model comes in as a *scorer*, anything with the methods `logits` and
`reorder` of `companion.language.scorer.Scorer`; a GPT of either framework is made one.

Shapes: B texts in a batch, T tokens, V tokens in the vocabulary, K beams.
"""

import numpy as np
from scipy.special import log_softmax, softmax

from companion.checks import natural, number
from companion.language.scorer import Scorer, evaluating
from companion.language.token_checks import token_batch

__all__ = ["beam_search", "generate", "probabilities"]


def probabilities(logits, *, temperature=1.0, top_k=None, top_p=None):
    """Return the distribution that the next token is drawn from.

    Args:
        logits: Floating point, shape (B, V); −∞ for a token that cannot come.
        temperature: τ, at least 0; 0 leaves the likeliest token only.
        top_k: How many of the likeliest tokens stay; all by default. Ties with the last stay too.
        top_p: The fewest tokens that together have this probability stay, from the likeliest on;
            above 0, at most 1; all by default. It looks at what top_k left.

    Returns:
        float64, shape (B, V); rows sum to 1.

    Raises:
        ValueError: If an argument is none of these, or a logit is NaN or ∞.
    """
    logits = _checked(logits).astype(np.float64)
    if number("temperature", temperature, 0) == 0:
        return np.eye(logits.shape[1])[logits.argmax(axis=1)]
    logits = logits / temperature
    if top_k is not None:
        k = min(natural("top_k", top_k, 1), logits.shape[1])
        least = np.partition(logits, -k, axis=1)[:, [-k]]  # the k-th largest, (B, 1)
        logits = np.where(logits < least, -np.inf, logits)
    found = softmax(logits, axis=1)
    if top_p is not None and _share("top_p", top_p) < 1:
        order = np.argsort(-found, axis=1, kind="stable")
        ordered = np.take_along_axis(found, order, axis=1)
        before = ordered.cumsum(axis=1) - ordered  # of all that are likelier
        np.put_along_axis(found, order, np.where(before < top_p, ordered, 0), axis=1)
        found /= found.sum(axis=1, keepdims=True)
    return found


def generate(model, prompt, length, *, temperature=1.0, top_k=None, top_p=None, **options):
    """Continue texts token by token.

    Args:
        model: A GPT of either framework, or a scorer: with the methods of `Scorer`.
        prompt: Integers, (B, T): how the texts begin, all equally long, at least one token.
        length: How many tokens to add at most, at least 1.
        temperature: As in `probabilities`; 0 is greedy decoding.
        top_k: As in `probabilities`.
        top_p: As in `probabilities`.
        **options: `seed` of the draws, 0 by default; `stop`, the token that ends a text, by
            default none; `cached`, True by default, as `Scorer` takes it.

    Returns:
        The texts with their prompts, int64, (B, T + length), shorter if all have ended before; a
        text that has ended is filled up with `stop`.

    Raises:
        TypeError: If the prompt is not of integers.
        ValueError: If an argument is none of these, or the texts outgrow the context.
    """
    seed, stop, scorer, texts = _begin(model, prompt, length, **options)
    rng = np.random.default_rng(natural("seed", seed, 0))
    probabilities(np.zeros((1, 1)), temperature=temperature, top_k=top_k, top_p=top_p)
    ended, new = np.zeros(len(texts), dtype=bool), texts
    with evaluating(model):
        for _ in range(length):
            logits = _checked(scorer.logits(new), stop)  # (B, V)
            if temperature == 0:
                chosen = logits.argmax(axis=1)
            else:
                chances = probabilities(
                    logits, temperature=temperature, top_k=top_k, top_p=top_p
                ).cumsum(axis=1)
                # The first token whose sum exceeds a uniform number: its chance is its step.
                chosen = (chances <= rng.random((len(texts), 1)) * chances[:, -1:]).sum(axis=1)
            if stop is not None:
                chosen = np.where(ended, stop, chosen)
                ended |= chosen == stop
            new = chosen[:, None]
            texts = np.concatenate([texts, new], axis=1)
            if ended.all():
                break
    return texts


def beam_search(model, prompt, length, *, beams=4, length_penalty=0.0, **options):
    """Search for the likeliest continuations: of all that extend the K best so far, keep K.

    Args:
        model: As in `generate`.
        prompt: As in `generate`.
        length: As in `generate`.
        beams: K, at least 1; 1 is greedy decoding.
        length_penalty: α: texts are ranked by log P / n^α, n the tokens added, with the one that
            ends the text. At 0, short texts tend to win.
        **options: `stop` and `cached`, as in `generate`.

    Returns:
        The best texts with their prompts, int64, (B, T + length), as `generate` returns them.
        What they were ranked by, float64, (B,).

    Raises:
        TypeError: If the prompt is not of integers.
        ValueError: If an argument is none of these, or the texts outgrow the context.
    """
    _, stop, scorer, texts = _begin(model, prompt, length, **options)
    penalty = number("length_penalty", length_penalty, 0)
    found = _Beams(texts, natural("beams", beams, 1), penalty, stop)
    with evaluating(model):
        rows = found.extend(scorer.logits(texts).repeat(found.beams, axis=0))
        rows = rows // found.beams  # the scorer has read each prompt once
        for _ in range(length - 1):
            if found.ended.all():
                break
            scorer.reorder(rows)
            rows = found.extend(scorer.logits(found.texts[:, -1:]))
    return found.best()


class _Beams:
    """The K best beginnings of each text, and what they are ranked by."""

    def __init__(self, texts, beams, penalty, stop):
        self.texts = texts.repeat(beams, axis=0)  # (B·K, T)
        self.beams, self.penalty, self.stop = beams, penalty, stop
        self.scores = np.full((len(texts), beams), -np.inf)  # log P
        self.scores[:, 0] = 0  # all begin alike, so one of them is enough
        self.added = np.zeros((len(texts), beams))  # tokens
        self.ended = np.zeros((len(texts), beams), dtype=bool)

    def extend(self, logits):
        """Add one token; return which of the texts go on, one may do so in several ways: (B·K,)."""
        shape, logits = self.scores.shape, _checked(logits, self.stop).astype(np.float64)
        chances = log_softmax(logits, axis=1).reshape(*shape, -1)  # (B, K, V)
        count = chances.shape[2]
        if self.stop is not None:  # a text that has ended goes on in one way only, for sure
            chances[self.ended] = np.where(np.arange(count) == self.stop, 0, -np.inf)
        added = self.added + ~self.ended
        total = self.scores[:, :, None] + chances
        ranked = (total / added[:, :, None] ** self.penalty).reshape(len(total), -1)
        best = np.argsort(-ranked, axis=1, kind="stable")[:, : self.beams]  # (B, K)
        parents, chosen = np.divmod(best, count)
        self.scores = np.take_along_axis(total.reshape(len(total), -1), best, axis=1)
        self.added = np.take_along_axis(added, parents, axis=1)
        self.ended = np.take_along_axis(self.ended, parents, axis=1)
        if self.stop is not None:
            self.ended |= chosen == self.stop
        rows = (np.arange(shape[0])[:, None] * self.beams + parents).ravel()
        self.texts = np.concatenate([self.texts[rows], chosen.reshape(-1, 1)], axis=1)
        return rows

    def best(self):
        """Return the best of each text and what it is ranked by."""
        ranked = self.scores / self.added**self.penalty  # (B, K)
        texts = self.texts.reshape(*ranked.shape, -1)
        return texts[np.arange(len(texts)), ranked.argmax(axis=1)], ranked.max(axis=1)


def _begin(model, prompt, length, *, seed=0, stop=None, cached=True):
    """Check what all ways of writing take; return seed, stop, the scorer and the prompt."""
    prompt, length = np.asarray(prompt), natural("length", length, 1)
    stop = None if stop is None else natural("stop", stop, 0)
    context = getattr(getattr(model, "config", None), "context", 2**31)
    dtype = "int64" if prompt.dtype.kind in "iu" else str(prompt.dtype)
    token_batch("prompts", prompt.shape, dtype, context)
    known = callable(getattr(model, "logits", None)) and callable(getattr(model, "reorder", None))
    capacity = prompt.shape[1] + length
    scorer = model if known else Scorer(model, capacity, cached=cached)
    return seed, stop, scorer, prompt.astype(np.int64)


def _checked(logits, stop=None):
    """Return logits that have to allow some token, (B, V), with the stop among the V tokens."""
    logits = np.asarray(logits)
    if logits.ndim != 2 or 0 in logits.shape:
        raise ValueError(f"the logits have shape {logits.shape}; expected (B, V), none of them 0")
    if not np.isfinite(logits.max(axis=1)).all():  # a NaN is its row's maximum
        raise ValueError(
            "the logits contain NaN or infinity, or a row without any possible token; expected "
            "finite numbers, and −∞ only for tokens that cannot come"
        )
    if stop is not None and stop >= logits.shape[1]:
        raise ValueError(f"stop is {stop}; expected a token from 0 to {logits.shape[1] - 1}")
    return logits


def _share(name, value):
    if number(name, value, 0, 1) == 0:
        raise ValueError(f"{name} is {value!r}; expected a number above 0 and at most 1")
    return value
