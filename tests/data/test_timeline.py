"""The timeline: events in order, both winters, a source for each, and errors that help."""

import re
from pathlib import Path

import pytest
from pybtex.database import parse_file

from companion.data import published, timeline

ROOT = Path(__file__).resolve().parents[2]
HEADER = "year,until,event,kind,sentence,source\n"
ROW = "1974,1980,First winter,winter,Funds are cut.,toosi2021"


def test_the_events_are_in_order_unique_and_of_every_kind():
    events = timeline.events()
    assert events[0].year == 1943 and events[-1].year >= 2023
    assert events == sorted(events, key=lambda row: row.year)
    assert len({row.event for row in events}) == len(events) > 40
    assert {row.kind for row in events} == set(timeline.KINDS)


def test_there_are_two_winters_and_nothing_else_lasts():
    winters = timeline.events("winter")
    assert [(row.year, row.until) for row in winters] == [(1974, 1980), (1987, 1993)]
    assert [row for row in timeline.events() if row.until] == winters


def test_a_model_stands_in_the_year_of_its_date():
    dates = {m.name: m.date.year for m in published.models()}
    shared = [row for row in timeline.events("model") if row.event in dates]
    assert len(shared) >= 8
    assert [row for row in shared if row.year != dates[row.event]] == []


def test_an_unknown_kind_is_named():
    with pytest.raises(ValueError, match="kind is 'war'; expected one of 'idea', 'system'"):
        timeline.events("war")


def test_every_source_is_listed():
    known = set(parse_file(str(ROOT / "book" / "references.bib")).entries)
    assert sorted({row.source for row in timeline.events()} - known) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("1974", "197", "line 2, column 'year': '197'; expected a year from 1900 to 2100"),
        ("1974", "about 1974", "column 'year': 'about 1974'"),
        ("1980", "next", "line 2, column 'until': 'next'"),
        ("1980", "1974", "column 'until': '1974' for winter of 1974; expected a later year"),
        ("1980", "", "column 'until': '' for winter of 1974"),
        (",winter", ",idea", "column 'until': '1980' for idea of 1974"),
        (",winter", ",frost", "column 'kind' is 'frost'; expected one of 'idea'"),
        ("First winter", "", "line 2: expected an event and a sentence"),
        ("cut.", "cut", "line 2: expected an event and a sentence that ends with a full stop"),
    ],
)
def test_a_bad_row_is_refused(old, new, message, tmp_path):
    path = tmp_path / "events.csv"
    path.write_text(HEADER + ROW + "\n", encoding="utf-8")
    assert timeline.read(path)[0].until == 1980
    path.write_text(HEADER + ROW.replace(old, new, 1) + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(message)):
        timeline.read(path)
