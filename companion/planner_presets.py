"""Architectures of published models, by the names of `companion.data.published`.

They are what the papers and the configuration files of the released weights print.

Nobody outside can compare GPT-3 and Chinchilla with weights, because none were released. GPT-3 is
built as its paper says, like GPT-2. Of Chinchilla the paper gives layers, heads, head size and
width. Relative positions in the manner of Transformer-XL, RMS norm and 32 000 tokens come from
Gopher, whose design it shares; feed-forward layers of four times the width and biases are assumed.
"""

from companion.planner import Transformer
from companion.planner_vision import ResNet, VisionTransformer

__all__ = ["PRESETS"]


def _gpt(layers, width, heads, **others):
    settings = {"vocabulary": 50257, "context": 2048} | others
    return Transformer(layers=layers, width=width, heads=heads, feed_forward=4 * width, **settings)


def _bert(layers, width, heads):
    return _gpt(
        layers,
        width,
        heads,
        vocabulary=30522,
        context=512,
        segments=2,
        embedding_norm=True,
        final_norm=False,
        pooler=True,
    )


def _llama(layers, width, heads, feed_forward, **others):
    settings = {"vocabulary": 32000, "context": 2048} | others
    return Transformer(
        layers=layers,
        width=width,
        heads=heads,
        feed_forward=feed_forward,
        gated=True,
        biases=False,
        norm="rms",
        positions="rotary",
        tied=False,
        **settings,
    )


def _llama3(layers, width, heads, feed_forward):
    # 8 key-value heads; most of the training ran at a context of 8192.
    shape = (layers, width, heads, feed_forward)
    return _llama(*shape, kv_heads=8, vocabulary=128256, context=8192)


def _vit(layers, width, heads, patch):
    return VisionTransformer(
        layers=layers, width=width, heads=heads, feed_forward=4 * width, patch=patch
    )


PRESETS = {
    "BERT-base": _bert(12, 768, 12),
    "BERT-large": _bert(24, 1024, 16),
    "GPT-2 small": _gpt(12, 768, 12, context=1024),
    "GPT-2": _gpt(48, 1600, 25, context=1024),
    "GPT-3": _gpt(96, 12288, 96),
    "Chinchilla": _gpt(80, 8192, 64, vocabulary=32000, positions="relative", norm="rms"),
    "BLOOM": _gpt(70, 14336, 112, vocabulary=250880, positions="none", embedding_norm=True),
    "LLaMA 7B": _llama(32, 4096, 32, 11008),
    "LLaMA 65B": _llama(80, 8192, 64, 22016),
    "Llama 3 8B": _llama3(32, 4096, 32, 14336),
    "Llama 3 70B": _llama3(80, 8192, 64, 28672),
    "Llama 3.1 405B": _llama3(126, 16384, 128, 53248),
    "ViT-B/16": _vit(12, 768, 12, 16),
    "ViT-L/16": _vit(24, 1024, 16, 16),
    "ViT-H/14": _vit(32, 1280, 16, 14),
    "ResNet-50": ResNet(blocks=(3, 4, 6, 3), stride_first=True),
    "ResNet-152": ResNet(blocks=(3, 8, 36, 3), stride_first=True),
}
