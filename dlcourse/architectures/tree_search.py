"""Monte-Carlo tree search: think ahead where it is worthwhile, and count.

A tree of positions grows from the present one, one position per simulation. Each simulation
    1. selects: walks down from the root, always to the child with the best score,
    2. expands: the new position at the end gets its possible moves as children,
    3. evaluates: asks how good the new position is,
    4. backs up: adds the answer to all positions on the way.
In the end the move that was tried most often is played.

The third step is where the methods differ. Coulom 2006 and Kocsis and Szepesvári 2006 play random
moves to the end of the game. AlphaGo (Silver et al. 2016) mixes that with the answer of a network,
AlphaGo Zero (Silver et al. 2017) takes the network alone. Here any of them is an `Evaluator`.
Read games.py first, and policy_value.py for the network.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from dlcourse.games import LineGame, Player, Position

# For n positions, none of them over: how probable each move is (n, n_moves), and the value for the
# player to move (n,). Only possible moves are looked at, and their priors are brought to the sum 1.
Evaluator = Callable[[list[Position]], tuple[np.ndarray, np.ndarray]]


# --- The tree ---------------------------------------------------------------------------------
class Node:
    """A position in the tree, with the four numbers that AlphaGo Zero keeps for each move.

    P   prior: how probable the evaluator finds the move that leads here
    N   number of visits
    W   sum of the results of all visits, seen by the player who moved here
    Q   W / N, the mean result, -1 … 1; 0 before the first visit

    move      the move that leads here; -1 at the root
    position  the board, for the player to move now; () before the first visit
    value     how good the position was found at its first visit, for the player to move now:
              the outcome where the game is over, else the evaluator's answer; None before
    children  one node for each possible move, the most probable first; empty before the first visit
              and at the end of a game

    A node with children has N = 1 + the sum of their N: its own evaluation was the first visit.
    """

    __slots__ = ("N", "P", "Q", "W", "children", "move", "position", "value")

    def __init__(self, move: int, prior: float, position: Position = ()) -> None:
        self.move, self.P, self.position = move, prior, position
        self.N, self.W, self.Q = 0, 0.0, 0.0
        self.value: Any = None
        self.children: list[Node] = []


def back_up(path: list[Node]) -> None:
    """Add the value of the last node to all nodes of the path, from the end to the root.

    The value belongs to the player to move at the end. The player who moved there sees it with
    the other sign, the one before with the first sign again, and so on: it flips at every step.
    """
    result = path[-1].value
    for node in reversed(path):
        result = -result
        node.N += 1
        node.W += result
        node.Q = node.W / node.N


def tree_as_data(root: Node, min_visits: int = 1) -> dict[str, Any]:
    """The tree as dictionaries, lists and plain numbers, ready for JSON.

    Each node: move, position, N, W, Q, P and children, as in Node.
    min_visits  leave out nodes with fewer visits, 0 or more; 0 keeps moves never tried
    """
    return {
        "move": root.move,
        "position": list(root.position),
        "N": root.N,
        "W": root.W,
        "Q": root.Q,
        "P": root.P,
        "children": [
            tree_as_data(child, min_visits) for child in root.children if min_visits <= child.N
        ],
    }


# --- The search -------------------------------------------------------------------------------
class TreeSearch:
    """Monte-Carlo tree search with the score of AlphaGo Zero, PUCT:

        score(child) = Q + c P √(ΣN) / (1 + N),   ΣN: visits of all children of the same node

    Q draws the search to moves that have gone well, the second term to moves that are probable
    and little tried. While all scores are 0, at a node's first choice, the largest prior decides.

    game       the rules
    evaluator  gives priors and values: net.evaluate, rollout_evaluator(game, seed), …
    c          above 0; larger: the search spreads over more moves
    noise      ε, 0 … 1: share of random numbers in the priors at the root, P <- (1 - ε) P + ε η.
               0 to play well; 0.25 in self-play, so that every move has a chance
    alpha      η ~ Dirichlet(alpha), above 0, the smaller the more moves there are: AlphaZero takes
               0.3 in chess, 0.15 in shogi, 0.03 in Go
    seed       for the noise
    Raises:    ValueError if a setting is out of its range, or if a game to search is over
    Source:    Silver et al. 2017, Methods, "Search algorithm"; Silver et al. 2018 for alpha
    """

    def __init__(
        self,
        game: LineGame,
        evaluator: Evaluator,
        c: float = 1.5,
        noise: float = 0.0,
        alpha: float = 1.0,
        *,
        seed: int | np.random.Generator,
    ) -> None:
        if not c > 0 or not 0 <= noise <= 1 or not alpha > 0:
            raise ValueError(
                "TreeSearch: expected c and alpha above 0, and noise in 0 … 1. "
                f"Received: {c=}, {noise=}, {alpha=}"
            )
        self.game, self.evaluator, self.c, self.noise, self.alpha = game, evaluator, c, noise, alpha
        self.rng = np.random.default_rng(seed)

    def search(self, position: Position, simulations: int) -> Iterator[list[Node]]:
        """Grow a tree from the position, and hand out the path of every simulation.

        path[0] is the root, so the whole tree; path[-1] is the position that was just evaluated.
        """
        roots = self.plant([position])
        for _ in range(simulations):
            yield self.simulate(roots)[0]

    def run(self, positions: Sequence[Position], simulations: int) -> list[Node]:
        """Grow one tree for each position, all side by side, and return their roots.

        The new positions of all trees are evaluated together, which a network likes.
        """
        roots = self.plant(positions)
        for _ in range(simulations):
            self.simulate(roots)
        return roots

    def plant(self, positions: Sequence[Position]) -> list[Node]:
        """Roots with their children. Their evaluation is no simulation yet."""
        for position in positions:
            if self.game.outcome(position) is not None:
                raise ValueError(
                    "TreeSearch: there is no move to find, this game is over:\n"
                    + self.game.picture(position)
                )
        roots = [Node(-1, 1.0, position) for position in positions]
        self._evaluate(roots, noise=self.noise)
        for root in roots:
            back_up([root])
        return roots

    def simulate(self, roots: list[Node]) -> list[list[Node]]:
        """One simulation in each tree: select, expand and evaluate, back up. Returns the paths."""
        paths = [self._select(root) for root in roots]
        self._evaluate([path[-1] for path in paths if path[-1].value is None])
        for path in paths:
            back_up(path)
        return paths

    def _select(self, root: Node) -> list[Node]:
        """The way down, from the root to a new position or the end of a game."""
        path, node = [root], root
        while node.children:
            parent, node = node, self.best_child(node)
            if not node.position:
                node.position = self.game.play(parent.position, node.move)
                node.value = self.game.outcome(node.position)
            path.append(node)
        return path

    def best_child(self, node: Node) -> Node:
        """The child with the highest score; of equal ones the most probable, which stands first."""
        explore = self.c * math.sqrt(node.N - 1)
        return max(node.children, key=lambda child: child.Q + explore * child.P / (1 + child.N))

    def _evaluate(self, nodes: list[Node], noise: float = 0.0) -> None:
        """Expand the nodes: give each its value, and a child for every possible move."""
        if not nodes:
            return
        all_priors, values = self.evaluator([node.position for node in nodes])
        for node, priors, value in zip(nodes, all_priors.tolist(), values.tolist(), strict=True):
            moves = self.game.moves(node.position)
            shares = _shares([priors[move] for move in moves])
            if noise:
                eta = self.rng.dirichlet([self.alpha] * len(moves)).tolist()
                shares = [(1 - noise) * p + noise * e for p, e in zip(shares, eta, strict=True)]
            children = [Node(move, share) for move, share in zip(moves, shares, strict=True)]
            node.children = sorted(children, key=lambda child: -child.P)
            node.value = value

    # What the search has found
    def policy(self, root: Node, temperature: float = 1.0) -> np.ndarray:
        """How good each move is found: π = N^(1/temperature) / Σ N^(1/temperature).

        temperature  1: in proportion to the visits; smaller: closer to the best move alone; 0: the
                     most visited move gets everything
        Shape:   (n_moves,), with the sum 1
        Raises:  ValueError if there was no simulation, or if the temperature is negative
        """
        visits = np.zeros(self.game.n_moves)
        for child in root.children:
            visits[child.move] = child.N
        if not visits.any() or not temperature >= 0:
            raise ValueError(
                "policy: expected a tree after at least one simulation, and a temperature of 0 or "
                f"more. Received: {int(visits.sum())} simulations, {temperature=}"
            )
        if temperature == 0:
            return np.eye(self.game.n_moves)[self.best_move(root)]
        weights = (visits / visits.max()) ** (1 / temperature)
        return weights / weights.sum()

    def best_move(self, root: Node) -> int:
        """The move with the most visits; of equal ones the one with the best mean result."""
        return max(root.children, key=lambda child: (child.N, child.Q)).move


def _shares(priors: list[float]) -> list[float]:
    """The priors of the possible moves, with the sum 1."""
    total = sum(priors)
    if not total > 0:
        raise ValueError(f"TreeSearch: the evaluator gives no possible move a chance: {priors}")
    return [prior / total for prior in priors]


def search_player(search: TreeSearch, simulations: int) -> Player:
    """A player that grows a fresh tree for every move, and takes the most visited one."""

    def choose(position: Position) -> int:
        (root,) = search.run([position], simulations)
        return search.best_move(root)

    return choose


# --- Evaluators: besides net.evaluate ---------------------------------------------------------
def uniform_evaluator(game: LineGame) -> Evaluator:
    """All moves are equally probable, all positions even (value 0): it knows only the rules."""

    def evaluate(positions: list[Position]) -> tuple[np.ndarray, np.ndarray]:
        n = len(positions)
        return np.ones((n, game.n_moves)), np.zeros(n)

    return evaluate


def rollout_evaluator(
    game: LineGame, seed: int | np.random.Generator, rollouts: int = 1
) -> Evaluator:
    """All moves are equally probable; the value is the mean outcome of games with random moves.

    rollouts  games per position, at least 1
    Raises:   ValueError if there are no rollouts
    Source:   Coulom 2006; Kocsis and Szepesvári 2006
    """
    if rollouts < 1:
        raise ValueError(f"rollout_evaluator: expected at least one rollout. Received: {rollouts}")
    rng = np.random.default_rng(seed)

    def evaluate(positions: list[Position]) -> tuple[np.ndarray, np.ndarray]:
        values = [
            sum(random_outcome(game, position, rng) for _ in range(rollouts)) / rollouts
            for position in positions
        ]
        return np.ones((len(positions), game.n_moves)), np.array(values, dtype=float)

    return evaluate


def random_outcome(game: LineGame, position: Position, rng: np.random.Generator) -> int:
    """Play random moves to the end: 1 if the player to move now wins, 0 for a draw, -1 if not."""
    sign = 1
    while moves := game.moves(position):
        position = game.play(position, moves[int(rng.random() * len(moves))])
        sign = -sign
    return sign * (game.outcome(position) or 0)  # 0 or -1: without moves the game is over


def combined_evaluator(priors_from: Evaluator, values_from: Evaluator) -> Evaluator:
    """The priors of one evaluator, the values of another.

    combined_evaluator(net.evaluate, uniform_evaluator(game)) searches with the policy head alone.
    """

    def evaluate(positions: list[Position]) -> tuple[np.ndarray, np.ndarray]:
        return priors_from(positions)[0], values_from(positions)[1]

    return evaluate


def remembering(evaluator: Evaluator) -> Evaluator:
    """The same answers, each worked out once: a position met again is looked up.

    For a network that does not learn any more. Its old answers would stay.
    """
    known: dict[Position, tuple[np.ndarray, float]] = {}

    def evaluate(positions: list[Position]) -> tuple[np.ndarray, np.ndarray]:
        new = [position for position in dict.fromkeys(positions) if position not in known]
        if new:
            known.update(zip(new, zip(*evaluator(new), strict=True), strict=True))
        priors, values = zip(*(known[position] for position in positions), strict=True)
        return np.array(priors), np.array(values)

    return evaluate
