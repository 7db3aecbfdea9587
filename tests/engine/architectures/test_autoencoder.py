"""Autoencoders: against PyTorch, against PCA, and what denoising adds."""

import copy
from itertools import pairwise

import numpy as np
import pytest
import torch

import dlcourse as dl
from dlcourse import data
from dlcourse.architectures import autoencoder
from dlcourse.architectures.autoencoder import (
    Autoencoder,
    DenoisingAutoencoder,
    reconstruction_error,
)
from tests.engine.agree import check_parity, draw
from tests.engine.architectures.test_mlp import assert_sound, random_sizes, torch_mlp
from tests.engine.compare import DEVICES, gap
from tests.engine.twins import assert_models_agree, pair_layers

COVERS = {"Autoencoder", "DenoisingAutoencoder", "reconstruction_error"}
on_both = pytest.mark.parametrize("device", DEVICES)
both_dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])


def fit(model: dl.Module, x: np.ndarray, steps: int, lr: float, batch: int = 10**6) -> float:
    """Train a model to copy its input; the mean squared error at the end."""
    epochs = max(1, steps * min(batch, len(x)) // len(x))
    adam = dl.Adam(model.parameters(), lr)
    schedule = dl.CosineSchedule(adam, epochs * -(-len(x) // batch))
    settings = {"epochs": epochs, "batch_size": batch, "schedule": schedule}
    dl.fit(model, x, x, dl.mse_loss, adam, progress=False, **settings)
    return dl.evaluate(model, x, x, dl.mse_loss)


def pca_error(x: np.ndarray, k: int) -> float:
    """The mean squared error of the best k-dimensional subspace: the singular values left out."""
    values = np.linalg.svd(x - x.mean(axis=0), compute_uv=False)
    return float((values[k:] ** 2).sum() / x.size)


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    return data.digits().x


# --- Against PyTorch --------------------------------------------------------------------------
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("activation", [dl.Tanh, dl.ReLU])
@on_both
@both_dtypes
def test_agrees_with_torch(seed: int, activation: type, device: str, dtype: str) -> None:
    sizes = random_sizes(seed)
    with dl.use(device, dtype):
        model = Autoencoder(sizes, activation, seed=seed)
    twin = torch.nn.Sequential(torch_mlp(sizes, activation), torch_mlp(sizes[::-1], activation))
    pairs = pair_layers(model, twin)
    assert_models_agree(model, twin, pairs, draw([(5, sizes[0])], seed), device, dtype)


@on_both
@both_dtypes
def test_denoising_agrees_with_torch_on_the_damaged_input(device: str, dtype: str) -> None:
    """In training the same as the plain network on corrupt(x), and the gradient passes the mask."""
    sizes = (6, 5, 3)
    with dl.use(device, dtype):
        model = DenoisingAutoencoder(sizes, seed=1)
    twin = torch.nn.Sequential(torch_mlp(sizes, dl.Tanh), torch_mlp(sizes[::-1], dl.Tanh))
    kept = torch.tensor([[1, 0, 1, 1, 0, 1], [0, 1, 1, 1, 1, 0]])

    def ours(x):
        model.rng = np.random.default_rng(4)
        expected = np.random.default_rng(4).random((2, 6)).argsort(axis=-1) >= 2
        kept[...] = torch.tensor(expected)
        return model(x)

    pairs = pair_layers(model, twin)
    values = draw([(2, 6)], 2)
    assert_models_agree(
        model, twin, pairs, values, device, dtype, ours=ours, theirs=lambda x: twin(x * kept)
    )


@on_both
@both_dtypes
@pytest.mark.parametrize("shape", [(4, 6), (3, 1, 2, 5), (5,)])
def test_reconstruction_error_is_one_number_per_sample(shape, device: str, dtype: str) -> None:
    arrays = draw([shape, shape], 3, dtype)

    def theirs(x, y):
        return ((x - y) ** 2).reshape(len(x), -1).mean(1)

    check_parity(reconstruction_error, theirs, arrays, device)


def test_reconstruction_error_takes_arrays() -> None:
    x = np.array([[0.0, 0.0], [1.0, 3.0]])
    assert reconstruction_error(x, np.zeros((2, 2))).numpy().tolist() == [0, 5]


# --- What it is -------------------------------------------------------------------------------
def test_code_and_reconstruction_are_linear_and_the_decoder_mirrors_the_encoder() -> None:
    model = Autoencoder((9, 7, 5, 2), dl.ReLU, seed=0)
    kinds = [type(layer).__name__ for layer in model.encoder]
    assert kinds == ["Linear", "ReLU", "Linear", "ReLU", "Linear"]
    assert [type(layer).__name__ for layer in model.decoder] == kinds
    ours = [layer.weight.shape for layer in model.modules() if isinstance(layer, dl.Linear)]
    assert ours == list(pairwise((9, 7, 5, 2, 5, 7, 9)))
    x = dl.Tensor(draw([(3, 9)], dtype="float32")[0])
    assert model.encode(x).shape == (3, 2)
    assert gap(model.decode(model.encode(x)), model(x)) == 0
    assert (model.encode(x).numpy() < 0).any()  # no ReLU on the code


def test_is_sound() -> None:
    assert_sound(lambda seed: Autoencoder((8, 6, 3), seed=seed), (5, 8))


@pytest.mark.parametrize("kind", [Autoencoder, DenoisingAutoencoder])
def test_overfits_one_batch(kind: type) -> None:
    x = draw([(4, 16)], dtype="float32")[0]
    model = kind((16, 32, 4), seed=0)
    assert dl.evaluate(model, x, x, dl.mse_loss) > 0.5
    limit = 1e-3 if kind is Autoencoder else 0.3
    assert fit(model, x, 400, 0.01) < limit


def test_linear_autoencoder_reaches_the_error_of_pca(digits: np.ndarray) -> None:
    error = fit(Autoencoder((64, 8), seed=0), digits, 1500, 0.015, batch=128)
    assert pca_error(digits, 8) * (1 - 1e-5) < error < 1.05 * pca_error(digits, 8)


def test_linear_autoencoder_finds_the_subspace_of_pca() -> None:
    """Three directions hold nearly all of the variance; the decoder spans the same three."""
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(300, 3)) @ rng.normal(size=(3, 10)) + 2).astype("float32")
    x += rng.normal(size=x.shape).astype("float32") * 0.05
    model = Autoencoder((10, 3), seed=0)
    fit(model, x, 600, 0.03)
    axes = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)[2][:3]
    ours = np.linalg.qr(model.decoder[0].weight.numpy().T)[0]
    cosines = np.linalg.svd(axes @ ours, compute_uv=False)  # of the angles between the subspaces
    assert cosines.min() > 0.999


