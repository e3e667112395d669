"""Training the digit classifier: our CNN in PyTorch, its Keras twin, and the listing by hand.

All train the network of the three listings, two convolutions of 32 and 64 filters and a dense layer
of 128 units, on the same images in batches of 64, with Adam and cross-entropy. Each call trains
for an epoch, and goes on from the weights of the last one. What the trainers of the course cost
is measured in `benchmarks.training`; here the Keras models run under `compile` and `fit`, and the
PyTorch model in the loop that a reader would write.
"""

import sys
import time

from benchmarks.side_by_side import compare, main
from benchmarks.training import plain_loop

SAMPLES, BATCH, IMAGE, CLASSES = 1024, 64, (28, 28, 1), 10
TWIN, LISTING, LOOP = "Keras twin", "Keras listing", "torch CNN"


def data():
    """Return the digits in MNIST's layout: images (SAMPLES, 28, 28, 1), labels (SAMPLES,)."""
    from companion.data import digits

    images, labels = digits.load(IMAGE[0])
    return images[:SAMPLES, ..., None], labels[:SAMPLES]


def config():
    """Return the network of the listings."""
    from companion.vision.config import CNNConfig

    return CNNConfig(IMAGE, filters=(32, 64), hidden=(128,), outputs=CLASSES)


def torch_loop():
    """Return a function that trains the PyTorch model for an epoch."""
    import torch

    from companion.vision.cnn_torch import CNN

    torch.manual_seed(0)
    images, labels = map(torch.from_numpy, data())
    images = images.permute(0, 3, 1, 2)  # (SAMPLES, 1, 28, 28)
    model = CNN(config())
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    return lambda: plain_loop(model, optimizer, images, labels, BATCH)


def listing():
    """Return the network as a reader of the listings writes it, with a softmax at its end."""
    import keras

    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(IMAGE),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )


def keras_fit(model, *, from_logits):
    """Return a function that trains a Keras model for an epoch."""
    import keras

    images, labels = data()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    model.compile(optimizer="adam", loss=loss)
    return lambda: model.fit(images, labels, epochs=1, batch_size=BATCH, verbose=0)


def competitors():
    """Return a training epoch of each of the three."""
    import keras

    from companion.vision.cnn_keras import CNN

    keras.utils.set_random_seed(0)
    return {
        LISTING: keras_fit(listing(), from_logits=False),
        TWIN: keras_fit(CNN(config()), from_logits=True),
        LOOP: torch_loop(),
    }


def build(rounds, threads):
    """Yield the comparisons.

    The clock is the processor's time in this process, which other programs disturb least. One
    thread, whatever is asked for: threads that wait for each other would count as work.
    """
    options = {"rounds": rounds, "threads": 1, "timer": time.process_time}
    options["units"] = (SAMPLES, "images")
    field = competitors()
    yield compare(
        "training the digit classifier in Keras, processor time",
        {name: field[name] for name in (LISTING, TWIN)},
        baseline=LISTING,
        bar=0.95,
        **options,
    )
    yield compare(
        "training the digit classifier in torch, processor time",
        {name: field[name] for name in (TWIN, LOOP)},
        baseline=TWIN,
        bar=0.95,
        **options,
    )


if __name__ == "__main__":
    sys.exit(main(build))
