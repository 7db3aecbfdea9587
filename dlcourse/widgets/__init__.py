"""Widgets, each written once: live in JupyterLab, and without a kernel in the built book."""

from dlcourse.widgets.base import DualWidget
from dlcourse.widgets.frames import Frames, frames
from dlcourse.widgets.perceptron import Perceptron
from dlcourse.widgets.predict import Outcome, Predict, it_did
from dlcourse.widgets.quiz import Quiz
from dlcourse.widgets.threshold import ThresholdUnit

__all__ = [
    "DualWidget",
    "Frames",
    "Outcome",
    "Perceptron",
    "Predict",
    "Quiz",
    "ThresholdUnit",
    "frames",
    "it_did",
]
