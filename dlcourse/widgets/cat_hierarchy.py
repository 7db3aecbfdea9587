"""A trained network looked into: what each unit answers to, from strokes to "cat"."""

import html
from typing import Any

import numpy as np
import traitlets as t

from dlcourse.backprop import Tensor, no_grad
from dlcourse.data.sketches import KINDS, Faces, draw, faces
from dlcourse.layers import Conv2d, Flatten, Linear, MaxPool2d, Module, ReLU, Sequential
from dlcourse.plots import Figure, canvas
from dlcourse.widgets.base import DualWidget

GRID = 256  # weights are rounded to 1/256, so that page and Python compute the same numbers
INK = 0.6375  # strength of the ink on these sketches, the middle of what `sketches` draws
COUNT = 24  # faces to choose from
TASK = (
    "First put the parts of a cat in the wrong places: which layer hardly notices? Then find a "
    "unit of layer 2 with one part in at least seven of its nine windows, and one that mixes parts."
)

Numbers = np.ndarray
Packed = dict[str, Any]


def pack(net: Module) -> list[Packed]:
    """The layers with weights as whole numbers of 1/256: their shape, weights and biases.

    Raises ValueError where the network is not Conv2d(3, padding=1), ReLU, MaxPool2d(2), once or
    several times, then Flatten and Linear to one number for each of two answers.
    """
    layers = list(net) if isinstance(net, Sequential) else []
    kinds = [type(layer) for layer in layers]
    blocks = (len(layers) - 2) // 3
    found = [layer for layer in layers if isinstance(layer, Conv2d | Linear)]
    wanted = [Conv2d, ReLU, MaxPool2d] * blocks + [Flatten, Linear]
    if blocks < 1 or kinds != wanted or not all(map(_fits, found)):
        names = [kind.__name__ for kind in kinds] or type(net).__name__
        raise ValueError(
            "CatHierarchy needs Sequential(Conv2d, ReLU, MaxPool2d, …, Flatten, Linear) with 3 x 3 "
            f"windows, biases and two outputs. Received: {names}"
        )
    return [
        {
            "shape": list(layer.weight.shape),
            "weight": _whole(layer.weight),
            "bias": _whole(layer.bias),
        }
        for layer in found
    ]


def _fits(layer: Conv2d | Linear) -> bool:
    windows = layer.weight.shape[2:] if isinstance(layer, Conv2d) else layer.weight.shape[1:]
    return layer.bias is not None and tuple(windows) in ((3, 3), (2,))


def _whole(parameter: Tensor | None) -> list[int]:
    assert parameter is not None
    return [round(GRID * float(value)) for value in parameter.numpy().ravel()]


def unpack(packed: list[Packed]) -> Sequential:
    """The network that the page computes with."""
    layers: list[Module] = []
    for part in packed[:-1]:
        out, channels = part["shape"][:2]
        layers += [Conv2d(channels, out, 3, padding=1, seed=0), ReLU(), MaxPool2d(2)]
    net = Sequential(*layers, Flatten(), Linear(*packed[-1]["shape"], seed=0))
    with_weights = [layer for layer in net if isinstance(layer, Conv2d | Linear)]
    for layer, part in zip(with_weights, packed, strict=True):
        for name in ("weight", "bias"):
            tensor = getattr(layer, name)
            tensor.data[...] = np.reshape(part[name], tensor.shape) / GRID
    return net


def inputs_of(these: Faces) -> Numbers:
    """The faces as the network gets them, (n, 1, 24, 24): clean, each with a mean of 0."""
    ink = draw(these)
    return (INK * (ink - ink.mean(axis=(1, 2), keepdims=True)))[:, None].astype(np.float32)


@no_grad()
def answers(net: Sequential, pictures: Numbers) -> tuple[list[Numbers], Numbers]:
    """What every layer says, each (n, units, side, side), and the probability of "cat", (n,)."""
    x, found = Tensor(pictures), []
    for layer in net:
        x = layer(x)
        if isinstance(layer, MaxPool2d):
            found.append(x.numpy())
    no, cat = x.numpy().T.astype(float)
    return found, 1 / (1 + np.exp(no - cat))


