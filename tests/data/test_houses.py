"""House prices: the process that is promised, files that come back exactly, errors that help."""

import csv
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.data import houses

AREAS = st.floats(min_value=0, exclude_min=True, allow_infinity=False)
PRICES = st.floats(min_value=0, allow_infinity=False)


def test_the_shapes_types_and_units_are_those_promised():
    area, price = houses.generate()
    assert area.shape == price.shape == (100,)
    assert area.dtype == price.dtype == np.float64
    assert 20 < area.min() < 70 and 150 < area.max() < 400  # m²: flats and large houses
    assert price.min() > 0
    assert np.quantile(area, 0.05) > 50 and np.quantile(area, 0.95) < 200
    assert houses.generate(1)[0].shape == (1,)


def test_a_seed_fixes_the_houses_and_another_changes_them():
    first, again, other = (houses.generate(50, seed) for seed in (7, 7, 8))
    assert np.array_equal(first, again)
    assert not np.isin(first[1], other[1]).all()


def test_the_numbers_behind_the_data_can_be_recovered():
    n = 100_000
    area, price = houses.generate(n, seed=1)
    design = np.column_stack([np.ones(n), area])
    (intercept, slope), (sum_of_squares,), _, _ = np.linalg.lstsq(design, price)
    error = np.sqrt(np.diag(np.linalg.inv(design.T @ design))) * houses.NOISE_SD
    assert abs(intercept - houses.INTERCEPT) < 4 * error[0]
    assert abs(slope - houses.SLOPE) < 4 * error[1]
    noise_sd = np.sqrt(sum_of_squares / (n - 2))
    assert abs(noise_sd - houses.NOISE_SD) < 4 * houses.NOISE_SD / np.sqrt(2 * n)
    logs = np.log(area / houses.AREA_MEDIAN)
    assert abs(logs.mean()) < 4 * houses.AREA_LOG_SD / np.sqrt(n)
    assert abs(logs.std() - houses.AREA_LOG_SD) < 4 * houses.AREA_LOG_SD / np.sqrt(2 * n)


def test_a_line_explains_more_than_nine_tenths_of_the_variance():
    area, price = houses.generate(100_000, seed=2)
    assert np.corrcoef(area, price)[0, 1] ** 2 > 0.9


@pytest.mark.parametrize("seed", range(5))
def test_gradient_descent_at_001_diverges_in_square_metres(seed):
    area, price = (values.astype(np.float32) for values in houses.generate(seed=seed))
    design = np.column_stack([np.ones(100), area]).astype(np.float64)
    assert 1 / 8e-5 < np.linalg.eigvalsh(design.T @ design * 2 / 100)[-1] < 1 / 2e-5
    slope = intercept = np.float32(0)
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(30):
            residual = intercept + slope * area - price
            slope -= np.float32(0.01) * 2 * (residual * area).mean()
            intercept -= np.float32(0.01) * 2 * residual.mean()
    assert np.isnan(slope) and np.isnan(intercept)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n is 0; expected an integer of at least 1"),
        ({"n": -5}, "n is -5; expected an integer of at least 1"),
        ({"n": 10.0}, "n is 10.0; expected an integer of at least 1"),
        ({"n": True}, "n is True; expected an integer of at least 1"),
        ({"n": "10"}, "n is '10'; expected an integer of at least 1"),
        ({"seed": -1}, "seed is -1; expected an integer of at least 0"),
        ({"seed": None}, "seed is None; expected an integer of at least 0"),
    ],
)
def test_a_wrong_argument_is_named(arguments, message, tmp_path):
    with pytest.raises(ValueError, match=re.escape(message)):
        houses.generate(**arguments)
    with pytest.raises(ValueError, match=re.escape(message)):
        houses.write(tmp_path / "houses.csv", **arguments)
    assert not list(tmp_path.iterdir())


def test_what_is_written_reads_back_exactly(tmp_path):
    path = houses.write(str(tmp_path / "house_price_data.csv"), n=np.int64(300), seed=3)
    assert path == tmp_path / "house_price_data.csv"
    assert path.read_bytes().startswith(b"area,price\n")
    assert len(path.read_bytes().splitlines()) == 301
    area, price = houses.read(path)
    assert area.dtype == price.dtype == np.float64
    assert np.array_equal((area, price), houses.generate(300, seed=3))


def test_a_file_is_replaced_and_a_missing_folder_is_named(tmp_path):
    houses.write(tmp_path / "a.csv", n=5)
    houses.write(tmp_path / "a.csv", n=2)
    assert len(houses.read(tmp_path / "a.csv")[0]) == 2
    assert [file.name for file in tmp_path.iterdir()] == ["a.csv"]
    with pytest.raises(FileNotFoundError, match=r"the folder .* does not exist"):
        houses.write(tmp_path / "none" / "a.csv")


