"""GAN: two networks play against each other, and one of them learns to invent.

The generator makes samples out of noise. The discriminator sees real and invented ones and says
which is which. It learns to tell them apart; the generator learns to be taken for real. Nobody
says what a good sample is: the opponent does. Ian Goodfellow and colleagues published it in 2014.

The loop hands out every step, so that plots and widgets are ordinary loop bodies:

    gan = GAN(Generator((2, 64, 64, 2), seed=0), Discriminator((2, 64, 64), seed=1))
    optimizers = Adam(gan.generator.parameters()), Adam(gan.discriminator.parameters())
    for step in gan.play(x, *optimizers, steps=2500):
        print(step.number, step.discriminator_loss, step.generator_loss)

Players for images follow in dcgan.py. Read `losses.py` and `architectures/mlp.py` first.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dlcourse.architectures.generative import (
    checked_labels,
    data_like,
    noise_like,
    one_hot,
    update,
)
from dlcourse.architectures.mlp import MLP
from dlcourse.architectures.sampling import in_eval_mode
from dlcourse.backprop import Tensor, no_grad
from dlcourse.device import namespace
from dlcourse.layers import Module, ReLU, Sequential
from dlcourse.losses import binary_cross_entropy_with_logits
from dlcourse.ops import concat, maximum
from dlcourse.optim import Optimizer


# --- The two losses ---------------------------------------------------------------------------
def discriminator_loss(real: Tensor, fake: Tensor, smoothing: float = 0.0) -> Tensor:
    """-mean log D(x) - mean log(1 - D(G(z))), from the logits of D for real and invented samples.

    smoothing  real samples get the target 1 - smoothing. A little, such as 0.1, keeps the
               discriminator from being too sure; 0 … below 1
    Shape:   real (n,) and fake (m,) -> one number; 2 log 2 = 1.386 when D says 1/2 to all
    Raises:  ValueError if smoothing is out of range
    Source:  Goodfellow et al. 2014, eq. 1; Salimans et al. 2016, section 3.4 (smoothing)
    """
    if not 0 <= smoothing < 1:
        raise ValueError(
            f"discriminator_loss: smoothing lies in 0 … below 1. Received: {smoothing=}"
        )
    return _cross_entropy(real, 1 - smoothing) + _cross_entropy(fake, 0)


def generator_loss(fake: Tensor, saturating: bool = False) -> Tensor:
    """-mean log D(G(z)), from the logits of D for invented samples; saturating: see below.

    In the game of eq. 1 the generator makes mean log(1 - D(G(z))) small: saturating=True. At the
    start D is sure that the samples are invented. There this loss is flat, its gradient is
    proportional to D(G(z)), nearly 0; the first one is steep and has the same goal.

    Shape:   fake (n,) -> one number, 0 or more; 0 or less if saturating
    Source:  Goodfellow et al. 2014, section 3
    """
    return -_cross_entropy(fake, 0) if saturating else _cross_entropy(fake, 1)


def _cross_entropy(logits: Tensor, target: float) -> Tensor:
    """The loss for logits that all have the same target."""
    targets = namespace(logits.data).ones_like(logits.data) * target
    return binary_cross_entropy_with_logits(logits, targets)


# --- The two players --------------------------------------------------------------------------
class LeakyReLU(ReLU):
    """x where x > 0, else 0.2 x: where a ReLU is silent, a fifth of the gradient passes.

    Shape:   (...) -> (...)
    Source:  Maas et al. 2013; Radford et al. 2016, section 4 (the slope of 0.2)
    """

    def forward(self, x: Tensor) -> Tensor:
        return maximum(x, x * 0.2)


def with_labels(x: Tensor, labels: Any, classes: int) -> Tensor:
    """x with one-hot labels as further features; x itself where there are no classes.

    Shape:   x (n, size), labels (n,) or None -> (n, size + classes)
    Raises:  ValueError if the labels do not fit, see checked_labels
    """
    labels = checked_labels(labels, classes, len(x))
    return x if labels is None else concat([x, one_hot(labels, classes, x)], axis=1)


class Generator(Module):
    """Noise in, samples out, through dense layers with a leaky ReLU between them.

    sizes    numbers of noise, hidden layers, size of a sample: (2, 64, 64, 2)
    output   the class of the layer at the end: Tanh for samples in -1 … 1, Sigmoid for 0 … 1; None
             for samples of any size
    classes  0, or the number of classes: then forward() needs a label for each sample
    seed     a whole number, or a numpy.random.Generator that several layers share

    Shape:   noise (n, sizes[0]), labels (n,) or None -> samples (n, sizes[-1])
    Raises:  ValueError if sizes or labels do not fit
    Source:  Goodfellow et al. 2014; Mirza and Osindero 2014 (classes)
    """

    def __init__(
        self,
        sizes: Sequence[int] = (16, 128, 256, 64),
        output: type[Module] | None = None,
        classes: int = 0,
        *,
        seed: int | np.random.Generator,
    ) -> None:
        self.noise_size, self.classes = sizes[0], classes
        self.layers = MLP((sizes[0] + classes, *sizes[1:]), LeakyReLU, seed=seed)
        self.output = Sequential(output()) if output else Sequential()

    def forward(self, noise: Tensor, labels: Any = None) -> Tensor:
        return self.output(self.layers(with_labels(noise, labels, self.classes)))


class Discriminator(Module):
    """Samples in, one logit each out: above 0 for "real", below 0 for "invented".

    sizes    size of a sample, hidden layers: (64, 256, 128). The one output follows by itself
    classes  0, or the number of classes: then forward() needs a label for each sample
    seed     a whole number, or a numpy.random.Generator that several layers share

    Shape:   samples (n, sizes[0]), labels (n,) or None -> logits (n,)
    Raises:  ValueError if sizes or labels do not fit
    Source:  Goodfellow et al. 2014; Mirza and Osindero 2014 (classes)
    """

    def __init__(
        self,
        sizes: Sequence[int] = (64, 256, 128),
        classes: int = 0,
        *,
        seed: int | np.random.Generator,
    ) -> None:
        self.classes = classes
        self.layers = MLP((sizes[0] + classes, *sizes[1:], 1), LeakyReLU, seed=seed)

    def forward(self, x: Tensor, labels: Any = None) -> Tensor:
        return self.layers(with_labels(x, labels, self.classes)).reshape(-1)


# --- The game ---------------------------------------------------------------------------------
@dataclass(frozen=True)
class GANStep:
    """What GAN.play hands out after each step of the generator."""

    number: int  # 1, 2, 3, …
    discriminator_loss: float  # of its last batch, before the update
    generator_loss: float  # likewise
    instance_noise: float  # the standard deviation in this step


class GAN(Module):
    """The two players together, and the game between them.

    generator      called as generator(noise, labels) -> samples. It has the attributes noise_size
                   and classes; without classes the labels are None
    discriminator  called as discriminator(samples, labels) -> logits (n,)

    Source:  Goodfellow et al. 2014, algorithm 1
    """

    def __init__(self, generator: Any, discriminator: Any) -> None:
        self.generator, self.discriminator = generator, discriminator

    def sample(self, n: int, labels: Any = None, *, seed: int | np.random.Generator) -> Tensor:
        """n inventions, made in eval mode. labels (n,): their classes, if there are classes."""
        with in_eval_mode(self.generator):
            return self._invent(n, labels, np.random.default_rng(seed))

    def play(
        self,
        x: Any,
        generator_optimizer: Optimizer,
        discriminator_optimizer: Optimizer,
        labels: Any = None,
        *,
        steps: int,
        batch_size: int = 64,
        discriminator_steps: int = 1,
        saturating: bool = False,
        smoothing: float = 0.0,
        instance_noise: float | Callable[[float], float] = 0.0,
        seed: int | np.random.Generator = 0,
    ) -> Iterator[GANStep]:
        """Let the two play, and hand out a GANStep after each step of the generator.

        x           real samples, one per row; labels: their classes, if there are classes
        steps       steps of the generator, at least 1
        batch_size  real samples per step, drawn anew each time, and as many inventions; at least 1
        discriminator_steps    steps of the discriminator before each of the generator, at least 1
        saturating, smoothing  see generator_loss and discriminator_loss
        instance_noise  standard deviation of noise on all that the discriminator sees: it makes
                    real and invented overlap, so that the game stays open. A number, or a function
                    of the progress, which goes from 0 to 1: lambda s: 0.3 * (1 - s)
        seed        draws batches, noise and the labels of inventions
        Raises:  ValueError if data or settings do not fit, FloatingPointError if a loss is no
                 number
        Source:  Sønderby et al. 2017 and Arjovsky and Bottou 2017 (instance noise)
        """
        _check_settings(x, steps, batch_size, discriminator_steps)
        _check_optimizer("generator", generator_optimizer, self.generator)
        _check_optimizer("discriminator", discriminator_optimizer, self.discriminator)
        rng, x = np.random.default_rng(seed), data_like(x, self.generator.parameters()[0])
        labels = checked_labels(labels, self.generator.classes, len(x))
        self.train()
        for number in range(1, steps + 1):
            progress = (number - 1) / steps
            std = instance_noise(progress) if callable(instance_noise) else instance_noise
            for _ in range(discriminator_steps):
                rows = rng.integers(0, len(x), batch_size)
                kinds = None if labels is None else labels[rows]
                real, fake = self._see(Tensor.wrap(x[rows]), kinds, std, rng)
                loss = discriminator_loss(real, fake, smoothing)
                told_apart = update(discriminator_optimizer, loss, number)
            logits = self._fool(batch_size, std, rng)
            taken_for_real = update(generator_optimizer, generator_loss(logits, saturating), number)
            yield GANStep(number, told_apart, taken_for_real, std)

    def _see(
        self, real: Tensor, labels: Any, std: float, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """The discriminator's logits for real samples and as many inventions.

        The inventions carry no history: in this step the generator does not learn.
        """
        kinds = self._draw_labels(len(real), rng)
        with no_grad():
            fake = self._invent(len(real), kinds, rng)
        return (
            self.discriminator(_blurred(real, std, rng), labels),
            self.discriminator(_blurred(fake, std, rng), kinds),
        )

    def _fool(self, n: int, std: float, rng: np.random.Generator) -> Tensor:
        """The discriminator's logits for n inventions; a gradient goes on to the generator."""
        kinds = self._draw_labels(n, rng)
        return self.discriminator(_blurred(self._invent(n, kinds, rng), std, rng), kinds)

    def _invent(self, n: int, labels: Any, rng: np.random.Generator) -> Tensor:
        like = self.generator.parameters()[0]
        return self.generator(noise_like(like, (n, self.generator.noise_size), rng), labels)

    def _draw_labels(self, n: int, rng: np.random.Generator) -> Any:
        classes = self.generator.classes
        return rng.integers(0, classes, n) if classes else None


def _blurred(x: Tensor, std: float, rng: np.random.Generator) -> Tensor:
    """Samples with instance noise."""
    return x + noise_like(x, x.shape, rng) * std if std else x


def _check_settings(x: Any, steps: int, batch_size: int, discriminator_steps: int) -> None:
    if min(steps, batch_size, discriminator_steps, len(x)) < 1:
        raise ValueError(
            "GAN: steps, batch_size, discriminator_steps and the number of samples are at least 1. "
            f"Received: {steps=}, {batch_size=}, {discriminator_steps=}, {len(x)} samples"
        )


def _check_optimizer(player: str, optimizer: Optimizer, module: Module) -> None:
    """Each optimiser may move its own player only."""
    if {id(p) for p in optimizer.params} - {id(p) for p in module.parameters()}:
        raise ValueError(
            f"GAN: the {player}'s optimiser holds other parameters than the {player}'s. Make it "
            f"with gan.{player}.parameters(); the generator's optimiser comes first."
        )
