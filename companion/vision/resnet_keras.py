"""The residual network in Keras 3; its twin is `companion.vision.resnet_torch`.

Paper, equations, letters and what differs from the paper: see there. Images come in as
(B, H, W, C), Keras's own layout. The same distributions start the weights, and the running means
and variances move as fast as in PyTorch (`momentum` says the share that stays, not what is new;
only PyTorch corrects the running variance for the size of the batch). A convolution with a stride
gets its zeros from a layer of their own, because Keras's "same" puts none before the first row.
"""

import dataclasses

import keras

from companion.vision.deep_config import ResNetConfig

__all__ = ["ResNet"]

LAST = {"data_format": "channels_last"}


class ConvNorm(keras.layers.Layer):
    """A convolution without bias and batch normalisation; the image keeps its size at stride 1.

    Args:
        inputs: Channels that come in.
        outputs: Channels that come out.
        kernel: Height and width of the filters, odd.
        stride: Of the filters, in pixels.
    """

    def __init__(self, inputs, outputs, kernel, stride):
        super().__init__()
        self.pad = keras.layers.ZeroPadding2D(kernel // 2 if stride > 1 else 0, **LAST)
        self.convolution = keras.layers.Conv2D(
            outputs,
            kernel,
            strides=stride,
            padding="valid" if stride > 1 else "same",
            use_bias=False,
            kernel_initializer="he_uniform",
            **LAST,
        )
        self.norm = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
        self.build((None, None, None, inputs))

    def build(self, shape):
        """Make the weights; called when made."""
        self.convolution.build(shape)
        self.norm.build((*shape[:3], self.convolution.filters))
        self.built = True

    def call(self, images):
        """Return the normalised convolution: (B, H, W, C) to (B, H′, W′, outputs)."""
        return self.norm(self.convolution(self.pad(images)))


class Block(keras.layers.Layer):
    """The body F of convolutions, and beside it the skip.

    Args:
        body: Arguments of each `ConvNorm` of F.
        shortcut: Those of the one beside it, or None: then the input is added as it is.
        skip: Whether anything is added.
    """

    def __init__(self, body, shortcut, skip):
        super().__init__()
        self.body = [ConvNorm(*sizes) for sizes in body]
        self.shortcut = None if shortcut is None else ConvNorm(*shortcut)
        self.skip = skip
        self.built = True

    def call(self, images):
        """Return y = relu(F(x) + x): (B, H, W, C) to (B, H′, W′, C′)."""
        *first, last = self.body
        hidden = images
        for layer in first:
            hidden = keras.ops.relu(layer(hidden))  # (B, H, W, inner), or half
        hidden = last(hidden)  # (B, H′, W′, C′)
        if self.skip:
            hidden = hidden + (images if self.shortcut is None else self.shortcut(images))
        return keras.ops.relu(hidden)


@keras.saving.register_keras_serializable("companion.vision")
class ResNet(keras.Model):
    """A stem, stages of blocks, the mean over all places, and one linear layer; built when made.

    Args:
        config: A `companion.vision.deep_config.ResNetConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        imagenet = config.stem == "imagenet"
        self.stem = ConvNorm(config.image[2], config.width, *((7, 2) if imagenet else (3, 1)))
        # Zeros around the map are never its maximum, because ReLU comes before.
        self.pad = keras.layers.ZeroPadding2D(1, **LAST) if imagenet else None
        self.pool = keras.layers.MaxPooling2D(3, strides=2, **LAST) if imagenet else None
        self.stages = [[Block(*sizes, config.skips) for sizes in stage] for stage in config.plan()]
        self.mean = keras.layers.GlobalAveragePooling2D(**LAST)
        self.head = keras.layers.Dense(config.outputs)
        self(keras.KerasTensor((None, *config.image)))  # makes the weights

    def features(self, images):
        """Return what each stage sees, for `call` and for looking at it.

        Args:
            images: Floating point, shape (B, H, W, C).

        Returns:
            A list with the output of each stage, shape (B, H′, W′, C′); see `config.maps`.

        Raises:
            ValueError: If the shape is another or B is 0.
            TypeError: If the images are not floating-point numbers.
        """
        dtype = keras.backend.standardize_dtype(images.dtype)
        self.config.check_images(images.shape, dtype, self.compute_dtype, channels_first=False)
        hidden = keras.ops.relu(self.stem(images))
        if self.pool is not None:
            hidden = self.pool(self.pad(hidden))
        found = []
        for stage in self.stages:
            for block in stage:
                hidden = block(hidden)
            found.append(hidden)  # (B, H′, W′, C′)
        return found

    def call(self, images, training=None):
        """Return the logits.

        Args:
            images: Floating point, shape (B, H, W, C).
            training: Whether to normalise by the batch, by default as Keras is told by `fit` and
                `predict`. Keras hands it on to the layers inside.

        Returns:
            Logits, shape (B, O).

        Raises:
            ValueError: If the shape is another or B is 0.
            TypeError: If the images are not floating-point numbers.
        """
        return self.head(self.mean(self.features(images)[-1]))  # (B, O)

    def get_config(self):
        """Return what `from_config` needs; Keras calls both when it saves and loads a model."""
        return {"config": dataclasses.asdict(self.config)}

    @classmethod
    def from_config(cls, config):
        """Make a model from what `get_config` returned."""
        return cls(ResNetConfig(**config["config"]))
