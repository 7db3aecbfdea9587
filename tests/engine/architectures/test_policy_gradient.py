"""REINFORCE: its gradient against the exact expectation, returns by hand, and CartPole."""

from itertools import pairwise
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch

import dlcourse as dl
from dlcourse.architectures.mlp import MLP
from dlcourse.architectures.policy_gradient import (
    Actor,
    Environment,
    Episode,
    Policy,
    Update,
    discounted_returns,
    play,
    policy_loss,
    reinforce,
    tensor_like,
)
from tests.engine.agree import check_differences, check_parity
from tests.engine.compare import DEVICES, gap
from tests.engine.twins import assert_models_agree, pair_layers

COVERS = {
    "Actor",
    "Environment",
    "Episode",
    "Policy",
    "Update",
    "discounted_returns",
    "play",
    "policy_loss",
    "reinforce",
    "tensor_like",
}
on_all = pytest.mark.parametrize("device", DEVICES)
dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])


class Corridor:
    """Cells 0 … 4, from cell 2: action 1 goes right, 0 left. Rewards: 1 in cell 4, -1 in cell 0."""

    limit = 50

    def __init__(self) -> None:
        self.seeds: list[int | None] = []

    def reset(self, *, seed: int | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        self.seeds.append(seed)
        self.cell, self.clock = 2, 0
        return self._seen(), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.cell += 1 if action == 1 else -1
        self.clock += 1
        reward = {0: -1.0, 4: 1.0}.get(self.cell, 0.0)
        return self._seen(), reward, self.cell in (0, 4), self.clock >= self.limit, {}

    def _seen(self) -> np.ndarray:
        return np.eye(5, dtype="float32")[self.cell]


class Script:
    """An actor that reads its actions from a list."""

    def __init__(self, actions: list[int]) -> None:
        self.actions = iter(actions)

    def act(self, observations: Any, greedy: bool = False) -> np.ndarray:
        return np.array([next(self.actions) for _ in observations])


# --- Returns ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("rewards", "discount", "after", "expected"),
    [
        ([1, 2, 4], 0.5, 0.0, [3.0, 4.0, 4.0]),
        ([1, 2, 4], 1.0, 0.0, [7.0, 6.0, 4.0]),
        ([1, 2, 4], 0.0, 9.0, [1.0, 2.0, 4.0]),
        ([1, 2, 4], 0.5, 8.0, [4.0, 6.0, 8.0]),
        ([], 0.9, 0.0, []),
    ],
)
def test_returns_by_hand(rewards: Any, discount: float, after: float, expected: Any) -> None:
    assert discounted_returns(rewards, discount, after).tolist() == expected


def test_returns_are_the_sum_that_the_formula_says() -> None:
    rewards = np.random.default_rng(0).normal(size=40)
    sums = [sum(0.9**k * r for k, r in enumerate(rewards[t:])) for t in range(40)]
    assert discounted_returns(rewards, 0.9) == pytest.approx(np.array(sums), abs=1e-12)
    assert discounted_returns(rewards.astype("float32"), 0.9).dtype == np.float64


# --- The gradient -----------------------------------------------------------------------------
@on_all
@pytest.mark.parametrize("baseline", [0.0, 0.7, -3.0])
def test_on_a_bandit_the_gradient_is_the_exact_expectation(device: str, baseline: float) -> None:
    """J = Σₐ π(a) r(a), so dJ/dlogitₖ = πₖ (rₖ - J), and no baseline changes that.

    Each action is taken once and its gradient weighted with its probability.
    """
    rewards = np.array([1.0, 3.0])
    for logits in ([0.0, 0.0], [0.4, -1.1], [3.0, 1.0]):
        z = np.array(logits)
        pi = np.exp(z) / np.exp(z).sum()
        expected = pi * (rewards - pi @ rewards)
        total = np.zeros(2)
        for action in (0, 1):
            with dl.use(device, "float64"):
                x = dl.Tensor(z[None], requires_grad=True)
                policy_loss(x, np.array([action]), [rewards[action] - baseline]).backward()
            total -= pi[action] * dl.to_numpy(x.grad)[0]
        assert total == pytest.approx(expected, abs=1e-13)


