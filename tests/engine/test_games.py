"""Board games: the rules against a slow copy of their own, published counts, exact values."""

from itertools import product

import numpy as np
import pytest

from dlcourse import games
from dlcourse.games import LineGame, Position

COVERS = {
    "LineGame",
    "Symmetry",
    "connect_four",
    "count_games",
    "count_legal_go_positions",
    "go_group",
    "has_liberty",
    "is_legal_go",
    "neighbours",
    "optimal_moves",
    "perfect_player",
    "random_player",
    "solve",
    "tic_tac_toe",
}
SMALL = [
    LineGame(3, 3, 3),
    LineGame(2, 4, 3),
    LineGame(1, 5, 2),
    LineGame(4, 2, 2, gravity=True),
    LineGame(3, 4, 3, gravity=True),
]
TIC_TAC_TOE = games.solve(games.tic_tac_toe())


# --- The rules, once more and slowly: a grid of letters, no signs, no tables --------------------
def has_line(grid: list[list[str]], sign: str, length: int) -> bool:
    """Walk from every cell in all eight directions."""
    for row, column in product(range(len(grid)), range(len(grid[0]))):
        for down, right in product((-1, 0, 1), repeat=2):
            walk = [(row + down * i, column + right * i) for i in range(length)]
            inside = all(0 <= r < len(grid) and 0 <= c < len(grid[0]) for r, c in walk)
            if (down or right) and inside and all(grid[r][c] == sign for r, c in walk):
                return True
    return False


def put(game: LineGame, grid: list[list[str]], move: int, sign: str) -> list[list[str]] | None:
    """The grid with one more sign; None if the move is not possible."""
    new = [list(row) for row in grid]
    if game.gravity:
        free = [r for r in range(game.rows) if grid[r][move] == "."]
        row, column = (free[-1] if free else -1), move
    else:
        row, column = divmod(move, game.columns)
    if row < 0 or grid[row][column] != ".":
        return None
    new[row][column] = sign
    return new


@pytest.mark.parametrize("game", [*SMALL, games.connect_four()], ids=repr)
def test_the_rules_agree_with_a_slow_copy_in_random_games(game: LineGame) -> None:
    rng = np.random.default_rng(0)
    for _ in range(40 if game.n_cells < 20 else 10):
        position, signs = game.start, "XO"
        grid = [["."] * game.columns for _ in range(game.rows)]
        while True:
            assert game.picture(position) == "\n".join(" ".join(row) for row in grid)
            assert game.read(game.picture(position)) == position
            lost = has_line(grid, signs[1], game.length)
            options = [m for m in range(game.n_moves) if put(game, grid, m, signs[0])]
            assert game.outcome(position) == (-1 if lost else None if options else 0)
            assert game.moves(position) == ([] if lost else options)
            if lost or not options:
                break
            move = int(rng.choice(options))
            grid = put(game, grid, move, signs[0])
            position, signs = game.play(position, move), signs[::-1]


def slow_value(game: LineGame, grid: list[list[str]], signs: str) -> int:
    """Minimax without a memory."""
    if has_line(grid, signs[1], game.length):
        return -1
    after = [put(game, grid, move, signs[0]) for move in range(game.n_moves)]
    return max((-slow_value(game, new, signs[::-1]) for new in after if new), default=0)


