r"""
True and learned fields, and chains that move in them
=====================================================

Where is a learned score right, and how do its errors affect samples? We use sliced score
matching on a mixture and on a banana, whose scores are known, and show the two fields, the
map of their distance, and Langevin chains with the learned score.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

import scorekit as sk
from scorekit_numpy import MLP

SEED = int((sys.argv[1:] or ["0"])[0])


def rng(*stream):
    """A separate random stream for each use."""
    return sk.rng((SEED, *stream))


mixture = sk.distributions.GaussianMixture(
    [0.5, 0.3, 0.2], [[-1.5, -1.0], [2.0, -1.0], [0.0, 2.2]], 0.6
)
banana = sk.distributions.Banana(curvature=0.5, scale=1.5)
MIXTURE_BOX, BANANA_BOX = ((-4.2, 4.8), (-4.0, 5.8)), ((-7.4, 7.4), (-6.0, 11.0))

# %%
# Learning
# --------
# The objective needs no noise and no normalizer, :math:`E[v^\top \nabla s\, v + \tfrac12
# |s|^2]` with random signs :math:`v`. The network is small: three layers of 64 units.


def learn(density):
    """The score of a density, from 10,000 samples."""
    network = MLP(2, hidden=(64, 64, 64), conditional=False, dtype="float32", rng=rng(0))
    data = density.sample(10_000, rng=rng(1)).astype("float32")
    schedule = sk.training.WarmupCosine(4e-3, 2000, warmup=130)
    objective = sk.objectives.SlicedScoreMatching()
    return sk.fit(
        network,
        objective,
        data,
        steps=2000,
        batch_size=256,
        learning_rate=schedule,
        rng=SEED,
        progress=False,
    ).model


# %%
# True, learned, and their distance
# ---------------------------------
# The distance is reported as :math:`\tfrac12 E|s - s^*|^2` over the data, and drawn over
# the whole box. The model is accurate where there are data and extrapolates elsewhere: the
# bright parts of the map have nearly no mass.


def compare(density, model, box):
    """True field, learned field, map of the distance, and Langevin samples with held-out data."""
    held_out = density.sample(4000, rng=rng(2)).astype("float32")
    sampler = sk.samplers.Langevin(step_size=0.05, steps=600)
    run = sampler.sample(model, np.zeros((2000, 2), "float32"), rng=rng(3), keep_every=10)
    _, axes = plt.subplots(2, 2, figsize=(8.4, 7.0), layout="constrained")
    options = {"limits": box, "density": density, "scale_by": density.score, "like": held_out}
    sk.plot.score_field(density.score, axes[0, 0], **options).set_title("true score")
    sk.plot.score_field(model, axes[0, 1], **options).set_title("learned score")
    sk.plot.score_error(
        model, density, axes[1, 0], limits=box, like=held_out, scale="log"
    ).set_title("their distance")
    sk.plot.samples(run.x, axes[1, 1], reference=held_out[2000:], limits=box).set_title(
        "Langevin samples"
    )
    return held_out, run


mixture_model = learn(mixture)
mixture_data, mixture_run = compare(mixture, mixture_model, MIXTURE_BOX)
plt.show()

# %%
# The banana is harder: its arms are curved, thin and long.

banana_model = learn(banana)
banana_data, banana_run = compare(banana, banana_model, BANANA_BOX)
plt.show()

# %%
# Chains in motion
# ----------------
# All of them start at the origin. One step is :math:`x \leftarrow x + \tfrac\varepsilon2
# s(x) + \sqrt\varepsilon z` with :math:`\varepsilon = 0.05`; each frame is ten steps.

fig, ax = plt.subplots(figsize=(5.2, 5.2))
mixture_film = sk.plot.animate_chains(
    mixture_run.trajectory[:, :500], ax=ax, background=mixture, limits=MIXTURE_BOX
)
plt.show()

# %%
fig, ax = plt.subplots(figsize=(5.2, 5.6))
banana_film = sk.plot.animate_chains(
    banana_run.trajectory[:, :500], ax=ax, background=banana, limits=BANANA_BOX
)
plt.show()

# %%
# The numbers
# -----------
# The distance of the fields with its standard error, and the sliced Wasserstein distance of
# the samples to held-out data, compared with that of two halves of held-out data (the
# floor). The distance of two true samples exceeds the floor by six of its standard
# deviations once in a million times; the samples of a learned field stay below that.

excess = {}
for name, density, model, data, run in (
    ("mixture", mixture, mixture_model, mixture_data, mixture_run),
    ("banana", banana, banana_model, banana_data, banana_run),
):
    print(f"{name}: {sk.metrics.score_error(model, density, data)}")
    halves = [density.sample(4000, rng=rng(4, i)) for i in range(16)]
    floors = [sk.metrics.sliced_wasserstein(x[:2000], x[2000:]) for x in halves]
    floor, spread = np.mean(floors), np.std(floors)
    distance = sk.metrics.sliced_wasserstein(run.x, data[2000:])
    excess[name] = (distance - floor) / spread
    print(
        f"{'':8} samples {distance:.3f} from held-out data, floor {floor:.3f} ± {spread:.3f}"
    )

assert max(excess.values()) < 6, excess
