"""Memory, time, energy and money of training, against formulas, torch and published runs."""

import math

import pytest

from companion.data import published
from companion.data.energy import energies
from companion.planner import Blocks
from companion.planner_cost import (
    PEAKS,
    TrainingRun,
    activation_bytes,
    cache_bytes,
    state_bytes,
    training_bytes,
)
from companion.planner_presets import PRESETS
from companion.training.parallel_plan import zero_states

TINY = Blocks(layers=3, width=16, heads=2, feed_forward=40)


@pytest.mark.parametrize("precision", ["float32", "mixed"])
def test_adam_takes_16_bytes_per_parameter(precision):
    assert sum(state_bytes(10, precision).values()) == 160


def test_states_are_those_that_zero_divides():
    assert sum(state_bytes(1000).values()) == zero_states(1000, devices=8, stage=0).total


def test_checkpoints_of_bloom_have_the_size_that_its_log_states():
    # "each checkpoint with fp32 optim states and bf16+fp32 weights is 2.3TB - just the bf16
    # weights are 329GB", in units of 1024: bigscience-workshop/bigscience, tr11-176B-ml.
    parts = state_bytes(PRESETS["BLOOM"].parameters())
    assert parts["weights"] / 2**30 == pytest.approx(329, rel=0.005)
    kept = sum(size for part, size in parts.items() if part != "gradients")
    assert kept / 2**40 == pytest.approx(2.3, rel=0.03)


@pytest.mark.parametrize("context", [128, 2048])
def test_activations_follow_the_formula_of_korthikanti(context):
    model = PRESETS["GPT-3"]
    token = model.layers * model.width
    pairs = 5 * model.heads * context / model.width
    bytes_ = {
        kept: activation_bytes(model, 2, context, checkpointing=kept, dropout=True)
        for kept in ("none", "scores", "layers")
    }
    assert bytes_["none"] == pytest.approx(2 * context * token * (34 + pairs))
    assert bytes_["scores"] == 2 * context * token * 34
    one_layer = bytes_["none"] / model.layers
    assert bytes_["layers"] == pytest.approx(2 * context * token * 2 + one_layer)


def _kept(torch, compute, given):
    """Bytes that autograd saves while computing: each storage once, without what was given."""
    given = {tensor.untyped_storage().data_ptr() for tensor in given}
    storages = {}  # holds them, so that no address is used twice

    def pack(tensor):
        storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        compute()
    return sum(storage.nbytes() for at, storage in storages.items() if at not in given)


def _block(torch, x, weights, heads, gated):
    """One layer with layer norms in front, without biases: x is (B, T, d)."""
    functional = torch.nn.functional
    batch, context, width = x.shape
    q, k, v, out, up, gate, down = weights
    normed = functional.layer_norm(x, (width,))
    split = [(normed @ w).view(batch, context, heads, -1).transpose(1, 2) for w in (q, k, v)]
    scores = torch.softmax(split[0] @ split[1].transpose(2, 3), dim=-1)  # (B, H, T, T)
    mixed = (scores @ split[2]).transpose(1, 2).reshape(batch, context, -1)
    x = x + mixed @ out
    normed = functional.layer_norm(x, (width,))
    hidden = normed @ up
    hidden = functional.silu(normed @ gate) * hidden if gated else functional.gelu(hidden)
    return x + hidden @ down


@pytest.mark.parametrize("gated", [False, True])
def test_torch_keeps_these_activations(gated):
    torch = pytest.importorskip("torch")
    model = Blocks(layers=1, width=16, heads=4, feed_forward=40, gated=gated, biases=False)
    shapes = [(16, 16)] * 4 + [(16, 40)] * 2 + [(40, 16)]
    weights = [torch.randn(shape, requires_grad=True) for shape in shapes]
    # What the layer receives is its own tensor, as it would be behind another layer.
    x = torch.randn(3, 10, 16, requires_grad=True)
    kept = _kept(torch, lambda: _block(torch, x, weights, 4, gated), weights)
    statistics = 4 * 3 * 10 * 4  # a mean and a scale per token in each of the two norms
    assert kept - statistics == activation_bytes(model, 3, 10, size=4)


def test_checkpointing_keeps_less():
    sizes = [
        activation_bytes(TINY, 4, 64, checkpointing=kept) for kept in ("none", "scores", "layers")
    ]
    assert sizes == sorted(sizes, reverse=True)
    assert activation_bytes(TINY, 4, 64, size=4) == 2 * sizes[0]
    assert activation_bytes(TINY, 8, 64) == 2 * sizes[0]


