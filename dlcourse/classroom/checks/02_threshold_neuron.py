"""Chapter 2, the threshold neuron: what is right, what goes wrong, and what to say then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np

from dlcourse.classroom.exercise import Choice, Code, Debug, Design, Number, Wrong
from dlcourse.neuron import mcculloch_pitts, truth_table

Array = np.ndarray

# ---- 2.1 the threshold unit ----------------------------------------------------------------------


def threshold_unit(x: Array, w: Array, theta: float) -> Array:
    return (x @ w >= theta).astype(int)


def _bit_batches(rng: np.random.Generator) -> list[tuple]:
    """Bits and whole weights. Every threshold is a sum that occurs, so there is always a tie."""
    batches = []
    for samples, n in [(6, 2), (5, 3), (9, 4), (7, 3), (8, 5)]:
        x = rng.integers(0, 2, size=(samples, n))
        w = rng.permutation(np.resize([1, -1, 2, -2, 1], n))
        sums = np.unique(x @ w)
        batches.append((x, w, int(sums[len(sums) // 2])))
    return batches


def _fires_one_by_one(x: Array, w: Array, theta: float) -> list[int]:
    outputs = []
    for sample in x:
        total = 0
        for bit, weight in zip(sample, w, strict=True):
            total += bit * weight
        outputs.append(1 if total >= theta else 0)
    return outputs


unit = Code(
    id="2.1",
    title="The threshold unit",
    points=1,
    names=("x", "w", "theta"),
    reference=threshold_unit,
    inputs=_bit_batches,
    also=(
        "thresholds that no sample reaches",
        lambda rng: [
            (rng.integers(0, 2, size=(5, 3)), np.array([1, -2, 1]), theta) for theta in (3, -3)
        ],
    ),
    wrong={
        "not at the threshold": Wrong(
            lambda x, w, theta: (x @ w > theta).astype(int),
            "Most samples are right, but not those whose sum is exactly the threshold: yours stay "
            "silent. The unit fires as soon as the sum reaches θ. Which comparison says that?",
        ),
        "plus and minus one": Wrong(
            lambda x, w, theta: np.where(x @ w >= theta, 1, -1),
            "You return +1 and −1. The outputs of a threshold unit are 1 and 0, so that they can "
            "be inputs of the next unit. What should a silent unit return?",
        ),
        "the sum itself": Wrong(
            lambda x, w, theta: x @ w,
            "You return the weighted sums. They are right, but the unit has not decided yet: "
            "compare each sum with the threshold.",
        ),
        "sum minus threshold": Wrong(
            lambda x, w, theta: x @ w - theta,
            "You return how far each sum lies above the threshold. The output is only whether it "
            "reaches it: 1 or 0. Which comparison is left?",
        ),
        "threshold added": Wrong(
            lambda x, w, theta: (x @ w + theta >= 0).astype(int),
            "You add θ to the sum and compare with 0. That is the rule for a bias, and a bias is "
            "−θ. Compare the sum with θ itself, or mind the sign.",
        ),
        "every input by itself": Wrong(
            lambda x, w, theta: (x * w >= theta).astype(int),
            "You compare each single product with θ, so the result has a row of numbers for each "
            "sample. First the products of one sample must become one sum.",
        ),
        "summed over the samples": Wrong(
            lambda x, w, theta: ((x * w).sum(axis=0) >= theta).astype(int),
            "You have one output for each input, not for each sample: the sum ran down the column. "
            "Samples are rows. Along which axis must the sum run?",
        ),
        "weights left out": Wrong(
            lambda x, w, theta: (x.sum(axis=1) >= theta).astype(int),
            "You count the active inputs. That is right only if all weights are 1. Here some are 2 "
            "or negative: weigh each input before you add.",
        ),
        "fires below": Wrong(
            lambda x, w, theta: (x @ w <= theta).astype(int),
            "Your unit fires for small sums and is silent for large ones. Turn the comparison "
            "round.",
        ),
    },
    alternatives=[
        _fires_one_by_one,
        lambda x, w, theta: np.einsum("sn,n->s", x, w) >= theta,
        lambda x, w, theta: np.heaviside((x * w).sum(axis=1) - theta, 1.0),
    ],
    hints=(
        "Two steps: a sum for each sample, then a comparison with theta.",
        "`x` has shape (samples, n) and `w` has shape (n,). Which product gives shape (samples,)?",
        "`x @ w` gives the sums. Compare them with theta so that a tie fires, and turn True and "
        "False into 1 and 0 with `.astype(int)`.",
    ),
)

# ---- 2.2 one step of the perceptron --------------------------------------------------------------


def perceptron_step(w: Array, x: Array, y: int) -> Array:
    return w + y * x if y * (w @ x) <= 0 else w


def _labelled_samples(rng: np.random.Generator) -> list[tuple[Array, Array, int]]:
    """Right side, wrong side, near the line, exactly on it, and the start at 0; both labels."""
    cases = []
    for n, y in product((3, 4, 6), (1, -1)):
        w, x = rng.normal(size=n), rng.normal(size=n)
        x = x * np.sign(w @ x)  # now the score is positive
        near = 0.01 * x / (w @ x)
        cases += [(w, x, y), (w, -x, y), (w, near, y), (w, -near, y), (np.zeros(n), x, y)]
    on_line = [(np.array([2.0, -1.0, 0.0]), np.array([1.0, 2.0, 1.0]), y) for y in (1, -1)]
    return cases + on_line


def _step_by_numbers(w: Array, x: Array, y: int) -> list[float]:
    score = sum(float(a) * float(b) for a, b in zip(w, x, strict=True))
    if (y == 1 and score > 0) or (y == -1 and score < 0):
        return [float(a) for a in w]
    return [float(a) + y * float(b) for a, b in zip(w, x, strict=True)]


step = Code(
    id="2.2",
    title="One step of the perceptron",
    points=2,
    names=("w", "x", "y"),
    reference=perceptron_step,
    inputs=_labelled_samples,
    wrong={
        "always updates": Wrong(
            lambda w, x, y: w + y * x,
            "Your weights also change for samples that are right. A perceptron learns from "
            "mistakes only: w must stay as it is when y·(w·x) > 0. Where is the test?",
        ),
        "the line is no mistake": Wrong(
            lambda w, x, y: w + y * x if y * (w @ x) < 0 else w,
            "Nothing changes where the score is exactly 0. Such a sample lies on no side. And "
            "since training starts at w = 0, where every score is 0, yours would never begin.",
        ),
        "label left out": Wrong(
            lambda w, x, y: w + x if y * (w @ x) <= 0 else w,
            "Samples with y = +1 are treated rightly. For y = −1 you move towards x, and the score "
            "grows although it should fall. What must multiply x?",
        ),
        "away from the sample": Wrong(
            lambda w, x, y: w - y * x if y * (w @ x) <= 0 else w,
            "You update at the right moments, in the wrong direction: y·(w·x) becomes smaller and "
            "the mistake larger. Towards y·x, or away from it?",
        ),
        "updates when right": Wrong(
            lambda w, x, y: w + y * x if y * (w @ x) > 0 else w,
            "You change w when the sample is right, and leave it when it is wrong. Turn the "
            "condition round, and count a score of 0 as wrong.",
        ),
        "label missing in the test": Wrong(
            lambda w, x, y: w + y * x if w @ x <= 0 else w,
            "You call a sample wrong when its score is negative. For y = −1 a negative score is "
            "right. A sample is wrong when score and label disagree in sign: how does y come in?",
        ),
        "only the change": Wrong(
            lambda w, x, y: y * x if y * (w @ x) <= 0 else np.zeros_like(w),
            "You return the change, y·x or 0. The task asks for the weights after the step: what "
            "is the change added to?",
        ),
        "compares predictions": Wrong(
            lambda w, x, y: w + y * x if (1 if w @ x >= 0 else -1) != y else w,
            "You compare a predicted label with y. At a score of exactly 0 that calls one of the "
            "two labels right. The task counts score 0 as a mistake for both. Which sign must the "
            "product of label and score have?",
        ),
        "compares predictions, 0 is negative": Wrong(
            lambda w, x, y: w + y * x if (1 if w @ x > 0 else -1) != y else w,
            "You compare a predicted label with y. At a score of exactly 0 you predict −1, so a "
            "sample with y = −1 counts as right. The task counts score 0 as a mistake for both.",
        ),
        "bias stays": Wrong(
            lambda w, x, y: np.append((w + y * x if y * (w @ x) <= 0 else w)[:-1], w[-1]),
            "All weights are right but the last one, the bias: it never moves. It is the weight of "
            "the last number in x. Why should the rule treat it in another way?",
        ),
        "double step": Wrong(
            lambda w, x, y: w + (y - (1 if w @ x > 0 else -1)) * x if w @ x else w + y * x,
            "Your steps are twice as long as asked for. The difference of label and prediction is "
            "+2 or −2 when both are ±1. Here the change is y·x, once.",
        ),
        "labels 0 and 1": Wrong(
            lambda w, x, y: w + (y - (w @ x >= 0)) * x,
            "You subtract a prediction of 0 or 1 from the label. That fits labels 0 and 1. Here "
            "labels are −1 and +1: test the sign of y·(w·x) instead.",
        ),
        "no sum in the test": Wrong(
            lambda w, x, y: w + y * x if y * (w * x) <= 0 else w,
            "`if` needs one number here. The score must be one number, but `*` keeps one product "
            "per input. Which operator multiplies and adds up?",
        ),
        "every product tested": Wrong(
            lambda w, x, y: w + y * x if (y * w * x <= 0).all() else w,
            "You ask whether *all* products y·w_i·x_i are 0 or less. A sample can be wrong "
            "although some of them are positive: only their sum decides. Which operator multiplies "
            "and adds up?",
        ),
        "any product tested": Wrong(
            lambda w, x, y: w + y * x if (y * w * x <= 0).any() else w,
            "You ask whether *any* product y·w_i·x_i is 0 or less. A sample can be right although "
            "some of them are negative: only their sum decides. Which operator multiplies and adds "
            "up?",
        ),
    },
    # In this order: the rule on score 0 speaks only where all other samples are right.
    diagnose=[
        (
            lambda new, w, x, y: y * (w @ x) > 0 and not np.allclose(new, w),
            "You also changed w for a sample on the right side of the line. Where does the rule "
            "draw the border: for which values of y·(w·x) is a sample wrong?",
        ),
        (
            lambda new, w, x, y: y * (w @ x) < 0 and np.allclose(new, w),
            "Some samples on the wrong side change nothing. The test must look at one number, "
            "y·(w·x), however small it is. Print it for a wrong sample: what does your `if` make "
            "of it?",
        ),
        (
            lambda new, w, x, y: y * (w @ x) < 0 and not np.allclose(new, w + y * x),
            "At a mistake w changes, but not by y·x. Print new w minus w beside y and x: which of "
            "them is missing, or what else came in?",
        ),
        (
            lambda new, w, x, y: w @ x == 0 and np.allclose(new, w),
            "Nothing changed at a score of exactly 0. Training starts at w = 0, where every score "
            "is 0, so for both labels this must count as a mistake.",
        ),
    ],
    alternatives=[
        _step_by_numbers,
        lambda w, x, y: np.where(y * np.dot(w, x) > 0, w, w + y * x),
        lambda w, x, y: w + (y * (w @ x) <= 0) * y * x,
    ],
    hints=(
        "Three lines: the score, the question whether it is a mistake, the new weights.",
        "Multiply the score by y. For which values of the product is the sample wrong? Look at 0.",
        "If y·(w·x) ≤ 0 return w + y·x, else return w. `w @ x` is the score.",
    ),
)

# ---- 2.3 XNOR from three units, within a budget --------------------------------------------------

XNOR = (1, 0, 0, 1)


def measure_network(units: Sequence[Sequence[float]]) -> dict[str, float]:
    """Run the network (w1, w2, theta) of A, B and Y on clean cases and on inputs that are off."""
    if len(units) != 3 or any(len(u) != 3 for u in units):
        raise ValueError("three units are needed, each with three numbers (w1, w2, theta)")
    first, second, last = (tuple(float(number) for number in u) for u in units)

    def output(x: Array) -> Array:
        hidden = [mcculloch_pitts(x, u[:2], u[2]) for u in (first, second)]
        return mcculloch_pitts(np.stack(hidden, axis=-1), last[:2], last[2])

    cases = truth_table(2)
    clean = output(cases)
    # A unit is a straight line, so its worst inputs are the corners of the allowed square.
    off = np.array([output(cases + 0.1 * np.array(d)) for d in product((-1, 1), repeat=2)])
    measured = {f"output for {a}{b}": float(y) for (a, b), y in zip(cases, clean, strict=True)}
    measured["noisy cases right"] = float((off == XNOR).sum())
    measured["largest number"] = float(np.abs([first, second, last]).max())
    return measured


def _clean(measured: dict[str, float]) -> tuple[float, ...]:
    return tuple(measured[f"output for {a}{b}"] for a, b in product((0, 1), repeat=2))


def _within_budget(measured: dict[str, float]) -> bool:
    noise = measured["noisy cases right"] == 16
    return _clean(measured) == XNOR and noise and measured["largest number"] <= 2


OR, AND, NOR = (1, 1, 0.5), (1, 1, 1.5), (-1, -1, -0.5)

xnor = Design(
    id="2.3",
    title="XNOR from three units, within a budget",
    points=3,
    reference=[OR, AND, (-1, 1, -0.5)],
    measure=measure_network,
    accept=_within_budget,
    wrong={
        "one unit": Wrong(
            [AND, (0, 0, 1), (1, 0, 0.5)],
            "Your network fires for 11 only: Y just passes on what one unit says. No single unit "
            "can do it: 14 of the 16 functions are possible, and XNOR is not among them. Let Y "
            "use both A and B.",
        ),
        "XOR": Wrong(
            [OR, AND, (1, -1, 0.5)],
            "This network computes XOR: each of the four outputs is the opposite of what is asked "
            "for. You may keep A and B. What must Y do instead?",
        ),
        "no room for noise": Wrong(
            [(1, 1, 1), (1, 1, 2), (-1, 1, 0)],
            "All four clean cases are right, but some thresholds are met exactly: an input of 0.9 "
            "in place of 1 already turns the output. Move each threshold into the middle between "
            "the sums that must fire and those that must not.",
        ),
        "too large": Wrong(
            [(10, 10, 5), (10, 10, 15), (-10, 10, -5)],
            "The network is right, but its largest number is 15, and 2 is the limit. A unit "
            "does not change when all its numbers are multiplied by the same positive factor.",
        ),
        "never": Wrong(
            [NOR, AND, (1, 1, 1.5)],
            "Your output is 0 for every case: no sum of Y reaches its threshold. Write down Y's "
            "sum for each pair (A, B) that occurs. Which of them must reach θ?",
        ),
        "always": Wrong(
            [OR, AND, (-1, 1, -1.5)],
            "Your output is 1 for every case, so Y's threshold is too low: its smallest sum "
            "already reaches it. Write down Y's sums for the pairs (A, B) that occur.",
        ),
    },
    diagnose=[
        (
            lambda m: _clean(m) != XNOR,
            "The outputs for 00, 01, 10, 11 are {output for 00:.0f}, {output for 01:.0f}, "
            "{output for 10:.0f}, {output for 11:.0f}, and XNOR is 1, 0, 0, 1. Make a table with "
            "the columns A, B and Y, and look for the first wrong row: is it A, B or Y?",
        ),
        (
            lambda m: m["largest number"] > 2,
            "The four cases are right, but the largest number is {largest number:.4g}, and 2 is "
            "the limit. Divide all three numbers of a unit by the same factor.",
        ),
        (
            lambda m: m["noisy cases right"] < 16,
            "The four clean cases are right, but of 16 noisy ones only {noisy cases right:.0f}. A "
            "threshold lies too near to a sum. Which sums must fire, which must not? Put it in "
            "the middle.",
        ),
    ],
    alternatives=[
        [NOR, AND, (1, 1, 0.5)],
        np.array([AND, NOR, (2, 2, 1)]),
        [(1, -1, -0.5), (-1, 1, -0.5), (1, 1, 1.5)],
    ],
    hints=(
        "XNOR is 1 for 00 and for 11. Which function fires for 11 only? Which for 00 only?",
        "Start from the chapter's XOR: A is OR, B is AND. Write the four pairs (A, B) down. For "
        "which pairs must Y fire?",
        "The pairs (A, B) that occur are (0, 0), (1, 0) and (1, 1); Y must be silent for the "
        "middle one only. Weights of opposite sign do that; then choose θ between the sums.",
    ),
    explain="Two layers do what no single unit can.",
)

# ---- 2.4 how many mistakes at most ---------------------------------------------------------------
# w = (3, 4) has length 5. y (w . x) is 25, 11 and 4; the samples' lengths are 5, 2.24 and 2.06.

SAMPLES = np.array([[3.0, 4.0], [-1.0, -2.0], [2.0, -0.5]])
LABELS = np.array([1, -1, 1])


def bound_of_the_line() -> float:
    w = np.array([3.0, 4.0])
    gamma = (LABELS * (SAMPLES @ w)).min() / np.linalg.norm(w)
    return float((np.linalg.norm(SAMPLES, axis=1).max() / gamma) ** 2)


bound = Number(
    id="2.4",
    title="At most how many mistakes?",
    points=2,
    reference=bound_of_the_line,
    tolerance=5e-4,
    wrong={
        "rounded down": Wrong(
            39,
            "You rounded down to a whole number of mistakes. That is what the bound means in the "
            "end, but the task asks for (R/γ)² itself, with its decimals.",
        ),
        "length of w": Wrong(
            25 / 16,
            "You took γ = 4. But Novikoff's w* has length 1, and (3, 4) has another length. "
            "Shorten it first: all three products shrink with it.",
        ),
        "not squared": Wrong(
            6.25,
            "You stopped at R/γ. In the proof kγ ≤ √k·R. What happens when you square both sides "
            "and divide by k?",
        ),
        "R squared alone": Wrong(
            25,
            "That is R². What about γ?",
        ),
        "smallest product squared": Wrong(
            16,
            "That is the square of the smallest product. Where are R and the length of w*?",
        ),
        "only R squared": Wrong(
            25 / 0.8,
            "You squared R and left γ as it is. The bound is the square of the whole fraction "
            "R/γ: square both, or divide first.",
        ),
        "only gamma squared": Wrong(
            5 / 0.64,
            "You squared γ and left R as it is. The bound is the square of the whole fraction "
            "R/γ: square both, or divide first.",
        ),
        "product left out": Wrong(
            625,
            "Far too large. Write R, the length of w and the smallest y·(w·x) in three lines. "
            "Which of them enters the bound, and how often?",
        ),
        "mean margin": Wrong(
            (5 / (40 / 15)) ** 2,
            "You used the mean of the three products. γ must hold for *every* sample, so one of "
            "them decides alone. Which?",
        ),
        "largest margin": Wrong(
            1.0,
            "You used the sample that lies farthest from the line. γ must be a promise for all "
            "samples: which one is nearest to the line?",
        ),
        "label forgotten": Wrong(
            (5 / 2.2) ** 2,
            "You compared the scores without their labels. The second sample has y = −1, so its "
            "y·(w·x) is positive, and large.",
        ),
        "shortest sample": Wrong(
            4.25 / 0.64,
            "You used the length of the nearest sample for R. R is the length of the *longest* "
            "sample: one update can be as long as that.",
        ),
        "upside down": Wrong(
            0.0256,
            "Less than one mistake? You divided γ by R. Long samples and a narrow margin make "
            "learning harder, so R belongs on top.",
        ),
    },
    alternatives=[39.06, "39.0625", 625 / 16],
    hints=(
        "You need two numbers: R, the length of the longest sample, and γ.",
        "γ = min y·(w*·x), with w* of length 1. So divide (3, 4) by its length first.",
        "The products y·(w·x) are 25, 11 and 4; divide the smallest by the length of (3, 4). The "
        "longest sample has length 5. Then (R/γ)².",
    ),
    explain="So the perceptron makes at most 39 mistakes, in any order. Usually far fewer.",
)

# ---- 2.5 a perceptron that runs and learns badly -------------------------------------------------

Trained = tuple[Array, float, list[int]]


def train(x: Array, y: Array, rounds: int) -> Trained:
    w, b, mistakes = np.zeros(x.shape[1]), 0.0, []
    for _ in range(rounds):
        mistakes.append(0)
        for x_i, y_i in zip(x, 2 * y - 1, strict=True):
            score = w @ x_i + b
            if y_i * score <= 0:
                w = w + y_i * x_i
                b = b + y_i
                mistakes[-1] += 1
    return w, b, mistakes


def _variant(
    signs: Callable = lambda y: 2 * y - 1,
    start: float = 0.0,
    score: Callable = lambda w, b, x: w @ x + b,
    wrong: Callable = lambda y, score: y * score <= 0,
    new_w: Callable = lambda w, x, y: w + y * x,
    new_b: Callable = lambda b, y: b + y,
    count: Callable = lambda so_far: so_far + 1,
    fewer: int = 0,
    bias_always: bool = False,
) -> Callable[[Array, Array, int], Trained]:
    """The training loop with some of its parts exchanged for faulty ones."""

    def variant(x: Array, y: Array, rounds: int) -> Trained:
        w, b, mistakes = np.zeros(x.shape[1]), start, []
        for _ in range(rounds - fewer):
            mistakes.append(0)
            for x_i, y_i in zip(x, signs(y), strict=True):
                if wrong(y_i, score(w, b, x_i)):
                    w, b = new_w(w, x_i, y_i), new_b(b, y_i)
                    mistakes[-1] = count(mistakes[-1])
                elif bias_always:
                    b = new_b(b, y_i)
        return w, b, mistakes

    return variant


def _train_with_a_column_of_ones(x: Array, y: Array, rounds: int) -> Trained:
    x, signs = np.column_stack([x, np.ones(len(x))]), np.where(y == 1, 1, -1)
    w, mistakes = np.zeros(x.shape[1]), []
    for _ in range(rounds):
        count = 0
        for i in range(len(x)):
            if signs[i] * np.dot(w, x[i]) <= 0:
                w, count = w + signs[i] * x[i], count + 1
        mistakes.append(count)
    return w[:-1], w[-1], mistakes


def _train_with_two_branches(x: Array, y: Array, rounds: int) -> list:
    w, b, mistakes = [0.0] * x.shape[1], 0.0, [0] * rounds
    for k in range(rounds):
        for x_i, label in zip(x, y, strict=True):
            score = b + sum(w_j * x_j for w_j, x_j in zip(w, x_i, strict=True))
            sign = 0
            if label == 1 and score <= 0:
                sign = 1
            elif label == 0 and score >= 0:
                sign = -1
            w = [w_j + sign * x_j for w_j, x_j in zip(w, x_i, strict=True)]
            b, mistakes[k] = b + sign, mistakes[k] + abs(sign)
    return [w, b, mistakes]


def _two_clouds(rng: np.random.Generator) -> list[tuple[Array, Array, int]]:
    """Two classes on the same side of the origin, so that a bias is needed."""
    tasks = []
    for n, samples, rounds, first in [(2, 11, 3, 1), (3, 14, 6, 0), (4, 10, 5, 1)]:
        y = np.append(first, rng.permutation(np.resize([0, 1], samples - 1)))
        x = rng.normal(size=(samples, n))
        x[:, 0] = np.where(y == 1, 2.5, 1.0) + rng.uniform(-0.4, 0.4, size=samples)
        tasks.append((x, y, rounds))
    return tasks


two_faults = Debug(
    id="2.5",
    title="A perceptron that runs and learns badly",
    points=3,
    names=("x", "y", "rounds"),
    returns=("w", "b", "mistakes"),
    reference=train,
    inputs=_two_clouds,
    wrong={
        "as given": Wrong(
            _variant(signs=lambda y: y, new_b=lambda b, y: b),
            "Print `y_i * x_i` for a sample with label 0, and print `b` at the end. One class "
            "never teaches anything, and one number never moves. That makes two faults.",
        ),
        "bias still fixed": Wrong(
            _variant(new_b=lambda b, y: b),
            "Both classes teach now. But `b` is 0 to the end, so your line must pass through the "
            "origin, and here both classes lie on the same side of it. What must change together "
            "with w?",
        ),
        "labels still 0 and 1": Wrong(
            _variant(signs=lambda y: y),
            "The bias moves now. But for a sample with label 0 the update y_i · x_i is 0, so this "
            "class can never correct the weights. Which two labels does the rule need?",
        ),
        "bias the wrong way": Wrong(
            _variant(new_b=lambda b, y: b - y),
            "The weights move towards y·x, but the bias moves away. It is the weight of an input "
            "that is always 1. What does the rule add to such a weight?",
        ),
        "bias at every sample": Wrong(
            _variant(bias_always=True),
            "`b` also moves at samples that are right. It is a weight like the others: when may a "
            "weight change? Does the line that changes `b` stand in the `if`?",
        ),
        "bias always up": Wrong(
            _variant(new_b=lambda b, y: b + 1),
            "Your bias grows by 1 at each mistake, whatever the label. It is the weight of an "
            "input that is always 1. What does the rule add to such a weight if y is −1?",
        ),
        "every sample": Wrong(
            _variant(wrong=lambda y, score: True),
            "Now every sample changes the weights in every round, and all count as mistakes. A "
            "sample that is right must change nothing: the test was in order.",
        ),
        "the line is no mistake": Wrong(
            _variant(wrong=lambda y, score: y * score < 0),
            "Nothing is ever learned: at the start every score is 0, and your test lets 0 pass. A "
            "sample on the line counts as a mistake.",
        ),
        "near is wrong too": Wrong(
            _variant(wrong=lambda y, score: y * score < 1),
            "You also correct samples that lie on their side, only near the line. The test in the "
            "given code was in order: a mistake is 0 or below.",
        ),
        "labels -1 and 2": Wrong(
            _variant(signs=lambda y: 3 * y - 1),
            "Your labels are −1 and 2, so one class pulls twice as strongly as the other. Which "
            "two labels does the rule need?",
        ),
        "compares predictions": Wrong(
            _variant(wrong=lambda y, score: y != (1 if score >= 0 else -1)),
            "Nearly: you compare a predicted label with the true one. At score 0, where training "
            "starts, that calls half of the samples right. The task counts score 0 as a mistake "
            "for both classes.",
        ),
        "compares predictions of 0 and 1": Wrong(
            _variant(wrong=lambda y, score: y != (1 if score > 0 else -1)),
            "Nearly: you compare a predicted label with the true one. At score 0 you predict 0 (or "
            "−1), so that label counts as right there. Score 0 must be a mistake for both.",
        ),
        "old labels in the test": Wrong(
            _variant(wrong=lambda y, score: (y + 1) / 2 * score <= 0),
            "The updates use labels of opposite sign, but the test does not. Print the product in "
            "your `if` for a sample with label 0: can it ever be above 0?",
        ),
        "old labels for the bias": Wrong(
            _variant(new_b=lambda b, y: b + (y + 1) / 2),
            "w and the test use the new labels. Print by how much `b` changes at a mistake on a "
            "sample with label 0. It is a weight like the others: which label belongs there?",
        ),
        "old labels for the weights": Wrong(
            _variant(new_w=lambda w, x, y: w + (y + 1) / 2 * x),
            "`b` and the test use the new labels. Print by how much `w` changes at a mistake on a "
            "sample with label 0. Which label belongs there?",
        ),
        "old labels, bias always up": Wrong(
            _variant(signs=lambda y: y, new_b=lambda b, y: b + 1),
            "`b` moves now, but always upwards, and label 0 adds nothing to w. Print both changes "
            "for one sample of each class.",
        ),
        "bias in small steps": Wrong(
            _variant(new_b=lambda b, y: b + 0.1 * y),
            "Your `b` is no whole number. It is the weight of an input that is always 1: by how "
            "much does the rule change such a weight?",
        ),
        "labels of one half": Wrong(
            _variant(signs=lambda y: y - 0.5),
            "All your updates are half as large as asked. Print the two values that `y_i` takes: "
            "by how much should they differ?",
        ),
        "labels 0 and 2": Wrong(
            _variant(signs=lambda y: 2 * y),
            "Doubling gives the labels 0 and 2. The class with 0 still teaches nothing. Which two "
            "numbers does the rule need, and what is left to do after the doubling?",
        ),
        "labels -1 and 0": Wrong(
            _variant(signs=lambda y: y - 1),
            "Your labels are −1 and 0 now: the other class has fallen silent. The rule needs two "
            "labels of opposite sign.",
        ),
        "labels 1 and 3": Wrong(
            _variant(signs=lambda y: 2 * y + 1),
            "Your labels are 1 and 3: both positive, so all samples pull the same way. The rule "
            "needs two labels of opposite sign.",
        ),
        "away": Wrong(
            _variant(new_w=lambda w, x, y: w - y * x),
            "Your weights move away from y·x, so each mistake makes the next one worse. What does "
            "the rule do with y·x?",
        ),
        "label left out": Wrong(
            _variant(new_w=lambda w, x, y: w + x),
            "You add x for both classes. For the class with label −1 the score should fall. What "
            "must multiply x?",
        ),
        "weights forgotten": Wrong(
            _variant(new_w=lambda w, x, y: y * x),
            "After a mistake your weights are y·x alone: what was learned before is gone. What is "
            "y·x to be added to?",
        ),
        "bias forgotten": Wrong(
            _variant(new_b=lambda b, y: y),
            "After a mistake your bias is y_i alone: what it had learned before is gone. What is "
            "y_i to be added to?",
        ),
        "no bias in the score": Wrong(
            _variant(score=lambda w, b, x: w @ x),
            "The bias is updated, but the score does not use it, so it can change no decision "
            "during training. Which term is missing in the score?",
        ),
        "bias subtracted in the score": Wrong(
            _variant(score=lambda w, b, x: w @ x - b),
            "The score subtracts the bias, and the update adds to it: the two work against each "
            "other. With a bias in place of a threshold, score = w·x + b.",
        ),
        "updates when right": Wrong(
            _variant(wrong=lambda y, score: y * score >= 0),
            "The weights change for samples that are right, and stay for those that are wrong. The "
            "comparison with 0 was in order: turn it back.",
        ),
        "label missing in the test": Wrong(
            _variant(wrong=lambda y, score: score <= 0),
            "You call every negative score a mistake. For the label −1 a negative score is right. "
            "The test in the given code was in order.",
        ),
        "starts at one": Wrong(
            _variant(start=1.0),
            "Your bias starts at 1. The task asks for a start at zero, so that everybody's results "
            "can be compared.",
        ),
        "one round too few": Wrong(
            _variant(fewer=1),
            "You go round once too seldom: `mistakes` has one entry less than `rounds`. Where does "
            "your outer loop start and end?",
        ),
        "counts at most one": Wrong(
            _variant(count=lambda so_far: 1),
            "Weights and bias are right. But `mistakes` never goes above 1 in a round: it says "
            "whether there were any, and the task asks how many.",
        ),
        "counts nothing": Wrong(
            _variant(count=lambda so_far: so_far),
            "Weights and bias are right. But `mistakes` stays 0 in each round: the line that "
            "counts is missing.",
        ),
        "sample left out": Wrong(
            _variant(new_w=lambda w, x, y: w + y),
            "You add the label to every weight. The update of w is y times the *sample*: where has "
            "x_i gone?",
        ),
    },
    diagnose=[
        (
            lambda result, x, y, rounds: result[1] != np.round(result[1]),
            "Your `b` is no whole number, so it changes by an amount that depends on the score or "
            "on the sample. It is the weight of an input that is always 1: by how much does the "
            "rule change such a weight?",
        ),
    ],
    alternatives=[_train_with_a_column_of_ones, _train_with_two_branches],
    hints=(
        "Follow one sample of each class through the loop by hand, starting at w = 0 and b = 0.",
        "The rule needs the labels −1 and +1, and these are 0 and 1. Also: which number did the "
        "chapter learn with the help of a column of ones?",
        "Turn the labels into 2 · y − 1 before the loop. In an update change b by y_i, as if it "
        "were the weight of an input that is always 1.",
    ),
)


# ---- 2.6 what the book of 1969 shows -------------------------------------------------------------

book_of_1969 = Choice(
    id="2.6",
    title="What was shown in 1969?",
    points=2,
    options={
        "a": "No network of threshold units can compute XOR, however it is wired.",
        "b": "A machine whose one layer learns from fixed, limited features cannot compute parity.",
        "c": "The perceptron rule can miss a separating line although one exists.",
        "d": "There is no way to train a network with several layers.",
    },
    reasons={
        1: "A small network with weights set by hand computes XOR.",
        2: "After 1,000 rounds a perceptron still made mistakes on XOR.",
        3: "No threshold function of four inputs agrees with parity on more than 11 of 16 cases.",
        4: "The mistakes of 200 orders stayed below Novikoff's bound.",
    },
    reference=("b", 1),
    wrong={
        "networks cannot": Wrong(
            "a",
            "You have wired such a network yourself: with OR and AND in the first layer, XOR is "
            "easy. The limit in the book is on something smaller than a network. What?",
        ),
        "rule fails": Wrong(
            "c",
            "Novikoff proved the opposite in 1962: if a line exists, the rule finds one after a "
            "bounded number of mistakes. The book repeats that proof. Its limit concerns tasks for "
            "which no line exists.",
        ),
        "no training": Wrong(
            "d",
            "The book gives no such proof. It calls its doubt a judgement by intuition, and names "
            "the question open. What does it prove, and about which machines?",
        ),
        "patience as proof": Wrong(
            ("b", 2),
            "Your sentence is right. But failing for 1,000 rounds says nothing about round 1,001, "
            "nor about several layers. Which finding shows that more than one layer is a different "
            "matter?",
        ),
        "one unit only": Wrong(
            ("b", 3),
            "Your sentence is right, and your finding supports it for one unit. The question is "
            "which finding shows that the limit does *not* hold for networks in general.",
        ),
        "the bound": Wrong(
            ("b", 4),
            "Your sentence is right. But those 200 orders were about flowers that a line can part. "
            "Which finding is about XOR and more than one layer?",
        ),
    },
    alternatives=[("B", 1), ("b", "1"), ["b", 1]],
    hints=(
        "Ask of each sentence: about one layer, or about all networks?",
        "You have seen XOR computed in this chapter. By what? Which sentences does that refute?",
        "Two sentences speak about all networks, and one denies a proof of 1962. For the finding: "
        'one example is enough to refute "no network can".',
    ),
    explain="The limit is one of the single layer, and an example with three units shows it.",
)

# ---- 2.7 Oja's rule ------------------------------------------------------------------------------


def oja_pass(w: Array, z: Array, lr: float) -> Array:
    for x in z:
        score = w @ x
        w = w + lr * score * (x - score * w)
    return w


def _oja_inputs(rng: np.random.Generator) -> list[tuple[Array, Array, float]]:
    sizes = [(5, 3), (4, 2), (7, 4), (6, 5)]
    return [(rng.normal(size=n), rng.normal(size=(rows, n)), 0.05) for rows, n in sizes]


def _pass_with(step: Callable) -> Callable[[Array, Array, float], Array]:
    """The loop over the samples with another step: step(w, x, score, lr) gives the new w."""

    def one_pass(w: Array, z: Array, lr: float) -> Array:
        for x in z:
            w = step(w, x, w @ x, lr)
        return w

    return one_pass


def _oja_all_at_once(w: Array, z: Array, lr: float) -> Array:
    scores = z @ w
    return w + lr * (scores @ z - (scores @ scores) * w)


def _hebb_then_length_one(w: Array, z: Array, lr: float) -> Array:
    for x in z:
        w = w + lr * (w @ x) * x
        w = w / np.linalg.norm(w)
    return w


def _brake_on_the_new_w(w: Array, x: Array, score: float, lr: float) -> Array:
    w = w + lr * score * x
    return w - lr * score**2 * w


def _new_score_too(w: Array, x: Array, score: float, lr: float) -> Array:
    w = w + lr * score * x
    return w - lr * (w @ x) ** 2 * w


def _scores_before_the_loop(w: Array, z: Array, lr: float) -> Array:
    for x, score in zip(z, z @ w, strict=True):
        w = w + lr * score * (x - score * w)
    return w


def _oja_then_length_one(w: Array, x: Array, score: float, lr: float) -> Array:
    w = w + lr * score * (x - score * w)
    return w / np.linalg.norm(w)


def _length_one_at_the_end(w: Array, z: Array, lr: float) -> Array:
    w = oja_pass(w, z, lr)
    return w / np.linalg.norm(w)


def _oja_two_statements(w: Array, z: Array, lr: float) -> Array:
    w = np.array(w, dtype=float)
    for x in z:
        score = np.dot(w, x)
        grow, brake = lr * score * x, lr * score**2 * w
        w += grow - brake
    return w


oja = Code(
    id="2.7",
    title="Oja's rule, sample by sample",
    points=2,
    names=("w", "z", "lr"),
    reference=oja_pass,
    inputs=_oja_inputs,
    also=("a single sample", lambda rng: [(rng.normal(size=3), rng.normal(size=(1, 3)), 0.1)]),
    wrong={
        "plain Hebb": Wrong(
            _pass_with(lambda w, x, s, lr: w + lr * s * x),
            "This is Hebb's rule: it has no brake, and your w grows from round to round. Which "
            "term did Oja subtract inside the bracket?",
        ),
        "brake without score": Wrong(
            _pass_with(lambda w, x, s, lr: w + lr * (s * x - w)),
            "Your brake is lr·w, equally strong for every sample. Oja's is strong where the score "
            "is large. In s·(x − s·w), multiply the bracket out: how often does s stand before w?",
        ),
        "brake without score and rate": Wrong(
            _pass_with(lambda w, x, s, lr: w + lr * s * x - s * w),
            "Your brake is s·w: it lacks lr, and one s. Multiply η s (x − s w) out: what stands "
            "before w?",
        ),
        "brake without rate": Wrong(
            _pass_with(lambda w, x, s, lr: w + lr * s * x - s * s * w),
            "Your brake is s·s·w: it lacks lr. Multiply η s (x − s w) out: what stands before w?",
        ),
        "brake with one score": Wrong(
            _pass_with(lambda w, x, s, lr: w + lr * s * (x - w)),
            "Your brake is lr·s·w. Multiply Oja's bracket s·(x − s·w) out: w gets the score twice, "
            "so its brake is never negative. Yours pushes outwards when s < 0.",
        ),
        "brake with the wrong sign": Wrong(
            _pass_with(lambda w, x, s, lr: w + lr * s * (x + s * w)),
            "Your second term makes w longer: an accelerator, not a brake. What is its sign in "
            "Oja's bracket?",
        ),
        "score forgotten": Wrong(
            _pass_with(lambda w, x, s, lr: w + lr * (x - s * w)),
            "Hebb's part is lr·s·x, and yours is lr·x: inputs pull even when the unit is not "
            "active. The score multiplies the whole bracket.",
        ),
        "brake on x": Wrong(
            _pass_with(lambda w, x, s, lr: w + lr * s * (x - s * x)),
            "You brake the input x. What grows without limit is w, so the brake must pull w back.",
        ),
        "brake on the new w": Wrong(
            _pass_with(_brake_on_the_new_w),
            "Your brake acts on the w that Hebb's part has just changed. Both parts of one step "
            "start from the same w: compute the whole change first, then add it.",
        ),
        "brake with a new score": Wrong(
            _pass_with(_new_score_too),
            "After Hebb's part you compute the score and the brake anew. A step has one score, and "
            "both of its parts start from the same w: compute the whole change first, then add it.",
        ),
        "all samples at once": Wrong(
            _oja_all_at_once,
            "You compute all scores with the w from the start. Oja's neuron learns after every "
            "sample: the second score needs the w that the first one left behind.",
        ),
        "length set to one": Wrong(
            _hebb_then_length_one,
            "You divide w by its length after each Hebb step. Oja's formula comes from that idea, "
            "but it is an approximation for a small lr: it never computes a length.",
        ),
        "scores before the loop": Wrong(
            _scores_before_the_loop,
            "Your scores all come from the first w. But w changes after every row: when must each "
            "score be computed?",
        ),
        "brake and length set to one": Wrong(
            _pass_with(_oja_then_length_one),
            "You also divide by the length after each step. The brake alone keeps w near 1: leave "
            "the division out.",
        ),
        "length set to one at the end": Wrong(
            _length_one_at_the_end,
            "You divide by the length at the end. The brake alone brings w near length 1 after "
            "many rows: return w as the last step left it.",
        ),
        "last sample only": Wrong(
            lambda w, z, lr: oja_pass(w, z[-1:], lr),
            "Only the last sample has an effect. Each step must start from the w that the step "
            "before it gave: keep the result in `w` inside the loop.",
        ),
        "products not added up": Wrong(
            _pass_with(lambda w, x, s, lr: w + lr * (w * x) * (x - w * x * w)),
            "Your score is a list of n products: `w * x` multiplies number by number. The score is "
            "their sum, one number. Which operator multiplies and adds?",
        ),
        "step turned round": Wrong(
            _pass_with(lambda w, x, s, lr: w - lr * s * (x - s * w)),
            "Your step has the right size and points the wrong way. Is it subtracted, or does the "
            "bracket read s·w − x? Growth has a plus, the brake a minus.",
        ),
        "only the brake": Wrong(
            _pass_with(lambda w, x, s, lr: w - lr * s * s * w),
            "Only the brake is left: w shrinks towards 0 and learns nothing from x. What does Hebb "
            "add?",
        ),
        "only the change": Wrong(
            _pass_with(lambda w, x, s, lr: lr * s * (x - s * w)),
            "After each row your w is the change alone. The change must be added to the w that was "
            "there before.",
        ),
        "score with the wrong sign": Wrong(
            _pass_with(lambda w, x, s, lr: w - lr * s * (x + s * w)),
            "Your score has the wrong sign: Hebb's part turns w away from x. The score is w·x, "
            "without a minus.",
        ),
        "no learning rate": Wrong(
            _pass_with(lambda w, x, s, lr: w + s * (x - s * w)),
            "Your steps are 1/lr times too long: the learning rate is missing. Where does η stand "
            "in the formula?",
        ),
        "neither score nor rate": Wrong(
            _pass_with(lambda w, x, s, lr: w + (x - s * w)),
            "You add the bare bracket. In front of it two factors are missing: one says how far a "
            "step goes, one how active the unit is.",
        ),
        "brake without w": Wrong(
            _pass_with(lambda w, x, s, lr: w + lr * s * (x - s)),
            "You subtract the score itself from every entry of x. The brake has a direction: it "
            "pulls along w. What must multiply the score in the bracket?",
        ),
        "bracket missing": Wrong(
            _pass_with(lambda w, x, s, lr: w + lr * s),
            "You add the same number, lr·s, to every weight. A step needs a direction, and the "
            "bracket with x and w gives it.",
        ),
        "first sample only": Wrong(
            lambda w, z, lr: oja_pass(w, z[:1], lr),
            "Only the first sample has an effect. Does your `return` stand inside the loop?",
        ),
    },
    alternatives=[
        _oja_two_statements,
        lambda w, z, lr: oja_pass(oja_pass(w, z[:2], lr), z[2:], lr),
    ],
    hints=(
        "A loop over the rows of z. In it: the score, then the new w.",
        "Use the table of formulas at the end of the chapter. The score of a row x is `w @ x`, "
        "with the w of that moment.",
        "`score = w @ x`, then `w = w + lr * score * (...)`: the bracket holds x minus something. "
        "Return w after the loop.",
    ),
)

EXERCISES = [unit, step, xnor, bound, two_faults, book_of_1969, oja]
