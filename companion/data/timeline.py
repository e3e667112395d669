"""Events of the field from 1943 on, each with one sentence and its source, in `timeline.csv`.

A choice of some fifty events cannot be complete, and is not meant to be. An event stands at the
year of the publication that its source names, or of the occasion, if that is public; a winter has
a year in which it ends as well. The years of both winters are a convention: no decree opened or
closed them.
"""

import dataclasses
from functools import cache
from pathlib import Path

from companion.checks import one_of
from companion.data.tables import read_table

__all__ = ["KINDS", "Event", "events", "read"]

KINDS = ("idea", "system", "winter", "hardware", "model")

_FILE = Path(__file__).with_suffix(".csv")


@dataclasses.dataclass(frozen=True)
class Event:
    """One row of the table.

    Attributes:
        year: When it happened, or began.
        until: The year in which a winter ended; None for everything else.
        event: A short name, unique in the table.
        kind: One of `KINDS`.
        sentence: What happened.
        source: Bibliography key.
    """

    year: int
    until: int | None
    event: str
    kind: str
    sentence: str
    source: str


@cache
def _table():
    return tuple(read(_FILE))


def events(kind=None):
    """Return the events in the order of their years.

    Args:
        kind: One of `KINDS`; all of them by default.

    Raises:
        ValueError: If `kind` is none of them.
    """
    if kind is not None:
        one_of("kind", kind, KINDS)
    return [row for row in _table() if kind in (None, row.kind)]


def read(path):
    """Read a table like `timeline.csv`.

    Args:
        path: A UTF-8 CSV file whose columns are the fields of `Event`.

    Returns:
        A list of `Event`, sorted by year.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not such a table; the message names file, line, column and value.
    """
    columns = [field.name for field in dataclasses.fields(Event)]
    return sorted(
        (_event(place, row) for place, row in read_table(path, columns)), key=lambda row: row.year
    )


def _event(place, row):
    year = _year(place, "year", row["year"])
    until = _year(place, "until", row["until"]) if row["until"] else None
    one_of(f"{place}, column 'kind'", row["kind"], KINDS)
    if (row["kind"] == "winter") != (until is not None) or (until is not None and until <= year):
        raise ValueError(
            f"{place}, column 'until': {row['until']!r} for {row['kind']} of {year}; "
            "expected a later year for a winter, and nothing for any other kind"
        )
    if not row["event"] or not row["sentence"].endswith("."):
        raise ValueError(f"{place}: expected an event and a sentence that ends with a full stop")
    return Event(**row | {"year": year, "until": until})


def _year(place, column, text):
    if not (text.isascii() and text.isdigit() and 1900 <= int(text) <= 2100):
        raise ValueError(f"{place}, column {column!r}: {text!r}; expected a year from 1900 to 2100")
    return int(text)
