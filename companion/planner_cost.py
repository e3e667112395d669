"""What training and serving a transformer takes: memory, time, energy and money.

    weights, gradients, Adam     16 bytes per parameter, in float32 and in mixed precision alike
    KV cache                     2 · L · K · s numbers per token
    time                         FLOP / (devices · peak · utilisation)
    energy                       device-hours · watts · PUE

Letters as in `companion.planner`. PUE, the power usage effectiveness, is the electricity of a data
centre divided by that of its computers. Nothing here has a default price, power or utilisation:
these are assumptions, and whoever calculates has to name them.

Papers: Rajbhandari et al. 2020 (16 bytes, section 3), Korthikanti et al. 2023 (activations),
Patterson et al. 2021 (energy).
"""

import math
from dataclasses import dataclass

from companion.checks import natural

__all__ = [
    "PEAKS",
    "STATE_BYTES",
    "TrainingRun",
    "activation_bytes",
    "cache_bytes",
    "state_bytes",
    "training_bytes",
]

# Bytes per parameter. In mixed precision, weights and gradients take two bytes each, and Adam
# works on a third copy, in float32.
STATE_BYTES = {
    "float32": {"weights": 4, "gradients": 4, "master weights": 0, "Adam moments": 8},
    "mixed": {"weights": 2, "gradients": 2, "master weights": 4, "Adam moments": 8},
}

# The most FLOP per second that a device can do in dense matrix products of 16-bit numbers, as
# stated by Patterson et al. 2021 (V100), Narayanan et al. 2021 (A100) and Shah et al. 2024 (H100).
PEAKS = {"V100": 125e12, "A100": 312e12, "H100": 989e12}

_CHECKPOINTING = ("none", "scores", "layers")


def state_bytes(parameters, precision="mixed"):
    """Memory of what lasts from step to step, in bytes by part.

    Args:
        parameters: How many, at least 1.
        precision: "mixed" (16-bit work, float32 master copy) or "float32".

    Raises:
        ValueError: If the number is not an integer of at least 1, or the precision is not known.
    """
    parameters = natural("parameters", parameters, 1)
    _known("precision", precision, STATE_BYTES)
    return {part: size * parameters for part, size in STATE_BYTES[precision].items()}


def activation_bytes(model, batch, context=None, *, checkpointing="none", size=2, dropout=False):
    """Memory of what the layers keep from the forward pass for the backward pass, in bytes.

    Per token a layer keeps what its norms receive (2d) and put out (2d), queries (Hs), keys and
    values (2Ks), what the attention puts out (Hs), H·T attention weights, and the hidden layer
    before and behind its activation function (2f; gated 4f). Dropout adds a byte for each d of its
    two masks, and H·T numbers and bytes more for the weights. For d = Hs = Ks and f = 4d, in
    16 bits and with dropout, this is the d·(34 + 5·H·T/d) of Korthikanti et al.

    Args:
        model: A `Blocks` of `companion.planner`, such as a `Transformer`.
        batch: Sequences at a time, on one device.
        context: Tokens per sequence, T; the model's own by default.
        checkpointing: "none" keeps everything; "scores" recomputes the attention weights, as
            FlashAttention does; "layers" keeps only what each layer receives, and recomputes one
            layer at a time.
        size: Bytes per number.
        dropout: Whether the model is trained with dropout.

    Raises:
        ValueError: If a number is not an integer of at least 1, or `checkpointing` is not known.
    """
    _known("checkpointing", checkpointing, _CHECKPOINTING)
    context = natural("context", model.context if context is None else context, 1)
    tokens = natural("batch", batch, 1) * context
    size = natural("size", size, 1)
    numbers = 4 * model.width + 2 * (model.attention_width + model.kv_width)
    numbers += (4 if model.gated else 2) * model.feed_forward
    weights = model.heads * context
    kept = size * numbers + 2 * model.width * dropout
    if checkpointing != "scores":
        kept += weights * (size + (size + 1) * dropout)
    if checkpointing == "layers":
        return tokens * (model.layers * size * model.width + kept)
    return tokens * model.layers * kept


def training_bytes(model, batch, context=None, *, precision="mixed", **options):
    """Memory of training on one device, in bytes by part: `state_bytes` and the activations.

    Left out: the logits and their gradient, buffers of kernels and of communication, and
    fragments. Some gigabytes on top are normal.

    Args:
        model: A `Transformer`.
        batch: Sequences at a time.
        context: Tokens per sequence; the model's own by default.
        precision: See `state_bytes`; it also sets the size of activations, 2 or 4 bytes.
        **options: `checkpointing` and `dropout` of `activation_bytes`.

    Raises:
        ValueError: As the two functions.
    """
    parts = state_bytes(model.parameters(), precision)
    size = STATE_BYTES[precision]["weights"]
    return parts | {"activations": activation_bytes(model, batch, context, size=size, **options)}


def cache_bytes(model, context, batch=1, size=2):
    """Memory of the keys and values that a decoder keeps while it generates, in bytes.

    Args:
        model: A `Blocks` of `companion.planner`.
        context: Tokens so far, at least 1.
        batch: Sequences at a time.
        size: Bytes per number.

    Raises:
        ValueError: If a number is not an integer of at least 1.
    """
    given = {"context": context, "batch": batch, "size": size}
    per_token = 2 * model.layers * model.kv_width
    return per_token * math.prod(natural(name, value, 1) for name, value in given.items())


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """Time, energy and price of a training run.

    Attributes:
        flop: FLOP that the model needs, such as tokens · `Transformer.training_flop()`.
        devices: How many work at the same time.
        peak: FLOP per second of one device at its best; see `PEAKS`.
        utilisation: Share of the peak that is reached (model FLOP utilisation), above 0, at most 1.
            What is recomputed because of checkpointing counts as lost here.

    Raises:
        ValueError: If a number is not finite or out of range.
    """

    flop: float
    devices: int
    peak: float
    utilisation: float

    def __post_init__(self):
        natural("devices", self.devices, 1)
        _above_zero("flop", self.flop)
        _above_zero("peak", self.peak)
        _above_zero("utilisation", self.utilisation, most=1)

    @property
    def device_hours(self):
        """Hours that one device alone would take."""
        return self.flop / (self.peak * self.utilisation) / 3600

    @property
    def days(self):
        """Days from start to end, without breaks."""
        return self.device_hours / self.devices / 24

    def megawatt_hours(self, *, watts, pue):
        """Electricity of the run in MWh.

        Args:
            watts: Power of one device with its share of the computer around it, above 0.
            pue: Electricity of the data centre by that of its computers, at least 1.

        Raises:
            ValueError: If a number is out of range.
        """
        _above_zero("watts", watts)
        if _above_zero("pue", pue) < 1:
            raise ValueError(f"pue is {pue!r}; expected a number of at least 1")
        return self.device_hours * watts * pue / 1e6

    def price(self, *, per_device_hour):
        """What the device-hours cost, in the currency of the price per hour."""
        return self.device_hours * _above_zero("per_device_hour", per_device_hour)


def _known(name, value, known):
    if value not in known:
        raise ValueError(f"{name} is {value!r}; expected one of {', '.join(known)}")


def _above_zero(name, value, most=math.inf):
    """Return a number above 0 and at most `most`."""
    if isinstance(value, bool) or not (math.isfinite(value) and 0 < value <= most):
        limit = "" if math.isinf(most) else f" and at most {most}"
        raise ValueError(f"{name} is {value!r}; expected a finite number above 0{limit}")
    return value
