"""The language models against their peers: same sizes, data, AdamW and updates, one thread.

- Training a GPT: transformers' `GPT2LMHeadModel` (with its fused attention, "sdpa") and the
  language model that a reader would build of `torch.nn.TransformerEncoder`.
- Writing with a key-value cache: transformers' `generate()`, greedy.

The peers come without dropout, and their logits go into the same loss. At the end, the utilisation
of the machine in training is printed: the floating-point operations of the model, as
`companion.planner` counts them, over what the machine's best matrix product does in the same time.
"""

import sys
import time

from benchmarks.side_by_side import compare, main

VOCABULARY, CONTEXT, WIDTH, LAYERS, HEADS, BATCH = 512, 128, 128, 4, 4, 8
PROMPT, NEW = 16, 112  # until the context is full


def our_gpt():
    """Our GPT."""
    from companion.language.config import GPTConfig
    from companion.language.gpt_torch import GPT

    return GPT(GPTConfig(VOCABULARY, CONTEXT, WIDTH, LAYERS, HEADS, 4 * WIDTH))


def their_gpt():
    """The same model from transformers."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=VOCABULARY,
        n_positions=CONTEXT,
        n_embd=WIDTH,
        n_layer=LAYERS,
        n_head=HEADS,
        attn_implementation="sdpa",
        bos_token_id=None,
        eos_token_id=None,
        **dict.fromkeys(("attn_pdrop", "embd_pdrop", "resid_pdrop"), 0.0),
    )
    return GPT2LMHeadModel(config)


def encoder_gpt():
    """The same model from torch.nn's own layers."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    class EncoderLM(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(VOCABULARY, WIDTH)
            # From PyTorch's own start, of deviation 1, a tied head is so sure of its guesses that
            # gradients become too small for normal floating-point numbers, and three times slower.
            nn.init.normal_(self.embedding.weight, std=0.02)
            self.positions = nn.Parameter(0.02 * torch.randn(CONTEXT, WIDTH))
            layer = nn.TransformerEncoderLayer(
                WIDTH,
                HEADS,
                4 * WIDTH,
                dropout=0.0,
                activation=lambda x: F.gelu(x, approximate="tanh"),
                batch_first=True,
                norm_first=True,
            )
            norm = nn.LayerNorm(WIDTH)
            self.encoder = nn.TransformerEncoder(layer, LAYERS, norm, enable_nested_tensor=False)
            mask = nn.Transformer.generate_square_subsequent_mask(CONTEXT)
            self.register_buffer("mask", mask)

        def forward(self, tokens):
            hidden = self.embedding(tokens) + self.positions
            hidden = self.encoder(hidden, mask=self.mask, is_causal=True)
            return F.linear(hidden, self.embedding.weight)

    return EncoderLM()


def trainer(model, logits):
    """A function that does one update on a batch of random tokens."""
    import torch
    from torch.nn.functional import cross_entropy

    torch.manual_seed(0)
    tokens = torch.randint(VOCABULARY, (BATCH, CONTEXT + 1))
    inputs, targets = tokens[:, :-1].contiguous(), tokens[:, 1:].flatten()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    model.train()

    def update():
        loss = cross_entropy(logits(model, inputs).flatten(0, 1), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return update


def ours(model, inputs):
    """Logits of a model whose output they are."""
    return model(inputs)


def theirs(model, inputs):
    """Logits of a model of transformers."""
    return model(input_ids=inputs, use_cache=False).logits


def writers(batch):
    """Greedy decoding with a cache: transformers' and ours, of the same weights."""
    import tempfile

    import torch

    from companion.language.gpt_torch import GPT
    from companion.language.pretrained import load_pretrained
    from companion.language.sampling import generate

    torch.manual_seed(0)
    peer = their_gpt().eval()
    with tempfile.TemporaryDirectory() as folder:
        peer.save_pretrained(folder)
        own = load_pretrained(GPT, folder)
    prompt = torch.randint(VOCABULARY, (batch, PROMPT))
    mask, length = torch.ones_like(prompt), {"max_new_tokens": NEW, "min_new_tokens": NEW}

    def peer_writes():
        return peer.generate(prompt, attention_mask=mask, do_sample=False, use_cache=True, **length)

    def we_write():
        return generate(own, prompt, NEW, temperature=0)

    if not (peer_writes().numpy() == we_write()).all():
        raise AssertionError("the two write different texts, so their times say nothing")
    return {"transformers generate()": peer_writes, "sampling.generate": we_write}


def operations():
    """Floating-point operations of one update, as the planner counts them."""
    from companion.planner import Transformer

    sizes = {"layers": LAYERS, "width": WIDTH, "heads": HEADS, "feed_forward": 4 * WIDTH}
    shape = Transformer(vocabulary=VOCABULARY, context=CONTEXT, **sizes)
    return shape.training_flop() * BATCH * CONTEXT


def best_product(rounds=9):
    """Floating-point operations per second of the machine's fastest square matrix product."""
    import torch

    best = 0.0
    for size in (256, 512, 1024):
        a, b = torch.randn(size, size), torch.randn(size, size)
        for _ in range(rounds):
            start = time.process_time()
            for _ in range(repeats := 2 * 1024**3 // size**3):
                a @ b
            best = max(best, repeats * 2 * size**3 / (time.process_time() - start))
    return best


def build(rounds, threads):
    """Yield the comparisons.

    The clock is the processor's time in this process, which other programs disturb least. One
    thread, whatever is asked for, as a laptop's chapter trains.
    """
    options = {"rounds": max(9, rounds), "threads": 1, "timer": time.process_time}
    work = (BATCH * CONTEXT, "tokens")
    size = f"a GPT of {LAYERS} layers, width {WIDTH}, context {CONTEXT}, batch {BATCH}"
    peers = {
        "transformers GPT2LMHeadModel": (their_gpt, theirs, 1.15),
        "torch.nn.TransformerEncoder": (encoder_gpt, ours, 1.0),
    }
    for name, (make, logits, bar) in peers.items():
        found = compare(
            f"training {size}, processor time",
            {name: trainer(make(), logits), "gpt_torch.GPT": trainer(our_gpt(), ours)},
            baseline=name,
            bar=bar,
            units=work,
            **options,
        )
        yield found
    speed = operations() / sorted(found.seconds["gpt_torch.GPT"])[found.rounds // 2]
    best = best_product()
    print(
        f"model-FLOP utilisation of gpt_torch.GPT in training: {speed / best:.0%}, "
        f"{speed / 1e9:.1f} of the {best / 1e9:.1f} GFLOP/s of the best matrix product"
    )
    for batch in (1, BATCH):
        yield compare(
            f"writing {NEW} tokens with a cache, greedy, batch {batch}, processor time",
            writers(batch),
            baseline="transformers generate()",
            bar=3.0,
            units=(batch * NEW, "tokens"),
            **options,
        )


if __name__ == "__main__":
    sys.exit(main(build))
