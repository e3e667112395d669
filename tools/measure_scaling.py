"""Measure the loss of language models by size and data: the table companion/data/scaling.csv.

Run `python -m tools.measure_scaling` from the root of the repository. It takes half an hour on one
core, prints a line per training and may be stopped: what is in the table is not measured again.
`--minutes 3` stops by itself; `--fresh` starts a new table.

A training is named by its text ("clean", or "wrong" for a training text in which half of all
letters e have become the figure 3), the width of the model, the characters of training text and a
seed, which draws the order of the paragraphs, the first weights and the batches.
"""

import argparse
import csv
import datetime
import json
import platform
import re
import sys
import time
from pathlib import Path

import numpy as np
import torch

from companion.data import documentation as text
from companion.data.scaling import COLUMNS, MEASURED
from companion.language.config import WindowConfig
from companion.language.window_torch import WindowLM, grade, train_to_best
from companion.saving import replacing

# The number of parameters about doubles from each width to the next.
WIDTHS = (8, 16, 26, 42, 68, 106, 160)
CHARACTERS = tuple(2**k for k in range(13, 19))  # 8 192 to 262 144
SEEDS = (0, 1, 2)
WRONG_CHARACTERS = 65_536  # where the wrong text is measured
LONG, GIVEN = 8, 2  # words of at least 8 letters are completed from their first 2
SHIFTED = 20_000  # characters of program text
CELL = ("text", "width", "characters", "seed")  # the columns that name a training


def plan():
    """Return all trainings as (text, width, characters, seed), seed by seed."""
    texts = [("clean", d) for d in CHARACTERS] + [("wrong", WRONG_CHARACTERS)]
    return [(kind, w, d, s) for s in SEEDS for kind, d in texts for w in WIDTHS]


def spoil(codes, seed, share=0.5):
    """Turn a share of all letters e into the figure 3, each on its own: int64, shape (n,)."""
    wrong = np.random.default_rng(seed).random(len(codes)) < share
    e, three = text.encode("e3")
    return np.where(wrong & (codes == e), three, codes)


def complete_words(hits, passage):
    """Grade the completion of long words, each letter from the true ones before it.

    Args:
        hits: Whether each character of the passage was the first choice, bool, shape (n,).
        passage: The text, of n characters.

    Returns:
        letters: The share of the letters that were right.
        exact: The share of the words in which all were right.
    """
    pattern = rf"(?<![A-Za-z])[a-z]{{{LONG},}}(?![A-Za-z])"
    spans = (match.span() for match in re.finditer(pattern, passage))
    words = [hits[start + GIVEN : end] for start, end in spans]
    return np.concatenate(words).mean(), np.mean([word.all() for word in words])


def measure(kind, width, characters, seed):
    """Train one model and grade it; return a row of the table as a dict."""
    start = time.perf_counter()
    train = text.encode(text.train(characters, seed))
    validation, test = (text.encode(part) for part in text.held_out())
    if kind == "wrong":
        train, validation = spoil(train, seed), spoil(validation, seed + 1)
    torch.manual_seed(seed)
    config = WindowConfig(text.VOCABULARY, width)
    model = WindowLM(config)
    training = train_to_best(model, train, validation, seed=seed)
    losses, hits = grade(model, test)
    words = complete_words(hits, text.decode(test[config.window :]))
    shifted, _ = grade(model, text.encode(text.program(SHIFTED)))
    letter = test[config.window :] == text.encode("e")[0]
    figures = (losses.mean(), hits.mean(), *words, shifted.mean(), losses[letter].mean())
    row = (kind, width, config.parameters, characters, seed, *(round(float(f), 5) for f in figures))
    seconds = time.perf_counter() - start
    return dict(zip(COLUMNS, (*row, round(training.passes, 2), round(seconds, 1)), strict=True))


def conditions():
    """Return what the table was measured with: versions, date and command."""
    return {
        "command": "python -m tools.measure_scaling",
        "date": datetime.date.today().isoformat(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "machine": platform.machine(),
        "threads": 1,
        "seeds": list(SEEDS),
        "columns": COLUMNS,
    }


def save(rows, path):
    """Write the table, and the conditions beside it, whole or not at all."""
    with replacing(path) as part, open(part, "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    with replacing(path.with_suffix(".json")) as part:
        Path(part).write_text(json.dumps(conditions(), indent=2) + "\n", encoding="utf-8")


def load(path):
    """Return the rows that are measured already."""
    if not path.is_file():
        return []
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def main(arguments=None):
    """Measure what is missing in the table."""
    parser = argparse.ArgumentParser(prog="python -m tools.measure_scaling")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after that long")
    parser.add_argument("--fresh", action="store_true", help="start a new table")
    parser.add_argument("--table", type=Path, default=MEASURED, help="the file (CSV)")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rows = [] if options.fresh else load(options.table)
    done = {tuple(str(row[name]) for name in CELL) for row in rows}
    stop = time.monotonic() + 60 * options.minutes
    todo = [cell for cell in plan() if tuple(map(str, cell)) not in done]
    for count, cell in enumerate(todo, start=1):
        if time.monotonic() > stop:
            print(f"{len(todo) - count + 1} trainings are left")
            return 1
        rows.append(measure(*cell))
        save(rows, options.table)
        print(f"{count}/{len(todo)}", *rows[-1].values(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
