"""Checkpoints on disk, without a framework."""

import json
import os
import random
import re

import numpy as np
import pytest
from safetensors.numpy import load_file, save

from companion.training.checkpoint import (
    CheckpointError,
    Store,
    random_state,
    require_same_config,
    require_same_tensors,
    restore_random_state,
    under,
)

TENSORS = {"model/weight": np.arange(6.0).reshape(2, 3), "optimizer/0": np.array(3)}


def facts(step):
    return {"step": step, "config": {"seed": 0}, "history": {}}


def written(folder, step=4):
    store = Store(folder, None, True)
    store.write(TENSORS, facts(step), save)
    return store


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_is_written_is_read(tmp_path):
    tensors, saved = written(tmp_path / "new" / "run").read(load_file)
    assert {name: value.tolist() for name, value in tensors.items()} == {
        "model/weight": [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]],
        "optimizer/0": 3,
    }
    assert saved.items() >= facts(4).items()


def test_the_record_is_json_that_can_be_read_by_eye(tmp_path):
    written(tmp_path)
    text = (tmp_path / "checkpoint.json").read_text()
    assert json.loads(text)["step"] == 4
    assert '\n"config": {"seed": 0},\n' in text


def test_only_the_latest_is_kept_and_other_files_stay(tmp_path):
    store = written(tmp_path, step=4)
    others = ["notes.txt", "model.safetensors", "tensors-1.safetensors", ".a.json.7.unfinished"]
    leftovers = [
        "tensors-00000006.safetensors",
        ".tensors-00000006.safetensors.7.unfinished",
        ".checkpoint.json.7.unfinished",
    ]
    for name in others + leftovers:
        (tmp_path / name).write_text("before")
    store.write(TENSORS, facts(8), save)
    kept = {"checkpoint.json", "tensors-00000008.safetensors", *others}
    assert set(content(tmp_path)) == kept


@pytest.mark.parametrize("failing", [1, 2])
def test_the_old_checkpoint_survives_a_write_that_is_cut_off(tmp_path, monkeypatch, failing):
    store = written(tmp_path, step=4)
    calls = []

    def replace(source, target, original=os.replace):
        calls.append(target)
        if len(calls) == failing:
            raise KeyboardInterrupt
        original(source, target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(KeyboardInterrupt):
        store.write({"model/weight": np.zeros(3)}, facts(8), save)
    tensors, saved = store.read(load_file)
    assert saved["step"] == 4 and set(tensors) == set(TENSORS)
    monkeypatch.undo()
    store.write(TENSORS, facts(8), save)
    assert store.read(load_file)[1]["step"] == 8


def cut(path, size):
    path.write_bytes(path.read_bytes()[:size])


def changed(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


DAMAGE = {
    "truncated tensors": (lambda tensors, record: cut(tensors, -1), "is truncated or changed"),
    "empty tensors": (lambda tensors, record: cut(tensors, 0), "is truncated or changed"),
    "one bit": (lambda tensors, record: changed(tensors), "is truncated or changed"),
    "no tensors": (
        lambda tensors, record: tensors.unlink(),
        "names tensors-00000004.safetensors, which is missing",
    ),
    "truncated record": (lambda tensors, record: cut(record, -3), "is not a whole checkpoint"),
    "empty record": (lambda tensors, record: cut(record, 0), "is not a whole checkpoint"),
    "other JSON": (lambda tensors, record: record.write_text("[1]"), "is not a whole checkpoint"),
    "other format": (
        lambda tensors, record: record.write_text('{"format": "pickle"}'),
        r"\(KeyError: 'pickle'\); expected the format 'large-models-companion checkpoint 1'",
    ),
    "no step": (
        lambda tensors, record: record.write_text(record.read_text().replace('"step"', '"steps"')),
        r"\(KeyError: 'step'\)",
    ),
    "an image": (
        lambda tensors, record: record.write_bytes(b"\x89PNG\r\n\x1a\n"),
        "is not a whole checkpoint",
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_checkpoint_is_refused_and_left_alone(tmp_path, kind):
    damage, message = DAMAGE[kind]
    store = written(tmp_path)
    damage(tmp_path / "tensors-00000004.safetensors", tmp_path / "checkpoint.json")
    before = content(tmp_path)
    with pytest.raises(CheckpointError, match=message):
        store.read(load_file)
    assert content(tmp_path) == before


def test_nothing_there_is_no_error(tmp_path):
    assert Store(tmp_path / "new", None, True).read(load_file) is None
    assert Store(None, None, False).read(load_file) is None
    assert not (tmp_path / "new").exists()


def test_a_checkpoint_is_not_overwritten_by_a_new_run(tmp_path):
    written(tmp_path)
    before = content(tmp_path)
    message = f"checkpoint {tmp_path} already holds one; pass resume=True"
    with pytest.raises(FileExistsError, match=re.escape(message)):
        Store(tmp_path, None, False)
    assert content(tmp_path) == before


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    path = tmp_path / "model.pt"
    path.write_bytes(b"weights")
    with pytest.raises(CheckpointError, match=r"model\.pt is a file; expected a folder"):
        Store(path, None, True)
    assert path.read_bytes() == b"weights"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((None, 5, False), "checkpoint_every is 5 and resume False, but checkpoint is None"),
        ((None, None, True), "checkpoint_every is None and resume True, but checkpoint is None"),
        (("run", 0, False), "checkpoint_every is 0; expected an integer of at least 1"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        Store(*arguments)


def test_another_config_is_refused_setting_by_setting():
    saved = {"seed": 0, "batch_size": 8, "betas": [0.9, 0.99]}
    require_same_config("run", saved, {"seed": 0, "batch_size": 8, "betas": (0.9, 0.99)})
    message = "checkpoint run belongs to another run: batch_size was 8 and is 9; seed was 0 and is"
    with pytest.raises(CheckpointError, match=f"{message} None$"):
        require_same_config("run", saved, {"batch_size": 9, "betas": (0.9, 0.99)})


@pytest.mark.parametrize(
    ("now", "message"),
    [
        ({}, "run holds bias, which the model has not"),
        ({"bias": np.zeros(2), "weight": np.zeros(2)}, "run lacks weight, which the model has"),
        (
            {"bias": np.zeros((2, 1))},
            r"bias is \(2,\) float64 in run, and \(2, 1\) float64 in the model",
        ),
        (
            {"bias": np.zeros(2, np.float32)},
            r"bias is \(2,\) float64 in run, and \(2,\) float32 in the model",
        ),
    ],
)
def test_other_tensors_are_refused_by_name(now, message):
    require_same_tensors("run", {"bias": np.zeros(2)}, {"bias": np.ones(2)})
    with pytest.raises(CheckpointError, match=message):
        require_same_tensors("run", {"bias": np.zeros(2)}, now)


def test_under_cuts_the_prefix_off():
    assert under("a/", {"a/b": 1, "a/c/a/d": 2, "aa/b": 3}) == {"b": 1, "c/a/d": 2}


def draws():
    numbers = np.random.standard_normal(3)  # noqa: NPY002 - the global generator is the subject
    return [random.random(), random.gauss(0, 1), *numbers.tolist()]


@pytest.mark.parametrize("already_drawn", [0, 1])
def test_random_generators_go_on_where_they_were(already_drawn):
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    for _ in range(already_drawn):
        draws()  # an odd number of normal numbers leaves one in the generator's hand
    state = random_state()
    expected = draws() + draws()
    random.seed(2)
    np.random.seed(2)  # noqa: NPY002
    restore_random_state(state)
    assert draws() + draws() == expected
