"""What a transformer weighs and works: parameters, memory and arithmetic from its architecture.

Shapes: L layers, width d, H query heads and K key-value heads of size s, feed-forward width f,
vocabulary V, T tokens of context, batch B. For example

    attention     d·Hs + 2·d·Ks + Hs·d     per layer, plus Hs + 2·Ks + d biases
    feed-forward  2·d·f, gated 3·d·f       per layer, plus f (2f) + d biases

Conventions, which published figures do not all share: one multiplication with its addition is two
floating-point operations (FLOP); a lookup in an embedding is none; norms, softmax and activation
functions are left out; attention scores are counted for all T × T pairs, as the dense kernels of
causal models compute them (Chowdhery et al. 2022, appendix B).

Published architectures stand in `companion.planner_presets`, image models in
`companion.planner_vision`, and what a training run takes in `companion.planner_cost`.
"""

from dataclasses import dataclass

from companion.checks import natural

__all__ = ["Blocks", "Transformer"]

POSITIONS = ("learned", "none", "relative", "rotary")
NORMS = {"layer": 2, "rms": 1}  # vectors of learnt numbers


@dataclass(frozen=True, kw_only=True)
class Blocks:
    """A stack of transformer layers, without what comes before and behind it.

    Attributes:
        layers: Number of layers, L.
        width: Numbers per token between the layers, d.
        heads: Query heads, H.
        feed_forward: Width of the hidden layer of each feed-forward part, f.
        kv_heads: Key and value heads, K; as many as query heads by default. Fewer are called
            grouped-query attention.
        head_size: Numbers per head, s; width / heads by default.
        gated: Whether a second matrix gates the hidden layer (SwiGLU).
        biases: Whether the linear maps have biases.
        norm: "layer" (scale and shift) or "rms" (scale only).
        positions: "learned" (a table), "rotary" or "none" (neither has parameters; "none" stands
            for ALiBi as well), or "relative" (Transformer-XL: a matrix and two bias vectors more
            in each layer).

    Raises:
        ValueError: If a number is not an integer of at least 1, heads do not divide evenly, or
            `norm` or `positions` is not known.
    """

    layers: int
    width: int
    heads: int
    feed_forward: int
    kv_heads: int | None = None
    head_size: int | None = None
    gated: bool = False
    biases: bool = True
    norm: str = "layer"
    positions: str = "learned"

    def __post_init__(self):
        for name in ("layers", "width", "heads", "feed_forward"):
            object.__setattr__(self, name, natural(name, getattr(self, name), 1))
        if self.head_size is None and self.width % self.heads:
            raise ValueError(
                f"width is {self.width} with {self.heads} heads; expected a multiple of the heads, "
                "or a head_size"
            )
        defaults = {"kv_heads": self.heads, "head_size": self.width // self.heads}
        for name, default in defaults.items():
            value = default if getattr(self, name) is None else getattr(self, name)
            object.__setattr__(self, name, natural(name, value, 1))
        if self.heads % self.kv_heads:
            raise ValueError(f"kv_heads is {self.kv_heads}; expected a divisor of {self.heads}")
        _one_of("norm", self.norm, NORMS)
        _one_of("positions", self.positions, POSITIONS)

    @property
    def attention_width(self):
        """Numbers per token in all query heads together, H·s."""
        return self.heads * self.head_size

    @property
    def kv_width(self):
        """Numbers per token in all keys (or all values) together, K·s."""
        return self.kv_heads * self.head_size

    def attention_parameters(self):
        """Parameters of the attention of one layer: queries, keys, values and output."""
        inner, outer = self.attention_width + 2 * self.kv_width, self.attention_width
        relative = (self.width + 2) * outer if self.positions == "relative" else 0
        return self.width * (inner + outer) + relative + self.biases * (inner + self.width)

    def feed_forward_parameters(self):
        """Parameters of the feed-forward part of one layer."""
        hidden = (1 + self.gated) * self.feed_forward
        weights = self.width * (hidden + self.feed_forward)
        return weights + self.biases * (hidden + self.width)

    def norm_parameters(self):
        """Parameters of one norm."""
        return NORMS[self.norm] * self.width

    def layer_matrices(self):
        """Weights of one layer that a token is multiplied by: all but biases and norms."""
        attention = 2 * self.width * (self.attention_width + self.kv_width)
        # Multiplied by T relative positions in every sequence, as often as by its T tokens.
        relative = self.width * self.attention_width * (self.positions == "relative")
        return attention + relative + (2 + self.gated) * self.width * self.feed_forward

    def pair_flop(self, context):
        """FLOP per token and forward pass of scores and weighted sums, over all layers: 4·L·T·Hs.

        Each query is multiplied by T keys and mixes T values, and each costs 2·Hs.
        """
        return 4 * self.layers * natural("context", context, 1) * self.attention_width


@dataclass(frozen=True, kw_only=True)
class Transformer(Blocks):
    """A decoder such as GPT or LLaMA, or an encoder such as BERT, with token embeddings.

    Attributes:
        vocabulary: Number of tokens, V.
        context: Tokens in a sequence, T; as many rows has a table of learnt positions.
        tied: Whether the output layer uses the embedding matrix.
        segments: Rows of BERT's table that tells two sentences apart, or 0.
        embedding_norm: Whether a norm follows the embeddings (BERT, BLOOM).
        final_norm: Whether a norm follows the last layer (not in BERT, which normalises behind
            each part of a layer).
        pooler: Whether a square layer with bias stands behind the first token (BERT).

    Raises:
        ValueError: As `Blocks`, or if a number here is not an integer, or too small.
    """

    vocabulary: int
    context: int
    tied: bool = True
    segments: int = 0
    embedding_norm: bool = False
    final_norm: bool = True
    pooler: bool = False

    def __post_init__(self):
        super().__post_init__()
        for name, smallest in (("vocabulary", 1), ("context", 1), ("segments", 0)):
            object.__setattr__(self, name, natural(name, getattr(self, name), smallest))

    def parts(self):
        """Parameters by part: embeddings, attention, feed-forward, norms, head."""
        learned = self.context if self.positions == "learned" else 0
        rows = self.vocabulary + learned + self.segments
        norms = 2 * self.layers + self.embedding_norm + self.final_norm
        head = 0 if self.tied else self.vocabulary * self.width
        return {
            "embeddings": rows * self.width,
            "attention": self.layers * self.attention_parameters(),
            "feed-forward": self.layers * self.feed_forward_parameters(),
            "norms": norms * self.norm_parameters(),
            "head": head + self.pooler * (self.width + 1) * self.width,
        }

    def parameters(self):
        """All parameters."""
        return sum(self.parts().values())

    def forward_flop(self, context=None, *, attention=True):
        """FLOP per token of one forward pass over a full context.

        Args:
            context: Tokens in the sequence, T; the model's own by default.
            attention: Whether the T × T scores are counted, 4·L·T·Hs.

        Returns:
            2 · (the weights of all matrices, output layer included) + the scores.
        """
        matrices = self.layers * self.layer_matrices() + self.vocabulary * self.width
        context = self.context if context is None else context
        return 2 * matrices + (self.pair_flop(context) if attention else 0)

    def training_flop(self, context=None, *, attention=True):
        """FLOP per token of training: forward once, and backward twice as much."""
        return 3 * self.forward_flop(context, attention=attention)

    def rule_of_six(self):
        """FLOP per token of training by the rule 6·N, with N all parameters."""
        return 6 * self.parameters()


def _one_of(name, value, known):
    if value not in known:
        raise ValueError(f"{name} is {value!r}; expected one of {', '.join(known)}")
