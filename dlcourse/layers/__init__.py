"""The layers, in reading order: module, linear, activation, container, windows, conv,
conv_transpose, pooling, norm, dropout, embedding, recurrent, fused_lstm, positions, attention. The
functions behind them, such as conv2d, stand in the same files and have flat names in dlcourse.
"""

from dlcourse.layers.activation import GELU, ReLU, Sigmoid, Tanh
from dlcourse.layers.attention import (
    KeyValueCache,
    MultiHeadAttention,
    attention_weights,
    causal_mask,
    padding_mask,
    scaled_dot_product_attention,
)
from dlcourse.layers.container import Residual, Sequential
from dlcourse.layers.conv import Conv1d, Conv2d
from dlcourse.layers.conv_transpose import ConvTranspose1d, ConvTranspose2d
from dlcourse.layers.dropout import Dropout
from dlcourse.layers.embedding import Embedding
from dlcourse.layers.linear import Linear
from dlcourse.layers.module import Module
from dlcourse.layers.norm import BatchNorm1d, BatchNorm2d, GroupNorm, LayerNorm
from dlcourse.layers.pooling import (
    AvgPool1d,
    AvgPool2d,
    Flatten,
    GlobalAvgPool2d,
    MaxPool1d,
    MaxPool2d,
)
from dlcourse.layers.positions import (
    LearnedPositions,
    RotaryPositions,
    SinusoidalPositions,
    position_angles,
)
from dlcourse.layers.recurrent import GRU, LSTM, RNN, gru_cell, lstm_cell, rnn_cell

__all__ = [
    "GELU",
    "GRU",
    "LSTM",
    "RNN",
    "AvgPool1d",
    "AvgPool2d",
    "BatchNorm1d",
    "BatchNorm2d",
    "Conv1d",
    "Conv2d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "Dropout",
    "Embedding",
    "Flatten",
    "GlobalAvgPool2d",
    "GroupNorm",
    "KeyValueCache",
    "LayerNorm",
    "LearnedPositions",
    "Linear",
    "MaxPool1d",
    "MaxPool2d",
    "Module",
    "MultiHeadAttention",
    "ReLU",
    "Residual",
    "RotaryPositions",
    "Sequential",
    "Sigmoid",
    "SinusoidalPositions",
    "Tanh",
    "attention_weights",
    "causal_mask",
    "gru_cell",
    "lstm_cell",
    "padding_mask",
    "position_angles",
    "rnn_cell",
    "scaled_dot_product_attention",
]
