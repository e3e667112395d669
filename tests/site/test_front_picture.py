"""The front page's picture shows what its titles say."""

import re
from pathlib import Path

import numpy as np

from tools import front

ROOT = Path(__file__).resolve().parents[2]


def distances():
    """Distance from the minimum along each path, without the slow direction of the valley."""
    best, _, walks = front.paths()
    steep = np.linalg.eigh(front.hessian(front.problem()[0]))[1][:, -1]  # (2,)
    return [np.abs((walk - best) @ steep) for walk in walks]


def test_below_the_limit_the_path_settles():
    below, _, _ = distances()
    assert np.all(np.diff(below[below > 1e-12]) < 0)
    assert below[-1] < 0.01 * below[0]


def test_at_the_limit_it_bounces_for_ever():
    _, at, _ = distances()
    np.testing.assert_allclose(at, at[0], rtol=1e-9)


def test_above_the_limit_every_step_is_longer():
    _, _, above = distances()
    assert np.all(np.diff(above) > 0)


def test_the_pictures_are_committed_without_a_date():
    for name in ("front.svg", "front-narrow.svg"):
        text = (ROOT / "book" / "_static" / name).read_text(encoding="utf-8")
        assert not re.search(r"<dc:date>", text)
        assert text.count("<svg") == 1
