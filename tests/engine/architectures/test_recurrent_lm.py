"""The recurrent language models against PyTorch; and what every language model is tested for."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import dlcourse as dl
from dlcourse.architectures.recurrent_lm import LSTMLanguageModel, RNNLanguageModel, detach
from dlcourse.architectures.sampling import continue_text
from dlcourse.backprop import topological_order
from tests.engine.compare import DEVICES, TOLERANCE, as_numpy, gap
from tests.engine.twins import assert_models_agree, pair_layers

COVERS = {"RNNLanguageModel", "LSTMLanguageModel", "detach"}
on_all = pytest.mark.parametrize("device", DEVICES)
dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])
nn = torch.nn
MODELS = {"RNN": RNNLanguageModel, "LSTM": LSTMLanguageModel}
both = pytest.mark.parametrize("name", MODELS)


# --- What the tests of the Transformers use too -----------------------------------------------
def draw_tokens(*shape: int, vocab: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, vocab, shape)


def assert_sound(
    make: Callable[[int], dl.Module], forward: Callable[[dl.Module], dl.Tensor]
) -> None:
    """Same seed, same weights on every device; state_dict there and back; backward twice.

    make(seed) builds the model, forward(model) gives its output for some fixed tokens.
    """
    states = []
    for device, seed in [*((name, 3) for name in DEVICES), ("cpu", 4)]:
        with dl.use(device):
            states.append(make(seed).state_dict())
    for state in states[:-1]:
        assert state.keys() == states[0].keys()
        assert all(np.array_equal(state[name], values) for name, values in states[0].items())
    model, other = make(3), make(4)
    assert not np.array_equal(forward(model).numpy(), forward(other).numpy())
    other.load_state_dict(model.state_dict())
    assert np.array_equal(forward(model).numpy(), forward(other).numpy())
    assert not any(part.training for part in model.eval().modules())
    assert all(part.training for part in model.train().modules())
    y = forward(model.eval())
    y.backward(np.ones(y.shape), retain_graph=True)
    once = [as_numpy(p.grad).copy() for p in model.parameters()]
    y.backward(np.ones(y.shape))
    for p, first in zip(model.parameters(), once, strict=True):
        assert p.grad.dtype == p.dtype
        assert gap(p.grad, 2 * first) < 1e-6


def learn(
    model: dl.Module, loss: Callable[[], dl.Tensor], steps: int, lr: float, goal: float
) -> float:
    """Adam on loss() until it is below the goal, at most so many steps; the last loss."""
    adam, value = dl.Adam(model.parameters(), lr), np.inf
    for _ in range(steps):
        error = loss()
        value = error.item()
        if value < goal:
            break
        adam.zero_grad()
        error.backward()
        adam.step()
    return value


def assert_moves(model: dl.Module, forward: Callable[[dl.Module], dl.Tensor]) -> None:
    """A model that is moved to torch gives the same numbers there."""
    expected = forward(model).numpy().copy()
    found = forward(model.to("torch"))
    assert not isinstance(found.data, np.ndarray)
    assert gap(found.numpy(), expected) < TOLERANCE["float32"]


# --- Against PyTorch --------------------------------------------------------------------------
class Twin(nn.Module):
    def __init__(self, kind: type, vocab: int, embed_dim: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab, embed_dim)
        sizes = [embed_dim] + [hidden] * (layers - 1)
        self.layers = nn.ModuleList(kind(size, hidden, batch_first=True) for size in sizes)
        self.head = nn.Linear(hidden, vocab)

    def forward(self, tokens: torch.Tensor, *states: Any) -> Any:
        x, after = self.embedding(tokens), []
        for layer, state in zip(self.layers, states or [None] * len(self.layers), strict=True):
            x, state = layer(x, state)
            after.append(state)
        return self.head(x), after


def last_states(after: list[Any]) -> list[Any]:
    """PyTorch's states without their first axis, which is for layers."""
    return [tuple(s[0] for s in state) if isinstance(state, tuple) else state[0] for state in after]


@both
@on_all
@dtypes
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("sizes", [(5, 3, 4, 2, 6), (9, 8, 2, 3, 1)], ids=str)
def test_models_agree_with_torch(name, device, dtype, layers, sizes) -> None:
    vocab, embed_dim, hidden, batch, time = sizes
    with dl.use(device, dtype):
        model = MODELS[name](vocab, embed_dim, hidden, seed=1, num_layers=layers)
    twin = Twin(getattr(nn, name), vocab, embed_dim, hidden, layers)

    def theirs(tokens):
        logits, after = twin(tokens)
        return logits, last_states(after)

    tokens, pairs = draw_tokens(batch, time, vocab=vocab), pair_layers(model, twin)
    assert_models_agree(model, twin, pairs, [tokens], device, dtype, theirs=theirs)


