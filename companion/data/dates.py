"""Dates in many spellings, and the one form of ISO 8601: a translation with exact grading.

The spellings, by the name of the form:

    form         5 March 2021 is spelt
    "iso"        2021-03-05
    "long"       5 March 2021
    "american"   March 5, 2021
    "ordinal"    the 5th of March 2021
    "weekday"    Friday, 5 March 2021
    "short"      5 Mar 21
    "slashes"    05/03/2021, the day first, as in Europe
    "dots"       5.3.2021
    "chinese"    2021年3月5日

Where two readings are possible, this module decides: numbers between slashes or dots are day,
month and year, and a year of two digits lies from 1970 to 2069. Dates are those of the Gregorian
calendar.
"""

import calendar
import datetime
import re

import numpy as np

from companion.checks import natural, one_of

__all__ = ["FORMS", "generate", "parse", "spell"]

FORMS = ("iso", "long", "american", "ordinal", "weekday", "short", "slashes", "dots", "chinese")

_CENTURY = 1970  # the first year that two digits stand for

# Not from `calendar` or strftime: these names would follow the machine's language.
_MONTHS = re.findall(
    r"\w+",
    "January February March April May June July August September October November December",
)
_DAYS = re.findall(r"\w+", "Monday Tuesday Wednesday Thursday Friday Saturday Sunday")

_MONTH = f"(?P<month>{'|'.join(_MONTHS)})"
_PATTERNS = {
    "iso": r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)",
    "long": rf"(?P<day>\d\d?) {_MONTH} (?P<year>\d{{4}})",
    "american": rf"{_MONTH} (?P<day>\d\d?), (?P<year>\d{{4}})",
    "ordinal": rf"the (?P<day>\d\d?)(?:st|nd|rd|th) of {_MONTH} (?P<year>\d{{4}})",
    "weekday": rf"(?:{'|'.join(_DAYS)}), (?P<day>\d\d?) {_MONTH} (?P<year>\d{{4}})",
    "short": rf"(?P<day>\d\d?) (?P<month>{'|'.join(m[:3] for m in _MONTHS)}) (?P<year>\d\d)",
    "slashes": r"(?P<day>\d\d)/(?P<month>\d\d)/(?P<year>\d{4})",
    "dots": r"(?P<day>\d\d?)\.(?P<month>\d\d?)\.(?P<year>\d{4})",
    "chinese": r"(?P<year>\d{4})年(?P<month>\d\d?)月(?P<day>\d\d?)日",
}


def spell(date, form):
    """Write a date in one of the spellings.

    Args:
        date: A `datetime.date` from the year 1000 on; for "short", from 1970 to 2069.
        form: One of `FORMS`.

    Returns:
        A string.

    Raises:
        ValueError: If the form is not known, or cannot express the date.
        TypeError: If `date` is no date.
    """
    one_of("form", form, FORMS)
    if not isinstance(date, datetime.date):
        raise TypeError(f"date is {date!r}; expected a datetime.date")
    low, high = (_CENTURY, _CENTURY + 99) if form == "short" else (1000, 9999)
    if not low <= date.year <= high:
        raise ValueError(f"date is {date}; expected a year from {low} to {high} for form {form!r}")
    day, month, year = date.day, date.month, date.year
    name = _MONTHS[month - 1]
    return {
        "iso": f"{year}-{month:02}-{day:02}",
        "long": f"{day} {name} {year}",
        "american": f"{name} {day}, {year}",
        "ordinal": f"the {day}{_ending(day)} of {name} {year}",
        "weekday": f"{_DAYS[date.weekday()]}, {day} {name} {year}",
        "short": f"{day} {name[:3]} {year % 100:02}",
        "slashes": f"{day:02}/{month:02}/{year}",
        "dots": f"{day}.{month}.{year}",
        "chinese": f"{year}年{month}月{day}日",
    }[form]


def _ending(day):
    return "th" if 11 <= day <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def parse(text):
    """Read a date in any of the spellings, which `spell` would write the same.

    Returns:
        A `datetime.date`; its `isoformat()` is the translation.

    Raises:
        ValueError: If the text is in none of the spellings, or there is no such day.
    """
    for form, pattern in _PATTERNS.items():
        found = re.fullmatch(pattern, text, re.ASCII) if isinstance(text, str) else None
        if found:
            date = _date(text, form, **found.groupdict())
            if spell(date, form) != text:
                raise ValueError(f"text is {text!r}; expected {spell(date, form)!r}")
            return date
    shown = ", ".join(repr(spell(datetime.date(2021, 3, 5), form)) for form in FORMS)
    raise ValueError(f"text is {text!r}; expected a date such as {shown}")


def _date(text, form, year, month, day):
    names = [name[: 3 if form == "short" else None] for name in _MONTHS]
    month = int(month) if month.isdigit() else names.index(month) + 1
    year = (int(year) - _CENTURY) % 100 + _CENTURY if form == "short" else int(year)
    if not (year >= 1000 and 1 <= month <= 12):
        raise ValueError(f"text is {text!r}; expected a month from 1 to 12 and a year from 1000 on")
    last = calendar.monthrange(year, month)[1]
    if not 1 <= int(day) <= last:
        raise ValueError(f"text is {text!r}; expected a day from 1 to {last} in that month")
    return datetime.date(year, month, int(day))


def generate(n, forms=FORMS, years=(1970, 2069), seed=0):
    """Draw dates and spell them; every day of the years and every form is equally likely.

    Args:
        n: How many, at least 1.
        forms: Which of `FORMS` to draw from.
        years: The first and the last year, from 1000 to 9999; "short" needs 1970 to 2069.
        seed: Of NumPy's generator, at least 0.

    Returns:
        texts: A list of n strings.
        iso: The list of their translations.
        drawn: The form of each, an array of n strings.

    Raises:
        ValueError: If an argument is none of these.
    """
    n, rng = natural("n", n, 1), np.random.default_rng(natural("seed", seed, 0))
    if isinstance(forms, str) or not forms:
        raise ValueError(f"forms is {forms!r}; expected a tuple of some of {FORMS}")
    forms = [one_of("forms", form, FORMS) for form in forms]
    known = isinstance(years, tuple | list) and len(years) == 2
    low, high = (natural("years", year, 0) for year in years) if known else (1, 0)
    first, last = (_CENTURY, _CENTURY + 99) if "short" in forms else (1000, 9999)
    if not first <= low <= high <= last:
        raise ValueError(
            f"years is {years!r}; expected the first and the last, from {first} to {last}"
        )
    start, end = datetime.date(low, 1, 1).toordinal(), datetime.date(high, 12, 31).toordinal()
    days = map(datetime.date.fromordinal, rng.integers(start, end + 1, size=n).tolist())
    drawn = np.array(forms)[rng.integers(len(forms), size=n)]
    pairs = [(spell(day, form), day.isoformat()) for day, form in zip(days, drawn, strict=True)]
    texts, iso = map(list, zip(*pairs, strict=True))
    return texts, iso, drawn
