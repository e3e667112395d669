"""Checks of batches that models of images share, whatever the framework: they see shapes only."""

from companion.checks import natural

__all__ = ["image_size", "naturals", "rows", "same_shapes", "value_range"]


def naturals(name, values, example):
    """Return a sequence of at least one integer of at least 1 as a tuple.

    Args:
        name: The argument's name, for the message.
        values: What was given.
        example: What it should look like, for the message.

    Raises:
        ValueError: If it is none.
    """
    if not isinstance(values, tuple | list) or not values:
        raise ValueError(f"{name} is {values!r}; expected a tuple of {example}")
    return tuple(natural(f"{name}[{i}]", value, 1) for i, value in enumerate(values))


def image_size(image, halvings=0):
    """Return the size of an image, (height, width, channels), as a tuple.

    Args:
        image: What was given.
        halvings: How often height and width are divided by 2.

    Raises:
        ValueError: If it is no such size, or a division would leave a remainder.
    """
    image = naturals("image", image, "height, width and channels such as (28, 28, 1)")
    if len(image) != 3:
        raise ValueError(f"image is {image}; expected height, width and channels")
    if image[0] % 2**halvings or image[1] % 2**halvings:
        raise ValueError(
            f"image is {image}, whose height and width are to be halved {halvings} times; "
            f"expected multiples of {2**halvings}, or fewer stages"
        )
    return image


def rows(name, shape, dtype, numbers, expected):
    """Require a batch of vectors, one row of so many numbers per sample.

    Args:
        name: What the batch is called in the message, such as "codes".
        shape: Its shape; a dimension that is not known yet is None.
        dtype: The name of its type.
        numbers: How long a row has to be.
        expected: The name of the type that it has to be of.

    Raises:
        ValueError: If the shape is another, or there is no row.
        TypeError: If the types differ.
    """
    if len(shape) != 2 or shape[1] not in (numbers, None) or shape[0] == 0:
        raise ValueError(
            f"the {name} have shape {tuple(shape)}; expected (B, {numbers}) with B at least 1"
        )
    if dtype != expected:
        raise TypeError(f"the {name} are {dtype}; expected {expected} like the weights")


def same_shapes(**shapes):
    """Require that arrays, given as name=shape, have one shape without a 0.

    Raises:
        ValueError: If they do not.
    """
    known = [tuple(shape) for shape in shapes.values()]
    if len(set(known)) > 1 or 0 in known[0]:
        found = ", ".join(f"{name} {shape}" for name, shape in zip(shapes, known, strict=True))
        raise ValueError(f"the shapes are {found}; expected one shape without a 0 for all of them")


def value_range(name, least, most, low, high):
    """Require that values lie between two bounds, which neither an excess nor a NaN does.

    Args:
        name: What the values are called in the message.
        least: The smallest of them.
        most: The largest of them.
        low: The smallest that is accepted.
        high: The largest that is accepted.

    Raises:
        ValueError: If they do not.
    """
    if not (low <= float(least) and float(most) <= high):
        raise ValueError(
            f"the {name} range from {float(least):g} to {float(most):g}; expected {low} to {high}"
        )
