"""Sampling and beam search: against transformers, cached against uncached, stops, bad input."""

import itertools

import numpy as np
import pytest
import torch

from companion.language import gpt_keras
from companion.language.config import GPTConfig
from companion.language.gpt_torch import GPT
from companion.language.kv_cache_torch import KVCache
from companion.language.pretrained import save_pretrained
from companion.language.sampling import beam_search, generate, probabilities
from companion.language.scorer import Scorer
from companion.language.steps_torch import Steps
from companion.twins import copy_weights

pytestmark = pytest.mark.usefixtures("seeds_and_one_thread")

CONFIG = GPTConfig(vocabulary=11, context=24, width=12, layers=2, heads=3, feed_forward=20)
PROMPT = np.array([[1, 2, 3], [7, 0, 10]])
KINDS = pytest.mark.parametrize("kind", ["torch", "keras"])
WAYS = {
    "greedy": lambda *a, **k: generate(*a, temperature=0, **k),
    "temperature": lambda *a, **k: generate(*a, temperature=0.7, seed=3, **k),
    "top-k": lambda *a, **k: generate(*a, top_k=3, seed=3, **k),
    "top-p": lambda *a, **k: generate(*a, top_p=0.6, seed=3, **k),
    "all": lambda *a, **k: generate(*a, temperature=1.3, top_k=5, top_p=0.8, seed=3, **k),
    "beams": lambda *a, **k: beam_search(*a, beams=4, **k)[0],
    "beams with a penalty": lambda *a, **k: beam_search(*a, beams=3, length_penalty=0.8, **k)[0],
}


@pytest.fixture
def models():
    """A GPT in both frameworks with the same weights, large enough that tokens differ clearly."""
    ours, theirs = GPT(CONFIG).eval(), gpt_keras.GPT(CONFIG)
    with torch.no_grad():
        for tensor in ours.parameters():
            tensor.normal_(std=0.6)
    copy_weights(ours, theirs)
    return {"torch": ours, "keras": theirs}


def _log_probability(model, texts, prompt=3):
    """The sum of log P of each text's tokens behind the prompt, (B,), computed from scratch."""
    tokens = torch.tensor(texts)
    with torch.no_grad():
        chances = torch.log_softmax(model(tokens[:, :-1]).double(), dim=2)
    picked = chances.gather(2, tokens[:, 1:, None])[:, :, 0]
    return picked[:, prompt - 1 :].sum(dim=1).numpy()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("stop", [None, 5])
def test_each_way_of_writing_gives_the_same_with_and_without_a_cache(way, stop, models):
    texts = WAYS[way](models["torch"], PROMPT, 20, stop=stop)
    assert texts.dtype == np.int64 and (texts[:, :3] == PROMPT).all()
    assert stop is not None or texts.shape == (2, 23)
    np.testing.assert_array_equal(
        WAYS[way](models["torch"], PROMPT, 20, stop=stop, cached=False), texts
    )


@pytest.mark.parametrize("way", WAYS)
def test_keras_writes_the_same(way, models):
    expected = WAYS[way](models["torch"], PROMPT, 6, stop=5)
    for cached in (True, False):
        found = WAYS[way](models["keras"], PROMPT, 6, stop=5, cached=cached)
        np.testing.assert_array_equal(found, expected)


@pytest.fixture
def reference(models, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    transformers = pytest.importorskip("transformers")
    save_pretrained(models["torch"], tmp_path)
    return transformers.GPT2LMHeadModel.from_pretrained(tmp_path).eval()


@pytest.mark.parametrize(
    ("options", "theirs"),
    [
        ({"temperature": 0}, {}),
        ({"beams": 3}, {"num_beams": 3, "length_penalty": 0.0}),
        ({"beams": 5, "length_penalty": 1.0}, {"num_beams": 5, "length_penalty": 1.0}),
    ],
)
def test_it_writes_what_transformers_writes(options, theirs, models, reference):
    prompt = torch.tensor(PROMPT)
    settings = {"do_sample": False, "max_new_tokens": 12, "attention_mask": prompt * 0 + 1}
    expected = reference.generate(prompt, **settings, **theirs).numpy()
    if "beams" in options:
        found, scores = beam_search(models["torch"], PROMPT, 12, **options)
        whole = _log_probability(models["torch"], found)
        np.testing.assert_allclose(
            scores, whole / 12 ** options.get("length_penalty", 0), rtol=0, atol=1e-4
        )
    else:
        found = generate(models["torch"], PROMPT, 12, **options)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 0.6},
        {"top_k": 3},
        {"top_k": 50},
        {"top_p": 0.7},
        {"top_p": 0.05},
        {"top_p": 1.0},
        {"temperature": 1.5, "top_k": 6, "top_p": 0.9},
    ],
)
def test_distributions_are_those_of_transformers(options):
    warpers = pytest.importorskip("transformers.generation.logits_process")
    logits = 3 * torch.randn(20, 11)
    expected = logits
    if "temperature" in options:
        expected = warpers.TemperatureLogitsWarper(options["temperature"])(None, expected)
    if "top_k" in options:
        expected = warpers.TopKLogitsWarper(options["top_k"])(None, expected)
    if "top_p" in options:
        expected = warpers.TopPLogitsWarper(options["top_p"])(None, expected)
    found = probabilities(logits.numpy(), **options)
    np.testing.assert_allclose(found, torch.softmax(expected, dim=1), rtol=0, atol=1e-6)