@given(st.lists(st.tuples(AREAS, PRICES), min_size=1, max_size=20), st.data())
def test_any_numbers_survive_in_any_columns_and_either_encoding(tmp_path_factory, rows, data):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    columns = data.draw(st.permutations(["area", "price", "city", "Größe"]))
    text = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
    with open(
        path, "w", encoding=data.draw(st.sampled_from(["utf-8", "utf-8-sig"])), newline=""
    ) as f:
        lines = csv.writer(f)
        lines.writerow(columns)
        for area, price in rows:
            values = {"area": area, "price": price, "city": data.draw(text), "Größe": "-1"}
            lines.writerow([values[column] for column in columns])
    assert np.array_equal(np.array(rows).T, houses.read(path))


@pytest.mark.parametrize(
    "text",
    [
        "area,price\n50,100\n\n",
        "\ufeffprice, area \n100,50\n",
        'x,"area",price\r\n,"50"," 1e2 "\r\n',
    ],
)
def test_what_spreadsheets_write_is_read(text, tmp_path):
    (tmp_path / "a.csv").write_text(text, encoding="utf-8", newline="")
    area, price = houses.read(tmp_path / "a.csv")
    assert (area.tolist(), price.tolist()) == ([50.0], [100.0])


AREA, PRICE = "expected a finite number above 0", "expected a finite number, 0 or more"


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("", ["line 1 is empty", "the columns area and price"]),
        ("\n50,100\n", ["line 1 is empty", "the columns area and price"]),
        ("area,price\n", ["no row after the header", "at least one house"]),
        ("area\n50\n", ["line 1", "column 'price' occurs 0 times in ['area']"]),
        ("size,price\n5,1\n", ["line 1", "column 'area' occurs 0 times in ['size', 'price']"]),
        ("area;price\n5;1\n", ["line 1", "['area;price']", "separated by commas"]),
        ("50,100\n60,120\n", ["line 1", "column 'area' occurs 0 times in ['50', '100']"]),
        ("area,area,price\n1,2,3\n", ["line 1", "column 'area' occurs 2 times"]),
        ("area,price\n50,100\n60,cheap\n", ["line 3", "column 'price'", "'cheap'", PRICE]),
        ("area,price\nlarge,100\n", ["line 2", "column 'area'", "'large'", AREA]),
        ('area,price\n"50,5",100\n', ["line 2", "column 'area'", "'50,5'", "such as 87.5"]),
        ("area,price\n50,1_000\n", ["line 2", "column 'price'", "'1_000'", PRICE]),
        ("area,price\n,100\n", ["line 2", "column 'area'", "''", AREA]),
        ("area,price\n50,100\n0,100\n", ["line 3", "column 'area'", "'0'", AREA]),
        ("area,price\n-0.0,100\n", ["line 2", "column 'area'", "'-0.0'", AREA]),
        ("area,price\n-50,100\n", ["line 2", "column 'area'", "'-50'", AREA]),
        ("area,price\n50,-1\n", ["line 2", "column 'price'", "'-1'", PRICE]),
        ("area,price\nnan,100\n", ["line 2", "column 'area'", "'nan'", AREA]),
        ("area,price\n50,NaN\n", ["line 2", "column 'price'", "'NaN'", PRICE]),
        ("area,price\n50,1e999\n", ["line 2", "column 'price'", "'1e999'", PRICE]),
        ("area,price\n-inf,1\n", ["line 2", "column 'area'", "'-inf'", AREA]),
        ("area,price\n50,100\n\n50\n", ["line 4", "1 values ['50']", "expected 2"]),
        ("area,price\n50,100,7\n", ["line 2", "3 values ['50', '100', '7']", "expected 2"]),
        ('area,price,x\n5,1,"a\nb"\n5,-1,\n', ["line 4", "column 'price'", "'-1'"]),
        ('area,price\n5,1\n5,"1\n', ["line 3", "not a CSV line"]),
    ],
)
def test_a_bad_file_is_refused_by_file_line_column_and_value(text, messages, tmp_path):
    path = tmp_path / "houses.csv"
    path.write_text(text, encoding="utf-8", newline="")
    with pytest.raises(ValueError, match=re.escape(str(path))) as caught:
        houses.read(path)
    for message in messages:
        assert message in str(caught.value)


def test_other_bytes_than_utf8_and_no_file_at_all_are_named(tmp_path):
    path = tmp_path / "houses.csv"
    path.write_bytes("area,price,Straße\n50,100,Höhenweg\n".encode("latin-1"))
    with pytest.raises(ValueError, match=re.escape(f"{path}: not UTF-8 text")):
        houses.read(path)
    for missing in (tmp_path / "none.csv", str(tmp_path)):
        with pytest.raises(FileNotFoundError, match=re.escape(f"{missing}: no such file")):
            houses.read(missing)
