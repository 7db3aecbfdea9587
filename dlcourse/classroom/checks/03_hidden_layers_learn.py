"""Chapter 3, hidden layers learn: what is right, what goes wrong, and what to say then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dlcourse.classroom.exercise import Choice, Code, Debug, Design, Number, Wrong

Array = np.ndarray
Gradients = tuple[Array, Array, Array, Array]
Weights = list[Array]


def _sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


# ---- 3.1 a blame by hand -------------------------------------------------------------------------
# x = (3, 2), A: weights (1, -1), bias -1, so its sum is 0. Output weight -2, output 1/2, d = 0.

blame = Number(
    id="3.1",
    title="A blame by hand",
    points=1,
    reference=-0.1875,
    wrong={
        "blame without input": Wrong(
            -0.0625,
            "−0.0625 is the blame of A, and it is right. But a weight's slope also depends on what "
            "came in through that weight. What came in here?",
        ),
        "not through the weight": Wrong(
            0.09375,
            "You passed the output's blame on as it is. It comes back through the weight that "
            "leads from A to the output, −2. Multiply by it, and look at the sign.",
        ),
        "a slope forgotten": Wrong(
            -0.75,
            "One factor ¼ is missing. Two sigmoids lie between this weight and the loss, the "
            "output's and A's own. Each contributes its slope.",
        ),
        "both slopes forgotten": Wrong(
            -3.0,
            "Error, weights and input are there, but no slope of a sigmoid. At a sum of 0, how "
            "much does σ grow when its sum grows a little?",
        ),
        "the output's weight": Wrong(
            0.0625,
            "0.0625 is the slope of the weight from A to the output: h times the output's blame. "
            "Asked is a weight below A. One more step back.",
        ),
        "the output's blame": Wrong(
            0.125,
            "0.125 is the blame of the output unit. Good, that is where you start. How does it "
            "reach A, and then A's first weight?",
        ),
        "the other weight": Wrong(
            -0.125,
            "This is the slope of A's second weight: its input is 2. Asked is the first one.",
        ),
        "sign": Wrong(
            0.1875,
            "The size is right. But the output is too large here (y − d is positive), and the "
            "weight from A to the output is negative. Which sign has their product?",
        ),
        "activation for input": Wrong(
            -0.03125,
            "You multiplied A's blame by A's own activation, ½. The slope needs what came *in* "
            "through the weight, not what goes out.",
        ),
        "mean of two": Wrong(
            -0.09375,
            "The answer is half of what is asked. The ½ of the loss cancels the 2 that comes from "
            "differentiating the square, so neither of them is left.",
        ),
        "without the half": Wrong(
            -0.375,
            "The answer is twice what is asked. Differentiate ½ (y − d)²: the 2 of the square "
            "cancels the ½.",
        ),
    },
    alternatives=[-3 / 16, "-0.1875"],
    hints=(
        "Forward first: A's sum, h, the output's sum, y. All activations are ½.",
        "The output's blame is (y − d) · y (1 − y). It comes back to A through the weight −2, "
        "times A's own slope h (1 − h).",
        "The output's blame is ½ · ¼. A's is that times −2, times ¼. Then the input of the weight.",
    ),
)

# ---- 3.2 the backward pass -----------------------------------------------------------------------


def gradients(x: Array, d: Array, W1: Array, b1: Array, W2: Array, b2: Array) -> Gradients:
    h = _sigmoid(x @ W1 + b1)
    y = _sigmoid(h @ W2 + b2)
    delta_out = (y - d) * y * (1 - y)
    delta_hidden = delta_out @ W2.T * h * (1 - h)
    return (
        x.T @ delta_hidden,
        delta_hidden.sum(axis=0, keepdims=True),
        h.T @ delta_out,
        delta_out.sum(axis=0, keepdims=True),
    )


def _like(
    out: Callable[[Array, Array], Array] = lambda y, d: (y - d) * y * (1 - y),
    inner: Callable[[Array], Array] = lambda h: h * (1 - h),
    back: Callable[[Array], Array] = lambda W2: W2.T,
) -> Callable[..., Gradients]:
    """The reference with one of its three factors replaced."""

    def wrong(x: Array, d: Array, W1: Array, b1: Array, W2: Array, b2: Array) -> Gradients:
        h = _sigmoid(x @ W1 + b1)
        y = _sigmoid(h @ W2 + b2)
        delta_out = out(y, d)
        delta_hidden = delta_out @ back(W2) * inner(h)
        biases = [delta.sum(axis=0, keepdims=True) for delta in (delta_hidden, delta_out)]
        return x.T @ delta_hidden, biases[0], h.T @ delta_out, biases[1]

    return wrong


def _scaled(factor: Callable[[Array], float]) -> Callable[..., Gradients]:
    def wrong(x: Array, *rest: Array) -> Gradients:
        a, b, c, e = (factor(x) * g for g in gradients(x, *rest))
        return a, b, c, e

    return wrong


def _flat_biases(*arguments: Array) -> Gradients:
    dW1, db1, dW2, db2 = gradients(*arguments)
    return dW1, db1[0], dW2, db2[0]


def _no_biases(*arguments: Array) -> Gradients:
    dW1, db1, dW2, db2 = gradients(*arguments)
    return dW1, 0 * db1, dW2, 0 * db2


def _wrong_order(*arguments: Array) -> Gradients:
    dW1, db1, dW2, db2 = gradients(*arguments)
    return dW1, dW2, db1, db2


def _inputs_for_activations(x: Array, d: Array, W1: Array, b1: Array, W2: Array, b2: Array):
    dW1, db1, _, db2 = gradients(x, d, W1, b1, W2, b2)
    z = x @ W1 + b1
    y = _sigmoid(_sigmoid(z) @ W2 + b2)
    return dW1, db1, z.T @ ((y - d) * y * (1 - y)), db2


def _one_by_one(x: Array, d: Array, W1: Array, b1: Array, W2: Array, b2: Array) -> Gradients:
    """Sample by sample, unit by unit."""
    total = [np.zeros_like(w) for w in (W1, b1, W2, b2)]
    for sample, wanted in zip(x, d, strict=True):
        h = [_sigmoid(sample @ W1[:, j] + b1[0, j]) for j in range(W1.shape[1])]
        for k in range(W2.shape[1]):
            y = _sigmoid(np.dot(h, W2[:, k]) + b2[0, k])
            out = (y - wanted[k]) * y * (1 - y)
            total[3][0, k] += out
            for j, a in enumerate(h):
                total[2][j, k] += a * out
                delta = out * W2[j, k] * a * (1 - a)
                total[1][0, j] += delta
                total[0][:, j] += sample * delta
    return total[0], total[1], total[2], total[3]


def _by_einsum(x: Array, d: Array, W1: Array, b1: Array, W2: Array, b2: Array) -> Gradients:
    h = _sigmoid(np.einsum("ni,ih->nh", x, W1) + b1)
    y = _sigmoid(np.einsum("nh,ho->no", h, W2) + b2)
    out = (y - d) * (y - y**2)
    inner = np.einsum("no,ho->nh", out, W2) * (h - h**2)
    ones = np.ones((1, len(x)))
    return (
        np.einsum("ni,nh->ih", x, inner),
        ones @ inner,
        np.einsum("nh,no->ho", h, out),
        ones @ out,
    )


def _no_biases_forward(x: Array, d: Array, W1: Array, b1: Array, W2: Array, b2: Array):
    return gradients(x, d, W1, 0 * b1, W2, 0 * b2)


def _linear_output(x: Array, d: Array, W1: Array, b1: Array, W2: Array, b2: Array):
    h = _sigmoid(x @ W1 + b1)
    delta_out = h @ W2 + b2 - d
    delta_hidden = delta_out @ W2.T * h * (1 - h)
    biases = [delta.sum(axis=0, keepdims=True) for delta in (delta_hidden, delta_out)]
    return x.T @ delta_hidden, biases[0], h.T @ delta_out, biases[1]


def _right(result: Any, arguments: tuple, part: int) -> bool:
    """Whether one of the four slopes is as it should be."""
    return bool(np.allclose(result[part], gradients(*arguments)[part], rtol=1e-6, atol=1e-6))


def _networks(rng: np.random.Generator) -> list[tuple]:
    sizes = [(4, 2, 3, 1), (5, 3, 2, 4), (7, 2, 5, 3), (6, 4, 3, 2)]
    return [
        (
            rng.normal(size=(n, k)),
            rng.random(size=(n, m)),
            rng.normal(size=(k, h)),
            rng.normal(size=(1, h)),
            rng.normal(size=(h, m)),
            rng.normal(size=(1, m)),
        )
        for n, k, h, m in sizes
    ]


backward_pass = Code(
    id="3.2",
    title="The backward pass, from a blank cell",
    points=3,
    names=("x", "d", "W1", "b1", "W2", "b2"),
    returns=("dW1", "db1", "dW2", "db2"),
    reference=gradients,
    inputs=_networks,
    also=(
        "a single sample",
        lambda rng: [
            (
                rng.normal(size=(1, 3)),
                rng.random(size=(1, 2)),
                rng.normal(size=(3, 4)),
                rng.normal(size=(1, 4)),
                rng.normal(size=(4, 2)),
                rng.normal(size=(1, 2)),
            )
        ],
    ),
    wrong={
        "no slope of the hidden sigmoid": Wrong(
            _like(inner=np.ones_like),
            "dW2 and db2 are right. dW1 and db1 are too large: blame that comes back to a hidden "
            "unit must also pass its sigmoid. Which factor is the slope there?",
        ),
        "no slope of the output sigmoid": Wrong(
            _like(out=lambda y, d: y - d),
            "All four are too large, each entry by another factor: the slope of the *output* "
            "sigmoid is missing. The error y − d is not the blame yet.",
        ),
        "no slopes at all": Wrong(
            _like(out=lambda y, d: y - d, inner=np.ones_like),
            "Your blames pass through the weights but through no sigmoid. Each of the two layers "
            "multiplies by its own slope, a product of the activation and 1 minus it.",
        ),
        "the mean": Wrong(
            _scaled(lambda x: 1 / len(x)),
            "All your numbers are too small by one factor, the number of samples. E is a sum over "
            "the samples, so their slopes are added and not averaged.",
        ),
        "twice": Wrong(
            _scaled(lambda x: 2.0),
            "All your numbers are twice as large as expected. E carries a ½. What does it cancel "
            "when you differentiate the square?",
        ),
        "half": Wrong(
            _scaled(lambda x: 0.5),
            "All your numbers are half as large as expected. The ½ in E has met the 2 of the "
            "square already; don't multiply by it again.",
        ),
        "sign": Wrong(
            _scaled(lambda x: -1.0),
            "All signs are turned. If the output is too large, y − d is positive and the slope of "
            "its bias is too. The minus belongs into the update.",
        ),
        "W2 not transposed": Wrong(
            _like(back=lambda W2: W2),
            "The blame of the outputs has one column for each output; it must become one column "
            "for each hidden unit. Which way round must W2 stand for that?",
        ),
        "absolute weights": Wrong(
            _like(back=lambda W2: np.abs(W2).T),
            "The sizes are right, some signs are not. A hidden unit with a negative weight to the "
            "output gets the opposite blame.",
        ),
        "blame shared equally": Wrong(
            _like(back=lambda W2: np.ones_like(W2).T),
            "Every hidden unit gets the same blame from you, whatever its weight to the output. "
            "How strong is each unit's influence?",
        ),
        "the derivative of tanh": Wrong(
            _like(out=lambda y, d: (y - d) * (1 - y * y), inner=lambda h: 1 - h * h),
            "1 − y² is the slope of tanh. At y = ½ the sigmoid has the slope ¼, yours gives ¾.",
        ),
        "bias slopes without the axis": Wrong(
            _flat_biases,
            "The numbers are right. But a slope has the shape of the thing it belongs to, and b1 "
            "is (1, hidden). Look at the option keepdims of sum.",
        ),
        "biases forgotten": Wrong(
            _no_biases,
            "dW1 and dW2 are right; the slopes of the biases are all 0. A bias is a weight whose "
            "input is always 1. What does that give?",
        ),
        "no biases on the way forward": Wrong(
            _no_biases_forward,
            "These are the slopes of a network whose biases are all 0: on the way forward b1 and "
            "b2 are not added to the weighted sums.",
        ),
        "no sigmoid at the output": Wrong(
            _linear_output,
            "Your output unit is a plain weighted sum. Here it is a sigmoid unit too: y changes, "
            "and so does the slope that the error passes on its way back.",
        ),
        "order": Wrong(
            _wrong_order,
            "All four are right, but in another order. Return dW1, db1, dW2, db2.",
        ),
        "sums for activations": Wrong(
            _inputs_for_activations,
            "dW1, db1 and db2 are right. For dW2 you used the weighted sums of the hidden units. "
            "What comes in through W2 is their activation.",
        ),
        "sigmoid's slope of the sum": Wrong(
            _like(inner=lambda h: _sigmoid(h) * (1 - _sigmoid(h))),
            "dW2 and db2 are right. In the hidden slope you put h through the sigmoid once more. "
            "But h is its output already.",
        ),
    },
    diagnose=[
        (
            lambda result, *a: not _right(result, a, 3),
            "Already db2 differs, which is the output's blame added up. So look at h and y first, "
            "then at delta_out: the error y − d, times the slope y (1 − y).",
        ),
        (
            lambda result, *a: not _right(result, a, 2),
            "db2 is right, so the output's blame is too. dW2 differs: what comes in through W2 is "
            "h, and the samples are added up. Which product of h and delta_out does that?",
        ),
        (
            lambda result, *a: not _right(result, a, 1),
            "dW2 and db2 are right. db1 differs, which is the hidden blame added up: the output's "
            "blame, back through W2, times the slope h (1 − h). Print each factor.",
        ),
        (
            lambda result, *a: not _right(result, a, 0),
            "All but dW1 are right, so both blames are. A weight's slope is what came in, times "
            "blame: what came in here is x.",
        ),
    ],
    alternatives=[_one_by_one, _by_einsum, lambda *a: list(gradients(*a))],
    hints=(
        "Forward first: h and y. Then two blames: one for each output, then one for each hidden "
        "unit.",
        "Output: (y − d) times the slope of its sigmoid. Hidden: the output's blame back through "
        "W2, times the slope of the hidden sigmoid. Write every shape down.",
        "delta_hidden has the shape of h: (n, m) @ (m, hidden). A weight's slope is what came in, "
        "transposed, @ blame. A bias's slope is the blame, added over the samples.",
    ),
)

# ---- 3.3 finite differences ----------------------------------------------------------------------


def numgrad(f: Callable[[Array], float], w: Array, eps: float) -> Array:
    slope = np.zeros_like(w)
    for i in np.ndindex(w.shape):
        step = np.zeros_like(w)
        step[i] = eps
        slope[i] = (f(w + step) - f(w - step)) / (2 * eps)
    return slope


def _cubic(w: Array) -> float:
    """Every entry counts differently, and the curve bends."""
    flat = w.ravel()
    return float(np.sum(np.arange(1, flat.size + 1) * flat**3) + flat[0] * flat[-1])


def _waves(w: Array) -> float:
    return float(np.sin(w).sum() + np.exp(0.5 * w).prod())


def _small_net(w: Array) -> float:
    h = _sigmoid(w[:2] @ np.array([1.0, -0.5, 2.0]))
    return float((_sigmoid(h @ w[2, :2] + w[2, 2]) - 1) ** 2)


def _functions(rng: np.random.Generator) -> list[tuple]:
    return [
        (_cubic, rng.normal(size=5), 1e-4),
        (_waves, rng.normal(size=(2, 3)), 1e-4),
        (_small_net, rng.normal(size=(3, 3)), 1e-3),
        (_cubic, rng.normal(size=(2, 2, 3)), 1e-4),
    ]


def _one_sided(f: Callable[[Array], float], w: Array, eps: float) -> Array:
    return numgrad(lambda v: 2 * f(v) if np.sum(v - w) > 0 else 2 * f(w), w, eps)


def _in_place(f: Callable[[Array], float], w: Array, eps: float, restore: bool = False) -> Array:
    slope = np.zeros_like(w)
    for i in np.ndindex(w.shape):
        old = w[i]
        w[i] += eps
        up = f(w)
        w[i] -= 2 * eps
        slope[i] = (up - f(w)) / (2 * eps)
        if restore:
            w[i] = old
    return slope


def _rows_only(f: Callable[[Array], float], w: Array, eps: float) -> Array:
    slope = np.zeros_like(w)
    for i in range(len(w)):
        step = np.zeros_like(w)
        step[i] = eps
        slope[i] = (f(w + step) - f(w - step)) / (2 * eps)
    return slope


def _all_at_once(f: Callable[[Array], float], w: Array, eps: float) -> Array:
    return np.full_like(w, (f(w + eps) - f(w - eps)) / (2 * eps))


finite_differences = Code(
    id="3.3",
    title="Wiggle every weight",
    points=2,
    names=("f", "w", "eps"),
    reference=numgrad,
    inputs=_functions,
    wrong={
        "one-sided": Wrong(
            _one_sided,
            "Your slopes are near, with an error that grows in step with eps: you compare f above "
            "with f at w itself. Step to both sides; the bend of the curve then cancels.",
        ),
        "divided by eps": Wrong(
            lambda f, w, eps: 2 * numgrad(f, w, eps),
            "All slopes are twice as large as expected. From w − eps to w + eps, how long is the "
            "way?",
        ),
        "not divided": Wrong(
            lambda f, w, eps: 2 * eps * numgrad(f, w, eps),
            "You return differences of f. A slope is the difference divided by the length of the "
            "step.",
        ),
        "multiplied": Wrong(
            lambda f, w, eps: 2 * eps * numgrad(f, w, eps) / 2 * eps,
            "Your numbers are tiny. `a / 2 * eps` divides by 2 and then *multiplies* by eps. Where "
            "do the brackets belong?",
        ),
        "all at once": Wrong(
            _all_at_once,
            "You move all weights together and give each the same slope. A slope belongs to one "
            "weight while the others stand still: one pair of calls for each.",
        ),
        "one index": Wrong(
            _rows_only,
            "A flat list of weights comes out right, an array with rows does not: with one index "
            "you move a whole row together. Each single weight needs all of its indices.",
        ),
        "sign": Wrong(
            lambda f, w, eps: -numgrad(f, w, eps),
            "The sizes are right, the signs are turned. The value above comes first, the one below "
            "is subtracted.",
        ),
        "not put back": Wrong(
            _in_place,
            "The weights stay moved: each probe leaves its weight at w − eps, so the next probes "
            "start elsewhere, and the caller's w has changed. Put every weight back.",
        ),
        "flattened": Wrong(
            lambda f, w, eps: numgrad(f, w, eps).ravel(),
            "The numbers are right, but in one long row. A slope for each weight, in the shape of "
            "w.",
        ),
        "their sum": Wrong(
            lambda f, w, eps: numgrad(f, w, eps).sum(),
            "You return one number. There is one slope for each weight, so the result has the "
            "shape of w.",
        ),
    },
    alternatives=[
        lambda f, w, eps: _in_place(f, w.copy(), eps, restore=True),
        lambda f, w, eps: _in_place(f, w, eps, restore=True),
        lambda f, w, eps: np.array(
            [
                (f(w + e.reshape(w.shape)) - f(w - e.reshape(w.shape))) / eps / 2
                for e in eps * np.eye(w.size)
            ]
        ).reshape(w.shape),
    ],
    hints=(
        "np.ndindex(w.shape) gives the position of every weight, whatever the shape of w.",
        "For each position: a copy of w with this entry eps larger, one with it eps smaller, and f "
        "of both.",
        "The slope is the difference of the two values, divided by the whole way between them.",
    ),
)

# ---- 3.4 a training that gets nowhere ------------------------------------------------------------


def descend(weights: Sequence[Array], x: Array, d: Array, lr: float, steps: int) -> Weights:
    weights = [w.copy() for w in weights]
    changes = [np.zeros_like(w) for w in weights]
    for _ in range(steps):
        slopes = gradients(x, d, *weights)
        changes = [0.9 * c - lr * g for c, g in zip(changes, slopes, strict=True)]
        weights = [w + c for w, c in zip(weights, changes, strict=True)]
    return weights


def _descend(  # the loop of the exercise, with each of its faults to be chosen
    weights: Sequence[Array],
    x: Array,
    d: Array,
    lr: float,
    steps: int,
    *,
    early: bool = False,
    slope: Callable[[Array], Array] = lambda h: h * (1 - h),
    keep: float = 0.9,
    up: float = -1.0,
) -> Weights:
    W1, b1, W2, b2 = (w.copy() for w in weights)
    c1, e1, c2, e2 = (np.zeros_like(w) for w in (W1, b1, W2, b2))
    for _ in range(steps):
        h = _sigmoid(x @ W1 + b1)
        y = _sigmoid(h @ W2 + b2)
        out = (y - d) * y * (1 - y)
        before = W2.copy()
        c2, e2 = keep * c2 + up * lr * h.T @ out, keep * e2 + up * lr * out.sum(0, keepdims=True)
        W2, b2 = W2 + c2, b2 + e2
        inner = out @ (W2 if early else before).T * slope(h)
        c1, e1 = (
            keep * c1 + up * lr * x.T @ inner,
            keep * e1 + up * lr * inner.sum(0, keepdims=True),
        )
        W1, b1 = W1 + c1, b1 + e1
    return [W1, b1, W2, b2]


def _slope_of_output(h: Array) -> Array:
    return _sigmoid(h) * (1 - _sigmoid(h))


def _training_inputs(rng: np.random.Generator) -> list[tuple]:
    return [
        ([W1, b1, W2, b2], x, d, 0.5, steps)
        for (x, d, W1, b1, W2, b2), steps in zip(_networks(rng), (1, 3, 4, 6), strict=True)
    ]


two_faults = Debug(
    id="3.4",
    title="A training with two faults",
    points=2,
    names=("weights", "x", "d", "lr", "steps"),
    returns=("W1", "b1", "W2", "b2"),
    reference=descend,
    inputs=_training_inputs,
    wrong={
        "broken": Wrong(
            lambda *a: _descend(*a, early=True, slope=_slope_of_output),
            "Both faults are still there. Compare one step with the chapter's `backward`: b2 and "
            "W2 move rightly, W1 does not. Which W2, and which slope, does the hidden blame use?",
        ),
        "still updates too early": Wrong(
            lambda *a: _descend(*a, early=True),
            "The slope is right now. But the hidden blame comes back through the *new* W2. The "
            "signal went through the old one. Which lines must change places?",
        ),
        "still a second sigmoid": Wrong(
            lambda *a: _descend(*a, slope=_slope_of_output),
            "The order is right now. But W1 still gets a wrong slope: h is the sigmoid's output "
            "already, and it goes through the sigmoid once more. What is its slope, said with h?",
        ),
        "no slope": Wrong(
            lambda *a: _descend(*a, slope=np.ones_like),
            "You removed the wrong slope of the hidden sigmoid, and now there is none. Blame that "
            "comes back to a unit is multiplied by h (1 − h).",
        ),
        "no slope, too early": Wrong(
            lambda *a: _descend(*a, early=True, slope=np.ones_like),
            "The hidden blame now has no slope of a sigmoid at all, and it still comes back "
            "through the new W2. Blame passes the sigmoid of its unit: which factor is that?",
        ),
        "momentum lost": Wrong(
            lambda *a: _descend(*a, keep=0.0),
            "The first step is right, the later ones are too short. Each change should keep 0.9 of "
            "the change before it.",
        ),
        "uphill": Wrong(
            lambda *a: _descend(*a, up=1.0),
            "The loss rises. A slope says where E grows; the step goes the other way.",
        ),
        "mean over samples": Wrong(
            lambda w, x, d, lr, steps: descend(w, x, d, lr / len(x), steps),
            "All steps are too short by one factor, the number of samples. E is a sum; nothing "
            "here is averaged.",
        ),
        "no learning rate": Wrong(
            lambda w, x, d, lr, steps: descend(w, x, d, 1.0, steps),
            "The steps have the right direction and the wrong length. Which argument says how far "
            "to go?",
        ),
        "one step only": Wrong(
            lambda w, x, d, lr, steps: descend(w, x, d, lr, 1),
            "You return after the first step. Is `return` inside the loop?",
        ),
        "one step too many": Wrong(
            lambda w, x, d, lr, steps: descend(w, x, d, lr, steps + 1),
            "You make one step more than asked for. How often does the loop run?",
        ),
        "the start": Wrong(
            lambda w, x, d, lr, steps: [v.copy() for v in w],
            "You return the weights as they came in. The loop's results must come out.",
        ),
    },
    diagnose=[
        (
            lambda result, *a: not np.allclose(result[3], descend(*a)[3], atol=1e-6),
            "b2 differs, which was right in the loop as given. Compare your lines for y, for "
            "delta_out and for the change e2 with the original once more.",
        ),
        (
            lambda result, *a: not np.allclose(result[1], descend(*a)[1], atol=1e-6),
            "b2 is right, b1 is not. Its change comes from the hidden blame: the output's blame, "
            "back through the old W2, times h (1 − h).",
        ),
    ],
    alternatives=[
        lambda *a: _descend(*a),
        lambda *a: tuple(descend(*a)),
    ],
    hints=(
        "Take one step (steps=1) and compare with `backward` of the chapter. Which of the four "
        "arrays come out right?",
        "W2 and b2 are right. So look at the blame of the hidden units: through which W2 does it "
        "come, and with which slope?",
        "Compute both blames before anything is updated. And h is an activation already: its slope "
        "is h * (1 - h).",
    ),
)

# ---- 3.5 choose and explain ----------------------------------------------------------------------

merged = Choice(
    id="3.5",
    title="Read a hidden space",
    points=1,
    options={
        "a": "train ten times longer",
        "b": "start again from other random weights, with a few more hidden units",
        "c": "start again with all weights 0, so that no unit is preferred",
        "d": "add a third input that is always 1",
        "e": "let the last layer begin anew, and leave the hidden units as they are",
    },
    reasons={
        1: "the hidden units have lost a difference that matters, and their slopes are nearly 0",
        2: "the loss is small, so only fine tuning is missing",
        3: "the learning rate was too large for this task",
        4: "the output unit has too few weights to part four points",
    },
    reference=("b", 1),
    wrong={
        "patience": Wrong(
            "a",
            "The chapter tried it, with three times as many steps: how many were freed? A step is "
            "slope times learning rate. How large are the slopes where h is almost 0 or 1?",
        ),
        "zeros": Wrong(
            "c",
            "With equal starts all hidden units get equal blame in every step. How many different "
            "units will there be at the end?",
        ),
        "bias": Wrong(
            "d",
            "An input that is always 1 gives each hidden unit one more weight. But each unit has a "
            "bias, which does just that.",
        ),
        "only the output": Wrong(
            "e",
            "The output unit sees nothing but the hidden space. Two samples that lie in one place "
            "there get the same output, whatever its weights are. Who could move them apart?",
        ),
        "right, but fine tuning": Wrong(
            ("b", 2),
            "The remedy helps. But two of four outputs stand at ½, which is as wrong as can be "
            "without taking a side. What do the places of 01 and 11 say?",
        ),
        "right, but the rate": Wrong(
            ("b", 3),
            "The remedy helps. But nothing here speaks of the rate: the loss is calm. Look at the "
            "hidden activations of 01 and 11 instead.",
        ),
        "right, but the output": Wrong(
            ("b", 4),
            "The remedy helps. But a line would part the four points, if they lay well. Can any "
            "output unit part two points in the same place?",
        ),
    },
    hints=(
        "Which two samples does the output unit see as one and the same? What should it say?",
        "All hidden activations of these two are almost 0 or 1. What is h (1 − h) there?",
        "So the hidden units can't be moved from here, and the output unit can't help. What "
        "is left?",
    ),
)

# ---- 3.6 design within a budget ------------------------------------------------------------------

BUDGET = 5_000  # weights times steps
NETWORKS = 100
SQUARE = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR = np.array([[0.0], [1.0], [1.0], [0.0]])


def learned_of(design: dict[str, Any]) -> dict[str, float]:
    """How many of 100 networks learn XOR, and what one training costs: weights times steps."""
    hidden, steps = design["hidden"], design["steps"]
    lr, size = float(design["lr"]), float(design["size"])
    if hidden != int(hidden) or steps != int(steps):
        raise ValueError("hidden and steps must be whole numbers")
    hidden, steps = int(hidden), int(steps)
    if not (1 <= hidden <= 50 and 1 <= steps <= 3000):
        raise ValueError("hidden must be between 1 and 50, steps between 1 and 3000")
    if not (0 < lr <= 100 and 0 <= size <= 100):
        raise ValueError("lr must be above 0 and at most 100, size between 0 and 100")
    rng = np.random.default_rng(3)
    shapes = [(2, hidden), (1, hidden), (hidden, 1), (1, 1)]
    weights = [size * rng.normal(size=(NETWORKS, *shape)) for shape in shapes]
    y = _train_many(weights, lr, steps)
    return {
        "learned": float((np.abs(y - XOR) < 0.2).all(axis=(1, 2)).sum()),
        "cost": float((4 * hidden + 1) * steps),
        "hidden": float(hidden),
        "size": size,
    }


def _train_many(weights: Weights, lr: float, steps: int) -> Array:
    """All networks side by side; their outputs (networks, 4, 1) at the end."""
    changes = [np.zeros_like(w) for w in weights]
    for _ in range(steps):
        W1, b1, W2, b2 = weights
        h = _sigmoid(SQUARE @ W1 + b1)
        y = _sigmoid(h @ W2 + b2)
        out = (y - XOR) * y * (1 - y)
        inner = out @ W2.swapaxes(1, 2) * h * (1 - h)
        slopes = [SQUARE.T @ inner, inner.sum(1, keepdims=True)]
        slopes += [h.swapaxes(1, 2) @ out, out.sum(1, keepdims=True)]
        changes = [0.9 * c - lr * g for c, g in zip(changes, slopes, strict=True)]
        weights = [w + c for w, c in zip(weights, changes, strict=True)]
    W1, b1, W2, b2 = weights
    return _sigmoid(_sigmoid(SQUARE @ W1 + b1) @ W2 + b2)


hardly_stuck = Design(
    id="3.6",
    title="Hardly ever stuck, within a budget",
    points=2,
    reference={"hidden": 5, "lr": 1.0, "size": 1.0, "steps": 230},
    measure=learned_of,
    accept=lambda m: m["learned"] >= 97 and m["cost"] <= BUDGET,
    wrong={
        "as in the chapter": Wrong(
            {"hidden": 2, "lr": 0.5, "size": 1.0, "steps": 500},
            "{learned:.0f} of 100 learned. With two units some starts always end with two points "
            "in one place. What did the chapter find for three, four and eight units?",
        ),
        "all alike": Wrong(
            {"hidden": 5, "lr": 1.0, "size": 0.0, "steps": 230},
            "None learned. With size 0 all hidden units start alike, get the same blame and stay "
            "twins. They must differ from the start.",
        ),
        "too slow": Wrong(
            {"hidden": 5, "lr": 0.02, "size": 1.0, "steps": 230},
            "{learned:.0f} of 100 learned. The steps are so short that few networks arrive in "
            "time. Which setting makes a step longer?",
        ),
        "more of everything": Wrong(
            {"hidden": 8, "lr": 0.5, "size": 1.0, "steps": 1500},
            "{learned:.0f} of 100 learned, but at a cost of {cost:,.0f}; the budget is 5,000. "
            "Fewer steps, or fewer units? Watch how early the loss falls in the chapter's figure.",
        ),
        "saturated": Wrong(
            {"hidden": 5, "lr": 1.0, "size": 12.0, "steps": 230},
            "{learned:.0f} of 100 learned. With such large start weights most activations begin "
            "near 0 or 1, where the sigmoid is flat and blame does not pass.",
        ),
    },
    diagnose=[
        (
            lambda m: m["cost"] > BUDGET,
            "The cost is {cost:,.0f} (weights · steps), and the budget is 5,000. A network with n "
            "hidden units has 4 n + 1 weights: how many steps does that leave?",
        ),
        (
            lambda m: m["size"] == 0,
            "With size 0 all hidden units stay twins. Give them different starts.",
        ),
        (
            lambda m: m["hidden"] <= 2,
            "{learned:.0f} of 100 learned, and 97 are asked for. With so few units there is often "
            "none that keeps two points apart. Try more of them.",
        ),
        (
            lambda m: m["learned"] < 50,
            "Only {learned:.0f} of 100 learned. Either the steps are too short or too few, or the "
            "start weights are far too small or too large. Change one at a time.",
        ),
        (
            lambda m: m["learned"] < 97,
            "{learned:.0f} of 100 learned; 97 are asked for. You are near. A larger learning rate, "
            "more steps within the budget, or one unit more may do it.",
        ),
    ],
    alternatives=[
        {"hidden": 4, "lr": 2.0, "size": 1.0, "steps": 290},
        {"hidden": 6, "lr": 1.0, "size": 0.8, "steps": 200},
    ],
    hints=(
        "A network with n hidden units has 4 n + 1 weights, so 5 units leave 5,000 / 21 steps.",
        "In the chapter more units are hardly ever stuck, and most losses fall within the first "
        "200 steps. A larger learning rate makes them fall earlier.",
        "Start at 4 to 6 units with size 1, use up the budget, and raise the learning rate step by "
        "step from 0.5.",
    ),
)

EXERCISES = [
    blame,
    backward_pass,
    finite_differences,
    two_faults,
    merged,
    hardly_stuck,
]
