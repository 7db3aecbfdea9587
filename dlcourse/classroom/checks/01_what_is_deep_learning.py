"""Chapter 1, what deep learning is: what is right, what goes wrong, and what to say then."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from dlcourse.classroom.exercise import Choice, Code, Debug, Design, Number, Wrong

Array = np.ndarray
Face = dict[str, str]

# ---- 1.1 the price of being shallow --------------------------------------------------------------

shallow = Number(
    id="1.1",
    title="The price of being shallow",
    points=1,
    reference=511,
    wrong={
        "pieces": Wrong(
            512,
            "512 is the number of straight pieces: right so far. A unit adds a kink. How many "
            "kinks lie between 512 pieces?",
        ),
        "one unit more": Wrong(
            513,
            "512 pieces is right. But a curve with one kink has two pieces, so there are fewer "
            "kinks than pieces, not more.",
        ),
        "units of the deep network": Wrong(
            18,
            "18 is what the deep network needs. The shallow one pays for every kink with a unit of "
            "its own. How many pieces are there after 9 folds?",
        ),
        "one layer less": Wrong(
            255,
            "255 would be right for 8 layers. The first layer already makes 2 pieces, and every "
            "further one doubles them.",
        ),
        "one layer more": Wrong(
            1023,
            "1,023 would be right for 10 layers. Count again: after one layer there are 2 pieces.",
        ),
        "pieces of 8 layers": Wrong(
            256,
            "256 is the number of pieces after 8 layers. One layer is missing, and the task asks "
            "for units, not for pieces.",
        ),
        "two units a kink": Wrong(
            1022,
            "That is twice as many as needed. One unit bends the curve once: it makes one kink.",
        ),
        "added": Wrong(
            17,
            "You added up the layers. Every layer folds all the pieces that are already there: "
            "their number doubles each time.",
        ),
        "one kink less": Wrong(
            510,
            "One unit too few. Count on small curves: 1 kink makes 2 pieces, 3 kinks make 4.",
        ),
        "a unit a layer": Wrong(
            9,
            "9 is the number of layers, so you count one kink for each. But a layer folds every "
            "piece that is already there. How many pieces are there after 2 layers, after 3?",
        ),
        "each unit doubles": Wrong(
            2**18,
            "You doubled once for each unit. The two units of a layer make one tent together: the "
            "pieces double once for each layer.",
        ),
        "squared": Wrong(
            81,
            "9 times 9 is not what 9 folds give. One fold makes 2 pieces, two folds 4, three …?",
        ),
    },
    alternatives=[2**9 - 1],
    hints=(
        "How many straight pieces are there after 1, 2 and 3 layers?",
        "Each layer doubles the pieces. With one hidden layer, each unit adds at most one kink.",
        "2 to the power of 9 pieces, and one kink fewer than pieces.",
    ),
)

# ---- 1.2 how many numbers are learned ------------------------------------------------------------


def count_parameters(sizes: Sequence[int]) -> int:
    return sum((before + 1) * units for before, units in pairwise(sizes))


def _weights(sizes: Sequence[int]) -> int:
    return sum(a * b for a, b in pairwise(sizes))


def _layer_lists(rng: np.random.Generator) -> list[tuple]:
    fixed = [[64, 30, 10], [2, 1], [5, 3, 4, 2], [7, 2, 3, 2, 5]]
    drawn = [rng.integers(2, 40, size=n).tolist() for n in (2, 3, 4, 6)]
    return [(sizes,) for sizes in fixed + drawn]


def _loop(sizes: Sequence[int]) -> int:
    total = 0
    for i in range(1, len(sizes)):
        for _ in range(sizes[i]):
            total += sizes[i - 1] + 1
    return total


parameters = Code(
    id="1.2",
    title="How many numbers are learned?",
    points=1,
    names=("sizes",),
    reference=count_parameters,
    inputs=_layer_lists,
    also=("a single unit", lambda rng: [([int(rng.integers(2, 9)), 1],)]),
    wrong={
        "no biases": Wrong(
            _weights,
            "The weights are right. But each unit also has a bias, and it is learned too.",
        ),
        "biases of the inputs": Wrong(
            lambda sizes: _weights(sizes) + sum(sizes),
            "You gave the inputs biases as well. The inputs only pass numbers on: they have no "
            "parameters.",
        ),
        "one bias a layer": Wrong(
            lambda sizes: _weights(sizes) + len(sizes) - 1,
            "You counted one bias for each layer. Each unit has a bias of its own.",
        ),
        "no bias in the last layer": Wrong(
            lambda sizes: _weights(sizes) + sum(sizes[1:-1]),
            "The hidden layers are right. The units of the last layer have biases too.",
        ),
        "units": Wrong(
            lambda sizes: sum(sizes[1:]),
            "You counted the units. Each of them has one weight for every output of the layer "
            "before it, and a bias.",
        ),
        "everything": Wrong(
            sum,
            "You added up the inputs and units. The task asks for the weights and biases of the "
            "connections between them.",
        ),
        "one product": Wrong(
            lambda sizes: math.prod(sizes),
            "You multiplied all sizes. Layers that are not neighbours are not connected: take each "
            "pair of neighbours by itself, and add up.",
        ),
        "first layer only": Wrong(
            lambda sizes: (sizes[0] + 1) * sizes[1],
            "The first layer is right. The layers after it have weights and biases, too: go on "
            "through the list, pair by pair.",
        ),
        "last layer left out": Wrong(
            lambda sizes: count_parameters(sizes[:-1]) if len(sizes) > 2 else 0,
            "One layer is missing at the end. `sizes` has one entry more than there are layers, "
            "because the inputs come first.",
        ),
        "bias on the wrong side": Wrong(
            lambda sizes: sum(a * (b + 1) for a, b in pairwise(sizes)),
            "You added one to the wrong size. A bias belongs to a unit of the later layer, so each "
            "of *its* units has one number more.",
        ),
        "one more everywhere": Wrong(
            lambda sizes: sum((a + 1) * (b + 1) for a, b in pairwise(sizes)),
            "You added one on both sides. A bias acts like one more input, so only the earlier "
            "size grows by one.",
        ),
    },
    diagnose=[
        (
            lambda result, sizes: np.ndim(result) == 0 and result == _weights(sizes),
            "For some lists you return the weights without the biases.",
        ),
        (
            lambda result, sizes: np.ndim(result) == 0 and result < _weights(sizes),
            "For some lists you get fewer than there are weights. Between layers of a and b units "
            "there are a · b weights; add up over all pairs of neighbours.",
        ),
        (
            lambda result, sizes: np.ndim(result) == 0 and result > count_parameters(sizes),
            "For some lists you get too many. Each unit has one weight for each output of the "
            "layer before it and one bias, nothing else.",
        ),
        (
            lambda result, sizes: np.ndim(result) == 0,
            "For some lists you get too few. Are the biases of all layers counted?",
        ),
    ],
    alternatives=[
        _loop,
        lambda sizes: _weights(sizes) + sum(sizes[1:]),
        lambda sizes: int(np.dot(np.array(sizes[:-1]) + 1, sizes[1:])),
    ],
    hints=(
        "Take one layer alone, for example 30 units on 64 inputs. How many numbers has one unit?",
        "One unit on 64 inputs has 64 weights and 1 bias. So 30 units have 30 · 65 numbers.",
        "`zip(sizes[:-1], sizes[1:])` gives every layer with the one before it. Add up "
        "(before + 1) · units.",
    ),
)

# ---- 1.3 "cat", written by hand ------------------------------------------------------------------

CAT: Face = {
    "left ear": "pointed ear",
    "right ear": "pointed ear",
    "left eye": "eye",
    "right eye": "eye",
    "left cheek": "whiskers",
    "right cheek": "whiskers",
}


def is_cat(face: Face) -> bool:
    ears = face["left ear"] == "pointed ear" and face["right ear"] == "pointed ear"
    cheeks = face["left cheek"] == "whiskers" and face["right cheek"] == "whiskers"
    return ears and cheeks


def _swapped(face: Face, a: str, b: str) -> Face:
    return {**face, a: face[b], b: face[a]}


def _faces(rng: np.random.Generator) -> list[tuple]:
    """Cats, mice, foxes, faces with one part wrong, and cats with parts in each other's places."""
    round_ears = {"left ear": "round ear", "right ear": "round ear"}
    bare = {"left cheek": "nothing", "right cheek": "nothing"}
    found = [dict(CAT), CAT | round_ears, CAT | bare, CAT | round_ears | bare]
    for side in ("left", "right"):
        found += [CAT | {f"{side} ear": "round ear"}, CAT | {f"{side} cheek": "nothing"}]
        found += [CAT | {f"{side} eye": "nothing"}]  # a cat may have lost an eye
        found += [_swapped(CAT, f"{side} ear", f"{side} cheek")]
        found += [_swapped(CAT, f"{side} ear", f"{side} eye")]
        found += [_swapped(CAT, f"{side} cheek", f"{side} eye")]
    places = list(CAT)
    for _ in range(6):
        mixed = rng.permutation(list(CAT.values())).tolist()
        found.append(dict(zip(places, mixed, strict=True)))
    found.append(_swapped(_swapped(CAT, "left ear", "left cheek"), "right ear", "right cheek"))
    order = rng.permutation(len(found))
    return [(found[i],) for i in order]


