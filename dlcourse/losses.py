"""Losses: one number that says how wrong the outputs are. All of them are means over the batch."""

import math
from typing import Any

from dlcourse.backprop import Tensor, op
from dlcourse.device import Array, is_float, namespace
from dlcourse.ops import maximum


def mse_loss(prediction: Tensor, target: Any) -> Tensor:
    """Mean squared error: mean of (prediction - target)².

    Shape:   prediction and target (...), equal -> one number, 0 or more
    Raises:  ValueError if the shapes differ
    """
    _check_same_shape("mse_loss", prediction, target)
    return _mean_of_squares(prediction - target)


@op
def _mean_of_squares(d):
    """(1/n) Σ d² over all n entries.   dd = g 2 d / n"""
    flat = d.reshape(-1)
    n = flat.shape[0]
    return namespace(d).vecdot(flat, flat) / n, lambda g: d * (g * 2 / n)


def l1_loss(prediction: Tensor, target: Any) -> Tensor:
    """Mean absolute error: mean of |prediction - target|. Far outliers weigh less than in mse_loss.

    Shape:   prediction and target (...), equal -> one number, 0 or more
    Raises:  ValueError if the shapes differ
    """
    _check_same_shape("l1_loss", prediction, target)
    return (prediction - target).abs().mean()


def huber_loss(prediction: Tensor, target: Any, delta: float = 1.0) -> Tensor:
    """Mean of d²/2 where |d| < delta, elsewhere delta (|d| - delta/2); d = prediction - target.

    A parabola near 0, as in mse_loss, and straight lines far away, as in l1_loss.
    delta    where one becomes the other, above 0
    Shape:   prediction and target (...), equal -> one number, 0 or more
    Raises:  ValueError if the shapes differ or delta is not above 0
    Source:  Huber 1964
    """
    _check_same_shape("huber_loss", prediction, target)
    if not delta > 0:
        raise ValueError(f"huber_loss: delta must be above 0. Received: {delta=}")
    return _huber(prediction - target, delta=delta).mean()


@op
def _huber(d, delta):
    """With c = d, held between -delta and delta: the value is c (d - c/2).   dd = g c"""
    near = d.clip(-delta, delta)
    return near * (d - near / 2), lambda g: g * near


def binary_cross_entropy_with_logits(logits: Tensor, target: Any) -> Tensor:
    """Mean of -(t log p + (1 - t) log(1 - p)) with p = sigmoid(logit).

    Shape:   logits and target (...), equal -> one number, 0 or more
    Target:  0 or 1, or a probability between them
    Raises:  ValueError if the shapes differ or a target lies outside 0 … 1
    """
    _check_same_shape("binary_cross_entropy_with_logits", logits, target)
    return _binary_cross_entropy_with_logits(logits, target)


@op
def _binary_cross_entropy_with_logits(z, t):
    """Written with |z|, so that exp never overflows:  max(z, 0) - z t + log(1 + exp(-|z|)).

    dz = g (p - t) / n
    """
    xp = namespace(z)
    if bool((t < 0).any()) or bool((t > 1).any()):
        raise ValueError(
            "binary_cross_entropy_with_logits: targets lie between 0 and 1. "
            f"Received: {float(t.min())} to {float(t.max())}. Labels -1 and 1 become (t + 1) / 2."
        )
    value = xp.mean(z.clip(0) - z * t + xp.log1p(xp.exp(-xp.abs(z))))
    share = 1 / math.prod(z.shape)
    return value, lambda g: (xp.tanh(z * 0.5) * 0.5 + 0.5 - t) * (g * share)


@op
def cross_entropy(logits, labels):
    """Mean of -log p[label] with p = softmax(logits).   dlogits = g (p - one_hot(label)) / n

    Shape:   logits (..., classes), labels (...) -> one number, 0 or more
    Labels:  whole numbers from 0 to classes - 1, as a plain array
    Raises:  TypeError if the labels are not whole numbers; ValueError if shapes or range are wrong
    """
    _check_labels(logits, labels)
    xp = namespace(logits)
    z, t = logits.reshape(-1, logits.shape[-1]), labels.reshape(-1)  # (n, classes), (n,)
    n = t.shape[0]
    rows = xp.arange(n, device=logits.device)
    z = z - xp.max(z, axis=-1, keepdims=True)  # the largest becomes 0: exp can't overflow
    e = xp.exp(z)
    total = xp.sum(e, axis=-1, keepdims=True)  # (n, 1)
    value = xp.sum(xp.log(total[:, 0]) - z[rows, t]) / n

    def derivative(g: Array) -> Array:
        p = e / total
        p[rows, t] -= 1
        p *= g / n
        return p.reshape(logits.shape)

    return value, derivative


