"""The text of Python's documentation: codes, and a split that does not leak."""

import re
from pydoc_data.topics import topics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.data import documentation


def test_codes_are_the_position_in_ascii_the_end_of_a_line_or_other():
    assert documentation.encode(" ~\n\t–é").tolist() == [0, 94, 95, 96, 96, 96]
    assert documentation.encode("").shape == (0,)
    assert documentation.encode("a").dtype == np.int64


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126) | st.just("\n")))
def test_a_text_of_known_characters_survives(text):
    assert documentation.decode(documentation.encode(text)) == text


def test_an_unknown_character_is_marked_and_a_wrong_code_refused():
    assert documentation.decode([33, documentation.OTHER]) == "A\ufffd"
    for code in (-1, documentation.VOCABULARY):
        with pytest.raises(ValueError, match="expected 0 to 96"):
            documentation.decode([code])


def test_paragraphs_are_cut_at_empty_lines():
    assert documentation.paragraphs("\n\na\n  b\n \t\n\n\nc\n\n  \n") == ["a\n  b", "c"]
    assert documentation.paragraphs(" \n\n") == []


def test_no_paragraph_is_in_two_texts_or_twice_in_one():
    parts = [documentation.train(), *documentation.held_out()]
    parts = [documentation.paragraphs(part) for part in parts]
    for part in parts:
        assert len(set(part)) == len(part) > 100
    together = [paragraph for part in parts for paragraph in part]
    assert len(set(together)) == len(together)


def test_whole_topics_are_held_out():
    held_out = set(documentation.paragraphs("\n\n".join(documentation.held_out())))
    topic_parts = {name: set(documentation.paragraphs(text)) for name, text in topics.items()}
    whole = [name for name, parts in topic_parts.items() if parts <= held_out]
    assert set().union(*(topic_parts[name] for name in whole)) == held_out
    assert sum(len(topics[name]) for name in whole) >= 40_000


def test_a_longer_text_of_the_same_seed_begins_with_the_shorter_one():
    short, long = documentation.train(1000, seed=3), documentation.train(5000, seed=3)
    assert len(short) == 1000 and long.startswith(short)
    assert documentation.train(1000, seed=4) != short
    assert sorted(documentation.train(seed=3)) == sorted(documentation.train(seed=4))


def test_a_program_is_python():
    assert len(documentation.program(20_000)) == 20_000
    assert re.search(r"^import \w+", documentation.program(20_000), re.M)


@pytest.mark.parametrize("n", [0, 1.5, "9", 10**9])
def test_a_wrong_length_is_named(n):
    for function in (documentation.train, documentation.program):
        with pytest.raises(ValueError, match=f"n is {n!r}; expected"):
            function(n)
    with pytest.raises(ValueError, match="seed is -1"):
        documentation.train(10, seed=-1)
