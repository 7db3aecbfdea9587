"""The variational autoencoder: the closed form of its KL divergence, PyTorch, and inventing."""

import copy

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence
from torch.nn import functional

import dlcourse as dl
from dlcourse import data
from dlcourse.architectures.vae import VAE, kl_to_standard_normal, reparameterize
from tests.engine.agree import check_differences, check_parity, draw
from tests.engine.architectures.test_mlp import (
    assert_seed_decides,
    parameters_of,
    random_sizes,
    torch_mlp,
)
from tests.engine.compare import DEVICES, gap
from tests.engine.twins import assert_models_agree, pair_layers

COVERS = {"VAE", "kl_to_standard_normal", "reparameterize"}
on_both = pytest.mark.parametrize("device", DEVICES)
both_dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])


# --- The two formulas -------------------------------------------------------------------------
def torch_kl(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    normal = Normal(mean, (log_variance / 2).exp())
    return kl_divergence(normal, Normal(torch.zeros_like(mean), 1.0)).sum(-1)


@pytest.mark.parametrize("shape", [(5, 3), (2, 4, 1), (6,)])
@on_both
@both_dtypes
def test_kl_agrees_with_torch_distributions(shape, device: str, dtype: str) -> None:
    arrays = draw([shape, shape], 1, dtype)
    check_parity(kl_to_standard_normal, torch_kl, arrays, device)


def test_kl_is_zero_for_the_standard_normal_alone() -> None:
    def kl(mean: float, log_variance: float) -> float:
        return kl_to_standard_normal(dl.Tensor([mean]), dl.Tensor([log_variance])).item()

    assert kl(0, 0) == 0
    assert kl(2, 0) == pytest.approx(2)  # μ² / 2
    assert kl(0, np.log(4)) == pytest.approx((4 - 1 - np.log(4)) / 2)
    assert min(kl(0.1, 0), kl(-0.1, 0), kl(0, 0.1), kl(0, -0.1)) > 0.002


def test_kl_is_the_mean_of_the_log_ratio() -> None:
    """KL = E[log q(z) - log p(z)] for z ~ q, estimated with 200,000 draws."""
    mean, log_variance = np.array([0.7, -1.2, 0.1]), np.array([0.5, -1.0, -3.0])
    std = np.exp(log_variance / 2)
    z = mean + std * np.random.default_rng(0).normal(size=(200_000, 3))
    log_q = -(((z - mean) / std) ** 2) / 2 - log_variance / 2
    ratios = (log_q + z**2 / 2).sum(axis=1)
    closed = kl_to_standard_normal(dl.Tensor(mean), dl.Tensor(log_variance)).item()
    assert abs(ratios.mean() - closed) < 4 * ratios.std() / np.sqrt(len(ratios))


@on_both
@both_dtypes
def test_reparameterize_agrees_with_torch(device: str, dtype: str) -> None:
    noise = torch.tensor(np.random.default_rng(3).standard_normal((4, 3)).astype(dtype))
    check_parity(
        lambda mean, log_variance: reparameterize(mean, log_variance, seed=3),
        lambda mean, log_variance: mean + (log_variance / 2).exp() * noise,
        draw([(4, 3), (4, 3)], 2, dtype),
        device,
    )


def test_reparameterize_draws_from_the_normal_distribution_asked_for() -> None:
    mean, log_variance = np.full((100_000, 1), 3.0), np.full((100_000, 1), np.log(4.0))
    z = reparameterize(dl.Tensor(mean), dl.Tensor(log_variance), seed=0).numpy()
    assert z.mean() == pytest.approx(3, abs=0.03)
    assert z.std() == pytest.approx(2, rel=0.01)


@on_both
def test_gradients_agree_with_finite_differences(device: str) -> None:
    arrays = draw([(3, 2), (3, 2)], 4)
    check_differences(kl_to_standard_normal, arrays, device)
    check_differences(lambda m, v: reparameterize(m, v, seed=1), arrays, device)


# --- The model against PyTorch ----------------------------------------------------------------
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("beta", [1.0, 4.0])
@on_both
@both_dtypes
def test_loss_and_gradients_agree_with_torch(
    seed: int, beta: float, device: str, dtype: str
) -> None:
    *sizes, k = random_sizes(seed)
    with dl.use(device, dtype):
        model = VAE((*sizes, k), beta=beta, seed=seed)
    encoder, decoder = torch_mlp((*sizes, 2 * k), dl.GELU), torch_mlp((k, *sizes[::-1]), dl.GELU)
    twin = torch.nn.Sequential(encoder, decoder)
    rng = np.random.default_rng(seed)
    target = rng.random((5, sizes[0])).astype(dtype)

    def ours(x):
        model.rng = np.random.default_rng(7)
        outputs = model(x)
        return (*outputs, model.loss(outputs, dl.asarray(target)))

    def theirs(x):
        mean, log_variance = encoder(x).chunk(2, -1)
        noise = np.random.default_rng(7).standard_normal((5, k)).astype(dtype)
        logits = decoder(mean + (log_variance / 2).exp() * torch.tensor(noise))
        cross = functional.binary_cross_entropy_with_logits(
            logits, torch.tensor(target), reduction="sum"
        )
        loss = (cross + beta * torch_kl(mean, log_variance).sum()) / 5
        return logits, mean, log_variance, loss

    pairs = pair_layers(model, twin)
    inputs = [rng.random((5, sizes[0]))]
    assert_models_agree(model, twin, pairs, inputs, device, dtype, ours=ours, theirs=theirs)


def test_loss_is_the_sum_of_its_terms() -> None:
    model, x = VAE((6, 5, 2), beta=3.0, seed=0), np.random.default_rng(0).random((4, 6))
    outputs = model(dl.Tensor(x))
    reconstruction, divergence = model.terms(outputs, x)
    assert model.loss(outputs, x).item() == pytest.approx(
        reconstruction.item() + 3 * divergence.item()
    )
    # Logits 0 say 1/2 for every pixel: each costs log 2.
    nothing = dl.Tensor(np.zeros((4, 6))), dl.Tensor(np.zeros((4, 2))), dl.Tensor(np.zeros((4, 2)))
    assert model.loss(nothing, x).item() == pytest.approx(6 * np.log(2))


# --- As a module ------------------------------------------------------------------------------
def test_drawn_in_training_and_the_mean_in_use() -> None:
    model, x = VAE((6, 5, 2), seed=0), dl.Tensor(draw([(4, 6)], dtype="float32")[0])
    ahead = copy.deepcopy(model.rng)
    logits, mean, log_variance = model(x)
    assert gap(logits, model.decode(reparameterize(mean, log_variance, seed=ahead))) == 0
    assert gap(model(x)[0], logits) > 1e-3  # another draw
    model.eval()
    assert gap(model(x)[0], model.decode(model.encode(x)[0])) == 0
    assert gap(model(x)[0], model(x)[0]) == 0


def test_seeds_and_state_dict() -> None:
    assert_seed_decides(lambda seed: VAE((6, 5, 2), seed=seed))
    model, other = VAE((6, 5, 2), seed=0), VAE((6, 5, 2), seed=1)
    other.load_state_dict(model.state_dict())
    x = dl.Tensor(draw([(4, 6)], dtype="float32")[0])
    assert gap(other.eval()(x)[0], model.eval()(x)[0]) == 0
    assert parameters_of(model) == 6 * 5 + 5 + 5 * 4 + 4 + 2 * 5 + 5 + 5 * 6 + 6


def test_second_backward_adds_the_same_gradient() -> None:
    model, x = VAE((6, 5, 2), seed=0), np.random.default_rng(0).random((4, 6)).astype("float32")
    loss = model.loss(model(dl.Tensor(x)), x)
    loss.backward(retain_graph=True)
    once = [p.grad.copy() for p in model.parameters()]
    loss.backward()
    for first, parameter in zip(once, model.parameters(), strict=True):
        assert parameter.grad.dtype == np.float32
        assert gap(parameter.grad, 2 * first) < 1e-6


def test_samples_are_the_same_on_every_device() -> None:
    found = []
    for device in DEVICES:
        with dl.use(device):
            model = VAE((6, 5, 2), seed=0)
            samples = model.sample(7, seed=1)
            x = dl.Tensor(draw([(2, 6)], dtype="float32")[0])
            found.append((samples.numpy(), model.interpolate(x[0], x[1], 5).numpy()))
    assert found[0][0].shape == (7, 6)
    assert 0 < found[0][0].min() < found[0][0].max() < 1
    assert not np.array_equal(found[0][0], model.sample(7, seed=2).numpy())
    for samples, path in found[1:]:
        assert gap(samples, found[0][0]) < 1e-5
        assert gap(path, found[0][1]) < 1e-5


def test_interpolation_goes_straight_from_one_code_to_the_other() -> None:
    model, x = VAE((6, 5, 2), seed=0), dl.Tensor(draw([(2, 6)], dtype="float32")[0])
    path = model.interpolate(x[0], x[1], steps=3)
    codes = model.encode(x)[0]
    middle = (codes[0] + codes[1]) / 2
    for found, code in zip(path, (codes[0], middle, codes[1]), strict=True):
        assert gap(found, model.decode(code).sigmoid()) < 1e-6
    assert not path.requires_grad


# --- Learning ---------------------------------------------------------------------------------
def fit(model: VAE, x: np.ndarray, epochs: int, lr: float, batch: int = 64) -> None:
    adam = dl.Adam(model.parameters(), lr)
    schedule = dl.CosineSchedule(adam, epochs * -(-len(x) // batch))
    dl.fit(model, x, x, model.loss, adam, epochs, batch, progress=False, schedule=schedule)


def test_overfits_one_batch_without_the_price_of_the_code() -> None:
    x = (np.random.default_rng(0).random((8, 20)) > 0.5).astype("float32")
    model = VAE((20, 64, 4), beta=0.0, seed=0)
    assert model.loss(model(dl.Tensor(x)), x).item() > 10  # 20 log 2 = 13.9 for guessing
    fit(model, x, 400, 0.01)
    assert model.loss(model(dl.Tensor(x)), x).item() < 0.1


def test_digits_are_learned_and_beta_presses_on_the_code() -> None:
    x, terms = data.digits().x, []
    for beta in (1.0, 10.0):
        model = VAE((64, 64, 8), beta=beta, seed=0)
        fit(model, x, 15, 1e-2, batch=128)
        with dl.no_grad():
            terms.append([term.item() for term in model.terms(model(dl.Tensor(x)), x)])
    ink = np.clip(x.mean(axis=0), 1e-6, 1 - 1e-6)
    without_code = -(x * np.log(ink) + (1 - x) * np.log(1 - ink)).sum(axis=1).mean()
    assert sum(terms[0]) < without_code - 1  # nats saved by having looked at the picture
    assert terms[1][1] < 0.5 * terms[0][1]
    assert terms[1][0] > terms[0][0]


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda: VAE((6,), seed=0), "at least inputs and latent"),
        (lambda: VAE((6, 2), beta=-1, seed=0), "beta of 0 or more.*beta=-1"),
        (lambda: VAE((6, 2), seed=0)(dl.Tensor(np.ones((2, 5)))), "rows of 6 numbers"),
        (lambda: kl_to_standard_normal(*map(dl.Tensor, ([1.0], [1.0, 2.0]))), r"\(1,\) and \(2,\)"),
        (
            lambda: reparameterize(*map(dl.Tensor, ([1.0], [1.0, 2.0])), seed=0),
            "reparameterize: mean and log_variance",
        ),
        (
            lambda: VAE((2, 1), seed=0).interpolate(dl.Tensor([0.0, 1]), dl.Tensor([0.0, 1]), 1),
            "at least 2 steps",
        ),
    ],
)
def test_errors_say_what_to_do(compute, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compute()