def test_bent_autoencoder_beats_pca(digits: np.ndarray) -> None:
    error = fit(Autoencoder((64, 64, 4), seed=0), digits, 1000, 0.01, batch=128)
    assert error < 0.85 * pca_error(digits, 4)


def test_samples_of_another_kind_are_reconstructed_worse(digits: np.ndarray) -> None:
    model = Autoencoder((64, 8), seed=0)
    fit(model, digits, 200, 0.02)
    noise = np.random.default_rng(0).random(digits.shape).astype("float32")
    known = reconstruction_error(digits, dl.Tensor(dl.predict(model, digits))).numpy()
    strange = reconstruction_error(noise, dl.Tensor(dl.predict(model, noise))).numpy()
    assert np.quantile(known, 0.99) < np.quantile(strange, 0.01)


# --- Denoising --------------------------------------------------------------------------------
@pytest.mark.parametrize(("amount", "hidden"), [(0.0, 0), (0.3, 6), (0.5, 10), (1.0, 20)])
def test_masking_hides_the_same_share_of_each_sample(amount: float, hidden: int) -> None:
    model = DenoisingAutoencoder((20, 4), amount=amount, seed=0)
    x = dl.Tensor(draw([(50, 20)], dtype="float32")[0] + 10)
    damaged = model.corrupt(x).numpy()
    assert ((damaged == 0).sum(axis=1) == hidden).all()
    assert np.array_equal(damaged[damaged != 0], x.numpy()[damaged != 0])
    if 0 < hidden < 20:
        assert (damaged == 0).mean(axis=0).min() > 0.1  # every entry is hidden now and then
        assert not np.array_equal(model.corrupt(x).numpy(), damaged)


