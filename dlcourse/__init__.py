"""dlcourse: the helper package of the course *Deep Learning from the First Neuron*.

    import dlcourse as dl
    model = dl.Sequential(dl.Linear(64, 32, seed=0), dl.ReLU(), dl.Linear(32, 10, seed=1))

Read the files in this order: device, neuron, gradients, backprop, ops, graph,
layers, losses, optim, train, data.
`dl.data`, `dl.plots`, `dl.widgets` and `dl.classroom` are loaded at first use.
"""

import importlib
from typing import Any

from dlcourse.backprop import Parameter, Tensor, no_grad, op
from dlcourse.device import asarray, device, namespace, to_device, to_numpy, use
from dlcourse.graph import GraphNode, check_gradients, trace
from dlcourse.layers import Linear, Module, ReLU, Sequential, Sigmoid, Tanh
from dlcourse.losses import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    l1_loss,
    mse_loss,
)
from dlcourse.ops import (
    abs,
    concat,
    exp,
    linear,
    log,
    log_softmax,
    matmul,
    max,
    maximum,
    mean,
    permute,
    relu,
    reshape,
    sigmoid,
    softmax,
    sqrt,
    stack,
    sum,
    tanh,
    transpose,
    where,
)
from dlcourse.optim import SGD, Adam
from dlcourse.train import (
    STEPS,
    History,
    Step,
    accuracy,
    evaluate,
    fit,
    predict,
    training,
)

__version__ = "0.1.0"
__all__ = [
    "SGD",
    "STEPS",
    "Adam",
    "GraphNode",
    "History",
    "Linear",
    "Module",
    "Parameter",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Step",
    "Tanh",
    "Tensor",
    "abs",
    "accuracy",
    "asarray",
    "binary_cross_entropy_with_logits",
    "check_gradients",
    "concat",
    "cross_entropy",
    "device",
    "evaluate",
    "exp",
    "fit",
    "l1_loss",
    "linear",
    "log",
    "log_softmax",
    "matmul",
    "max",
    "maximum",
    "mean",
    "mse_loss",
    "namespace",
    "no_grad",
    "op",
    "permute",
    "predict",
    "relu",
    "reshape",
    "sigmoid",
    "softmax",
    "sqrt",
    "stack",
    "sum",
    "tanh",
    "to_device",
    "to_numpy",
    "trace",
    "training",
    "transpose",
    "use",
    "where",
]
_LAZY = ("classroom", "data", "plots", "widgets")


def __getattr__(name: str) -> Any:
    """Load a heavy part at its first use, so that `import dlcourse` stays quick."""
    if name in _LAZY:
        return importlib.import_module(f"dlcourse.{name}")
    raise AttributeError(f"module 'dlcourse' has no attribute {name!r}")
