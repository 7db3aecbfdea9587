"""Deep Q-learning: targets by hand, worlds whose Q values are known exactly, and CartPole."""

from itertools import pairwise
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch

import dlcourse as dl
from dlcourse.architectures.dqn import (
    DQN,
    DQNStep,
    ReplayBuffer,
    Transitions,
    deep_q_learning,
    linear_epsilon,
)
from dlcourse.architectures.policy_gradient import play
from tests.engine.compare import DEVICES, TOLERANCE, gap
from tests.engine.twins import assert_models_agree, pair_layers, tie

COVERS = {
    "DQN",
    "DQNStep",
    "ReplayBuffer",
    "Transitions",
    "deep_q_learning",
    "linear_epsilon",
}
on_all = pytest.mark.parametrize("device", DEVICES)
dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])


class Chain:
    """Cells 0 … 4 in a row, start in 0. Action 1 goes right, 0 left; cell 4 brings 1 and ends."""

    def reset(self, *, seed: int | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        self.cell = 0
        return self._seen(), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.cell = self.cell + 1 if action == 1 else max(0, self.cell - 1)
        ended = self.cell == 4
        return self._seen(), float(ended), ended, False, {}

    def _seen(self) -> np.ndarray:
        return np.eye(5, dtype="float32")[self.cell]


class Income:
    """One situation and a reward of 1 at each step. After 3 steps the clock stops, or it ends."""

    def __init__(self, truncates: bool) -> None:
        self.truncates = truncates

    def reset(self, *, seed: int | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        self.clock = 0
        return np.ones(1, "float32"), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.clock += 1
        over = self.clock == 3
        return np.ones(1, "float32"), 1.0, over and not self.truncates, over and self.truncates, {}


def draw(n: int, seed: int = 0, n_actions: int = 3) -> Transitions:
    rng = np.random.default_rng(seed)
    return Transitions(
        rng.normal(size=(n, 4)).astype("float32"),
        rng.integers(0, n_actions, n),
        rng.normal(size=n).astype("float32"),
        rng.normal(size=(n, 4)).astype("float32"),
        rng.random(n) < 0.4,
    )


# --- The buffer -------------------------------------------------------------------------------
def test_the_newest_step_replaces_the_oldest() -> None:
    buffer = ReplayBuffer(3, (2,), seed=0)
    places = [array.ctypes.data for array in buffer.memory]
    for i in range(5):
        assert len(buffer) == min(i, 3)
        buffer.add([i, i], i, 10.0 * i, [i + 1, i + 1], i == 4)
    batch = buffer.sample(200)
    assert set(batch.actions) == {2, 3, 4}
    assert (batch.rewards == 10 * batch.actions).all()
    assert (batch.observations[:, 0] == batch.actions).all()
    assert (batch.following[:, 1] == batch.actions + 1).all()
    assert (batch.terminated == (batch.actions == 4)).all()
    assert [array.ctypes.data for array in buffer.memory] == places  # never made anew
    assert batch.observations.shape == (200, 2)
    assert [str(array.dtype) for array in batch] == [
        "float32",
        "int64",
        "float32",
        "float32",
        "bool",
    ]


def test_draws_are_even_and_follow_the_seed() -> None:
    def filled(seed: int) -> ReplayBuffer:
        buffer = ReplayBuffer(10, (), seed=seed)
        for i in range(4):
            buffer.add(0.0, i, 0.0, 0.0, False)
        return buffer

    counts = np.bincount(filled(0).sample(20_000).actions, minlength=4)
    assert counts / 20_000 == pytest.approx([0.25] * 4, abs=0.02)
    first, second, other = filled(1), filled(1), filled(2)
    drawn = first.sample(30).actions.tolist()
    assert drawn == second.sample(30).actions.tolist()
    assert drawn != other.sample(30).actions.tolist()
    assert drawn != first.sample(30).actions.tolist()


# --- Targets and loss -------------------------------------------------------------------------
def by_hand(double: bool) -> DQN:
    """One observation number x; the network gives Q = (x, 2 - x), the target network (10, 20)."""
    agent = DQN(1, 2, (), seed=0, discount=0.5, double=double)
    agent.network[0].weight.data[...], agent.network[0].bias.data[...] = [[1.0, -1.0]], [0.0, 2.0]
    agent.target[0].weight.data[...], agent.target[0].bias.data[...] = 0.0, [10.0, 20.0]
    return agent


@pytest.mark.parametrize(
    ("double", "expected"),
    [
        # s' = 3: the network prefers action 0, worth 10; the target network action 1, worth 20
        (True, [1 + 0.5 * 10, 1 + 0.5 * 20, 1.0]),
        (False, [1 + 0.5 * 20, 1 + 0.5 * 20, 1.0]),
    ],
)
def test_targets_by_hand(double: bool, expected: list[float]) -> None:
    """The third step has ended the world, so that nothing may follow it."""
    batch = Transitions(
        np.zeros((3, 1), "float32"),
        np.array([0, 1, 0]),
        np.ones(3, "float32"),
        np.array([[3.0], [0.0], [3.0]], "float32"),
        np.array([False, False, True]),
    )
    assert by_hand(double).targets(batch).tolist() == expected


class Witness(DQN):
    """Keeps the batches that it has learned from."""

    def loss(self, batch: Transitions) -> dl.Tensor:
        self.seen = [*getattr(self, "seen", []), batch]
        return super().loss(batch)


@pytest.mark.parametrize("truncates", [True, False])
def test_only_terminated_is_remembered_as_the_end(truncates: bool) -> None:
    """The loop gives a truncated step to the buffer as one after which the world goes on."""
    agent = Witness(1, 2, (), seed=0)
    optimizer = dl.SGD(agent.parameters(), 1e-3)
    world = Income(truncates)
    totals = [
        step.total
        for step in deep_q_learning(world, agent, optimizer, steps=12, begin=6, batch_size=50)
    ]
    assert any(batch.terminated.any() for batch in agent.seen) is not truncates
    assert totals == [None, None, 3.0] * 4  # an episode ends in both cases


@pytest.mark.parametrize(("truncates", "expected"), [(True, 2.0), (False, None)])
def test_a_stopped_clock_does_not_make_the_world_worth_less(truncates: bool, expected: Any) -> None:
    """A reward of 1 at each step for ever is worth 1 / (1 - 0.5) = 2."""
    agent = DQN(1, 2, (), seed=0, discount=0.5)
    optimizer = dl.Adam(agent.parameters(), 2e-2)
    for _ in deep_q_learning(
        Income(truncates), agent, optimizer, steps=1500, begin=20, update_target=20, batch_size=32
    ):
        pass
    values = agent(dl.Tensor([[1.0]])).numpy()[0]
    if expected is None:
        assert (values < 1.8).all()  # a third of the steps brings 1 and no more
    else:
        assert values == pytest.approx([expected] * 2, abs=0.01)


class TorchQ(torch.nn.Module):
    def __init__(self, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleList([torch.nn.Linear(*pair) for pair in pairwise(sizes)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers[:-1]:
            x = layer(x).relu()
        return self.layers[-1](x)


@on_all
@dtypes
@pytest.mark.parametrize("hidden", [(), (6,), (8, 5)])
def test_q_values_agree_with_torch(device: str, dtype: str, hidden: tuple[int, ...]) -> None:
    with dl.use(device, dtype):
        agent = DQN(4, 3, hidden, seed=1)
    twin = TorchQ((4, *hidden, 3))
    x = np.random.default_rng(0).normal(size=(5, 4))
    assert_models_agree(agent, twin, pair_layers(agent.network, twin), [x], device, dtype)


@on_all
@dtypes
@pytest.mark.parametrize("double", [True, False])
def test_loss_and_gradients_agree_with_torch(device: str, dtype: str, double: bool) -> None:
    with dl.use(device, dtype):
        agent, other = DQN(4, 3, (6,), seed=1, double=double), DQN(4, 3, (6,), seed=2)
        agent.target.load_state_dict(other.network.state_dict())
    twin, target = TorchQ((4, 6, 3)), TorchQ((4, 6, 3))
    for ours, theirs in ((agent.network, twin), (agent.target, target)):
        theirs.to(getattr(torch, dtype))
        tie(pair_layers(ours, theirs))
    batch = draw(9)
    seen, rewards, following = (
        torch.tensor(a.astype(dtype)) for a in (batch.observations, batch.rewards, batch.following)
    )
    with torch.no_grad():
        chosen = (twin if double else target)(following).argmax(1)
        after = target(following)[torch.arange(9), chosen]
        expected_targets = rewards + 0.99 * after * ~torch.tensor(batch.terminated)
    taken = twin(seen)[torch.arange(9), torch.tensor(batch.actions)]
    expected = torch.nn.functional.huber_loss(taken, expected_targets)
    expected.backward()
    for _ in range(2):  # a second backward adds the same once more
        loss = agent.loss(batch)
        loss.backward()
    assert gap(loss, expected) < TOLERANCE[dtype]
    for ours, theirs in pair_layers(agent.network, twin):
        assert gap(ours.weight.grad, 2 * theirs.weight.grad.T) < TOLERANCE[dtype]
        assert gap(ours.bias.grad, 2 * theirs.bias.grad) < TOLERANCE[dtype]
    assert all(p.grad is None for p in agent.target.parameters())


def test_the_error_is_held_between_minus_1_and_1() -> None:
    """As in the paper: errors of 0.5, 1 and 40 send back 0.5, 1 and 1."""
    agent = by_hand(True)
    for reward, slope in ((0.5, 0.5), (1.0, 1.0), (40.0, 1.0), (-40.0, -1.0)):
        batch = Transitions(
            np.zeros((1, 1), "float32"),
            np.array([0]),
            np.array([reward], "float32"),
            np.zeros((1, 1), "float32"),
            np.array([True]),
        )
        agent.zero_grad()
        agent.loss(batch).backward()  # Q(0, action 0) = 0
        assert agent.network[0].bias.grad.tolist() == [-slope, 0]


# --- The agent --------------------------------------------------------------------------------
def test_the_target_network_stands_still_until_it_is_updated() -> None:
    agent, batch = DQN(4, 3, seed=0), draw(20)
    x, optimizer = dl.Tensor(batch.observations), dl.Adam(agent.parameters(), 1e-2)
    assert gap(agent.target(x), agent(x)) == 0
    before = agent.target(x).numpy().copy()
    for _ in range(5):
        optimizer.zero_grad()
        agent.loss(batch).backward()
        optimizer.step()
    assert gap(agent.target(x), before) == 0
    assert gap(agent(x), before) > 0.01
    agent.update_target()
    assert gap(agent.target(x), agent(x)) == 0
    assert len(agent.parameters()) == 6
    assert {name.split(".")[0] for name, _ in agent.named_parameters()} == {"network"}


def test_epsilon_is_the_share_of_random_actions() -> None:
    agent, seen = DQN(4, 4, seed=0), np.tile(draw(1).observations, (20_000, 1))
    best = agent.act(seen[0], greedy=True)
    for epsilon in (0.0, 0.4, 1.0):
        agent.epsilon = epsilon
        share = (agent.act(seen) == best).mean()
        assert share == pytest.approx(1 - epsilon * 3 / 4, abs=0.015)
        assert (agent.act(seen, greedy=True) == best).all()


@pytest.mark.parametrize(
    ("number", "expected"), [(1, 1.0), (2, 0.99), (51, 0.5), (101, 0.0), (10_000, 0.0)]
)
def test_epsilon_falls_in_a_straight_line(number: int, expected: float) -> None:
    assert linear_epsilon(number, 1.0, 0.0, 100) == pytest.approx(expected)
    assert linear_epsilon(number, 0.3, 0.3, 100) == pytest.approx(0.3)


@on_all
def test_the_seed_gives_weights_and_actions_on_every_device(device: str) -> None:
    seen = draw(40).observations
    plain = DQN(4, 3, seed=5)
    with dl.use(device):
        agent, other = DQN(4, 3, seed=5), DQN(4, 3, seed=6)
        other.load_state_dict(agent.state_dict())
        x = dl.Tensor(seen)
        assert gap(other(x), agent(x)) == 0
        assert gap(other.target(x), agent(x)) == 0
        assert gap(agent.eval()(x), agent.train()(x)) == 0
    state = agent.state_dict()
    assert len(state) == 12  # both networks
    assert all(gap(values, plain.state_dict()[name]) == 0 for name, values in state.items())
    agent.epsilon = plain.epsilon = 0.5
    assert agent.act(seen).tolist() == plain.act(seen).tolist()


def test_it_learns_one_batch_by_heart() -> None:
    agent, batch = DQN(4, 3, seed=0), draw(12)
    optimizer = dl.Adam(agent.parameters(), 1e-2)
    for _ in range(300):  # the target network stands still, so the targets do
        loss = agent.loss(batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.02


# --- Learning ---------------------------------------------------------------------------------
@on_all
@pytest.mark.parametrize("double", [True, False])
def test_it_finds_the_exact_values_of_a_chain(device: str, double: bool) -> None:
    """Q(cell, right) = 0.8^(3 - cell);  Q(cell, left) = 0.8 times the best on the left of it."""
    with dl.use(device):
        agent = DQN(5, 2, (), seed=0, discount=0.8, double=double)
        steps = list(
            deep_q_learning(
                Chain(),
                agent,
                dl.Adam(agent.parameters(), 2e-2),
                steps=1500,
                begin=50,
                update_target=25,
                epsilon=(1.0, 0.5, 500),
                batch_size=32,
            )
        )
        values = agent(dl.Tensor(np.eye(5, dtype="float32"))).numpy()
    right = 0.8 ** np.array([3, 2, 1, 0])
    left = 0.8 * np.array([right[0], right[0], right[1], right[2]])
    assert values[:4] == pytest.approx(np.stack([left, right], axis=1), abs=0.01)
    (episode,) = play(agent, [Chain()], greedy=True)
    assert episode.actions.tolist() == [1, 1, 1, 1]
    assert [step.number for step in steps] == list(range(1, 1501))
    assert all((step.loss is None) == (step.number <= 50) for step in steps)
    assert {step.total for step in steps} == {None, 1.0}


def test_the_settings_of_the_loop_are_used() -> None:
    agent = DQN(5, 2, seed=0)
    optimizer = dl.Adam(agent.parameters(), 1e-3)
    schedule = dl.StepSchedule(optimizer, 3, gamma=0.1)
    learned, epsilons, same = [], [], []
    for step in deep_q_learning(
        Chain(),
        agent,
        optimizer,
        steps=20,
        begin=8,
        learn_every=4,
        update_target=16,
        epsilon=(0.8, 0.2, 10),
        schedule=schedule,
    ):
        epsilons.append(agent.epsilon)
        weights = zip(agent.network.parameters(), agent.target.parameters(), strict=True)
        same.append(all(np.array_equal(a.data, b.data) for a, b in weights))
        learned += [step.number] if step.loss is not None else []
        assert isinstance(step, DQNStep)
    assert learned == [12, 16, 20]
    assert optimizer.lr == pytest.approx(1e-4)
    assert epsilons[0] == 0.8
    assert epsilons[10:] == pytest.approx([0.2] * 10)
    # Equal until the first update, apart after it, equal again from the copy to the next update.
    assert same == [True] * 11 + [False] * 4 + [True] * 4 + [False]


def test_a_loop_on_cartpole_runs_and_scores_better_than_chance() -> None:
    """Random actions last about 22 steps."""
    world, agent = gymnasium.make("CartPole-v1"), DQN(4, 2, seed=0)
    optimizer = dl.Adam(agent.parameters(), 1e-3)
    for _ in deep_q_learning(world, agent, optimizer, steps=2500, epsilon=(1.0, 0.05, 1500)):
        pass
    fresh = [gymnasium.make("CartPole-v1") for _ in range(20)]
    scores = [episode.rewards.sum() for episode in play(agent, fresh, seed=500, greedy=True)]
    assert np.mean(scores) > 60


def start(**settings: Any) -> Any:
    agent = DQN(5, 2, seed=0)
    return next(deep_q_learning(Chain(), agent, dl.SGD(agent.parameters(), 0.1), **settings))


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda: ReplayBuffer(0, (4,), seed=0), "capacity is at least 1.*capacity=0"),
        (lambda: ReplayBuffer(5, (4,), seed=0).sample(3), "add steps first.*n=3, with 0 steps"),
        (lambda: add_and_sample(0), "n=0, with 1 steps"),
        (
            lambda: ReplayBuffer(5, (4,), seed=0).add(np.ones(3), 0, 1.0, np.ones(3), False),
            r"shape \(4,\) here. Received: \(3,\)",
        ),
        (lambda: DQN(4, 2, seed=0, discount=1.0), "0 … below 1.*discount=1.0"),
        (lambda: DQN(4, 0, seed=0), "each at least 1"),
        (lambda: DQN(4, 2, seed=0).act(np.ones(3)), "rows of 4 numbers"),
        (lambda: start(steps=0), "at least 1. Received"),
        (lambda: start(learn_every=0), "learn_every"),
        (lambda: start(epsilon=(1.0, 0.1, 0)), "the steps of epsilon"),
    ],
)
def test_errors_say_what_to_do(compute: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compute()


def add_and_sample(n: int) -> Transitions:
    buffer = ReplayBuffer(5, (), seed=0)
    buffer.add(0.0, 0, 0.0, 0.0, False)
    return buffer.sample(n)
