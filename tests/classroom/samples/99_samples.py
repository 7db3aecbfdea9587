"""Sample exercises, one of each kind: the fixture of the classroom's own tests."""

import numpy as np

from dlcourse.classroom.exercise import Choice, Code, Debug, Design, Number, Wrong


def softmax(x):
    shifted = x - x.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    return e / e.sum(axis=1, keepdims=True)


def softmax_of_columns(x):
    e = np.exp(x - x.max(axis=0, keepdims=True))
    return e / e.sum(axis=0, keepdims=True)


def softmax_of_everything(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def softmax_without_sum(x):
    return np.exp(x - x.max(axis=1, keepdims=True))


def softmax_without_exp(x):
    return x / x.sum(axis=1, keepdims=True)


def softmax_loop(x):
    rows = []
    for row in x:
        e = np.exp(row - np.max(row))
        rows.append(list(e / np.sum(e)))
    return rows


def softmax_float32(x):
    e = np.exp((x - x.max(axis=1, keepdims=True)).astype(np.float32))
    return e / e.sum(axis=1, keepdims=True)


SOFTMAX = Code(
    id="99.1",
    title="Softmax of each row",
    points=2,
    reference=softmax,
    inputs=lambda rng: [
        (rng.normal(size=(4, 3)),),
        (rng.normal(size=(5, 7)) * 3,),
        (rng.normal(size=(2, 6)) + 900,),
    ],
    also=("a batch of one row", lambda rng: [(rng.normal(size=(1, 5)),)]),
    alternatives=[softmax_loop, softmax_float32],
    wrong={
        "columns": Wrong(
            softmax_of_columns,
            "Each column of your result sums to 1, and each row should. Which axis lists the "
            "classes, and which the examples?",
        ),
        "everything": Wrong(
            softmax_of_everything,
            "All numbers together sum to 1. Each row is a distribution of its own: over which "
            "axis must the sum run?",
        ),
        "no sum": Wrong(
            softmax_without_sum,
            "The rows don't sum to 1. You have the exponentials; what turns them into shares?",
        ),
        "no exp": Wrong(
            softmax_without_exp,
            "Your result can be negative, and a probability can't. Which function makes every "
            "number positive before the division?",
        ),
    },
    hints=(
        "A softmax turns each row into positive numbers that sum to 1.",
        "Take the exponential of each number, then divide by its row's sum.",
        "Subtract each row's maximum first. `keepdims=True` keeps the axis for the division.",
    ),
    equivalent={},
)


def matmul_backward(x, y, g):
    dx = g @ y.T
    dy = x.T @ g
    return dx, dy


def _without_g(x, y, g):
    return matmul_backward(x, y, np.ones_like(g))


def _swapped(x, y, g):
    return matmul_backward(x, y, g)[::-1]


def _no_transpose(x, y, g):
    return g @ y, x @ g


def _mean(x, y, g):
    dx, dy = matmul_backward(x, y, g)
    return dx / len(x), dy / len(x)


MATMUL = Code(
    id="99.2",
    title="The gradients of a matrix product",
    points=3,
    reference=matmul_backward,
    returns=("dx", "dy"),
    inputs=lambda rng: [
        (rng.normal(size=(n, k)), rng.normal(size=(k, m)), rng.normal(size=(n, m)))
        for n, k, m in ((4, 3, 5), (2, 6, 3), (5, 2, 7))
    ],
    alternatives=[
        lambda x, y, g: [np.einsum("nm,km->nk", g, y), np.einsum("nk,nm->km", x, g)],
        lambda x, y, g: ((y @ g.T).T, (g.T @ x).T),
    ],
    wrong={
        "ignores g": Wrong(
            _without_g,
            "This is the gradient for an incoming gradient of ones. The chain rule passes on what "
            "comes from above: where does `g` enter?",
        ),
        "swapped": Wrong(
            _swapped, "The two gradients came back in turned order: first `dx`, then `dy`."
        ),
        "no transpose": Wrong(
            _no_transpose,
            "The sizes don't fit. A gradient has the shape of its input: which factor must be "
            "transposed so that `dx` has the shape of `x`?",
        ),
        "mean": Wrong(
            _mean,
            "Your gradients are divided by the batch size. Only a loss that takes a mean does "
            "that; the matrix product itself sums.",
        ),
    },
    hints=(
        "The gradient of an input has the shape of that input.",
        "Both gradients are matrix products of `g` with the other input.",
        "Write the shapes down: (n, m) and (k, m) must give (n, k). Transpose one of them.",
    ),
)


def descend(weight, gradient, rate):
    weight -= rate * gradient


def _ascend(weight, gradient, rate):
    weight += rate * gradient


def _new_weight(weight, gradient, rate):
    weight = weight - rate * gradient


def _no_rate(weight, gradient, rate):
    weight -= gradient


def _divided(weight, gradient, rate):
    weight -= gradient / rate


def _descend_out(weight, gradient, rate):
    np.subtract(weight, rate * gradient, out=weight)


def _descend_slice(weight, gradient, rate):
    weight[:] = weight - rate * gradient


DESCEND = Debug(
    id="99.3",
    title="A step that goes uphill",
    points=1,
    reference=descend,
    changes=("weight",),
    inputs=lambda rng: [
        (rng.normal(size=shape), rng.normal(size=shape), float(rng.uniform(0.1, 0.5)))
        for shape in ((3, 2), (4, 5), (2, 6))
    ],
    alternatives=[_descend_out, _descend_slice],
    wrong={
        "broken": Wrong(_ascend, "The loss still grows. Which way does the gradient point?"),
        "not in place": Wrong(
            _new_weight,
            "The caller's weights stay as they were: `weight = ...` makes a new array. "
            "Which operator changes the array itself?",
        ),
        "no rate": Wrong(_no_rate, "The step ignores the learning rate."),
        "divided": Wrong(_divided, "A larger learning rate makes your step smaller."),
    },
    hints=(
        "Print the loss before and after one step.",
        "The gradient points uphill.",
        "Subtract, and do it in place.",
    ),
)

PARAMETERS = Number(
    id="99.4",
    title="Count the parameters",
    points=1,
    reference=lambda: 4 * 3 + 3,
    alternatives=["15", 15.0, np.int64(15), np.array([15.0])],
    wrong={
        "no bias": Wrong(12, "These are the weights. Each of the three units has one number more."),
        "bias per input": Wrong(16, "You added one bias per input. Which units have a bias?"),
        "sum": Wrong(7, "Every input is connected to every unit: how many connections are that?"),
        "bias per weight": Wrong(24, "A bias belongs to a unit, not to a connection."),
    },
    hints=("Count weights and biases.", "Weights: inputs times units.", "One bias for each unit."),
)

SLOPE = Number(
    id="99.5",
    title="The slope of the sigmoid at 1",
    points=1,
    reference=lambda: 1 / (1 + np.exp(-1.0)) * (1 - 1 / (1 + np.exp(-1.0))),
    alternatives=["0.1966", ".19661", np.float32(0.1966119)],
    wrong={
        "value": Wrong(0.7311, "This is the sigmoid itself. Its slope is s (1 - s)."),
        "at zero": Wrong(0.25, "This is the slope at 0, where the curve is steepest."),
        "no product": Wrong(0.2689, "This is 1 - s. One factor is missing."),
        "square": Wrong(0.5344, "This is s squared. Look at the second factor again."),
    },
    hints=("Compute s first.", "The slope follows from s alone.", "It is s (1 - s)."),
)

XOR = Choice(
    id="99.6",
    title="What one neuron can't do",
    points=2,
    options={"a": "AND", "b": "XOR", "c": "OR"},
    reasons={1: "no line separates the two classes", 2: "it needs more data"},
    reference=("b", 1),
    alternatives=[("B", "1"), ["b", 1], (" (b) ", 1.0)],
    wrong={
        "and": Wrong("a", "One line separates AND: try weights 1, 1 and threshold 1.5."),
        "or": Wrong("c", "One line separates OR: try weights 1, 1 and threshold 0.5."),
        "data": Wrong(("b", 2), "All four points are known already. Draw them."),
        "none": Wrong(("a", 2), "AND needs no more data: one line separates its four points."),
    },
    hints=("Draw the four points.", "Try to part them by one line.", "Opposite corners agree."),
    explain="Opposite corners of the square share a class.",
)


def _measure(hidden):
    return {"parameters": 2 * hidden + hidden + hidden + 1, "units": hidden}


DESIGN = Design(
    id="99.7",
    title="A network within 50 parameters",
    points=2,
    reference=8,
    measure=_measure,
    accept=lambda m: m["parameters"] <= 50 and m["units"] >= 4,
    alternatives=[4, 12],
    wrong={
        "too large": Wrong(100, "Your network has {parameters:.0f} parameters; 50 are allowed."),
        "one unit": Wrong(1, "One hidden unit draws one line only."),
        "none": Wrong(0, "Without hidden units this is one neuron."),
        "two": Wrong(2, "Two units can do it in theory, but seldom learn it."),
    },
    diagnose=[
        (lambda m: m["parameters"] > 50, "{parameters:.0f} parameters are more than 50."),
        (lambda m: m["units"] < 4, "{units:.0f} units are too few to learn it from every start."),
    ],
    hints=("Count first.", "Each unit costs four parameters.", "Between 4 and 12 units."),
)

EXERCISES = [SOFTMAX, MATMUL, DESCEND, PARAMETERS, SLOPE, XOR, DESIGN]
