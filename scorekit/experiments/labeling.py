"""Class proportions by a nearest-neighbor classifier that is trained on the spot, corrected for its confusions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from scorekit.datasets import ImageData
from scorekit.experiments.features import PixelFeatures, features_of
from scorekit.metrics._nearest_neighbors import nearest
from scorekit.metrics._proportions import Proportions, html, table

__all__ = ["CorrectedProportions", "PixelClassifier", "corrected_proportions"]

_COMPONENTS = 50
_NEIGHBORS = 5
_DRAWS = 400
_LEVEL = 0.95
_STEPS = 200
_PERMUTED = 9_999


@dataclass(frozen=True)
class PixelClassifier:
    """The class of most of the five nearest training images, in the first 50 principal components of the pixels."""

    pixels: PixelFeatures
    known: Any
    labels: Any

    @classmethod
    def of(cls, data: ImageData) -> PixelClassifier:
        """The classifier of labeled images."""
        pixels = PixelFeatures.of(data.images).first(_COMPONENTS)
        return cls(pixels, features_of(data.images, pixels, "the pixels"), np.asarray(data.labels))

    def __call__(self, images: Any) -> Any:
        """The labels ``(n,)`` of images ``(n, c, h, w)``."""
        k = min(_NEIGHBORS, len(self.known))
        near = self.labels[nearest(features_of(images, self.pixels, "the pixels"), self.known, k).indices]
        votes = np.sum(near[:, :, None] == np.arange(self.labels.max() + 1), axis=1)
        votes = votes + 0.5 * (near[:, :1] == np.arange(votes.shape[1]))  # ties go to the nearest image
        return np.argmax(votes, axis=1)

    def __str__(self) -> str:
        return f"{_NEIGHBORS} nearest training images in {self.pixels}"


class CorrectedProportions(NamedTuple):
    """Corrected proportions of the classes with intervals, and the held-out ``confusion`` of the classifier.

    ``confusion[i, j]`` is the proportion of the held-out images of class i that get the label j, NaN without images.
    ``p_value`` belongs to "samples and held-out images get the same labels".
    """

    proportions: Any
    lower: Any
    upper: Any
    truth: Any
    classes: tuple[str, ...]
    n: int
    held_out: int
    accuracy: float
    confusion: Any
    p_value: float
    classifier: str

    def __str__(self) -> str:
        found = Proportions(self.proportions, self.lower, self.upper)
        return "\n".join([*table("class", self.classes, found, self.truth, _LEVEL), *self._notes()])

    def __repr__(self) -> str:
        return (
            f"CorrectedProportions({len(self.classes)} classes, {self.n} samples, held-out accuracy "
            f"{self.accuracy:.4f}, p_value={self.p_value:.3g})"
        )

    def _repr_html_(self) -> str:
        found = Proportions(self.proportions, self.lower, self.upper)
        return html("class", self.classes, found, self.truth, _LEVEL, "; ".join(self._notes()))

    def _notes(self) -> list[str]:
        confused = "".join(f"; {text}" for text in self._confused())
        return [
            f"{self.n} samples; classifier: {self.classifier}",
            f"accuracy on {self.held_out} held-out images {self.accuracy:.4f}{confused}",
            "the proportions are corrected for these confusions, as if samples were confused like held-out images",
            f"p-value of equal labels of samples and held-out images {self.p_value:.3g}",
        ]

    @property
    def total_variation(self) -> float:
        """½ Σ |proportion − truth|."""
        return float(np.sum(np.abs(self.proportions - self.truth)) / 2)

    def _confused(self) -> list[str]:
        """The three most frequent confusions."""
        off = np.nan_to_num(self.confusion) * ~np.eye(len(self.classes), dtype=bool)
        pairs = [np.unravel_index(place, off.shape) for place in np.argsort(-off, axis=None)[:3]]
        return [f"{self.classes[i]} as {self.classes[j]} {off[i, j]:.3f}" for i, j in pairs if off[i, j] > 0]


@dataclass(frozen=True)
class _Counts:
    """The labels of samples ``(k,)``, and of held-out images by their class ``(k, k)``."""

    samples: Any
    held_out: Any

    @cached_property
    def confusion(self) -> Any:
        sizes = self.held_out.sum(axis=1, keepdims=True)
        return np.where(sizes > 0, self.held_out / np.maximum(sizes, 1), np.nan)


def corrected_proportions(
    images: Any, training: ImageData, held_out: ImageData, classify: Callable[[Any], Any] | None = None
) -> CorrectedProportions:
    """The proportions of classes in samples, estimated with a classifier that makes errors.

    With M_ij the probability that an image of class i gets the label j, the labels of samples have the distribution
    Mᵀp. M is estimated on held-out images, and p maximizes the likelihood of the labels of the samples over the simplex
    (EM). This assumes that samples of a class are confused like real images of that class. Intervals are quantiles over
    draws of M and of the label distribution from their Dirichlet posteriors. The p-value compares the labels themselves
    and needs no correction: it is that of a permutation test of equal label distributions.

    Args:
        images: the samples, ``(n, c, h, w)``.
        training: the labeled training images.
        held_out: the labeled held-out images.
        classify: maps images to labels; None for a :class:`PixelClassifier` of the training images.

    Source: the estimate is that of Saerens, Latinne and Decaestecker, Adjusting the outputs of a classifier to new a
    priori probabilities (2002), doi:10.1162/089976602753284446, for hard labels.
    """
    classify = PixelClassifier.of(training) if classify is None else classify
    names, k = tuple(map(str, training.classes)), len(training.classes)
    labels, real = classify(images), classify(held_out.images)
    by_class = np.zeros((k, k), dtype=np.int64)
    np.add.at(by_class, (held_out.labels, real), 1)
    counts = _Counts(np.bincount(labels, minlength=k), by_class)
    generator = np.random.default_rng(0)
    point = _most_likely(counts.samples[None].astype(float), _completed(counts.confusion)[None])[0]
    draws = _most_likely(
        np.stack([generator.dirichlet(counts.samples + 1 / k) for _ in range(_DRAWS)]),
        np.stack([_drawn(by_class, generator) for _ in range(_DRAWS)]),
    )
    tail = (1 - _LEVEL) / 2
    return CorrectedProportions(
        point,
        np.quantile(draws, tail, axis=0),
        np.quantile(draws, 1 - tail, axis=0),
        training.counts / len(training),
        names,
        len(images),
        len(held_out),
        float(np.mean(real == held_out.labels)),
        counts.confusion,
        _equal_labels(counts.samples, by_class.sum(axis=0), generator),
        str(classify),
    )


def _drawn(by_class: Any, generator: np.random.Generator) -> Any:
    """A confusion from its posterior; the identity for classes without held-out images."""
    k = len(by_class)
    return np.stack([generator.dirichlet(row + 1 / k) if row.sum() else np.eye(k)[i] for i, row in enumerate(by_class)])


def _completed(confusion: Any) -> Any:
    """The confusion with the identity for classes without held-out images."""
    return np.where(np.isnan(confusion), np.eye(len(confusion)), confusion)


def _most_likely(labels: Any, confusion: Any) -> Any:
    """The proportions p in the simplex that maximize Σ_j labels_j log (Mᵀp)_j, for each of many problems, by EM."""
    labels = labels / labels.sum(axis=1, keepdims=True)
    p = np.full(labels.shape, 1 / labels.shape[1])
    for _ in range(_STEPS):
        expected = np.einsum("ri,rij->rj", p, confusion)
        ratio = np.where(expected > 0, labels / np.where(expected > 0, expected, 1), 0)
        p = p * np.einsum("rij,rj->ri", confusion, ratio)
        p /= p.sum(axis=1, keepdims=True)
    return p


def _equal_labels(a: Any, b: Any, generator: np.random.Generator) -> float:
    """The p-value of equal distributions of two vectors of counts, by Pearson's statistic over random relabelings."""
    both, n, m = a + b, int(a.sum()), int(b.sum())
    kept = both > 0
    share = both[kept] / (n + m)

    def statistic(counts: Any) -> Any:
        return np.sum((counts - n * share) ** 2 / share, axis=-1)

    drawn = generator.multivariate_hypergeometric(both[kept], n, size=_PERMUTED)
    ties = 1e-9 * (1 + statistic(a[kept]))
    return (1 + int(np.sum(statistic(drawn) >= statistic(a[kept]) - ties))) / (1 + _PERMUTED)
