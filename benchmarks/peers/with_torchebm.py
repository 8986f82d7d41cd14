"""torchebm: Langevin dynamics of an energy, and its three score-matching losses, which train energies."""

from __future__ import annotations

import torch

from benchmarks.langevin import STEP
from benchmarks.peers.mixture import Way, energy
from benchmarks.peers.training import Loop
from benchmarks.torch_steps import SIGMA


def sampler(score=None, dtype=torch.float32) -> Way:
    """With the gradient that its base class derives from the energy, as documented, or with a given score."""
    from torchebm.core import BaseModel
    from torchebm.samplers import LangevinDynamics

    class Mixture(BaseModel):
        def forward(self, x):
            return energy(x)

    class Written(Mixture):
        def gradient(self, x, model_kwargs=None):
            return -score(x)

    model = Mixture(dtype=dtype) if score is None else Written(dtype=dtype)
    dynamics = LangevinDynamics(model, step_size=STEP / 2, noise_scale=1.0, dtype=dtype)

    def run(x, steps, seed):
        x, generator = torch.tensor(x, dtype=dtype), torch.Generator().manual_seed(seed)
        return dynamics.sample(x=x, n_steps=steps, generator=generator).numpy()

    return Way(run)


def trainer(name: str):
    """How a loss of that name trains a module that gives energies of shape (n,)."""

    def train(module) -> Loop:
        from torchebm import losses
        from torchebm.core import BaseModel

        class Energy(BaseModel):
            def __init__(self):
                super().__init__()
                self.net = module

            def forward(self, x):
                return self.net(x)

        makers = {
            "DSM": lambda model: losses.DenoisingScoreMatching(model, noise_scale=SIGMA),
            "SSM": lambda model: losses.SlicedScoreMatching(model, n_projections=1),
            "ISM": lambda model: losses.ScoreMatching(model, hessian_method="exact"),
            "ISM, estimated": lambda model: losses.ScoreMatching(model, hessian_method="approx"),
        }
        return Loop(module, makers[name](Energy()))

    return train
