"""Chapter 4, AlexNet: what is right, what goes wrong, and what to say then."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from dlcourse.classroom.exercise import Choice, Code, Debug, Design, Number, Wrong

Array = np.ndarray
Layer = tuple[Any, ...]  # ("conv", maps, kernel, stride, padding, groups) and so on
Image = tuple[int, int, int]

# ---- 4.1 sort the ingredients --------------------------------------------------------------------

KINDS = ("data", "hardware", "method")
SORTED = {
    "labelled photographs": "data",
    "shifted and mirrored copies": "data",
    "two gaming graphics cards": "hardware",
    "half of the kernels on each card": "hardware",
    "ReLU": "method",
    "dropout": "method",
    "overlapping pooling": "method",
    "response normalisation": "method",
}


def sorted_of(design: dict[str, str]) -> dict[str, float]:
    """For each ingredient: 1 where it is sorted rightly, else 0."""
    missing = [name for name in SORTED if name not in design]
    if missing:
        raise ValueError(f"{missing[0]!r} is missing. Keep all eight, and change only their kinds")
    kinds = {name: str(kind).strip().lower() for name, kind in design.items()}
    unknown = [kind for kind in kinds.values() if kind not in KINDS]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is none of the kinds: data, hardware, method")
    return {name: float(kinds[name] == kind) for name, kind in SORTED.items()}


sort_ingredients = Design(
    id="4.1",
    title="Data, hardware or method?",
    points=1,
    reference=SORTED,
    measure=sorted_of,
    accept=lambda m: min(m.values()) == 1,
    wrong={
        "all method": Wrong(
            dict.fromkeys(SORTED, "method"),
            "You sorted everything as a method. What would be left of 2012 without a folder full "
            "of photographs, and without anything to compute on?",
        ),
        "all data": Wrong(
            dict.fromkeys(SORTED, "data"),
            "You sorted everything as data. Data are what the network is shown. Which of the eight "
            "are about how it computes?",
        ),
        "copies as a method": Wrong(
            {**SORTED, "shifted and mirrored copies": "method"},
            "Seven are right. Shifting and mirroring is something one does, true. But what the "
            "network gets from it is more pictures to learn from.",
        ),
        "the split as a method": Wrong(
            {**SORTED, "half of the kernels on each card": "method"},
            "Seven are right. Why did the paper split the kernels? A card of 3 GB could not hold "
            "the network. That is a reason of which kind?",
        ),
        "normalisation as data": Wrong(
            {**SORTED, "response normalisation": "data"},
            "Seven are right. Response normalisation is no preparation of the photographs: it "
            "stands between the layers, and strong channels weaken their neighbours there.",
        ),
        "both": Wrong(
            {
                **SORTED,
                "shifted and mirrored copies": "method",
                "half of the kernels on each card": "method",
            },
            "Six are right. Ask of each: does it give the network more to learn from (data), more "
            "to compute with (hardware), or does it change the computation itself?",
        ),
    },
    diagnose=[
        (
            lambda m: not m["labelled photographs"],
            "Begin with the photographs: they are what the network learns from.",
        ),
        (
            lambda m: not m["two gaming graphics cards"],
            "The two cards are things that one can buy and hold. Of which kind are they?",
        ),
        (
            lambda m: not m["shifted and mirrored copies"],
            "Look at the copies again: what does the network have more of, thanks to them?",
        ),
        (
            lambda m: not m["half of the kernels on each card"],
            "Look at the split again. It was made because one card had too little memory.",
        ),
        (
            lambda m: not (m["ReLU"] and m["dropout"]),
            "ReLU and dropout need neither more photographs nor another machine. They change what "
            "a unit computes. Which kind is that?",
        ),
        (
            lambda m: not (m["overlapping pooling"] and m["response normalisation"]),
            "Pooling and response normalisation are layers of the network. Which kind is that?",
        ),
    ],
    alternatives=[
        dict(reversed(SORTED.items())),
        {**SORTED, "a note": "method", "ReLU": " Method"},
    ],
    hints=(
        "More to learn from: data. More to compute with: hardware. A change of the computation "
        "itself: method.",
        "Four of the eight are methods, two are data, two are hardware.",
        "Copies of a photograph are photographs. And the kernels were split because one card was "
        "too small.",
    ),
    explain="Four methods, two of data, two of hardware.",
)

# ---- 4.2 one layer by hand -----------------------------------------------------------------------
# (64, 30, 30) -> 128 kernels of 3 x 3, stride 2, padding 1, 4 groups

one_layer = Number(
    id="4.2",
    title="One layer by hand",
    points=1,
    reference=(15, 18_560),
    wrong={
        "groups forgotten": Wrong(
            (15, 73_856),
            "The size is right. But with 4 groups a kernel sees only the maps of its own group. "
            "How many of the 64 are that?",
        ),
        "biases forgotten": Wrong(
            (15, 18_432),
            "The size and the weights are right. Each kernel has one number more than its weights.",
        ),
        "one bias a group": Wrong(
            (15, 18_436),
            "The weights are right. You counted one bias a group. It is one for each kernel.",
        ),
        "one group only": Wrong(
            (15, 4_640),
            "That is one group: 32 kernels that see 16 maps each. How many groups are there?",
        ),
        "kernel not squared": Wrong(
            (15, 6_272),
            "A kernel of 3 x 3 has how many weights on each map that it sees?",
        ),
        "rounded up": Wrong(
            (16, 18_560),
            "The parameters are right. (30 + 2 − 3) / 2 is 14.5. A window that sticks out of the "
            "picture is not computed, so round down before you add 1.",
        ),
        "padding forgotten": Wrong(
            (14, 18_560),
            "The parameters are right. For the size, the picture first gets a frame of one pixel "
            "on each side. How wide is it then?",
        ),
        "plus one forgotten": Wrong(
            (14.5, 18_560),
            "The parameters are right. (30 + 2 − 3) / 2 counts the steps of the window, rounded "
            "down. How many places does it stand at, the first one included?",
        ),
        "stride forgotten": Wrong(
            (30, 18_560),
            "The parameters are right. But the window moves by two pixels at each step.",
        ),
        "turned round": Wrong(
            (18_560, 15),
            "Both numbers are right, but turned round: first the rows, then the parameters.",
        ),
        "bias one off": Wrong(
            (15, 18_561),
            "The size is right, the count is one too high. 128 kernels, each with 16 · 9 weights "
            "and one bias: multiply again.",
        ),
    },
    alternatives=[[15, 18_560], ("15", "18560")],
    hints=(
        "The size: frame the picture, see how many steps the window can make, round down, add 1.",
        "(30 + 2 · 1 − 3) / 2 is 14.5. For the parameters: 64 maps in 4 groups are 16 maps for "
        "each kernel.",
        "The size is 14 + 1. Each of the 128 kernels has 16 · 3 · 3 weights and one bias.",
    ),
)

# ---- 4.3 count every parameter -------------------------------------------------------------------


def count_parameters(image: Image, layers: Sequence[Layer]) -> int:
    c, height, width = image
    total = 0
    for kind, *numbers in layers:
        if kind == "conv":
            maps, kernel, stride, padding, groups = numbers
            total += maps * (c // groups * kernel * kernel + 1)
            height = (height + 2 * padding - kernel) // stride + 1
            width = (width + 2 * padding - kernel) // stride + 1
            c = maps
        elif kind == "pool":
            kernel, stride = numbers
            height = (height - kernel) // stride + 1
            width = (width - kernel) // stride + 1
        else:
            (units,) = numbers
            total += units * (c * height * width + 1)
            c, height, width = units, 1, 1
    return total


def _count(
    image: Image,
    layers: Sequence[Layer],
    *,
    kernel_bias: int = 1,
    unit_bias: int = 1,
    grouped: bool = True,
    up: bool = False,
    pooling: bool = True,
    framed: bool = True,
    after_pool: int = 0,
    flat: bool = True,
    conv_too: bool = True,
    full_too: bool = True,
    strided: bool = True,
    squared: bool = True,
    resized: bool = True,
    oblong: bool = True,
) -> int:
    """The count, with each of its usual mistakes to be switched on."""

    def windows(size: int, kernel: int, stride: int, padding: int = 0) -> int:
        steps = (size + 2 * padding * framed - kernel) / (stride if strided else 1)
        return (math.ceil(steps) if up else math.floor(steps)) + 1

    c, height, width = image
    if not oblong:
        width = height
    total = 0
    for kind, *numbers in layers:
        if kind == "conv":
            maps, kernel, stride, padding, groups = numbers
            area = kernel * kernel if squared else kernel
            inputs = c // groups if grouped else c
            total += conv_too * maps * (inputs * area + kernel_bias)
            if resized:
                height = windows(height, kernel, stride, padding)
                width = windows(width, kernel, stride, padding)
            c = maps
        elif kind == "pool" and pooling:
            kernel, stride = numbers
            height, width = windows(height, kernel, stride), windows(width, kernel, stride)
            total += after_pool * c
        elif kind == "fc":
            (units,) = numbers
            total += full_too * units * (c * (height * width if flat else 1) + unit_bias)
            c, height, width = units, 1, 1
    return total


def _by_numpy(image: Image, layers: Sequence[Layer]) -> int:
    """With arrays, and the fully connected layers afterwards."""
    shape, total = np.array(image), 0
    for layer in layers:
        if layer[0] == "conv":
            _, maps, kernel, stride, padding, groups = layer
            total += int(maps * (shape[0] / groups * kernel**2 + 1))
            shape[1:] = (shape[1:] + 2 * padding - kernel) // stride + 1
            shape[0] = maps
        elif layer[0] == "pool":
            shape[1:] = (shape[1:] - layer[1]) // layer[2] + 1
    n = int(shape.prod())
    for units in [layer[1] for layer in layers if layer[0] == "fc"]:
        total += n * units + units
        n = units
    return total


def _recursive(image: Image, layers: Sequence[Layer]) -> float:
    """The first layer, then the same for the rest. A whole number as a float is fine too."""
    if not layers:
        return 0.0
    (kind, *numbers), (c, height, width) = layers[0], image
    if kind == "fc":
        units = numbers[0]
        return units + units * c * height * width + _recursive((units, 1, 1), layers[1:])
    if kind == "pool":
        kernel, stride = numbers
        smaller = [(size - kernel + stride) // stride for size in (height, width)]
        return _recursive((c, smaller[0], smaller[1]), layers[1:])
    maps, kernel, stride, padding, groups = numbers
    smaller = [(size + 2 * padding - kernel + stride) // stride for size in (height, width)]
    own = maps + maps * c * kernel**2 // groups
    return own + _recursive((maps, smaller[0], smaller[1]), layers[1:])


def _networks(rng: np.random.Generator) -> list[tuple]:
    """Networks in which every rule matters: odd sizes, frames, groups, oblong pictures."""
    found = []
    for height, width in [(23, 30), (34, 25), (28, 41)]:
        one, two, three = (4 * int(v) for v in rng.integers(2, 6, 3))
        layers: list[Layer] = [
            ("conv", one, 5, 2, 1, 1),
            ("pool", 3, 2),
            ("conv", two, 3, 1, 1, 4),
            ("conv", three, 3, 1, 0, 2),
            ("pool", 2, 2),
            ("fc", int(rng.integers(5, 9))),
            ("fc", int(rng.integers(10, 14))),
        ]
        found.append(((int(rng.integers(2, 5)), height, width), layers))
    found.append(((3, 12, 17), [("conv", 8, 3, 2, 2, 1), ("pool", 2, 2), ("fc", 7)]))
    return found


def _sized(image: Image, layers: Sequence[Layer]) -> int:
    return count_parameters(image, [layer for layer in layers if layer[0] != "fc"])


count_all = Code(
    id="4.3",
    title="Count every parameter, from a blank cell",
    points=3,
    names=("image", "layers"),
    reference=count_parameters,
    inputs=_networks,
    also=(
        "a network of fully connected layers only",
        lambda rng: [((1, 5, int(rng.integers(3, 7))), [("fc", 4), ("fc", 3)])],
    ),
    wrong={
        "biases forgotten": Wrong(
            lambda image, layers: _count(image, layers, kernel_bias=0, unit_bias=0),
            "All weights are there, no bias is. Each kernel has one, and so has each unit of a "
            "fully connected layer.",
        ),
        "biases of the kernels forgotten": Wrong(
            lambda image, layers: _count(image, layers, kernel_bias=0),
            "The fully connected layers are right. In the convolutions all weights are there, but "
            "each kernel has one bias, too.",
        ),
        "biases of the units forgotten": Wrong(
            lambda image, layers: _count(image, layers, unit_bias=0),
            "The convolutions are right. In the fully connected layers all weights are there, but "
            "each unit has one bias, too.",
        ),
        "taken as square": Wrong(
            lambda image, layers: _count(image, layers, oblong=False),
            "You take the picture as square. Its width can differ from its height: follow both.",
        ),
        "groups forgotten": Wrong(
            lambda image, layers: _count(image, layers, grouped=False),
            "Your count lets every kernel see all maps. With groups it sees only the maps of its "
            "own group: how many are these?",
        ),
        "rounded up": Wrong(
            lambda image, layers: _count(image, layers, up=True),
            "The maps are too large somewhere: a window that sticks out at the end is not "
            "computed. Round down, then add 1.",
        ),
        "pooling forgotten": Wrong(
            lambda image, layers: _count(image, layers, pooling=False),
            "Pooling has no parameters, true. But it makes the maps smaller, and the first fully "
            "connected layer counts every number of them.",
        ),
        "padding forgotten": Wrong(
            lambda image, layers: _count(image, layers, framed=False),
            "The convolutions are right, the first fully connected layer is not. Padding puts a "
            "frame on all sides: how wide is a map before the window moves over it?",
        ),
        "pooling learns": Wrong(
            lambda image, layers: _count(image, layers, after_pool=1),
            "You gave pooling one parameter for each map. It takes the largest number of a window; "
            "there is nothing to learn in it.",
        ),
        "only the maps": Wrong(
            lambda image, layers: _count(image, layers, flat=False),
            "The convolutions are right. A fully connected layer sees every number of every map, "
            "not one number for each map.",
        ),
        "convolutions forgotten": Wrong(
            lambda image, layers: _count(image, layers, conv_too=False),
            "You counted the fully connected layers only. What do the kernels consist of?",
        ),
        "convolutions only": Wrong(
            _sized,
            "You counted the convolutions only, and they are right. The fully connected layers "
            "come on top: n_in weights and one bias for each unit.",
        ),
        "stride forgotten": Wrong(
            lambda image, layers: _count(image, layers, strided=False),
            "The convolutions are right. But the maps come out too large: by how many pixels does "
            "a window move at each step?",
        ),
        "kernel not squared": Wrong(
            lambda image, layers: _count(image, layers, squared=False),
            "A kernel covers kernel · kernel pixels of each map that it sees.",
        ),
        "sizes not followed": Wrong(
            lambda image, layers: _count(image, layers, resized=False),
            "You let only pooling change the size. A convolution changes it too: without padding "
            "it cuts the edge off, and a stride of 2 halves the maps.",
        ),
    },
    diagnose=[
        (
            lambda result, image, layers: not isinstance(result, int | float | np.number),
            "Return one whole number: all parameters together.",
        ),
        (
            lambda result, image, layers: result <= 0,
            "The count is not above 0. Does each layer add to the total?",
        ),
        (
            lambda result, image, layers: result == count_parameters(image, layers[:-1]),
            "The last layer is missing. Does your loop reach the end of the list?",
        ),
        (
            lambda result, image, layers: result < _sized(image, layers),
            "That is less than the convolutions alone have. One kernel: the maps that it sees "
            "(c // groups), times kernel · kernel, plus 1.",
        ),
        (
            lambda result, image, layers: result < count_parameters(image, layers),
            "The count is too low. Print the shape after each layer and compare with paper: which "
            "one is too small, or which layer adds too little?",
        ),
        (
            lambda result, image, layers: result > count_parameters(image, layers),
            "The count is too high. Print the shape after each layer and compare with paper: which "
            "one is too large, or which layer adds too much?",
        ),
    ],
    alternatives=[_by_numpy, _recursive, lambda image, layers: _count(image, layers)],
    hints=(
        "Walk through the layers and keep two things up to date: the shape of the maps, and the "
        "total.",
        "A convolution adds maps · (c // groups · kernel² + 1) and changes the shape; pooling only "
        "changes the shape; a fully connected layer adds units · (c · height · width + 1).",
        "After a convolution: (size + 2 · padding − kernel) // stride + 1. After a fully connected "
        "layer with n units, go on as if the shape were (n, 1, 1).",
    ),
)

# ---- 4.4 top-k error -----------------------------------------------------------------------------


def topk_error(scores: Array, y: Array, k: int) -> float:
    own = scores[np.arange(len(y)), y][:, None]
    rivals = np.sum(scores >= own, axis=1) - 1
    return float(np.mean(rivals >= k))


def _rivals(scores: Array, y: Array, ties: bool = True) -> Array:
    own = scores[np.arange(len(y)), y][:, None]
    return (scores >= own).sum(axis=1) - 1 if ties else (scores > own).sum(axis=1)


def _by_order(scores: Array, y: Array, k: int) -> float:
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return float(np.mean([label not in row for label, row in zip(y, best, strict=True)]))


def _by_order_from_below(scores: Array, y: Array, k: int) -> float:
    best = np.argsort(scores, axis=1, kind="stable")[:, -k:]
    return float(np.mean([label not in row for label, row in zip(y, best, strict=True)]))


def _lowest(scores: Array, y: Array, k: int) -> float:
    return topk_error(-scores, y, k)


def _loop(scores: Array, y: Array, k: int) -> float:
    wrong = 0
    for row, label in zip(scores, y, strict=True):
        others = np.delete(row, label)
        wrong += sum(score >= row[label] for score in others) >= k
    return wrong / len(y)


def _sorted_rivals(scores: Array, y: Array, k: int) -> float:
    own = np.take_along_axis(scores, y[:, None], axis=1)[:, 0]
    others = scores.astype(float)
    others[np.arange(len(y)), y] = -np.inf
    padded = np.sort(others, axis=1)[:, ::-1]  # the best rival first; the label itself comes last
    return float((padded[:, k - 1] >= own).mean())


def _predictions(rng: np.random.Generator) -> list[tuple]:
    cases = []
    for n, classes, k in [(40, 7, 1), (50, 7, 3), (30, 12, 5), (20, 4, 4)]:
        cases.append((rng.normal(size=(n, classes)), rng.integers(0, classes, n), k))
    cases.append((rng.integers(0, 3, (60, 6)).astype(float), rng.integers(0, 6, 60), 2))
    cases.append((np.full((8, 5), 0.2), rng.integers(0, 5, 8), 3))
    return cases


top_k = Code(
    id="4.4",
    title="Top-k error",
    points=2,
    names=("scores", "y", "k"),
    reference=topk_error,
    inputs=_predictions,
    also=("a single picture", lambda rng: [(rng.normal(size=(1, 6)), rng.integers(0, 6, 1), 2)]),
    wrong={
        "accuracy": Wrong(
            lambda s, y, k: 1 - topk_error(s, y, k),
            "You return the share of pictures that are right. The error is the share of the "
            "others.",
        ),
        "the lowest k": Wrong(
            _lowest,
            "You look among the k *lowest* scores. `argsort` starts with the smallest number.",
        ),
        "ties in favour": Wrong(
            lambda s, y, k: float(np.mean(_rivals(s, y, ties=False) >= k)),
            "Right, except for ties: you count them in favour of the label. Then a network that "
            "gives every class the same score has an error of 0. A tie is a rival here.",
        ),
        "ties by position": Wrong(
            _by_order,
            "Right, except for ties: there the order of the columns decides in your code. A class "
            "with the same score as the label must count as a rival, wherever it stands.",
        ),
        "ties by position, from below": Wrong(
            _by_order_from_below,
            "Right, except for ties: there the order of the columns decides in your code. A class "
            "with the same score as the label must count as a rival, wherever it stands.",
        ),
        "one place too many": Wrong(
            lambda s, y, k: float(np.mean(_rivals(s, y) > k)),
            "You allow one place too many: the label is within the first k where *fewer* than k "
            "other classes score at least as high.",
        ),
        "itself as a rival": Wrong(
            lambda s, y, k: float(np.mean(_rivals(s, y) + 1 >= k)),
            "You allow one place too few. Did you count the label itself among its rivals?",
        ),
        "only the first": Wrong(
            lambda s, y, k: topk_error(s, y, 1),
            "That is the top-1 error, whatever k is. Where does k enter?",
        ),
        "exactly place k": Wrong(
            lambda s, y, k: float(np.mean(_rivals(s, y) != k - 1)),
            "You count a picture as right only if the label stands exactly at place k. The places "
            "before it are fine too.",
        ),
        "percent": Wrong(
            lambda s, y, k: 100 * topk_error(s, y, k),
            "The digits are right. Return a share between 0 and 1, no percentage.",
        ),
        "a count": Wrong(
            lambda s, y, k: float(np.sum(_rivals(s, y) >= k)),
            "You return the number of wrong pictures. The error is their share.",
        ),
        "a list": Wrong(
            lambda s, y, k: (_rivals(s, y) >= k).astype(float),
            "You return an answer for each picture. The error is one number: the share of wrong "
            "ones.",
        ),
    },
    diagnose=[
        (
            lambda result, s, y, k: not 0 <= float(np.mean(result)) <= 1,
            "A share lies between 0 and 1. Which step takes your result out of that range?",
        ),
        (
            lambda result, s, y, k: k == s.shape[1] and result > 0,
            "With k as large as the number of classes every label is among the first k: the error "
            "must be 0 then. Count the rivals of one row by hand.",
        ),
        (
            lambda result, s, y, k: result < topk_error(s, y, k),
            "Your error is too low. For one row, count the *other* classes whose score is at least "
            "that of the label; k of them or more mean wrong.",
        ),
        (
            lambda result, s, y, k: result > topk_error(s, y, k),
            "Your error is too high. For one row, count the *other* classes whose score is at "
            "least that of the label; fewer than k of them mean right.",
        ),
    ],
    alternatives=[_loop, _sorted_rivals, lambda s, y, k: np.float32(topk_error(s, y, k))],
    hints=(
        "Nothing needs to be sorted. How many other classes score at least as high as the label?",
        "`scores[np.arange(len(y)), y]` is the label's own score in each row. Compare the whole "
        "row with it.",
        "The label equals itself, so take 1 off the count. Wrong where k or more rivals are left; "
        "then the mean over the rows.",
    ),
)

# ---- 4.5 how wide is a margin? -------------------------------------------------------------------


def margin_in_se(p1: float, p2: float, n: int) -> float:
    variance = p1 * (1 - p1) / n + p2 * (1 - p2) / n
    return abs(p1 - p2) / math.sqrt(variance)


def _se(p: float, n: int) -> float:
    return math.sqrt(p * (1 - p) / n)


def _margins(rng: np.random.Generator) -> list[tuple]:
    cases = [(0.153, 0.262, 100_000)]
    for n in (150, 900, 7_000):
        low, high = (float(v) for v in rng.uniform([0.05, 0.3], [0.25, 0.45]))
        cases += [(low, high, n), (high, low, 2 * n)]
    return cases


standard_errors = Code(
    id="4.5",
    title="How wide is a margin?",
    points=2,
    names=("p1", "p2", "n"),
    reference=margin_in_se,
    inputs=_margins,
    also=("no margin at all", lambda rng: [(0.2, 0.2, 500)]),
    wrong={
        "one of two": Wrong(
            lambda p1, p2, n: abs(p1 - p2) / _se(p1, n),
            "You divide by the standard error of the first error only. The second one is uncertain "
            "too.",
        ),
        "the other of two": Wrong(
            lambda p1, p2, n: abs(p1 - p2) / _se(p2, n),
            "You divide by the standard error of the second error only. The first one is uncertain "
            "too.",
        ),
        "added as they are": Wrong(
            lambda p1, p2, n: abs(p1 - p2) / (_se(p1, n) + _se(p2, n)),
            "You add the two standard errors. Chance seldom pushes both to opposite sides, so they "
            "add up as squares: take the root of the sum of their squares.",
        ),
        "no root": Wrong(
            lambda p1, p2, n: abs(p1 - p2) / (_se(p1, n) ** 2 + _se(p2, n) ** 2),
            "You divide by the variance. A standard error is its square root.",
        ),
        "n outside the root": Wrong(
            lambda p1, p2, n: abs(p1 - p2) * n / math.sqrt(p1 * (1 - p1) + p2 * (1 - p2)),
            "n belongs under the root: four times as many pictures only halve the standard error.",
        ),
        "n forgotten": Wrong(
            lambda p1, p2, n: abs(p1 - p2) / math.sqrt(p1 * (1 - p1) + p2 * (1 - p2)),
            "Your result is the same for ten pictures and for a million. Where does n enter?",
        ),
        "points": Wrong(
            lambda p1, p2, n: abs(p1 - p2),
            "That is the margin in shares. Asked is how many standard errors it contains.",
        ),
        "percent": Wrong(
            lambda p1, p2, n: 100 * margin_in_se(p1, p2, n),
            "Right, but 100 times as large. Both errors are shares already.",
        ),
        "sign": Wrong(
            lambda p1, p2, n: (p1 - p2) / math.sqrt(_se(p1, n) ** 2 + _se(p2, n) ** 2),
            "The size is right. A distance has no sign: which function takes it away?",
        ),
        "sign the other way": Wrong(
            lambda p1, p2, n: (p2 - p1) / math.sqrt(_se(p1, n) ** 2 + _se(p2, n) ** 2),
            "The size is right. A distance has no sign: the better one may stand first or second.",
        ),
        "pooled": Wrong(
            lambda p1, p2, n: abs(p1 - p2) / (math.sqrt(2) * _se((p1 + p2) / 2, n)),
            "Very near: you took one common error for both, as a test of equality does. Here each "
            "error keeps its own standard error, as in the chapter.",
        ),
        "a half forgotten": Wrong(
            lambda p1, p2, n: abs(p1 - p2) / math.sqrt(p1 / n + p2 / n),
            "Your standard error is √(p / n). A picture is right or wrong: the variance of that is "
            "p (1 − p).",
        ),
    },
    diagnose=[
        (
            lambda result, p1, p2, n: not np.isfinite(result) or result < 0,
            "The result is negative or no number. A distance is at least 0, and a root needs a "
            "number that is at least 0.",
        ),
        (
            lambda result, p1, p2, n: result < margin_in_se(p1, p2, n),
            "Your number is too small, so the standard error of the difference is too large, or "
            "the difference is too small. Print both: for 0.153, 0.262 and 100,000 they are 0.109 "
            "and 0.0018.",
        ),
        (
            lambda result, p1, p2, n: result > margin_in_se(p1, p2, n),
            "Your number is too large, so the standard error of the difference is too small, or "
            "the difference is too large. Print both: for 0.153, 0.262 and 100,000 they are 0.109 "
            "and 0.0018.",
        ),
    ],
    alternatives=[
        lambda p1, p2, n: abs(p1 - p2) / math.hypot(_se(p1, n), _se(p2, n)),
        lambda p1, p2, n: np.sqrt((p1 - p2) ** 2 * n / (p1 - p1**2 + p2 - p2**2)),
    ],
    hints=(
        "The standard error of one share p among n pictures is √(p (1 − p) / n).",
        "The standard error of a difference is the root of the sum of both squares.",
        "abs(p1 - p2) divided by the root of p1 (1 − p1) / n + p2 (1 − p2) / n.",
    ),
)

# ---- 4.6 read an ablation ------------------------------------------------------------------------

ablation = Choice(
    id="4.6",
    title="Read an ablation",
    points=1,
    options={
        "a": "write: normalisation does harm",
        "b": "write: nothing can be said yet; train both again from several starts, and test on "
        "more pictures",
        "c": "write: normalisation helps, since the paper of 2012 measured 1.2 points",
        "d": "report the top-5 error, in which the difference is smaller",
        "e": "try other learning rates until normalisation is ahead on these 1,000 pictures",
    },
    reasons={
        1: "the difference is less than one standard error, and the luck of the start comes on top",
        2: "the same 1,000 pictures were used for both, so the comparison is unfair",
        3: "20.2 is less than 21.4",
        4: "a network must be trained to a training error of 0 before it may be compared",
    },
    reference=("b", 1),
    wrong={
        "harm": Wrong(
            "a",
            "How large is the standard error of each of the two numbers, with 1,000 pictures? And "
            "what would a second training of the *same* network give?",
        ),
        "authority": Wrong(
            "c",
            "The paper measured that on its own network and data. This network and these data may "
            "behave differently; what does *this* experiment say?",
        ),
        "another measure": Wrong(
            "d",
            "A measure is chosen before one looks. And how would another measure make 1,000 "
            "pictures and one start more?",
        ),
        "choosing on the test": Wrong(
            "e",
            "Whoever chooses on the test pictures fits to them. They are held out no longer, and "
            "the winner's error is too good to be true.",
        ),
        "right, but the pictures": Wrong(
            ("b", 2),
            "The choice is right. But the same pictures for both are an advantage: hard ones are "
            "hard for both. What else is too small here?",
        ),
        "right, but less is less": Wrong(
            ("b", 3),
            "The choice is right. But 20.2 < 21.4 would speak for a conclusion. Put the difference "
            "beside its standard error.",
        ),
        "right, but zero": Wrong(
            ("b", 4),
            "The choice is right. But networks may be compared at any time, if both get the same. "
            "Compute the standard error of the difference.",
        ),
    },
    hints=(
        "Your function of exercise 4.5 says how many standard errors 1.2 points are here.",
        "It is about two thirds of one. How often would chance alone give that much?",
        "And both networks were trained once. In the chapter, what did another start change?",
    ),
)

# ---- 4.7 a dropout that works at one half --------------------------------------------------------


def dropout(x: Array, r: Array, p: float, training: bool) -> Array:
    if training:
        return x * (r >= p) / (1 - p)
    return x


def _dropout(
    x: Array,
    r: Array,
    p: float,
    training: bool,
    *,
    turned: bool = False,
    scaled_at_use: bool = False,
    scale: str = "kept",
    drops_at_use: bool = False,
) -> Array:
    keep = r < p if turned else r >= p
    by = {"kept": 1 - p, "dropped": p, "none": 1.0}[scale]
    if training or drops_at_use:
        return x * keep / by
    return x * (1 - p) if scaled_at_use else x


def _units(rng: np.random.Generator) -> list[tuple]:
    cases = []
    for p, training in [(0.2, True), (0.75, True), (0.5, True), (0.2, False), (0.75, False)]:
        x, r = rng.normal(size=(3, 7)), rng.random(size=(3, 7))
        r[1, 2] = p  # a tie: kept
        cases.append((x, r, p, training))
    return cases


only_one_half = Debug(
    id="4.7",
    title="A dropout that works at one half",
    points=2,
    names=("x", "r", "p", "training"),
    reference=dropout,
    inputs=_units,
    also=(
        "p = 0",
        lambda rng: [(rng.normal(size=4), rng.random(size=4), 0.0, t) for t in (True, False)],
    ),
    wrong={
        "broken": Wrong(
            lambda *a: _dropout(*a, turned=True, scaled_at_use=True),
            "Both faults are still there. Take p = 0.2: which share of the units is kept in "
            "training? And how large is the output at use, compared with the mean in training?",
        ),
        "still turned": Wrong(
            lambda *a: _dropout(*a, turned=True),
            "At use it is right now. In training, p is the share that is *dropped*; you keep the "
            "units with r < p. At p = 0.5 nobody notices.",
        ),
        "still scaled twice": Wrong(
            lambda *a: _dropout(*a, scaled_at_use=True),
            "Training is right now. But what stays is enlarged by 1 / (1 − p) there already, so "
            "that nothing needs to be done at use.",
        ),
        "as in 2012": Wrong(
            lambda *a: _dropout(*a, scale="none", scaled_at_use=True),
            "This is how AlexNet did it: nothing in training, times 1 − p at use. It is right in "
            "itself. But here the output at use must be x: scale in training.",
        ),
        "no scale": Wrong(
            lambda *a: _dropout(*a, scale="none"),
            "In training the sum that the next layer sees is now smaller by the factor 1 − p than "
            "at use. Where is it made up for?",
        ),
        "scaled by the dropped share": Wrong(
            lambda *a: _dropout(*a, scale="dropped"),
            "You divide by p. The kept units stand for all of them: of 10 units 8 are kept at "
            "p = 0.2. By which factor must they grow?",
        ),
        "turned and scaled to match": Wrong(
            lambda *a: _dropout(*a, turned=True, scale="dropped"),
            "Your training is consistent, for a share p that is *kept*. Here p is the share that "
            "is dropped.",
        ),
        "drops at use": Wrong(
            lambda *a: _dropout(*a, drops_at_use=True),
            "You drop units at use, too. The same picture then gets another answer each time. At "
            "use all units take part.",
        ),
        "never drops": Wrong(
            lambda x, r, p, training: x.copy(),
            "Nothing is ever dropped. What does r decide in training?",
        ),
    },
    diagnose=[
        (
            lambda result, x, r, p, training: not training,
            "At use (training=False) the output should be x itself. What does your function do to "
            "it?",
        ),
        (
            lambda result, x, r, p, training: bool(np.any((result == 0) != (r < p))),
            "At use it is right. In training the wrong units are 0: those with r < p are dropped, "
            "all others are kept.",
        ),
        (
            lambda result, x, r, p, training: True,
            "The right units are dropped. But those that stay have the wrong size: a share 1 − p "
            "of them is left and must give the same mean as all.",
        ),
    ],
    alternatives=[
        lambda x, r, p, training: np.where(r < p, 0, x / (1 - p)) if training else x.copy(),
        lambda x, r, p, training: x * ((r >= p) / (1 - p) if training else 1.0),
    ],
    hints=(
        "Try p = 0.2 with x = 1 everywhere and a long r. Which share comes out as 0? What is the "
        "mean in training, and what at use?",
        "p is the share that is dropped. And the mean must be the same in training and at use.",
        "One comparison is the wrong way round. And one line scales what is scaled already.",
    ),
)

# ---- 4.8 AlexNet on a diet -----------------------------------------------------------------------

MOST_PARAMETERS = 5_000_000
LEAST_WORK = 600_000_000  # multiplications in the convolutions, for one picture
LEAST_HIDDEN = 1_000
KERNELS, AREAS = (11, 5, 3, 3, 3), (55, 27, 13, 13, 13)  # of the five convolutions
CUTS = ("maps", "groups", "grid", "hidden")


def network_of(design: dict[str, Any]) -> dict[str, float]:
    """Parameters, multiplications and the smallest hidden layer of an AlexNet in other sizes."""
    missing = [name for name in CUTS if name not in design]
    if missing:
        raise ValueError(f"{missing[0]} is missing")
    maps, groups = (_whole(design[name], 5, name) for name in ("maps", "groups"))
    hidden = _whole(design["hidden"], 2, "hidden")
    if design["grid"] not in (1, 2, 3, 6):
        raise ValueError("grid is 1, 2, 3 or 6")
    return _counted(maps, groups, int(design["grid"]), hidden)


def _whole(values: Any, length: int, name: str) -> list[int]:
    """A list of whole numbers, or a ValueError that says what was expected."""
    numbers = np.ravel(values).tolist()
    if len(numbers) != length:
        raise ValueError(f"{name} is a list of {length} numbers")
    if any(not isinstance(v, int | float) or v != int(v) or not 1 <= v <= 10_000 for v in numbers):
        raise ValueError(f"{name} holds whole numbers from 1 to 10,000")
    return [int(v) for v in numbers]


def _counted(maps: list[int], groups: list[int], grid: int, hidden: list[int]) -> dict[str, float]:
    parameters, work, c = 0, 0, 3
    for number, (n, group, kernel, side) in enumerate(
        zip(maps, groups, KERNELS, AREAS, strict=True), start=1
    ):
        if c % group or n % group:
            raise ValueError(f"conv{number}: its groups must divide {c:g} and {n:g} maps")
        inputs = c // group * kernel**2
        parameters, work, c = parameters + n * (inputs + 1), work + n * inputs * side**2, n
    n_in = c * grid**2
    for units in [*hidden, 1000]:
        parameters, n_in = parameters + units * (n_in + 1), units
    return {"parameters": parameters, "multiplications": work, "smallest_hidden": min(hidden)}


PUBLISHED = {
    "maps": [96, 256, 384, 384, 256],
    "groups": [1, 2, 1, 2, 2],
    "grid": 6,
    "hidden": [4096, 4096],
}

diet = Design(
    id="4.8",
    title="AlexNet on a diet",
    points=2,
    reference={**PUBLISHED, "grid": 1, "hidden": [1024, 1024]},
    measure=network_of,
    accept=lambda m: (
        m["parameters"] <= MOST_PARAMETERS
        and m["multiplications"] >= LEAST_WORK
        and m["smallest_hidden"] >= LEAST_HIDDEN
    ),
    wrong={
        "as published": Wrong(
            PUBLISHED,
            "This is AlexNet as published: {parameters:,.0f} parameters. 5 million are allowed. In "
            "the chapter's figure, which layer held most of them?",
        ),
        "smaller hidden layers only": Wrong(
            {**PUBLISHED, "hidden": [1024, 1024]},
            "The hidden layers are smaller, and still {parameters:,.0f} parameters are left. The "
            "first of them sees 256 maps of 6 x 6 numbers each. Which setting changes the 6?",
        ),
        "smaller maps": Wrong(
            {
                "maps": [48, 128, 192, 192, 128],
                "groups": [1, 2, 1, 2, 2],
                "grid": 6,
                "hidden": [1024, 1024],
            },
            "You cut the convolutions: only {multiplications:,.0f} multiplications are left, and "
            "600 million are asked for. Few parameters were there. Where are most of them?",
        ),
        "tiny hidden layers": Wrong(
            {**PUBLISHED, "hidden": [256, 256]},
            "A hidden layer has only {smallest_hidden:.0f} units now; 1,000 are asked for. The "
            "number of its *inputs* is what makes it heavy.",
        ),
        "grid only": Wrong(
            {**PUBLISHED, "grid": 1},
            "The grid helped a lot: {parameters:,.0f} parameters are left. Now the connection "
            "between the two hidden layers is the heaviest part.",
        ),
        "no groups": Wrong(
            {**PUBLISHED, "groups": [1, 1, 1, 1, 1], "grid": 1, "hidden": [1024, 1024]},
            "{parameters:,.0f} parameters: near. Without groups every kernel of three layers sees "
            "twice as many maps. What do groups save?",
        ),
    },
    diagnose=[
        (
            lambda m: m["smallest_hidden"] < LEAST_HIDDEN,
            "A hidden layer has {smallest_hidden:.0f} units; at least 1,000 are asked for. Save "
            "somewhere else.",
        ),
        (
            lambda m: m["multiplications"] < LEAST_WORK and m["parameters"] <= MOST_PARAMETERS,
            "Light enough, but only {multiplications:,.0f} multiplications are left in the "
            "convolutions; 600 million are asked for. Give them more maps, or fewer groups.",
        ),
        (
            lambda m: m["multiplications"] < LEAST_WORK,
            "{multiplications:,.0f} multiplications are too few, {parameters:,.0f} parameters too "
            "many. The convolutions do the work; the fully connected layers hold the parameters.",
        ),
        (
            lambda m: m["parameters"] > MOST_PARAMETERS,
            "{parameters:,.0f} parameters; 5 million are allowed. Which connection is the "
            "heaviest: maps to hidden, hidden to hidden, or hidden to 1,000 classes?",
        ),
    ],
    alternatives=[
        {**PUBLISHED, "grid": 1, "hidden": [1000, 1200]},
        {
            **PUBLISHED,
            "maps": [96, 256, 256, 384, 128],
            "groups": [1, 1, 1, 2, 2],
            "grid": 1,
            "hidden": [1000, 1000],
        },
    ],
    hints=(
        "Count the three fully connected layers: maps · grid² · hidden, hidden · hidden, hidden · "
        "1,000.",
        "A grid of 1 takes the mean of each map: the first hidden layer then sees 256 numbers "
        "instead of 9,216.",
        "Leave the convolutions as they are. Grid 1, and both hidden layers a little above 1,000.",
    ),
)

EXERCISES = [
    sort_ingredients,
    one_layer,
    count_all,
    top_k,
    standard_errors,
    ablation,
    only_one_half,
    diet,
]