def test_tokens_that_cannot_come_never_come():
    logits = np.array([[0.0, -np.inf, 1.0, -np.inf]])
    for options in ({}, {"temperature": 0}, {"top_k": 3}, {"top_p": 0.999}):
        found = probabilities(logits, **options)[0]
        assert found[1] == found[3] == 0 and abs(found.sum() - 1) < 1e-12


def test_tokens_are_drawn_as_often_as_their_probabilities_say(models):
    options = {"temperature": 1.2, "top_k": 6, "top_p": 0.9}
    logits = Scorer(models["torch"], 4).logits(PROMPT[:1])
    expected = probabilities(logits, **options)[0]
    drawn = generate(models["torch"], PROMPT[:1].repeat(20_000, axis=0), 1, **options)[:, 3]
    shares = np.bincount(drawn, minlength=11) / 20_000
    assert not shares[expected == 0].any()
    assert np.abs(shares - expected).max() < 4 * np.sqrt(0.25 / 20_000)


def test_the_seed_decides(models):
    texts = [generate(models["torch"], PROMPT, 15, seed=seed) for seed in (0, 0, 1)]
    assert (texts[0] == texts[1]).all() and (texts[0] != texts[2]).any()


def test_a_text_ends_at_its_stop_and_is_filled_up(models):
    free = generate(models["torch"], PROMPT, 20, temperature=0)
    stop = int(free[0, 8])
    texts = generate(models["torch"], PROMPT, 20, temperature=0, stop=stop)
    for text, whole in zip(texts, free, strict=True):
        ends = np.flatnonzero(whole[3:] == stop)
        end = 3 + ends[0] if len(ends) else len(whole)
        np.testing.assert_array_equal(text[:end], whole[: min(end, len(text))])
        assert (text[end:] == stop).all()
    alone = generate(models["torch"], PROMPT[:1], 20, temperature=0, stop=stop)
    assert alone.shape[1] <= 9 and alone[0, -1] == stop


@pytest.mark.parametrize("stop", [None, 2])
def test_enough_beams_find_the_best_of_all_texts(stop, models):
    found, score = beam_search(models["torch"], PROMPT[:1], 3, beams=11**2, stop=stop)
    ways = np.array(list(itertools.product(range(11), repeat=3)))
    texts = np.concatenate([PROMPT[:1].repeat(len(ways), axis=0), ways], axis=1)
    scores = _log_probability(models["torch"], texts)
    if stop is not None:
        for length in (1, 2):  # what ends earlier counts up to its end
            ended = ways[:, length - 1] == stop
            part = _log_probability(models["torch"], texts[ended, : 3 + length])
            scores[ended] = np.maximum(scores[ended], part)
    assert abs(score[0] - scores.max()) < 1e-4
    assert stop is not None or (texts[scores.argmax()] == found[0]).all()


def test_one_beam_is_greedy_and_more_beams_find_more(models):
    greedy = generate(models["torch"], PROMPT, 15, temperature=0)
    one, first = beam_search(models["torch"], PROMPT, 15, beams=1)
    many, better = beam_search(models["torch"], PROMPT, 15, beams=16)
    np.testing.assert_array_equal(one, greedy)
    assert (better >= first - 1e-9).all()
    np.testing.assert_allclose(better, _log_probability(models["torch"], many), atol=1e-4)


def test_the_bare_steps_compute_what_the_model_computes(models):
    model, tokens = models["torch"], torch.randint(11, (3, 20))
    cache = KVCache(2, 20)
    with torch.no_grad():
        expected = model(tokens)
        model(tokens[:, :4], cache)
        steps = Steps(model, cache)
        for place in range(4, 20):
            found = steps.logits(tokens[:, place : place + 1])
            torch.testing.assert_close(found, expected[:, place], rtol=0, atol=1e-5)
    assert cache.length == 20


def test_wrapped_layers_are_run_and_not_bypassed(models):
    class Doubled(torch.nn.Linear):
        def forward(self, inputs):
            return 2 * super().forward(inputs)

    old = models["torch"].blocks[0].narrow
    new = Doubled(20, 12)
    new.load_state_dict(old.state_dict())
    models["torch"].blocks[0].narrow = new
    texts = [
        generate(models["torch"], PROMPT, 20, top_k=4, cached=cached) for cached in (True, False)
    ]
    np.testing.assert_array_equal(*texts)
    models["torch"].blocks[0].narrow = old
    assert (generate(models["torch"], PROMPT, 20, top_k=4) != texts[0]).any()


def test_dropout_is_off_while_writing_and_on_again_afterwards():
    model = GPT(GPTConfig(11, 24, 12, 2, 3, 20, dropout=0.5))
    texts = [generate(model, PROMPT, 10, temperature=0, cached=c) for c in (True, False, True)]
    assert (texts[0] == texts[1]).all() and (texts[0] == texts[2]).all() and model.training


class Counting:
    """A scorer without a model: after n comes n + 1."""

    def __init__(self):
        self.last = None

    def logits(self, tokens):
        return np.eye(9)[(tokens[:, -1] + 1) % 9]

    def reorder(self, rows):
        self.last = rows


def test_any_scorer_can_write():
    assert generate(Counting(), [[3]], 4, temperature=0).tolist() == [[3, 4, 5, 6, 7]]
    assert generate(Counting(), [[3]], 9, temperature=0, stop=5).tolist() == [[3, 4, 5]]
    scorer = Counting()
    assert beam_search(scorer, [[7]], 3, beams=2)[0].tolist() == [[7, 8, 0, 1]]
    assert len(scorer.last) == 2
