"""The standard library's source: parts that are apart, text that is Python, and bad arguments."""

import ast
import sys

import pytest

from companion.data import source_code


def test_modules_are_the_libraries_own_and_in_one_part_each():
    parts = [source_code.modules(part) for part in source_code.PARTS]
    together = [name for part in parts for name in part]
    assert len(set(together)) == len(together) > 100
    assert set(together) <= sys.stdlib_module_names
    assert {"argparse", "json"} <= set(together) and not {"sys", "math"} & set(together)
    assert not any(name.startswith("_") for name in together)
    assert parts == [sorted(part) for part in parts]
    assert all(len(part) >= 3 for part in parts)


def test_no_module_is_imported_to_find_it():
    assert "antigravity" in source_code.modules() + source_code.modules("test")
    assert "antigravity" not in sys.modules, "it would have opened a browser"


def test_the_text_is_python_and_as_large_as_promised():
    text = source_code.text(part="test")
    assert text.isprintable() is False and "\ndef " in text
    ast.parse(source_code.source("argparse"))
    total = sum(len(source_code.text(part=part)) for part in source_code.PARTS)
    assert total > 2_000_000


def test_a_longer_text_of_the_same_seed_begins_with_the_shorter_one():
    short, long = source_code.text(1000, seed=3), source_code.text(50_000, seed=3)
    assert len(short) == 1000 and len(long) == 50_000 and long.startswith(short)
    assert source_code.text(1000, seed=4) != short
    whole = source_code.text(part="test", seed=1)
    for name in source_code.modules("test"):
        assert source_code.source(name).rstrip("\n") in whole


def test_a_python_without_its_source_is_named(monkeypatch):
    monkeypatch.setattr(source_code, "_files", source_code._files.__wrapped__)
    monkeypatch.setattr(source_code.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match=r"without the source.*companion\.data\.documenta"):
        source_code.modules()


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="part is 'all'; expected one of 'train'"):
        source_code.text(10, "all")
    for name in ("numpy", "sys", "_pydecimal"):
        with pytest.raises(ValueError, match=f"name is '{name}'; expected a module"):
            source_code.source(name)
    for n in (0, "9", 1.5, 10**9):
        with pytest.raises(ValueError, match=f"n is {n!r}; expected"):
            source_code.text(n)
    with pytest.raises(ValueError, match="seed is -1"):
        source_code.text(10, seed=-1)
