"""The policy-value network: one look at a board, two answers. Which move? And who will win?

AlphaGo (Silver et al. 2016) had one network for each question. AlphaGo Zero (Silver et al. 2017)
joined them: the layers that look at the board are shared (the trunk), and two small heads read
what the trunk has found. Read games.py first; tree_search.py puts the network to use.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from dlcourse.backprop import Tensor, no_grad
from dlcourse.device import asarray, namespace
from dlcourse.games import LineGame, Player, Position
from dlcourse.layers import Linear, Module, ReLU, Sequential
from dlcourse.ops import where

NEVER = -1e9  # the logit of a move that is not possible: softmax makes exactly 0 of it


class PolicyValueNet(Module):
    """Logits of all moves, and a value between -1 (I lose) and 1 (I win), for each position.

        h = trunk(planes),   logits = policy head(h),   value = tanh(value head(h))

    The board goes in as two planes of 0 and 1: where my stones are, where the other player's are.
    Impossible moves get a logit so low that their probability is 0.

    game     the rules: how many cells and moves there are, and which moves are possible
    hidden   sizes of the trunk's layers, at least one
    seed     a whole number, or a numpy.random.Generator that several layers share

    Shape:   boards (n, n_cells) of 1, -1 and 0, a plain array, see games.py
             -> logits (n, n_moves), value (n,)
    Raises:  ValueError if there is no hidden layer, or if the boards have another shape
    Source:  Silver et al. 2017, Methods, "Neural network architecture"; there, the trunk has 19 or
             39 residual blocks of convolutions
    """

    def __init__(
        self,
        game: LineGame,
        hidden: Sequence[int] = (64, 64),
        *,
        seed: int | np.random.Generator,
    ) -> None:
        if not len(hidden):
            raise ValueError("PolicyValueNet: expected at least one hidden size, such as (64,).")
        rng = np.random.default_rng(seed)
        self.game = game
        layers: list[Module] = []
        for n_in, n_out in pairwise([2 * game.n_cells, *hidden]):
            layers += [Linear(n_in, n_out, seed=rng), ReLU()]
        self.trunk = Sequential(*layers)
        self.policy_head = Linear(hidden[-1], game.n_moves, seed=rng, gain=1.0)
        self.value_head = Linear(hidden[-1], 1, seed=rng, gain=1.0)

    def forward(self, boards: Any) -> tuple[Tensor, Tensor]:
        weight = self.policy_head.weight.data
        xp = namespace(weight)
        boards = xp.asarray(boards, device=weight.device)
        if boards.ndim != 2 or boards.shape[1] != self.game.n_cells:
            raise ValueError(
                f"PolicyValueNet: expected boards of shape (n, {self.game.n_cells}), one row per "
                f"position. Received: shape {tuple(boards.shape)}"
            )
        planes = xp.concat([boards == 1, boards == -1], axis=1)  # (n, 2 n_cells)
        h = self.trunk(Tensor.wrap(xp.astype(planes, weight.dtype)))
        logits = where(self.game.legal(boards), self.policy_head(h), NEVER)  # (n, n_moves)
        return logits, self.value_head(h).tanh().reshape(-1)

    @no_grad()
    def evaluate(self, positions: Sequence[Position]) -> tuple[np.ndarray, np.ndarray]:
        """What a search asks for: probabilities of the moves (n, n_moves), and values (n,).

        NumPy arrays, computed in one batch and without recording for backpropagation.
        """
        logits, values = self(asarray(np.array(positions)))
        return logits.softmax().numpy(), values.numpy()


def policy_value_loss(logits: Tensor, value: Tensor, policy: Any, outcome: Any) -> Tensor:
    """Mean over the positions of (z - v)² - Σ π log p, with p = softmax(logits).

    logits, value  what the network gives, v being the value
    policy         π, the probabilities it should give: how often a search has tried each move
    outcome        z, how the game ended for the player to move: 1 won, 0 draw, -1 lost

    The published formula has a third term, c |θ|²; here it is the optimiser's weight_decay (AdamW).

    Shape:   logits and policy (n, n_moves), value and outcome (n,) -> one number
    Raises:  ValueError if the shapes do not fit
    Source:  Silver et al. 2017, eq. 1
    """
    expected = (logits.shape[:1], tuple(logits.shape))
    received = (tuple(value.shape), tuple(policy.shape))
    if received != expected or tuple(outcome.shape) != expected[0]:
        raise ValueError(
            f"policy_value_loss: logits of shape {tuple(logits.shape)} need a policy of the same "
            f"shape, and value and outcome of shape {expected[0]}. Received: policy {received[1]}, "
            f"value {received[0]}, outcome {tuple(outcome.shape)}"
        )
    error = value - outcome
    likelihood = (logits.log_softmax() * policy).sum(axis=-1)  # Σ π log p, position by position
    return (error * error - likelihood).mean()


# --- Players without a search -----------------------------------------------------------------
def policy_player(net: PolicyValueNet) -> Player:
    """A player that takes the move which the policy head finds most probable."""

    def choose(position: Position) -> int:
        probabilities, _ = net.evaluate([position])
        return int(probabilities[0].argmax())

    return choose


def value_player(net: PolicyValueNet) -> Player:
    """A player that looks one move ahead and leaves the other player the lowest value."""
    game = net.game

    def choose(position: Position) -> int:
        moves = game.moves(position)
        after = [game.play(position, move) for move in moves]
        _, estimates = net.evaluate(after)
        known = [game.outcome(child) for child in after]  # exact where the game is over
        values = [v if z is None else z for v, z in zip(estimates, known, strict=True)]
        return moves[int(np.argmin(values))]

    return choose