def test_gaussian_damage_has_the_standard_deviation_asked_for() -> None:
    model = DenoisingAutoencoder((20, 4), corruption="gaussian", amount=0.4, seed=0)
    x = dl.Tensor(np.ones((5000, 20), "float32"))
    noise = model.corrupt(x).numpy() - 1
    assert noise.std() == pytest.approx(0.4, rel=0.01)
    assert abs(noise.mean()) < 0.01


@pytest.mark.parametrize("corruption", autoencoder.CORRUPTIONS)
def test_damage_in_training_only_and_the_same_on_every_device(corruption: str) -> None:
    x, results = draw([(6, 10)], dtype="float32")[0], []
    for device in DEVICES:
        with dl.use(device):
            model = DenoisingAutoencoder((10, 3), corruption=corruption, seed=7)
            clean = copy.deepcopy(model).eval()
            assert gap(clean(dl.Tensor(x)), Autoencoder.forward(clean.eval(), dl.Tensor(x))) == 0
            assert gap(clean(dl.Tensor(x)), clean.decode(clean.encode(dl.Tensor(x)))) == 0
            results.append([model(dl.Tensor(x)).numpy() for _ in range(2)])
            assert gap(results[-1][0], clean(dl.Tensor(x))) > 1e-3
            assert gap(results[-1][0], results[-1][1]) > 1e-3
    for other in results[1:]:
        assert gap(other[0], results[0][0]) < 1e-5
        assert gap(other[1], results[0][1]) < 1e-5


def test_denoising_removes_noise(digits: np.ndarray) -> None:
    """Less error than the noisy input has, and less than PCA leaves of it."""
    model = DenoisingAutoencoder((64, 64, 32), corruption="gaussian", amount=0.3, seed=0)
    fit(model, digits, 400, 0.006, batch=128)
    noise = np.random.default_rng(5).normal(size=digits.shape).astype("float32") * 0.3
    noisy, centre = digits + noise, digits.mean(axis=0)
    error = np.mean((dl.predict(model, noisy) - digits) ** 2)
    axes = np.linalg.svd(digits - centre, full_matrices=False)[2][:16]
    by_pca = np.mean(((noisy - centre) @ axes.T @ axes + centre - digits) ** 2)
    assert error < 0.8 * by_pca
    assert by_pca < 0.5 * np.mean(noise**2)


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda: Autoencoder((64,), seed=0), "at least two numbers"),
        (lambda: Autoencoder((64, 0), seed=0), "at least 1"),
        (lambda: Autoencoder((4, 2), seed=0)(dl.Tensor(np.ones((2, 3)))), "rows of 4 numbers"),
        (lambda: DenoisingAutoencoder((4, 2), corruption="salt", seed=0), "gaussian, masking"),
        (lambda: DenoisingAutoencoder((4, 2), amount=1.5, seed=0), "share 0 … 1.*amount=1.5"),
        (
            lambda: DenoisingAutoencoder((4, 2), corruption="gaussian", amount=-1, seed=0),
            "0 or more.*amount=-1",
        ),
        (
            lambda: reconstruction_error(np.ones((2, 3)), np.ones((2, 4))),
            r"equal shape.*\(2, 3\) and \(2, 4\)",
        ),
        (lambda: reconstruction_error(np.float32(1), np.float32(1)), r"Received: \(\) and \(\)"),
    ],
)
def test_errors_say_what_to_do(compute, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compute()
