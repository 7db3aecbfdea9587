"""Data that need no network: real sets that scikit-learn brings along, and small generated ones.

digits = dl.data.digits()
x_train, x_test, y_train, y_test = dl.data.train_test(digits.x, digits.y, 0.3, seed=0)
"""

from dlcourse.data.clutter import moved_digits
from dlcourse.data.generated import logic, moons, spirals, xor
from dlcourse.data.real import breast_cancer, digits, iris, wine
from dlcourse.data.sets import Dataset, Split, train_test
from dlcourse.data.sketches import sketches
from dlcourse.data.texts import Text, manual

__all__ = [
    "Dataset",
    "Split",
    "Text",
    "breast_cancer",
    "digits",
    "iris",
    "logic",
    "manual",
    "moons",
    "moved_digits",
    "sketches",
    "spirals",
    "train_test",
    "wine",
    "xor",
]
