"""Configurations of the vision models, each shared by its PyTorch and its Keras twin."""

from dataclasses import dataclass

from companion.checks import natural, number, one_of

__all__ = ["ACTIVATIONS", "CNNConfig", "ImageConfig", "MLPConfig", "image_size", "naturals"]

# Names that mean the same function in both frameworks.
ACTIVATIONS = ("gelu", "relu", "sigmoid", "silu", "tanh")


def naturals(name, values, example):
    """Return a sequence of integers of at least 1 as a tuple.

    Raises:
        ValueError: If it is none; the message shows `example`, such as "widths such as (16,)".
    """
    if not isinstance(values, tuple | list):
        raise ValueError(f"{name} is {values!r}; expected a tuple of {example}")
    return tuple(natural(f"{name}[{i}]", value, 1) for i, value in enumerate(values))


def _check_activation(name):
    if name not in ACTIVATIONS:
        raise ValueError(f"activation is {name!r}; expected one of {', '.join(ACTIVATIONS)}")


@dataclass(frozen=True)
class MLPConfig:
    """The shape of a multilayer perceptron.

    Attributes:
        inputs: Numbers per sample that go in, at least 1.
        hidden: Width of each hidden layer, first to last; () leaves a linear model.
        outputs: Logits per sample that come out, at least 1.
        activation: What follows each hidden layer, one of ACTIVATIONS.

    Raises:
        ValueError: If a width is not an integer of at least 1, `hidden` is no sequence of widths,
            or the activation is not known.
    """

    inputs: int
    hidden: tuple[int, ...]
    outputs: int
    activation: str = "relu"

    def __post_init__(self):
        # What JSON and NumPy make of the fields, a list and integers of their own, becomes plain.
        object.__setattr__(self, "inputs", natural("inputs", self.inputs, 1))
        object.__setattr__(self, "hidden", naturals("hidden", self.hidden, "widths such as (16,)"))
        object.__setattr__(self, "outputs", natural("outputs", self.outputs, 1))
        _check_activation(self.activation)

    @property
    def widths(self):
        """The numbers per sample from input to output: (inputs, *hidden, outputs)."""
        return (self.inputs, *self.hidden, self.outputs)

    def check_inputs(self, shape, dtype, expected):
        """Require a batch of samples that the model can take.

        Args:
            shape: The shape of the batch; a dimension that is not known yet is None.
            dtype: The name of its type, such as "float64".
            expected: The name of the type that the model computes in, such as "float32".

        Raises:
            ValueError: If the shape is not (B, inputs).
            TypeError: If the types differ.
        """
        if len(shape) != 2 or shape[1] not in (self.inputs, None):
            raise ValueError(
                f"the inputs have shape {tuple(shape)}; expected (B, {self.inputs}), "
                f"one row of {self.inputs} numbers per sample"
            )
        if dtype != expected:
            raise TypeError(f"the inputs are {dtype}; expected {expected} like the weights")


def image_size(image):
    """Return height, width and channels of an image, integers of at least 1, as a tuple.

    Raises:
        ValueError: If it is none.
    """
    image = naturals("image", image, "height, width and channels such as (28, 28, 1)")
    if len(image) != 3:
        raise ValueError(f"image is {image}; expected height, width and channels")
    return image


class ImageConfig:
    """What the configs of image models share: a field `image`, (height, width, channels)."""

    def check_images(self, shape, dtype, expected, *, channels_first):
        """Require a batch of images that the model can take.

        Args:
            shape: The shape of the batch; a dimension that is not known yet is None.
            dtype: The name of its type, such as "float64".
            expected: The name of the type that the model computes in, such as "float32".
            channels_first: Whether the channels come before height and width, as in PyTorch.

        Raises:
            ValueError: If the shape is another, or there is no image.
            TypeError: If the types differ.
        """
        height, width, channels = self.image
        sizes, letters = (height, width, channels), "B, H, W, C"
        if channels_first:
            sizes, letters = (channels, height, width), "B, C, H, W"
        known = zip(shape[1:], sizes, strict=False)
        if len(shape) != 4 or any(found not in (size, None) for found, size in known):
            raise ValueError(
                f"the images have shape {tuple(shape)}; "
                f"expected (B, {', '.join(map(str, sizes))}), which is ({letters})"
            )
        if shape[0] == 0:
            raise ValueError(f"the images have shape {tuple(shape)}; expected at least one image")
        if dtype != expected:
            raise TypeError(f"the images are {dtype}; expected {expected} like the weights")


@dataclass(frozen=True)
class CNNConfig(ImageConfig):
    """The shape of a convolutional network: stages, then dense layers.

    A stage is a convolution with stride 1, the activation, and the maximum over blocks of 2 × 2.

    Attributes:
        image: Height, width and channels of an image, each at least 1.
        filters: Filters of each stage, first to last; at least one stage.
        hidden: Width of each dense layer between the stages and the last layer; () for none.
        outputs: Logits per image that come out, at least 1.
        kernel: Height and width of the filters, at least 1.
        padding: "valid" leaves out the places where a filter would reach over the border; "same"
            puts zeros around the image, so that a convolution keeps its size.
        dropout: Share of the numbers before the last layer that are put to 0 in training; below 1.
        activation: What follows each convolution and hidden layer, one of ACTIVATIONS.

    Raises:
        ValueError: If a field is none of these, or the image is too small for the stages.
    """

    image: tuple[int, int, int]
    filters: tuple[int, ...]
    hidden: tuple[int, ...]
    outputs: int
    kernel: int = 3
    padding: str = "valid"
    dropout: float = 0.0
    activation: str = "relu"

    def __post_init__(self):
        image = image_size(self.image)
        filters = naturals("filters", self.filters, "numbers of filters such as (32, 64)")
        if not filters:
            raise ValueError("filters is (); expected at least one stage")
        object.__setattr__(self, "image", image)
        object.__setattr__(self, "filters", filters)
        object.__setattr__(self, "hidden", naturals("hidden", self.hidden, "widths such as (64,)"))
        object.__setattr__(self, "outputs", natural("outputs", self.outputs, 1))
        object.__setattr__(self, "kernel", natural("kernel", self.kernel, 1))
        object.__setattr__(self, "dropout", number("dropout", self.dropout, 0, 1, below=True))
        one_of("padding", self.padding, ("same", "valid"))
        _check_activation(self.activation)
        for stage, (height, width, _) in enumerate(self.maps):
            if min(height, width) < 1:
                raise ValueError(
                    f"image is {image}, which leaves nothing after stage {stage + 1} of "
                    f"{len(filters)}; expected a larger image, fewer stages or padding 'same'"
                )

    @property
    def maps(self):
        """Height, width and channels after each stage, a list of tuples."""
        shrink = self.kernel - 1 if self.padding == "valid" else 0
        (height, width, _), sizes = self.image, []
        for filters in self.filters:
            height, width = (height - shrink) // 2, (width - shrink) // 2
            sizes.append((height, width, filters))
        return sizes

    @property
    def widths(self):
        """The numbers per image from the flattened last stage on: (…, *hidden, outputs)."""
        height, width, channels = self.maps[-1]
        return (height * width * channels, *self.hidden, self.outputs)
