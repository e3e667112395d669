"""Train the larger GPT of the chapter on GPT, for longer than a chapter may.

`python -m tools.checkpoints.gpt_documentation` writes
companion/data/checkpoints/gpt_documentation.safetensors and gpt_documentation.json. The text is
Python's own documentation; its tokens come from a byte-pair encoding whose merges the JSON file
holds, because the text differs a little between versions of Python.
"""

import sys
import time

import torch

from companion.checkpoints import save_checkpoint
from companion.data import documentation
from companion.language.config import GPTConfig
from companion.language.gpt_torch import GPT
from companion.language.next_token_torch import (
    next_token_loss,
    surprises,
    windows,
)
from companion.language.starts_torch import scale_start
from companion.scale import seed_everything
from companion.text.bpe import BPE
from companion.training.trainer_torch import fit

NAME = "gpt_documentation"
SEED, STEPS, BATCH, CONTEXT, TOKENS = 0, 1200, 16, 128, 512
RATE, DROPOUT, DECAY, START = 4e-3, 0.1, 0.1, 3.0


def rate(step):
    """Rise for a twentieth of the updates, then fall to 0."""
    return min(1.0, (step + 1) / (0.05 * STEPS)) * (1 - step / STEPS)


def bits_per_character(model, tokeniser, text):
    """Return the mean surprise per character of a text, its first token not counted."""
    return float(surprises(model, tokeniser.encode(text)).sum() / len(text))


def trained(tokeniser, text, validation):
    """Return the model and the history of its training."""
    model = GPT(GPTConfig(TOKENS, CONTEXT, 96, 4, 4, 4 * 96, dropout=DROPOUT))
    scale_start(model, START)
    history = fit(
        model,
        windows(tokeniser.encode(text), CONTEXT, BATCH, SEED),
        loss=next_token_loss,
        optimizer=torch.optim.AdamW(
            model.parameters(), lr=RATE, betas=(0.9, 0.98), weight_decay=DECAY, fused=True
        ),
        steps=STEPS,
        schedule=rate,
        clip_norm=1.0,
        evaluate=lambda network: {"bits": bits_per_character(network, tokeniser, validation)},
        evaluate_every=STEPS // 6,
    )
    return model, history


def main():
    """Train, measure and write."""
    torch.set_num_threads(1)
    seed_everything(SEED)
    text, (validation, test) = documentation.train(), documentation.held_out()
    tokeniser = BPE.train(text, TOKENS)
    began = time.process_time()
    model, history = trained(tokeniser, text, validation)
    facts = {
        "command": f"python -m tools.checkpoints.{NAME}",
        "seed": SEED,
        "steps": STEPS,
        "batch": BATCH,
        "seconds": round(time.process_time() - began),
        "characters": {"training": len(text), "test": len(test)},
        "validation": [round(float(bits), 4) for bits in history.series("bits")[1]],
        "metrics": {
            "validation_bits_per_character": bits_per_character(model, tokeniser, validation),
            "test_bits_per_character": bits_per_character(model, tokeniser, test),
        },
        "merges": tokeniser.lines,
    }
    save_checkpoint(NAME, model, facts)
    print(facts["metrics"], facts["seconds"])


if __name__ == "__main__":
    sys.exit(main())