@on_all
@dtypes
@pytest.mark.parametrize("shape", [(1, 2), (7, 3)])
def test_policy_loss_agrees_with_torch(device: str, dtype: str, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(shape[0])
    actions, advantages = rng.integers(0, shape[1], shape[0]), rng.normal(size=shape[0])

    def theirs(logits: torch.Tensor) -> torch.Tensor:
        choice = torch.distributions.Categorical(logits=logits)
        weights = torch.tensor(advantages, dtype=logits.dtype)
        return -(choice.log_prob(torch.tensor(actions)) * weights).mean()

    def ours(logits: dl.Tensor) -> dl.Tensor:
        return policy_loss(logits, actions, advantages)

    check_parity(ours, theirs, [rng.normal(size=shape)], device, dtype)
    check_differences(ours, [rng.normal(size=shape)], device)


# --- The policy -------------------------------------------------------------------------------
class TorchPolicy(torch.nn.Module):
    def __init__(self, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleList([torch.nn.Linear(*pair) for pair in pairwise(sizes)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers[:-1]:
            x = layer(x).tanh()
        return self.layers[-1](x)


@on_all
@dtypes
@pytest.mark.parametrize("hidden", [(), (5,), (6, 4)])
def test_the_policy_agrees_with_torch(device: str, dtype: str, hidden: tuple[int, ...]) -> None:
    with dl.use(device, dtype):
        policy = Policy(3, 4, hidden, seed=1)
    twin = TorchPolicy((3, *hidden, 4))
    x = np.random.default_rng(0).normal(size=(5, 3))
    assert_models_agree(policy, twin, pair_layers(policy, twin), [x], device, dtype)


def test_actions_are_drawn_as_often_as_the_policy_says() -> None:
    policy, seen = Policy(2, 3, seed=0), np.array([0.7, -1.0])
    expected = policy.probabilities(seen)
    drawn = policy.act(np.tile(seen, (30_000, 1)))
    assert np.bincount(drawn, minlength=3) / 30_000 == pytest.approx(expected, abs=0.015)
    assert policy.act(seen, greedy=True) == expected.argmax()
    assert (policy.act(np.tile(seen, (20, 1)), greedy=True) == expected.argmax()).all()


@on_all
def test_the_seed_gives_weights_and_actions_on_every_device(device: str) -> None:
    observations = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
    plain, copy = Policy(3, 2, seed=5), Policy(3, 2, seed=6)
    with dl.use(device):
        policy = Policy(3, 2, seed=5)
    state = policy.state_dict()
    assert all(gap(values, plain.state_dict()[name]) == 0 for name, values in state.items())
    assert policy.act(observations).tolist() == plain.act(observations).tolist()  # outside use()
    copy.load_state_dict(state)
    assert gap(copy.probabilities(observations), plain.probabilities(observations)) == 0
    copy.eval()
    assert gap(copy.probabilities(observations), plain.train().probabilities(observations)) == 0


def test_tensor_like_takes_the_place_and_the_dtype() -> None:
    with dl.use("torch", "float64"):
        parameter = dl.Parameter([1.0])
    made = tensor_like(parameter, np.ones((2, 3), "float32"))
    assert (made.shape, made.dtype) == ((2, 3), torch.float64)


# --- Playing ----------------------------------------------------------------------------------
def test_episodes_are_recorded_step_by_step() -> None:
    worlds = [Corridor(), Corridor()]
    # The first world goes right, right; the second left, right, left, left.
    left, right = 0, 1
    script = Script([right, left, right, right, left, left])
    first, second = play(script, worlds, seed=7)
    assert first.actions.tolist() == [right, right]
    assert second.actions.tolist() == [left, right, left, left]
    assert first.rewards.tolist() == [0, 1]
    assert second.rewards.tolist() == [0, 0, 0, -1]
    assert first.observations.argmax(axis=1).tolist() == [2, 3]
    assert (first.last.argmax(), second.last.argmax()) == (4, 0)
    assert not first.truncated
    assert [world.seeds for world in worlds] == [[7], [8]]
    assert isinstance(first, Episode)


def test_only_a_stopped_clock_is_truncated() -> None:
    world = Corridor()
    world.limit = 3
    (cut,) = play(Script([1, 0, 1]), [world])
    assert cut.truncated
    world.limit = 2
    (ended,) = play(Script([1, 1]), [world])  # the end and the clock at once: it has ended
    assert not ended.truncated


# --- Learning ---------------------------------------------------------------------------------
@on_all
@pytest.mark.parametrize("with_value", [False, True])
def test_it_learns_the_way_through_the_corridor(device: str, with_value: bool) -> None:
    worlds: list[Environment] = [Corridor() for _ in range(5)]
    with dl.use(device):
        policy, value = Policy(5, 2, (8,), seed=0), MLP((5, 1), seed=1)
        learned = {"value": value, "value_optimizer": dl.Adam(value.parameters(), 0.1)}
        updates = list(
            reinforce(
                worlds,
                policy,
                dl.Adam(policy.parameters(), 0.05),
                updates=40,
                discount=0.9,
                **learned if with_value else {},
            )
        )
        (greedy,) = play(policy, worlds[:1], greedy=True)
    assert greedy.rewards.tolist() == [0, 1]
    assert [update.number for update in updates] == list(range(1, 41))
    assert sum(updates[-1].rewards) > sum(updates[0].rewards)
    assert all(a.steps < b.steps for a, b in pairwise(updates))
    if with_value:  # the value of cell 3 is the reward 1, one step away; of cell 2, 0.9
        found = value(dl.Tensor(np.eye(5, dtype="float32")).to(device)).numpy()[:, 0]
        assert found[3] == pytest.approx(1, abs=0.1)
        assert found[2] == pytest.approx(0.9, abs=0.15)


def test_one_update_is_one_step_along_the_gradient() -> None:
    """Replayed by hand: same episodes, same returns, plain descent."""
    worlds: list[Environment] = [Corridor(), Corridor()]
    learner, by_hand = Policy(5, 2, seed=3), Policy(5, 2, seed=3)
    optimizer = dl.SGD(learner.parameters(), 0.5)
    (update,) = reinforce(
        worlds, learner, optimizer, updates=1, discount=0.5, standardise=False, seed=1
    )
    episodes = play(by_hand, [Corridor(), Corridor()], seed=1)
    returns = np.concatenate([discounted_returns(e.rewards, 0.5) for e in episodes])
    seen = np.concatenate([e.observations for e in episodes])
    loss = policy_loss(
        by_hand(dl.Tensor(seen)), np.concatenate([e.actions for e in episodes]), returns
    )
    loss.backward()
    assert update.loss == pytest.approx(loss.item())
    assert update.rewards == tuple(e.rewards.sum() for e in episodes)
    assert update.steps == len(seen)
    for found, p in zip(learner.parameters(), by_hand.parameters(), strict=True):
        assert gap(found.numpy(), p.numpy() - np.float32(0.5) * p.grad) < 1e-6


def test_only_the_first_episodes_are_seeded() -> None:
    worlds, policy = [Corridor(), Corridor()], Policy(5, 2, seed=0)
    list(reinforce(worlds, policy, an_optimizer(policy), updates=3, seed=4))
    assert [world.seeds for world in worlds] == [[4, None, None], [5, None, None]]


def test_where_the_clock_was_stopped_the_value_goes_on() -> None:
    """A value of 10 everywhere that does not learn: returns 0 + 0.5 · 10 at the last step."""

    class Still(Corridor):
        def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
            return self._seen(), 0.0, False, True, {}

    value = MLP((5, 1), seed=0)
    value[0].weight.data[...], value[0].bias.data[...] = 0, 10
    policy = Policy(5, 2, seed=0)
    before = policy.probabilities(np.eye(5)[2])
    (update,) = reinforce(
        [Still()],
        policy,
        dl.SGD(policy.parameters(), 0.1),
        value=value,
        value_optimizer=dl.SGD(value.parameters(), 1e-9),
        updates=1,
        discount=0.5,
        standardise=False,
    )
    # The advantage is 0.5 · 10 - 10 = -5, so the loss is 5 log π of the action that was taken.
    assert update.loss in [pytest.approx(5 * np.log(p), rel=1e-5) for p in before]


@pytest.mark.parametrize("seed", [0])
def test_it_balances_the_pole(seed: int) -> None:
    """Random actions last about 22 steps. Stops at 20 episodes in a row with an average of 400."""
    worlds: list[Environment] = [gymnasium.make("CartPole-v1") for _ in range(5)]
    rng = np.random.default_rng(seed)
    policy, value = Policy(4, 2, seed=rng), MLP((4, 64, 1), dl.Tanh, seed=rng)
    optimizer = dl.Adam(policy.parameters(), 2e-2)
    learned = {"value": value, "value_optimizer": dl.Adam(value.parameters(), 1e-2)}
    totals: list[float] = []
    for update in reinforce(worlds, policy, optimizer, updates=80, seed=seed, **learned):
        totals.extend(update.rewards)
        if np.mean(totals[-20:]) >= 400:
            break
    fresh: list[Environment] = [gymnasium.make("CartPole-v1") for _ in range(10)]
    scores = [episode.rewards.sum() for episode in play(policy, fresh, seed=900, greedy=True)]
    assert np.mean(totals[:10]) < 60
    assert np.mean(scores) > 300


def an_optimizer(policy: Policy) -> dl.SGD:
    return dl.SGD(policy.parameters(), 0.1)


def start(**settings: Any) -> Any:
    policy = Policy(5, 2, seed=0)
    worlds = settings.pop("worlds", [Corridor()])
    return next(reinforce(worlds, policy, an_optimizer(policy), **settings))


LOGITS = dl.Tensor(np.zeros((3, 2)))


@pytest.mark.parametrize(
    ("compute", "error", "message"),
    [
        (lambda: Policy(3, 1, seed=0), ValueError, "2 actions or more.*n_actions=1"),
        (lambda: Policy(0, 2, seed=0), ValueError, "each at least 1"),
        (lambda: Policy(3, 2, seed=0).act(np.ones(4)), ValueError, "rows of 3 numbers"),
        (lambda: discounted_returns([[1.0]], 0.9), ValueError, r"one episode.*\(1, 1\)"),
        (lambda: discounted_returns([1.0], 1.5), ValueError, "0 … 1.*discount=1.5"),
        (lambda: policy_loss(LOGITS, np.zeros(3), np.ones(3)), TypeError, "whole.*float64"),
        (lambda: policy_loss(LOGITS, np.zeros(2, int), np.ones(3)), ValueError, r"actions \(2,\)"),
        (lambda: policy_loss(LOGITS, np.zeros(3, int), 1.0), ValueError, r"advantages \(\)"),
        (
            lambda: policy_loss(LOGITS, np.array([0, 2, 0]), np.ones(3)),
            ValueError,
            "0 to 1.*0 to 2",
        ),
        (lambda: policy_loss(LOGITS, np.array([0, -1, 0]), np.ones(3)), ValueError, "-1 to 0"),
        (lambda: start(worlds=[]), ValueError, "one environment.*0 environments"),
        (lambda: start(updates=0), ValueError, "updates=0"),
        (lambda: start(discount=-1), ValueError, "discount=-1"),
        (lambda: start(value=MLP((5, 1), seed=0)), ValueError, "needs its optimiser"),
    ],
)
def test_errors_say_what_to_do(compute: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        compute()


def test_names_of_the_loop() -> None:
    assert issubclass(Update, tuple)
    assert isinstance(Policy(1, 2, seed=0), Policy)
    actor: Actor = Policy(1, 2, seed=0)
    assert actor.act(np.zeros((3, 1))).shape == (3,)
