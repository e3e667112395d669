"""Checkpoints of the course: written, read, and those that are missing or of another model."""

import importlib.util
import json
from dataclasses import dataclass

import pytest
import torch

from companion.checkpoints import FOLDER, checkpoint_config, load_checkpoint, save_checkpoint
from companion.data import scenes
from companion.metrics_detection import mean_iou
from companion.vision.scene_config import SegmenterConfig
from companion.vision.segmenter_torch import Segmenter, segment
from tools.checkpoints import segmenter as recipe

FACTS = {"command": "python -m tools.checkpoints.line", "seed": 3, "metrics": {"error": 0.25}}


@dataclass(frozen=True)
class LineConfig:
    inputs: int = 2


class Line(torch.nn.Linear):
    def __init__(self, config):
        super().__init__(config.inputs, 1)
        self.config = config


def test_a_model_and_its_facts_are_written_and_read(tmp_path):
    model = Line(LineConfig())
    save_checkpoint("line", model, FACTS, tmp_path / "new")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "line.json",
        "line.safetensors",
    ]
    config = checkpoint_config("line", LineConfig, tmp_path / "new")
    assert config == model.config
    other = Line(config)
    assert load_checkpoint("line", other, tmp_path / "new") == FACTS
    assert torch.equal(other.weight, model.weight)


def test_another_model_is_refused_and_left_as_it_was(tmp_path):
    save_checkpoint("line", Line(LineConfig()), FACTS, tmp_path)
    other = Line(LineConfig(3))
    before = other.weight.clone()
    with pytest.raises(ValueError, match=r"inputs=2.*expected .*inputs=3"):
        load_checkpoint("line", other, tmp_path)
    assert torch.equal(other.weight, before)
    with pytest.raises(ValueError, match="expected a SegmenterConfig"):
        checkpoint_config("line", SegmenterConfig, tmp_path)


def test_a_missing_checkpoint_says_how_to_make_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"line\.safetensors and line\.json missing; `make"):
        load_checkpoint("line", Line(LineConfig()), tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '{"model": "Line"}'])
def test_a_damaged_record_is_refused(text, tmp_path):
    save_checkpoint("line", Line(LineConfig()), FACTS, tmp_path)
    (tmp_path / "line.json").write_text(text)
    with pytest.raises(ValueError, match=r"line\.json does not describe a checkpoint"):
        load_checkpoint("line", Line(LineConfig()), tmp_path)


def test_facts_do_not_hide_the_models_own_fields(tmp_path):
    with pytest.raises(ValueError, match=r"facts has \['config'\]; expected other names"):
        save_checkpoint("line", Line(LineConfig()), {"config": 1}, tmp_path)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_what_comes_with_the_course_is_small_and_says_where_it_is_from(path):
    facts = json.loads(path.read_text(encoding="utf-8"))
    assert path.with_suffix(".safetensors").stat().st_size < 2 * 2**20
    assert {"command", "seed", "seconds", "metrics"} <= facts.keys()
    module = facts["command"].removeprefix("python -m ")
    assert module.startswith("tools.checkpoints.") and importlib.util.find_spec(module)


def test_the_segmenters_batches_depend_on_the_step_only_and_use_each_scene_once_a_turn():
    first = [recipe.batch_at(step) for step in range(recipe.BLOCK // recipe.BATCH)]
    images = torch.cat([images for images, _ in first])
    assert len(torch.unique(images.flatten(1).double().sum(dim=1))) == recipe.BLOCK
    again, masks = recipe.batch_at(3)
    assert torch.equal(again, first[3][0]) and torch.equal(masks, first[3][1])
    assert again.shape == (recipe.BATCH, 3, recipe.SIZE, recipe.SIZE) and masks.max() <= 3
    assert recipe.rate(0) < 0.01 < 0.8 < max(map(recipe.rate, range(recipe.STEPS))) <= 1


def test_the_segmenter_still_measures_what_its_record_says():
    model = Segmenter(checkpoint_config("segmenter", SegmenterConfig))
    facts = load_checkpoint("segmenter", model)
    drawn = scenes.generate(
        size=model.config.image[0], characters=facts["characters"], fonts="test", **facts["test"]
    )
    found = mean_iou(drawn.masks, segment(model, drawn.images), model.config.outputs)
    assert abs(found - facts["metrics"]["mean_iou"]) < 0.002
