"""The policy-value network and its loss against PyTorch, and what its two heads promise."""

import numpy as np
import pytest
import torch

import dlcourse as dl
from dlcourse.architectures.policy_value import (
    PolicyValueNet,
    policy_player,
    policy_value_loss,
    value_player,
)
from dlcourse.games import LineGame, Position, connect_four, solve, tic_tac_toe
from tests.engine.agree import check_differences, check_parity
from tests.engine.compare import DEVICES, gap
from tests.engine.twins import assert_models_agree, pair_layers

COVERS = {"PolicyValueNet", "policy_player", "policy_value_loss", "value_player"}
GAMES = [tic_tac_toe(), LineGame(2, 3, 2), LineGame(3, 4, 3, gravity=True), connect_four()]


def some_positions(game: LineGame, n: int, seed: int = 0) -> list[Position]:
    """Positions from random games, none of them over."""
    rng = np.random.default_rng(seed)
    found: list[Position] = []
    while len(found) < n:
        position = game.start
        while moves := game.moves(position):
            found.append(position)
            position = game.play(position, int(rng.choice(moves)))
    return found[:n]


class Twin(torch.nn.Module):
    """The same network with PyTorch's layers."""

    def __init__(self, game: LineGame, hidden: tuple[int, ...]) -> None:
        super().__init__()
        self.game = game
        sizes = [2 * game.n_cells, *hidden]
        self.trunk = torch.nn.ModuleList(
            torch.nn.Linear(a, b) for a, b in zip(sizes, hidden, strict=False)
        )
        self.policy = torch.nn.Linear(hidden[-1], game.n_moves)
        self.value = torch.nn.Linear(hidden[-1], 1)

    def forward(self, boards: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        boards = torch.as_tensor(boards)
        mine, theirs = boards == 1, boards == -1
        h = torch.cat([mine, theirs], dim=1).to(self.policy.weight.dtype)
        for layer in self.trunk:
            h = layer(h).relu()
        entries = boards[:, : self.game.columns] if self.game.gravity else boards
        logits = self.policy(h).masked_fill(entries != 0, float("-inf"))
        return logits.softmax(-1), self.value(h)[:, 0].tanh()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("hidden", [(7,), (16, 8)])
@pytest.mark.parametrize("game", GAMES[:3], ids=repr)
def test_both_heads_agree_with_torch(
    game: LineGame, hidden: tuple[int, ...], dtype: str, device: str
) -> None:
    with dl.use(device, dtype):
        net = PolicyValueNet(game, hidden, seed=1)
    twin = Twin(game, hidden)

    def probabilities(boards: dl.Tensor) -> tuple[dl.Tensor, dl.Tensor]:
        logits, value = net(boards)
        return logits.softmax(), value

    boards = np.array(some_positions(game, 11))
    pairs = pair_layers(net, twin)
    assert_models_agree(net, twin, pairs, [boards], device, dtype, ours=probabilities)


def torch_loss(logits, value, policy, outcome):
    mse = torch.nn.functional.mse_loss(value, outcome)
    return mse + torch.nn.functional.cross_entropy(logits, policy)


def targets(n: int, moves: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(moves), size=n), rng.integers(-1, 2, size=n).astype(float)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("n", "moves"), [(1, 9), (6, 3), (4, 1)])
def test_the_loss_agrees_with_torch(n: int, moves: int, dtype: str, device: str) -> None:
    rng = np.random.default_rng(2)
    policy, outcome = targets(n, moves)
    arrays = [rng.normal(size=(n, moves)), np.tanh(rng.normal(size=n)), policy, outcome]
    check_parity(policy_value_loss, torch_loss, arrays, device, dtype)
    check_differences(policy_value_loss, arrays, device)


def test_the_loss_by_hand() -> None:
    policy = np.array([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0]])
    logits = dl.Tensor(np.log([[0.25, 0.25, 0.5], [0.25, 0.5, 0.25]]))
    value, outcome = dl.Tensor(np.array([0.5, 0.0])), np.array([1.0, -1.0])
    expected = ((0.25 + np.log(4)) + (1 + np.log(2))) / 2
    assert policy_value_loss(logits, value, policy, outcome).item() == pytest.approx(expected)


