"""English number names and Chinese numerals, 0 to 10¹²: translation with exact grading.

Each number is written in one way only, so a translation is right or wrong. English is British:
"and" behind a hundred and before a last group below one hundred, hyphens from twenty-one to
ninety-nine, no commas, a billion is 10⁹. 120305 is "one hundred and twenty thousand three hundred
and five". Chinese is the standard written form in groups of four digits, 万 (10⁴) and 亿 (10⁸):

1. Zeros at the end of a group are not read; any other run of zeros, however long, is one 零. So
   a group behind another starts with 零 if it is below 1000, or if an empty group stands between:
   十万零五 (10 0005), 一亿零一千 (1 0000 1000), but 十万一千 (10 1000).
2. Ten to nineteen at the very start lose their 一 (十二, 十二万), elsewhere not (一百一十二).
3. Two is 二 everywhere. In the spoken form (`spoken=True`) it is 两 before 百 and 千, and before
   万 and 亿 where it is the whole group: 两万两千两百二十二, but 二十二万.
4. 10¹² is 一万亿. Zero alone is 零.

`companion.data.numeral_pairs` draws numbers to train and to test on.

What the functions read is exactly what they write. A text that means a number but is not written
so is refused, and the message says how it should be.
"""

import re

from companion.checks import natural

__all__ = [
    "CHARACTERS",
    "LARGEST",
    "WORDS",
    "from_chinese",
    "from_english",
    "to_chinese",
    "to_english",
    "words",
]

LARGEST = 10**12

_SMALL = re.findall(
    r"\w+",
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen",
)
_TENS = re.findall(r"\w+", "twenty thirty forty fifty sixty seventy eighty ninety")
_SCALES = {"trillion": 10**12, "billion": 10**9, "million": 10**6, "thousand": 1000}
_DIGITS = "零一二三四五六七八九"
_PLACES = {"千": 1000, "百": 100, "十": 10, "": 1}

# All words and characters that occur: the vocabularies of the two languages.
WORDS = (*_SMALL, *_TENS, "hundred", *reversed(_SCALES), "and")
CHARACTERS = (*_DIGITS, "两", "十", "百", "千", "万", "亿")

_VALUES = {word: value for value, word in enumerate(_SMALL)}
_VALUES |= {word: 10 * (place + 2) for place, word in enumerate(_TENS)}


def words(text):
    """Cut an English number name into the words of `WORDS`; the hyphen goes.

    Raises:
        ValueError: If a word is none of them, or the text is no string or has none.
    """
    found = re.split(r"[ -]", text) if isinstance(text, str) else []
    unknown = [word for word in found if word not in WORDS]
    if unknown or not found:
        raise ValueError(
            f"text is {text!r}, with the words {unknown}; expected number names in lower case "
            "with single spaces, such as 'one hundred and twenty-three'"
        )
    return found


def to_english(n):
    """Return the English name of an integer from 0 to 10¹².

    Raises:
        ValueError: If n is none.
    """
    n = _checked(n)
    if n == 0:
        return _SMALL[0]
    parts = []
    for scale, size in _SCALES.items():
        if n >= size:
            parts += [_below_thousand(n // size), scale]
            n %= size
    if n:
        parts += ["and"] if parts and n < 100 else []
        parts.append(_below_thousand(n))
    return " ".join(parts)


def _below_thousand(n):
    """Return the name of an integer from 1 to 999."""
    hundreds, rest = divmod(n, 100)
    parts = [_SMALL[hundreds], "hundred"] if hundreds else []
    if rest:
        parts += ["and"] if parts else []
        ten, one = divmod(rest, 10)
        tens = _TENS[ten - 2] if ten > 1 else ""
        parts.append(_SMALL[rest] if ten < 2 else f"{tens}-{_SMALL[one]}" if one else tens)
    return " ".join(parts)


def from_english(text):
    """Return the integer that an English number name stands for.

    Raises:
        ValueError: If the text is not written exactly as `to_english` writes it.
    """
    total = group = 0
    for word in words(text):
        if word in _SCALES:
            total, group = total + group * _SCALES[word], 0
        elif word == "hundred":
            group *= 100
        elif word != "and":
            group += _VALUES[word]
    return _exact(text, total + group, (to_english,))


def to_chinese(n, spoken=False):
    """Return the Chinese numeral of an integer from 0 to 10¹².

    Args:
        n: The integer.
        spoken: Whether to write 两 where it is usually said.

    Raises:
        ValueError: If n is none.
    """
    n = _checked(n)
    if n == 0:
        return _DIGITS[0]
    high, low = divmod(n, 10**8)
    groups = [
        (high // 10**4, "万亿"),
        (high % 10**4, "亿"),
        (low // 10**4, "万"),
        (low % 10**4, ""),
    ]
    text, skipped = "", False
    for group, name in groups:
        if group:
            zero = text and (skipped or group < 1000)
            text += (_DIGITS[0] if zero else "") + _group(group, name, spoken) + name
        skipped = not group
    return text.removeprefix("一") if text.startswith("一十") else text


def _group(n, name, spoken):
    """Return the numeral of an integer from 1 to 9999, the group in front of `name`."""
    if spoken and n == 2 and name:
        return "两"
    text, skipped = "", False
    for place, size in _PLACES.items():
        digit = n // size % 10
        if digit:
            two = spoken and digit == 2 and size >= 100
            zero = _DIGITS[0] if text and skipped else ""
            text += zero + ("两" if two else _DIGITS[digit]) + place
        skipped = not digit
    return text


def from_chinese(text):
    """Return the integer that a Chinese numeral stands for, in the written or the spoken form.

    Raises:
        ValueError: If the text is not written exactly as `to_chinese` writes it.
    """
    unknown = [c for c in text if c not in CHARACTERS] if isinstance(text, str) else []
    if unknown or not text or not isinstance(text, str):
        raise ValueError(
            f"text is {text!r}, with the characters {unknown}; expected a numeral of the "
            f"characters {''.join(CHARACTERS)}"
        )
    total = group = digit = 0
    for character in text.replace("两", "二"):
        if character == "亿":
            total, group, digit = (total + group + digit) * 10**8, 0, 0
        elif character == "万":
            total, group, digit = total + (group + digit) * 10**4, 0, 0
        elif character in _PLACES:
            group, digit = group + (digit or 1) * _PLACES[character], 0
        else:
            digit = 10 * digit + _DIGITS.index(character)  # 一二 is no 12: it will not come back
    return _exact(text, total + group + digit, (to_chinese, lambda n: to_chinese(n, spoken=True)))


def _exact(text, n, writers):
    """Return n if one of the writers makes the text of it."""
    expected = [writer(n) for writer in writers] if 0 <= n <= LARGEST else []
    if text in expected:
        return n
    hint = f"expected {expected[0]!r}, which is {n}" if expected else "expected at most 10^12"
    raise ValueError(f"text is {text!r}; {hint}")


def _checked(n):
    if natural("n", n, 0) > LARGEST:
        raise ValueError(f"n is {n}; expected at most 10^12")
    return int(n)
