"""Seeds repeat and shift; the device and the scale follow what is there."""

import random
import sys

import numpy as np
import pytest

from companion.scale import at_scale, device, seed_everything


def _draw(base):
    seed_everything(base)
    torch = sys.modules["torch"]
    return random.random(), np.random.rand(), float(torch.rand(()))  # noqa: NPY002


def test_the_same_seed_repeats_and_another_differs():
    pytest.importorskip("torch")
    assert _draw(1) == _draw(1)
    assert all(a != b for a, b in zip(_draw(1), _draw(2), strict=True))


def test_the_environment_shifts_every_seed(monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setenv("COMPANION_SEED", "0")
    assert seed_everything(3) == 3
    unshifted = _draw(3)
    monkeypatch.setenv("COMPANION_SEED", "2")
    assert seed_everything(3) == 2003
    assert _draw(3) != unshifted


def test_keras_is_seeded_when_it_is_imported():
    keras = pytest.importorskip("keras")
    draws = []
    for base in (5, 5, 6):
        seed_everything(base)
        draws.append(float(keras.random.normal(())))
    assert draws[0] == draws[1] != draws[2]


@pytest.mark.parametrize("base", [-1, 1.5, "x", True, None])
def test_a_bad_seed_is_refused(base):
    with pytest.raises(ValueError, match=r"base is .*expected an integer"):
        seed_everything(base)


def test_a_bad_seed_in_the_environment_is_refused(monkeypatch):
    monkeypatch.setenv("COMPANION_SEED", "seven")
    with pytest.raises(ValueError, match="COMPANION_SEED is 'seven'"):
        seed_everything(0)


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_the_best_device_is_chosen(monkeypatch, cuda, mps, expected):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert device() == expected


def test_without_torch_the_device_is_the_cpu(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert device() == "cpu"


def test_the_scale_chooses_the_value(monkeypatch):
    monkeypatch.delenv("COMPANION_SCALE", raising=False)
    assert at_scale(laptop=1, full=2) == 1
    monkeypatch.setenv("COMPANION_SCALE", "full")
    assert at_scale(laptop=1, full=2) == 2


def test_an_unknown_scale_is_refused(monkeypatch):
    monkeypatch.setenv("COMPANION_SCALE", "huge")
    with pytest.raises(ValueError, match="'huge'; expected one of laptop, full"):
        at_scale(laptop=1, full=2)
