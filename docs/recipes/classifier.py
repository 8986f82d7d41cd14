"""A small classifier, whose features and confidence measure generated images.

Fréchet and kernel distances, precision and recall compare features, and the caller chooses the features. For
digits and Fashion-MNIST the features of a classifier are better than pixels. The classifier
trains in minutes on a CPU, so it ships as this recipe and not as weights. Copy the file next to your script::

    model = train_classifier(images, labels, rng=0)              # NumPy arrays, (n, c, h, w) and (n,)
    accuracy(model, held_out_images, held_out_labels)
    sk.metrics.frechet_distance(features(model, held_out_images), features(model, samples))
    sk.metrics.class_proportions(samples, lambda x: probabilities(model, x), confidence=0.9)
    (confidence(model, samples) > 0.9).mean()                    # compare with held_out_images

Compare features only if they come from the same trained network: save the weights (``safetensors``) with the
numbers. State the accuracy on held-out images with every number.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional

__all__ = ["Classifier", "accuracy", "confidence", "features", "probabilities", "train_classifier"]


class Classifier(nn.Module):
    """Four convolutions, each with a batch normalization, then a mean over the remaining pixels and a linear layer.

    Two or three of the convolutions halve the image (three for 16 pixels or more), so any size of at least 4×4 works.
    """

    def __init__(self, channels: int, classes: int, size: int, width: int = 32) -> None:
        super().__init__()

        def block(inputs: int, outputs: int, stride: int) -> list[nn.Module]:
            convolution = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
            return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]

        self.body = nn.Sequential(
            *block(channels, width, 2 if size >= 16 else 1),
            *block(width, 2 * width, 2),
            *block(2 * width, 4 * width, 2),
            *block(4 * width, 4 * width, 1),
        )
        self.head = nn.Linear(4 * width, classes)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """The mean of each channel of the last layer, ``(n, 4 width)``."""
        return self.body(x).mean(dim=(2, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The logits ``(n, classes)``."""
        return self.head(self.features(x))


def train_classifier(
    images: np.ndarray,
    labels: np.ndarray,
    *,
    steps: int = 800,
    batch_size: int = 128,
    learning_rate: float = 3e-3,
    width: int = 32,
    rng: int = 0,
) -> Classifier:
    """Trains a classifier of ``images (n, c, h, w)`` in [0, 1] with ``labels (n,)``, 0, 1, …; it is in evaluation mode.

    AdamW with a one-cycle learning rate. Each image of a batch is shifted by up to a twelfth of its width (one pixel of
    8×8, two of 28×28), which helps as much as several times the data. Each batch also has half as many images of no
    class, see ``_in_doubt``: without them the network is as confident on noise as on data, and its confidence is no
    measure of quality. ``rng`` is a seed; torch's global generator is not changed.
    """
    x, y = torch.tensor(images, dtype=torch.float32), torch.tensor(labels, dtype=torch.int64)
    if x.ndim != 4 or y.shape != x.shape[:1]:
        raise ValueError(
            f"images have shape {tuple(x.shape)}, labels {tuple(y.shape)}: expected (n, c, h, w) and (n,)."
        )
    target = functional.one_hot(y).float()
    generator = torch.Generator().manual_seed(rng)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(rng)  # layers draw their first weights from the global generator
        model = Classifier(x.shape[1], int(y.max()) + 1, x.shape[3], width)
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps)
    for _ in range(steps):
        rows = torch.randint(len(x), (batch_size,), generator=generator)
        real = _moved(x[rows], max(1, round(x.shape[3] / 12)), generator)
        doubtful, proportions = _in_doubt(real[: batch_size // 2], target[rows[: batch_size // 2]], generator)
        loss = functional.cross_entropy(model(torch.cat([real, doubtful])), torch.cat([target[rows], proportions]))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
    return model.eval()


def _moved(x: torch.Tensor, reach: int, generator: torch.Generator) -> torch.Tensor:
    """Each image shifted by up to ``reach`` pixels along both axes and filled with zeros."""
    n, _, height, width = x.shape
    padded = functional.pad(x, [reach] * 4)
    top, left = torch.randint(2 * reach + 1, (2, n, 1), generator=generator)
    rows, columns = top + torch.arange(height), left + torch.arange(width)
    return padded[torch.arange(n)[:, None, None], :, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)


def _in_doubt(x: torch.Tensor, target: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Images of no single class, as many as in ``x``, and their target probabilities.

    One half are blends of two images, with probability one half for each class. The others have shuffled pixels and
    equal probabilities for all classes.
    """
    (first, second), (classes, others) = x.chunk(2), target.chunk(2)
    order = torch.rand(len(second), x[0, 0].numel(), generator=generator).argsort(dim=1)
    shuffled = second.flatten(2).gather(2, order[:, None].expand(-1, x.shape[1], -1)).view_as(second)
    blends, both = ((value + value.roll(1, dims=0)) / 2 for value in (first, classes))
    return torch.cat([blends, shuffled]), torch.cat([both, torch.full_like(others, 1 / others.shape[1])])


def features(model: Classifier, images: np.ndarray, batch_size: int = 1024) -> np.ndarray:
    """The features ``(n, 4 width)`` of ``images (n, c, h, w)``, before the last linear layer."""
    return _in_batches(model.features, images, batch_size)


def probabilities(model: Classifier, images: np.ndarray, batch_size: int = 1024) -> np.ndarray:
    """The probability of each class, ``(n, classes)``."""
    return _in_batches(lambda x: model(x).softmax(dim=1), images, batch_size)


def confidence(model: Classifier, images: np.ndarray) -> np.ndarray:
    """The probability of the most probable class, ``(n,)``: near 1 if the classifier is sure."""
    return probabilities(model, images).max(axis=1)


def accuracy(model: Classifier, images: np.ndarray, labels: np.ndarray) -> float:
    """The proportion of ``images`` whose most probable class is that of ``labels``."""
    return float(np.mean(probabilities(model, images).argmax(axis=1) == np.asarray(labels)))


def _in_batches(function, images: np.ndarray, batch_size: int) -> np.ndarray:
    with torch.no_grad():
        x = torch.tensor(images, dtype=torch.float32)
        return torch.cat([function(part) for part in x.split(batch_size)]).numpy()