@pytest.mark.parametrize("game", [SMALL[1], SMALL[2], SMALL[3]], ids=repr)
def test_exact_values_agree_with_a_slow_copy(game: LineGame) -> None:
    values = games.solve(game)
    grids = {p: [line.split() for line in game.picture(p).split("\n")] for p in values}
    for position in list(values)[:: 1 + len(values) // 60]:
        signs = "OX" if sum(map(abs, position)) % 2 else "XO"
        assert values[position] == slow_value(game, grids[position], signs)


# --- Known numbers --------------------------------------------------------------------------------
def test_tic_tac_toe_has_its_known_numbers() -> None:
    game = games.tic_tac_toe()
    assert len(TIC_TAC_TOE) == 5478
    assert TIC_TAC_TOE[game.start] == 0
    assert games.count_games(game) == 255_168
    assert len(game.lines) == 8
    different = {min(game.mirror_images(position)) for position in TIC_TAC_TOE}
    assert len(different) == 765
    ends = [p for p in TIC_TAC_TOE if game.outcome(p) is not None]
    assert len(ends) == 958
    assert sum(game.outcome(p) == 0 for p in ends) == 16


def test_connect_four_has_its_known_numbers() -> None:
    small, real = games.connect_four(4, 4), games.connect_four()
    values = games.solve(small)
    assert (len(values), values[small.start]) == (161_029, 0)
    assert (real.rows, real.columns, real.n_moves, len(real.lines)) == (6, 7, 7, 69)


@pytest.mark.parametrize(
    ("rows", "columns", "count"),
    [(1, 1, 1), (1, 2, 5), (2, 1, 5), (1, 3, 15), (2, 2, 57), (2, 3, 489), (3, 3, 12_675)],
)
def test_legal_positions_of_go(rows: int, columns: int, count: int) -> None:
    assert games.count_legal_go_positions(rows, columns) == count


# --- What the functions promise -------------------------------------------------------------------
def test_the_lines_through_the_corner() -> None:
    assert [line for line in games.tic_tac_toe().lines if 0 in line] == [
        (0, 1, 2),
        (0, 3, 6),
        (0, 4, 8),
    ]


@pytest.mark.parametrize("game", SMALL, ids=repr)
def test_symmetries_change_nothing_that_matters(game: LineGame) -> None:
    square = game.rows == game.columns
    flat = game.rows == 1
    assert len(game.symmetries) == (2 if game.gravity or flat else 8 if square else 4)
    values = games.solve(game)
    for position in list(values)[:: 1 + len(values) // 100]:
        for symmetry, image in zip(game.symmetries, game.mirror_images(position), strict=True):
            assert values[image] == values[position]
            moves = game.moves(image)
            assert sorted(symmetry.moves[moves].tolist()) == game.moves(position)
            for move in moves:
                after = game.play(position, int(symmetry.moves[move]))
                assert game.play(image, move) == tuple(after[c] for c in symmetry.cells)


@pytest.mark.parametrize("game", SMALL, ids=repr)
def test_legal_says_the_same_as_moves_for_many_boards(game: LineGame) -> None:
    going_on = [p for p in games.solve(game) if game.outcome(p) is None]
    table = game.legal(np.array(going_on))
    assert table.shape == (len(going_on), game.n_moves)
    for row, position in zip(table, going_on, strict=True):
        assert np.flatnonzero(row).tolist() == game.moves(position)


def test_a_game_describes_itself() -> None:
    assert [repr(game) for game in SMALL[2:4]] == [
        "LineGame(1, 5, 2)",
        "LineGame(4, 2, 2, gravity=True)",
    ]


def test_positions_do_not_change_and_are_keys() -> None:
    game = games.tic_tac_toe()
    position = game.start
    after = game.play(position, 4)
    assert position == (0,) * 9
    assert after == (0, 0, 0, 0, -1, 0, 0, 0, 0)
    assert {after: "centre"}[game.read("... .X. ...")] == "centre"


def test_optimal_moves_are_those_that_keep_the_value() -> None:
    game = games.tic_tac_toe()
    reply_to_corner = game.read("X.. ... ...")
    assert games.optimal_moves(game, reply_to_corner, TIC_TAC_TOE) == [4]
    assert games.optimal_moves(game, game.start, TIC_TAC_TOE) == list(range(9))
    win = game.read("XX. OO. ...")
    assert games.optimal_moves(game, win, TIC_TAC_TOE) == [2]
    assert games.optimal_moves(game, game.read("XXX OO. ..."), TIC_TAC_TOE) == []


def test_the_players_choose_from_all_their_moves() -> None:
    game = games.tic_tac_toe()
    position = game.read("X.. .O. ..X")
    best = games.optimal_moves(game, position, TIC_TAC_TOE)
    assert 1 < len(best) < len(game.moves(position))
    for make, expected in (
        (games.random_player, game.moves(position)),
        (games.perfect_player, best),
    ):
        player, again = make(game, seed=3), make(game, seed=3)
        chosen = [player(position) for _ in range(100)]
        assert set(chosen) == set(expected)
        assert chosen == [again(position) for _ in range(100)]


def test_a_liberty_belongs_to_the_whole_group() -> None:
    board = ["XXO", "OX.", ".O."]
    group = games.go_group(board, (0, 0))
    assert group == {(0, 0), (0, 1), (1, 1)}
    assert not games.has_liberty(board, {(0, 0)})  # the corner stone alone has none
    assert games.has_liberty(board, group)
    assert set(games.neighbours(board, (0, 0))) == {(0, 1), (1, 0)}


@pytest.mark.parametrize(
    ("board", "legal"),
    [
        (["..", ".."], True),
        (["XO", "OX"], False),
        (["XX", "X."], True),
        (["XO.", "O.."], False),  # the corner stone is captured
        (["XXO", "XO.", "O.."], False),  # so are these three
        (["XXO", "X.O", "OO."], True),
    ],
)
def test_legal_boards_of_go(board: list[str], legal: bool) -> None:
    assert games.is_legal_go(board) == legal


def full(game: LineGame) -> Position:
    return game.read("XOX XOO OXX")


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda g: LineGame(0, 3, 3), "at least 1"),
        (lambda g: LineGame(3, 3, 4), "from 2 to the longer side. Received: rows=3, columns=3"),
        (lambda g: LineGame(3, 3, 1), "from 2"),
        (
            lambda g: g.play(g.read("X.. ... ..."), 0),
            r"(?s)move 0 is not possible.*\[1, 2.*X \. \.",
        ),
        (lambda g: g.play(g.start, 9), "move 9 is not possible"),
        (lambda g: g.play(g.start, -1), "move -1 is not possible"),
        (lambda g: g.play(full(g), 3), r"Possible: \[\]"),
        (lambda g: g.read("XO"), "expected 9 cells.*Received: 2 cells"),
        (lambda g: g.read("XX. ... ..."), "one more. Received: 9 cells, 2 X, 0 O"),
        (lambda g: g.read("O.. ... ..."), "0 X, 1 O"),
        (lambda g: games.solve(g, limit=5477), "more than 5477 positions. Take a smaller board"),
        (lambda g: games.count_legal_go_positions(4, 4), "1 … 12 points.*rows=4, columns=4"),
        (lambda g: games.count_legal_go_positions(0, 4), "1 … 12 points"),
    ],
)
def test_errors_say_what_to_do(compute, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compute(games.tic_tac_toe())


def test_the_limit_is_the_number_of_positions_that_fit() -> None:
    assert len(games.solve(games.tic_tac_toe(), limit=5478)) == 5478


def test_every_public_name_is_tested() -> None:
    public = {
        n
        for n, value in vars(games).items()
        if not n.startswith("_") and getattr(value, "__module__", "") == "dlcourse.games"
    }
    assert public == COVERS
