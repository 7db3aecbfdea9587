"""Board games for two players that are small enough to be known completely. Plain Python and NumPy.

Read it in this order: `LineGame` has the rules of "k in a row", such as tic-tac-toe; `solve` finds
the exact value of every position; the players at the end choose a move. The last part counts the
legal positions of Go on tiny boards.

A position is a plain tuple, one number per cell, row by row, as the player to move sees it:
1 is a stone of mine, -1 a stone of the other player, 0 an empty cell. After each move all signs
flip, because now the other player looks at the board. So nobody needs to store whose turn it is,
and a position can be a key of a dictionary.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import product
from operator import itemgetter
from typing import NamedTuple

import numpy as np

Position = tuple[int, ...]
Player = Callable[[Position], int]  # gets a position that is not over, and returns a move

STONES = ".XO"  # STONES[0] an empty cell, [1] the player who began, [-1] the other one


class Symmetry(NamedTuple):
    """One way to turn or mirror the board: position[cells[i]] comes to cell i, likewise moves."""

    cells: np.ndarray  # (n_cells,)
    moves: np.ndarray  # (n_moves,)


# --- The rules --------------------------------------------------------------------------------
class LineGame:
    """k in a row: whoever first has `length` stones in one line wins.

    rows, columns  size of the board, at least 1 each
    length         stones in a row, column or diagonal that win: 2 … the longer side
    gravity        False: a move is the number of a cell, 0 … rows columns - 1, row by row.
                   True: a move is the number of a column, and the stone falls down in it.

    start       the empty position
    n_cells     rows columns
    n_moves     how many different moves there are: n_cells, or columns with gravity
    lines       all winning lines, each a tuple of cells
    symmetries  all ways to turn or mirror the board, the first one being to leave it as it is;
                with gravity only left and right can be swapped
    Raises:     ValueError if a size is out of its range
    """

    def __init__(self, rows: int, columns: int, length: int, gravity: bool = False) -> None:
        if rows < 1 or columns < 1 or not 2 <= length <= max(rows, columns):
            raise ValueError(
                "LineGame: expected rows and columns of at least 1, and a length from 2 to the "
                f"longer side. Received: {rows=}, {columns=}, {length=}"
            )
        self.rows, self.columns, self.length, self.gravity = rows, columns, length, gravity
        self.n_cells = rows * columns
        self.n_moves = columns if gravity else self.n_cells
        self.start: Position = (0,) * self.n_cells
        self.lines = list(_lines(rows, columns, length))
        self.symmetries = _symmetries(rows, columns, gravity)
        self._stones_on = [itemgetter(*line) for line in self.lines]  # the quickest way to look
        self._lost = (-1,) * length

    def outcome(self, position: Position) -> int | None:
        """None while the game goes on; else -1 (the player to move has lost) or 0 (a draw).

        It is never 1: only the player who has just moved can have made a line.
        """
        for stones_on in self._stones_on:
            if stones_on(position) == self._lost:
                return -1
        return None if 0 in position else 0

    def moves(self, position: Position) -> list[int]:
        """The moves that are possible, in rising order; none when the game is over.

        A stone enters at a free cell, with gravity at a free cell of the top row.
        """
        if self.outcome(position) is not None:
            return []
        return [move for move in range(self.n_moves) if position[move] == 0]

    def play(self, position: Position, move: int) -> Position:
        """The position after the move, as the other player sees it.

        It does not look whether the game is over; `moves` does.
        Raises:  ValueError if there is no such move, or no room for a stone
        """
        if not 0 <= move < self.n_moves or position[move] != 0:
            raise ValueError(
                f"play: move {move} is not possible here. Possible: {self.moves(position)}\n"
                + self.picture(position)
            )
        board = [-stone for stone in position]
        board[self._landing(position, move)] = -1  # mine, as the other player sees it
        return tuple(board)

    def _landing(self, position: Position, move: int) -> int:
        """The cell where the stone comes to rest."""
        if not self.gravity:
            return move
        return max(c for c in range(move, self.n_cells, self.columns) if position[c] == 0)

    def __repr__(self) -> str:
        gravity = ", gravity=True" if self.gravity else ""
        return f"LineGame({self.rows}, {self.columns}, {self.length}{gravity})"

    # Many positions at once
    def legal(self, boards: np.ndarray) -> np.ndarray:
        """Where a stone can enter, (n, n_cells) -> booleans (n, n_moves); no game is to be over."""
        return boards[:, : self.n_moves] == 0

    def mirror_images(self, position: Position) -> list[Position]:
        """The position itself, and all its turned and mirrored copies."""
        return [tuple(position[cell] for cell in symmetry.cells) for symmetry in self.symmetries]

    # Text
    def picture(self, position: Position) -> str:
        """The board as text: X is the player who began, O the other one, a dot an empty cell."""
        mine = -1 if sum(map(abs, position)) % 2 else 1  # after an odd number of stones O moves
        cells = [STONES[stone * mine] for stone in position]
        rows = [cells[i : i + self.columns] for i in range(0, self.n_cells, self.columns)]
        return "\n".join(" ".join(row) for row in rows)

    def read(self, picture: str) -> Position:
        """The position in a picture such as "X O . / . X . / . . ."; only the three signs count.

        Raises:  ValueError if the number of cells is wrong, or X and O have not taken turns
        """
        cells = [sign for sign in picture if sign in STONES]
        ahead = cells.count("X") - cells.count("O")
        if len(cells) != self.n_cells or ahead not in (0, 1):
            raise ValueError(
                f"read: expected {self.n_cells} cells out of X, O and the dot, with as many X as O "
                f"or one more. Received: {len(cells)} cells, {cells.count('X')} X, "
                f"{cells.count('O')} O"
            )
        mine = "O" if ahead else "X"
        return tuple(0 if sign == "." else 1 if sign == mine else -1 for sign in cells)


def tic_tac_toe() -> LineGame:
    """Three in a row on 3 × 3 cells."""
    return LineGame(3, 3, 3)


def connect_four(rows: int = 6, columns: int = 7) -> LineGame:
    """Four in a row, where stones fall down. On 4 × 4 cells `solve` still knows everything."""
    return LineGame(rows, columns, 4, gravity=True)


def _lines(rows: int, columns: int, length: int) -> Iterator[tuple[int, ...]]:
    """All winning lines: from each cell to the right, down, and along both diagonals."""
    for row, column in product(range(rows), range(columns)):
        for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
            last_row, last_column = row + down * (length - 1), column + right * (length - 1)
            if last_row < rows and 0 <= last_column < columns:
                step = down * columns + right
                first = row * columns + column
                yield tuple(first + step * i for i in range(length))


def _symmetries(rows: int, columns: int, gravity: bool) -> list[Symmetry]:
    """The turns and mirrors that change neither the board's shape nor, with gravity, its floor."""
    grid = np.arange(rows * columns).reshape(rows, columns)
    views = [grid, grid[:, ::-1]]
    if not gravity:
        views += [view[::-1] for view in views]
        if rows == columns:
            views += [view.T for view in views]
    different = {tuple(view.ravel().tolist()): view for view in views}  # on 1 × n some are equal
    n_moves = columns if gravity else rows * columns
    return [Symmetry(view.ravel(), view.ravel()[:n_moves]) for view in different.values()]


