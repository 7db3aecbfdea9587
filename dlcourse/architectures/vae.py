"""Variational autoencoder: an autoencoder whose codes fill a known space, so that it can invent.

The code of an ordinary autoencoder lies wherever training put it, with gaps between: a random code
decodes to nonsense. A VAE encodes each input as a small cloud, a mean and a variance, and pays for
every cloud that leaves the standard normal distribution. After training, numbers drawn from
N(0, 1) decode to something like the data.

The loss is the negative ELBO (evidence lower bound), an upper bound of -log p(x) in nats:
how many nats the decoder needs for x when it knows a drawn code, plus what the code itself costs.

Diederik Kingma and Max Welling proposed it in 2013 (conference 2014), Danilo Rezende, Shakir
Mohamed and Daan Wierstra at nearly the same time. Read `autoencoder.py` and `losses.py` first.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dlcourse.architectures.generative import noise_like
from dlcourse.architectures.mlp import MLP
from dlcourse.backprop import Tensor, no_grad
from dlcourse.layers import GELU, Module
from dlcourse.losses import binary_cross_entropy_with_logits
from dlcourse.ops import concat

Outputs = tuple[Tensor, Tensor, Tensor]  # logits, mean, log-variance


def kl_to_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(μ, σ²) ‖ N(0, 1)) = ½ Σ (μ² + σ² - 1 - log σ²), summed over the last axis.

    In nats: how much more a message about z ~ N(μ, σ²) costs in a code made for N(0, 1).
    The network gives log σ², which may be any number; σ² = exp(log σ²) is then positive.

    Shape:   mean and log_variance (…, latent), equal -> (…), 0 or more; 0 for μ = 0, log σ² = 0
    Raises:  ValueError if the shapes differ
    Source:  Kingma and Welling 2014, appendix B
    """
    _check_same_shape("kl_to_standard_normal", mean, log_variance)
    terms = mean * mean + log_variance.exp() - 1 - log_variance
    return terms.sum(axis=-1) * 0.5


def reparameterize(
    mean: Tensor, log_variance: Tensor, *, seed: int | np.random.Generator
) -> Tensor:
    """z = μ + σ ε with ε ~ N(0, 1): a random number from N(μ, σ²) that gradients pass through.

    The chance is all in ε, which needs no gradient:  dμ = g,  dσ = g ε.

    seed     a whole number, or a numpy.random.Generator that goes on from call to call
    Shape:   mean and log_variance (…, latent), equal -> z (…, latent)
    Raises:  ValueError if the shapes differ
    Source:  Kingma and Welling 2014, section 2.4
    """
    _check_same_shape("reparameterize", mean, log_variance)
    noise = noise_like(mean, mean.shape, np.random.default_rng(seed))
    return mean + (log_variance * 0.5).exp() * noise


def _check_same_shape(name: str, mean: Tensor, log_variance: Tensor) -> None:
    if mean.shape != log_variance.shape:
        raise ValueError(
            f"{name}: mean and log_variance must have equal shapes. "
            f"Received: {mean.shape} and {log_variance.shape}"
        )


