"""The table of published figures: consistent with itself, sourced, and refused when it is not."""

import datetime
import re
from pathlib import Path

import pytest
from pybtex.database import parse_file

from companion.data import published

ROOT = Path(__file__).resolve().parents[2]
PFS_DAY = 8.64e19  # FLOP of a petaflop/s-day
HEADER = (
    "name,date,family,parameters,active,samples,unit,passes,compute,basis,device,devices,days,"
    "device_hours,source,compute_source,note\n"
)
ROW = "A,2020-01-31,vision,1e6,,,,,1e18,stated,,,,,he2016,he2016,"


def test_the_table_is_sorted_typed_and_of_every_family():
    models = published.models()
    assert 40 < len(models) < 80
    assert models == sorted(models, key=lambda m: m.date)
    assert len({m.name for m in models}) == len(models)
    assert {m.family for m in models} == set(published.FAMILIES)
    assert {m.basis for m in models if m.compute} == set(published.BASES)
    assert all(isinstance(m.date, datetime.date) for m in models)
    assert models[0].name == "Perceptron" and models[0].parameters is None


def test_a_family_is_a_part_of_the_table():
    parts = [published.models(family) for family in published.FAMILIES]
    assert sorted(m.name for part in parts for m in part) == sorted(
        m.name for m in published.models()
    )
    with pytest.raises(ValueError, match="family is 'text'; expected one of 'vision', 'language'"):
        published.models("text")


def test_a_list_given_out_can_be_changed_without_harm():
    published.models().clear()
    assert published.models()


def test_a_model_is_found_by_name_with_its_units():
    gpt3 = published.model("GPT-3")
    assert (gpt3.parameters, gpt3.seen, gpt3.compute) == (175e9, 300e9, 3.14e23)
    assert published.model("LeNet-5").seen == 20 * 60_000
    assert published.model("GPT-2").seen is None and published.model("GPT-2").compute is None
    assert 2020.40 < gpt3.year < 2020.41
    with pytest.raises(ValueError, match="name is 'GPT-5'; expected one of 'Perceptron'"):
        published.model("GPT-5")


def test_compute_by_6nd_is_six_times_parameters_times_tokens():
    rows = [m for m in published.models() if m.basis == "6ND"]
    assert len(rows) >= 6
    for m in rows:
        assert m.unit == "tokens"
        assert m.compute == pytest.approx(6 * (m.active or m.parameters) * m.seen, rel=0.005), m


def test_stated_compute_of_dense_language_models_is_near_6nd():
    rows = [m for m in published.models() if m.basis == "stated" and m.unit == "tokens"]
    assert len(rows) >= 5
    for m in rows:
        share = m.compute / (6 * m.parameters * m.seen)
        assert (share == pytest.approx(0.5)) if m.name == "T5-11B" else (0.95 < share < 1.3), m


def test_petaflop_days_in_a_note_are_the_compute():
    rows = [m for m in published.models() if re.match(r"[\d.e-]+ pfs-days", m.note)]
    assert len(rows) >= 10
    for m in rows:
        days = float(m.note.split()[0])
        assert m.compute == pytest.approx(days * PFS_DAY, rel=0.05), m


def test_device_hours_are_the_product_where_all_three_are_given():
    for m in published.models():
        if m.devices and m.days and m.device_hours:
            # PaLM used fewer chips for a part of the time.
            close = 0.15 if m.name == "PaLM" else 0.02
            assert m.device_hours == pytest.approx(m.devices * m.days * 24, rel=close), m


def test_every_source_is_in_the_bibliography():
    known = set(parse_file(str(ROOT / "book" / "references.bib")).entries)
    used = {m.source for m in published.models()} | {m.compute_source for m in published.models()}
    assert sorted(used - known - {""}) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2020-01-31", "31.1.2020", "line 2, column 'date': '31.1.2020'; expected a date such as"),
        ("vision", "maps", "line 2, column 'family' is 'maps'; expected one of 'vision'"),
        ("1e6", "many", "line 2, column 'parameters': 'many'; expected a number above 0"),
        ("1e6", "-1", "line 2, column 'parameters': '-1'; expected a number above 0"),
        ("1e6", "nan", "line 2, column 'parameters': 'nan'; expected a number above 0"),
        ("1e18", "inf", "line 2, column 'compute': 'inf'; expected a number above 0"),
        ("stated", "guessed", "line 2, column 'basis' is 'guessed'; expected one of 'stated'"),
        ("1e18,stated", "1e18,", "line 2, column 'basis' is ''; expected one of 'stated'"),
        ("he2016,he2016", "he2016,", "column 'compute_source': '' beside a compute of '1e18'"),
        ("1e18,stated", ",", "column 'compute_source': 'he2016' beside a compute of ''"),
        ("he2016,he2016,", "he2016,he2016,\n" + ROW, "A occurs twice; names are unique"),
    ],
)
def test_a_bad_row_is_refused_by_line_column_and_value(old, new, message, tmp_path):
    path = tmp_path / "figures.csv"
    path.write_text(HEADER + ROW + "\n", encoding="utf-8")
    (row,) = published.read(path)
    assert (row.name, row.parameters, row.active) == ("A", 1e6, None)
    path.write_text(HEADER + ROW.replace(old, new) + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(message)):
        published.read(path)