def _bag(face: Face) -> bool:
    parts = list(face.values())
    return parts.count("pointed ear") == 2 and parts.count("whiskers") == 2


def _any_part(face: Face) -> bool:
    return "pointed ear" in face.values() and "whiskers" in face.values()


def _ears(face: Face, test: Callable = all) -> bool:
    return test(face[f"{side} ear"] == "pointed ear" for side in ("left", "right"))


def _cheeks(face: Face, test: Callable = all) -> bool:
    return test(face[f"{side} cheek"] == "whiskers" for side in ("left", "right"))


def _nested(face: Face) -> bool:
    for place, part in face.items():
        if place.endswith("ear") and part != "pointed ear":
            return False
        if place.endswith("cheek") and part != "whiskers":
            return False
    return True


by_hand = Code(
    id="1.3",
    title="“Cat”, written by hand",
    points=2,
    names=("face",),
    reference=is_cat,
    inputs=_faces,
    wrong={
        "a bag of parts": Wrong(
            _bag,
            "Your rule accepts a scrambled cat: it counts the parts, wherever they are. A cat has "
            "its pointed ears at the ear places and its whiskers at the cheeks.",
        ),
        "some part": Wrong(
            _any_part,
            "Your rule asks whether such parts occur at all. So it accepts scrambled cats, and a "
            "face with one ear of each kind. Look at the places, one by one.",
        ),
        "ears only": Wrong(
            _ears,
            "Your rule looks at the ears and accepts a fox, which has no whiskers. Which places "
            "are left to test?",
        ),
        "whiskers only": Wrong(
            _cheeks,
            "Your rule looks at the cheeks and accepts a mouse, which has round ears. Which places "
            "are left to test?",
        ),
        "ears or whiskers": Wrong(
            lambda face: _ears(face) or _cheeks(face),
            "Your rule is content with ears *or* whiskers, so it accepts foxes and mice. A cat "
            "needs both.",
        ),
        "one side is enough": Wrong(
            lambda face: _ears(face, any) and _cheeks(face, any),
            "Your rule accepts a face with one pointed and one round ear. The task asks for both "
            "ears and both cheeks.",
        ),
        "left side only": Wrong(
            lambda face: face["left ear"] == "pointed ear" and face["left cheek"] == "whiskers",
            "Your rule looks at the left side only. A round ear on the right gets past it.",
        ),
        "right side only": Wrong(
            lambda face: face["right ear"] == "pointed ear" and face["right cheek"] == "whiskers",
            "Your rule looks at the right side only. A round ear on the left gets past it.",
        ),
        "eyes too": Wrong(
            lambda face: face == CAT,
            "Your rule also wants both eyes. The task asks for ears and cheeks: a cat that has "
            "lost an eye is a cat.",
        ),
        "any ears": Wrong(
            lambda face: "ear" in face["left ear"] and "ear" in face["right ear"] and _cheeks(face),
            "Your rule accepts round ears. That was the mouse.",
        ),
        "turned round": Wrong(
            lambda face: not is_cat(face),
            "Every answer is the opposite of the right one. Return True for a cat.",
        ),
    },
    diagnose=[
        (
            lambda result, face: bool(result) and _bag(face),
            "Your rule accepts a face whose parts are those of a cat, but not all in their places: "
            "a scrambled cat. Test each of the four places.",
        ),
        (
            lambda result, face: bool(result) and _cheeks(face),
            "Your rule accepts a face with whiskers whose ears are not both pointed. Both ears "
            "count.",
        ),
        (
            lambda result, face: bool(result) and _ears(face),
            "Your rule accepts a face with pointed ears without whiskers at both cheeks: a fox, or "
            "nearly one.",
        ),
        (
            lambda result, face: bool(result),
            "Your rule accepts a face that has neither the ears nor the whiskers of a cat in their "
            "places. Do your tests have to hold together, or is one enough?",
        ),
        (
            lambda result, face: is_cat(face) and not result,
            "Your rule refuses a cat. Print what each of your tests says about it. Are the words "
            "spelled as in the task?",
        ),
    ],
    alternatives=[
        _nested,
        lambda face: _ears(face) and _cheeks(face),
        lambda face: (
            [face[k] for k in ("left ear", "right ear", "left cheek", "right cheek")]
            == ["pointed ear"] * 2 + ["whiskers"] * 2
        ),
    ],
    hints=(
        'There are four conditions: two ears, two cheeks. `face["left ear"]` is the part there.',
        "First decide whether both ears are right, then whether both cheeks are right.",
        "Compare each of the four parts with the right word, and join the four with `and`.",
    ),
)

