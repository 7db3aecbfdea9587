"""Matches, games to learn from, and learning by self-play: exact where the game is known."""

import itertools

import numpy as np
import pytest

import dlcourse as dl
from dlcourse.architectures.policy_value import PolicyValueNet, policy_player
from dlcourse.architectures.self_play import (
    AllLines,
    Examples,
    MatchResult,
    expert_games,
    learn,
    losses_against_all_lines,
    match,
    play_games,
    self_play,
)
from dlcourse.architectures.tree_search import TreeSearch, search_player, uniform_evaluator
from dlcourse.games import (
    LineGame,
    Player,
    Position,
    optimal_moves,
    perfect_player,
    random_player,
    solve,
    tic_tac_toe,
)
from tests.engine.compare import DEVICES, gap

COVERS = {
    "AllLines",
    "Examples",
    "Iteration",
    "MatchResult",
    "expert_games",
    "learn",
    "losses_against_all_lines",
    "match",
    "play_games",
    "self_play",
}
GAME = tic_tac_toe()
VALUES = solve(GAME)


def lowest(position: Position) -> int:
    return GAME.moves(position)[0]


def highest(position: Position) -> int:
    return GAME.moves(position)[-1]


# --- Measuring --------------------------------------------------------------------------------
def test_perfect_players_draw_every_game() -> None:
    perfect = perfect_player(GAME, seed=0)
    assert match(perfect, perfect, GAME, games=30, seed=1) == MatchResult(0, 30, 0)


def test_a_match_counts_from_the_side_of_player_a() -> None:
    """Both orders of the players see the same openings, with A and B the other way round."""
    perfect, careless = perfect_player(GAME, seed=0), random_player(GAME, seed=1)
    result = match(perfect, careless, GAME, games=100)
    assert result.losses == 0
    assert result.wins > 60
    assert sum(result) == 100
    assert match(careless, perfect, GAME, games=100).wins == 0


def test_a_match_by_hand() -> None:
    """One game on three cells in a row: after the first move, the next two make up the end."""
    game = LineGame(1, 3, 2)
    seen: list[tuple[str, Position]] = []

    def player(name: str) -> Player:
        def choose(position: Position) -> int:
            seen.append((name, position))
            return game.moves(position)[0]

        return choose

    result = match(player("a"), player("b"), game, games=2, seed=4)
    rng = np.random.default_rng(4)
    openings = [int(rng.choice([0, 1, 2])) for _ in range(2)]
    firsts = [entry for entry in seen if sum(map(abs, entry[1])) == 1]
    assert firsts == [
        ("b", game.play(game.start, openings[0])),
        ("a", game.play(game.start, openings[1])),
    ]
    # The one who began always gets two neighbours, except from an outer cell with the middle taken.
    begun = [0 if opening == 0 else 1 for opening in openings]
    assert result.wins == begun[0]
    assert result.losses == begun[1]
    assert result.draws == 2 - sum(begun)


def every_line(player: Player, position: Position, turn: bool) -> list[bool]:
    """For every line from here: was it lost?"""
    outcome = GAME.outcome(position)
    if outcome is not None:
        return [turn and outcome == -1]
    moves = [player(position)] if turn else GAME.moves(position)
    return [x for m in moves for x in every_line(player, GAME.play(position, m), not turn)]


@pytest.mark.parametrize("player", [lowest, highest])
def test_all_lines_are_counted_one_by_one(player: Player) -> None:
    lines = every_line(player, GAME.start, True) + every_line(player, GAME.start, False)
    found = losses_against_all_lines(player, GAME)
    assert found == AllLines(sum(lines), len(lines))
    assert 0 < found.lost < found.lines


@pytest.mark.parametrize("seed", range(3))
def test_a_perfect_player_loses_no_line(seed: int) -> None:
    assert losses_against_all_lines(perfect_player(GAME, seed=seed), GAME).lost == 0


def test_one_bad_move_costs_lines() -> None:
    trap = GAME.read("X.. .O. ..X")  # a corner loses, an edge draws
    perfect = perfect_player(GAME, seed=0)

    def nearly(position: Position) -> int:
        if position in GAME.mirror_images(trap):
            return next(m for m in (0, 2, 6, 8) if m in GAME.moves(position))
        return perfect(position)

    assert losses_against_all_lines(nearly, GAME).lost > 0


# --- Games to learn from ----------------------------------------------------------------------
def split(examples: Examples) -> list[Examples]:
    """The single games: each begins with no more stones than the one before had at its end."""
    stones = np.abs(examples.boards).sum(axis=1)
    starts = [0, *(np.flatnonzero(np.diff(stones) <= 0) + 1), len(stones)]
    pieces = [slice(a, b) for a, b in itertools.pairwise(starts)]
    return [Examples(*(column[piece] for column in examples)) for piece in pieces]


