"""Train the painter of the chapter on diffusion, which draws from text, longer than a chapter may.

`python -m tools.checkpoints.painter` writes companion/data/checkpoints/painter.safetensors and
painter.json. Pictures and captions are those of `companion.data.coloured_digits`; what is drawn is
graded by a support vector machine that saw the digits of the training forms.
"""

import sys
import time

import numpy as np
import torch
from sklearn.svm import SVC

from companion.checkpoints import save_checkpoint
from companion.data import coloured_digits, digits
from companion.generative.captions_torch import CaptionEncoder
from companion.generative.config import UNetConfig
from companion.generative.diffusion_torch import UNet, guided_epsilon, noise_loss
from companion.generative.samplers import ddim
from companion.generative.schedules import cosine
from companion.scale import seed_everything

NAME = "painter"
SEED, STEPS, BATCH, RATE = 0, 4000, 96, 5e-3
SCHEDULE = cosine(100)


def painter():
    """Return the untrained model."""
    texts = coloured_digits.captions().texts
    model = UNet(UNetConfig((8, 8, 3), (16, 32), len(texts), embedding=64, groups=2))
    model.label = CaptionEncoder(*coloured_digits.encode(texts), model.config.embedding)
    return model


def batch_at(step):
    """Return images from −1 to 1, (B, 3, H, W), and the numbers of their captions."""
    images, numbers = coloured_digits.generate(BATCH, seed=SEED + step)
    return torch.tensor(2 * images - 1).permute(0, 3, 1, 2), torch.tensor(numbers)


def metrics(model):
    """Return the shares of held-out combinations that are drawn right: digit, ink, line, all."""
    images, labels = digits.load(8)
    rows = digits.split()[0]
    judge = SVC(gamma="scale", C=10).fit(images[rows].reshape(len(rows), -1), labels[rows])
    _, facts, held_out = coloured_digits.captions()
    numbers = np.flatnonzero(held_out).repeat(5)
    start = torch.randn(len(numbers), 3, 8, 8, generator=torch.Generator().manual_seed(SEED))
    epsilon = guided_epsilon(model, torch.tensor(numbers), 2.0)
    drawn = ddim(epsilon, start, SCHEDULE, 20, clip=1.0)
    ink, line, cover = coloured_digits.read((drawn.permute(0, 2, 3, 1).numpy() + 1) / 2)
    seen = np.stack([judge.predict(cover.reshape(len(cover), -1)), ink, line], axis=1)
    right = seen == facts[numbers]
    shares = (*right.mean(axis=0), right.all(axis=1).mean())
    names = ("digit", "ink", "line", "all")
    return {name: round(float(share), 4) for name, share in zip(names, shares, strict=True)}


def main():
    """Train, measure and write."""
    torch.set_num_threads(1)
    seed_everything(SEED)
    model = painter()
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=STEPS, pct_start=0.1)
    began, losses = time.process_time(), []
    for step in range(STEPS):
        loss = noise_loss(model, SCHEDULE, *batch_at(step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        plan.step()
        losses.append(loss.item())
    model.eval()
    facts = {
        "command": f"python -m tools.checkpoints.{NAME}",
        "seed": SEED,
        "steps": STEPS,
        "batch": BATCH,
        "seconds": round(time.process_time() - began),
        "metrics": metrics(model) | {"loss": round(float(np.mean(losses[-200:])), 4)},
    }
    save_checkpoint(NAME, model, facts)
    print(facts)


if __name__ == "__main__":
    sys.exit(main())
