"""ResNet: very deep networks that can be trained, because every block only adds a correction.

A plain network of 56 layers was worse than one of 20, even on the images it was trained on. The
way around each block, the shortcut, mends that: a block that has nothing to say learns to add 0.
Kaiming He, Xiangyu Zhang, Shaoqing Ren and Jian Sun proposed it in 2015 (published in 2016).
Read `layers/container.py` (Residual), `layers/conv.py` and `layers/norm.py` first.
"""

from collections.abc import Sequence

import numpy as np

from dlcourse.backprop import Tensor
from dlcourse.layers import (
    BatchNorm2d,
    Conv2d,
    GlobalAvgPool2d,
    Linear,
    Module,
    ReLU,
    Residual,
    Sequential,
)


class BasicBlock(Module):
    """y = relu(x + F(x)) with F: convolution, batch norm, ReLU, convolution, batch norm.

    in_channels, out_channels  at least 1
    stride    of the first convolution: 2 halves the image
    residual  False leaves the way around out: y = relu(F(x))
    seed      a whole number, or a numpy.random.Generator that several layers share

    Where the shape changes, x passes a projection on its way around: a convolution of 1 x 1 with
    the same stride, and batch norm (option B of the paper).

    Shape:   x (N, in_channels, H, W) -> (N, out_channels, OH, OW), OH = (H - 1) // stride + 1
    Raises:  ValueError if a setting or the input does not fit
    Source:  He et al. 2016, figure 2, eq. 1 and 2
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int = 1,
        *,
        residual: bool = True,
        seed: int | np.random.Generator,
    ) -> None:
        rng = np.random.default_rng(seed)
        layers = Sequential(
            _convolution(in_channels, out_channels, 3, stride, seed=rng),
            ReLU(),
            _convolution(out_channels, out_channels, 3, seed=rng),
        )
        shortcut = None
        if residual and (stride != 1 or in_channels != out_channels):
            # With a generator of its own, so that all other weights are those of the plain net.
            own = rng.spawn(1)[0]
            shortcut = _convolution(in_channels, out_channels, 1, stride, seed=own)
        self.layers = Residual(layers, shortcut) if residual else layers

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x).relu()


class ResNet(Module):
    """The residual network for small images: one convolution, stages of blocks, a mean, scores.

    blocks       how many blocks each stage has: (3, 3, 3) makes ResNet-20, (9, 9, 9) ResNet-56
    channels     how many channels each stage has, as many numbers as blocks; each stage but the
                 first halves the image
    in_channels  1 for grey images, 3 for colours
    classes      number of outputs, at least 1
    residual     False removes all shortcuts: the plain net that the paper compares with. It starts
                 with the same weights
    seed         a whole number, or a numpy.random.Generator that several layers share

    depth        the number of layers with weights, projections not counted: 6n + 2 for (n, n, n)

    The paper's networks for CIFAR-10 pad missing channels with zeros (option A), which needs no
    parameters; here a projection does it (option B). ResNet-20 for colour images has 269,722
    parameters with option A, which the paper prints as 0.27 M, and 272,474 with option B.

    Shape:   x (N, in_channels, H, W) -> scores (N, classes)
    Raises:  ValueError if a setting or the input does not fit
    Source:  He et al. 2016, section 4.2 and table 6
    """

    def __init__(
        self,
        blocks: Sequence[int] = (1, 1, 1),
        channels: Sequence[int] = (16, 32, 64),
        in_channels: int = 1,
        classes: int = 10,
        *,
        residual: bool = True,
        seed: int | np.random.Generator,
    ) -> None:
        if not len(blocks) == len(channels) > 0 or min(blocks) < 1:
            raise ValueError(
                "ResNet: blocks and channels have one number per stage, at least 1, such as "
                f"(3, 3, 3) and (16, 32, 64). Received: {tuple(blocks)} and {tuple(channels)}"
            )
        rng = np.random.default_rng(seed)
        self.in_channels, self.depth = in_channels, 2 * sum(blocks) + 2
        self.start = Sequential(_convolution(in_channels, channels[0], 3, seed=rng), ReLU())
        self.stages, before = [], channels[0]
        for stage, (count, width) in enumerate(zip(blocks, channels, strict=True)):
            stage_blocks = []
            for block in range(count):
                stride = 2 if stage > 0 and block == 0 else 1
                stage_blocks.append(BasicBlock(before, width, stride, residual=residual, seed=rng))
                before = width
            self.stages.append(Sequential(*stage_blocks))
        self.scores = Sequential(GlobalAvgPool2d(), Linear(before, classes, seed=rng, gain=1.0))

    def forward(self, x: Tensor) -> Tensor:
        if len(x.shape) != 4 or x.shape[1] != self.in_channels:
            raise ValueError(
                f"ResNet expects images, shape (N, {self.in_channels}, H, W). Received: "
                f"{tuple(x.shape)}. Rows of pixels become images by x.reshape(N, C, H, W)."
            )
        x = self.start(x)  # (N, 16, H, W)
        for stage in self.stages:
            x = stage(x)  # (N, 32, H/2, W/2), then (N, 64, H/4, W/4)
        return self.scores(x)  # (N, classes)


def _convolution(
    in_channels: int, out_channels: int, kernel: int, stride: int = 1, *, seed: np.random.Generator
) -> Sequential:
    """A convolution that keeps the size of the image (or divides it by the stride), normalised.

    It has no bias: batch norm takes the mean away, and a constant with it.
    """
    convolution = Conv2d(
        in_channels, out_channels, kernel, stride, padding=kernel // 2, bias=False, seed=seed
    )
    return Sequential(convolution, BatchNorm2d(out_channels))
