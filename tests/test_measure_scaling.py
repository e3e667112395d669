"""The tool that measures the scaling table: its plan, its parts, and that it can be stopped."""

import csv
import functools
import json

import numpy as np
import pytest

from companion.data import documentation
from companion.data.scaling import COLUMNS, measured
from tools import measure_scaling

FIGURES = dict.fromkeys(COLUMNS, 1)


def _pretend(kind, width, characters, seed):
    return FIGURES | {"text": kind, "width": width, "characters": characters, "seed": seed}


def test_the_plan_has_enough_sizes_and_seeds():
    plan = measure_scaling.plan()
    assert len(set(plan)) == len(plan)
    clean = [cell for cell in plan if cell[0] == "clean"]
    _, widths, sizes, seeds = (set(column) for column in zip(*clean, strict=True))
    assert len(widths) >= 6 and len(sizes) >= 4 and len(seeds) >= 3
    assert len(clean) == len(widths) * len(sizes) * len(seeds)


def test_half_of_all_e_become_a_3_and_nothing_else_changes():
    codes = documentation.encode("the eel sees me " * 500)
    spoilt = measure_scaling.spoil(codes, seed=0)
    e, three = documentation.encode("e3")
    changed = spoilt != codes
    assert (codes[changed] == e).all() and (spoilt[changed] == three).all()
    assert 0.45 < changed.sum() / (codes == e).sum() < 0.55
    assert not (measure_scaling.spoil(codes, seed=0, share=0.0) != codes).any()


def test_long_words_are_graded_after_their_second_letter():
    passage = "statement Statement if language _"
    hits = np.ones(len(passage), bool)
    assert measure_scaling.complete_words(hits, passage) == (1, 1)
    hits[[0, 1]] = False  # these letters are given
    hits[10:19] = False  # a capital letter: not a word that counts
    assert measure_scaling.complete_words(hits, passage) == (1, 1)
    hits[passage.index("language") + 5] = False
    assert measure_scaling.complete_words(hits, passage) == (12 / 13, 0.5)


def test_a_training_gives_a_row_and_the_same_one_again(monkeypatch):
    monkeypatch.setattr(
        measure_scaling,
        "train_to_best",
        functools.partial(measure_scaling.train_to_best, max_passes=20),
    )
    rows = [measure_scaling.measure("wrong", 2, 600, seed=1) for _ in range(2)]
    for row in rows:
        assert tuple(row) == COLUMNS
        assert row.pop("seconds") >= 0
    assert rows[0] == rows[1]
    assert 0 < rows[0]["loss"] < np.log(documentation.VOCABULARY)


def test_it_goes_on_where_it_was_stopped(tmp_path, monkeypatch, capsys):
    cells = [("clean", 8, 100, 0), ("clean", 8, 200, 0), ("wrong", 8, 200, 0)]
    done = []
    monkeypatch.setattr(measure_scaling, "plan", lambda: cells)
    monkeypatch.setattr(
        measure_scaling, "measure", lambda *cell: done.append(cell) or _pretend(*cell)
    )
    table = tmp_path / "table.csv"
    assert measure_scaling.main(["--table", str(table), "--minutes", "-1"]) == 1
    assert "3 trainings are left" in capsys.readouterr().out and not done
    measure_scaling.save([_pretend(*cells[1])], table)
    assert measure_scaling.main(["--table", str(table)]) == 0
    assert done == [cells[0], cells[2]]
    assert len(measured(path=table)) == 2 and len(measured("wrong", path=table)) == 1
    assert json.loads(table.with_suffix(".json").read_text())["seeds"] == [0, 1, 2]
    done.clear()
    assert measure_scaling.main(["--table", str(table)]) == 0 and not done
    assert measure_scaling.main(["--table", str(table), "--fresh"]) == 0 and len(done) == 3


def test_what_was_measured_is_safe_when_it_dies(tmp_path, monkeypatch):
    def die(*cell):
        if cell[2] == 200:
            raise KeyboardInterrupt
        return _pretend(*cell)

    monkeypatch.setattr(measure_scaling, "plan", lambda: [("clean", 8, d, 0) for d in (100, 200)])
    monkeypatch.setattr(measure_scaling, "measure", die)
    table = tmp_path / "table.csv"
    with pytest.raises(KeyboardInterrupt):
        measure_scaling.main(["--table", str(table)])
    with open(table, newline="") as file:
        assert [row["characters"] for row in csv.DictReader(file)] == ["100"]
