"""Optimisers: how a gradient becomes a step of the weights. From the simplest to the usual one."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from dlcourse.backprop import Tensor
from dlcourse.device import Array, namespace, to_numpy


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

    def state_dict(self) -> dict[str, np.ndarray]:
        """A copy of what the optimiser remembers, and lr, by name: what a file stores."""
        state = {"lr": np.array(self.lr, dtype="float64")}
        for i, arrays in self.state.items():
            state |= {f"{i}.{k}": to_numpy(array).copy() for k, array in enumerate(arrays)}
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state_dict of an optimiser of the same kind, for the same parameters.

        Raises ValueError if an array does not fit; then nothing has been changed.
        """
        loaded: dict[int, list[Array]] = {}
        for name in sorted(name for name in state if name[0].isdigit()):
            i, values = int(name.split(".")[0]), np.array(state[name])
            shape = self.params[i].shape if i < len(self.params) else "no such parameter"
            if values.shape != shape:
                raise ValueError(
                    f"{type(self).__name__}: the state {name} has shape {values.shape}, parameter "
                    f"{i}: {shape}. Build model and optimiser as they were when they were saved."
                )
            p = self.params[i].data
            array = namespace(p).asarray(values, dtype=p.dtype, device=p.device)
            loaded.setdefault(i, []).append(array)
        self.state, self.lr = loaded, float(state["lr"])


def clip_grad_norm(params: Iterable[Tensor], max_norm: float) -> float:
    """Shorten all gradients together, if the vector of them all is longer than max_norm.

    g <- g max_norm / (norm + 1e-6) if norm > max_norm, with norm = √(Σ g²) over all parameters.
    The direction stays. Call it between backward() and step().

    max_norm  above 0; often 1
    Returns:  the norm before
    Raises:   ValueError if max_norm is not above 0; RuntimeError if there is no gradient;
              FloatingPointError if the norm is not finite
    Source:   Pascanu et al. 2013, algorithm 1; the 1e-6 is PyTorch's (clip_grad_norm_)
    """
    if not max_norm > 0:
        raise ValueError(f"clip_grad_norm: max_norm must be above 0. Received: {max_norm=}")
    moving = [(p, p.grad) for p in params if p.grad is not None]
    if not moving:
        raise RuntimeError("clip_grad_norm: no gradient yet. Call loss.backward() first.")
    flat = [g.reshape(-1) for _, g in moving]
    norm = math.sqrt(sum(float(namespace(g).vecdot(g, g)) for g in flat))
    if not math.isfinite(norm):
        raise FloatingPointError(
            f"clip_grad_norm: the gradients have the norm {norm}. Look for log(0), division by 0 "
            "and NaN in the data, or take a smaller learning rate."
        )
    if norm > max_norm:
        for p, g in moving:
            p.grad = g * (max_norm / (norm + 1e-6))
    return norm


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum if wanted.

    v <- momentum v + g
    p <- p - lr v                       plain momentum
    p <- p - lr (g + momentum v)        nesterov: v as it will be one step ahead

    lr        learning rate, above 0; often 0.01 … 0.5
    momentum  0 … below 1; 0 is plain descent, 0.9 is usual
    nesterov  True needs a momentum above 0
    Source:   Robbins and Monro 1951; Polyak 1964 (momentum); Nesterov 1983, in the form of
              Sutskever et al. 2013
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float,
        momentum: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(params, lr)
        if not 0 <= momentum < 1:
            raise ValueError(f"SGD: momentum lies in 0 … below 1. Received: {momentum=}")
        if nesterov and not momentum:
            raise ValueError("SGD: nesterov=True needs a momentum above 0, such as momentum=0.9.")
        self.momentum, self.nesterov = momentum, nesterov

    def update(self, i: int, p: Tensor, g: Array) -> None:
        if self.momentum:
            (v,) = self._memory(i, p, 1)
            v *= self.momentum
            v += g
            g = g + self.momentum * v if self.nesterov else v
        p.data -= self.lr * g


class RMSprop(Optimizer):
    """RMSprop: the step of every weight is divided by the root of a running mean of g².

    v <- α v + (1 - α) g²
    p <- p - lr g / (√v + eps)

    lr      learning rate, above 0; often 0.001 … 0.01
    alpha   α, 0 … below 1: how slowly the mean forgets
    eps     a small number above 0 that keeps the division safe
    Source: Tieleman and Hinton 2012, lecture 6.5
    """

    def __init__(
        self, params: Iterable[Tensor], lr: float = 0.01, alpha: float = 0.99, eps: float = 1e-8
    ) -> None:
        super().__init__(params, lr)
        if not 0 <= alpha < 1:
            raise ValueError(f"RMSprop: alpha lies in 0 … below 1. Received: {alpha=}")
        self.alpha, self.eps = alpha, eps

    def update(self, i: int, p: Tensor, g: Array) -> None:
        (v,) = self._memory(i, p, 1)
        v *= self.alpha
        v += (1 - self.alpha) * g * g
        p.data -= self.lr * g / (namespace(v).sqrt(v) + self.eps)


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
        d = g - m
        d *= 1 - b1
        m += d  # the same as β₁ m + (1 - β₁) g
        d = g * g
        d *= 1 - b2
        v *= b2
        v += d
        d = namespace(v).sqrt(v)
        d += self.eps * root  # both sides of the fraction carry the root: √v̂ = √v / root
        d = m / d
        d *= size
        p.data -= d

    def state_dict(self) -> dict[str, np.ndarray]:
        return super().state_dict() | {"t": np.array(self.t)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.t = np.array(state["t"]).tolist()


class AdamW(Adam):
    """Adam with weight decay: every step also makes each weight a little smaller.

    p <- p - lr weight_decay p, then Adam's step. In Adam itself such a decay would be divided by
    √v̂ like the gradient; here it acts on all weights alike.

    weight_decay  0 or more; often 0.01 … 0.1. The rest as in Adam.
    Source: Loshchilov and Hutter 2019, algorithm 2 (PyTorch's form, with lr before the decay)
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(params, lr, betas, eps)
        if not weight_decay >= 0:
            raise ValueError(f"AdamW: weight_decay is 0 or more. Received: {weight_decay=}")
        self.weight_decay = weight_decay

    def update(self, i: int, p: Tensor, g: Array) -> None:
        p.data *= 1 - self.lr * self.weight_decay
        super().update(i, p, g)
