"""The one-stage detector against the sliding window: images per second, everything included.

Both get the same images and return lists of boxes, classes and scores. Windows are as in the
chapter on detection: 24 × 24 pixels at three scales, four pixels apart. Speed hangs on the shapes
of the networks, not on what they have learnt, so they are untrained; thresholds leave few boxes to
suppress, as on the chapter's scenes.
"""

import sys
import time

import numpy as np

from benchmarks.side_by_side import compare, main

IMAGES, SIZE, CLASSES = 32, 64, 3


def competitors():
    """The detector, and the sliding window of the chapter on detection."""
    import torch

    from companion.data import scenes
    from companion.vision import windows
    from companion.vision.cnn_torch import CNN
    from companion.vision.config import CNNConfig
    from companion.vision.detector_torch import Detector, detect
    from companion.vision.scene_config import DetectorConfig

    torch.manual_seed(0)
    images = scenes.generate(IMAGES, SIZE, "ABC", seed=0).images
    detector = Detector(DetectorConfig((SIZE, SIZE, 3), CLASSES)).eval()
    classifier = CNN(CNNConfig((24, 24, 3), (16, 32), (64,), CLASSES + 1)).eval()
    plan, shapes = windows.WindowPlan(), np.full((CLASSES, 2), 0.7)

    @torch.no_grad()
    def classify(cut):
        batch = torch.from_numpy(cut).permute(0, 3, 1, 2)
        return classifier(batch).softmax(dim=1).numpy()

    return {
        "sliding window": lambda: windows.detect(images, classify, plan, shapes, threshold=0.5),
        "one-stage detector": lambda: detect(detector, images, threshold=0.3),
    }


def build(rounds, threads):
    """Yield the comparison.

    The clock is the processor's time in this process, with one thread, as in benchmarks/training.
    The window looks at 166 windows, which together hold 23 times the pixels of the image, with a
    network of half the weights. The bar asks for a quarter of that: other machines have other
    caches, and cutting and suppressing cost time too.
    """
    yield compare(
        "detecting objects in torch, processor time",
        competitors(),
        baseline="sliding window",
        bar=6.0,
        rounds=rounds,
        threads=1,
        timer=time.process_time,
        units=(IMAGES, "images"),
    )


if __name__ == "__main__":
    sys.exit(main(build))
