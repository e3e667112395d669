"""Every model in the package exists in both frameworks: same names, signatures and outputs.

The walk finds each companion/**/X_torch.py and compares it with X_keras.py, on the examples of
tests/twin_cases.py. How each kind of layer is copied is tested in tests/test_copy_weights.py.
"""

from pathlib import Path

import numpy as np
import pytest

import companion
from tests.twin_cases import CASES, Case
from tests.twin_walk import different_names, different_outputs, lonely, stems

# Modules that have no Keras twin, and why: {"companion.topic.name": "the reason in a sentence"}.
TORCH_ONLY = {
    "companion.generative.captions": "takes the place of the labels of diffusion, which has none",
    "companion.generative.diffusion": "its subject, schedules and samplers, needs no framework",
    "companion.language.lora": "a wrapper of PyTorch's layers; Keras has its own, enable_lora",
    "companion.language.masked": "batches and guesses for chapters that train in PyTorch",
    "companion.language.next_token": "batches and bits for chapters that train in PyTorch",
    "companion.language.starts": "for chapters that train narrow models in PyTorch",
    "companion.language.steps": "GPT's step of decoding without PyTorch's modules, for speed",
    "companion.language.window": "the instrument of one measurement, companion/data/scaling.csv",
    "companion.vision.detector": "its subject, boxes and their loss, needs no second framework",
    "companion.vision.efficientnet": "the chapter compares shapes; ResNet shows how twins do it",
    "companion.vision.segmenter": "made of the detector's stages; Keras's way is in its ResNet",
    "companion.vision.vit": "a contrast to the CNN; attention has its twins in language models",
}

ROOT = Path(companion.__file__).parent
PAIRS = [stem for stem in stems(ROOT, "torch") if stem in stems(ROOT, "keras")]


def test_every_module_has_its_twin():
    assert "companion.vision.mlp" in PAIRS, "the walk found nothing"
    assert not list(lonely(ROOT, TORCH_ONLY))


@pytest.mark.parametrize("stem", PAIRS)
def test_twins_have_the_same_names_and_signatures(stem):
    assert not list(different_names(stem))


@pytest.mark.parametrize("stem", PAIRS)
def test_twins_give_the_same_outputs(stem):
    assert not list(different_outputs(stem, CASES))


def test_every_case_belongs_to_a_pair():
    assert not {key for key in CASES if key.partition(":")[0] not in PAIRS}


# The walk itself must fail when something is wrong: a small package, broken in one place each time.

OURS = """
from torch import nn

__all__ = ["LIMIT", "Net", "rescale"]
LIMIT = 3

def rescale(inputs, factor=2.0):
    return inputs * factor

class Net(nn.Module):
    def __init__(self, width=3):
        super().__init__()
        self.head = nn.Linear(3, width)

    def forward(self, inputs, temperature=1.0):
        return {"logits": self.head(inputs) / temperature, "cache": None}

    def count(self):
        return 1
"""
THEIRS = """
import keras

__all__ = ["LIMIT", "Net", "rescale"]
LIMIT = 3

def rescale(inputs, factor=2.0):
    return inputs * factor

class Net(keras.Model):
    def __init__(self, width=3):
        super().__init__()
        self.head = keras.layers.Dense(width)
        self.head.build((None, 3))
        self.built = True

    def call(self, inputs, temperature=1.0, training=None):
        return {"logits": self.head(inputs) / temperature, "cache": None}

    def count(self):
        return 1

    def get_config(self):
        return {}
"""
INPUTS = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
EXAMPLE = [Case((4,), {"inputs": INPUTS, "temperature": 0.5})]


