"""BLEU and chrF: equal to sacrebleu on every kind of corpus, and by hand on small ones."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU, CHRF

from companion.text.scores import bleu, chrf

WORDS = st.sampled_from(["the", "cat", "sat", "on", "a", "mat", "mats", "十二"])


@st.composite
def corpora(draw, smallest=0):
    """Draw translations and references; many share parts with each other."""
    sentences, choices = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    texts = st.lists(WORDS, min_size=smallest, max_size=9)
    references = [[draw(texts) for _ in range(choices)] for _ in range(sentences)]
    translations = []
    for choice in references:
        kept = choice[draw(st.integers(0, choices - 1))]
        translations.append(draw(st.one_of(texts, st.just(kept), st.just(kept[1:] or kept))))
    return translations, references


def _streams(references):
    """Turn references by sentence into sacrebleu's, by their number."""
    return [[" ".join(one) for one in stream] for stream in zip(*references, strict=True)]


@settings(deadline=None)
@given(corpora())
def test_bleu_is_that_of_sacrebleu(corpus):
    translations, references = corpus
    texts = [" ".join(one) for one in translations]
    expected = BLEU(tokenize="none").corpus_score(texts, _streams(references)).score
    assert bleu(translations, references) == pytest.approx(expected, abs=1e-9)
    short = BLEU(tokenize="none", max_ngram_order=2).corpus_score(texts, _streams(references)).score
    assert bleu(translations, references, order=2) == pytest.approx(short, abs=1e-9)


@settings(deadline=None)
@given(corpora(), st.sampled_from([1, 2, 3]))
def test_chrf_is_that_of_sacrebleu(corpus, beta):
    translations = [" ".join(one) for one in corpus[0]]
    references = [[" ".join(one) for one in choice] for choice in corpus[1]]
    expected = CHRF(beta=beta).corpus_score(translations, _streams(corpus[1])).score
    assert chrf(translations, references, beta=beta) == pytest.approx(expected, abs=1e-9)


def test_characters_are_the_tokens_of_a_chinese_text():
    ours, theirs = ["一百零五", "十二万"], [["一百零二"], ["十二万"]]
    expected = BLEU(tokenize="char").corpus_score(ours, [["一百零二", "十二万"]]).score
    assert bleu(ours, theirs) == pytest.approx(expected, abs=1e-9)


def test_bleu_by_hand():
    """Of "the cat sat down", 3 of 4 words, 2 of 3 pairs and 1 of 2 triples are right, no four."""
    found = bleu([["the", "cat", "sat", "down"]], [[["the", "cat", "sat", "on", "mats"]]])
    expected = math.exp(1 - 5 / 4) * (3 / 4 * 2 / 3 * 1 / 2 * (1 / 2) / 1) ** (1 / 4)
    assert found == pytest.approx(100 * expected)


def test_a_perfect_translation_has_100_and_an_unrelated_one_0():
    text = ["one", "two", "three", "four", "five"]
    assert bleu([text], [[text]]) == pytest.approx(100)
    assert chrf(["one two"], [["one two"]]) == pytest.approx(100)
    assert bleu([["x"] * 5], [[text]]) == 0 == chrf(["xxx"], [["one"]])
    assert bleu([[]], [[text]]) == 0 == chrf([""], [["one"]])
    # The order of words matters to BLEU, spaces do not matter to chrF.
    assert bleu([text[::-1]], [[text]]) < 50
    assert chrf(["onetwo"], [["one two"]]) == pytest.approx(100)


def test_recall_counts_more_in_chrf():
    rng = np.random.default_rng(0)
    text = "".join(rng.choice(list("abcdef"), size=40))
    assert chrf([text[:30]], [[text]]) < chrf([text + text[:10]], [[text]])


@pytest.mark.parametrize("score", [bleu, chrf])
@pytest.mark.parametrize(
    ("translations", "references", "message"),
    [
        ([], [], "translations is []; expected a list of at least one"),
        ("a b", [["a b"]], "translations is 'a b'; expected a list"),
        (["a"], [], "there are 1 translations and references for 0; expected as many"),
        (["a"], ["a"], "references[0] is 'a'; expected a list of one or more references"),
        (["a", "b"], [["a"], []], "references[1] is []; expected a list of one or more"),
    ],
)
def test_a_corpus_that_does_not_fit_is_refused(score, translations, references, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        score(translations, references)


def test_wrong_arguments_are_named():
    with pytest.raises(TypeError, match=r"\['a'\] is no string; expected texts, not tokens"):
        chrf([["a"]], [["a"]])
    for score in (bleu, chrf):
        with pytest.raises(ValueError, match="order is 0"):
            score(["a"], [["a"]], order=0)
    with pytest.raises(ValueError, match="beta is 0; expected a number above 0"):
        chrf(["a"], [["a"]], beta=0)
