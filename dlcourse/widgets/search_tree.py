"""Play tic-tac-toe against a tree search, and watch the tree with which it decided."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import traitlets as t

from dlcourse.architectures.policy_value import NEVER, PolicyValueNet
from dlcourse.architectures.tree_search import Evaluator, TreeSearch
from dlcourse.games import Position, tic_tac_toe
from dlcourse.layers import Linear
from dlcourse.widgets.base import DualWidget

GAME = tic_tac_toe()
GUIDES = ("both", "policy", "value", "rollouts")  # what guides the search
SIMULATIONS = (0, 10, 30, 100, 300)  # to choose from; 0: no search
DIGITS = 4  # decimals of a weight in the page
PLACES = (
    *("top left", "top", "top right", "left", "centre", "right"),
    *("bottom left", "bottom", "bottom right"),
)
TASK = (
    "Play against the network alone, with 0 simulations. Then let it search: whenever you change a "
    "setting, it decides its last move once more."
)

NetData = dict[str, list]


def pack(net: PolicyValueNet) -> NetData:
    """A network for tic-tac-toe as plain lists: its hidden sizes, and all weights in one row.

    Layer by layer, first the trunk, then the policy head and the value head: W (n_in, n_out) row
    by row, then b. Rounded to four decimals, so that a page can hold them.

    Raises:
        ValueError: the network plays another game
    """
    if repr(net.game) != repr(GAME):
        raise ValueError(f"SearchTree draws tic-tac-toe, {GAME}. Received a net for {net.game}")
    layers = [*net.trunk, net.policy_head, net.value_head]
    linears = [layer for layer in layers if isinstance(layer, Linear)]
    weights = [p.numpy().ravel() for layer in linears for p in layer.parameters()]
    row = np.concatenate(weights).astype(float).round(DIGITS) + 0.0  # no -0.0
    return {"hidden": [layer.weight.shape[1] for layer in linears[:-2]], "weights": row.tolist()}


def packed_evaluator(data: NetData) -> Evaluator:
    """What the page computes from the packed numbers: priors (n, 9) and values (n,), in float64."""
    weights = np.array(data["weights"])

    def layer(x: np.ndarray, at: int, n_out: int) -> tuple[np.ndarray, int]:
        end = at + x.shape[1] * n_out
        w = weights[at:end].reshape(x.shape[1], n_out)
        return x @ w + weights[end : end + n_out], end + n_out

    def evaluate(positions: list[Position]) -> tuple[np.ndarray, np.ndarray]:
        boards = np.array(positions)
        x, at = np.concatenate([boards == 1, boards == -1], axis=1).astype(float), 0
        for size in data["hidden"]:
            x, at = layer(x, at, size)
            x = np.maximum(x, 0)
        logits, at = layer(x, at, 9)
        value, _ = layer(x, at, 1)
        logits = np.where(boards == 0, logits, NEVER)
        priors = np.exp(logits - logits.max(axis=1, keepdims=True))
        return priors / priors.sum(axis=1, keepdims=True), np.tanh(value[:, 0])

    return evaluate


def position_after(moves: Sequence[int]) -> Position:
    """The position after these moves from the empty board, for the player to move."""
    position = GAME.start
    for move in moves:
        position = GAME.play(position, move)
    return position


class SearchTree(DualWidget):
    """The reader plays tic-tac-toe; the program answers, and shows the tree of its decision.

    Args:
        nets: name -> PolicyValueNet for tic-tac-toe. The reader chooses one with a slider, in the
            order given
        net: the number of the one chosen at the start
        guide: what guides the search: "both" (policy and value of the network), "policy" alone,
            "value" alone, or "rollouts" (random games, no network)
        simulations: for each of its moves: 0 (no search), 10, 30, 100 or 300
        moves: played already, as cells 0 … 8 row by row; if it is the program's turn, it answers
        begins: "you" or "it": who has the X and moves first
        step: the simulation that is shown; 300 or more is always the last one
        c: how strongly the search explores, see TreeSearch
        task: what the reader should try
    After use: `moves` and `games` (texts such as "lost: after 40 rounds, both, 30 simulations").

    Raises:
        ValueError: there is no network, or a setting is not offered
    Source: Silver et al. 2016; the score is that of Silver et al. 2017
    """

    js = "search_tree"
    task = t.Unicode(TASK).tag(sync=True)
    names = t.List(t.Unicode()).tag(sync=True)
    nets = t.List(t.Dict()).tag(sync=True)
    net = t.Int(0, min=0).tag(sync=True)
    guide = t.Unicode("both").tag(sync=True)
    simulations = t.Int(30).tag(sync=True)
    moves = t.List(t.Int(), default_value=[]).tag(sync=True)
    begins = t.Unicode("you").tag(sync=True)
    step = t.Int(SIMULATIONS[-1], min=0).tag(sync=True)
    c = t.Float(1.5).tag(sync=True)
    games = t.List(t.Unicode(), default_value=[]).tag(sync=True)
    levels = t.List(t.Int(), default_value=list(SIMULATIONS)).tag(sync=True)
    guides = t.List(t.Unicode(), default_value=list(GUIDES)).tag(sync=True)

    def __init__(
        self,
        nets: Mapping[str, PolicyValueNet],
        label: str = "Play against a search",
        **kwargs: Any,
    ) -> None:
        packed = [pack(net) for net in nets.values()]
        super().__init__(label=label, names=list(nets), nets=packed, **kwargs)
        if not nets or self.net >= len(nets):
            raise ValueError(
                f"SearchTree needs networks, and net from 0 to their number - 1. "
                f"Received: {len(nets)} networks, net={self.net}"
            )
        offered = {"guide": GUIDES, "simulations": SIMULATIONS, "begins": ("you", "it")}
        for name, values in offered.items():
            if getattr(self, name) not in values:
                raise ValueError(f"{name} is one of {values}. Received: {getattr(self, name)!r}")
        position_after(self.moves)  # an impossible move is an error

    def its_turn(self) -> bool:
        """Whether the program is to move."""
        return len(self.moves) % 2 == (1 if self.begins == "you" else 0)

    def fallback_html(self) -> str:
        """The board in words, and what the chosen network and a search with it make of it."""
        moves = list(self.moves) if self.its_turn() else list(self.moves)[:-1]
        position = position_after(moves)
        if GAME.outcome(position) is not None:
            position = GAME.start
        evaluator = packed_evaluator(self.nets[self.net])
        search = TreeSearch(GAME, evaluator, c=self.c, seed=0)
        (root,) = search.run([position], self.simulations or 30)
        rows = "".join(
            f"<tr><td>{PLACES[child.move]}</td><td>{child.P:.2f}</td><td>{child.N}</td>"
            f"<td>{child.Q:+.2f}</td></tr>".replace("-", "−")
            for child in sorted(root.children, key=lambda child: child.move)
        )
        board = html.escape(GAME.picture(position))
        return (
            f"<p><strong>{html.escape(self.label)}.</strong> {html.escape(self.task)}</p>"
            f"<pre>{board}</pre>"
            f"<table><caption>A search with {self.simulations or 30} simulations from this "
            f"position, guided by the network “{html.escape(self.names[self.net])}”. It plays "
            f"{PLACES[search.best_move(root)]}, the move with the most visits.</caption>"
            '<thead><tr><th scope="col">Move</th><th scope="col">Prior P</th>'
            '<th scope="col">Visits N</th><th scope="col">Mean result Q</th></tr></thead>'
            f"<tbody>{rows}</tbody></table>"
        )
