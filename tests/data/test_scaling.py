"""The table of measured trainings, and the published laws."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from companion.data import scaling
from companion.language.config import WindowConfig
from tools import measure_scaling

BIBLIOGRAPHY = Path(__file__).parents[2] / "book" / "references.bib"


def test_the_table_holds_every_training_of_the_plan():
    rows = [(kind, row) for kind in ("clean", "wrong") for row in scaling.measured(kind)]
    found = {(kind, int(row.width), int(row.characters), int(row.seed)) for kind, row in rows}
    assert found == set(measure_scaling.plan())
    assert len(rows) == len(found)


@pytest.mark.parametrize("text", ["clean", "wrong"])
def test_its_figures_are_possible(text):
    table = scaling.measured(text)
    for row in table:
        assert row.parameters == WindowConfig(97, int(row.width)).parameters
    for name in ("accuracy", "letters", "exact"):
        assert table[name].min() >= 0 and table[name].max() <= 1
    assert (table.exact <= table.letters).all()
    for name in ("loss", "shifted", "loss_e"):
        assert table[name].min() > 0.5 and table[name].max() < np.log(97)


def test_the_conditions_stand_beside_it():
    conditions = json.loads(scaling.MEASURED.with_suffix(".json").read_text(encoding="utf-8"))
    assert conditions["command"] == "python -m tools.measure_scaling"
    assert conditions["columns"] == list(scaling.COLUMNS)
    assert conditions["seeds"] == list(measure_scaling.SEEDS)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", conditions["date"])
    assert conditions["torch"] and conditions["python"]


def test_published_laws_name_their_source():
    laws = scaling.published()
    assert {law["source"] for law in laws.values()} == {"hoffmann2022", "besiroglu2024"}
    bibliography = BIBLIOGRAPHY.read_text(encoding="utf-8")
    for law in laws.values():
        assert f"{{{law['source']}," in bibliography
        assert set(law) == {"E", "A", "B", "alpha", "beta", "source"}
        assert 0 < law["alpha"] < 1 and 0 < law["beta"] < 1 and law["E"] > 0


def _write(path, *rows):
    path.write_text("\n".join([",".join(scaling.COLUMNS), *rows]) + "\n", encoding="utf-8")
    return path


ROW = "clean,8,1235,8192,0,2.8,0.25,0.2,0.01,2.9,1.7,50.5,3.5"


def test_columns_have_their_types(tmp_path):
    table = scaling.measured(path=_write(tmp_path / "a.csv", ROW, ROW.replace("clean", "wrong")))
    assert len(table) == 1
    assert (table.width[0], table.loss[0], table.seconds[0]) == (8, 2.8, 3.5)
    assert table.characters.dtype == np.int64 and table.loss.dtype == np.float64


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([ROW, ROW], "line 3: the training ('clean', '8', '8192', '0') is there twice"),
        ([ROW.replace("2.8,", "nan,")], "line 2, column 'loss': 'nan'"),
        ([ROW.replace("1235", "many")], "line 2, column 'parameters': 'many'"),
        (["clean,8,1235,8192,0"], "line 2, column 'loss': None"),
    ],
)
def test_a_bad_table_is_refused_by_line(rows, message, tmp_path):
    path = _write(tmp_path / "a.csv", *rows)
    with pytest.raises(ValueError, match=re.escape(f"{path}, {message}")):
        scaling.measured(path=path)


def test_other_columns_and_an_unknown_text_are_refused(tmp_path):
    path = tmp_path / "a.csv"
    for text in ("", "a,b\n1,2\n"):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=re.escape(f"{path}, line 1")):
            scaling.measured(path=path)
    with pytest.raises(ValueError, match="text is 'dirty'"):
        scaling.measured("dirty")
