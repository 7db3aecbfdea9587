"""Widgets, each written once: live in JupyterLab, and without a kernel in the built book."""

from dlcourse.widgets.base import DualWidget
from dlcourse.widgets.cat_hierarchy import CatHierarchy
from dlcourse.widgets.flow import Flow, GradientFlow, gradient_flow
from dlcourse.widgets.frames import Frames, frames
from dlcourse.widgets.graph import ComputationGraph
from dlcourse.widgets.hidden_space import HiddenSpace
from dlcourse.widgets.ingredients import Ingredients
from dlcourse.widgets.perceptron import Perceptron
from dlcourse.widgets.predict import Outcome, Predict, it_did
from dlcourse.widgets.quiz import Quiz
from dlcourse.widgets.search_tree import SearchTree
from dlcourse.widgets.text_machine import TextMachine
from dlcourse.widgets.threshold import ThresholdUnit
from dlcourse.widgets.timeline import Timeline
from dlcourse.widgets.training_bill import TrainingBill

__all__ = [
    "CatHierarchy",
    "ComputationGraph",
    "DualWidget",
    "Flow",
    "Frames",
    "GradientFlow",
    "HiddenSpace",
    "Ingredients",
    "Outcome",
    "Perceptron",
    "Predict",
    "Quiz",
    "SearchTree",
    "TextMachine",
    "ThresholdUnit",
    "Timeline",
    "TrainingBill",
    "frames",
    "gradient_flow",
    "it_did",
]
