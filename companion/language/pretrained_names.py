"""How transformers names the weights and the settings of GPT-2 and BERT.

`companion.language.pretrained` reads and writes its folders by these tables.
"""

import re
from dataclasses import dataclass

from companion.language.config import BERTConfig, GPTConfig

__all__ = ["MODELS", "Family", "known", "our_config", "their_config", "their_names", "turned"]


@dataclass(frozen=True)
class Family:
    """How transformers names what a family of models has."""

    config: type
    prefix: str  # of the names of the weights where the model has a head
    fields: dict  # our field -> theirs
    fixed: dict  # what their fields must be for the computation to be ours
    body: dict  # pattern of our weights' names -> theirs
    heads: dict  # the same for what is not part of the body
    extra: str  # pattern of weights of theirs that no model of ours has, or not this one


_GPT2 = Family(
    GPTConfig,
    "transformer.",
    {
        "vocabulary": "vocab_size",
        "context": "n_positions",
        "width": "n_embd",
        "layers": "n_layer",
        "heads": "n_head",
        "feed_forward": "n_inner",
        "dropout": "resid_pdrop",
    },
    {
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-5,
        "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False,
        "add_cross_attention": False,
        "tie_word_embeddings": True,
    },
    {
        r"embedding\.(.*)": r"wte.\1",
        "positions": "wpe.weight",
        r"norm\.(.*)": r"ln_f.\1",
        r"blocks\.(\d+)\.attention_norm\.(.*)": r"h.\1.ln_1.\2",
        r"blocks\.(\d+)\.attention\.project\.(.*)": r"h.\1.attn.c_attn.\2",
        r"blocks\.(\d+)\.attention\.mix\.(.*)": r"h.\1.attn.c_proj.\2",
        r"blocks\.(\d+)\.feed_forward_norm\.(.*)": r"h.\1.ln_2.\2",
        r"blocks\.(\d+)\.widen\.(.*)": r"h.\1.mlp.c_fc.\2",
        r"blocks\.(\d+)\.narrow\.(.*)": r"h.\1.mlp.c_proj.\2",
    },
    {},
    r"lm_head\.weight|h\.\d+\.attn\.(masked_)?bias",
)

_BERT = Family(
    BERTConfig,
    "bert.",
    {
        "vocabulary": "vocab_size",
        "context": "max_position_embeddings",
        "width": "hidden_size",
        "layers": "num_hidden_layers",
        "heads": "num_attention_heads",
        "feed_forward": "intermediate_size",
        "segments": "type_vocab_size",
        "dropout": "hidden_dropout_prob",
    },
    {
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-12,
        "position_embedding_type": "absolute",
        "is_decoder": False,
        "add_cross_attention": False,
        "tie_word_embeddings": True,
    },
    {
        r"embedding\.(.*)": r"embeddings.word_embeddings.\1",
        "positions": "embeddings.position_embeddings.weight",
        r"segment_embedding\.(.*)": r"embeddings.token_type_embeddings.\1",
        r"norm\.(.*)": r"embeddings.LayerNorm.\1",
        r"blocks\.(\d+)\.attention\.project\.(.*)": r"encoder.layer.\1.attention.self.{}.\2",
        r"blocks\.(\d+)\.attention\.mix\.(.*)": r"encoder.layer.\1.attention.output.dense.\2",
        r"blocks\.(\d+)\.attention_norm\.(.*)": r"encoder.layer.\1.attention.output.LayerNorm.\2",
        r"blocks\.(\d+)\.widen\.(.*)": r"encoder.layer.\1.intermediate.dense.\2",
        r"blocks\.(\d+)\.narrow\.(.*)": r"encoder.layer.\1.output.dense.\2",
        r"blocks\.(\d+)\.feed_forward_norm\.(.*)": r"encoder.layer.\1.output.LayerNorm.\2",
    },
    {
        r"(?:bert\.)?pooler\.(.*)": r"pooler.dense.\1",
        r"transform\.(.*)": r"cls.predictions.transform.dense.\1",
        r"norm\.(.*)": r"cls.predictions.transform.LayerNorm.\1",
        "bias": "cls.predictions.bias",
        r"head\.(.*)": r"classifier.\1",
    },
    r"(pooler|classifier|cls|qa_outputs)\..*|embeddings\.position_ids",
)