# --- Exact values -----------------------------------------------------------------------------
def solve(game: LineGame, limit: int = 1_000_000) -> dict[Position, int]:
    """The value of every position that can come up: 1 the player to move wins, 0 draw, -1 loses.

    Minimax: my best move is the one that leaves the other player worst off, so
        value(position) = max over all moves of -value(position after the move).
    Each position is worked out once and remembered, however many ways lead to it.

    limit    stop with an error at this many positions, before the memory is full
    Raises:  ValueError if the game has more positions than the limit
    Source:  Zermelo 1913 (the idea of the value of a position); Shannon 1950 (minimax by machine)
    """
    values: dict[Position, int] = {}

    def value(position: Position) -> int:
        if position not in values:
            found = game.outcome(position)
            if found is None:
                found = max(-value(game.play(position, move)) for move in game.moves(position))
            if len(values) >= limit:
                raise ValueError(
                    f"solve: more than {limit} positions. Take a smaller board, or a larger limit."
                )
            values[position] = found
        return values[position]

    value(game.start)
    return values


def optimal_moves(game: LineGame, position: Position, values: dict[Position, int]) -> list[int]:
    """All moves that keep the value of the position; values: what `solve` has found."""
    return [
        move
        for move in game.moves(position)
        if -values[game.play(position, move)] == values[position]
    ]


