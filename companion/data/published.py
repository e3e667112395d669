"""What papers state about models: parameters, training data, training compute and hardware.

The table is `published.csv`, one row per model, each with the bibliography key of its source. A
blank means *not published*: nothing is estimated here beyond what follows from stated numbers, and
then `basis` and `note` say how. The column `basis` says where `compute` comes from:

    stated       the source of the figure prints it
    counted      operations per example × examples, by the source of the figure or as `note` says
    device time  devices × days × peak speed × an assumed utilisation of 0.33
    6ND          6 · parameters (those active for a token) · tokens seen
    bound        at least this much, from a stated ratio

A FLOP is one addition or one multiplication, so a multiply-add counts as two. Figures by device
time can be off by a factor of two or three, as their source says.
"""

import dataclasses
import datetime
import math
from functools import cache
from pathlib import Path

from companion.checks import one_of
from companion.data.tables import KEY, read_table

__all__ = ["BASES", "FAMILIES", "Model", "model", "models", "read"]

FAMILIES = ("vision", "language", "speech", "games", "multimodal")
BASES = ("stated", "counted", "device time", "6ND", "bound")

_NUMBERS = (
    "parameters",
    "active",
    "samples",
    "passes",
    "compute",
    "devices",
    "days",
    "device_hours",
)
_FILE = Path(__file__).with_suffix(".csv")


@dataclasses.dataclass(frozen=True)
class Model:
    """One row of the table; None or an empty text where nothing is published.

    Attributes:
        name: Unique in the table.
        date: When it was first made public.
        family: One of `FAMILIES`.
        parameters: How many are trained, all of them.
        active: Those that take part for one token, where they are not all.
        samples: The size of the training data, counted in what `unit` says.
        unit: tokens, words, images, pairs, hours, games …
        passes: How often training goes through the samples.
        compute: Of training, in FLOP.
        basis: Where `compute` comes from, one of `BASES`.
        device: What it was trained on.
        devices: How many of them at once.
        days: How long.
        device_hours: Devices × hours, as published or as the product.
        source: Bibliography key of the row.
        compute_source: Bibliography key of `compute`.
        note: How a figure follows from what is stated, and what else to know.
    """

    name: str
    date: datetime.date
    family: str
    parameters: float | None
    active: float | None
    samples: float | None
    unit: str
    passes: float | None
    compute: float | None
    basis: str
    device: str
    devices: float | None
    days: float | None
    device_hours: float | None
    source: str
    compute_source: str
    note: str

    @property
    def year(self):
        """The date as a decimal year: 2 July 2017 is 2017.5."""
        start = datetime.date(self.date.year, 1, 1)
        length = datetime.date(self.date.year + 1, 1, 1) - start
        return self.date.year + (self.date - start) / length

    @property
    def seen(self):
        """Samples times passes, or None if either is not published."""
        return None if self.samples is None or self.passes is None else self.samples * self.passes


@cache
def _table():
    return tuple(read(_FILE))


def models(family=None):
    """Return the models of the table in the order of their dates.

    Args:
        family: One of `FAMILIES`; all of them by default.

    Raises:
        ValueError: If `family` is none of them.
    """
    if family is not None:
        one_of("family", family, FAMILIES)
    return [row for row in _table() if family in (None, row.family)]


def model(name):
    """Return the model of that name.

    Raises:
        ValueError: If there is none; the message lists the names.
    """
    return next(
        row for row in _table() if row.name == one_of("name", name, [m.name for m in _table()])
    )


def read(path):
    """Read a table like `published.csv`.

    Args:
        path: A UTF-8 CSV file whose columns are the fields of `Model`.

    Returns:
        A list of `Model`, sorted by date.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not such a table; the message names file, line, column and value.
    """
    columns = [field.name for field in dataclasses.fields(Model)]
    rows = [_model(place, row) for place, row in read_table(path, columns)]
    names = [row.name for row in rows]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise ValueError(f"{Path(path).name}: {', '.join(doubled)} occurs twice; names are unique")
    return sorted(rows, key=lambda row: row.date)


def _model(place, row):
    values = row | {column: _number(place, column, row[column]) for column in _NUMBERS}
    values["date"] = _date(place, row["date"])
    one_of(f"{place}, column 'family'", row["family"], FAMILIES)
    if (values["compute"] is not None) != bool(KEY.fullmatch(row["compute_source"])):
        raise ValueError(
            f"{place}, column 'compute_source': {row['compute_source']!r} beside a compute of "
            f"{row['compute']!r}; expected a bibliography key if compute is given, else nothing"
        )
    if values["compute"] is not None or row["basis"]:
        one_of(f"{place}, column 'basis'", row["basis"], BASES)
    return Model(**values)


def _date(place, text):
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(
            f"{place}, column 'date': {text!r}; expected a date such as 2017-06-12"
        ) from error


def _number(place, column, text):
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise ValueError(
            f"{place}, column {column!r}: {text!r}; expected a number above 0, or nothing"
        )
    return value
