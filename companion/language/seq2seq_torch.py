"""Recurrent encoder-decoder in PyTorch, without and with attention; twin: `seq2seq_keras`.

Sutskever, Vinyals and Le (2014), arXiv:1409.3215, and Cho et al. (2014), arXiv:1406.1078: one
network reads a sentence into a vector of fixed length, another one writes the translation from it.
Bahdanau, Cho and Bengio (2015), arXiv:1409.0473, let the decoder look at all states hⱼ of the
encoder before each step, with its last state s; Luong, Pham and Manning (2015), arXiv:1508.04025,
after it, with its new state s′:

    αⱼ = softmax over j of  vᵀ tanh(W s + U hⱼ)      bahdanau, additive                     (1)
    αⱼ = softmax over j of  s′ᵀ W hⱼ                 luong, general                         (2)
    context = Σ αⱼ hⱼ                                none: the encoder's last states        (3)

The decoder's cell reads the last token and the context of (1) or (3), and its state starts from the
encoder's last states. The logits come from tanh(W [s′; context]).

Shapes: B sentence pairs in a batch, S tokens of the source, T of the target, E numbers per embedded
token, H in the decoder's state, V tokens of the target language.

What differs from the papers: encoder and decoder are one layer of gated recurrent units; all three
ways have the same last layers and a bidirectional encoder, so nothing but the context differs. With
"luong", the attended vector is not fed to the next step, so all steps are attended at once.
"""

import torch
from torch import nn

from companion.checks import natural
from companion.language.rnn_torch import GRUCell
from companion.language.token_checks import padding_shape
from companion.language.tokens_torch import check_tokens, lengths, same_batch
from companion.text.padding import END, PADDING, START

__all__ = ["Attention", "Seq2Seq"]


class Attention(nn.Module):
    """Equations 1 or 2: where to look, and what is seen there.

    Args:
        hidden: Numbers of a state, H, of the decoder and of the encoder.
        kind: "bahdanau" or "luong".
    """

    def __init__(self, hidden, kind):
        super().__init__()
        self.keys = nn.Linear(hidden, hidden, bias=False)  # U, or W in equation 2
        additive = kind == "bahdanau"
        self.query = nn.Linear(hidden, hidden, bias=False) if additive else None  # W
        self.score = nn.Linear(hidden, 1, bias=False) if additive else None  # v

    def forward(self, states, values, source_mask, keys=None):
        """Return what the states see.

        Args:
            states: Of the decoder, shape (B, T, H).
            values: States of the encoder, shape (B, S, H).
            source_mask: True where the source has a token, shape (B, S).
            keys: `self.keys(values)`, if it was computed before, once for all steps.

        Returns:
            The contexts, (B, T, H), and the alignment α, (B, T, S).

        Raises:
            TypeError: If the mask is not boolean.
            ValueError: If its shape is another.
        """
        padding_shape(
            source_mask.shape, str(source_mask.dtype).removeprefix("torch."), values.shape[:2]
        )
        keys = self.keys(values) if keys is None else keys
        if self.score is None:
            scores = states @ keys.mT  # (B, T, S)
        else:
            sums = self.query(states)[:, :, None] + keys[:, None]  # (B, T, S, H)
            scores = self.score(torch.tanh(sums)).squeeze(-1)
        scores = scores.masked_fill(~source_mask[:, None], float("-inf"))  # every row has a token
        alignment = torch.softmax(scores, dim=-1)
        return alignment @ values, alignment