# ---- 1.4 count the straight pieces ---------------------------------------------------------------


def pieces(x: Array, y: Array) -> int:
    slopes = np.diff(y) / np.diff(x)
    kinks = ~np.isclose(slopes[1:], slopes[:-1])
    return int(kinks.sum()) + 1


def _tents(folds: int) -> tuple[Array, Array]:
    x = np.linspace(0, 1, 4 * 2**folds + 1)
    y = x
    for _ in range(folds):
        y = 2 * np.minimum(y, 1 - y)
    return x, y


def _polyline(rng: np.random.Generator, slopes: Sequence[float]) -> tuple[Array, Array]:
    """A curve with these slopes, each over a few points that are not equally far apart."""
    repeats = rng.integers(2, 6, size=len(slopes))
    steps = rng.uniform(0.1, 1.0, size=repeats.sum())
    x = np.concatenate([[0.0], np.cumsum(steps)]) + rng.normal()
    y = np.concatenate([[0.0], np.cumsum(steps * np.repeat(slopes, repeats))]) + rng.normal()
    return x, y


def _curves(rng: np.random.Generator) -> list[tuple]:
    up = np.cumsum(rng.uniform(0.4, 1.5, size=5))  # always rising: no turning point
    zigzag = rng.uniform(0.5, 2, size=7) * np.resize([1, -1], 7)
    again = [1.0, -0.7, 1.0, 2.2, -0.7, 1.0]  # slopes that come back later
    ramp = [0.0, 1.3, 0.0, -2.0]
    lists = [up, zigzag, again, ramp, [float(rng.uniform(0.5, 2))], [0.0]]
    return [_tents(1), _tents(3), _tents(5), *(_polyline(rng, slopes) for slopes in lists)]


