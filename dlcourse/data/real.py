"""Real, small data sets that are installed with scikit-learn. Each function names its source."""

import importlib
from typing import Any

import numpy as np

from dlcourse.data.sets import Dataset


def digits() -> Dataset:
    """Handwritten digits: 1,797 pictures of 8 x 8 pixels, ink from 0 to 1 in steps of 1/16.

    x (1797, 64), y the digit. A picture is x[i].reshape(8, 8).
    """
    raw = _load("digits")
    return Dataset(
        x=(raw.data / 16).astype(np.float32),
        y=raw.target.astype(np.int64),
        names=tuple(str(name) for name in raw.target_names),
        features=tuple(raw.feature_names),
        source=(
            "Alpaydin and Kaynak 1998, Optical Recognition of Handwritten Digits, UCI Machine "
            "Learning Repository: its test part, by 13 writers. Each pixel counts the dark points "
            "in a 4 x 4 block of a 32 x 32 scan; here divided by 16."
        ),
    )


def iris() -> Dataset:
    """Iris flowers: 4 lengths in cm of 150 flowers, 50 of each of 3 species. x (150, 4)."""
    return _table(
        "iris",
        "Fisher 1936, The use of multiple measurements in taxonomic problems, Annals of "
        "Eugenics 7; measured by Edgar Anderson. The UCI repository's copy has two wrong entries.",
    )


def wine() -> Dataset:
    """Wines: 13 chemical measurements of 178 wines from 3 growers.

    x (178, 13), in very different units.
    """
    return _table(
        "wine",
        "Forina and others 1988, PARVUS; Aeberhard and Forina 1991, Wine, UCI Machine Learning "
        "Repository. Wines of one Italian region from three growers.",
    )


def breast_cancer() -> Dataset:
    """Tumours: 30 measurements of cell nuclei from 569 patients.

    x (569, 30), y 0 for malignant, 1 for benign.
    """
    return _table(
        "breast_cancer",
        "Street, Wolberg and Mangasarian 1993; Breast Cancer Wisconsin (Diagnostic), UCI Machine "
        "Learning Repository 1995. Measured on pictures of fine needle samples.",
    )


def _table(name: str, source: str) -> Dataset:
    raw = _load(name)
    return Dataset(
        x=raw.data.astype(np.float32),
        y=raw.target.astype(np.int64),
        names=tuple(str(name) for name in raw.target_names),
        features=tuple(str(feature) for feature in raw.feature_names),
        source=source,
    )


def _load(name: str) -> Any:
    """The set as scikit-learn gives it; imported here, because that takes about a second."""
    try:
        datasets = importlib.import_module("sklearn.datasets")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"data.{name}() comes with scikit-learn, which is not installed. "
            "To get it: pip install scikit-learn"
        ) from error
    return getattr(datasets, f"load_{name}")()
