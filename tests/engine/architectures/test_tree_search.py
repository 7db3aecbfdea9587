"""Monte-Carlo tree search: exact cases of small games, and the sums that every tree must keep."""

import itertools
import json
from collections.abc import Iterator

import numpy as np
import pytest

from dlcourse.architectures import tree_search
from dlcourse.architectures.policy_value import PolicyValueNet
from dlcourse.architectures.tree_search import (
    Evaluator,
    Node,
    TreeSearch,
    back_up,
    combined_evaluator,
    random_outcome,
    remembering,
    rollout_evaluator,
    search_player,
    tree_as_data,
    uniform_evaluator,
)
from dlcourse.games import LineGame, Position, connect_four, optimal_moves, solve, tic_tac_toe

COVERS = {
    "Node",
    "TreeSearch",
    "back_up",
    "combined_evaluator",
    "random_outcome",
    "remembering",
    "rollout_evaluator",
    "search_player",
    "tree_as_data",
    "uniform_evaluator",
}
GAME = tic_tac_toe()
VALUES = solve(GAME)
NET = PolicyValueNet(GAME, (16,), seed=0)
EVALUATORS = {
    "uniform": uniform_evaluator(GAME),
    "rollouts": rollout_evaluator(GAME, seed=0),
    "network": NET.evaluate,
    "prior only": combined_evaluator(NET.evaluate, uniform_evaluator(GAME)),
    "prior and rollouts": combined_evaluator(NET.evaluate, rollout_evaluator(GAME, seed=0)),
}


def perfect(positions: list[Position]) -> tuple[np.ndarray, np.ndarray]:
    """Knows everything: a prior for the optimal moves alone, and the exact value."""
    priors = np.zeros((len(positions), GAME.n_moves))
    for row, position in zip(priors, positions, strict=True):
        row[optimal_moves(GAME, position, VALUES)] = 1
    return priors, np.array([VALUES[position] for position in positions], dtype=float)


def nodes(root: Node) -> Iterator[Node]:
    yield root
    for child in root.children:
        yield from nodes(child)


def grown(evaluator: Evaluator, position: Position, simulations: int, **settings) -> Node:
    search = TreeSearch(GAME, evaluator, seed=0, **settings)
    (root,) = search.run([position], simulations)
    return root


# --- It plays well ----------------------------------------------------------------------------
@pytest.mark.parametrize("name", EVALUATORS)
@pytest.mark.parametrize(
    ("picture", "best"),
    [
        ("XX. OO. ...", 2),  # a win in one
        ("X.O .XO ...", 8),
        ("OO. X.. ..X", 2),  # else the other player wins
        ("XX. .O. ...", 2),
    ],
)
def test_it_finds_the_win_and_blocks_the_loss_in_one(name: str, picture: str, best: int) -> None:
    position = GAME.read(picture)
    player = search_player(TreeSearch(GAME, EVALUATORS[name], seed=0), 200)
    assert player(position) == best


def test_it_wins_and_blocks_where_stones_fall_down() -> None:
    game = connect_four()
    player = search_player(TreeSearch(game, rollout_evaluator(game, seed=1), seed=0), 150)
    empty = "." * 7 * 4
    assert player(game.read(empty + "OO....." + "XXX.O..")) == 3
    assert player(game.read(empty + "XX....." + "XOOO...")) == 4


def positions_of_optimal_play() -> list[Position]:
    """All positions that come up while both players play optimally; one of each eight images."""
    found, waiting = set(), [GAME.start]
    while waiting:
        position = min(GAME.mirror_images(waiting.pop()))
        if position not in found and GAME.outcome(position) is None:
            found.add(position)
            moves = optimal_moves(GAME, position, VALUES)
            waiting += [GAME.play(position, move) for move in moves]
    return sorted(found)


@pytest.mark.parametrize(("name", "c"), [("rollouts", 3.0), ("uniform", 1.5)])
def test_with_enough_simulations_it_plays_perfectly_from_all_positions_of_perfect_play(
    name: str, c: float
) -> None:
    positions = positions_of_optimal_play()
    assert len(positions) == 122
    search = TreeSearch(GAME, EVALUATORS[name], c=c, seed=0)
    for position, root in zip(positions, search.run(positions, 2000), strict=True):
        assert search.best_move(root) in optimal_moves(GAME, position, VALUES)


@pytest.mark.parametrize("simulations", [1, 7])
def test_with_a_perfect_evaluator_the_value_is_that_of_minimax(simulations: int) -> None:
    different = {min(GAME.mirror_images(position)) for position in VALUES}
    going_on = sorted(position for position in different if GAME.outcome(position) is None)
    for root in TreeSearch(GAME, perfect, seed=0).run(going_on, simulations):
        for node in nodes(root):
            if node.N:
                assert -VALUES[node.position] == node.Q  # as they see it who moved there