def _changes(values: Array) -> int:
    return int((~np.isclose(values[1:], values[:-1])).sum()) + 1


def _one_by_one(x: Array, y: Array) -> int:
    count, last = 0, None
    for i in range(1, len(x)):
        slope = (y[i] - y[i - 1]) / (x[i] - x[i - 1])
        if last is None or abs(slope - last) > 1e-6:
            count += 1
        last = slope
    return count


def _sign_changes(values: Array) -> int:
    signs = np.sign(values)
    signs = signs[signs != 0]
    return int((signs[1:] != signs[:-1]).sum()) + 1


straight = Code(
    id="1.4",
    title="Count the straight pieces",
    points=2,
    names=("x", "y"),
    reference=pieces,
    inputs=_curves,
    also=("the smallest curves, of three points", lambda rng: [_polyline(rng, [1.0, -1.0])]),
    wrong={
        "kinks": Wrong(
            lambda x, y: pieces(x, y) - 1,
            "You count the kinks. A curve with one kink has two pieces: k kinks make k + 1 pieces.",
        ),
        "one too many": Wrong(
            lambda x, y: pieces(x, y) + 1,
            "You get one piece too many each time. k kinks make k + 1 pieces; a straight line is "
            "one piece.",
        ),
        "zero crossings": Wrong(
            lambda x, y: _sign_changes(y),
            "You count where the curve crosses zero. A piece ends where the *slope* changes, "
            "whatever the height is.",
        ),
        "turning points": Wrong(
            lambda x, y: _sign_changes(np.diff(y)),
            "You count where the curve turns from rising to falling. For the tents that is right. "
            "But a curve that goes on rising, only steeper, also has a kink.",
        ),
        "differences without x": Wrong(
            lambda x, y: _changes(np.diff(y)),
            "You compare the steps in y. Where the points are not equally far apart, a straight "
            "line has different steps. What must a step in y be divided by?",
        ),
        "exact comparison": Wrong(
            lambda x, y: (
                int(((np.diff(y) / np.diff(x))[1:] != (np.diff(y) / np.diff(x))[:-1]).sum()) + 1
            ),
            "You compare slopes exactly. They differ in the sixteenth digit by rounding, and each "
            "such difference becomes a piece. Compare with np.isclose.",
        ),
        "different slopes": Wrong(
            lambda x, y: len(np.unique(np.round(np.diff(y) / np.diff(x), 6))),
            "You count how many different slopes there are. A slope that comes back later is a new "
            "piece: compare each slope with the one before it.",
        ),
        "steps between points": Wrong(
            lambda x, y: len(x) - 1,
            "You count the steps from point to point. Neighbouring steps with the same slope "
            "belong to one piece.",
        ),
        "equal neighbours": Wrong(
            lambda x, y: len(x) - 1 - pieces(x, y) + 1,
            "You count where the slope stays the same. A new piece begins where it does *not*.",
        ),
    },
    diagnose=[
        (
            lambda result, x, y: np.ndim(result) == 0 and result >= len(x) - 2 and len(x) > 4,
            "For some curve nearly every point counts as a kink for you. Either rounding makes "
            "slopes differ (use np.isclose), or you compare something other than slopes.",
        ),
        (
            lambda result, x, y: np.ndim(result) == 0 and result < 1,
            "For some curve you get less than one piece. Even a straight line is one.",
        ),
        (
            lambda result, x, y: np.ndim(result) == 0 and result < pieces(x, y),
            "For some curve you get too few pieces. Draw a curve that rises, then rises more "
            "steeply, then falls. Where must your function see its two kinks?",
        ),
        (
            lambda result, x, y: np.ndim(result) == 0,
            "For some curve you get too many pieces. Print the slopes of a straight line with "
            "uneven x: are they all the same for you?",
        ),
    ],
    alternatives=[
        _one_by_one,
        lambda x, y: 1 + np.count_nonzero(np.abs(np.diff(np.diff(y) / np.diff(x))) > 1e-7),
        lambda x, y: len([s for s in np.diff(np.diff(y) / np.diff(x)) if abs(s) > 1e-6]) + 1,
    ],
    hints=(
        "First the slope of each step: the rise in y over the way in x. `np.diff` gives the steps.",
        "Then compare each slope with the one before it: `slopes[1:]` with `slopes[:-1]`.",
        "Where `np.isclose` says no, a new piece begins. Count these places and add one for the "
        "first piece.",
    ),
)

