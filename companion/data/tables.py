"""Tables of facts that come with the package as CSV, with a bibliography key in every row."""

import csv
import re
from pathlib import Path

__all__ = ["read_table"]

KEY = re.compile(r"[a-z]+\d{4}[a-z]?")  # of book/references.bib: rumelhart1986, touvron2023b


def read_table(path, columns):
    """Read a CSV file whose header is exactly `columns`.

    Args:
        path: The file, UTF-8. A column `source`, which every table has, holds bibliography keys.
        columns: The names that the header must have, in this order.

    Returns:
        A list of (place, row): `place` names file and line for messages, `row` maps column to text.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the header, the number of values in a row or a source key is wrong, or there
            is no row; the message names file, line and value, and what is accepted.
    """
    path = Path(path)
    with open(path, encoding="utf-8", newline="") as file:
        lines = csv.reader(file, strict=True)
        header = next(lines, [])
        if header != list(columns):
            raise ValueError(
                f"{path.name}, line 1: the header is {header}; expected {list(columns)}"
            )
        rows = [
            _row(f"{path.name}, line {lines.line_num}", columns, line) for line in lines if line
        ]
    if not rows:
        raise ValueError(f"{path.name}: no row after the header; expected at least one")
    return rows


def _row(place, columns, values):
    if len(values) != len(columns):
        raise ValueError(
            f"{place}: {len(values)} values; expected {len(columns)}, as in the header"
        )
    row = {column: value.strip() for column, value in zip(columns, values, strict=True)}
    if not KEY.fullmatch(row["source"]):
        raise ValueError(
            f"{place}, column 'source': {row['source']!r} is no bibliography key; "
            "expected a name and a year, such as rumelhart1986"
        )
    return place, row
