"""Autoencoder: a network that copies its input through a narrow middle, and so learns what counts.

The encoder squeezes an input into a few numbers, its code; the decoder rebuilds the input from
them. Nobody gives labels: the input is its own target. The code is good for compression and for
pictures of the data, the error of the copy for finding what is unlike the training data.
Denoising autoencoders see a damaged input and must give the undamaged one back.

Rumelhart, Hinton and Williams trained small ones in 1986; Pierre Baldi and Kurt Hornik showed
in 1989 that a linear one finds the subspace of PCA; Geoffrey Hinton and Ruslan Salakhutdinov made
deep ones work in 2006. Read `mlp.py` first.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dlcourse.architectures.generative import noise_like, placed_like
from dlcourse.architectures.mlp import MLP
from dlcourse.backprop import Tensor
from dlcourse.layers import Module, Tanh
from dlcourse.ops import sub


def reconstruction_error(x: Any, reconstruction: Any) -> Tensor:
    """The mean squared difference of each sample: mean over its entries of (reconstruction - x)².

    One number per sample, not one for the batch: a large one says "unlike the training data".

    Shape:   x and reconstruction (n, …), equal -> (n,), 0 or more
    Raises:  ValueError if the shapes differ or there is no axis for the samples
    """
    if tuple(x.shape) != tuple(reconstruction.shape) or not len(x.shape):
        raise ValueError(
            "reconstruction_error: expected two batches of equal shape (n, …). "
            f"Received: {tuple(x.shape)} and {tuple(reconstruction.shape)}"
        )
    difference = sub(reconstruction, x).reshape(len(x), -1)
    return (difference * difference).mean(axis=1)


class Autoencoder(Module):
    """reconstruction = decoder(encoder(x)), through a code of sizes[-1] numbers.

    sizes       inputs, hidden layers, code: (784, 128, 8) goes 784 -> 128 -> 8 -> 128 -> 784.
                Two sizes, such as (64, 8), make a linear autoencoder
    activation  what follows the hidden layers: Tanh, ReLU, … (the class, without brackets)
    seed        a whole number, or a numpy.random.Generator that several layers share

    Code and reconstruction are linear, with no activation after them. A ReLU on the code would cut
    off its negative half, and what remains can be worse than PCA with as many numbers.
    Train it with the input as the target: training(model, x, x, mse_loss, …).

    Shape:   x (…, sizes[0]) -> reconstruction (…, sizes[0]); encode: -> code (…, sizes[-1])
    Raises:  ValueError if there are fewer than two sizes, or one is below 1, or x does not fit;
             TypeError if the activation is not a class of layers
    Source:  Hinton and Salakhutdinov 2006; Baldi and Hornik 1989 for the linear one
    """

    encoder: Module
    decoder: Module

    def __init__(
        self,
        sizes: Sequence[int] = (784, 128, 8),
        activation: type[Module] = Tanh,
        *,
        seed: int | np.random.Generator,
    ) -> None:
        rng = np.random.default_rng(seed)
        self.encoder = MLP(tuple(sizes), activation, seed=rng)
        self.decoder = MLP(tuple(sizes)[::-1], activation, seed=rng)

    def encode(self, x: Tensor) -> Tensor:
        """The code of each sample."""
        return self.encoder(x)

    def decode(self, code: Tensor) -> Tensor:
        """The sample that belongs to a code: any code, also one that no sample had."""
        return self.decoder(code)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))


CORRUPTIONS = ("gaussian", "masking")


class DenoisingAutoencoder(Autoencoder):
    """An autoencoder whose input is damaged in training, while its target stays undamaged.

    Copying no longer helps: to mend an input it must know what inputs look like. After eval() the
    input goes in as it is.

    corruption  "masking": a share of the entries, drawn anew for each sample, becomes 0;
                "gaussian": noise ~ N(0, amount²) is added to every entry
    amount      the share, 0 … 1, rounded to whole entries; or the noise's standard deviation,
                0 or more
    sizes, activation, seed  as in Autoencoder; the seed also draws the damage

    Shape:   x (…, sizes[0]) -> reconstruction (…, sizes[0])
    Raises:  ValueError for another corruption or an amount out of range
    Source:  Vincent et al. 2008, section 2.3 (masking); Vincent et al. 2010 (Gaussian noise)
    """

    def __init__(
        self,
        sizes: Sequence[int] = (784, 128, 8),
        activation: type[Module] = Tanh,
        corruption: str = "masking",
        amount: float = 0.3,
        *,
        seed: int | np.random.Generator,
    ) -> None:
        if corruption not in CORRUPTIONS:
            raise ValueError(
                f"DenoisingAutoencoder: corruption is one of {', '.join(CORRUPTIONS)}. "
                f"Received: {corruption!r}"
            )
        if not 0 <= amount <= (1 if corruption == "masking" else np.inf):
            raise ValueError(
                "DenoisingAutoencoder: amount is a share 0 … 1 for masking, a standard deviation "
                f"of 0 or more for gaussian. Received: {amount=}, {corruption=}"
            )
        self.rng = np.random.default_rng(seed)
        super().__init__(sizes, activation, seed=self.rng)
        self.corruption, self.amount = corruption, amount

    def corrupt(self, x: Tensor) -> Tensor:
        """A damaged copy of x, another one at each call."""
        if self.corruption == "gaussian":
            return x + noise_like(x, x.shape, self.rng) * self.amount
        hidden = round(self.amount * x.shape[-1])
        order = self.rng.random(x.shape).argsort(axis=-1)  # each row: its entries, shuffled
        return x * placed_like(order >= hidden, x)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(self.corrupt(x) if self.training else x)
