"""LeNet-5: the convolutional network that read handwritten digits on bank cheques.

Two times the same idea: small kernels look for strokes everywhere on the image, then pooling
makes the maps smaller, so that the exact place counts less. Fully connected layers decide at the
end. Yann LeCun, Léon Bottou, Yoshua Bengio and Patrick Haffner published it in 1998.
Read `layers/conv.py` and `layers/pooling.py` first.
"""

import numpy as np

from dlcourse.architectures.mlp import start_gain
from dlcourse.backprop import Tensor
from dlcourse.layers import AvgPool2d, Conv2d, Flatten, Linear, MaxPool2d, Module, Sequential, Tanh


class LeNet5(Sequential):
    """The layers of LeNet-5, named as in the paper, in the form in which it is used today.

    classes     number of outputs, at least 1
    activation  Tanh as then, ReLU as now
    pooling     AvgPool2d as then, MaxPool2d as now
    size        32 as in the paper, or 28: then the first layer adds a frame of 2 zeros
    seed        a whole number, or a numpy.random.Generator that several layers share

    With 10 classes there are 61,706 parameters: C1 156, C3 2,416, C5 48,120, F6 10,164 and
    outputs 850. The network of 1998 had 60,000 of them, for it differs in four things:
    - S2 and S4 multiplied each map by a coefficient and added a bias, both learned (12 and 32
      parameters), and a squashing function followed. Here pooling has no parameters.
    - Each map of C3 saw 3, 4 or all 6 maps of S2 (1,516 parameters). Here each sees all 6.
    - Each output was the squared distance between F6 and a pattern of 84 numbers, drawn by hand: a
      small picture of the character (radial basis functions). Here it is a Linear layer, as
      cross_entropy needs it.
    - The squashing function was 1.7159 tanh(2x/3). Here it is tanh x.
    C5 was a convolution of 5 x 5 on maps of 5 x 5: the same as the Linear layer that it is here.

    Shape:   x (N, 1, size, size) -> scores (N, classes)
    Raises:  ValueError if size or classes do not fit, or the input has another shape; TypeError
             if activation or pooling is not a class of such layers
    Source:  LeCun et al. 1998, section II.B and figure 2
    """

    def __init__(
        self,
        classes: int = 10,
        activation: type[Module] = Tanh,
        pooling: type[Module] = AvgPool2d,
        size: int = 28,
        *,
        seed: int | np.random.Generator,
    ) -> None:
        if size not in (28, 32):
            raise ValueError(f"LeNet5: size is 28 or 32, rows and columns. Received: {size=}")
        if pooling not in (AvgPool2d, MaxPool2d):
            raise TypeError(
                "LeNet5: pooling is the class AvgPool2d or MaxPool2d, without brackets. "
                f"Received: {pooling!r}"
            )
        rng, gain = np.random.default_rng(seed), start_gain(activation)
        frame = (32 - size) // 2
        super().__init__(
            Conv2d(1, 6, 5, padding=frame, seed=rng, gain=gain),  # C1: (N, 6, 28, 28)
            activation(),
            pooling(2),  # S2: (N, 6, 14, 14)
            Conv2d(6, 16, 5, seed=rng, gain=gain),  # C3: (N, 16, 10, 10)
            activation(),
            pooling(2),  # S4: (N, 16, 5, 5)
            Flatten(),  # (N, 400)
            Linear(400, 120, seed=rng, gain=gain),  # C5
            activation(),
            Linear(120, 84, seed=rng, gain=gain),  # F6
            activation(),
            Linear(84, classes, seed=rng, gain=gain),  # (N, classes)
        )
        self.image = (1, size, size)

    def forward(self, x: Tensor) -> Tensor:
        if tuple(x.shape[1:]) != self.image:
            raise ValueError(
                f"LeNet5 expects grey images, shape (N, {', '.join(map(str, self.image))}). "
                f"Received: {tuple(x.shape)}. Rows of pixels become images by "
                f"x.reshape{(-1, *self.image)}; images of other sizes need a frame or scaling."
            )
        return super().forward(x)
