"""Skip-gram with negative sampling in PyTorch; the twin is `companion.language.embeddings_keras`.

Mikolov, Sutskever, Chen, Corrado and Dean (2013), *Distributed representations of words and phrases
and their compositionality*, NeurIPS, arXiv:1310.4546, equation 4. Each word has two vectors: v as
the centre of a window, u as a context. The vector of a centre c is to fit those of words o that
stand near it, and not those of K words n that were drawn by chance:

    loss = −log σ(u_o · v_c) − Σ log σ(−u_n · v_c)                                           (4)

The word vectors are v. `companion.text.pairs` draws centres, contexts and noise.

Shapes: B centres in a batch, K noise words of each, E numbers per vector, V words.

What differs from the paper: the mean over a batch takes the place of single steps. As in the
published program, v starts uniformly between ±1/(2E) and u at 0.
"""

import torch
from torch import nn
from torch.nn import functional as F

from companion.language.tokens_torch import check_tokens

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
    if logits.ndim != 2 or logits.shape[1] < 2 or len(logits) == 0:
        raise ValueError(
            f"the logits have shape {tuple(logits.shape)}; expected (B, 1 + K), K at least 1"
        )
    return -(F.logsigmoid(logits[:, 0]) + F.logsigmoid(-logits[:, 1:]).sum(dim=1)).mean()


class SkipGram(nn.Module):
    """Two tables of vectors: of words as centres and as contexts.

    Args:
        config: A `companion.language.sequence_config.SkipGramConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.centre = nn.Embedding(config.vocabulary, config.width)
        self.context = nn.Embedding(config.vocabulary, config.width)
        nn.init.uniform_(self.centre.weight, -0.5 / config.width, 0.5 / config.width)
        nn.init.zeros_(self.context.weight)

    def forward(self, centres, candidates=None):
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
        if len(centres) != len(candidates):
            raise ValueError(
                f"there are {len(centres)} centres and candidates for {len(candidates)}; "
                "expected as many"
            )
        v, u = self.centre(centres), self.context(candidates)  # (B, E), (B, 1 + K, E)
        return torch.einsum("be,bke->bk", v, u)

    def vectors(self):
        """Return the word vectors, shape (V, E), without a gradient."""
        return self.centre.weight.detach()
