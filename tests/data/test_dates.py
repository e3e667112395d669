"""Dates in many spellings: against dateutil, back again, and what is refused."""

import datetime
import re

import dateutil.parser
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.data.dates import FORMS, generate, parse, spell

DATES = st.dates(datetime.date(1970, 1, 1), datetime.date(2069, 12, 31))


@settings(deadline=None)
@given(DATES, st.sampled_from(FORMS))
def test_each_date_survives_each_spelling(date, form):
    assert parse(spell(date, form)) == date


@settings(deadline=None)
@given(DATES, st.sampled_from([form for form in FORMS if form != "chinese"]))
def test_an_independent_reader_understands_the_same(date, form):
    text = spell(date, form)
    if form == "short":  # dateutil takes the century that is nearest to today
        text = text[:-2] + str(date.year)
    found = dateutil.parser.parse(text.replace("the ", ""), dayfirst=form != "iso")
    assert found.date() == date


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("iso", "2021-03-05"),
        ("long", "5 March 2021"),
        ("american", "March 5, 2021"),
        ("ordinal", "the 5th of March 2021"),
        ("weekday", "Friday, 5 March 2021"),
        ("short", "5 Mar 21"),
        ("slashes", "05/03/2021"),
        ("dots", "5.3.2021"),
        ("chinese", "2021年3月5日"),
    ],
)
def test_the_spellings_by_example(form, text):
    assert spell(datetime.date(2021, 3, 5), form) == text


def test_ordinals_and_the_century_of_two_digits():
    endings = [spell(datetime.date(2020, 1, day), "ordinal").split()[1] for day in range(1, 32)]
    assert endings[:4] + endings[10:13] == ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th"]
    assert endings[20:23] + endings[30:] == ["21st", "22nd", "23rd", "31st"]
    assert [parse(f"1 Jan {year}").year for year in (70, 99, "00", 69)] == [1970, 1999, 2000, 2069]
    assert parse("31 December 9999").year == 9999


def test_generated_pairs():
    texts, iso, drawn = generate(3000)
    assert [parse(text).isoformat() for text in texts] == iso
    assert set(drawn) == set(FORMS) and min(np.unique(drawn, return_counts=True)[1]) > 240
    assert min(iso) < "1972" and max(iso) > "2067"
    texts, iso, _ = generate(500, ("dots", "iso"), (1800, 1801), seed=1)
    assert {date[:4] for date in iso} == {"1800", "1801"}
    assert all(re.fullmatch(r"[\d.-]+", text) for text in texts)
    assert generate(500, ("dots", "iso"), (1800, 1801), seed=1)[0] == texts


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("31/02/2021", "expected a day from 1 to 28 in that month"),
        ("29 February 2021", "expected a day from 1 to 28"),
        ("2021-13-01", "expected a month from 1 to 12"),
        ("0.3.2021", "expected a day from 1 to 31"),
        ("0999-01-01", "a year from 1000 on"),
        ("Monday, 5 March 2021", "expected 'Friday, 5 March 2021'"),
        ("the 5st of March 2021", "expected 'the 5th of March 2021'"),
        ("05.03.2021", "expected '5.3.2021'"),
        ("5/3/2021", "expected a date such as '2021-03-05', '5 March 2021'"),
        ("5 march 2021", "expected a date such as"),
        ("March 2021", "expected a date such as"),
        (" 2021-03-05", "expected a date such as"),
        ("２０２１-03-05", "expected a date such as"),
        (20210305, "expected a date such as"),
    ],
)
def test_what_is_no_date_is_refused(text, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        parse(text)
    assert parse("29 February 2024").day == 29


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n is 0; expected an integer of at least 1"),
        ({"forms": ()}, "forms is (); expected a tuple"),
        ({"forms": "iso"}, "forms is 'iso'; expected a tuple"),
        ({"forms": ("us",)}, "forms is 'us'; expected one of 'iso'"),
        ({"years": (1900, 2000)}, "years is (1900, 2000); expected the first and the last"),
        ({"years": (2001, 2000)}, "years is (2001, 2000); expected the first and the last"),
        ({"years": 2000}, "years is 2000; expected the first and the last, from 1970 to 2069"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_a_wrong_argument_is_named(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        generate(**{"n": 2, **arguments})


def test_what_cannot_be_spelt_is_refused():
    with pytest.raises(TypeError, match=r"date is '2021-03-05'; expected a datetime\.date"):
        spell("2021-03-05", "iso")
    with pytest.raises(ValueError, match="form is 'long ago'; expected one of 'iso'"):
        spell(datetime.date(2021, 3, 5), "long ago")
    with pytest.raises(ValueError, match="expected a year from 1970 to 2069 for form 'short'"):
        spell(datetime.date(1969, 3, 5), "short")