def test_training_memory_is_states_and_activations():
    model = PRESETS["GPT-2 small"]
    for precision, size in (("mixed", 2), ("float32", 4)):
        parts = training_bytes(model, 8, precision=precision, checkpointing="scores")
        states = state_bytes(model.parameters(), precision)
        kept = activation_bytes(model, 8, 1024, checkpointing="scores", size=size)
        assert parts == states | {"activations": kept}


def test_the_cache_is_two_numbers_per_layer_and_key_value():
    assert cache_bytes(TINY, 5) == 2 * 3 * 16 * 5 * 2
    assert cache_bytes(TINY, 5, batch=7, size=1) == 7 * cache_bytes(TINY, 5) / 2
    llama = PRESETS["Llama 3 70B"]
    assert cache_bytes(llama, 8192) == 8192 * 2 * 80 * 8 * 128 * 2


def test_a_transformers_cache_has_that_size():
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    config = transformers.LlamaConfig(
        num_hidden_layers=3,
        hidden_size=16,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=24,
        vocab_size=11,
    )
    model = Blocks(layers=3, width=16, heads=4, kv_heads=2, feed_forward=24)
    network = transformers.LlamaForCausalLM(config).eval()
    with torch.no_grad():
        cache = network(torch.zeros(5, 7, dtype=torch.long), use_cache=True).past_key_values
    held = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
    assert cache_bytes(model, 7, batch=5, size=4) == held


def test_hours_of_llama_65b_follow_from_its_throughput():
    model, row = PRESETS["LLaMA 65B"], published.model("LLaMA 65B")
    per_token = model.training_flop()
    run = TrainingRun(
        flop=row.seen * per_token,
        devices=2048,
        peak=PEAKS["A100"],
        utilisation=380 * per_token / PEAKS["A100"],  # 380 tokens per second and device
    )
    assert run.device_hours == pytest.approx(row.device_hours, rel=0.01)
    assert run.days == pytest.approx(row.days, rel=0.02)


def test_hours_of_llama_405b_follow_from_its_utilisation():
    model, row = PRESETS["Llama 3.1 405B"], published.model("Llama 3.1 405B")
    flop = row.seen * model.training_flop()
    run = TrainingRun(flop=flop, devices=16384, peak=PEAKS["H100"], utilisation=0.41)
    assert run.device_hours == pytest.approx(row.device_hours, rel=0.10)


@pytest.mark.parametrize("row", [row for row in energies() if row.megawatt_hours])
def test_published_energy_is_hours_times_watts_times_pue(row):
    run = TrainingRun(flop=row.device_hours * 3600, devices=1, peak=1.0, utilisation=1.0)
    energy = run.megawatt_hours(watts=row.watts, pue=row.pue)
    assert energy == pytest.approx(row.megawatt_hours, rel=0.02)


def test_time_and_price_of_a_run():
    run = TrainingRun(flop=3.6e18, devices=10, peak=1e14, utilisation=0.5)
    assert run.device_hours == pytest.approx(20)
    assert run.days == pytest.approx(2 / 24)
    assert run.megawatt_hours(watts=500, pue=1.2) == pytest.approx(0.012)
    assert run.price(per_device_hour=2.5) == pytest.approx(50)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: state_bytes(0), "parameters is 0"),
        (lambda: state_bytes(5, "int8"), "precision is 'int8'; expected one of float32, mixed"),
        (lambda: activation_bytes(TINY, 0, 4), "batch is 0"),
        (lambda: activation_bytes(TINY, 1, 0), "context is 0"),
        (lambda: activation_bytes(TINY, 1, 4, size=0), "size is 0"),
        (lambda: activation_bytes(TINY, 1, 4, checkpointing="all"), "checkpointing is 'all'"),
        (lambda: cache_bytes(TINY, 0), "context is 0"),
        (lambda: cache_bytes(TINY, 4, batch=0), "batch is 0"),
        (lambda: _run(devices=0), "devices is 0"),
        (lambda: _run(flop=math.inf), "flop is inf; expected a finite number above 0"),
        (lambda: _run(peak=-1.0), "peak is -1.0"),
        (lambda: _run(utilisation=1.5), "utilisation is 1.5; .* above 0 and at most 1"),
        (lambda: _run(utilisation=True), "utilisation is True"),
        (lambda: _run().megawatt_hours(watts=0, pue=1.1), "watts is 0"),
        (lambda: _run().megawatt_hours(watts=400, pue=0.9), "pue is 0.9; .* at least 1"),
        (lambda: _run().price(per_device_hour=-2), "per_device_hour is -2"),
    ],
)
def test_impossible_plans_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def _run(**change):
    settings = {"flop": 1e20, "devices": 8, "peak": 1e14, "utilisation": 0.4}
    return TrainingRun(**(settings | change))