def count_games(game: LineGame) -> int:
    """How many different games there are: sequences of moves from the empty board to an end."""
    counts: dict[Position, int] = {}

    def count(position: Position) -> int:
        if position not in counts:
            after = [count(game.play(position, move)) for move in game.moves(position)]
            counts[position] = sum(after) if after else 1
        return counts[position]

    return count(game.start)


# --- Two players to measure others by ---------------------------------------------------------
def random_player(game: LineGame, seed: int | np.random.Generator) -> Player:
    """A player that takes any possible move."""
    rng = np.random.default_rng(seed)

    def choose(position: Position) -> int:
        moves = game.moves(position)
        return moves[int(rng.integers(len(moves)))]

    return choose


def perfect_player(game: LineGame, seed: int | np.random.Generator) -> Player:
    """A player that takes any optimal move. It solves the whole game first, see `solve`."""
    rng, values = np.random.default_rng(seed), solve(game)

    def choose(position: Position) -> int:
        moves = optimal_moves(game, position, values)
        return moves[int(rng.integers(len(moves)))]

    return choose


# --- Go: why nobody can solve it like this ----------------------------------------------------
Point = tuple[int, int]  # row and column
GoBoard = Sequence[Sequence[str]]  # rows of ".", "X" and "O", such as ["XO.", "..X"]


def neighbours(board: GoBoard, point: Point) -> list[Point]:
    """The points directly above, below, left and right that are on the board."""
    row, column = point
    around = [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
    return [(r, c) for r, c in around if 0 <= r < len(board) and 0 <= c < len(board[0])]


def go_group(board: GoBoard, point: Point) -> set[Point]:
    """The stone at the point and all stones of its colour that hang together with it."""
    colour, group, waiting = board[point[0]][point[1]], {point}, [point]
    while waiting:
        for row, column in neighbours(board, waiting.pop()):
            if board[row][column] == colour and (row, column) not in group:
                group.add((row, column))
                waiting.append((row, column))
    return group


def has_liberty(board: GoBoard, group: Collection[Point]) -> bool:
    """Is there an empty point next to at least one stone of the group?"""
    return any(
        board[row][column] == "." for point in group for row, column in neighbours(board, point)
    )


def is_legal_go(board: GoBoard) -> bool:
    """A position of Go is legal if every group has a liberty: others would have been captured."""
    points = product(range(len(board)), range(len(board[0])))
    stones = {(row, column) for row, column in points if board[row][column] != "."}
    while stones:
        group = go_group(board, stones.pop())
        if not has_liberty(board, group):
            return False
        stones -= group
    return True


def count_legal_go_positions(rows: int, columns: int) -> int:
    """The number of legal positions of Go, by looking at all 3^(rows columns) boards.

    rows, columns  at least 1 each, with a product of at most 12: 3^12 boards take half a minute
    Raises:   ValueError if the board is too large to look at every position
    Source:   Tromp and Farnebäck 2007, who count boards up to 19 × 19 in a cleverer way
    """
    if rows < 1 or columns < 1 or rows * columns > 12:
        raise ValueError(
            "count_legal_go_positions: expected 1 … 12 points; each more makes three times as many "
            f"boards. Received: {rows=}, {columns=}"
        )
    all_rows = list(product(STONES, repeat=columns))
    return sum(is_legal_go(board) for board in product(all_rows, repeat=rows))
