"""Deep Q-learning: learning what each action is worth, and taking the best one.

Q(s, a) is the return that can be expected after action a in situation s, when all goes well from
then on. It is worth the next reward plus the best that the next situation offers. A network learns
these numbers by making its answer before a step agree with the reward and its answer after it.
Deep Q-networks learned Atari games from the screen alone (Mnih et al. 2015), with two tricks that
keep a network from chasing its own tail: a memory of old steps, and a target network that stands
still for a while.

Read policy_gradient.py first: environments and returns are explained there.

Source: Watkins 1989 (Q-learning); Mnih et al. 2015; van Hasselt, Guez and Silver 2016 (double)
"""

import copy
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from dlcourse.architectures.mlp import MLP
from dlcourse.architectures.policy_gradient import Environment, tensor_like
from dlcourse.backprop import Parameter, Tensor, no_grad
from dlcourse.device import namespace
from dlcourse.layers import Module
from dlcourse.losses import huber_loss
from dlcourse.optim import Optimizer
from dlcourse.schedules import Schedule


# --- The memory -------------------------------------------------------------------------------
class Transitions(NamedTuple):
    """Steps from a replay buffer, one row each."""

    observations: np.ndarray  # (n, …): what was seen
    actions: np.ndarray  # (n,): what was done, whole numbers
    rewards: np.ndarray  # (n,): what it brought
    following: np.ndarray  # (n, …): what was seen then
    terminated: np.ndarray  # (n,), booleans: the world came to an end there


class ReplayBuffer:
    """The last steps of a player, to learn from them again and in random order.

    Neighbouring steps are alike; steps drawn from far apart make a better batch.

    capacity           how many steps it holds, at least 1; then the newest replaces the oldest
    observation_shape  of one observation, such as (4,)
    seed               a whole number, or a numpy.random.Generator: for the draws

    Raises:  ValueError if the capacity is below 1
    Source:  Lin 1992; Mnih et al. 2015
    """

    def __init__(
        self, capacity: int, observation_shape: Sequence[int], *, seed: int | np.random.Generator
    ) -> None:
        if capacity < 1:
            raise ValueError(f"ReplayBuffer: capacity is at least 1. Received: {capacity=}")
        self.rng = np.random.default_rng(seed)
        shape = (capacity, *observation_shape)
        self.memory = Transitions(
            np.zeros(shape, "float32"),
            np.zeros(capacity, "int64"),
            np.zeros(capacity, "float32"),
            np.zeros(shape, "float32"),
            np.zeros(capacity, "bool"),
        )
        self.added = 0  # since the start

    def __len__(self) -> int:
        return min(self.added, len(self.memory.actions))

    def add(
        self, observation: Any, action: int, reward: float, following: Any, terminated: bool
    ) -> None:
        """Remember one step. A step that was only truncated is not terminated: the world goes on.

        Raises:  ValueError if an observation has another shape than the buffer
        """
        i = self.added % len(self.memory.actions)
        step = (observation, action, reward, following, terminated)
        for array, value in zip(self.memory, step, strict=True):
            if np.shape(value) != array.shape[1:]:
                raise ValueError(
                    f"ReplayBuffer: observations have shape {array.shape[1:]} here. "
                    f"Received: {np.shape(value)}"
                )
            array[i] = value
        self.added += 1

    def sample(self, n: int) -> Transitions:
        """n steps, each drawn from all that are there, so that one may come twice.

        Raises:  ValueError if n is below 1 or nothing has been added
        """
        if n < 1 or not len(self):
            raise ValueError(
                "ReplayBuffer: add steps first, then draw at least one. "
                f"Received: {n=}, with {len(self)} steps in the buffer"
            )
        rows = self.rng.integers(0, len(self), n)
        return Transitions(*(array[rows] for array in self.memory))