def check_games(examples: Examples, count: int) -> None:
    """Each game goes from move to move to its end, and the outcomes are those of its players."""
    singles = split(examples)
    assert len(singles) == count
    for boards, policies, outcomes in singles:
        positions = [tuple(board) for board in boards.tolist()]
        for position, policy, later in zip(positions, policies, positions[1:], strict=False):
            assert later in [GAME.play(position, move) for move in np.flatnonzero(policy)]
        ends = [GAME.outcome(GAME.play(positions[-1], m)) for m in np.flatnonzero(policies[-1])]
        assert any(end is not None and outcomes[-1] == -end for end in ends)
        assert np.array_equal(outcomes[1:], -outcomes[:-1])
        assert policies.sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize("mistakes", [0.0, 0.5, 1.0])
def test_expert_games_are_games(mistakes: float) -> None:
    examples = expert_games(GAME, 40, mistakes, seed=0)
    check_games(examples, 40)
    assert set(examples.policies.sum(axis=1)) == {1.0}
    optimal = [
        int(policy.argmax()) in optimal_moves(GAME, tuple(board), VALUES)
        for board, policy in zip(examples.boards.tolist(), examples.policies, strict=True)
    ]
    if mistakes == 0:
        assert all(optimal)
        assert not examples.outcomes.any()
    else:
        assert 0.3 < np.mean(optimal) < 0.95
        assert set(examples.outcomes) == {-1, 0, 1}


@pytest.mark.parametrize("opening", [0, 4])
def test_games_of_a_search_are_games(opening: int) -> None:
    search = TreeSearch(GAME, uniform_evaluator(GAME), noise=0.25, seed=0)
    examples = play_games(search, 30, 12, opening, seed=1)
    check_games(examples, 30)
    firsts = {tuple(single.boards[0].tolist()) for single in split(examples)}
    assert (firsts == {GAME.start}) == (opening == 0)
    assert max(sum(map(abs, first)) for first in firsts) <= opening
    again = play_games(
        TreeSearch(GAME, uniform_evaluator(GAME), noise=0.25, seed=0), 30, 12, opening, seed=1
    )
    assert all(np.array_equal(a, b) for a, b in zip(examples, again, strict=True))


def test_an_opening_leaves_something_to_play() -> None:
    search = TreeSearch(GAME, uniform_evaluator(GAME), seed=0)
    examples = play_games(search, 60, 1, opening=9, seed=1)
    assert all(GAME.outcome(tuple(board)) is None for board in examples.boards.tolist())
    assert np.abs(examples.boards).sum(axis=1).max() == 8


# --- Learning ---------------------------------------------------------------------------------
def agreement(net: PolicyValueNet) -> tuple[float, float]:
    """The share of positions with an optimal move, and the correlation of the values."""
    going_on = [p for p in VALUES if GAME.outcome(p) is None]
    probabilities, values = net.evaluate(going_on)
    best = [
        int(row.argmax()) in optimal_moves(GAME, p, VALUES)
        for row, p in zip(probabilities, going_on, strict=True)
    ]
    exact = [VALUES[p] for p in going_on]
    return float(np.mean(best)), float(np.corrcoef(values, exact)[0, 1])


def test_imitation_of_an_expert_that_errs() -> None:
    net = PolicyValueNet(GAME, seed=0)
    examples = expert_games(GAME, 600, 0.5, seed=1)
    before = agreement(net)
    losses = learn(net, dl.AdamW(net.parameters(), lr=0.01), examples, 250, seed=2)
    assert len(losses) == 250
    assert np.mean(losses[-20:]) < np.mean(losses[:20]) - 0.15
    after = agreement(net)
    assert before[0] < 0.75 < 0.8 < after[0]
    assert before[1] < 0.3 < 0.5 < after[1]


