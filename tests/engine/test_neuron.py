"""Threshold unit, perceptron, Hebb, Oja and sigmoid unit against independent implementations."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.linear_model import Perceptron
from sklearn.preprocessing import scale
from sklearn.svm import LinearSVC

from dlcourse import neuron


def separable(rng: np.random.Generator, samples: int = 40, n: int = 3):
    """Random samples with a column of ones and labels from a random line, with a gap."""
    x = neuron.with_bias(rng.normal(size=(samples, n)))
    score = x @ rng.normal(size=n + 1)
    keep = np.abs(score) > 0.2
    return x[keep], np.sign(score[keep]).astype(int)


@pytest.mark.parametrize(
    ("weights", "threshold", "expected"),
    [
        ([1, 1], 2, [0, 0, 0, 1]),
        ([1, 1], 1, [0, 1, 1, 1]),
        ([-1, 1], 1, [0, 1, 0, 0]),
        ([0, 0], 0, [1, 1, 1, 1]),
    ],
)
def test_threshold_unit_fires_at_the_threshold(weights, threshold, expected):
    out = neuron.mcculloch_pitts(neuron.truth_table(2), weights, threshold)
    assert out.tolist() == expected
    assert out.dtype == np.int64


def test_threshold_unit_takes_one_sample_and_stacks_of_batches():
    x = np.random.default_rng(0).integers(0, 2, size=(2, 5, 3))
    weights = [2, -1, 1]
    out = neuron.mcculloch_pitts(x, weights, 1)
    assert out.shape == (2, 5)
    assert out[1, 4] == neuron.mcculloch_pitts(x[1, 4], weights, 1)


def test_wrong_number_of_weights_is_explained():
    with pytest.raises(ValueError, match=r"One weight for each input.*\(4, 2\).*\(3,\)"):
        neuron.mcculloch_pitts(neuron.truth_table(2), [1, 1, 1], 1)
    with pytest.raises(ValueError, match="One weight for each input"):
        neuron.sigmoid_neuron(np.ones((4, 2)), np.ones((2, 2)), 0.0)
    with pytest.raises(ValueError, match="One weight for each input"):
        neuron.sigmoid_neuron(1.0, 2.0, 0.0)


@pytest.mark.parametrize("size", [0.5, 300])
def test_sigmoid_unit_agrees_with_torch_even_far_out(size):
    rng = np.random.default_rng(1)
    x, weights = rng.normal(size=(40, 4)) * size, rng.normal(size=4)
    expected = torch.sigmoid(torch.tensor(x @ weights + 0.5)).numpy()
    np.testing.assert_allclose(neuron.sigmoid_neuron(x, weights, 0.5), expected, atol=1e-15)
    assert neuron.sigmoid_neuron([1, 1], [2, -1], -1) == 0.5


def test_lists_and_tables_do_as_well_as_arrays():
    assert neuron.mcculloch_pitts([[0, 1], [1, 1]], [1, 1], 2).tolist() == [0, 1]
    assert neuron.is_separable([[0], [1]], [0, 1]) is True
    assert neuron.is_separable([[0], [1], [2]], [0, 1, 0]) is False
    x, y = [[2, 1], [-1, 1], [3, 1]], [1, -1, 1]
    run = neuron.train_perceptron(x, y)
    table, labels = pd.DataFrame(x), pd.Series(y, index=[7, 8, 9])
    again = neuron.train_perceptron(table, labels)
    assert run.weights.tolist() == again.weights.tolist()
    assert run.weights.shape == (sum(run.mistakes) + 1, 2)
    assert neuron.novikoff_bound(x, y) == neuron.novikoff_bound(table, labels)


def test_truth_table_counts_upwards():
    assert neuron.truth_table(3).tolist() == [list(row) for row in product([0, 1], repeat=3)]


@pytest.mark.parametrize(("n", "max_weight", "known"), [(1, 1, 4), (2, 1, 14), (3, 2, 104)])
def test_grid_of_weights_finds_what_linear_programming_finds(n, max_weight, known):
    grid = neuron.threshold_functions(n, max_weight)
    x = neuron.truth_table(n)
    program = {f for f in product([0, 1], repeat=2**n) if neuron.is_separable(x, np.array(f))}
    assert grid == program
    assert len(grid) == known
    assert {type(bit) for function in grid for bit in function} == {int}


@pytest.mark.parametrize("max_weight", [0, 1])
def test_small_weights_give_what_every_threshold_gives(max_weight):
    x, every = neuron.truth_table(3), range(-max_weight, max_weight + 1)
    expected = {
        tuple(int(x_i @ np.array(w) >= t) for x_i in x)
        for w in product(every, repeat=3)
        for t in range(-4, 5)
    }
    assert neuron.threshold_functions(3, max_weight) == expected
    assert len(expected) < 104  # not all of them


def test_all_1882_threshold_functions_of_four_inputs():
    """The number is known (Muroga 1971), so weights up to 3 are enough."""
    assert len(neuron.threshold_functions(4, 3)) == 1882


def test_bias_is_the_last_column():
    assert neuron.with_bias([[2, 3], [4, 5], [6, 7]]).tolist() == [[2, 3, 1], [4, 5, 1], [6, 7, 1]]


def test_the_line_itself_is_on_the_positive_side():
    assert neuron.perceptron_predict([1, -1], [[2, 1], [1, 1], [0, 1]]).tolist() == [1, 1, -1]


@pytest.mark.parametrize(
    ("w", "x", "y", "expected"),
    [
        ([1, -1, 0], [2, 1, 1], -1, [-1, -2, -1]),  # wrong side
        ([1, -1, 0], [2, 1, 1], 1, [1, -1, 0]),  # right side: unchanged
        ([1, -2, 0], [2, 1, 1], 1, [3, -1, 1]),  # on the line counts as a mistake
    ],
)
def test_perceptron_step(w, x, y, expected):
    w = np.array(w, dtype=float)
    before = w.copy()
    assert neuron.perceptron_step(w, np.array(x, dtype=float), y).tolist() == expected
    assert w.tolist() == before.tolist()


def test_labels_zero_and_one_are_refused():
    with pytest.raises(ValueError, match=r"\+1 or -1. Received: y=0"):
        neuron.perceptron_step(np.zeros(2), np.ones(2), 0)


@pytest.mark.parametrize("seed", range(5))
def test_training_is_the_same_as_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    x, y = separable(rng)
    ours = neuron.train_perceptron(x, y, epochs=30, seed=None)
    rounds = len(ours.mistakes)
    theirs = Perceptron(shuffle=False, tol=None, max_iter=rounds).fit(x[:, :-1], y)
    expected = np.append(theirs.coef_[0], theirs.intercept_)
    np.testing.assert_allclose(ours.w, expected, atol=1e-12)
    assert (neuron.perceptron_predict(ours.w, x) == theirs.predict(x[:, :-1])).all()


@pytest.mark.parametrize("seed", range(5))
def test_mistakes_never_exceed_novikoff(seed):
    x, y = separable(np.random.default_rng(seed))
    bound = neuron.novikoff_bound(x, y)
    for order in range(20):
        run = neuron.train_perceptron(x, y, epochs=10_000, seed=order)
        assert run.settled
        assert sum(run.mistakes) <= bound
        assert len(run.weights) == sum(run.mistakes) + 1


def test_margin_is_that_of_a_support_vector_machine():
    x, y = separable(np.random.default_rng(0))
    machine = LinearSVC(C=1e6, loss="hinge", fit_intercept=False, max_iter=1_000_000, tol=1e-9)
    gamma = 1 / np.linalg.norm(machine.fit(x, y).coef_)
    radius = np.linalg.norm(x, axis=1).max()
    bound = neuron.novikoff_bound(x, y)
    assert bound == pytest.approx((radius / gamma) ** 2, rel=1e-4)
    assert type(bound) is float
    assert neuron.novikoff_bound(x * 1e-9, y) == pytest.approx(bound)  # the unit does not matter


def test_no_bound_without_a_separating_line():
    with pytest.raises(ValueError, match="No line"):
        neuron.novikoff_bound(neuron.with_bias(neuron.truth_table(2)), [-1, 1, 1, -1])


def test_training_stops_at_the_last_epoch_when_it_cannot_settle():
    x = neuron.with_bias(neuron.truth_table(2))
    run = neuron.train_perceptron(x, [-1, 1, 1, -1], epochs=50)
    assert not run.settled
    assert len(run.mistakes) == 50
    assert min(run.mistakes) > 0
    assert len(neuron.train_perceptron(x, [-1, 1, 1, -1]).mistakes) == 100
    with pytest.raises(AttributeError):
        run.settled = True  # a record of what happened


def test_same_seed_same_run_and_other_seed_other_order():
    x, y = scale(load_iris().data)[50:], np.repeat([1, -1], 50)
    runs = [neuron.train_perceptron(x, y, epochs=5, seed=s).mistakes for s in (0, 0, 1)]
    assert runs[0] == runs[1] != runs[2]
    assert neuron.train_perceptron(x, y, epochs=5).mistakes == runs[0]  # 0 unless told otherwise


def test_hebb_and_oja_steps_by_hand():
    w, x = np.array([0.5, -1.0, 2.0]), np.array([2.0, 1.0, 1.0])
    # y = 1 - 1 + 2 = 2
    np.testing.assert_allclose(neuron.hebb_step(w, x, 0.1), [0.9, -0.8, 2.2])
    np.testing.assert_allclose(neuron.oja_step(w, x, 0.1), [0.7, -0.4, 1.4])


@pytest.mark.parametrize("seed", range(5))
def test_oja_finds_the_first_principal_component(seed):
    x = scale(load_wine().data)
    rng = np.random.default_rng(seed)
    w = rng.normal(size=13) / 4
    for i in np.concatenate([rng.permutation(len(x)) for _ in range(20)]):
        w = neuron.oja_step(w, x[i], 0.002)
    first = PCA(1).fit(x).components_[0]
    assert abs(w @ first) / np.linalg.norm(w) >= 0.99
    assert np.linalg.norm(w) == pytest.approx(1, abs=0.02)
