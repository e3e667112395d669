"""The weights of the chapters on GPT and BERT: as recorded, and by the recipe that is committed."""

import json

import pytest
import torch

from companion.checkpoints import FOLDER, checkpoint_config, load_checkpoint
from companion.data import documentation
from companion.language.bert_torch import BERTMaskedLM
from companion.language.config import BERTConfig, GPTConfig
from companion.language.gpt_torch import GPT
from companion.language.masked_torch import masked_accuracy
from companion.text.bpe import BPE
from tools.checkpoints import bert_documentation, gpt_documentation

RECIPES = (bert_documentation, gpt_documentation)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.NAME)
def test_the_record_is_that_of_the_recipe(recipe):
    record = json.loads((FOLDER / f"{recipe.NAME}.json").read_text(encoding="utf-8"))
    found = record["seed"], record["steps"], record["batch"], record["config"]["context"]
    assert found == (recipe.SEED, recipe.STEPS, recipe.BATCH, recipe.CONTEXT)
    special = getattr(recipe, "SPECIAL", ())
    assert len(BPE.from_lines(record["merges"], special).tokens) == recipe.TOKENS


def test_the_gpt_still_measures_what_its_record_says():
    torch.set_num_threads(1)
    model = GPT(checkpoint_config("gpt_documentation", GPTConfig)).eval()
    facts = load_checkpoint("gpt_documentation", model)
    _, test = documentation.held_out()
    tokeniser = BPE.from_lines(facts["merges"])
    bits = gpt_documentation.bits_per_character(model, tokeniser, test)
    assert bits == pytest.approx(facts["metrics"]["test_bits_per_character"], rel=0.03)


def test_the_bert_still_measures_what_its_record_says():
    torch.set_num_threads(1)
    model = BERTMaskedLM(checkpoint_config("bert_documentation", BERTConfig)).eval()
    facts = load_checkpoint("bert_documentation", model)
    tokeniser = BPE.from_lines(facts["merges"], bert_documentation.SPECIAL)
    tokens = tokeniser.encode(documentation.held_out()[1])
    batches = map(bert_documentation.batches(tokeniser, tokens, seed=1), range(30))
    assert masked_accuracy(model, batches) == pytest.approx(
        facts["metrics"]["test_accuracy"], abs=0.02
    )