@pytest.mark.parametrize("picture", ["X.. ... ...", "XO. ... ...", "X.. .O. ..X", "XO. O.. X.."])
def test_with_exact_values_alone_the_tries_of_bad_moves_fade_away(picture: str) -> None:
    position, evaluator = GAME.read(picture), combined_evaluator(uniform_evaluator(GAME), perfect)
    errors = []
    for simulations in (30, 300, 3000):
        root = grown(evaluator, position, simulations)
        best = max(root.children, key=lambda child: child.N).move
        assert best in optimal_moves(GAME, position, VALUES)
        errors.append(abs(-root.Q - VALUES[position]))
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.1


def test_without_the_change_of_sign_these_tests_would_fail(monkeypatch) -> None:
    """The classic fault: every player on the way gets the same result."""

    def same_for_all(path: list[Node]) -> None:
        for node in path:
            node.N += 1
            node.W -= path[-1].value
            node.Q = node.W / node.N

    monkeypatch.setattr(tree_search, "back_up", same_for_all)
    with pytest.raises(AssertionError):
        test_with_a_perfect_evaluator_the_value_is_that_of_minimax(7)
    with pytest.raises(AssertionError):
        test_it_finds_the_win_and_blocks_the_loss_in_one("uniform", "OO. X.. ..X", 2)


# --- The sums ---------------------------------------------------------------------------------
@pytest.mark.parametrize("name", EVALUATORS)
@pytest.mark.parametrize("noise", [0.0, 0.25])
def test_visits_and_results_add_up(name: str, noise: float) -> None:
    root = grown(EVALUATORS[name], GAME.read("X.. .O. ..."), 80, noise=noise)
    assert sum(child.N for child in root.children) == 80
    for node in nodes(root):
        if node.children:
            assert 1 + sum(child.N for child in node.children) == node.N
            assert pytest.approx(-node.value - sum(child.W for child in node.children)) == node.W
            assert sum(child.P for child in node.children) == pytest.approx(1)
            assert [child.move for child in node.children] == sorted(
                GAME.moves(node.position),
                key=lambda m, node=node: -next(c.P for c in node.children if c.move == m),
            )
            for child in node.children:
                assert child.position in ((), GAME.play(node.position, child.move))
                assert bool(child.position) == (child.N > 0) == (child.value is not None)
        elif node.N:
            assert node.value == GAME.outcome(node.position) or node.N == 1
        assert (node.W / node.N if node.N else 0) == node.Q
        assert abs(node.Q) <= 1


def test_the_first_simulations_by_hand() -> None:
    """Two free cells: one wins at once, the other draws after the last reply."""
    position = GAME.read("XXO OOX X..")  # O moves; 7 and 8
    priors = np.zeros((1, 9))
    priors[0, [7, 8]] = 0.25, 0.75

    def evaluator(positions: list[Position]) -> tuple[np.ndarray, np.ndarray]:
        return np.repeat(priors, len(positions), axis=0), np.full(len(positions), 0.5)

    search = TreeSearch(GAME, evaluator, c=1.0, seed=0)
    trail = [[n.move for n in path[1:]] for path in search.search(position, 4)]
    # 1. all scores are 0: the larger prior, 8.   Q(8) = -0.5
    # 2. 8: -0.5 + 0.75 √1 / 2 = -0.125;  7: 0 + 0.25 √1 = 0.25, so 7.   Q(7) = -0.5
    # 3. 8: -0.5 + 0.75 √2 / 2 = 0.03;  7: -0.5 + 0.25 √2 / 2 = -0.32, so 8, then its reply 7
    #    ends the game with a draw: result 0.   Q(8) = -0.25
    # 4. 8: -0.25 + 0.75 √3 / 3 = 0.18;  7: -0.5 + 0.25 √3 / 2 = -0.28, so 8 and 7 again
    assert trail == [[8], [7], [8, 7], [8, 7]]
    (root,) = search.run([position], 4)
    statistics = {child.move: (child.N, child.W, child.Q, child.P) for child in root.children}
    assert statistics == {8: (3, -0.5, -0.5 / 3, 0.75), 7: (1, -0.5, -0.5, 0.25)}
    assert (root.N, root.W) == (5, -0.5 + 0.5 + 0.5)


def test_the_score_is_that_of_the_paper() -> None:
    rng = np.random.default_rng(0)
    for most in [2, 3, 20] * 200:  # few visits show best which root is taken
        c = float(rng.uniform(0.1, 5))
        P, N = rng.dirichlet(np.ones(6)), rng.integers(0, most, size=6)
        W = rng.uniform(-1, 1, size=6) * N
        parent = Node(-1, 1.0, GAME.start)
        parent.N = int(N.sum()) + 1
        for move, (p, n, w) in enumerate(zip(P, N, W, strict=True)):
            child = Node(move, p)
            child.N, child.W, child.Q = int(n), w, w / max(n, 1)
            parent.children.append(child)
        scores = W / np.maximum(N, 1) + c * P * np.sqrt(N.sum()) / (1 + N)
        best = TreeSearch(GAME, uniform_evaluator(GAME), c=c, seed=0).best_child(parent)
        assert best.move == scores.argmax()


