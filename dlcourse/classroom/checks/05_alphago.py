"""Chapter 5, AlphaGo: what is right, what goes wrong, and what to say then."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np

from dlcourse.architectures.tree_search import TreeSearch, rollout_evaluator
from dlcourse.classroom.exercise import Choice, Code, Debug, Design, Number, Wrong
from dlcourse.games import LineGame, Position, optimal_moves, solve, tic_tac_toe

Array = np.ndarray
GAME: LineGame = tic_tac_toe()


@cache
def truth() -> dict[Position, int]:
    """The exact value of every position."""
    return solve(GAME)


# ---- 5.1 one simulation by hand ------------------------------------------------------------------
# P = (0.6, 0.3, 0.1), N = (3, 1, 0), W = (0.6, 0.5, 0), c = 2. Scores 0.8, 1.1, 0.4: B is chosen.
# v = 0.2 behind it: N = 2, W = 0.3, Q = 0.15; √5 = 2.236, so 0.15 + 2 · 0.3 · 2.236 / 3 = 0.597.

ROOT5 = 5**0.5

by_hand = Number(
    id="5.1",
    title="One simulation by hand",
    points=1,
    reference=0.15 + 0.2 * ROOT5,
    wrong={
        "no change of sign": Wrong(
            0.35 + 0.2 * ROOT5,
            "You added +0.2. The network judged for the player to move *behind* B, and that is the "
            "opponent. What is it worth to us?",
        ),
        "before the visit": Wrong(
            1.1,
            "1.1 is the score with which B was chosen. Asked is its score after the visit: N, W "
            "and the number of all visits have changed.",
        ),
        "the old number of visits": Wrong(
            0.15 + 0.2 * 2,
            "Q and N are right. But √4 is the root of the old number of visits: how many are there "
            "after this simulation?",
        ),
        "visit not counted": Wrong(
            0.3 + 0.3 * ROOT5,
            "W is right, but B's N is still 1 in your sum, in Q and below the root. This "
            "simulation was a visit too.",
        ),
        "result not added": Wrong(
            0.25 + 0.2 * ROOT5,
            "You counted the visit, but W is still 0.5 in your Q. This simulation brought a "
            "result: which one, for us?",
        ),
        "without the one": Wrong(
            0.15 + 0.3 * ROOT5,
            "Q is right. Below the root stands 1 + N, not N: else a move that was never tried "
            "would divide by zero.",
        ),
        "the child's visits": Wrong(
            0.15 + 0.2 * 2**0.5,
            "You took the root of B's own visits. Under the root are the visits of all moves of "
            "the position together.",
        ),
        "without Q": Wrong(
            0.2 * ROOT5,
            "That is the second part alone, how curious the search is about B. How well has B "
            "gone so far? Add Q.",
        ),
        "only Q": Wrong(
            0.15,
            "0.15 is B's new mean result Q, and it is right. Add the second part of the score.",
        ),
        "the sum instead of the mean": Wrong(
            0.3 + 0.2 * ROOT5,
            "You added W, the sum of the results. Q is the mean: divided by the visits.",
        ),
        "without the root": Wrong(
            0.15 + 0.2 * 5,
            "The visits of all moves stand under a square root in the score.",
        ),
        "c forgotten": Wrong(
            0.15 + 0.1 * ROOT5,
            "c = 2 multiplies the second part. You have half of it.",
        ),
        "A was chosen": Wrong(
            0.1 + 0.24 * ROOT5,
            "You followed A, the most probable move. Compute all three scores first: which one is "
            "the highest?",
        ),
        "C was chosen": Wrong(
            -0.2 + 0.1 * ROOT5,
            "You followed C, which was never tried. Its score is only 2 · 0.1 · 2 = 0.4. Which of "
            "the three is the highest?",
        ),
    },
    alternatives=[0.597, "0.5972"],
    hints=(
        "Score each move: Q = W / N (0 without a visit), plus c · P · √(all visits) / (1 + N).",
        "B has the highest score, 1.1. The new position is judged for the opponent: B gets N = 2 "
        "and W = 0.5 − 0.2.",
        "Now all moves together have 5 visits. B: Q = 0.3 / 2, plus 2 · 0.3 · √5 / 3.",
    ),
)

# ---- 5.2 minimax ---------------------------------------------------------------------------------


def minimax(board: Array, player: int) -> int:
    ended = GAME.outcome(tuple((player * board).tolist()))
    if ended is not None:
        return ended
    best = -1
    for cell in np.flatnonzero(board == 0):
        after = board.copy()
        after[cell] = player
        best = max(best, -minimax(after, -player))
    return best


def _winner(board: Array) -> int:
    for line in GAME.lines:
        if abs(board[list(line)].sum()) == 3:
            return int(board[line[0]])
    return 0


def _children(board: Array, player: int) -> Iterator[Array]:
    for cell in np.flatnonzero(board == 0):
        after = board.copy()
        after[cell] = player
        yield after


def _minimax_like(
    end: Callable[[int, int], float] = lambda won, player: won * player,
    full: float = 0,
    sign: float = -1,
    other: int = -1,
    pick: Callable[[list[float]], float] = max,
) -> Callable[[Array, int], float]:
    """Minimax with one of its parts replaced."""

    def value(board: Array, player: int) -> float:
        won = _winner(board)
        if won:
            return end(won, player)
        if 0 not in board:
            return full
        return pick([sign * value(after, other * player) for after in _children(board, player)])

    return value


def _for_x(board: Array, player: int) -> int:
    """The right value, but always as X sees it."""
    return minimax(board, player) * player


def _always_max(board: Array, player: int) -> float:
    """As X sees it, and O chooses what is best for X."""
    won = _winner(board)
    if won or 0 not in board:
        return won
    return max(_always_max(after, -player) for after in _children(board, player))


def _one_move(board: Array, player: int) -> int:
    if _winner(board):
        return _winner(board) * player
    return int(any(_winner(after) for after in _children(board, player)))


def _blind(board: Array, player: int) -> int:
    """Sees lines on a full board only."""
    if 0 not in board:
        return _winner(board) * player
    return max(-_blind(after, -player) for after in _children(board, player))


def _alpha_beta(board: Array, player: int, low: int = -1, high: int = 1) -> int:
    won = _winner(board)
    if won or 0 not in board:
        return won * player
    for after in _children(board, player):
        low = max(low, -_alpha_beta(after, -player, -high, -low))
        if low >= high:
            break
    return low


def _boards(rng: np.random.Generator) -> list[tuple]:
    """Positions with at most 4 free cells: all kinds of ends, and all values for both players."""
    kinds: dict[tuple, list[Position]] = {}
    for position, value in truth().items():
        free = position.count(0)
        if free <= 4:
            over = GAME.outcome(position) is not None
            kinds.setdefault((value, over, free % 2), []).append(position)
    drawn = []
    for _, positions in sorted(kinds.items()):
        for i in rng.choice(len(positions), min(3, len(positions)), replace=False):
            position = positions[int(i)]
            player = 1 if position.count(0) % 2 else -1
            drawn.append((player * np.array(position), player))
    return drawn


def _ended(board: Array, player: int) -> bool:
    return _winner(board) != 0 or 0 not in board


best_value = Code(
    id="5.2",
    title="The value of a position",
    points=2,
    names=("board", "player"),
    reference=minimax,
    inputs=_boards,
    wrong={
        "no change of sign": Wrong(
            _minimax_like(sign=1),
            "Finished positions are right, earlier ones are not. The value after your move is the "
            "value for the *opponent*. What is it worth to you?",
        ),
        "the end upside down": Wrong(
            _minimax_like(end=lambda won, player: -won * player),
            "A finished game has the wrong sign. Whose line is it? The player who moved last made "
            "it, and the value is for the one who moves next, who has lost.",
        ),
        "the end as X sees it": Wrong(
            _minimax_like(end=lambda won, player: won),
            "At the end of a game you return the winner, 1 for X. The value must be for the player "
            "to move: what if that is O?",
        ),
        "always as X sees it": Wrong(
            _for_x,
            "All values are right as X sees them. The task asks for the player to move: where O "
            "moves, the sign is turned.",
        ),
        "O plays for X": Wrong(
            _always_max,
            "You take the maximum for both players, and count for X. Then O helps X. Either O "
            "takes the minimum, or the sign changes at every move.",
        ),
        "the worst move": Wrong(
            _minimax_like(pick=min),
            "You take the minimum over the moves: then everybody plays as badly as possible. The "
            "player to move may choose the best for themselves.",
        ),
        "the mean": Wrong(
            _minimax_like(pick=lambda values: sum(values) / len(values)),
            "You average over all moves. That is the value of *random* play. A good player does "
            "not choose at random.",
        ),
        "same player again": Wrong(
            _minimax_like(other=1),
            "After a move the same player moves again in your program. Who is to move then?",
        ),
        "a draw is lost": Wrong(
            _minimax_like(full=-1),
            "A full board without a line counts as −1 in your program. It is a draw: 0.",
        ),
        "a draw is won": Wrong(
            _minimax_like(full=1),
            "A full board without a line counts as 1 in your program. It is a draw: 0.",
        ),
        "one move ahead": Wrong(
            _one_move,
            "In your program no game is lost before it has ended. If your maximum begins at 0, let "
            "it begin lower. If you look one move ahead only, let the function call itself on the "
            "position after each move.",
        ),
        "goes on after the end": Wrong(
            _blind,
            "Your program plays on when there is a line already, until the board is full. Look for "
            "a winner before you try any move.",
        ),
    },
    diagnose=[
        (
            lambda result, board, player: bool(_winner(board)),
            "A position with a finished line comes out wrong. The player who moved last made it, "
            "so the player to move has lost: −1.",
        ),
        (
            lambda result, board, player: _ended(board, player),
            "A full board without a line comes out wrong. It is a draw, 0, and there is no move "
            "left to look at.",
        ),
        (
            lambda result, board, player: (board == 0).sum() == 1,
            "Finished games are right; a position with a single free cell is not. There is one "
            "move: its value is minus the value of what comes after it, for the other player.",
        ),
        (
            lambda result, *a: result < minimax(*a),
            "Some values are too low: a better move is overlooked. Are all free cells tried, each "
            "on a fresh copy of the board?",
        ),
        (
            lambda result, *a: result > minimax(*a),
            "Some values are too high: the opponent has a better answer. Does the other player "
            "also choose what is best for *them*?",
        ),
    ],
    alternatives=[
        _minimax_like(),
        _alpha_beta,
        lambda board, player: truth()[tuple((player * board).tolist())],
    ],
    hints=(
        "Three cases: somebody has a line; the board is full; the game goes on.",
        "In the third case copy the board, put the player's stone on a free cell, and ask the "
        "function itself what that is worth to -player.",
        "Its answer is the other player's value, so turn its sign, and keep the largest over all "
        "free cells.",
    ),
)

# ---- 5.3 the score -------------------------------------------------------------------------------


def puct(W: Array, N: Array, P: Array, c: float) -> Array:
    mean = W / np.maximum(N, 1)
    return mean + c * P * np.sqrt(N.sum()) / (1 + N)


def _moves(rng: np.random.Generator) -> list[tuple]:
    cases = []
    for n, most, c in [(4, 6, 1.5), (7, 40, 0.8), (5, 2, 3.0), (9, 300, 2.0), (3, 1, 1.0)]:
        N = rng.integers(0, most + 1, size=n)
        N[int(rng.integers(n))] = 0  # somebody was never tried
        N[int(N.argmin() + 1) % n] += 1  # and somebody was
        cases.append((rng.uniform(-1, 1, size=n) * N, N, rng.dirichlet(np.ones(n)), c))
    cases.append((np.zeros(4), np.zeros(4, dtype=int), rng.dirichlet(np.ones(4)), 1.5))
    return cases


def _puct_like(
    mean: Callable[[Array, Array], Array] = lambda W, N: W / np.maximum(N, 1),
    more: Callable[[Array, Array, float], Any] = lambda N, P, c: c * P * np.sqrt(N.sum()) / (1 + N),
) -> Callable[..., Array]:
    def score(W: Array, N: Array, P: Array, c: float) -> Array:
        with np.errstate(all="ignore"):
            return mean(W, N) + more(N, P, c)

    return score


def _one_by_one(W: Array, N: Array, P: Array, c: float) -> list[float]:
    total = sum(N.tolist())
    scores = []
    for w, n, p in zip(W.tolist(), N.tolist(), P.tolist(), strict=True):
        scores.append((w / n if n else 0.0) + c * p * total**0.5 / (n + 1))
    return scores


def _with_where(W: Array, N: Array, P: Array, c: float) -> Array:
    Q = np.divide(W, N, out=np.zeros_like(W), where=N > 0)
    return Q + (c * np.sqrt(np.sum(N)) * P) * (1.0 / (N + 1.0))


score_of_moves = Code(
    id="5.3",
    title="The score of every move",
    points=2,
    names=("W", "N", "P", "c"),
    reference=puct,
    inputs=_moves,
    tolerance=1e-9,
    wrong={
        "division by zero": Wrong(
            _puct_like(mean=lambda W, N: W / N),
            "Moves that were never tried get no number: 0 / 0. Their Q is 0 by definition. How "
            "can the lower part be kept above 0?",
        ),
        "mean over N + 1": Wrong(
            _puct_like(mean=lambda W, N: W / (N + 1)),
            "Your Q is too near to 0: you divide W by N + 1. The mean of N results is W / N; only "
            "for N = 0 something must be done.",
        ),
        "the sum of results": Wrong(
            _puct_like(mean=lambda W, N: W),
            "You add W, the sum of the results. Then often tried moves win by their number. Q is "
            "the mean of the results.",
        ),
        "the child's visits": Wrong(
            _puct_like(more=lambda N, P, c: c * P * np.sqrt(N) / (1 + N)),
            "Under your root stands each move's own N, so a move never tried gets no bonus at "
            "all. Under the root are the visits of all moves together.",
        ),
        "without the one": Wrong(
            _puct_like(more=lambda N, P, c: c * P * np.sqrt(N.sum()) / N),
            "Below the root you divide by N, which is 0 for a move never tried. The formula has "
            "1 + N there.",
        ),
        "one under the root": Wrong(
            _puct_like(more=lambda N, P, c: c * P * np.sqrt(N.sum() + 1) / (1 + N)),
            "You add 1 under the root. In this chapter's formula only the visits of the moves are "
            "counted there: before the first one all scores are 0.",
        ),
        "no root": Wrong(
            _puct_like(more=lambda N, P, c: c * P * N.sum() / (1 + N)),
            "The visits of all moves must stand under a square root. Without it the search would "
            "never trust its results.",
        ),
        "root over all": Wrong(
            _puct_like(more=lambda N, P, c: c * P * np.sqrt(N.sum() / (1 + N))),
            "Your root goes over 1 + N as well. Only the sum of visits stands under it: mind the "
            "brackets.",
        ),
        "without brackets": Wrong(
            _puct_like(more=lambda N, P, c: c * P * np.sqrt(N.sum()) / 1 + N),
            "Your scores grow with every visit. Python divides before it adds: put brackets round "
            "1 + N.",
        ),
        "no prior": Wrong(
            _puct_like(more=lambda N, P, c: c * np.sqrt(N.sum()) / (1 + N)),
            "Your scores do not depend on P: every move gets the same curiosity. The policy should "
            "say which ones deserve it.",
        ),
        "no c": Wrong(
            _puct_like(more=lambda N, P, c: P * np.sqrt(N.sum()) / (1 + N)),
            "c does not appear in your scores. It multiplies the second part.",
        ),
        "c on Q": Wrong(
            lambda W, N, P, c: c * W / np.maximum(N, 1) + P * np.sqrt(N.sum()) / (1 + N),
            "You multiply Q by c. It belongs to the other part: a larger c makes the search more "
            "curious.",
        ),
        "the older formula": Wrong(
            _puct_like(
                more=lambda N, P, c: c * np.sqrt(np.log(np.maximum(N.sum(), 1)) / np.maximum(N, 1))
            ),
            "This looks like the score of 2006 (UCT), with a logarithm and without a policy. The "
            "chapter's has the root of the visits, and P.",
        ),
        "only curiosity": Wrong(
            _puct_like(mean=lambda W, N: 0 * W),
            "The results W do not appear in your scores. The first part of the score is Q.",
        ),
        "only the mean": Wrong(
            _puct_like(more=lambda N, P, c: 0),
            "You return Q alone. Then the first lucky move is tried for ever. Add the second part.",
        ),
        "minus": Wrong(
            lambda W, N, P, c: W / np.maximum(N, 1) - c * P * np.sqrt(N.sum()) / (1 + N),
            "The second part is subtracted. Curiosity should make a move more attractive.",
        ),
        "the best move": Wrong(
            lambda W, N, P, c: int(np.argmax(puct(W, N, P, c))),
            "You return the number of the best move. Asked are the scores of all moves.",
        ),
    },
    diagnose=[
        (
            lambda result, W, N, P, c: N.sum() == 0,
            "Before the first visit all results and the sum of visits are 0. Put N = 0 into the "
            "formula: which score has every move?",
        ),
        (
            lambda result, W, N, P, c: bool(
                (np.abs(result - puct(W, N, P, c))[N == 0] > 1e-9).any()
            ),
            "The score of a move that was never tried is wrong. Its Q is 0 and 1 + N is 1, so c · "
            "P · √ΣN stays, with the visits of all moves under the root.",
        ),
        (
            lambda result, W, N, P, c: True,
            "Moves never tried are right, the others are not. Check both places of N for them: "
            "Q = W / N, and 1 + N below the root.",
        ),
    ],
    alternatives=[_one_by_one, _with_where, lambda *a: puct(*a).tolist()],
    hints=(
        "Two parts: Q = W / N, and c · P · √(sum of N) / (1 + N). Arrays do it without a loop.",
        "np.maximum(N, 1) is N wherever there was a visit, and 1 where there was none; W is 0 "
        "there.",
        "W / np.maximum(N, 1) + c * P * np.sqrt(…) / (1 + N): which visits belong under the root?",
    ),
)

# ---- 5.4 a search that helps its opponent --------------------------------------------------------


def back_up(N: Array, W: Array, path: Sequence[int], v: float) -> tuple[Array, Array]:
    N, W = N.copy(), W.copy()
    for i in reversed(path):
        v = -v
        N[i] += 1
        W[i] += v
    return N, W


def _back_up(
    forward: bool = False, flips: str = "before", count: bool = True, keep: bool = True
) -> Callable[..., tuple[Array, Array]]:
    """The loop of the exercise, with each of its faults to be chosen."""

    def wrong(N: Array, W: Array, path: Sequence[int], v: float) -> tuple[Array, Array]:
        N, W = N.copy(), W.copy()
        for i in path if forward else reversed(path):
            v = -v if flips == "before" else v
            N[i] += int(count)
            W[i] = (W[i] if keep else 0) + v
            v = -v if flips == "after" else v
        return N, W

    return wrong


def _without(first: int, last: int) -> Callable[..., tuple[Array, Array]]:
    def wrong(N: Array, W: Array, path: Sequence[int], v: float) -> tuple[Array, Array]:
        N, W = N.copy(), W.copy()
        for k, i in enumerate(reversed(path)):
            v = -v
            if first <= k < len(path) - last:
                N[i] += 1
                W[i] += v
        return N, W

    return wrong


def _in_place(N: Array, W: Array, path: Sequence[int], v: float) -> tuple[Array, Array]:
    for i in reversed(path):
        v = -v
        N[i] += 1
        W[i] += v
    return N, W


def _averaged(N: Array, W: Array, path: Sequence[int], v: float) -> tuple[Array, Array]:
    N, W = back_up(N, W, path, v)
    return N, W / np.maximum(N, 1)


def _by_index(N: Array, W: Array, path: Sequence[int], v: float) -> tuple[Array, Array]:
    rows = np.array(path)
    signs = -((-1.0) ** np.arange(len(rows))[::-1])
    more_N, more_W = np.zeros_like(N), np.zeros_like(W)
    more_N[rows], more_W[rows] = 1, signs * v
    return N + more_N, W + more_W


def _paths(rng: np.random.Generator) -> list[tuple]:
    cases = []
    for length in (3, 4, 2, 5, 6):
        n = 9
        path = [0, *(1 + rng.permutation(n - 1)[: length - 1]).tolist()]
        N = rng.integers(1, 30, size=n)
        cases.append((N, rng.uniform(-1, 1, size=n) * N, path, float(rng.uniform(-1, 1))))
    return cases


helps_its_opponent = Debug(
    id="5.4",
    title="A search that helps its opponent",
    points=2,
    names=("N", "W", "path", "v"),
    returns=("N", "W"),
    reference=back_up,
    inputs=_paths,
    also=(
        "a path of the root alone",
        lambda rng: [(np.zeros(3, dtype=int), np.zeros(3), [0], float(rng.uniform(-1, 1)))],
    ),
    wrong={
        "broken": Wrong(
            _back_up(forward=True, flips="after"),
            "Paths with an even number of positions come out right, odd ones have all signs "
            "turned. So it works for every other game! At which end of the path do you *know* "
            "whom v belongs to?",
        ),
        "from the root, flipped before": Wrong(
            _back_up(forward=True, flips="before"),
            "Now odd paths are right and even ones are not. Begin where v is known: at the end of "
            "the path, and walk to the root.",
        ),
        "from the end, flipped after": Wrong(
            _back_up(flips="after"),
            "The order is right now. But v is for the player to move at the end, and W belongs to "
            "the one who moved *there*. So when must the sign change, before or after adding?",
        ),
        "no change of sign": Wrong(
            _back_up(flips="never"),
            "Every position of the path gets the same result. What is good for one player is bad "
            "for the other one, and the players alternate along the path.",
        ),
        "the same for all, turned": Wrong(
            lambda N, W, path, v: _back_up(flips="never")(N, W, path, -v),
            "You turn the sign once, for the whole path. But the players alternate: it must change "
            "at each step.",
        ),
        "visits not counted": Wrong(
            _back_up(count=False),
            "W is right, N is unchanged. Each position on the path has had one more visit.",
        ),
        "old results forgotten": Wrong(
            _back_up(keep=False),
            "N is right, W holds the last result only. It is the *sum* of all results so far.",
        ),
        "without the root": Wrong(
            _without(0, 1),
            "All positions but the root are updated. It was visited as well: its N counts all "
            "simulations.",
        ),
        "without the end": Wrong(
            _without(1, 0),
            "The new position at the end of the path is left out. It had its first visit.",
        ),
        "the mean": Wrong(
            _averaged,
            "N is right. In place of W you return the mean W / N. The sum is asked for; Q is "
            "computed from it when it is needed.",
        ),
        "the wrong order": Wrong(
            lambda *a: back_up(*a)[::-1],
            "Both are right, but in the wrong order: first N, then W.",
        ),
        "in place": Wrong(
            _in_place,
            "The numbers are right, but the arrays that came in are changed too. Keep the copies "
            "that the function began with.",
        ),
    },
    diagnose=[
        (
            lambda result, *a: not np.array_equal(result[0], back_up(*a)[0]),
            "N is not right: each position on the path gets exactly one more visit, the others "
            "none.",
        ),
        (
            lambda result, *a: np.allclose(np.abs(result[1] - a[1]), np.abs(back_up(*a)[1] - a[1])),
            "N is right, and so are the sizes in W; some signs are turned. Follow one path of "
            "three positions on paper, from its end to the root.",
        ),
        (
            lambda result, *a: True,
            "N is right, W is not. To each position of the path v is added once, with a sign that "
            "changes at every step; nothing else happens to W.",
        ),
    ],
    alternatives=[_by_index, lambda *a: list(back_up(*a)), _back_up()],
    hints=(
        "Try paths of two and of three positions, all W at 0, v = 1. What should stand in W?",
        "At the end of the path: v is for the player to move there, W for the one who moved "
        "there. So the last position gets −v, the one before +v, and so on.",
        "Walk over reversed(path), and change the sign of v first thing in the loop.",
    ),
)

# ---- 5.5 a group of Go ---------------------------------------------------------------------------


def has_liberty(board: list[str], row: int, column: int) -> bool:
    colour, group, waiting = board[row][column], {(row, column)}, [(row, column)]
    while waiting:
        r, c = waiting.pop()
        for point in [(r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1)]:
            if not (0 <= point[0] < len(board) and 0 <= point[1] < len(board[0])):
                continue
            sign = board[point[0]][point[1]]
            if sign == ".":
                return True
            if sign == colour and point not in group:
                group.add(point)
                waiting.append(point)
    return False


SIDES = ((-1, 0), (1, 0), (0, -1), (0, 1))
CORNERS = ((-1, -1), (-1, 1), (1, -1), (1, 1))


def _flood(
    steps: Sequence[tuple[int, int]] = SIDES,
    far: int = 99,
    same: bool = True,
    wrap: bool = False,
    looks: Sequence[tuple[int, int]] | None = None,
) -> Callable[[list[str], int, int], bool]:
    """has_liberty with a part replaced. far: steps from the stone; same: of its colour only."""

    def answer(board: list[str], row: int, column: int) -> bool:
        rows, columns, group, edge = len(board), len(board[0]), {(row, column)}, [(row, column)]

        def around(point: tuple[int, int], ways: Sequence[tuple[int, int]]) -> Iterator[tuple]:
            for down, right in ways:
                r, c = point[0] + down, point[1] + right
                if wrap:
                    yield r % rows, c % columns
                elif 0 <= r < rows and 0 <= c < columns:
                    yield r, c

        for _ in range(far):
            new = []
            for r, c in (q for point in edge for q in around(point, steps)):
                fits = board[r][c] == board[row][column] if same else board[r][c] != "."
                if fits and (r, c) not in group:
                    group.add((r, c))
                    new.append((r, c))
            edge = new
        ways = steps if looks is None else looks
        return any(board[r][c] == "." for point in group for r, c in around(point, ways))

    return answer


def _any_stone(board: list[str], row: int, column: int) -> bool:
    """Whether any stone of the colour has a free neighbour, connected or not."""
    return any(
        _flood(far=0)(board, r, c)
        for r in range(len(board))
        for c in range(len(board[0]))
        if board[r][c] == board[row][column]
    )


def _go_boards(rng: np.random.Generator) -> list[tuple]:
    """Random boards with few free points, so that every other group has no liberty."""
    found: dict[bool, list[tuple]] = {True: [], False: []}
    special = [
        (["XXO", "OXX", ".OX"], 0, 0),
        (["OOX", "OXX", "XX."], 0, 0),
        (["X.O", "XOX", "OXO"], 2, 0),
        (["XO.", "OX.", "X.."], 0, 0),
        ([".OX", "OXX", "XXO"], 1, 1),
        (["OXX."], 0, 1),
    ]
    while min(map(len, found.values())) < 12:
        rows, columns = (int(n) for n in rng.integers(3, 7, size=2))
        share = float(rng.uniform(0.03, 0.2))
        signs = rng.choice(list(".XO"), size=(rows, columns), p=[share, 0.55 - share, 0.45])
        board = ["".join(line) for line in signs]
        stones = np.argwhere(signs != ".")
        row, column = (int(n) for n in stones[int(rng.integers(len(stones)))])
        # hard ones only: the stone alone would give another answer, or the group is large
        alone, right = _flood(far=0)(board, row, column), has_liberty(board, row, column)
        if len(found[right]) < 12 and (alone != right or rng.random() < 0.4):
            found[right].append((board, row, column))
    return [*special, *found[True], *found[False]]


group_of_go = Code(
    id="5.5",
    title="Does this group live?",
    points=2,
    names=("board", "row", "column"),
    reference=has_liberty,
    inputs=_go_boards,
    also=(
        "a board with one point, and one with a single row",
        lambda rng: [(["X"], 0, 0), (["XX.O"], 0, 0), (["OXXO"], 0, 1), (["OXX"], 0, 0)],
    ),
    wrong={
        "the stone alone": Wrong(
            _flood(far=0),
            "You look at the neighbours of the one stone only. Liberties belong to the whole "
            "group: stones of one colour that hang together live or die together.",
        ),
        "one step": Wrong(
            _flood(far=1),
            "You look at the stone and its direct neighbours. A group can be longer: neighbours of "
            "neighbours belong to it too. When does it stop growing?",
        ),
        "two steps": Wrong(
            _flood(far=2),
            "Your groups end after two steps. A group can wind over the whole board. Go on until "
            "no new stone is found.",
        ),
        "diagonals": Wrong(
            _flood(steps=SIDES + CORNERS),
            "You also step diagonally. In Go only the points above, below, left and right are "
            "neighbours.",
        ),
        "diagonal stones": Wrong(
            _flood(steps=SIDES + CORNERS, looks=SIDES),
            "Your group also takes in stones that touch diagonally. They do not hang together in "
            "Go.",
        ),
        "diagonal liberties": Wrong(
            _flood(looks=SIDES + CORNERS),
            "The group is right. But an empty point that touches it only diagonally is no liberty.",
        ),
        "around the edge": Wrong(
            _flood(wrap=True),
            "Your board has no edge: what leaves it on the left comes in on the right. An index of "
            "−1 means the last entry in Python. Test it yourself.",
        ),
        "all stones": Wrong(
            _flood(same=False),
            "Your group walks over stones of both colours. Only stones of the same colour belong "
            "to it.",
        ),
        "any stone of the colour": Wrong(
            _any_stone,
            "You ask whether any stone of this colour on the board is free. Asked is the group to "
            "which this stone belongs.",
        ),
        "turned round": Wrong(
            lambda *a: not has_liberty(*a),
            "All answers are turned round. True means: there is an empty point next to the group.",
        ),
        "row and column": Wrong(
            lambda board, row, column: (
                has_liberty(["".join(line) for line in zip(*board, strict=True)], row, column)
                if row < len(board[0]) and column < len(board)
                else False
            ),
            "Rows and columns are exchanged: board[row] is a row, and board[row][column] a point "
            "in it.",
        ),
    },
    diagnose=[
        (
            lambda result, *a: bool(result) and not _flood(looks=SIDES + CORNERS)(*a),
            "You find a liberty for a group that is enclosed on all sides. Print the empty point "
            "that you count. Does it touch a stone of this group, or another one? An index of −1 "
            "means the last row or column in Python.",
        ),
        (
            lambda result, *a: bool(result),
            "You find a liberty where there is none. Which empty point is it, and is it directly "
            "above, below, left or right of a stone of the group?",
        ),
        (
            lambda result, *a: not result and _flood(far=0)(*a),
            "Here the stone itself has an empty neighbour, and you say that there is none. Are all "
            "four sides looked at, also at the edge of the board?",
        ),
        (
            lambda result, *a: not result,
            "You miss a liberty of another stone of the group. Does the group grow until nothing "
            "new is found, in all four directions?",
        ),
    ],
    alternatives=[
        _flood(),
        lambda board, row, column: int(_flood()(board, row, column)),
        lambda board, row, column: np.bool_(has_liberty(board, row, column)),
    ],
    hints=(
        "Keep a set of the group's points, and a list of those whose neighbours were not looked at "
        "yet. Both begin with the one stone.",
        "Take a point from the list and look at its four neighbours that are on the board. Empty: "
        "you are done. Same colour and not yet in the group: add it to both.",
        "If the list is empty and no empty point was met, the answer is False.",
    ),
)

# ---- 5.6 read a search ---------------------------------------------------------------------------

read_a_search = Choice(
    id="5.6",
    title="Read a search",
    points=1,
    options={"a": "centre", "b": "corner", "c": "edge", "d": "bottom"},
    reasons={
        1: "the network finds it most probable",
        2: "its mean result Q is the highest",
        3: "the search has come back to it most often, and its mean result has held",
        4: "it has been tried least, so it promises most",
    },
    reference=("b", 3),
    wrong={
        "the network's favourite": Wrong(
            "a",
            "That is what the network alone would play. The search tried it 38 times, and it came "
            "back with bad results. Who overrules whom?",
        ),
        "the best mean": Wrong(
            ("d", 2),
            "Its Q is the highest, but it rests on three visits. One lucky result moves it by a "
            "third. Which mean would you trust?",
        ),
        "the least tried": Wrong(
            ("d", 4),
            "That would be the search's next *try*, perhaps. For the move that is really played "
            "curiosity counts nothing.",
        ),
        "the least tried, other reasons": Wrong(
            "d",
            "Three visits of 200 are hardly evidence. The search plays the move on which it has "
            "spent most of its visits.",
        ),
        "the edge": Wrong(
            "c",
            "Neither prior nor visits nor mean speak for the edge. Look at the column N again.",
        ),
        "right, but its prior": Wrong(
            ("b", 1),
            "The move is right. But its prior is 0.12, far below that of the centre. What, "
            "then, made the search spend its visits there?",
        ),
        "right, but its mean": Wrong(
            ("b", 2),
            "The move is right. But the bottom move has a higher Q. What speaks for the corner "
            "all the same?",
        ),
        "right, but curiosity": Wrong(
            ("b", 4),
            "The move is right, but it was tried most of all, not least.",
        ),
    },
    hints=(
        "The first column is the network's guess before any search. What did the search find?",
        "Q of three visits is a noisy number, Q of 141 visits is not.",
        "AlphaGo Zero plays the move with the most visits. Which one is it, and why did it get "
        "them?",
    ),
)

# ---- 5.7 design within a budget ------------------------------------------------------------------

BUDGET = 100  # random games for each move
GOAL = 97.0  # per cent of optimal moves


@cache
def hard_positions() -> list[Position]:
    """All positions in which some move is wrong; turned and mirrored copies count once."""
    running = {min(GAME.mirror_images(p)) for p in truth() if GAME.outcome(p) is None}
    return [
        position
        for position in sorted(running)
        if len(optimal_moves(GAME, position, truth())) < len(GAME.moves(position))
    ]


def right_of(design: dict[str, Any]) -> dict[str, float]:
    """How many random games a move costs, and in how many per cent of positions it is right."""
    simulations, rollouts = design["simulations"], design["rollouts"]
    c = float(design["c"])
    if simulations != int(simulations) or rollouts != int(rollouts):
        raise ValueError("simulations and rollouts must be whole numbers")
    if not (1 <= simulations <= 10_000 and 1 <= rollouts <= 10_000 and 0 < c <= 1000):
        raise ValueError(
            "simulations and rollouts must be between 1 and 10000, c above 0 and at most 1000"
        )
    simulations, rollouts = int(simulations), int(rollouts)
    right = 0.0
    if simulations * rollouts <= BUDGET:
        right = 50 * sum(_share(simulations, rollouts, c, seed) for seed in (0, 1))
    return {
        "right": round(right, 1),
        "games": float(simulations * rollouts),
        "simulations": float(simulations),
        "rollouts": float(rollouts),
        "c": c,
    }


def _share(simulations: int, rollouts: int, c: float, seed: int) -> float:
    positions = hard_positions()
    evaluator = rollout_evaluator(GAME, seed=seed, rollouts=rollouts)
    search = TreeSearch(GAME, evaluator, c=c, seed=0)
    moves = [search.best_move(root) for root in search.run(positions, simulations)]
    good = [m in optimal_moves(GAME, p, truth()) for m, p in zip(moves, positions, strict=True)]
    return float(np.mean(good))


good_search = Design(
    id="5.7",
    title="A good search within a budget",
    points=2,
    reference={"simulations": 100, "rollouts": 1, "c": 2.0},
    measure=right_of,
    accept=lambda m: m["games"] <= BUDGET and m["right"] >= GOAL,
    wrong={
        "few and careful": Wrong(
            {"simulations": 10, "rollouts": 10, "c": 0.5},
            "{right:.1f} % are right. Ten positions, each judged with care, make a tree of ten "
            "positions. What would a hundred quick judgements at a hundred places tell?",
        ),
        "never curious": Wrong(
            {"simulations": 100, "rollouts": 1, "c": 0.1},
            "{right:.1f} % are right. With so small a c the search stays with the first move that "
            "went well. Which setting makes it look at others?",
        ),
        "only curious": Wrong(
            {"simulations": 100, "rollouts": 1, "c": 100.0},
            "{right:.1f} % are right. With so large a c the results hardly matter: all moves get "
            "nearly the same number of visits.",
        ),
        "more of everything": Wrong(
            {"simulations": 300, "rollouts": 10, "c": 2.0},
            "That costs {games:,.0f} random games for each move, and the budget is 100. Where is a "
            "random game spent best: at the same position again, or at a new one?",
        ),
        "budget not used": Wrong(
            {"simulations": 20, "rollouts": 1, "c": 2.0},
            "{right:.1f} % are right, with {games:.0f} random games for each move. The budget "
            "allows 100.",
        ),
    },
    diagnose=[
        (
            lambda m: m["games"] > BUDGET,
            "A move costs simulations · rollouts = {games:,.0f} random games, and the budget is "
            "100.",
        ),
        (
            lambda m: m["games"] < 0.8 * BUDGET,
            "{right:.1f} % are right, with only {games:.0f} of the 100 random games of the budget. "
            "Spend them.",
        ),
        (
            lambda m: m["rollouts"] > 2,
            "{right:.1f} % are right. Each new position is judged by {rollouts:.0f} games, which "
            "leaves a tree of {simulations:.0f}. What happens with fewer games for each?",
        ),
        (
            lambda m: m["c"] < 1.5,
            "{right:.1f} % are right; 97 are asked for. The search is not very curious: try a "
            "larger c.",
        ),
        (
            lambda m: m["c"] > 6,
            "{right:.1f} % are right; 97 are asked for. The search scatters its visits: try a "
            "smaller c.",
        ),
        (
            lambda m: m["right"] < GOAL,
            "{right:.1f} % are right; 97 are asked for. You are near: use the whole budget, one "
            "game for each new position, and try other values of c.",
        ),
    ],
    alternatives=[
        {"simulations": 100, "rollouts": 1, "c": 5.0},
        {"simulations": 100, "rollouts": 1, "c": 1.5},
    ],
    hints=(
        "The product of simulations and rollouts is at most 100. Try the two ends: 100 · 1 and "
        "10 · 10.",
        "One random game is a poor judgement, but the mean over a hundred of them, at different "
        "places, is a good one. So take rollouts = 1.",
        "Then only c is left. With 0.1 the search is stubborn, with 100 it is scattered; try 1, 2, "
        "4 and 8.",
    ),
)

EXERCISES = [
    by_hand,
    best_value,
    score_of_moves,
    helps_its_opponent,
    group_of_go,
    read_a_search,
    good_search,
]
