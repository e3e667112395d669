r"""GPT-2's cut of a text into pieces, before byte-pair encoding, with Python's own `re`.

GPT-2's pattern speaks of letters, \p{L}, and numbers, \p{N}, which `re` does not know:

    's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+

In `re`, \w is letters, numbers and the underscore, and \d the decimal digits. What is missing are
the other numbers, such as ² and Ⅷ: they are found once, by asking Python about every character.
Four control characters that `re` takes for white space are none in Unicode's list.
"""

import re
import sys
from functools import cache

__all__ = ["pieces"]

# Unicode's white space.
_SPACE = r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"


def pieces(text):
    """Return the pieces of a text in their order, a list of strings; joined, they are the text."""
    return _pattern().findall(text)


@cache
def _pattern():
    numbers = "".join(
        letter
        for letter in map(chr, range(sys.maxunicode + 1))
        if letter.isnumeric() and not letter.isalpha() and not letter.isdecimal()
    )  # none of these has a meaning inside of brackets
    letter, number = rf"[^\W\d_{numbers}]", rf"[\d{numbers}]"
    # [^\s\p{{L}}\p{{N}}]: what is no letter and no number is no \w, or is the underscore.
    sign = rf"(?:[^\w{_SPACE}]|_)"
    space, ink = rf"[{_SPACE}]", rf"[^{_SPACE}]"
    endings = "'s|'t|'re|'ve|'m|'ll|'d"
    return re.compile(rf"{endings}| ?{letter}+| ?{number}+| ?{sign}+|{space}+(?!{ink})|{space}+")
