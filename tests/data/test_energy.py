"""The table of energies: its rows fit the other tables, and a broken one is refused."""

import pytest

from companion.data import published
from companion.data.energy import energies, read
from companion.planner_cost import PEAKS
from companion.planner_presets import PRESETS

HEADER = "name,device,device_hours,watts,pue,megawatt_hours,source,note\n"


def test_rows_name_known_models_and_devices():
    rows = energies()
    assert len(rows) == len({row.name for row in rows}) >= 5
    assert all(row.name in PRESETS and row.device in PEAKS for row in rows)
    assert all(row.pue is None or row.pue >= 1 for row in rows)
    assert all((row.pue is None) == (row.megawatt_hours is None) for row in rows)


def test_blank_hours_are_those_of_the_table_of_models():
    row = next(row for row in energies() if row.name == "LLaMA 65B")
    assert row.device_hours == published.model("LLaMA 65B").device_hours


def test_a_row_is_read(tmp_path):
    table = tmp_path / "energy.csv"
    table.write_text(HEADER + "A,A100,10,400,,,key2020,n\n", encoding="utf-8")
    (row,) = read(table)
    assert (row.device_hours, row.watts, row.pue, row.megawatt_hours) == (10.0, 400.0, None, None)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("A,A100,ten,400,1,2,key2020,n", "line 2, column 'device_hours': 'ten'; expected"),
        ("A,A100,10,,1,2,key2020,n", "column 'watts': ''; expected a number above 0$"),
        ("A,A100,10,400,-1,2,key2020,n", "column 'pue': '-1'; .* above 0, or nothing"),
        ("A,A100,,400,1,2,key2020,n", "name is 'A'; expected one of"),
    ],
)
def test_a_broken_row_is_refused(tmp_path, line, message):
    table = tmp_path / "energy.csv"
    table.write_text(HEADER + line + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read(table)
