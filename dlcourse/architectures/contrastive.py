"""Pictures and words in one space: a picture lies close to the sentence that describes it.

Two encoders, one for images and one for captions, each end in a row of numbers of the same length.
Training pulls the rows of a picture and of its caption together and pushes all other pairs of the
batch apart. Nobody has to name classes: afterwards a list of captions is enough to sort pictures
that were never sorted before (zero-shot), and a sentence is enough to find a picture.
This is CLIP (Radford et al. 2021), which learned from 400 million pictures with captions.

Read layers/conv.py, layers/embedding.py and contrastive_loss in losses.py first.
"""

import math
from typing import Any

import numpy as np

from dlcourse.backprop import Parameter, Tensor, no_grad
from dlcourse.device import asarray, namespace, new_array
from dlcourse.layers import (
    Conv2d,
    Embedding,
    GlobalAvgPool2d,
    Linear,
    MaxPool2d,
    Module,
    ReLU,
    Sequential,
)
from dlcourse.losses import contrastive_loss, normalize

MAX_SCALE = 100.0  # cosines are multiplied by this at most: a temperature of 0.01


# --- Two small encoders -----------------------------------------------------------------------
class ImageEncoder(Sequential):
    """A small CNN: two convolutions, and the mean of each channel over the image.

    channels    of the images: 1 for grey, 3 for colours
    n_features  numbers per image that come out, at least 1
    seed        a whole number, or a numpy.random.Generator that several layers share

    Shape:   images (N, channels, H, W), H and W at least 2 -> (N, n_features)
    Raises:  ValueError if a size does not fit
    """

    def __init__(
        self, channels: int, n_features: int = 32, *, seed: int | np.random.Generator
    ) -> None:
        rng = np.random.default_rng(seed)
        super().__init__(
            Conv2d(channels, 16, 3, padding=1, seed=rng),
            ReLU(),
            MaxPool2d(2),
            Conv2d(16, n_features, 3, padding=1, seed=rng),
            ReLU(),
            GlobalAvgPool2d(),
        )


class TextEncoder(Module):
    """A bag of words: the mean of the words' embeddings. It knows which words, not their order.

    vocabulary  number of words, at least 2; word 0 is the padding behind short captions
    n_features  numbers per caption that come out, at least 1
    seed        a whole number, or a numpy.random.Generator that several layers share

    Shape:   captions (N, length) of whole numbers -> (N, n_features); 0 for an empty caption
    Raises:  ValueError if a size or a word does not fit; TypeError if words are not whole numbers
    """

    def __init__(
        self, vocabulary: int, n_features: int = 32, *, seed: int | np.random.Generator
    ) -> None:
        if vocabulary < 2:
            raise ValueError(
                "TextEncoder: word 0 is the padding, so that a vocabulary has at least 2 words. "
                f"Received: {vocabulary=}"
            )
        self.words = Embedding(vocabulary, n_features, seed=seed)

    def forward(self, captions: Any) -> Tensor:
        captions = asarray(captions)
        if captions.ndim != 2 or not captions.shape[1]:
            raise ValueError(
                "TextEncoder: expected captions of shape (N, length), filled up with 0. "
                f"Received: shape {tuple(captions.shape)}"
            )
        rows = self.words(captions)  # (N, length, n_features)
        xp = namespace(rows.data)
        there = xp.asarray(captions, device=rows.data.device) != 0
        there = xp.astype(there, rows.data.dtype)[..., None]  # (N, length, 1)
        return (rows * there).sum(axis=1) / xp.sum(there, axis=1).clip(1)


# --- The pair ---------------------------------------------------------------------------------
class ImageTextPair(Module):
    """An image encoder and a text encoder, each followed by a projection into one shared space.

    u = image_encoder(image) P,  v = text_encoder(caption) Q,  score = cos(u, v) / τ

    image_encoder   images -> (N, image_features): any Module, such as ImageEncoder
    text_encoder    captions -> (N, text_features): any Module, such as TextEncoder
    image_features, text_features   numbers per image and per caption that the encoders give
    embed_dim       numbers per row of the shared space, at least 1
    seed            a whole number, or a numpy.random.Generator: for the projections
    temperature     τ at the start, 0.01 … 100. It is learned too: as logit_scale = log(1 / τ), so
                    that it stays above 0. loss() first brings 1 / τ back to at most 100

    Shape:   images, captions as the encoders want them, N and M of them -> scores (N, M)
    Raises:  ValueError if a size or the temperature does not fit
    Source:  Radford et al. 2021, section 2.3 and figure 3
    """

    logit_scale: Parameter  # (), the logarithm of 1 / τ

    def __init__(
        self,
        image_encoder: Module,
        text_encoder: Module,
        image_features: int = 32,
        text_features: int = 32,
        embed_dim: int = 32,
        *,
        seed: int | np.random.Generator,
        temperature: float = 0.07,
    ) -> None:
        if not 1 / MAX_SCALE <= temperature <= MAX_SCALE:
            raise ValueError(
                f"ImageTextPair: the temperature lies in 0.01 … 100. Received: {temperature=}"
            )
        rng = np.random.default_rng(seed)
        self.image_encoder, self.text_encoder = image_encoder, text_encoder
        self.image_projection = Linear(image_features, embed_dim, bias=False, seed=rng, gain=1.0)
        self.text_projection = Linear(text_features, embed_dim, bias=False, seed=rng, gain=1.0)
        start = np.array(-math.log(temperature))
        self.logit_scale = Parameter(new_array(start), name="logit_scale")

    def forward(self, images: Any, captions: Any) -> Tensor:
        """Scores of every image with every caption, cosines divided by τ: (N, M)."""
        return self.similarity(images, captions) * self.logit_scale.exp()

    def embed_images(self, images: Any) -> Tensor:
        """One row of length 1 for each image: (N, embed_dim)."""
        return normalize(self.image_projection(self.image_encoder(images)))

    def embed_captions(self, captions: Any) -> Tensor:
        """One row of length 1 for each caption: (M, embed_dim)."""
        return normalize(self.text_projection(self.text_encoder(captions)))

    def similarity(self, images: Any, captions: Any) -> Tensor:
        """The cosine of every image with every caption, -1 … 1: (N, M)."""
        return self.embed_images(images) @ self.embed_captions(captions).T

    def loss(self, images: Any, captions: Any) -> Tensor:
        """contrastive_loss of a batch in which caption i belongs to image i, and to no other."""
        scale = self.logit_scale.data
        scale[...] = scale.clip(None, math.log(MAX_SCALE))
        u, v = self.embed_images(images), self.embed_captions(captions)
        return contrastive_loss(u, v, temperature=(-self.logit_scale).exp())

    @no_grad()
    def zero_shot(self, images: Any, captions_of_classes: Any) -> np.ndarray:
        """Probabilities of classes that are given by one caption each, on the CPU.

        Shape:   N images, captions of C classes -> (N, C), each row with the sum 1
        Source:  Radford et al. 2021, section 3.1.2
        """
        return self(images, captions_of_classes).softmax().numpy()

    @no_grad()
    def retrieve(self, captions: Any, images: Any, k: int = 1) -> np.ndarray:
        """The k images that fit each caption best, the best one first.

        Shape:   M captions, N images -> (M, k), numbers of images
        Raises:  ValueError if k lies outside 1 … N
        """
        cosines = self.similarity(images, captions).numpy()
        if not 1 <= k <= len(cosines):
            raise ValueError(
                f"retrieve: k lies between 1 and the number of images, {len(cosines)}. "
                f"Received: {k=}"
            )
        return np.argsort(-cosines.T, axis=1, kind="stable")[:, :k]
