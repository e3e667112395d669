"""The painter's weights that come with the course: as recorded, and what they were trained on."""

import json

import pytest
import torch

from companion.checkpoints import FOLDER, load_checkpoint
from companion.data.coloured_digits import captions
from tools.checkpoints import painter as recipe


def test_batches_depend_on_the_step_only_and_hold_no_held_out_combination():
    images, numbers = recipe.batch_at(3)
    again, same = recipe.batch_at(3)
    other, _ = recipe.batch_at(4)
    assert torch.equal(images, again)
    assert torch.equal(numbers, same)
    assert not torch.equal(images, other)
    assert images.shape == (recipe.BATCH, 3, 8, 8)
    assert (images.min(), images.max()) == (-1, 1)
    assert not captions().held_out[numbers.numpy()].any()


@pytest.mark.slow
def test_it_still_measures_what_its_record_says():
    torch.set_num_threads(1)
    model = recipe.painter().eval()
    facts = load_checkpoint(recipe.NAME, model)
    for name, value in recipe.metrics(model).items():
        assert abs(value - facts["metrics"][name]) < 0.02


def test_the_record_is_that_of_the_recipe():
    record = json.loads((FOLDER / f"{recipe.NAME}.json").read_text(encoding="utf-8"))
    assert (record["seed"], record["steps"], record["batch"]) == (
        recipe.SEED,
        recipe.STEPS,
        recipe.BATCH,
    )
    assert min(record["metrics"][name] for name in ("digit", "ink", "line")) > 0.8
