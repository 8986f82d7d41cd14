r"""
The same objective in your own PyTorch loop
===========================================

``sk.fit`` is optional. An objective is a function of a model, a batch and a random stream,
and its value is a scalar that can be differentiated. So it can be used in any loop, with
any ``nn.Module`` whose ``forward`` takes ``x`` and ``sigma``.
"""

import sys
from importlib.util import find_spec

import matplotlib.pyplot as plt
import numpy as np

import scorekit as sk

if find_spec("torch") is None:
    sys.exit("This page needs PyTorch: python -m pip install torch")

import torch
from torch import nn

# %%
# A network of your own
# ---------------------
# The network inherits nothing from the library. ``sigma`` is a tensor of shape (n,), in
# training and in sampling. The output is divided by :math:`\sigma`, because a score at
# level :math:`\sigma` is of order :math:`1/\sigma`.


class Net(nn.Module):
    """Three layers whose inputs are the point and the logarithm of the level."""

    def __init__(self, width=64):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(3, width), nn.GELU(), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width), nn.GELU(),
            nn.Linear(width, 2),
        )  # fmt: skip

    def forward(self, x, sigma):
        """The score of the data with noise sigma."""
        level = torch.as_tensor(sigma, dtype=x.dtype).expand(len(x))[:, None]
        scaled = x / torch.sqrt(0.5 + level**2)
        return self.body(torch.cat([scaled, torch.log(level) / 4], dim=1)) / level


torch.manual_seed(0)
torch.set_num_threads(1)  # one thread is fastest for small networks
net = Net()

# %%
# The loop
# --------
# Only one line of it calls the library.

SIGMA_MAX, SIGMA_MIN, STEPS = 3.0, 0.02, 2500
roll = sk.distributions.SwissRoll(noise=0.05)
data = roll.sample(10_000, rng=0, like=torch.zeros(1))
objective = sk.objectives.NoiseConditional(sk.noise.LogUniform(SIGMA_MAX, SIGMA_MIN))

optimizer = torch.optim.Adam(net.parameters(), lr=4e-3)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=STEPS)
rng = sk.rng(1, like=data)
losses = []
for _ in range(STEPS):
    batch = data[torch.randint(len(data), (512,))]
    loss = objective(net, batch, rng=rng)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    losses.append(loss.item())

# %%
# Sampling
# --------
# The module is a score model without any change. Sampling records no gradients.

levels = sk.noise.Geometric(SIGMA_MAX, SIGMA_MIN, 100)
start = sk.samplers.initial(
    levels, (4000, 2), rng=2, like=data, mean=data.mean(dim=0), std=data.std(dim=0)
)
samples = (
    sk.samplers.AnnealedLangevin(levels, 1, 0.6 * SIGMA_MIN**2).sample(net, start, rng=3).x
)
held_out = roll.sample(4000, rng=4, like=data)

fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 4.0), layout="constrained")
left.plot(losses, color="#1f3b73", alpha=0.3, linewidth=0.8)
left.plot(
    np.arange(50, STEPS), np.convolve(losses, np.ones(51) / 51, mode="valid"), color="#1f3b73"
)
left.set_ylim(0.4, 1.0)
left.set_xlabel("step")
left.set_ylabel("loss, and its mean over 51 steps")
left.spines[["top", "right"]].set_visible(False)
sk.plot.samples(samples, right, reference=held_out, limits=((-1.8, 1.8), (-1.5, 2.6)))
plt.show()

# %%
# The check: a field of zeros has the expected loss :math:`d/2 = 1` at every level. The
# distance of the samples to held-out data is at most the mean distance of true samples plus
# six standard deviations.

zero = objective.losses(lambda x, sigma: 0 * x, data, rng=5)
pairs = [(roll.sample(4000, rng=10 + i), roll.sample(4000, rng=50 + i)) for i in range(16)]
floor = [sk.metrics.sliced_wasserstein(a, b) for a, b in pairs]
distance = sk.metrics.sliced_wasserstein(samples, held_out)
error = zero.std() / len(zero) ** 0.5
print(
    f"loss of a field of zeros {zero.mean():.3f} ± {error:.3f}, learned {np.mean(losses[-100:]):.3f}"
)
print(f"sliced Wasserstein {distance:.3f}, floor {np.mean(floor):.3f} ± {np.std(floor):.3f}")
assert abs(zero.mean() - 1) < 5 * error
assert distance < np.mean(floor) + 6 * np.std(floor), (distance, floor)
