"""Files appear whole or not at all; a saved model comes back exactly, or not at all."""

import json
from dataclasses import asdict, replace

import keras
import numpy as np
import pytest
import torch
from torch import nn

from companion.layouts import named_weights
from companion.saving import load_config, load_weights, replacing, save_model
from companion.vision import mlp_keras, mlp_torch
from companion.vision.config import MLPConfig

CONFIG = MLPConfig(inputs=3, hidden=(3, 4), outputs=2, activation="gelu")
MODELS = {"torch": mlp_torch.MLP, "keras": mlp_keras.MLP}
both = pytest.mark.parametrize("model_class", MODELS.values(), ids=MODELS.keys())


def _weights(model):
    return {name: weight.read() for name, weight in named_weights(model)}


def _equal(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


def test_a_file_is_replaced_when_the_block_ends(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with replacing(path) as unfinished:
        unfinished.write_text("new")
        assert path.read_text() == "old"
        assert unfinished.parent == tmp_path
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_text() == "new"


def test_a_block_that_fails_leaves_nothing_behind(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(str(path)) as unfinished:
        unfinished.write_text("half")
        raise ZeroDivisionError
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_text() == "old"


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    path = tmp_path / "none" / "a.txt"
    with pytest.raises(FileNotFoundError, match=r"the folder .*none does not exist"):
        replacing(path).__enter__()


@both
def test_a_model_comes_back_exactly(model_class, tmp_path):
    model = model_class(CONFIG)
    save_model(model, tmp_path / "new" / "folder")
    config = load_config(MLPConfig, tmp_path / "new" / "folder")
    assert config == CONFIG
    loaded = model_class(config)
    assert not _equal(_weights(loaded), _weights(model))
    load_weights(loaded, tmp_path / "new" / "folder")
    assert _equal(_weights(loaded), _weights(model))


def test_saving_again_replaces_both_files(tmp_path):
    save_model(mlp_torch.MLP(CONFIG), tmp_path)
    other = replace(CONFIG, hidden=())
    save_model(mlp_keras.MLP(other), tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["config.json", "model.safetensors"]
    assert load_config(MLPConfig, tmp_path) == other
    load_weights(mlp_keras.MLP(other), tmp_path)


def test_what_the_keras_twin_saved_the_torch_twin_can_load(tmp_path):
    model, twin = mlp_torch.MLP(CONFIG), mlp_keras.MLP(CONFIG)
    save_model(twin, tmp_path)
    load_weights(model, tmp_path)
    assert _equal(_weights(model), _weights(twin))


def test_a_count_of_batches_is_saved_too(tmp_path):
    def model():
        norm = nn.BatchNorm1d(3)
        norm.config = CONFIG
        return norm

    saved, loaded = model(), model()
    saved(torch.rand(4, 3))
    save_model(saved, tmp_path)
    load_weights(loaded, tmp_path)
    assert loaded.num_batches_tracked == 1
    assert torch.equal(loaded.running_mean, saved.running_mean)


def _cut(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-8])


def _lose_weights(folder):
    (folder / "model.safetensors").unlink()


def _lose_config(folder):
    (folder / "config.json").unlink()


def _spoil_config(folder):
    (folder / "config.json").write_text('{"model": "MLP"', encoding="utf-8")


def _empty_config(folder):
    (folder / "config.json").write_text("[]", encoding="utf-8")


def _other_activation(folder):
    record = json.loads((folder / "config.json").read_text())
    record["config"]["activation"] = "tanh"
    (folder / "config.json").write_text(json.dumps(record))


def _other_weights(folder):
    save_model(mlp_torch.MLP(replace(CONFIG, hidden=(3, 5))), folder / "other")
    (folder / "other" / "model.safetensors").rename(folder / "model.safetensors")


@both
@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (_cut, ValueError, "model.safetensors is damaged"),
        (_lose_weights, FileNotFoundError, "model.safetensors"),
        (_lose_config, FileNotFoundError, "no saved model in .*config.json is missing"),
        (_spoil_config, ValueError, "config.json does not describe a model"),
        (_empty_config, ValueError, "config.json does not describe a model"),
        (_other_activation, ValueError, "activation='tanh'.*expected MLP.*activation='gelu'"),
        (_other_weights, ValueError, r"head.weight is \(2, 5\).*\(2, 4\) float32 in the model"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(
    model_class, spoil, error, message, tmp_path
):
    save_model(model_class(CONFIG), tmp_path)
    spoil(tmp_path)
    model = model_class(CONFIG)
    before = _weights(model)
    with pytest.raises(error, match=message):
        load_weights(model, tmp_path)
    assert _equal(_weights(model), before)


def test_a_config_of_another_class_is_refused(tmp_path):
    save_model(mlp_torch.MLP(CONFIG), tmp_path)
    with pytest.raises(ValueError, match=r"holds MLP\(MLPConfig\(.*expected a dict"):
        load_config(dict, tmp_path)
    with pytest.raises(FileNotFoundError, match="no saved model"):
        load_config(MLPConfig, tmp_path / "elsewhere")


def test_only_models_with_a_config_can_be_saved(tmp_path):
    with pytest.raises(TypeError, match="config of Linear is None; expected a dataclass"):
        save_model(nn.Linear(1, 1), tmp_path)
    with pytest.raises(TypeError, match="config of Dense is None"):
        save_model(keras.layers.Dense(1), tmp_path)
    with pytest.raises(TypeError, match="neither a torch"):
        save_model(asdict(CONFIG), tmp_path)
    assert not list(tmp_path.iterdir())
