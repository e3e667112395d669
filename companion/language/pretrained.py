"""Reads and writes the folders of transformers: weights of GPT-2 and BERT, in both directions.

A folder that `save_pretrained` of transformers wrote, or one from its hub, holds `config.json` and
the weights as safetensors. Both are read without transformers, into either framework:

    model = load_pretrained(GPT, "gpt2")  # from companion.language.gpt_torch or gpt_keras
    save_pretrained(model, "mine")  # for transformers.GPT2LMHeadModel.from_pretrained("mine")

Of ours, GPT is GPT2LMHeadModel, BERT and BERTEncoder are BertModel with and without its pooler,
BERTMaskedLM is BertForMaskedLM, BERTClassifier is BertForSequenceClassification. What the folder
holds beyond the class that is asked for is left out, such as a classifier when an encoder is read.
"""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from companion.language.pretrained_names import (
    known,
    our_config,
    their_config,
    their_names,
    turned,
)
from companion.layouts import framework, named_weights
from companion.saving import replacing

__all__ = ["load_pretrained", "save_pretrained"]

_CONFIG, _WEIGHTS = "config.json", "model.safetensors"


def load_pretrained(model_class, folder, **changes):
    """Make a model from a folder of transformers.

    Args:
        model_class: GPT, BERT, BERTEncoder, BERTMaskedLM or BERTClassifier of either framework.
        folder: With `config.json`, and `model.safetensors` or the parts that
            `model.safetensors.index.json` lists.
        **changes: Fields of the config that shall be different, such as dropout=0.0 or padding=0;
            the shape of the weights is not among them.

    Returns:
        The model; in PyTorch in evaluation mode.

    Raises:
        TypeError: If the class is none of these.
        FileNotFoundError: If the folder or one of its files is missing.
        ValueError: If a file is damaged, the folder is of another kind of model or computes
            something else, or weights are missing, foreign or of another shape.
    """
    family = known(model_class)[0]
    record = _read_json(Path(folder) / _CONFIG)
    model = model_class(dataclasses.replace(our_config(family, record, folder), **changes))
    arrays = _read_weights(Path(folder), family.prefix)
    wrong, found = [], {}
    for name, weight in named_weights(model):
        theirs = their_names(type(model), name)
        lost = [one for one in theirs if one not in arrays]
        wrong += [f"{one} is missing" for one in lost]
        if not lost:
            array = np.concatenate([turned(one, arrays.pop(one)) for one in theirs])
            if array.shape != weight.shape:
                wrong.append(f"{theirs[0]} makes {array.shape}; expected {weight.shape}")
            found[name] = array
    wrong += [f"{one} has no place" for one in arrays if not re.fullmatch(family.extra, one)]
    if wrong:
        raise ValueError(
            "\n  ".join([f"{folder} does not hold a whole {record['model_type']} model:", *wrong])
        )
    for name, weight in named_weights(model):
        weight.write(found[name])
    return model.eval() if framework(model) == "torch" else model


def save_pretrained(model, folder):
    """Write a model as transformers does, for its `from_pretrained`.

    Args:
        model: GPT, BERT, BERTEncoder, BERTMaskedLM or BERTClassifier of either framework.
        folder: Where to; it is created, and what was saved there before is replaced.

    Raises:
        TypeError: If the model is none of these.
    """
    family, _, theirs = known(type(model))
    arrays = {}
    for name, weight in named_weights(model):
        names = their_names(type(model), name)
        for one, part in zip(names, np.split(weight.read(), len(names)), strict=True):
            headed = theirs != "BertModel" and not one.startswith(("cls.", "classifier."))
            place = family.prefix + one if headed else one
            arrays[place] = np.ascontiguousarray(turned(one, part))
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _CONFIG).unlink(missing_ok=True)  # it comes last, so a folder that has it is whole
    with replacing(folder / _WEIGHTS) as path:
        path.write_bytes(save(arrays, metadata={"format": "pt"}))
    with replacing(folder / _CONFIG) as path:
        record = their_config(family, model.config) | {"architectures": [theirs]}
        path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _read_json(path):
    if not path.is_file():
        raise FileNotFoundError(f"no pretrained model in {path.parent}: {path.name} is missing")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    if not isinstance(record, dict):
        raise ValueError(f"{path} is damaged: it holds no object")
    return record


def _read_weights(folder, prefix):
    """Return the arrays of a folder by name, without the prefix, as float32."""
    index, files, arrays = folder / (_WEIGHTS + ".index.json"), [_WEIGHTS], {}
    if index.is_file() and not (folder / _WEIGHTS).is_file():
        places = _read_json(index).get("weight_map")
        if not isinstance(places, dict):
            raise ValueError(f"{index} is damaged: it does not say where the weights are")
        files = sorted(set(places.values()))
    for path in (folder / name for name in files):
        if not path.is_file():
            raise FileNotFoundError(f"no pretrained model in {folder}: {path.name} is missing")
        try:
            arrays |= _read_file(path, prefix)
        except SafetensorError as error:
            raise ValueError(f"{path} is damaged: {error}") from error
    return arrays


def _read_file(path, prefix):
    arrays = {}
    with safe_open(path, "np") as file:
        for name in sorted(file.keys()):
            dtype = file.get_slice(name).get_dtype()
            if dtype not in ("F64", "F32", "F16"):
                if dtype in ("BOOL", "U8", "I64"):  # masks and positions, which are no weights
                    continue
                raise ValueError(f"{name} in {path} is {dtype}; expected F32 or F16")
            # The first releases of BERT call the scale and shift of a normalisation otherwise.
            name_now = re.sub("LayerNorm.gamma$", "LayerNorm.weight", name.removeprefix(prefix))
            name_now = re.sub("LayerNorm.beta$", "LayerNorm.bias", name_now)
            arrays[name_now] = file.get_tensor(name).astype(np.float32)
    return arrays
