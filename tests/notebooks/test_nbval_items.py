"""The limit of a chapter's time follows the machine's speed, measured in the same run."""

from types import SimpleNamespace

import pytest

from tools import nbval_items


def _judge(monkeypatch, seconds, slow, minutes=1):
    monkeypatch.setattr(nbval_items, "slowness", lambda: slow)
    monkeypatch.delenv("COMPANION_SCALE", raising=False)
    metadata = {"companion": {"minutes": {"run": minutes}}}
    parent = SimpleNamespace(cells_left=0, seconds=seconds, nb=SimpleNamespace(metadata=metadata))
    item = SimpleNamespace(parent=parent, path=SimpleNamespace(name="x.ipynb"))
    nbval_items.TimeItem.runtest(item)


@pytest.mark.parametrize(("seconds", "slow", "minutes"), [(59, 1, 1), (71, 1.2, 1), (29, 1, 0.5)])
def test_a_chapter_within_its_limit_passes(monkeypatch, seconds, slow, minutes):
    _judge(monkeypatch, seconds, slow, minutes)


@pytest.mark.parametrize(("seconds", "slow", "minutes"), [(61, 1, 1), (73, 1.2, 1), (31, 1, 0.5)])
def test_a_chapter_beyond_it_does_not(monkeypatch, seconds, slow, minutes):
    with pytest.raises(nbval_items.Complaint, match=f"took {seconds}"):
        _judge(monkeypatch, seconds, slow, minutes)


def test_the_speed_is_measured_and_bounded(monkeypatch):
    assert 1 <= nbval_items.slowness() <= 2
    monkeypatch.setattr(nbval_items, "FIXED_WORK", 1e-6)
    assert nbval_items.slowness() == 2
    monkeypatch.setattr(nbval_items, "FIXED_WORK", 1e3)
    assert nbval_items.slowness() == 1
