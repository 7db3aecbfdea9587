"""Widgets, each written once: live in JupyterLab, and without a kernel in the built book."""

from dlcourse.widgets.base import DualWidget
from dlcourse.widgets.flow import Flow, GradientFlow, gradient_flow
from dlcourse.widgets.frames import Frames, frames
from dlcourse.widgets.graph import ComputationGraph
from dlcourse.widgets.hidden_space import HiddenSpace
from dlcourse.widgets.perceptron import Perceptron
from dlcourse.widgets.predict import Outcome, Predict, it_did
from dlcourse.widgets.quiz import Quiz
from dlcourse.widgets.threshold import ThresholdUnit

__all__ = [
    "ComputationGraph",
    "DualWidget",
    "Flow",
    "Frames",
    "GradientFlow",
    "HiddenSpace",
    "Outcome",
    "Perceptron",
    "Predict",
    "Quiz",
    "ThresholdUnit",
    "frames",
    "gradient_flow",
    "it_did",
]
