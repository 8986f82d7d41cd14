"""The PyTorch backend of scorekit: derivatives, random numbers, a network and its learner, on tensors."""

from __future__ import annotations

from scorekit_torch.backend import TorchBackend
from scorekit_torch.data import seeded
from scorekit_torch.distributed import World
from scorekit_torch.environment import devices, environment
from scorekit_torch.networks import MLP

__all__ = ["MLP", "TorchBackend", "World", "devices", "environment", "seeded"]
