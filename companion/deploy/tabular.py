"""A classifier of table rows into two classes that carries its preprocessing with it.

    z = (log(1 + row) − mean) / scale        the features
    p = 1 / (1 + exp(−(z · weights + bias)))  the probability of the second class

`mean` and `scale` come from the training rows and are as much a part of the model as the weights:
the service must not compute its own. The columns go by name, so that nothing depends on their
order. Serving takes NumPy only; what fits the numbers stands in `companion.deploy.cycle`.

Shapes: n rows, d columns.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["Classifier", "log_features"]


def log_features(rows):
    """Return log(1 + rows): sizes that differ by a factor then differ by a constant."""
    return np.log1p(rows)


@dataclass(frozen=True)
class Classifier:
    """The numbers of the model; see the module.

    Args:
        names: The d columns.
        classes: The two classes, as strings.
        mean: Shape (d,).
        scale: Shape (d,), all above 0.
        weights: Shape (d,).
        bias: A number.

    Raises:
        ValueError: If a shape does not fit, a number is not finite or a scale not positive.
    """

    names: tuple
    classes: tuple
    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    bias: float

    def __post_init__(self):
        if len(self.classes) != 2 or len(set(self.classes)) != 2:
            raise ValueError(f"classes is {self.classes!r}; expected two different ones")
        if not self.names or len(set(self.names)) != len(self.names):
            raise ValueError(f"names is {self.names!r}; expected columns, each once")
        for field in ("mean", "scale", "weights"):
            value = getattr(self, field)
            if value.shape != (len(self.names),) or not np.isfinite(value).all():
                raise ValueError(
                    f"{field} has shape {value.shape}; expected {len(self.names)} finite numbers"
                )
        if not (self.scale > 0).all() or not np.isfinite(self.bias):
            raise ValueError("scale and bias: expected finite numbers, scale above 0")

    def features(self, rows):
        """Return the standardised features: (n, d) or (d,), no value below 0, to the same shape."""
        return (log_features(rows) - self.mean) / self.scale

    def probability(self, rows):
        """Return the probability of the second class: (n, d) to (n,), (d,) to a number."""
        logit = self.features(rows) @ self.weights + self.bias
        return 0.5 * (1 + np.tanh(0.5 * logit))  # the sigmoid, in a form that cannot overflow

    def predict(self, rows):
        """Return the more probable class: (n, d) to strings, shape (n,)."""
        return np.asarray(self.classes)[(self.probability(rows) > 0.5).astype(int)]

    def tensors(self):
        """Return what `companion.deploy.store.Store.add` takes as tensors."""
        arrays = {name: getattr(self, name) for name in ("mean", "scale", "weights")}
        return arrays | {"bias": np.array([self.bias])}

    def facts(self):
        """Return the names and classes for `companion.deploy.store.Store.add`."""
        return {"names": list(self.names), "classes": list(self.classes)}

    @classmethod
    def of(cls, tensors, facts):
        """Build the model from what `tensors` and `facts` returned; more entries do not matter.

        Raises:
            ValueError: If something is missing or does not fit.
        """
        try:
            arrays = [tensors[name] for name in ("mean", "scale", "weights")]
            return cls(
                tuple(facts["names"]), tuple(facts["classes"]), *arrays, float(tensors["bias"][0])
            )
        except (KeyError, IndexError, TypeError) as error:
            raise ValueError(f"this is no saved Classifier: {error!r}") from error