@pytest.mark.parametrize("game", GAMES, ids=repr)
def test_impossible_moves_have_probability_0(game: LineGame) -> None:
    net = PolicyValueNet(game, (8,), seed=0)
    positions = some_positions(game, 40)
    probabilities, values = net.evaluate(positions)
    assert probabilities.dtype == values.dtype == np.float32
    assert (probabilities.shape, values.shape) == ((40, game.n_moves), (40,))
    for row, position in zip(probabilities, positions, strict=True):
        assert np.flatnonzero(row).tolist() == game.moves(position)
        assert row.sum() == pytest.approx(1, abs=1e-6)
    assert np.all(np.abs(values) < 1)


def test_impossible_moves_send_back_no_gradient() -> None:
    game = tic_tac_toe()
    net = PolicyValueNet(game, (8,), seed=0)
    logits, _ = net(np.array([game.read("XO. .X. ...")]))
    (-logits.log_softmax()[0, 8]).backward()
    bias = net.policy_head.bias
    assert np.flatnonzero(bias.grad).tolist() == [2, 3, 5, 6, 7, 8]


@pytest.mark.parametrize("device", DEVICES)
def test_evaluate_is_forward_without_a_record(device: str) -> None:
    game = GAMES[2]
    with dl.use(device):
        net = PolicyValueNet(game, (8,), seed=0)
        positions = some_positions(game, 5)
        probabilities, values = net.evaluate(positions)
        logits, recorded = net(np.array(positions))
        alone = [net.evaluate([position]) for position in positions]
    assert isinstance(probabilities, np.ndarray)
    assert gap(probabilities, logits.softmax()) < 1e-6
    assert gap(values, recorded) < 1e-6
    assert gap(np.concatenate([p for p, _ in alone]), probabilities) < 1e-6
    assert gap(np.concatenate([v for _, v in alone]), values) < 1e-6
    assert recorded.origin is not None
    assert all(p.grad is None for p in net.parameters())


def test_evaluate_records_nothing() -> None:
    class Watched(PolicyValueNet):
        def forward(self, boards: np.ndarray) -> tuple[dl.Tensor, dl.Tensor]:
            answers.extend(super().forward(boards))
            return answers[-2], answers[-1]

    answers: list[dl.Tensor] = []
    Watched(tic_tac_toe(), (8,), seed=0).evaluate([tic_tac_toe().start])
    assert [answer.origin for answer in answers] == [None, None]


def test_the_network_sees_the_board_from_the_side_of_the_player_to_move() -> None:
    game = tic_tac_toe()
    net = PolicyValueNet(game, (8,), seed=0)
    mine, theirs = game.read("XO. ... ..."), game.read("OX. ... ...")
    assert theirs == tuple(-stone for stone in mine)
    (_, values) = net.evaluate([mine, theirs])
    assert abs(values[0] - values[1]) > 1e-3


def test_the_number_of_parameters() -> None:
    net = PolicyValueNet(tic_tac_toe(), seed=0)
    sizes = [(18, 64), (64, 64), (64, 9), (64, 1)]
    count = sum(p.data.size for p in net.parameters())
    assert count == sum(a * b + b for a, b in sizes) == 6026


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_same_seed_gives_the_same_weights_everywhere(dtype: str) -> None:
    states = []
    for device in ("cpu", "torch"):
        with dl.use(device, dtype):
            states.append(PolicyValueNet(GAMES[2], (8, 8), seed=5).state_dict())
    assert all(np.array_equal(states[0][name], states[1][name]) for name in states[0])
    assert all(values.dtype == dtype for values in states[0].values())
    other = PolicyValueNet(GAMES[2], (8, 8), seed=6).state_dict()
    weights = [name for name in other if name.endswith("weight")]
    assert not any(np.array_equal(other[name], states[0][name]) for name in weights)


