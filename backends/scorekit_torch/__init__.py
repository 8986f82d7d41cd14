"""The PyTorch backend of scorekit: derivatives, random numbers, networks and their learner, on tensors."""

from __future__ import annotations

from scorekit_torch.backend import TorchBackend
from scorekit_torch.capture import CapturedModel
from scorekit_torch.data import seeded
from scorekit_torch.distributed import ProcessGroup
from scorekit_torch.environment import devices, environment
from scorekit_torch.networks import (
    MLP,
    NCSN,
    NCSNv2,
    UNet,
    load_ncsn,
    load_ncsnpp,
    load_ncsnv2,
)
from scorekit_torch.pretrained import from_diffusers
from scorekit_torch.random import seed_generator

__all__ = [
    "MLP",
    "NCSN",
    "CapturedModel",
    "NCSNv2",
    "ProcessGroup",
    "TorchBackend",
    "UNet",
    "devices",
    "environment",
    "from_diffusers",
    "load_ncsn",
    "load_ncsnpp",
    "load_ncsnv2",
    "seed_generator",
    "seeded",
]
