"""Repairs of the course's Sphinx extension that no page shows."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

EXTENSIONS = Path(__file__).resolve().parents[2] / "book" / "_ext"


@pytest.fixture
def course(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(EXTENSIONS), *sys.path])
    import course

    return course


def test_the_static_folder_is_mended_after_a_broken_build(course, tmp_path):
    static = tmp_path / "html" / "_static"
    static.parent.mkdir()
    static.write_text("a logo that landed in the folder's place")
    course.make_static_folder(SimpleNamespace(outdir=str(static.parent)))
    assert static.is_dir()


def test_a_static_folder_that_is_there_keeps_its_files(course, tmp_path):
    (tmp_path / "_static").mkdir()
    (tmp_path / "_static" / "course.css").write_text("body {}")
    course.make_static_folder(SimpleNamespace(outdir=tmp_path))
    assert (tmp_path / "_static" / "course.css").read_text() == "body {}"