def test_a_saved_network_answers_as_before() -> None:
    game = tic_tac_toe()
    net, other = (PolicyValueNet(game, (8,), seed=seed) for seed in (0, 1))
    positions = some_positions(game, 6)
    before = net.evaluate(positions)
    assert gap(other.evaluate(positions)[1], before[1]) > 1e-3
    other.load_state_dict(net.state_dict())
    other.eval()
    assert np.array_equal(other.evaluate(positions)[0], before[0])
    assert np.array_equal(other.train().evaluate(positions)[1], before[1])


@pytest.mark.parametrize("device", DEVICES)
def test_it_learns_one_batch_by_heart(device: str) -> None:
    game = tic_tac_toe()
    boards = np.array(list(dict.fromkeys(some_positions(game, 40))))
    rng = np.random.default_rng(0)
    moves = [rng.choice(game.moves(tuple(board))) for board in boards.tolist()]
    policy = np.eye(9, dtype="float32")[moves]
    outcome = rng.choice([-0.9, 0.0, 0.9], size=len(boards)).astype("float32")
    with dl.use(device):
        net = PolicyValueNet(game, seed=0)
        optimizer = dl.Adam(net.parameters(), lr=0.01)
        for _ in range(150):
            loss = policy_value_loss(*net(boards), dl.asarray(policy), dl.asarray(outcome))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert loss.item() < 0.02
    probabilities, values = net.evaluate([tuple(b) for b in boards.tolist()])
    assert probabilities.argmax(axis=1).tolist() == moves
    assert np.max(np.abs(values - outcome)) < 0.3


def test_policy_player_takes_the_most_probable_move() -> None:
    game = tic_tac_toe()
    net = PolicyValueNet(game, (8,), seed=3)
    player = policy_player(net)
    for position in some_positions(game, 50):
        probabilities, _ = net.evaluate([position])
        assert player(position) == probabilities[0].argmax()
        assert player(position) in game.moves(position)


def test_value_player_looks_one_move_ahead() -> None:
    """With the exact values in place of the network, it plays perfectly."""
    game = tic_tac_toe()
    values = solve(game)
    net = PolicyValueNet(game, (8,), seed=0)
    net.evaluate = lambda positions: (None, np.array([0.9 * values[p] for p in positions]))
    player = value_player(net)
    for position in some_positions(game, 200):
        assert -values[game.play(position, player(position))] == values[position]


@pytest.mark.parametrize("seed", range(5))
def test_value_player_takes_a_win_whatever_the_network_says(seed: int) -> None:
    game = tic_tac_toe()
    player = value_player(PolicyValueNet(game, (8,), seed=seed))
    assert player(game.read("XX. OO. ...")) == 2


def loss_of(*shapes: tuple[int, ...]) -> dl.Tensor:
    logits, value, policy, outcome = (dl.Tensor(np.ones(shape)) for shape in shapes)
    return policy_value_loss(logits, value, policy, outcome)


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda: PolicyValueNet(tic_tac_toe(), (), seed=0), "at least one hidden size"),
        (
            lambda: PolicyValueNet(tic_tac_toe(), (4,), seed=0)(np.zeros((2, 8))),
            r"shape \(n, 9\), one row per position. Received: shape \(2, 8\)",
        ),
        (
            lambda: PolicyValueNet(tic_tac_toe(), (4,), seed=0)(np.zeros(9)),
            r"Received: shape \(9,\)",
        ),
        (lambda: loss_of((2, 3), (2, 1), (2, 3), (2,)), r"value and outcome.*value \(2, 1\)"),
        (lambda: loss_of((2, 3), (2,), (2, 4), (2,)), r"Received: policy \(2, 4\)"),
        (lambda: loss_of((2, 3), (2,), (2, 3), (2, 1)), r"outcome \(2, 1\)"),
    ],
)
def test_errors_say_what_to_do(compute, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compute()