@both
@on_all
def test_states_that_go_in_agree_with_torch(name: str, device: str) -> None:
    """With gradients for the state, as in backpropagation through time without a cut."""
    with dl.use(device, "float64"):
        model = MODELS[name](5, 3, 4, seed=1, num_layers=2)
    twin = Twin(getattr(nn, name), 5, 3, 4, 2)
    rng, pair = np.random.default_rng(2), name == "LSTM"
    states = [rng.normal(size=(2, 4)) for _ in range(4 if pair else 2)]

    def grouped(parts):
        return [parts[:2], parts[2:]] if pair else list(parts)

    def ours(tokens, *parts):
        return model(tokens, grouped(parts))

    def theirs(tokens, *parts):
        logits, after = twin(tokens, *grouped(tuple(part[None] for part in parts)))
        return logits, last_states(after)

    inputs = [draw_tokens(2, 5, vocab=5), *states]
    assert_models_agree(
        model, twin, pair_layers(model, twin), inputs, device, ours=ours, theirs=theirs
    )


@both
@pytest.mark.parametrize("layers", [1, 2])
def test_models_are_sound(name: str, layers: int) -> None:
    tokens = draw_tokens(3, 4, vocab=6)

    def make(seed):
        return MODELS[name](6, 3, 5, seed=seed, num_layers=layers)

    assert_sound(make, lambda model: model(tokens)[0])
    assert_moves(make(0), lambda model: model(tokens)[0])


def test_sizes_and_start_weights() -> None:
    lstm = LSTMLanguageModel(50, 8, 16, seed=0, num_layers=2, forget_bias=4.0)
    for layer in lstm.layers:
        assert layer.bias.numpy().reshape(4, 16)[1].tolist() == [4] * 16
    assert LSTMLanguageModel(5, 2, 3, seed=0).layers[0].bias.numpy()[3:6].tolist() == [1] * 3
    count = sum(p.data.size for p in lstm.parameters())
    assert count == 50 * 8 + 4 * 16 * (8 + 16 + 1) + 4 * 16 * (16 + 16 + 1) + 16 * 50 + 50
    rnn = RNNLanguageModel(50, 8, 16, seed=0)
    assert sum(p.data.size for p in rnn.parameters()) == 50 * 8 + 16 * (8 + 16 + 1) + 17 * 50
    slow = LSTMLanguageModel(6, 3, 5, seed=1, fused=False)
    tokens = draw_tokens(2, 7, vocab=6)
    assert gap(slow(tokens)[0], LSTMLanguageModel(6, 3, 5, seed=1)(tokens)[0]) < 1e-6


# --- The state --------------------------------------------------------------------------------
@both
@on_all
def test_a_text_in_pieces_gives_the_same_logits(name: str, device: str) -> None:
    tokens = draw_tokens(2, 9, vocab=6)
    with dl.use(device):
        model = MODELS[name](6, 3, 5, seed=0, num_layers=2)
        whole, last = model(tokens)
        state, parts = None, []
        for piece in (tokens[:, :4], tokens[:, 4:5], tokens[:, 5:]):
            logits, state = model(piece, state)
            parts.append(logits)
    assert gap(dl.concat(parts, axis=1), whole) < 1e-6
    for found, expected in zip(state, last, strict=True):
        for a, b in zip(*((x if name == "LSTM" else (x,)) for x in (found, expected)), strict=True):
            assert gap(a, b) < 1e-6


@both
def test_detach_cuts_the_gradient_and_nothing_else(name: str) -> None:
    tokens = np.array([[0, 1, 2, 3, 4, 3], [2, 1, 0, 4, 5, 5]])  # 0, 1, 2 come before the cut only
    model = MODELS[name](6, 3, 5, seed=0, num_layers=2)

    def gradient(cut: bool) -> np.ndarray:
        first, state = model(tokens[:, :3])
        state = detach(state) if cut else state
        logits, _ = model(tokens[:, 3:], state)
        model.zero_grad()
        dl.cross_entropy(logits, tokens[:, 3:]).backward()
        assert gap(dl.concat([first, logits], axis=1), model(tokens)[0]) < 1e-6
        return model.embedding.weight.grad.copy()

    assert not gradient(True)[:3].any()
    assert gradient(True)[3:].any()
    assert gradient(False)[:3].all()


def test_detach_keeps_the_form_of_the_state() -> None:
    x = dl.Parameter(np.ones(2)) * 2
    assert detach(None) is None
    assert not detach(x).requires_grad
    assert detach(x).data is x.data
    pair = detach([(x, x), x])
    assert isinstance(pair, list)
    assert isinstance(pair[0], tuple)
    assert not any(t.requires_grad for t in (*pair[0], pair[1]))