# ---- 1.5 perfect, and useless --------------------------------------------------------------------

paper = Choice(
    id="1.5",
    title="Perfect, and useless",
    points=1,
    options={
        "a": "train ten times longer",
        "b": "add hidden layers",
        "c": "collect sketches in which every animal comes on every paper, and train on them",
        "d": "collect 50,000 more sketches from the same drawers",
        "e": "hold out more sketches for the test",
    },
    reasons={
        1: "the paper alone gave the right answer, so nothing made the network look at the parts",
        2: "the network has too few layers to build ears out of lines",
        3: "the network has learned its training sketches by heart",
        4: "the loss was not yet small when the training ended",
    },
    reference=("c", 1),
    wrong={
        "longer": Wrong(
            "a",
            "Training has nothing left to learn: 100 % of the training sketches are right. Longer "
            "training makes the same rule firmer. Which rule would be enough to get 100 %?",
        ),
        "deeper": Wrong(
            "b",
            "More layers *can* build better features. But a rule about the paper is right on every "
            "training sketch, for a deep network too. What would force it to look elsewhere?",
        ),
        "more of the same": Wrong(
            "d",
            "50,000 more sketches in which light paper means cat teach the same lesson again. Not "
            "the number of examples is the trouble, but what they have in common.",
        ),
        "a larger test": Wrong(
            "e",
            "A larger test from the same drawers again says 100 %. It holds the same coincidence. "
            "What should the sketches have that these have not?",
        ),
        "right, but layers": Wrong(
            ("c", 2),
            "The remedy helps. But is it the depth? A network that judges by the paper needs no "
            "ears at all, however many layers it has.",
        ),
        "right, but by heart": Wrong(
            ("c", 3),
            "The remedy helps. But a network that has learned its sketches by heart fails on "
            "held-out ones, and this one was perfect there.",
        ),
        "right, but the loss": Wrong(
            ("c", 4),
            "The remedy helps. But all training sketches are right, so a smaller loss changes "
            "little. What did the training data never show?",
        ),
    },
    hints=(
        "Which single fact about a sketch is enough to be right on all 6,000 of them?",
        "A machine that looks at that fact only: what does it get on sketches on any paper?",
        "So examples are needed in which that fact and the animal have nothing to do with each "
        "other.",
    ),
)

