"""Tables with a source in every row: what is read, and what is refused by file, line and value."""

import re

import pytest

from companion.data.tables import read_table


def write(tmp_path, text):
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8", newline="")
    return path


def test_rows_come_with_their_place_and_without_the_spaces(tmp_path):
    path = write(tmp_path, 'name,source\n"a, b", rosenblatt1958 \n\nc,touvron2023b\n')
    assert read_table(str(path), ("name", "source")) == [
        ("table.csv, line 2", {"name": "a, b", "source": "rosenblatt1958"}),
        ("table.csv, line 4", {"name": "c", "source": "touvron2023b"}),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: the header is []; expected ['name', 'source']"),
        ("source,name\n", "line 1: the header is ['source', 'name']"),
        ("name,source\n", "no row after the header"),
        ("name,source\na,b,c\n", "line 2: 3 values; expected 2"),
        ("name,source\na,\n", "line 2, column 'source': '' is no bibliography key"),
        ("name,source\na,Le 2012\n", "'Le 2012' is no bibliography key"),
        ("name,source\na,le20123\n", "'le20123' is no bibliography key"),
    ],
)
def test_a_bad_table_is_refused(text, message, tmp_path):
    with pytest.raises(ValueError, match=re.escape(message)):
        read_table(write(tmp_path, text), ["name", "source"])


def test_a_missing_file_is_one(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_table(tmp_path / "none.csv", ["name", "source"])