def test_learning_turns_the_board_and_the_moves_together() -> None:
    """One example, eight images of it: the network learns the right move in all of them."""
    position = GAME.read("XX. OO. ...")
    rows = 8
    examples = Examples(
        np.repeat([position], rows, axis=0),
        np.repeat([np.eye(9)[2]], rows, axis=0),
        np.ones(rows),
    )
    net = PolicyValueNet(GAME, (32,), seed=0)
    learn(net, dl.Adam(net.parameters(), lr=0.01), examples, 300, batch_size=8, seed=0)
    images = list(dict.fromkeys(GAME.mirror_images(position)))
    assert len(images) == 8
    probabilities, values = net.evaluate(images)
    for row, image in zip(probabilities, images, strict=True):
        assert optimal_moves(GAME, image, VALUES) == [int(row.argmax())]
    assert values.min() > 0.9


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_learning_is_the_same_on_every_device(device: str, dtype: str) -> None:
    examples = expert_games(GAME, 20, 0.5, seed=0)

    def run(place: str) -> tuple[list[float], dict[str, np.ndarray]]:
        with dl.use(place, dtype):
            net = PolicyValueNet(GAME, (16,), seed=0)
            losses = learn(net, dl.AdamW(net.parameters()), examples, 20, 32, seed=1)
            return losses, net.state_dict()

    (losses, state), (expected, other) = run(device), run("cpu")
    assert losses == pytest.approx(expected, rel=1e-5)
    assert all(gap(state[name], other[name]) < 1e-4 for name in state)
    assert all(values.dtype == dtype for values in state.values())


def test_a_schedule_sets_the_learning_rate() -> None:
    net = PolicyValueNet(GAME, (4,), seed=0)
    optimizer = dl.Adam(net.parameters(), lr=0.01)
    schedule = dl.CosineSchedule(optimizer, steps=10)
    learn(net, optimizer, expert_games(GAME, 3, 0.5, seed=0), 10, 8, schedule, seed=0)
    assert schedule.t == 10
    assert optimizer.lr == pytest.approx(0)


def short_run(seed: int) -> tuple[PolicyValueNet, list]:
    net = PolicyValueNet(GAME, seed=seed)
    search = TreeSearch(GAME, net.evaluate, noise=0.25, seed=seed)
    optimizer = dl.AdamW(net.parameters(), lr=0.01, weight_decay=1e-4)
    settings = {"iterations": 6, "games": 32, "simulations": 16, "steps": 48, "seed": seed}
    opponents = {
        "random": random_player(GAME, seed=seed),
        "perfect": perfect_player(GAME, seed=seed),
    }
    return net, list(self_play(search, net, optimizer, opponents=opponents, **settings))


def test_self_play_learns_from_nothing() -> None:
    net, log = short_run(0)
    lost = losses_against_all_lines(policy_player(net), GAME).lost
    untrained = losses_against_all_lines(policy_player(PolicyValueNet(GAME, seed=0)), GAME).lost
    assert [entry.number for entry in log] == [1, 2, 3, 4, 5, 6]
    assert [entry.games for entry in log] == [32, 64, 96, 128, 160, 192]
    assert all(a.examples < b.examples for a, b in itertools.pairwise(log))
    assert log[-1].loss < log[0].loss
    assert all(sum(r) == 100 for entry in log for r in entry.results.values())
    assert all(entry.results["perfect"].wins == 0 for entry in log)
    assert lost < untrained / 3
    assert log[-1].results["random"].losses <= 25
    with_search = search_player(TreeSearch(GAME, net.evaluate, seed=0), 50)
    assert losses_against_all_lines(with_search, GAME).lost <= 40


def test_the_window_forgets_old_games() -> None:
    net = PolicyValueNet(GAME, (4,), seed=0)
    search = TreeSearch(GAME, uniform_evaluator(GAME), seed=0)
    optimizer = dl.Adam(net.parameters())
    run = self_play(search, net, optimizer, 6, 4, 2, 0, steps=1, batch_size=2, window=2, seed=0)
    sizes = [entry.examples for entry in run]
    assert sizes[0] < sizes[1]
    assert max(sizes) <= 2 * 4 * 9


def no_games(**settings) -> list:
    net = PolicyValueNet(GAME, (4,), seed=0)
    search = TreeSearch(GAME, net.evaluate, seed=0)
    return list(self_play(search, net, dl.Adam(net.parameters()), seed=0, **settings))


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda: match(lowest, highest, GAME, games=0), "at least one game. Received: games=0"),
        (lambda: expert_games(GAME, 0, 0.5, seed=0), "Received: games=0, mistakes=0.5"),
        (lambda: expert_games(GAME, 1, 1.5, seed=0), "mistakes in 0 … 1"),
        (lambda: no_games(games=0), "play_games: expected at least one game"),
        (lambda: no_games(simulations=0), "Received: games=64, simulations=0"),
        (lambda: no_games(opening=-1), "opening=-1"),
        (lambda: no_games(games=1, simulations=1, steps=0), "learn: at least 1 each.*steps=0"),
        (lambda: no_games(games=1, simulations=1, batch_size=0), "batch_size=0"),
        (lambda: no_games(iterations=0), "self_play: at least 1 each. Received: iterations=0"),
        (lambda: no_games(window=0), "window=0"),
    ],
)
def test_errors_say_what_to_do(compute, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compute()