# ---- 1.6 a training with two faults --------------------------------------------------------------

NUDGE = 0.001


def learn(x: Array, y: Array, w: float, lr: float, steps: int) -> float:
    for _ in range(steps):
        loss = np.mean((w * x - y) ** 2)
        nudged = np.mean(((w + 0.001) * x - y) ** 2)
        slope = (nudged - loss) / 0.001
        w = w - lr * slope
    return w


def _best(x: Array, y: Array) -> float:
    return float(x @ y) / float(x @ x)


def _learn(
    x: Array,
    y: Array,
    w: float,
    lr: float,
    steps: int,
    *,
    scale: float = 1 / NUDGE,
    sign: float = -1.0,
) -> float:
    for _ in range(steps):
        slope = (np.mean(((w + NUDGE) * x - y) ** 2) - np.mean((w * x - y) ** 2)) * scale
        w = w + sign * lr * slope
    return w


def _exactly(x: Array, y: Array, w: float, lr: float, steps: int) -> float:
    """The slope of the loss from the rule for squares."""
    for _ in range(steps):
        w = w - lr * np.mean(2 * (w * x - y) * x)
    return w


def _both_sides(x: Array, y: Array, w: float, lr: float, steps: int) -> float:
    for _ in range(steps):
        up, down = (np.mean(((w + step) * x - y) ** 2) for step in (NUDGE, -NUDGE))
        w -= lr * (up - down) / (2 * NUDGE)
    return w


def _by_the_loss(x: Array, y: Array, w: float, lr: float, steps: int) -> float:
    for _ in range(steps):
        w = w - lr * np.mean((w * x - y) ** 2)
        if abs(w) > 1e50:  # it runs away, and soon past the largest number
            break
    return w


def _replaced(x: Array, y: Array, w: float, lr: float, steps: int, *, sign: float) -> float:
    for _ in range(steps):
        w = sign * lr * np.mean(2 * (w * x - y) * x)
    return w


def _samples(rng: np.random.Generator) -> list[tuple]:
    cases = []
    for n, steps in [(5, 1), (4, 2), (7, 5), (6, 40)]:
        x = rng.uniform(0.5, 2, size=n) * rng.choice([-1, 1], size=n)
        true = rng.choice([-1, 1]) * rng.uniform(4, 8)
        cases.append((x, true * x, float(rng.uniform(-2, 2)), 0.1, steps))
    return cases


