"""Folders of transformers: the same outputs in both directions and frameworks; what is refused."""

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from companion.language import bert_keras, bert_torch, gpt_keras, gpt_torch
from companion.language.config import BERTConfig, GPTConfig
from companion.language.pretrained import load_pretrained, save_pretrained
from companion.layouts import named_weights
from tests.twin_walk import shake

transformers = pytest.importorskip("transformers")

pytestmark = pytest.mark.usefixtures("seeds_and_one_thread", "offline")

OURS = {
    "torch": {"GPT": gpt_torch.GPT}
    | {name: getattr(bert_torch, name) for name in bert_torch.__all__},
    "keras": {"GPT": gpt_keras.GPT}
    | {name: getattr(bert_keras, name) for name in bert_keras.__all__},
}
THEIRS = {
    "GPT": transformers.GPT2LMHeadModel,
    "BERT": transformers.BertModel,
    "BERTMaskedLM": transformers.BertForMaskedLM,
    "BERTClassifier": transformers.BertForSequenceClassification,
}
CONFIGS = {"GPT": GPTConfig(13, 9, 12, 2, 3, 20, 0.1)} | dict.fromkeys(
    ["BERT", "BERTEncoder", "BERTMaskedLM", "BERTClassifier"],
    BERTConfig(13, 9, 12, 2, 3, 20, segments=3, outputs=4, dropout=0.1),
)
KINDS = pytest.mark.parametrize("kind", ["torch", "keras"])
NAMES = pytest.mark.parametrize("name", THEIRS)
TOKENS = np.random.default_rng(0).integers(13, size=(3, 7))
SEGMENTS = np.random.default_rng(1).integers(3, size=(3, 7))
THERE = np.arange(7) < np.array([[7], [4], [5]])