class CatHierarchy(DualWidget):
    """The reader's own network on sketches that the page draws: all units of all layers, live.

    The page computes every activation from the network's weights, rounded to 1/256. A unit is
    described by the nine sketches, out of all faces as cat, mouse, fox and scrambled cat, in which
    it answers most.

    Args:
        net: trained on `data.sketches`, each picture minus its mean: Conv2d with 3 x 3 weights,
            ReLU and MaxPool2d(2), once or several times, then Flatten and Linear to (no, cat)
        kind: what is drawn at the start: 0 cat, 1 mouse, 2 fox
        scrambled: whether its parts are in the wrong places at the start
        face: which face, 0 to 23
        layer, unit: what is looked at, both counted from 1
        task: what the reader should try
    After use: `probability` (of "cat") and `parts` (at which parts the unit's nine windows lie, as
    texts "pointed ear 5").

    Raises:
        ValueError: a network of another form
    """

    js = "cat_hierarchy"
    task = t.Unicode(TASK).tag(sync=True)
    layers: t.List[Any] = t.List().tag(sync=True)
    grid = t.Int(GRID).tag(sync=True)
    ink = t.Float(INK).tag(sync=True)
    faces: t.List[Any] = t.List().tag(sync=True)  # head and parts, see some_faces
    kind = t.Int(0, min=0, max=2).tag(sync=True)
    scrambled = t.Bool(False).tag(sync=True)
    face = t.Int(0, min=0, max=COUNT - 1).tag(sync=True)
    layer = t.Int(1, min=1).tag(sync=True)
    unit = t.Int(1, min=1).tag(sync=True)
    probability = t.Float(0.0).tag(sync=True)
    parts: t.List[Any] = t.List(t.Unicode()).tag(sync=True)

    def __init__(self, net: Module, label: str = "Inside the network", **kwargs: Any) -> None:
        super().__init__(label=label, layers=pack(net), faces=some_faces(), **kwargs)

    def fallback_html(self) -> str:
        """What the network says about all faces, and a picture of its layers."""
        net = unpack(self.layers)
        said = [answers(net, inputs_of(as_faces(self.faces, kind)))[1] for kind in range(4)]
        told = "; ".join(
            f"{name}: {int((p > 0.5).sum())} of {len(p)}"
            for name, p in zip(KINDS, said, strict=True)
        )
        return (
            f"<p><strong>{html.escape(self.label)}.</strong> {html.escape(self.task)}</p>"
            f"{_picture(net, self.faces, self.face)._repr_html_()}"
            f"<p>How often the network says “cat”: {told}.</p>"
        )


def some_faces(seed: int = 5) -> list[Packed]:
    """COUNT heads {"head": [x, y, radius], "home": spots, "mixed": spots}, rounded to 0.01 pixels.

    home: the six parts where they belong, mixed: the same parts in wrong places, each (6, 2).
    The largest head comes first.
    """
    home, mixed = (faces(np.full(COUNT, kind), seed) for kind in (0, 3))
    heads = np.stack([home.x, home.y, home.radius], axis=1)
    order = np.argsort(-home.radius)
    columns = [values[order].round(2).tolist() for values in (heads, home.spots, mixed.spots)]
    names = ("head", "home", "mixed")
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def as_faces(listed: list[Packed], kind: int) -> Faces:
    """The listed faces as one kind: 0 cat, 1 mouse, 2 fox, 3 scrambled cat."""
    n = len(listed)
    heads = np.array([face["head"] for face in listed])
    spots = np.array([face["mixed" if kind == 3 else "home"] for face in listed])
    x, y, radius = heads.T
    return Faces(x, y, radius, spots, np.full(n, kind != 1), np.full(n, kind != 2))


def _mosaic(maps: Numbers) -> Numbers:
    """The maps of a layer, (units, side, side), four in a row, each as strong as it gets."""
    units, side = len(maps), maps.shape[-1]
    rows = -(-units // 4)
    wall = np.zeros((rows * (side + 1), 4 * (side + 1)))
    for k, one in enumerate(maps):
        i, j = (k // 4) * (side + 1), (k % 4) * (side + 1)
        wall[i : i + side, j : j + side] = one / max(one.max(), 1e-9)
    return wall[:-1, :-1]


def _picture(net: Sequential, listed: list[Packed], face: int) -> Figure:
    """A cat above, below it the same parts in wrong places; beside each what the layers say."""
    fig, axes = canvas(7.0, 4.4, nrows=2, ncols=1 + sum(isinstance(x, Conv2d) for x in net))
    told = []
    for row, kind in zip(axes, (0, 3), strict=True):
        x = inputs_of(as_faces(listed[face : face + 1], kind))
        maps, p = answers(net, x)
        told.append(f"{KINDS[kind]}: {p[0]:.2f}")
        shown = [x[0, 0], *(_mosaic(found[0]) for found in maps)]
        for k, (ax, values) in enumerate(zip(row, shown, strict=True)):
            ax.imshow(values, cmap="Greens" if k else "gray_r")
            ax.set(xticks=[], yticks=[], title=f"layer {k}" if k else f"p(cat) = {p[0]:.2f}")
            ax.grid(False)
    alt = (
        "Two sketches with the same parts, above a cat, below scrambled, and beside each of them "
        f"the answers of all units, layer by layer. Probability of cat: {'; '.join(told)}."
    )
    return Figure(fig, alt, "The same parts in order and in disorder, and what the units answer.")
