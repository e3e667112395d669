"""Train the BERT of the chapter on BERT, for longer than a chapter may.

`python -m tools.checkpoints.bert_documentation` writes
companion/data/checkpoints/bert_documentation.safetensors and bert_documentation.json. The text is
Python's own documentation; its tokens come from a byte-pair encoding whose merges the JSON file
holds, because the text differs a little between versions of Python. The chapter repeats the first
updates and compares their losses with those in the JSON file.
"""

import sys
import time

import torch

from companion.checkpoints import save_checkpoint
from companion.data import documentation
from companion.language.bert_torch import BERTMaskedLM
from companion.language.config import BERTConfig
from companion.language.masked_torch import masked_accuracy, masked_loss, masked_windows
from companion.language.positions import sinusoids
from companion.language.starts_torch import scale_start
from companion.scale import seed_everything
from companion.text.bpe import BPE
from companion.training.trainer_torch import fit

NAME = "bert_documentation"
SEED, STEPS, BATCH, CONTEXT, TOKENS = 0, 9500, 32, 32, 512
SPECIAL = ("<pad>", "<cls>", "<mask>")
SHARE, RATE, DECAY, START, PLACES = 0.3, 0.003, 0.01, 6.0, 0.17


def rate(step):
    """Rise for a twentieth of the updates, then fall to 0."""
    return min(1.0, (step + 1) / (0.05 * STEPS)) * (1 - step / STEPS)


def make_model(tokeniser):
    """Return the model, its first weights drawn with the seed."""
    torch.manual_seed(SEED)
    shape = BERTConfig(
        len(tokeniser.tokens), CONTEXT, 64, 3, 4, 256, padding=tokeniser.special["<pad>"]
    )
    model = scale_start(BERTMaskedLM(shape), START)
    if PLACES:  # sinusoids as the first positions: neighbours are found sooner
        model.encoder.positions.data = PLACES * torch.from_numpy(sinusoids(CONTEXT, shape.width))
    return model


def batches(tokeniser, tokens, seed=SEED, size=BATCH):
    """Return batch_at(step) for a text of tokens."""
    special = tokeniser.special
    return masked_windows(
        tokens,
        CONTEXT,
        size,
        first=special["<cls>"],
        mask=special["<mask>"],
        ordinary=special["<pad>"],
        share=SHARE,
        seed=seed,
    )


def train(model, batch_at, steps):
    """Train for the first `steps` updates of the run; returns the history."""
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=RATE, betas=(0.9, 0.98), weight_decay=DECAY, fused=True
    )
    options = {"schedule": rate, "clip_norm": 1.0, "precision": "float32"}
    return fit(
        model, batch_at, loss=masked_loss, optimizer=optimizer, steps=steps, seed=SEED, **options
    )


def main():
    """Train, measure and write."""
    torch.set_num_threads(1)
    seed_everything(SEED)
    text, (_, test) = documentation.train(), documentation.held_out()
    tokeniser = BPE.train(text, TOKENS, SPECIAL)
    model = make_model(tokeniser)
    began = time.process_time()
    history = train(model, batches(tokeniser, tokeniser.encode(text)), STEPS)
    seconds = time.process_time() - began
    asked = batches(tokeniser, tokeniser.encode(test), seed=1)
    facts = {
        "command": f"python -m tools.checkpoints.{NAME}",
        "seed": SEED,
        "steps": STEPS,
        "batch": BATCH,
        "seconds": round(seconds),
        "characters": len(text),
        "metrics": {"test_accuracy": masked_accuracy(model, map(asked, range(30)))},
        "first_losses": [round(float(loss), 5) for loss in history.series("loss")[1][:60]],
        "losses": [round(float(loss), 3) for loss in history.series("loss")[1][::50]],
        "merges": tokeniser.lines,
    }
    save_checkpoint(NAME, model, facts)
    print(f"{NAME}: {facts['seconds']} s, {facts['metrics']}")


if __name__ == "__main__":
    sys.exit(main())
