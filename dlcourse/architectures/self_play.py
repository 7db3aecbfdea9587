"""Learning by playing against oneself: AlphaZero's loop, and AlphaGo's first step, imitation.

The network guides the search, and the search plays better than the network alone. So the network
learns from the search: its policy head which moves the search has tried most, its value head how
the games ended. With the better network the search plays better still, and so on.

    game = tic_tac_toe()
    net = PolicyValueNet(game, seed=0)
    search = TreeSearch(game, net.evaluate, noise=0.25, seed=1)
    optimizer = AdamW(net.parameters(), lr=0.01, weight_decay=1e-4)
    schedule = CosineSchedule(optimizer, steps=40 * 64)
    for iteration in self_play(search, net, optimizer, schedule=schedule, seed=2):
        print(iteration.loss, losses_against_all_lines(policy_player(net), game))

Read games.py, policy_value.py and tree_search.py first.
Source: Silver et al. 2017 (Go without human games); Silver et al. 2018 (chess, shogi and Go)
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dlcourse.architectures.policy_value import PolicyValueNet, policy_player, policy_value_loss
from dlcourse.architectures.tree_search import TreeSearch
from dlcourse.device import asarray
from dlcourse.games import LineGame, Player, Position, optimal_moves, solve
from dlcourse.optim import Optimizer
from dlcourse.schedules import Schedule


# --- How good is a player? --------------------------------------------------------------------
class MatchResult(NamedTuple):
    """How many games player A has won, drawn and lost."""

    wins: int
    draws: int
    losses: int


def match(
    player_a: Player,
    player_b: Player,
    game: LineGame,
    games: int = 100,
    seed: int | np.random.Generator = 0,
) -> MatchResult:
    """Let two players play against each other; A begins every other game.

    The first move of each game is random, because two players without chance in them would play
    the same two games over and over.

    games    how many, at least 1
    seed     for the first moves
    Raises:  ValueError if there are no games
    """
    if games < 1:
        raise ValueError(f"match: expected at least one game. Received: {games=}")
    rng = np.random.default_rng(seed)
    counts = {1: 0, 0: 0, -1: 0}
    for number in range(games):
        position = game.play(game.start, int(rng.choice(game.moves(game.start))))
        if number % 2 == 0:  # the random move was A's
            counts[-_play_on(game, position, player_b, player_a)] += 1
        else:
            counts[_play_on(game, position, player_a, player_b)] += 1
    return MatchResult(counts[1], counts[0], counts[-1])


def _play_on(game: LineGame, position: Position, mover: Player, other: Player) -> int:
    """Play to the end: 1 if the player to move at the start wins, 0 for a draw, -1 if not."""
    sign = 1
    while (outcome := game.outcome(position)) is None:
        position = game.play(position, mover(position))
        mover, other, sign = other, mover, -sign
    return sign * outcome


class AllLines(NamedTuple):
    """Of all games that opponents can play against a player: how many it loses, and all of them."""

    lost: int
    lines: int


def losses_against_all_lines(player: Player, game: LineGame) -> AllLines:
    """Try every possible move against a player, in every game, as the first and the second one.

    A player that loses none of these games cannot be beaten. It is asked once for each position.
    """
    answers: dict[Position, Position] = {}

    def explore(position: Position, players_turn: bool) -> AllLines:
        outcome = game.outcome(position)
        if outcome is not None:
            return AllLines(int(players_turn and outcome == -1), 1)
        if players_turn:
            if position not in answers:
                answers[position] = game.play(position, player(position))
            return explore(answers[position], False)
        found = [explore(game.play(position, move), True) for move in game.moves(position)]
        return AllLines(sum(lost for lost, _ in found), sum(lines for _, lines in found))

    begins, follows = explore(game.start, True), explore(game.start, False)
    return AllLines(begins.lost + follows.lost, begins.lines + follows.lines)


# --- Games to learn from ----------------------------------------------------------------------
class Examples(NamedTuple):
    """Positions, one per row, with what the network should answer."""

    boards: np.ndarray  # (n, n_cells), see games.py
    policies: np.ndarray  # (n, n_moves), probabilities of the moves
    outcomes: np.ndarray  # (n,), how the game ended for the player to move: 1, 0 or -1


Record = list[tuple[Position, np.ndarray]]  # the positions of a game, and the policy at each


def expert_games(
    game: LineGame, games: int, mistakes: float, *, seed: int | np.random.Generator
) -> Examples:
    """Games of an expert that errs, in place of the human games from which AlphaGo first learned.

    games     how many, at least 1
    mistakes  0 … 1: how often the expert takes any move instead of an optimal one
    Raises:   ValueError if a setting is out of its range
    """
    if games < 1 or not 0 <= mistakes <= 1:
        raise ValueError(
            "expert_games: expected at least one game, and mistakes in 0 … 1. "
            f"Received: {games=}, {mistakes=}"
        )
    rng, values, parts = np.random.default_rng(seed), solve(game), []
    for _ in range(games):
        position, record = game.start, []
        while moves := game.moves(position):
            if rng.random() >= mistakes:
                moves = optimal_moves(game, position, values)
            move = moves[int(rng.integers(len(moves)))]
            record.append((position, np.eye(game.n_moves)[move]))
            position = game.play(position, move)
        parts.append(_finished(game, record, position))
    return _joined(parts)


def play_games(
    search: TreeSearch,
    games: int,
    simulations: int,
    opening: int = 0,
    *,
    seed: int | np.random.Generator,
) -> Examples:
    """Games of a search against itself. All run side by side, so that the network gets batches.

    Each move is drawn at random, in proportion to the visits that the search has given it.

    games        how many, at least 1
    simulations  for each move, at least 1
    opening      each game begins with 0 … opening random moves, which are not learned from. So the
                 network also meets positions that good play avoids; AlphaZero does without.
    Raises:      ValueError if a setting is out of its range
    """
    if games < 1 or simulations < 1 or opening < 0:
        raise ValueError(
            "play_games: expected at least one game and one simulation, and an opening of 0 or "
            f"more moves. Received: {games=}, {simulations=}, {opening=}"
        )
    game, rng = search.game, np.random.default_rng(seed)
    positions = [_opened(game, opening, rng) for _ in range(games)]
    records: list[Record] = [[] for _ in range(games)]
    running = list(range(games))
    while running:
        roots = search.run([positions[i] for i in running], simulations)
        for i, root in zip(running, roots, strict=True):
            policy = search.policy(root)
            records[i].append((positions[i], policy))
            positions[i] = game.play(positions[i], int(rng.choice(game.n_moves, p=policy)))
        running = [i for i in running if game.outcome(positions[i]) is None]
    ends = zip(records, positions, strict=True)
    return _joined([_finished(game, record, end) for record, end in ends])


def _opened(game: LineGame, opening: int, rng: np.random.Generator) -> Position:
    """A position after 0 … opening random moves, fewer where the game would be over by then."""
    position = game.start
    for _ in range(int(rng.integers(opening + 1))):
        moves = game.moves(position)
        after = game.play(position, moves[int(rng.integers(len(moves)))])
        if game.outcome(after) is not None:
            break
        position = after
    return position


def _finished(game: LineGame, record: Record, end: Position) -> Examples:
    """The positions of a game with its outcome, whose sign changes from each one to the next."""
    boards, policies = zip(*record, strict=True)
    signs = (-1) ** np.arange(len(record), 0, -1)  # …, 1, -1: the last one moved to the end
    outcomes = signs * (game.outcome(end) or 0)  # the game is over: -1 or 0
    return Examples(np.array(boards), np.array(policies), outcomes)


def _joined(parts: list[Examples]) -> Examples:
    boards, policies, outcomes = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Examples(boards, policies, outcomes)


# --- Learning ---------------------------------------------------------------------------------
def learn(
    net: PolicyValueNet,
    optimizer: Optimizer,
    examples: Examples,
    steps: int,
    batch_size: int = 256,
    schedule: Schedule | None = None,
    *,
    seed: int | np.random.Generator,
) -> list[float]:
    """Train the network on examples, and return the loss of every step.

    Each batch is drawn at random and turned or mirrored: the same position, seen from another
    side, is another example.

    steps, batch_size  at least 1 each
    schedule           a Schedule that sets the learning rate after each update
    Raises:            ValueError if a setting is out of its range
    """
    if steps < 1 or batch_size < 1:
        raise ValueError(f"learn: at least 1 each. Received: {steps=}, {batch_size=}")
    rng, symmetries = np.random.default_rng(seed), net.game.symmetries
    dtype = net.policy_head.weight.numpy().dtype
    losses = []
    for _ in range(steps):
        # Prepare the data
        rows = rng.integers(len(examples.boards), size=batch_size)
        turned = symmetries[int(rng.integers(len(symmetries)))]
        boards = asarray(examples.boards[rows][:, turned.cells])
        policies = asarray(examples.policies[rows][:, turned.moves], dtype)
        outcomes = asarray(examples.outcomes[rows], dtype)
        # Forward
        logits, values = net(boards)
        # Loss
        loss = policy_value_loss(logits, values, policies, outcomes)
        # Backward
        optimizer.zero_grad()
        loss.backward()
        # Update
        optimizer.step()
        if schedule is not None:
            schedule.step()
        losses.append(loss.item())
    return losses


@dataclass(frozen=True)
class Iteration:
    """What `self_play` hands out: games were played, and the network has learned from them."""

    number: int  # 1, 2, 3, …
    games: int  # played so far
    examples: int  # positions that were there to learn from
    loss: float  # mean over the steps
    results: dict[str, MatchResult]  # of the policy head alone against each opponent


def self_play(
    search: TreeSearch,
    net: PolicyValueNet,
    optimizer: Optimizer,
    iterations: int = 40,
    games: int = 64,
    simulations: int = 25,
    opening: int = 5,
    *,
    steps: int = 64,
    batch_size: int = 256,
    window: int = 20,
    schedule: Schedule | None = None,
    opponents: Mapping[str, Player] | None = None,
    seed: int | np.random.Generator,
) -> Iterator[Iteration]:
    """Play, learn, and hand out an Iteration; again and again. No human game is needed.

    search      plays the games, mostly TreeSearch(game, net.evaluate, noise=0.25, seed=…)
    iterations  how often to play and learn; games, simulations, opening: see `play_games`
    steps       of learning in each iteration; batch_size, schedule: see `learn`
    window      the games of so many iterations, at least 1, are remembered and learned from
    opponents   by name, such as {"random": random_player(game, seed=0)}: after each iteration the
                policy head plays a match of 100 games against each
    seed        for the openings, the moves and the batches
    Raises:     ValueError if a setting is out of its range
    """
    if iterations < 1 or window < 1:
        raise ValueError(f"self_play: at least 1 each. Received: {iterations=}, {window=}")
    rng = np.random.default_rng(seed)
    memory: deque[Examples] = deque(maxlen=window)
    for number in range(1, iterations + 1):
        memory.append(play_games(search, games, simulations, opening, seed=rng))
        examples = _joined(list(memory))
        losses = learn(net, optimizer, examples, steps, batch_size, schedule, seed=rng)
        results = {
            name: match(policy_player(net), opponent, net.game, seed=number)
            for name, opponent in (opponents or {}).items()
        }
        yield Iteration(
            number, number * games, len(examples.boards), float(np.mean(losses)), results
        )
