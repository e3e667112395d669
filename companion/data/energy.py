"""Energy of published training runs, and the hours and watts that it was counted from.

The table is `energy.csv`, one row per run. A blank means *not published*; blank hours are those of
`companion.data.published`, where the model has the same name.
"""

import dataclasses
import math
from pathlib import Path

from companion.data import published
from companion.data.tables import read_table

__all__ = ["Energy", "energies", "read"]

_NUMBERS = ("device_hours", "watts", "pue", "megawatt_hours")
_FILE = Path(__file__).with_suffix(".csv")


@dataclasses.dataclass(frozen=True)
class Energy:
    """One row of the table; None where nothing is published.

    Attributes:
        name: Of the model, as in `companion.data.published` and `companion.planner_presets`.
        device: What it was trained on, a key of `companion.planner_cost.PEAKS`.
        device_hours: Hours of all devices together.
        watts: Power of one device that the source counts with.
        pue: Power usage effectiveness that is contained in the stated energy; 1 if none is.
        megawatt_hours: The energy that the source states, in MWh.
        source: Bibliography key.
        note: Where it stands and what it leaves out.
    """

    name: str
    device: str
    device_hours: float | None
    watts: float
    pue: float | None
    megawatt_hours: float | None
    source: str
    note: str


def energies():
    """Return the rows of the table as a list of `Energy`."""
    return read(_FILE)


def read(path):
    """Read a table like `energy.csv`.

    Args:
        path: A UTF-8 CSV file whose columns are the fields of `Energy`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not such a table; the message names file, line, column and value.
    """
    columns = [field.name for field in dataclasses.fields(Energy)]
    return [_energy(place, row) for place, row in read_table(path, columns)]


def _energy(place, row):
    values = row | {column: _number(place, column, row[column]) for column in _NUMBERS}
    if values["device_hours"] is None:
        values["device_hours"] = published.model(row["name"]).device_hours
    return Energy(**values)


def _number(place, column, text):
    if not text and column != "watts":
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise ValueError(
            f"{place}, column {column!r}: {text!r}; expected a number above 0"
            + (", or nothing" if column != "watts" else "")
        )
    return value
