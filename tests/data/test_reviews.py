"""Reviews: the grammar's own sentiment, splits, balance, and that word counts do not suffice."""

import re

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from companion.data import reviews

NEGATED = ("negated", "denied negated", "contrast negated")


@pytest.mark.parametrize(
    ("text", "positive"),
    [
        ("the room was good", 1),
        ("the room was very bad", 0),
        ("the room was not good", 0),
        ("the room was hardly really bad", 1),
        ("it is wrong that the room was good", 0),
        ("it is not true that the room was not good", 1),
        ("the room was good and the view was not bad", 1),
        ("the room was good but the view was bad", 0),
        ("the room was bad but the view was never awful", 1),
        ("although the room was good , the view was bad", 0),
        ("the room was good although the view was bad", 1),
        ("although the room was not good , the view was never bad", 1),
    ],
)
def test_sentiment_by_example(text, positive):
    assert reviews.sentiment(text) == positive


@pytest.mark.parametrize("part", ["train", "test"])
def test_every_review_has_the_sentiment_and_the_words_of_the_grammar(part):
    texts, labels, drawn = reviews.generate(4000, part)
    assert labels.dtype == np.int64
    assert [reviews.sentiment(text) for text in texts] == labels.tolist()
    assert {word for text in texts for word in text.split(" ")} == set(reviews.words())
    for kind in reviews.KINDS:
        rows = drawn == kind
        assert 500 < rows.sum() < 840  # five standard deviations
        assert 0.38 < labels[rows].mean() < 0.62


def test_a_kind_has_what_its_name_says():
    for kind in reviews.KINDS:
        for text in reviews.generate(200, kinds=(kind,))[0]:
            plain = re.sub("|".join(reviews.DENIALS), "denied", text)
            assert ("denied" in plain) == kind.startswith("denied"), text
            contrast = bool(re.search(r"\b(but|although)\b", plain))
            assert contrast == kind.startswith("contrast"), text
            negated = bool(set(plain.split()) & set(reviews.NEGATORS))
            assert negated == kind.endswith("negated"), text


def test_the_parts_are_apart_and_unseen_means_unseen():
    parts = {part: set(reviews.generate(6000, part, NEGATED)[0]) for part in reviews.PARTS}
    assert not parts["train"] & parts["test"]
    assert not any(map(reviews.held_out, parts["train"] | parts["test"]))
    assert all(map(reviews.held_out, parts["unseen"]))

    def combinations(texts):
        adjectives = "|".join(reviews.ADJECTIVES)
        pattern = rf"({'|'.join(reviews.NEGATORS)}) (?:\w+ )?({adjectives})\b"
        return {found for text in texts for found in re.findall(pattern, text)}

    seen, unseen = (
        combinations(parts["train"]),
        combinations(parts["unseen"]) - combinations(parts["train"]),
    )
    assert len(seen) == 60 and len(unseen) == 20
    for place, names in ((0, reviews.NEGATORS), (1, reviews.ADJECTIVES)):
        assert {pair[place] for pair in seen} == set(names), "each is known, in other company"
        assert {pair[place] for pair in unseen} == set(names)


def test_counting_words_is_enough_without_negation_and_useless_for_contrasts():
    def score(kind):
        texts, labels, _ = reviews.generate(2000, "train", (kind,))
        tested, truth, _ = reviews.generate(1000, "test", (kind,))
        counts = CountVectorizer(token_pattern=r"\S+").fit(texts)
        model = LogisticRegression(max_iter=1000).fit(counts.transform(texts), labels)
        return model.score(counts.transform(tested), truth)

    assert score("plain") == 1
    assert score("contrast") < 0.6


def test_the_seed_decides():
    one, same, other = (reviews.generate(50, seed=seed)[0] for seed in (1, 1, 2))
    assert one == same != other


@pytest.mark.parametrize(
    "text",
    [
        "",
        "the room was",
        "the room was good bad",
        "the castle was good",
        "the room was good but the view was good",
        "the room was good and the view was bad",
        "although the room was good the view was bad",
        "the room was good , the view was bad",
        "the room was good.",
        "The room was good",
        "the room was not never good",
    ],
)
def test_what_is_not_of_the_grammar_is_refused(text):
    with pytest.raises(ValueError, match="expected a review of the grammar"):
        reviews.sentiment(text)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n is 0; expected an integer of at least 1"),
        ({"part": "valid"}, "part is 'valid'; expected one of 'train', 'test', 'unseen'"),
        ({"kinds": ()}, "kinds is (); expected a tuple of some of"),
        ({"kinds": "plain"}, "kinds is 'plain'; expected a tuple of some of"),
        ({"kinds": ("long",)}, "kinds is 'long'; expected one of 'plain'"),
        ({"part": "unseen"}, "expected only kinds with a negator"),
        ({"seed": 1.5}, "seed is 1.5"),
    ],
)
def test_a_wrong_argument_is_named(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        reviews.generate(**{"n": 2, **arguments})
    with pytest.raises(ValueError, match="text is 5; expected a string"):
        reviews.sentiment(5)
