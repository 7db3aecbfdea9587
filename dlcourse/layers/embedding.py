"""Embedding: a table with one row of numbers for each word or letter, learned like weights."""

from typing import Any

import numpy as np

from dlcourse.backprop import Parameter, Tensor, op
from dlcourse.device import asarray, is_float, namespace, new_array
from dlcourse.gradients import Part
from dlcourse.layers.module import Module


def embedding(index: Any, weight: Any) -> Tensor:
    """The rows of the table at these numbers: y[…, :] = weight[index[…], :].

    The same as a one-hot vector times the table.   dweight[i] = Σ of g wherever index = i

    Shape:   index (...) of whole numbers 0 … rows - 1, weight (rows, d) -> (..., d)
    Raises:  TypeError if the index is not made of whole numbers; ValueError if one has no row
    Source:  Bengio et al. 2003
    """
    index = asarray(index)
    if is_float(index) or "int" not in str(index.dtype):
        raise TypeError(
            "embedding: expected whole numbers in a plain array, such as tokens.astype(int). "
            f"Received: dtype {index.dtype}"
        )
    if len(weight.shape) != 2:
        raise ValueError(
            f"embedding: expected a table of shape (rows, d). Received: {tuple(weight.shape)}"
        )
    rows = weight.shape[0]
    if 0 not in index.shape and (int(index.min()) < 0 or int(index.max()) >= rows):
        raise ValueError(
            f"embedding: numbers go from 0 to {rows - 1} for a table of {rows} rows. "
            f"Received: {int(index.min())} to {int(index.max())}"
        )
    return _embedding(weight, index=index)


@op
def _embedding(weight, index):
    """y = weight[index].   dweight = g added up at the rows in index"""
    index = namespace(weight).asarray(index, device=weight.device)
    return weight[index], lambda g: Part(index, g)


class Embedding(Module):
    """One learned row of embedding_dim numbers for each of num_embeddings things.

    num_embeddings  how many rows, at least 1: the size of the vocabulary
    embedding_dim   numbers per row, at least 1
    seed            a whole number, or a numpy.random.Generator that several layers share
    gain            width of the start values ~ N(0, gain²); 1 as in PyTorch, GPT-2 takes 0.02

    Shape:   index (...) of whole numbers -> (..., embedding_dim)
    Raises:  TypeError or ValueError as in embedding
    Source:  Bengio et al. 2003; Mikolov et al. 2013
    """

    weight: Parameter  # (num_embeddings, embedding_dim)

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        *,
        seed: int | np.random.Generator,
        gain: float = 1.0,
    ) -> None:
        if num_embeddings < 1 or embedding_dim < 1:
            raise ValueError(
                "Embedding needs sizes of at least 1. "
                f"Received: {num_embeddings=}, {embedding_dim=}"
            )
        start = np.random.default_rng(seed).standard_normal((num_embeddings, embedding_dim)) * gain
        self.weight = Parameter(new_array(start), name="weight")

    def forward(self, index: Any) -> Tensor:
        return embedding(index, self.weight)

    def summary(self) -> str:
        """For example "Embedding(64, 16)"."""
        return f"Embedding({self.weight.shape[0]}, {self.weight.shape[1]})"
