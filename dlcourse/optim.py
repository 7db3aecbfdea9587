"""Optimisers: how a gradient becomes a step of the weights. From the simplest to the usual one."""

import math
from collections.abc import Iterable

from dlcourse.backprop import Tensor
from dlcourse.device import Array, namespace


class Optimizer:
    """What all optimisers share: the list of parameters, the learning rate, zero_grad().

    Raises:  ValueError if there are no parameters or lr is not positive; TypeError if something
             in the list is not a tensor
    """

    def __init__(self, params: Iterable[Tensor], lr: float) -> None:
        self.params = list(params)
        self.lr = lr  # may be changed between steps
        self.state: dict[int, list[Array]] = {}  # per parameter, made at its first step
        name = type(self).__name__
        if not self.params:
            raise ValueError(
                f"{name}: there are no parameters. Pass model.parameters(), and make what your "
                "model learns a Parameter."
            )
        for p in self.params:
            if not isinstance(p, Tensor) or not p.requires_grad or p.origin is not None:
                raise TypeError(f"{name}: expected parameters to learn. Received: {p!r}")
        if not lr > 0:
            raise ValueError(f"{name}: the learning rate must be above 0. Received: lr={lr}")

    def zero_grad(self) -> None:
        """Forget the gradients of the last step; backward() would add to them."""
        for p in self.params:
            p.zero_grad()

    def step(self) -> None:
        """Change every parameter that has a gradient, in place."""
        waiting = [(i, p) for i, p in enumerate(self.params) if p.grad is not None]
        if not waiting:
            raise RuntimeError(
                f"{type(self).__name__}: no parameter has a gradient. Call loss.backward() first, "
                "with a loss that was computed from these parameters."
            )
        for i, p in waiting:
            self.update(i, p, p.grad)

    def update(self, i: int, p: Tensor, g: Array) -> None:
        """The rule for parameter number i with gradient g. Each subclass says it."""
        raise NotImplementedError(f"{type(self).__name__} needs a method update(self, i, p, g).")

    def _memory(self, i: int, p: Tensor, count: int) -> list[Array]:
        """Arrays of zeros, shaped like the parameter, that are kept from step to step."""
        if i not in self.state:
            self.state[i] = [namespace(p.data).zeros_like(p.data) for _ in range(count)]
        return self.state[i]


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum if wanted.

    v <- momentum v + g
    p <- p - lr v

    lr        learning rate, above 0; often 0.01 … 0.5
    momentum  0 … below 1; 0 is plain descent, 0.9 is usual
    Source:   Robbins and Monro 1951; Polyak 1964 (momentum)
    """

    def __init__(self, params: Iterable[Tensor], lr: float, momentum: float = 0.0) -> None:
        super().__init__(params, lr)
        if not 0 <= momentum < 1:
            raise ValueError(f"SGD: momentum lies in 0 … below 1. Received: {momentum=}")
        self.momentum = momentum

    def update(self, i: int, p: Tensor, g: Array) -> None:
        if self.momentum:
            (v,) = self._memory(i, p, 1)
            v *= self.momentum
            v += g
            g = v
        p.data -= self.lr * g


class Adam(Optimizer):
    """Adam: every weight gets a step of its own size, from running means of g and g².

    m <- β₁ m + (1 - β₁) g          m̂ = m / (1 - β₁ᵗ)
    v <- β₂ v + (1 - β₂) g²         v̂ = v / (1 - β₂ᵗ)
    p <- p - lr m̂ / (√v̂ + eps)

    lr      learning rate, above 0; often 0.001 … 0.01
    betas   (β₁, β₂), each 0 … below 1: how slowly the two means forget
    eps     a small number above 0 that keeps the division safe
    Source: Kingma and Ba 2015, algorithm 1
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        super().__init__(params, lr)
        if not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"Adam: betas lie in 0 … below 1. Received: {betas=}")
        self.betas, self.eps = betas, eps
        self.t = [0] * len(self.params)  # steps that each parameter has made

    def update(self, i: int, p: Tensor, g: Array) -> None:
        """The formulas above, with one working array d instead of a new array per operation."""
        (b1, b2), (m, v) = self.betas, self._memory(i, p, 2)
        self.t[i] += 1
        root = math.sqrt(1 - b2 ** self.t[i])
        size = self.lr * root / (1 - b1 ** self.t[i])
        d = (1 - b1) * g
        m *= b1
        m += d
        d = (1 - b2) * g
        d *= g
        v *= b2
        v += d
        d = namespace(v).sqrt(v)
        d += self.eps * root  # both sides of the fraction carry the root: √v̂ = √v / root
        d = m / d
        d *= size
        p.data -= d
