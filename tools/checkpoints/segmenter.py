"""Train the segmenter of the chapter on detection, for longer than a chapter may.

`python -m tools.checkpoints.segmenter` writes companion/data/checkpoints/segmenter.safetensors and
segmenter.json. The scenes are those of `companion.data.scenes` with the characters A, B and C.
"""

import sys
import time
from functools import lru_cache

import numpy as np
import torch

from companion.checkpoints import save_checkpoint
from companion.data import scenes
from companion.metrics_detection import mean_iou
from companion.scale import seed_everything
from companion.training.trainer_torch import fit
from companion.vision.scene_config import SegmenterConfig
from companion.vision.segmenter_torch import Segmenter, segment, segmentation_loss

NAME = "segmenter"
SEED, STEPS, BATCH = 0, 1800, 32
CHARACTERS, SIZE = "ABC", 64
BLOCKS, BLOCK = 12, 512  # scenes are drawn in blocks
TEST = {"n": 500, "seed": 10_000}  # of the test fonts, in the right third of the photographs


@lru_cache(maxsize=BLOCKS)
def _block(index):
    drawn = scenes.generate(BLOCK, SIZE, CHARACTERS, "train", seed=SEED + index)
    return torch.from_numpy(drawn.images).permute(0, 3, 1, 2), torch.from_numpy(drawn.masks)


def batch_at(step):
    """Return images and masks of one update; blocks take turns, each in a new order."""
    turn, part = divmod(step, BLOCK // BATCH)
    images, masks = _block(turn % BLOCKS)
    order = np.random.default_rng((SEED, turn)).permutation(BLOCK)
    rows = torch.from_numpy(order[part * BATCH : (part + 1) * BATCH])
    return images[rows], masks[rows]


def rate(step):
    """Rise for a tenth of the updates, then fall to 0."""
    return min(1.0, (step + 1) / (0.1 * STEPS)) * (1 - step / STEPS)


def metrics(model):
    """Return the mean IoU on test scenes, with and without the background."""
    test = scenes.generate(size=SIZE, characters=CHARACTERS, fonts="test", **TEST)
    found = segment(model, test.images)
    outputs = model.config.outputs
    return {
        "mean_iou": round(mean_iou(test.masks, found, outputs), 4),
        "mean_iou_without_background": round(
            mean_iou(test.masks, found, outputs, background=False), 4
        ),
    }


def main():
    """Train, measure and write."""
    torch.set_num_threads(1)
    seed_everything(SEED)
    model = Segmenter(SegmenterConfig((SIZE, SIZE, 3), len(CHARACTERS), (16, 32, 64, 64)))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.01)
    began = time.process_time()
    fit(model, batch_at, loss=segmentation_loss, optimizer=optimizer, steps=STEPS, schedule=rate)
    facts = {
        "command": f"python -m tools.checkpoints.{NAME}",
        "seed": SEED,
        "steps": STEPS,
        "batch": BATCH,
        "characters": CHARACTERS,
        "seconds": round(time.process_time() - began),
        "test": TEST,
        "metrics": metrics(model),
    }
    save_checkpoint(NAME, model, facts)
    print(facts)


if __name__ == "__main__":
    sys.exit(main())
