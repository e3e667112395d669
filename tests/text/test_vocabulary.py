"""Vocabularies, the cut into words, and stop words."""

import re

import numpy as np
import pytest

from companion.text.stop_words import STOP_WORDS, without_stop_words
from companion.text.vocabulary import Vocabulary, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't panic, it's WELL-known!", ["don't", "panic", ",", "it's", "well-known", "!"]),
        ("", []),
        ("  3.5 % of café's", ["3", ".", "5", "%", "of", "café's"]),
        ("'quoted' - dash", ["'", "quoted", "'", "-", "dash"]),
        ("中文 字", ["中文", "字"]),
    ],
)
def test_words_are_cut(text, expected):
    assert words(text) == expected


def test_frequent_tokens_come_first_behind_the_special_ones():
    made = Vocabulary.of([["b", "a", "b"], ["c", "a", "d"]])
    assert made.tokens == ["<pad>", "<unk>", "a", "b", "c", "d"]
    assert Vocabulary.of([["b", "a", "b"], ["c", "a"]], size=4).tokens[2:] == ["a", "b"]
    assert Vocabulary.of([["b", "a", "b"], ["c"]], least=2).tokens[2:] == ["b"]
    assert len(made) == 6 and "d" in made and "x" not in made


def test_characters_come_back():
    made = Vocabulary.of(["hello, 世界"], special=(), unknown=None)
    ids = made.encode("世 hello")
    assert ids.dtype == np.int64 and "".join(made.decode(ids)) == "世 hello"


def test_an_unknown_token_becomes_the_unknown_one_or_an_error():
    known = Vocabulary.of(["abc"])
    assert known.decode(known.encode("axb")) == ["a", "<unk>", "b"]
    strict = Vocabulary("abc")
    with pytest.raises(ValueError, match="'x' at place 1 is not in the vocabulary of 3 tokens"):
        strict.encode("axb")


def test_empty_texts_have_no_ids():
    made = Vocabulary("abc")
    assert made.encode("").shape == (0,) and made.decode([]) == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Vocabulary(["a", "b", "a"]), "tokens hold ['a'] twice; expected at least one"),
        (lambda: Vocabulary([]), "tokens hold [] twice; expected at least one, each once"),
        (lambda: Vocabulary("abc", "?"), "unknown is '?'; expected one of the tokens, or None"),
        (lambda: Vocabulary.of(["ab"], unknown="?"), "unknown is '?'; expected one of the tokens"),
        (lambda: Vocabulary.of(["ab"], size=2), "size is 2; expected an integer of at least 3"),
        (lambda: Vocabulary.of(["ab"], least=0), "least is 0; expected an integer of at least 1"),
        (lambda: Vocabulary.of([["<pad>"]]), "the texts contain '<pad>'; expected no special"),
        (lambda: Vocabulary("abc").decode([0, 3]), "the ids range from 0 to 3; expected 0 to 2"),
        (lambda: Vocabulary("abc").decode([-1]), "the ids range from -1 to -1; expected 0 to 2"),
    ],
)
def test_wrong_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
    with pytest.raises(TypeError, match="the ids are float64; expected integers"):
        Vocabulary("abc").decode([0.5])


def test_stop_words_are_left_out_and_with_them_what_a_sentence_says():
    assert without_stop_words(["The", "film", "was", "good"]) == ["film", "good"]
    assert without_stop_words(words("The film was not good")) == ["film", "good"]
    assert without_stop_words(["a", "b"], {"b"}) == ["a"]
    assert all(word == word.lower() and words(word) == [word] for word in STOP_WORDS)
