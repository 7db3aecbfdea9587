"""Policy gradients: learning what to do from rewards alone, by trial and error.

A policy network looks at the situation and gives a probability to each action. Play some episodes
with it, and look back: what was followed by more reward than expected becomes more probable, what
was followed by less becomes less probable. That is REINFORCE, of Ronald Williams (1992).

The world to act in is an environment with gymnasium's interface, such as
gymnasium.make("CartPole-v1"): reset() gives an observation, step(action) the next one and a reward.

Read mlp.py first. dqn.py is the other way to learn from rewards: there values come first.

Source: Williams 1992; Sutton, McAllester, Singh and Mansour 2000 (the policy gradient theorem)
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from dlcourse.architectures.mlp import MLP
from dlcourse.backprop import Tensor, no_grad
from dlcourse.device import asarray, is_float, namespace, to_numpy
from dlcourse.layers import Module, Tanh
from dlcourse.losses import mse_loss
from dlcourse.optim import Optimizer


# --- The world --------------------------------------------------------------------------------
class Environment(Protocol):
    """What a world offers: gymnasium's interface. An action is a whole number from 0."""

    def reset(self, *, seed: int | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode: the first observation, and a dictionary of details."""

    def step(self, action: int) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Act once: the next observation, the reward, terminated, truncated, details.

        terminated  the world has come to an end: nothing can follow, no reward either
        truncated   somebody has stopped the clock: the world would have gone on
        """


def discounted_returns(rewards: Any, discount: float, after: float = 0.0) -> np.ndarray:
    """G of each step: its reward, and all later ones, each step further off worth less.

    Gₜ = rₜ + γ rₜ₊₁ + γ² rₜ₊₂ + … = rₜ + γ Gₜ₊₁

    discount  γ, 0 … 1
    after     the return after the last reward, 0 where the episode has truly ended
    Shape:    rewards (steps,) -> (steps,), float64, on the CPU
    Raises:   ValueError if the rewards are no row of numbers, or γ lies outside 0 … 1
    """
    rewards = np.asarray(rewards, dtype="float64")
    if rewards.ndim != 1 or not 0 <= discount <= 1:
        raise ValueError(
            "discounted_returns: expected the rewards of one episode, shape (steps,), and a "
            f"discount in 0 … 1. Received: shape {rewards.shape}, {discount=}"
        )
    returns = np.empty_like(rewards)
    for t in reversed(range(len(rewards))):  # backwards: each return needs the one after it
        after = rewards[t] + discount * after
        returns[t] = after
    return returns


def tensor_like(parameter: Tensor, values: Any) -> Tensor:
    """Values, such as observations, as a tensor of the parameter's device and dtype."""
    like = parameter.data
    options = {"dtype": like.dtype, "device": like.device}
    return Tensor.wrap(namespace(like).asarray(values, **options))


# --- The policy -------------------------------------------------------------------------------
class Policy(Module):
    """π(a | s) = softmax(logits)ₐ: an MLP that gives a probability to each action.

    n_observations  numbers in an observation, at least 1
    n_actions       actions to choose from, at least 2
    hidden          sizes of the hidden layers; () for none, a linear policy
    seed            a whole number, or a numpy.random.Generator; it also draws the actions, on the
                    CPU: the same seed gives the same ones on every device

    Shape:   observations (..., n_observations) -> logits (..., n_actions)
    Raises:  ValueError if a size does not fit
    """

    def __init__(
        self,
        n_observations: int,
        n_actions: int,
        hidden: Sequence[int] = (64,),
        *,
        seed: int | np.random.Generator,
    ) -> None:
        if n_actions < 2:
            raise ValueError(f"Policy: a choice needs 2 actions or more. Received: {n_actions=}")
        self.rng = np.random.default_rng(seed)
        self.network = MLP((n_observations, *hidden, n_actions), Tanh, seed=self.rng)

    def forward(self, observations: Tensor) -> Tensor:
        return self.network(observations)

    @no_grad()
    def probabilities(self, observations: Any) -> np.ndarray:
        """π(a | s) of every action, on the CPU: (..., n_observations) -> (..., n_actions)."""
        first: Any = self.network[0]
        return self(tensor_like(first.weight, observations)).softmax().numpy()

    def act(self, observations: Any, greedy: bool = False) -> np.ndarray:
        """An action for each observation: drawn from π, or the most probable one (greedy).

        Shape:   observations (..., n_observations) -> (...) of whole numbers
        """
        probabilities = self.probabilities(observations)
        if greedy:
            return probabilities.argmax(axis=-1)
        reached = probabilities.cumsum(axis=-1)  # each action owns a part of 0 … 1
        drawn = self.rng.random(reached.shape[:-1]) * reached[..., -1]
        return (reached > drawn[..., None]).argmax(axis=-1)


# --- Playing ----------------------------------------------------------------------------------
class Actor(Protocol):
    """Whoever chooses actions, such as a Policy."""

    def act(self, observations: Any, greedy: bool = False) -> np.ndarray:
        """An action for each observation."""


class Episode(NamedTuple):
    """One episode, step by step."""

    observations: np.ndarray  # (steps, …): what was seen before each action
    actions: np.ndarray  # (steps,), whole numbers
    rewards: np.ndarray  # (steps,): what came after each action
    last: np.ndarray  # (…): what was seen at the end
    truncated: bool  # True: the clock was stopped, and the world would have gone on


class _Recorder:
    """Collects one episode while it runs."""

    def __init__(self, environment: Environment, seed: int | None) -> None:
        self.environment = environment
        self.now: Any = environment.reset(seed=seed)[0]
        self.steps: list[tuple[Any, int, float]] = []
        self.terminated = self.truncated = False

    def step(self, action: int) -> None:
        before = np.array(self.now)
        self.now, reward, self.terminated, self.truncated, _ = self.environment.step(action)
        self.steps.append((before, action, float(reward)))

    def episode(self) -> Episode:
        observations, actions, rewards = zip(*self.steps, strict=True)
        cut = bool(self.truncated and not self.terminated)
        return Episode(
            np.stack(observations), np.array(actions), np.array(rewards), np.array(self.now), cut
        )


def play(
    actor: Actor,
    environments: Sequence[Environment],
    seed: int | None = None,
    greedy: bool = False,
) -> list[Episode]:
    """Play one episode in each environment, side by side: the actor answers for all at once.

    seed    for the environments' chance: seed, seed + 1, …; None: each goes on with its own
    greedy  True: no chance in the choice of actions
    """
    seeds = [None if seed is None else seed + i for i in range(len(environments))]
    recorders = [_Recorder(e, s) for e, s in zip(environments, seeds, strict=True)]
    running = recorders
    while running:
        actions = actor.act(np.stack([recorder.now for recorder in running]), greedy)
        for recorder, action in zip(running, actions.tolist(), strict=True):
            recorder.step(action)
        running = [r for r in running if not (r.terminated or r.truncated)]
    return [recorder.episode() for recorder in recorders]


# --- Learning ---------------------------------------------------------------------------------
def policy_loss(logits: Tensor, actions: Any, advantages: Any) -> Tensor:
    """Mean over the steps of -log π(a | s) A: its descent makes actions with A > 0 more probable.

    The advantage A is the return, less what could be expected without knowing the action. Any
    such baseline leaves the mean gradient as it is, because Σₐ π(a) ∇log π(a) = 0; a good one
    makes it less noisy.

    Shape:   logits (steps, n_actions), actions (steps,) of whole numbers, advantages (steps,), both
             plain arrays -> one number
    Raises:  ValueError if a shape or an action does not fit; TypeError if the actions are not whole
             numbers
    Source:  Williams 1992; Sutton et al. 2000, theorem 1
    """
    actions = asarray(actions)
    _check_steps(logits, actions, np.shape(advantages))
    xp, like = namespace(logits.data), logits.data
    weights = xp.asarray(advantages, dtype=like.dtype, device=like.device)
    rows = xp.arange(len(like), device=like.device)
    actions = xp.asarray(actions, device=like.device)
    return -(logits.log_softmax()[rows, actions] * weights).mean()


def _check_steps(logits: Tensor, actions: Any, advantages: tuple[int, ...]) -> None:
    if is_float(actions):
        raise TypeError(
            f"policy_loss: actions are whole numbers from 0. Received: dtype {actions.dtype}"
        )
    steps = tuple(logits.shape[:1])
    if len(logits.shape) != 2 or tuple(actions.shape) != steps or advantages != steps:
        raise ValueError(
            "policy_loss: expected logits (steps, n_actions), and one action and one advantage for "
            f"each step. Received: logits {logits.shape}, actions {tuple(actions.shape)}, "
            f"advantages {advantages}"
        )
    if int(actions.min()) < 0 or int(actions.max()) >= logits.shape[1]:
        raise ValueError(
            f"policy_loss: actions go from 0 to {logits.shape[1] - 1} here. "
            f"Received: {int(actions.min())} to {int(actions.max())}"
        )


class Update(NamedTuple):
    """What `reinforce` hands out after each update."""

    number: int  # 1, 2, 3, …
    rewards: tuple[float, ...]  # the sum of the rewards of each new episode
    steps: int  # steps in the environment since the start
    loss: float  # of the policy, before the update


def reinforce(
    environments: Sequence[Environment],
    policy: Policy,
    optimizer: Optimizer,
    *,
    value: Module | None = None,
    value_optimizer: Optimizer | None = None,
    updates: int = 100,
    discount: float = 0.99,
    standardise: bool = True,
    seed: int = 0,
) -> Iterator[Update]:
    """Let the policy play and learn, and hand out an Update after every change of its weights.

    In each update: play some episodes, compute the return of every step, subtract the baseline,
    and make one step of the optimiser along the policy gradient.

    value, value_optimizer   a network (..., n_observations) -> (..., 1) that learns the expected
                 return as baseline, and its optimiser; None: no baseline. It also stands in for
                 the rewards that an episode has missed because the clock was stopped
    updates      how often the weights change, at least 1
    discount     γ, 0 … 1
    standardise  True: the advantages of an update get the mean 0 and the standard deviation 1,
                 so that the same learning rate fits rewards of any size
    seed         for the environment's chance
    Raises:  ValueError for settings that do not fit, at the first step of the loop
    """
    _check_settings(environments, updates, discount, value, value_optimizer)
    steps, like = 0, optimizer.params[0]
    for number in range(1, updates + 1):
        # Only the first episodes are seeded; the environments go on with their generators.
        played = play(policy, environments, seed if number == 1 else None)
        observations = tensor_like(like, np.concatenate([e.observations for e in played]))
        actions = np.concatenate([e.actions for e in played])
        advantages = np.concatenate([_returns(e, discount, value) for e in played])
        steps += len(actions)

        if value is not None and value_optimizer is not None:
            advantages = advantages - _learn_values(
                value, value_optimizer, observations, advantages
            )
        if standardise:
            advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
        loss = policy_loss(policy(observations), actions, advantages)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield Update(number, tuple(float(e.rewards.sum()) for e in played), steps, loss.item())


@no_grad()
def _returns(episode: Episode, discount: float, value: Module | None) -> np.ndarray:
    """The returns of an episode; where the clock was stopped, the value network goes on."""
    after = 0.0
    if episode.truncated and value is not None:
        after = value(tensor_like(value.parameters()[0], episode.last)).item()
    return discounted_returns(episode.rewards, discount, after)


def _learn_values(
    value: Module, optimizer: Optimizer, observations: Tensor, returns: np.ndarray
) -> np.ndarray:
    """One step towards the returns; gives what was expected before it."""
    prediction = value(observations).reshape(-1)
    loss = mse_loss(prediction, tensor_like(prediction, returns))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return to_numpy(prediction.data).copy()


def _check_settings(
    environments: Any, updates: int, discount: float, value: Any, value_optimizer: Any
) -> None:
    if not len(environments) or updates < 1 or not 0 <= discount <= 1:
        raise ValueError(
            "reinforce: at least one environment, one update, and a discount in 0 … 1. "
            f"Received: {len(environments)} environments, {updates=}, {discount=}"
        )
    if (value is None) != (value_optimizer is None):
        raise ValueError(
            "reinforce: a value network needs its optimiser, and the other way round. Pass both: "
            "value=net, value_optimizer=Adam(net.parameters(), 1e-2)"
        )
