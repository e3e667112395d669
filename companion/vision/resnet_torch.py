"""The residual network in PyTorch; its twin is `companion.vision.resnet_keras`.

He, Zhang, Ren and Sun (2016), *Deep residual learning for image recognition*, CVPR,
arXiv:1512.03385, equations 1 and 2, figure 5 and table 1. A block adds what its convolutions F
compute to what came in, through a 1×1 convolution W where the sizes differ:

    y = F(x) + x        y = F(x) + W x

Each convolution is followed by batch normalisation, then ReLU; the last ReLU of a block comes
behind the sum. Without skips, y = F(x): the plain network of the paper's section 3.3.

Shapes: B images in a batch, C channels, H × W pixels, H′ × W′ places of a map, O outputs.

What differs from the paper: shortcuts that change sizes are 1×1 convolutions everywhere (its
option B), also where it pads with zeros on CIFAR-10 (option A). By default a bottleneck halves the
image in its 3×3 convolution, as torchvision does, and not in the first 1×1; `stride_first` is the
paper's way. Weights start from He's distribution (2015, equation 10) in its uniform form, the last
layer's from Glorot's. Logits come out. Images are computed on in channels_last, the order
(B, H, W, C) in memory.
"""

import torch
from torch import nn
from torch.nn import functional as F

__all__ = ["ResNet"]


class ConvNorm(nn.Module):
    """A convolution without bias and batch normalisation; the image keeps its size at stride 1.

    Args:
        inputs: Channels that come in.
        outputs: Channels that come out.
        kernel: Height and width of the filters, odd.
        stride: Of the filters, in pixels.
    """

    def __init__(self, inputs, outputs, kernel, stride):
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        nn.init.kaiming_uniform_(self.convolution.weight, nonlinearity="relu")

    def forward(self, images):
        """Return the normalised convolution: (B, C, H, W) to (B, outputs, H′, W′)."""
        return self.norm(self.convolution(images))


class Block(nn.Module):
    """The body F of convolutions, and beside it the skip.

    Args:
        body: Arguments of each `ConvNorm` of F.
        shortcut: Those of the one beside it, or None: then the input is added as it is.
        skip: Whether anything is added.
    """

    def __init__(self, body, shortcut, skip):
        super().__init__()
        self.body = nn.ModuleList(ConvNorm(*sizes) for sizes in body)
        self.shortcut = None if shortcut is None else ConvNorm(*shortcut)
        self.skip = skip

    def forward(self, images):
        """Return y = relu(F(x) + x): (B, C, H, W) to (B, C′, H′, W′)."""
        *first, last = self.body
        hidden = images
        for layer in first:
            hidden = F.relu(layer(hidden))  # (B, inner, H, W), or half of it
        hidden = last(hidden)  # (B, C′, H′, W′)
        if self.skip:
            hidden = hidden + (images if self.shortcut is None else self.shortcut(images))
        return F.relu(hidden)


class ResNet(nn.Module):
    """A stem, stages of blocks, the mean over all places, and one linear layer.

    Args:
        config: A `companion.vision.deep_config.ResNetConfig`.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        kernel, stride = (7, 2) if config.stem == "imagenet" else (3, 1)
        self.stem = ConvNorm(config.image[2], config.width, kernel, stride)
        self.stages = nn.ModuleList(
            nn.ModuleList(Block(*sizes, config.skips) for sizes in stage) for stage in config.plan()
        )
        self.head = nn.Linear(config.maps[-1][2], config.outputs)
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
        hidden = F.relu(self.stem(images.contiguous(memory_format=torch.channels_last)))
        if self.config.stem == "imagenet":
            hidden = F.max_pool2d(hidden, 3, stride=2, padding=1)
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
        return self.head(self.features(images)[-1].mean(dim=(2, 3)))  # (B, C′), then (B, O)