@pytest.fixture
def offline(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def _reference(name):
    """A model of transformers with random weights, all of which make a difference."""
    if name == "GPT":
        config = transformers.GPT2Config(
            vocab_size=13, n_positions=9, n_embd=12, n_layer=2, n_head=3, n_inner=20
        )
    else:
        config = transformers.BertConfig(
            vocab_size=13,
            max_position_embeddings=9,
            hidden_size=12,
            num_hidden_layers=2,
            num_attention_heads=3,
            intermediate_size=20,
            type_vocab_size=3,
            num_labels=4,
        )
    model = THEIRS[name](config).eval()
    shake(model)
    return model


def _their_outputs(model, name):
    inputs = {"input_ids": torch.tensor(TOKENS)}
    if name != "GPT":
        inputs |= {"token_type_ids": torch.tensor(SEGMENTS), "attention_mask": torch.tensor(THERE)}
    with torch.no_grad():
        found = model(**inputs)
    return [found.last_hidden_state, found.pooler_output] if name == "BERT" else [found.logits]


def _our_outputs(kind, model, name):
    inputs = {} if name == "GPT" else {"segments": SEGMENTS, "attention_mask": THERE}
    if kind == "keras":
        found = model(TOKENS, **inputs)
    else:
        with torch.no_grad():
            found = model(torch.tensor(TOKENS), **{k: torch.tensor(v) for k, v in inputs.items()})
    return list(found) if name == "BERT" else [found]


def _compare(ours, theirs):
    for mine, other in zip(ours, theirs, strict=True):
        mine, other = (np.asarray(x) for x in (mine, other))
        if other.shape[:2] == THERE.shape:  # what stands for padding is nobody's concern
            mine, other = mine[THERE], other[THERE]
        assert other.std(axis=0).min() > 1e-3, "the outputs hardly depend on the inputs"
        np.testing.assert_allclose(mine, other, rtol=0, atol=1e-5)


@KINDS
@NAMES
def test_a_folder_of_theirs_is_loaded(kind, name, tmp_path):
    reference = _reference(name)
    reference.save_pretrained(tmp_path)
    found = load_pretrained(OURS[kind][name], tmp_path)
    assert found.config == CONFIGS[name]
    _compare(_our_outputs(kind, found, name), _their_outputs(reference, name))


@KINDS
@NAMES
def test_a_folder_of_ours_is_loaded_by_transformers(kind, name, tmp_path):
    model = OURS[kind][name](CONFIGS[name])
    shake(model)
    model = model.eval() if kind == "torch" else model
    save_pretrained(model, tmp_path)
    found, report = THEIRS[name].from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    _compare(_our_outputs(kind, model, name), _their_outputs(found.eval(), name))


@KINDS
@pytest.mark.parametrize("name", CONFIGS)
def test_a_folder_of_ours_comes_back(kind, name, tmp_path):
    model = OURS[kind][name](CONFIGS[name])
    shake(model)
    save_pretrained(model, tmp_path)
    found = load_pretrained(OURS["keras" if kind == "torch" else "torch"][name], tmp_path)
    assert found.config == CONFIGS[name]
    weights = {name.replace("/", "."): weight.read() for name, weight in named_weights(found)}
    for path, weight in named_weights(model):
        np.testing.assert_array_equal(weights[path], weight.read())


@pytest.mark.parametrize("source", ["BERT", "BERTMaskedLM", "BERTClassifier"])
def test_the_encoder_is_read_from_each_bert(source, tmp_path):
    reference = _reference(source)
    reference.save_pretrained(tmp_path)
    found = load_pretrained(bert_torch.BERTEncoder, tmp_path, padding=0, dropout=0.3)
    assert found.config.padding == 0 and found.config.dropout == 0.3 and not found.training
    tokens = torch.tensor(np.where(THERE, TOKENS + 1, 0) % 13)
    mask = (tokens != 0).long()
    with torch.no_grad():
        base = getattr(reference, "bert", reference)
        expected = base(tokens, attention_mask=mask).last_hidden_state
        found = found(tokens)
    torch.testing.assert_close(found[mask == 1], expected[mask == 1], rtol=0, atol=1e-5)


def test_the_bare_gpt2_without_a_head_and_old_names_are_read(tmp_path):
    reference = _reference("GPT")
    reference.transformer.save_pretrained(tmp_path)
    arrays = load_file(tmp_path / "model.safetensors")
    assert "wte.weight" in arrays
    arrays["h.0.attn.bias"] = np.tril(np.ones((1, 1, 9, 9), dtype=np.float32))  # GPT-2's old mask
    save_file(arrays, tmp_path / "model.safetensors")
    found = load_pretrained(gpt_torch.GPT, tmp_path)
    _compare(_our_outputs("torch", found, "GPT"), _their_outputs(reference, "GPT"))
    reference = _reference("BERTMaskedLM")
    reference.save_pretrained(tmp_path)
    arrays = load_file(tmp_path / "model.safetensors")
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    for new, name in old.items():
        arrays = {key.replace(new, name): value for key, value in arrays.items()}
    arrays["bert.embeddings.position_ids"] = np.arange(9)[None]
    arrays["cls.seq_relationship.weight"] = np.zeros((2, 12), dtype=np.float32)
    save_file(arrays, tmp_path / "model.safetensors")
    found = load_pretrained(bert_torch.BERTMaskedLM, tmp_path)
    found = _our_outputs("torch", found, "BERTMaskedLM")
    _compare(found, _their_outputs(reference, "BERTMaskedLM"))


def test_a_folder_in_several_parts_and_half_precision_is_read(tmp_path):
    reference = _reference("GPT")
    reference.save_pretrained(tmp_path / "parts", max_shard_size="2KB")
    parts = sorted((tmp_path / "parts").glob("*.safetensors"))
    assert len(parts) > 2
    found = load_pretrained(gpt_torch.GPT, tmp_path / "parts")
    _compare(_our_outputs("torch", found, "GPT"), _their_outputs(reference, "GPT"))
    parts[1].unlink()
    with pytest.raises(FileNotFoundError, match=rf"{parts[1].name} is missing"):
        load_pretrained(gpt_torch.GPT, tmp_path / "parts")
    reference.half().save_pretrained(tmp_path / "half")
    found = load_pretrained(gpt_torch.GPT, tmp_path / "half")
    assert found.positions.dtype == torch.float32
    _compare(_our_outputs("torch", found, "GPT"), _their_outputs(reference.float(), "GPT"))
    reference.bfloat16().save_pretrained(tmp_path / "brain")
    with pytest.raises(ValueError, match=r"is BF16; expected F32 or F16"):
        load_pretrained(gpt_torch.GPT, tmp_path / "brain")
