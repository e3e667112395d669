"""A model's weights and config on disk, and files that are written whole or not at all.

A saved model is a folder with two files: `model.safetensors`, the weights, and `config.json`, the
fields of the config. Reading them runs no code, unlike a pickle. A Keras model is saved under the
names and in the layout of its torch twin (see `companion.layouts`). The state of a training run
(optimiser, random numbers) is the business of `companion.training.checkpoint`.
"""

import dataclasses
import json
import os
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from companion.layouts import framework, named_weights

__all__ = ["load_config", "load_weights", "replacing", "save_model"]

_WEIGHTS, _CONFIG = "model.safetensors", "config.json"


@contextmanager
def replacing(path):
    """Write a file whole or not at all, as the body of a `with` statement.

    Args:
        path: The file to be written or replaced, in a folder that exists.

    Yields:
        The path of another file in the same folder. When the block ends it is flushed to the disk
        and takes the name `path`; when the block fails it is removed and `path` is untouched.

    Raises:
        FileNotFoundError: If the folder does not exist.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"cannot write {path}: the folder {path.parent} does not exist")
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        yield unfinished
        with open(unfinished, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def save_model(model, folder):
    """Write the weights and the config of a model.

    Args:
        model: A torch module or a built Keras model, with a dataclass as `model.config`.
        folder: Where to; it is created, and what was saved there before is replaced.

    Raises:
        TypeError: If `model` is of neither framework or has no such config.
    """
    record = _record(model)
    arrays = {name: np.array(array, order="C") for name, (array, _) in _weights(model).items()}
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _CONFIG).unlink(missing_ok=True)  # it comes last, so a folder that has it is whole
    with replacing(folder / _WEIGHTS) as path:
        path.write_bytes(save(arrays))
    with replacing(folder / _CONFIG) as path:
        path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def load_config(config_class, folder):
    """Read the config of a saved model: `model = MLP(load_config(MLPConfig, folder))`.

    Args:
        config_class: The dataclass that the config is of.
        folder: Where `save_model` wrote.

    Raises:
        FileNotFoundError: If no model was saved there.
        ValueError: If the config is damaged or of another class.
    """
    record = _read_record(folder)
    if record["config_class"] != config_class.__name__:
        raise ValueError(f"{folder} holds {_describe(record)}; expected a {config_class.__name__}")
    return config_class(**record["config"])


def load_weights(model, folder):
    """Replace the weights of a model by those that were saved.

    Args:
        model: A model with the same config as the saved one.
        folder: Where `save_model` wrote.

    Raises:
        FileNotFoundError: If no model was saved there.
        TypeError: If `model` is of neither framework or has no config.
        ValueError: If the files are damaged, or config or weights are of another model; the
            message names what differs. The model is then unchanged.
    """
    # Imported here because checkpoints themselves are written with `replacing`.
    from companion.training.checkpoint import require_same_tensors

    saved, now = _read_record(folder), _record(model)
    if saved != now:
        raise ValueError(f"{folder} holds {_describe(saved)}; expected {_describe(now)}")
    path = Path(folder) / _WEIGHTS
    try:
        arrays = load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    weights = _weights(model)
    require_same_tensors(folder, arrays, {name: array for name, (array, _) in weights.items()})
    for name, (_, write) in weights.items():
        write(arrays[name])


def _weights(model):
    """Return name -> (array, function that replaces it) for every weight."""
    if framework(model) == "Keras":
        return {name: (weight.read(), weight.write) for name, weight in named_weights(model)}
    return {
        name: (tensor.cpu().numpy(), lambda array, old=tensor: old.copy_(old.new_tensor(array)))
        for name, tensor in model.state_dict().items()
    }


def _record(model):
    """Return what `config.json` says about a model."""
    framework(model)  # raises if it is no model at all
    config = getattr(model, "config", None)
    if not dataclasses.is_dataclass(config) or isinstance(config, type):
        raise TypeError(f"config of {type(model).__name__} is {config!r}; expected a dataclass")
    record = {
        "model": type(model).__name__,
        "config_class": type(config).__name__,
        "config": dataclasses.asdict(config),
    }
    return json.loads(json.dumps(record))  # as it will be read: a tuple becomes a list


def _read_record(folder):
    path = Path(folder) / _CONFIG
    if not path.is_file():
        raise FileNotFoundError(f"no saved model in {folder}: {_CONFIG} is missing")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        _describe(record)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} does not describe a model: {error!r}") from error
    return record


def _describe(record):
    fields = ", ".join(f"{name}={value!r}" for name, value in record["config"].items())
    return f"{record['model']}({record['config_class']}({fields}))"
