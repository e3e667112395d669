"""How the loss of language models falls with their size and their data: measured and published.

`measured()` reads what `tools/measure_scaling.py` wrote, one row per training; scaling.json beside
it holds the versions and the date. `published()` reads the laws of the literature.
"""

import csv
from pathlib import Path

import numpy as np

__all__ = ["COLUMNS", "LAWS", "MEASURED", "measured", "published"]

MEASURED = Path(__file__).with_name("scaling.csv")
LAWS = Path(__file__).with_name("scaling_laws.csv")

# text: "clean" or "wrong"; width; parameters; characters of training text; seed; loss on
# the test text in nats per character; accuracy: share of its characters that were the model's
# first choice; letters: the same share in words of eight letters and more, after the second
# letter; exact: share of these words in which all letters from the third on were the first choice;
# shifted: loss on program text; loss_e: loss on the letter e alone; passes over the training text;
# seconds.
COLUMNS = (
    "text",
    "width",
    "parameters",
    "characters",
    "seed",
    "loss",
    "accuracy",
    "letters",
    "exact",
    "shifted",
    "loss_e",
    "passes",
    "seconds",
)
_WHOLE = ("width", "parameters", "characters", "seed")
_LAW = ("E", "A", "B", "alpha", "beta")


def measured(text="clean", path=MEASURED):
    """Read the measured table.

    Args:
        text: Which trainings: "clean", or "wrong" for those on spoiled text.
        path: The table.

    Returns:
        A NumPy record array: `table.loss` is a column, `table[table.seed == 0]` a part.

    Raises:
        ValueError: If `text` is unknown, or the file has other columns, a figure that is not a
            finite number, or one training twice; the message names the line.
    """
    if text not in ("clean", "wrong"):
        raise ValueError(f"text is {text!r}; expected 'clean' or 'wrong'")
    rows, seen = [], set()
    for line, row in _rows(path, COLUMNS):
        key = tuple(row[name] for name in ("text", "width", "characters", "seed"))
        if key in seen:
            raise ValueError(f"{path}, line {line}: the training {key} is there twice")
        seen.add(key)
        if row["text"] == text:
            rows.append(tuple(_number(path, line, name, row[name]) for name in COLUMNS[1:]))
    kinds = [(name, np.int64 if name in _WHOLE else np.float64) for name in COLUMNS[1:]]
    return np.array(rows, dtype=kinds).view(np.recarray)


def published():
    """Read the published laws L(N, D) = E + A/N^alpha + B/D^beta.

    Returns:
        A dict from a name to a dict with E, A, B, alpha, beta (floats) and `source`, the key of
        the bibliography.
    """
    laws = {}
    for line, row in _rows(LAWS, ("name", *_LAW, "source")):
        laws[row["name"]] = {name: _number(LAWS, line, name, row[name]) for name in _LAW}
        laws[row["name"]]["source"] = row["source"]
    return laws


def _rows(path, columns):
    """Yield (line number, row) of a CSV file with exactly these columns."""
    with open(path, encoding="utf-8", newline="") as file:
        table = csv.DictReader(file)
        if tuple(table.fieldnames or ()) != tuple(columns):
            raise ValueError(f"{path}, line 1: {table.fieldnames}; expected {list(columns)}")
        for row in table:
            yield table.line_num, row


def _number(path, line, name, text):
    try:
        value = float(text)
    except (TypeError, ValueError):
        value = np.nan
    if not np.isfinite(value):
        raise ValueError(f"{path}, line {line}, column {name!r}: {text!r} is no finite number")
    return int(value) if name in _WHOLE else value