def kl_div(log_prediction: Tensor, target: Any) -> Tensor:
    """Kullback-Leibler divergence of target p and prediction q: mean of Σ p (log p - log q).

    The sum goes over the last axis, the mean over all rows. Mind the order of the arguments, which
    is PyTorch's: first the logarithms of the predicted probabilities (log_softmax gives them),
    then the true probabilities. This is PyTorch's reduction="batchmean" for two axes.

    Shape:   log_prediction and target (..., classes), equal -> one number, 0 or more
    Target:  probabilities, 0 … 1, each row with the sum 1; 0 log 0 counts as 0
    Raises:  ValueError if the shapes differ or a target is negative
    Source:  Kullback and Leibler 1951
    """
    _check_same_shape("kl_div", log_prediction, target)
    return _kl_div(log_prediction, target)


@op
def _kl_div(log_q, p):
    """dlog_q = -g p / n,  dp = g (log p + 1 - log q) / n"""
    xp, n = namespace(log_q), math.prod(log_q.shape[:-1])
    if bool((p < 0).any()):
        raise ValueError(
            "kl_div: the target holds probabilities, 0 or more. "
            f"Received: {float(p.min())}. Logarithms belong into the first argument."
        )
    log_p = xp.log(xp.where(p > 0, p, 1))
    value = xp.sum(p * (log_p - log_q)) / n
    return value, (lambda g: p * (-g / n), lambda g: (log_p + 1 - log_q) * (g / n))


def contrastive_loss(first: Tensor, second: Tensor, temperature: Any = 0.1) -> Tensor:
    """Symmetric InfoNCE: row i of first belongs to row i of second, and to no other row.

    s = cosine of each row of first with each row of second, divided by the temperature; the loss is
    the mean of two cross-entropies that look for the right partner, along rows and along columns.

    temperature  above 0, a number or a tensor to learn; small: only the nearest rows count
    Shape:   first and second (n, size), equal, n at least 2 -> one number, 0 or more
    Raises:  ValueError if shapes do not fit or the temperature is not above 0
    Source:  van den Oord et al. 2018, eq. 4; symmetric as in Radford et al. 2021, figure 3
    """
    _check_same_shape("contrastive_loss", first, second)
    if len(first.shape) != 2 or first.shape[0] < 2 or not float(temperature) > 0:
        raise ValueError(
            "contrastive_loss: expected at least two rows, (n, size), and a temperature above 0. "
            f"Received: shape {tuple(first.shape)}, temperature {float(temperature)}"
        )
    scores = (normalize(first) @ normalize(second).T) / temperature  # (n, n)
    partners = namespace(first.data).arange(len(first), device=first.data.device)
    return (cross_entropy(scores, partners) + cross_entropy(scores.T, partners)) / 2


def normalize(x: Tensor) -> Tensor:
    """Each row divided by its length, x / √(Σ x²): the product of two such rows is their cosine.

    Shape:   x (..., size) -> the same; rows of length 1. A row of zeros stays what it is.
    Source:  torch.nn.functional.normalize
    """
    return x / maximum((x * x).sum(-1, keepdims=True), 1e-24).sqrt()


def _check_same_shape(name: str, prediction: Any, target: Any) -> None:
    if tuple(prediction.shape) != tuple(target.shape):
        raise ValueError(
            f"{name}: the prediction has shape {tuple(prediction.shape)}, the target "
            f"{tuple(target.shape)}. They must be equal; reshape one of them."
        )


def _check_labels(logits: Array, labels: Any) -> None:
    """Clear words for the usual mistakes, before an index goes wrong."""
    if not hasattr(labels, "shape") or is_float(labels):
        received = getattr(labels, "dtype", type(labels).__name__)
        raise TypeError(
            "cross_entropy: labels are whole numbers in a plain array, one class number per row, "
            f"such as y.astype(int). Received: {received}"
        )
    if logits.ndim == 0 or tuple(labels.shape) != tuple(logits.shape[:-1]):
        one_hot = tuple(labels.shape) == tuple(logits.shape)
        advice = "For one-hot labels take labels.argmax(axis=-1)." if one_hot else ""
        raise ValueError(
            f"cross_entropy: logits {tuple(logits.shape)} need labels of shape "
            f"{tuple(logits.shape[:-1])}. Received: {tuple(labels.shape)}. {advice}".rstrip()
        )
    classes = logits.shape[-1]
    if int(labels.min()) < 0 or int(labels.max()) >= classes:
        raise ValueError(
            f"cross_entropy: labels go from 0 to {classes - 1} for {classes} outputs. "
            f"Received: {int(labels.min())} to {int(labels.max())}"
        )