def test_back_up_flips_the_sign_at_every_step() -> None:
    path = [Node(-1, 1.0), Node(0, 1.0), Node(1, 1.0)]
    path[-1].value = 0.5  # good for the player to move there, so bad for whoever moved there
    back_up(path)
    path[-1].value = -1.0
    back_up(path)
    assert [(node.N, node.W, node.Q) for node in path] == [
        (2, 0.5, 0.25),
        (2, -0.5, -0.25),
        (2, 0.5, 0.25),
    ]


def test_a_larger_c_spreads_the_visits() -> None:
    position = GAME.read("XX. OO. ...")
    shares = []
    for c in (0.3, 1.5, 20.0):
        root = grown(uniform_evaluator(GAME), position, 200, c=c)
        shares.append(max(child.N for child in root.children) / 200)
    assert shares[0] > shares[1] > shares[2]


# --- How it grows -----------------------------------------------------------------------------
def test_search_hands_out_the_path_of_every_simulation() -> None:
    search = TreeSearch(GAME, EVALUATORS["network"], seed=0)
    steps = 0
    for steps, path in enumerate(search.search(GAME.start, 30), start=1):
        root = path[0]
        assert steps + 1 == root.N
        assert len([node for node in nodes(root) if node.N]) <= steps + 1
        assert path[-1].N == 1 or GAME.outcome(path[-1].position) is not None
        for parent, child in itertools.pairwise(path):
            assert child in parent.children
            assert child.position == GAME.play(parent.position, child.move)
    assert steps == 30


def test_trees_side_by_side_grow_as_they_would_alone() -> None:
    positions = [GAME.start, GAME.read("XX. OO. ..."), GAME.read("X.. ... ...")]
    calls = []

    def counting(batch: list[Position]) -> tuple[np.ndarray, np.ndarray]:
        calls.append(len(batch))
        return NET.evaluate(batch)

    search = TreeSearch(GAME, counting, seed=0)
    together = [tree_as_data(root) for root in search.run(positions, 40)]
    assert len(calls) <= 41  # all trees in one batch
    assert calls[0] == 3
    for position, tree in zip(positions, together, strict=True):
        alone = tree_as_data(grown(NET.evaluate, position, 40))
        assert [c["N"] for c in alone["children"]] == [c["N"] for c in tree["children"]]
        assert alone["W"] == pytest.approx(tree["W"], abs=1e-5)


def test_the_same_seed_grows_the_same_tree() -> None:
    def tree(seed: int) -> dict:
        evaluator = rollout_evaluator(GAME, seed=seed)
        search = TreeSearch(GAME, evaluator, noise=0.5, seed=seed)
        return tree_as_data(search.run([GAME.start], 50)[0])

    assert tree(1) == tree(1)
    assert tree(1) != tree(2)


def test_the_tree_as_data_is_ready_for_json() -> None:
    root = grown(NET.evaluate, GAME.read("X.. ... ..."), 60)
    tree = tree_as_data(root)
    assert json.loads(json.dumps(tree)) == tree
    assert tree["position"] == [-1, 0, 0, 0, 0, 0, 0, 0, 0]
    assert (tree["N"], tree["move"]) == (61, -1)
    first = root.children[0]
    assert {k: tree["children"][0][k] for k in "NWQP"} == {k: getattr(first, k) for k in "NWQP"}

    def count(data: dict) -> int:
        return 1 + sum(count(child) for child in data["children"])

    for least in (0, 1, 4):
        expected = sum(least <= node.N for node in nodes(root))
        assert count(tree_as_data(root, min_visits=least)) == expected


# --- Noise and temperature --------------------------------------------------------------------
def test_noise_changes_the_priors_of_the_root_alone() -> None:
    quiet = grown(NET.evaluate, GAME.start, 40)
    noisy = grown(NET.evaluate, GAME.start, 40, noise=0.25, alpha=0.5)
    clean = {child.move: child.P for child in quiet.children}
    priors = {child.move: child.P for child in noisy.children}
    eta = {move: (priors[move] - 0.75 * clean[move]) / 0.25 for move in priors}
    assert sum(eta.values()) == pytest.approx(1)
    assert min(eta.values()) > -1e-9
    assert max(eta.values()) > 0.2
    for child in noisy.children:
        if child.children:
            expected = NET.evaluate([child.position])[0][0]
            assert {c.move: c.P for c in child.children} == pytest.approx(
                {move: expected[move] for move in GAME.moves(child.position)}, rel=1e-4
            )


