"""score_models: its denoising loss over the levels of a variance-exploding process, and its unused sliced loss."""

from __future__ import annotations

import math

import torch
from torch import nn

from benchmarks.peers.training import HIGHEST, LOWEST, Loop


class Timed(nn.Module):
    """A module of (x, log sigma) as theirs are called, with (t, x); ``energy`` gives it one column."""

    def __init__(self, module, energy):
        super().__init__()
        self.module = module
        self.hyperparameters = {"nn_is_energy": energy}

    def forward(self, t, x):
        out = self.module(x, t * math.log(HIGHEST / LOWEST) + math.log(LOWEST))
        return out[:, None] if self.hyperparameters["nn_is_energy"] else out


class Averaging(Loop):
    """The body of the loop in its ``fit``: an average of the weights, and the loss read out at each step."""

    def __init__(self, module, loss):
        from torch_ema import ExponentialMovingAverage

        super().__init__(module, loss, scale=lambda d: 2.0)  # without the half
        self.average = ExponentialMovingAverage(module.parameters(), decay=0.999)

    def step(self, x):
        self.optimizer.zero_grad()
        loss = self.loss(x)
        loss.backward()
        self.optimizer.step()
        self.average.update()
        return float(loss)


def denoising(module) -> Loop:
    return _of("ScoreModel", module)


def denoising_energy(module) -> Loop:
    return _of("EnergyModel", module)


def _of(kind, module) -> Loop:
    import score_models

    made = getattr(score_models, kind)(
        Timed(module, kind == "EnergyModel"), sde="ve", sigma_min=LOWEST, sigma_max=HIGHEST, device=torch.device("cpu")
    )
    return Averaging(module, made.loss_fn)


def sliced(module) -> Loop:
    from score_models.sliced_score_matching import sliced_score_matching_loss

    return Loop(module, lambda x: sliced_score_matching_loss(module, x))
