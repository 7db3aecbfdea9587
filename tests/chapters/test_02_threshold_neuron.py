"""The experiments of chapter 2 keep their thresholds over five seeds."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.decomposition import PCA
from sklearn.linear_model import Perceptron

from dlcourse import data, neuron

SEEDS = range(5)


def scaled(x: np.ndarray) -> np.ndarray:
    x = x.astype(float)
    return (x - x.mean(axis=0)) / x.std(axis=0)


@pytest.fixture(scope="module")
def flowers() -> tuple[np.ndarray, np.ndarray]:
    """150 flowers with a column of ones, and their species 0, 1, 2."""
    iris = data.iris()
    return neuron.with_bias(scaled(iris.x)), iris.y


@pytest.mark.parametrize(("n", "max_weight", "reached"), [(2, 1, 14), (3, 2, 104)])
def test_one_unit_reaches_14_of_16_and_104_of_256(n: int, max_weight: int, reached: int) -> None:
    functions = product([0, 1], repeat=2**n)
    table = neuron.truth_table(n)
    program = {f for f in functions if neuron.is_separable(table, np.array(f))}
    assert len(program) == reached
    assert neuron.threshold_functions(n, max_weight) == program


@pytest.mark.parametrize("seed", SEEDS)
def test_setosa_settles_within_the_bound_in_40_orders(flowers, seed: int) -> None:
    x, species = flowers
    y = np.where(species == 0, 1, -1)
    runs = [neuron.train_perceptron(x, y, seed=40 * seed + k) for k in range(40)]
    totals = [sum(run.mistakes) for run in runs]
    bound = neuron.novikoff_bound(x, y)
    assert all(run.settled for run in runs)
    assert bound == pytest.approx(47.9, abs=0.1)
    assert max(totals) <= 10 < bound
    assert 2 <= np.median(totals) <= 4


def test_an_optimiser_finds_the_same_bound(flowers) -> None:
    x, species = flowers
    y = np.where(species == 0, 1, -1)
    start = neuron.train_perceptron(x, y).w
    rules = {"type": "ineq", "fun": lambda w: y * (x @ w) - 1}
    found = minimize(lambda w: w @ w, start, constraints=rules, method="SLSQP")
    assert found.success
    assert (y * (x @ found.x)).min() > 1 - 1e-6
    longest = np.linalg.norm(x, axis=1).max()
    assert (longest * np.linalg.norm(found.x)) ** 2 == pytest.approx(
        neuron.novikoff_bound(x, y), rel=1e-4
    )


@pytest.mark.parametrize(("factor", "same"), [(1, True), (0.5, False), (-1, False)])
def test_the_loop_to_complete_tells_the_right_factor(flowers, factor: float, same: bool) -> None:
    x, species = flowers
    y = np.where(species == 0, 1, -1)
    w = np.zeros(5)
    for _ in range(5):
        for x_i, y_i in zip(x, y, strict=True):
            w = w + factor * y_i * x_i if y_i * (w @ x_i) <= 0 else w
    package = neuron.train_perceptron(x, y, epochs=5, seed=None)
    assert np.allclose(w, package.w) == same


def test_petals_end_below_the_best_on_the_way(flowers) -> None:
    x, species = flowers
    petals, y = x[species > 0][:, 2:], np.where(species[species > 0] == 1, 1, -1)
    run = neuron.train_perceptron(petals, y, epochs=100, seed=None)
    shares = (y * (run.weights @ petals.T) > 0).mean(axis=1)
    assert shares[-1] == pytest.approx(0.91)
    assert shares.max() == pytest.approx(0.95)


def test_the_perceptron_does_not_find_the_best_line(flowers) -> None:
    x, species = flowers
    y = np.where(species == 0, 1, -1)
    gamma = np.linalg.norm(x, axis=1).max() / np.sqrt(neuron.novikoff_bound(x, y))
    lines = [neuron.train_perceptron(x, y, seed=seed).w for seed in range(50)]
    shares = [(y * (x @ w)).min() / np.linalg.norm(w) / gamma for w in lines]
    assert 0 < min(shares) < 0.1
    assert np.median(shares) < 0.7
    assert max(shares) <= 1


@pytest.mark.parametrize("seed", SEEDS)
def test_versicolor_and_virginica_never_settle(flowers, seed: int) -> None:
    x, species = flowers
    x, y = x[species > 0], np.where(species[species > 0] == 1, 1, -1)
    run = neuron.train_perceptron(x, y, epochs=300, seed=seed)
    assert not neuron.is_separable(x[:, :-1], y)
    assert not run.settled
    assert 2 <= np.median(run.mistakes[-100:]) <= 6
    assert len(set(run.mistakes[-20:])) > 1  # it jumps, it does not stay


@pytest.mark.parametrize("seed", SEEDS)
def test_training_equals_scikit_learn_on_flowers_that_never_settle(flowers, seed: int) -> None:
    x, species = flowers
    rows = np.random.default_rng(seed).permutation(np.flatnonzero(species > 0))
    x, y = x[rows], np.where(species[rows] == 1, 1, -1)
    ours = neuron.train_perceptron(x, y, epochs=20, seed=None)
    theirs = Perceptron(shuffle=False, tol=None, max_iter=20).fit(x[:, :-1], y)
    assert sum(ours.mistakes) > 50
    np.testing.assert_allclose(ours.w, np.append(theirs.coef_, theirs.intercept_), atol=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_hebb_explodes_and_oja_finds_the_principal_component(seed: int) -> None:
    z = scaled(data.wine().x)
    rng = np.random.default_rng(seed)
    hebb = oja = rng.normal(size=13) / 10
    for _ in range(10):
        for i in rng.permutation(len(z)):
            hebb = neuron.hebb_step(hebb, z[i], lr=0.002)
            oja = neuron.oja_step(oja, z[i], lr=0.002)
    first = PCA(1).fit(z).components_[0]
    assert np.linalg.norm(hebb) > 100_000
    assert np.linalg.norm(oja) == pytest.approx(1, abs=0.02)
    assert abs(oja @ first) / np.linalg.norm(oja) >= 0.99


@pytest.mark.parametrize(("n", "max_weight", "best"), [(2, 1, 0.75), (3, 2, 0.75), (4, 3, 0.6875)])
def test_parity_is_a_wall_for_one_unit(n: int, max_weight: int, best: float) -> None:
    functions = np.array(list(neuron.threshold_functions(n, max_weight)))
    parity = neuron.truth_table(n).sum(axis=1) % 2
    assert (functions == parity).mean(axis=1).max() == best


@pytest.mark.parametrize("seed", SEEDS)
def test_xor_never_settles_and_two_layers_compute_it(seed: int) -> None:
    cases = neuron.truth_table(2)
    run = neuron.train_perceptron(neuron.with_bias(cases), [-1, 1, 1, -1], epochs=1000, seed=seed)
    assert not run.settled
    hidden = [neuron.mcculloch_pitts(cases, [1, 1], theta) for theta in (0.5, 1.5)]
    out = neuron.mcculloch_pitts(np.stack(hidden, axis=1), [1, -1], 0.5)
    assert out.tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize("seed", SEEDS)
def test_threes_and_eights(seed: int) -> None:
    digits = data.digits()
    keep = np.isin(digits.y, [3, 8])
    y = np.where(digits.y[keep] == 3, 1, -1)
    split = data.train_test(neuron.with_bias(digits.x[keep]), y, 0.3, seed)
    run = neuron.train_perceptron(split.x_train, split.y_train, seed=seed)
    right = (neuron.perceptron_predict(run.w, split.x_test) == split.y_test).mean()
    common = max((split.y_test == 1).mean(), (split.y_test == -1).mean())
    assert right >= 0.93
    assert common <= 0.65
    moved = np.roll(split.x_test[:, :64].reshape(-1, 8, 8), 1, axis=2)
    moved[:, :, 0] = 0
    moved = neuron.with_bias(moved.reshape(-1, 64))
    assert (neuron.perceptron_predict(run.w, moved) == split.y_test).mean() < 0.75
