"""The experiments of chapter 5 keep their thresholds over five seeds, run with its own code.

Self-play takes about 13 seconds of CPU for one seed. So two seeds run in full, as in the chapter;
the other three run eight of the forty rounds, and must have left the beginner far behind by then.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

import dlcourse as dl
from dlcourse import games
from dlcourse.architectures.policy_value import PolicyValueNet, policy_player, value_player
from dlcourse.architectures.self_play import (
    expert_games,
    learn,
    losses_against_all_lines,
    self_play,
)
from dlcourse.architectures.tree_search import (
    TreeSearch,
    remembering,
    rollout_evaluator,
    search_player,
    uniform_evaluator,
)
from dlcourse.widgets.search_tree import pack, packed_evaluator
from tests.chapters.cells import run_cells

SEEDS = range(5)
GAME = games.tic_tac_toe()
TRUTH = games.solve(GAME)
RUNNING = sorted({min(GAME.mirror_images(b)) for b in TRUTH if GAME.outcome(b) is None})


@pytest.fixture(scope="module")
def chapter() -> dict[str, Any]:
    """The names that the chapter defines: teacher, loss_rate, Position, puct, simulate."""
    wanted = ["import inspect", "def teacher(", "class Position", "def puct(", "def simulate("]
    return run_cells("05_alphago", wanted)


@cache
def pupil(seed: int) -> PolicyValueNet:
    """The chapter's pupil, with another seed."""
    net = PolicyValueNet(GAME, seed=seed)
    optimizer = dl.AdamW(net.parameters(), lr=0.01, weight_decay=1e-4)
    learn(net, optimizer, expert_games(GAME, 1500, mistakes=0.5, seed=seed), 400, seed=seed)
    return net


def optimal(moves: list[int]) -> float:
    pairs = zip(moves, RUNNING, strict=True)
    return float(np.mean([m in games.optimal_moves(GAME, b, TRUTH) for m, b in pairs]))


def test_the_numbers_of_the_games() -> None:
    assert len(TRUTH) == 5478
    assert TRUTH[GAME.start] == 0
    assert games.count_games(GAME) == 255_168
    assert [games.count_legal_go_positions(n, n) for n in (1, 2, 3)] == [1, 57, 12_675]
    assert len(RUNNING) == 627


def test_the_example_on_paper(chapter: dict[str, Any]) -> None:
    puct, P = chapter["puct"], np.array([0.5, 0.4, 0.1])
    before = puct(P, np.array([5, 3, 1]), np.array([0.5, 0.3, 0.1]), c=1)
    assert before == pytest.approx([0.35, 0.40, 0.25])
    after = puct(P, np.array([5, 4, 1]), np.array([0.5, -0.2, 0.1]), c=1)
    assert after.argmax() == 0  # A is next


@pytest.mark.parametrize("seed", SEEDS)
def test_the_chapters_search_is_that_of_the_package(chapter: dict[str, Any], seed: int) -> None:
    net = PolicyValueNet(GAME, (16,), seed=seed)
    rng = np.random.default_rng(seed)
    boards = [RUNNING[i] for i in rng.choice(len(RUNNING), 10, replace=False)]
    for evaluate in (net.evaluate, uniform_evaluator(GAME)):
        roots = TreeSearch(GAME, evaluate, seed=0).run(boards, 80)
        for board, other in zip(boards, roots, strict=True):
            root = chapter["Position"](board, evaluate)
            for _ in range(80):
                chapter["simulate"](root, evaluate)
            assert root.N.tolist() == [child.N for child in other.children]
            assert pytest.approx([child.W for child in other.children], abs=1e-5) == root.W


@pytest.mark.parametrize("seed", SEEDS)
def test_networks_search_and_both(chapter: dict[str, Any], seed: int) -> None:
    loss_rate, net = chapter["loss_rate"], pupil(seed)
    teacher, policy = loss_rate(chapter["teacher"]), loss_rate(policy_player(net))
    assert loss_rate(games.random_player(GAME, seed=seed)) > 0.8
    assert policy < 0.25 < 0.45 < teacher
    assert loss_rate(value_player(net), 100) < 0.35
    quick = remembering(net.evaluate)
    guided = loss_rate(search_player(TreeSearch(GAME, quick, seed=0), 30), 100)
    rollouts = TreeSearch(GAME, rollout_evaluator(GAME, seed=seed), seed=0)
    unguided = loss_rate(search_player(rollouts, 30), 100)
    assert guided <= 0.05
    assert guided <= unguided - 0.2
    assert 0.2 <= unguided <= 0.6


@pytest.mark.parametrize("seed", SEEDS)
def test_the_search_mends_what_the_policy_does_wrong(seed: int) -> None:
    net = pupil(seed)
    priors, values = net.evaluate(RUNNING)
    alone = optimal(priors.argmax(axis=1).tolist())
    search = TreeSearch(GAME, net.evaluate, seed=0)
    thinking = optimal([search.best_move(root) for root in search.run(RUNNING, 100)])
    assert thinking > max(0.97, alone + 0.02)
    assert alone > 0.85
    assert np.corrcoef(values, [TRUTH[board] for board in RUNNING])[0, 1] > 0.6
    assert losses_against_all_lines(policy_player(net), GAME).lost > 0  # it can be beaten


@pytest.mark.parametrize("seed", SEEDS)
def test_self_play_learns_from_nothing(seed: int) -> None:
    rounds, played = 40, 40 if seed < 2 else 8
    net = PolicyValueNet(GAME, seed=seed)
    start = losses_against_all_lines(policy_player(net), GAME).lost
    search = TreeSearch(GAME, net.evaluate, noise=0.25, seed=seed + 1)
    adam = dl.AdamW(net.parameters(), lr=0.01, weight_decay=1e-4)
    schedule = dl.CosineSchedule(adam, steps=rounds * 64)
    for _ in self_play(search, net, adam, iterations=played, schedule=schedule, seed=seed + 2):
        pass
    lost = losses_against_all_lines(policy_player(net), GAME).lost
    assert start > 200
    assert lost <= (10 if played == rounds else start / 4)
    packed = packed_evaluator(pack(net))  # the copy in the page plays like the network

    def in_the_page(position: games.Position) -> int:
        return int(packed([position])[0][0].argmax())

    assert losses_against_all_lines(in_the_page, GAME).lost <= lost + 3