# Our class -> its family, where in it the body is, and theirs.
MODELS = {
    "GPT": (_GPT2, "", "GPT2LMHeadModel"),
    "BERTEncoder": (_BERT, "", "BertModel"),
    "BERT": (_BERT, "encoder.", "BertModel"),
    "BERTMaskedLM": (_BERT, "encoder.", "BertForMaskedLM"),
    "BERTClassifier": (_BERT, "bert.encoder.", "BertForSequenceClassification"),
}


def known(model_class):
    """Return the entry of `MODELS` for a class of ours.

    Raises:
        TypeError: If there is none.
    """
    name = getattr(model_class, "__name__", repr(model_class))
    if name not in MODELS:
        raise TypeError(f"the model is a {name}; expected one of {', '.join(MODELS)}")
    return MODELS[name]


def their_names(model_class, name):
    """Return the names of the weights that ours consists of: one, or query, key and value."""
    family, body, _ = known(model_class)
    inside = name.startswith(body)
    table, name = (family.body, name.removeprefix(body)) if inside else (family.heads, name)
    for ours, theirs in table.items():
        if re.fullmatch(ours, name):
            found = re.sub(ours, theirs, name)
            parts = ("query", "key", "value") if "{}" in found else ("",)
            return [found.format(part) for part in parts]
    raise AssertionError(f"{model_class.__name__} has an unknown weight {name}")


def turned(name, array):
    """Transpose the matrices that GPT-2 keeps as (inputs, outputs)."""
    return array.T if re.fullmatch(r"h\.\d+\.(attn|mlp)\.c_\w+\.weight", name) else array


def our_config(family, record, folder):
    """Return our config for a `config.json` of theirs.

    Args:
        family: A `Family`.
        record: What the file says.
        folder: Where it is, for the message.

    Raises:
        ValueError: If it is of another kind of model, computes something else, or is incomplete.
    """
    kind = "gpt2" if family is _GPT2 else "bert"
    if record.get("model_type") != kind:
        raise ValueError(
            f"{folder} holds a model of type {record.get('model_type')!r}; expected {kind!r}"
        )
    for name, value in family.fixed.items():
        if record.get(name, value) != value:
            raise ValueError(f"{name} in {folder} is {record[name]!r}; expected {value!r}")
    lost = [name for name in family.fields.values() if name not in record and name != "n_inner"]
    if lost:
        raise ValueError(f"config.json in {folder} does not say {', '.join(lost)}")
    fields = {ours: record.get(theirs) for ours, theirs in family.fields.items()}
    if fields["feed_forward"] is None:  # GPT-2's default
        fields["feed_forward"] = 4 * record["n_embd"]
    if kind == "bert":
        fields["outputs"] = len(record.get("id2label") or (0, 1))
    return family.config(**fields)


def their_config(family, config):
    """Return what their `config.json` says for a config of ours."""
    record = {theirs: getattr(config, ours) for ours, theirs in family.fields.items()}
    record |= family.fixed | {"dtype": "float32"}
    if family is _GPT2:
        dropout = {"embd_pdrop": config.dropout, "attn_pdrop": 0.0}
        return record | dropout | {"model_type": "gpt2", "bos_token_id": None, "eos_token_id": None}
    labels = {str(label): f"LABEL_{label}" for label in range(config.outputs)}
    record |= {"model_type": "bert", "attention_probs_dropout_prob": 0.0, "id2label": labels}
    record["pad_token_id"] = config.padding
    return record | {"label2id": {name: int(label) for label, name in labels.items()}}