two_faults = Debug(
    id="1.6",
    title="A training with two faults",
    points=2,
    names=("x", "y", "w", "lr", "steps"),
    reference=learn,
    inputs=_samples,
    tolerance=2e-3,
    wrong={
        "broken": Wrong(
            lambda *a: _learn(*a, scale=1.0, sign=1.0),
            "Both faults are still there. Take x = 2, y = 6, w = 1: the loss falls by about 0.016 "
            "for a nudge of 0.001. What is the slope then? And which way must w go?",
        ),
        "still uphill": Wrong(
            lambda *a: _learn(*a, sign=1.0),
            "The slope is right now. But w moves to where the loss grows. If the slope is "
            "negative, a larger w is better: which sign does the update need?",
        ),
        "still no slope": Wrong(
            lambda *a: _learn(*a, scale=1.0),
            "The direction is right now. But the steps are a thousand times too short: the change "
            "of the loss belongs to a nudge of 0.001. A slope is the change for a way of 1.",
        ),
        "multiplied": Wrong(
            lambda *a: _learn(*a, scale=NUDGE),
            "The direction is right, but w hardly moves at all. A slope is rise *over* way: divide "
            "the change of the loss by the nudge of 0.001, don't multiply by it.",
        ),
        "nudge of one": Wrong(
            lambda *a: _learn(*a, scale=1 / (2 * NUDGE)),
            "Your steps are half as long as they should be. From w to w + 0.001, how long is the "
            "way?",
        ),
        "the loss for the slope": Wrong(
            _by_the_loss,
            "You subtract a part of the loss. The loss says how wrong w is, not which way is "
            "better. The slope does: it is the change of the loss, divided by the nudge.",
        ),
        "w thrown away": Wrong(
            lambda x, y, w, lr, steps: _replaced(x, y, w, lr, steps, sign=-1.0),
            "Each step throws w away and keeps only the correction. Start from w: the new w is "
            "w minus the correction.",
        ),
        "w thrown away, uphill": Wrong(
            lambda x, y, w, lr, steps: _replaced(x, y, w, lr, steps, sign=1.0),
            "Each step throws w away and keeps only the correction. Start from w: the new w is "
            "w minus the correction.",
        ),
        "one step only": Wrong(
            lambda x, y, w, lr, steps: learn(x, y, w, lr, 1),
            "The first step is right, and then nothing happens any more. Does `return` stand "
            "inside the loop?",
        ),
        "no learning rate": Wrong(
            lambda x, y, w, lr, steps: learn(x, y, w, 1.0, steps),
            "The direction is right, but the steps are too long. Which argument says how far to "
            "go?",
        ),
        "starts at 0": Wrong(
            lambda x, y, w, lr, steps: learn(x, y, 0.0, lr, steps),
            "The training starts at 0. It should start at the w that it is given.",
        ),
        "sum": Wrong(
            lambda x, y, w, lr, steps: learn(x, y, w, lr * len(x), steps),
            "Your steps are too long by one factor, the number of samples. The loss is the mean "
            "over the samples, not their sum.",
        ),
    },
    diagnose=[
        (
            lambda result, x, y, w, lr, steps: (
                np.ndim(result) == 0
                and abs(result - (y @ x) / (x @ x)) > abs(w - (y @ x) / (x @ x))
            ),
            "After training w is further from the best weight than before. Does each step go "
            "against the slope? Is the slope nudged minus loss, divided by the nudge?",
        ),
        (
            lambda result, x, y, w, lr, steps: (
                np.ndim(result) == 0 and abs(result - w) < 0.2 * abs(learn(x, y, w, lr, steps) - w)
            ),
            "w hardly moves. Print loss, nudged and slope for x = 2, y = 6, w = 1: the slope "
            "should be near −16.",
        ),
        (
            lambda result, x, y, w, lr, steps: np.ndim(result) == 0,
            "w moves towards the best weight, but the steps have the wrong length. Compare one "
            "step with x = 2, y = 6, w = 1, lr = 0.1: w should become about 2.6.",
        ),
    ],
    alternatives=[_exactly, _both_sides],
    hints=(
        "Print `loss`, `nudged` and `slope` for x = 2, y = 6 and w = 1, and compare them with the "
        "chapter's example on paper.",
        "The nudge is 0.001, so the change of the loss is for a way of 0.001, not of 1.",
        "Divide the change by 0.001, and subtract in the update.",
    ),
)

