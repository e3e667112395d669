"""Skip-gram with negative sampling in Keras 3; its twin is `companion.language.embeddings_torch`.

Paper, equation, letters and what differs from the paper: see there. The same distributions start
the weights.
"""

import dataclasses

import keras
from keras import ops

from companion.language.sequence_config import SkipGramConfig
from companion.language.tokens_keras import check_tokens

__all__ = ["SkipGram", "noise_loss"]


def noise_loss(logits, targets=None):
    """Return the mean of equation 4 over a batch.

    Args:
        logits: Of true contexts and noise, shape (B, 1 + K), the true ones first.
        targets: Not looked at: trainers pass one, but which word is true is known by its place.

    Returns:
        A scalar, in nats per centre.

    Raises:
        ValueError: If the shape is another.
    """
    shape = tuple(logits.shape)
    if len(shape) != 2 or shape[0] == 0 or (shape[1] is not None and shape[1] < 2):
        raise ValueError(f"the logits have shape {shape}; expected (B, 1 + K), K at least 1")
    noise = ops.sum(ops.log_sigmoid(-logits[:, 1:]), axis=1)
    return -ops.mean(ops.log_sigmoid(logits[:, 0]) + noise)


@keras.saving.register_keras_serializable("companion.language")
class SkipGram(keras.Model):
    """Two tables of vectors: of words as centres and as contexts; built when made.

    Args:
        config: A `companion.language.sequence_config.SkipGramConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        start = keras.initializers.RandomUniform(-0.5 / config.width, 0.5 / config.width)
        self.centre = keras.layers.Embedding(config.vocabulary, config.width, start)
        self.context = keras.layers.Embedding(config.vocabulary, config.width, "zeros")
        self(keras.KerasTensor((None,), "int32"), keras.KerasTensor((None, None), "int32"))

    def call(self, centres, candidates=None):
        """Return how well words fit as contexts: u · v.

        Args:
            centres: Word ids, integers of shape (B,); or the pair of both arguments, which is how
                trainers pass them.
            candidates: Word ids, integers of shape (B, 1 + K), such as a true context and K others.

        Returns:
            Logits, shape (B, 1 + K).

        Raises:
            TypeError: If the ids are no integers.
            ValueError: If a shape is another, or an id is not in the vocabulary.
        """
        if candidates is None:
            centres, candidates = centres
        check_tokens("centres", centres[..., None], self.config.vocabulary)
        check_tokens("candidates", candidates, self.config.vocabulary)
        sizes = centres.shape[0], candidates.shape[0]
        if None not in sizes and sizes[0] != sizes[1]:
            raise ValueError(
                f"there are {sizes[0]} centres and candidates for {sizes[1]}; expected as many"
            )
        v, u = self.centre(centres), self.context(candidates)  # (B, E), (B, 1 + K, E)
        return ops.einsum("be,bke->bk", v, u)

    def vectors(self):
        """Return the word vectors, shape (V, E), without a gradient."""
        return ops.stop_gradient(ops.convert_to_tensor(self.centre.embeddings))

    def get_config(self):
        """Return what `from_config` needs; Keras calls both when it saves and loads a model."""
        return {"config": dataclasses.asdict(self.config)}

    @classmethod
    def from_config(cls, config):
        """Make a model from what `get_config` returned."""
        return cls(SkipGramConfig(**config["config"]))