class Seq2Seq(nn.Module):
    """A bidirectional encoder and a decoder.

    Args:
        config: A `companion.language.sequence_config.Seq2SeqConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        half = config.hidden // 2
        self.source = nn.Embedding(config.source, config.width)
        self.target = nn.Embedding(config.target, config.width)
        self.forwards = GRUCell(config.width, half)
        self.backwards = GRUCell(config.width, half)
        self.bridge = nn.Linear(config.hidden, config.hidden)
        seen = 0 if config.attention == "luong" else config.hidden
        self.cell = GRUCell(config.width + seen, config.hidden)
        alone = config.attention == "none"
        self.attention = None if alone else Attention(config.hidden, config.attention)
        self.mix = nn.Linear(2 * config.hidden, config.hidden)
        self.head = nn.Linear(config.hidden, config.target)
        self.dropout = nn.Dropout(config.dropout)
        for layer in (self.bridge, self.mix, self.head):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def encode(self, source):
        """Read sentences.

        Args:
            source: Token ids, integers of shape (B, S); padding, 0, stands at the end.

        Returns:
            A tuple: the encoder's states, (B, S, H); its last ones, (B, H); where there are tokens,
            booleans (B, S).

        Raises:
            TypeError: If the ids are no integers.
            ValueError: If the shape is another, an id is not in the vocabulary, a sentence is
                empty, or padding stands in front of a token.
        """
        check_tokens("source", source, self.config.source)
        size = lengths("source", source)[:, None]  # (B, 1)
        inputs = self.dropout(self.source(source))  # (B, S, E)
        place = torch.arange(source.shape[1], device=source.device)  # (S,)
        turn = torch.where(place < size, size - 1 - place, place)[:, :, None]  # tokens turned round
        there, _ = self.forwards.run(inputs, fused=self.config.fused)  # (B, S, H/2)
        turned = inputs.gather(1, turn.expand_as(inputs))
        back, _ = self.backwards.run(turned, fused=self.config.fused)
        last = (size - 1)[:, :, None].expand(-1, -1, there.shape[-1])  # (B, 1, H/2)
        final = torch.cat([there.gather(1, last), back.gather(1, last)], dim=-1)[:, 0]
        back = back.gather(1, turn.expand_as(back))
        return torch.cat([there, back], dim=-1), final, source != PADDING

    def decode(self, target, read, state=None):
        """Go on writing.

        Args:
            target: Token ids, integers of shape (B, T): what is known of the translations, or the
                tokens behind those that `state` stands for.
            read: What `encode` returned.
            state: Of the decoder, shape (B, H); by default at the start.

        Returns:
            A tuple: logits of the tokens that come next, (B, T, V); the alignment, (B, T, S), or
            None without attention; the new state.

        Raises:
            TypeError: If the ids are no integers.
            ValueError: If a shape is another, or an id is not in the vocabulary.
        """
        values, final, mask = read
        check_tokens("target", target, self.config.target)
        same_batch(values, target)
        inputs = self.dropout(self.target(target))  # (B, T, E)
        state = torch.tanh(self.bridge(final)) if state is None else state  # (B, H)
        alignment, fused = None, self.config.fused
        if self.config.attention == "bahdanau":
            states, contexts, alignment = self._one_by_one(inputs, state, values, mask)
        elif self.config.attention == "luong":
            states, _ = self.cell.run(inputs, (state,), fused=fused)  # (B, T, H)
            contexts, alignment = self.attention(states, values, mask)
        else:
            contexts = final[:, None].expand(-1, target.shape[1], -1)  # (B, T, H)
            states, _ = self.cell.run(torch.cat([inputs, contexts], -1), (state,), fused=fused)
        mixed = torch.tanh(self.mix(torch.cat([states, contexts], dim=-1)))
        return self.head(self.dropout(mixed)), alignment, states[:, -1]

    def _one_by_one(self, inputs, state, values, mask):
        """Attend before each step, with the state behind the one before it."""
        keys, steps = self.attention.keys(values), []
        for x in inputs.unbind(dim=1):  # (B, E)
            context, alignment = self.attention(state[:, None], values, mask, keys)
            state, _ = self.cell(torch.cat([x, context[:, 0]], dim=-1), (state,))
            steps.append((state, context[:, 0], alignment[:, 0]))
        return tuple(torch.stack(parts, dim=1) for parts in zip(*steps, strict=True))

    def align(self, source, target):
        """Return the logits, as `forward` does, and the alignment, (B, T, S), or None."""
        return self.decode(target, self.encode(source))[:2]

    def forward(self, source, target=None):
        """Return the logits of the next token behind each token of the target.

        Args:
            source: Token ids, integers of shape (B, S); padding, 0, stands at the end. Or the pair
                of both arguments, which is how trainers pass them.
            target: Token ids, integers of shape (B, T), the first of each row the start, 1.

        Returns:
            Logits, shape (B, T, V).

        Raises:
            TypeError: If the ids are no integers.
            ValueError: If a shape is another, an id is not in the vocabulary, a sentence is empty,
                or padding stands in front of a token.
        """
        if target is None:
            source, target = source
        return self.align(source, target)[0]

    @torch.no_grad()
    def translate(self, source, longest):
        """Write the likeliest next token, again and again, until the end of each sentence.

        Call `eval` before, or dropout disturbs it.

        Args:
            source: Token ids, integers of shape (B, S).
            longest: After how many tokens to stop at the latest, at least 1.

        Returns:
            Token ids, int64, shape (B, T) with T at most `longest`: without the start, with the
            end, 2, where there is one, and padding, 0, behind it.

        Raises:
            TypeError: As `forward`.
            ValueError: As `forward`, or if `longest` is no integer of at least 1.
        """
        natural("longest", longest, 1)
        read, state = self.encode(source), None
        token = torch.full((len(source), 1), START, device=source.device)
        done = torch.zeros_like(token, dtype=torch.bool)
        written = []
        while len(written) < longest and not done.all():
            logits, _, state = self.decode(token, read, state)
            token = logits[..., END:].argmax(dim=-1) + END  # neither padding nor start: (B, 1)
            token = token.masked_fill(done, PADDING)
            done = done | (token == END)
            written.append(token)
        return torch.cat(written, dim=1)