# ---- 1.7 fold as often as you can ----------------------------------------------------------------

UNITS = 20
PIECES = 1_200


def fold(design: Sequence[int]) -> dict[str, float]:
    """Units, layers and straight pieces of a network that folds with these layers."""
    widths = [float(width) for width in design]
    if not widths or len(widths) > 60:
        raise ValueError("list between 1 and 60 layers")
    if any(width != int(width) or not 1 <= width <= 1000 for width in widths):
        raise ValueError("the units of a layer are a whole number from 1 to 1000")
    made = math.prod(int(width) for width in widths)
    return {
        "units": sum(widths),
        "layers": float(len(widths)),
        "pieces": float(min(made, 10**15)),
        "widest": max(widths),
        "narrowest": min(widths),
    }


folding = Design(
    id="1.7",
    title="Fold as often as you can",
    points=2,
    reference=[3, 3, 3, 3, 3, 3, 2],
    measure=fold,
    accept=lambda m: m["pieces"] >= PIECES and m["units"] <= UNITS,
    wrong={
        "one wide layer": Wrong(
            [20],
            "One layer of 20 units makes {pieces:.0f} pieces. A second layer would fold all of "
            "them again: the numbers multiply.",
        ),
        "two layers": Wrong(
            [10, 10],
            "10 times 10 is {pieces:.0f} pieces. Better than one layer of 20. What do four layers "
            "of 5 give?",
        ),
        "four layers": Wrong(
            [5, 5, 5, 5],
            "5 · 5 · 5 · 5 is {pieces:.0f} pieces: near the 1,200, with all 20 units used. More, "
            "and smaller, layers?",
        ),
        "four fours": Wrong(
            [4, 4, 4, 4, 4],
            "Five layers of 4 make {pieces:.0f} pieces. You are near. Compare what 12 units give: "
            "4 · 4 · 4, or 3 · 3 · 3 · 3?",
        ),
        "tents": Wrong(
            [2] * 10,
            "Ten tents make {pieces:.0f} pieces: near, and yet too few. The deepest network is not "
            "the best here. What do 6 units give: 2 · 2 · 2, or 3 · 3?",
        ),
        "threes, one unit left": Wrong(
            [3] * 6,
            "Six layers of 3 make {pieces:.0f} pieces with 18 units. Two units are left: what "
            "could they do?",
        ),
        "only ones": Wrong(
            [1] * 20,
            "A layer with one unit folds nothing: it makes 1 piece out of 1. Twenty of them still "
            "make {pieces:.0f}.",
        ),
        "too many units": Wrong(
            [3] * 7,
            "{pieces:.0f} pieces are plenty, but {units:.0f} units are one too many. Take one "
            "away: how many pieces are left?",
        ),
    },
    diagnose=[
        (
            lambda m: m["units"] > UNITS,
            "You use {units:.0f} units, and there are 20. All layers together count.",
        ),
        (
            lambda m: m["narrowest"] == 1 and m["pieces"] > 1,
            "{pieces:.0f} pieces. A layer with one unit folds nothing: it multiplies by 1. Give "
            "its unit to another layer.",
        ),
        (
            lambda m: m["units"] < UNITS,
            "{pieces:.0f} pieces with {units:.0f} units. You have 20: use the rest.",
        ),
        (
            lambda m: m["widest"] >= 5,
            "{pieces:.0f} pieces; 1,200 are asked for. Your widest layer has {widest:.0f} units. "
            "Split it into two layers: what is their product?",
        ),
        (
            lambda m: m["pieces"] < PIECES,
            "{pieces:.0f} pieces; 1,200 are asked for. You are near. Compare layers of 2, 3 and 4: "
            "which gives most for 12 units?",
        ),
    ],
    alternatives=[[2, 3, 3, 3, 3, 3, 3], [4, 4, 3, 3, 3, 3], [5, 3, 3, 3, 3, 3]],
    hints=(
        "The pieces are the product of the numbers, and the units are their sum.",
        "Compare 12 units in layers of 6, of 4, of 3 and of 2. Which product is the largest?",
        "Use as many layers of 3 as you can, and see what the rest can do.",
    ),
)

EXERCISES = [shallow, parameters, by_hand, straight, paper, two_faults, folding]