def test_training_in_pieces_runs_in_constant_memory() -> None:
    """The loop of detach's docstring: the graph does not grow from piece to piece."""
    model, state, sizes = RNNLanguageModel(6, 3, 5, seed=0), None, []
    adam = dl.Adam(model.parameters(), lr=0.01)
    text = draw_tokens(2, 41, vocab=6)
    for start in range(0, 40, 10):
        x, y = text[:, start : start + 10], text[:, start + 1 : start + 11]
        logits, state = model(x, state)
        loss = dl.cross_entropy(logits, y)
        sizes.append(len(topological_order(loss)))
        adam.zero_grad()
        loss.backward()
        adam.step()
        state = detach(state)
    assert len(set(sizes[1:])) == 1


# --- Writing ----------------------------------------------------------------------------------
@both
@on_all
def test_generate_is_the_text_that_the_whole_text_gives(name: str, device: str) -> None:
    """Token by token with the state, or everything anew each time: the same text."""
    with dl.use(device):
        model = MODELS[name](7, 4, 6, seed=2, num_layers=2)
        prompt = draw_tokens(3, 4, vocab=7)
        anew = continue_text(lambda text: model(text)[0][:, -1], prompt, 12, 0.8, 5, seed=3)
        texts = model.generate(prompt, 12, 0.8, 5, seed=3)
        again = model.generate(prompt[0], 12, temperature=0, seed=3)
    assert texts.tolist() == anew.tolist()
    assert texts.shape == (3, 16)
    assert texts[:, :4].tolist() == prompt.tolist()
    assert again.shape == (16,)
    assert model.training


def test_generate_reads_each_token_once() -> None:
    lengths = []

    class Watched(LSTMLanguageModel):
        def forward(self, tokens, state=None):
            lengths.append(tokens.shape[1])
            logits, state = super().forward(tokens, state)
            assert not logits.requires_grad
            return logits, state

    Watched(7, 4, 6, seed=2).generate([1, 2, 3], 5, seed=0)
    assert lengths == [3, 1, 1, 1, 1]


@both
def test_the_same_seed_writes_the_same_text_on_every_device(name: str) -> None:
    texts = []
    for device in DEVICES:
        with dl.use(device):
            texts.append(MODELS[name](20, 8, 16, seed=1).generate([3], 40, seed=9).tolist())
    assert all(text == texts[0] for text in texts)
    assert MODELS[name](20, 8, 16, seed=1).generate([3], 40, seed=8).tolist() != texts[0]


@both
@on_all
def test_models_learn_a_text_by_heart(name: str, device: str) -> None:
    text = "a long way leads from the first neuron to the last layer. "
    letters = sorted(set(text))
    numbers = np.array([letters.index(c) for c in text])
    with dl.use(device):
        model = MODELS[name](len(letters), 12, 48, seed=0)

        def loss():
            return dl.cross_entropy(model(numbers[None, :-1])[0], dl.asarray(numbers[None, 1:]))

        assert learn(model, loss, 400, 0.01, goal=0.02) < 0.02
        written = model.generate(numbers[:1], len(text) - 1, temperature=0, seed=0)
    assert "".join(letters[i] for i in written) == text


# --- Errors -----------------------------------------------------------------------------------
def rnn(**options: Any) -> RNNLanguageModel:
    return RNNLanguageModel(5, 3, 4, seed=0, **options)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: RNNLanguageModel(0, 3, 4, seed=0), ValueError, "RNNLanguageModel.*vocab=0"),
        (lambda: LSTMLanguageModel(5, 3, 0, seed=0), ValueError, "LSTMLanguageModel.*hidden=0"),
        (lambda: rnn(num_layers=0), ValueError, "num_layers=0"),
        (lambda: RNNLanguageModel(5, 3, 4), TypeError, "seed"),
        (lambda: rnn()(np.zeros(3, int)), ValueError, r"\(batch, time\). Received: \(3,\)"),
        (lambda: rnn()(np.full((1, 2), 5)), ValueError, "from 0 to 4"),
        (lambda: rnn()(np.zeros((1, 2))), TypeError, "whole numbers"),
        (lambda: rnn()(np.zeros((1, 0), int)), ValueError, "at least one step"),
        (lambda: rnn()(np.zeros((1, 2), int), []), ValueError, "one entry for each of its 1"),
        (lambda: rnn()(np.zeros((1, 2), int), 3), ValueError, "Received: int"),
        (lambda: detach("state"), TypeError, "Received: str"),
        (
            lambda: rnn()(np.zeros((2, 2), int), [dl.Tensor(np.zeros((1, 4)))]),
            ValueError,
            r"state of shape \(2, 4\)",
        ),
        (
            lambda: LSTMLanguageModel(5, 3, 4, seed=0)(np.zeros((1, 2), int), [1]),
            TypeError,
            "pair",
        ),
    ],
)
def test_errors_say_what_to_do(make, error, message: str) -> None:
    with pytest.raises(error, match=message):
        make()
