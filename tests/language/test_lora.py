"""Updates of low rank: the definition, what is trained, merging, and the library peft."""

import copy

import pytest
import torch
from torch import nn

from companion.language.config import GPTConfig
from companion.language.gpt_torch import GPT
from companion.language.lora_torch import LoRALinear, add_lora, merge_lora, trained_parameters
from companion.language.next_token_torch import next_token_loss

TOKENS = torch.randint(7, (3, 8), generator=torch.Generator().manual_seed(0))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return GPT(GPTConfig(7, 8, 12, 2, 2, 16)).eval()


def disturb(network):
    """Give each B something to say."""
    torch.manual_seed(1)
    for part in network.modules():
        if isinstance(part, LoRALinear):
            nn.init.normal_(part.B)
    return network


def test_an_update_is_the_formula():
    torch.manual_seed(0)
    layer = LoRALinear(nn.Linear(5, 4), rank=2, alpha=6)
    nn.init.normal_(layer.B)
    x = torch.randn(3, 5)
    expected = (layer.layer.weight + 3 * layer.B @ layer.A) @ x.T + layer.layer.bias[:, None]
    torch.testing.assert_close(layer(x), expected.T)
    assert layer.A.shape == (2, 5)
    assert layer.B.shape == (4, 2)
    assert torch.linalg.matrix_rank(layer.update()) == 2


def test_the_model_starts_as_it_was(model):
    before = model(TOKENS)
    assert add_lora(model, 2) is model
    torch.testing.assert_close(model(TOKENS), before, rtol=0, atol=0)


def test_only_a_and_b_are_trained(model):
    add_lora(model, 2)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = trained_parameters(model)
    assert sum(p.numel() for p in found) == 2 * 2 * ((12 + 36) + (12 + 12))  # layers, rank, sides
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    for _ in range(2):  # in the first, A has no gradient, because B is 0
        optimizer.zero_grad()
        next_token_loss(model(TOKENS)[:, :-1], TOKENS[:, 1:]).backward()
        optimizer.step()
    for name, value in model.state_dict().items():
        changed = not torch.equal(value, before[name])
        assert changed == (name.rpartition(".")[2] in {"A", "B"}), name


@pytest.mark.parametrize("alpha", [None, 5.0])
def test_merged_weights_give_the_same_logits(model, alpha):
    names = set(model.state_dict())
    plain = model(TOKENS)
    disturb(add_lora(model, 3, alpha, targets=("project", "mix", "widen", "narrow")))
    expected = model(TOKENS)
    assert (expected - plain).abs().max() > 0.01
    merged = merge_lora(model)
    assert set(merged.state_dict()) == names
    assert all(parameter.requires_grad for parameter in merged.parameters())
    torch.testing.assert_close(merged(TOKENS), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rank", [1, 2, 5])
def test_no_update_has_more_than_its_rank(model, rank):
    before = copy.deepcopy(model)
    merge_lora(disturb(add_lora(model, rank)))
    for block, old in zip(model.blocks, before.blocks, strict=True):
        change = block.attention.project.weight - old.attention.project.weight
        assert torch.linalg.matrix_rank(change, atol=1e-4) == rank


def test_one_name_may_be_given_as_a_string(model):
    add_lora(model, 2, targets="widen")
    changed = [name for name, part in model.named_modules() if isinstance(part, LoRALinear)]
    assert changed == ["blocks.0.widen", "blocks.1.widen"]


def test_peft_computes_the_same(model):
    peft = pytest.importorskip("peft")
    theirs = peft.get_peft_model(
        copy.deepcopy(model),
        peft.LoraConfig(r=3, lora_alpha=6, target_modules=["project", "mix"]),
    )
    ours = disturb(add_lora(model, 3, 6))
    with torch.no_grad():
        for name, part in ours.named_modules():
            if isinstance(part, LoRALinear):
                other = theirs.base_model.model.get_submodule(name)
                other.lora_A["default"].weight.copy_(part.A)
                other.lora_B["default"].weight.copy_(part.B)
        torch.testing.assert_close(theirs.eval()(TOKENS), ours(TOKENS), rtol=1e-4, atol=1e-5)
    count = sum(p.numel() for p in trained_parameters(theirs))
    assert count == sum(p.numel() for p in trained_parameters(ours))


@pytest.mark.parametrize(
    ("rank", "alpha", "targets", "message"),
    [
        (0, None, ("mix",), "rank is 0; expected an integer of at least 1"),
        (13, None, ("mix",), "rank is 13 for a matrix of 12 x 12; expected at most 12"),
        (2, 0, ("mix",), "alpha is 0; expected a number"),
        (2, None, ("query",), r"no layer is named one of \('query',\); linear layers are \['mix'"),
    ],
)
def test_bad_input_is_refused_and_changes_nothing(model, rank, alpha, targets, message):
    with pytest.raises(ValueError, match=message):
        add_lora(model, rank, alpha, targets)
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert not any(isinstance(part, LoRALinear) for part in model.modules())


def test_only_linear_layers_are_adapted(model):
    with pytest.raises(TypeError, match=r"layer is a LayerNorm; expected a torch.nn.Linear"):
        add_lora(model, 2, targets=("norm",))


def test_updates_are_neither_added_twice_nor_merged_without_any(model):
    with pytest.raises(ValueError, match="has no updates of low rank"):
        merge_lora(model)
    with pytest.raises(ValueError, match="has updates of low rank already"):
        add_lora(add_lora(model, 2), 2)