# --- The agent --------------------------------------------------------------------------------
class DQN(Module):
    """Two copies of an MLP that gives Q(s, a) for every action: one learns, one gives the targets.

    n_observations  numbers in an observation, at least 1
    n_actions       actions to choose from, at least 1
    hidden          sizes of the hidden layers; () for none
    discount        γ, 0 … below 1
    double          True: the network that learns chooses the next action, the target network says
                    what it is worth. False: the target network does both, and is too hopeful: the
                    largest of several noisy numbers is on average too large
    seed            a whole number, or a numpy.random.Generator; it also draws random actions

    epsilon, an attribute, is the share of random actions in act(): 1 at first, see
    deep_q_learning. Only the network that learns counts in parameters().

    Shape:   observations (..., n_observations) -> Q (..., n_actions)
    Raises:  ValueError if a size or γ does not fit
    Source:  Mnih et al. 2015; van Hasselt, Guez and Silver 2016 (double)
    """

    def __init__(
        self,
        n_observations: int,
        n_actions: int,
        hidden: Sequence[int] = (64, 64),
        *,
        seed: int | np.random.Generator,
        discount: float = 0.99,
        double: bool = True,
    ) -> None:
        if not 0 <= discount < 1:
            raise ValueError(f"DQN: the discount lies in 0 … below 1. Received: {discount=}")
        self.rng = np.random.default_rng(seed)
        self.network = MLP((n_observations, *hidden, n_actions), seed=self.rng)
        self.target = copy.deepcopy(self.network)
        self.discount, self.double, self.epsilon = discount, double, 1.0

    def named_parameters(self) -> list[tuple[str, Parameter]]:
        """Those of the network that learns; the target network only follows it."""
        return [(f"network.{name}", p) for name, p in self.network.named_parameters()]

    def forward(self, observations: Tensor) -> Tensor:
        return self.network(observations)

    @no_grad()
    def act(self, observations: Any, greedy: bool = False) -> np.ndarray:
        """The action of the largest Q for each observation, or, with probability ε, any action.

        Shape:   observations (..., n_observations) -> (...) of whole numbers
        """
        values = self(self._tensor(observations)).numpy()
        best = values.argmax(axis=-1)
        if greedy:
            return best
        random = self.rng.integers(0, values.shape[-1], best.shape)
        return np.where(self.rng.random(best.shape) < self.epsilon, random, best)

    @no_grad()
    def targets(self, batch: Transitions) -> np.ndarray:
        """What Q(s, a) should be:  r + γ Q(s', a'), or r alone where the world ended.

        a' is the best next action. Where an episode was only truncated, s' still has its worth.
        Shape:   -> (n,), on the CPU
        """
        following = self._tensor(batch.following)
        values = self.target(following).numpy()  # (n, n_actions)
        chooser = self(following).numpy() if self.double else values
        after = values[np.arange(len(values)), chooser.argmax(axis=-1)]
        return batch.rewards + self.discount * np.where(batch.terminated, 0, after)

    def loss(self, batch: Transitions) -> Tensor:
        """huber_loss of Q(s, a) and the targets: its derivative is the error, held in -1 … 1."""
        values = self(self._tensor(batch.observations))  # (n, n_actions)
        xp, device = namespace(values.data), values.data.device
        rows = xp.arange(len(values), device=device)
        taken = values[rows, xp.asarray(batch.actions, device=device)]  # (n,)
        return huber_loss(taken, self._tensor(self.targets(batch)))

    def update_target(self) -> None:
        """Copy the network that learns to the target network."""
        self.target.load_state_dict(self.network.state_dict())

    def _tensor(self, values: Any) -> Tensor:
        first: Any = self.network[0]
        return tensor_like(first.weight, values)


# --- Learning ---------------------------------------------------------------------------------
class DQNStep(NamedTuple):
    """What `deep_q_learning` hands out after each step in the environment."""

    number: int  # 1, 2, 3, …
    reward: float  # of this step
    loss: float | None  # of this step's batch; None as long as nothing is learned
    total: float | None  # the sum of all rewards of the episode, if it ends here


def linear_epsilon(number: int, start: float, end: float, steps: int) -> float:
    """ε at step 1, 2, 3, …: from start in a straight line to end, which it reaches after `steps`.

    Source:  Mnih et al. 2015: from 1 to 0.1 over the first million frames
    """
    share = min((number - 1) / steps, 1.0)
    return start + share * (end - start)


def deep_q_learning(
    environment: Environment,
    agent: DQN,
    optimizer: Optimizer,
    *,
    steps: int = 20_000,
    capacity: int = 20_000,
    batch_size: int = 64,
    begin: int = 500,
    learn_every: int = 1,
    update_target: int = 250,
    epsilon: tuple[float, float, int] = (1.0, 0.02, 5_000),
    schedule: Schedule | None = None,
    seed: int = 0,
) -> Iterator[DQNStep]:
    """Act, remember and learn, and hand out a DQNStep after every step in the environment.

    steps          steps in the environment, at least 1
    capacity       of the ReplayBuffer
    batch_size     steps per update, at least 1
    begin          learning begins after so many steps
    learn_every    steps in the environment from one update to the next, at least 1
    update_target  steps from one copy to the target network to the next, at least 1
    epsilon        the share of random actions: (start, end, steps), see linear_epsilon
    schedule       a Schedule that sets the learning rate after each update
    seed           for the environment's chance and for the draws from the buffer
    Raises:  ValueError for settings that do not fit, at the first step of the loop
    Source:  Mnih et al. 2015, algorithm 1
    """
    counts = (steps, batch_size, learn_every, update_target, epsilon[2])
    if min(counts) < 1:
        raise ValueError(
            "deep_q_learning: steps, batch_size, learn_every, update_target and the steps of "
            f"epsilon are at least 1. Received: {counts}"
        )
    observation, _ = environment.reset(seed=seed)
    buffer = ReplayBuffer(capacity, np.shape(observation), seed=seed)
    total = 0.0
    for number in range(1, steps + 1):
        agent.epsilon = linear_epsilon(number, *epsilon)
        action = int(agent.act(observation))
        following, reward, terminated, truncated, _ = environment.step(action)
        buffer.add(observation, action, reward, following, terminated)
        observation, total = following, total + float(reward)

        loss = None
        if number > begin and number % learn_every == 0:
            loss = _learn(agent, optimizer, buffer.sample(batch_size))
            if schedule is not None:
                schedule.step()
        if number % update_target == 0:
            agent.update_target()
        ended = terminated or truncated
        yield DQNStep(number, float(reward), loss, total if ended else None)
        if ended:
            observation, _ = environment.reset()
            total = 0.0


def _learn(agent: DQN, optimizer: Optimizer, batch: Transitions) -> float:
    """One update; the loss before it."""
    loss = agent.loss(batch)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
