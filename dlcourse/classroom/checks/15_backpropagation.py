"""Chapter 15, backpropagation: what is right, what goes wrong, and what to say then."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from dlcourse.classroom.exercise import Choice, Code, Debug, Design, Number, Wrong

Array = np.ndarray
Edges = dict[str, list[tuple[str, float]]]
Gradients = dict[str, float]
Fitted = tuple[Array, list[float]]

# ---- 15.1 one gradient by hand -------------------------------------------------------------------
# L = (a + b) · a at a = 2, b = 3: a goes into the sum and into the product.

two_paths = Number(
    id="15.1",
    title="Two paths, by hand",
    points=1,
    reference=7.0,
    wrong={
        "only the product": Wrong(
            5.0,
            "5 is what comes through the product alone: the other factor, a + b. But a also sits "
            "inside the sum. What does that path bring? Then add.",
        ),
        "only the sum": Wrong(
            2.0,
            "2 is what comes through the sum alone: the slope 1, times a. But a is also the second "
            "factor of the product. What does that path bring? Then add.",
        ),
        "the value of L": Wrong(
            10.0,
            "10 is L itself, and also the product of the two contributions. Asked is how fast L "
            "grows with a. Slopes are multiplied within one path; what happens with two paths?",
        ),
        "the product of a and b": Wrong(
            6.0,
            "6 is a · b. Write down what arrives at a along each of its two arrows: once as a "
            "factor of the product, once as a term of the sum.",
        ),
        "only a squared": Wrong(
            4.0,
            "4 is the slope of a², as if the other factor were a alone. It is a + b. What does b "
            "add to the slope?",
        ),
        "a counted once": Wrong(
            8.0,
            "8 is not the sum of the two paths. Write down for each of the two arrows that leave "
            "a: what arrives, times the local derivative. Which of the two is too large?",
        ),
        "b alone": Wrong(
            3.0,
            "3 is b. That would be the slope of b · a. But the factor is a + b, and a sits in it "
            "too. Follow both arrows that leave a.",
        ),
    },
    alternatives=[7, "7.0"],
    hints=(
        "How many arrows leave a? Follow each of them to L.",
        "Path 1: a is a factor of the product. Path 2: a is a term of the sum, and the sum is the "
        "other factor.",
        "Path 1 brings a + b. Path 2 brings 1 · a. What is to be done with the two?",
    ),
)

# ---- 15.2 the sigmoid, from its output -----------------------------------------------------------


def sigmoid_backward(y: Array, g: Array) -> Array:
    return g * y * (1 - y)


def _logistic(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


sigmoid_from_output = Code(
    id="15.2",
    title="The sigmoid, from its output",
    points=1,
    names=("y", "g"),
    reference=sigmoid_backward,
    inputs=lambda rng: (
        [
            (_logistic(rng.normal(size=shape)), rng.normal(size=shape))
            for shape in [(5,), (3, 4), (2, 3, 5)]
        ]
        + [(np.array([1e-9, 0.5, 1 - 1e-9]), np.array([2.0, -3.0, 4.0]))]
    ),
    wrong={
        "takes y for z": Wrong(
            lambda y, g: g * _logistic(y) * (1 - _logistic(y)),
            "Your gradient is that of a second sigmoid: you put y through the sigmoid once more. "
            "But y is the output already. Which formula needs the output only?",
        ),
        "ignores g": Wrong(
            lambda y, g: y * (1 - y),
            "You return the local derivative alone. It is right, but the gradient that arrives, g, "
            "is missing: the chain rule multiplies the two.",
        ),
        "the derivative of tanh": Wrong(
            lambda y, g: g * (1 - y * y),
            "g · (1 − y²) belongs to tanh. At y = 0.5 the sigmoid's slope is 1/4, and yours is "
            "3/4. Which product of y and 1 − y gives 1/4 there?",
        ),
        "sign": Wrong(
            lambda y, g: g * y * (y - 1),
            "The sign is turned: a sigmoid rises everywhere, so a positive g must stay positive. "
            "Look at the factor that you subtract.",
        ),
        "sums up": Wrong(
            lambda y, g: (g * y * (1 - y)).sum(),
            "You return one number. Each element of y has a gradient of its own, so the result "
            "has the shape of y.",
        ),
        "divides by g": Wrong(
            lambda y, g: y * (1 - y) / g,
            "Your numbers differ from the expected ones by another factor each. Compare how each "
            "changes with its g: should a larger g make the result larger or smaller?",
        ),
        "the forward pass": Wrong(
            lambda y, g: g * y,
            "You return g · y. That treats the output as its own derivative, which holds for exp. "
            "The sigmoid also flattens as y comes near 1: which factor does that?",
        ),
    },
    alternatives=[
        lambda y, g: g * (y - y**2),
        lambda y, g: np.multiply(np.multiply(y, 1 - y), g),
        lambda y, g: g / (1 / y + 1 / (1 - y)),
    ],
    hints=(
        "The chain rule: what arrives, times the local derivative, element by element.",
        "Write σ(z) = 1/(1 + e^(−z)) and differentiate. Everything can be said with σ itself.",
        "At y = 0.5 the local derivative is 1/4; at y = 0 and at y = 1 it is 0. Which simple "
        "product of y and (1 − y) does that?",
    ),
)

# ---- 15.3 the matrix product ---------------------------------------------------------------------


def matmul_backward(x: Array, y: Array, g: Array) -> tuple[Array, Array]:
    return g @ y.T, x.T @ g


def _matmul_inputs(rng: np.random.Generator) -> list[tuple[Array, Array, Array]]:
    sizes = [(5, 3, 4), (5, 2, 3), (3, 5, 2), (4, 2, 5), (2, 6, 3)]
    return [
        (rng.normal(size=(n, k)), rng.normal(size=(k, m)), rng.normal(size=(n, m)))
        for n, k, m in sizes
    ]


matrix_product = Code(
    id="15.3",
    title="The backward pass of a matrix product",
    points=2,
    names=("x", "y", "g"),
    reference=matmul_backward,
    inputs=_matmul_inputs,
    wrong={
        "swapped": Wrong(
            lambda x, y, g: (x.T @ g, g @ y.T),
            "Both gradients are right, but in the wrong order. The first result must have the "
            "shape of x, the second the shape of y.",
        ),
        "transposed results": Wrong(
            lambda x, y, g: ((g @ y.T).T, (x.T @ g).T),
            "Each gradient has the right numbers and is turned on its side. A gradient has the "
            "shape of the thing it belongs to: dx that of x, dy that of y.",
        ),
        "ignores g": Wrong(
            lambda x, y, g: (np.ones_like(g) @ y.T, x.T @ np.ones_like(g)),
            "This is right only if the gradient that arrives is all ones. It is not: use g.",
        ),
        "sums for means": Wrong(
            lambda x, y, g: (g @ y.T / len(x), x.T @ g / len(x)),
            "All your numbers are too small by one factor, the number of rows of x. Nothing is "
            "averaged here: a mean belongs into the loss, and g contains it already.",
        ),
        "dx alone": Wrong(
            lambda x, y, g: g @ y.T,
            "You return one array, and two results are asked for: dx and dy, separated by a comma. "
            "What about the gradient of y?",
        ),
        "one of them only": Wrong(
            lambda x, y, g: (g @ y.T, np.zeros_like(y)),
            "dx is right, dy is all zeros. The loss depends on y as well: which product of x and g "
            "has the shape of y?",
        ),
        "sign": Wrong(
            lambda x, y, g: (-(g @ y.T), -(x.T @ g)),
            "Both gradients point the other way. A minus belongs into the update (step 5), not "
            "into the backward pass.",
        ),
        "without transposing": Wrong(
            lambda x, y, g: (g @ y, x @ g),
            "The sizes do not fit: (n, m) @ (k, m) has no common inner size. Which of the two "
            "must be turned on its side, so that the result has the shape of x?",
        ),
    },
    alternatives=[
        lambda x, y, g: (np.einsum("nm,km->nk", g, y), np.einsum("nk,nm->km", x, g)),
        lambda x, y, g: (np.dot(y, g.T).T, np.dot(g.T, x).T),
        lambda x, y, g: [
            sum(np.outer(g[:, j], y[:, j]) for j in range(g.shape[1])),
            sum(np.outer(x[i], g[i]) for i in range(len(x))),
        ],
    ],
    hints=(
        "Write the shapes down: x (n, k), y (k, m), g (n, m). What shape must dx have, and dy?",
        "Only one product of g with y (one of them turned on its side) has the shape (n, k).",
        "x_ik meets y_k1, y_k2, … on its way to row i of the result. So dx_ik adds up g_ij · y_kj "
        "over j. Which matrix product is that? Do the same for y_kj.",
    ),
)

# ---- 15.4 a bias that is broadcast ---------------------------------------------------------------


def add_backward(x: Array, b: Array, g: Array) -> tuple[Array, Array]:
    def shrink(gradient: Array, shape: tuple[int, ...]) -> Array:
        extra = gradient.ndim - len(shape)
        gradient = gradient.sum(axis=tuple(range(extra)))
        stretched = tuple(i for i, size in enumerate(shape) if size == 1)
        return gradient.sum(axis=stretched, keepdims=True)

    return shrink(g, x.shape), shrink(g, b.shape)


def _shrink_by_loop(g: Array, shape: tuple[int, ...]) -> Array:
    total = np.zeros(shape)
    padded = (1,) * (g.ndim - len(shape)) + shape
    for index in np.ndindex(*g.shape):
        place = tuple(0 if size == 1 else i for i, size in zip(index, padded, strict=True))
        total[place[g.ndim - len(shape) :]] += g[index]
    return total


def _shrink_backwards(g: Array, shape: tuple[int, ...]) -> Array:
    while g.ndim > len(shape):
        g = g.sum(0)
    for axis, size in enumerate(shape):
        if size == 1:
            g = g.sum(axis, keepdims=True)
    return g


def _broadcast_inputs(rng: np.random.Generator) -> list[tuple[Array, Array, Array]]:
    pairs: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
        ((4, 3), (3,)),
        ((4, 1), (1, 3)),
        ((3,), (5, 3)),
        ((2, 4, 3), (4, 3)),
        ((2, 4, 3), (4, 1)),
        ((5, 2), (5, 2)),
    ]
    return [
        (
            rng.normal(size=left),
            rng.normal(size=right),
            rng.normal(size=np.broadcast_shapes(left, right)),
        )
        for left, right in pairs
    ]


def _means(g: Array, shape: tuple[int, ...]) -> Array:
    return _shrink_backwards(g, shape) * (np.prod(shape) / g.size)


def _first_only(g: Array, shape: tuple[int, ...]) -> Array:
    while g.ndim > len(shape):
        g = g[0]
    return g[tuple(slice(0, 1) if size == 1 else slice(None) for size in shape)]


def _without_keepdims(g: Array, shape: tuple[int, ...]) -> Array:
    while g.ndim > len(shape):
        g = g.sum(0)
    return g.sum(axis=tuple(i for i, size in enumerate(shape) if size == 1))


broadcast_add = Code(
    id="15.4",
    title="A bias for every row",
    points=2,
    names=("x", "b", "g"),
    reference=add_backward,
    inputs=_broadcast_inputs,
    wrong={
        "not summed": Wrong(
            lambda x, b, g: (g, g),
            "You hand g on as it is, in its large shape. But b was used once for *every* row, "
            "so it gets one contribution from each of them. What happens to several contributions?",
        ),
        "means": Wrong(
            lambda x, b, g: (_means(g, x.shape), _means(g, b.shape)),
            "You take the mean over the stretched axes. Each use adds its contribution in full; "
            "nothing here divides by the number of uses.",
        ),
        "first row only": Wrong(
            lambda x, b, g: (_first_only(g, x.shape), _first_only(g, b.shape)),
            "You keep the gradient of the first row (or column) and drop the rest. All rows used "
            "b, so all of them have a say.",
        ),
        "only x": Wrong(
            lambda x, b, g: (g, _shrink_backwards(g, b.shape)),
            "The gradient of b is right. But x can be the one that was stretched: try x of shape "
            "(4, 1) and b of shape (1, 3).",
        ),
        "the wrong axis": Wrong(
            lambda x, b, g: (_shrink_backwards(g, x.shape), g.sum(axis=-1)),
            "For x of shape (4, 3) and b of shape (3,) you sum over the axis that b has. Compare "
            "the shapes from the right: along which axis of g was b *repeated*?",
        ),
        "leading axes only": Wrong(
            lambda x, b, g: (
                g.sum(axis=tuple(range(g.ndim - x.ndim))),
                g.sum(axis=tuple(range(g.ndim - b.ndim))),
            ),
            "You sum over the axes that were added in front. An axis of size 1 is stretched too: "
            "for b of shape (4, 1) the sum runs over the last axis, and the axis stays.",
        ),
        "axis lost": Wrong(
            lambda x, b, g: (_without_keepdims(g, x.shape), _without_keepdims(g, b.shape)),
            "The sums are right, but an axis of size 1 has disappeared. The gradient has exactly "
            "the shape of its array; look at the option keepdims of sum.",
        ),
    },
    alternatives=[
        lambda x, b, g: (_shrink_by_loop(g, x.shape), _shrink_by_loop(g, b.shape)),
        lambda x, b, g: (_shrink_backwards(g, x.shape), _shrink_backwards(g, b.shape)),
    ],
    hints=(
        "Broadcasting uses one number in several places. What does the chain rule say about a "
        "value that is used in several places?",
        "Compare the shape of g with the shape of b, from the right. Along which axes was b "
        "repeated?",
        "First sum over the axes that g has in front and b has not. Then, for each axis where b "
        "has size 1, sum over it and keep it (keepdims=True). The same for x.",
    ),
)

# ---- 15.5 the whole algorithm --------------------------------------------------------------------


def backprop(edges: Edges, output: str) -> Gradients:
    order, seen, waiting = [], set(), [(output, False)]
    while waiting:
        node, inputs_are_done = waiting.pop()
        if inputs_are_done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            waiting.append((node, True))
            waiting += [(source, False) for source, _ in edges.get(node, [])]
    grad = dict.fromkeys(order, 0.0)
    grad[output] = 1.0
    for node in reversed(order):
        for source, slope in edges.get(node, []):
            grad[source] += grad[node] * slope
    return grad


def _backprop_by_paths(edges: Edges, output: str) -> Gradients:
    grad: Gradients = {}

    def walk(node: str, arrives: float) -> None:
        grad[node] = grad.get(node, 0.0) + arrives
        for source, slope in edges.get(node, []):
            walk(source, arrives * slope)

    walk(output, 1.0)
    return grad


def _backprop_by_counting(edges: Edges, output: str) -> Gradients:
    reach = list(_backprop_by_paths(edges, output))
    users = dict.fromkeys(reach, 0)
    for node in reach:
        for source, _ in edges.get(node, []):
            users[source] += 1
    grad, ready = dict.fromkeys(reach, 0.0), [output]
    grad[output] = 1.0
    while ready:
        node = ready.pop()
        for source, slope in edges.get(node, []):
            grad[source] += grad[node] * slope
            users[source] -= 1
            if users[source] == 0:
                ready.append(source)
    return grad


def _walk_when_found(
    edges: Edges, output: str, once: bool, add: bool, stack: bool = False
) -> Gradients:
    """Visits nodes as they are found, not when they are complete: the usual wrong order."""
    grad, seen, waiting = {output: 1.0}, {output}, [output]
    while waiting:
        node = waiting.pop(-1 if stack else 0)
        for source, slope in edges.get(node, []):
            before = grad.get(source, 0.0) if add else 0.0
            grad[source] = before + grad[node] * slope
            if source not in seen or not once:
                seen.add(source)
                waiting.append(source)
    return grad


def _nodes_before_their_inputs(edges: Edges, output: str) -> list[str]:
    """The order of a depth-first search that notes a node when it meets it."""
    found: list[str] = []
    waiting = [output]
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.append(node)
            waiting += [source for source, _ in reversed(edges.get(node, []))]
    return found


def _in_order(edges: Edges, output: str, nodes: Iterable[str], add: bool) -> Gradients:
    """Visits the nodes in an order that is given; a second contribution is added or not."""
    grad = dict.fromkeys(backprop(edges, output), 0.0)
    grad[output] = 1.0
    for node in nodes:
        for source, slope in edges.get(node, []) if node in grad else []:
            grad[source] = (grad[source] if add else 0.0) + grad[node] * slope
    return grad


def _backprop_multiplies_paths(edges: Edges, output: str) -> Gradients:
    grad = dict.fromkeys(backprop(edges, output), 1.0)
    for node in reversed(grad):
        for source, slope in edges.get(node, []):
            grad[source] *= grad[node] * slope
    return grad


def _backprop_adds_slopes(edges: Edges, output: str) -> Gradients:
    grad = dict.fromkeys(backprop(edges, output), 0.0)
    for node in grad:
        for source, slope in edges.get(node, []):
            grad[source] += slope
    return {**grad, output: 1.0}


def _random_graph(rng: np.random.Generator) -> tuple[Edges, str]:
    """Five inputs and six operations; names in random order, so that sorting them is no help."""
    names = [f"n{k}" for k in rng.permutation(100)[:11]]
    edges: Edges = {}
    for k in range(5, 11):
        sources = [names[k - 1], names[int(rng.integers(0, k))], names[int(rng.integers(0, k))]]
        edges[names[k]] = [(s, round(float(rng.uniform(-2, 2)), 3)) for s in sources]
    shuffled = {name: edges[name] for name in rng.permutation(list(edges)).tolist()}
    return shuffled, names[-1]


def _backprop_inputs(rng: np.random.Generator) -> list[tuple[Edges, str]]:
    twice: Edges = {"y": [("x", 1.0), ("x", 1.0)]}
    late: Edges = {"y": [("x", 2.0), ("h", 5.0)], "h": [("x", 3.0)], "x": [("w", 7.0)]}
    return [(twice, "y"), (late, "y"), *(_random_graph(rng) for _ in range(5))]


whole_algorithm = Code(
    id="15.5",
    title="The whole algorithm, from a blank cell",
    points=3,
    names=("edges", "output"),
    reference=backprop,
    inputs=_backprop_inputs,
    wrong={
        "overwrites": Wrong(
            lambda edges, output: _walk_when_found(edges, output, once=True, add=False),
            'For x used twice, {"y": [("x", 1), ("x", 1)]}, the gradient of x is 2. You replace '
            "what is there already, so one path gets lost. What must happen to a second "
            "contribution?",
        ),
        "overwrites, in the right order": Wrong(
            lambda edges, output: _in_order(
                edges, output, reversed(backprop(edges, output)), add=False
            ),
            'In {"y": [("x", 1), ("x", 1)]} x is used twice, each time with slope 1, and its '
            "gradient is 2. You keep one contribution. What must the second one do to the first?",
        ),
        "trusts the order of the dictionary": Wrong(
            lambda edges, output: _in_order(edges, output, edges, add=True),
            "You visit the nodes in the order of the dictionary, and that is shuffled. A node may "
            "hand its gradient on only when all its users have done so. Which node is first?",
        ),
        "trusts the reversed dictionary": Wrong(
            lambda edges, output: _in_order(edges, output, reversed(edges), add=True),
            "You visit the nodes in the reversed order of the dictionary, and that is shuffled. A "
            "node may hand its gradient on only when all its users have. Which node is first?",
        ),
        "hands on too early": Wrong(
            lambda edges, output: _walk_when_found(edges, output, once=True, add=True),
            "A node handed its gradient on before all its users had reported: it is visited when "
            "it is found, not when it is complete. Which order makes every user come first?",
        ),
        "notes nodes when it meets them": Wrong(
            lambda edges, output: _in_order(
                edges, output, _nodes_before_their_inputs(edges, output), add=True
            ),
            "A node hands its gradient on although one of its users has not reported yet. You note "
            "a node when you first meet it. When may a node be put into the order?",
        ),
        "visits nodes several times, last found first": Wrong(
            lambda edges, output: _walk_when_found(edges, output, once=False, add=True, stack=True),
            "A node with two users is visited twice, and the second time it hands its first "
            "contribution on once more. How often may a node be visited, and when?",
        ),
        "visits nodes several times": Wrong(
            lambda edges, output: _walk_when_found(edges, output, once=False, add=True),
            "A node with two users is visited twice, and the second time it hands on the first "
            "contribution again. Each node may be visited only once, when it is complete.",
        ),
        "multiplies paths": Wrong(
            _backprop_multiplies_paths,
            "Within a path slopes are multiplied, but the contributions of different paths are "
            'combined in another way. Test {"y": [("x", 1.0), ("x", 1.0)]}.',
        ),
        "ignores the slopes": Wrong(
            lambda edges, output: backprop(
                {n: [(s, 1.0) for s, _ in ins] for n, ins in edges.items()}, output
            ),
            "You pass on what arrives as it is. Each edge has a number, its local derivative. "
            "What does it do to the gradient that passes?",
        ),
        "adds slopes": Wrong(
            _backprop_adds_slopes,
            "Along a path the slopes are multiplied: what arrives at the node, times the slope of "
            "the edge. You add them.",
        ),
        "starts at zero": Wrong(
            lambda edges, output: dict.fromkeys(backprop(edges, output), 0.0),
            "All gradients are 0. The walk starts at the output: how much does the output change "
            "if the output itself moves by one?",
        ),
    },
    alternatives=[_backprop_by_counting, _backprop_by_paths],
    hints=(
        "Two parts: an order in which each node comes after all its users, then one loop that "
        "multiplies and adds.",
        "For the order, count for each node how many users have not reported yet. A node is ready "
        "when its count is 0. The output is ready from the start, with gradient 1.",
        "When a node is ready: for every (source, slope) of it, add grad[node] * slope to the "
        "source's gradient and count one user of the source down. Only nodes that the output "
        "depends on count as users.",
    ),
)

# ---- 15.6 a loop that runs and learns badly ------------------------------------------------------


def descend(w: Array, x: Array, y: Array, lr: float, steps: int) -> Fitted:
    w, losses = w.copy(), []
    for _ in range(steps):
        error = x @ w - y
        losses.append(float(np.mean(error**2)))
        w -= lr * 2 * x.T @ error / len(y)
    return w, losses


def _descend_as_given(w: Array, x: Array, y: Array, lr: float, steps: int) -> Fitted:
    losses, grad = [], np.zeros_like(w)
    for _ in range(steps):
        error = x @ w - y
        losses.append(float(np.mean(error**2)))
        grad += 2 * x.T @ error / len(y)
        w -= lr * grad
    return w, losses


def _descend_in_place(w: Array, x: Array, y: Array, lr: float, steps: int) -> Fitted:
    w[...], losses = descend(w, x, y, lr, steps)
    return w, losses


def _descend_with_stale_gradient(w: Array, x: Array, y: Array, lr: float, steps: int) -> Fitted:
    w, losses, grad = w.copy(), [], 2 * x.T @ (x @ w - y) / len(y)
    for _ in range(steps):
        losses.append(float(np.mean((x @ w - y) ** 2)))
        w -= lr * grad
    return w, losses


def _descend_with_zeroing(w: Array, x: Array, y: Array, lr: float, steps: int) -> Fitted:
    w, grad, losses = np.array(w), np.zeros_like(w), []
    for _ in range(steps):
        grad[:] = 0
        error = x @ w - y
        losses.append(float(error @ error / len(y)))
        for row, miss in zip(x, error, strict=True):
            grad += 2 * miss * row / len(y)
        w -= lr * grad
    return w, losses


def _descend_with_new_arrays(w: Array, x: Array, y: Array, lr: float, steps: int) -> Fitted:
    losses = []
    for _ in range(steps):
        losses.append(np.square(x @ w - y).mean())
        w = w - lr * np.einsum("nk,n->k", x, x @ w - y) * 2 / len(y)
    return w, losses


def _descend_inputs(rng: np.random.Generator) -> list[tuple[Array, Array, Array, float, int]]:
    cases = []
    for rows, columns, steps in [(6, 2, 5), (8, 3, 4), (5, 4, 3)]:
        x = rng.normal(size=(rows, columns))
        y = x @ rng.normal(size=columns) + rng.normal(size=rows)
        cases.append((rng.normal(size=columns), x, y, 0.05, steps))
    return cases


two_faults = Debug(
    id="15.6",
    title="A loop that runs and learns badly",
    points=2,
    names=("w", "x", "y", "lr", "steps"),
    reference=descend,
    inputs=_descend_inputs,
    wrong={
        "broken": Wrong(
            _descend_as_given,
            "Print the gradient of each step: it still contains those of all steps before. And "
            "after the call the caller's own w has changed. Two faults: which line should forget, "
            "and which line should copy?",
        ),
        "still accumulates": Wrong(
            lambda w, *rest: _descend_as_given(w.copy(), *rest),
            "The caller's w is safe now. But from the second step on the gradient is too large: "
            "it still contains the one before. Where is the old gradient cleared?",
        ),
        "still in place": Wrong(
            _descend_in_place,
            "The numbers are right now. But the array that the caller passed as w was changed: "
            "`-=` works in place. Training twice from the same start would give two results.",
        ),
        "loss after the step": Wrong(
            lambda w, x, y, lr, steps: (
                descend(w, x, y, lr, steps)[0],
                descend(w, x, y, lr, steps + 1)[1][1:],
            ),
            "The weights are right. But losses[0] should be the loss *before* the first step; "
            "yours starts with the loss after it.",
        ),
        "half the gradient": Wrong(
            lambda w, x, y, lr, steps: descend(w, x, y, lr / 2, steps),
            "The first loss is right, the first step is not: it is too short. Compare it with lr "
            "times the gradient of the mean *squared* error. Is a factor missing?",
        ),
        "no learning rate": Wrong(
            lambda w, x, y, lr, steps: descend(w, x, y, 1.0, steps),
            "The first loss is right, the first step is not. How far may a step go? The setting "
            "that says so is not used.",
        ),
        "the last loss alone": Wrong(
            lambda w, x, y, lr, steps: (
                descend(w, x, y, lr, steps)[0],
                descend(w, x, y, lr, steps)[1][-1],
            ),
            "The weights are right. But you return one loss, and the task asks for a list: the "
            "loss before each step.",
        ),
        "one gradient for all steps": Wrong(
            _descend_with_stale_gradient,
            "The first step is right, the later ones are not: all of them use the gradient of the "
            "start. But w has moved. Which lines must be computed anew in each step?",
        ),
        "uphill": Wrong(
            lambda w, x, y, lr, steps: descend(w, x, y, -lr, steps),
            "The loss rises from step to step. The gradient points uphill; in which direction "
            "must the weights go?",
        ),
        "sum instead of mean": Wrong(
            lambda w, x, y, lr, steps: descend(w, x, y, lr * len(y), steps),
            "Your steps are too long by a factor that equals the number of samples. The loss is a "
            "mean, so its gradient is a mean as well.",
        ),
    },
    alternatives=[
        _descend_with_zeroing,
        _descend_with_new_arrays,
    ],
    hints=(
        "Print the norm of grad in every step, with lr = 0. Nothing moves, so it should stay the "
        "same. Does it?",
        "The gradient of step 3 has nothing to do with that of step 2. Compute it anew, or clear "
        "it first.",
        "The second fault is in the last line of the loop: `w -= …` changes the caller's array. "
        "Work on a copy, or write `w = w - …`.",
    ),
)


# ---- 15.7 choose and explain ---------------------------------------------------------------------

dead_layers = Choice(
    id="15.7",
    title="The first layers do not learn",
    points=1,
    options={
        "a": "a learning rate larger by a factor of a million million, for the whole network",
        "b": "double precision (float64) instead of single precision",
        "c": "a shortcut around each layer, x + f(x) instead of f(x)",
        "d": "a better backward pass: this one loses the gradient on its way",
        "e": "more training data of the same kind",
    },
    reasons={
        1: "it gives the gradient a path with the local derivative 1, whatever the layers do",
        2: "it multiplies every gradient by the same large number",
        3: "it makes the computation of the gradient more exact",
        4: "it gives the network more to learn from",
    },
    reference=("c", 1),
    wrong={
        "learning rate": Wrong(
            "a",
            "The last layers have gradients of a normal size. What would a step do to them that "
            "is a million million times longer? One rate for all cannot suit both ends.",
        ),
        "precision": Wrong(
            "b",
            "float32 holds numbers down to about 1e-38, so 1e-12 is stored well. The number is "
            "exact; it is just small. What makes it small?",
        ),
        "better backward": Wrong(
            "d",
            "In the chapter PyTorch finds the same tiny numbers. The computation is right, and the "
            "first layers really have almost no influence. What must change then?",
        ),
        "more data": Wrong(
            "e",
            "More samples average the gradient better; they do not make it larger. Each of them "
            "passes the same 20 slopes of at most 1/4.",
        ),
        "right remedy, all enlarged": Wrong(
            ("c", 2),
            "The remedy is right. But a shortcut enlarges nothing; it keeps a gradient from being "
            "multiplied away. Which path remains when all f have slope 0?",
        ),
        "right remedy, more exact": Wrong(
            ("c", 3),
            "The remedy is right. But the gradient was exact before. Look at d(x + f(x))/dx: what "
            "does the first term contribute?",
        ),
        "right remedy, more to learn from": Wrong(
            ("c", 4),
            "The remedy is right. But the data stay the same. Look at d(x + f(x))/dx: what does "
            "the first term contribute?",
        ),
    },
    hints=(
        "Is the tiny gradient wrong, or is it right and tiny? The chapter has tested that.",
        "Each layer multiplies by its own slope. Which change adds a second path past the layer?",
        "Differentiate x + f(x) with respect to x, and set the slope of f to 0.",
    ),
)

# ---- 15.8 design within a budget -----------------------------------------------------------------

BUDGET = 60_000  # weights


SLOPES: dict[str, Callable[[Array], Array]] = {  # of each activation, written with its output a
    "sigmoid": lambda a: a * (1 - a),
    "tanh": lambda a: 1 - a * a,
    "relu": lambda a: (a > 0).astype(float),
}
ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "sigmoid": _logistic,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
}


def flow_of(design: dict[str, Any]) -> dict[str, float]:
    """What a design costs, and what share of the gradient reaches its first layer.

    ratio: the gradient's norm below the first layer / above the last; the geometric mean over five
    networks drawn from five seeds.
    """
    depth, width, gain = design["depth"], design["width"], float(design["gain"])
    if depth != int(depth) or width != int(width):
        raise ValueError("depth and width must be whole numbers")
    depth, width = int(depth), int(width)
    if gain <= 0:
        raise ValueError("the gain must be above 0: it is the size of the weights")
    if not (1 <= depth <= 200 and 1 <= width <= 500):
        raise ValueError("depth must be between 1 and 200, width between 1 and 500")
    if design["activation"] not in ACTIVATIONS:
        raise ValueError('activation must be "sigmoid", "tanh" or "relu", in small letters')
    act, slope = ACTIVATIONS[design["activation"]], SLOPES[design["activation"]]
    logs = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        layers = [rng.normal(size=(width, width)) * gain / np.sqrt(width) for _ in range(depth)]
        outputs = [rng.normal(size=(64, width))]
        for w in layers:
            outputs.append(act(outputs[-1] @ w))
        top = g = rng.normal(size=(64, width))
        for w, a in zip(reversed(layers), reversed(outputs), strict=False):
            g = (g * slope(a)) @ w.T
        logs.append(np.log((np.linalg.norm(g) + 1e-300) / np.linalg.norm(top)))
    ratio = float(np.exp(np.mean(logs)))
    return {"depth": float(depth), "weights": float(depth * width * width), "ratio": ratio}


def _flows(measured: dict[str, float]) -> bool:
    return (
        measured["depth"] >= 15 and measured["weights"] <= BUDGET and 0.2 <= measured["ratio"] <= 5
    )


deep_design = Design(
    id="15.8",
    title="Let the gradient through, within a budget",
    points=2,
    reference={"activation": "tanh", "gain": 1.3, "depth": 15, "width": 60},
    measure=flow_of,
    accept=_flows,
    wrong={
        "sigmoid": Wrong(
            {"activation": "sigmoid", "gain": 1.0, "depth": 15, "width": 60},
            "Of the gradient above the last layer only {ratio:.1g} is left below the first one. "
            "Fifteen slopes of at most 1/4 are multiplied. Which activation has larger slopes?",
        ),
        "too shallow": Wrong(
            {"activation": "tanh", "gain": 1.1, "depth": 4, "width": 60},
            "The gradient flows (ratio {ratio:.2g}), but only through {depth:.0f} layers. The task "
            "asks for at least 15.",
        ),
        "too many weights": Wrong(
            {"activation": "relu", "gain": 1.414, "depth": 15, "width": 128},
            "The gradient flows (ratio {ratio:.2g}), but the network has {weights:,.0f} weights. "
            "The budget is 60,000. How wide may 15 layers be?",
        ),
        "explodes": Wrong(
            {"activation": "relu", "gain": 2.0, "depth": 15, "width": 60},
            "The gradient grows {ratio:.0f} times on its way down: it explodes. Every layer "
            "multiplies it by the same factor; which of your settings makes that factor smaller?",
        ),
        "vanishes": Wrong(
            {"activation": "relu", "gain": 1.0, "depth": 15, "width": 60},
            "Only {ratio:.1g} of the gradient arrives. ReLU lets through about half of the units, "
            "and that at every layer. Which gain makes up for the other half?",
        ),
    },
    diagnose=[
        (
            lambda m: m["depth"] < 15,
            "Your network has {depth:.0f} layers; the task asks for at least 15.",
        ),
        (
            lambda m: m["weights"] > BUDGET,
            "Your network has {weights:,.0f} weights (depth · width²); the budget is 60,000. Make "
            "it narrower.",
        ),
        (
            lambda m: m["ratio"] < 0.2,
            "The gradient vanishes: {ratio:.2g} of it is left below the first layer, and 0.2 is "
            "asked for. Raise the gain, or choose an activation with larger slopes.",
        ),
        (
            lambda m: m["ratio"] > 5,
            "The gradient explodes: it grows {ratio:.0f} times on its way down, and 5 times is the "
            "limit. Lower the gain.",
        ),
    ],
    alternatives=[
        {"activation": "relu", "gain": 1.414, "depth": 15, "width": 62},
        {"activation": "tanh", "gain": 1.2, "depth": 20, "width": 50},
    ],
    hints=(
        "In the chapter's widget some settings without shortcuts keep the signal's ratio between "
        "1/5 and 5. Start from one of them.",
        "15 layers · width² ≤ 60,000 allows a width of 63. The gain of each activation decides "
        "whether the gradient grows or shrinks.",
        "With tanh a gain slightly above 1 works, with ReLU the square root of 2.",
    ),
)

EXERCISES = [
    two_paths,
    sigmoid_from_output,
    matrix_product,
    broadcast_add,
    whole_algorithm,
    two_faults,
    dead_layers,
    deep_design,
]
