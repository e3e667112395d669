"""House prices with a known truth: floor area in square metres against price in thousands of euros.

The generating process, for each house on its own:

    area  ~ log-normal with median AREA_MEDIAN and AREA_LOG_SD, rounded to 0.1 m²
    price = INTERCEPT + SLOPE · area + ε,   ε ~ Normal(0, NOISE_SD²), rounded to 0.1 thousand euros

so an estimate can be compared with the numbers that made the data. Most areas lie between 50 and
200 m², and a straight line explains more than nine tenths of the variance in price. Rounding adds
a standard deviation of 0.03 to the price, which is nothing beside NOISE_SD.

The areas are left in square metres on purpose. For the mean squared error, the largest eigenvalue
of the Hessian is about 2 · mean(area²), here some 25 000, so plain gradient descent is stable only
for learning rates below 8e-5.
"""

import csv
import math
from pathlib import Path

import numpy as np

from companion.checks import natural
from companion.saving import replacing

__all__ = [
    "AREA_LOG_SD",
    "AREA_MEDIAN",
    "INTERCEPT",
    "NOISE_SD",
    "SLOPE",
    "generate",
    "read",
    "write",
]

INTERCEPT = 60.0  # thousand euros: what the plot costs before the first square metre
SLOPE = 2.5  # thousand euros per square metre
NOISE_SD = 25.0  # thousand euros: all that the area does not say
AREA_MEDIAN = 100.0  # square metres: half of the homes are smaller
AREA_LOG_SD = 0.35  # standard deviation of log(area): a small flat and a large house both occur

_COLUMNS = ("area", "price")


def generate(n=100, seed=0):
    """Draw `n` houses from the process that the module describes.

    Args:
        n: How many houses, at least 1.
        seed: Of NumPy's generator, at least 0; the same seed gives the same houses.

    Returns:
        area: Float64, shape (n,), in square metres.
        price: Float64, shape (n,), in thousands of euros.

    Raises:
        ValueError: If `n` or `seed` is not an integer, or too small.
    """
    n = natural("n", n, smallest=1)
    rng = np.random.default_rng(natural("seed", seed, smallest=0))
    area = np.round(AREA_MEDIAN * np.exp(AREA_LOG_SD * rng.standard_normal(n)), 1)  # (n,)
    noise = NOISE_SD * rng.standard_normal(n)  # (n,)
    return area, np.round(INTERCEPT + SLOPE * area + noise, 1)


def write(path, n=100, seed=0):
    """Write `generate(n, seed)` as a CSV file with the header `area,price`.

    The file appears whole or not at all, and replaces one of the same name. Numbers are written
    with as many digits as reading them back exactly takes.

    Args:
        path: The file, in a folder that exists.
        n: How many houses, at least 1.
        seed: See `generate`.

    Returns:
        The path of the file.

    Raises:
        FileNotFoundError: If the folder does not exist.
        ValueError: As `generate`.
    """
    area, price = generate(n, seed)
    with replacing(path) as unfinished, open(unfinished, "w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(_COLUMNS)
        rows.writerows(zip(area.tolist(), price.tolist(), strict=True))  # csv writes floats by repr
    return Path(path)


def read(path):
    """Read a CSV file that has the columns `area` and `price`.

    The first line is the header. Columns may come in any order and others may stand beside them;
    blank lines are skipped. The encoding is UTF-8, with or without a byte order mark.

    Args:
        path: The file.

    Returns:
        area: Float64, shape (n,), every value above 0.
        price: Float64, shape (n,), no value below 0.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not such a CSV; the message names file, line, column and value,
            and says what is accepted.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; companion.data.houses.write makes one")
    houses = []
    with open(path, encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(file, strict=True)
        try:
            header = _header(path, next(lines, []))
            for row in lines:
                if row:
                    houses.append(_house(f"{path}, line {lines.line_num}", header, row))
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{path}: not UTF-8 text ({error}); save it as CSV in UTF-8"
            ) from error
        except csv.Error as error:
            raise ValueError(f"{path}, line {lines.line_num}: not a CSV line: {error}") from error
    if not houses:
        raise ValueError(f"{path}: no row after the header; expected at least one house")
    area, price = np.array(houses, dtype=np.float64).T.copy()  # (2, n)
    return area, price


def _header(path, row):
    """Return the column names; each of area and price must be there once."""
    names = [name.strip() for name in row]
    if not names:
        raise ValueError(
            f"{path}: line 1 is empty; expected a header with the columns area and price"
        )
    for column in _COLUMNS:
        if names.count(column) != 1:
            raise ValueError(
                f"{path}, line 1: column {column!r} occurs {names.count(column)} times in {names}; "
                "expected a header with area and price once each, separated by commas"
            )
    return names


def _house(place, header, row):
    """Return [area, price] of one row; `place` names file and line."""
    if len(row) != len(header):
        raise ValueError(
            f"{place}: {len(row)} values {row}; expected {len(header)}, one for each of {header}"
        )
    return [_number(place, column, row[header.index(column)]) for column in _COLUMNS]


def _number(place, column, text):
    accepted = {
        "area": "a finite number above 0, such as 87.5",
        "price": "a finite number, 0 or more, such as 310.0",
    }
    try:
        # float() would take "1_000", which is Python's way of writing and no spreadsheet's.
        value = float("" if "_" in text else text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0 or (column == "area" and value == 0):
        raise ValueError(
            f"{place}, column {column!r}: {text!r} is not accepted; expected {accepted[column]}"
        )
    return value
