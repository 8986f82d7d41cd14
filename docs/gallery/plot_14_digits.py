r"""
Digits: train, sample, inpaint, and look for copies
===================================================

A noise-conditional network learns handwritten digits of 8 × 8 pixels, in a training that is
short enough for this page. The nearest neighbors in the training data classify its samples
and show whether they are copies. Then the network completes digits from their upper half.
"""

import sys
from importlib.util import find_spec

import matplotlib.pyplot as plt
import numpy as np

import scorekit as sk

if find_spec("torch") is None:
    sys.exit("This page needs PyTorch: python -m pip install torch")

import torch

from scorekit_torch import UNet

torch.set_num_threads(1)  # a second thread does not help for so small a network
SEED = int((sys.argv[1:] or ["0"])[0])


def rng(*stream):
    """A separate random stream for each use."""
    return sk.rng((SEED, *stream), like=torch.zeros(1))


# sphinx_gallery_thumbnail_number = 3
training, held_out = sk.datasets.digits().split(0.9, rng=SEED)
print(training)

# %%
# Train
# -----
# The loss is :math:`E_\sigma \tfrac12 E|\sigma s(x + \sigma z, \sigma) + z|^2`, with
# :math:`\sigma` from 10, where all digits are one blob, to 0.02. Pixels lie in :math:`[-1,
# 1]`. The network is a small U-Net. It is preconditioned, so that it need not learn the
# scale of signal and noise.

SIGMA_MAX, SIGMA_MIN, STEPS = 10.0, 0.02, 1200
seen = torch.tensor(2 * training.images - 1)
network = UNet(
    1, base_channels=16, channel_mult=(1, 2), num_res_blocks=1, attention=(1,), rng=SEED
)
result = sk.fit(
    sk.models.Preconditioned(network, sigma_data=float(seen.square().mean().sqrt())),
    sk.objectives.NoiseConditional(sk.noise.LogUniform(SIGMA_MAX, SIGMA_MIN)),
    seen,
    steps=STEPS,
    batch_size=64,
    learning_rate=sk.training.WarmupCosine(5e-3, STEPS, warmup=50),
    ema=0.99,
    rng=SEED,
    progress=False,
)
model = result.model
fig, ax = plt.subplots(figsize=(7, 3.0), layout="constrained")
sk.plot.history(result.history, ax)
plt.show()

# %%
# Sample
# ------
# Consistent annealed sampling makes one evaluation of the network at each of 60 levels,
# from pure noise to a digit.

levels = sk.noise.Geometric(SIGMA_MAX, SIGMA_MIN, 60)
moments = {"mean": seen.mean(dim=0), "std": float((seen - seen.mean(dim=0)).std())}


def start(n, stream):
    """Samples at the largest level."""
    return sk.samplers.initial(levels, (n, 1, 8, 8), rng=stream, like=seen, **moments)


run = sk.samplers.ConsistentAnnealed(levels).sample(
    model, start(200, rng(1)), rng=rng(2), keep_every=1
)
samples = np.clip((run.x.numpy() + 1) / 2, 0, 1)

fig, ax = plt.subplots(figsize=(8.4, 3.5), layout="constrained")
sk.plot.image_strip(run, ax, rows=4, columns=10, limits=(-1, 1))
plt.show()

fig, ax = plt.subplots(figsize=(8.4, 3.5), layout="constrained")
sk.plot.image_grid(samples[:60], ax, columns=12, limits=(0, 1))
plt.show()

# %%
# These samples take a minute of training. The training of ``docs/experiments/digits.toml``
# takes four minutes of one core and gives the samples below; :doc:`/images` has the
# commands and the results of a classifier.
#
# .. figure:: ../figures/images-digits.png
#    :alt: Digits drawn after the longer training
#    :width: 60%

# %%
# Copies?
# -------
# Each sample, framed, is shown with its two nearest training images. If samples were
# copies, their distances would be near 0. The distances of held-out digits show how near a
# new digit is.

