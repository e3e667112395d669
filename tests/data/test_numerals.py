"""Number names in English and Chinese: against num2words and cn2an, back, and what is refused."""

import random
import re

import cn2an
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from num2words import num2words

from companion.data.numerals import (
    CHARACTERS,
    LARGEST,
    WORDS,
    from_chinese,
    from_english,
    to_chinese,
    to_english,
    words,
)

# A number of each length with many zeros: the digits apart from the first are 0 half of the time.
NUMBERS = st.integers(0, LARGEST) | st.builds(
    lambda first, rest: int(first + "".join(rest)),
    st.sampled_from("123456789"),
    st.lists(st.sampled_from("000000000123456789"), max_size=11),
)


@settings(deadline=None)
@given(NUMBERS)
def test_each_number_survives_both_languages(n):
    assert from_english(to_english(n)) == n
    assert from_chinese(to_chinese(n)) == n
    assert from_chinese(to_chinese(n, spoken=True)) == n


def test_small_numbers_are_all_different_and_survive():
    for write, read in ((to_english, from_english), (to_chinese, from_chinese)):
        written = [write(n) for n in range(12_000)]
        assert len(set(written)) == 12_000
        assert [read(text) for text in written] == list(range(12_000))


@settings(deadline=None)
@given(NUMBERS)
def test_english_is_that_of_num2words_without_its_commas(n):
    assert to_english(n) == num2words(n).replace(",", "")


@settings(deadline=None)
@given(NUMBERS)
def test_chinese_is_that_of_cn2an(n):
    """But where no ten-thousands stand between 亿 and thousands: it leaves the 零 out there."""
    _, thousands, ones = n // 10**8, n // 10**4 % 10**4, n % 10**4
    expected = cn2an.an2cn(n)
    if n > 10**8 and thousands == 0 and ones >= 1000:
        expected = expected.replace("亿", "亿零")
    assert to_chinese(n) == expected
    assert cn2an.cn2an(to_chinese(n)) == n
    assert cn2an.cn2an(to_chinese(n, spoken=True), "smart") == n


@pytest.mark.parametrize(
    ("n", "english", "chinese", "spoken"),
    [
        (0, "zero", "零", "零"),
        (2, "two", "二", "二"),
        (10, "ten", "十", "十"),
        (12, "twelve", "十二", "十二"),
        (20, "twenty", "二十", "二十"),
        (101, "one hundred and one", "一百零一", "一百零一"),
        (112, "one hundred and twelve", "一百一十二", "一百一十二"),
        (222, "two hundred and twenty-two", "二百二十二", "两百二十二"),
        (1005, "one thousand and five", "一千零五", "一千零五"),
        (10_010, "ten thousand and ten", "一万零一十", "一万零一十"),
        (20_000, "twenty thousand", "二万", "两万"),
        (100_005, "one hundred thousand and five", "十万零五", "十万零五"),
        (101_000, "one hundred and one thousand", "十万一千", "十万一千"),
        (220_000, "two hundred and twenty thousand", "二十二万", "二十二万"),
        (100_001_000, "one hundred million one thousand", "一亿零一千", "一亿零一千"),
        (1_010_000_000, "one billion ten million", "十亿一千万", "十亿一千万"),
        (200_020_000, "two hundred million twenty thousand", "二亿零二万", "两亿零两万"),
        (10**12, "one trillion", "一万亿", "一万亿"),
    ],
)
def test_the_rules_by_example(n, english, chinese, spoken):
    assert to_english(n) == english
    assert (to_chinese(n), to_chinese(n, spoken=True)) == (chinese, spoken)


def test_the_vocabularies_hold_what_occurs_and_no_more():
    rng = random.Random(0)
    drawn = [rng.randrange(10 ** rng.randint(1, 12)) for _ in range(3000)] + [0, LARGEST]
    assert {word for n in drawn for word in words(to_english(n))} == set(WORDS)
    written = "".join(to_chinese(n) + to_chinese(n, spoken=True) for n in drawn)
    assert set(written) == set(CHARACTERS)
    assert len(set(WORDS)) == len(WORDS) and len(set(CHARACTERS)) == len(CHARACTERS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("one hundred one", "expected 'one hundred and one', which is 101"),
        ("one hundred and one thousand and", "expected 'one hundred and one thousand'"),
        ("twenty one", "expected 'twenty-one', which is 21"),
        ("one-hundred", "expected 'one hundred'"),
        ("twenty-ten", "expected 'thirty'"),
        ("zero hundred", "expected 'zero'"),
        ("one thousand one million", "expected 'one million one thousand'"),
        ("two trillion", "expected at most 10^12"),
        ("One", "with the words ['One']"),
        ("one  two", "with the words ['']"),
        ("one,", "with the words ['one,']"),
        ("a dozen", "with the words ['a', 'dozen']"),
        ("", "expected number names"),
        (None, "expected number names"),
    ],
)
def test_english_that_is_not_exact_is_refused(text, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        from_english(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("一百十二", "expected '一百一十二', which is 112"),
        ("一十二", "expected '十二', which is 12"),
        ("十万零一千", "expected '十万一千', which is 101000"),
        ("一亿一千", "expected '一亿零一千', which is 100001000"),
        ("一千五", "expected '一千零五', which is 1005"),
        ("一百零", "expected '一百', which is 100"),
        ("一二", "expected '十二', which is 12"),
        ("两十", "expected '二十', which is 20"),
        ("二千两百", "expected '二千二百', which is 2200"),
        ("零五", "expected '五'"),
        ("万", "expected '零'"),
        ("二万亿", "expected at most 10^12"),
        ("三百 五", "with the characters [' ']"),
        ("一兆", "with the characters ['兆']"),
        ("１２", "with the characters ['１', '２']"),
        ("", "expected a numeral"),
        (12, "expected a numeral"),
    ],
)
def test_chinese_that_is_not_exact_is_refused(text, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        from_chinese(text)


@pytest.mark.parametrize("write", [to_english, to_chinese])
@pytest.mark.parametrize(
    ("n", "message"),
    [
        (-1, "n is -1; expected an integer of at least 0"),
        (2.0, "n is 2.0; expected an integer"),
        ("7", "n is '7'; expected an integer"),
        (True, "n is True; expected an integer"),
        (LARGEST + 1, "n is 1000000000001; expected at most 10^12"),
    ],
)
def test_numbers_out_of_range_are_refused(write, n, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        write(n)