@pytest.mark.parametrize("temperature", [1.0, 0.5, 2.0])
def test_temperature_sharpens_the_policy(temperature: float) -> None:
    search = TreeSearch(GAME, NET.evaluate, seed=0)
    (root,) = search.run([GAME.read("X.. .O. ...")], 50)
    visits = np.zeros(9)
    visits[[child.move for child in root.children]] = [child.N for child in root.children]
    policy = search.policy(root, temperature)
    expected = visits ** (1 / temperature)
    assert policy == pytest.approx(expected / expected.sum())
    assert policy[[0, 4]].tolist() == [0, 0]


def test_at_temperature_0_the_best_move_gets_everything() -> None:
    search = TreeSearch(GAME, NET.evaluate, seed=0)
    (root,) = search.run([GAME.start], 50)
    policy = search.policy(root, 0)
    assert policy[search.best_move(root)] == policy.sum() == 1
    assert search.policy(root, 0.001) == pytest.approx(policy, abs=1e-3)


def test_of_equally_often_visited_moves_the_better_one_is_best() -> None:
    root = Node(-1, 1.0, GAME.start)
    for move, (visits, mean) in enumerate([(3, 0.1), (5, -0.2), (5, 0.3), (4, 0.9)]):
        child = Node(move, 0.25)
        child.N, child.Q = visits, mean
        root.children.append(child)
    assert TreeSearch(GAME, NET.evaluate, seed=0).best_move(root) == 2


# --- Evaluators -------------------------------------------------------------------------------
def chance_value(game: LineGame, position: Position) -> float:
    """The exact mean outcome of random play."""
    moves = game.moves(position)
    if not moves:
        return float(game.outcome(position))
    return -float(np.mean([chance_value(game, game.play(position, move)) for move in moves]))


@pytest.mark.parametrize("picture", ["XO. .X. ...", "X.. OXO ...", "XX. OO. ..."])
def test_rollouts_have_the_mean_of_random_play(picture: str) -> None:
    position = GAME.read(picture)
    _, (value,) = rollout_evaluator(GAME, seed=0, rollouts=4000)([position])
    assert value == pytest.approx(chance_value(GAME, position), abs=5 / np.sqrt(4000))
    outcomes = {random_outcome(GAME, position, np.random.default_rng(s)) for s in range(40)}
    assert outcomes <= {-1, 0, 1}
    assert len(outcomes) > 1


def test_one_evaluator_gives_priors_another_values() -> None:
    positions = [GAME.start, GAME.read("X.. ... ...")]
    both = combined_evaluator(NET.evaluate, perfect)(positions)
    assert np.array_equal(both[0], NET.evaluate(positions)[0])
    assert both[1].tolist() == [0, 0]


def test_remembering_asks_once_for_each_position() -> None:
    asked = []

    def evaluator(positions: list[Position]) -> tuple[np.ndarray, np.ndarray]:
        asked.extend(positions)
        return NET.evaluate(positions)

    quick = remembering(evaluator)
    start, other = GAME.start, GAME.read("X.. ... ...")
    first = quick([start, other, start])
    assert asked == [start, other]
    again = quick([other, start])
    assert asked == [start, other]
    assert np.array_equal(again[0], first[0][[1, 0]])
    assert np.array_equal(again[1], first[1][[1, 0]])
    assert np.allclose(first[0], NET.evaluate([start, other, start])[0], atol=1e-6)
    assert tree_as_data(grown(quick, start, 40)) == tree_as_data(grown(quick, start, 40))


def new_search(**settings) -> TreeSearch:
    return TreeSearch(GAME, uniform_evaluator(GAME), seed=0, **settings)


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda: new_search(c=0), "c and alpha above 0.*Received: c=0"),
        (lambda: new_search(noise=1.5), "noise in 0 … 1"),
        (lambda: new_search(alpha=0), "alpha=0"),
        (lambda: new_search().run([GAME.read("XXX OO. ...")], 3), "(?s)this game is over.*X X X"),
        (lambda: next(new_search().search(GAME.read("XXX OO. ..."), 3)), "this game is over"),
        (lambda: new_search().policy(new_search().plant([GAME.start])[0]), "at least one simul"),
        (
            lambda: new_search().policy(new_search().run([GAME.start], 5)[0], -1),
            "Received: 5 simulations, temperature=-1",
        ),
        (
            lambda: TreeSearch(
                GAME, lambda ps: (np.zeros((len(ps), 9)), np.zeros(len(ps))), seed=0
            ).plant([GAME.start]),
            "gives no possible move a chance",
        ),
        (lambda: rollout_evaluator(GAME, seed=0, rollouts=0), "at least one rollout"),
    ],
)
def test_errors_say_what_to_do(compute, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compute()