class VAE(Module):
    """x -> μ, log σ² -> z = μ + σ ε -> logits of the reconstruction.

    sizes       inputs, hidden layers, latent numbers: (64, 256, 128, 8)
    activation  what follows the hidden layers: GELU, Tanh, … (the class, without brackets)
    beta        β, 0 or more: the weight of the KL divergence. 1 is the VAE itself; more gives
                plainer codes and blurred reconstructions, less the opposite
    seed        a whole number, or a numpy.random.Generator; it also draws the noise ε

    In training mode z is drawn; after eval() z = μ, and the same input gives the same output. The
    ELBO is defined with drawn z: to measure it, leave the model in training mode, with no_grad().
    Train it with the input as the target: training(vae, x, x, vae.loss, …).

    Shape:   x (n, sizes[0]), entries 0 … 1 -> logits (n, sizes[0]), μ and log σ² (n, sizes[-1])
    Raises:  ValueError if there are fewer than two sizes or β is negative, or if x does not fit;
             TypeError if the activation is not a class of layers
    Source:  Kingma and Welling 2014, appendix C (both networks as MLPs); Higgins et al. 2017 (β)
    """

    encoder: Module
    decoder: Module

    def __init__(
        self,
        sizes: Sequence[int] = (784, 256, 128, 8),
        activation: type[Module] = GELU,
        beta: float = 1.0,
        *,
        seed: int | np.random.Generator,
    ) -> None:
        sizes = tuple(sizes)
        if len(sizes) < 2 or not beta >= 0:
            raise ValueError(
                "VAE: expected sizes such as (64, 128, 8), at least inputs and latent numbers, "
                f"and beta of 0 or more. Received: {sizes=}, {beta=}"
            )
        self.rng = np.random.default_rng(seed)
        self.encoder = MLP((*sizes[:-1], 2 * sizes[-1]), activation, seed=self.rng)
        self.decoder = MLP(sizes[::-1], activation, seed=self.rng)
        self.latent_size, self.beta = sizes[-1], beta

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """μ and log σ² of the cloud of codes that belongs to each input."""
        both = self.encoder(x)
        return both[..., : self.latent_size], both[..., self.latent_size :]

    def decode(self, z: Tensor) -> Tensor:
        """The logits of the reconstruction; their sigmoid is the ink of each pixel, 0 … 1."""
        return self.decoder(z)

    def forward(self, x: Tensor) -> Outputs:
        mean, log_variance = self.encode(x)
        z = reparameterize(mean, log_variance, seed=self.rng) if self.training else mean
        return self.decode(z), mean, log_variance

    def terms(self, outputs: Outputs, target: Any) -> tuple[Tensor, Tensor]:
        """The two parts of the loss in nats per sample, means over the batch.

        reconstruction = Σ_pixels -(t log p + (1 - t) log(1 - p)) with p = sigmoid(logit), for
        targets t of 0 … 1, and the KL divergence, see kl_to_standard_normal. For pixels that are 0
        or 1 the first is -log p(t); for grey ones between them it is a usual stand-in.
        """
        logits, mean, log_variance = outputs
        pixels = logits.shape[-1]
        reconstruction = binary_cross_entropy_with_logits(logits, target) * pixels
        return reconstruction, kl_to_standard_normal(mean, log_variance).mean()

    def loss(self, outputs: Outputs, target: Any) -> Tensor:
        """reconstruction + β KL, in nats per sample; with β = 1 the negative ELBO.

        outputs  what the model gave, target (n, sizes[0]) what went in
        """
        reconstruction, divergence = self.terms(outputs, target)
        return reconstruction + divergence * self.beta

    @no_grad()
    def sample(self, n: int, *, seed: int | np.random.Generator) -> Tensor:
        """n inventions: z ~ N(0, 1), decoded.   -> (n, sizes[0]), ink 0 … 1"""
        like = self.decoder.parameters()[0]
        z = noise_like(like, (n, self.latent_size), np.random.default_rng(seed))
        return self.decode(z).sigmoid()

    @no_grad()
    def interpolate(self, first: Tensor, second: Tensor, steps: int = 8) -> Tensor:
        """Pictures on the straight line between the codes of two inputs, ends included.

        steps    at least 2
        Shape:   first and second (sizes[0],) -> (steps, sizes[0]), ink 0 … 1
        Raises:  ValueError for fewer than two steps
        """
        if steps < 2:
            raise ValueError(f"VAE: interpolate needs at least 2 steps. Received: {steps=}")
        start, _ = self.encode(first.reshape(1, -1))
        end, _ = self.encode(second.reshape(1, -1))
        codes = [start + (end - start) * (i / (steps - 1)) for i in range(steps)]
        return self.decode(concat(codes)).sigmoid()
