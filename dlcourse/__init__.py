"""dlcourse: the helper package of the course *Deep Learning from the First Neuron*.

    import dlcourse as dl
    model = dl.Sequential(dl.Linear(64, 32, seed=0), dl.ReLU(), dl.Linear(32, 10, seed=1))

Read the files in this order: allocator, device, neuron, gradients, anomaly, backprop, ops,
nonlinear, graph, layers, losses, optim, schedules, train, checkpoint, games, architectures, data.
`dl.architectures`, `dl.games`, `dl.data`, `dl.plots`, `dl.widgets` and `dl.classroom` are loaded
at first use.
"""

import importlib
from typing import Any

from dlcourse.allocator import keep_freed_memory
from dlcourse.anomaly import detect_anomaly
from dlcourse.backprop import Parameter, Tensor, no_grad, op
from dlcourse.checkpoint import EarlyStopping, load_checkpoint, save_checkpoint
from dlcourse.device import asarray, device, namespace, to_device, to_numpy, use
from dlcourse.graph import GraphNode, check_gradients, trace
from dlcourse.layers import (
    GELU,
    GRU,
    LSTM,
    RNN,
    AvgPool1d,
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Conv1d,
    Conv2d,
    ConvTranspose1d,
    ConvTranspose2d,
    Dropout,
    Embedding,
    Flatten,
    GlobalAvgPool2d,
    GroupNorm,
    KeyValueCache,
    LayerNorm,
    LearnedPositions,
    Linear,
    MaxPool1d,
    MaxPool2d,
    Module,
    MultiHeadAttention,
    ReLU,
    Residual,
    RotaryPositions,
    Sequential,
    Sigmoid,
    SinusoidalPositions,
    Tanh,
    attention_weights,
    causal_mask,
    gru_cell,
    lstm_cell,
    padding_mask,
    position_angles,
    rnn_cell,
    scaled_dot_product_attention,
)
from dlcourse.layers.conv import conv1d, conv2d
from dlcourse.layers.conv_transpose import conv_transpose1d, conv_transpose2d
from dlcourse.layers.dropout import dropout
from dlcourse.layers.embedding import embedding
from dlcourse.layers.norm import batch_norm, group_norm, layer_norm
from dlcourse.layers.pooling import (
    avg_pool1d,
    avg_pool2d,
    global_avg_pool2d,
    max_pool1d,
    max_pool2d,
)
from dlcourse.losses import (
    binary_cross_entropy_with_logits,
    contrastive_loss,
    cross_entropy,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    normalize,
)
from dlcourse.nonlinear import gelu, log_softmax, relu, sigmoid, softmax, tanh
from dlcourse.ops import (
    abs,
    concat,
    exp,
    linear,
    log,
    matmul,
    max,
    maximum,
    mean,
    permute,
    reshape,
    sqrt,
    stack,
    sum,
    transpose,
    where,
)
from dlcourse.optim import SGD, Adam, AdamW, RMSprop, clip_grad_norm
from dlcourse.schedules import ConstantSchedule, CosineSchedule, StepSchedule
from dlcourse.train import STEPS, History, Step, accuracy, evaluate, fit, predict, training

__all__ = [
    "GELU",
    "GRU",
    "LSTM",
    "RNN",
    "SGD",
    "STEPS",
    "Adam",
    "AdamW",
    "AvgPool1d",
    "AvgPool2d",
    "BatchNorm1d",
    "BatchNorm2d",
    "ConstantSchedule",
    "Conv1d",
    "Conv2d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "CosineSchedule",
    "Dropout",
    "EarlyStopping",
    "Embedding",
    "Flatten",
    "GlobalAvgPool2d",
    "GraphNode",
    "GroupNorm",
    "History",
    "KeyValueCache",
    "LayerNorm",
    "LearnedPositions",
    "Linear",
    "MaxPool1d",
    "MaxPool2d",
    "Module",
    "MultiHeadAttention",
    "Parameter",
    "RMSprop",
    "ReLU",
    "Residual",
    "RotaryPositions",
    "Sequential",
    "Sigmoid",
    "SinusoidalPositions",
    "Step",
    "StepSchedule",
    "Tanh",
    "Tensor",
    "abs",
    "accuracy",
    "asarray",
    "attention_weights",
    "avg_pool1d",
    "avg_pool2d",
    "batch_norm",
    "binary_cross_entropy_with_logits",
    "causal_mask",
    "check_gradients",
    "clip_grad_norm",
    "concat",
    "contrastive_loss",
    "conv1d",
    "conv2d",
    "conv_transpose1d",
    "conv_transpose2d",
    "cross_entropy",
    "detect_anomaly",
    "device",
    "dropout",
    "embedding",
    "evaluate",
    "exp",
    "fit",
    "gelu",
    "global_avg_pool2d",
    "group_norm",
    "gru_cell",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "linear",
    "load_checkpoint",
    "log",
    "log_softmax",
    "lstm_cell",
    "matmul",
    "max",
    "max_pool1d",
    "max_pool2d",
    "maximum",
    "mean",
    "mse_loss",
    "namespace",
    "no_grad",
    "normalize",
    "op",
    "padding_mask",
    "permute",
    "position_angles",
    "predict",
    "relu",
    "reshape",
    "rnn_cell",
    "save_checkpoint",
    "scaled_dot_product_attention",
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
keep_freed_memory()
_LAZY = ("architectures", "classroom", "data", "games", "plots", "widgets")


def __getattr__(name: str) -> Any:
    """Load a heavy part at its first use, so that `import dlcourse` stays quick."""
    if name in _LAZY:
        return importlib.import_module(f"dlcourse.{name}")
    raise AttributeError(f"module 'dlcourse' has no attribute {name!r}")