fig, ax = plt.subplots(figsize=(8.4, 3.2), layout="constrained")
sk.plot.nearest_neighbors(samples[:20], training.images, ax, k=2, columns=5, limits=(0, 1))
plt.show()
copies = sk.metrics.memorization(samples, training.images, held_out.images)
print(copies)

# %%
# Neighbors also classify: if the five nearest training images have the same label, there is
# little doubt which digit it is. The proportion of such samples lies between that of random
# pixels and that of real digits.


def neighbors(images):
    """The labels of the five nearest training images of each image."""
    return training.labels[sk.metrics.nearest_neighbors(images, training.images, k=5).indices]


def agree(images):
    """The proportion of images whose five neighbors have the same label."""
    labels = neighbors(images)
    return np.mean(np.all(labels == labels[:, :1], axis=1))


noise = sk.rng((SEED, 3)).uniform((400, 1, 8, 8))
clear = {"noise": agree(noise), "samples": agree(samples), "held-out": agree(held_out.images)}
for name, proportion in clear.items():
    print(f"five neighbors are one digit: {proportion:.3f} of {name}")

# %%
# Inpaint
# -------
# The upper half of held-out digits is known, and the sampler clamps it: at each level it is
# the true half plus the noise of that level. Several Langevin steps per level move the
# lower half toward :math:`p_\sigma(\text{lower} \mid \text{upper})`.

DIGITS, TIMES = 90, 6
given = np.zeros((8, 8), dtype=bool)
given[:4] = True
truth = held_out[:DIGITS]
known = np.repeat(2 * truth.images - 1, TIMES, axis=0)
annealed = sk.samplers.AnnealedLangevin(
    levels, steps_per_level=5, step_size=0.3 * SIGMA_MIN**2
)
completed = (
    sk.samplers.Inpaint(annealed, given, torch.tensor(known))
    .sample(model, start(len(known), rng(4)), rng=rng(5))
    .x.numpy()
)
pictures = np.clip((completed + 1) / 2, 0, 1)

shown = np.concatenate(
    [
        np.where(given, truth.images, 0.5)[:, None],
        pictures.reshape(DIGITS, TIMES, 1, 8, 8),
        truth.images[:, None],
    ],
    axis=1,
)
fig, axes = plt.subplots(1, 2, figsize=(8.4, 5.6), layout="constrained")
for ax, part in zip(axes, (shown[:8], shown[8:16]), strict=True):
    sk.plot.image_grid(part.reshape(-1, 1, 8, 8), ax, columns=TIMES + 2, limits=(0, 1))
    for place, name in ((0, "given"), ((TIMES + 1) / 2, "completed"), (TIMES + 1, "truth")):
        ax.text((place + 0.5) * 9 - 1, -1.5, name, ha="center", fontsize="small")
plt.show()

# %%
# How many completions show the digit from which the upper half was taken, according to the
# label of the nearest training image? If the upper half fits several digits (3 and 9, 5 and
# 6, …), not all can. The floor is the same half with the lower half of another digit.


def read_as(images, labels):
    """The proportion of images whose nearest neighbor has the given label."""
    return np.mean(neighbors(images)[:, 0] == labels)


labels = np.repeat(truth.labels, TIMES)
others = held_out.images[DIGITS : 2 * DIGITS]
mixed = np.where(given, truth.images, others)
right = {
    "another digit's half": read_as(mixed, truth.labels),
    "completed": read_as(pictures, labels),
    "truth": read_as(truth.images, truth.labels),
}
for name, proportion in right.items():
    print(f"read as the digit of the upper half: {proportion:.3f} of {name}")

# %%
# The checks: the known pixels are unchanged to the bit; the samples are no copies (this
# fails with probability :math:`10^{-6}` if they are new digits); and samples and
# completions are better than random by at least five standard errors of a proportion of
# 0.5.

assert np.array_equal(completed[:, :, :4], known[:, :, :4].astype(completed.dtype))
assert copies.p_value > 1e-6, copies
assert right["completed"] > right["another digit's half"] + 5 * 0.5 / np.sqrt(
    DIGITS * TIMES
), right
assert clear["samples"] > clear["noise"] + 5 * 0.5 / np.sqrt(len(samples)), clear
