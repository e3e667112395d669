"""Folders that hold no model, half a model, or another one, and models that none can hold."""

import json
import re

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from companion.language import bert_torch, gpt_torch
from companion.language.config import BERTConfig, GPTConfig
from companion.language.pretrained import load_pretrained, save_pretrained


@pytest.fixture
def folder(tmp_path):
    save_pretrained(gpt_torch.GPT(GPTConfig(13, 9, 12, 2, 3, 20)), tmp_path)
    return tmp_path


def _rewrite(folder, **changes):
    path = folder / "config.json"
    record = json.loads(path.read_text(encoding="utf-8")) | changes
    record = {name: value for name, value in record.items() if value != "gone"}
    path.write_text(json.dumps(record), encoding="utf-8")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "llama"}, "holds a model of type 'llama'; expected 'gpt2'"),
        ({"model_type": "gone"}, "holds a model of type None; expected 'gpt2'"),
        ({"activation_function": "relu"}, "activation_function in {} is 'relu'; expected 'gelu"),
        ({"layer_norm_epsilon": 1e-6}, "layer_norm_epsilon in {} is 1e-06; expected 1e-05"),
        ({"n_head": "gone", "n_embd": "gone"}, "config.json in {} does not say n_embd, n_head"),
        ({"n_head": 5}, "width is 12; expected a multiple of heads, 5"),
        ({"n_layer": 3}, "h.2.ln_1.weight is missing"),
        ({"n_layer": 1}, "h.1.ln_1.weight has no place"),
        ({"n_positions": 8}, "wpe.weight makes (9, 12); expected (8, 12)"),
        ({"n_inner": None}, "h.0.mlp.c_fc.weight makes (20, 12); expected (48, 12)"),
    ],
)
def test_a_foreign_folder_is_refused(changes, message, folder):
    _rewrite(folder, **changes)
    with pytest.raises(ValueError, match=re.escape(message.format(folder))):
        load_pretrained(gpt_torch.GPT, folder)


def test_a_folder_without_the_right_files_is_refused(folder, tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"no pretrained model in .*config\.json is missing"
    ):
        load_pretrained(gpt_torch.GPT, tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"holds a model of type 'gpt2'; expected 'bert'"):
        load_pretrained(bert_torch.BERT, folder)
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-100])
    with pytest.raises(ValueError, match=r"model\.safetensors is damaged"):
        load_pretrained(gpt_torch.GPT, folder)
    arrays = {"unrelated": np.zeros(3, dtype=np.float32)}
    save_file(arrays, weights)
    with pytest.raises(
        ValueError, match=r"does not hold a whole gpt2 model:\n.*is missing"
    ) as caught:
        load_pretrained(gpt_torch.GPT, folder)
    assert "unrelated has no place" in str(caught.value)
    weights.unlink()
    with pytest.raises(FileNotFoundError, match=r"model\.safetensors is missing"):
        load_pretrained(gpt_torch.GPT, folder)
    (folder / "model.safetensors.index.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ValueError, match=r"index\.json is damaged: it does not say where"):
        load_pretrained(gpt_torch.GPT, folder)
    for wrong in ("{", "[]"):
        (folder / "config.json").write_text(wrong, encoding="utf-8")
        with pytest.raises(ValueError, match=r"config\.json is damaged"):
            load_pretrained(gpt_torch.GPT, folder)


def test_weights_that_a_head_needs_are_missed(tmp_path):
    save_pretrained(bert_torch.BERTMaskedLM(BERTConfig(13, 9, 12, 2, 3, 20)), tmp_path)
    with pytest.raises(ValueError, match=r"whole bert model:\n  pooler\.dense\.weight is missing"):
        load_pretrained(bert_torch.BERT, tmp_path)
    with pytest.raises(ValueError, match=r"classifier\.weight is missing"):
        load_pretrained(bert_torch.BERTClassifier, tmp_path)


def test_other_models_are_refused(tmp_path):
    message = "the model is a Linear; expected one of GPT, BERTEncoder, BERT, BERTMaskedLM"
    with pytest.raises(TypeError, match=message):
        save_pretrained(torch.nn.Linear(2, 2), tmp_path)
    with pytest.raises(TypeError, match=message):
        load_pretrained(torch.nn.Linear, tmp_path)
