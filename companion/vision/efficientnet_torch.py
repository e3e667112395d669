"""EfficientNet in PyTorch.

Tan and Le (2019), *EfficientNet: rethinking model scaling for convolutional neural networks*, ICML,
arXiv:1905.11946, table 1 and equation 3. Its block, MBConv, is that of MobileNetV2 (Sandler et al.
2018, arXiv:1801.04381) with squeeze-and-excitation (Hu et al. 2018, arXiv:1709.01507, equations
2 to 4), where * is a convolution, and batch normalisation is not written:

    u = silu(expand * x)       v = silu(depthwise * u)       one filter per channel of u
    s = σ(W₂ silu(W₁ mean(v)))       y = project * (s · v) + x       if the sizes agree

Shapes: B images in a batch, C channels, H × W pixels, I inner channels of a block, R = C / 4
numbers of its squeezed form, H′ × W′ places of a map, O outputs.

What differs from the paper: running means and variances keep 0.9 of what they were at each step,
not 0.99, because our runs are short. As in the authors' code, zeros are put so that a stride s
leaves a side of n pixels at n / s, rounded up: after the last row first, where their number is odd.
Weights start as in that code, the last layer's from Glorot's distribution. Logits come out. Images
are computed on in channels_last, the order (B, H, W, C) in memory.
"""

import torch
from torch import nn
from torch.nn import functional as F

__all__ = ["EfficientNet"]


class ConvNorm(nn.Module):
    """A convolution without bias and batch normalisation; a side n becomes n / stride, rounded up.

    Args:
        inputs: Channels that come in.
        outputs: Channels that come out.
        kernel: Height and width of the filters, odd.
        stride: Of the filters, in pixels.
        groups: Into how many the channels are cut; `inputs` of them see one channel each.
    """

    def __init__(self, inputs, outputs, kernel, stride=1, groups=1):
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, kernel, stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs, eps=1e-3)
        mode = "fan_out" if groups == 1 else "fan_in"  # of one group
        nn.init.kaiming_normal_(self.convolution.weight, mode=mode, nonlinearity="relu")

    def forward(self, images):
        """Return the normalised convolution: (B, C, H, W) to (B, outputs, H′, W′)."""
        (kernel, _), (stride, _) = self.convolution.kernel_size, self.convolution.stride
        zeros = []
        for size in (images.shape[3], images.shape[2]):  # in the order of F.pad
            missing = max(kernel - stride if size % stride == 0 else kernel - size % stride, 0)
            zeros += [missing // 2, missing - missing // 2]
        return self.norm(self.convolution(F.pad(images, zeros) if any(zeros) else images))


class MBConv(nn.Module):
    """A block: widen, look around in each channel, weigh the channels, narrow, add the input.

    Args:
        inputs: Channels that come in.
        inner: Channels in between; the same as `inputs` leaves out the widening.
        outputs: Channels that come out.
        kernel: Height and width of the depthwise filters.
        stride: Of these filters.
        drop: Share of the images for which, in training, only the input is passed on.
    """

    def __init__(self, inputs, inner, outputs, kernel, stride, drop):
        super().__init__()
        self.expand = None if inner == inputs else ConvNorm(inputs, inner, 1)
        self.depthwise = ConvNorm(inner, inner, kernel, stride, groups=inner)
        self.squeeze = nn.Linear(inner, max(1, inputs // 4))
        self.excite = nn.Linear(max(1, inputs // 4), inner)
        self.project = ConvNorm(inner, outputs, 1)
        self.skip, self.drop = stride == 1 and inputs == outputs, drop
        for layer in (self.squeeze, self.excite):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(layer.bias)

    def gates(self, hidden):
        """Return s, between 0 and 1 for each channel: (B, I, H′, W′) to (B, I, 1, 1)."""
        squeezed = F.silu(self.squeeze(hidden.mean(dim=(2, 3))))  # (B, R)
        return torch.sigmoid(self.excite(squeezed))[:, :, None, None]

    def forward(self, images):
        """Return y: (B, C, H, W) to (B, outputs, H′, W′)."""
        hidden = images if self.expand is None else F.silu(self.expand(images))  # (B, I, H, W)
        hidden = F.silu(self.depthwise(hidden))  # (B, I, H′, W′)
        hidden = self.project(hidden * self.gates(hidden))
        if not self.skip:
            return hidden
        if self.training and self.drop:  # stochastic depth, Huang et al. 2016, arXiv:1603.09382
            kept = torch.rand(len(images), 1, 1, 1, device=images.device) >= self.drop
            hidden = hidden * kept / (1 - self.drop)
        return hidden + images


class EfficientNet(nn.Module):
    """A stem, stages of blocks, a 1×1 convolution, the mean over all places, one linear layer.

    Args:
        config: A `companion.vision.efficientnet_config.EfficientNetConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        plan = config.plan()
        count = sum(len(stage) for stage in plan)
        drops = iter(config.drop_block * index / count for index in range(count))
        self.stem = ConvNorm(config.image[2], config.filters(config.stem), 3, 2)
        self.stages = nn.ModuleList(
            nn.ModuleList(MBConv(*sizes, next(drops)) for sizes in stage) for stage in plan
        )
        self.top = ConvNorm(config.maps[-1][2], config.filters(config.top), 1)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(config.filters(config.top), config.outputs)
        nn.init.xavier_uniform_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.to(memory_format=torch.channels_last)

    def features(self, images):
        """Return what each stage sees, for `forward` and for looking at it.

        Args:
            images: Of the same dtype as the weights, shape (B, C, H, W).

        Returns:
            A list with the output of each stage, shape (B, C′, H′, W′); see `config.maps`.

        Raises:
            ValueError: If the shape is another or B is 0.
            TypeError: If the dtype is another.
        """
        dtypes = (str(tensor.dtype).removeprefix("torch.") for tensor in (images, self.head.weight))
        self.config.check_images(images.shape, *dtypes, channels_first=True)
        hidden = F.silu(self.stem(images.contiguous(memory_format=torch.channels_last)))
        found = []
        for stage in self.stages:
            for block in stage:
                hidden = block(hidden)
            found.append(hidden)  # (B, C′, H′, W′)
        return found

    def forward(self, images):
        """Return the logits.

        Args:
            images: Of the same dtype as the weights, shape (B, C, H, W).

        Returns:
            Logits, shape (B, O).

        Raises:
            ValueError: If the shape is another or B is 0.
            TypeError: If the dtype is another.
        """
        hidden = F.silu(self.top(self.features(images)[-1])).mean(dim=(2, 3))  # (B, top)
        return self.head(self.dropout(hidden))  # (B, O)