def _problems(tmp_path, monkeypatch, ours, theirs, torch_only, cases):
    """Write a package with the pair of modules net_torch and net_keras, and walk over it."""
    name = f"made_{tmp_path.name}"  # a new one each time, because imported modules are kept
    (tmp_path / name).mkdir()
    for side, text in [("torch", ours), ("keras", theirs)]:
        if text is not None:
            (tmp_path / name / f"net_{side}.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    found = list(lonely(tmp_path / name, {f"{name}.{key}": why for key, why in torch_only.items()}))
    if ours and theirs:
        found += different_names(f"{name}.net")
    if ours and theirs and not found:  # with other parameters the models cannot even be called
        found += different_outputs(f"{name}.net", {f"{name}.{key}": c for key, c in cases.items()})
    return "\n".join(found)


def test_a_sound_package_passes(tmp_path, monkeypatch):
    assert not _problems(tmp_path, monkeypatch, OURS, THEIRS, {}, {"net:Net": EXAMPLE})
    (tmp_path / "b").mkdir()
    assert not _problems(tmp_path / "b", monkeypatch, OURS, None, {"net": "as a test"}, {})


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"Net", "rescale"]', '"Net"]', "public in one twin only: ['rescale']"),
        ("LIMIT = 3", "LIMIT = 4", "LIMIT: 3 in torch, 4 in Keras"),
        ("factor=2.0", "factor=2.5", "rescale: [('inputs', 'positional or keyword'"),
        ("inputs, factor", "inputs, *, factor", "('factor', 'keyword-only', 2.0)"),
        ("width", "size", "Net(): [('self',"),
        ("inputs, temperature", "x, temperature", "Net.forward / call: [('self',"),
        ("training=None", "training=True", "('training', 'positional or keyword', True)"),
        ("def count", "def total", "Net: public in one twin only: ['count', 'total']"),
        ("self.head(inputs)", "1.0001 * self.head(inputs)", "outputs differ by"),
        ("self.head(inputs)", "float('nan') * self.head(inputs)", "outputs differ by nan"),
        ("self.head(inputs)", "self.head(inputs)[:1]", "shapes [(4, 4)] in torch, [(1, 4)]"),
        ('"cache": None', '"cache": inputs', "shapes [(4, 4)] in torch, [(4, 4), (4, 3)]"),
        ("self.head", "self.top", "only in torch: 'head.weight' (Linear, float32, (4, 3)"),
        ("Dense(width)", "Dense(width, use_bias=False)", "only in torch: 'head.bias'"),
    ],
)
def test_a_twin_that_differs_fails(old, new, message, tmp_path, monkeypatch):
    assert old in THEIRS
    theirs = THEIRS.replace(old, new)
    found = _problems(tmp_path, monkeypatch, OURS, theirs, {}, {"net:Net": EXAMPLE})
    assert message in found


def test_outputs_that_do_not_depend_on_the_weights_prove_nothing(tmp_path, monkeypatch):
    pair = (text.replace("self.head(inputs)", "inputs") for text in (OURS, THEIRS))
    found = _problems(tmp_path, monkeypatch, *pair, {}, {"net:Net": EXAMPLE})
    assert "the case proves nothing" in found


@pytest.mark.parametrize(
    ("ours", "theirs", "torch_only", "cases", "message"),
    [
        (OURS, None, {}, {}, "net_torch has no twin"),
        (None, THEIRS, {}, {}, "net_keras has no twin"),
        (OURS, None, {"net": " "}, {}, "TORCH_ONLY gives no reason for"),
        (OURS, THEIRS, {"net": "late"}, {"net:Net": EXAMPLE}, "TORCH_ONLY is out of date"),
        (OURS, None, {"net": "yes", "gone": "no"}, {}, "gone is not a module in torch only"),
        (OURS, THEIRS, {}, {}, "Net has no case in twin_cases.py"),
        (OURS, THEIRS, {}, {"net:Net": []}, "Net has no case in twin_cases.py"),
        (OURS, THEIRS, {}, {"net:Old": EXAMPLE}, "net:Old"),
    ],
)
def test_a_missing_twin_or_case_fails(
    ours, theirs, torch_only, cases, message, tmp_path, monkeypatch
):
    assert message in _problems(tmp_path, monkeypatch, ours, theirs, torch_only, cases)
