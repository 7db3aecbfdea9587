"""The layers, in reading order: module, linear, activation, container."""

from dlcourse.layers.activation import ReLU, Sigmoid, Tanh
from dlcourse.layers.container import Sequential
from dlcourse.layers.linear import Linear
from dlcourse.layers.module import Module

__all__ = ["Linear", "Module", "ReLU", "Sequential", "Sigmoid", "Tanh"]
